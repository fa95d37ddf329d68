//! `keras runs replay`.

mod difference;
mod rebuild;

use std::path::{Path, PathBuf};
use std::process::Command;

use keras_core::{Error, Result};
use keras_runs::{RunInfo, RunOptions, Status, printable};
use serde_json::{Value, json};

use super::text::value;
use crate::cli::Replay;
use crate::program::Program;
use crate::stop::Stop;
use crate::{End, Out, Outcome};
use difference::Difference;
use rebuild::Place;

pub(crate) fn run(recorded: &RunInfo, arguments: &Replay, base: &Path, out: &mut Out) -> Outcome {
    let place = Place::of(recorded, arguments.folder.as_deref(), arguments.here)?;
    let words = match arguments.program.as_slice() {
        [] => words(recorded)?,
        words => words.to_vec(),
    };
    if let Some(build) = &arguments.build {
        let status = Command::new("sh")
            .arg("-c")
            .arg(build)
            .current_dir(place.folder())
            // What it prints is no part of the answer.
            .stdout(std::io::stderr())
            .status();
        let status =
            status.map_err(|e| Error::io(place.folder(), "cannot start the command that builds", e))?;
        if !status.success() {
            return Err(End::Failed(Error::invalid(format!(
                "--build: `{build}` ended with {status}"
            ))));
        }
    }
    let folder = place.folder().to_owned();
    End::say(printable(&format!("{} in {}", recorded.name(), folder.display())));
    let program = Program {
        words,
        source: Some(place.root().to_owned()).filter(|_| place.has_sources()),
        folder: Some(folder),
        shown: false,
    };
    let mut options = RunOptions::new()
        .runs_dir(base)
        .property("replay_of", recorded.name());
    if let Some(seed) = recorded.seed() {
        options = options.seed(seed);
    }
    let stop = Stop::watch().map_err(|e| Error::io(".", "cannot wait for signals", e))?;
    let ending = program.record(options, &recorded.flags, &stop, &|_| false)?;
    let replayed = RunInfo::read(&ending.path)?;
    if recorded.status == Status::Done && ending.status != Status::Done {
        let message = replayed
            .error
            .as_ref()
            .map_or(ending.words.as_str(), |error| error.message.as_str());
        return Err(End::Failed(Error::file(
            &ending.path,
            format!("the program ended otherwise than before: {message}"),
        )));
    }
    let compared = difference::first(recorded, &replayed, arguments.tolerance)?;
    match arguments.json {
        true => out.json(
            &json!({"run": ending.path.to_string_lossy(), "numbers": compared.numbers,
            "equal": compared.difference.is_none(),
            "difference": compared.difference.as_ref().map(as_json)}),
        )?,
        false => tell(&ending.path, &compared, out)?,
    }
    match compared.difference {
        None => Ok(()),
        Some(_) => Err(End::Code(1)),
    }
}

fn as_json(difference: &Difference) -> Value {
    json!({"value": difference.name, "place": difference.place, "before": value(difference.before),
        "after": value(difference.after)})
}

fn tell(path: &Path, compared: &difference::Compared, out: &mut Out) -> Outcome {
    out.line(printable(&path.to_string_lossy()))?;
    let Some(difference) = &compared.difference else {
        return out.line(match compared.numbers {
            0 => "there is no number to compare".to_owned(),
            n => format!("all {n} numbers are the same"),
        });
    };
    let text = |value: Option<f64>| value.map_or_else(|| "none".to_owned(), |value| value.to_string());
    let line = format!(
        "first difference: {} in {}: {} → {}; {} numbers before it are the same",
        difference.name,
        difference.place,
        text(difference.before),
        text(difference.after),
        compared.numbers
    );
    out.line(printable(&line))
}

/// What was run: as `keras run` recorded it, or the program itself.
fn words(run: &RunInfo) -> Result<Vec<std::ffi::OsString>> {
    let list = |value: &Value| -> Vec<std::ffi::OsString> {
        let words = value.as_array().into_iter().flatten();
        words
            .filter_map(|word| Some(word.as_str()?.to_owned().into()))
            .collect()
    };
    let command = rebuild::command(run)?;
    let mut words = list(&command["program"]);
    if words.is_empty() {
        let environment = run.environment()?;
        words = match cargo(&environment) {
            Some(cargo) => cargo,
            None => environment["executable"]
                .as_str()
                .map(Into::into)
                .into_iter()
                .collect(),
        };
        words.extend(list(&environment["arguments"]));
    }
    if words.is_empty() {
        return Err(Error::file(
            &run.run_dir,
            "this run has no record of its command; say it after `--`, and record runs by `keras run -- PROGRAM`",
        ));
    }
    Ok(words)
}

/// How cargo runs a program that a package's main file or one of its examples is.
fn cargo(environment: &Value) -> Option<Vec<std::ffi::OsString>> {
    let script = PathBuf::from(environment["script"].as_str()?);
    let name = script.file_stem()?.to_str()?;
    let mut words = vec!["cargo", "run", "--quiet"];
    if environment["profile"] == "release" {
        words.push("--release");
    }
    match script.parent()?.to_str()? {
        "examples" => words.extend(["--example", name]),
        "src/bin" => words.extend(["--bin", name]),
        "src" if name == "main" => {}
        _ => return None,
    }
    words.push("--");
    Some(words.into_iter().map(Into::into).collect())
}
