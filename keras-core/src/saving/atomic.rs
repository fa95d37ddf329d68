//! Files that appear whole or not at all.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// Writes a file so that readers see either the former content or all of the new: `fill` writes to a temporary
/// file in the same folder, which then takes the place of `path` and is on the disk when this returns.
///
/// # Errors
/// When `fill` fails or the folder cannot be written to; `path` is then what it was, and nothing is left behind.
///
/// # Examples
/// ```
/// use keras_core::saving::write_atomic;
/// use std::io::Write;
/// let folder = tempfile::tempdir().map_err(keras_core::Error::user)?;
/// let path = folder.path().join("log.txt");
/// write_atomic(&path, |out| out.write_all(b"whole").map_err(keras_core::Error::user))?;
/// assert!(write_atomic(&path, |_| Err(keras_core::Error::invalid("disk full"))).is_err());
/// assert_eq!(std::fs::read(&path).map_err(keras_core::Error::user)?, b"whole");
/// # Ok::<(), keras_core::Error>(())
/// ```
pub fn write_atomic(
    path: impl AsRef<Path>,
    fill: impl FnOnce(&mut BufWriter<&mut File>) -> Result<()>,
) -> Result<()> {
    let path = target(path.as_ref())?;
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let cannot = |e| Error::io(&path, "cannot write", e);
    let mut builder = tempfile::Builder::new();
    builder.prefix(".").suffix(".part");
    // The umask takes off what others may not do; a temporary file would keep everybody else out.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder).map_err(cannot)?;
    let mut out = BufWriter::with_capacity(1 << 16, file.as_file_mut());
    fill(&mut out)?;
    out.flush().map_err(cannot)?;
    drop(out);
    file.as_file().sync_all().map_err(cannot)?;
    file.persist(&path).map_err(|e| cannot(e.error))?;
    sync_folder(folder).map_err(cannot)
}

/// The file behind a link, so that the link stays.
fn target(path: &Path) -> Result<PathBuf> {
    match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() => Err(Error::file(path, "this is a folder; give the path of a file")),
        Ok(meta) if meta.is_symlink() => match fs::canonicalize(path) {
            Ok(real) if real.is_dir() => Err(Error::file(path, "this is a folder; give the path of a file")),
            Ok(real) => Ok(real),
            Err(e) => Err(Error::io(path, "cannot follow the link", e)),
        },
        _ => Ok(path.to_owned()),
    }
}

/// Puts the new name itself on the disk.
#[cfg(unix)]
pub(super) fn sync_folder(folder: &Path) -> std::io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
pub(super) fn sync_folder(_folder: &Path) -> std::io::Result<()> {
    Ok(())
}
