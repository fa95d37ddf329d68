//! Losses: value and gradient.

use anyhow::Result;
use keras::ops::{DType, GradientTape, Tensor, candle::Var};
use keras::{Loss, Reduction};

use super::{Case, Differences, Tolerance};

pub(super) fn check(case: &Case<'_>) -> Result<()> {
    let registry = keras::registry();
    let mut loss = registry.losses.from_envelope(&case.object()?, registry)?;
    let y_true = case.tensor_at("y_true")?;
    let y_pred = Var::from_tensor(&case.tensor_at("y_pred")?)?;
    let (weight, mask) = (case.tensor_opt("sample_weight")?, case.tensor_opt("mask")?);
    if mask.is_some() {
        loss = Box::new(Unmasked(loss));
    }
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

/// A loss without the mask that it makes itself (`ignore_class`): the mask of a case was applied in its place
/// when the expected values were computed. Keras's `Loss.__call__`, and ours, join both.
#[derive(Debug)]
struct Unmasked(Box<dyn Loss>);

impl Loss for Unmasked {
    fn call(&self, y_true: &Tensor, y_pred: &Tensor) -> keras::Result<Tensor> {
        self.0.call(y_true, y_pred)
    }

    fn reduction(&self) -> Reduction {
        self.0.reduction()
    }

    fn dtype(&self) -> Option<DType> {
        self.0.dtype()
    }

    fn takes_labels(&self) -> bool {
        self.0.takes_labels()
    }
}
