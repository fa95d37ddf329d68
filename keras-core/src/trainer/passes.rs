//! Passes over data that don't train: evaluate and predict.

use keras_ops::{Joiner, Tensor};

use super::running::lock;
use super::{CallbackList, Evaluate, Predict, Scores};
use crate::data::{Batch, Dataset, IntoDataset, IntoInputs, Names, Samples, Stream};
use crate::{Error, Logs, Model, Params, Result, bail};

/// Samples a batch as Keras chooses it for data in memory: with a number of steps, what makes the data last for
/// them.
pub(crate) fn batch_size(given: Option<usize>, samples: usize, steps: Option<usize>) -> usize {
    const BATCH: usize = 32;
    given.unwrap_or_else(|| steps.map_or(BATCH, |steps| samples.div_ceil(steps.max(1)).max(1)))
}

impl Model {
    /// The loss and metrics over `data`.
    ///
    /// # Errors
    /// When the model is not compiled or the data does not fit.
    pub fn evaluate(&mut self, data: impl IntoDataset, options: Evaluate) -> Result<Scores> {
        options.check("evaluate")?;
        let Evaluate {
            batch_size,
            steps,
            verbose,
            callbacks,
            allow_nan,
        } = options;
        let mut stream = self.stream(data.into_dataset()?, batch_size, steps, allow_nan)?;
        let params = Params {
            epochs: 1,
            steps: steps.or(stream.batches()),
            batch_size: stream.batch_size(),
            samples: stream.samples(),
            verbose: verbose.unwrap_or(1),
            log_names: self.metrics_names()?,
            ..Params::default()
        };
        let registry = self.trainer()?.registry.clone();
        let mut callbacks = CallbackList::watched(callbacks, params, &registry)?;
        callbacks.check(self)?;
        self.evaluate_stream(&mut stream, steps, &mut callbacks)
    }

    /// One pass with the hooks of testing.
    pub(crate) fn evaluate_stream(
        &mut self,
        stream: &mut Stream,
        steps: Option<usize>,
        callbacks: &mut CallbackList,
    ) -> Result<Scores> {
        if stream.endless() && steps.is_none() {
            bail!("evaluate: the data is endless; give the number of steps");
        }
        self.reset_metrics()?;
        stream.on_epoch_begin(0)?;
        stream.restart(0)?;
        callbacks.take_stop_evaluating();
        callbacks.on_test_begin(self, &mut Logs::new())?;
        let (mut step, mut stopped, block) = (0, false, self.block());
        while steps.is_none_or(|steps| step < steps) {
            let Some(first) = stream.next()? else { break };
            callbacks.on_test_batch_begin(self, step, &mut Logs::new())?;
            self.test_step(&first)?;
            for _ in 1..block {
                let Some(batch) = stream.next()? else { break };
                self.test_step(&batch)?;
            }
            step += block;
            if !callbacks.is_empty() {
                let mut logs = Logs::lazy(self.trainer()?.running.clone());
                callbacks.on_test_batch_end(self, step - 1, &mut logs)?;
            }
            if let Some(signal) = callbacks.interrupted() {
                return Err(interrupted(signal));
            }
            if callbacks.take_stop_evaluating() {
                stopped = true;
                break;
            }
        }
        if step == 0 {
            bail!("evaluate: the data gave no batch");
        }
        ended("evaluate", stream, step, steps.filter(|_| !stopped))?;
        let scores = self.scores()?;
        let mut logs = scores.iter().map(|(n, v)| (n.to_owned(), v)).collect();
        callbacks.on_test_end(self, &mut logs)?;
        Ok(scores)
    }

