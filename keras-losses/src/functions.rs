//! The functions of `keras.losses`: the values that the classes weigh and reduce.

use keras_core::Result;
use keras_core::ops::{self, Tensor, losses};

/// Targets and predictions of one dtype, their ranks adjusted as Keras does.
fn pair(y_true: &Tensor, y_pred: &Tensor) -> Result<(Tensor, Tensor)> {
    let y_true = ops::cast(y_true, y_pred.dtype())?;
    Ok(losses::squeeze_or_expand_to_same_rank(&y_true, y_pred)?)
}

/// Functions of targets and predictions of one shape.
macro_rules! functions {
    ($( $(#[$doc:meta])* $fun:ident($y_true:ident, $y_pred:ident $(, $arg:ident: $type:ty)*) $body:expr; )*) => { $(
        $(#[$doc])*
        ///
        /// # Errors
        /// When the shapes differ (ranks that differ by one are adjusted as in Keras, nothing is broadcast), the
        /// predictions are not floats, or an axis is out of range.
        pub fn $fun(y_true: &Tensor, y_pred: &Tensor $(, $arg: $type)*) -> Result<Tensor> {
            let ($y_true, $y_pred) = pair(y_true, y_pred)?;
            let ($y_true, $y_pred) = (&$y_true, &$y_pred);
            Ok($body?)
        }
    )* };
}

/// Functions of class numbers and predictions.
macro_rules! functions_of_labels {
    ($( $(#[$doc:meta])* $fun:ident($($arg:ident: $type:ty),*); )*) => { $(
        $(#[$doc])*
        ///
        /// # Errors
        /// When the shapes do not fit, the predictions are not floats, or a label is not a class.
        pub fn $fun(y_true: &Tensor, y_pred: &Tensor $(, $arg: $type)*) -> Result<Tensor> {
            Ok(losses::$fun(y_true, y_pred $(, $arg)*)?)
        }
    )* };
}

functions! {
    /// [`MeanSquaredError`](crate::MeanSquaredError) of each row: `mean((y_true - y_pred)^2)` over the last axis.
    ///
    /// # Examples
    /// ```
    /// use keras_ops::{Device, Tensor};
    /// let (y, p) = (Tensor::new(&[[0f32, 1.]], &Device::Cpu)?, Tensor::new(&[[1f32, 3.]], &Device::Cpu)?);
    /// assert_eq!(keras_losses::mean_squared_error(&y, &p)?.to_vec1::<f32>()?, [2.5]);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    mean_squared_error(y_true, y_pred) losses::mean_squared_error(y_true, y_pred);
    /// [`MeanAbsoluteError`](crate::MeanAbsoluteError) of each row: `mean(|y_true - y_pred|)` over the last axis.
    ///
    /// # Examples
    /// ```
    /// use keras_ops::{Device, Tensor};
    /// let (y, p) = (Tensor::new(&[[0f32, 1.]], &Device::Cpu)?, Tensor::new(&[[1f32, 3.]], &Device::Cpu)?);
    /// assert_eq!(keras_losses::mean_absolute_error(&y, &p)?.to_vec1::<f32>()?, [1.5]);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    mean_absolute_error(y_true, y_pred) losses::mean_absolute_error(y_true, y_pred);
    /// [`MeanAbsolutePercentageError`](crate::MeanAbsolutePercentageError) of each row: `100 mean(|y_true - y_pred| /
    /// max(|y_true|, 1e-7))` over the last axis.
    ///
    /// # Examples
    /// ```
    /// use keras_ops::{Device, Tensor};
    /// let (y, p) = (Tensor::new(&[[2f32, 4.]], &Device::Cpu)?, Tensor::new(&[[1f32, 5.]], &Device::Cpu)?);
    /// assert_eq!(keras_losses::mean_absolute_percentage_error(&y, &p)?.to_vec1::<f32>()?, [37.5]);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    mean_absolute_percentage_error(y_true, y_pred) losses::mean_absolute_percentage_error(y_true, y_pred);
    /// [`MeanSquaredLogarithmicError`](crate::MeanSquaredLogarithmicError) of each row: `mean((log(1 + y_true) - log(1 +
    /// y_pred))^2)` over the last axis.
    ///
    /// # Examples
    /// ```
    /// use keras_ops::{Device, Tensor};
    /// let (y, p) = (Tensor::new(&[[0f32, 1.]], &Device::Cpu)?, Tensor::new(&[[1f32, 1.]], &Device::Cpu)?);
    /// let loss = keras_losses::mean_squared_logarithmic_error(&y, &p)?.to_vec1::<f32>()?;
    /// assert!((loss[0] - 2f32.ln().powi(2) / 2.).abs() < 1e-5);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    mean_squared_logarithmic_error(y_true, y_pred) losses::mean_squared_logarithmic_error(y_true, y_pred);
    /// [`Huber`](crate::Huber) of each row: the mean over the last axis of `e^2 / 2` where `|e| <= delta`, else `delta
    /// |e| - delta^2 / 2`.
    ///
    /// # Examples
    /// ```
    /// use keras_ops::{Device, Tensor};
    /// let (y, p) = (Tensor::new(&[[0f32, 0.]], &Device::Cpu)?, Tensor::new(&[[1f32, 4.]], &Device::Cpu)?);
    /// assert_eq!(keras_losses::huber(&y, &p, 2.)?.to_vec1::<f32>()?, [3.25]);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    huber(y_true, y_pred, delta: f64) losses::huber(y_true, y_pred, delta);
    /// [`LogCosh`](crate::LogCosh) of each row: `mean(log(cosh(y_pred - y_true)))` over the last axis.
    ///
    /// # Examples
    /// ```
    /// use keras_ops::{Device, Tensor};
    /// let (y, p) = (Tensor::new(&[[0f32, 1.]], &Device::Cpu)?, Tensor::new(&[[1f32, 1.]], &Device::Cpu)?);
    /// let loss = keras_losses::log_cosh(&y, &p)?.to_vec1::<f32>()?;
    /// assert!((loss[0] - 1f32.cosh().ln() / 2.).abs() < 1e-5);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    log_cosh(y_true, y_pred) losses::log_cosh(y_true, y_pred);
    /// [`Poisson`](crate::Poisson) of each row: `mean(y_pred - y_true log(y_pred + 1e-7))` over the last axis.
    ///
    /// # Examples
    /// ```
    /// use keras_ops::{Device, Tensor};
    /// let (y, p) = (Tensor::new(&[[1f32, 3.]], &Device::Cpu)?, Tensor::new(&[[1f32, 2.]], &Device::Cpu)?);
    /// let loss = keras_losses::poisson(&y, &p)?.to_vec1::<f32>()?;
    /// assert!((loss[0] - (3. - 3. * 2f32.ln()) / 2.).abs() < 1e-5);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    poisson(y_true, y_pred) losses::poisson(y_true, y_pred);
    /// [`Hinge`](crate::Hinge) of each row: `mean(max(1 - y_true y_pred, 0))` over the last axis.
    ///
    /// # Examples
    /// ```
    /// use keras_ops::{Device, Tensor};
    /// let (y, p) = (Tensor::new(&[[-1f32, 1.]], &Device::Cpu)?, Tensor::new(&[[0.5f32, 0.5]], &Device::Cpu)?);
    /// assert_eq!(keras_losses::hinge(&y, &p)?.to_vec1::<f32>()?, [1.]);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    hinge(y_true, y_pred) losses::hinge(y_true, y_pred);
    /// [`SquaredHinge`](crate::SquaredHinge) of each row: `mean(max(1 - y_true y_pred, 0)^2)` over the last axis.
    ///
    /// # Examples
    /// ```
    /// use keras_ops::{Device, Tensor};
    /// let (y, p) = (Tensor::new(&[[-1f32, 1.]], &Device::Cpu)?, Tensor::new(&[[0.5f32, 0.5]], &Device::Cpu)?);
    /// assert_eq!(keras_losses::squared_hinge(&y, &p)?.to_vec1::<f32>()?, [1.25]);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    squared_hinge(y_true, y_pred) losses::squared_hinge(y_true, y_pred);
    /// [`CategoricalHinge`](crate::CategoricalHinge) of each row: `max(max((1 - y_true) y_pred) - sum(y_true y_pred) + 1,
    /// 0)` over the last axis.
    ///
    /// # Examples
    /// ```
    /// use keras_ops::{Device, Tensor};
    /// let y = Tensor::new(&[[0f32, 1., 0.]], &Device::Cpu)?;
    /// let p = Tensor::new(&[[0.25f32, 0.5, 0.125]], &Device::Cpu)?;
    /// assert_eq!(keras_losses::categorical_hinge(&y, &p)?.to_vec1::<f32>()?, [0.75]);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    categorical_hinge(y_true, y_pred) losses::categorical_hinge(y_true, y_pred);
    /// [`KLDivergence`](crate::KLDivergence) of each row: `sum(y_true log(y_true / y_pred))` over the last axis.
    ///
    /// # Examples
    /// ```
    /// use keras_ops::{Device, Tensor};
    /// let (y, p) = (Tensor::new(&[[0.5f32, 0.5]], &Device::Cpu)?, Tensor::new(&[[0.25f32, 0.75]], &Device::Cpu)?);
    /// let loss = keras_losses::kl_divergence(&y, &p)?.to_vec1::<f32>()?;
    /// assert!((loss[0] - 0.5 * (2f32.ln() + (2f32 / 3.).ln())).abs() < 1e-5);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    kl_divergence(y_true, y_pred) losses::kl_divergence(y_true, y_pred);
    /// [`CosineSimilarity`](crate::CosineSimilarity) of each row: minus the cosine of the angle along `axis`. (The metric
    /// of this name is the cosine itself.)
    ///
    /// # Examples
    /// ```
    /// use keras_ops::{Device, Tensor};
    /// let (y, p) = (Tensor::new(&[[0f32, 1.]], &Device::Cpu)?, Tensor::new(&[[0f32, 3.]], &Device::Cpu)?);
    /// let loss = keras_losses::cosine_similarity(&y, &p, -1)?.to_vec1::<f32>()?;
    /// assert!((loss[0] - -1.).abs() < 1e-5);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    cosine_similarity(y_true, y_pred, axis: i64) ops::neg(&losses::cosine_similarity(y_true, y_pred, axis)?);
    /// [`BinaryCrossentropy`](crate::BinaryCrossentropy) of each row: `mean(-t log(p) - (1 - t) log(1 - p))` over `axis`.
    ///
    /// # Examples
    /// ```
    /// use keras_ops::{Device, Tensor};
    /// let (y, p) = (Tensor::new(&[[1f32, 0.]], &Device::Cpu)?, Tensor::new(&[[0f32, 0.]], &Device::Cpu)?);
    /// let loss = keras_losses::binary_crossentropy(&y, &p, true, 0., -1)?.to_vec1::<f32>()?;
    /// assert!((loss[0] - 2f32.ln()).abs() < 1e-5);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    binary_crossentropy(y_true, y_pred, from_logits: bool, label_smoothing: f64, axis: i64)
        losses::binary_crossentropy(y_true, y_pred, from_logits, label_smoothing, axis);
    /// [`BinaryFocalCrossentropy`](crate::BinaryFocalCrossentropy) of each row: `mean((1 - p_t)^gamma bce)` over `axis`.
    /// `alpha` is the weight of class 1; `None` is Keras's `apply_class_balancing=False`.
    ///
    /// # Examples
    /// ```
    /// use keras_ops::{Device, Tensor};
    /// let (y, p) = (Tensor::new(&[[1f32]], &Device::Cpu)?, Tensor::new(&[[0.5f32]], &Device::Cpu)?);
    /// let loss = keras_losses::binary_focal_crossentropy(&y, &p, Some(0.25), 2., false, 0., -1)?.to_vec1::<f32>()?;
    /// assert!((loss[0] - 2f32.ln() / 16.).abs() < 1e-5);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    binary_focal_crossentropy(y_true, y_pred, alpha: Option<f64>, gamma: f64, from_logits: bool, label_smoothing: f64, axis: i64)
        losses::binary_focal_crossentropy(y_true, y_pred, alpha, gamma, from_logits, label_smoothing, axis);
    /// [`CategoricalCrossentropy`](crate::CategoricalCrossentropy) of each row: `-sum(t log(p))` over `axis`.
    ///
    /// # Examples
    /// ```
    /// use keras_ops::{Device, Tensor};
    /// let (y, p) = (Tensor::new(&[[0f32, 1.]], &Device::Cpu)?, Tensor::new(&[[1f32, 3.]], &Device::Cpu)?);
    /// let loss = keras_losses::categorical_crossentropy(&y, &p, false, 0., -1)?.to_vec1::<f32>()?;
    /// assert!((loss[0] - (4f32 / 3.).ln()).abs() < 1e-5);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    categorical_crossentropy(y_true, y_pred, from_logits: bool, label_smoothing: f64, axis: i64)
        losses::categorical_crossentropy(y_true, y_pred, from_logits, label_smoothing, axis);
    /// [`CategoricalFocalCrossentropy`](crate::CategoricalFocalCrossentropy) of each row: `-sum(alpha (1 - p)^gamma t
    /// log(p))` over `axis`; `alpha` is one number, or one for each class.
    ///
    /// # Examples
    /// ```
    /// use keras_ops::{Device, Tensor};
    /// let (y, p) = (Tensor::new(&[[0f32, 1.]], &Device::Cpu)?, Tensor::new(&[[0.5f32, 0.5]], &Device::Cpu)?);
    /// let loss = keras_losses::categorical_focal_crossentropy(&y, &p, &[0.25], 2., false, 0., -1)?.to_vec1::<f32>()?;
    /// assert!((loss[0] - 2f32.ln() / 16.).abs() < 1e-5);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    categorical_focal_crossentropy(y_true, y_pred, alpha: &[f64], gamma: f64, from_logits: bool, label_smoothing: f64, axis: i64)
        losses::categorical_focal_crossentropy(y_true, y_pred, alpha, gamma, from_logits, label_smoothing, axis);
    /// [`Dice`](crate::Dice) of each set: `1 - 2 sum(y_true y_pred) / (sum(y_true) + sum(y_pred) + 1e-7)` over `axis`, or
    /// over everything.
    ///
    /// # Examples
    /// ```
    /// use keras_ops::{Device, Tensor};
    /// let (y, p) = (Tensor::new(&[1f32, 0., 1., 0.], &Device::Cpu)?, Tensor::new(&[1f32, 0., 0., 1.], &Device::Cpu)?);
    /// assert_eq!(keras_losses::dice(&y, &p, None)?.to_scalar::<f32>()?, 0.5);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    dice(y_true, y_pred, axis: Option<&[i64]>) losses::dice(y_true, y_pred, axis);
    /// [`Tversky`](crate::Tversky) of each set: `1 - i / (i + alpha f + beta n + 1e-7)` over `axis`, or over everything.
    ///
    /// # Examples
    /// ```
    /// use keras_ops::{Device, Tensor};
    /// let (y, p) = (Tensor::new(&[1f32, 1., 0., 0.], &Device::Cpu)?, Tensor::new(&[1f32, 0., 1., 0.], &Device::Cpu)?);
    /// assert_eq!(keras_losses::tversky(&y, &p, 1., 2., None)?.to_scalar::<f32>()?, 0.75);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    tversky(y_true, y_pred, alpha: f64, beta: f64, axis: Option<&[i64]>)
        losses::tversky(y_true, y_pred, alpha, beta, axis);
    /// [`Quantile`](crate::Quantile) of each row: the mean over the last axis of `quantile e` where `e = y_true - y_pred`
    /// is positive, `(quantile - 1) e` elsewhere. Not in Keras.
    ///
    /// # Examples
    /// ```
    /// use keras_ops::{Device, Tensor};
    /// let (y, p) = (Tensor::new(&[[3f32, 1.]], &Device::Cpu)?, Tensor::new(&[[1f32, 3.]], &Device::Cpu)?);
    /// assert_eq!(keras_losses::quantile(&y, &p, 0.75)?.to_vec1::<f32>()?, [1.]);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    quantile(y_true, y_pred, quantile: f64) losses::pinball(y_true, y_pred, quantile);
    /// [`InfoNCE`](crate::InfoNCE) of each row: each prediction against its own target among all. Not in Keras.
    ///
    /// # Examples
    /// ```
    /// use keras_ops::{Device, Tensor};
    /// let y = Tensor::new(&[[1f32, 0.], [0., 1.]], &Device::Cpu)?;
    /// let p = Tensor::new(&[[2f32, 0.], [0., 3.]], &Device::Cpu)?;
    /// let loss = keras_losses::info_nce(&y, &p, 0.5, false)?.to_vec1::<f32>()?;
    /// assert!((loss[0] - (1. + (-2f32).exp()).ln()).abs() < 1e-5);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    info_nce(y_true, y_pred, temperature: f64, symmetric: bool)
        losses::info_nce(y_true, y_pred, temperature, symmetric);
}

functions_of_labels! {
    /// [`SparseCategoricalCrossentropy`](crate::SparseCategoricalCrossentropy) of each sample: `-log(p[y_true])`. Rows
    /// whose label is `ignore_class` have the value 0; in the mean of the class they do not count.
    ///
    /// # Examples
    /// ```
    /// use keras_ops::{Device, Tensor};
    /// let (y, p) = (Tensor::new(&[1u32, 9], &Device::Cpu)?, Tensor::new(&[[1f32, 3.], [1., 1.]], &Device::Cpu)?);
    /// let loss = keras_losses::sparse_categorical_crossentropy(&y, &p, false, Some(9), -1)?.to_vec1::<f32>()?;
    /// assert!((loss[0] - (4f32 / 3.).ln()).abs() < 1e-5);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    sparse_categorical_crossentropy(from_logits: bool, ignore_class: Option<i64>, axis: i64);
    /// [`CategoricalGeneralizedCrossEntropy`](crate::CategoricalGeneralizedCrossEntropy) of each sample: `(1 -
    /// p[y_true]^q) / q`.
    ///
    /// # Examples
    /// ```
    /// use keras_ops::{Device, Tensor};
    /// let (y, p) = (Tensor::new(&[0u32], &Device::Cpu)?, Tensor::new(&[[0.25f32, 0.75]], &Device::Cpu)?);
    /// assert_eq!(keras_losses::categorical_generalized_cross_entropy(&y, &p, 0.5)?.to_vec1::<f32>()?, [1.]);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    categorical_generalized_cross_entropy(q: f64);
    /// [`CTC`](crate::CTC) of each sample: `-log` of the probability that the frames spell the labels.
    ///
    /// # Examples
    /// ```
    /// use keras_ops::{Device, Tensor};
    /// let (y, p) = (Tensor::new(&[[1u32]], &Device::Cpu)?, Tensor::new(&[[[0f32, 0.]]], &Device::Cpu)?);
    /// let loss = keras_losses::ctc(&y, &p)?.to_vec1::<f32>()?;
    /// assert!((loss[0] - 2f32.ln()).abs() < 1e-5);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    ctc();
    /// [`Circle`](crate::Circle) of each sample: of the embeddings to the references, which are the batch itself or
    /// others.
    ///
    /// # Examples
    /// ```
    /// use keras_ops::{Device, Tensor};
    /// let y = Tensor::new(&[0u32, 0, 1], &Device::Cpu)?;
    /// let p = Tensor::new(&[[1f32, 0.], [1., 0.], [0., 1.]], &Device::Cpu)?;
    /// let loss = keras_losses::circle(&y, &p, None, None, true, 2., 0.5)?.to_vec1::<f32>()?;
    /// assert!((loss[0] - (1. + (-1f32).exp()).ln()).abs() < 1e-5);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    circle(
        ref_labels: Option<&Tensor>, ref_embeddings: Option<&Tensor>, remove_diagonal: bool, gamma: f64, margin: f64
    );
    /// [`Contrastive`](crate::Contrastive) of each sample: the mean over all others of `d^2` within a class, `max(margin
    /// - d, 0)^2` between. Not in Keras.
    ///
    /// # Examples
    /// ```
    /// use keras_ops::{Device, Tensor};
    /// let y = Tensor::new(&[0u32, 0, 1], &Device::Cpu)?;
    /// let p = Tensor::new(&[[0f32, 0.], [3., 4.], [0., 1.]], &Device::Cpu)?;
    /// assert_eq!(keras_losses::contrastive(&y, &p, 2.)?.to_vec1::<f32>()?, [13., 12.5, 0.5]);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    contrastive(margin: f64);
    /// [`SupervisedContrastive`](crate::SupervisedContrastive) of each sample: its class mates among all others. Not in
    /// Keras.
    ///
    /// # Examples
    /// ```
    /// use keras_ops::{Device, Tensor};
    /// let y = Tensor::new(&[0u32, 0, 1], &Device::Cpu)?;
    /// let p = Tensor::new(&[[2f32, 0.], [1., 0.], [0., 3.]], &Device::Cpu)?;
    /// let loss = keras_losses::supervised_contrastive(&y, &p, 0.5)?.to_vec1::<f32>()?;
    /// assert!((loss[0] - (1. + (-2f32).exp()).ln()).abs() < 1e-5);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    supervised_contrastive(temperature: f64);
    /// [`Triplet`](crate::Triplet) of each sample: `max(d(mate) - d(other) + margin, 0)`, of the hardest pair or of
    /// semi-hard ones. Not in Keras.
    ///
    /// # Examples
    /// ```
    /// use keras_ops::{Device, Tensor};
    /// let y = Tensor::new(&[0u32, 0, 1, 1], &Device::Cpu)?;
    /// let p = Tensor::new(&[[0f32], [2.], [1.], [5.]], &Device::Cpu)?;
    /// assert_eq!(keras_losses::triplet(&y, &p, 1., true)?.to_vec1::<f32>()?, [2., 2., 4., 2.]);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    triplet(margin: f64, hard: bool);
}
