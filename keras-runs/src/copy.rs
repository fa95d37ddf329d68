//! Copies of runs.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use keras_core::{Error, Result, bail};

use crate::data_dir::DATA;

/// Copies runs into the folder `to`, with all that is in them, under their own names or those in `rename`; gives the new
/// directories. A directory that is there is written over; dates are kept.
///
/// # Errors
/// When `rename` has not a name for each run, or a file cannot be copied.
///
/// ```
/// use keras_runs::{RunInfo, RunOptions, copy_run};
/// let base = tempfile::tempdir().map_err(keras_core::Error::user)?;
/// let run = RunOptions::new().runs_dir(base.path().join("runs")).start()?;
/// let path = run.finish()?;
/// let copies = copy_run([&path], base.path(), Some(&["best-model"]))?;
/// assert_eq!(copies, [base.path().join("best-model")]);
/// assert_eq!(RunInfo::read(&copies[0])?.start, RunInfo::read(&path)?.start);
/// # Ok::<(), keras_core::Error>(())
/// ```
pub fn copy_run<P: AsRef<Path>>(
    runs: impl IntoIterator<Item = P>,
    to: impl AsRef<Path>,
    rename: Option<&[&str]>,
) -> Result<Vec<PathBuf>> {
    copy_all(runs, to.as_ref(), rename, &[])
}

/// [`copy_run`] without the record: only what the program left there, without `tfruns.d`, `logs` and `plots`.
///
/// # Errors
/// As [`copy_run`].
pub fn copy_run_files<P: AsRef<Path>>(
    runs: impl IntoIterator<Item = P>,
    to: impl AsRef<Path>,
    rename: Option<&[&str]>,
) -> Result<Vec<PathBuf>> {
    copy_all(runs, to.as_ref(), rename, &[DATA, "logs", "plots"])
}

fn copy_all<P: AsRef<Path>>(
    runs: impl IntoIterator<Item = P>,
    to: &Path,
    rename: Option<&[&str]>,
    without: &[&str],
) -> Result<Vec<PathBuf>> {
    let runs: Vec<P> = runs.into_iter().collect();
    if let Some(names) = rename
        && names.len() != runs.len()
    {
        bail!(
            "copy_run: rename needs a name for each run: {} runs, {} names",
            runs.len(),
            names.len()
        );
    }
    let mut copies = Vec::new();
    for (at, run) in runs.iter().enumerate() {
        let run = run.as_ref();
        if !run.join(DATA).is_dir() {
            return Err(Error::file(run, "there is no run here to copy"));
        }
        let name = match rename.and_then(|names| names.get(at)) {
            Some(name) => PathBuf::from(name),
            None => run.file_name().map_or_else(|| "run".into(), PathBuf::from),
        };
        let target = to.join(name);
        let (from, into) = (run.canonicalize().ok(), target.canonicalize().ok());
        if into.is_some() && from == into {
            return Err(Error::file(
                run,
                "cannot copy a run onto itself; give another folder or `rename`",
            ));
        }
        // A copy within the run would never end.
        let entries = list(run)?;
        fs::create_dir_all(&target).map_err(|e| Error::io(&target, "cannot make the folder", e))?;
        for entry in entries {
            let name = entry
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            if !without.contains(&name.as_str()) && !target.starts_with(&entry) {
                copy(&entry, &target.join(name))?;
            }
        }
        copies.push(target);
    }
    Ok(copies)
}

fn list(folder: &Path) -> Result<Vec<PathBuf>> {
    let cannot = |e| Error::io(folder, "cannot read the folder", e);
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(cannot)? {
        paths.push(entry.map_err(cannot)?.path());
    }
    // The record comes last, so that a copy that was broken off is no run.
    paths.sort_by_key(|path| path.file_name().is_some_and(|name| name == DATA));
    Ok(paths)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    let cannot = |e| Error::io(from, "cannot copy", e);
    let meta = fs::symlink_metadata(from).map_err(cannot)?;
    if meta.is_dir() {
        fs::create_dir_all(to).map_err(|e| Error::io(to, "cannot make the folder", e))?;
        for entry in list(from)? {
            copy(&entry, &to.join(entry.file_name().unwrap_or_default()))?;
        }
    } else if meta.is_symlink() {
        link(from, to).map_err(cannot)?;
    } else if meta.is_file() {
        fs::copy(from, to).map_err(cannot)?;
        // A file system without dates is no reason to stop.
        if let (Ok(file), Ok(modified)) = (File::options().write(true).open(to), meta.modified()) {
            let _ = file.set_modified(modified);
        }
    }
    Ok(())
}

/// Links are copied as links: what they lead to may be anything.
#[cfg(unix)]
fn link(from: &Path, to: &Path) -> std::io::Result<()> {
    if fs::symlink_metadata(to).is_ok() {
        fs::remove_file(to)?;
    }
    std::os::unix::fs::symlink(fs::read_link(from)?, to)
}

#[cfg(not(unix))]
fn link(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::copy(from, to).map(drop)
}
