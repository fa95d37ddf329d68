//! What recurrent cells share: their arguments, weights and dropout.

use std::sync::Arc;

use keras_ops::{self as ops, DType, Device, FusedActivation, RecurrentActivation, Tensor};

use super::cell::Draws;
use crate::activations::Argument;
use crate::config::Reader;
use crate::layer::{Build, Call, LayerBase, Weight};
use crate::layers::base::{nested_value, read_nested};
use crate::registry;
use crate::shape;
use crate::{
    Activation, Config, Constraint, Initializer, Registry, Regularizer, Result, SeedGenerator, Spec,
    Variable, bail,
};

/// The arguments of a cell, and its weights once built.
#[derive(Debug)]
pub(in crate::layers) struct CellArgs {
    pub(in crate::layers) activation: Argument,
    /// `None` for a cell without gates.
    pub(in crate::layers) recurrent_activation: Option<Argument>,
    pub(in crate::layers) use_bias: bool,
    pub(in crate::layers) initializers: [Option<Spec<dyn Initializer>>; 3],
    pub(in crate::layers) regularizers: [Option<Spec<dyn Regularizer>>; 3],
    pub(in crate::layers) constraints: [Option<Spec<dyn Constraint>>; 3],
    pub(in crate::layers) dropout: f64,
    pub(in crate::layers) recurrent_dropout: f64,
    pub(in crate::layers) seed: Option<u64>,
    seeds: SeedGenerator,
    weights: [Option<Variable>; 3],
}

/// The values of the weights for one pass.
#[derive(Clone, Debug)]
pub(super) struct Weights {
    pub(super) kernel: Tensor,
    pub(super) recurrent: Tensor,
    pub(super) bias: Option<Tensor>,
}

const INITIALIZERS: [&str; 3] = ["kernel_initializer", "recurrent_initializer", "bias_initializer"];
const REGULARIZERS: [&str; 3] = ["kernel_regularizer", "recurrent_regularizer", "bias_regularizer"];
const CONSTRAINTS: [&str; 3] = ["kernel_constraint", "recurrent_constraint", "bias_constraint"];

impl CellArgs {
    pub(super) fn new(base: &mut LayerBase, gated: bool) -> Self {
        Self {
            activation: Argument::new("tanh".into()),
            recurrent_activation: gated.then(|| Argument::new("sigmoid".into())),
            use_bias: true,
            initializers: ["glorot_uniform", "orthogonal", "zeros"].map(|name| Some(name.into())),
            regularizers: [None, None, None],
            constraints: [None, None, None],
            dropout: 0.,
            recurrent_dropout: 0.,
            seed: None,
            seeds: base.add_seed(None),
            weights: [None, None, None],
        }
    }

    pub(super) fn read(
        reader: &mut Reader<'_>,
        registry: &Registry,
        base: &mut LayerBase,
        gated: bool,
    ) -> Result<Self> {
        let mut args = Self::new(base, gated);
        read_activation(reader, "activation", registry, &mut args.activation)?;
        if let Some(gate) = &mut args.recurrent_activation {
            read_activation(reader, "recurrent_activation", registry, gate)?;
        }
        args.use_bias = reader.or("use_bias", true)?;
        for i in 0..3 {
            if let Some(given) = read_nested(reader, INITIALIZERS[i], registry)? {
                args.initializers[i] = Some(given);
            }
            args.regularizers[i] = read_nested(reader, REGULARIZERS[i], registry)?;
            args.constraints[i] = read_nested(reader, CONSTRAINTS[i], registry)?;
        }
        args.set_dropout(reader.or("dropout", 0.)?);
        args.set_recurrent_dropout(reader.or("recurrent_dropout", 0.)?);
        if let Some(seed) = reader.opt("seed")? {
            args.set_seed(seed);
        }
        // Which of two equal formulas computes a step; not saved by Keras 3.
        reader.ignore(&["implementation"]);
        Ok(args)
    }

