//! `keras runs`.

mod changes;
mod compare;
mod comparison;
mod diff;
mod export;
mod info;
mod ls;
mod move_copy;
mod replay;
mod table;
mod text;
mod view;

use std::path::{Path, PathBuf};

use keras_core::{Error, Result};
use keras_runs::{RunInfo, as_run_dir, latest_run, runs_dir};

pub(crate) use changes::{source_changes, unified};
pub(crate) use comparison::Comparison;
pub(crate) use table::{Table, duration, number};
pub(crate) use text::{files, moment, plain, value};

use crate::cli::{Runs, RunsCommand};
use crate::{Out, Outcome, serve};

pub(crate) fn run(arguments: Runs, out: &mut Out) -> Outcome {
    let base = arguments.runs_dir.unwrap_or_else(runs_dir);
    match arguments.command {
        RunsCommand::Ls(list) => ls::run(&list, &base, out),
        RunsCommand::Info { run, json } => info::run(&read(&run, &base)?, json, out),
        RunsCommand::View { run, output, json } => view::run(&read(&run, &base)?, output, json, out),
        RunsCommand::Compare { runs, html, format } => {
            let runs = newest(&runs, &base, 2)?;
            view::comparison(&runs, html.as_deref())?;
            compare::run(&runs, format, out)
        }
        RunsCommand::Replay(replay) => replay::run(&read(&replay.run, &base)?, &replay, &base, out),
        RunsCommand::Serve { port, json } => serve::run(&base, port, json, out),
        RunsCommand::Diff {
            before,
            after,
            exit_code,
            json,
        } => diff::run(
            &read(&before, &base)?,
            &read(&after, &base)?,
            exit_code,
            json,
            out,
        ),
        RunsCommand::Clean {
            runs,
            filter,
            dry_run,
            json,
        } => move_copy::clean(&dirs(&runs, &base)?, filter.as_deref(), &base, dry_run, json, out),
        RunsCommand::Restore { runs, json } => move_copy::restore(&runs, &base, json, out),
        RunsCommand::Purge { yes, json } => move_copy::purge(&base, yes, json, out),
        RunsCommand::Copy {
            runs,
            to,
            rename,
            files,
            json,
        } => move_copy::copy(&dirs(&runs, &base)?, &to, &rename, files, json, out),
        RunsCommand::Export { runs, output, json } => {
            export::run(&newest(&runs, &base, usize::MAX)?, output.as_deref(), json, out)
        }
    }
}

/// The directory that a name means; `latest` is the newest run.
pub(crate) fn dir(name: &Path, base: &Path) -> Result<PathBuf> {
    if name.as_os_str() != "latest" || base.join(name).exists() {
        return as_run_dir(name, base);
    }
    match latest_run(base)? {
        Some(run) => Ok(run.run_dir),
        None => Err(Error::file(
            base,
            "there is no run here; record one by `keras run -- PROGRAM`, or name another folder by `--runs-dir`",
        )),
    }
}

fn dirs(names: &[PathBuf], base: &Path) -> Result<Vec<PathBuf>> {
    names.iter().map(|name| dir(name, base)).collect()
}

fn read(name: &Path, base: &Path) -> Result<RunInfo> {
    RunInfo::read(dir(name, base)?)
}

/// The runs of these names, or the newest `most`.
fn newest(names: &[PathBuf], base: &Path, most: usize) -> Result<Vec<RunInfo>> {
    let chosen = match names {
        [] => {
            let listed = keras_runs::ListRuns::new().runs_dir(base).latest_n(most).list()?;
            listed.into_iter().map(|run| run.run_dir).collect()
        }
        names => dirs(names, base)?,
    };
    if chosen.is_empty() {
        dir(Path::new("latest"), base)?;
    }
    chosen.into_iter().map(RunInfo::read).collect()
}

/// Writes a file beside and moves it into place.
fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    std::fs::write(&part, bytes)
        .and_then(|()| std::fs::rename(&part, path))
        .map_err(|e| {
            let _ = std::fs::remove_file(&part);
            Error::io(path, "cannot write", e)
        })
}
