//! Every prediction with its target and weight: what exact curves are made of.

use keras_core::ops::{DType, Device, Tensor, inplace};
use keras_core::{Result, Variable, bail};

use crate::confusion::{Batch, Intake, with_batch};
use crate::state::{Slots, State};

const NAMES: [&str; 3] = ["predictions", "targets", "weights"];

/// Predictions, targets and weights of all samples, in variables that double in length as they fill. What lies beyond
/// the last sample has weight 0, so it changes nothing.
#[derive(Debug)]
pub(crate) struct Ranking {
    slots: Slots,
    used: usize,
}

impl Ranking {
    /// With one column for each label, where curves are by label.
    pub(crate) fn new(by_label: bool, dtype: Option<DType>) -> Self {
        let pattern: &[Option<usize>] = if by_label { &[None, None] } else { &[None] };
        Self {
            slots: Slots::new(&NAMES, pattern, dtype),
            used: 0,
        }
    }

    /// Takes in a batch.
    ///
    /// # Errors
    /// When shapes do not fit, or differ from those of earlier batches.
    pub(crate) fn push(
        &mut self,
        name: &str,
        intake: Intake<'_>,
        pair: (&Tensor, &Tensor),
        weights: Option<&Tensor>,
    ) -> Result<()> {
        with_batch(name, intake, pair, weights, |batch| self.put(name, &batch))?
    }

    fn put(&mut self, name: &str, batch: &Batch<'_>) -> Result<()> {
        let by_label = self.slots.shape().len() == 2;
        let width = if by_label { batch.labels } else { 1 };
        if by_label && self.used > 0 && self.slots.shape()[1] != width {
            bail!(
                "{name}: took in {} labels before, now {width}",
                self.slots.shape()[1]
            );
        }
        let rows = batch.predictions.len() / width.max(1);
        self.reserve(self.used + rows, width)?;
        let weight = |i: usize| batch.weights.as_ref().map_or(1., |w| w.of(i) as f32);
        let ones: Vec<f32> = (0..batch.predictions.len()).map(weight).collect();
        let columns: [&[f32]; 3] = [&batch.predictions, &batch.targets, &ones];
        for (variable, values) in self.slots.variables().iter().zip(columns) {
            write(variable, self.used * width, values)?;
        }
        self.used += rows;
        Ok(())
    }

    /// Makes room for so many rows.
    fn reserve(&mut self, rows: usize, width: usize) -> Result<()> {
        let by_label = self.slots.shape().len() == 2;
        let have = self.slots.shape().first().copied().unwrap_or(0);
        if rows <= have && (!by_label || self.slots.shape()[1] == width) {
            return Ok(());
        }
        let [predictions, targets, weights] = self.slots.read()?;
        let room = rows.max(2 * have).max(64);
        let shape: &[usize] = if by_label { &[room, width] } else { &[room] };
        self.slots.remake(shape)?;
        let used = self.used * width;
        for (variable, values) in self.slots.variables().iter().zip([predictions, targets, weights]) {
            let values: Vec<f32> = values.iter().take(used).map(|v| *v as f32).collect();
            write(variable, 0, &values)?;
        }
        Ok(())
    }

    /// The number of columns with a curve of their own.
    pub(crate) fn labels(&self) -> usize {
        self.slots.shape().get(1).copied().unwrap_or(1)
    }

    /// True positives, false positives, true negatives and false negatives of one label, at a threshold below all
    /// predictions and at each distinct prediction, in rising order.
    pub(crate) fn curve(&self, label: usize) -> Result<[Vec<f64>; 4]> {
        let [predictions, targets, weights] = self.slots.read()?;
        let labels = self.labels();
        let mut samples: Vec<(f64, bool, f64)> = (label..predictions.len())
            .step_by(labels)
            .filter(|i| weights[*i] != 0.)
            .map(|i| (predictions[i], targets[i] != 0., weights[i]))
            .collect();
        samples.sort_by(|a, b| b.0.total_cmp(&a.0));
        // From the highest threshold down; reversed at the end.
        let (mut yes, mut no) = (vec![0.], vec![0.]);
        let (mut tp, mut fp) = (0., 0.);
        for (i, (score, positive, weight)) in samples.iter().enumerate() {
            *(if *positive { &mut tp } else { &mut fp }) += weight;
            if samples.get(i + 1).is_none_or(|next| next.0 != *score) {
                yes.push(tp);
                no.push(fp);
            }
        }
        yes.reverse();
        no.reverse();
        let rest = |counts: &[f64], all: f64| counts.iter().map(|c| all - c).collect();
        let (tn, fnn) = (rest(&no, fp), rest(&yes, tp));
        Ok([yes, no, tn, fnn])
    }
}

impl State for Ranking {
    fn slots(&self) -> &[Slots] {
        self.slots.slots()
    }

    fn slots_mut(&mut self) -> &mut [Slots] {
        self.slots.slots_mut()
    }

    /// It stays on the host, where it is sorted.
    fn place(&mut self, _device: &Device) -> Result<()> {
        Ok(())
    }

    /// A saved state may be full to the end.
    fn resized(&mut self) {
        self.used = self.slots.shape().first().copied().unwrap_or(0);
    }

    fn reset(&mut self) -> Result<()> {
        self.used = 0;
        self.slots.reset()
    }

    /// Takes in what another ranking holds.
    fn merge(&mut self, class: &str, other: &[Tensor]) -> Result<()> {
        let by_label = self.slots.shape().len() == 2;
        let [predictions, targets, weights] = other else {
            bail!(
                "{class}: expected a state of {} tensors to merge, {NAMES:?}; got {}",
                NAMES.len(),
                other.len()
            )
        };
        if predictions.elem_count() == 0 {
            return Ok(());
        }
        let intake = Intake {
            by_label,
            ..Intake::default()
        };
        self.push(class, intake, (targets, predictions), Some(weights))
    }
}

/// Writes values into a variable from element `at` on.
fn write(variable: &Variable, at: usize, values: &[f32]) -> Result<()> {
    let tensor = variable.tensor();
    Ok(match variable.dtype() {
        DType::F64 => inplace::write("metric", tensor, |v: &mut [f64]| {
            let to = v[at..].iter_mut();
            to.zip(values).for_each(|(to, from)| *to = f64::from(*from));
            Ok(())
        }),
        _ => inplace::write("metric", tensor, |v: &mut [f32]| {
            v[at..at + values.len()].copy_from_slice(values);
            Ok(())
        }),
    }?)
}
