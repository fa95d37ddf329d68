//! The folder `tfruns.d` of a run: files that appear whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use keras_core::{Error, Result, bail};
use serde_json::{Map, Value};

/// Its name.
pub(crate) const DATA: &str = "tfruns.d";
/// The most of one file that is read.
const LIMIT: u64 = 64 << 20;

#[derive(Clone, Debug)]
pub(crate) struct DataDir(PathBuf);

impl DataDir {
    pub(crate) fn of(run_dir: &Path) -> Self {
        Self(run_dir.join(DATA))
    }

    /// Makes the folder with its properties where it is missing.
    pub(crate) fn create(run_dir: &Path) -> Result<Self> {
        Self::create_at(&run_dir.join(DATA))
    }

    /// The same under another name.
    pub(crate) fn create_at(path: &Path) -> Result<Self> {
        let dir = Self(path.to_owned());
        let properties = dir.0.join("properties");
        fs::create_dir_all(&properties).map_err(|e| Error::io(&properties, "cannot make the folder", e))?;
        Ok(dir)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file beside and moves it into place, so that nobody reads a part. Not forced onto the disk: a
    /// program that is killed loses nothing by that, and training does not wait.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let part = self.0.join(format!(".{}-{count}.part", std::process::id()));
        let path = self.0.join(name);
        fs::write(&part, bytes)
            .and_then(|()| fs::rename(&part, &path))
            .map_err(|e| {
                // What is left of it is of no use to anybody.
                let _ = fs::remove_file(&part);
                cannot_write(&path, e)
            })
    }

    /// Opens a file of lines for adding to it. A line that was broken off is ended first.
    pub(crate) fn lines(&self, name: &str) -> Result<Lines> {
        let path = self.0.join(name);
        let open = || -> std::io::Result<File> {
            let mut file = OpenOptions::new()
                .append(true)
                .create(true)
                .read(true)
                .open(&path)?;
            if !ends_whole(&path)? {
                file.write_all(b"\n")?;
            }
            Ok(file)
        };
        let file = open().map_err(|e| cannot_write(&path, e))?;
        Ok(Lines { file, path })
    }

    /// Writes a property: a file of text, one line for each element of a list.
    pub(crate) fn property(&self, name: &str, value: &str) -> Result<()> {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
        if !name.starts_with(|c: char| c.is_ascii_alphabetic()) || !name.chars().all(fits) {
            bail!("property `{name}`: a name is a letter, then letters, digits, `_` and `.`");
        }
        if value.contains('\0') {
            bail!("property `{name}`: its text has a NUL character; leave that out");
        }
        self.write(&format!("properties/{name}"), format!("{value}\n").as_bytes())
    }

    /// A file of names with one number, text, true or false each.
    pub(crate) fn scalars(&self, file: &str, values: &Map<String, Value>) -> Result<()> {
        let lines: Vec<(String, String)> = values
            .iter()
            .map(|(name, value)| (name.clone(), value.to_string()))
            .collect();
        self.object(file, &lines)
    }

    /// A file with one line a name, as R's jsonlite lays it out.
    pub(crate) fn object(&self, file: &str, lines: &[(String, String)]) -> Result<()> {
        let lines: Vec<String> = lines
            .iter()
            .map(|(name, value)| format!("  {}: {value}", Value::from(name.as_str())))
            .collect();
        let text = match lines.is_empty() {
            true => "{}\n".to_owned(),
            false => format!("{{\n{}\n}}\n", lines.join(",\n")),
        };
        self.write(&format!("{file}.json"), text.as_bytes())
    }

    pub(crate) fn json(&self, file: &str, value: &Value) -> Result<()> {
        let text = serde_json::to_string_pretty(value)? + "\n";
        self.write(&format!("{file}.json"), text.as_bytes())
    }

    /// The text of a file, `None` where there is none. What is no UTF-8 becomes `�`.
    pub(crate) fn text(&self, name: &str) -> Result<Option<String>> {
        let path = self.0.join(name);
        let read = || -> std::io::Result<Option<String>> {
            // A pipe or a device would never end.
            if !fs::metadata(&path)?.is_file() {
                return Ok(None);
            }
            let mut bytes = Vec::new();
            File::open(&path)?.take(LIMIT).read_to_end(&mut bytes)?;
            Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
        };
        match read() {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            other => other.map_err(|e| Error::io(&path, "cannot read", e)),
        }
    }

    /// The JSON in a file, `Null` where there is none.
    pub(crate) fn value(&self, name: &str) -> Result<Value> {
        let Some(text) = self.text(name)? else {
            return Ok(Value::Null);
        };
        serde_json::from_str(&text).map_err(|e| Error::file(self.0.join(name), format!("damaged: {e}")))
    }
}

/// A file that lines are added to.
#[derive(Debug)]
pub(crate) struct Lines {
    file: File,
    path: PathBuf,
}

impl Lines {
    /// Adds a line by one call to the system, so that lines of several programs don't mix.
    pub(crate) fn add(&mut self, line: &str) -> Result<()> {
        self.file
            .write_all(format!("{line}\n").as_bytes())
            .map_err(|e| cannot_write(&self.path, e))
    }
}

fn ends_whole(path: &Path) -> std::io::Result<bool> {
    use std::io::{Seek, SeekFrom};
    let mut file = File::open(path)?;
    if file.metadata()?.len() == 0 {
        return Ok(true);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

fn cannot_write(path: &Path, error: std::io::Error) -> Error {
    let full = matches!(
        error.kind(),
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded
    );
    match full {
        true => Error::File {
            path: path.to_owned(),
            message: format!(
                "cannot write the run's record: {error}; free some space, or start the run with \
                 `RunOptions::keep_going(true)` to train on without a record"
            ),
            source: Some(error),
        },
        false => Error::io(path, "cannot write", error),
    }
}
