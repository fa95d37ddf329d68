//! Attention against real Keras 3.15 (`keras/make_attention.py`) and against the formula; dropout and errors.

use std::collections::HashMap;

use keras_ops::random::Seed;
use keras_ops::{self as ops, AttentionOptions, DType, Device, GradientTape, Result, Tensor, Var};

#[rustfmt::skip]
const TABLE: &[(&str, bool, Option<f64>)] = &[
    ("plain", false, None),
    ("causal", true, None),
    ("causal wide", true, None),
    ("causal tall", true, None),
    ("grouped", false, None),
    ("one head of keys", false, Some(0.3)),
    ("mask", false, None),
    ("rows without keys", false, None),
    ("causal rows without keys", true, None),
    ("padding", false, None),
    ("nothing", false, None),
    ("bias", false, None),
    ("bias of heads", false, None),
    ("bias of all", false, None),
    ("bias of samples", true, None),
    ("bias of queries", false, Some(-0.4)),
    ("tiles", false, None),
    ("causal tiles", true, None),
    ("masked tiles", false, None),
];

fn keras() -> HashMap<String, Tensor> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/ops/keras/attention.safetensors"
    );
    ops::candle::safetensors::load(path, &Device::Cpu).unwrap()
}

fn flat(x: &Tensor) -> Vec<f64> {
    x.to_dtype(DType::F64)
        .unwrap()
        .flatten_all()
        .unwrap()
        .to_vec1()
        .unwrap()
}

fn assert_near(what: &str, got: &Tensor, want: &Tensor, tolerance: f64) {
    assert_eq!(got.dims(), want.dims(), "{what}");
    for (i, (g, w)) in flat(got).iter().zip(flat(want)).enumerate() {
        assert!(
            (g - w).abs() <= tolerance * w.abs().max(1.),
            "{what} at {i}: {g}, not {w}"
        );
    }
}

