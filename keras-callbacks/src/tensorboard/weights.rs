//! Weights as histograms and images.

use keras_core::ops::{self, Tensor};
use keras_core::{Model, Result};

use super::SummaryWriter;

/// The histogram of every weight, and with `images` a picture of each that has the shape for it.
pub(super) fn write(writer: &mut SummaryWriter, model: &Model, images: bool, step: u64) -> Result<()> {
    for (path, variable) in model.weights() {
        let tag = path.replace(':', "_");
        let value = variable.value();
        writer.histogram(&format!("{tag}/histogram"), &value, step)?;
        if let Some(picture) = picture(&value)?.filter(|_| images) {
            writer.image(&format!("{tag}/image"), &picture, step)?;
        }
    }
    Ok(())
}

/// A weight as Keras shows it: a vector as a column, a matrix with the longer side across, each channel of three axes
/// as an image of its own.
fn picture(weight: &Tensor) -> Result<Option<Tensor>> {
    let squeezed: Vec<usize> = weight.dims().iter().copied().filter(|size| *size != 1).collect();
    let plain = weight.detach().reshape(squeezed.as_slice())?;
    let picture = match *squeezed.as_slice() {
        [n] => plain.reshape((1, n, 1, 1))?,
        [rows, columns] if rows > columns => plain.t()?.contiguous()?.reshape((1, columns, rows, 1))?,
        [rows, columns] => plain.reshape((1, rows, columns, 1))?,
        [height, width, channels] => {
            let apart = ops::transpose(&plain, &[2, 0, 1])?;
            apart.contiguous()?.reshape((channels, height, width, 1))?
        }
        [_, _, _, 1 | 3 | 4] => plain,
        _ => return Ok(None),
    };
    Ok((picture.elem_count() > 0).then_some(picture))
}
