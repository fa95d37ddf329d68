//! What a run holds beside single values: read when it is asked for.

use std::fs;
use std::path::{Component, Path, PathBuf};

use keras_core::{Error, Result};
use serde_json::Value;

use super::RunInfo;
use super::load::lines;
use crate::data_dir::{DATA, DataDir};
use crate::{Evaluation, FitRecord, Step, console, tar};

/// The most that sources may unpack to.
const SOURCES: u64 = 64 << 20;

impl RunInfo {
    fn data(&self) -> DataDir {
        DataDir::of(&self.run_dir)
    }

    /// What training had logged at each moment, oldest first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn steps(&self) -> Result<Vec<Step>> {
        lines(&self.data(), "steps.jsonl", Step::parse)
    }

    /// All evaluations, oldest first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn evaluations(&self) -> Result<Vec<Evaluation>> {
        lines(&self.data(), "evaluations.jsonl", Evaluation::parse)
    }

    /// Every `fit`, oldest first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn fits(&self) -> Result<Vec<FitRecord>> {
        lines(&self.data(), "fits.jsonl", FitRecord::parse)
    }

    /// Machine, program, versions; null where they were not recorded. Keys: `host`, `os`, `arch`, `cpu`, `cpus`,
    /// `memory_mb`, `pid`, `folder`, `executable`, `arguments`, `variables`, `keras`, `profile`, `package`, `script`.
    ///
    /// # Errors
    /// When the file is damaged.
    pub fn environment(&self) -> Result<Value> {
        self.data().value("environment.json")
    }

    /// The state of git: `commit`, `branch`, `dirty`, `changed_files`, `root`; null without a repository.
    ///
    /// # Errors
    /// When the file is damaged.
    pub fn git(&self) -> Result<Value> {
        self.data().value("git.json")
    }

    /// What had changed since the commit.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn git_diff(&self) -> Result<Option<String>> {
        self.data().text("git.diff")
    }

    /// The model's configuration, as Keras saves it; null where no `fit` was recorded.
    ///
    /// # Errors
    /// When the file is damaged.
    pub fn model_config(&self) -> Result<Value> {
        self.data().value("model.json")
    }

    /// What it wrote to standard output and standard error, as that looked: without colours and other commands to the
    /// terminal.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn output(&self) -> Result<Option<String>> {
        let data = self.data();
        match data.text("properties/output")? {
            Some(text) => Ok(Some(crate::text::console(text.as_bytes()))),
            None => console::read(&data),
        }
    }

    /// The program's sources, the main file first: names as in the archive, without `source/`, and contents.
    ///
    /// # Errors
    /// When the archive cannot be read or is damaged.
    pub fn sources(&self) -> Result<Vec<(String, Vec<u8>)>> {
        let path = self.data().join("source.tar.gz");
        let packed = match fs::read(&path) {
            Ok(packed) => packed,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(Error::io(&path, "cannot read", e)),
        };
        let files = tar::read(&packed, SOURCES).map_err(|e| Error::io(&path, "damaged", e))?;
        let mut files: Vec<_> = files
            .into_iter()
            .filter_map(|(name, bytes)| Some((name.strip_prefix("source/")?.to_owned(), bytes)))
            .collect();
        let main = self
            .property("script")
            .and_then(|script| Path::new(script).file_name()?.to_str());
        files.sort_by_key(|(name, _)| Some(name.as_str()) != main);
        Ok(files)
    }

    /// Unpacks the sources into the folder `to` and gives their number. The main file lies at the top there, as tfruns
    /// wants it, and where it was: `source.json` tells.
    ///
    /// # Errors
    /// When a file cannot be written, or its name leads out of `to`.
    pub fn unpack_sources(&self, to: impl AsRef<Path>) -> Result<usize> {
        let to = to.as_ref();
        let mut files = self.sources()?;
        let place = self.data().value("source.json")?;
        if let Some(place) = place.get("script").and_then(Value::as_str)
            && let Some((name, bytes)) = files.first().cloned()
            && Path::new(place).file_name() == Path::new(&name).file_name()
            && place != name
        {
            files.push((place.replace('\\', "/"), bytes));
        }
        for (name, bytes) in &files {
            let inside = Path::new(name)
                .components()
                .all(|part| matches!(part, Component::Normal(_)));
            if !inside {
                return Err(Error::file(
                    self.data().join("source.tar.gz"),
                    format!("the name {name:?} leads out of the folder; nothing more was unpacked"),
                ));
            }
            let path = to.join(name);
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder).map_err(|e| Error::io(folder, "cannot make the folder", e))?;
            }
            fs::write(&path, bytes).map_err(|e| Error::io(&path, "cannot write", e))?;
        }
        Ok(files.len())
    }

    /// The pictures in `plots`, by name.
    pub fn plots(&self) -> Vec<PathBuf> {
        let picture = |path: &PathBuf| {
            let kind = path.extension().and_then(|e| e.to_str());
            matches!(kind, Some("png" | "svg" | "jpg" | "jpeg")) && path.is_file()
        };
        entries(&self.run_dir.join("plots"))
            .into_iter()
            .filter(picture)
            .collect()
    }

    /// The files and folders that the program left in its run's directory: all but the record, plots and logs.
    pub fn artifacts(&self) -> Vec<PathBuf> {
        let own = |path: &PathBuf| {
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            !matches!(name, DATA | "plots" | "logs") && !name.starts_with('.')
        };
        entries(&self.run_dir).into_iter().filter(own).collect()
    }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}
