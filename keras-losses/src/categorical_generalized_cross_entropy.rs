//! Between cross-entropy and absolute error.

use keras_core::ops::losses;

use crate::class::loss_class;
use crate::labels::check_labels;
use crate::pointwise::within_unit;

loss_class! {
    /// `(1 - p[y_true]^q) / q`, where `p[y_true]` is the probability given to the right class: bears wrong labels
    /// better than cross-entropy.
    ///
    /// Source: Zhang and Sabuncu, "Generalized Cross Entropy Loss for Training Deep Neural Networks with Noisy
    /// Labels", 2018.
    ///
    /// # Shapes
    /// Class numbers `[batch, ..]` or `[batch, .., 1]` and probabilities `[batch, .., classes]`, to `[batch, ..]`
    /// before reduction.
    ///
    /// # Errors
    /// When `q` is not between 0 and 1, the shapes do not fit, a label is not a class (found before the first step of
    /// a run) or weights do not fit.
    ///
    /// # Differs from Keras
    /// Labels `[batch, 1]` give one value for each; in Keras one for each pair. The gradient at a probability of 0 is
    /// that of 1e-7, not infinite.
    ///
    /// # Examples
    /// ```
    /// use keras_core::Loss;
    /// use keras_losses::CategoricalGeneralizedCrossEntropy;
    /// use keras_ops::{Device, Tensor};
    /// let (y, p) = (Tensor::new(&[0u32], &Device::Cpu)?, Tensor::new(&[[0.25f32, 0.75]], &Device::Cpu)?);
    /// let loss: &dyn Loss = &CategoricalGeneralizedCrossEntropy::default();
    /// assert_eq!(loss.apply(&y, &p, None, None)?.to_scalar::<f32>()?, 1.); // (1 - 0.5) / 0.5
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    CategoricalGeneralizedCrossEntropy: "categorical_generalized_cross_entropy",
    ["categorical_generalized_cross_entropy"],
    "Between cross-entropy and absolute error, for noisy labels.", keras;
    {
        /// Between 0 (cross-entropy) and 1 (absolute error).
        q: f64 = 0.5;
    }
    call(self, y_true, y_pred) losses::categorical_generalized_cross_entropy(y_true, y_pred, self.q);
    labels |loss, y_true, output| check_labels(&loss.name, y_true, output, -1, None);
    valid(loss) within_unit("CategoricalGeneralizedCrossEntropy", "q", loss.q);
}
