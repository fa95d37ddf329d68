//! Run directories: what a training run was started with and what came of it, in files.
//!
//! ```text
//! runs/2026-11-23T05-40-00Z/
//!   tfruns.d/
//!     flags.json  evaluation.json  metrics.json
//!     properties/   type  context  script  start  end  completed  …
//! ```
//!
//! The files are those of R's tfruns, whose `ls_runs()` can read them.
//!
//! ```
//! use keras_runs::{Run, RunRecord, ls_runs};
//! let folder = tempfile::tempdir().map_err(keras_core::Error::user)?;
//! let mut run = Run::start(folder.path().join("runs"), "digits")?;
//! run.flags([("units", 64.into()), ("optimizer", "adam".into())])?;
//! run.epoch([("loss", 0.5), ("accuracy", 0.8)])?;
//! run.epoch([("loss", 0.25), ("accuracy", 0.9)])?;
//! run.evaluation([("loss", 0.3)])?;
//! let path = run.finish()?;
//!
//! let record = RunRecord::read(&path)?;
//! assert_eq!(record.flags["units"], 64);
//! assert_eq!(record.metric("accuracy"), Some(0.9));
//! assert!(record.completed());
//! assert_eq!(ls_runs(folder.path().join("runs"))?, [path]);
//! # Ok::<(), keras_core::Error>(())
//! ```

mod folder;
mod record;
mod run;

pub use folder::{ls_runs, unique_run_dir};
pub use record::RunRecord;
pub use run::Run;

/// The folder of a run that holds its record.
const DATA: &str = "tfruns.d";
