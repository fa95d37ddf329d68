use std::ffi::OsString;
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;

use clap::{ArgGroup, Args};

use crate::tune::Rule;

/// `keras tune`.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("how").args(["grid", "random", "tpe"]).required(true)))]
pub struct Tune {
    /// A YAML or JSON file of flags, each with a list of values: all combinations
    #[arg(long, value_name = "FILE")]
    pub grid: Option<PathBuf>,
    /// A file of flags, each with a list of values or a range `{min, max, log, integer}`: drawn at random
    #[arg(long, value_name = "FILE", requires = "trials")]
    pub random: Option<PathBuf>,
    /// The same, drawn near what was good so far: tree-structured Parzen estimators
    #[arg(long, value_name = "FILE", requires = "trials")]
    pub tpe: Option<PathBuf>,
    /// How many trials to draw
    #[arg(long, short = 'n', value_name = "N", conflicts_with = "grid")]
    pub trials: Option<usize>,
    /// How many at once
    #[arg(long, short, default_value = "1", value_name = "N")]
    pub jobs: NonZeroUsize,
    /// Train each with N seeds: `--seed`, and those after it
    #[arg(long, visible_alias = "repeats", default_value = "1", value_name = "N")]
    pub seeds: NonZeroU64,
    /// The first seed, and that of what is drawn
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Where the runs get their directories [default: `runs`, or what KERAS_RUNS_DIR says]
    #[arg(long, value_name = "DIR")]
    pub runs_dir: Option<PathBuf>,
    /// The folder of the sources to keep [default: this one]
    #[arg(long, value_name = "DIR")]
    pub source: Option<PathBuf>,
    /// The column that is to be good [default: the first of eval_loss, metric_val_loss and metric_loss that a run has]
    #[arg(long, value_name = "COLUMN")]
    pub objective: Option<String>,
    /// Large values of it are good [default: as its name says]
    #[arg(long, conflicts_with = "minimize")]
    pub maximize: bool,
    /// Small values of it are good
    #[arg(long)]
    pub minimize: bool,
    /// End trials early that do badly, by their metrics so far
    #[arg(long, value_name = "RULE")]
    pub prune: Option<Rule>,
    /// How many epochs each may train before
    #[arg(long, default_value = "1", value_name = "EPOCHS", requires = "prune")]
    pub grace: NonZeroUsize,
    /// Copy the best run into a folder, with the model that it left; written over by the next best
    #[arg(long, value_name = "DIR")]
    pub best: Option<PathBuf>,
    /// Only say what would be run
    #[arg(long)]
    pub dry_run: bool,
    /// Say the result as JSON
    #[arg(long)]
    pub json: bool,
    /// The program and its arguments; `{NAME}` in them is replaced by the flag's value
    #[arg(last = true, required = true, value_name = "PROGRAM")]
    pub program: Vec<OsString>,
}