    /// The output for each sample of `x`, for a model with one output.
    ///
    /// # Errors
    /// When the data does not fit, or the model has several outputs.
    pub fn predict(&mut self, x: impl IntoInputs, options: Predict) -> Result<Tensor> {
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
    pub fn predict_all(&mut self, x: impl IntoInputs, options: Predict) -> Result<Vec<Tensor>> {
        options.check("predict")?;
        let Predict {
            batch_size: batch,
            steps,
            verbose,
            callbacks,
        } = options;
        let names = Names {
            inputs: self.input_names(),
            ..Names::default()
        };
        let mut rows = None;
        let mut stream = match x.into_inputs()? {
            Dataset::Arrays { x, .. } => {
                let inputs = Batch {
                    x,
                    ..Batch::default()
                };
                let samples = inputs.in_order(&names)?.contiguous()?;
                let batch = batch_size(batch, samples.len, steps);
                rows = Some(steps.map_or(samples.len, |steps| samples.len.min(steps * batch)));
                Stream::arrays(samples, batch)
            }
            Dataset::Batches(batches) => Stream::iterator(batches, names),
            Dataset::Indexed(data) => Stream::indexed(data, batch_size(batch, 0, None), names)?,
        };
        if stream.endless() && steps.is_none() {
            bail!("predict: the data is endless; give the number of steps");
        }
        let params = Params {
            epochs: 1,
            steps: steps.or(stream.batches()),
            batch_size: stream.batch_size(),
            samples: stream.samples(),
            verbose: verbose.unwrap_or(1),
            ..Params::default()
        };
        let registry = self.trainer.as_ref().map(|t| t.registry.clone());
        let mut callbacks = CallbackList::new(callbacks, params, registry.as_ref())?;
        callbacks.check(self)?;
        stream.on_epoch_begin(0)?;
        callbacks.take_stop_predicting();
        callbacks.on_predict_begin(self, &mut Logs::new())?;
        let mut all = vec![Joiner::new(rows); self.output_names().len()];
        let (mut step, mut stopped, block) = (0, false, self.block());
        while steps.is_none_or(|steps| step < steps) {
            let Some(first) = stream.next()? else { break };
            callbacks.on_predict_batch_begin(self, step, &mut Logs::new())?;
            let watched = !callbacks.is_empty();
            let mut parts = vec![Joiner::default(); if watched { all.len() } else { 0 }];
            let mut predict = |x: &[Tensor]| -> Result<()> {
                if !watched {
                    return self.predict_to(x, &mut all);
                }
                for (i, output) in self.predict_step(x)?.iter().enumerate() {
                    all[i].push(output)?;
                    parts[i].push(output)?;
                }
                Ok(())
            };
            predict(&first.x)?;
            for _ in 1..block {
                let Some(batch) = stream.next()? else { break };
                predict(&batch.x)?;
            }
            step += block;
            if watched {
                let mut logs = Logs::new();
                let outputs = parts.into_iter().map(Joiner::finish);
                logs.set_tensors("outputs", outputs.collect::<keras_ops::Result<_>>()?);
                callbacks.on_predict_batch_end(self, step - 1, &mut logs)?;
            }
            if callbacks.take_stop_predicting() {
                stopped = true;
                break;
            }
        }
        ended("predict", &mut stream, step, steps.filter(|_| !stopped))?;
        callbacks.on_predict_end(self, &mut Logs::new())?;
        if step == 0 {
            bail!("predict: the data gave no batch");
        }
        Ok(all
            .into_iter()
            .map(Joiner::finish)
            .collect::<keras_ops::Result<_>>()?)
    }

    /// Data with targets as batches in the model's order, checked where it is in memory.
    pub(crate) fn stream(
        &self,
        data: Dataset,
        batch: Option<usize>,
        steps: Option<usize>,
        allow_nan: bool,
    ) -> Result<Stream> {
        let names = self.names()?;
        match data {
            Dataset::Arrays { x, y, sample_weight } => {
                let samples = self.samples(Batch { x, y, sample_weight })?;
                if !allow_nan {
                    samples.check_finite()?;
                }
                let batch = batch_size(batch, samples.len, steps);
                Ok(Stream::arrays(samples, batch))
            }
            Dataset::Batches(batches) => Ok(Stream::iterator(batches, names).finite(!allow_nan)),
            Dataset::Indexed(data) => {
                Ok(Stream::indexed(data, batch_size(batch, 0, None), names)?.finite(!allow_nan))
            }
        }
    }

    /// What the data is put in order by.
    pub(crate) fn names(&self) -> Result<Names> {
        let outputs = self.output_names();
        let mut taught = vec![false; outputs.len()];
        let running = lock(&self.trainer()?.running);
        let losses = running.losses.iter().map(|l| l.output);
        for output in losses.chain(running.metrics.iter().map(|m| m.output)) {
            if let Some(taught) = taught.get_mut(output) {
                *taught = true;
            }
        }
        Ok(Names {
            inputs: self.input_names(),
            outputs,
            taught,
        })
    }

    /// All samples in the model's order, with targets that its losses accept.
    pub(crate) fn samples(&self, data: Batch) -> Result<Samples> {
        let samples = data.in_order(&self.names()?)?.contiguous()?;
        // The first sample alone, or a batch where its size is fixed, so that a wrong shape is found before anything
        // is computed.
        let shapes = &self.functional.graph.input_shapes;
        let batch = shapes.iter().find_map(|dims| *dims.first()?).unwrap_or(1);
        let first: Vec<Tensor> = samples.range(0, batch.min(samples.len.max(1)))?.x;
        self.functional.graph.prepare(&first, first[0].device())?;
        lock(&self.trainer()?.running).check_targets(&samples.y, &self.output_shapes())?;
        Ok(samples)
    }
}

/// The error of a training that a signal ends.
pub(super) fn interrupted(signal: &str) -> Error {
    Error::Interrupted {
        signal: signal.to_owned(),
        saved: String::new(),
    }
}

/// Ends a pass of `evaluate` or `predict`; says so where the data ended before the steps.
fn ended(what: &str, stream: &mut Stream, step: usize, steps: Option<usize>) -> Result<()> {
    if let Some(steps) = steps.filter(|steps| step < *steps) {
        tracing::warn!("{what}: the data ended after {step} of {steps} steps");
    }
    stream.on_epoch_end(0)
}
