//! Connectionist temporal classification.

use keras_core::ops::losses;

use crate::class::loss_class;
use crate::labels::check_labels;

loss_class! {
    /// `-log` of the probability that the frames spell the labels, summed over all alignments. Class 0 is the blank;
    /// labels are padded with 0 at the end. Labels that no alignment can give have the loss 1e5.
    ///
    /// Source: Graves et al., "Connectionist Temporal Classification", 2006.
    ///
    /// # Shapes
    /// Class numbers `[batch, labels]` and logits `[batch, frames, classes]`, to `[batch]` before reduction.
    ///
    /// # Errors
    /// When the shapes do not fit, a label is not a class (found before the first step of a run) or weights do not
    /// fit.
    ///
    /// # Examples
    /// ```
    /// use keras_core::Loss;
    /// use keras_losses::CTC;
    /// use keras_ops::{Device, Tensor};
    /// let y = Tensor::new(&[[1u32]], &Device::Cpu)?;
    /// let p = Tensor::new(&[[[0.4f32.ln(), 0.6f32.ln()], [0.7f32.ln(), 0.3f32.ln()]]], &Device::Cpu)?;
    /// let loss: &dyn Loss = &CTC::default();
    /// // Label 1 in both frames, in the first, in the second: 0.18 + 0.42 + 0.12.
    /// assert!((loss.apply(&y, &p, None, None)?.to_scalar::<f32>()? + 0.72f32.ln()).abs() < 1e-5);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    CTC: "ctc", ["ctc"],
    "Labels of a sequence without alignment.", keras;
    {}
    call(self, y_true, y_pred) losses::ctc(y_true, y_pred);
    labels |loss, y_true, output| check_labels(&loss.name, y_true, output, -1, None);
}
