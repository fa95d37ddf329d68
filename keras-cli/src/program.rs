//! Programs that are run and recorded.

mod console;
mod ending;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use keras_core::{Error, Result};
use keras_runs::{Metadata, RunHandle, RunOptions, Source};
use serde_json::{Map, Value};

pub(crate) use ending::Ending;

use crate::runs::plain;
use crate::stop::Stop;
use console::Console;

/// Files that a program is read from.
const SCRIPTS: [&str; 7] = ["rs", "py", "r", "R", "jl", "sh", "js"];

/// A program to record.
#[derive(Debug)]
pub(crate) struct Program {
    /// It and its arguments.
    pub(crate) words: Vec<OsString>,
    /// The folder of its sources, where that is not the current one.
    pub(crate) source: Option<PathBuf>,
    /// Whether what it prints is also shown, and it may read from standard input.
    pub(crate) shown: bool,
}

impl Program {
    /// The words as a shell would read them, before any flag is put in.
    pub(crate) fn command(&self) -> String {
        let harmless = |c: char| c.is_ascii_alphanumeric() || "_-./=:,+@%{}".contains(c);
        let quoted = |word: &OsString| {
            // No property can hold it, and no program gets it.
            let word = word.to_string_lossy().replace('\0', "");
            match !word.is_empty() && word.chars().all(harmless) {
                true => word,
                false => format!("'{}'", word.replace('\'', "'\\''")),
            }
        };
        self.words.iter().map(quoted).collect::<Vec<_>>().join(" ")
    }

    /// Runs it to its end in a run of its own.
    pub(crate) fn record(
        &self,
        options: RunOptions,
        flags: &Map<String, Value>,
        stop: &Stop,
    ) -> Result<Ending> {
        let name = self.words.first().map(Path::new).unwrap_or(Path::new(""));
        let folder = match &self.source {
            Some(folder) => folder.clone(),
            None => std::env::current_dir().map_err(|e| Error::io(".", "cannot find the folder", e))?,
        };
        let script = self.script(&folder);
        let shown = script.as_deref().unwrap_or(name).file_name().unwrap_or_default();
        let mut options = options
            .join(false)
            .capture_output(false)
            .flags(flags.clone())
            .script(shown.to_string_lossy().replace('\0', ""))
            .property("command", self.command());
        let sources = self.source.is_some() || folder.join("Cargo.toml").exists();
        if let Some(script) = &script {
            options = options.source(Source {
                root: folder.clone(),
                script: script.clone(),
            });
        }
        let run = options.start()?;
        if script.is_none() && sources {
            run.write(Metadata::source(&folder))?;
        }
        let ended = self.start(run.handle(), flags).and_then(|(mut child, console)| {
            let status = wait(&mut child, stop);
            let errors = console.end();
            Ok((status?, errors))
        });
        match ended {
            Ok((status, errors)) => Ending::of(run, status, &errors),
            Err(error) => {
                let failed = Error::file(name, format!("cannot run this program: {error}"));
                run.fail(&failed)?;
                Err(failed)
            }
        }
    }

    /// The file among its words that it is read from, seen from `folder`.
    fn script(&self, folder: &Path) -> Option<PathBuf> {
        let folder = folder.canonicalize().ok()?;
        let is_script = |path: &Path| {
            let kind = path.extension().and_then(OsStr::to_str);
            kind.is_some_and(|kind| SCRIPTS.contains(&kind)) && path.is_file()
        };
        let found = self.words.iter().map(Path::new).find(|path| is_script(path))?;
        let path = found.canonicalize().ok()?;
        path.strip_prefix(folder).ok().map(Path::to_owned)
    }

    fn start(&self, run: &RunHandle, flags: &Map<String, Value>) -> std::io::Result<(Child, Console)> {
        let words: Vec<OsString> = self.words.iter().map(|word| filled(word, flags)).collect();
        let mut command = Command::new(words.first().map_or(OsStr::new(""), OsString::as_os_str));
        command
            .args(words.iter().skip(1))
            .envs(variables(flags))
            .envs(run.variables())
            .stdin(if self.shown {
                Stdio::inherit()
            } else {
                Stdio::null()
            })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let console = Console::record(&mut child, run.data_dir(), self.shown)?;
        Ok((child, console))
    }
}

/// `{NAME}` is replaced by the flag's value.
fn filled(word: &OsStr, flags: &Map<String, Value>) -> OsString {
    match word.to_str().filter(|word| word.contains('{')) {
        None => word.to_owned(),
        Some(text) => {
            let fill = |text: String, (name, value): (&String, &Value)| {
                text.replace(&format!("{{{name}}}"), &plain(value))
            };
            flags.iter().fold(text.to_owned(), fill).into()
        }
    }
}

/// For programs that are not ours, and for those of ours that start no run: what [`FlagSources`](keras_runs::FlagSources)
/// reads. Other names would be read as others.
fn variables(flags: &Map<String, Value>) -> impl Iterator<Item = (String, String)> {
    let fits = |name: &str| {
        name.chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    let flags = flags
        .iter()
        .filter(move |(name, value)| fits(name) && !plain(value).contains('\0'));
    flags.map(|(name, value)| (format!("KERAS_FLAG_{}", name.to_ascii_uppercase()), plain(value)))
}

fn wait(child: &mut Child, stop: &Stop) -> std::io::Result<ExitStatus> {
    let mut pause = Duration::from_millis(1);
    let mut told = false;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if stop.terminated() && !told {
            told = true;
            terminate(child)?;
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

/// Lets it write what it has still to write.
fn terminate(child: &mut Child) -> std::io::Result<()> {
    let asked = Command::new("kill")
        .arg("-TERM")
        .arg(child.id().to_string())
        .status();
    match asked {
        Ok(status) if status.success() => Ok(()),
        _ => child.kill(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_written_as_a_shell_reads_them() {
        for (words, text) in [
            (vec!["./train", "--lr={lr}"], "./train --lr={lr}"),
            (vec!["sh", "-c", "echo 'a b'"], r"sh -c 'echo '\''a b'\'''"),
            (vec!["x", ""], "x ''"),
        ] {
            let words = words.into_iter().map(OsString::from).collect();
            let program = Program {
                words,
                source: None,
                shown: false,
            };
            assert_eq!(program.command(), text);
        }
    }

    #[test]
    fn flags_are_put_into_words() {
        let flags = Map::from_iter([("lr".to_owned(), 0.5.into()), ("name".to_owned(), "a b".into())]);
        for (word, text) in [
            ("{lr}", "0.5"),
            ("--x={name}/{lr}", "--x=a b/0.5"),
            ("{\"k\": 1}", "{\"k\": 1}"),
        ] {
            assert_eq!(filled(OsStr::new(word), &flags), OsStr::new(text));
        }
    }
}
