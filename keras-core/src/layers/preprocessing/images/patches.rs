//! Random rectangles in images, for erasing and for pasting.

use keras_ops::{Device, Tensor};

use super::base::{ImageBase, ImageShape};
use crate::Result;

/// Left, top, right and bottom of a rectangle in pixels.
pub(super) type Rectangle = [f64; 4];

/// A rectangle for each image; `shares` are the parts of width and height that it takes.
pub(super) fn rectangles(
    base: &ImageBase,
    images: ImageShape,
    shares: &[[f64; 2]],
) -> Result<Vec<Rectangle>> {
    let xs = base.uniform(images.batch, (0., 1.))?;
    let ys = base.uniform(images.batch, (0., 1.))?;
    let (width, height) = (images.width as f64, images.height as f64);
    let rectangle = |((x, y), share): ((&f64, &f64), &[f64; 2])| {
        let [w, h] = [share[0] * width, share[1] * height];
        let [left, top] = [x * (width - w), y * (height - h)];
        [left, top, left + w, top + h]
    };
    Ok(xs.iter().zip(&ys).zip(shares).map(rectangle).collect())
}

/// 1 at the pixels within each image's rectangle, with one channel.
pub(super) fn mask(
    base: &ImageBase,
    images: ImageShape,
    rectangles: &[Rectangle],
    device: &Device,
) -> Result<Tensor> {
    let mut mask = Vec::with_capacity(images.batch * images.height * images.width);
    for [left, top, right, bottom] in rectangles {
        for y in 0..images.height {
            let row = (*top..*bottom).contains(&(y as f64));
            mask.extend((0..images.width).map(|x| u8::from(row && (*left..*right).contains(&(x as f64)))));
        }
    }
    let dims = match base.channels_first() {
        true => [rectangles.len(), 1, images.height, images.width],
        false => [rectangles.len(), images.height, images.width, 1],
    };
    Ok(Tensor::from_vec(mask, &dims, &Device::Cpu)?.to_device(device)?)
}
