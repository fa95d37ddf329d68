//! Checkpoints read back.

use std::path::{Path, PathBuf};

use keras_ops::{Device, Tensor};
use serde_json::Value;

use super::archive::Archive;
use super::model::{restore_seeds, slots, states};
use super::snapshot::{FORMAT, VERSION};
use super::weights::{self, OPTIMIZER, STATE};
use crate::{Error, Model, Result};

/// Where the running values of losses and metrics lie.
pub(crate) const METRICS: &str = "metrics/";
/// Where the tensors of callbacks lie.
pub(crate) const CALLBACKS: &str = "callbacks/";

/// A [`Snapshot`](super::Snapshot) that was saved, found to be whole.
#[derive(Debug)]
pub(crate) struct Checkpoint {
    archive: Archive,
    pub(crate) state: Value,
}

impl Checkpoint {
    /// Opens a file or folder and reads all of it to compare checksums. `run` is what must be the same to go on.
    pub(crate) fn open(path: &Path, run: &Value) -> Result<Self> {
        let mut archive = Archive::open(path)?;
        let wrong = |message: String| Err(Error::file(path, message));
        match (archive.text("format"), archive.text("version")) {
            (Some(FORMAT), Some(VERSION)) => {}
            (Some(FORMAT), version) => {
                return wrong(format!(
                    "this checkpoint is of another version (file version {}, known {VERSION})",
                    version.unwrap_or("unknown")
                ));
            }
            (Some("keras-model"), _) => {
                return wrong(
                    "this is a saved model, not a checkpoint of a training: load it with `load_model`"
                        .to_owned(),
                );
            }
            _ => return wrong("this is no checkpoint that this library saved".to_owned()),
        }
        let (Some(saved), Some(state)) = (archive.json("run")?, archive.json("state")?) else {
            return wrong("damaged: the header lacks a part".to_owned());
        };
        if let Some(difference) = difference("", &saved, run) {
            return wrong(format!("it is of another training: {difference}"));
        }
        archive.verify()?;
        Ok(Self { archive, state })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.archive.path
    }

    /// A part of the state.
    pub(crate) fn part(&self, key: &str) -> Result<&Value> {
        match self.state.get(key) {
            Some(value) => Ok(value),
            None => Err(Error::file(self.path(), format!("damaged: it has no `{key}`"))),
        }
    }

    /// Puts weights, optimizer and random streams into the model.
    pub(crate) fn restore(&mut self, model: &mut Model) -> Result<()> {
        let mut wanted = model.weights();
        wanted.extend(states(model));
        wanted.extend(slots(model.optimizer()?));
        let known = [OPTIMIZER, STATE, METRICS, CALLBACKS];
        weights::check(&self.archive, &wanted, |name| {
            known[2..].iter().any(|folder| name.starts_with(folder))
        })?;
        for (name, variable) in wanted {
            // One after the other, so that there is no second copy of them all.
            variable.assign(&self.archive.tensor(&name, variable.device())?)?;
        }
        restore_seeds(&self.archive.path, self.part("seeds")?, model)?;
        let optimizer = self.part("optimizer")?.clone();
        model.optimizer_mut()?.load_state(&optimizer)
    }

    /// The tensors below a folder, with the rest of their names, sorted.
    pub(crate) fn below(&mut self, folder: &str, device: &Device) -> Result<Vec<(String, Tensor)>> {
        let entries = self.archive.entries();
        let mut names: Vec<String> = entries
            .keys()
            .filter(|n| n.starts_with(folder))
            .cloned()
            .collect();
        names.sort();
        let read = |name: String| {
            let tensor = self.archive.tensor(&name, device)?;
            Ok((name[folder.len()..].to_owned(), tensor))
        };
        names.into_iter().map(read).collect()
    }

    /// The checkpoints at `path`, newest first: itself, or what lies in this folder.
    pub(crate) fn list(path: &Path) -> Result<Vec<PathBuf>> {
        if path.is_file() || path.join("manifest.json").is_file() {
            return Ok(vec![path.to_owned()]);
        }
        let cannot = |e| Error::io(path, "cannot read this folder", e);
        let mut found = Vec::new();
        let entries = match std::fs::read_dir(path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(cannot)?,
        };
        for entry in entries {
            let path = entry.map_err(cannot)?.path();
            let name = path
                .file_name()
                .map(|n| n.to_string_lossy().into_owned())
                .unwrap_or_default();
            // What begins with a dot was not finished.
            if !name.starts_with('.') && (path.is_dir() || path.extension().is_some_and(|e| e == "ckpt")) {
                found.push((numbers(&name), path));
            }
        }
        found.sort();
        Ok(found.into_iter().rev().map(|(_, path)| path).collect())
    }
}

/// The whole numbers in a name.
fn numbers(name: &str) -> Vec<u64> {
    let digits = name.split(|c: char| !c.is_ascii_digit());
    digits.filter_map(|part| part.parse().ok()).collect()
}

/// The first place in which two values differ, in words.
fn difference(place: &str, saved: &Value, now: &Value) -> Option<String> {
    match (saved, now) {
        (Value::Object(a), Value::Object(b)) => {
            let keys = a.keys().chain(b.keys().filter(|key| !a.contains_key(*key)));
            keys.into_iter().find_map(|key| {
                let inner = if place.is_empty() {
                    key.clone()
                } else {
                    format!("{place}.{key}")
                };
                difference(
                    &inner,
                    a.get(key).unwrap_or(&Value::Null),
                    b.get(key).unwrap_or(&Value::Null),
                )
            })
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => a
            .iter()
            .zip(b)
            .enumerate()
            .find_map(|(i, (a, b))| difference(&format!("{place}[{i}]"), a, b)),
        (a, b) if a == b => None,
        (a, b) => Some(format!("`{place}` was {}, is {}", short(a), short(b))),
    }
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(60) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}