#[test]
fn values_and_gradients_are_those_of_keras() {
    let keras = keras();
    assert_eq!(keras.keys().filter(|k| k.ends_with(".y")).count(), TABLE.len());
    for (name, is_causal, scale) in TABLE {
        let get = |part: &str| keras.get(&format!("{name}.{part}"));
        let vars: Vec<Var> = (0..)
            .map_while(|i| get(&format!("x{i}")))
            .map(|x| Var::from_tensor(x).unwrap())
            .collect();
        let options = AttentionOptions {
            bias: vars.get(3).map(|b| b.as_tensor().clone()),
            mask: get("m").cloned(),
            scale: *scale,
            is_causal: *is_causal,
            ..Default::default()
        };
        let tape = GradientTape::start();
        let y = ops::dot_product_attention(&vars[0], &vars[1], &vars[2], &options).unwrap();
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

fn noise(shape: [usize; 4], salt: usize) -> Tensor {
    let count: usize = shape.iter().product();
    let at = |i: usize| ((i * 7919 + salt * 104_729) % 1009) as f64 / 504.5 - 1.;
    Tensor::from_vec((0..count).map(at).collect::<Vec<f64>>(), &shape, &Device::Cpu).unwrap()
}

/// A value for every key: its own unit vector, so that the output is the weights.
fn units(keys: usize) -> Tensor {
    let at = |i: usize| f64::from(u8::from(i / keys == i % keys));
    let values: Vec<f64> = (0..keys * keys).map(at).collect();
    Tensor::from_vec(values, (1, keys, 1, keys), &Device::Cpu).unwrap()
}

#[test]
fn dropout_zeroes_weights_and_scales_the_others() {
    let (query, key) = (noise([1, 70, 1, 3], 1), noise([1, 300, 1, 3], 2));
    let values = units(300);
    let plain = ops::dot_product_attention(&query, &key, &values, &AttentionOptions::default()).unwrap();
    let drop = |counter| AttentionOptions {
        dropout: 0.25,
        seed: Seed::new(3, counter),
        ..Default::default()
    };
    let dropped = ops::dot_product_attention(&query, &key, &values, &drop(0)).unwrap();
    let mut zeros = 0;
    for (d, p) in flat(&dropped).iter().zip(flat(&plain)) {
        zeros += usize::from(*d == 0.);
        assert!(*d == 0. || (d - p / 0.75).abs() < 1e-12, "{d} {p}");
    }
    let share = zeros as f64 / (70. * 300.);
    assert!((share - 0.25).abs() < 0.015, "{share}");
    let again = ops::dot_product_attention(&query, &key, &values, &drop(0)).unwrap();
    assert_eq!(flat(&again), flat(&dropped));
    let other = ops::dot_product_attention(&query, &key, &values, &drop(1)).unwrap();
    assert_ne!(flat(&other), flat(&dropped));
}

#[test]
fn everything_dropped_is_zero() {
    let x = noise([1, 3, 2, 4], 1);
    let options = AttentionOptions {
        dropout: 1.,
        ..Default::default()
    };
    let y = ops::dot_product_attention(&x, &x, &x, &options).unwrap();
    assert!(flat(&y).iter().all(|v| *v == 0.));
}

#[test]
fn no_keys_give_zeros_and_no_queries_nothing() {
    let options = AttentionOptions::default();
    let (some, none) = (noise([1, 3, 2, 4], 1), noise([1, 0, 2, 4], 1));
    let y = ops::dot_product_attention(&some, &none, &none, &options).unwrap();
    assert_eq!(flat(&y), [0.; 24]);
    let y = ops::dot_product_attention(&none, &some, &some, &options).unwrap();
    assert_eq!(y.dims(), [1, 0, 2, 4]);
}

#[test]
fn large_scores_stay_finite() {
    let x = (noise([1, 9, 1, 4], 1) * 1e4)
        .unwrap()
        .to_dtype(DType::F32)
        .unwrap();
    let var = Var::from_tensor(&x).unwrap();
    let tape = GradientTape::start();
    let y = ops::dot_product_attention(&var, &var, &var, &AttentionOptions::default()).unwrap();
    assert!(flat(&y).iter().all(|v| v.is_finite()));
    let grad = tape.gradients(&y).unwrap().remove(&var).unwrap();
    assert!(flat(&grad).iter().all(|v| v.is_finite()));
}

#[test]
fn half_types_are_computed_in_f32() {
    let x = noise([1, 6, 2, 4], 1).to_dtype(DType::BF16).unwrap();
    let options = AttentionOptions {
        is_causal: true,
        ..Default::default()
    };
    let y = ops::dot_product_attention(&x, &x, &x, &options).unwrap();
    assert_eq!(y.dtype(), DType::BF16);
    let wide = x.to_dtype(DType::F32).unwrap();
    let want = ops::dot_product_attention(&wide, &wide, &wide, &options).unwrap();
    assert_near("bf16", &y, &want, 5e-3);
}

#[test]
fn misuse_says_what_is_needed() {
    let (x, wide) = (noise([2, 3, 4, 5], 1), noise([2, 3, 3, 5], 1));
    let message = |y: Result<Tensor>| y.unwrap_err().to_string();
    let plain = AttentionOptions::default();
    let error = message(ops::dot_product_attention(&x, &wide, &wide, &plain));
    assert!(
        error.contains("dot_product_attention") && error.contains("dividing the heads"),
        "{error}"
    );
    assert!(
        error.contains("[2, 3, 4, 5]") && error.contains("[2, 3, 3, 5]"),
        "{error}"
    );
    let options = AttentionOptions {
        mask: Some(x.clone()),
        ..plain.clone()
    };
    let error = message(ops::dot_product_attention(&x, &x, &x, &options));
    assert!(error.contains("mask of uint8, got float64"), "{error}");
    let mask = Tensor::ones((2, 1, 3, 4), DType::U8, &Device::Cpu).unwrap();
    let options = AttentionOptions {
        mask: Some(mask),
        ..plain.clone()
    };
    let error = message(ops::dot_product_attention(&x, &x, &x, &options));
    assert!(
        error.contains("broadcasts to") && error.contains("[2, 4, 3, 3]"),
        "{error}"
    );
    let options = AttentionOptions {
        dropout: 1.5,
        ..plain
    };
    assert!(message(ops::dot_product_attention(&x, &x, &x, &options)).contains("dropout in [0, 1], got 1.5"));
}
