//! Compares this project with a folder of what real Keras computed.
#![allow(clippy::print_stdout, reason = "its output is its purpose")]

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use keras_tests::conformance::{Outcome, Selection, run};

const USAGE: &str = "usage: conformance DIR [--family NAME] [--filter TEXT] [--list-passed]";

struct Arguments {
    dir: PathBuf,
    selection: Selection,
    list_passed: bool,
}

fn arguments() -> Result<Arguments> {
    let mut dir = None;
    let mut selection = Selection::default();
    let mut list_passed = false;
    let mut rest = std::env::args().skip(1);
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--family" => selection.family = Some(rest.next().context("--family needs a name")?),
            "--filter" => selection.filter = Some(rest.next().context("--filter needs a text")?),
            "--list-passed" => list_passed = true,
            other if other.starts_with("--") => bail!("unknown option {other}\n{USAGE}"),
            _ if dir.is_none() => dir = Some(PathBuf::from(argument)),
            other => bail!("one folder at a time, got also {other}\n{USAGE}"),
        }
    }
    let dir = dir.context(USAGE)?;
    Ok(Arguments {
        dir,
        selection,
        list_passed,
    })
}

fn main() -> Result<ExitCode> {
    let arguments = arguments()?;
    // A panic is reported as the case's failure; its own message would only come between the lines.
    std::panic::set_hook(Box::new(|_| {}));
    let report = run(
        &arguments.dir,
        &arguments.selection,
        |family, name, outcome| match outcome {
            Outcome::Passed if arguments.list_passed => println!("{family} {name}"),
            Outcome::Passed => {}
            _ if arguments.list_passed => {}
            Outcome::Failed(what) => println!("FAILED {family} {name}: {what}"),
            Outcome::Unsupported(what) => println!("UNSUPPORTED {family} {name}: {what}"),
        },
    )?;
    if arguments.list_passed {
        return Ok(ExitCode::SUCCESS);
    }
    report.families().iter().for_each(|counts| println!("{counts}"));
    println!("{} passed, {} failed", report.passed(), report.failed());
    Ok(if report.failed() == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
