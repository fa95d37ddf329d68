//! Reductions that skip NaN. Integers have none: for them these are the plain reductions.

use candle_core::{Result, Tensor};

use super::quantile::{Quantile, middle, quantiles};
use crate::host;

/// `x` with NaN replaced; replaced elements get no gradient.
fn filled(x: &Tensor, value: f64) -> Result<Tensor> {
    if !x.dtype().is_float() {
        return Ok(x.clone());
    }
    let value = super::full((), value, x.dtype(), x.device())?;
    crate::where_(&super::isnan(x)?, &value, x)
}

/// 1 where `x` is a number, in its dtype.
fn numbers(x: &Tensor) -> Result<Tensor> {
    crate::cast(&super::logical_not(&super::isnan(x)?)?, x.dtype())
}

/// `y` with NaN where all of the elements that it came from are.
fn unless_all(y: Tensor, x: &Tensor, axis: Option<&[i64]>, keepdims: bool) -> Result<Tensor> {
    if !x.dtype().is_float() {
        return Ok(y);
    }
    let none = crate::all(&super::isnan(x)?, axis, keepdims)?;
    let nan = super::full((), f64::NAN, x.dtype(), x.device())?;
    crate::where_(&none, &nan, &y)
}

/// [`sum`](fn@crate::sum) of the numbers; 0 when there are none.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[1f32, f32::NAN, 3.], &Device::Cpu)?;
/// assert_eq!(ops::nansum(&x, None, false)?.to_scalar::<f32>()?, 4.);
/// assert_eq!(ops::nanmean(&x, None, false)?.to_scalar::<f32>()?, 2.);
/// assert_eq!(ops::nanmax(&x, None, false)?.to_scalar::<f32>()?, 3.);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn nansum(x: &Tensor, axis: Option<&[i64]>, keepdims: bool) -> Result<Tensor> {
    host::within("nansum", || crate::sum(&filled(x, 0.)?, axis, keepdims))
}

/// [`prod`](fn@crate::prod) of the numbers; 1 when there are none.
pub fn nanprod(x: &Tensor, axis: Option<&[i64]>, keepdims: bool) -> Result<Tensor> {
    host::within("nanprod", || crate::prod(&filled(x, 1.)?, axis, keepdims))
}

/// [`cumsum`](fn@crate::cumsum) with NaN as 0.
pub fn nancumsum(x: &Tensor, axis: Option<i64>) -> Result<Tensor> {
    host::within("nancumsum", || super::cumsum(&filled(x, 0.)?, axis))
}

/// [`cumprod`](fn@crate::cumprod) with NaN as 1.
pub fn nancumprod(x: &Tensor, axis: Option<i64>) -> Result<Tensor> {
    host::within("nancumprod", || super::cumprod(&filled(x, 1.)?, axis))
}

/// [`max`](fn@crate::max) of the numbers; NaN when there are none.
pub fn nanmax(x: &Tensor, axis: Option<&[i64]>, keepdims: bool) -> Result<Tensor> {
    host::within("nanmax", || {
        let y = crate::max(&filled(x, f64::NEG_INFINITY)?, axis, keepdims)?;
        unless_all(y, x, axis, keepdims)
    })
}

/// [`min`](fn@crate::min) of the numbers; NaN when there are none.
pub fn nanmin(x: &Tensor, axis: Option<&[i64]>, keepdims: bool) -> Result<Tensor> {
    host::within("nanmin", || {
        let y = crate::min(&filled(x, f64::INFINITY)?, axis, keepdims)?;
        unless_all(y, x, axis, keepdims)
    })
}

/// [`mean`](fn@crate::mean) of the numbers; NaN when there are none.
pub fn nanmean(x: &Tensor, axis: Option<&[i64]>, keepdims: bool) -> Result<Tensor> {
    host::within("nanmean", || {
        if !x.dtype().is_float() {
            return crate::mean(x, axis, keepdims);
        }
        let count = crate::sum(&numbers(x)?, axis, keepdims)?;
        crate::divide(&crate::sum(&filled(x, 0.)?, axis, keepdims)?, &count)
    })
}

/// [`variance`](fn@crate::variance) of the numbers; NaN when there are none.
pub fn nanvar(x: &Tensor, axis: Option<&[i64]>, keepdims: bool) -> Result<Tensor> {
    host::within("nanvar", || {
        if !x.dtype().is_float() {
            return crate::variance(x, axis, keepdims);
        }
        let away = filled(&crate::subtract(x, &nanmean(x, axis, true)?)?, 0.)?;
        let count = crate::sum(&numbers(x)?, axis, keepdims)?;
        crate::divide(&crate::sum(&crate::square(&away)?, axis, keepdims)?, &count)
    })
}

/// The square root of [`nanvar`].
pub fn nanstd(x: &Tensor, axis: Option<&[i64]>, keepdims: bool) -> Result<Tensor> {
    host::within("nanstd", || crate::sqrt(&nanvar(x, axis, keepdims)?))
}

/// [`median`](fn@crate::median) of the numbers; NaN when there are none.
pub fn nanmedian(x: &Tensor, axis: Option<&[i64]>, keepdims: bool) -> Result<Tensor> {
    host::within("nanmedian", || middle(x, axis, keepdims, true))
}

/// [`quantile`](fn@crate::quantile) of the numbers; NaN when there are none.
pub fn nanquantile(x: &Tensor, q: &Tensor, options: Quantile<'_>) -> Result<Tensor> {
    host::within("nanquantile", || quantiles(x, q, 1., options, true))
}

/// [`percentile`](fn@crate::percentile) of the numbers; NaN when there are none.
pub fn nanpercentile(x: &Tensor, q: &Tensor, options: Quantile<'_>) -> Result<Tensor> {
    host::within("nanpercentile", || quantiles(x, q, 0.01, options, true))
}

/// Positions are unsigned here, so that there is none for "no number".
fn some_numbers(op: &str, x: &Tensor, axis: Option<i64>) -> Result<()> {
    let axes = axis.map(|axis| [axis]);
    let none = crate::all(&super::isnan(x)?, axes.as_ref().map(|a| a.as_slice()), false)?;
    if host::read(&none, |none: &[u8]| Ok(none.contains(&1)))? {
        candle_core::bail!("{op}: a lane has nothing but NaN");
    }
    Ok(())
}

/// [`argmax`](fn@crate::argmax) among the numbers.
///
/// # Errors
/// When there are none.
pub fn nanargmax(x: &Tensor, axis: Option<i64>, keepdims: bool) -> Result<Tensor> {
    host::within("nanargmax", || {
        some_numbers("nanargmax", x, axis)?;
        crate::argmax(&filled(x, f64::NEG_INFINITY)?, axis, keepdims)
    })
}

/// [`argmin`](fn@crate::argmin) among the numbers.
///
/// # Errors
/// When there are none.
pub fn nanargmin(x: &Tensor, axis: Option<i64>, keepdims: bool) -> Result<Tensor> {
    host::within("nanargmin", || {
        some_numbers("nanargmin", x, axis)?;
        crate::argmin(&filled(x, f64::INFINITY)?, axis, keepdims)
    })
}
