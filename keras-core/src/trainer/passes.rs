//! Passes over data that don't train: evaluate and predict.

use keras_ops::Tensor;

use super::callbacks::Callbacks;
use super::running::lock;
use super::{Evaluate, Predict, Scores};
use crate::data::{Batch, Dataset, IntoArrays, IntoDataset, Samples, Stream, in_order};
use crate::layer::Tensors;
use crate::{Logs, Model, Params, Result, bail};

pub(crate) const BATCH: usize = 32;

impl Model {
    /// The loss and metrics over `data`.
    ///
    /// # Errors
    /// When the model is not compiled or the data does not fit.
    pub fn evaluate(&mut self, data: impl IntoDataset, options: Evaluate) -> Result<Scores> {
        let Evaluate {
            batch_size,
            steps,
            verbose,
            callbacks,
        } = options;
        let mut stream = self.stream(data.into_dataset()?, batch_size.unwrap_or(BATCH), None, false)?;
        let params = Params {
            epochs: 1,
            steps: steps.or(stream.batches()),
            batch_size,
            verbose: verbose.unwrap_or(1),
            log_names: self.metrics_names()?,
            ..Params::default()
        };
        let registry = self.trainer()?.registry.clone();
        let mut callbacks = Callbacks::new(callbacks, params, Some(&registry))?;
        callbacks.each(self, &mut Logs::new(), |c, cx, _| c.check(cx))?;
        self.evaluate_stream(&mut stream, steps, &mut callbacks)
    }

    /// One pass with the hooks of testing.
    pub(crate) fn evaluate_stream(
        &mut self,
        stream: &mut Stream,
        steps: Option<usize>,
        callbacks: &mut Callbacks,
    ) -> Result<Scores> {
        self.reset_metrics()?;
        stream.restart(0);
        let mut logs = Logs::new();
        callbacks.each(self, &mut logs, |c, cx, logs| c.on_test_begin(cx, logs))?;
        let (mut step, block) = (0, self.block());
        while steps.is_none_or(|steps| step < steps) {
            let Some(first) = stream.next()? else { break };
            callbacks.each(self, &mut Logs::new(), |c, cx, logs| {
                c.on_test_batch_begin(step, cx, logs)
            })?;
            self.test_step(&first)?;
            for _ in 1..block {
                let Some(batch) = stream.next()? else { break };
                self.test_step(&batch)?;
            }
            step += block;
            if !callbacks.is_empty() {
                logs = Logs::lazy(self.trainer()?.running.clone());
                callbacks.each(self, &mut logs, |c, cx, logs| {
                    c.on_test_batch_end(step - 1, cx, logs)
                })?;
            }
        }
        if step == 0 {
            bail!("evaluate: the data gave no batch");
        }
        let scores = self.scores()?;
        let mut logs = scores.iter().map(|(n, v)| (n.to_owned(), v)).collect();
        callbacks.each(self, &mut logs, |c, cx, logs| c.on_test_end(cx, logs))?;
        Ok(scores)
    }

    /// The output for each sample of `x`, for a model with one output.
    ///
    /// # Errors
    /// When the data does not fit, or the model has several outputs.
    pub fn predict(&mut self, x: impl IntoArrays, options: Predict) -> Result<Tensor> {
        let mut outputs = self.predict_all(x, options)?;
        match (outputs.pop(), outputs.is_empty()) {
            (Some(output), true) => Ok(output),
            _ => bail!(
                "the model has several outputs ({}): use `predict_all`",
                self.output_names().join(", ")
            ),
        }
    }

