//! Bias and activation in the same pass, behind a matrix product.

use std::borrow::Cow;

use super::buffer;
use super::simd::{self, vectorize};
use super::team::{Parts as _, Slice as _};
use crate::kernels::math::Math;

/// The activations that [`dense`](crate::dense) and the convolutions compute in the same pass as the bias.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum FusedActivation {
    /// `x`
    #[default]
    Linear,
    /// `max(x, 0)`, with gradient 0 at 0
    Relu,
    /// `1 / (1 + e^-x)`
    Sigmoid,
    /// `tanh(x)`
    Tanh,
}

/// `rows = act(rows + bias)`, one bias a column.
pub fn finish<T: Math>(rows: &mut [T], bias: Option<&[T]>, act: FusedActivation) {
    match act {
        FusedActivation::Linear if bias.is_none() => {}
        FusedActivation::Linear => each(rows, bias, |v| v),
        FusedActivation::Relu => each(rows, bias, T::relu),
        FusedActivation::Sigmoid => each(rows, bias, T::sigmoid),
        FusedActivation::Tanh => each(rows, bias, T::tanh),
    }
}

#[inline(always)]
fn each<T: Math>(rows: &mut [T], bias: Option<&[T]>, f: impl Fn(T) -> T) {
    vectorize(
        #[inline(always)]
        || match bias {
            None => {
                for v in rows {
                    *v = f(*v);
                }
            }
            Some(bias) => {
                for row in rows.chunks_exact_mut(bias.len().max(1)) {
                    for (v, b) in row.iter_mut().zip(bias) {
                        *v = f(*v + *b);
                    }
                }
            }
        },
    )
}

/// `grad * act'`, with the derivative computed from the output.
pub fn masked<'a, T: Math>(grad: &'a [T], out: &[T], act: FusedActivation) -> Cow<'a, [T]> {
    if act == FusedActivation::Linear {
        return grad.into();
    }
    // SAFETY: every element is written.
    let mut masked = unsafe { buffer::unwritten(grad.len().min(out.len())) };
    mask(&mut masked, grad, out, act);
    masked.into()
}

/// [`masked`] to `dst`.
pub fn mask<T: Math>(dst: &mut [T], grad: &[T], out: &[T], act: FusedActivation) {
    // Constants, since what a closure captures is read anew for each element.
    match act {
        FusedActivation::Linear => zip(dst, grad, out, |g, _| g),
        FusedActivation::Relu => zip(dst, grad, out, |g, y| if y > T::ZERO { g } else { T::ZERO }),
        FusedActivation::Sigmoid => zip(dst, grad, out, |g, y| g * (y * (T::of(1.) - y))),
        FusedActivation::Tanh => zip(dst, grad, out, |g, y| g * (T::of(1.) - y * y)),
    }
}

#[inline(always)]
fn zip<T: Math>(dst: &mut [T], grad: &[T], out: &[T], f: impl Fn(T, T) -> T) {
    vectorize(
        #[inline(always)]
        || {
            for ((d, g), y) in dst.iter_mut().zip(grad).zip(out) {
                *d = f(*g, *y);
            }
        },
    )
}

/// The gradient before the activation, `grad * act'`, unless it is the same, and with `sums` its sum over all rows.
pub fn backward<T: Math>(
    grad: &[T],
    out: &[T],
    units: usize,
    act: FusedActivation,
    sums: bool,
) -> (Option<Vec<T>>, Vec<T>) {
    // Bounds depend on the sizes alone, and sums are combined in order.
    let block = match grad.len() {
        len if len < simd::PARALLEL_MIN => len.max(1),
        len => len.div_ceil(BLOCKS).div_ceil(units) * units,
    };
    let sum = |rows: &[T]| {
        let mut total = vec![T::ZERO; if sums { units } else { 0 }];
        add_rows(&mut total, rows);
        total
    };
    if act == FusedActivation::Linear {
        let parts = if sums {
            grad.par_chunks(block).map(sum).collect()
        } else {
            Vec::new()
        };
        return (None, one(parts, units));
    }
    // SAFETY: `mask` writes all of it.
    let mut masked = unsafe { buffer::unwritten(grad.len()) };
    let read = grad.par_chunks(block).zip(out.par_chunks(block));
    let parts = masked.par_chunks_mut(block).zip(read);
    let parts = parts.map(|(dst, (grad, out))| {
        mask(dst, grad, out, act);
        sum(dst)
    });
    let parts = parts.collect();
    (Some(masked), if sums { one(parts, units) } else { Vec::new() })
}

/// Blocks of a large gradient.
const BLOCKS: usize = 16;

fn one<T: Math>(mut parts: Vec<Vec<T>>, units: usize) -> Vec<T> {
    if parts.len() == 1 {
        return parts.swap_remove(0);
    }
    let mut total = vec![T::ZERO; units];
    parts.iter().for_each(|part| add_rows(&mut total, part));
    total
}

/// `sums += ` the sum of `rows` over all rows, in order.
pub fn add_rows<T: Math>(sums: &mut [T], rows: &[T]) {
    vectorize(
        #[inline(always)]
        || {
            for row in rows.chunks_exact(sums.len().max(1)) {
                sums.iter_mut().zip(row).for_each(|(s, v)| *s += *v);
            }
        },
    )
}
