//! One application of a layer as Keras writes it: an item of `inbound_nodes`.

use std::any::Any;

use serde_json::{Map, Value};

use super::Operation;
use super::from_config::{Triple, triple};
use super::symbolic::Symbolic;
use crate::arguments::Form;
use crate::{Arguments, Layer, Result, bail};

/// `{"args": […], "kwargs": {…}}`.
#[derive(Debug)]
pub(super) struct Inbound {
    args: Vec<Value>,
    kwargs: Map<String, Value>,
    sources: Vec<Triple>,
}

impl Inbound {
    pub(super) fn read(node: &Value) -> Result<Self> {
        let Some(args) = node.get("args").and_then(Value::as_array) else {
            bail!("`inbound_nodes`: expected {{\"args\", \"kwargs\"}} as Keras 3 writes them, got {node}");
        };
        let kwargs = node.get("kwargs").and_then(Value::as_object);
        let kwargs = kwargs.cloned().unwrap_or_default();
        let mut sources = Vec::new();
        args.iter()
            .chain(kwargs.values())
            .try_for_each(|value| find(value, &mut sources))?;
        Ok(Self {
            args: args.clone(),
            kwargs,
            sources,
        })
    }

    /// The tensors it is given.
    pub(super) fn sources(&self) -> &[Triple] {
        &self.sources
    }

    /// The inputs and the other arguments for `layer`.
    pub(super) fn arguments(
        &self,
        layer: &dyn Layer,
        tensor: &dyn Fn(&Triple) -> Result<Symbolic>,
    ) -> Result<(Vec<Symbolic>, Arguments)> {
        let names = layer.input_arguments();
        let constants = (layer as &dyn Any).is::<Operation>();
        let (mut inputs, mut arguments) = (Vec::new(), Arguments::new());
        for (index, value) in self.args.iter().enumerate() {
            if index < names.len() {
                let before = inputs.len();
                let form = tensors(value, tensor, &mut inputs)?;
                if constants && (form.is_none() || inputs.len() == before) {
                    arguments = arguments.set(names[index], value.clone());
                } else if form.is_none() {
                    bail!("a layer is called with the constant {value}; only tensors are supported");
                }
                continue;
            }
            let Some(name) = layer.call_arguments().get(index - names.len()) else {
                bail!(
                    "it is called with {} arguments, which it does not take",
                    self.args.len()
                );
            };
            arguments = named(arguments, name, value, tensor)?;
        }
        for (name, value) in &self.kwargs {
            // Keras calls the input of most layers so, whatever ours calls it.
            let input = names.len() == 1 && self.args.is_empty() && name == "inputs";
            let name = if input { names[0] } else { name };
            arguments = named(arguments, name, value, tensor)?;
        }
        Ok((inputs, arguments))
    }
}

fn named(
    arguments: Arguments,
    name: &str,
    value: &Value,
    tensor: &dyn Fn(&Triple) -> Result<Symbolic>,
) -> Result<Arguments> {
    let mut found = Vec::new();
    Ok(match tensors(value, tensor, &mut found)? {
        Some(form) if !found.is_empty() => arguments.with_form(name, form, found),
        _ => arguments.set(name, value.clone()),
    })
}

/// Collects the tensors in a value and tells how they are nested; `None` when it holds something else.
fn tensors(
    value: &Value,
    tensor: &dyn Fn(&Triple) -> Result<Symbolic>,
    found: &mut Vec<Symbolic>,
) -> Result<Option<Form>> {
    match value {
        Value::Null => Ok(Some(Form::Nothing)),
        Value::Array(items) => {
            let forms = items.iter().map(|item| tensors(item, tensor, found));
            let forms = forms.collect::<Result<Option<Vec<Form>>>>()?;
            Ok(forms.map(Form::List))
        }
        Value::Object(map) => match history(map) {
            Some(history) => {
                found.push(tensor(&triple(history)?)?);
                Ok(Some(Form::One))
            }
            // A dict of inputs, in its own order.
            None => {
                let forms = map.values().map(|item| tensors(item, tensor, found));
                let forms = forms.collect::<Result<Option<Vec<Form>>>>()?;
                Ok(forms.map(Form::List))
            }
        },
        _ => Ok(None),
    }
}

fn find(value: &Value, found: &mut Vec<Triple>) -> Result<()> {
    match value {
        Value::Array(items) => items.iter().try_for_each(|item| find(item, found)),
        Value::Object(map) => match history(map) {
            Some(history) => {
                found.push(triple(history)?);
                Ok(())
            }
            None => map.values().try_for_each(|item| find(item, found)),
        },
        _ => Ok(()),
    }
}

fn history(map: &Map<String, Value>) -> Option<&Value> {
    map.get("config")?.get("keras_history")
}
