//! Small handwritten digits, part of this crate.

use std::io::Read;

use flate2::read::GzDecoder;
use keras_core::{Error, Result};
use keras_ops::{Device, Tensor};

use super::Split;
use super::split::bytes;

static FILE: &[u8] = include_bytes!("../../data/digits.bin.gz");
const IMAGES: usize = 1797;
const TRAIN: usize = 1437;
const PIXELS: usize = 64;

/// 1,797 handwritten digits of 8×8 pixels, without a download.
///
/// `x` is float32 of shape `(n, 8, 8, 1)` with the raw values 0 to 16 ([`Split::scaled`] with 16 makes them 0 to
/// 1, [`Split::flattened`] makes rows of 64); `y` is uint8 of shape `(n,)`, 0 to 9. The first 1,437 images of a
/// shuffle made once are for training, the other 360 for testing: always the same.
///
/// Source: E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning
/// Repository, 1998, [doi:10.24432/C50P49](https://doi.org/10.24432/C50P49), licensed
/// [CC BY 4.0](https://creativecommons.org/licenses/by/4.0/); the test part, as scikit-learn has it.
///
/// # Errors
/// When memory runs out.
///
/// # Examples
/// ```
/// let digits = keras::datasets::digits()?;
/// assert_eq!(digits.train.0.dims(), [1437, 8, 8, 1]);
/// assert_eq!(digits.test.1.dims(), [360]);
/// # Ok::<(), keras_core::Error>(())
/// ```
pub fn digits() -> Result<Split> {
    let mut content = Vec::with_capacity(IMAGES * (PIXELS + 1));
    GzDecoder::new(FILE)
        .read_to_end(&mut content)
        .map_err(Error::user)?;
    let (labels, pixels) = content.split_at(IMAGES.min(content.len()));
    let part = |from: usize, to: usize| -> Result<(Tensor, Tensor)> {
        let x = pixels
            .iter()
            .take(to * PIXELS)
            .skip(from * PIXELS)
            .map(|p| f32::from(*p))
            .collect();
        Ok((
            Tensor::from_vec(x, (to - from, 8, 8, 1), &Device::Cpu)?,
            bytes(&labels[from..to], &[to - from])?,
        ))
    };
    Ok(Split {
        train: part(0, TRAIN)?,
        test: part(TRAIN, IMAGES)?,
    })
}
