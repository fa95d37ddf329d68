//! Training steps of one's own.

use std::fmt;

use super::Step;
use crate::{Model, Result};

/// A training step of one's own: Keras's `Model.train_step`, given to [`Model::set_train_step`].
///
/// A closure of a [`Step`] is one; a type of one's own may have state and a test step.
pub trait TrainStep: Send + Sync + 'static {
    /// One batch of training.
    ///
    /// # Errors
    /// When the batch does not fit.
    fn train_step(&mut self, step: &mut Step<'_>) -> Result<()>;

    /// One batch of evaluation: the built-in way unless replaced.
    ///
    /// # Errors
    /// When the batch does not fit.
    fn test_step(&mut self, step: &mut Step<'_>) -> Result<()> {
        step.test()
    }
}

impl<F> TrainStep for F
where
    F: FnMut(&mut Step<'_>) -> Result<()> + Send + Sync + 'static,
{
    fn train_step(&mut self, step: &mut Step<'_>) -> Result<()> {
        self(step)
    }
}

/// A [`TrainStep`] that a model holds.
pub(crate) struct Hook(pub(super) Box<dyn TrainStep>);

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TrainStep")
    }
}

impl Model {
    /// Trains and evaluates with a step of one's own from now on: Keras's overridden `train_step`.
    ///
    /// # Examples
    /// Training on inputs with noise, by the parts of the built-in step:
    /// ```
    /// use keras_core::layers::Dense;
    /// use keras_core::ops::{self, GradientTape, Tensor};
    /// use keras_core::trainer::Step;
    /// use keras_core::{Compile, Fit, Registry, Sequential, loss_fn};
    ///
    /// let mut model = Sequential::new().input([1]).add(Dense::new(1)).build()?;
    /// let mse = loss_fn("mse", |y: &Tensor, p: &Tensor| (p - y)?.sqr());
    /// model.compile_with(Compile::new("sgd").loss(mse), &Registry::core())?;
    /// model.set_train_step(|step: &mut Step<'_>| {
    ///     let shifted = ops::add_scalar(&step.x()[0], 0.01)?;
    ///     let tape = GradientTape::start();
    ///     let outputs = step.call_with(&[shifted], true)?;
    ///     let loss = step.compute_loss(&outputs)?;
    ///     let gradients = step.gradients(tape, &loss)?;
    ///     step.apply_gradients(gradients)?;
    ///     step.log("largest", &ops::max(&outputs[0], None, false)?);
    ///     step.update_metrics(&loss, &outputs)
    /// });
    /// let data = (vec![[1f32], [2.]], vec![[2f32], [4.]]);
    /// let history = model.fit((&data.0, &data.1), Fit::new().epochs(2).verbose(0))?;
    /// assert!(history.get("loss")?[1] < history.get("loss")?[0]);
    /// assert_eq!(history.get("largest")?.len(), 2);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    pub fn set_train_step(&mut self, step: impl TrainStep) {
        self.hook = Some(Hook(Box::new(step)));
    }

    /// Goes back to the built-in step.
    pub fn reset_train_step(&mut self) {
        self.hook = None;
    }
}
