//! How uncertain a language model is about the next token.

use keras_core::ops::losses;
use keras_core::ops::{Tensor, host};
use keras_core::{Result, bail};

use crate::class::metric_class;
use crate::functions::sparse_categorical_crossentropy;
use crate::state::{Running, scalar};
use crate::weights::Weights;

metric_class! {
    /// `exp` of the mean cross-entropy of class numbers: between how many equally likely tokens a language model is
    /// undecided. 1 is perfect; the number of classes is chance. 1 before any batch.
    ///
    /// Every position counts the same, in long and short sequences: the mean is over positions, not over samples as in
    /// [`SparseCategoricalCrossentropy`](crate::SparseCategoricalCrossentropy). Positions labelled `ignore_class` and
    /// those that a mask leaves out do not count.
    ///
    /// Not in Keras; KerasHub's `keras_hub.metrics.Perplexity` calls `ignore_class` `mask_token_id`.
    ///
    /// # Shapes
    /// Class numbers `[batch, ..]` or `[batch, .., 1]`, and `[batch, .., classes]`; weights `[batch]` or `[batch, ..]`.
    ///
    /// # Errors
    /// When the shapes do not fit, or a label is no class.
    ///
    /// # Examples
    /// ```
    /// use keras_core::Metric;
    /// use keras_metrics::Perplexity;
    /// use keras_ops::{Device, Tensor};
    /// let mut perplexity = Perplexity::new().ignore_class(Some(3));
    /// let y = Tensor::new(&[[0u32, 3], [1, 3]], &Device::Cpu)?;
    /// let p = Tensor::new(&[[[0.5f32, 0.3, 0.2], [1., 0., 0.]], [[0.8, 0.125, 0.075], [1., 0., 0.]]], &Device::Cpu)?;
    /// perplexity.update_state(&y, &p, None)?;
    /// // The geometric mean of 1 / 0.5 and 1 / 0.125.
    /// assert!((perplexity.result()?.to_scalar::<f32>()? - 4.).abs() < 1e-5);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    Perplexity: "perplexity", ["perplexity"], "Exponential of the mean cross-entropy of class numbers.";
    {
        /// Whether predictions are before the softmax.
        from_logits: bool = false;
        /// The label of positions that do not count.
        ignore_class: Option<i64> = None;
        /// The axis of the classes.
        axis: i64 = -1;
    }
    state(made): Running = Running::new(made.dtype);
    update(self, y_true, y_pred, weights) {
        let values = sparse_categorical_crossentropy(y_true, y_pred, self.from_logits, self.ignore_class, self.axis)?;
        let counted = match self.ignore_class {
            Some(class) => host::read(&losses::not_ignored(y_true, class)?, |m: &[u8]| Ok(Some(m.to_vec())))?,
            None => None,
        };
        let (total, count) = sums(&values, counted.as_deref(), weights)?;
        self.state.add_totals(total, count)
    }
    result(self) {
        scalar(self.state.mean()?.exp(), self.dtype)
    }
    {
        fn uses_mask(&self) -> bool {
            true
        }

        fn larger_is_better(&self) -> Option<bool> {
            Some(false)
        }
    }
}

/// The weighted sum of the values and the sum of the weights, over the positions that count.
fn sums(values: &Tensor, counted: Option<&[u8]>, weights: Option<&Tensor>) -> Result<(f64, f64)> {
    let dims = values.dims();
    if counted.is_some_and(|counted| counted.len() != values.elem_count()) {
        bail!("perplexity: expected one label for each of the positions {dims:?}");
    }
    let add = |v: &[f64], w: Option<&Weights<'_>>| {
        let weight = |i: usize| match counted {
            Some(counted) if counted[i] == 0 => 0.,
            _ => w.map_or(1., |w| w.of(i)),
        };
        v.iter().enumerate().fold((0., 0.), |(total, count), (i, v)| {
            (total + weight(i) * v, count + weight(i))
        })
    };
    host::read(values, |v: &[f64]| match weights {
        None => Ok(Ok(add(v, None))),
        Some(weights) => host::read(weights, |w: &[f32]| {
            Ok(Weights::new("perplexity", w, weights.dims(), dims).map(|w| add(v, Some(&w))))
        }),
    })?
}
