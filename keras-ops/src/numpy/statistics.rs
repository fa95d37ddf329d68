//! Averages, differences, spreads and correlations.

use candle_core::{Result, Shape, Tensor};

use crate::nn::{ConvOptions, conv1d};
use crate::{FusedActivation, axes, host};

/// The mean over `axis` weighted by `weights`, of `x`'s shape or a vector along the one axis.
///
/// # Errors
/// When the weights do not fit, or the tensors are not of one float dtype.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[1f32, 2., 6.], &Device::Cpu)?;
/// let weights = Tensor::new(&[1f32, 1., 2.], &Device::Cpu)?;
/// assert_eq!(ops::average(&x, None, Some(&weights))?.to_scalar::<f32>()?, 3.75);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn average(x: &Tensor, axis: Option<&[i64]>, weights: Option<&Tensor>) -> Result<Tensor> {
    host::within("average", || {
        let Some(weights) = weights else {
            return crate::mean(x, axis, false);
        };
        let weights = match (axis, weights.rank()) {
            _ if weights.dims() == x.dims() => weights.clone(),
            (Some(&[axis]), 1) => {
                let at = axes::axis("average", axis, x.rank())?;
                let mut dims = vec![1; x.rank()];
                dims[at] = -1;
                crate::broadcast_to(&crate::reshape(weights, &dims)?, x.dims())?
            }
            _ => candle_core::bail!(
                "expected weights of shape {:?} or a vector along the one axis, got {:?}",
                x.dims(),
                weights.dims()
            ),
        };
        let total = crate::sum(&crate::multiply(x, &weights)?, axis, false)?;
        crate::divide(&total, &crate::sum(&weights, axis, false)?)
    })
}

/// The largest less the smallest over `axis`.
pub fn ptp(x: &Tensor, axis: Option<&[i64]>, keepdims: bool) -> Result<Tensor> {
    host::within("ptp", || {
        crate::subtract(&crate::max(x, axis, keepdims)?, &crate::min(x, axis, keepdims)?)
    })
}

/// Each element less the one before along `axis`, `n` times over.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[1f32, 4., 9., 16.], &Device::Cpu)?;
/// assert_eq!(ops::diff(&x, 1, -1)?.to_vec1::<f32>()?, [3., 5., 7.]);
/// assert_eq!(ops::diff(&x, 2, -1)?.to_vec1::<f32>()?, [2., 2.]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn diff(a: &Tensor, n: usize, axis: i64) -> Result<Tensor> {
    host::within("diff", || {
        let at = axes::axis("diff", axis, a.rank())?;
        let mut out = a.clone();
        for _ in 0..n {
            let len = out.dims()[at].saturating_sub(1);
            let first = out.dims()[at] - len;
            let late = crate::narrow(&out, axis, first, len)?;
            out = crate::subtract(&late, &crate::narrow(&out, axis, 0, len)?)?;
        }
        Ok(out)
    })
}

/// The places of [`trapezoid`]'s samples.
#[derive(Clone, Copy, Debug)]
pub struct Trapezoid<'a> {
    /// The places, of `y`'s shape or a vector along the axis.
    pub x: Option<&'a Tensor>,
    /// The distance of neighbours when there are no places.
    pub dx: f64,
    /// The axis of the samples.
    pub axis: i64,
}

impl Default for Trapezoid<'_> {
    fn default() -> Self {
        Self {
            x: None,
            dx: 1.,
            axis: -1,
        }
    }
}

/// The integral of samples `y` along an axis by the trapezoidal rule.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor, Trapezoid};
/// let y = Tensor::new(&[1f32, 2., 3.], &Device::Cpu)?;
/// assert_eq!(ops::trapezoid(&y, Trapezoid::default())?.to_scalar::<f32>()?, 4.);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn trapezoid(y: &Tensor, options: Trapezoid<'_>) -> Result<Tensor> {
    let Trapezoid { x, dx, axis } = options;
    host::within("trapezoid", || {
        let at = axes::axis("trapezoid", axis, y.rank())?;
        let len = y.dims()[at].saturating_sub(1);
        let first = y.dims()[at] - len;
        let late = crate::narrow(y, axis, first, len)?;
        let pairs = crate::add(&late, &crate::narrow(y, axis, 0, len)?)?;
        let areas = match x {
            None => crate::mul_scalar(&pairs, dx / 2.)?,
            Some(x) => {
                let steps = diff(x, 1, if x.rank() == 1 { 0 } else { axis })?;
                let mut dims = vec![1; y.rank()];
                dims[at] = -1;
                let steps = if x.rank() == 1 {
                    crate::reshape(&steps, &dims)?
                } else {
                    steps
                };
                crate::mul_scalar(&crate::multiply(&pairs, &steps)?, 0.5)?
            }
        };
        crate::sum(&areas, Some(&[axis]), false)
    })
}

