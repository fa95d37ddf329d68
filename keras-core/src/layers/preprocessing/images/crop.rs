//! What layers share that cut parts out of images.

use keras_ops::image::{self, Interpolation, ResizeOptions};
use keras_ops::{self as ops, Tensor};

use super::base::ImageBase;
use crate::Result;
use crate::shape::Dims;

/// The rows from `top` and columns from `left` of images, of a size.
pub(super) fn cut(
    base: &ImageBase,
    x: &Tensor,
    [top, left]: [usize; 2],
    [height, width]: [usize; 2],
) -> Result<Tensor> {
    let [rows, columns, _] = base.axes();
    Ok(ops::narrow(
        &ops::narrow(x, rows, top, height)?,
        columns,
        left,
        width,
    )?)
}

/// The largest part in the middle of an image that has the shape of the target: its start and its size.
pub(super) fn fitting([height, width]: [usize; 2], target: [usize; 2]) -> ([usize; 2], [usize; 2]) {
    let scaled = |n: usize, by: usize, of: usize| ((n * by) as f64 / of.max(1) as f64) as usize;
    let size = [
        scaled(width, target[0], target[1]).min(height).max(1),
        scaled(height, target[1], target[0]).min(width).max(1),
    ];
    ([(height - size[0]) / 2, (width - size[1]) / 2], size)
}

/// [`fitting`] cut out and resized.
pub(super) fn smart_resized(
    base: &ImageBase,
    x: &Tensor,
    sizes: [usize; 2],
    target: [usize; 2],
    interpolation: Interpolation,
) -> Result<Tensor> {
    let (start, size) = fitting(sizes, target);
    let options = ResizeOptions {
        interpolation,
        channels_first: base.channels_first(),
        ..ResizeOptions::default()
    };
    Ok(image::resize(&cut(base, x, start, size)?, target, &options)?)
}

/// The shape of images of another height and width.
pub(super) fn resized_shape(base: &ImageBase, input: &Dims, [height, width]: [usize; 2]) -> Dims {
    let mut output = input.clone();
    let first = if base.channels_first() {
        output.len() - 2
    } else {
        output.len() - 3
    };
    output[first] = Some(height);
    output[first + 1] = Some(width);
    output
}
