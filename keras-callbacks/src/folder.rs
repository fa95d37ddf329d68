//! Folders to write into, checked before training starts.

use std::path::{Path, PathBuf};

use keras_core::{Error, Result, bail};

/// How the names of files begin that are made to see whether they can be.
const PROBE: &str = ".keras-probe";

/// Makes `folder` if it is missing, and sees whether files can be written there.
pub(crate) fn check(folder: &Path) -> Result<()> {
    create(folder)?;
    let probe = tempfile::Builder::new()
        .prefix(PROBE)
        .tempfile_in(or_here(folder));
    probe
        .map(drop)
        .map_err(|e| Error::io(folder, "cannot write into this folder", e))
}

/// Checks that the path in an argument is not empty: the current folder is `.`.
pub(crate) fn named(callback: &str, argument: &str, path: &Path) -> Result<()> {
    match path.as_os_str().is_empty() {
        true => {
            bail!("{callback}: `{argument}` must name a folder, got an empty path; the current one is `.`")
        }
        false => Ok(()),
    }
}

/// Makes `folder` and those above it if missing.
pub(crate) fn create(folder: &Path) -> Result<()> {
    let made = std::fs::create_dir_all(or_here(folder));
    made.map_err(|e| Error::io(folder, "cannot make this folder", e))
}

/// Removes what a killed process left of files that it had not finished, from a folder that no other process writes to.
pub(crate) fn tidy(folder: &Path) -> Result<()> {
    let unfinished =
        |name: &str| name.starts_with(PROBE) || (name.starts_with('.') && name.ends_with(".part"));
    entries(folder, unfinished)?
        .iter()
        .try_for_each(|path| remove(path))
}

/// What lies in `folder` under a name that `wanted` knows, sorted; nothing if there is no such folder.
pub(crate) fn entries(folder: &Path, wanted: impl Fn(&str) -> bool) -> Result<Vec<PathBuf>> {
    let cannot = |e| Error::io(folder, "cannot read this folder", e);
    let all = match std::fs::read_dir(or_here(folder)) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        all => all.map_err(cannot)?,
    };
    let mut found = Vec::new();
    for entry in all {
        let path = entry.map_err(cannot)?.path();
        if path
            .file_name()
            .is_some_and(|name| wanted(&name.to_string_lossy()))
        {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Removes a file or a folder with all in it; that it is gone already is fine.
pub(crate) fn remove(path: &Path) -> Result<()> {
    let removed = match path.is_dir() {
        true => std::fs::remove_dir_all(path),
        false => std::fs::remove_file(path),
    };
    match removed {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
        removed => removed.map_err(|e| Error::io(path, "cannot remove", e)),
    }
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
