//! `fit`: epochs of training steps with validation and callbacks.

use keras_ops::Tensor;

use super::callbacks::Callbacks;
use super::passes::BATCH;
use super::{Fit, History};
use crate::data::{Batch, Dataset, IntoDataset, Samples, Stream};
use crate::{Logs, Model, Params, Result, bail, random};

impl Model {
    /// Trains the model.
    ///
    /// # Examples
    /// ```
    /// use keras_core::layers::Dense;
    /// use keras_core::{Compile, Fit, Registry, Sequential, loss_fn, set_random_seed};
    /// use keras_core::ops::Tensor;
    ///
    /// set_random_seed(1);
    /// let mut model = Sequential::new().input([1]).add(Dense::new(1)).build()?;
    /// let mse = loss_fn("mse", |y: &Tensor, p: &Tensor| (p - y)?.sqr());
    /// model.compile_with(Compile::new("adam").loss(mse), &Registry::core())?;
    /// let x: Vec<[f32; 1]> = (0..64).map(|i| [i as f32 / 64.]).collect();
    /// let y: Vec<[f32; 1]> = x.iter().map(|[x]| [2. * x]).collect();
    /// let history = model.fit((&x, &y), Fit::new().epochs(3).verbose(0))?;
    /// assert!(history.get("loss")?[2] < history.get("loss")?[0]);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// When the model is not compiled, the data does not fit, or a callback refuses: all found before the
    /// first step where they can be.
    pub fn fit(&mut self, data: impl IntoDataset, options: Fit) -> Result<History> {
        let _fit = tracing::debug_span!("fit").entered();
        keras_ops::memory::keep_freed();
        let mut options = options;
        let callbacks = std::mem::take(&mut options.callbacks);
        let (mut train, mut validation) = self.fit_data(data.into_dataset()?, &mut options)?;
        let params = self.fit_params(&options, &train, validation.is_some())?;
        let registry = self.trainer()?.registry.clone();
        let mut callbacks = Callbacks::new(callbacks, params, Some(&registry))?;
        callbacks.each(self, &mut Logs::new(), |c, cx, _| c.check(cx))?;

        let mut history = History::default();
        let mut logs = Logs::new();
        callbacks.each(self, &mut logs, |c, cx, logs| c.on_train_begin(cx, logs))?;
        let mut started = false;
        for epoch in options.initial_epoch..options.epochs {
            let _epoch = tracing::debug_span!("epoch", epoch).entered();
            self.reset_metrics()?;
            callbacks.each(self, &mut Logs::new(), |c, cx, logs| {
                c.on_epoch_begin(epoch, cx, logs)
            })?;
            if options.steps_per_epoch.is_none() || !started {
                train.restart(epoch as u64);
                started = true;
            }
            self.train_epoch(&mut train, options.steps_per_epoch, epoch, &mut callbacks)?;
            logs = self.scores()?.iter().map(|(n, v)| (n.to_owned(), v)).collect();
            if let Some(data) = validation
                .as_mut()
                .filter(|_| options.validation_freq.is_due(epoch))
            {
                let scores = self.evaluate_stream(data, options.validation_steps, &mut callbacks)?;
                scores
                    .iter()
                    .for_each(|(name, value)| logs.set(&format!("val_{name}"), value));
            }
            callbacks.each(self, &mut logs, |c, cx, logs| c.on_epoch_end(epoch, cx, logs))?;
            history.push(epoch, &logs)?;
            if callbacks.stop {
                break;
            }
        }
        if options.epochs > 0 {
            self.trainer_mut()?.optimizer.finalize_variable_values()?;
        }
        callbacks.each(self, &mut logs, |c, cx, logs| c.on_train_end(cx, logs))?;
        Ok(history)
    }

    fn train_epoch(
        &mut self,
        data: &mut Stream,
        steps: Option<usize>,
        epoch: usize,
        callbacks: &mut Callbacks,
    ) -> Result<()> {
        let (mut step, block) = (0, self.block());
        while steps.is_none_or(|steps| step < steps) {
            let Some(first) = next_batch(data, steps, epoch)? else {
                break;
            };
            if !callbacks.is_empty() {
                callbacks.each(self, &mut Logs::new(), |c, cx, logs| {
                    c.on_train_batch_begin(step, cx, logs)
                })?;
            }
            self.train_step(&first)?;
            for _ in 1..block {
                let Some(batch) = data.next()? else {
                    break;
                };
                self.train_step(&batch)?;
            }
            step += block;
            if !callbacks.is_empty() {
                let mut logs = Logs::lazy(self.trainer()?.running.clone());
                callbacks.each(self, &mut logs, |c, cx, logs| {
                    c.on_train_batch_end(step - 1, cx, logs)
                })?;
            }
            if callbacks.stop {
                break;
            }
        }
        if step == 0 {
            bail!("fit: the data gave no batch in epoch {epoch}");
        }
        Ok(())
    }

