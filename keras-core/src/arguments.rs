//! The arguments of one application of a layer: what Keras's `call` takes besides its inputs.

use std::ops::Range;
use std::sync::Arc;

use serde_json::Value;

use crate::config::{FromValue, IntoValue};
use crate::{Error, IntoSymbolic, Layer, Result, Symbolic, bail};

/// Values and tensors that one application of a layer is given by name, beside its inputs.
///
/// A layer says by [`Layer::call_arguments`] which names it takes and finds them in
/// [`Call::arguments`](crate::layer::Call::arguments). The tensors among them are appended to the layer's inputs;
/// [`positional`](Self::positional) and [`named`](Self::named) cut that list up again.
///
/// ```
/// use keras_core::{Arguments, Result};
/// // What a layer sees that was applied to one input and given two states.
/// let arguments = Arguments::new().set("training", false).range("initial_state", 1..3);
/// let inputs = ["x", "h", "c"];
/// assert_eq!(arguments.positional(&inputs), ["x"]);
/// assert_eq!(arguments.named(&inputs, "initial_state"), ["h", "c"]);
/// assert!(arguments.named(&inputs, "attention_mask").is_empty());
/// assert!(!arguments.flag("training")?);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Arguments(Option<Arc<Inner>>);

#[derive(Clone, Debug, Default)]
struct Inner {
    entries: Vec<(String, Argument)>,
    /// The number of inputs before the named tensors, once applied.
    positional: Option<usize>,
}

#[derive(Clone, Debug)]
enum Argument {
    Constant(Value),
    /// Given by the user, before the layer is applied.
    Symbolic(Form, Vec<Symbolic>),
    /// A place among the inputs.
    Tensors(Form, Range<usize>),
}

/// How the tensors of an argument are nested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    One,
    /// No tensor there: Keras's `None` in a list.
    Nothing,
    List(Vec<Form>),
}

impl Form {
    fn flat(count: usize) -> Self {
        Self::List(vec![Self::One; count])
    }

    /// The JSON value of this form, whose tensors come one by one.
    pub(crate) fn to_value(&self, tensors: &mut impl Iterator<Item = Value>) -> Value {
        match self {
            Self::One => tensors.next().unwrap_or_default(),
            Self::Nothing => Value::Null,
            Self::List(forms) => forms.iter().map(|form| form.to_value(tensors)).collect(),
        }
    }

    fn leaves<'a>(&'a self, found: &mut Vec<&'a Form>) {
        match self {
            Self::List(forms) => forms.iter().for_each(|form| form.leaves(found)),
            leaf => found.push(leaf),
        }
    }
}

impl Arguments {
    /// None.
    pub const fn new() -> Self {
        Self(None)
    }

    /// A constant: `set("use_causal_mask", true)`.
    #[must_use]
    pub fn set(self, name: &str, value: impl IntoValue) -> Self {
        self.with(name, Argument::Constant(value.into_value()))
    }

    /// A tensor: `tensor("attention_mask", &mask)`.
    #[must_use]
    pub fn tensor(self, name: &str, tensor: &Symbolic) -> Self {
        self.with(name, Argument::Symbolic(Form::One, vec![tensor.clone()]))
    }

    /// A list of tensors: `tensors("initial_state", [&h, &c])`.
    #[must_use]
    pub fn tensors(self, name: &str, tensors: impl IntoSymbolic) -> Self {
        let tensors = tensors.into_symbolic();
        self.with(name, Argument::Symbolic(Form::flat(tensors.len()), tensors))
    }

    /// For calling a layer on data: the inputs at `range` are this argument.
    #[must_use]
    pub fn range(self, name: &str, range: Range<usize>) -> Self {
        let form = Form::flat(range.len());
        self.with(name, Argument::Tensors(form, range))
    }

    pub(crate) fn with_form(self, name: &str, form: Form, tensors: Vec<Symbolic>) -> Self {
        self.with(name, Argument::Symbolic(form, tensors))
    }

    fn with(self, name: &str, argument: Argument) -> Self {
        let mut inner = self.0.map(Arc::unwrap_or_clone).unwrap_or_default();
        if let Argument::Tensors(_, range) = &argument {
            let start = inner.positional.unwrap_or(range.start).min(range.start);
            inner.positional = Some(start);
        }
        match inner.entries.iter_mut().find(|(given, _)| given == name) {
            Some((_, slot)) => *slot = argument,
            None => inner.entries.push((name.to_owned(), argument)),
        }
        Self(Some(Arc::new(inner)))
    }

