//! Folders to write into, checked before training starts.

use std::path::Path;

use keras_core::{Error, Result};

/// Makes `folder` if it is missing, and sees whether files can be written there.
pub(crate) fn check(folder: &Path) -> Result<()> {
    create(folder)?;
    let probe = tempfile::Builder::new()
        .prefix(".keras-probe")
        .tempfile_in(or_here(folder));
    probe
        .map(drop)
        .map_err(|e| Error::io(folder, "cannot write into this folder", e))
}

/// Makes `folder` and those above it if missing.
pub(crate) fn create(folder: &Path) -> Result<()> {
    let made = std::fs::create_dir_all(or_here(folder));
    made.map_err(|e| Error::io(folder, "cannot make this folder", e))
}

/// The folder of a file; empty means the current one.
pub(crate) fn of(file: &Path) -> &Path {
    file.parent().unwrap_or(Path::new(""))
}

fn or_here(folder: &Path) -> &Path {
    if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    }
}
