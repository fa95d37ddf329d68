//! Known categories as vectors.

use keras_ops::{self as ops, DType, Tensor};

use super::encoding::{OutputMode, dense_only, encode, encoded_shape};
use crate::layer::{Call, Layer, LayerBase, Outputs};
use crate::layers::base::{base_accessors, common_methods, layer_entry};
use crate::shape::{self, Dims};
use crate::{Config, Registry, Result, bail};

/// Encodes whole numbers from 0 to `num_tokens - 1`.
///
/// With the output mode `count` it takes a second input of the shape of the first: weights to be summed.
///
/// # Shapes
/// `one_hot` appends an axis of `num_tokens`, in the place of one of size 1 at the end; `multi_hot` and `count` replace
/// the samples' axis: `(batch, n)` gives `(batch, num_tokens)`, `(n,)` gives `(num_tokens,)`.
///
/// # Errors
/// When `num_tokens` is 0, weights are given with another mode, or the input is not of integers. Numbers out of range
/// count nothing. Sparse outputs are an error.
///
/// # Examples
/// ```
/// use keras_core::{Layer, layer::Call, layers::{CategoryEncoding, OutputMode}};
/// use keras_ops::{Device, Tensor};
/// let x = Tensor::new(&[[0u32, 1], [2, 2]], &Device::Cpu)?;
/// let y = CategoryEncoding::new(3).call(&[x.clone()], &mut Call::new(false))?;
/// assert_eq!(y.0[0].to_vec2::<f32>()?, [[1., 1., 0.], [0., 0., 1.]]);
/// let weights = Tensor::new(&[[0.5f32, 2.], [1., 3.]], &Device::Cpu)?;
/// let counts = CategoryEncoding::new(3).output_mode(OutputMode::Count);
/// let y = counts.call(&[x, weights], &mut Call::new(false))?;
/// assert_eq!(y.0[0].to_vec2::<f32>()?, [[0.5, 2., 0.], [0., 0., 4.]]);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Debug)]
pub struct CategoryEncoding {
    base: LayerBase,
    num_tokens: usize,
    output_mode: OutputMode,
}

common_methods!(CategoryEncoding);
layer_entry!(CategoryEncoding, "encodes known categories as vectors");

impl CategoryEncoding {
    /// Of `num_tokens` categories, several a sample.
    pub fn new(num_tokens: usize) -> Self {
        Self {
            base: LayerBase::default(),
            num_tokens,
            output_mode: OutputMode::MultiHot,
        }
    }

    /// What to give for a sample's categories.
    #[must_use]
    pub fn output_mode(mut self, output_mode: OutputMode) -> Self {
        self.output_mode = output_mode;
        self
    }

    fn from_config(config: &Config, _registry: &Registry) -> Result<Self> {
        let mut reader = config.reader("CategoryEncoding");
        let base = LayerBase::from_reader(&mut reader)?;
        let Some(num_tokens) = reader.opt("num_tokens")? else {
            bail!("CategoryEncoding: `num_tokens` is required; where it is not known, use IntegerLookup");
        };
        let output_mode = reader.or("output_mode", OutputMode::MultiHot)?;
        dense_only("CategoryEncoding", "sparse", reader.or("sparse", false)?)?;
        reader.finish()?;
        let layer = Self {
            base,
            num_tokens,
            output_mode,
        };
        layer.check()?;
        Ok(layer)
    }

    fn check(&self) -> Result<()> {
        if self.num_tokens == 0 {
            bail!("CategoryEncoding: `num_tokens` must be 1 or more, got 0");
        }
        let modes = [OutputMode::OneHot, OutputMode::MultiHot, OutputMode::Count];
        self.output_mode.check("CategoryEncoding", &modes)
    }
}

impl Layer for CategoryEncoding {
    base_accessors!();

    fn autocasts(&self) -> bool {
        false
    }

    fn input_arguments(&self) -> &'static [&'static str] {
        &["inputs", "count_weights"]
    }

    fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
        self.check()?;
        let input = match inputs {
            [input] => input,
            [input, weights] if self.output_mode == OutputMode::Count => {
                if input.len() != weights.len() {
                    bail!(
                        "CategoryEncoding: the weights must have the shape of the input, {}, got {}",
                        shape::show(input),
                        shape::show(weights)
                    );
                }
                input
            }
            many => bail!(
                "CategoryEncoding: expected one input, or two (with weights) and `output_mode` \"count\"; got {} inputs \
                 and \"{}\"",
                many.len(),
                self.output_mode.name()
            ),
        };
        Ok(vec![encoded_shape(
            self.output_mode,
            input,
            Some(self.num_tokens),
        )])
    }

    fn call(&self, inputs: &[Tensor], _cx: &mut Call) -> Result<Outputs> {
        let dims: Vec<Dims> = inputs.iter().map(|x| shape::dims_of(x.dims())).collect();
        self.compute_output_shape(&dims)?;
        let dtype = self.base.compute_dtype();
        let Some(x) = inputs.first() else {
            bail!("CategoryEncoding: expected an input")
        };
        // Data of models comes as floats unless the input says otherwise; Keras cuts decimals off, too.
        let indices = match x.dtype().is_float() {
            true => ops::cast(x, DType::I64)?,
            false => x.clone(),
        };
        let weights = inputs.get(1).map(|w| ops::cast(w, dtype)).transpose()?;
        Ok(encode(
            &indices,
            self.output_mode,
            self.num_tokens,
            dtype,
            weights.as_ref(),
        )?
        .into())
    }

    fn config(&self) -> Config {
        Config::new()
            .with("num_tokens", self.num_tokens)
            .with("output_mode", self.output_mode)
    }
}
