//! Cropping and padding.

use candle_core::{Result, Tensor};

use super::axes_of;
use crate::host;

/// What is taken away or added at the sides. Give two of before, after and the result's size for each of height
/// and width; the third follows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sides {
    /// Rows at the top.
    pub top: Option<usize>,
    /// Columns at the left.
    pub left: Option<usize>,
    /// Rows at the bottom.
    pub bottom: Option<usize>,
    /// Columns at the right.
    pub right: Option<usize>,
    /// The height of the result.
    pub height: Option<usize>,
    /// The width of the result.
    pub width: Option<usize>,
    /// Whether channels come before height and width.
    pub channels_first: bool,
}

impl Sides {
    /// Before, after and result for (height, width), of a larger and a smaller size of which one is given.
    fn solve(&self, sizes: [usize; 2], grows: bool) -> Result<[[usize; 3]; 2]> {
        let one = |name: &str,
                   before: Option<usize>,
                   after: Option<usize>,
                   to: Option<usize>,
                   from: usize| {
            let solved = match (before, after, to) {
                (Some(a), Some(b), None) if grows => Some([a, b, from + a + b]),
                (Some(a), Some(b), None) => from.checked_sub(a + b).map(|to| [a, b, to]),
                (a, b, Some(to)) if a.is_some() != b.is_some() => {
                    let given = a.or(b).unwrap_or(0);
                    let all = if grows {
                        to.checked_sub(from)
                    } else {
                        from.checked_sub(to)
                    };
                    let other = all.and_then(|all| all.checked_sub(given));
                    other.map(|other| {
                        if a.is_some() {
                            [given, other, to]
                        } else {
                            [other, given, to]
                        }
                    })
                }
                _ => candle_core::bail!(
                    "give exactly two of the {name} before, after and of the result, got {before:?}, {after:?}, {to:?}"
                ),
            };
            let Some(solved) = solved else {
                candle_core::bail!(
                    "a {name} of {from} does not fit: before {before:?}, after {after:?}, result {to:?}"
                );
            };
            Ok(solved)
        };
        Ok([
            one("height", self.top, self.bottom, self.height, sizes[0])?,
            one("width", self.left, self.right, self.width, sizes[1])?,
        ])
    }
}

/// Images with zeros at their sides.
///
/// # Errors
/// When there are not exactly two of the three numbers for height and width, or they do not fit the images.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor, image::Sides};
/// let x = Tensor::ones((2, 3, 1), ops::DType::F32, &Device::Cpu)?;
/// let sides = Sides { top: Some(1), height: Some(4), left: Some(0), right: Some(2), ..Sides::default() };
/// assert_eq!(ops::image::pad_images(&x, &sides)?.dims(), [4, 5, 1]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn pad_images(images: &Tensor, sides: &Sides) -> Result<Tensor> {
    host::within("pad_images", || {
        let axes = axes_of("pad_images", images, sides.channels_first)?;
        let solved = sides.solve([images.dims()[axes[0]], images.dims()[axes[1]]], true)?;
        let mut padding = vec![(0, 0); images.rank()];
        for (axis, [before, after, _]) in axes.into_iter().zip(solved) {
            padding[axis] = (before, after);
        }
        crate::pad(images, &padding, 0.)
    })
}

/// Images without what lies at their sides. A view.
///
/// # Errors
/// When there are not exactly two of the three numbers for height and width, or they do not fit the images.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor, image::Sides};
/// let x = Tensor::ones((4, 5, 1), ops::DType::F32, &Device::Cpu)?;
/// let sides = Sides { top: Some(1), height: Some(2), left: Some(0), right: Some(2), ..Sides::default() };
/// assert_eq!(ops::image::crop_images(&x, &sides)?.dims(), [2, 3, 1]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn crop_images(images: &Tensor, sides: &Sides) -> Result<Tensor> {
    host::within("crop_images", || {
        let axes = axes_of("crop_images", images, sides.channels_first)?;
        let solved = sides.solve([images.dims()[axes[0]], images.dims()[axes[1]]], false)?;
        let mut cropped = images.clone();
        for (axis, [before, _, to]) in axes.into_iter().zip(solved) {
            cropped = crate::narrow(&cropped, axis as i64, before, to)?;
        }
        Ok(cropped)
    })
}
