use std::fmt;
use std::path::{Path, PathBuf};

use keras_core::{Error, Result};
use serde_json::{Map, Value};

use crate::data_dir::DataDir;
use crate::evaluation::Evaluation;
use crate::folder::since_epoch;
use crate::run::active;
use crate::{Metrics, source};

/// A function that writes into a run's `tfruns.d`.
type Writer = Box<dyn FnOnce(&Path) -> Result<()>>;

/// What [`write_run_metadata`] writes, and where: `flags.json`, `source.tar.gz`, `properties/…`, `metrics.json`,
/// `evaluation.json`, `error.json`, or files of your own.
#[non_exhaustive]
pub enum Metadata {
    /// The choices that tell a run from others. Lists and objects are written as texts of JSON, since R reads single
    /// values only; null is left out.
    Flags(Map<String, Value>),
    /// A folder whose sources are kept.
    Source(PathBuf),
    /// Texts by name; R reads them as texts too.
    Properties(Vec<(String, String)>),
    /// A column a metric. What is not finite, and epochs to come, are `null` in the file.
    Metrics(Metrics),
    /// What an evaluation gave. What is not finite is left out of `evaluation.json`; `evaluations.jsonl` has it.
    Evaluation(Vec<(String, f64)>),
    /// What went wrong.
    Error {
        /// In one line.
        message: String,
        /// Where, the innermost first.
        traceback: Vec<String>,
    },
    /// Something else, under a name of your own.
    Custom(String, Writer),
}

impl Metadata {
    /// [`Metadata::Flags`] from pairs.
    pub fn flags<K: Into<String>, V: Into<Value>>(flags: impl IntoIterator<Item = (K, V)>) -> Self {
        Self::Flags(flags.into_iter().map(|(k, v)| (k.into(), v.into())).collect())
    }

    /// [`Metadata::Source`]. tfruns's documents also call this type "sources".
    #[doc(alias = "sources")]
    pub fn source(folder: impl Into<PathBuf>) -> Self {
        Self::Source(folder.into())
    }

    /// [`Metadata::Properties`] from pairs.
    pub fn properties<K: Into<String>, V: fmt::Display>(
        properties: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        Self::Properties(
            properties
                .into_iter()
                .map(|(k, v)| (k.into(), v.to_string()))
                .collect(),
        )
    }

    /// [`Metadata::Evaluation`] from pairs.
    pub fn evaluation<K: Into<String>>(values: impl IntoIterator<Item = (K, f64)>) -> Self {
        Self::Evaluation(values.into_iter().map(|(k, v)| (k.into(), v)).collect())
    }

    /// [`Metadata::Custom`].
    pub fn custom(name: impl Into<String>, write: impl FnOnce(&Path) -> Result<()> + 'static) -> Self {
        Self::Custom(name.into(), Box::new(write))
    }

    pub(crate) fn write(self, data: &DataDir) -> Result<()> {
        match self {
            Self::Flags(flags) => data.scalars("flags", &scalars(flags)),
            Self::Source(folder) => source::archive(&folder, None)?.write(data),
            Self::Properties(properties) => properties
                .iter()
                .try_for_each(|(name, value)| data.property(name, value)),
            Self::Metrics(metrics) => metrics.write(data),
            Self::Evaluation(values) => {
                let evaluation = Evaluation::new(since_epoch().as_secs_f64(), values);
                data.lines("evaluations.jsonl")?.add(&evaluation.line())?;
                let finite = evaluation.values.into_iter().filter(|(_, v)| v.is_finite());
                data.scalars("evaluation", &finite.map(|(k, v)| (k, Value::from(v))).collect())
            }
            Self::Error { message, traceback } => {
                let error = serde_json::json!({"message": message, "traceback": traceback});
                data.json("error", &error)
            }
            Self::Custom(name, write) => {
                write(data.path()).map_err(|e| e.context(format!("run metadata `{name}`")))
            }
        }
    }
}

impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flags(flags) => f.debug_tuple("Flags").field(flags).finish(),
            Self::Source(folder) => f.debug_tuple("Source").field(folder).finish(),
            Self::Properties(properties) => f.debug_tuple("Properties").field(properties).finish(),
            Self::Metrics(metrics) => f.debug_tuple("Metrics").field(metrics).finish(),
            Self::Evaluation(values) => f.debug_tuple("Evaluation").field(values).finish(),
            Self::Error { message, .. } => f.debug_tuple("Error").field(message).finish(),
            Self::Custom(name, _) => f.debug_tuple("Custom").field(name).finish(),
        }
    }
}

/// Single values, as R reads them.
pub(crate) fn scalars(values: Map<String, Value>) -> Map<String, Value> {
    let single = |value: Value| match value {
        Value::Array(_) | Value::Object(_) => Value::String(value.to_string()),
        single => single,
    };
    let given = values.into_iter().filter(|(_, value)| !value.is_null());
    given.map(|(name, value)| (name, single(value))).collect()
}

/// Writes metadata into the active run of this thread. Without one it is kept and written when a run starts on this
/// thread, in the order in which it was given.
///
/// # Errors
/// When a file cannot be written, or your own function fails.
///
/// # Examples
/// ```
/// use keras_runs::{Metadata, RunInfo, RunOptions, write_run_metadata};
/// write_run_metadata(Metadata::flags([("units", 64)]))?; // no run yet
/// let base = tempfile::tempdir().map_err(keras_core::Error::user)?;
/// let run = RunOptions::new().runs_dir(base.path()).start()?;
/// write_run_metadata(Metadata::evaluation([("loss", 0.25)]))?;
/// write_run_metadata(Metadata::custom("note", |data_dir| {
///     std::fs::write(data_dir.join("note.txt"), "hello").map_err(keras_core::Error::user)
/// }))?;
/// let info = RunInfo::read(run.path())?;
/// assert_eq!(info.flags["units"], 64);
/// assert_eq!(info.evaluation["loss"], 0.25);
/// assert!(run.path().join("tfruns.d/note.txt").exists());
/// # Ok::<(), keras_core::Error>(())
/// ```
///
/// Differs from tfruns, which loses what is written before a run starts, and writes metrics with four decimals.
pub fn write_run_metadata(metadata: Metadata) -> Result<()> {
    match active::active_run() {
        Some(run) => run.write(metadata),
        None => {
            active::defer(metadata);
            Ok(())
        }
    }
}

/// [`write_run_metadata`] into a run's folder, which need not be active.
///
/// # Errors
/// When `run_dir` is no folder, or as [`write_run_metadata`].
pub fn write_run_metadata_to(run_dir: impl AsRef<Path>, metadata: Metadata) -> Result<()> {
    let run_dir = run_dir.as_ref();
    if !run_dir.is_dir() {
        return Err(Error::file(run_dir, "there is no such run directory"));
    }
    metadata.write(&DataDir::create(run_dir)?)
}
