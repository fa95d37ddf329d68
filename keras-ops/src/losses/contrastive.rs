//! Losses between the embeddings of one batch by their labels: contrastive, supervised contrastive, triplet.

use candle_core::{Result, Tensor};

use super::neighbours::{Kin, Labels, Neighbours, over, squared_distances};
use crate::{EPSILON, host};

/// The derivative of a distance by its square; a distance of 0 has none.
fn by_square(distance: f64) -> f64 {
    if distance > 0. { 0.5 / distance } else { 0. }
}

#[derive(Clone, Copy)]
struct Contrastive {
    margin: f64,
}

impl Neighbours for Contrastive {
    const NAME: &'static str = "contrastive";

    fn sample(self, kin: &[Kin], s: &[f64], mut d: Option<&mut [f64]>) -> f64 {
        let pairs = kin.iter().filter(|kin| **kin != Kin::Own).count();
        if pairs == 0 {
            return 0.;
        }
        let (share, mut total) = (1. / pairs as f64, 0.);
        for (j, (kin, square)) in kin.iter().zip(s).enumerate() {
            let (value, slope) = match kin {
                Kin::Own => continue,
                Kin::Same => (*square, 1.),
                Kin::Other => {
                    let distance = square.sqrt();
                    let short = (self.margin - distance).max(0.);
                    (short * short, -2. * short * by_square(distance))
                }
            };
            total += value;
            if let Some(d) = d.as_deref_mut() {
                d[j] = share * slope;
            }
        }
        share * total
    }
}

/// For each sample the mean over all others of the batch of `d^2` where the labels are equal and
/// `max(margin - d, 0)^2` where they differ; `d` is the distance of the embeddings.
///
/// Source: Hadsell, Chopra and LeCun, "Dimensionality Reduction by Learning an Invariant Mapping", 2006, without the
/// factor 1/2.
///
/// # Shapes
/// Class numbers `[n]` or `[n, 1]` and embeddings `[n, d]` to `[n]`.
///
/// # Errors
/// When the shapes do not fit.
///
/// ```
/// use keras_ops::{Device, Tensor, losses};
/// let y = Tensor::new(&[0u32, 0, 1], &Device::Cpu)?;
/// let p = Tensor::new(&[[0f32, 0.], [3., 4.], [0., 1.]], &Device::Cpu)?;
/// // Sample 0: 25 to its like, (2 - 1)^2 to the other.
/// assert_eq!(losses::contrastive(&y, &p, 2.)?.to_vec1::<f32>()?, [13., 12.5, 0.5]);
/// # Ok::<(), keras_ops::Error>(())
/// ```
pub fn contrastive(y_true: &Tensor, y_pred: &Tensor, margin: f64) -> Result<Tensor> {
    let labels = Labels::new(Contrastive::NAME, y_true, y_pred)?;
    over(
        Contrastive { margin },
        labels,
        &squared_distances(Contrastive::NAME, y_pred)?,
    )
}

#[derive(Clone, Copy)]
struct Triplet {
    margin: f64,
    hard: bool,
}

/// The place and distance of a reference.
type Place = (usize, f64);

impl Triplet {
    /// The negative that a positive at the distance `positive` is set against; `negatives` are sorted by distance.
    fn rival(self, positive: f64, negatives: &[Place]) -> Option<Place> {
        if self.hard {
            return negatives.first().copied();
        }
        let farther = negatives.partition_point(|(_, distance)| *distance <= positive);
        negatives.get(farther).or(negatives.last()).copied()
    }
}

impl Neighbours for Triplet {
    const NAME: &'static str = "triplet";

