//! Run directories: what a training was started with and what came of it, in files.
//!
//! While a [`Run`] lives on a thread, `fit` and `evaluate` of models that the `keras` crate compiles record themselves in
//! it, and so does what the program prints. Afterwards [`ls_runs`] and [`ListRuns`] find runs, [`RunInfo`] reads one.
//!
//! ```text
//! runs/2026-11-23T05-40-00Z/
//!   tfruns.d/
//!     flags.json  evaluation.json  metrics.json  error.json  source.tar.gz
//!     properties/   type  context  script  start  end  completed  epochs  samples  optimizer  model  output  …
//!     steps.jsonl  evaluations.jsonl  fits.jsonl  not_finite.json        beyond what R reads
//!     environment.json  git.json  git.diff  model.json  source.json  console.raw
//!     lock  lock.json  heartbeat                                         whether it lives
//!   plots/   history.png  history.svg
//! ```
//!
//! The files are those of R's tfruns, whose `ls_runs()`, `view_run()` and `compare_runs()` read them; this crate reads
//! those that R writes. Each appears whole or not at all; [`format`](mod@format) says what is in them.
//!
//! ```
//! use keras_runs::{ListRuns, RunOptions, run_info};
//! let folder = tempfile::tempdir().map_err(keras_core::Error::user)?;
//! let run = RunOptions::new().runs_dir(folder.path()).start()?;
//! run.flags([("units", 64)])?;
//! run.epoch([("loss", 0.5), ("accuracy", 0.8)])?;
//! run.epoch([("loss", 0.25), ("accuracy", 0.9)])?;
//! run.evaluation([("loss", 0.3)])?;
//! let path = run.finish()?;
//!
//! let info = run_info(&path)?;
//! assert_eq!(info.flags["units"], 64);
//! assert_eq!(info.metrics.last("accuracy"), Some(0.9));
//! let good = ListRuns::new().runs_dir(folder.path()).filter("metric_accuracy > 0.85")?.list()?;
//! assert_eq!(good[0].run_dir, path);
//! # Ok::<(), keras_core::Error>(())
//! ```

mod cell;
mod clean;
mod console;
mod copy;
mod data_dir;
mod environment;
mod evaluation;
mod fit_record;
mod flags;
mod folder;
mod info;
mod list;
mod metadata;
mod metrics;
mod number;
mod plot;
mod pulse;
mod recorder;
mod run;
mod run_error;
mod source;
mod status;
mod step;
mod tar;
mod text;
mod training_run;
mod trials;
mod tuning_run;

pub use cell::Cell;
pub(crate) use clean::ARCHIVE;
pub use clean::{Purged, clean_runs, purge_runs, restore_runs, size_of};
pub use copy::{copy_run, copy_run_files};
pub use evaluation::Evaluation;
pub use fit_record::FitRecord;
pub use flags::{Flag, FlagResult, FlagSet, FlagSources, FlagValue, FlagValues};
pub use folder::{as_run_dir, runs_dir, unique_run_dir};
pub use info::{Properties, RunInfo, run_info};
pub use list::{Filter, ListRuns, RunTable, ls_runs};
pub use metadata::{Metadata, write_run_metadata, write_run_metadata_to};
pub use metrics::Metrics;
pub use plot::plot_history;
pub use recorder::RunRecorder;
pub use run::{Entered, Run, RunHandle, RunOptions, active_run, is_run_active, latest_run, run_dir};
pub use run_error::RunError;
pub use source::Source;
pub use status::Status;
pub use step::Step;
pub use text::printable;
pub use training_run::training_run;
pub use trials::Trials;
pub use tuning_run::tuning_run;

use keras_core::{Callback, Entry};

#[doc = include_str!("../docs/format.md")]
pub mod format {}

/// The callbacks of this crate, for a registry.
pub const ENTRIES: &[Entry<dyn Callback>] = &[recorder::ENTRY];
