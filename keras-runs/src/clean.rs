//! The archive: runs that are out of the way, but not gone.

use std::fs;
use std::path::{Path, PathBuf};

use keras_core::{Error, Result};

use crate::data_dir::{DATA, DataDir};
use crate::folder::run_dirs;
use crate::pulse::Life;

/// Its name in a folder of runs.
pub(crate) const ARCHIVE: &str = "archive";

/// Moves runs to the folder `archive` beside them, where they are not listed any more; gives their new places.
///
/// # Errors
/// When one of them goes on, is no run, or cannot be moved: none is moved then but those before it.
///
/// ```
/// use keras_runs::{ListRuns, RunOptions, clean_runs, ls_runs, purge_runs, restore_runs};
/// let base = tempfile::tempdir().map_err(keras_core::Error::user)?;
/// let runs = base.path().join("runs");
/// let path = RunOptions::new().runs_dir(&runs).start()?.finish()?;
/// let archived = clean_runs([&path])?;
/// assert!(ls_runs(&runs)?.is_empty());
/// assert_eq!(ListRuns::new().runs_dir(&runs).archived(true).list()?.len(), 1);
/// assert_eq!(restore_runs(&archived)?, [path.clone()]);
/// clean_runs([path])?;
/// assert_eq!(purge_runs(&runs)?.runs, 1);
/// # Ok::<(), keras_core::Error>(())
/// ```
pub fn clean_runs<P: AsRef<Path>>(runs: impl IntoIterator<Item = P>) -> Result<Vec<PathBuf>> {
    let move_one = |run: P| {
        let run = run.as_ref();
        check(run)?;
        if Life::of(&DataDir::of(run)) == Life::Lives && !ended(run) {
            return Err(Error::file(
                run,
                "this run goes on; wait for its end, or end its program",
            ));
        }
        move_to(run, &parent(run).join(ARCHIVE))
    };
    runs.into_iter().map(move_one).collect()
}

/// Moves runs back from the archive; gives their new places.
///
/// # Errors
/// When one of them is not in an archive, or cannot be moved.
pub fn restore_runs<P: AsRef<Path>>(runs: impl IntoIterator<Item = P>) -> Result<Vec<PathBuf>> {
    let move_one = |run: P| {
        let run = run.as_ref();
        check(run)?;
        let archive = parent(run);
        if archive.file_name().is_none_or(|name| name != ARCHIVE) {
            return Err(Error::file(
                run,
                format!("this run is in no folder `{ARCHIVE}` to restore it from"),
            ));
        }
        move_to(run, &parent(&archive))
    };
    runs.into_iter().map(move_one).collect()
}

/// What [`purge_runs`] deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Purged {
    /// The number of runs.
    pub runs: usize,
    /// The bytes of their files.
    pub bytes: u64,
}

/// Deletes the runs in the archive of a folder of runs, and nothing else there.
///
/// # Errors
/// When a file cannot be deleted.
pub fn purge_runs(runs_dir: impl AsRef<Path>) -> Result<Purged> {
    let mut purged = Purged::default();
    for run in run_dirs(&runs_dir.as_ref().join(ARCHIVE))? {
        let cannot = |e| Error::io(&run, "cannot delete", e);
        let link = fs::symlink_metadata(&run).map_err(cannot)?.is_symlink();
        let bytes = if link { 0 } else { size(&run) };
        match link {
            // Where it leads is not in the archive.
            true => fs::remove_file(&run).map_err(cannot)?,
            false => fs::remove_dir_all(&run).map_err(cannot)?,
        }
        purged.runs += 1;
        purged.bytes += bytes;
    }
    Ok(purged)
}

/// The bytes of a folder's files.
///
/// ```
/// let base = tempfile::tempdir().map_err(keras_core::Error::user)?;
/// std::fs::write(base.path().join("a"), "12345").map_err(keras_core::Error::user)?;
/// assert_eq!(keras_runs::size_of(base.path()), 5);
/// # Ok::<(), keras_core::Error>(())
/// ```
pub fn size_of(folder: impl AsRef<Path>) -> u64 {
    size(folder.as_ref())
}

fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let of = |entry: fs::DirEntry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => size(&entry.path()),
        Ok(kind) if kind.is_file() => entry.metadata().map_or(0, |meta| meta.len()),
        _ => 0,
    };
    entries.map(of).sum()
}

fn check(run: &Path) -> Result<()> {
    match run.join(DATA).is_dir() {
        true => Ok(()),
        false => Err(Error::file(run, "there is no run here")),
    }
}

fn ended(run: &Path) -> bool {
    run.join(DATA).join("properties/end").exists()
}

fn parent(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => ".".into(),
        Some(parent) => parent.to_owned(),
        None => path.join(".."),
    }
}

/// A name that is taken gets a number.
fn move_to(run: &Path, folder: &Path) -> Result<PathBuf> {
    let cannot = |e| Error::io(run, &format!("cannot move to {}", folder.display()), e);
    fs::create_dir_all(folder).map_err(|e| Error::io(folder, "cannot make the folder", e))?;
    let name = run.file_name().unwrap_or_default().to_string_lossy().into_owned();
    for number in 1..=9999 {
        let to = folder.join(match number {
            1 => name.clone(),
            n => format!("{name}-{n:02}"),
        });
        if fs::symlink_metadata(&to).is_err() {
            fs::rename(run, &to).map_err(cannot)?;
            return Ok(to);
        }
    }
    Err(Error::file(folder, format!("all names like {name} are taken")))
}
