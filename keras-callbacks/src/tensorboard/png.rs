//! Images as PNG files.

use std::io::Write;

use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};
use keras_core::{Error, Result};

/// The file of an image of `width` times `height` pixels with 1 to 4 bytes each: grey, grey and alpha, RGB, RGBA.
pub(super) fn encode(width: usize, height: usize, pixels: &[u8]) -> Result<Vec<u8>> {
    let row = pixels.len() / height.max(1);
    let kind = match row / width.max(1) {
        1 => 0,
        2 => 4,
        3 => 2,
        _ => 6,
    };
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::fast());
    let mut write = |bytes: &[u8]| packed.write_all(bytes).map_err(Error::user);
    for row in pixels.chunks(row.max(1)) {
        // No filter.
        write(&[0])?;
        write(row)?;
    }
    let packed = packed.finish().map_err(Error::user)?;
    let mut head = Vec::new();
    head.extend((width as u32).to_be_bytes());
    head.extend((height as u32).to_be_bytes());
    head.extend([8, kind, 0, 0, 0]);
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    chunk(b"IHDR", &head, &mut file);
    chunk(b"IDAT", &packed, &mut file);
    chunk(b"IEND", &[], &mut file);
    Ok(file)
}

fn chunk(name: &[u8; 4], data: &[u8], file: &mut Vec<u8>) {
    file.extend((data.len() as u32).to_be_bytes());
    file.extend(name);
    file.extend(data);
    let mut crc = Crc::new();
    crc.update(name);
    crc.update(data);
    file.extend(crc.sum().to_be_bytes());
}
