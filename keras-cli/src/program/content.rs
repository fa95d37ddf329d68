use std::fs::File;
use std::io::Read;
use std::path::Path;

use keras_core::{Error, Result};
use keras_runs::Source;
use sha2::{Digest, Sha256};

use super::{Program, SCRIPTS};

impl Program {
    /// What stands for it: the same for the same words, executable, scripts and sources. The file `but` is none of them.
    pub(crate) fn content(&self, but: &Path) -> Result<String> {
        let mut hash = Sha256::new();
        add(&mut hash, self.command().as_bytes());
        for (at, word) in self.words.iter().enumerate() {
            let path = &self.start_folder()?.join(word);
            let kind = path.extension().and_then(|kind| kind.to_str());
            let script = kind.is_some_and(|kind| SCRIPTS.contains(&kind));
            // A program that is found by its name alone is one of the system's.
            let executable = at == 0 && Path::new(word).components().count() > 1;
            if (script || executable) && path.is_file() {
                add_file(&mut hash, path).map_err(|e| Error::io(path, "cannot read", e))?;
            }
        }
        let folder = self.folder()?;
        let script = self.script(&folder);
        if script.is_some() || self.has_sources(&folder) {
            let but = but.canonicalize().ok();
            let root = folder.canonicalize().ok();
            let inside = but.as_deref().zip(root.as_deref());
            let but = inside.and_then(|(file, root)| file.strip_prefix(root).ok());
            let mut files = Source::files(&folder, script.as_deref())?;
            files.retain(|(name, _)| but != Some(Path::new(name)));
            files.sort();
            for (name, bytes) in files {
                add(&mut hash, name.as_bytes());
                add(&mut hash, &bytes);
            }
        }
        let hash = hash.finalize();
        Ok(hash.iter().take(12).map(|byte| format!("{byte:02x}")).collect())
    }
}

/// With its length, so that no two lists read the same.
fn add(hash: &mut Sha256, bytes: &[u8]) {
    hash.update((bytes.len() as u64).to_le_bytes());
    hash.update(bytes);
}

fn add_file(hash: &mut Sha256, path: &Path) -> std::io::Result<()> {
    let mut file = File::open(path)?;
    let mut part = vec![0; 1 << 16];
    loop {
        match file.read(&mut part)? {
            0 => return Ok(()),
            n => hash.update(part.get(..n).unwrap_or_default()),
        }
    }
}
