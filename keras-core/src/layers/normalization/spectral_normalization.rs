//! Weights of a limited slope.

use keras_ops::{self as ops, DType, Tensor};

use crate::dtype_policy::PolicyArg;
use crate::initializers::TruncatedNormal;
use crate::layer::{Build, Call, Layer, LayerBase, LayerRef, Outputs, Weight};
use crate::layers::base::{layer_entry, only};
use crate::layers::core::Wrapper;
use crate::shape::Dims;
use crate::{Config, Registry, Result, Variable, bail};

/// Divides the kernel of a layer by its largest singular value (its spectral norm), so that the layer changes no more
/// than its input does.
///
/// In training, each call estimates the singular value by `power_iterations` steps of power iteration on `vector_u`,
/// which is kept, and replaces the layer's `kernel` (or `embeddings`) by the quotient. Otherwise the layer runs as it
/// is.
///
/// The gradient is that of the quotient by the kernel before it, as Keras computes it on JAX.
///
/// Differs from Keras: the output of integer input (an `Embedding`) is not converted to integers.
///
/// # Shapes
/// Those of the layer; `vector_u` is `(1, filters)`, the kernel's last size. Masks go the layer's way.
///
/// # Errors
/// When `power_iterations` is 0, the layer has neither a `kernel` nor `embeddings`, or as the layer.
///
/// # Examples
/// ```
/// use keras_core::{Layer, LayerRef, layer::{Build, Call}, layers::{Dense, SpectralNormalization}};
/// use keras_ops::{Device, Tensor};
/// let dense = Dense::new(2).kernel_initializer("identity").use_bias(false);
/// let layer = LayerRef::new(SpectralNormalization::new(dense));
/// layer.build(&[vec![None, Some(2)]], &Build::new(&Device::Cpu))?;
/// layer.weights("")[0].1.assign(&Tensor::new(&[[4f32, 0.], [0., 4.]], &Device::Cpu)?)?;
/// let x = Tensor::new(&[[3f32, 5.]], &Device::Cpu)?;
/// let y = layer.read().call(&[x], &mut Call::new(true))?.0.remove(0).to_vec2::<f32>()?;
/// assert!((y[0][0] - 3.).abs() < 1e-5 && (y[0][1] - 5.).abs() < 1e-5);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Debug)]
pub struct SpectralNormalization {
    wrapper: Wrapper,
    power_iterations: usize,
    kernel: Option<Variable>,
    vector_u: Option<Variable>,
}

layer_entry!(
    SpectralNormalization,
    "divides a layer's kernel by its spectral norm"
);

const CLASS: &str = "SpectralNormalization";

impl SpectralNormalization {
    /// Around a layer with a `kernel` or `embeddings`; one power iteration a call.
    pub fn new(layer: impl Into<LayerRef>) -> Self {
        Self::with(Wrapper::new(layer), 1)
    }

    fn with(wrapper: Wrapper, power_iterations: usize) -> Self {
        Self {
            wrapper,
            power_iterations,
            kernel: None,
            vector_u: None,
        }
    }

    /// Names the layer.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        self.wrapper = self.wrapper.name(name);
        self
    }

    /// Whether training changes its weights.
    #[must_use]
    pub fn trainable(mut self, trainable: bool) -> Self {
        self.wrapper = self.wrapper.trainable(trainable);
        self
    }

    /// The dtype that inputs are converted to; the layer within has its own.
    #[must_use]
    pub fn dtype(mut self, dtype: impl Into<PolicyArg>) -> Self {
        self.wrapper = self.wrapper.dtype(dtype);
        self
    }

    /// How many steps of power iteration a training call makes.
    #[must_use]
    pub fn power_iterations(mut self, power_iterations: usize) -> Self {
        self.power_iterations = power_iterations;
        self
    }

    fn from_config(config: &Config, registry: &Registry) -> Result<Self> {
        let mut reader = config.reader(CLASS);
        let wrapper = Wrapper::read(&mut reader, registry)?;
        let layer = Self::with(wrapper, reader.or("power_iterations", 1)?);
        reader.finish()?;
        layer.check()?;
        Ok(layer)
    }

    fn check(&self) -> Result<()> {
        if self.power_iterations == 0 {
            bail!("{CLASS}: `power_iterations` must be 1 or more, got 0");
        }
        Ok(())
    }

    /// The quotient, on the tape, and the next `vector_u`; both as they were where the kernel is all 0.
    fn normalized(&self, kernel: &Tensor, vector_u: &Tensor) -> Result<(Tensor, Tensor)> {
        // A copy: the variable is overwritten before the tape is read.
        let kernel = ops::mul_scalar(kernel, 1.)?;
        let last = kernel.dims().last().copied().unwrap_or(1);
        let matrix = ops::reshape(&kernel, &[-1, last as i64])?;
        let (u, v) = ops::no_grad(|| self.iterate(&matrix, vector_u))?;
        let along = ops::matmul(&ops::matmul(&v, &matrix)?, &ops::transpose(&u, &[1, 0])?)?;
        let nothing = ops::equal(&along, &ops::full_like(&along, 0.)?)?;
        let sigma = ops::where_(&nothing, &ops::full_like(&along, 1.)?, &along)?;
        let u = ops::no_grad(|| ops::where_(&nothing, vector_u, &u))?;
        Ok((ops::divide(&kernel, &ops::reshape(&sigma, &[1])?)?, u))
    }

    /// `u` and `v` nearer to the singular vectors of the largest singular value.
    fn iterate(&self, matrix: &Tensor, vector_u: &Tensor) -> ops::Result<(Tensor, Tensor)> {
        let transposed = ops::transpose(matrix, &[1, 0])?;
        let unit = |x: Tensor| ops::normalize(&x, -1, 2, ops::EPSILON);
        let mut u = vector_u.clone();
        let mut v = unit(ops::matmul(&u, &transposed)?)?;
        for step in 1..=self.power_iterations {
            u = unit(ops::matmul(&v, matrix)?)?;
            if step < self.power_iterations {
                v = unit(ops::matmul(&u, &transposed)?)?;
            }
        }
        Ok((u, v))
    }
}

