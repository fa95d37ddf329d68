//! Writing into a run.

use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use keras_core::{Error, Outcome, Result};
use serde_json::{Map, Value};

use super::active::Entered;
use super::join;
use crate::data_dir::{DataDir, Lines};
use crate::folder::since_epoch;
use crate::{Metadata, Metrics, RunInfo, Step};

/// A handle on a run that is being written, for any thread. [`Run`](crate::Run) is the run itself, and is one too.
///
/// Every file appears whole or not at all, so that others may read while the run goes on.
///
/// ```
/// use keras_runs::{RunInfo, RunOptions, run_dir};
/// let base = tempfile::tempdir().map_err(keras_core::Error::user)?;
/// let run = RunOptions::new().runs_dir(base.path()).start()?;
/// let (handle, path) = (run.handle().clone(), run.path().to_owned());
/// std::thread::spawn(move || {
///     let _active = handle.enter(); // on this thread, too
///     assert_eq!(run_dir(), path);
///     handle.property("worker", 1)
/// })
/// .join()
/// .unwrap_or_else(|_| Err(keras_core::Error::invalid("the thread panicked")))?;
/// assert_eq!(RunInfo::read(run.path())?.properties["worker"], "1");
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Clone)]
pub struct RunHandle(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) path: PathBuf,
    pub(crate) data: DataDir,
    /// Whether an error of writing ends the run.
    pub(crate) keep_going: bool,
    /// Flags that win over all others.
    pub(crate) overrides: Map<String, Value>,
    /// The seed it was told to start with.
    seed: Option<u64>,
    warned: AtomicBool,
    /// Whether a recorder is at work.
    claimed: AtomicBool,
    state: Mutex<State>,
}

/// Held by the one recorder that is at work.
#[derive(Debug)]
pub(crate) struct Claim(RunHandle);

impl Drop for Claim {
    fn drop(&mut self) {
        self.0.0.claimed.store(false, Ordering::Relaxed);
    }
}

/// What is still to be written.
#[derive(Default)]
struct State {
    metrics: Metrics,
    fits: usize,
    model: String,
    fit_error: Option<String>,
    steps: Option<Lines>,
    failed: bool,
    /// When `metrics.json` was last written, and how long that took.
    written: Option<(Instant, Duration)>,
    /// Whether it lacks something.
    behind: bool,
}

impl fmt::Debug for RunHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RunHandle").field(&self.0.path).finish()
    }
}

/// Whether it is about a file, and not about what was to be written.
fn of_file(error: &Error) -> bool {
    match error {
        Error::File { source, .. } => source.is_some(),
        Error::Context { source, .. } => of_file(source),
        _ => false,
    }
}

impl RunHandle {
    pub(crate) fn new(
        path: PathBuf,
        keep_going: bool,
        overrides: Map<String, Value>,
        seed: Option<u64>,
        metrics: Metrics,
        fits: usize,
    ) -> Self {
        let data = DataDir::of(&path);
        let state = State {
            metrics,
            fits,
            ..State::default()
        };
        Self(Arc::new(Inner {
            path,
            data,
            keep_going,
            overrides,
            seed,
            warned: AtomicBool::new(false),
            claimed: AtomicBool::new(false),
            state: Mutex::new(state),
        }))
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.0
    }

    pub(crate) fn same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The run's folder, for files of your own.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// The folder `tfruns.d`.
    pub fn data_dir(&self) -> &Path {
        self.0.data.path()
    }

    /// Makes the run active on this thread, too, until the guard is dropped.
    pub fn enter(&self) -> Entered {
        Entered::new(self)
    }

    /// The environment variables that make a program's first run write into this one instead of a directory of its own,
    /// with this one's flags and seed. This one ends the record; what the program prints belongs into `console.raw` in
    /// [`data_dir`](Self::data_dir).
    ///
    /// ```
    /// use keras_runs::RunOptions;
    /// let base = tempfile::tempdir().map_err(keras_core::Error::user)?;
    /// let run = RunOptions::new().runs_dir(base.path()).flags([("units", 8)]).start()?;
    /// let mut program = std::process::Command::new("./train");
    /// program.envs(run.variables());
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    pub fn variables(&self) -> Vec<(&'static str, OsString)> {
        let path = std::path::absolute(self.path()).unwrap_or_else(|_| self.path().to_owned());
        let mut variables = vec![(join::RUN_DIR, path.into_os_string())];
        if !self.0.overrides.is_empty() {
            let flags = Value::Object(self.0.overrides.clone());
            variables.push((join::RUN_FLAGS, flags.to_string().into()));
        }
        if let Some(seed) = self.0.seed {
            variables.push((join::RUN_SEED, seed.to_string().into()));
        }
        variables
    }

