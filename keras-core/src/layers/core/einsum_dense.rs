//! Dense layers in index notation.

use keras_ops::{self as ops, FusedActivation, Tensor};
use serde_json::Value;

use super::equation::Equation;
use crate::activations::Argument;
use crate::layer::{Build, Call, Layer, LayerBase, Outputs};
use crate::layers::base::{base_accessors, cast_input, common_methods, layer_entry, only};
use crate::layers::kernel::{KernelArgs, activation_method, lora_methods, weight_methods};
use crate::shape::{self, Dims};
use crate::{Config, Initializer, Registry, Result, Spec, bail, registry};

/// `activation(einsum(equation, x, kernel) + bias)`: a [`Dense`](super::Dense) for any axes.
///
/// The equation has one of the forms `"ab,bc->ac"`, `"...ab,bc->...ac"` and `"ab...,bc->ac..."`, with as many letters as
/// wanted. An index that is missing in the output is summed over. Equations that sum the input's last axes with the
/// kernel's first run as one matrix product.
///
/// # Shapes
/// The output has the sizes of `output_shape` after the batch and, on its side, what `...` stands for. The kernel has a
/// size for each of its letters; the bias reaches from the first of `bias_axes` to the last axis, with 1 for axes that
/// are not named.
///
/// # Errors
/// When the equation has another form, names an index in one place only, or does not fit the input and `output_shape`;
/// when `lora_rank` meets a `kernel_constraint`.
///
/// # Examples
/// ```
/// use keras_core::layers::EinsumDense;
/// use keras_core::{Apply, Sequential, input, layer::Call};
/// use keras_ops::{DType, Device, Tensor};
/// // The projection to 2 heads of 3 values each.
/// let heads = EinsumDense::new("abc,cde->abde", [None, Some(2), Some(3)]).bias_axes("de").kernel_initializer("ones");
/// let model = Sequential::new().input([5, 4]).add(heads).build()?;
/// assert_eq!(model.output_shapes(), [[None, Some(5), Some(2), Some(3)]]);
/// assert_eq!(model.count_params(), 4 * 2 * 3 + 2 * 3);
/// let x = Tensor::ones((1, 5, 4), DType::F32, &Device::Cpu)?;
/// assert_eq!(model.call(&[x], &mut Call::new(false))?[0].flatten_all()?.to_vec1::<f32>()?[0], 4.);
/// // Any number of axes in front.
/// assert_eq!(EinsumDense::new("...x,xy->...y", 6).apply(&input([5, 4]))?.shape(), [None, Some(5), Some(6)]);
/// # Ok::<(), keras_core::Error>(())
/// ```
///
/// Differs from Keras: sizes that `output_shape` leaves open are taken from the input where it has them.
#[derive(Debug)]
pub struct EinsumDense {
    base: LayerBase,
    equation: String,
    output_shape: OutputShape,
    bias_axes: Option<String>,
    args: KernelArgs,
    /// How many axes one matrix product sums, and whether it can add the bias; `None` for other equations.
    product: Option<(usize, bool)>,
}

/// The sizes of an output without the batch; `None` for those that the input says. One number is a list of one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutputShape(pub Vec<Option<usize>>);

impl From<usize> for OutputShape {
    fn from(size: usize) -> Self {
        Self(vec![Some(size)])
    }
}

impl<const N: usize> From<[usize; N]> for OutputShape {
    fn from(sizes: [usize; N]) -> Self {
        Self(sizes.map(Some).to_vec())
    }
}

impl<const N: usize> From<[Option<usize>; N]> for OutputShape {
    fn from(sizes: [Option<usize>; N]) -> Self {
        Self(sizes.to_vec())
    }
}

impl From<Vec<Option<usize>>> for OutputShape {
    fn from(sizes: Vec<Option<usize>>) -> Self {
        Self(sizes)
    }
}

common_methods!(EinsumDense);
activation_method!(EinsumDense);
weight_methods!(EinsumDense);
lora_methods!(EinsumDense);
layer_entry!(EinsumDense, "activation(einsum(equation, x, kernel) + bias)");

impl EinsumDense {
    /// By an equation, with an output of this shape (without the batch and what `...` stands for).
    pub fn new(equation: &str, output_shape: impl Into<OutputShape>) -> Self {
        Self {
            base: LayerBase::default(),
            equation: equation.to_owned(),
            output_shape: output_shape.into(),
            bias_axes: None,
            args: KernelArgs::default(),
            product: None,
        }
    }

    /// The letters of the output's axes that a bias is added along; no bias unless given.
    #[must_use]
    pub fn bias_axes(mut self, bias_axes: &str) -> Self {
        self.bias_axes = Some(bias_axes.to_owned());
        self
    }

    pub(in crate::layers) fn with_args(mut self, base: LayerBase, args: KernelArgs) -> Self {
        (self.base, self.args) = (base, args);
        self
    }

