//! Learning-rate schedules: values by step.

use anyhow::{Context, Result};

use super::{Case, Differences, Tolerance, case};

pub(super) fn check(case: &Case<'_>) -> Result<()> {
    let registry = keras::registry();
    let schedule = registry.schedules.from_envelope(&case.object()?, registry)?;
    let expected = case::numbers(case.list("values")?)?;
    let mut values = Vec::new();
    for step in case.list("steps")? {
        let step = step.as_u64().context("a step is no whole number")?;
        values.push(schedule.call(step)?);
    }
    let mut differences = Differences::default();
    differences.numbers("values", &values, &expected, Tolerance::VALUE);
    differences.finish()
}
