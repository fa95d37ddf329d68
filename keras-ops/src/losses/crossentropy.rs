//! Cross-entropies between two distributions, fused with label smoothing, softmax and sigmoid.

use candle_core::{Result, Tensor};

use super::pointwise::{Pair, each, mean_along};
use super::rows::{Rows, fill, rows_over, same_shape, sum};
use super::short_rows::{self, LogSumExp, Total};
use crate::EPSILON;
use crate::kernels::math::Math;
use crate::kernels::row_folds;

/// `p` kept within `[1e-7, 1 - 1e-7]`.
#[inline(always)]
pub(super) fn inside<T: Math>(p: T) -> T {
    p.larger(T::of(EPSILON)).smaller(T::of(1. - EPSILON))
}

/// 1 where [`inside`] leaves `p` alone, else 0.
#[inline(always)]
pub(super) fn is_inside<T: Math>(p: T) -> T {
    if p < T::of(EPSILON) || p > T::of(1. - EPSILON) {
        T::ZERO
    } else {
        T::ONE
    }
}

/// `-t log(p) - (1 - t) log(1 - p)`.
#[inline(always)]
pub(super) fn binary<T: Math>(t: T, p: T) -> T {
    let p = inside(p);
    -(t * p.ln() + (T::ONE - t) * (T::ONE - p).ln())
}

/// The derivative of [`binary`] by `p`.
#[inline(always)]
pub(super) fn binary_by_pred<T: Math>(t: T, p: T) -> T {
    let q = inside(p);
    is_inside(p) * ((T::ONE - t) / (T::ONE - q) - t / q)
}

/// The derivative of [`binary`] by `t`.
#[inline(always)]
pub(super) fn binary_by_true<T: Math>(p: T) -> T {
    let p = inside(p);
    (T::ONE - p).ln() - p.ln()
}

#[derive(Clone, Copy)]
struct Binary<const LOGITS: bool> {
    smoothing: f64,
}

impl<const LOGITS: bool> Binary<LOGITS> {
    #[inline(always)]
    fn target<T: Math>(self, t: T) -> T {
        t * T::of(1. - self.smoothing) + T::of(0.5 * self.smoothing)
    }
}

impl<const LOGITS: bool> Pair for Binary<LOGITS> {
    const NAME: &'static str = "binary_crossentropy";

    #[inline(always)]
    fn value<T: Math>(self, t: T, p: T) -> T {
        let t = self.target(t);
        if LOGITS {
            p.softplus() - t * p
        } else {
            binary(t, p)
        }
    }

    #[inline(always)]
    fn by_pred<T: Math>(self, t: T, p: T) -> T {
        let t = self.target(t);
        if LOGITS {
            p.sigmoid() - t
        } else {
            binary_by_pred(t, p)
        }
    }

    #[inline(always)]
    fn by_true<T: Math>(self, _t: T, p: T) -> T {
        T::of(1. - self.smoothing) * if LOGITS { -p } else { binary_by_true(p) }
    }
}

/// The mean over `axis` of `-t log(p) - (1 - t) log(1 - p)`, with `p` kept 1e-7 away from 0 and 1, or `p` the
/// sigmoid of `y_pred` when `from_logits`. Smoothing makes `t = y_true (1 - s) + s / 2`.
///
/// # Shapes
/// Two of the same shape to that shape without `axis`.
///
/// # Errors
/// When the shapes differ or the axis is out of range.
///
/// ```
/// use keras_ops::{Device, Tensor, losses};
/// let y = Tensor::new(&[[1f32, 0.]], &Device::Cpu)?;
/// let p = Tensor::new(&[[0f32, 0.]], &Device::Cpu)?;
/// let loss = losses::binary_crossentropy(&y, &p, true, 0., -1)?.to_vec1::<f32>()?;
/// assert!((loss[0] - 2f32.ln()).abs() < 1e-6);
/// # Ok::<(), keras_ops::Error>(())
/// ```
pub fn binary_crossentropy(
    y_true: &Tensor,
    y_pred: &Tensor,
    from_logits: bool,
    label_smoothing: f64,
    axis: i64,
) -> Result<Tensor> {
    if from_logits {
        mean_along(
            Binary::<true> {
                smoothing: label_smoothing,
            },
            y_true,
            y_pred,
            axis,
        )
    } else {
        mean_along(
            Binary::<false> {
                smoothing: label_smoothing,
            },
            y_true,
            y_pred,
            axis,
        )
    }
}

