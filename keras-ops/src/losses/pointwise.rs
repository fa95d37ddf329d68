//! Losses that are the mean of a function of one target and one prediction over the last axis.

use candle_core::{DType, Result, Tensor};

use super::rows::{Rows, fill, rows, rows_over, sum};
use super::short_rows::{self, Unscaled};
use crate::EPSILON;
use crate::host;
use crate::kernels::map::{map2, map3};
use crate::kernels::math::Math;
use crate::kernels::simd::{self, CHUNK};
use crate::tape::record;

/// A function of a target and a prediction, with its derivatives.
pub(super) trait Pair: Copy + Send + Sync + 'static {
    const NAME: &'static str;
    fn value<T: Math>(self, t: T, p: T) -> T;
    fn by_pred<T: Math>(self, t: T, p: T) -> T;
    fn by_true<T: Math>(self, t: T, p: T) -> T;
}

/// The mean of a [`Pair`] over a row.
#[derive(Clone, Copy)]
pub(super) struct Mean<P>(pub(super) P);

impl<P: Pair> Rows for Mean<P> {
    const NAME: &'static str = P::NAME;

    #[inline(always)]
    fn short_values<T: Math>(self, out: &mut [T], t: &[T], p: &[T], n: usize) {
        let share = T::of(1. / n as f64);
        short_rows::sums(
            out,
            (t, p),
            n,
            Unscaled,
            #[inline(always)]
            |t, p, _| self.0.value(t, p),
        );
        if n > 1 {
            out.iter_mut().for_each(|out| *out *= share);
        }
    }

    #[inline(always)]
    fn value<T: Math>(self, t: &[T], p: &[T]) -> T {
        let total = sum(
            t,
            p,
            #[inline(always)]
            |t, p| self.0.value(t, p),
        );
        T::of(total / p.len() as f64)
    }

    #[inline(always)]
    fn by_pred<T: Math>(self, g: T, t: &[T], p: &[T], d: &mut [T]) {
        let g = g / T::of(p.len() as f64);
        fill(
            t,
            p,
            d,
            #[inline(always)]
            |t, p| g * self.0.by_pred(t, p),
        );
    }

    #[inline(always)]
    fn by_true<T: Math>(self, g: T, t: &[T], p: &[T], d: &mut [T]) {
        let g = g / T::of(p.len() as f64);
        fill(
            t,
            p,
            d,
            #[inline(always)]
            |t, p| g * self.0.by_true(t, p),
        );
    }
}

/// The [`Pair`] of each two elements.
pub(super) fn each<P: Pair>(pair: P, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
    match host::compute_dtype(P::NAME, y_pred.dtype())? {
        DType::F64 => each_of::<P, f64>(pair, y_true, y_pred),
        _ => each_of::<P, f32>(pair, y_true, y_pred),
    }
}

fn each_of<P: Pair, T: Math>(pair: P, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
    let values = host::read(y_true, |t: &[T]| {
        host::read(y_pred, |p: &[T]| {
            Ok(map2(
                t,
                p,
                #[inline(always)]
                |t, p| pair.value(t, p),
            ))
        })
    })?;
    let out = host::storage_as(values, y_pred.dtype(), y_pred.device())?;
    let (t, p) = (y_true.detach(), y_pred.detach());
    Ok(record(
        &[y_true, y_pred],
        out,
        y_pred.shape(),
        move |grad, needs| {
            host::read(&grad, |g: &[T]| {
                host::read(&t, |tv: &[T]| {
                    host::read(&p, |pv: &[T]| {
                        let by_true = needs[0].then(|| {
                            map3(
                                g,
                                tv,
                                pv,
                                #[inline(always)]
                                |g, t, p| g * pair.by_true(t, p),
                            )
                        });
                        let by_pred = needs[1].then(|| {
                            map3(
                                g,
                                tv,
                                pv,
                                #[inline(always)]
                                |g, t, p| g * pair.by_pred(t, p),
                            )
                        });
                        let made = [by_true, by_pred].into_iter();
                        let tensor = |values| host::tensor(values, p.dtype(), p.shape(), p.device());
                        made.map(|values| values.map(tensor).transpose()).collect()
                    })
                })
            })
        },
    ))
}

