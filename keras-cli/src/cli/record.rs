use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

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
    /// Say how it ended as JSON, on standard error: standard output is the program's
    #[arg(long, conflicts_with = "quiet")]
    pub json: bool,
    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "PROGRAM")]
    pub program: Vec<OsString>,
}
