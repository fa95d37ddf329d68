//! Models: built from Keras's JSON, trained as Keras trained them.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use keras::data::{Arrays, Dataset};
use keras::{Compile, Evaluate, Fit, Model, Predict, Tensor};
use serde_json::{Map, Value};

use super::case::numbers;
use super::report::Unsupported;
use super::{Case, Differences, Tolerance};

pub(super) fn check(case: &Case<'_>) -> Result<()> {
    let registry = keras::registry();
    let mut model = Model::from_config(case.get("model"), registry)?;
    let compile = Compile::from_config(case.get("compile"), &model.output_names(), registry)?;
    model.compile_with(compile, registry)?;
    assign_weights(case, &model)?;
    let x = arrays(case, "x")?.context("the case has no `x`")?;
    let y = arrays(case, "y")?.context("the case has no `y`")?;
    let sample_weight = arrays(case, "sample_weight")?;

    let mut differences = Differences::default();
    compare_outputs(case, "predict_before", &mut model, &x, &mut differences)?;
    let data = || Dataset::Arrays {
        x: x.clone(),
        y: Some(y.clone()),
        sample_weight: sample_weight.clone(),
    };
    let history = model.fit(data(), fit_options(case)?)?;
    let epochs = history.names().into_iter().map(|name| {
        let epochs = history.epochs().iter().zip(history.get(&name)?);
        // Keras's history has no entry where validation was not due; ours is NaN there.
        let there = epochs.filter(|(epoch, _)| !name.starts_with("val_") || validated(case, **epoch));
        Ok((name.clone(), there.map(|(_, value)| *value).collect()))
    });
    let epochs: BTreeMap<String, Vec<f64>> = epochs.collect::<Result<_>>()?;
    compare_logs("history", &epochs, case.get("history"), &mut differences)?;
    if !case.get("evaluate").is_null() {
        let scores = model.evaluate(data(), Evaluate::new().verbose(0))?;
        let scores = scores
            .iter()
            .map(|(name, value)| (name.to_owned(), vec![value]))
            .collect();
        compare_logs("evaluate", &scores, case.get("evaluate"), &mut differences)?;
    }
    compare_outputs(case, "predict_after", &mut model, &x, &mut differences)?;
    let weights: Vec<Tensor> = model.weights().iter().map(|(_, v)| v.value()).collect();
    let expected = case.tensors(case.list("weights_after")?)?;
    differences.lists("weight after", &weights, &expected, Tolerance::MODEL)?;
    differences.finish()
}

pub(super) fn archive(_case: &Case<'_>) -> Result<()> {
    Err(Unsupported("reading .keras and .h5 files is not there yet".to_owned()).into())
}

/// Whether validation follows epoch `epoch`, counted from 0.
fn validated(case: &Case<'_>, epoch: usize) -> bool {
    match &case.get("fit")["validation_freq"] {
        Value::Array(epochs) => epochs.contains(&Value::from(epoch + 1)),
        every => (epoch + 1).is_multiple_of(every.as_u64().unwrap_or(1).max(1) as usize),
    }
}

/// The start weights, in Keras's weight order.
fn assign_weights(case: &Case<'_>, model: &Model) -> Result<()> {
    let (given, weights) = (case.list("weights")?, model.weights());
    if given.len() != weights.len() {
        let ours: Vec<String> = weights.into_iter().map(|(path, _)| path).collect();
        bail!(
            "the model has {} weights ({}), Keras {}",
            ours.len(),
            ours.join(", "),
            given.len()
        );
    }
    for (given, (path, variable)) in given.iter().zip(weights) {
        let theirs = given["path"].as_str().unwrap_or_default();
        let (name, keras_name) = (path.rsplit('/').next(), theirs.rsplit('/').next());
        if name != keras_name {
            bail!("weight order: `{path}` stands where Keras has `{theirs}`");
        }
        let value = case.tensor(&given["value"])?;
        // The files hold scalars as one element.
        let scalar = variable.shape().is_empty() && value.dims() == [1];
        variable
            .assign(&if scalar { value.reshape(())? } else { value })
            .with_context(|| format!("weight {theirs}"))?;
    }
    Ok(())
}