    pub(super) fn write(&self, config: &mut Config) {
        config.set("activation", self.activation.to_value());
        if let Some(gate) = &self.recurrent_activation {
            config.set("recurrent_activation", gate.to_value());
        }
        config.set("use_bias", self.use_bias);
        for i in 0..3 {
            config.set(INITIALIZERS[i], nested_value(self.initializers[i].as_ref()));
            config.set(REGULARIZERS[i], nested_value(self.regularizers[i].as_ref()));
            config.set(CONSTRAINTS[i], nested_value(self.constraints[i].as_ref()));
        }
        config.set("dropout", self.dropout);
        config.set("recurrent_dropout", self.recurrent_dropout);
        config.set("seed", self.seed);
    }

    pub(in crate::layers) fn set_dropout(&mut self, dropout: f64) {
        self.dropout = dropout;
    }

    pub(in crate::layers) fn set_recurrent_dropout(&mut self, dropout: f64) {
        self.recurrent_dropout = dropout;
    }

    pub(in crate::layers) fn set_seed(&mut self, seed: u64) {
        self.seed = Some(seed);
        self.seeds.load_state(ops::Seed::new(seed, 0));
    }

    /// Looks the activations up, so that an unknown one is found early.
    pub(super) fn check(&self) -> Result<()> {
        self.activation.get()?;
        self.recurrent_activation
            .as_ref()
            .map(Argument::get)
            .transpose()?;
        Ok(())
    }

    /// Makes the weights; with `forget`, the second quarter of the bias begins at 1.
    pub(super) fn build(
        &mut self,
        base: &mut LayerBase,
        [kernel, recurrent, bias]: [&[usize]; 3],
        forget: bool,
        cx: &Build,
    ) -> Result<()> {
        self.activation.resolve()?;
        self.recurrent_activation
            .as_mut()
            .map(Argument::resolve)
            .transpose()?;
        let names = ["kernel", "recurrent_kernel", "bias"];
        for (i, shape) in [kernel, recurrent, bias].into_iter().enumerate() {
            if i == 2 && !self.use_bias {
                continue;
            }
            let mut weight = Weight::new(names[i], shape)
                .regularizer(self.regularizers[i].clone())
                .constraint(self.constraints[i].clone());
            if let Some(initializer) = self.initializers[i].clone() {
                weight = match i == 2 && forget {
                    true => weight.initializer(UnitForget::around(&initializer)?),
                    false => weight.initializer(initializer),
                };
            }
            self.weights[i] = Some(base.add_weight(weight, cx)?);
        }
        Ok(())
    }

    pub(super) fn weights(&self, base: &LayerBase) -> Result<Weights> {
        let bias = self.weights[2].as_ref().map(|bias| base.cast_value(bias));
        Ok(Weights {
            kernel: base.value(&self.weights[0])?,
            recurrent: base.value(&self.weights[1])?,
            bias: bias.transpose()?,
        })
    }

    /// The two activations in the form that whole sequences are computed with, where both have one.
    pub(super) fn recurrent_activations(&self) -> Result<Option<[RecurrentActivation; 2]>> {
        let gate = match &self.recurrent_activation {
            Some(gate) => known(&*gate.get()?),
            None => Some(RecurrentActivation::Sigmoid),
        };
        Ok(known(&*self.activation.get()?).zip(gate).map(|(a, g)| [a, g]))
    }

    /// The gates' activation.
    pub(super) fn gate(&self) -> Result<Arc<dyn Activation>> {
        self.recurrent_activation
            .as_ref()
            .unwrap_or(&self.activation)
            .get()
    }

    /// Masks of dropout for a step's input and first state: `gates` of each when gates have their own, else one.
    pub(super) fn draw(
        &self,
        [input, state]: [&[usize]; 2],
        gates: [usize; 2],
        dtype: DType,
        device: &Device,
    ) -> Result<Draws> {
        let masks = |shape: &[usize], rate: f64, count: usize| -> Result<Vec<Tensor>> {
            // A cell with gates does nothing at rate 1, as in Keras.
            if rate <= 0. || (rate >= 1. && self.recurrent_activation.is_some()) {
                return Ok(Vec::new());
            }
            let ones = Tensor::ones(shape, dtype, device)?;
            let draw = |_| Ok(ops::nn::dropout(&ones, rate, None, self.seeds.next())?);
            (0..count).map(draw).collect()
        };
        Ok(Draws {
            inputs: masks(input, self.dropout, gates[0])?,
            states: masks(state, self.recurrent_dropout, gates[1])?,
            cells: Vec::new(),
        })
    }
}

