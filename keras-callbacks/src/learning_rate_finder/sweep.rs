/// What a [`LearningRateFinder`](crate::LearningRateFinder) found: the loss of a batch at each of a row of learning
/// rates.
///
/// ```
/// use keras_callbacks::Sweep;
/// assert_eq!(Sweep::default().suggestion(), None);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sweep {
    pub(super) rates: Vec<f64>,
    pub(super) losses: Vec<f64>,
    pub(super) smoothed: Vec<f64>,
}

impl Sweep {
    /// The learning rates, from small to large.
    pub fn rates(&self) -> &[f64] {
        &self.rates
    }

    /// The loss of the batch at each rate.
    pub fn losses(&self) -> &[f64] {
        &self.losses
    }

    /// The losses as means of those before, the nearest of which weigh most.
    pub fn smoothed(&self) -> &[f64] {
        &self.smoothed
    }

    /// The rate with the smallest smoothed loss: about the largest that one may try.
    pub fn minimum(&self) -> Option<f64> {
        self.rates.get(self.lowest()?).copied()
    }

    /// The rate at which the smoothed loss falls fastest over the logarithm of the rate, before its minimum: where to
    /// start. `None` when it never falls.
    pub fn suggestion(&self) -> Option<f64> {
        // The first means are of few batches.
        let from = self.smoothed.len() / 10;
        let slope = |at: usize| {
            let (before, after) = (at.saturating_sub(1), (at + 1).min(self.smoothed.len() - 1));
            let run = self.rates[after].ln() - self.rates[before].ln();
            (self.smoothed[after] - self.smoothed[before]) / run
        };
        let slopes = (from..self.lowest()?).map(|at| (at, slope(at)));
        let steepest = slopes.min_by(|a, b| a.1.total_cmp(&b.1));
        steepest
            .filter(|(_, slope)| *slope < 0.)
            .map(|(at, _)| self.rates[at])
    }

    fn lowest(&self) -> Option<usize> {
        let finite = self.smoothed.iter().enumerate().filter(|(_, v)| v.is_finite());
        finite.min_by(|a, b| a.1.total_cmp(b.1)).map(|(at, _)| at)
    }
}

#[cfg(test)]
mod tests {
    use super::Sweep;

    fn sweep(smoothed: &[f64]) -> Sweep {
        Sweep {
            rates: (0..smoothed.len()).map(|i| 10f64.powi(i as i32 - 4)).collect(),
            losses: smoothed.to_vec(),
            smoothed: smoothed.to_vec(),
        }
    }

    #[test]
    fn the_steepest_fall_before_the_minimum() {
        let found = sweep(&[5., 4.9, 4., 2., 1.9, 9.]);
        // The slopes at 1e-3, 1e-2 and 1e-1 are -0.5, -1.45 and -1.05 a decade.
        assert_eq!((found.suggestion(), found.minimum()), (Some(1e-2), Some(1.)));
    }

    #[test]
    fn none_where_the_loss_never_falls() {
        assert_eq!(sweep(&[1., 2., 3.]).suggestion(), None);
        assert_eq!(sweep(&[f64::NAN]).suggestion(), None);
        assert_eq!(sweep(&[f64::NAN]).minimum(), None);
    }
}
