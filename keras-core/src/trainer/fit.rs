//! `fit`: epochs of training steps with validation and callbacks.

use std::cell::OnceCell;

use serde_json::Value;

use super::passes::batch_size;
use super::resume::{self, Around, Resumed};
use super::{CallbackList, Fit, History, Place};
use crate::data::{Batch, Dataset, IntoDataset, Samples, Shuffle, Stream};
use crate::saving::Snapshot;
use crate::{Error, Logs, Model, Params, Result, ResultExt, bail, random};

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
        options.check()?;
        let callbacks = std::mem::take(&mut options.callbacks);
        let (mut train, validation) = self.fit_data(data.into_dataset()?, &mut options)?;
        let params = self.fit_params(&options, &train, validation.as_ref())?;
        let registry = self.trainer()?.registry.clone();
        let mut callbacks = CallbackList::watched(callbacks, params, &registry)?;
        callbacks.check(self)?;
        let fingerprint = Lazy::default();
        let resumed = self.resume(&mut callbacks, &mut train, &options, &fingerprint)?;
        if let Some(place) = options.start_at {
            train.seek(place.data)?;
        }
        let start = resumed.as_ref().map(|resumed| resumed.place).or(options.start_at);
        if let Some(place) = start {
            options.initial_epoch = place.epoch;
            callbacks.begin_at(place.epoch);
        }
        let mut history = resumed.map(|resumed| resumed.history).unwrap_or_default();
        callbacks.run(self, |callbacks, model, logs| {
            let mut run = Run {
                options,
                train,
                validation,
                callbacks,
                history: &mut history,
                step: start.map_or(0, |place| place.step),
                fingerprint,
            };
            let trained = model.epochs(&mut run, logs);
            if run.options.epochs > 0 {
                model.trainer_mut()?.optimizer.finalize_variable_values()?;
            }
            trained
        })?;
        history.set_outcome(callbacks.outcome());
        Ok(history)
    }

    /// Goes on from where a callback says, or else from where the options say.
    fn resume(
        &mut self,
        callbacks: &mut CallbackList,
        train: &mut Stream,
        options: &Fit,
        fingerprint: &Lazy,
    ) -> Result<Option<Resumed>> {
        for from in [callbacks.resume(), options.resume.clone()].iter().flatten() {
            let run = fingerprint.get(self, options, train);
            if let Some(resumed) = resume::restore(self, callbacks, train, run, from)? {
                return Ok(Some(resumed));
            }
        }
        Ok(None)
    }

    fn epochs(&mut self, run: &mut Run<'_>, logs: &mut Logs) -> Result<()> {
        *logs = run.history.last_logs();
        // It was stopped at the end of an epoch, before its end could be told.
        if run.callbacks.stopping() && run.step == 0 && !run.history.epochs().is_empty() {
            return Ok(());
        }
        for epoch in run.options.initial_epoch..run.options.epochs {
            let _epoch = tracing::debug_span!("epoch", epoch).entered();
            if run.step == 0 {
                self.reset_metrics()?;
                run.callbacks.on_epoch_begin(self, epoch, &mut Logs::new())?;
            } else {
                run.callbacks.on_epoch_resume(self, epoch, run.step)?;
            }
            run.train
                .on_epoch_begin(epoch)
                .context(|| format!("data of epoch {epoch}"))?;
            self.train_epoch(run, epoch)?;
            run.train
                .on_epoch_end(epoch)
                .context(|| format!("data of epoch {epoch}"))?;
            *logs = self.scores()?.iter().map(|(n, v)| (n.to_owned(), v)).collect();
            self.validate(run, epoch, logs)?;
            run.step = 0;
            let place = run.next_place(epoch);
            self.trainer_mut()?.place = Some(place);
            run.callbacks.on_epoch_end(self, epoch, logs)?;
            run.history.push(epoch, logs)?;
            self.snapshots(run, place)?;
            if run.callbacks.stopping() {
                break;
            }
        }
        Ok(())
    }

    /// Adds the scores of validation to the logs, where it is due.
    fn validate(&mut self, run: &mut Run<'_>, epoch: usize, logs: &mut Logs) -> Result<()> {
        if !run.options.validation_freq.is_due(epoch) || run.validation.is_none() {
            return Ok(());
        }
        // A signal ends validation too; it is then done again as a whole.
        let rescuers = run.callbacks.rescuers();
        let before = match rescuers.is_empty() {
            true => None,
            false => {
                let place = run.place(epoch);
                Some(self.snapshot(run, place)?)
            }
        };
        let Run {
            options,
            validation: Some(data),
            callbacks,
            ..
        } = run
        else {
            return Ok(());
        };
        let scores = self.evaluate_stream(data, options.validation_steps, callbacks);
        if let (Err(Error::Interrupted { signal, .. }), Some(before)) = (&scores, &before) {
            run.callbacks.deliver(self, &rescuers, before)?;
            return Err(interrupted_at(signal, before.place()));
        }
        for (name, value) in scores?.iter() {
            logs.set(&format!("val_{name}"), value);
        }
        Ok(())
    }

    fn snapshot(&mut self, run: &mut Run<'_>, place: Place) -> Result<Snapshot> {
        run.callbacks.before_states(self)?;
        let around = Around {
            run: run.fingerprint.get(self, &run.options, &run.train),
            history: run.history,
            train: &run.train,
        };
        resume::take(self, run.callbacks, &around, place)
    }

    /// Gives the state of the training to the callbacks that want it; ends it when a signal came.
    fn snapshots(&mut self, run: &mut Run<'_>, place: Place) -> Result<()> {
        let wanting = run.callbacks.wanting();
        // What has nothing left to do ends by itself.
        let more = place.epoch < run.options.epochs && !run.callbacks.stopping();
        let signal = run.callbacks.interrupted().filter(|_| more);
        if wanting.is_empty() && signal.is_none() {
            return Ok(());
        }
        let snapshot = self.snapshot(run, place)?;
        let Some(signal) = signal else {
            return run.callbacks.deliver(self, &wanting, &snapshot);
        };
        let rescuers = run.callbacks.rescuers();
        run.callbacks.deliver(self, &rescuers, &snapshot)?;
        Err(interrupted_at(signal, place))
    }

    fn train_epoch(&mut self, run: &mut Run<'_>, epoch: usize) -> Result<()> {
        let (steps, block) = (run.options.steps_per_epoch, self.block());
        // Without steps of their own, epochs are passes; in the middle of an epoch its pass goes on, or has ended.
        if run.step == 0 && (steps.is_none() || !run.train.within_pass()) {
            run.train.restart(match (steps, run.train.position().pass) {
                (Some(_), pass) if run.train.begun() => pass + 1,
                _ => epoch as u64,
            })?;
        }
        // It was stopped after the batch at which training goes on.
        if run.step > 0 && run.callbacks.stopping() {
            return Ok(());
        }
        let most = steps.or(run.train.batches());
        while most.is_none_or(|most| run.step < most) {
            let train = &mut run.train;
            let mut next = if train.within_pass() { train.next()? } else { None };
            if next.is_none() && run.step == 0 && train.position().batch > 0 && steps.is_some() {
                // The last epoch ended with the data, unnoticed.
                train.restart(train.position().pass + 1)?;
                next = train.next()?;
            }
            let Some(first) = next else {
                if let Some(steps) = steps {
                    tracing::warn!(
                        "the data ended after {} of {steps} steps of epoch {epoch}; give data for \
                         steps_per_epoch * epochs batches, or fewer steps",
                        run.step
                    );
                }
                train.end_pass();
                break;
            };
            if !run.callbacks.is_empty() {
                run.callbacks
                    .on_train_batch_begin(self, run.step, &mut Logs::new())?;
            }
            self.train_step(&first)?;
            for _ in 1..block {
                let Some(batch) = run.train.next()? else {
                    break;
                };
                self.train_step(&batch)?;
            }
            run.step += block;
            if !run.callbacks.is_empty() {
                let place = run.place(epoch);
                self.trainer_mut()?.place = Some(place);
                let mut logs = Logs::lazy(self.trainer()?.running.clone());
                run.callbacks.on_train_batch_end(self, run.step - 1, &mut logs)?;
                self.snapshots(run, place)?;
            }
            if run.callbacks.stopping() {
                break;
            }
        }
        if run.step == 0 {
            bail!("fit: the data gave no batch in epoch {epoch}");
        }
        Ok(())
    }

    fn fit_data(&self, data: Dataset, options: &mut Fit) -> Result<(Stream, Option<Stream>)> {
        let seed = options.seed.unwrap_or_else(|| match options.shuffle {
            // Data in memory draws nothing then.
            Shuffle::Off if matches!(data, Dataset::Arrays { .. }) => 0,
            _ => random::next_seed(),
        });
        options.class_weight.check(self.classes())?;
        let validation_batch = options.validation_batch_size.or(options.batch_size);
        let mut validation = match options.validation_data.take() {
            Some(data) => {
                let data = data.and_then(|data| {
                    self.stream(
                        data,
                        validation_batch,
                        options.validation_steps,
                        options.allow_nan,
                    )
                });
                Some(data.context(|| "validation_data")?)
            }
            None => None,
        };
        let (x, y, sample_weight) = match data {
            Dataset::Arrays { x, y, sample_weight } => (x, y, sample_weight),
            other => {
                if options.validation_split != 0. && validation.is_none() {
                    bail!("fit: validation_split needs data in memory; give validation_data");
                }
                let stream = self.stream(
                    other,
                    options.batch_size,
                    options.steps_per_epoch,
                    options.allow_nan,
                )?;
                let stream = stream
                    .shuffled(options.shuffle, seed)
                    .weighted(std::mem::take(&mut options.class_weight));
                return Ok((stream, validation));
            }
        };
        let mut samples = self.samples(Batch { x, y, sample_weight })?;
        if !options.allow_nan {
            samples.check_finite()?;
        }
        if validation.is_none() && options.validation_split != 0. {
            let (head, tail) = split(&samples, options.validation_split)?;
            samples = head;
            let batch = batch_size(validation_batch, tail.len, options.validation_steps);
            validation = Some(Stream::arrays(tail, batch));
        }
        options.class_weight.apply(&mut samples)?;
        let batch = batch_size(options.batch_size, samples.len, options.steps_per_epoch);
        Ok((
            Stream::arrays(samples, batch).shuffled(options.shuffle, seed),
            validation,
        ))
    }

    /// The number of classes that the output tells apart, where it does.
    fn classes(&self) -> Option<usize> {
        match self.output_shapes().as_slice() {
            [shape] => shape.last().copied().flatten().filter(|classes| *classes > 1),
            _ => None,
        }
    }

    fn fit_params(&self, options: &Fit, train: &Stream, validation: Option<&Stream>) -> Result<Params> {
        if train.endless() && options.steps_per_epoch.is_none() {
            bail!("fit: the data is endless; give steps_per_epoch");
        }
        let mut log_names = self.metrics_names()?;
        if validation.is_some() {
            log_names.extend(log_names.clone().iter().map(|n| format!("val_{n}")));
        }
        Ok(Params {
            epochs: options.epochs,
            initial_epoch: options
                .start_at
                .map_or(options.initial_epoch, |place| place.epoch),
            steps: options.steps_per_epoch.or(train.batches()),
            batch_size: train.batch_size(),
            samples: train.samples(),
            validation_samples: validation.and_then(Stream::samples),
            verbose: options.verbose.unwrap_or(1),
            validation: validation.is_some(),
            log_names,
            ..Params::default()
        })
    }

    /// How far the current or the last `fit` has come: for callbacks that save it, and
    /// [`Fit::start_at`](crate::Fit::start_at). `None` before the first batch, and without any callback until the end
    /// of the first epoch.
    pub fn place(&self) -> Option<Place> {
        self.trainer.as_ref()?.place
    }
}

