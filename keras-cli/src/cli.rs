//! What the command line may say.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Parser, Subcommand};
use clap_complete::Shell;

/// Runs of Keras for Rust: recorded, listed, shown, compared, tuned.
#[derive(Debug, Parser)]
#[command(
    name = "keras",
    version,
    about,
    propagate_version = true,
    max_term_width = 100
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
#[non_exhaustive]
pub enum Command {
    /// Work with recorded runs
    Runs(Runs),
    /// Record a program: what it prints, how it ends, its flags and sources
    Run(Record),
    /// Try combinations of flags, each in a process of its own
    Tune(Tune),
    /// Show a model: its layers with their shapes and numbers of weights
    Summary(Summary),
    /// List the tensors of a model, weights or a checkpoint, and what their values are like
    Inspect(Inspect),
    /// Write a model or its weights in another format
    Convert(Convert),
    /// Write completions for a shell
    Completions {
        /// Which shell
        shell: Shell,
    },
    /// Write the manual page, or all pages into a folder
    Man {
        /// The folder
        folder: Option<PathBuf>,
    },
}

/// `keras runs`.
#[derive(Debug, Args)]
pub struct Runs {
    /// Where the runs are [default: `runs`, or what KERAS_RUNS_DIR says]
    #[arg(long, global = true, value_name = "DIR")]
    pub runs_dir: Option<PathBuf>,
    /// What to do with them.
    #[command(subcommand)]
    pub command: RunsCommand,
}