    fn from_config(config: &Config, registry: &Registry) -> Result<Self> {
        let mut reader = config.reader("EinsumDense");
        let base = LayerBase::from_reader(&mut reader)?;
        let equation = reader.req("equation")?;
        let output_shape = match reader.raw("output_shape") {
            Some(Value::Array(_)) => OutputShape(reader.req("output_shape")?),
            _ => reader.req::<usize>("output_shape")?.into(),
        };
        let bias_axes = reader.opt("bias_axes")?;
        let activation = Argument::read(&mut reader, "activation", registry)?;
        let mut args = KernelArgs::read_weights(&mut reader, registry)?.read_lora(&mut reader)?;
        args.activation = activation;
        reader.finish()?;
        let layer = Self {
            base,
            equation,
            output_shape,
            bias_axes,
            args,
            product: None,
        };
        Equation::parse(&layer.equation)?;
        layer.args.check_lora("EinsumDense")?;
        Ok(layer)
    }

    fn shapes(&self, input: &Dims) -> Result<super::equation::Shapes> {
        self.args.check_lora("EinsumDense")?;
        Equation::parse(&self.equation)?.shapes(input, &self.output_shape.0, self.bias_axes.as_deref())
    }

    fn multiply(
        &self,
        x: &Tensor,
        kernel: &Tensor,
        bias: Option<&Tensor>,
        fused: FusedActivation,
    ) -> ops::Result<Tensor> {
        let Some((summed, _)) = self.product else {
            return ops::einsum(&self.equation, &[x, kernel]);
        };
        let sizes = |dims: &[usize]| -> Vec<i64> { dims.iter().map(|d| *d as i64).collect() };
        let (inner, outer) = kernel.dims().split_at(summed);
        let (inputs, units) = (inner.iter().product::<usize>(), outer.iter().product::<usize>());
        let rows = sizes(&x.dims()[..x.rank().saturating_sub(summed)]);
        let mut x = x.clone();
        if summed > 1 {
            x = ops::reshape(&x, &[&rows[..], &[inputs as i64]].concat())?;
        }
        let matrix = ops::reshape(kernel, &[inputs as i64, units as i64])?;
        let bias = bias.map(|b| ops::reshape(b, &[units as i64])).transpose()?;
        let y = ops::dense(&x, &matrix, bias.as_ref(), fused)?;
        match outer.len() {
            1 => Ok(y),
            _ => ops::reshape(&y, &[rows, sizes(outer)].concat()),
        }
    }
}

/// All sizes, which must be known to make a weight.
fn known(what: &str, dims: &Dims) -> Result<Vec<usize>> {
    match dims.iter().copied().collect() {
        Some(sizes) => Ok(sizes),
        None => bail!(
            "EinsumDense: the shape of the {what} must be known, got {}; give its sizes in `output_shape`, or an input \
             that has them",
            shape::show(dims)
        ),
    }
}

/// The initializer, told the axes of inputs and outputs where it would guess them.
fn with_axes(
    spec: &Spec<dyn Initializer>,
    inputs: Vec<i64>,
    outputs: Vec<i64>,
) -> Result<Spec<dyn Initializer>> {
    let core = registry::core();
    let initializer = spec.resolve(&core.initializers, core)?;
    let mut config = initializer.config();
    let open = ["input_axes", "output_axes"].map(|key| config.get(key).is_some_and(Value::is_null));
    let Some(entry) = core
        .initializers
        .find(initializer.class_name())
        .ok()
        .filter(|_| open.contains(&true))
    else {
        return Ok(Spec::Value(initializer));
    };
    config.set("input_axes", inputs.as_slice());
    config.set("output_axes", outputs.as_slice());
    Ok(Spec::Value((entry.build)(&config, core)?.into()))
}

impl Layer for EinsumDense {
    base_accessors!();

    fn build(&mut self, inputs: &[Dims], cx: &Build) -> Result<()> {
        let shapes = self.shapes(only("EinsumDense", inputs)?)?;
        let kernel = known("kernel", &shapes.kernel)?;
        let bias = shapes.bias.map(|bias| known("bias", &bias)).transpose()?;
        let summed = Equation::parse(&self.equation)?.product();
        self.product = summed.map(|n| (n, bias.as_deref().is_none_or(|bias| *bias == kernel[n..])));
        let given = self.args.kernel.initializer.clone();
        self.args.kernel.initializer = with_axes(&given, shapes.summed, shapes.made)?;
        let built = self
            .args
            .build_shapes(&mut self.base, &kernel, bias.as_deref(), cx);
        self.args.kernel.initializer = given;
        built
    }

    fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
        Ok(vec![self.shapes(only("EinsumDense", inputs)?)?.output])
    }

    fn call(&self, inputs: &[Tensor], cx: &mut Call) -> Result<Outputs> {
        let x = cast_input(&self.base, only("EinsumDense", inputs)?)?;
        if matches!(self.product, Some((_, true))) {
            return self.args.run(&self.base, cx, |kernel, bias, fused| {
                self.multiply(&x, kernel, bias, fused)
            });
        }
        let (kernel, bias) = self.args.weights(&self.base)?;
        let mut y = self.multiply(&x, &kernel, None, FusedActivation::Linear)?;
        if let Some(bias) = bias {
            y = ops::add(&y, &bias)?;
        }
        self.args.finish(self.args.activation.get()?.call(&y)?, cx)
    }

    fn config(&self) -> Config {
        let mut config = Config::new()
            .with("output_shape", self.output_shape.0.as_slice())
            .with("equation", self.equation.as_str())
            .with("activation", self.args.activation.to_value())
            .with("bias_axes", self.bias_axes.as_deref());
        self.args.write_weights(&mut config);
        config
    }
}
