//! Activations, regularizers, constraints and initializers.

use anyhow::{Context, Result, bail};
use keras::ops::{GradientTape, candle::Var};
use keras::{Activation, Config, DType, Device, Initializer, Tensor};
use serde_json::Value;

use super::compare::{cosines, values};
use super::{Case, Differences, Tolerance};

pub(super) fn activation(case: &Case<'_>) -> Result<()> {
    let activation = find_activation(case)?;
    let x = Var::from_tensor(&case.tensor_at("x")?)?;
    let tape = GradientTape::start();
    let y = activation.call(x.as_tensor())?;
    let mut differences = Differences::default();
    differences.tensors("y", &y, &case.tensor_at("y")?, Tolerance::VALUE)?;
    if let Some(expected) = case.tensor_opt("grad")? {
        let mut gradients = tape.gradients_with(&[(&y, cosines(&y)?)])?;
        let gradient = gradients.remove(&x).context("x got no gradient")?;
        differences.tensors("grad", &gradient, &expected, Tolerance::GRADIENT)?;
    }
    differences.finish()
}

fn find_activation(case: &Case<'_>) -> Result<Box<dyn Activation>> {
    let registry = keras::registry();
    let identifier = case.get("identifier");
    let args = case.get("args").as_array().map(Vec::as_slice).unwrap_or_default();
    let Some(name) = identifier.as_str().filter(|_| !args.is_empty()) else {
        return Ok(registry.activations.from_value(identifier, registry)?);
    };
    let names = parameters(name);
    if args.len() > names.len() {
        bail!(
            "`{name}` takes {} arguments besides x, the case gives {}",
            names.len(),
            args.len()
        );
    }
    let mut config = Config::new();
    for (name, value) in names.iter().zip(args) {
        config.set(name, value.clone());
    }
    Ok((registry.activations.find(name)?.build)(&config, registry)?)
}

/// The parameters after `x` of Keras's functions, for arguments given by position.
fn parameters(function: &str) -> &'static [&'static str] {
    match function {
        "celu" | "elu" => &["alpha"],
        "gelu" => &["approximate"],
        "glu" | "softmax" | "log_softmax" | "sparsemax" => &["axis"],
        "hard_shrink" | "soft_shrink" => &["threshold"],
        "leaky_relu" => &["negative_slope"],
        "relu" => &["negative_slope", "max_value", "threshold"],
        "squareplus" => &["b"],
        "threshold" => &["threshold", "default_value"],
        _ => &[],
    }
}

pub(super) fn regularizer(case: &Case<'_>) -> Result<()> {
    let registry = keras::registry();
    let regularizer = registry.regularizers.from_envelope(&case.object()?, registry)?;
    let x = Var::from_tensor(&case.tensor_at("x")?)?;
    let tape = GradientTape::start();
    let y = regularizer.call(x.as_tensor())?;
    let mut differences = Differences::default();
    differences.tensors("y", &y, &case.tensor_at("y")?, Tolerance::VALUE)?;
    if let Some(expected) = case.tensor_opt("grad")? {
        let gradient = tape.gradients(&y)?.remove(&x).context("x got no gradient")?;
        differences.tensors("grad", &gradient, &expected, Tolerance::GRADIENT)?;
    }
    differences.finish()
}

pub(super) fn constraint(case: &Case<'_>) -> Result<()> {
    let registry = keras::registry();
    let constraint = registry.constraints.from_envelope(&case.object()?, registry)?;
    let y = constraint.call(&case.tensor_at("x")?)?;
    let mut differences = Differences::default();
    differences.tensors("y", &y, &case.tensor_at("y")?, Tolerance::VALUE)?;
    differences.finish()
}

pub(super) fn initializer(case: &Case<'_>) -> Result<()> {
    let y = sample(case)?;
    let mut differences = Differences::default();
    differences.tensors("y", &y, &case.tensor_at("y")?, Tolerance::VALUE)?;
    differences.finish()
}

fn sample(case: &Case<'_>) -> Result<Tensor> {
    let registry = keras::registry();
    let initializer: Box<dyn Initializer> = registry.initializers.from_envelope(&case.object()?, registry)?;
    let shape = case.list("shape")?.iter().map(Value::as_u64);
    let shape: Option<Vec<usize>> = shape.map(|d| d.map(|d| d as usize)).collect();
    let shape = shape.context("`shape` holds something else than sizes")?;
    Ok(initializer.call(&shape, DType::F32, &Device::Cpu)?)
}

/// How far moments may be from those of Keras's own sample.
const MOMENTS: f64 = 0.03;

/// Keras's own sample tells the moments, and the bounds where the distribution has any.
pub(super) fn random_initializer(case: &Case<'_>) -> Result<()> {
    let tensor = sample(case)?;
    let ours = values(&tensor)?;
    let count = ours.len() as f64;
    let mean = ours.iter().sum::<f64>() / count;
    let std = (ours.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / count).sqrt();
    let (low, high) = ours.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| {
        (l.min(*v), h.max(*v))
    });
    let (keras_mean, keras_std) = (case.number("mean")?, case.number("std")?);
    let mut differences = Differences::default();
    let of_std = Tolerance {
        abs: MOMENTS * keras_std,
        rel: MOMENTS,
    };
    differences.numbers("mean", &[mean], &[keras_mean], of_std);
    differences.numbers(
        "std",
        &[std],
        &[keras_std],
        Tolerance {
            abs: 0.,
            rel: MOMENTS,
        },
    );
    let (keras_low, keras_high) = (case.number("min")?, case.number("max")?);
    let range = keras_high - keras_low;
    // A uniform sample spans 3.5 of its standard deviations, one cut off at two sigmas 4.5, a normal one more.
    if ours.len() >= 1000
        && range <= 5. * keras_std
        && (low < keras_low - MOMENTS * range || high > keras_high + MOMENTS * range)
    {
        differences.note(format!(
            "bounds: {low} to {high}, Keras {keras_low} to {keras_high}"
        ));
    }
    if !case.get("gram_identity_scale").is_null() {
        check_orthogonal(&tensor, case.number("gram_identity_scale")?, &mut differences)?;
    }
    differences.finish()
}

/// The shorter side of the matrix is orthogonal, each vector of squared length `scale`.
fn check_orthogonal(tensor: &Tensor, scale: f64, differences: &mut Differences) -> Result<()> {
    let columns = tensor.dims().last().copied().unwrap_or(1);
    let rows = tensor.elem_count() / columns.max(1);
    let matrix = tensor.to_dtype(DType::F64)?.reshape((rows, columns))?;
    let matrix = if rows > columns {
        matrix.t()?.contiguous()?
    } else {
        matrix
    };
    let vectors = matrix.to_vec2::<f64>()?;
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let mut gram = Vec::new();
    let mut expected = Vec::new();
    for (i, a) in vectors.iter().enumerate() {
        for (j, b) in vectors.iter().enumerate() {
            gram.push(dot(a, b));
            expected.push(if i == j { scale } else { 0. });
        }
    }
    differences.numbers(
        "gram matrix",
        &gram,
        &expected,
        Tolerance {
            abs: 1e-4 * scale,
            rel: 1e-3,
        },
    );
    Ok(())
}
