//! A run being written.

pub(crate) mod active;
mod artifacts;
mod end;
mod handle;
pub(crate) mod join;
mod options;
mod panics;

use std::fs;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use keras_core::{Error, Result, random, set_random_seed};

pub use active::{Entered, active_run, is_run_active, run_dir};
pub(crate) use handle::Claim;
pub use handle::RunHandle;
pub use options::RunOptions;

use crate::console::Capture;
use crate::data_dir::{DATA, DataDir};
use crate::environment;
use crate::folder::{now, run_dirs, runs_dir, unique_run_dir};
use crate::pulse::Pulse;
use crate::{Metrics, RunInfo};
use artifacts::Snapshot;

/// A run being written: a directory for everything that belongs to one training.
///
/// While it lives it is the active run of its thread: `fit` and `evaluate` record themselves in it (see
/// [`RunRecorder`](crate::RunRecorder)), [`run_dir`] gives its folder, [`write_run_metadata`](crate::write_run_metadata)
/// writes into it. Runs may be nested; the innermost is active. End it with [`finish`](Self::finish): one that is dropped
/// before counts as failed, with the message of the panic if there is one, and one whose process is killed is listed as
/// killed.
///
/// # Examples
/// ```
/// use keras_runs::{RunInfo, RunOptions, Status};
/// let base = tempfile::tempdir().map_err(keras_core::Error::user)?;
/// let run = RunOptions::new().runs_dir(base.path()).start()?;
/// run.flags([("units", 64)])?;
/// run.epoch([("loss", 0.5), ("accuracy", 0.8)])?;
/// run.epoch([("loss", 0.25), ("accuracy", 0.9)])?;
/// run.evaluation([("loss", 0.3)])?;
/// let info = RunInfo::read(run.finish()?)?;
/// assert_eq!(info.metrics.last("accuracy"), Some(0.9));
/// assert_eq!(info.status, Status::Done);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Run {
    handle: RunHandle,
    entered: Option<Entered>,
    /// `None` when another program started the run.
    pulse: Option<Pulse>,
    capture: Option<Capture>,
    background: Option<JoinHandle<Result<()>>>,
    artifacts: Option<Snapshot>,
    ended: bool,
    /// It is active on the thread that started it.
    _thread: PhantomData<*const ()>,
}

impl std::ops::Deref for Run {
    type Target = RunHandle;

    fn deref(&self) -> &RunHandle {
        &self.handle
    }
}

