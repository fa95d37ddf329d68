use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};

use super::Format;

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
        /// Say the address as JSON
        #[arg(long)]
        json: bool,
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
