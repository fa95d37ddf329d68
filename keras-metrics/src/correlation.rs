//! How predictions vary with targets.

use keras_core::ops::host::{self, Real};
use keras_core::ops::{DType, EPSILON, Tensor};
use keras_core::{Result, bail};

use crate::class::{mean_metric, metric_class};
use crate::functions::{pair, same_shape};
use crate::state::pair_sums;

/// A number about a row of targets and one of predictions.
trait Row {
    fn of<T: Real>(t: &[T], p: &[T]) -> f64;
}

/// `R` of each row along `axis`.
fn rows<R: Row>(name: &str, y_true: &Tensor, y_pred: &Tensor, axis: i64) -> Result<Tensor> {
    fn go<T: Real, R: Row>(y_true: &Tensor, y_pred: &Tensor, n: usize) -> Result<Vec<f64>> {
        Ok(host::read(y_true, |t: &[T]| {
            host::read(y_pred, |p: &[T]| {
                let rows = t.chunks_exact(n).zip(p.chunks_exact(n));
                Ok(rows.map(|(t, p)| R::of(t, p)).collect())
            })
        })?)
    }
    let device = y_pred.device();
    let (y_true, y_pred) = pair(y_true, y_pred)?;
    same_shape(name, &y_true, &y_pred)?;
    let rank = y_pred.rank() as i64;
    let at = if axis < 0 { axis + rank } else { axis };
    if !(0..rank).contains(&at) {
        bail!(
            "{name}: `axis` {axis} is out of range for shape {:?}",
            y_pred.dims()
        );
    }
    let at = at as usize;
    let order: Vec<usize> = (0..y_pred.rank()).filter(|i| *i != at).chain([at]).collect();
    let dims: Vec<usize> = order[..order.len() - 1]
        .iter()
        .map(|i| y_pred.dims()[*i])
        .collect();
    let n = y_pred.dims()[at].max(1);
    let (y_true, y_pred) = (
        y_true.detach().permute(order.as_slice())?,
        y_pred.detach().permute(order)?,
    );
    let dtype = y_pred.dtype();
    let values = match dtype {
        DType::F64 => go::<f64, R>(&y_true, &y_pred, n)?,
        _ => go::<f32, R>(&y_true, &y_pred, n)?,
    };
    Ok(host::tensor(values, dtype, &dims.into(), device)?)
}

/// The means and variances of both, and their covariance.
fn moments<T: Real>(t: &[T], p: &[T]) -> [f64; 5] {
    let n = t.len() as f64;
    let [mean_t, mean_p] = pair_sums(
        t,
        p,
        #[inline(always)]
        |t, p| [t, p],
    )
    .map(|sum| sum / n);
    let sums = pair_sums(
        t,
        p,
        #[inline(always)]
        |t, p| {
            let (t, p) = (t - mean_t, p - mean_p);
            [t * t, p * p, t * p]
        },
    );
    [mean_t, mean_p, sums[0] / n, sums[1] / n, sums[2] / n]
}

struct Pearson;

impl Row for Pearson {
    fn of<T: Real>(t: &[T], p: &[T]) -> f64 {
        let [_, _, var_t, var_p, covariance] = moments(t, p);
        covariance / (var_t.sqrt() * var_p.sqrt())
    }
}

struct Concordance;

impl Row for Concordance {
    fn of<T: Real>(t: &[T], p: &[T]) -> f64 {
        let [mean_t, mean_p, var_t, var_p, covariance] = moments(t, p);
        2. * covariance / (var_t + var_p + (mean_t - mean_p).powi(2) + EPSILON)
    }
}

/// The correlation of targets and predictions along `axis`: see [`PearsonCorrelation`].
///
/// # Errors
/// When the shapes differ or the axis is out of range.
///
/// ```
/// use keras_metrics::pearson_correlation;
/// use keras_ops::{Device, Tensor};
/// let y = Tensor::new(&[[1f32, 2., 3.], [1., 2., 3.]], &Device::Cpu)?;
/// let p = Tensor::new(&[[2f32, 4., 6.], [0., -1., -2.]], &Device::Cpu)?;
/// let found = pearson_correlation(&y, &p, -1)?.to_vec1::<f32>()?;
/// assert!((found[0] - 1.).abs() < 1e-6 && (found[1] + 1.).abs() < 1e-6);
/// # Ok::<(), keras_core::Error>(())
/// ```
pub fn pearson_correlation(y_true: &Tensor, y_pred: &Tensor, axis: i64) -> Result<Tensor> {
    rows::<Pearson>("pearson_correlation", y_true, y_pred, axis)
}

