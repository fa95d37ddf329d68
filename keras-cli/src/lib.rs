//! The command `keras`: runs listed, shown and compared; any program recorded; trials of flags; models in files.
//!
//! ```text
//! keras runs ls 'eval_accuracy > 0.95' --order eval_loss     what was trained
//! keras runs compare RUN RUN …                               several, side by side
//! keras run --flag lr=0.01 -- ./train                        records a program
//! keras runs replay RUN                                      the same again, and the first number that differs
//! keras tune --tpe space.yml -n 50 --prune asha -- ./train   one process a trial
//! keras summary model.keras                                  layers; `inspect`: tensors; `convert`: other formats
//! ```
//!
//! What it does is in modules of its own; the program only reads the command line. It exits with 0, with 1 where
//! something failed (for `replay` a number that differs), and with 2 where the command line was wrong; `keras run` exits as
//! the program did.

pub mod cli;
mod end;
mod manual;
mod model;
mod out;
mod program;
mod record;
mod runs;
mod serve;
mod stop;
pub mod tune;
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
        Command::Summary(arguments) => model::summary(&arguments, out),
        Command::Inspect(arguments) => model::inspect(&arguments, out),
        Command::Convert(arguments) => model::convert(&arguments, out),
        Command::Completions { shell } => manual::completions(shell, out),
        Command::Man { folder } => manual::pages(folder.as_deref(), out),
    }
}
