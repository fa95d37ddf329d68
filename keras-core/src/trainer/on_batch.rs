//! Single batches, for training loops of one's own.

use keras_ops::Tensor;

use super::Scores;
use super::running::lock;
use crate::data::{Batch, Dataset, IntoArrays, IntoDataset, Names, Samples};
use crate::{LogSource, Logs, Model, Result, bail};

impl Model {
    /// Trains on one batch and gives its loss and metrics.
    ///
    /// Class weights are sample weights made by [`class_weights`](crate::data::class_weights).
    ///
    /// ```
    /// # use keras_core::layers::Dense;
    /// # use keras_core::{Compile, Registry, Sequential, loss_fn};
    /// # use keras_core::ops::Tensor;
    /// # let mut model = Sequential::new().input([1]).add(Dense::new(1).kernel_initializer("zeros")).build()?;
    /// # let mse = loss_fn("mse", |y: &Tensor, p: &Tensor| (p - y)?.sqr());
    /// # model.compile_with(Compile::new("sgd").loss(mse), &Registry::core())?;
    /// let (x, y) = (vec![[1f32], [2.]], vec![[2f32], [4.]]);
    /// assert_eq!(model.train_on_batch((&x, &y))?.get("loss")?, 10.); // (2² + 4²) / 2
    /// assert!(model.test_on_batch((&x, &y))?.get("loss")? < 10.);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// When the model is not compiled or the data does not fit.
    pub fn train_on_batch(&mut self, batch: impl IntoDataset) -> Result<Scores> {
        let batch = self.one_batch(batch)?;
        self.reset_metrics()?;
        self.train_step(&batch)?;
        self.scores()
    }

    /// The loss and metrics of one batch.
    ///
    /// # Errors
    /// When the model is not compiled or the data does not fit.
    pub fn test_on_batch(&mut self, batch: impl IntoDataset) -> Result<Scores> {
        let batch = self.one_batch(batch)?;
        self.reset_metrics()?;
        self.test_step(&batch)?;
        self.scores()
    }

    /// The outputs for one batch.
    ///
    /// # Errors
    /// When the data does not fit.
    pub fn predict_on_batch(&self, x: impl IntoArrays) -> Result<Vec<Tensor>> {
        let names = Names {
            inputs: self.input_names(),
            ..Names::default()
        };
        let samples = Batch::inputs(x)?.in_order(&names)?;
        Ok(self.predict_step(&samples.x)?.into_vec())
    }

    /// The running values.
    pub(crate) fn scores(&self) -> Result<Scores> {
        let running: std::sync::Arc<dyn LogSource> = self.trainer()?.running.clone();
        Ok(Logs::lazy(running).to_vec()?.into())
    }

    fn one_batch(&self, batch: impl IntoDataset) -> Result<Samples> {
        let Dataset::Arrays { x, y, sample_weight } = batch.into_dataset()? else {
            bail!("one batch is tensors `(x, y)` or `(x, y, sample_weight)`, not an iterator or a dataset");
        };
        let samples = Batch { x, y, sample_weight }.in_order(&self.names()?)?;
        lock(&self.trainer()?.running).check_targets(&samples.y, &self.output_shapes())?;
        Ok(samples)
    }
}
