//! The learning-rate schedules of Keras.

use serde_json::Value;

use crate::{Config, Entry, Envelope, Registry, Result, Schedule, bail};

mod cosine_decay;
mod cosine_decay_restarts;
mod exponential_decay;
mod inverse_time_decay;
mod piecewise_constant_decay;
mod polynomial_decay;

pub use cosine_decay::CosineDecay;
pub use cosine_decay_restarts::CosineDecayRestarts;
pub use exponential_decay::ExponentialDecay;
pub use inverse_time_decay::InverseTimeDecay;
pub use piecewise_constant_decay::PiecewiseConstantDecay;
pub use polynomial_decay::PolynomialDecay;

/// All schedules of this crate.
pub static ENTRIES: &[Entry<dyn Schedule>] = &[
    cosine_decay::ENTRY,
    cosine_decay_restarts::ENTRY,
    exponential_decay::ENTRY,
    inverse_time_decay::ENTRY,
    piecewise_constant_decay::ENTRY,
    polynomial_decay::ENTRY,
];

type Build = fn(&Config, &Registry) -> Result<Box<dyn Schedule>>;

const fn entry(
    class_name: &'static str,
    aliases: &'static [&'static str],
    doc: &'static str,
    build: Build,
) -> Entry<dyn Schedule> {
    Entry {
        class_name,
        module: "keras.optimizers.schedules",
        aliases,
        doc,
        build,
    }
}

/// Finds wrong arguments when the schedule is made, not at the first step.
fn checked(schedule: impl Schedule) -> Result<Box<dyn Schedule>> {
    schedule.call(0)?;
    Ok(Box::new(schedule))
}

fn positive(class_name: &str, argument: &str, value: f64) -> Result<()> {
    if value > 0. {
        return Ok(());
    }
    bail!("{class_name}: `{argument}` must be greater than 0, got {value}")
}

/// A number of steps as Keras writes it: without a fraction where it has none.
fn count(steps: f64) -> Value {
    if steps.fract() == 0. && steps.abs() < 9e15 {
        Value::from(steps as i64)
    } else {
        Value::from(steps)
    }
}

/// The saved form of a schedule, Keras's or a user's.
pub(super) fn envelope(schedule: &dyn Schedule) -> Envelope {
    let class_name = schedule.class_name().to_owned();
    let (config, known) = (
        schedule.config(),
        ENTRIES.iter().find(|entry| entry.class_name == class_name),
    );
    let registered_name = known.is_none().then(|| format!("Custom>{class_name}"));
    let module = known.map_or("", |entry| entry.module).to_owned();
    Envelope {
        module,
        class_name,
        config,
        registered_name,
    }
}