fn read_activation<'a>(
    reader: &mut Reader<'a>,
    key: &'a str,
    registry: &Registry,
    argument: &mut Argument,
) -> Result<()> {
    // Keras's `None` is linear; left out, it is the cell's own default.
    if reader.raw(key).is_some() || reader.is_null(key) {
        *argument = Argument::read(reader, key, registry)?;
    }
    Ok(())
}

fn known(activation: &dyn Activation) -> Option<RecurrentActivation> {
    match activation.fused() {
        Some(FusedActivation::Tanh) => Some(RecurrentActivation::Tanh),
        Some(FusedActivation::Sigmoid) => Some(RecurrentActivation::Sigmoid),
        Some(FusedActivation::Relu) => Some(RecurrentActivation::Relu),
        Some(FusedActivation::Linear) => Some(RecurrentActivation::Linear),
        _ if activation.name() == "hard_sigmoid" => Some(RecurrentActivation::HardSigmoid),
        _ => None,
    }
}

/// The bias's own start value, but 1 for the forget gate.
#[derive(Debug)]
struct UnitForget(Arc<dyn Initializer>);

impl UnitForget {
    fn around(initializer: &Spec<dyn Initializer>) -> Result<Self> {
        let registry = registry::core();
        Ok(Self(initializer.resolve(&registry.initializers, registry)?))
    }
}

impl Initializer for UnitForget {
    fn call(&self, shape: &[usize], dtype: DType, device: &Device) -> Result<Tensor> {
        let &[count] = shape else {
            bail!("unit_forget_bias: expected a bias of one axis, got shape {shape:?}");
        };
        let units = count / 4;
        let first = self.0.call(&[units], dtype, device)?;
        let forget = Tensor::ones(&[units], dtype, device)?;
        let rest = self.0.call(&[2 * units], dtype, device)?;
        Ok(ops::concatenate(&[&first, &forget, &rest], 0)?)
    }
}

/// `x` times a mask that has no axis of time, where `x` may have one at axis 1.
fn masked(x: &Tensor, mask: &Tensor) -> Result<Tensor> {
    let mask = match x.rank() > mask.rank() {
        true => ops::expand_dims(mask, 1)?,
        false => mask.clone(),
    };
    Ok(ops::multiply(x, &mask)?)
}

/// The products of `x`, dropped by `masks`, with the kernel: `product(x, gate)` for each of `gates` masks, side
/// by side at `axis`, or `product(x, None)` for one mask or none.
pub(super) fn by_gate(
    x: &Tensor,
    masks: &[Tensor],
    axis: i64,
    product: impl Fn(&Tensor, Option<usize>) -> Result<Tensor>,
) -> Result<Tensor> {
    match masks {
        [] => product(x, None),
        [mask] => product(&masked(x, mask)?, None),
        masks => {
            let parts = masks
                .iter()
                .enumerate()
                .map(|(gate, mask)| product(&masked(x, mask)?, Some(gate)))
                .collect::<Result<Vec<_>>>()?;
            Ok(ops::concatenate(&parts.iter().collect::<Vec<_>>(), axis)?)
        }
    }
}

/// The part of a tensor that belongs to a gate of `gates` along the last axis, or all of it.
pub(super) fn part(x: &Tensor, gate: Option<usize>, gates: usize) -> Result<Tensor> {
    let Some(gate) = gate else {
        return Ok(x.clone());
    };
    let size = x.dims().last().copied().unwrap_or_default() / gates;
    Ok(ops::narrow(x, -1, gate * size, size)?)
}

