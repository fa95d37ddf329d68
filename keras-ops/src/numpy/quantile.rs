//! Quantiles and medians.

use candle_core::{Result, Shape, Tensor};

use crate::axes::Joined;
use crate::host;

/// How [`quantile`] gives a value between two elements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Interpolation {
    /// In proportion.
    #[default]
    Linear,
    /// The lower element.
    Lower,
    /// The higher element.
    Higher,
    /// Half way.
    Midpoint,
    /// The nearer element, of two the even one.
    Nearest,
}

/// Options of [`quantile`] and its kin.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quantile<'a> {
    /// The axes to reduce; all by default.
    pub axis: Option<&'a [i64]>,
    /// What lies between two elements.
    pub method: Interpolation,
    /// Whether reduced axes stay, with size 1.
    pub keepdims: bool,
}

/// The value below which a share `q` of the elements lies; NaN where one is.
///
/// # Shapes
/// `q` is a scalar or a vector; for a vector the result has a further first axis.
///
/// # Errors
/// When `q` is not within 0 and 1, an axis is out of range, or `x` is not a float tensor or empty.
///
/// ```
/// use keras_ops::{self as ops, Device, Quantile, Tensor};
/// let x = Tensor::new(&[3f32, 1., 2., 10.], &Device::Cpu)?;
/// let q = Tensor::new(&[0.5f32, 1.], &Device::Cpu)?;
/// assert_eq!(ops::quantile(&x, &q, Quantile::default())?.to_vec1::<f32>()?, [2.5, 10.]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn quantile(x: &Tensor, q: &Tensor, options: Quantile<'_>) -> Result<Tensor> {
    host::within("quantile", || quantiles(x, q, 1., options, false))
}

/// [`quantile`] of percents: `q` from 0 to 100.
pub fn percentile(x: &Tensor, q: &Tensor, options: Quantile<'_>) -> Result<Tensor> {
    host::within("percentile", || quantiles(x, q, 0.01, options, false))
}

/// The middle element over `axis`, between the two middle ones of an even number; NaN where one is.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[[3f32, 1., 2.], [4., 9., 5.]], &Device::Cpu)?;
/// assert_eq!(ops::median(&x, Some(&[1]), false)?.to_vec1::<f32>()?, [2., 5.]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn median(x: &Tensor, axis: Option<&[i64]>, keepdims: bool) -> Result<Tensor> {
    host::within("median", || middle(x, axis, keepdims, false))
}

pub(super) fn middle(x: &Tensor, axis: Option<&[i64]>, keepdims: bool, skip_nan: bool) -> Result<Tensor> {
    let half = Tensor::new(0.5f64, x.device())?;
    let options = Quantile {
        axis,
        keepdims,
        ..Quantile::default()
    };
    quantiles(x, &half, 1., options, skip_nan)
}

/// Places in flat memory of the two elements around each quantile, and the share of the second.
#[derive(Default)]
struct Between {
    low: Vec<u32>,
    high: Vec<u32>,
    share: Vec<f64>,
}

impl Between {
    /// Adds quantile `q` of the lane of `len` elements at `start`, of which the first `count` in `order` count.
    fn push(
        &mut self,
        x: &[f64],
        start: usize,
        order: &mut [u32],
        count: usize,
        q: f64,
        method: Interpolation,
    ) {
        let mut element = |rank: usize| {
            let by_value = |a: &u32, b: &u32| {
                let (x, y) = (x[start + *a as usize], x[start + *b as usize]);
                // NaN last; equal ones in order.
                x.is_nan().cmp(&y.is_nan()).then(x.total_cmp(&y)).then(a.cmp(b))
            };
            let (_, found, _) = order.select_nth_unstable_by(rank, by_value);
            start as u32 + *found
        };
        let place = q * count.saturating_sub(1) as f64;
        let (low, high) = (place.floor() as usize, place.ceil() as usize);
        let share = match method {
            Interpolation::Linear => place - low as f64,
            Interpolation::Lower => 0.,
            Interpolation::Higher => f64::from(high > low),
            Interpolation::Midpoint => f64::from(high > low) / 2.,
            Interpolation::Nearest => (place.round_ties_even() - low as f64).abs(),
        };
        let first = element(low);
        self.low.push(first);
        self.high.push(if share == 0. { first } else { element(high) });
        self.share.push(share);
    }
}

pub(super) fn quantiles(
    x: &Tensor,
    q: &Tensor,
    unit: f64,
    options: Quantile<'_>,
    skip_nan: bool,
) -> Result<Tensor> {
    host::compute_dtype("quantile", x.dtype())?;
    if q.rank() > 1 {
        candle_core::bail!("expected a scalar or a vector of quantiles, got {:?}", q.dims());
    }
    let shares = host::read(q, |q: &[f64]| Ok(q.iter().map(|q| q * unit).collect::<Vec<_>>()))?;
    if shares.iter().any(|q| !(0. ..=1.).contains(q)) {
        candle_core::bail!("expected quantiles between 0 and {}, got {q}", 1. / unit);
    }
    let joined = Joined::new("quantile", x.dims(), options.axis, options.keepdims)?;
    let extent = joined.extent;
    if extent.len == 0 {
        candle_core::bail!("nothing to choose from in a tensor of shape {:?}", x.dims());
    }
    let arranged = joined.arrange(x)?;
    // The lanes behind one another.
    let lanes = [extent.outer as i64, extent.len as i64, extent.inner as i64];
    let lanes = super::ravel(&crate::transpose(
        &crate::reshape(&arranged, &lanes)?,
        &[0, 2, 1],
    )?)?;
    let mut between = Between::default();
    host::read(&lanes, |values: &[f64]| {
        let mut order: Vec<u32> = (0..extent.len as u32).collect();
        for q in &shares {
            for (i, lane) in values.chunks_exact(extent.len).enumerate() {
                let bad = lane.iter().filter(|v| v.is_nan()).count();
                // A NaN that counts is the result: it is the last in order.
                let (count, q) = match (bad, skip_nan) {
                    (0, _) => (extent.len, *q),
                    (bad, true) if bad < extent.len => (extent.len - bad, *q),
                    _ => (extent.len, 1.),
                };
                between.push(values, i * extent.len, &mut order, count, q, options.method);
            }
        }
        Ok(())
    })?;
    let count = between.share.len();
    let low = crate::shape_ops::gather_axis("quantile", &lanes, between.low, 0)?;
    let high = crate::shape_ops::gather_axis("quantile", &lanes, between.high, 0)?;
    let share = host::tensor(between.share, x.dtype(), &Shape::from(count), x.device())?;
    let out = crate::add(
        &crate::multiply(&low, &crate::scale_shift(&share, -1., 1.)?)?,
        &crate::multiply(&high, &share)?,
    )?;
    let leading = q.dims().iter().chain(&joined.shape).map(|n| *n as i64);
    crate::reshape(&out, &leading.collect::<Vec<_>>())
}
