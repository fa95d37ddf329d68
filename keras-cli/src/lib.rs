//! The command `keras`: runs listed, shown and compared; any program recorded; trials of flags.
//!
//! ```text
//! keras runs ls 'eval_accuracy > 0.95' --order eval_loss     what was trained
//! keras runs compare RUN RUN …                               several, side by side
//! keras run --flag lr=0.01 -- ./train                        records a program
//! keras tune --grid space.yml -- ./train                     one process a trial
//! ```
//!
//! What it does is in modules of its own; the program only reads the command line. It exits with 0, with 1 where
//! something failed, and with 2 where the command line was wrong; `keras run` exits as the program did.

pub mod cli;
mod end;
mod manual;
mod out;
mod program;
mod record;
mod runs;
mod serve;
mod stop;
mod tune;
pub mod view;

pub use end::{End, Outcome};
pub use out::Out;

use cli::{Cli, Command};

/// Does what a command line says.
///
/// # Errors
/// How it ended, unless all went well.
pub fn run(cli: Cli, out: &mut Out) -> Outcome {
    match cli.command {
        Command::Runs(arguments) => runs::run(arguments, out),
        Command::Run(arguments) => record::run(&arguments),
        Command::Tune(arguments) => tune::run(&arguments, out),
        Command::Completions { shell } => manual::completions(shell, out),
        Command::Man { folder } => manual::pages(folder.as_deref(), out),
    }
}