/// The sizes of a step's input whose last axis must be known.
pub(super) fn step_shape(class_name: &str, input: &[Option<usize>]) -> Result<usize> {
    match input {
        [_, Some(features)] if *features > 0 => Ok(*features),
        _ => bail!(
            "{class_name}: expected a step's input of shape (batch, features) with known features, got {}",
            shape::show(input)
        ),
    }
}

/// Draws in training only.
pub(super) fn in_training(cx: &Call, draw: impl FnOnce() -> Result<Draws>) -> Result<Draws> {
    if cx.training { draw() } else { Ok(Draws::default()) }
}

/// Builder methods for arguments that lie in [`CellArgs`], which `with_args` gives; a generic type's parameters come
/// first, in brackets, the name of the gates' activation last.
macro_rules! cell_methods {
    ([$($generics:tt)*] $type:ty, $($gated:ident)?) => {
        impl<$($generics)*> $type {
            /// What is applied to the candidate and the output: a name, an [`Activation`](crate::Activation) or a
            /// closure made one; `"tanh"` unless given.
            #[must_use]
            pub fn activation(mut self, activation: impl Into<crate::Spec<dyn crate::Activation>>) -> Self {
                let activation = crate::activations::Argument::new(activation.into());
                self.with_args(|args| args.activation = activation);
                self
            }

            $(
            /// What is applied to the gates; `"sigmoid"` unless given.
            #[must_use]
            pub fn $gated(mut self, activation: impl Into<crate::Spec<dyn crate::Activation>>) -> Self {
                let activation = crate::activations::Argument::new(activation.into());
                self.with_args(|args| args.recurrent_activation = Some(activation));
                self
            }
            )?

            /// Whether a bias is added.
            #[must_use]
            pub fn use_bias(mut self, use_bias: bool) -> Self {
                self.with_args(|args| args.use_bias = use_bias);
                self
            }

            /// The share of the inputs that is set to 0 in training, the same at every step.
            ///
            /// Differs from Keras, which takes the nearer end for a share that is not within 0 and 1: it is an error.
            #[must_use]
            pub fn dropout(mut self, rate: f64) -> Self {
                self.with_args(|args| args.set_dropout(rate));
                self
            }

            /// The share of the state that is set to 0 in the recurrent product in training, the same at every
            /// step.
            #[must_use]
            pub fn recurrent_dropout(mut self, rate: f64) -> Self {
                self.with_args(|args| args.set_recurrent_dropout(rate));
                self
            }

            /// Makes dropout repeatable.
            #[must_use]
            pub fn seed(mut self, seed: u64) -> Self {
                self.with_args(|args| args.set_seed(seed));
                self
            }

            $crate::layers::rnn::cell_args::cell_methods!(@specs initializers, crate::Initializer,
                kernel_initializer 0 "The kernel's start value, `\"glorot_uniform\"` unless given.",
                recurrent_initializer 1 "The recurrent kernel's start value, `\"orthogonal\"` unless given.",
                bias_initializer 2 "The bias's start value, `\"zeros\"` unless given.");
            $crate::layers::rnn::cell_args::cell_methods!(@specs regularizers, crate::Regularizer,
                kernel_regularizer 0 "A penalty on the kernel.",
                recurrent_regularizer 1 "A penalty on the recurrent kernel.",
                bias_regularizer 2 "A penalty on the bias.");
            $crate::layers::rnn::cell_args::cell_methods!(@specs constraints, crate::Constraint,
                kernel_constraint 0 "A projection of the kernel after each update.",
                recurrent_constraint 1 "A projection of the recurrent kernel after each update.",
                bias_constraint 2 "A projection of the bias after each update.");
        }
    };
    (@specs $field:ident, $kind:path, $($name:ident $index:literal $doc:literal),*) => { $(
        #[doc = $doc]
        #[must_use]
        pub fn $name(mut self, $name: impl Into<crate::Spec<dyn $kind>>) -> Self {
            let given = $name.into();
            self.with_args(|args| args.$field[$index] = Some(given));
            self
        }
    )* };
    ($type:ty, $($gated:ident)?) => {
        $crate::layers::rnn::cell_args::cell_methods!([] $type, $($gated)?);
    };
}
pub(super) use cell_methods;
