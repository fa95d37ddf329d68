//! Layers: outputs, gradients by inputs and weights, state after the call.

use anyhow::{Context, Result, bail};
use keras::layer::{Build, Call, LayerRef};
use keras::ops::{GradientTape, candle::Var};
use keras::{Device, Tensor, Variable};

use super::compare::cosines;
use super::{Case, Differences, Tolerance};

pub(super) fn check(case: &Case<'_>) -> Result<()> {
    let registry = keras::registry();
    let layer = LayerRef::from_box(registry.layers.from_envelope(&case.object()?, registry)?);
    let inputs = inputs(case)?;
    let shapes: Vec<Vec<_>> = inputs
        .iter()
        .map(|x| x.dims().iter().copied().map(Some).collect())
        .collect();
    layer.build(&shapes, &Build::new(&Device::Cpu))?;
    let weights = layer.weights("");
    assign(case, &weights)?;

    let tape = GradientTape::start();
    let mut cx = Call::new(case.get("training").as_bool().unwrap_or(false));
    let outputs = layer.read().call(&inputs, &mut cx)?.0;
    let mut differences = Differences::default();
    differences.lists(
        "output",
        &outputs,
        &case.tensors(case.list("outputs")?)?,
        Tolerance::GRADIENT,
    )?;
    gradients(case, tape, &inputs, &outputs, &weights, &mut differences)?;
    if let Some(expected) = case.get("updated_state").as_array() {
        let trainable = case.list("trainable")?;
        let is_state = |path: &str| !trainable.iter().any(|t| t.as_str() == Some(path));
        let state = weights
            .iter()
            .filter(|(path, _)| is_state(path))
            .map(|(_, v)| v.value());
        let state: Vec<Tensor> = state.collect();
        differences.lists("state", &state, &case.tensors(expected)?, Tolerance::GRADIENT)?;
    }
    differences.finish()
}

/// Inputs of a float type are variables, so that gradients reach them.
fn inputs(case: &Case<'_>) -> Result<Vec<Tensor>> {
    let tensors = case.tensors(case.list("inputs")?)?;
    let track = |tensor: Tensor| match tensor.dtype().is_float() {
        true => Ok(Var::from_tensor(&tensor)?.as_tensor().clone()),
        false => Ok(tensor),
    };
    tensors.into_iter().map(track).collect()
}

fn assign(case: &Case<'_>, weights: &[(String, Variable)]) -> Result<()> {
    let given = case.list("weights")?;
    if given.len() != weights.len() {
        let ours: Vec<&str> = weights.iter().map(|(path, _)| path.as_str()).collect();
        bail!(
            "the layer has {} weights ({}), Keras {}",
            ours.len(),
            ours.join(", "),
            given.len()
        );
    }
    for weight in given {
        let path = weight["path"].as_str().context("a weight has no `path`")?;
        let (weight, value) = (find(weights, path)?, case.tensor(&weight["value"])?);
        // The files hold scalars as one element.
        let scalar = weight.shape().is_empty() && value.dims() == [1];
        weight.assign(&if scalar { value.reshape(())? } else { value })?;
    }
    Ok(())
}

fn find<'a>(weights: &'a [(String, Variable)], path: &str) -> Result<&'a Variable> {
    let found = weights
        .iter()
        .find(|(p, _)| p == path)
        .map(|(_, variable)| variable);
    found.with_context(|| {
        let ours: Vec<&str> = weights.iter().map(|(path, _)| path.as_str()).collect();
        format!("no weight `{path}`; the layer has {}", ours.join(", "))
    })
}

fn gradients(
    case: &Case<'_>,
    tape: GradientTape,
    inputs: &[Tensor],
    outputs: &[Tensor],
    weights: &[(String, Variable)],
    differences: &mut Differences,
) -> Result<()> {
    let by_input = case
        .get("input_grads")
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let by_weight = case
        .get("weight_grads")
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    if by_input.is_empty() && by_weight.is_empty() {
        return Ok(());
    }
    let mut targets = Vec::new();
    for output in outputs.iter().filter(|o| o.dtype().is_float() && o.track_op()) {
        targets.push((output, cosines(output)?));
    }
    // An output that depends on nothing has gradients of zero.
    let mut found = if targets.is_empty() {
        Default::default()
    } else {
        tape.gradients_with(&targets)?
    };
    let mut gradient = |of: &Tensor| match found.remove(of) {
        Some(gradient) => Ok(gradient),
        None => of.zeros_like(),
    };
    let differentiable: Vec<&Tensor> = match by_input.len() == inputs.len() {
        true => inputs.iter().collect(),
        false => inputs.iter().filter(|x| x.dtype().is_float()).collect(),
    };
    for (index, (input, expected)) in differentiable.into_iter().zip(by_input).enumerate() {
        if !expected.is_null() {
            let what = format!("gradient by input {index}");
            differences.tensors(
                &what,
                &gradient(input)?,
                &case.tensor(expected)?,
                Tolerance::GRADIENT,
            )?;
        }
    }
    for (path, expected) in case.list("trainable")?.iter().zip(by_weight) {
        let path = path.as_str().context("a path in `trainable` is no string")?;
        let ours = gradient(find(weights, path)?.tensor())?;
        differences.tensors(
            &format!("gradient by {path}"),
            &ours,
            &case.tensor(expected)?,
            Tolerance::GRADIENT,
        )?;
    }
    Ok(())
}
