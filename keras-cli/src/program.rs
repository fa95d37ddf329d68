//! Programs that are run and recorded.

mod console;
mod content;
mod ending;
mod leash;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use keras_core::{Error, Result};
use keras_runs::{Metadata, RunHandle, RunOptions, Source};
use serde_json::{Map, Value, json};

pub(crate) use ending::Ending;

use crate::runs::plain;
use crate::stop::Stop;
use console::Console;
use leash::Leash;

/// Files that a program is read from.
const SCRIPTS: [&str; 7] = ["rs", "py", "r", "R", "jl", "sh", "js"];

/// How often a run that goes on is looked at, whether to end it early.
const LOOK: Duration = Duration::from_millis(200);
/// How long a program that was told to end early may take for it.
const PATIENCE: Duration = Duration::from_secs(10);

/// A program to record.
#[derive(Debug)]
pub(crate) struct Program {
    /// It and its arguments.
    pub(crate) words: Vec<OsString>,
    /// The folder of its sources, where that is not the current one.
    pub(crate) source: Option<PathBuf>,
    /// Where it is started, where that is not here.
    pub(crate) folder: Option<PathBuf>,
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

    /// Runs it to its end in a run of its own, or until `early` says of the run's directory that this is enough.
    pub(crate) fn record(
        &self,
        options: RunOptions,
        flags: &Map<String, Value>,
        stop: &Stop,
        early: &dyn Fn(&Path) -> bool,
    ) -> Result<Ending> {
        let name = self.words.first().map(Path::new).unwrap_or(Path::new(""));
        let folder = self.folder()?;
        let script = self.script(&folder);
        let shown = script.as_deref().unwrap_or(name).file_name().unwrap_or_default();
        let mut options = options
            .join(false)
            .capture_output(false)
            .flags(flags.clone())
            .script(shown.to_string_lossy().replace('\0', ""))
            .property("command", self.command());
        if let Some(script) = &script {
            options = options.source(Source {
                root: folder.clone(),
                script: script.clone(),
            });
        }
        let run = options.start()?;
        run.write(self.record_of_command()?)?;
        if script.is_none() && self.has_sources(&folder) {
            run.write(Metadata::source(&folder))?;
        }
        let ended = self.start(run.handle(), flags).and_then(|(mut child, console)| {
            let leash = Leash::of(&child);
            let ended = wait(&mut child, stop, &|| early(run.path()));
            drop(leash);
            let errors = console.end();
            Ok((ended?, errors))
        });
        match ended {
            Ok(((status, pruned), errors)) => Ending::of(run, status, pruned, &errors),
            Err(error) => {
                let failed = Error::file(name, format!("cannot run this program: {error}"));
                run.fail(&failed)?;
                Err(failed)
            }
        }
    }

    /// The folder of its sources.
    fn folder(&self) -> Result<PathBuf> {
        match &self.source {
            Some(folder) => Ok(folder.clone()),
            None => self.start_folder(),
        }
    }

    fn start_folder(&self) -> Result<PathBuf> {
        match &self.folder {
            Some(folder) => Ok(folder.clone()),
            None => std::env::current_dir().map_err(|e| Error::io(".", "cannot find the folder", e)),
        }
    }

    /// Whether a folder without a script among the words is one of sources.
    fn has_sources(&self, folder: &Path) -> bool {
        self.source.is_some() || folder.join("Cargo.toml").exists()
    }

    /// `command.json`: the words and the folder that they were said in, for doing it again.
    fn record_of_command(&self) -> Result<Metadata> {
        let words: Vec<_> = self.words.iter().map(|word| word.to_string_lossy()).collect();
        let folder = self.start_folder()?;
        let command = json!({"program": words, "folder": folder.to_string_lossy()});
        Ok(Metadata::custom("command", move |data_dir| {
            let path = data_dir.join("command.json");
            std::fs::write(&path, format!("{command:#}\n")).map_err(|e| Error::io(&path, "cannot write", e))
        }))
    }

    /// The file among its words that it is read from, seen from `folder`.
    fn script(&self, folder: &Path) -> Option<PathBuf> {
        let folder = folder.canonicalize().ok()?;
        let is_script = |path: &Path| {
            let kind = path.extension().and_then(OsStr::to_str);
            kind.is_some_and(|kind| SCRIPTS.contains(&kind)) && path.is_file()
        };
        let here = self.start_folder().ok()?;
        let mut paths = self.words.iter().map(|word| here.join(word));
        let path = paths.find(|path| is_script(path))?.canonicalize().ok()?;
        path.strip_prefix(folder).ok().map(Path::to_owned)
    }

    fn start(&self, run: &RunHandle, flags: &Map<String, Value>) -> std::io::Result<(Child, Console)> {
        let words: Vec<OsString> = self.words.iter().map(|word| filled(word, flags)).collect();
        let name = words.first().map_or(OsStr::new(""), OsString::as_os_str);
        // A path is one from there; a name alone is looked for where the system does.
        let path = self.folder.as_ref().map(|folder| folder.join(name));
        let path = path.filter(|_| Path::new(name).components().count() > 1);
        let mut command = Command::new(path.as_deref().map_or(name, Path::as_os_str));
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
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

/// How it ended, and whether that was because `early` said so.
fn wait(child: &mut Child, stop: &Stop, early: &dyn Fn() -> bool) -> std::io::Result<(ExitStatus, bool)> {
    let mut pause = Duration::from_millis(1);
    let mut told = false;
    let mut looked = Instant::now();
    let mut pruned = None;
    loop {
        if let Some(status) = child.try_wait()? {
            // Whoever came to the end nevertheless is done.
            return Ok((status, pruned.is_some() && !status.success()));
        }
        if stop.terminated() && !told {
            told = true;
            terminate(child)?;
        }
        if !told && looked.elapsed() >= LOOK {
            if early() {
                (told, pruned) = (true, Some(Instant::now()));
                terminate(child)?;
            }
            looked = Instant::now();
        }
        if pruned.is_some_and(|since| since.elapsed() >= PATIENCE) {
            child.kill()?;
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
                folder: None,
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