/// The concordance of targets and predictions along `axis`: see [`ConcordanceCorrelation`].
///
/// # Errors
/// When the shapes differ or the axis is out of range.
///
/// ```
/// use keras_metrics::concordance_correlation;
/// use keras_ops::{Device, Tensor};
/// let y = Tensor::new(&[[0f32, 2.]], &Device::Cpu)?;
/// let p = Tensor::new(&[[1f32, 3.]], &Device::Cpu)?;
/// // 2 covariance / (var + var + (difference of means)^2) = 2 / (1 + 1 + 1).
/// assert!((concordance_correlation(&y, &p, -1)?.to_vec1::<f32>()?[0] - 2. / 3.).abs() < 1e-6);
/// # Ok::<(), keras_core::Error>(())
/// ```
pub fn concordance_correlation(y_true: &Tensor, y_pred: &Tensor, axis: i64) -> Result<Tensor> {
    rows::<Concordance>("concordance_correlation", y_true, y_pred, axis)
}

mean_metric! {
    /// The mean correlation of targets and predictions along `axis`, from -1 to 1:
    /// `cov(y_true, y_pred) / (std(y_true) std(y_pred))`. 1 when one is a rising line of the other; NaN when one of a row
    /// does not vary.
    ///
    /// Keras: `keras.metrics.PearsonCorrelation`; R: `metric_pearson_correlation()`.
    ///
    /// # Shapes
    /// Two of the same shape; the correlation is within a row of `axis`, and rows are averaged.
    ///
    /// # Errors
    /// When the shapes differ, the axis is out of range, or the sample weights do not fit the rows.
    ///
    /// # Examples
    /// ```
    /// use keras_core::Metric;
    /// use keras_metrics::PearsonCorrelation;
    /// use keras_ops::{Device, Tensor};
    /// let mut metric = PearsonCorrelation::new();
    /// let y = Tensor::new(&[[1f32, 2., 3.], [1., 2., 3.]], &Device::Cpu)?;
    /// let p = Tensor::new(&[[2f32, 4., 6.], [1., 3., 2.]], &Device::Cpu)?;
    /// metric.update_state(&y, &p, None)?;
    /// assert!((metric.result()?.to_scalar::<f32>()? - 0.75).abs() < 1e-6); // 1 and 0.5
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    PearsonCorrelation: "pearson_correlation", ["pearson_correlation"], "Linear correlation.", Some(true);
    {
        /// The axis of a row.
        axis: i64 = -1;
    }
    values(self, y_true, y_pred, _each) pearson_correlation(y_true, y_pred, self.axis);
}

mean_metric! {
    /// The mean concordance of targets and predictions along `axis`, from -1 to 1:
    /// `2 cov(y_true, y_pred) / (var(y_true) + var(y_pred) + (mean(y_true) - mean(y_pred))^2 + 1e-7)`. 1 when they are
    /// equal: other than [`PearsonCorrelation`] it asks for equal means and scales.
    ///
    /// Keras: `keras.metrics.ConcordanceCorrelation`; R: `metric_concordance_correlation()`.
    ///
    /// # Shapes
    /// Two of the same shape; the concordance is within a row of `axis`, and rows are averaged.
    ///
    /// # Errors
    /// When the shapes differ, the axis is out of range, or the sample weights do not fit the rows.
    ///
    /// # Examples
    /// ```
    /// use keras_core::Metric;
    /// use keras_metrics::ConcordanceCorrelation;
    /// use keras_ops::{Device, Tensor};
    /// let mut metric = ConcordanceCorrelation::new();
    /// let (y, p) = (Tensor::new(&[[0f32, 2.]], &Device::Cpu)?, Tensor::new(&[[1f32, 3.]], &Device::Cpu)?);
    /// metric.update_state(&y, &p, None)?;
    /// assert!((metric.result()?.to_scalar::<f32>()? - 2. / 3.).abs() < 1e-6);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    ConcordanceCorrelation: "concordance_correlation", ["concordance_correlation"],
    "Linear correlation that also asks for equal means and scales.", Some(true);
    {
        /// The axis of a row.
        axis: i64 = -1;
    }
    values(self, y_true, y_pred, _each) concordance_correlation(y_true, y_pred, self.axis);
}
