//! The folders of runs and their names.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use keras_core::{Error, Result};

use crate::data_dir::DATA;

/// Where runs go when nothing else is said: the folder `runs`, or what the environment variable `KERAS_RUNS_DIR` names.
///
/// ```
/// assert!(std::env::var("KERAS_RUNS_DIR").is_ok() || keras_runs::runs_dir().ends_with("runs"));
/// ```
pub fn runs_dir() -> PathBuf {
    std::env::var_os("KERAS_RUNS_DIR")
        .filter(|dir| !dir.is_empty())
        .map_or_else(|| "runs".into(), PathBuf::from)
}

/// Makes a new folder in `base`, named after the time in UTC: `runs/2026-11-23T05-40-00Z`, and
/// `2026-11-23T05-40-00Z-02` where that is taken. No two callers get the same one, in other processes neither.
///
/// # Errors
/// When `base` cannot be written to.
///
/// ```
/// let base = tempfile::tempdir().map_err(keras_core::Error::user)?;
/// let (a, b) = (keras_runs::unique_run_dir(base.path())?, keras_runs::unique_run_dir(base.path())?);
/// assert!(a != b && a.is_dir() && b.is_dir());
/// # Ok::<(), keras_core::Error>(())
/// ```
pub fn unique_run_dir(base: impl AsRef<Path>) -> Result<PathBuf> {
    let base = base.as_ref();
    fs::create_dir_all(base).map_err(|e| Error::io(base, "cannot make the folder", e))?;
    let stamp = stamp(since_epoch().as_secs());
    for number in 1..=9999 {
        let path = base.join(match number {
            1 => stamp.clone(),
            // Two digits at least, so that names sort as they were made.
            n => format!("{stamp}-{n:02}"),
        });
        match fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(Error::io(&path, "cannot make the folder", e)),
        }
    }
    Err(Error::file(base, "all names of this second are taken"))
}

/// The folder that `name` means: itself if there is a run in it, else the run of that name in [`runs_dir`], where a part
/// of the name that only one run has is enough.
///
/// # Errors
/// When there is no such run, or several runs have this part in their names.
///
/// ```
/// use keras_runs::{Run, RunOptions, as_run_dir};
/// let base = tempfile::tempdir().map_err(keras_core::Error::user)?;
/// let run = RunOptions::new().runs_dir(base.path()).start()?;
/// assert_eq!(as_run_dir(run.path(), base.path())?, run.path());
/// let name = run.path().file_name().unwrap_or_default();
/// assert_eq!(as_run_dir(name, base.path())?, run.path());
/// # Ok::<(), keras_core::Error>(())
/// ```
pub fn as_run_dir(name: impl AsRef<Path>, base: impl AsRef<Path>) -> Result<PathBuf> {
    let (name, base) = (name.as_ref(), base.as_ref());
    let holds = |path: &Path| path.join(DATA).is_dir();
    if holds(name) {
        return Ok(name.to_owned());
    }
    if holds(&base.join(name)) {
        return Ok(base.join(name));
    }
    let part = name.to_string_lossy();
    let mut found: Vec<PathBuf> = run_dirs(base)?
        .into_iter()
        .filter(|path| {
            path.file_name()
                .is_some_and(|n| n.to_string_lossy().contains(&*part))
        })
        .collect();
    match (found.pop(), found.len()) {
        (Some(only), 0) if !part.is_empty() => Ok(only),
        (Some(_), more) if !part.is_empty() => Err(Error::file(
            base,
            format!("{} runs have `{part}` in their names; give more of it", more + 1),
        )),
        _ => Err(Error::file(
            name,
            format!(
                "there is no run here, nor one of this name in {}; `keras runs ls` lists them",
                base.display()
            ),
        )),
    }
}

/// The folders in `base` that hold a run's record, newest first by name. None where there is no `base`.
pub(crate) fn run_dirs(base: &Path) -> Result<Vec<PathBuf>> {
    let cannot = |e| Error::io(base, "cannot read the folder", e);
    let entries = match fs::read_dir(base) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(cannot(e)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(cannot)?.path();
        if path.join(DATA).is_dir() {
            found.push(path);
        }
    }
    found.sort_unstable_by(|a, b| b.cmp(a));
    Ok(found)
}

pub(crate) fn since_epoch() -> Duration {
    // A clock set before 1970 counts as 1970.
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Seconds since 1970, as tfruns writes them.
pub(crate) fn now() -> String {
    format!("{:.5}", since_epoch().as_secs_f64())
}

/// `2026-11-23T05-40-00Z`.
pub(crate) fn stamp(seconds: u64) -> String {
    // The last second of the year 9999.
    let seconds = seconds.min(253_402_300_799);
    let (year, month, day) = date(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}-{minute:02}-{second:02}Z")
}

/// Year, month and day of a number of days since 1 January 1970.
fn date(mut days: u64) -> (u64, usize, u64) {
    let leap = |year: u64| year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    let mut year = 1970;
    while days >= 365 + u64::from(leap(year)) {
        days -= 365 + u64::from(leap(year));
        year += 1;
    }
    let february = 28 + u64::from(leap(year));
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    (year, month, days + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_utc() {
        // From `date -u -d @SECONDS`.
        for (seconds, expected) in [
            (0, "1970-01-01T00-00-00Z"),
            (951_827_696, "2000-02-29T12-34-56Z"),
            (1_506_954_218, "2017-10-02T14-23-38Z"),
            (1_795_412_400, "2026-11-23T05-40-00Z"),
            (4_107_542_399, "2100-02-28T23-59-59Z"),
            (4_107_542_400, "2100-03-01T00-00-00Z"),
        ] {
            assert_eq!(stamp(seconds), expected);
        }
    }
}
