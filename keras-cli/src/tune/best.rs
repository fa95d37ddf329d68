//! The best run, kept in a folder.

use std::path::Path;

use keras_core::{Error, Result};
use keras_runs::copy_run;

use crate::{End, Outcome};

/// Nothing but a run is written over.
pub(super) fn check(folder: &Path) -> Outcome {
    match folder.file_name() {
        None => Err(End::usage(
            "--best must name a folder that may be made and written over",
        )),
        Some(_) if folder.exists() && !folder.join("tfruns.d").is_dir() => Err(End::Failed(Error::file(
            folder,
            "--best: this is there already and is no run; name another folder",
        ))),
        Some(_) => Ok(()),
    }
}

/// Copies a run; the former best goes when the copy is whole.
pub(super) fn keep(run: &Path, folder: &Path) -> Result<()> {
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    let name = format!(
        ".{}.part",
        folder.file_name().unwrap_or_default().to_string_lossy()
    );
    let part = parent.join(&name);
    let remove = |path: &Path| match std::fs::remove_dir_all(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::io(path, "cannot remove", e)),
        _ => Ok(()),
    };
    remove(&part)?;
    copy_run([run], parent, Some(&[&name]))?;
    remove(folder)?;
    std::fs::rename(&part, folder).map_err(|e| Error::io(folder, "cannot put the best run here", e))
}