    /// Takes over what another program wrote into this run, in case it was killed before it wrote all.
    pub(crate) fn catch_up(&self) -> Result<()> {
        let mut state = self.state();
        if !state.metrics.is_empty() || !self.0.data.join("steps.jsonl").exists() {
            return Ok(());
        }
        let written = RunInfo::metrics_of(&self.0.data);
        state.behind = written.as_ref().is_ok_and(|metrics| *metrics != state.metrics);
        self.settle(written.map(|metrics| state.metrics = metrics))
    }

    /// An error of writing, or a warning where the run was to go on without a record.
    pub(crate) fn settle(&self, written: Result<()>) -> Result<()> {
        match written {
            Err(error) if self.0.keep_going && of_file(&error) => {
                if !self.0.warned.swap(true, Ordering::Relaxed) {
                    tracing::warn!("the run goes on without a full record: {error}");
                }
                Ok(())
            }
            other => other,
        }
    }

    /// Writes metadata; see [`write_run_metadata`](crate::write_run_metadata).
    ///
    /// # Errors
    /// When a file cannot be written, or your own function fails.
    pub fn write(&self, metadata: Metadata) -> Result<()> {
        match &metadata {
            Metadata::Metrics(metrics) => self.state().metrics = metrics.clone(),
            Metadata::Error { .. } => self.state().failed = true,
            _ => {}
        }
        self.settle(metadata.write(&self.0.data))
    }

    /// Writes a property: a file of text.
    ///
    /// # Errors
    /// When `name` is not made of letters, digits, `_` and `.`, or the file cannot be written.
    pub fn property(&self, name: &str, value: impl fmt::Display) -> Result<()> {
        self.settle(self.0.data.property(name, &value.to_string()))
    }

    /// Writes `flags.json`: the choices that tell this run from others. See [`Metadata::Flags`].
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn flags<K: Into<String>, V: Into<Value>>(
        &self,
        flags: impl IntoIterator<Item = (K, V)>,
    ) -> Result<()> {
        self.write(Metadata::flags(flags))
    }

    /// Writes what an evaluation gave. See [`Metadata::Evaluation`].
    ///
    /// # Errors
    /// When the files cannot be written.
    pub fn evaluation<K: Into<String>>(&self, values: impl IntoIterator<Item = (K, f64)>) -> Result<()> {
        self.write(Metadata::evaluation(values))
    }

    /// Adds an epoch's metrics, in full precision.
    ///
    /// # Errors
    /// When the files cannot be written.
    pub fn epoch<K: Into<String>>(&self, values: impl IntoIterator<Item = (K, f64)>) -> Result<()> {
        let epoch = self.state().metrics.completed();
        self.end_epoch(epoch, values.into_iter().map(|(k, v)| (k.into(), v)).collect())
    }

