//! A callback that the user keeps a handle on.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use keras_ops::Tensor;
use serde_json::Value;

use crate::saving::Snapshot;
use crate::{Callback, Config, Context, Logs, Result};

/// A callback with two owners: `fit` and you, so that what it found can be read when `fit` is done.
///
/// # Examples
/// ```
/// use keras_core::{Callback, Context, Fit, Logs, Result, Shared};
/// #[derive(Debug, Default)]
/// struct CountEpochs(usize);
/// impl Callback for CountEpochs {
///     fn on_epoch_end(&mut self, _: usize, _: &mut Context<'_>, _: &mut Logs) -> Result<()> {
///         self.0 += 1;
///         Ok(())
///     }
/// }
/// let count = Shared::new(CountEpochs::default());
/// let fit = Fit::new().callback(count.clone());
/// // … model.fit(data, fit)? …
/// # drop(fit);
/// assert_eq!(count.lock().0, 0);
/// assert_eq!(count.class_name(), "CountEpochs");
/// ```
#[derive(Debug)]
pub struct Shared<C: Callback> {
    inner: Arc<Mutex<C>>,
    class_name: Arc<str>,
}

impl<C: Callback> Clone for Shared<C> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            class_name: self.class_name.clone(),
        }
    }
}

impl<C: Callback> Shared<C> {
    /// Wraps `callback`; clones are handles on the same one.
    pub fn new(callback: C) -> Self {
        let class_name = callback.class_name().into();
        Self {
            inner: Arc::new(Mutex::new(callback)),
            class_name,
        }
    }

    /// The callback. Waits while one of its hooks runs.
    pub fn lock(&self) -> MutexGuard<'_, C> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

macro_rules! forward {
    ($($hook:ident ( $($arg:ident: $t:ty),* )),* $(,)?) => { $(
        fn $hook(&mut self, $($arg: $t,)* cx: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
            self.lock().$hook($($arg,)* cx, logs)
        }
    )* };
}

impl<C: Callback> Callback for Shared<C> {
    fn check(&mut self, cx: &mut Context<'_>) -> Result<()> {
        self.lock().check(cx)
    }

    forward! {
        on_train_begin(), on_train_end(),
        on_epoch_begin(epoch: usize), on_epoch_resume(epoch: usize, step: usize), on_epoch_end(epoch: usize),
        on_train_batch_begin(batch: usize), on_train_batch_end(batch: usize),
        on_batch_begin(batch: usize), on_batch_end(batch: usize),
        on_test_begin(), on_test_end(),
        on_test_batch_begin(batch: usize), on_test_batch_end(batch: usize),
        on_predict_begin(), on_predict_end(),
        on_predict_batch_begin(batch: usize), on_predict_batch_end(batch: usize),
    }

    fn on_snapshot(&mut self, snapshot: &Snapshot, cx: &mut Context<'_>) -> Result<()> {
        self.lock().on_snapshot(snapshot, cx)
    }

    fn unfinished(&self) -> bool {
        self.lock().unfinished()
    }

    fn stands_alone(&self) -> bool {
        self.lock().stands_alone()
    }

    fn before_state(&mut self, cx: &mut Context<'_>) -> Result<()> {
        self.lock().before_state(cx)
    }

    fn class_name(&self) -> &str {
        &self.class_name
    }

    fn config(&self) -> Config {
        self.lock().config()
    }

    fn state(&self) -> Value {
        self.lock().state()
    }

    fn load_state(&mut self, state: &Value) -> Result<()> {
        self.lock().load_state(state)
    }

    fn state_tensors(&self) -> Vec<(String, Tensor)> {
        self.lock().state_tensors()
    }

    fn load_state_tensors(&mut self, tensors: Vec<(String, Tensor)>, cx: &mut Context<'_>) -> Result<()> {
        self.lock().load_state_tensors(tensors, cx)
    }
}
