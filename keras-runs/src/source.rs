//! The sources of a program, kept with its runs.

use std::fs;
use std::path::{Path, PathBuf};

use keras_core::{Error, Result};
use serde_json::json;

use crate::data_dir::DataDir;
use crate::tar;

/// Files of these kinds are sources.
const KINDS: [&str; 16] = [
    "rs", "toml", "lock", "yml", "yaml", "r", "R", "py", "sh", "jl", "c", "h", "cpp", "cu", "proto", "sql",
];
/// Larger files are data.
const FILE: u64 = 512 << 10;
/// The most that is kept of a program.
const ALL: u64 = 8 << 20;
const FILES: usize = 2000;
/// Longer paths don't fit an entry of a plain tar archive.
const PATH: usize = 90;

/// The package and the main file of a program, as [`source!()`](crate::source) finds them.
///
/// ```
/// let source = keras_runs::source!();
/// assert!(source.script_name().ends_with(".rs"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The package's folder.
    pub root: PathBuf,
    /// The main file, seen from there.
    pub script: PathBuf,
}

/// The [`Source`] of the file in which it is called.
#[macro_export]
macro_rules! source {
    () => {
        $crate::Source::new(env!("CARGO_MANIFEST_DIR"), file!())
    };
}

impl Source {
    /// From a package's folder and a file's path as `file!()` gives it.
    pub fn new(root: impl Into<PathBuf>, file: impl AsRef<Path>) -> Self {
        let (root, file) = (root.into(), file.as_ref());
        // `file!()` is seen from the workspace.
        let found = root
            .ancestors()
            .map(|folder| folder.join(file))
            .find(|path| path.is_file());
        let script = found
            .as_deref()
            .and_then(|path| path.strip_prefix(&root).ok())
            .map_or_else(
                || file.file_name().map_or_else(PathBuf::new, PathBuf::from),
                Path::to_owned,
            );
        Self { root, script }
    }

    /// The names and contents of the sources that a run keeps of a folder: those of a package, or those beside a script,
    /// which is first then.
    ///
    /// # Errors
    /// When there is no such folder.
    ///
    /// ```
    /// let files = keras_runs::Source::files(env!("CARGO_MANIFEST_DIR"), None)?;
    /// assert!(files.iter().any(|(name, _)| name == "src/source.rs"));
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    pub fn files(root: impl AsRef<Path>, script: Option<&Path>) -> Result<Vec<(String, Vec<u8>)>> {
        archive(root.as_ref(), script).map(|archive| archive.files)
    }

    /// The file name of the main file: the name of a run's program.
    pub fn script_name(&self) -> String {
        let name = self.script.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    /// What `cargo run` says of the program.
    pub(crate) fn of_program() -> Option<Self> {
        let root = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR")?);
        let program = std::env::current_exe().ok()?;
        let name = program.file_stem()?.to_str()?.to_owned();
        let places = [
            format!("examples/{name}.rs"),
            format!("src/bin/{name}.rs"),
            format!("src/bin/{name}/main.rs"),
            format!("{name}.rs"),
            "src/main.rs".to_owned(),
        ];
        let script = places
            .into_iter()
            .map(PathBuf::from)
            .find(|path| root.join(path).is_file())?;
        Some(Self { root, script })
    }
}

/// Sources as they will be archived.
pub(crate) struct Archive {
    script: Option<PathBuf>,
    root: PathBuf,
    files: Vec<(String, Vec<u8>)>,
    left_out: Vec<String>,
}

/// Reads the sources of a folder. The main file gets the place where tfruns looks for it, at the top.
pub(crate) fn archive(root: &Path, script: Option<&Path>) -> Result<Archive> {
    if !root.is_dir() {
        return Err(Error::file(root, "sources: there is no such folder"));
    }
    let mut archive = Archive {
        script: script.map(Path::to_owned),
        root: root.to_owned(),
        files: Vec::new(),
        left_out: Vec::new(),
    };
    let mut room = ALL;
    // First, so that it is in whatever happens.
    if let Some(script) = script {
        let name = script
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        archive.add(&root.join(script), name, &mut room);
    }
    archive.walk(root, &mut room);
    if !archive.files.iter().any(|(name, _)| name == "Cargo.lock") {
        let lock = root
            .ancestors()
            .skip(1)
            .take(4)
            .map(|folder| folder.join("Cargo.lock"));
        if let Some(lock) = lock
            .into_iter()
            .find(|path| path.is_file())
            .filter(|_| root.join("Cargo.toml").exists())
        {
            archive.add(&lock, "Cargo.lock".to_owned(), &mut room);
        }
    }
    Ok(archive)
}

impl Archive {
    fn walk(&mut self, folder: &Path, room: &mut u64) {
        let mut entries: Vec<_> = fs::read_dir(folder).into_iter().flatten().flatten().collect();
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_string_lossy();
            let Ok(kind) = entry.file_type() else { continue };
            if name.starts_with('.') {
                continue;
            }
            if kind.is_dir() {
                let made = ["target", "runs", "node_modules", "renv", "packrat", "__pycache__"];
                // A package within has sources of its own.
                let other = path.join("Cargo.toml").exists() || path.join(crate::data_dir::DATA).exists();
                if !made.contains(&&*name) && !other && self.files.len() < FILES {
                    self.walk(&path, room);
                }
                continue;
            }
            let source = path
                .extension()
                .and_then(|e| e.to_str())
                .is_some_and(|e| KINDS.contains(&e));
            let Ok(relative) = path.strip_prefix(&self.root) else {
                continue;
            };
            if kind.is_file() && source && self.script.as_deref() != Some(relative) {
                let name = relative.to_string_lossy().replace('\\', "/");
                self.add(&path, name, room);
            }
        }
    }

    fn add(&mut self, path: &Path, name: String, room: &mut u64) {
        let size = fs::metadata(path).map_or(u64::MAX, |meta| meta.len());
        let taken = self.files.iter().any(|(n, _)| *n == name);
        if size > FILE.min(*room) || name.len() > PATH || taken || self.files.len() >= FILES {
            self.left_out.push(name);
            return;
        }
        match fs::read(path) {
            Ok(bytes) => {
                *room = room.saturating_sub(bytes.len() as u64);
                self.files.push((name, bytes));
            }
            Err(_) => self.left_out.push(name),
        }
    }

    pub(crate) fn write(self, data: &DataDir) -> Result<()> {
        let entries = self
            .files
            .iter()
            .map(|(name, bytes)| (format!("source/{name}"), bytes.as_slice()));
        let bytes =
            tar::write(entries).map_err(|e| Error::io(data.join("source.tar.gz"), "cannot pack", e))?;
        data.write("source.tar.gz", &bytes)?;
        let script = self.script.as_ref().map(|script| script.to_string_lossy());
        data.json(
            "source",
            &json!({"root": self.root.to_string_lossy(), "script": script, "left_out": self.left_out}),
        )
    }
}
