use keras_core::Result;
use keras_runs::{RunInfo, Status};

/// A number that is not what it was.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Difference {
    pub(super) name: String,
    /// `epoch 3`, `evaluation 1`.
    pub(super) place: String,
    pub(super) before: Option<f64>,
    pub(super) after: Option<f64>,
}

/// What came of comparing.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Compared {
    /// How many were the same, up to the first that was not.
    pub(super) numbers: usize,
    pub(super) difference: Option<Difference>,
}

impl Compared {
    /// Compares one more; whether all are the same so far.
    fn with(
        &mut self,
        name: &str,
        place: impl FnOnce() -> String,
        before: Option<f64>,
        after: Option<f64>,
        tolerance: f64,
    ) -> bool {
        let same = match (before, after) {
            (None, None) => return true,
            (Some(a), Some(b)) => {
                let size = a.abs().max(b.abs());
                a == b
                    || (a.is_nan() && b.is_nan())
                    || (size.is_finite() && (a - b).abs() <= tolerance * size)
            }
            _ => false,
        };
        if same {
            self.numbers += 1;
            return true;
        }
        self.difference = Some(Difference {
            name: name.to_owned(),
            place: place(),
            before,
            after,
        });
        false
    }
}

/// The metrics, epoch by epoch, then the evaluations. Of a run that did not come to its end, what it has.
pub(super) fn first(before: &RunInfo, after: &RunInfo, tolerance: f64) -> Result<Compared> {
    let whole = before.status == Status::Done;
    let mut compared = Compared::default();
    let mut names: Vec<&str> = before.metrics.names().collect();
    names.extend(
        after
            .metrics
            .names()
            .filter(|name| whole && before.metrics.get(name).is_none()),
    );
    let epochs = before.metrics.completed();
    let epochs = if whole {
        epochs.max(after.metrics.completed())
    } else {
        epochs
    };
    for epoch in 0..epochs {
        for name in &names {
            let of = |run: &RunInfo| run.metrics.get(name).and_then(|column| *column.get(epoch)?);
            let place = || format!("epoch {}", epoch + 1);
            if !compared.with(name, place, of(before), of(after), tolerance) {
                return Ok(compared);
            }
        }
    }
    let (old, new) = (before.evaluations()?, after.evaluations()?);
    let count = if whole {
        old.len().max(new.len())
    } else {
        old.len()
    };
    for at in 0..count {
        let values = |list: &[keras_runs::Evaluation]| list.get(at).map(|e| e.values.clone());
        let (old, new) = (values(&old).unwrap_or_default(), values(&new).unwrap_or_default());
        let mut names: Vec<&String> = old.iter().map(|(name, _)| name).collect();
        names.extend(
            new.iter()
                .map(|(name, _)| name)
                .filter(|n| !old.iter().any(|(o, _)| o == *n)),
        );
        for name in names {
            let of = |values: &[(String, f64)]| values.iter().find(|(n, _)| n == name).map(|(_, v)| *v);
            let place = || format!("evaluation {}", at + 1);
            if !compared.with(name, place, of(&old), of(&new), tolerance) {
                return Ok(compared);
            }
        }
    }
    Ok(compared)
}

#[cfg(test)]
mod tests {
    use super::*;
    use keras_runs::Metrics;

    fn run(status: Status, losses: &[f64]) -> RunInfo {
        let mut metrics = Metrics::new();
        for (epoch, loss) in losses.iter().enumerate() {
            metrics.set(epoch, "loss", *loss);
        }
        metrics.expect(5);
        let mut run = RunInfo::default();
        (run.status, run.metrics) = (status, metrics);
        run
    }

    #[test]
    fn the_first_difference_is_found() -> Result<()> {
        let done = |losses: &[f64]| run(Status::Done, losses);
        for (before, after, tolerance, numbers, place) in [
            (done(&[1., 0.5]), done(&[1., 0.5]), 0., 2, None),
            (done(&[1., 0.1 + 0.2]), done(&[1., 0.3]), 0., 1, Some("epoch 2")),
            (done(&[1., 0.1 + 0.2]), done(&[1., 0.3]), 1e-12, 2, None),
            (done(&[f64::NAN]), done(&[f64::NAN]), 0., 1, None),
            (done(&[f64::INFINITY]), done(&[1.]), 1e-3, 0, Some("epoch 1")),
            (done(&[1.]), done(&[1., 0.5]), 0., 1, Some("epoch 2")),
            (run(Status::Killed, &[1.]), done(&[1., 0.5]), 0., 1, None),
        ] {
            let compared = first(&before, &after, tolerance)?;
            let found = compared.difference.as_ref().map(|d| d.place.as_str());
            assert_eq!((compared.numbers, found), (numbers, place));
        }
        Ok(())
    }
}
