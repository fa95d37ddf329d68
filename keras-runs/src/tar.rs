//! Plain tar archives in gzip, as R's internal `untar` reads them.

use std::io::{self, Read, Write};

use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

const BLOCK: usize = 512;

/// Packs files. Their names are shorter than 100 bytes.
pub(crate) fn write<'a>(files: impl Iterator<Item = (String, &'a [u8])>) -> io::Result<Vec<u8>> {
    let mut out = GzEncoder::new(Vec::new(), flate2::Compression::default());
    for (name, bytes) in files {
        out.write_all(&header(&name, bytes.len()))?;
        out.write_all(bytes)?;
        out.write_all(&[0; BLOCK][..bytes.len().next_multiple_of(BLOCK) - bytes.len()])?;
    }
    out.write_all(&[0; 2 * BLOCK])?;
    out.finish()
}

fn header(name: &str, size: usize) -> [u8; BLOCK] {
    let mut header = [0; BLOCK];
    let mut put = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, name);
    put(100, "0000644\0");
    put(108, "0000000\0");
    put(116, "0000000\0");
    put(124, &format!("{size:011o}\0"));
    // The same sources give the same archive, so no time.
    put(136, "00000000000\0");
    // The checksum is taken with blanks in its own place.
    put(148, "        ");
    put(156, "0");
    put(257, "ustar\x0000");
    let sum: u32 = header.iter().map(|b| u32::from(*b)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}

/// The regular files of an archive, up to `limit` bytes of it. What is damaged ends the list.
pub(crate) fn read(packed: &[u8], limit: u64) -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut bytes = Vec::new();
    GzDecoder::new(packed).take(limit).read_to_end(&mut bytes)?;
    let mut files = Vec::new();
    let mut rest = bytes.as_slice();
    while let Some((header, after)) = rest.split_at_checked(BLOCK) {
        if header.iter().all(|b| *b == 0) {
            break;
        }
        let text = |from: usize, to: usize| {
            let field = header[from..to].split(|b| *b == 0).next().unwrap_or_default();
            String::from_utf8_lossy(field).trim().to_owned()
        };
        let Ok(size) = usize::from_str_radix(&text(124, 136), 8) else {
            break;
        };
        let Some(content) = after.get(..size) else { break };
        let name = match text(345, 500) {
            prefix if prefix.is_empty() || !text(257, 263).starts_with("ustar") => text(0, 100),
            prefix => format!("{prefix}/{}", text(0, 100)),
        };
        if matches!(header[156], b'0' | 0) {
            files.push((name, content.to_vec()));
        }
        rest = after.get(size.next_multiple_of(BLOCK)..).unwrap_or_default();
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_comes_out() -> io::Result<()> {
        let files = [
            ("source/main.rs", vec![b'x'; 513]),
            ("source/empty.rs", Vec::new()),
        ];
        let packed = write(files.iter().map(|(n, b)| ((*n).to_owned(), b.as_slice())))?;
        let out = read(&packed, 1 << 20)?;
        assert_eq!(out.len(), 2);
        for ((name, bytes), (n, b)) in out.iter().zip(&files) {
            assert_eq!((name.as_str(), bytes), (*n, b));
        }
        Ok(())
    }
}
