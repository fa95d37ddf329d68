//! Normalisation against real Keras 3.15 (`keras/make_norm.py`), accuracy, dtypes and errors.

use std::collections::HashMap;

use keras_ops::{self as ops, DType, Device, GradientTape, Result, Tensor, Var};

type Call = fn(&[Tensor]) -> Result<Tensor>;

fn training(x: &[Tensor], axis: i64, mask: Option<&Tensor>) -> Result<Tensor> {
    Ok(ops::batch_norm_training(&x[0], Some(&x[1]), Some(&x[2]), axis, 1e-3, mask)?.output)
}

fn given(x: &[Tensor], axis: i64) -> Result<Tensor> {
    ops::batch_normalization(&x[0], &x[1], &x[2], axis, Some(&x[3]), Some(&x[4]), 1e-3)
}

fn layer(x: &[Tensor], axes: &[i64]) -> Result<Tensor> {
    ops::layer_normalization(&x[0], Some(&x[1]), Some(&x[2]), axes, 1e-3)
}

fn group(x: &[Tensor], groups: i64, axis: i64) -> Result<Tensor> {
    ops::group_normalization(&x[0], Some(&x[1]), Some(&x[2]), groups, axis, 1e-3)
}

fn mask() -> Result<Tensor> {
    Tensor::new(&[[1u8, 1, 0], [0, 1, 1]], &Device::Cpu)
}

#[rustfmt::skip]
const TABLE: &[(&str, Call)] = &[
    ("layer -1", |x| layer(x, &[-1])),
    ("layer 1", |x| layer(x, &[1])),
    ("layer 2_3", |x| layer(x, &[2, 3])),
    ("layer 1_3", |x| layer(x, &[1, 3])),
    ("layer 1_2_3", |x| layer(x, &[1, 2, 3])),
    ("rms -1", |x| ops::rms_normalization(&x[0], Some(&x[1]), &[-1], 1e-3)),
    ("rms 2_3", |x| ops::rms_normalization(&x[0], Some(&x[1]), &[2, 3], 1e-3)),
    ("rms 1_3", |x| ops::rms_normalization(&x[0], Some(&x[1]), &[1, 3], 1e-3)),
    ("rms 1_2_3", |x| ops::rms_normalization(&x[0], Some(&x[1]), &[1, 2, 3], 1e-3)),
    ("unit -1", |x| ops::unit_normalization(&x[0], &[-1], 1e-12)),
    ("unit 1", |x| ops::unit_normalization(&x[0], &[1], 1e-12)),
    ("unit 2_3", |x| ops::unit_normalization(&x[0], &[2, 3], 1e-12)),
    ("unit 1_3", |x| ops::unit_normalization(&x[0], &[1, 3], 1e-12)),
    ("unit 1_2_3", |x| ops::unit_normalization(&x[0], &[1, 2, 3], 1e-12)),
    ("normalize 1", |x| ops::normalize(&x[0], 1, 1, 1e-7)),
    ("normalize 2", |x| ops::normalize(&x[0], 1, 2, 1e-7)),
    ("normalize 3", |x| ops::normalize(&x[0], 1, 3, 1e-7)),
    ("group 1 1", |x| group(x, 1, 1)),
    ("group 2 1", |x| group(x, 2, 1)),
    ("group 3 1", |x| group(x, 3, 1)),
    ("group 6 1", |x| group(x, 6, 1)),
    ("group -1 1", |x| group(x, -1, 1)),
    ("group 1 -1", |x| group(x, 1, -1)),
    ("group 2 -1", |x| group(x, 2, -1)),
    ("group 3 -1", |x| group(x, 3, -1)),
    ("group 6 -1", |x| group(x, 6, -1)),
    ("group -1 -1", |x| group(x, -1, -1)),
    ("batch 1", |x| training(x, 1, None)),
    ("batch 2", |x| training(x, 2, None)),
    ("batch -1", |x| training(x, -1, None)),
    ("batch masked", |x| training(x, -1, Some(&mask()?))),
    ("given 1", |x| given(x, 1)),
    ("given 2", |x| given(x, 2)),
    ("given -1", |x| given(x, -1)),
    ("mean 0", |x| Ok(ops::moments(&x[0], &[0], false)?.0)),
    ("mean 1", |x| Ok(ops::moments(&x[0], &[1], false)?.0)),
    ("mean 2", |x| Ok(ops::moments(&x[0], &[2], false)?.0)),
    ("mean 0_1", |x| Ok(ops::moments(&x[0], &[0, 1], false)?.0)),
    ("mean 0_2", |x| Ok(ops::moments(&x[0], &[0, 2], false)?.0)),
    ("variance 0", |x| Ok(ops::moments(&x[0], &[0], false)?.1)),
    ("variance 1", |x| Ok(ops::moments(&x[0], &[1], false)?.1)),
    ("variance 2", |x| Ok(ops::moments(&x[0], &[2], false)?.1)),
    ("variance 0_1", |x| Ok(ops::moments(&x[0], &[0, 1], false)?.1)),
    ("variance 0_2", |x| Ok(ops::moments(&x[0], &[0, 2], false)?.1)),
];