    fn get(&self, name: &str) -> Option<&Argument> {
        let entries = self.0.as_deref()?.entries.iter();
        entries
            .filter(|(given, _)| given == name)
            .map(|(_, argument)| argument)
            .next()
    }

    /// Whether none is given.
    pub fn is_empty(&self) -> bool {
        self.0.as_ref().is_none_or(|inner| inner.entries.is_empty())
    }

    /// The names given, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .flat_map(|inner| &inner.entries)
            .map(|(name, _)| name.as_str())
    }

    /// Whether `name` is given, and not as null.
    pub fn has(&self, name: &str) -> bool {
        self.get(name)
            .is_some_and(|argument| !matches!(argument, Argument::Constant(Value::Null)))
    }

    /// A constant; `None` when missing or null.
    ///
    /// # Errors
    /// When the value has another type, or is a tensor.
    pub fn value<T: FromValue>(&self, name: &str) -> Result<Option<T>> {
        match self.get(name) {
            None | Some(Argument::Constant(Value::Null)) => Ok(None),
            Some(Argument::Constant(value)) => match T::from_value(value) {
                Some(value) => Ok(Some(value)),
                None => bail!("the call argument `{name}` must be {}, got {value}", T::EXPECTED),
            },
            Some(_) => bail!("the call argument `{name}` must be {}, got a tensor", T::EXPECTED),
        }
    }

    /// The raw value of a constant.
    pub(crate) fn constant(&self, name: &str) -> Option<&Value> {
        match self.get(name) {
            Some(Argument::Constant(value)) => Some(value),
            _ => None,
        }
    }

    /// A constant of true or false; false when missing.
    ///
    /// # Errors
    /// When it is something else.
    pub fn flag(&self, name: &str) -> Result<bool> {
        Ok(self.value(name)?.unwrap_or(false))
    }

    /// The inputs before the named tensors.
    pub fn positional<'a, T>(&self, inputs: &'a [T]) -> &'a [T] {
        let count = self.0.as_ref().and_then(|inner| inner.positional);
        inputs.get(..count.unwrap_or(inputs.len())).unwrap_or(inputs)
    }

    /// The tensors of the argument `name`, flat; empty when it is not given.
    pub fn named<'a, T>(&self, inputs: &'a [T], name: &str) -> &'a [T] {
        match self.get(name) {
            Some(Argument::Tensors(_, range)) => inputs.get(range.clone()).unwrap_or_default(),
            _ => &[],
        }
    }

    /// The one tensor of the argument `name`; `None` when it is not given.
    ///
    /// # Errors
    /// When it is a constant, or several tensors.
    pub fn one<'a, T>(&self, inputs: &'a [T], name: &str) -> Result<Option<&'a T>> {
        match (self.named(inputs, name), self.get(name)) {
            ([one], _) => Ok(Some(one)),
            ([], None | Some(Argument::Constant(Value::Null))) => Ok(None),
            ([], Some(Argument::Constant(value))) => {
                bail!("the call argument `{name}` must be a tensor, got {value}")
            }
            (many, _) => bail!(
                "the call argument `{name}` must be one tensor, got {}",
                many.len()
            ),
        }
    }

    /// For each of a layer's inputs the place of the mask that is given for it by name; `None` where none is. Empty
    /// when no mask is given at all.
    pub(crate) fn mask_places(&self, layer: &dyn Layer, inputs: usize) -> Vec<Option<usize>> {
        let mut places = vec![None; inputs];
        for (name, argument) in self.0.iter().flat_map(|inner| &inner.entries) {
            let Argument::Tensors(form, range) = argument else {
                continue;
            };
            let of = name.strip_suffix("_mask");
            let first = match layer.input_arguments() {
                _ if name == "mask" => 0,
                many if many.len() > 1 => match many.iter().position(|n| of == Some(n)) {
                    Some(position) => position,
                    None => continue,
                },
                _ => continue,
            };
            let mut leaves = Vec::new();
            form.leaves(&mut leaves);
            let mut next = range.clone();
            for (slot, leaf) in places.iter_mut().skip(first).zip(leaves) {
                if *leaf == Form::One {
                    *slot = next.next();
                }
            }
        }
        if places.iter().all(Option::is_none) {
            places.clear();
        }
        places
    }

    /// Whether a layer that takes a `mask` is told those of its inputs. Keras fills the argument in where no other is a
    /// tensor: a recurrent layer that is given its `initial_state` does not see the mask of its sequence.
    pub(crate) fn tells_masks(&self, layer: &dyn Layer) -> bool {
        let mut entries = self.0.iter().flat_map(|inner| &inner.entries);
        self.has("mask")
            || !layer.call_arguments().contains(&"mask")
            || entries.all(|(_, argument)| matches!(argument, Argument::Constant(_)))
    }

    /// Checks the names and puts the tensors after `inputs`.
    pub(crate) fn apply(&self, layer: &dyn Layer, inputs: &mut Vec<Symbolic>) -> Result<Self> {
        let Some(inner) = self.0.as_deref() else {
            return Ok(Self::new());
        };
        let positions = layer.input_arguments();
        let mut known = inner.entries.clone();
        let constant = |(name, argument): &&(String, Argument)| {
            matches!(argument, Argument::Constant(_)) && positions.contains(&name.as_str())
        };
        let constants = known.iter().filter(constant).count();
        // An input given by its name takes its place among the inputs.
        for (name, argument) in &mut known {
            let Argument::Symbolic(form, tensors) = argument else {
                continue;
            };
            if let Some(position) = positions.iter().position(|n| n == name) {
                if position != inputs.len() + constants {
                    bail!(
                        "the input `{name}` is given by name as number {position}, but {} inputs stand before it",
                        inputs.len()
                    );
                }
                let range = inputs.len()..inputs.len() + tensors.len();
                inputs.append(tensors);
                *argument = Argument::Tensors(form.clone(), range);
            }
        }
        let positional = inputs.len();
        for (name, argument) in &mut known {
            let name = name.as_str();
            let taken = layer.call_arguments();
            let null = matches!(argument, Argument::Constant(Value::Null));
            if !null && name != "training" && !taken.contains(&name) && !positions.contains(&name) {
                let names = taken.iter().chain(&["training"]).map(|n| (*n).to_owned());
                return Err(Error::unknown("call argument", name, names.collect()));
            }
            if let Argument::Symbolic(form, tensors) = argument {
                let range = inputs.len()..inputs.len() + tensors.len();
                inputs.append(tensors);
                *argument = Argument::Tensors(form.clone(), range);
            }
        }
        Ok(Self(Some(Arc::new(Inner {
            entries: known,
            positional: Some(positional),
        }))))
    }

    /// Keras's `args` and `kwargs` of an application to these inputs.
    pub(crate) fn to_call(
        &self,
        layer: &dyn Layer,
        inputs: &[Value],
    ) -> (Vec<Value>, serde_json::Map<String, Value>) {
        let positions = layer.input_arguments();
        let mut kwargs = serde_json::Map::new();
        let mut by_name = 0;
        for (name, argument) in self.0.iter().flat_map(|inner| &inner.entries) {
            let own = positions.contains(&name.as_str());
            let value = match argument {
                Argument::Constant(_) if own => continue,
                Argument::Constant(value) => value.clone(),
                Argument::Symbolic(..) => continue,
                Argument::Tensors(form, range) => {
                    let tensors = inputs.get(range.clone()).unwrap_or_default();
                    by_name += if own { tensors.len() } else { 0 };
                    form.to_value(&mut tensors.iter().cloned())
                }
            };
            kwargs.insert(name.clone(), value);
        }
        let given = self.positional(inputs);
        let given = &given[..given.len() - by_name.min(given.len())];
        let args = match given {
            [_, _, ..] if positions.len() == 1 => vec![Value::Array(given.to_vec())],
            given => {
                // Constants stand where the operation has them.
                let mut args = given.to_vec();
                for (position, name) in positions.iter().enumerate() {
                    if let Some(value) = self.constant(name) {
                        args.insert(position.min(args.len()), value.clone());
                    }
                }
                args
            }
        };
        (args, kwargs)
    }
}
