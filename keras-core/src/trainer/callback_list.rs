use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::AtomicBool;

use keras_ops::Tensor;
use serde_json::{Value, json};

use super::Resume;
use super::signals::Signals;
use crate::callback::Board;
use crate::data::described;
use crate::registry::Registry;
use crate::saving::Snapshot;
use crate::{Callback, Context, Error, Given, Logs, Model, Outcome, Params, Result, ResultExt};

/// The callbacks of a run, called in the order in which they were given: what `fit` uses, and training loops of
/// one's own can.
///
/// # Examples
/// ```
/// use keras_core::layers::Dense;
/// use keras_core::ops::Tensor;
/// use keras_core::{Callback, CallbackList, Compile, Context, Logs, Params, Registry, Result, Sequential, loss_fn};
///
/// #[derive(Debug)]
/// struct StopAt(f64);
/// impl Callback for StopAt {
///     fn on_epoch_end(&mut self, epoch: usize, cx: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
///         if logs.get("loss")?.is_some_and(|loss| loss < self.0) {
///             cx.stop_training_because(format!("good enough after epoch {epoch}"));
///         }
///         Ok(())
///     }
/// }
/// let mut model = Sequential::new().input([1]).add(Dense::new(1).kernel_initializer("zeros")).build()?;
/// let mse = loss_fn("mse", |y: &Tensor, p: &Tensor| (p - y)?.sqr());
/// model.compile_with(Compile::new("sgd").loss(mse), &Registry::core())?;
/// let (x, y) = (vec![[1f32], [2.]], vec![[2f32], [4.]]);
///
/// let mut params = Params::default();
/// params.epochs = 100;
/// params.log_names = model.metrics_names()?;
/// let mut callbacks = CallbackList::new([StopAt(5.).into()], params, None)?;
/// let epochs = callbacks.train(&mut model, |callbacks, model, last| {
///     let mut epoch = 0;
///     while epoch < 100 && !callbacks.stopping() {
///         callbacks.on_epoch_begin(model, epoch, &mut Logs::new())?;
///         callbacks.on_train_batch_begin(model, 0, &mut Logs::new())?;
///         let scores = model.train_on_batch((&x, &y))?;
///         let mut logs: Logs = scores.iter().map(|(name, value)| (name.to_owned(), value)).collect();
///         callbacks.on_train_batch_end(model, 0, &mut logs)?;
///         callbacks.on_epoch_end(model, epoch, &mut logs)?;
///         *last = logs;
///         epoch += 1;
///     }
///     Ok(epoch)
/// })?;
/// assert!(epochs < 100);
/// assert_eq!(callbacks.outcome().to_string(), format!("stopped by StopAt: good enough after epoch {}", epochs - 1));
/// # Ok::<(), keras_core::Error>(())
/// ```
pub struct CallbackList {
    list: Vec<Box<dyn Callback>>,
    params: Params,
    stop: bool,
    /// The number of callbacks that know that training has begun.
    begun: usize,
    /// While a training runs that saves its state when a signal comes.
    signals: Option<Signals>,
    /// Whether one may have something [unfinished](Callback::unfinished).
    unfinished: bool,
    /// Whether the loop is one of the library's, which looks at no files.
    watched: bool,
}