fn keras() -> HashMap<String, Tensor> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/ops/keras/norm.safetensors");
    ops::candle::safetensors::load(path, &Device::Cpu).unwrap()
}

fn flat(x: &Tensor) -> Vec<f64> {
    let x = x.to_dtype(DType::F64).unwrap().flatten_all().unwrap();
    x.to_vec1().unwrap()
}

/// Equal shapes, and values within `tolerance` of the largest one.
fn assert_near(what: &str, got: &Tensor, want: &Tensor, tolerance: f64) {
    assert_eq!(got.dims(), want.dims(), "{what}");
    let (got, want) = (flat(got), flat(want));
    let scale = want.iter().fold(1f64, |m, v| m.max(v.abs()));
    for (i, (g, w)) in got.iter().zip(&want).enumerate() {
        assert!(
            (g - w).abs() <= tolerance * scale,
            "{what} at {i}: {g}, Keras {w}"
        );
    }
}

#[test]
fn values_and_gradients_are_those_of_keras() {
    let keras = keras();
    let cases = keras.keys().filter(|k| k.ends_with(".y")).count();
    assert_eq!(cases, TABLE.len(), "cases of the script without a line here");
    for (name, call) in TABLE {
        let get = |part: &str| keras.get(&format!("{name}.{part}"));
        let vars: Vec<Var> = (0..)
            .map_while(|i| get(&format!("x{i}")))
            .map(|x| Var::from_tensor(x).unwrap())
            .collect();
        let inputs: Vec<Tensor> = vars.iter().map(|v| v.as_tensor().clone()).collect();
        let tape = GradientTape::start();
        // Keras's scale of several axes comes in the shape of the axes.
        let y = call(&inputs).unwrap();
        assert_near(name, &y, get("y").unwrap(), 2e-6);
        let mut grads = tape.gradients_with(&[(&y, get("w").unwrap().clone())]).unwrap();
        for (i, var) in vars.iter().enumerate() {
            let want = get(&format!("g{i}")).unwrap();
            assert_near(
                &format!("{name}: gradient {i}"),
                &grads.remove(var).unwrap(),
                want,
                1e-5,
            );
        }
    }
}

#[test]
fn masked_statistics_are_those_of_keras() {
    let keras = keras();
    let y = ops::batch_norm_training(
        &keras["statistics.x"],
        None,
        None,
        -1,
        1e-3,
        Some(&mask().unwrap()),
    )
    .unwrap();
    assert_near("mean", &y.mean, &keras["statistics.mean"], 1e-6);
    assert_near("variance", &y.variance, &keras["statistics.variance"], 1e-6);
}

/// Values 10000 ± 1, whose squares do not fit `f32`, in the given shape.
fn large(shape: &[usize]) -> Tensor {
    let count = shape.iter().product::<usize>();
    let at = |i: usize| 1e4 + ((i * 7919 + i / 3 * 13) % 2003) as f32 / 1001.5 - 1.;
    Tensor::from_vec((0..count).map(at).collect::<Vec<f32>>(), shape, &Device::Cpu).unwrap()
}

#[test]
fn large_values_do_not_cancel() {
    let check = |what: &str, x: &Tensor, f: &dyn Fn(&Tensor) -> Result<Tensor>| {
        let want = f(&x.to_dtype(DType::F64).unwrap()).unwrap();
        assert_near(what, &f(x).unwrap(), &want, 1e-3);
    };
    let x = large(&[300, 50]);
    let batch = |x: &Tensor| Ok(ops::batch_norm_training(x, None, None, -1, 1e-3, None)?.output);
    check("columns", &x, &batch);
    check("rows", &x, &|x| {
        ops::layer_normalization(x, None, None, &[-1], 1e-3)
    });
    let x = large(&[3, 5, 70, 60]);
    check("channels first", &x, &|x| {
        Ok(ops::batch_norm_training(x, None, None, 1, 1e-3, None)?.output)
    });
    check("groups", &x, &|x| {
        ops::group_normalization(x, None, None, 4, -1, 1e-3)
    });
    check("variance", &x, &|x| Ok(ops::moments(x, &[0, 1, 2], false)?.1));
    check("variance of all", &large(&[70_000]), &|x| {
        Ok(ops::moments(x, &[0], true)?.1)
    });
}

