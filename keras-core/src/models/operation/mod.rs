//! Operations of `keras.ops` as nodes of a model: what operators on symbolic tensors and Keras's files make.

mod elements;
mod neural;
mod numpy;
mod operands;

use std::fmt;

use keras_ops::Tensor;
use serde_json::{Value, json};

use crate::layer::{self, Call, Layer, LayerBase, Outputs, TensorSpec};
use crate::shape::Dims;
use crate::{Arguments, Config, Error, Result, bail};

pub(super) use operands::Operands;

/// One operation: how Keras names it and how it is computed.
pub(super) struct Op {
    class_name: &'static str,
    /// The last part of `keras.src.ops.numpy`.
    module: &'static str,
    /// What it is called with, in Keras's order: tensors or constants.
    operands: &'static [&'static str],
    /// What it is made with.
    arguments: &'static [&'static str],
    /// Whether it gives booleans.
    boolean: bool,
    run: fn(&Operands<'_>) -> Result<Vec<Tensor>>,
}

impl fmt::Debug for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "keras.src.ops.{}.{}", self.module, self.class_name)
    }
}

impl Op {
    fn find(class_name: &str) -> Result<&'static Self> {
        let lists = [
            numpy::OPS,
            elements::ELEMENTS,
            neural::NN,
            neural::CORE,
            neural::MATH,
            neural::LINALG,
        ];
        let all = || lists.into_iter().flatten();
        all().find(|op| op.class_name == class_name).ok_or_else(|| {
            let names = all().map(|op| op.class_name.to_owned()).collect();
            Error::unknown("operation", class_name, names)
        })
    }
}

/// An operation of `keras.ops` in a model, such as the `Multiply` that `x * 2` makes.
///
/// Its operands are tensors or constants; its shape is found by computing it on nothing.
#[derive(Debug)]
pub struct Operation {
    base: LayerBase,
    op: &'static Op,
    /// What it is made with.
    arguments: Config,
}

impl Operation {
    /// By Keras's class name, with what it is made with.
    ///
    /// # Errors
    /// When there is no such operation, or it does not take such an argument.
    pub(super) fn new(class_name: &str, mut arguments: Config) -> Result<Self> {
        let op = Op::find(class_name)?;
        let mut base = LayerBase::default();
        if let Some(Value::String(name)) = arguments.0.shift_remove("name") {
            base.set_name(name);
        }
        let mut reader = arguments.reader(class_name);
        reader.ignore(op.arguments);
        reader.finish()?;
        Ok(Self { base, op, arguments })
    }

    /// As Keras writes it.
    pub(super) fn envelope(&self) -> Value {
        let config = Config::new().with("name", self.base.name());
        let config: serde_json::Map<_, _> = config.0.into_iter().chain(self.arguments.0.clone()).collect();
        json!({
            "module": format!("keras.src.ops.{}", self.op.module),
            "class_name": self.op.class_name,
            "config": config,
            "registered_name": self.op.class_name,
        })
    }

    /// Whether it gives booleans, which are u8 here.
    pub(super) fn gives_booleans(&self) -> bool {
        self.op.boolean
    }
}

impl Layer for Operation {
    fn base(&self) -> &LayerBase {
        &self.base
    }

    fn base_mut(&mut self) -> &mut LayerBase {
        &mut self.base
    }

    fn class_name(&self) -> &str {
        self.op.class_name
    }

    fn input_arguments(&self) -> &'static [&'static str] {
        self.op.operands
    }

    fn call_arguments(&self) -> &'static [&'static str] {
        self.op.arguments
    }

    fn autocasts(&self) -> bool {
        false
    }

    fn compute_output_shape(&self, _inputs: &[Dims]) -> Result<Vec<Dims>> {
        bail!("{:?}: the shape depends on the dtypes of the operands", self.op)
    }

    fn compute_output_spec(&self, inputs: &[TensorSpec], arguments: &Arguments) -> Result<Vec<TensorSpec>> {
        Ok(layer::trace(self, inputs, arguments)?.outputs)
    }

    fn call(&self, inputs: &[Tensor], cx: &mut Call) -> Result<Outputs> {
        let operands = Operands::new(self.op.operands, inputs, &cx.arguments, &self.arguments);
        Ok((self.op.run)(&operands)?.into())
    }

    // Keras's operations carry no masks, and say nothing of it.
    fn compute_mask(&self, _inputs: &[Tensor], _masks: &[Option<Tensor>]) -> Result<Vec<Option<Tensor>>> {
        Ok(vec![None])
    }

    fn config(&self) -> Config {
        self.arguments.clone()
    }
}

/// A line of a table of operations.
macro_rules! ops {
    ($module:literal: $($class:ident($($operand:ident),*)$([$($argument:ident),*])? $($boolean:ident)? => $run:expr;)*) => {
        &[$($crate::models::operation::Op {
            class_name: stringify!($class),
            module: $module,
            operands: &[$(stringify!($operand)),*],
            arguments: &[$($(stringify!($argument)),*)?],
            boolean: $crate::models::operation::ops!(@ $($boolean)?),
            run: $run,
        }),*]
    };
    (@ boolean) => { true };
    (@) => { false };
}
use ops;
