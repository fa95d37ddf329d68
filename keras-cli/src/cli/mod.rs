//! What the command line may say.

mod model;
mod record;
mod runs;
mod tune;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

pub use model::{Convert, Inspect, Summary};
pub use record::Record;
pub use runs::{List, Replay, Runs, RunsCommand};
pub use tune::Tune;

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