/// -1, 0 or 1.
#[inline(always)]
pub(super) fn sign<T: Math>(x: T) -> T {
    if x > T::ZERO {
        T::ONE
    } else if x < T::ZERO {
        -T::ONE
    } else {
        x
    }
}

#[inline(always)]
fn floor_at_epsilon<T: Math>(x: T) -> T {
    x.larger(T::of(EPSILON))
}

#[inline(always)]
fn above_epsilon<T: Math>(x: T) -> T {
    if x > T::of(EPSILON) { T::ONE } else { T::ZERO }
}

macro_rules! pairs {
    ($(
        $(#[$doc:meta])*
        $fun:ident $(($arg:ident))?: $type:ident, |$t:ident, $p:ident| $value:expr, $by_pred:expr, $by_true:expr;
    )*) => {$(
        #[derive(Clone, Copy)]
        struct $type { $($arg: f64)? }

        #[allow(unused_variables)]
        impl Pair for $type {
            const NAME: &'static str = stringify!($fun);
            #[inline(always)]
            fn value<T: Math>(self, $t: T, $p: T) -> T {
                $(let $arg = T::of(self.$arg);)?
                $value
            }
            #[inline(always)]
            fn by_pred<T: Math>(self, $t: T, $p: T) -> T {
                $(let $arg = T::of(self.$arg);)?
                $by_pred
            }
            #[inline(always)]
            fn by_true<T: Math>(self, $t: T, $p: T) -> T {
                $(let $arg = T::of(self.$arg);)?
                $by_true
            }
        }

        $(#[$doc])*
        ///
        /// # Shapes
        /// `[.., n]` and `[.., n]` to `[..]`.
        ///
        /// # Errors
        /// When the shapes differ.
        pub fn $fun(y_true: &Tensor, y_pred: &Tensor $(, $arg: f64)?) -> Result<Tensor> {
            rows(Mean($type { $($arg)? }), y_true, y_pred)
        }
    )*};
}

pairs! {
    /// `mean((y_true - y_pred)^2)` over the last axis.
    ///
    /// ```
    /// use keras_ops::{Device, Tensor, losses};
    /// let y = Tensor::new(&[[0f32, 1.], [0., 0.]], &Device::Cpu)?;
    /// let p = Tensor::new(&[[1f32, 1.], [1., 3.]], &Device::Cpu)?;
    /// assert_eq!(losses::mean_squared_error(&y, &p)?.to_vec1::<f32>()?, [0.5, 5.]);
    /// # Ok::<(), keras_ops::Error>(())
    /// ```
    mean_squared_error: MeanSquaredError, |t, p| (t - p) * (t - p), T::of(2.) * (p - t), T::of(2.) * (t - p);
    /// `mean(|y_true - y_pred|)` over the last axis.
    ///
    /// ```
    /// use keras_ops::{Device, Tensor, losses};
    /// let y = Tensor::new(&[[0f32, 1.]], &Device::Cpu)?;
    /// let p = Tensor::new(&[[2f32, 0.]], &Device::Cpu)?;
    /// assert_eq!(losses::mean_absolute_error(&y, &p)?.to_vec1::<f32>()?, [1.5]);
    /// # Ok::<(), keras_ops::Error>(())
    /// ```
    mean_absolute_error: MeanAbsoluteError, |t, p| (t - p).abs(), sign(p - t), sign(t - p);
    /// `100 mean(|y_true - y_pred| / max(|y_true|, 1e-7))` over the last axis.
    mean_absolute_percentage_error: MeanAbsolutePercentageError,
        |t, p| T::of(100.) * (t - p).abs() / floor_at_epsilon(t.abs()),
        T::of(100.) * sign(p - t) / floor_at_epsilon(t.abs()),
        percentage_by_true(t, p);
    /// `mean((log(1 + y_true) - log(1 + y_pred))^2)` over the last axis, values below 1e-7 raised to it.
    mean_squared_logarithmic_error: MeanSquaredLogarithmicError,
        |t, p| log_error(t, p) * log_error(t, p),
        T::of(2.) * log_error(t, p) * above_epsilon(p) / (floor_at_epsilon(p) + T::ONE),
        T::of(-2.) * log_error(t, p) * above_epsilon(t) / (floor_at_epsilon(t) + T::ONE);
    /// The mean over the last axis of `e^2 / 2` where `|e| <= delta` and `delta |e| - delta^2 / 2` elsewhere;
    /// `e = y_pred - y_true`.
    ///
    /// ```
    /// use keras_ops::{Device, Tensor, losses};
    /// let y = Tensor::new(&[[0f32], [0.]], &Device::Cpu)?;
    /// let p = Tensor::new(&[[1f32], [4.]], &Device::Cpu)?;
    /// assert_eq!(losses::huber(&y, &p, 2.)?.to_vec1::<f32>()?, [0.5, 6.]);
    /// # Ok::<(), keras_ops::Error>(())
    /// ```
    huber(delta): Huber, |t, p| huber_value(p - t, delta), huber_slope(p - t, delta), -huber_slope(p - t, delta);
    /// `mean(log(cosh(y_pred - y_true)))` over the last axis.
    log_cosh: LogCosh,
        |t, p| (p - t) + (T::of(-2.) * (p - t)).softplus() - T::of(std::f64::consts::LN_2),
        (p - t).tanh(), (t - p).tanh();
    /// `mean(y_pred - y_true log(y_pred + 1e-7))` over the last axis.
    poisson: Poisson,
        |t, p| p - t * (p + T::of(EPSILON)).ln(),
        T::ONE - t / (p + T::of(EPSILON)), -(p + T::of(EPSILON)).ln();
    /// The mean over the last axis of `quantile e` where `e = y_true - y_pred` is positive and `(quantile - 1) e`
    /// elsewhere: least where `y_pred` is that quantile of the targets.
    ///
    /// Source: Koenker and Bassett, "Regression Quantiles", 1978.
    ///
    /// ```
    /// use keras_ops::{Device, Tensor, losses};
    /// let y = Tensor::new(&[[3f32], [1.]], &Device::Cpu)?;
    /// let p = Tensor::new(&[[1f32], [3.]], &Device::Cpu)?;
    /// assert_eq!(losses::pinball(&y, &p, 0.75)?.to_vec1::<f32>()?, [1.5, 0.5]);
    /// # Ok::<(), keras_ops::Error>(())
    /// ```
    pinball(quantile): Pinball,
        |t, p| (t - p) * tilt(t - p, quantile), -tilt(t - p, quantile), tilt(t - p, quantile);
}

/// The slope of the pinball loss by the error.
#[inline(always)]
fn tilt<T: Math>(e: T, quantile: T) -> T {
    if e > T::ZERO {
        quantile
    } else if e < T::ZERO {
        quantile - T::ONE
    } else {
        e
    }
}

#[inline(always)]
fn percentage_by_true<T: Math>(t: T, p: T) -> T {
    let scale = floor_at_epsilon(t.abs());
    let slope = sign(t - p) / scale - (t - p).abs() / (scale * scale) * sign(t) * above_epsilon(t.abs());
    T::of(100.) * slope
}

/// `log(1 + p) - log(1 + t)`.
#[inline(always)]
fn log_error<T: Math>(t: T, p: T) -> T {
    ((floor_at_epsilon(p) + T::ONE) / (floor_at_epsilon(t) + T::ONE)).ln()
}

#[inline(always)]
fn huber_value<T: Math>(e: T, delta: T) -> T {
    let half = T::of(0.5);
    if e.abs() <= delta {
        half * e * e
    } else {
        delta * e.abs() - half * delta * delta
    }
}

#[inline(always)]
fn huber_slope<T: Math>(e: T, delta: T) -> T {
    if e.abs() <= delta { e } else { delta * sign(e) }
}

/// `max(1 - t p, 0)`, squared or not; 0/1 targets become -1/1.
#[derive(Clone, Copy)]
struct Margin<const SQUARED: bool> {
    binary: bool,
}

impl<const SQUARED: bool> Margin<SQUARED> {
    #[inline(always)]
    fn target<T: Math>(self, t: T) -> T {
        if self.binary { t + t - T::ONE } else { t }
    }

    #[inline(always)]
    fn slope<T: Math>(self, t: T, p: T) -> T {
        let margin = (T::ONE - t * p).relu();
        match (SQUARED, margin > T::ZERO) {
            (_, false) => T::ZERO,
            (true, true) => margin + margin,
            (false, true) => T::ONE,
        }
    }
}

impl<const SQUARED: bool> Pair for Margin<SQUARED> {
    const NAME: &'static str = if SQUARED { "squared_hinge" } else { "hinge" };

    #[inline(always)]
    fn value<T: Math>(self, t: T, p: T) -> T {
        let margin = (T::ONE - self.target(t) * p).relu();
        if SQUARED { margin * margin } else { margin }
    }

    #[inline(always)]
    fn by_pred<T: Math>(self, t: T, p: T) -> T {
        let t = self.target(t);
        -(t * self.slope(t, p))
    }

    #[inline(always)]
    fn by_true<T: Math>(self, t: T, p: T) -> T {
        let factor = if self.binary { T::of(-2.) } else { T::of(-1.) };
        factor * p * self.slope(self.target(t), p)
    }
}

/// Whether all targets are 0 or 1.
fn is_binary(y_true: &Tensor) -> Result<bool> {
    fn all<T: Math>(t: &[T]) -> bool {
        t.chunks(CHUNK).all(|t| {
            simd::vectorize(
                #[inline(always)]
                || {
                    t.iter()
                        .fold(true, |all, t| all & ((*t == T::ZERO) | (*t == T::ONE)))
                },
            )
        })
    }
    match y_true.dtype() {
        DType::F64 => host::read(y_true, |t: &[f64]| Ok(all(t))),
        _ => host::read(y_true, |t: &[f32]| Ok(all(t))),
    }
}

/// `mean(max(1 - y_true y_pred, 0))` over the last axis. Targets are -1 or 1; when all are 0 or 1 they are taken
/// as -1 and 1.
///
/// # Shapes
/// `[.., n]` and `[.., n]` to `[..]`.
///
/// # Errors
/// When the shapes differ.
///
/// ```
/// use keras_ops::{Device, Tensor, losses};
/// let y = Tensor::new(&[[0f32, 1.]], &Device::Cpu)?;
/// let p = Tensor::new(&[[0.5f32, 3.]], &Device::Cpu)?;
/// assert_eq!(losses::hinge(&y, &p)?.to_vec1::<f32>()?, [0.75]);
/// # Ok::<(), keras_ops::Error>(())
/// ```
pub fn hinge(y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
    rows(
        Mean(Margin::<false> {
            binary: is_binary(y_true)?,
        }),
        y_true,
        y_pred,
    )
}

/// `mean(max(1 - y_true y_pred, 0)^2)` over the last axis; targets and shapes as in [`hinge`].
///
/// # Errors
/// When the shapes differ.
pub fn squared_hinge(y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
    rows(
        Mean(Margin::<true> {
            binary: is_binary(y_true)?,
        }),
        y_true,
        y_pred,
    )
}

/// [`Mean`] of a pair function along `axis`.
pub(super) fn mean_along<P: Pair>(pair: P, y_true: &Tensor, y_pred: &Tensor, axis: i64) -> Result<Tensor> {
    rows_over(Mean(pair), y_true, y_pred, Some(&[axis]))
}
