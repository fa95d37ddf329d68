//! The functions of `keras.metrics` that are losses too: a value for each sample, or for each position of one.

use keras_core::ops::{self, DType, Tensor, host, losses};
use keras_core::weighting::{Samplewise, squeeze_or_expand_to_same_rank};
use keras_core::{Result, bail};

use crate::state::Samples;

/// Targets and predictions of one float dtype, their ranks adjusted.
pub(crate) fn pair(y_true: &Tensor, y_pred: &Tensor) -> Result<(Tensor, Tensor)> {
    let dtype = float(y_pred);
    Ok(squeeze_or_expand_to_same_rank(
        &ops::cast(y_true, dtype)?,
        &ops::cast(y_pred, dtype)?,
    )?)
}

/// The values of samples, or only their sum and number.
pub(crate) enum Means {
    Each(Tensor),
    Sum(f64, f64),
}

impl Samples for Means {
    fn totals(&self, weights: Option<&Tensor>, double: bool, by: Samplewise) -> Result<(f64, f64)> {
        match self {
            Self::Each(values) => values.totals(weights, double, by),
            Self::Sum(total, count) => Ok((*total, *count)),
        }
    }
}

/// The values of a function that is a mean over the last axis, and whose mean over all is therefore the same however
/// the elements are arranged: without weights it is taken over one long row, in one pass.
pub(crate) fn pointwise(
    each: bool,
    y_true: &Tensor,
    y_pred: &Tensor,
    f: impl Fn(&Tensor, &Tensor) -> Result<Tensor>,
) -> Result<Means> {
    let (y_true, y_pred) = pair(y_true, y_pred)?;
    let rank = y_pred.rank();
    if each || rank < 2 || y_pred.elem_count() == 0 || y_true.dims() != y_pred.dims() {
        return Ok(Means::Each(f(&y_true, &y_pred)?));
    }
    mean_of_all(&y_true, &y_pred, f)
}

/// The mean over one long row, as often as there are samples.
pub(crate) fn mean_of_all(
    y_true: &Tensor,
    y_pred: &Tensor,
    f: impl Fn(&Tensor, &Tensor) -> Result<Tensor>,
) -> Result<Means> {
    let samples = y_pred.dims().first().copied().unwrap_or(1) as f64;
    let row = |x: &Tensor| x.detach().reshape((1, x.elem_count()));
    let mean = host::read(&f(&row(y_true)?, &row(y_pred)?)?, |v: &[f64]| Ok(v[0]))?;
    Ok(Means::Sum(mean * samples, samples))
}

/// Float64 for predictions of it, float32 for all others: half precision is too coarse to average.
pub(crate) fn float(y_pred: &Tensor) -> DType {
    match y_pred.dtype() {
        DType::F64 => DType::F64,
        _ => DType::F32,
    }
}

