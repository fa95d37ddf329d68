//! The gradients of the last step, for callbacks that look at them.

use keras_ops::{Gradient, Tensor};

use super::Trainer;
use crate::{Model, Result};

/// The gradients of a step, while somebody wants them.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    wanted: usize,
    gradients: Vec<Option<Gradient>>,
    /// What the loss was multiplied by.
    scale: f64,
}

impl Trainer {
    /// Keeps the gradients if somebody wants them: handles, not copies.
    pub(super) fn keep(&mut self, gradients: &[Option<Gradient>]) -> Result<()> {
        if self.kept.wanted == 0 {
            return Ok(());
        }
        let one = Tensor::new(1f64, &keras_ops::Device::Cpu)?;
        self.kept.scale = super::running::scalar(&self.optimizer.scale_loss(&one)?)?;
        self.kept.gradients = gradients.to_vec();
        Ok(())
    }
}

impl Model {
    /// Keeps the gradients of each training step until the next, for [`gradients`](Self::gradients). Each call needs
    /// one of [`release_gradients`](Self::release_gradients).
    ///
    /// # Errors
    /// When the model is not compiled.
    pub fn keep_gradients(&mut self) -> Result<()> {
        self.trainer_mut()?.kept.wanted += 1;
        Ok(())
    }

    /// Ends one [`keep_gradients`](Self::keep_gradients).
    ///
    /// # Errors
    /// When the model is not compiled.
    pub fn release_gradients(&mut self) -> Result<()> {
        let kept = &mut self.trainer_mut()?.kept;
        kept.wanted = kept.wanted.saturating_sub(1);
        if kept.wanted == 0 {
            kept.gradients = Vec::new();
        }
        Ok(())
    }

    /// The gradients of the last training step by the paths of weights, before clipping and whatever else the optimizer
    /// does; none of weights that the loss did not depend on, and none at all without
    /// [`keep_gradients`](Self::keep_gradients).
    ///
    /// # Examples
    /// ```
    /// use keras_core::layers::Dense;
    /// use keras_core::ops::Tensor;
    /// use keras_core::optimizers::SGD;
    /// use keras_core::{Compile, Registry, Sequential, loss_fn};
    /// let mut model = Sequential::new().input([1]).add(Dense::new(1).kernel_initializer("ones")).build()?;
    /// let mse = loss_fn("mse", |y: &Tensor, p: &Tensor| (p - y)?.sqr());
    /// model.compile_with(Compile::new(SGD::new(0.)).loss(mse), &Registry::core())?;
    /// model.keep_gradients()?;
    /// model.train_on_batch((&vec![[3f32]], &vec![[1f32]]))?;
    /// let gradients = model.gradients()?;
    /// // Twice the error, times the input.
    /// assert_eq!((gradients[0].0.as_str(), gradients[0].1.to_vec2::<f32>()?), ("dense/kernel", vec![vec![12.]]));
    /// model.release_gradients()?;
    /// assert!(model.gradients()?.is_empty());
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// When the model is not compiled or the device fails.
    pub fn gradients(&self) -> Result<Vec<(String, Tensor)>> {
        let trainer = self.trainer()?;
        let pairs = trainer.variables.iter().zip(&trainer.kept.gradients);
        let scale = trainer.kept.scale;
        let unscaled = |gradient: &Gradient| match scale == 1. {
            true => gradient.dense(),
            false => keras_ops::mul_scalar(&gradient.dense()?, 1. / scale),
        };
        pairs
            .filter_map(|(variable, gradient)| Some((variable, gradient.as_ref()?)))
            .map(|(variable, gradient)| Ok((variable.path(), unscaled(gradient)?.detach())))
            .collect()
    }
}
