//! What happens to gradients before a step: unscaling, accumulation, clipping, missing ones.

use keras_ops::optimizer_step::{axpy_in_place, fill_in_place, global_norm, scale_and_clip};
use keras_ops::{Gradient, Tensor};

use super::OptimizerBase;
use crate::{Result, Variable, bail};

/// Buffers for gradients; a gradient itself is never written to, since another one may share its memory.
#[derive(Debug, Default)]
pub(super) struct Gradients {
    /// Sums of gradients, where steps are accumulated.
    pub(super) accumulators: Vec<Variable>,
    scratch: Vec<Option<Tensor>>,
}

impl Gradients {
    pub(super) fn reset(&self) -> Result<()> {
        for sum in &self.accumulators {
            fill_in_place(sum.tensor(), 0.)?;
        }
        Ok(())
    }

    /// `gradient * factor` within the limit, in a buffer that is used again at the next step.
    fn scaled(&mut self, index: usize, gradient: &Gradient, factor: f64, limit: f64) -> Result<Gradient> {
        if let Some(sum) = self.accumulators.get(index) {
            scale_and_clip(sum.tensor(), None, factor, limit)?;
            return Ok(sum.tensor().detach().into());
        }
        let gradient = match gradient {
            // How many rows there are changes from step to step; times NaN, the others are no longer 0.
            Gradient::Rows(rows) if factor.is_finite() => {
                let values = rows.values();
                let buffer = Tensor::zeros(values.shape(), values.dtype(), values.device())?;
                scale_and_clip(&buffer, Some(values), factor, limit)?;
                return Ok(Gradient::Rows(rows.with_values(buffer)?));
            }
            other => other.dense()?,
        };
        if self.scratch.len() <= index {
            self.scratch.resize(index + 1, None);
        }
        let buffer = match &mut self.scratch[index] {
            Some(buffer) => buffer,
            empty => {
                let like = Tensor::zeros(gradient.shape(), gradient.dtype(), gradient.device())?;
                empty.insert(like)
            }
        };
        scale_and_clip(buffer, Some(&gradient), factor, limit)?;
        Ok(buffer.clone().into())
    }
}

impl OptimizerBase {
    pub(super) fn check_gradients(&mut self, gradients: &[Option<Gradient>]) -> Result<()> {
        let variables = &self.variables;
        if gradients.len() != variables.len() {
            bail!(
                "optimizer `{}`: expected one gradient for each of {} variables, got {}; call `build` first with the \
                 variables in the order of the gradients",
                self.name,
                variables.len(),
                gradients.len()
            );
        }
        let missing = || {
            variables
                .iter()
                .zip(gradients)
                .filter(|(_, g)| g.is_none())
                .map(|(v, _)| v.path())
        };
        let count = missing().count();
        if count == gradients.len() {
            bail!(
                "optimizer `{}`: no gradient for any variable; does the loss depend on the model?",
                self.name
            );
        }
        if count > 0 && !self.warned {
            let missing: Vec<String> = missing().collect();
            tracing::warn!(
                "no gradients for the variables {}: they do not change; does the loss depend on them?",
                missing.join(", ")
            );
            self.warned = true;
        }
        Ok(())
    }

    /// The gradients to step with; `None` where this call only accumulates.
    pub(super) fn prepare(
        &mut self,
        mut ready: Vec<Option<Gradient>>,
    ) -> Result<Option<Vec<Option<Gradient>>>> {
        let mut factor = self.loss_scale_factor.map_or(1., |scale| 1. / scale);
        if !self.gradients.accumulators.is_empty() {
            for (sum, gradient) in self.gradients.accumulators.iter().zip(&mut ready) {
                if let Some(gradient) = gradient {
                    axpy_in_place(sum.tensor(), factor, &gradient.dense()?)?;
                    *gradient = sum.tensor().detach().into();
                }
            }
            let steps = self.accumulation();
            if !(self.iterations + 1).is_multiple_of(steps) {
                return Ok(None);
            }
            factor = 1. / steps as f64;
        }
        self.clip(&mut ready, factor)?;
        Ok(Some(ready))
    }

    fn clip(&mut self, gradients: &mut [Option<Gradient>], factor: f64) -> Result<()> {
        let positive = |limit: Option<f64>| limit.filter(|limit| *limit > 0.);
        let each = positive(self.clipnorm);
        let all = positive(self.global_clipnorm).filter(|_| each.is_none());
        let value = positive(self.clipvalue).filter(|_| each.is_none() && all.is_none());
        let mut factor = factor;
        if let Some(limit) = all {
            let given: Vec<&Tensor> = gradients.iter().flatten().map(Gradient::elements).collect();
            let norm = global_norm(&given)? * factor.abs();
            factor *= if norm.is_finite() {
                within(limit, norm)
            } else {
                f64::NAN
            };
        }
        for (index, slot) in gradients.iter_mut().enumerate() {
            let Some(gradient) = slot else { continue };
            let own = match each {
                Some(limit) => factor * within(limit, global_norm(&[gradient.elements()])? * factor.abs()),
                None => factor,
            };
            if own != 1. || value.is_some() {
                *slot = Some(
                    self.gradients
                        .scaled(index, gradient, own, value.unwrap_or(f64::INFINITY))?,
                );
            }
        }
        Ok(())
    }
}

/// What brings `norm` down to `limit`; NaN stays, so that it shows.
fn within(limit: f64, norm: f64) -> f64 {
    if norm.is_nan() {
        norm
    } else {
        limit / norm.max(limit)
    }
}