macro_rules! functions {
    ($(
        $(#[$doc:meta])*
        $fun:ident($($arg:ident: $type:ty),*);
    )*) => { $(
        $(#[$doc])*
        ///
        /// Targets come in the predictions' dtype and with their rank adjusted as Keras does.
        ///
        /// # Shapes
        /// Two of the same shape to that shape without the axis that is reduced (the last one).
        ///
        /// # Errors
        /// When the shapes differ.
        pub fn $fun(y_true: &Tensor, y_pred: &Tensor $(, $arg: $type)*) -> Result<Tensor> {
            let (y_true, y_pred) = pair(y_true, y_pred)?;
            Ok(losses::$fun(&y_true, &y_pred $(, $arg)*)?)
        }
    )* };
}

functions! {
    /// `mean((y_true - y_pred)^2)`.
    ///
    /// ```
    /// use keras_metrics::mean_squared_error;
    /// use keras_ops::{Device, Tensor};
    /// let (y, p) = (Tensor::new(&[[0u8, 1]], &Device::Cpu)?, Tensor::new(&[[2f32, 1.]], &Device::Cpu)?);
    /// assert_eq!(mean_squared_error(&y, &p)?.to_vec1::<f32>()?, [2.]);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    mean_squared_error();
    /// `mean(|y_true - y_pred|)`.
    mean_absolute_error();
    /// `100 mean(|y_true - y_pred| / max(|y_true|, 1e-7))`.
    mean_absolute_percentage_error();
    /// `mean((log(1 + y_true) - log(1 + y_pred))^2)`.
    mean_squared_logarithmic_error();
    /// `mean(log(cosh(y_pred - y_true)))`.
    log_cosh();
    /// The mean of `e^2 / 2` where `|e| <= delta`, and of `delta |e| - delta^2 / 2` elsewhere.
    huber(delta: f64);
    /// `mean(y_pred - y_true log(y_pred))`.
    poisson();
    /// `sum(y_true log(y_true / y_pred))`.
    kl_divergence();
    /// `mean(max(1 - y_true y_pred, 0))`.
    hinge();
    /// `mean(max(1 - y_true y_pred, 0)^2)`.
    squared_hinge();
    /// `max(max((1 - y_true) y_pred) - sum(y_true y_pred) + 1, 0)`.
    categorical_hinge();
    /// The cosine of the angle between targets and predictions along `axis`.
    cosine_similarity(axis: i64);
    /// `mean(-y_true log(y_pred) - (1 - y_true) log(1 - y_pred))` along `axis`.
    binary_crossentropy(from_logits: bool, label_smoothing: f64, axis: i64);
    /// `-sum(y_true log(y_pred))` along `axis`.
    categorical_crossentropy(from_logits: bool, label_smoothing: f64, axis: i64);
    /// `-sum(alpha (1 - y_pred)^gamma y_true log(y_pred))` along `axis`.
    categorical_focal_crossentropy(alpha: &[f64], gamma: f64, from_logits: bool, label_smoothing: f64, axis: i64);
}

/// The mean along `axis` of `(1 - p_t)^gamma` times the binary cross-entropy, where `p_t` is the probability given to
/// the target; with `apply_class_balancing`, positive targets weigh `alpha` and negative ones `1 - alpha`.
///
/// # Shapes
/// Two of the same shape to that shape without `axis`.
///
/// # Errors
/// When the shapes differ.
///
/// ```
/// use keras_metrics::binary_focal_crossentropy;
/// use keras_ops::{Device, Tensor};
/// let (y, p) = (Tensor::new(&[[1f32]], &Device::Cpu)?, Tensor::new(&[[0.5f32]], &Device::Cpu)?);
/// let focal = binary_focal_crossentropy(&y, &p, true, 0.25, 2., false, 0., -1)?.to_vec1::<f32>()?;
/// assert!((focal[0] - 0.25 * 0.25 * 2f32.ln()).abs() < 1e-6);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[allow(clippy::too_many_arguments)]
pub fn binary_focal_crossentropy(
    y_true: &Tensor,
    y_pred: &Tensor,
    apply_class_balancing: bool,
    alpha: f64,
    gamma: f64,
    from_logits: bool,
    label_smoothing: f64,
    axis: i64,
) -> Result<Tensor> {
    let (y_true, y_pred) = pair(y_true, y_pred)?;
    let alpha = apply_class_balancing.then_some(alpha);
    Ok(losses::binary_focal_crossentropy(
        &y_true,
        &y_pred,
        alpha,
        gamma,
        from_logits,
        label_smoothing,
        axis,
    )?)
}

/// `-log(y_pred[y_true])` along `axis`; 0 where the label is `ignore_class`.
///
/// # Shapes
/// Class numbers `[..]` or `[.., 1]` and predictions `[.., classes]` to `[..]`.
///
/// # Errors
/// When the shapes do not fit or a label is no class.
///
/// ```
/// use keras_metrics::sparse_categorical_crossentropy;
/// use keras_ops::{Device, Tensor};
/// let (y, p) = (Tensor::new(&[1u32, 2], &Device::Cpu)?, Tensor::new(&[[0.5f32, 0.5], [0.1, 0.9]], &Device::Cpu)?);
/// let values = sparse_categorical_crossentropy(&y, &p, false, Some(2), -1)?.to_vec1::<f32>()?;
/// assert!((values[0] - 2f32.ln()).abs() < 1e-6 && values[1] == 0.);
/// # Ok::<(), keras_core::Error>(())
/// ```
pub fn sparse_categorical_crossentropy(
    y_true: &Tensor,
    y_pred: &Tensor,
    from_logits: bool,
    ignore_class: Option<i64>,
    axis: i64,
) -> Result<Tensor> {
    let y_pred = ops::cast(y_pred, float(y_pred))?;
    Ok(losses::sparse_categorical_crossentropy(
        y_true,
        &y_pred,
        from_logits,
        ignore_class,
        axis,
    )?)
}

/// # Errors
/// When two tensors that must have the same shape have not.
pub(crate) fn same_shape(name: &str, y_true: &Tensor, y_pred: &Tensor) -> Result<()> {
    if y_true.dims() == y_pred.dims() {
        return Ok(());
    }
    bail!(
        "{name}: `y_true` has shape {:?}, `y_pred` {:?}; they must be the same",
        y_true.dims(),
        y_pred.dims()
    )
}
