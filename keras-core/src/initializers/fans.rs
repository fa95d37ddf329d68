use crate::{Result, bail};

/// The number of inputs and outputs that a weight of `shape` joins: the last two axes, times the size of a
/// convolution's window (all axes before them); or the products of the axes given, where both are.
///
/// # Errors
/// When an axis is not one of `shape`.
///
/// ```
/// use keras_core::initializers::compute_fans;
/// assert_eq!(compute_fans(&[784, 10], None, None)?, (784, 10));
/// assert_eq!(compute_fans(&[3, 3, 16, 32], None, None)?, (144, 288));
/// assert_eq!(compute_fans(&[8, 2, 4], Some(&[0]), Some(&[1, -1]))?, (8, 8));
/// # Ok::<(), keras_core::Error>(())
/// ```
pub fn compute_fans(
    shape: &[usize],
    input_axes: Option<&[i64]>,
    output_axes: Option<&[i64]>,
) -> Result<(usize, usize)> {
    if let (Some(inputs), Some(outputs)) = (input_axes, output_axes) {
        return Ok((product(shape, inputs)?, product(shape, outputs)?));
    }
    Ok(match shape {
        [] => (1, 1),
        [n] => (*n, *n),
        [window @ .., inputs, outputs] => {
            let size: usize = window.iter().product();
            (inputs * size, outputs * size)
        }
    })
}

fn product(shape: &[usize], axes: &[i64]) -> Result<usize> {
    let mut product = 1;
    for axis in axes {
        let index = if *axis < 0 {
            *axis + shape.len() as i64
        } else {
            *axis
        };
        match usize::try_from(index).ok().and_then(|index| shape.get(index)) {
            Some(size) => product *= size,
            None => bail!("initializer: the shape {shape:?} has no axis {axis}"),
        }
    }
    Ok(product)
}
