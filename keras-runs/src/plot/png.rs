//! Charts as PNG.

use std::io::Write;

use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};

use super::chart::{Anchor, Canvas};
use super::font::{HEIGHT, WIDTH, glyph};

pub(super) struct Png {
    width: usize,
    height: usize,
    /// Red, green and blue of each pixel, row by row.
    pixels: Vec<u8>,
}

impl Png {
    pub(super) fn new((width, height): (usize, usize)) -> Self {
        Self {
            width,
            height,
            pixels: vec![255; width * height * 3],
        }
    }

    pub(super) fn finish(self) -> std::io::Result<Vec<u8>> {
        let mut rows = ZlibEncoder::new(Vec::new(), Compression::default());
        for row in self.pixels.chunks(self.width * 3) {
            // No filter.
            rows.write_all(&[0])?;
            rows.write_all(row)?;
        }
        let mut header = Vec::new();
        header.extend((self.width as u32).to_be_bytes());
        header.extend((self.height as u32).to_be_bytes());
        // Eight bits a channel, three channels.
        header.extend([8, 2, 0, 0, 0]);
        let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
        for (kind, content) in [
            (b"IHDR", header),
            (b"IDAT", rows.finish()?),
            (b"IEND", Vec::new()),
        ] {
            let mut crc = Crc::new();
            crc.update(kind);
            crc.update(&content);
            out.extend((content.len() as u32).to_be_bytes());
            out.extend(kind);
            out.extend(content);
            out.extend(crc.sum().to_be_bytes());
        }
        Ok(out)
    }

    /// Lays a colour over a pixel, as thick as `cover` of 1.
    fn blend(&mut self, x: usize, y: usize, cover: f64, colour: [u8; 3]) {
        if x >= self.width || y >= self.height {
            return;
        }
        let at = (y * self.width + x) * 3;
        for (pixel, new) in self.pixels[at..at + 3].iter_mut().zip(colour) {
            *pixel = (f64::from(*pixel) * (1. - cover) + f64::from(new) * cover).round() as u8;
        }
    }

    fn segment(&mut self, a: (f64, f64), b: (f64, f64), width: f64, colour: [u8; 3]) {
        let reach = width / 2. + 1.;
        let range = |a: f64, b: f64, end: usize| {
            let from = (a.min(b) - reach).max(0.) as usize;
            from..((a.max(b) + reach).max(0.) as usize + 1).min(end)
        };
        let (dx, dy) = (b.0 - a.0, b.1 - a.1);
        let length = dx * dx + dy * dy;
        for y in range(a.1, b.1, self.height) {
            for x in range(a.0, b.0, self.width) {
                let (px, py) = (x as f64 + 0.5 - a.0, y as f64 + 0.5 - a.1);
                let along = if length > 0. {
                    ((px * dx + py * dy) / length).clamp(0., 1.)
                } else {
                    0.
                };
                let distance = (px - along * dx).hypot(py - along * dy);
                let cover = (width / 2. + 0.5 - distance).clamp(0., 1.);
                if cover > 0. {
                    self.blend(x, y, cover, colour);
                }
            }
        }
    }
}

/// `#rrggbb`
fn rgb(colour: &str) -> [u8; 3] {
    let channel = |at: usize| {
        let digits = colour.get(at..at + 2);
        digits.and_then(|d| u8::from_str_radix(d, 16).ok()).unwrap_or(0)
    };
    [channel(1), channel(3), channel(5)]
}

impl Canvas for Png {
    fn line(&mut self, points: &[(f64, f64)], width: f64, colour: &str) {
        for pair in points.windows(2) {
            // Thin straight lines lie on pixels.
            let snap = |(x, y): (f64, f64)| match width <= 1. {
                true => (x.floor() + 0.5, y.floor() + 0.5),
                false => (x, y),
            };
            self.segment(snap(pair[0]), snap(pair[1]), width, rgb(colour));
        }
    }

    fn dot(&mut self, at: (f64, f64), radius: f64, colour: &str) {
        self.segment(at, at, radius * 2., rgb(colour));
    }

    fn text(&mut self, (x, y): (f64, f64), text: &str, size: f64, anchor: Anchor, colour: &str) {
        let scale = (size / 7.).round().max(1.) as usize;
        let (high, advance) = (HEIGHT * scale, (WIDTH + 1) * scale);
        // Names that nobody can read anyway.
        let text: Vec<char> = text.chars().take(60).collect();
        let long = (text.len() * advance) as f64;
        let left = match anchor {
            Anchor::Start => x,
            Anchor::Middle => x - long / 2.,
            Anchor::End => x - long,
        };
        let (left, top) = (left.max(0.) as usize, (y - high as f64).max(0.) as usize);
        for (place, c) in text.into_iter().enumerate() {
            for (column, bits) in glyph(c).into_iter().enumerate() {
                for row in (0..HEIGHT).filter(|row| bits >> row & 1 == 1) {
                    for (dx, dy) in (0..scale).flat_map(|dx| (0..scale).map(move |dy| (dx, dy))) {
                        let at = (
                            left + place * advance + column * scale + dx,
                            top + row * scale + dy,
                        );
                        self.blend(at.0, at.1, 1., rgb(colour));
                    }
                }
            }
        }
    }
}