/// The commands of `keras runs`.
#[derive(Debug, Subcommand)]
#[non_exhaustive]
pub enum RunsCommand {
    /// List runs
    #[command(visible_alias = "list")]
    Ls(List),
    /// All that is known of a run
    Info {
        /// Which run: a directory, a name, a part of a name, or `latest`
        #[arg(default_value = "latest")]
        run: PathBuf,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Write a run as a page that needs no network
    View {
        /// Which run
        #[arg(default_value = "latest")]
        run: PathBuf,
        /// Where to [default: `view.html` in the run's `tfruns.d`]
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
        /// Say the path as JSON
        #[arg(long)]
        json: bool,
    },
    /// Show runs in a browser while they train: on this machine, read-only
    Serve {
        /// The port; 0 for any that is free
        #[arg(long, default_value_t = 8265)]
        port: u16,
    },
    /// Compare runs: what they gave, against the first, with the noise of their seeds
    Compare {
        /// Which runs; without any the newest two
        runs: Vec<PathBuf>,
        /// Write a page, too
        #[arg(long, value_name = "FILE")]
        html: Option<PathBuf>,
        /// How to write the table.
        #[command(flatten)]
        format: Format,
    },
    /// Run a run's program again, from its sources, flags and seed, and tell the first number that differs
    Replay(Replay),
    /// What differs between two runs: flags and sources
    Diff {
        /// The run before
        before: PathBuf,
        /// The run after
        after: PathBuf,
        /// Exit with 1 when they differ
        #[arg(long)]
        exit_code: bool,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Move runs to the archive
    #[command(group(ArgGroup::new("which").args(["runs", "filter"]).required(true).multiple(true)))]
    Clean {
        /// Which runs
        runs: Vec<PathBuf>,
        /// All for which an expression holds
        #[arg(long, value_name = "EXPRESSION")]
        filter: Option<String>,
        /// Only say which
        #[arg(long)]
        dry_run: bool,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Move runs back from the archive
    Restore {
        /// Which runs
        #[arg(required = true)]
        runs: Vec<PathBuf>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Delete the runs in the archive
    Purge {
        /// Do it; without this it only says what would be deleted
        #[arg(long)]
        yes: bool,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Copy runs
    Copy {
        /// Which runs
        #[arg(required = true)]
        runs: Vec<PathBuf>,
        /// Into which folder
        #[arg(long, default_value = ".", value_name = "DIR")]
        to: PathBuf,
        /// A new name for each, in order
        #[arg(long, value_name = "NAME")]
        rename: Vec<String>,
        /// Without the record: only the files that the program left
        #[arg(long)]
        files: bool,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// The metrics of runs, a line an epoch and metric
    Export {
        /// Which runs; without any all
        runs: Vec<PathBuf>,
        /// Into a file
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
        /// As JSON instead of CSV
        #[arg(long)]
        json: bool,
    },
}

/// `keras runs ls`.
#[derive(Debug, Args)]
pub struct List {
    /// Those for which it holds: `eval_acc > 0.95 and flag_dropout < 0.4`
    #[arg(value_name = "EXPRESSION")]
    pub filter: Option<String>,
    /// By a column, the largest first; the smallest first with `-` before it
    #[arg(long, value_name = "COLUMN", allow_hyphen_values = true)]
    pub order: Vec<String>,
    /// The newest N only, chosen before all else
    #[arg(long, value_name = "N")]
    pub latest: Option<usize>,
    /// At most N lines
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// These columns, with commas between
    #[arg(long, value_delimiter = ',', value_name = "COLUMNS")]
    pub columns: Vec<String>,
    /// All columns, however wide
    #[arg(long)]
    pub all: bool,
    /// Those in the archive
    #[arg(long)]
    pub archived: bool,
    /// How to write the table.
    #[command(flatten)]
    pub format: Format,
}

/// `keras runs replay`.
#[derive(Debug, Args)]
pub struct Replay {
    /// Which run
    #[arg(default_value = "latest")]
    pub run: PathBuf,
    /// Put the sources into this empty folder and leave them there [default: a folder that is removed]
    #[arg(long, value_name = "DIR")]
    pub folder: Option<PathBuf>,
    /// Run it in the folder where it was run, as that is now
    #[arg(long, conflicts_with = "folder")]
    pub here: bool,
    /// A command for a shell that builds the program there first
    #[arg(long, value_name = "COMMAND")]
    pub build: Option<String>,
    /// How much a number may differ, as a part of it
    #[arg(long, default_value_t = 0., value_name = "PART")]
    pub tolerance: f64,
    /// As JSON
    #[arg(long)]
    pub json: bool,
    /// Another program and its arguments [default: those recorded]
    #[arg(last = true, value_name = "PROGRAM")]
    pub program: Vec<std::ffi::OsString>,
}

/// How to write a table.
#[derive(Clone, Copy, Debug, Args)]
pub struct Format {
    /// As JSON
    #[arg(long)]
    pub json: bool,
    /// As CSV
    #[arg(long, conflicts_with = "json")]
    pub csv: bool,
}

/// `keras run`.
#[derive(Debug, Args)]
pub struct Record {
    /// A flag; the program finds it in the environment, and in its arguments where they say `{NAME}`
    #[arg(long = "flag", short, value_name = "NAME=VALUE")]
    pub flags: Vec<String>,
    /// A property of the run: a text that is listed
    #[arg(long = "property", short, value_name = "NAME=VALUE")]
    pub properties: Vec<String>,
    /// The seed to start with
    #[arg(long)]
    pub seed: Option<u64>,
    /// Where the run gets its directory
    #[arg(long, value_name = "DIR")]
    pub runs_dir: Option<PathBuf>,
    /// The run's own directory
    #[arg(long, value_name = "DIR", conflicts_with = "runs_dir")]
    pub run_dir: Option<PathBuf>,
    /// The folder of the sources to keep [default: this one]
    #[arg(long, value_name = "DIR")]
    pub source: Option<PathBuf>,
    /// Say nothing beside what the program says
    #[arg(long, short)]
    pub quiet: bool,
    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "PROGRAM")]
    pub program: Vec<std::ffi::OsString>,
}

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
    pub jobs: std::num::NonZeroUsize,
    /// Train each with N seeds: `--seed`, and those after it
    #[arg(long, visible_alias = "repeats", default_value = "1", value_name = "N")]
    pub seeds: std::num::NonZeroU64,
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
    pub prune: Option<crate::tune::Rule>,
    /// How many epochs each may train before
    #[arg(long, default_value = "1", value_name = "EPOCHS", requires = "prune")]
    pub grace: std::num::NonZeroUsize,
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
    pub program: Vec<std::ffi::OsString>,
}

/// `keras summary`.
#[derive(Debug, Args)]
pub struct Summary {
    /// A saved model, a checkpoint, a model's JSON, or a run's directory
    pub file: PathBuf,
    /// List the layers of models within
    #[arg(long)]
    pub expand_nested: bool,
    /// Say which layers are trained
    #[arg(long)]
    pub show_trainable: bool,
    /// The width of the table
    #[arg(long, value_name = "COLUMNS")]
    pub width: Option<usize>,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// `keras inspect`.
#[derive(Debug, Args)]
pub struct Inspect {
    /// A saved model, weights, a checkpoint or its folder, or a file of safetensors or NumPy
    pub file: PathBuf,
    /// Only this tensor
    #[arg(long, short, value_name = "NAME")]
    pub tensor: Vec<String>,
    /// Those that are no weights, too: of the optimizer, of metrics and callbacks
    #[arg(long)]
    pub all: bool,
    /// Do not read the values
    #[arg(long)]
    pub no_values: bool,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// `keras convert`.
#[derive(Debug, Args)]
pub struct Convert {
    /// A saved model, weights, a checkpoint or its folder, a model's JSON, or a file of safetensors or NumPy
    pub from: PathBuf,
    /// What to write: a model's `.json`, a model as `.keras`, weights as `.safetensors` or `.npz`
    pub to: PathBuf,
    /// The weights of the model to write, from any file that has them
    #[arg(long, value_name = "FILE")]
    pub weights: Option<PathBuf>,
    /// The seed of new weights, for a model that has none
    #[arg(long)]
    pub seed: Option<u64>,
    /// Tensors that are no weights, too
    #[arg(long)]
    pub all: bool,
    /// Write over a file that is there
    #[arg(long)]
    pub force: bool,
    /// Say what was written as JSON
    #[arg(long)]
    pub json: bool,
}