/// The correlation of each row with each other; a vector is one row.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[[1f64, 2., 3.], [3., 2., 1.]], &Device::Cpu)?;
/// let y = ops::corrcoef(&x)?.flatten_all()?.to_vec1::<f64>()?;
/// assert!(y.iter().zip([1., -1., -1., 1.]).all(|(y, e)| (y - e).abs() < 1e-12));
/// # Ok::<(), ops::Error>(())
/// ```
pub fn corrcoef(x: &Tensor) -> Result<Tensor> {
    host::within("corrcoef", || {
        let rows = match x.rank() {
            0 | 1 => crate::reshape(x, &[1, -1])?,
            2 => x.clone(),
            rank => candle_core::bail!("expected at most two axes, got {rank}"),
        };
        let centred = crate::subtract(&rows, &crate::mean(&rows, Some(&[1]), true)?)?;
        let products = crate::matmul(&centred, &crate::transpose(&centred, &[1, 0])?)?;
        let sizes = crate::sqrt(&super::diagonal(&products, 0, 0, 1)?)?;
        let out = crate::divide(&products, &crate::expand_dims(&sizes, 1)?)?;
        let out = crate::clip(&crate::divide(&out, &sizes)?, -1., 1.)?;
        if x.rank() < 2 {
            crate::reshape(&out, &[])
        } else {
            Ok(out)
        }
    })
}

/// Which part of [`correlate`]'s result is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CorrelateMode {
    /// Where both overlap as a whole.
    #[default]
    Valid,
    /// As many as the longer one has, from the middle.
    Same,
    /// Where both overlap at all.
    Full,
}

/// The sliding dot product of two vectors.
///
/// # Errors
/// When they are not vectors of one float dtype with elements.
///
/// ```
/// use keras_ops::{self as ops, CorrelateMode, Device, Tensor};
/// let x = Tensor::new(&[1f32, 2., 3.], &Device::Cpu)?;
/// let y = Tensor::new(&[0f32, 1., 0.5], &Device::Cpu)?;
/// assert_eq!(ops::correlate(&x, &y, CorrelateMode::Same)?.to_vec1::<f32>()?, [2., 3.5, 3.]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn correlate(x1: &Tensor, x2: &Tensor, mode: CorrelateMode) -> Result<Tensor> {
    host::within("correlate", || {
        if x1.rank() != 1 || x2.rank() != 1 || x1.elem_count() * x2.elem_count() == 0 {
            candle_core::bail!(
                "expected two vectors with elements, got {:?} and {:?}",
                x1.dims(),
                x2.dims()
            );
        }
        let swapped = x1.elem_count() < x2.elem_count();
        let (long, short) = if swapped { (x2, x1) } else { (x1, x2) };
        let m = short.elem_count();
        let (before, after) = match mode {
            CorrelateMode::Valid => (0, 0),
            CorrelateMode::Full => (m - 1, m - 1),
            CorrelateMode::Same => (m / 2, (m - 1) / 2),
        };
        let padded = crate::pad(long, &[(before, after)], 0.)?;
        let kernel = crate::reshape(short, &[-1, 1, 1])?;
        let options = ConvOptions::default();
        let linear = FusedActivation::Linear;
        let out = conv1d(
            &crate::reshape(&padded, &[1, -1, 1])?,
            &kernel,
            None,
            &options,
            linear,
        )?;
        let out = super::ravel(&out)?;
        if swapped { crate::flip(&out, None) } else { Ok(out) }
    })
}

/// How many elements fall between `bins + 1` equally spaced edges, and the edges; the last bin includes its
/// upper edge, elements outside `range` (by default from the smallest to the largest) count nowhere.
///
/// # Errors
/// When `x` is not a float tensor, there are no bins, or the range is not finite and increasing.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let x = Tensor::new(&[0f32, 1., 1., 4.], &Device::Cpu)?;
/// let (counts, edges) = ops::histogram(&x, 2, None)?;
/// assert_eq!(counts.to_vec1::<f32>()?, [3., 1.]);
/// assert_eq!(edges.to_vec1::<f32>()?, [0., 2., 4.]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn histogram(x: &Tensor, bins: usize, range: Option<(f64, f64)>) -> Result<(Tensor, Tensor)> {
    host::compute_dtype("histogram", x.dtype())?;
    let (mut counts, mut edges) = (vec![0f64; bins], Vec::with_capacity(bins + 1));
    host::read(x, |x: &[f64]| {
        let all = x
            .iter()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| {
                (low.min(*v), high.max(*v))
            });
        let (low, high) = range.unwrap_or(if x.is_empty() { (0., 1.) } else { all });
        if bins == 0 || low > high || !low.is_finite() || !high.is_finite() {
            candle_core::bail!(
                "histogram: expected at least one bin and a finite, increasing range; got {bins} bins, {low} to \
                 {high}"
            );
        }
        let (low, high) = if low == high {
            (low - 0.5, high + 0.5)
        } else {
            (low, high)
        };
        edges.extend((0..=bins).map(|i| low + (high - low) * i as f64 / bins as f64));
        for v in x.iter().filter(|v| (low..=high).contains(*v)) {
            let above = edges.partition_point(|edge| edge <= v);
            counts[above.saturating_sub(1).min(bins - 1)] += 1.;
        }
        Ok(())
    })?;
    let tensor = |values: Vec<f64>| {
        let shape = Shape::from(values.len());
        host::tensor(values, x.dtype(), &shape, x.device())
    };
    Ok((tensor(counts)?, tensor(edges)?))
}
