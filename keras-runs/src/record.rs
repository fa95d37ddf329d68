//! A run that was written.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use keras_core::{Error, Result, bail};
use serde_json::{Map, Value};

use crate::DATA;

/// What a run's folder says. What it does not say is empty.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct RunRecord {
    /// The choices that tell the run from others.
    pub flags: Map<String, Value>,
    /// What an evaluation gave.
    pub evaluation: Map<String, Value>,
    /// For each metric a value an epoch.
    pub metrics: BTreeMap<String, Vec<Option<f64>>>,
    /// Texts by name, without their last line break.
    pub properties: BTreeMap<String, String>,
}

impl RunRecord {
    /// Reads the folder of a run, whether the run goes on, has ended, or was broken off.
    ///
    /// # Errors
    /// When `path` is no run's folder, or a file in it is damaged.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let data = path.as_ref().join(DATA);
        if !data.is_dir() {
            return Err(Error::file(
                path,
                format!("this is no run's folder: it holds no `{DATA}`"),
            ));
        }
        let mut metrics = BTreeMap::new();
        for (name, column) in object(&data.join("metrics.json"))? {
            let Value::Array(values) = column else {
                bail!("metrics.json: `{name}` must be a list, got {column}");
            };
            metrics.insert(name, values.iter().map(Value::as_f64).collect());
        }
        Ok(Self {
            flags: object(&data.join("flags.json"))?,
            evaluation: object(&data.join("evaluation.json"))?,
            metrics,
            properties: properties(&data.join("properties"))?,
        })
    }

    /// The last value of a metric that is a number.
    pub fn metric(&self, name: &str) -> Option<f64> {
        self.metrics.get(name)?.iter().rev().flatten().next().copied()
    }

    /// Whether the run came to its end.
    pub fn completed(&self) -> bool {
        let said = self.properties.get("completed").map(String::as_str);
        matches!(said, Some("TRUE" | "true" | "yes" | "1"))
    }
}

fn text(path: &Path) -> Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Error::io(path, "cannot read", e)),
    }
}

/// R writes an empty list for an object without entries.
fn object(path: &Path) -> Result<Map<String, Value>> {
    let Some(text) = text(path)? else {
        return Ok(Map::new());
    };
    match serde_json::from_str(&text) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(Value::Array(list)) if list.is_empty() => Ok(Map::new()),
        Ok(_) => Err(Error::file(path, "expected an object of names and values")),
        Err(e) => Err(Error::file(path, e)),
    }
}

fn properties(folder: &Path) -> Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(found),
        Err(e) => return Err(Error::io(folder, "cannot read the folder", e)),
    };
    for entry in entries {
        let entry = entry.map_err(|e| Error::io(folder, "cannot read the folder", e))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // One that is being written begins with a dot.
        if name.starts_with('.') {
            continue;
        }
        if let Some(text) = text(&entry.path())? {
            found.insert(name, text.strip_suffix('\n').unwrap_or(&text).to_owned());
        }
    }
    Ok(found)
}