/// What a training holds on to.
struct Run<'a> {
    options: Fit,
    train: Stream,
    validation: Option<Stream>,
    callbacks: &'a mut CallbackList,
    history: &'a mut History,
    /// The batches of this epoch that are done.
    step: usize,
    fingerprint: Lazy,
}

/// What must be the same for another run to go on; made when it is needed.
#[derive(Default)]
struct Lazy(OnceCell<Value>);

impl Lazy {
    fn get(&self, model: &Model, options: &Fit, train: &Stream) -> &Value {
        self.0.get_or_init(|| resume::fingerprint(model, options, train))
    }
}

/// The error of a training that a signal ended at `place`.
fn interrupted_at(signal: &str, place: Place) -> Error {
    let Place { epoch, step, .. } = place;
    let after = match step {
        0 => format!("after epoch {epoch}"),
        step => format!("after batch {step} of epoch {}", epoch + 1),
    };
    Error::Interrupted {
        signal: signal.to_owned(),
        saved: format!("{after}; the state is saved, run again to go on"),
    }
}

impl Run<'_> {
    fn place(&self, epoch: usize) -> Place {
        Place {
            epoch,
            step: self.step,
            data: self.train.position(),
        }
    }

    /// The start of the epoch after `epoch`.
    fn next_place(&self, epoch: usize) -> Place {
        let mut data = self.train.position();
        if self.options.steps_per_epoch.is_none() {
            (data.pass, data.batch) = (epoch as u64 + 1, 0);
        } else if !self.train.within_pass() {
            (data.pass, data.batch) = (data.pass + 1, 0);
        }
        Place {
            epoch: epoch + 1,
            step: 0,
            data,
        }
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