    fn sample(self, kin: &[Kin], s: &[f64], mut d: Option<&mut [f64]>) -> f64 {
        let of = |wanted: Kin| -> Vec<Place> {
            let places = kin
                .iter()
                .zip(s)
                .enumerate()
                .filter(|(_, (kin, _))| **kin == wanted);
            places.map(|(j, (_, square))| (j, square.sqrt())).collect()
        };
        let (mut positives, mut negatives) = (of(Kin::Same), of(Kin::Other));
        negatives.sort_by(|a, b| a.1.total_cmp(&b.1));
        if self.hard {
            let farthest = positives
                .iter()
                .copied()
                .reduce(|a, b| if b.1 > a.1 { b } else { a });
            positives = farthest.into_iter().collect();
        }
        let share = 1. / positives.len().max(1) as f64;
        let mut total = 0.;
        for (p, near) in positives {
            let Some((n, far)) = self.rival(near, &negatives) else {
                return 0.;
            };
            let value = near - far + self.margin;
            if value > 0. {
                total += value;
                if let Some(d) = d.as_deref_mut() {
                    d[p] += share * by_square(near);
                    d[n] -= share * by_square(far);
                }
            }
        }
        share * total
    }
}

/// For each sample `max(d(positive) - d(negative) + margin, 0)`, where `d` is the distance to another sample of the
/// batch, positives have the same label and negatives another.
///
/// With `hard` it is the farthest positive against the nearest negative (Hermans, Beyer and Leibe, "In Defense of the
/// Triplet Loss", 2017). Else it is the mean over all positives, each against its semi-hard negative: the nearest one
/// that is farther than the positive, or the farthest of all if none is (Schroff, Kalenichenko and Philbin,
/// "FaceNet", 2015). Samples without a positive or a negative have the value 0.
///
/// # Shapes
/// Class numbers `[n]` or `[n, 1]` and embeddings `[n, d]` to `[n]`.
///
/// # Errors
/// When the shapes do not fit.
///
/// ```
/// use keras_ops::{Device, Tensor, losses};
/// let y = Tensor::new(&[0u32, 0, 1, 1], &Device::Cpu)?;
/// let p = Tensor::new(&[[0f32], [2.], [1.], [5.]], &Device::Cpu)?;
/// // Sample 0: positive at 2, negatives at 1 and 5.
/// assert_eq!(losses::triplet(&y, &p, 1., true)?.to_vec1::<f32>()?, [2., 2., 4., 2.]);
/// assert_eq!(losses::triplet(&y, &p, 1., false)?.to_vec1::<f32>()?, [0., 0., 4., 0.]);
/// # Ok::<(), keras_ops::Error>(())
/// ```
pub fn triplet(y_true: &Tensor, y_pred: &Tensor, margin: f64, hard: bool) -> Result<Tensor> {
    let labels = Labels::new(Triplet::NAME, y_true, y_pred)?;
    over(
        Triplet { margin, hard },
        labels,
        &squared_distances(Triplet::NAME, y_pred)?,
    )
}

#[derive(Clone, Copy)]
struct Supervised;

impl Neighbours for Supervised {
    const NAME: &'static str = "supervised_contrastive";

    fn sample(self, kin: &[Kin], s: &[f64], d: Option<&mut [f64]>) -> f64 {
        let others = || kin.iter().zip(s).filter(|(kin, _)| **kin != Kin::Own);
        let (mut positives, mut sum) = (0usize, 0.);
        for (_, s) in others().filter(|(kin, _)| **kin == Kin::Same) {
            positives += 1;
            sum += s;
        }
        if positives == 0 {
            return 0.;
        }
        let share = 1. / positives as f64;
        let shift = others().fold(f64::NEG_INFINITY, |shift, (_, s)| shift.max(*s));
        let norm = shift + others().map(|(_, s)| (s - shift).exp()).sum::<f64>().ln();
        if let Some(d) = d {
            for ((d, kin), s) in d.iter_mut().zip(kin).zip(s) {
                *d = match kin {
                    Kin::Own => 0.,
                    Kin::Same => (s - norm).exp() - share,
                    Kin::Other => (s - norm).exp(),
                };
            }
        }
        norm - share * sum
    }
}

