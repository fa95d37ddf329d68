use keras_core::Result;
use keras_core::ops::{Tensor, host};
use serde_json::{Value, json};

use crate::runs::value;

/// What the values of a tensor are like.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Stats {
    pub(super) count: usize,
    /// Of the finite values.
    pub(super) min: f64,
    pub(super) max: f64,
    pub(super) mean: f64,
    /// Of all finite values: divided by their number.
    pub(super) std: f64,
    pub(super) zeros: usize,
    pub(super) not_finite: usize,
}

impl Stats {
    pub(super) fn of(tensor: &Tensor) -> Result<Self> {
        Ok(host::read::<f64, _>(tensor, |values| {
            Ok(Self::of_values(values))
        })?)
    }

    fn of_values(values: &[f64]) -> Self {
        let mut stats = Self {
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            ..Self::default()
        };
        let (mut finite, mut squares) = (0.0_f64, 0.0);
        for value in values.iter().copied() {
            stats.count += 1;
            stats.zeros += usize::from(value == 0.);
            if !value.is_finite() {
                stats.not_finite += 1;
                continue;
            }
            stats.min = stats.min.min(value);
            stats.max = stats.max.max(value);
            // Welford's way: no difference of large sums.
            finite += 1.;
            let before = value - stats.mean;
            stats.mean += before / finite;
            squares += before * (value - stats.mean);
        }
        match finite {
            0. => (stats.min, stats.max, stats.mean, stats.std) = (f64::NAN, f64::NAN, f64::NAN, f64::NAN),
            n => stats.std = (squares / n).sqrt(),
        }
        stats
    }

    pub(super) fn to_json(self) -> Value {
        let number = |v: f64| value(Some(v).filter(|v| !v.is_nan()));
        json!({"min": number(self.min), "max": number(self.max), "mean": number(self.mean), "std": number(self.std),
            "zeros": self.zeros, "not_finite": self.not_finite})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_finite_is_counted_apart() {
        let stats = Stats::of_values(&[1., 3., 0., f64::NAN, f64::INFINITY]);
        // Mean of 1, 3, 0; squares 1/9 + 25/9 + 16/9, divided by 3.
        let expected = Stats {
            count: 5,
            min: 0.,
            max: 3.,
            mean: 4. / 3.,
            std: (42.0_f64 / 27.).sqrt(),
            zeros: 1,
            not_finite: 2,
        };
        assert!((stats.std - expected.std).abs() < 1e-12 && (stats.mean - expected.mean).abs() < 1e-12);
        assert_eq!(
            Stats {
                std: 0.,
                mean: 0.,
                ..stats
            },
            Stats {
                std: 0.,
                mean: 0.,
                ..expected
            }
        );
        assert!(Stats::of_values(&[]).mean.is_nan());
    }
}
