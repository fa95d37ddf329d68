use serde_json::Value;

use crate::{Config, Entry, Result, Schedule, bail};

/// `values[0]` up to and including step `boundaries[0]`, `values[1]` up to `boundaries[1]`, …, the last value
/// after the last boundary.
///
/// ```
/// use keras_core::{Schedule, optimizers::schedules::PiecewiseConstantDecay};
/// let rate = PiecewiseConstantDecay::new([100., 110.], [1., 0.5, 0.1]);
/// assert_eq!([rate.call(100)?, rate.call(101)?, rate.call(111)?], [1., 0.5, 0.1]);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct PiecewiseConstantDecay {
    /// The last steps of all pieces but the last, rising.
    pub boundaries: Vec<f64>,
    /// The learning rates, one more than boundaries.
    pub values: Vec<f64>,
    /// The name.
    pub name: String,
}

impl PiecewiseConstantDecay {
    /// From boundaries and values.
    pub fn new(boundaries: impl Into<Vec<f64>>, values: impl Into<Vec<f64>>) -> Self {
        let (boundaries, values) = (boundaries.into(), values.into());
        Self {
            boundaries,
            values,
            name: "PiecewiseConstant".to_owned(),
        }
    }
}

impl Schedule for PiecewiseConstantDecay {
    fn call(&self, step: u64) -> Result<f64> {
        if self.values.len() != self.boundaries.len() + 1 {
            bail!(
                "PiecewiseConstantDecay: `values` must have one more value than boundaries, got {} values and {} \
                 `boundaries`",
                self.values.len(),
                self.boundaries.len()
            );
        }
        // Keras compares in the step's whole numbers.
        let piece = self
            .boundaries
            .iter()
            .position(|last| step as f64 <= last.trunc());
        Ok(self.values[piece.unwrap_or(self.boundaries.len())])
    }

    fn config(&self) -> Config {
        let boundaries: Vec<Value> = self.boundaries.iter().map(|b| super::count(*b)).collect();
        Config::new()
            .with("boundaries", boundaries)
            .with("values", self.values.as_slice())
            .with("name", self.name.as_str())
    }
}

pub(super) const ENTRY: Entry<dyn Schedule> = super::entry(
    "PiecewiseConstantDecay",
    &["piecewise_constant_decay"],
    "A constant between each two boundaries.",
    |config, _| {
        let mut r = config.reader("PiecewiseConstantDecay");
        let schedule = PiecewiseConstantDecay {
            boundaries: r.req("boundaries")?,
            values: r.req("values")?,
            name: r.or_null("name", "PiecewiseConstant".to_owned())?,
        };
        r.finish()?;
        super::checked(schedule)
    },
);
