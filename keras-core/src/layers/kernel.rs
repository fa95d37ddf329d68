//! What layers with a kernel, a bias and an activation share: their arguments and weights.

use keras_ops::{FusedActivation, Tensor};

use super::base::{add_activity_loss, read_nested, resolve};
use super::lora::Lora;
use super::weight::{WeightArgs, weight_args, write_weights};
use crate::activations::Argument;
use crate::config::Reader;
use crate::layer::{Build, Call, LayerBase, Outputs};
use crate::{Config, Registry, Regularizer, Result, Spec, bail};

#[derive(Clone, Debug)]
pub(super) struct KernelArgs {
    pub(super) activation: Argument,
    pub(super) use_bias: bool,
    pub(super) kernel: WeightArgs,
    pub(super) bias: WeightArgs,
    pub(super) activity_regularizer: Option<Spec<dyn Regularizer>>,
    pub(super) lora: Lora,
}

impl Default for KernelArgs {
    fn default() -> Self {
        Self::of(weight_args!("kernel", "glorot_uniform"))
    }
}

impl KernelArgs {
    /// For a kernel whose arguments have other names than `kernel_…`.
    pub(super) fn of(kernel: WeightArgs) -> Self {
        Self {
            activation: Argument::default(),
            use_bias: true,
            kernel,
            bias: weight_args!("bias", "zeros"),
            activity_regularizer: None,
            lora: Lora::default(),
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>, registry: &Registry) -> Result<Self> {
        Self::default().read_with(reader, registry)
    }

    /// [`read`](Self::read) for arguments of other names.
    pub(super) fn read_with(self, reader: &mut Reader<'_>, registry: &Registry) -> Result<Self> {
        let activation = Argument::read(reader, "activation", registry)?;
        let use_bias = reader.or("use_bias", self.use_bias)?;
        let args = self.with_weights(reader, registry)?;
        Ok(Self {
            activation,
            use_bias,
            ..args
        })
    }

    /// All but `activation` and `use_bias`, for layers that have no such arguments.
    pub(super) fn read_weights(reader: &mut Reader<'_>, registry: &Registry) -> Result<Self> {
        Self::default().with_weights(reader, registry)
    }

    fn with_weights(self, reader: &mut Reader<'_>, registry: &Registry) -> Result<Self> {
        Ok(Self {
            kernel: self.kernel.read(reader, registry)?,
            bias: self.bias.read(reader, registry)?,
            activity_regularizer: read_nested(reader, "activity_regularizer", registry)?,
            ..self
        })
    }

    /// Also with `lora_rank` and `lora_alpha`.
    pub(super) fn read_lora(mut self, reader: &mut Reader<'_>) -> Result<Self> {
        self.lora = Lora::read(reader)?;
        Ok(self)
    }

    /// Adds the arguments to a configuration.
    pub(super) fn write(&self, config: &mut Config) {
        self.write_activation(config);
        self.write_weights(config);
    }

    pub(super) fn write_activation(&self, config: &mut Config) {
        config.set("activation", self.activation.to_value());
        config.set("use_bias", self.use_bias);
    }

    /// What [`write`](Self::write) adds after `activation` and `use_bias`.
    pub(super) fn write_weights(&self, config: &mut Config) {
        self.write_these(config, &[&self.kernel, &self.bias]);
        self.lora.write(config);
    }

    /// [`write_weights`](Self::write_weights) for a layer with other weights.
    pub(super) fn write_these(&self, config: &mut Config, weights: &[&WeightArgs]) {
        write_weights(config, weights, Some(self.activity_regularizer.as_ref()));
    }

    /// Makes the weights and looks names up; the bias has the kernel's last axis.
    pub(super) fn build(&mut self, base: &mut LayerBase, shape: &[usize], cx: &Build) -> Result<()> {
        let bias = self.use_bias.then(|| &shape[shape.len() - 1..]);
        self.build_shapes(base, shape, bias, cx)
    }

    /// [`build`](Self::build) with a bias of any shape, or none.
    pub(super) fn build_shapes(
        &mut self,
        base: &mut LayerBase,
        shape: &[usize],
        bias: Option<&[usize]>,
        cx: &Build,
    ) -> Result<()> {
        self.build_kernel(base, "kernel", shape, cx)?;
        self.build_bias(base, bias, cx)
    }

    pub(super) fn build_kernel(
        &mut self,
        base: &mut LayerBase,
        name: &str,
        shape: &[usize],
        cx: &Build,
    ) -> Result<()> {
        self.activation.resolve()?;
        resolve(&mut self.activity_regularizer)?;
        self.kernel.build(base, name, shape, cx)
    }

    /// An error when adapters meet a constraint, which would not see the weight that they make.
    pub(super) fn check_lora(&self, layer: &str) -> Result<()> {
        if self.lora.rank > 0 && self.kernel.constraint.is_some() {
            bail!("{layer}: `lora_rank` does not go with `kernel_constraint`: leave one of them out");
        }
        Ok(())
    }

    /// The bias, and after it the weights that adapt the kernel, as Keras orders them.
    pub(super) fn build_bias(
        &mut self,
        base: &mut LayerBase,
        shape: Option<&[usize]>,
        cx: &Build,
    ) -> Result<()> {
        if let Some(shape) = shape {
            self.bias.build(base, "bias", shape, cx)?;
        }
        self.check_lora(base.name())?;
        match self.kernel.variable() {
            Some(kernel) => {
                let regularizer = self.kernel.regularizer.as_ref();
                self.lora.build(base, "lora_kernel", kernel, regularizer, cx)
            }
            None => Ok(()),
        }
    }

    /// Runs `product` (of kernel, bias and the activation that it can apply itself) and what is left to do.
    pub(super) fn run(
        &self,
        base: &LayerBase,
        cx: &mut Call,
        product: impl FnOnce(&Tensor, Option<&Tensor>, FusedActivation) -> keras_ops::Result<Tensor>,
    ) -> Result<Outputs> {
        let (kernel, bias) = self.weights(base)?;
        let activation = self.activation.get()?;
        let fused = activation.fused().filter(|_| !cx.eager);
        let mut output = product(&kernel, bias.as_ref(), fused.unwrap_or(FusedActivation::Linear))?;
        if fused.is_none() {
            output = activation.call(&output)?;
        }
        self.finish(output, cx)
    }

    /// Whether [`run`](Self::run) leaves all to the product, so that more can be joined to it.
    pub(super) fn fuses(&self) -> bool {
        self.activity_regularizer.is_none() && self.activation.get().is_ok_and(|a| a.fused().is_some())
    }

    /// The kernel, with its adapters, and the bias.
    pub(super) fn weights(&self, base: &LayerBase) -> Result<(Tensor, Option<Tensor>)> {
        let kernel = self.lora.adapted(&self.kernel.value(base)?)?;
        let bias = self.bias.variable().is_some();
        Ok((kernel, bias.then(|| self.bias.value(base)).transpose()?))
    }

    /// The output and the penalty on it.
    pub(super) fn finish(&self, output: Tensor, cx: &mut Call) -> Result<Outputs> {
        add_activity_loss(self.activity_regularizer.as_ref(), &output, cx)?;
        Ok(output.into())
    }
}

/// Builder methods for a layer that keeps [`KernelArgs`] in `args`; a generic layer's parameters come first, in
/// brackets.
macro_rules! kernel_methods {
    ([$($generics:tt)*] $type:ty) => {
        $crate::layers::kernel::activation_method!([$($generics)*] $type);
        $crate::layers::kernel::bias_method!([$($generics)*] $type);
        $crate::layers::kernel::weight_methods!([$($generics)*] $type);
    };
    ($type:ty) => {
        $crate::layers::kernel::kernel_methods!([] $type);
    };
}

/// The part of [`kernel_methods`] about the activation.
macro_rules! activation_method {
    ([$($generics:tt)*] $type:ty) => {
        impl<$($generics)*> $type {
            /// What is applied to the output: a name (`"relu"`), an [`Activation`](crate::Activation) or a
            /// closure made one by [`activation_fn`](crate::activations::activation_fn).
            #[must_use]
            pub fn activation(mut self, activation: impl Into<crate::Spec<dyn crate::Activation>>) -> Self {
                self.args.activation = crate::activations::Argument::new(activation.into());
                self
            }
        }
    };
    ($type:ty) => {
        $crate::layers::kernel::activation_method!([] $type);
    };
}

/// The part of [`kernel_methods`] about whether there is a bias.
macro_rules! bias_method {
    ([$($generics:tt)*] $type:ty) => {
        impl<$($generics)*> $type {
            /// Whether a bias is added.
            #[must_use]
            pub fn use_bias(mut self, use_bias: bool) -> Self {
                self.args.use_bias = use_bias;
                self
            }
        }
    };
    ($type:ty) => {
        $crate::layers::kernel::bias_method!([] $type);
    };
}

/// The part of [`kernel_methods`] about the weights and the output.
macro_rules! weight_methods {
    ([$($generics:tt)*] $type:ty) => {
        $crate::layers::weight::one_weight_methods!(
            [$($generics)*] $type, args.kernel, "kernel", "glorot_uniform":
            kernel_initializer kernel_regularizer kernel_constraint
        );
        $crate::layers::kernel::output_methods!([$($generics)*] $type);
    };
    ($type:ty) => {
        $crate::layers::kernel::weight_methods!([] $type);
    };
}

/// The part of [`weight_methods`] about the bias and the output, for layers whose kernel has another name.
macro_rules! output_methods {
    ([$($generics:tt)*] $type:ty) => {
        $crate::layers::weight::one_weight_methods!(
            [$($generics)*] $type, args.bias, "bias", "zeros": bias_initializer bias_regularizer bias_constraint
        );

        impl<$($generics)*> $type {
            /// A penalty on the output, divided by the batch size.
            #[must_use]
            pub fn activity_regularizer(
                mut self,
                regularizer: impl Into<crate::Spec<dyn crate::Regularizer>>,
            ) -> Self {
                self.args.activity_regularizer = Some(regularizer.into());
                self
            }
        }
    };
}

/// `lora_rank` and `lora_alpha`.
macro_rules! lora_methods {
    ([$($generics:tt)*] $type:ty) => {
        impl<$($generics)*> $type {
            /// Freezes the kernel `w` and trains two small factors in its place (LoRA): it stands for
            /// `w + lora_alpha / rank * (a . b)`, with `a` of `rank` columns and `b`, at first 0, of `rank` rows. A
            /// rank of 0 leaves it as it is.
            #[must_use]
            pub fn lora_rank(mut self, rank: usize) -> Self {
                self.args.lora.rank = rank;
                self
            }

            /// How strongly the two factors of [`lora_rank`](Self::lora_rank) count; the rank unless given.
            #[must_use]
            pub fn lora_alpha(mut self, alpha: f64) -> Self {
                self.args.lora.alpha = Some(alpha);
                self
            }
        }
    };
    ($type:ty) => {
        $crate::layers::kernel::lora_methods!([] $type);
    };
}
pub(super) use {
    activation_method, bias_method, kernel_methods, lora_methods, output_methods, weight_methods,
};
