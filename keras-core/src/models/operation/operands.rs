//! What an operation is called with and made with.

use keras_ops::{self as ops, DType, Index, Tensor};
use serde_json::Value;

use crate::config::FromValue;
use crate::{Arguments, Config, Result, bail};

/// The operands of one call: tensors, and constants where the model has them.
#[derive(Debug)]
pub(in crate::models) struct Operands<'a> {
    names: &'static [&'static str],
    inputs: &'a [Tensor],
    constants: &'a Arguments,
    made_with: &'a Config,
}

impl<'a> Operands<'a> {
    pub(super) fn new(
        names: &'static [&'static str],
        inputs: &'a [Tensor],
        constants: &'a Arguments,
        made_with: &'a Config,
    ) -> Self {
        Self {
            names,
            inputs,
            constants,
            made_with,
        }
    }

    fn constant(&self, index: usize) -> Option<&'a Value> {
        self.constants.constant(self.names.get(index)?)
    }

    /// All tensors, for an operation on a list.
    pub(super) fn all(&self) -> &'a [Tensor] {
        self.inputs
    }

    /// The tensor of the operand `index`, where it is one.
    fn tensor(&self, index: usize) -> Option<&'a Tensor> {
        if self.constant(index).is_some() {
            return None;
        }
        let before = (0..index).filter(|i| self.constant(*i).is_some()).count();
        self.inputs.get(index - before)
    }

    /// The first operand of an operation on one tensor.
    pub(super) fn x(&self) -> Result<&'a Tensor> {
        match self.tensor(0) {
            Some(tensor) => Ok(tensor),
            None => bail!(
                "the operand `{}` must be a tensor",
                self.names.first().unwrap_or(&"x")
            ),
        }
    }

    /// The operands `i` and `j` in one dtype. A constant has that of the tensor beside it, as in Keras, but for
    /// fractions beside integers.
    pub(super) fn pair(&self, i: usize, j: usize) -> Result<(Tensor, Tensor)> {
        match (self.tensor(i), self.tensor(j)) {
            (Some(a), Some(b)) => {
                let dtype = wider(a.dtype(), b.dtype());
                Ok((ops::cast(a, dtype)?, ops::cast(b, dtype)?))
            }
            (Some(a), None) => {
                let b = self.beside(j, a)?;
                Ok((ops::cast(a, b.dtype())?, b))
            }
            (None, Some(b)) => {
                let a = self.beside(i, b)?;
                let b = ops::cast(b, a.dtype())?;
                Ok((a, b))
            }
            (None, None) => bail!("one of the operands must be a tensor"),
        }
    }

    /// The constant operand `index`, for a tensor beside it.
    fn beside(&self, index: usize, tensor: &Tensor) -> Result<Tensor> {
        let Some(value) = self.constant(index) else {
            bail!(
                "the operand `{}` is missing",
                self.names.get(index).unwrap_or(&"?")
            );
        };
        let (numbers, shape) = array(value)?;
        let dtype = match tensor.dtype() {
            dtype if dtype.is_float() || !fractional(value) => dtype,
            _ => ops::floatx(),
        };
        let constant = Tensor::from_vec(numbers, shape, tensor.device())?;
        Ok(ops::cast(&constant, dtype)?)
    }

    /// The operand `index` as whole numbers, for indices.
    pub(super) fn indices(&self, index: usize) -> Result<Tensor> {
        match (self.tensor(index), self.tensor(0)) {
            (Some(tensor), _) => Ok(tensor.clone()),
            (None, Some(beside)) => Ok(ops::cast(&self.beside(index, beside)?, DType::I64)?),
            (None, None) => bail!("one of the operands must be a tensor"),
        }
    }

    fn raw(&self, key: &str) -> Option<&'a Value> {
        let given = self.constants.constant(key).or_else(|| self.made_with.get(key));
        given.filter(|value| !value.is_null())
    }

    /// An argument that may be missing or null.
    pub(super) fn opt<T: FromValue>(&self, key: &str) -> Result<Option<T>> {
        let Some(value) = self.raw(key) else {
            return Ok(None);
        };
        match T::from_value(value) {
            Some(value) => Ok(Some(value)),
            None => bail!("`{key}` must be {}, got {value}", T::EXPECTED),
        }
    }

    /// An argument with a default.
    pub(super) fn or<T: FromValue>(&self, key: &str, default: T) -> Result<T> {
        Ok(self.opt(key)?.unwrap_or(default))
    }

    /// An argument that must be there.
    pub(super) fn req<T: FromValue>(&self, key: &str) -> Result<T> {
        match self.opt(key)? {
            Some(value) => Ok(value),
            None => bail!("the argument `{key}` ({}) is required", T::EXPECTED),
        }
    }

    /// A number or a list of them; `None` when missing or null.
    pub(super) fn numbers(&self, key: &str) -> Result<Option<Vec<i64>>> {
        match self.raw(key) {
            Some(Value::Number(_)) => Ok(self.opt::<i64>(key)?.map(|one| vec![one])),
            _ => self.opt(key),
        }
    }

    /// The dtype called so.
    pub(super) fn dtype(&self, key: &str) -> Result<Option<DType>> {
        let name = self.opt::<String>(key)?;
        Ok(name.map(|name| ops::dtype_from_name(&name)).transpose()?)
    }

    /// The places that `x[…]` means.
    pub(super) fn places(&self, index: usize) -> Result<Vec<Index>> {
        match self.constant(index) {
            Some(Value::Array(items)) => items.iter().map(place).collect(),
            Some(one) => Ok(vec![place(one)?]),
            None => bail!("indexing by a tensor is not supported; use `take`"),
        }
    }
}