    fn fit_data(&self, data: Dataset, options: &mut Fit) -> Result<(Stream, Option<Stream>)> {
        let batch = options.batch_size.unwrap_or(BATCH);
        let validation_batch = options.validation_batch_size.unwrap_or(batch);
        let seed = options
            .shuffle
            .then(|| options.seed.unwrap_or_else(random::next_seed));
        let mut validation = match options.validation_data.take() {
            Some(data) => Some(self.stream(data?, validation_batch, None, options.allow_nan)?),
            None => None,
        };
        let (x, y, sample_weight) = match data {
            Dataset::Arrays { x, y, sample_weight } => (x, y, sample_weight),
            batches => {
                if options.validation_split != 0. || !options.class_weight.is_empty() {
                    bail!(
                        "validation_split and class_weight need data in memory, not an iterator of batches"
                    );
                }
                return Ok((self.stream(batches, batch, None, options.allow_nan)?, validation));
            }
        };
        let mut samples = self.samples(Batch { x, y, sample_weight })?;
        if !options.allow_nan {
            samples.check_finite()?;
        }
        if validation.is_none() && options.validation_split != 0. {
            let (head, tail) = split(&samples, options.validation_split)?;
            samples = head;
            validation = Some(Stream::arrays(tail, validation_batch.max(1), None));
        }
        if !options.class_weight.is_empty() {
            weigh_classes(&mut samples, options)?;
        }
        if batch == 0 || validation_batch == 0 {
            bail!("batch_size must be 1 or more, got 0");
        }
        Ok((Stream::arrays(samples, batch, seed), validation))
    }

    fn fit_params(&self, options: &Fit, train: &Stream, validation: bool) -> Result<Params> {
        let mut log_names = self.metrics_names()?;
        if validation {
            log_names.extend(log_names.clone().iter().map(|n| format!("val_{n}")));
        }
        Ok(Params {
            epochs: options.epochs,
            initial_epoch: options.initial_epoch,
            steps: options.steps_per_epoch.or(train.batches()),
            batch_size: options.batch_size.or(Some(BATCH)),
            verbose: options.verbose.unwrap_or(1),
            validation,
            log_names,
            ..Params::default()
        })
    }
}

/// Where the steps of an epoch are given, data that ends begins anew.
fn next_batch(data: &mut Stream, steps: Option<usize>, epoch: usize) -> Result<Option<Samples>> {
    match data.next()? {
        None if steps.is_some() => {
            data.restart(epoch as u64 + 1);
            data.next()
        }
        next => Ok(next),
    }
}

/// The first samples for training, the last `part` for validation.
fn split(samples: &Samples, part: f64) -> Result<(Samples, Samples)> {
    if !(0. ..1.).contains(&part) {
        bail!("validation_split must be in 0..1, got {part}");
    }
    let at = (samples.len as f64 * (1. - part)).floor() as usize;
    if at == 0 || at == samples.len {
        bail!(
            "validation_split {part} of {} samples leaves {at} to train and {} to validate; both need some",
            samples.len,
            samples.len - at
        );
    }
    Ok((samples.range(0, at)?, samples.range(at, samples.len)?))
}

/// Multiplies sample weights by the weight of the sample's class.
fn weigh_classes(samples: &mut Samples, options: &Fit) -> Result<()> {
    let [y] = samples.y.as_slice() else {
        bail!("class_weight needs a model with one output")
    };
    let labels = match y.dims() {
        [_, classes, ..] if *classes > 1 => keras_ops::argmax(y, Some(-1), false)?,
        _ => y.reshape(samples.len)?,
    };
    let labels: Vec<f64> = keras_ops::host::read(&labels, |v: &[f64]| Ok(v.to_vec()))?;
    let weight = |label: &f64| options.class_weight.get(&(*label as i64)).copied().unwrap_or(1.) as f32;
    let mut weights: Vec<f32> = labels.iter().map(weight).collect();
    if let [given] = samples.w.as_slice() {
        if given.elem_count() != samples.len {
            bail!(
                "class_weight can't be used with sample weights of shape {:?}",
                given.dims()
            );
        }
        let given: Vec<f32> = keras_ops::host::read(given, |v: &[f32]| Ok(v.to_vec()))?;
        weights.iter_mut().zip(given).for_each(|(w, g)| *w *= g);
    }
    samples.w = vec![Tensor::from_vec(weights, samples.len, y.device())?];
    Ok(())
}
