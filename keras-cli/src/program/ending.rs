use std::path::PathBuf;
use std::process::ExitStatus;

use keras_core::Result;
use keras_runs::{Metadata, Run, RunError, RunInfo, Status};

/// How a program that was recorded ended.
#[derive(Debug)]
pub(crate) struct Ending {
    /// The run's directory.
    pub(crate) path: PathBuf,
    pub(crate) status: Status,
    /// What a shell would say of it.
    pub(crate) code: u8,
    /// In words.
    pub(crate) words: String,
    /// Whether it was ended before its time.
    pub(crate) pruned: bool,
}

impl Ending {
    /// Ends the run as its program ended.
    pub(super) fn of(run: Run, status: ExitStatus, pruned: bool, errors: &str) -> Result<Self> {
        let path = run.path().to_owned();
        let (code, words, killed) = explain(status);
        match status.code() {
            Some(code) => run.property("exit_status", code)?,
            None => run.property("signal", &words)?,
        }
        let info = RunInfo::read(&path);
        if pruned {
            let epochs = info.as_ref().map_or(0, RunInfo::epochs_completed);
            run.property("pruned", epochs)?;
        }
        // What a program of ours wrote of its error says more.
        let told = info.as_ref().ok().and_then(|info| info.error.clone());
        let status = match (&told, status.success()) {
            (None, true) => Status::Done,
            (None, false) if killed || pruned => Status::Killed,
            _ => Status::Failed,
        };
        match status {
            Status::Done => run.finish()?,
            Status::Killed => run.killed()?,
            _ => {
                let (message, traceback) = match told {
                    Some(RunError {
                        message, traceback, ..
                    }) => (message, traceback),
                    None => match info.ok().and_then(|info| last_line(&info, errors)) {
                        Some(line) => (format!("{words}: {line}"), Vec::new()),
                        None => (words.clone(), Vec::new()),
                    },
                };
                run.write(Metadata::Error { message, traceback })?;
                run.finish()?
            }
        };
        Ok(Self {
            path,
            status,
            code,
            words,
            pruned,
        })
    }
}

/// Most programs say last what was wrong, on standard error.
fn last_line(info: &RunInfo, errors: &str) -> Option<String> {
    const MOST: usize = 300;
    let text = info.output().ok()??;
    let lines = || text.lines().rev().map(str::trim).filter(|line| !line.is_empty());
    let line = lines().find(|line| errors.contains(line)).or(lines().next())?;
    Some(line.chars().take(MOST).collect())
}

/// The code, words, and whether somebody else ended it.
fn explain(status: ExitStatus) -> (u8, String, bool) {
    if let Some(code) = status.code() {
        return (
            u8::try_from(code).unwrap_or(1),
            format!("exit status {code}"),
            false,
        );
    }
    let signal = signal(status);
    let (name, killed) = match signal {
        1 => ("SIGHUP", true),
        2 => ("SIGINT", true),
        3 => ("SIGQUIT", true),
        4 => ("SIGILL", false),
        6 => ("SIGABRT", false),
        7 => ("SIGBUS", false),
        8 => ("SIGFPE", false),
        9 => ("SIGKILL", true),
        11 => ("SIGSEGV", false),
        13 => ("SIGPIPE", false),
        15 => ("SIGTERM", true),
        _ => ("", false),
    };
    let words = format!("signal {signal} {name}").trim_end().to_owned();
    (u8::try_from(128 + signal).unwrap_or(1), words, killed)
}

#[cfg(unix)]
fn signal(status: ExitStatus) -> i32 {
    std::os::unix::process::ExitStatusExt::signal(&status).unwrap_or(0)
}

#[cfg(not(unix))]
fn signal(_: ExitStatus) -> i32 {
    0
}
