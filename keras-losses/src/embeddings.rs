//! Losses of embeddings among the others of their batch.

use keras_core::ops::{self, losses};
use keras_core::{Result, bail};

use crate::Mining;
use crate::class::loss_class;

loss_class! {
    /// Pulls embeddings of one class together and others apart, over all pairs of a batch:
    /// `softplus(log sum e^(gamma wn sn) + log sum e^(-gamma wp sp))` for each sample, where `d = max(1 - cos, 0)`,
    /// `wn = max(1 + margin - d, 0)` and `sn = 1 - margin - d` for samples of other classes, `wp = max(margin + d, 0)`
    /// and `sp = margin - d` for those of the same.
    ///
    /// Embeddings should have length 1, as a `UnitNormalization` layer makes them. Samples whose loss is 0 do not count
    /// in the mean.
    ///
    /// Source: Sun et al., "Circle Loss: A Unified Perspective of Pair Similarity Optimization", 2020.
    ///
    /// # Shapes
    /// Class numbers `[batch]` or `[batch, 1]` and embeddings `[batch, d]`, to `[batch]` before reduction.
    ///
    /// # Errors
    /// When the shapes or weights do not fit.
    ///
    /// # Examples
    /// ```
    /// use keras_core::Loss;
    /// use keras_losses::Circle;
    /// use keras_ops::{Device, Tensor};
    /// let y = Tensor::new(&[0u32, 0, 1], &Device::Cpu)?;
    /// let p = Tensor::new(&[[1f32, 0.], [1., 0.], [0., 1.]], &Device::Cpu)?; // d = 0 to the like, 1 to the other
    /// let loss: &dyn Loss = &Circle { gamma: 2., margin: 0.5, ..Circle::default() };
    /// // -2 (0.5 + 0)(0.5 - 0) + 2 (1.5 - 1)(0.5 - 1) = -1 for the first two; the third has no like and is left out.
    /// let expected = (1. + (-1f32).exp()).ln();
    /// assert!((loss.apply(&y, &p, None, None)?.to_scalar::<f32>()? - expected).abs() < 1e-6);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    Circle: "circle", ["circle"],
    "Embeddings: near within a class, far between.", keras;
    {
        /// The scale of the terms.
        gamma: f64 = 80.;
        /// How near and how far.
        margin: f64 = 0.4;
        /// Whether a sample makes no pair with itself.
        remove_diagonal: bool = true;
    }
    call(self, y_true, y_pred)
        losses::circle(y_true, y_pred, None, None, self.remove_diagonal, self.gamma, self.margin);
    labels |_, _, _| Ok(());
    mask(self, _y_true, values) {
        let zero = ops::full_like(values, 0.)?;
        Ok(Some(ops::greater(&values.detach(), &zero)?))
    };
}

loss_class! {
    /// Pulls embeddings of one class together and pushes others `margin` apart: for each sample the mean over all
    /// others of the batch of `d^2` where the classes are equal and `max(margin - d, 0)^2` where they differ; `d` is
    /// the distance.
    ///
    /// Source: Hadsell, Chopra and LeCun, "Dimensionality Reduction by Learning an Invariant Mapping", 2006, without
    /// the factor 1/2.
    ///
    /// # Shapes
    /// Class numbers `[batch]` or `[batch, 1]` and embeddings `[batch, d]`, to `[batch]` before reduction.
    ///
    /// # Errors
    /// When the margin is not positive, or the shapes or weights do not fit.
    ///
    /// # Examples
    /// ```
    /// use keras_core::{Loss, Reduction};
    /// use keras_losses::Contrastive;
    /// use keras_ops::{Device, Tensor};
    /// let y = Tensor::new(&[0u32, 0, 1], &Device::Cpu)?;
    /// let p = Tensor::new(&[[0f32, 0.], [3., 4.], [0., 1.]], &Device::Cpu)?;
    /// let loss: &dyn Loss = &Contrastive { margin: 2., reduction: Reduction::None, ..Contrastive::default() };
    /// // The first is 5 from its like and 1 from the other: (25 + (2 - 1)^2) / 2.
    /// assert_eq!(loss.apply(&y, &p, None, None)?.to_vec1::<f32>()?, [13., 12.5, 0.5]);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    Contrastive: "contrastive", ["contrastive"],
    "Embeddings: near within a class, a margin apart between.", own;
    {
        /// How far apart embeddings of different classes are to be.
        margin: f64 = 1.;
    }
    call(self, y_true, y_pred) losses::contrastive(y_true, y_pred, self.margin);
    labels |_, _, _| Ok(());
    valid(loss) positive("Contrastive", "margin", loss.margin);
}

