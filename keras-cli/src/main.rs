//! The command `keras`.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use keras_cli::cli::Cli;
use keras_cli::{Out, run};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut out = Out::new();
    let ended = run(cli, &mut out).and_then(|()| out.flush());
    let Err(end) = ended else {
        return ExitCode::SUCCESS;
    };
    let _ = out.flush();
    if let Some(message) = end.message() {
        let _ = writeln!(std::io::stderr(), "error: {message}");
    }
    end.code()
}