/// One tensor, several in order, or several by name.
fn arrays(case: &Case<'_>, key: &str) -> Result<Option<Arrays>> {
    Ok(match case.get(key) {
        Value::Null => None,
        Value::Array(list) => Some(Arrays(
            case.tensors(list)?
                .into_iter()
                .map(|tensor| (None, tensor))
                .collect(),
        )),
        Value::Object(map) => {
            let named = map
                .iter()
                .map(|(name, value)| Ok((Some(name.clone()), case.tensor(value)?)));
            Some(Arrays(named.collect::<Result<_>>()?))
        }
        value => Some(Arrays(vec![(None, case.tensor(value)?)])),
    })
}

fn fit_options(case: &Case<'_>) -> Result<Fit> {
    let mut fit = fit_from(case.get("fit").as_object().context("the case has no `fit`")?)?;
    if let Some(weights) = case.get("class_weight").as_object() {
        for (label, weight) in weights {
            let label = label
                .parse()
                .with_context(|| format!("class_weight of `{label}`"))?;
            fit = fit.class_weight(label, super::case::number(weight)?);
        }
    }
    Ok(fit)
}

/// Fit's options from Keras's arguments.
pub(super) fn fit_from(arguments: &Map<String, Value>) -> Result<Fit> {
    let mut fit = Fit::new().verbose(0);
    for (name, value) in arguments {
        let count = || {
            let count = value.as_u64().map(|n| n as usize);
            count.with_context(|| format!("fit's `{name}` is {value}"))
        };
        fit = match name.as_str() {
            _ if value.is_null() => fit,
            "epochs" => fit.epochs(count()?),
            "initial_epoch" => fit.initial_epoch(count()?),
            "batch_size" => fit.batch_size(count()?),
            "steps_per_epoch" => fit.steps_per_epoch(count()?),
            "validation_batch_size" => fit.validation_batch_size(count()?),
            "validation_steps" => fit.validation_steps(count()?),
            "validation_split" => fit.validation_split(super::case::number(value)?),
            "validation_freq" => match value {
                Value::Array(epochs) => {
                    let epochs = numbers(epochs)?.into_iter().map(|e| e as usize);
                    fit.validation_epochs(epochs.collect::<Vec<_>>())
                }
                _ => fit.validation_freq(count()?),
            },
            "shuffle" => fit.shuffle(value.as_bool().unwrap_or(true)),
            "verbose" => fit,
            other => {
                return Err(Unsupported(format!("fit has no option `{other}` ({value})")).into());
            }
        };
    }
    Ok(fit)
}

/// Values by name: the same names, and the same values under each.
fn compare_logs(
    what: &str,
    ours: &BTreeMap<String, Vec<f64>>,
    keras: &Value,
    differences: &mut Differences,
) -> Result<()> {
    let keras = keras
        .as_object()
        .with_context(|| format!("the case has no `{what}`"))?;
    let mut names: Vec<&String> = keras.keys().collect();
    names.sort();
    let our_names: Vec<&String> = ours.keys().collect();
    differences.equal(&format!("{what}, names"), &our_names, &names);
    for (name, expected) in keras {
        let expected = match expected {
            Value::Array(list) => numbers(list)?,
            value => vec![super::case::number(value)?],
        };
        if let Some(values) = ours.get(name) {
            differences.numbers(&format!("{what} {name}"), values, &expected, Tolerance::HISTORY);
        }
    }
    Ok(())
}

fn compare_outputs(
    case: &Case<'_>,
    key: &str,
    model: &mut Model,
    x: &Arrays,
    differences: &mut Differences,
) -> Result<()> {
    let Some(expected) = arrays(case, key)? else {
        return Ok(());
    };
    let outputs = model.predict_all(x.clone(), Predict::new().verbose(0))?;
    let names = model.output_names();
    for (index, (name, tensor)) in expected.0.iter().enumerate() {
        let position = match name {
            Some(name) => names.iter().position(|n| n == name),
            None => Some(index),
        };
        let Some(ours) = position.and_then(|p| outputs.get(p)) else {
            differences.note(format!("{key}: no output `{}`", name.as_deref().unwrap_or("?")));
            continue;
        };
        let what = name.as_ref().map_or(key.to_owned(), |n| format!("{key} {n}"));
        differences.tensors(&what, ours, tensor, Tolerance::MODEL)?;
    }
    Ok(())
}
