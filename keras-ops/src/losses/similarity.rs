//! Losses over a whole row: angles, divergences, margins between classes.

use candle_core::{Result, Tensor};

use super::rows::{Rows, fill, rows, rows_over, sum};
use super::short_rows::{self, Unscaled};
use crate::EPSILON;
use crate::kernels::math::Math;

#[inline(always)]
fn dot<T: Math>(a: &[T], b: &[T]) -> T {
    T::of(sum(
        a,
        b,
        #[inline(always)]
        |a, b| a * b,
    ))
}

/// `1 / |x|`, at most 1e7, and whether it was cut there.
#[inline(always)]
fn inverse_norm<T: Math>(x: &[T]) -> (T, bool) {
    inverse(dot(x, x))
}

#[inline(always)]
fn inverse<T: Math>(square: T) -> (T, bool) {
    let inverse = T::ONE / square.sqrt();
    let limit = T::of(1. / EPSILON);
    if inverse > limit {
        (limit, true)
    } else {
        (inverse, false)
    }
}

#[derive(Clone, Copy)]
struct Cosine;

impl Cosine {
    /// `g` times the derivative of the cosine by `x`, the other row being `other`.
    #[inline(always)]
    fn gradient<T: Math>(g: T, other: &[T], x: &[T], d: &mut [T]) {
        let ((by_other, _), (by_x, cut)) = (inverse_norm(other), inverse_norm(x));
        let pull = if cut { T::ZERO } else { dot(other, x) * by_x * by_x };
        let g = g * by_other * by_x;
        fill(
            other,
            x,
            d,
            #[inline(always)]
            |o, x| g * (o - pull * x),
        );
    }
}

impl Rows for Cosine {
    const NAME: &'static str = "cosine_similarity";

    #[inline(always)]
    fn short_values<T: Math>(self, out: &mut [T], t: &[T], p: &[T], n: usize) {
        short_rows::dots(out, (t, p), n, |tp, tt, pp| tp * inverse(tt).0 * inverse(pp).0);
    }

    #[inline(always)]
    fn value<T: Math>(self, t: &[T], p: &[T]) -> T {
        dot(t, p) * inverse_norm(t).0 * inverse_norm(p).0
    }

    #[inline(always)]
    fn by_pred<T: Math>(self, g: T, t: &[T], p: &[T], d: &mut [T]) {
        Self::gradient(g, t, p, d);
    }

    #[inline(always)]
    fn by_true<T: Math>(self, g: T, t: &[T], p: &[T], d: &mut [T]) {
        Self::gradient(g, p, t, d);
    }
}

/// The cosine of the angle between rows along `axis`: 1 when they point the same way. The loss of this name is
/// its negative.
///
/// # Shapes
/// Two of the same shape to that shape without `axis`.
///
/// # Errors
/// When the shapes differ or the axis is out of range.
///
/// ```
/// use keras_ops::{Device, Tensor, losses};
/// let y = Tensor::new(&[[1f32, 0.], [1., 1.]], &Device::Cpu)?;
/// let p = Tensor::new(&[[0f32, 2.], [3., 3.]], &Device::Cpu)?;
/// let cosine = losses::cosine_similarity(&y, &p, -1)?.to_vec1::<f32>()?;
/// assert!(cosine[0].abs() < 1e-6 && (cosine[1] - 1.).abs() < 1e-6);
/// # Ok::<(), keras_ops::Error>(())
/// ```
pub fn cosine_similarity(y_true: &Tensor, y_pred: &Tensor, axis: i64) -> Result<Tensor> {
    rows_over(Cosine, y_true, y_pred, Some(&[axis]))
}

#[derive(Clone, Copy)]
struct KlDivergence;

#[inline(always)]
fn clip<T: Math>(x: T) -> T {
    x.larger(T::of(EPSILON)).smaller(T::ONE)
}

#[inline(always)]
fn passes<T: Math>(x: T) -> T {
    if x < T::of(EPSILON) || x > T::ONE {
        T::ZERO
    } else {
        T::ONE
    }
}

impl KlDivergence {
    #[inline(always)]
    fn term<T: Math>(t: T, p: T) -> T {
        clip(t) * (clip(t) / clip(p)).ln()
    }
}