/// For each sample the mean over its positives of `-log(e^(cos / temperature) / sum e^(cos / temperature))`, the sum
/// being over all other samples of the batch; positives have the same label. Samples without a positive have the
/// value 0.
///
/// Source: Khosla et al., "Supervised Contrastive Learning", 2020, equation 2.
///
/// # Shapes
/// Class numbers `[n]` or `[n, 1]` and embeddings `[n, d]` to `[n]`.
///
/// # Errors
/// When the shapes do not fit.
///
/// ```
/// use keras_ops::{Device, Tensor, losses};
/// let y = Tensor::new(&[0u32, 0, 1], &Device::Cpu)?;
/// let p = Tensor::new(&[[2f64, 0.], [1., 0.], [0., 3.]], &Device::Cpu)?; // cosines 1 and 0
/// let loss = losses::supervised_contrastive(&y, &p, 0.5)?.to_vec1::<f64>()?;
/// assert!((loss[0] - (1. + (-2f64).exp()).ln()).abs() < 1e-12 && loss[2] == 0.);
/// # Ok::<(), keras_ops::Error>(())
/// ```
pub fn supervised_contrastive(y_true: &Tensor, y_pred: &Tensor, temperature: f64) -> Result<Tensor> {
    const OP: &str = Supervised::NAME;
    let labels = Labels::new(OP, y_true, y_pred)?;
    let similarities = host::within(OP, || cosines(y_pred, y_pred, temperature))?;
    over(Supervised, labels, &similarities)
}

/// The cosines of all rows of `a` to all of `b`, divided by the temperature.
fn cosines(a: &Tensor, b: &Tensor, temperature: f64) -> Result<Tensor> {
    let unit = |x: &Tensor| crate::normalize(x, -1, 2, EPSILON);
    let a = crate::mul_scalar(&unit(a)?, 1. / temperature)?;
    crate::matmul(&a, &crate::transpose(&unit(b)?, &[1, 0])?)
}

/// For each row `-log(e^(cos_ii / temperature) / sum_j e^(cos_ij / temperature))`, where `cos_ij` is the cosine of
/// prediction `i` and target `j`: each prediction is to find its own target among those of the batch. `symmetric`
/// takes the mean with the same the other way, each target finding its prediction.
///
/// Source: van den Oord, Li and Vinyals, "Representation Learning with Contrastive Predictive Coding", 2018; symmetric
/// as in Radford et al., "Learning Transferable Visual Models From Natural Language Supervision" (CLIP), 2021.
///
/// # Shapes
/// `[n, d]` and `[n, d]` to `[n]`.
///
/// # Errors
/// When the shapes differ or are not of this form.
///
/// ```
/// use keras_ops::{Device, Tensor, losses};
/// let y = Tensor::new(&[[1f64, 0.], [0., 1.]], &Device::Cpu)?;
/// let p = Tensor::new(&[[2f64, 0.], [0., 3.]], &Device::Cpu)?;
/// let loss = losses::info_nce(&y, &p, 0.5, false)?.to_vec1::<f64>()?;
/// assert!((loss[0] - (1. + (-2f64).exp()).ln()).abs() < 1e-12);
/// # Ok::<(), keras_ops::Error>(())
/// ```
pub fn info_nce(y_true: &Tensor, y_pred: &Tensor, temperature: f64, symmetric: bool) -> Result<Tensor> {
    const OP: &str = "info_nce";
    let y_true = super::rows::like(y_true, y_pred)?;
    super::rows::same_shape(OP, &y_true, y_pred)?;
    let &[n, _] = y_pred.dims() else {
        candle_core::bail!("{OP}: expected embeddings [n, d], got {:?}", y_pred.dims());
    };
    host::within(OP, || {
        let own = Tensor::arange(0, n as u32, y_pred.device())?;
        let find = |logits: &Tensor| super::sparse_categorical_crossentropy(&own, logits, true, None, -1);
        let logits = cosines(y_pred, &y_true, temperature)?;
        let found = find(&logits)?;
        if !symmetric {
            return Ok(found);
        }
        let other = find(&crate::transpose(&logits, &[1, 0])?)?;
        crate::mul_scalar(&crate::add(&found, &other)?, 0.5)
    })
}