#[test]
fn half_types_are_computed_in_f32() {
    let x = Tensor::new(&[[300f32, 200., 100.], [-300., 250., 0.]], &Device::Cpu).unwrap();
    for dtype in [DType::F16, DType::BF16] {
        let half = x.to_dtype(dtype).unwrap();
        let exact = half.to_dtype(DType::F32).unwrap();
        let y = ops::layer_normalization(&half, None, None, &[-1], 1e-3).unwrap();
        assert_eq!(y.dtype(), dtype);
        let want = ops::layer_normalization(&exact, None, None, &[-1], 1e-3).unwrap();
        assert_near("layer", &y, &want, 5e-3);
        let y = ops::batch_norm_training(&half, None, None, -1, 1e-3, None).unwrap();
        assert_eq!((y.output.dtype(), y.mean.dtype()), (dtype, DType::F32));
        let (_, variance) = ops::moments(&half, &[1], false).unwrap();
        assert!(flat(&variance).iter().all(|v| v.is_finite()));
    }
}

#[test]
fn unit_normalization_of_zeros_is_zero_with_a_finite_gradient() {
    let x = Var::zeros((2, 3), DType::F32, &Device::Cpu).unwrap();
    let tape = GradientTape::start();
    let y = ops::unit_normalization(x.as_tensor(), &[-1], 1e-12).unwrap();
    assert!(flat(&y).iter().all(|v| *v == 0.));
    let grad = tape.gradients(&y).unwrap().remove(&x).unwrap();
    assert!(flat(&grad).iter().all(|v| v.is_finite()));
}

#[test]
fn misuse_says_what_is_needed() {
    let x = Tensor::zeros((2, 6, 4), DType::F32, &Device::Cpu).unwrap();
    let vector = Tensor::zeros(3, DType::F32, &Device::Cpu).unwrap();
    let message = |result: Result<Tensor>| result.unwrap_err().to_string();
    let error = message(ops::layer_normalization(&x, Some(&vector), None, &[1, 2], 1e-3));
    assert!(
        error.contains("layer_normalization: expected `gamma` of shape [6, 4]"),
        "{error}"
    );
    assert!(error.contains("got [3]"), "{error}");
    let error = message(ops::group_normalization(&x, None, None, 4, 1, 1e-3));
    assert!(
        error.contains("group_normalization") && error.contains("6 channels") && error.contains("got 4"),
        "{error}"
    );
    let error = message(ops::group_normalization(&x, None, None, 2, 0, 1e-3));
    assert!(error.contains("axis 0") && error.contains("batch"), "{error}");
    let error = message(ops::batch_normalization(
        &x, &vector, &vector, -1, None, None, 1e-3,
    ));
    assert!(
        error.contains("expected `mean` of shape [4]") && error.contains("got [3]"),
        "{error}"
    );
    let error = message(training(&[x.clone(), vector.clone(), vector.clone()], 5, None));
    assert!(
        error.contains("batch_norm_training: axis 5 is out of range"),
        "{error}"
    );
    let error = message(ops::batch_norm_training(&x, None, None, -1, 1e-3, Some(&vector)).map(|y| y.output));
    assert!(error.contains("expected a mask of shape [2, 6]"), "{error}");
    let error = message(ops::normalize(&x, -1, 0, 1e-7));
    assert!(
        error.contains("normalize: expected an order of at least 1"),
        "{error}"
    );
    let empty = Tensor::zeros((0, 4), DType::F32, &Device::Cpu).unwrap();
    let error = message(ops::batch_norm_training(&empty, None, None, -1, 1e-3, None).map(|y| y.output));
    assert!(error.contains("empty"), "{error}");
}

#[test]
fn softmax_of_a_tensor_without_elements_does_not_panic() {
    for shape in [[0, 3], [3, 0]] {
        let x = Var::zeros(&shape, DType::F32, &Device::Cpu).unwrap();
        for axis in [0, 1] {
            for f in [ops::softmax, ops::log_softmax] {
                let tape = GradientTape::start();
                let y = f(x.as_tensor(), &[axis]).unwrap();
                assert_eq!(y.dims(), shape);
                let grad = tape.gradients(&y).unwrap().remove(&x).unwrap();
                assert_eq!(grad.dims(), shape);
            }
        }
    }
}
