//! Precision averaged over recall.

use keras_core::bail;
use keras_core::ops::Tensor;

use crate::class::metric_class;
use crate::confusion::Intake;
use crate::ranking::Ranking;
use crate::state::{ratio, scalar, vector, wide};

metric_class! {
    /// The precision at each distinct prediction, averaged by how much the recall rises there:
    /// `sum((recall_i - recall_(i-1)) precision_i)` from the highest prediction down, from 0 to 1. The share of yes among
    /// the targets is chance; 0 without any yes.
    ///
    /// Keeps every prediction of an epoch on the host and sorts them for a result. [`AUC`](crate::AUC) with
    /// [`Curve::Pr`](crate::Curve) needs memory for its thresholds alone.
    ///
    /// Not in Keras; scikit-learn's `average_precision_score`.
    ///
    /// # Shapes
    /// Targets (0 or not) and scores of any size, of one shape, or one of them with a last axis of 1 more. With a last axis
    /// of several, each column is a label. The result is a scalar, or without `average` `[labels]`.
    ///
    /// # Errors
    /// When the shapes differ, the number of labels changes, or the sample weights do not fit.
    ///
    /// # Examples
    /// ```
    /// use keras_core::Metric;
    /// use keras_metrics::AveragePrecision;
    /// use keras_ops::{Device, Tensor};
    /// let mut metric = AveragePrecision::new();
    /// let (y, p) = (Tensor::new(&[0f32, 0., 1., 1.], &Device::Cpu)?, Tensor::new(&[0.1f32, 0.4, 0.35, 0.8], &Device::Cpu)?);
    /// metric.update_state(&y, &p, None)?;
    /// // At 0.8 all of 1 is right and half is found; at 0.35, 2 of 3 and the other half.
    /// assert!((metric.result()?.to_scalar::<f32>()? - (0.5 + 0.5 * 2. / 3.)).abs() < 1e-6);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    AveragePrecision: "average_precision", ["average_precision"], "Precision averaged over recall.";
    {
        /// Over labels: `macro` is the mean, `weighted` that by how often a label is yes, `micro` takes all elements
        /// together; nothing gives each label's.
        average: Option<String> = Some("macro".to_owned());
    }
    state(made): Ranking = Ranking::new(made.average.as_deref() != Some("micro"), made.dtype);
    valid(metric) match metric.average.as_deref() {
        None | Some("micro" | "macro" | "weighted") => Ok(()),
        Some(other) => bail!("AveragePrecision: `average` must be micro, macro, weighted or nothing, got `{other}`"),
    };
    update(self, y_true, y_pred, weights) {
        let by_label = self.average.as_deref() != Some("micro");
        let column = |x: &Tensor| match (by_label, x.rank()) {
            (true, 1) => x.unsqueeze(1),
            _ => Ok(x.clone()),
        };
        let pair = (&column(y_true)?, &column(y_pred)?);
        if by_label && pair.1.rank() != 2 {
            bail!("average_precision: expected `y_pred` of shape [samples, labels], got {:?}", y_pred.dims());
        }
        let intake = Intake { by_label, ..Intake::default() };
        self.state.push("average_precision", intake, pair, weights)
    }
    result(self) {
        let labels = self.state.labels();
        let mut areas = Vec::with_capacity(labels);
        let mut found = Vec::with_capacity(labels);
        for label in 0..labels {
            let [tp, fp, _, fnn] = self.state.curve(label)?;
            let all = tp[0] + fnn[0];
            let step = |i: usize| ratio(tp[i] - tp[i + 1], all) * ratio(tp[i], tp[i] + fp[i]);
            areas.push((0..tp.len() - 1).map(step).sum::<f64>());
            found.push(all);
        }
        match self.average.as_deref() {
            None if labels != 1 => vector(areas, &[labels], wide(self.dtype)),
            Some("weighted") => {
                let total: f64 = areas.iter().zip(&found).map(|(a, w)| a * w).sum();
                scalar(ratio(total, found.iter().sum()), wide(self.dtype))
            }
            _ => scalar(ratio(areas.iter().sum(), labels as f64), wide(self.dtype)),
        }
    }
    {
        fn larger_is_better(&self) -> Option<bool> {
            Some(true)
        }
    }
}
