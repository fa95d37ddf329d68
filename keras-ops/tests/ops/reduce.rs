use keras_ops::{self as ops, DType, Device, Result, Tensor, Var};

#[test]
fn long_single_precision_sums_are_right() -> Result<()> {
    let x = Tensor::full(0.1f32, 10_000_000, &Device::Cpu)?;
    let total = ops::sum(&x, None, false)?.to_scalar::<f32>()? as f64;
    assert!((total / (1e7 * 0.1f32 as f64) - 1.).abs() < 1e-6, "{total}");
    let columns = ops::sum(&x.reshape((5_000_000, 2))?, Some(&[0]), false)?.to_vec1::<f32>()?;
    assert!(
        (columns[1] as f64 / (5e6 * 0.1f32 as f64) - 1.).abs() < 1e-6,
        "{columns:?}"
    );
    assert!((ops::mean(&x, None, false)?.to_scalar::<f32>()? - 0.1).abs() < 1e-7);
    Ok(())
}

#[test]
fn reductions_agree_with_candle_for_every_set_of_axes() -> Result<()> {
    let x = Tensor::arange(0f64, 2. * 3. * 4. * 5., &Device::Cpu)?.reshape((2, 3, 4, 5))?;
    let sets: [&[usize]; 8] = [
        &[0],
        &[1],
        &[3],
        &[0, 1],
        &[1, 2],
        &[0, 2],
        &[1, 3],
        &[0, 1, 2, 3],
    ];
    for axes in sets {
        let signed: Vec<i64> = axes.iter().map(|a| *a as i64).collect();
        let expected = x.sum(axes)?;
        let found = ops::sum(&x, Some(&signed), false)?;
        assert_eq!(found.dims(), expected.dims());
        assert_eq!(
            found.flatten_all()?.to_vec1::<f64>()?,
            expected.flatten_all()?.to_vec1::<f64>()?
        );
        assert_eq!(
            ops::sum(&x, Some(&signed), true)?.dims(),
            x.sum_keepdim(axes)?.dims()
        );
    }
    Ok(())
}

#[test]
fn equal_largest_elements_share_the_gradient() -> Result<()> {
    let x = Var::new(&[[1f32, 3., 3.], [2., 0., 1.]], &Device::Cpu)?;
    let tape = ops::GradientTape::start();
    let y = ops::max(x.as_tensor(), Some(&[1]), false)?;
    let grad = tape.gradients(&y)?.remove(&x).unwrap();
    assert_eq!(grad.to_vec2::<f32>()?, [[0., 0.5, 0.5], [1., 0., 0.]]);
    Ok(())
}

#[test]
fn impossible_axes_are_errors() {
    let x = Tensor::zeros((2, 0), DType::F32, &Device::Cpu).unwrap();
    let message = |r: Result<Tensor>| r.unwrap_err().to_string();
    assert!(message(ops::sum(&x, Some(&[2]), false)).contains("axis 2 is out of range"));
    assert!(message(ops::sum(&x, Some(&[0, -2]), false)).contains("twice"));
    assert!(message(ops::max(&x, Some(&[1]), false)).contains("nothing to reduce"));
}
