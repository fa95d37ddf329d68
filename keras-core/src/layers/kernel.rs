//! What layers with a kernel, a bias and an activation share: their arguments and weights.

use keras_ops::{FusedActivation, Tensor};

use super::base::{add_activity_loss, nested_value, read_nested, resolve};
use super::lora::Lora;
use crate::activations::Argument;
use crate::config::Reader;
use crate::layer::{Build, Call, LayerBase, Outputs, Weight};
use crate::{Config, Constraint, Initializer, Registry, Regularizer, Result, Spec, Variable};

#[derive(Clone, Debug)]
pub(super) struct KernelArgs {
    pub(super) activation: Argument,
    pub(super) use_bias: bool,
    pub(super) kernel_initializer: Option<Spec<dyn Initializer>>,
    pub(super) bias_initializer: Option<Spec<dyn Initializer>>,
    pub(super) kernel_regularizer: Option<Spec<dyn Regularizer>>,
    pub(super) bias_regularizer: Option<Spec<dyn Regularizer>>,
    pub(super) activity_regularizer: Option<Spec<dyn Regularizer>>,
    pub(super) kernel_constraint: Option<Spec<dyn Constraint>>,
    pub(super) bias_constraint: Option<Spec<dyn Constraint>>,
    pub(super) lora: Option<Lora>,
    kernel: Option<Variable>,
    bias: Option<Variable>,
}

impl Default for KernelArgs {
    fn default() -> Self {
        Self {
            activation: Argument::default(),
            use_bias: true,
            kernel_initializer: Some("glorot_uniform".into()),
            bias_initializer: Some("zeros".into()),
            kernel_regularizer: None,
            bias_regularizer: None,
            activity_regularizer: None,
            kernel_constraint: None,
            bias_constraint: None,
            lora: None,
            kernel: None,
            bias: None,
        }
    }
}

impl KernelArgs {
    pub(super) fn read(reader: &mut Reader<'_>, registry: &Registry) -> Result<Self> {
        let activation = Argument::read(reader.raw("activation"), registry)?;
        let use_bias = reader.or("use_bias", true)?;
        let args = Self::read_weights(reader, registry)?;
        Ok(Self {
            activation,
            use_bias,
            ..args
        })
    }

    /// All but `activation` and `use_bias`, for layers that have no such arguments.
    pub(super) fn read_weights(reader: &mut Reader<'_>, registry: &Registry) -> Result<Self> {
        let default = Self::default();
        Ok(Self {
            kernel_initializer: read_nested(reader, "kernel_initializer", registry)?
                .or(default.kernel_initializer),
            bias_initializer: read_nested(reader, "bias_initializer", registry)?.or(default.bias_initializer),
            kernel_regularizer: read_nested(reader, "kernel_regularizer", registry)?,
            bias_regularizer: read_nested(reader, "bias_regularizer", registry)?,
            activity_regularizer: read_nested(reader, "activity_regularizer", registry)?,
            kernel_constraint: read_nested(reader, "kernel_constraint", registry)?,
            bias_constraint: read_nested(reader, "bias_constraint", registry)?,
            ..default
        })
    }

    /// Adds the arguments to a configuration.
    pub(super) fn write(&self, config: &mut Config) {
        config.set("activation", self.activation.to_value());
        config.set("use_bias", self.use_bias);
        self.write_weights(config);
    }

