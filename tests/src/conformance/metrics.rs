//! Metrics: the result after each update and after a reset.

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::{Case, Differences, Tolerance};

pub(super) fn check(case: &Case<'_>) -> Result<()> {
    let registry = keras::registry();
    let mut metric = registry.metrics.from_envelope(&case.object()?, registry)?;
    let mut differences = Differences::default();
    for (index, update) in case.list("updates")?.iter().enumerate() {
        let args = update["args"].as_array().context("an update has no `args`")?;
        let args = case.tensors(args)?;
        let weight = match &update["sample_weight"] {
            Value::Null => None,
            value => Some(case.tensor(value)?),
        };
        let mask = match &update["mask"] {
            Value::Null => None,
            value => Some(case.tensor(value)?),
        };
        match args.as_slice() {
            [values] => metric.update_values(values, weight.as_ref())?,
            [y_true, y_pred] => metric.update_masked(y_true, y_pred, weight.as_ref(), mask.as_ref())?,
            other => bail!("an update has {} args", other.len()),
        }
        let expected = case.tensor(&update["result"])?;
        differences.tensors(
            &format!("result {index}"),
            &metric.result()?,
            &expected,
            Tolerance::VALUE,
        )?;
    }
    if let Some(expected) = case.tensor_opt("after_reset")? {
        metric.reset_state()?;
        differences.tensors("after reset", &metric.result()?, &expected, Tolerance::VALUE)?;
    }
    differences.finish()
}
