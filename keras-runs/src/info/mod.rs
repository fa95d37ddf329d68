//! A run that was written.

mod columns;
mod files;
mod load;

use std::path::{Path, PathBuf};

use keras_core::{Error, Result};
use serde_json::{Map, Value};

pub(crate) use load::Depth;

use crate::data_dir::DataDir;
use crate::folder::since_epoch;
use crate::{Metrics, RunError, Status};

/// What the directory of a run says: one that goes on, has ended, or was broken off, written by us or by R.
///
/// Single values have names, as tfruns gives them to columns: see [`get`](Self::get).
///
/// # Examples
/// ```
/// use keras_runs::{Cell, RunOptions, run_info};
/// let base = tempfile::tempdir().map_err(keras_core::Error::user)?;
/// let run = RunOptions::new().runs_dir(base.path()).start()?;
/// run.flags([("units", 64)])?;
/// run.epoch([("loss", 0.5), ("val_loss", 0.7)])?;
/// run.epoch([("loss", 0.25), ("val_loss", 0.9)])?;
/// let info = run_info(run.finish()?)?;
/// assert_eq!(info.get("flag_units"), Some(Cell::Number(64.)));
/// assert_eq!(info.get("metric_val_loss"), Some(Cell::Number(0.9)));
/// assert_eq!(info.get("best_val_loss"), Some(Cell::Number(0.7)));
/// assert_eq!(info.get("status"), Some(Cell::from("done")));
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct RunInfo {
    /// The run's directory.
    pub run_dir: PathBuf,
    /// How it stands.
    pub status: Status,
    /// When it started, in seconds since 1970.
    pub start: Option<f64>,
    /// When it ended.
    pub end: Option<f64>,
    /// The choices that tell it from others.
    pub flags: Map<String, Value>,
    /// What the last evaluation gave. Numbers that are not finite are texts: `"NaN"`, `"Infinity"`, `"-Infinity"`.
    pub evaluation: Map<String, Value>,
    /// A column a metric.
    pub metrics: Metrics,
    /// Texts by name, in the order of their names, without their last line break. In a list of runs, the long ones
    /// are left out: the model's summary and the console's text.
    pub properties: Properties,
    /// What it ended with, where that is an error.
    pub error: Option<RunError>,
    /// What could not be read, where the run is one of a list; [`read`](Self::read) gives an error instead.
    pub damage: Vec<String>,
}

/// Texts by name.
pub type Properties = std::collections::BTreeMap<String, String>;

/// Reads a run's directory; see [`RunInfo`].
///
/// # Errors
/// As [`RunInfo::read`].
pub fn run_info(run_dir: impl AsRef<Path>) -> Result<RunInfo> {
    RunInfo::read(run_dir)
}

impl RunInfo {
    /// Reads a run's directory.
    ///
    /// # Errors
    /// When `run_dir` is no run's directory, or a file in it is damaged.
    pub fn read(run_dir: impl AsRef<Path>) -> Result<Self> {
        let run_dir = run_dir.as_ref();
        let info = load::load(run_dir, Depth::Full)?;
        match info.damage.first() {
            Some(damage) => Err(Error::file(run_dir, damage)),
            None => Ok(info),
        }
    }

    pub(crate) fn listed(run_dir: &Path) -> Result<Self> {
        load::load(run_dir, Depth::List)
    }

    pub(crate) fn metrics_of(data: &DataDir) -> Result<Metrics> {
        load::metrics(data)
    }

    /// The name of its directory.
    pub fn name(&self) -> String {
        let path = &self.run_dir;
        // `.` and `..` have no name of their own.
        let whole = path
            .file_name()
            .is_none()
            .then(|| path.canonicalize().ok())
            .flatten();
        let name = whole.as_deref().unwrap_or(path).file_name();
        name.map_or_else(
            || path.display().to_string(),
            |name| name.to_string_lossy().into_owned(),
        )
    }

    /// A property.
    pub fn property(&self, name: &str) -> Option<&str> {
        self.properties
            .get(name)
            .map(String::as_str)
            .filter(|text| !text.is_empty())
    }

    /// The seconds from start to end, or to now while it goes on.
    pub fn duration(&self) -> Option<f64> {
        let end = match self.status {
            Status::Running => Some(since_epoch().as_secs_f64()),
            _ => self.end,
        };
        Some((end? - self.start?).max(0.))
    }

    /// The number of epochs planned.
    pub fn epochs(&self) -> Option<usize> {
        self.property("epochs")?.parse().ok()
    }

    /// The number of epochs that came.
    pub fn epochs_completed(&self) -> usize {
        self.metrics.completed()
    }

    /// The seed it was started with.
    pub fn seed(&self) -> Option<u64> {
        self.property("seed")?.parse().ok()
    }
}