/// [`binary_crossentropy`] before the mean, without smoothing: element by element.
pub(crate) fn binary_each(y_true: &Tensor, y_pred: &Tensor, from_logits: bool) -> Result<Tensor> {
    if from_logits {
        each(Binary::<true> { smoothing: 0. }, y_true, y_pred)
    } else {
        each(Binary::<false> { smoothing: 0. }, y_true, y_pred)
    }
}

/// `target * scale + shift`: label smoothing over the classes.
#[derive(Clone, Copy)]
pub(super) struct Smoothed {
    scale: f64,
    shift: f64,
}

impl Smoothed {
    /// Leaves targets as they are.
    pub(super) const NONE: Self = Self { scale: 1., shift: 0. };

    /// As Keras, by the size of the last axis, whichever axis holds the classes.
    pub(super) fn new(name: &str, y_true: &Tensor, y_pred: &Tensor, smoothing: f64) -> Result<Self> {
        same_shape(name, y_true, y_pred)?;
        let classes = y_true.dims().last().copied().unwrap_or(1);
        Ok(Self {
            scale: 1. - smoothing,
            shift: smoothing / classes as f64,
        })
    }

    #[inline(always)]
    pub(super) fn of<T: Math>(self, t: T) -> T {
        t * T::of(self.scale) + T::of(self.shift)
    }

    pub(super) fn scale<T: Math>(self) -> T {
        T::of(self.scale)
    }

    /// All of `y_true`, smoothed.
    pub(super) fn apply(self, y_true: &Tensor) -> Result<Tensor> {
        crate::add_scalar(&crate::mul_scalar(y_true, self.scale)?, self.shift)
    }
}

/// `log(sum(e^p))` of a row.
#[inline(always)]
pub(super) fn log_sum_exp<T: Math>(p: &[T]) -> T {
    let shift = row_folds::largest(p);
    let total = row_folds::sum_of(
        p,
        #[inline(always)]
        |p| (p - shift).exp(),
    );
    T::of(shift.f64() + total.ln())
}

/// The sum of a row, 1 in place of 0: of nothing, every share is 0.
#[inline(always)]
pub(super) fn total<T: Math>(p: &[T]) -> T {
    let total = T::of(row_folds::sum_of(p, |p| p));
    if total == T::ZERO { T::ONE } else { total }
}

/// `t f`, 0 for a target of 0 even where `f` is infinite.
#[inline(always)]
fn part<T: Math>(t: T, f: T) -> T {
    if t == T::ZERO { T::ZERO } else { t * f }
}

#[derive(Clone, Copy)]
struct Categorical<const LOGITS: bool>(Smoothed);

impl<const LOGITS: bool> Categorical<LOGITS> {
    #[inline(always)]
    fn term<T: Math>(self, t: T, p: T, scale: T) -> T {
        let log = if LOGITS {
            scale - p
        } else {
            -inside(p / scale).ln()
        };
        part(self.0.of(t), log)
    }

    /// The derivative by a prediction's share of the row's sum.
    #[inline(always)]
    fn by_share<T: Math>(self, t: T, share: T) -> T {
        -(self.0.of(t) / inside(share)) * is_inside(share)
    }
}

impl<const LOGITS: bool> Rows for Categorical<LOGITS> {
    const NAME: &'static str = "categorical_crossentropy";