impl Rows for KlDivergence {
    const NAME: &'static str = "kl_divergence";

    #[inline(always)]
    fn short_values<T: Math>(self, out: &mut [T], t: &[T], p: &[T], n: usize) {
        short_rows::sums(
            out,
            (t, p),
            n,
            Unscaled,
            #[inline(always)]
            |t, p, _| Self::term(t, p),
        );
    }

    #[inline(always)]
    fn value<T: Math>(self, t: &[T], p: &[T]) -> T {
        T::of(sum(
            t,
            p,
            #[inline(always)]
            |t, p| Self::term(t, p),
        ))
    }

    #[inline(always)]
    fn by_pred<T: Math>(self, g: T, t: &[T], p: &[T], d: &mut [T]) {
        fill(
            t,
            p,
            d,
            #[inline(always)]
            |t, p| -(g * passes(p) * clip(t) / clip(p)),
        );
    }

    #[inline(always)]
    fn by_true<T: Math>(self, g: T, t: &[T], p: &[T], d: &mut [T]) {
        fill(
            t,
            p,
            d,
            #[inline(always)]
            |t, p| g * passes(t) * ((clip(t) / clip(p)).ln() + T::ONE),
        );
    }
}

/// `sum(y_true log(y_true / y_pred))` over the last axis, both kept within `[1e-7, 1]`.
///
/// # Shapes
/// `[.., n]` and `[.., n]` to `[..]`.
///
/// # Errors
/// When the shapes differ.
pub fn kl_divergence(y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
    rows(KlDivergence, y_true, y_pred)
}

#[derive(Clone, Copy)]
struct CategoricalHinge;

impl CategoricalHinge {
    /// The largest `(1 - t) p` and how many share it.
    #[inline(always)]
    fn rival<T: Math>(t: &[T], p: &[T]) -> (T, usize) {
        let mut best = (T::of(f64::NEG_INFINITY), 0);
        for (t, p) in t.iter().zip(p) {
            let score = (T::ONE - *t) * *p;
            if score > best.0 {
                best = (score, 1);
            } else if score == best.0 {
                best.1 += 1;
            }
        }
        best
    }
}

impl Rows for CategoricalHinge {
    const NAME: &'static str = "categorical_hinge";

    #[inline(always)]
    fn value<T: Math>(self, t: &[T], p: &[T]) -> T {
        (Self::rival(t, p).0 - dot(t, p) + T::ONE).relu()
    }

    #[inline(always)]
    fn by_pred<T: Math>(self, g: T, t: &[T], p: &[T], d: &mut [T]) {
        let (rival, ties) = Self::rival(t, p);
        let g = if rival - dot(t, p) + T::ONE > T::ZERO {
            g
        } else {
            T::ZERO
        };
        let share = T::ONE / T::of(ties as f64);
        fill(
            t,
            p,
            d,
            #[inline(always)]
            |t, p| {
                let of_rival = if (T::ONE - t) * p == rival {
                    (T::ONE - t) * share
                } else {
                    T::ZERO
                };
                g * (of_rival - t)
            },
        );
    }

    #[inline(always)]
    fn by_true<T: Math>(self, g: T, t: &[T], p: &[T], d: &mut [T]) {
        let (rival, ties) = Self::rival(t, p);
        let g = if rival - dot(t, p) + T::ONE > T::ZERO {
            g
        } else {
            T::ZERO
        };
        let share = T::ONE / T::of(ties as f64);
        fill(
            t,
            p,
            d,
            #[inline(always)]
            |t, p| {
                let of_rival = if (T::ONE - t) * p == rival {
                    p * share
                } else {
                    T::ZERO
                };
                -(g * (of_rival + p))
            },
        );
    }
}

/// `max(max((1 - y_true) y_pred) - sum(y_true y_pred) + 1, 0)` over the last axis, for one-hot targets.
///
/// # Shapes
/// `[.., n]` and `[.., n]` to `[..]`.
///
/// # Errors
/// When the shapes differ.
pub fn categorical_hinge(y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
    rows(CategoricalHinge, y_true, y_pred)
}
