//! Tensors in a folder of several files, tied together by a manifest.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::archive::{self, Named};
use super::atomic::sync_folder;
use super::packed::Packed;
use crate::{Error, Result, ResultExt, random};

const MANIFEST: &str = "manifest.json";
const FORMAT: &str = "keras-shards";
/// The most files that are open at once.
const OPEN: usize = 16;

/// A file of a folder.
pub(super) struct Shard {
    pub(super) file: String,
    /// That of its header.
    pub(super) checksum: u32,
}

/// The files of a folder of shards; `None` for a file, or a folder without a manifest.
pub(super) fn manifest(folder: &Path) -> Result<Option<Vec<Shard>>> {
    let path = folder.join(MANIFEST);
    if !path.is_file() {
        return Ok(None);
    }
    let text = fs::read_to_string(&path).map_err(|e| Error::io(&path, "cannot read", e))?;
    let value: Value =
        serde_json::from_str(&text).map_err(|e| Error::file(&path, format!("damaged: no JSON ({e})")))?;
    let Some(shards) = value.get("shards").filter(|_| value["format"] == FORMAT) else {
        return Err(Error::file(
            &path,
            "not the manifest of a folder that this library saved",
        ));
    };
    if value["crc32c"] != json!(crc32c::crc32c(shards.to_string().as_bytes())) {
        return Err(Error::file(
            &path,
            "damaged: the list of files does not have its checksum",
        ));
    }
    let shard = |entry: &Value| {
        Some(Shard {
            file: entry.get("file")?.as_str()?.to_owned(),
            checksum: entry.get("crc32c")?.as_u64()?.try_into().ok()?,
        })
    };
    let shards: Option<Vec<Shard>> = shards.as_array().and_then(|all| all.iter().map(shard).collect());
    match shards.filter(|shards| !shards.is_empty()) {
        Some(shards) => Ok(Some(shards)),
        None => Err(Error::file(&path, "damaged: no list of files")),
    }
}

/// Writes a folder of files of about `shard_bytes`, whole or not at all. One that exists is replaced.
pub(super) fn write(folder: &Path, packed: Packed, shard_bytes: usize) -> Result<()> {
    let cannot = |e| Error::io(folder, "cannot write", e);
    let parent = match folder.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    fs::create_dir_all(parent).map_err(cannot)?;
    // Whatever happens before the end, this folder is removed.
    let mut builder = tempfile::Builder::new();
    builder.prefix(".").suffix(".part");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777));
    let made = builder.tempdir_in(parent).map_err(cannot)?;
    fill(made.path(), packed, shard_bytes).context(|| folder.display().to_string())?;
    if folder.is_dir() {
        fs::remove_dir_all(folder).map_err(cannot)?;
    }
    fs::rename(made.path(), folder).map_err(cannot)?;
    // Its name is gone: there is nothing left to remove.
    let _ = made.keep();
    sync_folder(parent).map_err(cannot)
}

fn fill(folder: &Path, packed: Packed, shard_bytes: usize) -> Result<()> {
    let groups = grouped(packed.tensors, shard_bytes.max(1));
    let count = groups.len();
    let save = format!("{:016x}", random::derive(std::process::id().into(), now()));
    let (mut entries, mut open) = (Vec::new(), Vec::new());
    for (index, tensors) in groups.into_iter().enumerate() {
        let file = format!("shard-{:05}-of-{count:05}.safetensors", index + 1);
        let path = folder.join(&file);
        // Tells the files of one save from those of another.
        let mut texts = vec![("save", save.clone())];
        if index == 0 {
            texts.extend_from_slice(&packed.texts);
        }
        let cannot = |e| Error::io(&path, "cannot write", e);
        let mut out = BufWriter::with_capacity(1 << 16, File::create(&path).map_err(cannot)?);
        let checksum = archive::fill(&path, &mut out, Packed { texts, tensors })?;
        let out = out.into_inner().map_err(|e| cannot(e.into_error()))?;
        entries.push(json!({"file": file, "crc32c": checksum}));
        // The disk is waited for when all is written, and training need not spare these weights any more.
        open.push((path, out));
        if open.len() == OPEN {
            sync(&mut open)?;
        }
    }
    sync(&mut open)?;
    let shards = Value::Array(entries);
    let checksum = crc32c::crc32c(shards.to_string().as_bytes());
    let manifest = json!({"format": FORMAT, "version": 1, "shards": shards, "crc32c": checksum});
    let path = folder.join(MANIFEST);
    let cannot = |e| Error::io(&path, "cannot write", e);
    let mut out = File::create(&path).map_err(cannot)?;
    out.write_all(format!("{manifest:#}\n").as_bytes())
        .map_err(cannot)?;
    out.sync_all().map_err(cannot)?;
    sync_folder(folder).map_err(cannot)
}

/// Puts what was written on the disk.
fn sync(files: &mut Vec<(PathBuf, File)>) -> Result<()> {
    let sync =
        |(path, file): (PathBuf, File)| file.sync_all().map_err(|e| Error::io(&path, "cannot write", e));
    files.drain(..).try_for_each(sync)
}

fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |d| d.as_nanos() as u64)
}

/// Neighbours together until there is enough for a file; at least one group.
fn grouped(tensors: Vec<Named>, bytes: usize) -> Vec<Vec<Named>> {
    let mut groups: Vec<Vec<Named>> = vec![Vec::new()];
    let mut filled = 0;
    for named in tensors {
        let size = named.1.with(|t| t.elem_count() * t.dtype().size_in_bytes());
        if filled > 0 && filled + size > bytes {
            groups.push(Vec::new());
            filled = 0;
        }
        filled += size;
        if let Some(group) = groups.last_mut() {
            group.push(named);
        }
    }
    groups
}
