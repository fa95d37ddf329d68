//! Files that a run made in a folder that is not its own.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use keras_core::{Error, Result};

use crate::data_dir::DATA;

/// The files of a folder with their sizes and times.
#[derive(Debug)]
pub(crate) struct Snapshot {
    root: PathBuf,
    files: HashMap<PathBuf, (u64, Option<SystemTime>)>,
}

impl Snapshot {
    pub(crate) fn take(root: &Path) -> Self {
        let mut files = HashMap::new();
        walk(root, root, &mut files);
        Self {
            root: root.to_owned(),
            files,
        }
    }

    /// Copies what is new or changed since into `to`, under the same relative paths.
    pub(crate) fn copy_changed(&self, to: &Path) -> Result<()> {
        let now = Self::take(&self.root).files;
        for (path, stamp) in now {
            if self.files.get(&path) == Some(&stamp) {
                continue;
            }
            let (from, target) = (self.root.join(&path), to.join(&path));
            if let Some(folder) = target.parent() {
                fs::create_dir_all(folder).map_err(|e| Error::io(folder, "cannot make the folder", e))?;
            }
            fs::copy(&from, &target).map_err(|e| Error::io(&from, "cannot copy into the run", e))?;
        }
        Ok(())
    }
}

/// Leaves out hidden folders, those of cargo and R that are made anew, and runs.
fn walk(root: &Path, folder: &Path, files: &mut HashMap<PathBuf, (u64, Option<SystemTime>)>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() {
            let left_out = name.starts_with('.') || ["target", "packrat", "gs"].contains(&&*name);
            if !left_out && !holds_runs(&path) {
                walk(root, &path, files);
            }
        } else if kind.is_file()
            && let (Ok(relative), Ok(meta)) = (path.strip_prefix(root), entry.metadata())
        {
            files.insert(relative.to_owned(), (meta.len(), meta.modified().ok()));
        }
    }
}

fn holds_runs(folder: &Path) -> bool {
    let inside = fs::read_dir(folder).into_iter().flatten().flatten();
    folder.join(DATA).is_dir() || inside.take(64).any(|entry| entry.path().join(DATA).is_dir())
}