impl Layer for SpectralNormalization {
    fn base(&self) -> &LayerBase {
        self.wrapper.base()
    }

    fn base_mut(&mut self) -> &mut LayerBase {
        self.wrapper.base_mut()
    }

    fn build(&mut self, inputs: &[Dims], cx: &Build) -> Result<()> {
        self.check()?;
        self.wrapper.build(inputs, cx)?;
        let kernel = kernel_of(&**self.wrapper.layer().read())?;
        let shape = [1, kernel.shape().last().copied().unwrap_or(1)];
        let start = TruncatedNormal {
            stddev: 0.02,
            ..TruncatedNormal::default()
        };
        let vector_u = Weight::new("vector_u", &shape)
            .non_trainable()
            .autocast(false)
            .dtype(kernel.dtype())
            .initializer(start);
        self.vector_u = Some(self.wrapper.base_mut().add_weight(vector_u, cx)?);
        self.kernel = Some(kernel);
        Ok(())
    }

    fn held(&self) -> Vec<Variable> {
        self.kernel.iter().cloned().collect()
    }

    fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
        self.check()?;
        only(CLASS, inputs)?;
        self.wrapper.compute_output_shape(inputs)
    }

    fn compute_output_dtype(&self, inputs: &[DType]) -> DType {
        match inputs.first() {
            Some(dtype) if dtype.is_float() => self.base().compute_dtype(),
            _ => self.wrapper.compute_output_dtype(inputs),
        }
    }

    fn call(&self, inputs: &[Tensor], cx: &mut Call) -> Result<Outputs> {
        let x = only(CLASS, inputs)?;
        let (training, masks) = (cx.training, cx.masks.clone());
        let mut run = || cx.inner(self.wrapper.layer()).masks(&masks).call_masked(inputs);
        let (mut outputs, masks) = match (&self.kernel, &self.vector_u) {
            (Some(kernel), Some(vector_u)) if training => {
                let (quotient, u) = self.normalized(&kernel.value(), &vector_u.value())?;
                vector_u.assign(&u)?;
                kernel.assign(&quotient)?;
                kernel.with_value(quotient, run)?
            }
            _ => run()?,
        };
        cx.set_output_masks(masks);
        if x.dtype().is_float() {
            for output in &mut outputs.0 {
                *output = ops::cast(output, x.dtype())?;
            }
        }
        Ok(outputs)
    }

    fn makes_mask(&self) -> bool {
        self.wrapper.layer().read().makes_mask()
    }

    fn mixes_samples(&self) -> bool {
        self.wrapper.layer().read().mixes_samples()
    }

    fn sublayers(&self) -> Vec<LayerRef> {
        self.wrapper.sublayers()
    }

    fn config(&self) -> Config {
        self.wrapper
            .config()
            .with("power_iterations", self.power_iterations)
    }
}

/// The weight that is divided.
fn kernel_of(layer: &dyn Layer) -> Result<Variable> {
    let mut variables = layer.base().variables().iter();
    let kernel = variables.find(|v| matches!(v.name(), "kernel" | "embeddings"));
    match kernel {
        Some(kernel) => Ok(kernel.clone()),
        None => bail!(
            "{CLASS}: the layer `{}` ({}) has neither a `kernel` nor `embeddings`",
            layer.base().name(),
            layer.class_name()
        ),
    }
}
