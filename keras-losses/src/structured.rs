//! Losses of sets, sequences, embeddings and noisy labels.

use keras_core::ops::{self, losses};
use keras_core::{Result, bail};

use crate::class::loss_class;
use crate::labels::check_labels;

loss_class! {
    /// `1 - 2 sum(y_true y_pred) / (sum(y_true) + sum(y_pred) + 1e-7)` over `axis`: how little two sets overlap.
    ///
    /// # Shapes
    /// Two of the same shape, to that without `axis` before reduction; without `axis`, one value for the whole batch.
    Dice: "dice", ["dice"],
    "How little two sets overlap.";
    {
        /// The axes of a set; `None` is all.
        axis: Option<Vec<i64>> = None;
    }
    call(self, y_true, y_pred) losses::dice(y_true, y_pred, self.axis.as_deref());
}

loss_class! {
    /// `1 - i / (i + alpha f + beta n + 1e-7)` over `axis`, where `i = sum(y_true y_pred)`,
    /// `f = sum(y_true (1 - y_pred))` and `n = sum(y_pred (1 - y_true))`; alpha = beta = 0.5 is [`Dice`].
    ///
    /// # Shapes
    /// Two of the same shape, to that without `axis` before reduction; without `axis`, one value for the whole batch.
    Tversky: "tversky", ["tversky"],
    "How little two sets overlap, with costs for each kind of error.";
    {
        /// The cost of `f`.
        alpha: f64 = 0.5;
        /// The cost of `n`.
        beta: f64 = 0.5;
        /// The axes of a set; `None` is all.
        axis: Option<Vec<i64>> = None;
    }
    call(self, y_true, y_pred) losses::tversky(y_true, y_pred, self.alpha, self.beta, self.axis.as_deref());
}

loss_class! {
    /// Pulls embeddings of one class together and others apart, over all pairs of a batch. Embeddings should have
    /// length 1. Samples whose loss is 0 don't count in the mean.
    ///
    /// # Shapes
    /// Class numbers `[batch]` or `[batch, 1]` and embeddings `[batch, d]`, to `[batch]` before reduction.
    Circle: "circle", ["circle"],
    "Embeddings: near within a class, far between.";
    {
        /// The scale of the terms.
        gamma: f64 = 80.;
        /// How near and how far.
        margin: f64 = 0.4;
        /// Whether a sample makes no pair with itself.
        remove_diagonal: bool = true;
    }
    call(self, y_true, y_pred) losses::circle(y_true, y_pred, self.gamma, self.margin, self.remove_diagonal);
    labels |_, _, _| Ok(());
    mask(self, _y_true, values) {
        let zero = ops::full_like(values, 0.)?;
        Ok(Some(ops::greater(&values.detach(), &zero)?))
    };
}

loss_class! {
    /// `-log` of the probability that the frames spell the labels, summed over all alignments. Class 0 is the blank;
    /// labels are padded with 0 at the end.
    ///
    /// # Shapes
    /// Class numbers `[batch, labels]` and logits `[batch, frames, classes]`, to `[batch]` before reduction.
    CTC: "ctc", ["ctc"],
    "Labels of a sequence without alignment.";
    {}
    call(self, y_true, y_pred) losses::ctc(y_true, y_pred);
    labels |loss, y_true, output| check_labels(&loss.name, y_true, output, -1, None);
}

loss_class! {
    /// `(1 - p[y_true]^q) / q`: bears wrong labels better than cross-entropy.
    ///
    /// # Shapes
    /// Class numbers `[batch, ..]` and probabilities `[batch, .., classes]`, to `[batch, ..]` before reduction.
    CategoricalGeneralizedCrossEntropy: "categorical_generalized_cross_entropy",
    ["categorical_generalized_cross_entropy"],
    "Between cross-entropy and absolute error, for noisy labels.";
    {
        /// Between 0 (cross-entropy) and 1 (absolute error).
        q: f64 = 0.5;
    }
    call(self, y_true, y_pred) losses::categorical_generalized_cross_entropy(y_true, y_pred, self.q);
    labels |loss, y_true, output| check_labels(&loss.name, y_true, output, -1, None);
    valid(loss) open_interval(loss.q);
}

fn open_interval(q: f64) -> Result<()> {
    if q > 0. && q < 1. {
        return Ok(());
    }
    bail!("CategoricalGeneralizedCrossEntropy: `q` must be between 0 and 1, both excluded; got {q}")
}
