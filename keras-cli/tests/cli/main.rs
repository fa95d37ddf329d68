//! Tests of the command `keras`, as others run it.

#![allow(clippy::unwrap_used)]

mod hostile;
mod misuse;
mod model;
mod pages;
mod record;
mod replay;
mod runs;
mod serve;
mod tune;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use keras_runs::RunOptions;
use serde_json::Value;

/// The program with these arguments, where nothing in the environment is set for it.
fn keras(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keras"));
    command
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .env_remove("COLUMNS")
        .env_remove("KERAS_RUNS_DIR");
    command
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    keras(folder, arguments).output().unwrap()
}

/// What it prints when it succeeds.
#[track_caller]
fn printed(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    let text = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {text}{errors}");
    text
}

#[track_caller]
fn json(folder: &Path, arguments: &[&str]) -> Value {
    serde_json::from_str(&printed(folder, arguments)).unwrap()
}

/// Three runs of known names in `runs`: two equal but for the seed, one that failed.
fn three_runs() -> (tempfile::TempDir, Vec<PathBuf>) {
    let folder = tempfile::tempdir().unwrap();
    let mut paths = Vec::new();
    for (name, seed, units, loss) in [("a1", 1, 16, 0.5), ("a2", 2, 16, 0.25), ("b", 3, 64, 0.125)] {
        let run = options(&folder.path().join("runs").join(name))
            .script("train.rs")
            .seed(seed)
            .start()
            .unwrap();
        run.flags([("units", units)]).unwrap();
        run.epoch([("loss", 2. * loss)]).unwrap();
        run.epoch([("loss", loss)]).unwrap();
        paths.push(match name {
            "b" => run.fail(&keras_core::Error::invalid("no memory")).unwrap(),
            _ => {
                run.evaluation([("accuracy", 1. - loss)]).unwrap();
                run.finish().unwrap()
            }
        });
    }
    (folder, paths)
}

fn options(dir: &Path) -> RunOptions {
    RunOptions::new()
        .run_dir(dir)
        .environment(false)
        .capture_output(false)
        .join(false)
}

/// Checks how a command ended, and what it said on standard error.
fn ended(output: &std::process::Output, code: i32, says: &[&str], arguments: &dyn std::fmt::Debug) {
    let text = std::str::from_utf8(&output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
    for words in says {
        assert!(
            text.contains(words),
            "{arguments:?} does not say {words:?}:\n{text}"
        );
    }
}
