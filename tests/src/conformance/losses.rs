//! Losses: value and gradient.

use anyhow::Result;
use keras::ops::{GradientTape, candle::Var};

use super::{Case, Differences, Tolerance};

pub(super) fn check(case: &Case<'_>) -> Result<()> {
    let registry = keras::registry();
    let loss = registry.losses.from_envelope(&case.object()?, registry)?;
    let y_true = case.tensor_at("y_true")?;
    let y_pred = Var::from_tensor(&case.tensor_at("y_pred")?)?;
    let (weight, mask) = (case.tensor_opt("sample_weight")?, case.tensor_opt("mask")?);
    let tape = GradientTape::start();
    let value = loss.apply(&y_true, y_pred.as_tensor(), weight.as_ref(), mask.as_ref())?;
    let mut differences = Differences::default();
    differences.tensors("value", &value, &case.tensor_at("value")?, Tolerance::VALUE)?;
    if let Some(expected) = case.tensor_opt("grad")? {
        let mut gradients = tape.gradients(&value)?;
        let gradient = match gradients.remove(&y_pred) {
            Some(gradient) => gradient,
            None => y_pred.zeros_like()?,
        };
        differences.tensors("grad", &gradient, &expected, Tolerance::GRADIENT)?;
    }
    differences.finish()
}
