//! How far confidence is from being right.

use keras_core::ops::{Tensor, host};
use keras_core::weighting::squeeze_or_expand_to_same_rank;
use keras_core::{Result, bail};

use crate::class::metric_class;
use crate::labels::{largest, numbers};
use crate::state::{Slots, ratio, scalar};
use crate::weights::Weights;

metric_class! {
    /// The expected calibration error: how far the share of right decisions is from the confidence, on average over bins
    /// of confidence. 0 for a model whose predictions of 0.8 come true 8 times in 10; in units of probability.
    ///
    /// With the share `a_b`, the mean confidence `c_b` and the part of samples `w_b` of bin `b`: `l1` is
    /// `sum(w_b |a_b - c_b|)`, `l2` is `sqrt(sum(w_b (a_b - c_b)^2))` and `max` the largest `|a_b - c_b|`. 0 before any.
    ///
    /// Not in Keras; torchmetrics' `CalibrationError`. There predictions of exactly 1 have a bin of their own, here they
    /// belong to the last one.
    ///
    /// # Shapes
    /// For yes/no, targets 0 or 1 and probabilities of yes of one shape `[..]` or `[.., 1]`: the confidence is the
    /// probability, and right means yes. For several classes, class numbers or one-hot targets and probabilities
    /// `[.., classes]`: the confidence is the largest. The result is a scalar.
    ///
    /// # Errors
    /// When the shapes do not fit, a confidence is not within 0 and 1, or `norm` is unknown.
    ///
    /// # Examples
    /// ```
    /// use keras_core::Metric;
    /// use keras_metrics::CalibrationError;
    /// use keras_ops::{Device, Tensor};
    /// let (y, p) = (Tensor::new(&[0u32, 1, 1, 1], &Device::Cpu)?, Tensor::new(&[0.1f32, 0.3, 0.8, 0.9], &Device::Cpu)?);
    /// let mut error = CalibrationError::new().num_bins(2);
    /// error.update_state(&y, &p, None)?;
    /// // Below 0.5: 1 of 2 at a confidence of 0.2; above: 2 of 2 at 0.85.
    /// assert!((error.result()?.to_scalar::<f32>()? - (0.3 + 0.15) / 2.).abs() < 1e-6);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    CalibrationError: "calibration_error", ["calibration_error", "ece"], "Expected calibration error.";
    {
        /// How many bins of equal width.
        num_bins: usize = 15;
        /// `l1`, `l2` or `max`.
        norm: String = "l1".to_owned();
    }
    state(made): Slots = Slots::fixed(&["confidence", "right", "count"], &[*made.num_bins], made.dtype);
    valid(metric) metric.arguments();
    update(self, y_true, y_pred, weights) {
        let (confidence, right, dims) = decisions(y_true, y_pred)?;
        let bins = self.num_bins;
        let mut sums = [vec![0f64; bins], vec![0f64; bins], vec![0f64; bins]];
        let mut add = |w: Option<&Weights<'_>>| {
            for (i, (c, right)) in confidence.iter().zip(&right).enumerate() {
                if !(0. ..=1.).contains(c) {
                    bail!("calibration_error: prediction {i} is {c}; expected probabilities within 0 and 1");
                }
                let bin = ((c * bins as f32) as usize).min(bins - 1);
                let w = w.map_or(1., |w| w.of(i));
                sums[0][bin] += f64::from(*c) * w;
                sums[1][bin] += f64::from(u8::from(*right)) * w;
                sums[2][bin] += w;
            }
            Ok(())
        };
        match weights {
            None => add(None)?,
            Some(weights) => host::read(weights, |w: &[f32]| {
                let fits = Weights::new("calibration_error", w, weights.dims(), &dims);
                Ok(fits.and_then(|w| add(Some(&w))))
            })??,
        }
        self.state.add(&[&sums[0], &sums[1], &sums[2]])
    }
    result(self) {
        let [confidence, right, count] = self.state.read()?;
        let total: f64 = count.iter().sum();
        let bins = (0..count.len()).map(|b| {
            let gap = (ratio(right[b], count[b]) - ratio(confidence[b], count[b])).abs();
            (ratio(count[b], total), gap)
        });
        let error = match self.norm.as_str() {
            "max" => bins.map(|(_, gap)| gap).fold(0., f64::max),
            "l2" => bins.map(|(part, gap)| part * gap * gap).sum::<f64>().sqrt(),
            _ => bins.map(|(part, gap)| part * gap).sum(),
        };
        scalar(error, self.dtype)
    }
    {
        fn larger_is_better(&self) -> Option<bool> {
            Some(false)
        }
    }
}

impl CalibrationError {
    fn arguments(&self) -> Result<()> {
        if self.num_bins == 0 {
            bail!("CalibrationError: `num_bins` must be 1 or more, got 0");
        }
        match self.norm.as_str() {
            "l1" | "l2" | "max" => Ok(()),
            other => bail!("CalibrationError: `norm` must be l1, l2 or max, got `{other}`"),
        }
    }
}

/// The confidence of each decision, whether it was right, and the shape of both.
fn decisions(y_true: &Tensor, y_pred: &Tensor) -> Result<(Vec<f32>, Vec<bool>, Vec<usize>)> {
    match y_pred.dims() {
        [outer @ .., classes] if !outer.is_empty() && *classes > 1 => {
            let truth = match y_true.dims() {
                dims if dims == y_pred.dims() => largest(y_true)?,
                dims if dims == outer || dims.strip_suffix(&[1]) == Some(outer) => numbers(y_true)?,
                dims => bail!(
                    "calibration_error: `y_true` has shape {dims:?}, `y_pred` {:?}; expected one class number for each row",
                    y_pred.dims()
                ),
            };
            let found = largest(y_pred)?;
            let confidence = host::read(y_pred, |p: &[f32]| {
                let rows = p.chunks_exact(*classes).zip(&found);
                Ok(rows.map(|(row, at)| row[*at as usize]).collect())
            })?;
            let right = truth.iter().zip(&found).map(|(t, p)| t == p).collect();
            Ok((confidence, right, outer.to_vec()))
        }
        _ => {
            let (y_true, y_pred) = squeeze_or_expand_to_same_rank(y_true, y_pred)?;
            crate::functions::same_shape("calibration_error", &y_true, &y_pred)?;
            let confidence = host::read(&y_pred, |p: &[f32]| Ok(p.to_vec()))?;
            let right = host::read(&y_true, |t: &[f32]| Ok(t.iter().map(|t| *t != 0.).collect()))?;
            Ok((confidence, right, y_true.dims().to_vec()))
        }
    }
}