    #[inline(always)]
    fn short_values<T: Math>(self, out: &mut [T], t: &[T], p: &[T], n: usize) {
        if LOGITS {
            short_rows::sums(
                out,
                (t, p),
                n,
                LogSumExp,
                #[inline(always)]
                |t, p, scale| self.term(t, p, scale),
            );
        } else {
            short_rows::sums(
                out,
                (t, p),
                n,
                Total,
                #[inline(always)]
                |t, p, scale| self.term(t, p, scale),
            );
        }
    }

    #[inline(always)]
    fn value<T: Math>(self, t: &[T], p: &[T]) -> T {
        let scale = if LOGITS { log_sum_exp(p) } else { total(p) };
        let value = sum(
            t,
            p,
            #[inline(always)]
            |t, p| self.term(t, p, scale),
        );
        T::of(value)
    }

    #[inline(always)]
    fn by_pred<T: Math>(self, g: T, t: &[T], p: &[T], d: &mut [T]) {
        if LOGITS {
            let scale = log_sum_exp(p);
            let mass = T::of(sum(t, t, |t, _| self.0.of(t)));
            fill(
                t,
                p,
                d,
                #[inline(always)]
                |t, p| g * ((p - scale).exp() * mass - self.0.of(t)),
            );
            return;
        }
        let scale = total(p);
        // By the normalised prediction; then through the division by the sum.
        let mean = T::of(sum(
            t,
            p,
            #[inline(always)]
            |t, p| self.by_share(t, p / scale) * p / scale,
        ));
        fill(
            t,
            p,
            d,
            #[inline(always)]
            |t, p| g * (self.by_share(t, p / scale) - mean) / scale,
        );
    }

    #[inline(always)]
    fn by_true<T: Math>(self, g: T, t: &[T], p: &[T], d: &mut [T]) {
        let scale = if LOGITS { log_sum_exp(p) } else { total(p) };
        let g = g * self.0.scale::<T>();
        fill(
            t,
            p,
            d,
            #[inline(always)]
            |_, p| {
                g * if LOGITS {
                    scale - p
                } else {
                    -inside(p / scale).ln()
                }
            },
        );
    }
}

/// `-sum(t log(p))` over `axis`, where `p` is `y_pred` divided by its sum over `axis` and kept 1e-7 away from 0
/// and 1, or its softmax when `from_logits`. Smoothing makes `t = y_true (1 - s) + s / classes`.
///
/// # Shapes
/// Two of the same shape to that shape without `axis`.
///
/// # Errors
/// When the shapes differ or the axis is out of range.
///
/// ```
/// use keras_ops::{Device, Tensor, losses};
/// let y = Tensor::new(&[[0f32, 1.]], &Device::Cpu)?;
/// let p = Tensor::new(&[[1f32, 3.]], &Device::Cpu)?; // 1/4, 3/4
/// let loss = losses::categorical_crossentropy(&y, &p, false, 0., -1)?.to_vec1::<f32>()?;
/// assert!((loss[0] + 0.75f32.ln()).abs() < 1e-6);
/// # Ok::<(), keras_ops::Error>(())
/// ```
pub fn categorical_crossentropy(
    y_true: &Tensor,
    y_pred: &Tensor,
    from_logits: bool,
    label_smoothing: f64,
    axis: i64,
) -> Result<Tensor> {
    #[cfg(feature = "cuda")]
    if from_logits
        && label_smoothing == 0.
        && let Some(losses) = super::device::categorical(y_true, y_pred, axis)
    {
        return losses;
    }
    let smoothed = Smoothed::new("categorical_crossentropy", y_true, y_pred, label_smoothing)?;
    if from_logits {
        rows_over(Categorical::<true>(smoothed), y_true, y_pred, Some(&[axis]))
    } else {
        rows_over(Categorical::<false>(smoothed), y_true, y_pred, Some(&[axis]))
    }
}