loss_class! {
    /// Tells a sample's class mates from all others of the batch: for each sample the mean over its class mates of
    /// `-log(e^(cos / temperature) / sum e^(cos / temperature))`, the sum being over all others; `cos` is the cosine of
    /// the two embeddings. Samples without a class mate do not count in the mean.
    ///
    /// Source: Khosla et al., "Supervised Contrastive Learning", 2020, equation 2.
    ///
    /// # Shapes
    /// Class numbers `[batch]` or `[batch, 1]` and embeddings `[batch, d]`, to `[batch]` before reduction.
    ///
    /// # Errors
    /// When the temperature is not positive, or the shapes or weights do not fit.
    ///
    /// # Examples
    /// ```
    /// use keras_core::Loss;
    /// use keras_losses::SupervisedContrastive;
    /// use keras_ops::{Device, Tensor};
    /// let y = Tensor::new(&[0u32, 0, 1], &Device::Cpu)?;
    /// let p = Tensor::new(&[[2f32, 0.], [1., 0.], [0., 3.]], &Device::Cpu)?; // cosines 1 and 0
    /// let loss: &dyn Loss = &SupervisedContrastive { temperature: 0.5, ..Default::default() };
    /// let expected = (1. + (-2f32).exp()).ln();
    /// assert!((loss.apply(&y, &p, None, None)?.to_scalar::<f32>()? - expected).abs() < 1e-6);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    SupervisedContrastive: "supervised_contrastive", ["supervised_contrastive", "sup_con"],
    "Embeddings: class mates found among the batch.", own;
    {
        /// What cosines are divided by: the smaller, the more the nearest count.
        temperature: f64 = 0.1;
    }
    call(self, y_true, y_pred) losses::supervised_contrastive(y_true, y_pred, self.temperature);
    labels |_, _, _| Ok(());
    mask(self, y_true, values) Ok(Some(losses::has_peers(y_true, false)?.reshape(values.shape())?));
    valid(loss) positive("SupervisedContrastive", "temperature", loss.temperature);
}

loss_class! {
    /// Keeps a sample nearer to its class mates than to others, by `margin`: `max(d(mate) - d(other) + margin, 0)`,
    /// `d` being the distance of embeddings. [`Mining`] says which are set against each other. Samples without a class
    /// mate, or without another class in the batch, do not count in the mean.
    ///
    /// Sources: Schroff, Kalenichenko and Philbin, "FaceNet", 2015 (semi-hard); Hermans, Beyer and Leibe, "In Defense
    /// of the Triplet Loss for Person Re-Identification", 2017 (hard).
    ///
    /// # Shapes
    /// Class numbers `[batch]` or `[batch, 1]` and embeddings `[batch, d]`, to `[batch]` before reduction.
    ///
    /// # Errors
    /// When the margin is not positive, or the shapes or weights do not fit.
    ///
    /// # Examples
    /// ```
    /// use keras_core::{Loss, Reduction};
    /// use keras_losses::{Mining, Triplet};
    /// use keras_ops::{Device, Tensor};
    /// let y = Tensor::new(&[0u32, 0, 1, 1], &Device::Cpu)?;
    /// let p = Tensor::new(&[[0f32], [2.], [1.], [5.]], &Device::Cpu)?;
    /// let loss: &dyn Loss = &Triplet { reduction: Reduction::None, ..Triplet::default() };
    /// // The first: its mate is at 2; of the others, at 1 and 5, 5 is the nearest beyond. The third: none is beyond 4.
    /// assert_eq!(loss.apply(&y, &p, None, None)?.to_vec1::<f32>()?, [0., 0., 4., 0.]);
    /// let hard: &dyn Loss = &Triplet { mining: Mining::Hard, ..Triplet::default() };
    /// assert_eq!(hard.apply(&y, &p, None, None)?.to_scalar::<f32>()?, 2.5); // 2, 2, 4, 2
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    Triplet: "triplet", ["triplet"],
    "Embeddings: nearer to class mates than to others.", own;
    {
        /// By how much nearer.
        margin: f64 = 1.;
        /// Which pairs are set against each other.
        mining: Mining = Mining::SemiHard;
    }
    call(self, y_true, y_pred)
        losses::triplet(y_true, y_pred, self.margin, self.mining == Mining::Hard);
    labels |_, _, _| Ok(());
    mask(self, y_true, values) Ok(Some(losses::has_peers(y_true, true)?.reshape(values.shape())?));
    valid(loss) positive("Triplet", "margin", loss.margin);
}

loss_class! {
    /// Each prediction is to find its own target among those of the batch:
    /// `-log(e^(cos_ii / temperature) / sum_j e^(cos_ij / temperature))`, `cos_ij` being the cosine of prediction `i`
    /// and target `j`. With `symmetric`, the mean of that and of each target finding its prediction, as CLIP has it.
    ///
    /// Sources: van den Oord, Li and Vinyals, "Representation Learning with Contrastive Predictive Coding", 2018;
    /// Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", 2021.
    ///
    /// # Shapes
    /// Embeddings `[batch, d]` twice, to `[batch]` before reduction.
    ///
    /// # Errors
    /// When the temperature is not positive, or the shapes or weights do not fit.
    ///
    /// # Examples
    /// ```
    /// use keras_core::Loss;
    /// use keras_losses::InfoNCE;
    /// use keras_ops::{Device, Tensor};
    /// let y = Tensor::new(&[[1f32, 0.], [0., 1.]], &Device::Cpu)?;
    /// let p = Tensor::new(&[[2f32, 0.], [0., 3.]], &Device::Cpu)?; // cosines 1 and 0
    /// let loss: &dyn Loss = &InfoNCE { temperature: 0.5, ..InfoNCE::default() };
    /// let expected = (1. + (-2f32).exp()).ln();
    /// assert!((loss.apply(&y, &p, None, None)?.to_scalar::<f32>()? - expected).abs() < 1e-6);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    InfoNCE: "info_nce", ["info_nce"],
    "Embeddings: each finds its own target among the batch.", own;
    {
        /// What cosines are divided by: the smaller, the more the nearest count.
        temperature: f64 = 0.1;
        /// Whether targets find their predictions, too.
        symmetric: bool = false;
    }
    call(self, y_true, y_pred) losses::info_nce(y_true, y_pred, self.temperature, self.symmetric);
    valid(loss) positive("InfoNCE", "temperature", loss.temperature);
}

fn positive(class: &str, argument: &str, value: f64) -> Result<()> {
    if value > 0. && value.is_finite() {
        return Ok(());
    }
    bail!("{class}: `{argument}` must be a finite number greater than 0, got {value}")
}
