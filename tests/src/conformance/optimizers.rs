//! Optimizers: variables, learning rate and count after every step.

use anyhow::{Context, Result};
use keras::{Tensor, Variable};
use serde_json::Value;

use super::{Case, Differences, Tolerance, case};

pub(super) fn check(case: &Case<'_>) -> Result<()> {
    let registry = keras::registry();
    let mut optimizer = registry.optimizers.from_envelope(&case.object()?, registry)?;
    let mut variables = Vec::new();
    for variable in case.list("variables")? {
        let path = variable["path"].as_str().context("a variable has no `path`")?;
        variables.push(Variable::new(path, &case.tensor(&variable["value"])?, true)?);
    }
    optimizer.build(&variables)?;
    let mut differences = Differences::default();
    for (index, step) in case.list("steps")?.iter().enumerate() {
        let gradients = list(step, "grads")?.iter().map(|value| match value {
            Value::Null => Ok(None),
            value => case.tensor(value).map(Some),
        });
        optimizer.apply(&gradients.collect::<Result<Vec<_>>>()?)?;
        let expected = case.tensors(list(step, "vars")?)?;
        let what = format!("step {index}, variable");
        differences.lists(&what, &values(&variables), &expected, Tolerance::OPTIMIZER)?;
        // Where several optimizers are at work there is none.
        if !step["learning_rate"].is_null() {
            let rate = case::number(&step["learning_rate"])?;
            let what = format!("step {index}, learning rate");
            differences.numbers(
                &what,
                &[optimizer.learning_rate()?],
                &[rate],
                Tolerance::OPTIMIZER,
            );
        }
        let count = step["iterations"]
            .as_u64()
            .context("a step has no `iterations`")?;
        differences.equal(
            &format!("step {index}, iterations"),
            &optimizer.iterations(),
            &count,
        );
    }
    if !case.get("finalized").is_null() {
        optimizer.finalize_variable_values()?;
        let expected = case.tensors(case.list("finalized")?)?;
        differences.lists(
            "finalized variable",
            &values(&variables),
            &expected,
            Tolerance::OPTIMIZER,
        )?;
    }
    differences.finish()
}

fn values(variables: &[Variable]) -> Vec<Tensor> {
    variables.iter().map(Variable::value).collect()
}

fn list<'a>(step: &'a Value, key: &str) -> Result<&'a [Value]> {
    step[key]
        .as_array()
        .map(Vec::as_slice)
        .with_context(|| format!("a step has no `{key}`"))
}
