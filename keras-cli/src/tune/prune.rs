use clap::ValueEnum;

/// Which trials are ended before their time. Both need three others that came as far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[non_exhaustive]
pub enum Rule {
    /// One whose best value so far is worse than the median of what the others had at the same epoch
    Median,
    /// One that is not among the best third when it reaches an epoch of the grace times 1, 3, 9, …
    /// (asynchronous successive halving)
    Asha,
}

/// Values by epoch; small is good. `None` where an epoch has none.
pub(super) type Curve = Vec<Option<f64>>;

/// Fewer others say nothing.
const OTHERS: usize = 3;
/// So much longer is the next part of a trial; one in so many goes on.
const FACTOR: usize = 3;

impl Rule {
    /// Whether a trial with this curve is to end; `others` are the curves of all others, also of those that have ended.
    pub(super) fn ends(self, own: &[Option<f64>], others: &[Curve], grace: usize) -> bool {
        let epoch = match self {
            Self::Median => own.len(),
            Self::Asha => rung(own.len(), grace),
        };
        if epoch < grace {
            return false;
        }
        let Some(own) = best(own, epoch) else { return false };
        let mut values: Vec<f64> = others.iter().filter_map(|curve| best(curve, epoch)).collect();
        if values.len() < OTHERS {
            return false;
        }
        values.sort_by(f64::total_cmp);
        match self {
            Self::Median => {
                let half = values.len() / 2;
                let median = match values.len() % 2 {
                    1 => values[half],
                    _ => (values[half - 1] + values[half]) / 2.,
                };
                own > median
            }
            Self::Asha => {
                let better = values.iter().filter(|value| **value < own).count();
                better >= ((values.len() + 1) / FACTOR).max(1)
            }
        }
    }
}

/// The best of the first `epochs`, if the curve is as long and has a value there. NaN all the way is the worst.
fn best(curve: &[Option<f64>], epochs: usize) -> Option<f64> {
    let known = || curve.get(..epochs).unwrap_or_default().iter().flatten();
    known().next()?;
    let numbers = known().copied().filter(|value| !value.is_nan());
    Some(numbers.reduce(f64::min).unwrap_or(f64::INFINITY))
}

/// The last of `grace`, 3 · `grace`, 9 · `grace`, … that was reached; 0 for none.
fn rung(epochs: usize, grace: usize) -> usize {
    let rungs = std::iter::successors(Some(grace.max(1)), |rung| rung.checked_mul(FACTOR));
    rungs.take_while(|rung| *rung <= epochs).last().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bad_end_and_the_good_go_on() {
        let curve = |values: &[f64]| values.iter().map(|v| Some(*v)).collect::<Curve>();
        let others = [
            curve(&[0.9, 0.5, 0.3]),
            curve(&[0.9, 0.6, 0.4]),
            curve(&[0.9, 0.7, 0.5]),
        ];
        for (rule, own, ends) in [
            (Rule::Median, curve(&[0.9, 0.8, 0.45]), true),
            (Rule::Median, curve(&[0.9, 0.8, 0.35]), false),
            // Its best counts, not its last.
            (Rule::Median, curve(&[0.2, 0.8, 0.9]), false),
            // Before the grace.
            (Rule::Median, curve(&[0.9, 0.8]), false),
            (Rule::Median, curve(&[f64::NAN; 3]), true),
            // No value yet is no bad value.
            (Rule::Median, vec![None; 3], false),
            (Rule::Median, vec![None, None, Some(0.45)], true),
            (Rule::Asha, curve(&[0.9, 0.8, 0.35]), true),
            (Rule::Asha, curve(&[0.9, 0.8, 0.2]), false),
            // After epoch 3 it counts again at 9.
            (Rule::Asha, curve(&[0.9, 0.8, 0.2, 0.9, 0.9]), false),
        ] {
            assert_eq!(rule.ends(&own, &others, 3), ends, "{rule:?} {own:?}");
        }
        assert!(!Rule::Median.ends(&curve(&[9., 9., 9.]), &others[..2], 3));
        let longer = [&others[..], &[curve(&[0.1, 0.1])]].concat();
        assert!(!Rule::Median.ends(&curve(&[0.9, 0.9, 0.4]), &longer, 3));
        assert_eq!(
            [1, 2, 5, 6, 17, 18].map(|epochs| rung(epochs, 2)),
            [0, 2, 2, 6, 6, 18]
        );
    }
}