fn place(value: &Value) -> Result<Index> {
    let class = value.get("class_name").and_then(Value::as_str);
    let limit = |key: &str| {
        value
            .get("config")
            .and_then(|c| c.get(key))
            .and_then(Value::as_i64)
    };
    Ok(match (value, class) {
        (Value::Null, _) => Index::NewAxis,
        (_, Some("__ellipsis__")) => Index::Ellipsis,
        (_, Some("__slice__")) => Index::Slice {
            start: limit("start"),
            stop: limit("stop"),
            step: limit("step").unwrap_or(1),
        },
        _ => match value.as_i64() {
            Some(at) => Index::At(at),
            None => bail!("an index must be a number, a slice, None or `...`, got {value}"),
        },
    })
}

/// The dtype that holds what both hold.
fn wider(a: DType, b: DType) -> DType {
    let rank = |dtype: DType| match dtype {
        DType::U8 => 0,
        DType::I16 => 1,
        DType::I32 => 2,
        DType::U32 => 3,
        DType::I64 => 4,
        DType::BF16 | DType::F16 => 5,
        DType::F32 => 6,
        _ => 7,
    };
    match (a, b) {
        (DType::BF16, DType::F16) | (DType::F16, DType::BF16) => DType::F32,
        _ if rank(a) >= rank(b) => a,
        _ => b,
    }
}

/// Whether a constant holds a float, even a whole one.
fn fractional(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(fractional),
        Value::Object(map) => map
            .get("config")
            .and_then(|c| c.get("value"))
            .is_some_and(fractional),
        other => other.is_f64(),
    }
}

/// The numbers of a constant and their shape: one, nested lists, or an array that Keras wrote.
fn array(value: &Value) -> Result<(Vec<f64>, Vec<usize>)> {
    if let Some("__numpy__" | "__tensor__") = value.get("class_name").and_then(Value::as_str) {
        return array(
            value
                .get("config")
                .and_then(|c| c.get("value"))
                .unwrap_or(&Value::Null),
        );
    }
    if let Some(number) = f64::from_value(value) {
        return Ok((vec![number], Vec::new()));
    }
    match value {
        Value::Bool(b) => Ok((vec![f64::from(u8::from(*b))], Vec::new())),
        Value::Array(items) => {
            let parts = items.iter().map(array).collect::<Result<Vec<_>>>()?;
            let shape = parts.first().map(|(_, shape)| shape.clone()).unwrap_or_default();
            if parts.iter().any(|(_, other)| *other != shape) {
                bail!("a constant must be a number or an array, got rows of different sizes: {value}");
            }
            let numbers = parts.into_iter().flat_map(|(numbers, _)| numbers).collect();
            Ok((numbers, std::iter::once(items.len()).chain(shape).collect()))
        }
        other => bail!("a constant must be a number or an array, got {other}"),
    }
}
