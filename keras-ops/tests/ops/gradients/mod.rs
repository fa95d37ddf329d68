//! Every differentiable operation against finite differences, in tables by family: a new one is a line.
//!
//! Each case is checked in f64 on contiguous and strided inputs, in f32 against f64, with an empty first axis,
//! with integers, and with an axis too many. `every_operation_has_a_case` reads the crate's source, so that
//! an operation without a case fails.

mod activations;
mod attention;
mod case;
mod control;
mod conv;
mod coverage;
mod cross_entropy;
mod dense;
mod elementwise;
mod image;
mod indexing;
mod laws;
mod linalg;
mod losses;
mod norm;
mod numpy;
mod pool;
mod products;
mod reduce;
mod rnn;
mod shape_ops;
mod signal;

use case::Case;
use keras_ops::{Tensor, gradcheck};

const FAMILIES: &[&[Case]] = &[
    activations::CASES,
    attention::CASES,
    conv::CASES,
    cross_entropy::CASES,
    dense::CASES,
    elementwise::CASES,
    indexing::CASES,
    losses::CASES,
    norm::CASES,
    pool::CASES,
    numpy::CASES,
    products::CASES,
    control::CASES,
    image::CASES,
    linalg::CASES,
    reduce::CASES,
    rnn::CASES,
    shape_ops::CASES,
    signal::CASES,
];

fn cases() -> impl Iterator<Item = &'static Case> {
    FAMILIES.iter().copied().flatten()
}

/// Runs a check on every case and reports all failures together.
fn each(what: &str, check: impl Fn(&Case) -> Result<(), String>) {
    let failures: Vec<String> = cases().filter_map(|case| check(case).err()).collect();
    let count = cases().count();
    assert!(
        failures.is_empty(),
        "{what}: {} of {count} cases failed:\n{}",
        failures.len(),
        failures.join("\n")
    );
    let mut functions: Vec<_> = cases().map(Case::function).collect();
    functions.sort_unstable();
    functions.dedup();
    println!("{what}: {} operations, {count} cases", functions.len());
}

#[test]
fn recorded_gradients_match_differences() {
    each("gradients against differences in f64", |case| {
        let inputs = case.inputs().map_err(|e| e.to_string())?;
        gradcheck::check(case.name, &inputs, case.op).map_err(|e| e.to_string())
    });
}

#[test]
fn a_wrong_gradient_is_named() {
    let x = cases().next().unwrap().inputs().unwrap().remove(0);
    let wrong = |x: &[Tensor]| {
        let y = keras_ops::square(&x[0])?.detach();
        keras_ops::add(&y, &keras_ops::mul_scalar(&x[0], 0.5)?)
    };
    let error = gradcheck::check("wrong", &[x], wrong).unwrap_err().to_string();
    assert!(
        error.contains("input 0 [3, 5]") && error.contains("[0, 0]"),
        "{error}"
    );
    assert!(error.contains("expected") && error.contains("got"), "{error}");
}