macro_rules! hooks {
    (
        plain { $($(#[$plain_doc:meta])* $plain:ident)* }
        numbered { $($(#[$numbered_doc:meta])* $numbered:ident)* }
    ) => {
        impl CallbackList {
            $(
                $(#[$plain_doc])*
                ///
                /// # Errors
                /// The first that a callback gives.
                pub fn $plain(&mut self, model: &mut Model, logs: &mut Logs) -> Result<()> {
                    self.each(model, logs, |callback, cx, logs| callback.$plain(cx, logs))
                }
            )*
            $(
                $(#[$numbered_doc])*
                ///
                /// # Errors
                /// The first that a callback gives.
                pub fn $numbered(&mut self, model: &mut Model, number: usize, logs: &mut Logs) -> Result<()> {
                    self.each(model, logs, |callback, cx, logs| callback.$numbered(number, cx, logs))
                }
            )*
        }
    };
}

hooks! {
    plain {
        /// Before an evaluation or validation.
        on_test_begin
        /// After an evaluation or validation.
        on_test_end
        /// Before a prediction.
        on_predict_begin
        /// After a prediction.
        on_predict_end
    }
    numbered {
        /// Before an epoch.
        on_epoch_begin
        /// After an epoch and its validation.
        on_epoch_end
        /// Before a training batch.
        on_train_batch_begin
        /// After a training batch.
        on_train_batch_end
        /// Before an evaluation batch.
        on_test_batch_begin
        /// After an evaluation batch.
        on_test_batch_end
        /// Before a prediction batch.
        on_predict_batch_begin
        /// After a prediction batch.
        on_predict_batch_end
    }
}

impl CallbackList {
    /// Callbacks by value, or by their names in `registry`. With a registry that has one, a progress display comes
    /// last, so that it shows what the others added to the logs and noted.
    ///
    /// # Errors
    /// When the registry has no callback of a name.
    pub fn new(
        callbacks: impl IntoIterator<Item = Given<dyn Callback>>,
        params: Params,
        registry: Option<&Registry>,
    ) -> Result<Self> {
        let empty = Registry::empty();
        let known = registry.unwrap_or(&empty);
        let given = callbacks.into_iter();
        let mut list = given
            .map(|callback| callback.resolve(&known.callbacks, known))
            .collect::<Result<Vec<_>>>()?;
        for callback in &list {
            known
                .callbacks
                .check_numbers(callback.class_name(), &callback.config())?;
        }
        if let (Some(progress), 1..) = (known.progress, params.verbose) {
            list.push(progress(params.verbose));
        }
        Ok(Self {
            list,
            params,
            stop: false,
            begun: 0,
            signals: None,
            unfinished: false,
            watched: false,
        })
    }

    /// For `fit` and `evaluate`: those given, then those that [watch](Registry::watchers), then the progress display.
    pub(crate) fn watched(
        mut given: Vec<Given<dyn Callback>>,
        params: Params,
        registry: &Registry,
    ) -> Result<Self> {
        let watchers = registry.watchers.iter().filter_map(|watcher| watcher());
        given.extend(watchers.map(Given::Value));
        let list = Self::new(given, params, Some(registry))?;
        Ok(Self {
            watched: true,
            ..list
        })
    }

    /// What the run was started with.
    pub fn params(&self) -> &Params {
        &self.params
    }

    /// Whether a callback stopped training.
    pub fn stopping(&self) -> bool {
        self.stop
    }

    /// How training ended; [`Outcome::Running`] before.
    pub fn outcome(&self) -> Outcome {
        self.params.board().outcome.clone()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Lets each look whether it can do its work: before anything else.
    ///
    /// # Errors
    /// The first that a callback gives.
    pub fn check(&mut self, model: &mut Model) -> Result<()> {
        self.stop = false;
        {
            let mut board = self.params.board();
            (board.stopped, board.outcome) = (None, Outcome::Running);
        }
        self.each(model, &mut Logs::new(), |callback, cx, _| callback.check(cx))
    }

    /// A training: [`check`](Self::check), `on_train_begin`, the loop in `body`, `on_train_end`. The last is called
    /// however `body` ends, also by a panic, for every callback that knows that training has begun; it is given the
    /// logs that `body` left in its last argument, and the [`Outcome`].
    ///
    /// # Errors
    /// The first of a callback's and `body`'s.
    pub fn train<R>(
        &mut self,
        model: &mut Model,
        body: impl FnOnce(&mut Self, &mut Model, &mut Logs) -> Result<R>,
    ) -> Result<R> {
        self.check(model)?;
        self.run(model, body)
    }

    /// [`train`](Self::train) without the check.
    pub(crate) fn run<R>(
        &mut self,
        model: &mut Model,
        body: impl FnOnce(&mut Self, &mut Model, &mut Logs) -> Result<R>,
    ) -> Result<R> {
        if !self.params.board().rescuers.is_empty() {
            self.signals = Some(Signals::watch()?);
        }
        let mut logs = Logs::new();
        let run = AssertUnwindSafe(|| {
            self.on_train_begin(model, &mut logs)?;
            body(self, model, &mut logs)
        });
        let done = catch_unwind(run);
        let outcome = self.outcome_of(&done);
        let ended = self.on_train_end(model, &mut logs, outcome);
        self.signals = None;
        match done {
            Err(panic) => resume_unwind(panic),
            Ok(done) => done.and_then(|done| ended.map(|()| done)),
        }
    }

    fn outcome_of<R>(&self, done: &Result<Result<R>, Box<dyn Any + Send>>) -> Outcome {
        match done {
            Err(panic) => Outcome::Failed {
                message: format!("a panic: {}", described(&**panic)),
            },
            Ok(Err(Error::Interrupted { signal, .. })) => Outcome::Interrupted {
                signal: signal.clone(),
            },
            Ok(Err(error)) => Outcome::Failed {
                message: error.to_string(),
            },
            Ok(Ok(_)) => match &self.params.board().stopped {
                Some((slot, reason)) => Outcome::Stopped {
                    by: self.list.get(*slot).map_or("?", |c| c.class_name()).to_owned(),
                    reason: reason.clone(),
                },
                None => Outcome::Completed,
            },
        }
    }

    fn on_train_begin(&mut self, model: &mut Model, logs: &mut Logs) -> Result<()> {
        self.begun = 0;
        for slot in 0..self.list.len() {
            self.begun = slot + 1;
            self.call(slot, model, logs, &mut |callback, cx, logs| {
                callback.on_train_begin(cx, logs)
            })?;
        }
        Ok(())
    }

    fn on_train_end(&mut self, model: &mut Model, logs: &mut Logs, outcome: Outcome) -> Result<()> {
        self.params.board().outcome = outcome;
        let mut ended = Ok(());
        for slot in 0..std::mem::take(&mut self.begun) {
            let end = self.call(slot, model, logs, &mut |callback, cx, logs| {
                callback.on_train_end(cx, logs)
            });
            ended = ended.and(end);
        }
        ended
    }

    /// Calls a hook of each callback in turn.
    fn each(
        &mut self,
        model: &mut Model,
        logs: &mut Logs,
        mut hook: impl FnMut(&mut dyn Callback, &mut Context<'_>, &mut Logs) -> Result<()>,
    ) -> Result<()> {
        (0..self.list.len()).try_for_each(|slot| self.call(slot, model, logs, &mut hook))?;
        match self.unfinished && !self.watched {
            true => self.finish(model),
            false => Ok(()),
        }
    }

    /// Lets all finish what they do in the background.
    fn finish(&mut self, model: &mut Model) -> Result<()> {
        self.unfinished = false;
        for slot in 0..self.list.len() {
            if self.list[slot].unfinished() {
                self.call(slot, model, &mut Logs::new(), &mut |callback, cx, _| {
                    callback.before_state(cx)
                })?;
            }
        }
        Ok(())
    }

    fn call(
        &mut self,
        slot: usize,
        model: &mut Model,
        logs: &mut Logs,
        hook: &mut impl FnMut(&mut dyn Callback, &mut Context<'_>, &mut Logs) -> Result<()>,
    ) -> Result<()> {
        if self.unfinished
            && self
                .list
                .get(slot)
                .is_some_and(|callback| !callback.stands_alone())
        {
            self.finish(model)?;
        }
        let Some(callback) = self.list.get_mut(slot) else {
            return Ok(());
        };
        let mut cx = Context::new(model, &self.params, &mut self.stop).at(slot);
        let done = hook(&mut **callback, &mut cx, logs);
        self.unfinished |= callback.unfinished();
        done.context(|| format!("callback {}", callback.class_name()))
    }

    /// Whether a callback ended the evaluation that is going on; forgets it, and notes the reason.
    pub(crate) fn take_stop_evaluating(&self) -> bool {
        self.take_stop("evaluation", &self.params.board.stop_evaluating)
    }

    /// The same of a prediction.
    pub(crate) fn take_stop_predicting(&self) -> bool {
        self.take_stop("prediction", &self.params.board.stop_predicting)
    }

    fn take_stop(&self, what: &str, flag: &AtomicBool) -> bool {
        let stopped = Board::take(flag);
        if let Some(reason) = stopped.then(|| self.params.board().reason.take()).flatten() {
            self.note(format!("{what} stopped: {reason}"));
        }
        stopped
    }
}

/// What `fit` saves and goes on from.
impl CallbackList {
    /// Says something as [`Context::note`] does.
    pub(crate) fn note(&self, text: String) {
        self.params.board().notes.push(text);
    }

    /// Where a callback says that training goes on from.
    pub(crate) fn resume(&self) -> Option<Resume> {
        self.params.board().resume.clone()
    }

    pub(crate) fn begin_at(&mut self, epoch: usize) {
        self.params.initial_epoch = epoch;
    }

    /// [`Callback::on_epoch_resume`] of each.
    pub(crate) fn on_epoch_resume(&mut self, model: &mut Model, epoch: usize, step: usize) -> Result<()> {
        self.each(model, &mut Logs::new(), |callback, cx, logs| {
            callback.on_epoch_resume(epoch, step, cx, logs)
        })
    }

    /// [`Callback::before_state`] of each.
    pub(crate) fn before_states(&mut self, model: &mut Model) -> Result<()> {
        self.each(model, &mut Logs::new(), |callback, cx, _| {
            callback.before_state(cx)
        })
    }

    /// The states of all that have one, and their tensors under `folder`.
    pub(crate) fn states(&self, folder: &str) -> (Value, Vec<(String, Tensor)>) {
        let (mut states, mut all) = (Vec::new(), Vec::new());
        for callback in &self.list {
            let (state, tensors) = (callback.state(), callback.state_tensors());
            if state.is_null() && tensors.is_empty() {
                continue;
            }
            let index = states.len();
            states.push(json!({"class_name": callback.class_name(), "state": state}));
            let named = tensors.into_iter();
            all.extend(named.map(|(name, tensor)| (format!("{folder}{index}/{name}"), tensor)));
        }
        (Value::Array(states), all)
    }

    /// Continues from [`states`](Self::states): the first of a class from the first of that class, and so on.
    pub(crate) fn load_states(
        &mut self,
        model: &mut Model,
        states: &Value,
        tensors: Vec<(String, Tensor)>,
    ) -> Result<()> {
        let mut loaded = vec![false; self.list.len()];
        for (index, entry) in states.as_array().into_iter().flatten().enumerate() {
            let class = entry["class_name"].as_str().unwrap_or_default();
            let mut slots = self.list.iter().zip(&loaded);
            let Some(slot) = slots.position(|(callback, done)| !done && callback.class_name() == class)
            else {
                self.note(format!(
                    "the checkpoint has the state of a {class}, which this run does not have"
                ));
                continue;
            };
            loaded[slot] = true;
            let own = tensors.iter().filter_map(|(name, tensor)| {
                let name = name.strip_prefix(&index.to_string())?.strip_prefix('/')?;
                Some((name.to_owned(), tensor.clone()))
            });
            let own: Vec<_> = own.collect();
            self.call(slot, model, &mut Logs::new(), &mut |callback, cx, _| {
                if !entry["state"].is_null() {
                    callback.load_state(&entry["state"])?;
                }
                if own.is_empty() {
                    return Ok(());
                }
                callback.load_state_tensors(own.clone(), cx)
            })?;
        }
        Ok(())
    }

    /// Which callback stopped training, and why.
    pub(crate) fn stopped(&self) -> Value {
        match &self.params.board().stopped {
            Some((slot, reason)) => {
                json!({"by": self.list.get(*slot).map(|c| c.class_name()), "reason": reason})
            }
            None => Value::Null,
        }
    }

    /// Continues from [`stopped`](Self::stopped).
    pub(crate) fn load_stopped(&mut self, stopped: &Value) {
        if stopped.is_null() {
            return;
        }
        self.stop = true;
        let slot = self.list.iter().position(|c| stopped["by"] == c.class_name());
        let reason = stopped["reason"].as_str().map(str::to_owned);
        self.params.board().stopped = Some((slot.unwrap_or(usize::MAX), reason));
    }

    /// The callbacks that want the state of the training now; forgets them.
    pub(crate) fn wanting(&self) -> Vec<usize> {
        match Board::take(&self.params.board.wanted) {
            true => std::mem::take(&mut self.params.board().snapshots),
            false => Vec::new(),
        }
    }

    /// The callbacks that want it when a signal ends the training.
    pub(crate) fn rescuers(&self) -> Vec<usize> {
        self.params.board().rescuers.clone()
    }

    /// The signal that is to end the training.
    pub(crate) fn interrupted(&self) -> Option<&'static str> {
        self.signals.as_ref()?.seen()
    }

    /// Gives callbacks the state of the training.
    pub(crate) fn deliver(&mut self, model: &mut Model, slots: &[usize], snapshot: &Snapshot) -> Result<()> {
        slots.iter().try_for_each(|slot| {
            self.call(*slot, model, &mut Logs::new(), &mut |callback, cx, _| {
                callback.on_snapshot(snapshot, cx)
            })
        })
    }
}

impl fmt::Debug for CallbackList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.list).finish()
    }
}