    /// Adds a line to `steps.jsonl`: running values after `batch` batches of an epoch, counted from 0.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn step<K: Into<String>>(
        &self,
        epoch: usize,
        batch: usize,
        values: impl IntoIterator<Item = (K, f64)>,
    ) -> Result<()> {
        let values = values.into_iter().map(|(k, v)| (k.into(), v)).collect();
        let mut state = self.state();
        self.settle(self.line(&mut state, epoch, Some(batch), values))
    }

    /// Copies a file into the run's folder, under its own name, and gives its new path.
    ///
    /// # Errors
    /// When it cannot be copied.
    pub fn artifact(&self, file: impl AsRef<Path>) -> Result<PathBuf> {
        let file = file.as_ref();
        let Some(name) = file.file_name() else {
            return Err(Error::file(file, "this is no file"));
        };
        let to = self.path().join(name);
        fs::copy(file, &to).map_err(|e| Error::io(file, "cannot copy into the run", e))?;
        Ok(to)
    }

    /// The path of a plot that you are to write: `plots/NAME` in the run's folder, where views show it.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn plot_path(&self, name: &str) -> Result<PathBuf> {
        let plots = self.path().join("plots");
        fs::create_dir_all(&plots).map_err(|e| Error::io(&plots, "cannot make the folder", e))?;
        Ok(plots.join(name))
    }

    pub(crate) fn claim(&self) -> Option<Claim> {
        let taken = self.0.claimed.swap(true, Ordering::Relaxed);
        (!taken).then(|| Claim(self.clone()))
    }

    /// Starts the record of a training of `epochs` epochs from `initial_epoch` on, and gives the row of its epoch 0. A
    /// training that goes on where another ended continues its rows; one that begins anew adds to them.
    pub(crate) fn begin_fit(&self, initial_epoch: usize, epochs: usize) -> usize {
        let mut state = self.state();
        state.fits += 1;
        let done = state.metrics.completed();
        let first = if initial_epoch == 0 { done } else { 0 };
        // Epochs that are trained again, or were planned and never came.
        state.metrics.truncate(first + initial_epoch.min(done));
        state.metrics.expect(first + epochs);
        first
    }

    pub(crate) fn end_fit(&self, outcome: &Outcome) {
        self.state().fit_error = match outcome {
            Outcome::Failed { message } => Some(message.clone()),
            _ => None,
        };
    }

    /// What the last `fit` failed with.
    pub(crate) fn fit_error(&self) -> Option<String> {
        self.state().fit_error.clone()
    }

    pub(crate) fn end_epoch(&self, epoch: usize, values: Vec<(String, f64)>) -> Result<()> {
        let mut state = self.state();
        for (name, value) in &values {
            state.metrics.set(epoch, name, *value);
        }
        let line = self.line(&mut state, epoch, None, values);
        state.behind = true;
        self.settle(line.and_then(|()| self.write_metrics(&mut state, false)))
    }

    /// Whether the model's summary is another than before.
    pub(crate) fn changed_model(&self, summary: &str) -> bool {
        let mut state = self.state();
        let changed = state.model != summary;
        if changed {
            state.model = summary.to_owned();
        }
        changed
    }

    pub(crate) fn json(&self, file: &str, value: &Value) -> Result<()> {
        self.settle(self.0.data.json(file, value))
    }

    pub(crate) fn add_line(&self, file: &str, line: &str) -> Result<()> {
        self.settle(self.0.data.lines(file).and_then(|mut lines| lines.add(line)))
    }

    fn line(
        &self,
        state: &mut State,
        epoch: usize,
        batch: Option<usize>,
        values: Vec<(String, f64)>,
    ) -> Result<()> {
        let step = Step {
            time: since_epoch().as_secs_f64(),
            fit: state.fits.saturating_sub(1),
            epoch,
            batch,
            values,
        };
        let lines = match &mut state.steps {
            Some(lines) => lines,
            none => none.insert(self.0.data.lines("steps.jsonl")?),
        };
        lines.add(&step.line())
    }

    /// The whole file is written anew each time, so not after each of many short epochs: meanwhile readers take what is
    /// missing from `steps.jsonl`.
    fn write_metrics(&self, state: &mut State, now: bool) -> Result<()> {
        const SHARE: u32 = 500;
        let early = |(at, took): (Instant, Duration)| at.elapsed() < took * SHARE;
        if !state.behind || (!now && state.written.is_some_and(early)) {
            return Ok(());
        }
        let begun = Instant::now();
        state.metrics.write(&self.0.data)?;
        state.written = Some((Instant::now(), begun.elapsed()));
        state.behind = false;
        Ok(())
    }

    /// Writes what was put off.
    pub(crate) fn flush(&self) -> Result<()> {
        let mut state = self.state();
        let written = self.write_metrics(&mut state, true);
        self.settle(written)
    }

    pub(crate) fn metrics(&self) -> Metrics {
        self.state().metrics.clone()
    }

    /// Whether an error was recorded.
    pub(crate) fn failed(&self) -> bool {
        self.state().failed
    }
}
