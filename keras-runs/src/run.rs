//! A run being written.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use keras_core::saving::write_atomic;
use keras_core::{Error, Result, bail};
use serde_json::{Map, Value};

use crate::DATA;
use crate::folder::{since_epoch, unique_run_dir};

/// A run being written. Every file appears whole or not at all, so that others may read while it goes on.
#[derive(Debug)]
pub struct Run {
    path: PathBuf,
    epochs: usize,
    metrics: Vec<(String, Vec<Option<f64>>)>,
}

impl Run {
    /// Starts a run of the program `script` in a [new folder](unique_run_dir) of `base`.
    ///
    /// # Errors
    /// When `base` cannot be written to.
    pub fn start(base: impl AsRef<Path>, script: &str) -> Result<Self> {
        let path = unique_run_dir(base)?;
        let properties = path.join(DATA).join("properties");
        fs::create_dir_all(&properties).map_err(|e| Error::io(&properties, "cannot make the folder", e))?;
        let run = Self {
            path,
            epochs: 0,
            metrics: Vec::new(),
        };
        run.property("type", "training")?;
        run.property("context", "local")?;
        run.property("script", script)?;
        run.property("start", &now())?;
        run.property("completed", "FALSE")?;
        Ok(run)
    }

    /// Its folder, for files of your own.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a property: a file of text.
    ///
    /// # Errors
    /// When `name` is not made of letters, digits, `_` and `.`, or the file cannot be written.
    pub fn property(&self, name: &str, value: &str) -> Result<()> {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
        if !name.starts_with(|c: char| c.is_ascii_alphabetic()) || !name.chars().all(fits) {
            bail!("property `{name}`: a name is a letter, then letters, digits, `_` and `.`");
        }
        if value.contains('\0') {
            bail!("property `{name}`: its text has a NUL character; leave that out");
        }
        let path = self.path.join(DATA).join("properties").join(name);
        write(&path, &format!("{value}\n"))
    }

    /// Writes `flags.json`: the choices that tell this run from others.
    ///
    /// # Errors
    /// When a value is not a number, a text, or true or false, or the file cannot be written.
    pub fn flags<K: Into<String>>(&self, flags: impl IntoIterator<Item = (K, Value)>) -> Result<()> {
        self.scalars("flags", flags)
    }

    /// Writes `evaluation.json`: what an evaluation gave. Numbers that are not finite are left out.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn evaluation<K: Into<String>>(&self, values: impl IntoIterator<Item = (K, f64)>) -> Result<()> {
        let finite = values.into_iter().filter(|(_, v)| v.is_finite());
        self.scalars("evaluation", finite.map(|(k, v)| (k, Value::from(v))))
    }

    /// Adds an epoch's metrics to `metrics.json`, in full precision. One that an epoch lacks is `null` there, as are
    /// numbers that are not finite.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn epoch<K: AsRef<str>>(&mut self, values: impl IntoIterator<Item = (K, f64)>) -> Result<()> {
        for (name, value) in values {
            let name = name.as_ref();
            let at = self
                .metrics
                .iter()
                .position(|(n, _)| n == name)
                .unwrap_or_else(|| {
                    self.metrics.push((name.to_owned(), vec![None; self.epochs]));
                    self.metrics.len() - 1
                });
            let column = &mut self.metrics[at].1;
            column.truncate(self.epochs);
            column.push(value.is_finite().then_some(value));
        }
        self.epochs += 1;
        self.metrics
            .iter_mut()
            .for_each(|(_, column)| column.resize(self.epochs, None));
        let mut columns: Vec<_> = self.metrics.iter().collect();
        // tfruns counts epochs by the last column, so a full one stands there.
        columns.sort_by_key(|(_, column)| column.iter().flatten().count());
        let lines = columns.into_iter().map(|(name, column)| {
            let numbers: Vec<String> = column
                .iter()
                .map(|v| v.map_or(Value::Null, Value::from).to_string())
                .collect();
            (name.clone(), format!("[{}]", numbers.join(", ")))
        });
        self.json("metrics", lines)
    }

    /// Ends the run and gives its folder. A run that is dropped instead stays one that did not complete.
    ///
    /// # Errors
    /// When the files cannot be written.
    pub fn finish(self) -> Result<PathBuf> {
        self.property("end", &now())?;
        self.property("completed", "TRUE")?;
        Ok(self.path)
    }

    fn scalars<K: Into<String>>(
        &self,
        file: &str,
        values: impl IntoIterator<Item = (K, Value)>,
    ) -> Result<()> {
        let mut map = Map::new();
        for (name, value) in values {
            let name = name.into();
            if value.is_null() || value.is_array() || value.is_object() {
                bail!("{file}: `{name}` must be a number, a text, or true or false, got {value}");
            }
            map.insert(name, value);
        }
        self.json(
            file,
            map.into_iter().map(|(name, value)| (name, value.to_string())),
        )
    }

    /// One line a name.
    fn json(&self, file: &str, values: impl Iterator<Item = (String, String)>) -> Result<()> {
        let lines: Vec<String> = values
            .map(|(name, value)| format!("  {}: {value}", Value::String(name)))
            .collect();
        let text = match lines.is_empty() {
            true => "{}\n".to_owned(),
            false => format!("{{\n{}\n}}\n", lines.join(",\n")),
        };
        write(&self.path.join(DATA).join(format!("{file}.json")), &text)
    }
}

fn write(path: &Path, text: &str) -> Result<()> {
    write_atomic(path, |out| {
        out.write_all(text.as_bytes())
            .map_err(|e| Error::io(path, "cannot write", e))
    })
}

/// Seconds since 1970.
fn now() -> String {
    format!("{:.5}", since_epoch().as_secs_f64())
}
