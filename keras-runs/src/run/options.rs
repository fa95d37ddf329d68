use std::path::{Path, PathBuf};

use keras_core::Result;
use serde_json::{Map, Value};

use super::Run;
use crate::Source;

/// How to start a run.
///
/// # Examples
/// ```
/// use keras_runs::{RunInfo, RunOptions};
/// let base = tempfile::tempdir().map_err(keras_core::Error::user)?;
/// let run = RunOptions::new()
///     .runs_dir(base.path())
///     .script("digits.rs")
///     .property("experiment", "width")
///     .start()?;
/// let info = RunInfo::read(run.path())?;
/// assert_eq!(info.properties["script"], "digits.rs");
/// assert_eq!(info.properties["experiment"], "width");
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct RunOptions {
    pub(crate) runs_dir: Option<PathBuf>,
    pub(crate) run_dir: Option<PathBuf>,
    pub(crate) script: Option<String>,
    pub(crate) context: String,
    pub(crate) properties: Vec<(String, String)>,
    pub(crate) flags: Map<String, Value>,
    pub(crate) source: Option<Source>,
    pub(crate) artifacts_dir: Option<PathBuf>,
    pub(crate) capture_output: bool,
    pub(crate) environment: bool,
    pub(crate) keep_going: bool,
    pub(crate) resume: bool,
    pub(crate) join: bool,
    pub(crate) seed: Option<u64>,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            runs_dir: None,
            run_dir: None,
            script: None,
            context: "local".to_owned(),
            properties: Vec::new(),
            flags: Map::new(),
            source: None,
            artifacts_dir: None,
            capture_output: true,
            environment: true,
            keep_going: false,
            resume: false,
            join: true,
            seed: None,
        }
    }
}

impl RunOptions {
    /// A new directory in [`runs_dir`](crate::runs_dir), with sources, environment and console output recorded.
    pub fn new() -> Self {
        Self::default()
    }

    /// The folder in which the run gets a directory named after the time.
    #[must_use]
    pub fn runs_dir(mut self, dir: impl AsRef<Path>) -> Self {
        self.runs_dir = Some(dir.as_ref().to_owned());
        self
    }

    /// The run's own directory, instead of a new one.
    #[must_use]
    pub fn run_dir(mut self, dir: impl AsRef<Path>) -> Self {
        self.run_dir = Some(dir.as_ref().to_owned());
        self
    }

    /// The program's name in the record; by default that of its source file, else of its executable.
    #[must_use]
    pub fn script(mut self, name: impl Into<String>) -> Self {
        self.script = Some(name.into());
        self
    }

    /// Where the program runs; "local" by default.
    #[must_use]
    pub fn context(mut self, context: impl Into<String>) -> Self {
        self.context = context.into();
        self
    }

    /// Adds a property: a text that `ls_runs` lists.
    #[must_use]
    pub fn property(mut self, name: impl Into<String>, value: impl ToString) -> Self {
        self.properties.push((name.into(), value.to_string()));
        self
    }

    /// Flags that win over all other sources of [`Flags::load`](crate::Flags::load) while the run is active.
    #[must_use]
    pub fn flags<K: Into<String>, V: Into<Value>>(mut self, flags: impl IntoIterator<Item = (K, V)>) -> Self {
        self.flags = flags.into_iter().map(|(k, v)| (k.into(), v.into())).collect();
        self
    }

    /// Which sources to keep: [`source!()`](crate::source) in the program's main file. Without it they are those of the
    /// package that `cargo run` runs.
    #[must_use]
    pub fn source(mut self, source: Source) -> Self {
        self.source = Some(source);
        self
    }

    /// Copies what is new or changed in this folder at the end of the run into the run's directory, as tfruns does with
    /// the current folder. Not done by default: write into [`run_dir`](crate::run_dir) instead.
    #[must_use]
    pub fn artifacts_dir(mut self, dir: impl AsRef<Path>) -> Self {
        self.artifacts_dir = Some(dir.as_ref().to_owned());
        self
    }

    /// Whether what the process writes to standard output and standard error is kept, too; it is by default, on Unix,
    /// for one run at a time. It passes through `tee`, a process that outlives this one for as long as it takes, so
    /// nothing is lost when this one exits or is killed. The progress display of `fit` looks as before; a program that
    /// asks whether standard output is a terminal itself is told that it is not: ask
    /// [`console::is_terminal`](keras_core::console::is_terminal).
    #[must_use]
    pub fn capture_output(mut self, capture: bool) -> Self {
        self.capture_output = capture;
        self
    }

    /// Whether machine, versions, git's state and sources are recorded; they are by default.
    #[must_use]
    pub fn environment(mut self, record: bool) -> Self {
        self.environment = record;
        self
    }

    /// Whether training goes on, with a warning, when the record cannot be written: a full disk. By default that is an
    /// error.
    #[must_use]
    pub fn keep_going(mut self, keep_going: bool) -> Self {
        self.keep_going = keep_going;
        self
    }

    /// Goes on with the run in [`run_dir`](Self::run_dir) if there is one: its metrics are continued.
    #[must_use]
    pub fn resume(mut self, resume: bool) -> Self {
        self.resume = resume;
        self
    }

    /// The seed that the run starts with, as by [`set_random_seed`](keras_core::set_random_seed).
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Whether a program that `keras run` or `keras tune` started writes into the directory they made; it does by
    /// default, with its first run.
    #[must_use]
    pub fn join(mut self, join: bool) -> Self {
        self.join = join;
        self
    }

    /// Starts the run; it is active on this thread until it is finished or dropped.
    ///
    /// # Errors
    /// When the directory cannot be made, or holds a run already.
    pub fn start(self) -> Result<Run> {
        Run::begin(self)
    }
}
