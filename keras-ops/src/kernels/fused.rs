//! Bias and activation in the same pass, behind a matrix product.

use super::simd::vectorize;
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

/// `dst = grad * act'`, with the derivative computed from the output.
pub fn mask<T: Math>(dst: &mut [T], grad: &[T], out: &[T], act: FusedActivation) {
    let (zero, one) = (T::of(0.), T::of(1.));
    match act {
        FusedActivation::Linear => zip(dst, grad, out, |g, _| g),
        FusedActivation::Relu => zip(dst, grad, out, |g, y| if y > zero { g } else { zero }),
        FusedActivation::Sigmoid => zip(dst, grad, out, |g, y| g * (y * (one - y))),
        FusedActivation::Tanh => zip(dst, grad, out, |g, y| g * (one - y * y)),
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