    /// All outputs for each sample of `x`, in the model's order.
    ///
    /// # Errors
    /// When the data does not fit.
    pub fn predict_all(&mut self, x: impl IntoArrays, options: Predict) -> Result<Vec<Tensor>> {
        let Predict {
            batch_size,
            steps,
            verbose,
            callbacks,
        } = options;
        let batch = Batch {
            x: x.into_arrays()?,
            ..Batch::default()
        };
        let samples = in_order(&batch, &self.input_names(), &[], false)?.contiguous()?;
        let mut stream = Stream::arrays(samples, positive(batch_size)?, None);
        let params = Params {
            epochs: 1,
            steps: steps.or(stream.batches()),
            batch_size,
            verbose: verbose.unwrap_or(1),
            ..Params::default()
        };
        let registry = self.trainer.as_ref().map(|t| t.registry.clone());
        let mut callbacks = Callbacks::new(callbacks, params, registry.as_ref())?;
        let mut logs = Logs::new();
        callbacks.each(self, &mut logs, |c, cx, _| c.check(cx))?;
        callbacks.each(self, &mut logs, |c, cx, logs| c.on_predict_begin(cx, logs))?;
        let mut parts: Vec<Vec<Tensor>> = vec![Vec::new(); self.output_names().len()];
        let (mut step, block) = (0, self.block());
        while steps.is_none_or(|steps| step < steps) {
            let Some(first) = stream.next()? else { break };
            callbacks.each(self, &mut Logs::new(), |c, cx, logs| {
                c.on_predict_batch_begin(step, cx, logs)
            })?;
            let from = parts[0].len();
            push(&mut parts, self.predict_step(&first.x)?);
            for _ in 1..block {
                let Some(batch) = stream.next()? else { break };
                push(&mut parts, self.predict_step(&batch.x)?);
            }
            step += block;
            if !callbacks.is_empty() {
                let outputs = parts.iter().map(|part| join(&part[from..]));
                let mut logs = Logs::new();
                logs.set_tensors("outputs", outputs.collect::<Result<_>>()?);
                callbacks.each(self, &mut logs, |c, cx, logs| {
                    c.on_predict_batch_end(step - 1, cx, logs)
                })?;
            }
        }
        callbacks.each(self, &mut Logs::new(), |c, cx, logs| c.on_predict_end(cx, logs))?;
        parts.iter().map(|part| join(part)).collect()
    }

    /// The outputs for one batch.
    ///
    /// # Errors
    /// When the data does not fit.
    pub fn predict_on_batch(&self, x: impl IntoArrays) -> Result<Vec<Tensor>> {
        let batch = Batch {
            x: x.into_arrays()?,
            ..Batch::default()
        };
        let samples = in_order(&batch, &self.input_names(), &[], false)?;
        Ok(self.predict_step(&samples.x)?.into_vec())
    }

    /// Data with targets as batches in the model's order, checked.
    pub(crate) fn stream(
        &self,
        data: Dataset,
        batch: usize,
        shuffle: Option<u64>,
        allow_nan: bool,
    ) -> Result<Stream> {
        match data {
            Dataset::Arrays { x, y, sample_weight } => {
                let samples = self.samples(Batch { x, y, sample_weight })?;
                if !allow_nan {
                    samples.check_finite()?;
                }
                Ok(Stream::arrays(samples, positive(Some(batch))?, shuffle))
            }
            Dataset::Batches(batches) => {
                let expect_y = !lock(&self.trainer()?.running).losses.is_empty();
                Ok(Stream::iterator(
                    batches,
                    self.input_names(),
                    self.output_names(),
                    expect_y,
                ))
            }
        }
    }

    /// All samples in the model's order, with targets that its losses accept.
    pub(crate) fn samples(&self, data: Batch) -> Result<Samples> {
        let running = lock(&self.trainer()?.running);
        let expect_y = !running.losses.is_empty();
        let samples = in_order(&data, &self.input_names(), &self.output_names(), expect_y)?.contiguous()?;
        // The first sample alone, or a batch where its size is fixed, so that a wrong shape is found before anything
        // is computed.
        let shapes = &self.functional.graph.input_shapes;
        let batch = shapes.iter().find_map(|dims| *dims.first()?).unwrap_or(1);
        let first: Vec<Tensor> = samples.range(0, batch.min(samples.len.max(1)))?.x;
        self.functional.graph.prepare(&first, first[0].device())?;
        running.check_targets(&samples.y, &self.output_shapes())?;
        Ok(samples)
    }
}

fn positive(batch_size: Option<usize>) -> Result<usize> {
    match batch_size {
        Some(0) => bail!("batch_size must be 1 or more, got 0"),
        Some(size) => Ok(size),
        None => Ok(BATCH),
    }
}

/// Adds a batch's outputs.
fn push(parts: &mut [Vec<Tensor>], outputs: Tensors) {
    parts
        .iter_mut()
        .zip(outputs)
        .for_each(|(part, output)| part.push(output));
}

fn join(parts: &[Tensor]) -> Result<Tensor> {
    match parts {
        [] => bail!("predict: the data gave no batch"),
        [one] => Ok(one.clone()),
        many => Ok(keras_ops::concatenate(&many.iter().collect::<Vec<_>>(), 0)?),
    }
}