    /// What [`write`](Self::write) adds after `activation` and `use_bias`.
    pub(super) fn write_weights(&self, config: &mut Config) {
        config.set(
            "kernel_initializer",
            nested_value(self.kernel_initializer.as_ref()),
        );
        config.set("bias_initializer", nested_value(self.bias_initializer.as_ref()));
        config.set(
            "kernel_regularizer",
            nested_value(self.kernel_regularizer.as_ref()),
        );
        config.set("bias_regularizer", nested_value(self.bias_regularizer.as_ref()));
        config.set(
            "activity_regularizer",
            nested_value(self.activity_regularizer.as_ref()),
        );
        config.set("kernel_constraint", nested_value(self.kernel_constraint.as_ref()));
        config.set("bias_constraint", nested_value(self.bias_constraint.as_ref()));
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
        self.activation.resolve()?;
        resolve(&mut self.activity_regularizer)?;
        let mut kernel = Weight::new("kernel", shape)
            .regularizer(self.kernel_regularizer.clone())
            .constraint(self.kernel_constraint.clone());
        if let Some(initializer) = self.kernel_initializer.clone() {
            kernel = kernel.initializer(initializer);
        }
        self.kernel = Some(base.add_weight(kernel, cx)?);
        if let Some(shape) = bias {
            let mut bias = Weight::new("bias", shape)
                .regularizer(self.bias_regularizer.clone())
                .constraint(self.bias_constraint.clone());
            if let Some(initializer) = self.bias_initializer.clone() {
                bias = bias.initializer(initializer);
            }
            self.bias = Some(base.add_weight(bias, cx)?);
        }
        if let (Some(lora), Some(kernel)) = (&mut self.lora, &self.kernel) {
            lora.build(base, kernel, self.kernel_regularizer.as_ref(), cx)?;
        }
        Ok(())
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

    /// The kernel, with its adapters, and the bias.
    pub(super) fn weights(&self, base: &LayerBase) -> Result<(Tensor, Option<Tensor>)> {
        let bias = self.bias.as_ref().map(|bias| base.cast_value(bias));
        let kernel = base.value(&self.kernel)?;
        let kernel = match &self.lora {
            Some(lora) => lora.merged(kernel)?,
            None => kernel,
        };
        Ok((kernel, bias.transpose()?))
    }

    /// An error when the adapters' arguments are wrong.
    pub(super) fn check_lora(&self, class_name: &str) -> Result<()> {
        let constrained = self.kernel_constraint.is_some();
        self.lora
            .iter()
            .try_for_each(|lora| lora.check(class_name, constrained))
    }

    /// The output and the penalty on it.
    pub(super) fn finish(&self, output: Tensor, cx: &mut Call) -> Result<Outputs> {
        add_activity_loss(self.activity_regularizer.as_ref(), &output, cx)?;
        Ok(output.into())
    }
}

/// Builder methods for a layer that keeps [`KernelArgs`] in `args`.
macro_rules! kernel_methods {
    ($type:ty) => {
        $crate::layers::kernel::activation_method!($type);
        $crate::layers::kernel::bias_method!($type);
        $crate::layers::kernel::weight_methods!($type);
    };
}

/// The part of [`kernel_methods`] about the activation.
macro_rules! activation_method {
    ($type:ty) => {
        impl $type {
            /// What is applied to the output: a name (`"relu"`), an [`Activation`](crate::Activation) or a
            /// closure made one by [`activation_fn`](crate::activations::activation_fn).
            #[must_use]
            pub fn activation(mut self, activation: impl Into<crate::Spec<dyn crate::Activation>>) -> Self {
                self.args.activation = crate::activations::Argument::new(activation.into());
                self
            }
        }
    };
}

/// `lora_rank` and `lora_alpha` for a layer that keeps [`KernelArgs`] in `args`.
macro_rules! lora_methods {
    ($type:ty) => {
        impl $type {
            /// Trains the product of two matrices of this rank, added to the kernel, instead of the kernel.
            #[must_use]
            pub fn lora_rank(mut self, rank: usize) -> Self {
                self.args.lora = Some($crate::layers::lora::Lora::new(rank));
                self
            }

            /// What the product is multiplied by, times `lora_rank`; the rank unless given. Only after `lora_rank`.
            #[must_use]
            pub fn lora_alpha(mut self, alpha: f64) -> Self {
                if let Some(lora) = &mut self.args.lora {
                    lora.set_alpha(alpha);
                }
                self
            }
        }
    };
}

/// The part of [`kernel_methods`] about whether there is a bias.
macro_rules! bias_method {
    ($type:ty) => {
        impl $type {
            /// Whether a bias is added.
            #[must_use]
            pub fn use_bias(mut self, use_bias: bool) -> Self {
                self.args.use_bias = use_bias;
                self
            }
        }
    };
}

/// The part of [`kernel_methods`] about the weights.
macro_rules! weight_methods {
    ($type:ty) => {
        impl $type {
            /// The kernel's start value, `"glorot_uniform"` unless given.
            #[must_use]
            pub fn kernel_initializer(
                mut self,
                initializer: impl Into<crate::Spec<dyn crate::Initializer>>,
            ) -> Self {
                self.args.kernel_initializer = Some(initializer.into());
                self
            }

            /// The bias's start value, `"zeros"` unless given.
            #[must_use]
            pub fn bias_initializer(
                mut self,
                initializer: impl Into<crate::Spec<dyn crate::Initializer>>,
            ) -> Self {
                self.args.bias_initializer = Some(initializer.into());
                self
            }

            /// A penalty on the kernel.
            #[must_use]
            pub fn kernel_regularizer(
                mut self,
                regularizer: impl Into<crate::Spec<dyn crate::Regularizer>>,
            ) -> Self {
                self.args.kernel_regularizer = Some(regularizer.into());
                self
            }

            /// A penalty on the bias.
            #[must_use]
            pub fn bias_regularizer(
                mut self,
                regularizer: impl Into<crate::Spec<dyn crate::Regularizer>>,
            ) -> Self {
                self.args.bias_regularizer = Some(regularizer.into());
                self
            }

            /// A penalty on the output, divided by the batch size.
            #[must_use]
            pub fn activity_regularizer(
                mut self,
                regularizer: impl Into<crate::Spec<dyn crate::Regularizer>>,
            ) -> Self {
                self.args.activity_regularizer = Some(regularizer.into());
                self
            }

            /// A projection of the kernel after each update.
            #[must_use]
            pub fn kernel_constraint(
                mut self,
                constraint: impl Into<crate::Spec<dyn crate::Constraint>>,
            ) -> Self {
                self.args.kernel_constraint = Some(constraint.into());
                self
            }

            /// A projection of the bias after each update.
            #[must_use]
            pub fn bias_constraint(
                mut self,
                constraint: impl Into<crate::Spec<dyn crate::Constraint>>,
            ) -> Self {
                self.args.bias_constraint = Some(constraint.into());
                self
            }
        }
    };
}
pub(super) use {activation_method, bias_method, kernel_methods, lora_methods, weight_methods};
