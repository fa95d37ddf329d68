//! Reads files out of a compressed tar archive.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use flate2::read::GzDecoder;
use keras_core::{Error, Result, bail};

const BLOCK: usize = 512;

/// Gives the content of each regular file of a `.tar.gz` that `wanted` says yes to, by its name with folders.
pub(super) fn read(
    path: &Path,
    wanted: impl Fn(&str) -> bool,
    mut each: impl FnMut(&str, &[u8]) -> Result<()>,
) -> Result<()> {
    let file = File::open(path).map_err(|e| Error::io(path, "cannot read", e))?;
    let mut archive = GzDecoder::new(BufReader::new(file));
    walk(&mut archive, wanted, &mut each).map_err(|e| Error::file(path, format!("expected a .tar.gz: {e}")))
}

fn walk(
    archive: &mut impl Read,
    wanted: impl Fn(&str) -> bool,
    each: &mut impl FnMut(&str, &[u8]) -> Result<()>,
) -> Result<()> {
    let mut header = [0; BLOCK];
    loop {
        archive.read_exact(&mut header).map_err(Error::invalid)?;
        if header.iter().all(|b| *b == 0) {
            return Ok(());
        }
        let text = |range: std::ops::Range<usize>| {
            let field = &header[range];
            let end = field.iter().position(|b| *b == 0).unwrap_or(field.len());
            String::from_utf8_lossy(&field[..end]).trim().to_owned()
        };
        let Ok(size) = u64::from_str_radix(&text(124..136), 8) else {
            bail!("a header is malformed")
        };
        let name = text(0..100);
        let padded = size.div_ceil(BLOCK as u64) * BLOCK as u64;
        let mut entry = archive.by_ref().take(padded);
        if matches!(header[156], b'0' | 0) && wanted(&name) {
            let mut content = Vec::new();
            entry.read_to_end(&mut content).map_err(Error::invalid)?;
            if content.len() as u64 != padded {
                bail!("`{name}` is cut off");
            }
            content.truncate(size as usize);
            each(&name, &content)?;
        } else {
            std::io::copy(&mut entry, &mut std::io::sink()).map_err(Error::invalid)?;
        }
    }
}
