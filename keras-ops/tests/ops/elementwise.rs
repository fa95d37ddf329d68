use keras_ops::{self as ops, DType, Device, Result, Tensor, Var};

fn row(values: &[f32]) -> Tensor {
    Tensor::new(values, &Device::Cpu).unwrap()
}

#[test]
fn shapes_that_do_not_broadcast_are_an_error() {
    let a = Tensor::zeros((2, 3), DType::F32, &Device::Cpu).unwrap();
    let b = Tensor::zeros((2, 1, 2), DType::F32, &Device::Cpu).unwrap();
    let error = ops::add(&a, &b).unwrap_err().to_string();
    assert!(
        error.starts_with("add: shapes [2, 3] and [2, 1, 2] do not broadcast"),
        "{error}"
    );
    let error = ops::add(&a, &a.to_dtype(DType::F64).unwrap())
        .unwrap_err()
        .to_string();
    assert!(error.contains("dtypes differ"), "{error}");
}

#[test]
fn gradients_at_kinks_are_those_of_keras() -> Result<()> {
    let x = Var::from_tensor(&row(&[-1., 0., 1.]))?;
    let grad = |f: &dyn Fn(&Tensor) -> Result<Tensor>| -> Result<Vec<f32>> {
        let tape = ops::GradientTape::start();
        let y = f(x.as_tensor())?;
        tape.gradients(&y)?.remove(&x).unwrap().to_vec1()
    };
    assert_eq!(grad(&|x| ops::relu(x))?, [0., 0., 1.]);
    assert_eq!(grad(&|x| ops::abs(x))?, [-1., 0., 1.]);
    let ties = grad(&|x| ops::maximum(x, &row(&[0., 0., 0.])))?;
    assert_eq!(ties, [0., 0.5, 1.]);
    Ok(())
}

#[test]
fn half_precision_is_computed_in_single() -> Result<()> {
    for dtype in [DType::F16, DType::BF16] {
        let x = Var::from_tensor(&row(&[-1., 2.]).to_dtype(dtype)?)?;
        let tape = ops::GradientTape::start();
        let y = ops::multiply(&ops::square(x.as_tensor())?, x.as_tensor())?;
        assert_eq!(y.dtype(), dtype);
        let grad = tape.gradients(&y)?.remove(&x).unwrap();
        assert_eq!(grad.dtype(), dtype);
        assert_eq!(grad.to_dtype(DType::F32)?.to_vec1::<f32>()?, [3., 12.]);
    }
    Ok(())
}

#[test]
fn large_arrays_equal_small_ones() -> Result<()> {
    let n = 200_003;
    let x: Vec<f32> = (0..n).map(|i| (i as f32 * 0.37).sin() * 4.).collect();
    let y = ops::tanh(&row(&x))?.to_vec1::<f32>()?;
    for at in (0..n).step_by(997) {
        assert_eq!(y[at], ops::tanh(&row(&x[at..at + 1]))?.to_vec1::<f32>()?[0]);
    }
    let doubled = ops::add(&row(&x), &row(&x))?.to_vec1::<f32>()?;
    assert!(doubled.iter().zip(&x).all(|(d, x)| *d == x + x));
    Ok(())
}

#[test]
fn comparisons_take_integers_and_broadcast() -> Result<()> {
    let a = Tensor::new(&[[1i64, 2], [3, 4]], &Device::Cpu)?;
    let b = Tensor::new(&[2i64, 2], &Device::Cpu)?;
    assert_eq!(ops::equal(&a, &b)?.to_vec2::<u8>()?, [[0, 1], [0, 0]]);
    assert_eq!(ops::less_equal(&a, &b)?.to_vec2::<u8>()?, [[1, 1], [0, 0]]);
    assert_eq!(ops::not_equal(&a, &a)?.to_vec2::<u8>()?, [[0, 0], [0, 0]]);
    assert_eq!(ops::isnan(&row(&[f32::NAN, 1.]))?.to_vec1::<u8>()?, [1, 0]);
    Ok(())
}

#[test]
fn empty_tensors_pass() -> Result<()> {
    let empty = Tensor::zeros((0, 3), DType::F32, &Device::Cpu)?;
    assert_eq!(ops::exp(&empty)?.dims(), [0, 3]);
    assert_eq!(ops::add(&empty, &row(&[1., 2., 3.]))?.dims(), [0, 3]);
    assert_eq!(ops::softmax(&empty, &[-1])?.dims(), [0, 3]);
    assert_eq!(
        ops::sum(&empty, Some(&[0]), false)?.to_vec1::<f32>()?,
        [0., 0., 0.]
    );
    Ok(())
}

/// Values and gradient are Keras's; the projection on the simplex would be `[0.55, 0.45, 0, 0]`.
#[test]
fn sparsemax_has_the_threshold_of_keras() -> Result<()> {
    let x = Var::from_tensor(&row(&[0.9, 0.8, 0.1, -2.]))?;
    let tape = ops::GradientTape::start();
    let y = ops::sparsemax(&x, -1)?;
    let total = ops::sum(&ops::multiply(&y, &row(&[1., 2., 3., 4.]))?, None, false)?;
    let gradient = tape.gradients(&total)?.remove(&x).unwrap().to_vec1::<f32>()?;
    for (found, expected) in y.to_vec1::<f32>()?.into_iter().zip([0.1, 0., 0., 0.]) {
        assert!((found - expected).abs() < 1e-6, "{found} is not {expected}");
    }
    assert_eq!(gradient, [-2., 0.5, 0., 0.]);
    Ok(())
}
