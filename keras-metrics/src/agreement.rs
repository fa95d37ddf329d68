//! How well decisions among classes agree with the targets, beyond chance.

use keras_core::bail;

use crate::class::metric_class;
use crate::matrix::matrix_metric;
use crate::state::{ratio, scalar};

matrix_metric! {
    /// The correlation of decisions and targets, from -1 to 1; 0 for chance, also when all are decided alike:
    /// `(s c - sum(t p)) / sqrt((s^2 - sum(p^2)) (s^2 - sum(t^2)))`, with `c` of `s` samples right, `t` by class and `p` by
    /// decision.
    ///
    /// Not in Keras; scikit-learn's `matthews_corrcoef`.
    ///
    /// # Shapes
    /// Class numbers `[..]` or one-hot targets, and scores `[.., classes]`, of which the largest decides; or for two classes
    /// probabilities `[..]` or `[.., 1]`; or class numbers. The result is a scalar.
    ///
    /// # Errors
    /// When the shapes do not fit, a class number is out of range, or the number of classes changes.
    ///
    /// # Examples
    /// ```
    /// use keras_core::Metric;
    /// use keras_metrics::MatthewsCorrelation;
    /// use keras_ops::{Device, Tensor};
    /// let mut metric = MatthewsCorrelation::new();
    /// let (y, p) = (Tensor::new(&[1u32, 1, 1, 0], &Device::Cpu)?, Tensor::new(&[0.9f32, 0.2, 0.8, 0.7], &Device::Cpu)?);
    /// metric.update_state(&y, &p, None)?;
    /// // (tp tn - fp fn) / sqrt((tp + fp) (tp + fn) (tn + fp) (tn + fn)) = (0 - 1) / sqrt(3 * 3 * 1 * 1)
    /// assert!((metric.result()?.to_scalar::<f32>()? + 1. / 3.).abs() < 1e-6);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    MatthewsCorrelation: "matthews_correlation", ["matthews_correlation", "mcc"],
    "Correlation of decisions and targets.", Some(true);
    {}
    result(self) {
        let sums = self.state.sums()?;
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let (total, right) = (sums.total, sums.right.iter().sum::<f64>());
        let covariance = right * total - dot(&sums.truth, &sums.found);
        let of_truth = total * total - dot(&sums.truth, &sums.truth);
        let of_found = total * total - dot(&sums.found, &sums.found);
        scalar(ratio(covariance, (of_truth * of_found).sqrt()), self.dtype)
    }
    {}
}

matrix_metric! {
    /// The agreement of decisions and targets beyond chance, at most 1; 0 for chance:
    /// `1 - sum(w o) / sum(w e)`, with the observed matrix `o`, the matrix `e` that chance would give, and the weights `w` of
    /// disagreements. NaN when all are decided alike and right.
    ///
    /// Not in Keras; scikit-learn's `cohen_kappa_score`.
    ///
    /// # Shapes
    /// Class numbers `[..]` or one-hot targets, and scores `[.., classes]`, of which the largest decides; or for two classes
    /// probabilities `[..]` or `[.., 1]`; or class numbers. The result is a scalar.
    ///
    /// # Errors
    /// When the shapes do not fit, a class number is out of range, the number of classes changes, or `weights` is unknown.
    ///
    /// # Examples
    /// ```
    /// use keras_core::Metric;
    /// use keras_metrics::CohenKappa;
    /// use keras_ops::{Device, Tensor};
    /// let mut kappa = CohenKappa::new();
    /// let y = Tensor::new(&[0u32, 0, 1, 1], &Device::Cpu)?;
    /// let p = Tensor::new(&[[0.9f32, 0.1], [0.2, 0.8], [0.3, 0.7], [0.4, 0.6]], &Device::Cpu)?;
    /// kappa.update_state(&y, &p, None)?;
    /// assert_eq!(kappa.result()?.to_scalar::<f32>()?, 0.5); // 3/4 agree, 1/2 by chance
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    CohenKappa: "cohen_kappa", ["cohen_kappa"], "Agreement beyond chance.", Some(true);
    {
        /// How a disagreement weighs by the distance `d` of the classes: `linear` by `d`, `quadratic` by `d^2`; nothing
        /// weighs all alike.
        weights: Option<String> = None;
    }
    valid(metric) match metric.weights.as_deref() {
        None | Some("linear" | "quadratic") => Ok(()),
        Some(other) => bail!("CohenKappa: `weights` must be linear, quadratic or nothing, got `{other}`"),
    };
    result(self) {
        let (counts, sums, n) = (self.state.read()?, self.state.sums()?, self.state.number());
        let weight = |i: usize, j: usize| match self.weights.as_deref() {
            Some("linear") => i.abs_diff(j) as f64,
            Some(_) => (i.abs_diff(j) as f64).powi(2),
            None => f64::from(u8::from(i != j)),
        };
        let (mut observed, mut expected) = (0., 0.);
        for i in 0..n {
            for j in 0..n {
                observed += weight(i, j) * counts[i * n + j];
                expected += weight(i, j) * sums.truth[i] * sums.found[j] / sums.total;
            }
        }
        scalar(1. - observed / expected, self.dtype)
    }
    {}
}

matrix_metric! {
    /// The mean over the classes that occur of the share decided right, from 0 to 1: accuracy where every class counts the
    /// same, however rare. With `adjusted`, chance is 0: `(score - 1/n) / (1 - 1/n)` for `n` classes. NaN before any.
    ///
    /// Not in Keras; scikit-learn's `balanced_accuracy_score`.
    ///
    /// # Shapes
    /// Class numbers `[..]` or one-hot targets, and scores `[.., classes]`, of which the largest decides; or for two classes
    /// probabilities `[..]` or `[.., 1]`; or class numbers. The result is a scalar.
    ///
    /// # Errors
    /// When the shapes do not fit, a class number is out of range, or the number of classes changes.
    ///
    /// # Examples
    /// ```
    /// use keras_core::Metric;
    /// use keras_metrics::BalancedAccuracy;
    /// use keras_ops::{Device, Tensor};
    /// let mut metric = BalancedAccuracy::new();
    /// let (y, p) = (Tensor::new(&[1u32, 0, 0, 0], &Device::Cpu)?, Tensor::new(&[0.4f32, 0.2, 0.1, 0.3], &Device::Cpu)?);
    /// metric.update_state(&y, &p, None)?;
    /// assert_eq!(metric.result()?.to_scalar::<f32>()?, 0.5); // none of class 1, all of class 0
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    BalancedAccuracy: "balanced_accuracy", ["balanced_accuracy"], "Mean over classes of the share decided right.",
    Some(true);
    {
        /// Whether chance is 0.
        adjusted: bool = false;
    }
    result(self) {
        let sums = self.state.sums()?;
        let occurs = sums.right.iter().zip(&sums.truth).filter(|(_, all)| **all != 0.);
        let shares: Vec<f64> = occurs.map(|(right, all)| right / all).collect();
        let score = shares.iter().sum::<f64>() / shares.len() as f64;
        let chance = 1. / shares.len() as f64;
        let score = if self.adjusted { (score - chance) / (1. - chance) } else { score };
        scalar(score, self.dtype)
    }
    {}
}
