//! Padding, by Keras's modes.

use candle_core::{Result, Tensor};

use super::{concatenate, gather_axis, narrow, padding};
use crate::host;

/// What [`pad`] fills with: Keras's `mode`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum PadMode {
    /// A value. A number is turned into this.
    Constant(f64),
    /// The value at the edge.
    Edge,
    /// Even steps from the value at the edge to 0.
    LinearRamp,
    /// The largest value along the axis.
    Maximum,
    /// The mean along the axis.
    Mean,
    /// The median along the axis.
    Median,
    /// The smallest value along the axis.
    Minimum,
    /// The mirror image without the edge itself: `3 2 | 1 2 3 | 2 1`.
    Reflect,
    /// The mirror image with the edge: `2 1 | 1 2 3 | 3 2`.
    Symmetric,
    /// The other end: `2 3 | 1 2 3 | 1 2`.
    Wrap,
}

impl From<f64> for PadMode {
    fn from(value: f64) -> Self {
        Self::Constant(value)
    }
}

/// `x` with `(before, after)` elements added along each axis, of one value or by a [`PadMode`].
///
/// All modes but the constant one go through the axes in order, so that a later axis repeats what an earlier one added.
/// Keras's `empty` leaves the values open: take any. Its `circular` is [`PadMode::Wrap`].
///
/// # Errors
/// When `padding` has not one pair for each axis; when an axis of size 0 has nothing to repeat; for means, medians and
/// ramps when `x` is not of floats.
///
/// ```
/// use keras_ops::{self as ops, Device, PadMode, Tensor};
/// let x = Tensor::new(&[[1f32, 2.]], &Device::Cpu)?;
/// let y = ops::pad(&x, &[(0, 1), (1, 0)], 9.)?;
/// assert_eq!(y.to_vec2::<f32>()?, [[9., 1., 2.], [9., 9., 9.]]);
/// let x = Tensor::new(&[1f32, 2., 3.], &Device::Cpu)?;
/// assert_eq!(ops::pad(&x, &[(2, 1)], PadMode::Reflect)?.to_vec1::<f32>()?, [3., 2., 1., 2., 3., 2.]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn pad(x: &Tensor, padding: &[(usize, usize)], mode: impl Into<PadMode>) -> Result<Tensor> {
    const OP: &str = "pad";
    if padding.len() != x.rank() {
        candle_core::bail!(
            "{OP}: expected {} (before, after) pairs, got {}",
            x.rank(),
            padding.len()
        );
    }
    let mode = mode.into();
    if let PadMode::Constant(value) = mode {
        return padding::with_value(x, padding, value);
    }
    let mut out = x.clone();
    for (axis, widths) in padding
        .iter()
        .enumerate()
        .filter(|(_, widths)| **widths != (0, 0))
    {
        if x.dims()[axis] == 0 {
            candle_core::bail!(
                "{OP}: axis {axis} of {:?} has no element to repeat; use a constant",
                x.dims()
            );
        }
        out = host::within(OP, || along(&out, axis, *widths, mode))?;
    }
    Ok(out)
}

fn along(x: &Tensor, axis: usize, (before, after): (usize, usize), mode: PadMode) -> Result<Tensor> {
    let size = x.dims()[axis];
    let statistic: fn(&Tensor, i64) -> Result<Tensor> = match mode {
        PadMode::Maximum => |x, axis| crate::max(x, Some(&[axis]), true),
        PadMode::Mean => |x, axis| crate::mean(x, Some(&[axis]), true),
        PadMode::Median => |x, axis| crate::median(x, Some(&[axis]), true),
        PadMode::Minimum => |x, axis| crate::min(x, Some(&[axis]), true),
        PadMode::LinearRamp => return ramp(x, axis, (before, after)),
        _ => {
            let places =
                (0..before + size + after).map(|i| place(i as i64 - before as i64, size as i64, mode));
            return gather_axis("pad", x, places.collect(), axis);
        }
    };
    let value = statistic(x, axis as i64)?;
    let filled = |count: usize| gather_axis("pad", &value, vec![0; count], axis);
    let (before, after) = (filled(before)?, filled(after)?);
    concatenate(&[&before, x, &after], axis as i64)
}

/// The place in `0..size` whose element stands at `i`.
fn place(i: i64, size: i64, mode: PadMode) -> u32 {
    let at = match mode {
        PadMode::Wrap => i.rem_euclid(size),
        // There and back, with the ends once or twice.
        PadMode::Reflect if size > 1 => {
            let at = i.rem_euclid(2 * size - 2);
            at.min(2 * size - 2 - at)
        }
        PadMode::Symmetric => {
            let at = i.rem_euclid(2 * size);
            at.min(2 * size - 1 - at)
        }
        _ => i.clamp(0, size - 1),
    };
    at as u32
}

fn ramp(x: &Tensor, axis: usize, (before, after): (usize, usize)) -> Result<Tensor> {
    let size = x.dims()[axis];
    let side = |at: usize, count: usize, rising: bool| -> Result<Tensor> {
        let edge = narrow(x, axis as i64, at, 1)?;
        let step = |i: usize| (if rising { i } else { count - 1 - i }) as f64 / count as f64;
        let mut dims = vec![1; x.rank()];
        dims[axis] = count;
        let steps = host::tensor(
            (0..count).map(step).collect(),
            x.dtype(),
            &dims.into(),
            x.device(),
        )?;
        crate::multiply(&edge, &steps)
    };
    host::compute_dtype("pad", x.dtype())?;
    let (before, after) = (side(0, before, true)?, side(size - 1, after, false)?);
    concatenate(&[&before, x, &after], axis as i64)
}