impl Run {
    /// Starts a run in a [new folder](unique_run_dir) of [`runs_dir`]. [`RunOptions`] has all options.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn start() -> Result<Self> {
        RunOptions::new().start()
    }

    /// A handle on it, for other threads.
    pub fn handle(&self) -> &RunHandle {
        &self.handle
    }

    fn begin(options: RunOptions) -> Result<Self> {
        panics::watch();
        if options.join
            && let Some(joined) = join::claim()?
        {
            return Self::joined(options, joined);
        }
        let path = match &options.run_dir {
            Some(dir) => {
                fs::create_dir_all(dir).map_err(|e| Error::io(dir, "cannot make the folder", e))?;
                dir.clone()
            }
            None => unique_run_dir(options.runs_dir.clone().unwrap_or_else(runs_dir))?,
        };
        let (mut metrics, mut fits) = (Metrics::new(), 0);
        let lock;
        if path.join(DATA).is_dir() {
            if !options.resume {
                return Err(Error::file(
                    &path,
                    "this directory holds a run already; go on with it by `RunOptions::resume(true)`, or leave \
                     `run_dir` out for a new one",
                ));
            }
            let data = DataDir::create(&path)?;
            lock = Pulse::take(&data)?;
            let before = RunInfo::read(&path)?;
            (metrics, fits) = (before.metrics.clone(), before.fits()?.len());
            for stale in ["error.json", "properties/end"] {
                let _ = fs::remove_file(data.join(stale));
            }
            data.property("completed", "FALSE")?;
        } else {
            lock = create(&path, &options)?;
        }
        let handle = RunHandle::new(
            path,
            options.keep_going,
            options.flags.clone(),
            options.seed,
            metrics,
            fits,
        );
        let data = handle.inner().data.clone();
        let pulse = Pulse::start(data.clone(), lock);
        let mut run = Self::active(handle, &options)?;
        run.pulse = Some(pulse);
        if options.capture_output {
            run.capture = Capture::start(&data);
        }
        Ok(run)
    }

    /// A run that another program started and ends: this one adds what it knows.
    fn joined(mut options: RunOptions, joined: join::Joined) -> Result<Self> {
        options.flags = joined.flags;
        // A program that has set this seed itself, and drawn from it, goes on from there.
        let given = joined.seed.filter(|seed| *seed != random::random_seed());
        options.seed = given.or(options.seed.filter(|_| joined.seed.is_none()));
        options.environment = true;
        let handle = RunHandle::new(
            joined.path,
            options.keep_going,
            options.flags.clone(),
            options.seed,
            Metrics::new(),
            0,
        );
        if let Some(source) = options.source.clone().or_else(crate::Source::of_program) {
            handle.property("script", source.script_name())?;
        }
        for (name, value) in &options.properties {
            handle.property(name, value)?;
        }
        Self::active(handle, &options)
    }

    fn active(handle: RunHandle, options: &RunOptions) -> Result<Self> {
        if let Some(seed) = options.seed {
            set_random_seed(seed);
        }
        let mut run = Self {
            entered: Some(handle.enter()),
            pulse: None,
            capture: None,
            background: None,
            artifacts: options.artifacts_dir.as_deref().map(Snapshot::take),
            handle,
            ended: false,
            _thread: PhantomData,
        };
        run.property("seed", random::random_seed())?;
        if !options.flags.is_empty() {
            run.flags(options.flags.clone())?;
        }
        for metadata in active::deferred() {
            run.write(metadata)?;
        }
        if options.environment {
            let source = options.source.clone().or_else(crate::Source::of_program);
            run.background = environment::record(run.handle.clone(), source);
        }
        Ok(run)
    }
}

/// Makes the record of a new run under another name and then gives it its own, so that nobody sees a part of it.
fn create(path: &Path, options: &RunOptions) -> Result<fs::File> {
    let starting = path.join(".starting");
    let build = || -> Result<fs::File> {
        let data = DataDir::create_at(&starting)?;
        let lock = Pulse::take(&data)?;
        let script = options.script.clone().unwrap_or_else(|| {
            let source = options.source.clone().or_else(crate::Source::of_program);
            source.map_or_else(program, |source| source.script_name())
        });
        data.property("type", "training")?;
        data.property("context", &options.context)?;
        data.property("script", &script)?;
        data.property("start", &now())?;
        data.property("completed", "FALSE")?;
        for (name, value) in &options.properties {
            data.property(name, value)?;
        }
        if let Some(outer) = active_run() {
            let name = outer
                .path()
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            data.property("parent", &name)?;
        }
        let to = path.join(DATA);
        fs::rename(&starting, &to).map_err(|e| Error::io(&to, "cannot make the folder", e))?;
        Ok(lock)
    };
    build().inspect_err(|_| {
        let _ = fs::remove_dir_all(&starting);
        // Only if nothing else is in it.
        let _ = fs::remove_dir(path);
    })
}

/// The name of the executable.
fn program() -> String {
    let path = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("program"));
    path.file_name().map_or_else(
        || "program".to_owned(),
        |name| name.to_string_lossy().into_owned(),
    )
}

/// The folder of the newest run in `base`, by name.
///
/// ```
/// use keras_runs::{RunOptions, latest_run};
/// let base = tempfile::tempdir().map_err(keras_core::Error::user)?;
/// assert!(latest_run(base.path())?.is_none());
/// let run = RunOptions::new().runs_dir(base.path()).start()?;
/// assert_eq!(latest_run(base.path())?.map(|info| info.run_dir).as_deref(), Some(run.path()));
/// # Ok::<(), keras_core::Error>(())
/// ```
///
/// # Errors
/// When `base` or the run cannot be read.
pub fn latest_run(base: impl AsRef<Path>) -> Result<Option<RunInfo>> {
    let newest = run_dirs(base.as_ref())?.into_iter().next();
    newest.map(RunInfo::read).transpose()
}
