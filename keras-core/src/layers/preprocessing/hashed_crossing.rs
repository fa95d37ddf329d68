//! Several features as one, by a hash.

use keras_ops::{DType, Device, Tensor};

use super::encoding::{OutputMode, dense_only, encode, integers};
use super::hash;
use super::hashing::default_dtype;
use crate::layer::{Call, Layer, LayerBase, Outputs};
use crate::layers::base::{base_accessors, common_methods, layer_entry};
use crate::shape::{self, Dims};
use crate::{Config, Registry, Result, bail};

/// Values of a feature, one a sample: strings, or a tensor of whole numbers.
#[derive(Clone, Debug)]
pub struct Feature {
    dims: Vec<usize>,
    /// The part that each value has in a cross.
    parts: Vec<u64>,
}

impl Feature {
    fn texts<S: AsRef<str>>(texts: &[S]) -> Self {
        Self {
            dims: vec![texts.len()],
            parts: texts.iter().map(|t| hash::feature(t.as_ref())).collect(),
        }
    }

    fn numbers(x: &Tensor) -> Result<Self> {
        if x.dtype().is_float() {
            bail!(
                "HashedCrossing: expected whole numbers, got {}; cast them first",
                keras_ops::dtype_name(x.dtype())
            );
        }
        let parts = integers(x)?.into_iter().map(|n| n as u64).collect();
        Ok(Self {
            dims: x.dims().to_vec(),
            parts,
        })
    }
}

impl<S: AsRef<str>> From<&[S]> for Feature {
    fn from(texts: &[S]) -> Self {
        Self::texts(texts)
    }
}

impl<S: AsRef<str>> From<&Vec<S>> for Feature {
    fn from(texts: &Vec<S>) -> Self {
        Self::texts(texts)
    }
}

impl<S: AsRef<str>, const N: usize> From<&[S; N]> for Feature {
    fn from(texts: &[S; N]) -> Self {
        Self::texts(texts)
    }
}

impl TryFrom<&Tensor> for Feature {
    type Error = crate::Error;

    fn try_from(x: &Tensor) -> Result<Self> {
        Self::numbers(x)
    }
}

/// Crosses features: `hash(values of all features) % num_bins`. The buckets are those of Keras.
///
/// [`cross`](Self::cross) takes features of strings and of whole numbers. As a part of a model the layer takes two
/// or more inputs of whole numbers.
///
/// Differs from Keras: as a part of a model it does not take strings.
///
/// # Shapes
/// All features have the shape `()`, `(n,)` or `(n, 1)`. `int` keeps it, `one_hot` makes the last axis `num_bins`, or
/// appends it where there is but the batch.
///
/// # Errors
/// When there are less than two features, their shapes differ or are others, or one is of floats. Sparse outputs are
/// an error.
///
/// # Examples
/// ```
/// use keras_core::layers::HashedCrossing;
/// use keras_ops::{Device, Tensor};
/// let letters = ["A", "B", "A", "B", "A"];
/// let numbers = Tensor::new(&[101i64, 101, 101, 102, 102], &Device::Cpu)?;
/// let bins = HashedCrossing::new(5).cross(&[(&letters).into(), (&numbers).try_into()?])?;
/// assert_eq!(bins.to_vec1::<i64>()?, [1, 4, 1, 1, 3]);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Debug)]
pub struct HashedCrossing {
    base: LayerBase,
    num_bins: usize,
    output_mode: OutputMode,
}

common_methods!(HashedCrossing);
layer_entry!(HashedCrossing, "crosses features by a hash");

impl HashedCrossing {
    /// Into `num_bins` buckets.
    pub fn new(num_bins: usize) -> Self {
        let mut base = LayerBase::default();
        base.set_dtype(DType::I64);
        Self {
            base,
            num_bins,
            output_mode: OutputMode::Int,
        }
    }

    /// What to give for a bucket: its index in int64, or a vector of floats.
    #[must_use]
    pub fn output_mode(mut self, output_mode: OutputMode) -> Self {
        self.output_mode = output_mode;
        self.base.set_dtype(default_dtype(output_mode));
        self
    }

    fn from_config(config: &Config, _registry: &Registry) -> Result<Self> {
        let mut reader = config.reader("HashedCrossing");
        let base = LayerBase::from_reader(&mut reader)?;
        let mode = reader.or("output_mode", OutputMode::Int)?;
        let default = Self::new(reader.req("num_bins")?).output_mode(mode);
        let mut layer = Self { base, ..default };
        if reader.raw("dtype").is_none() {
            layer.base.set_dtype(default_dtype(mode));
        }
        dense_only("HashedCrossing", "sparse", reader.or("sparse", false)?)?;
        reader.finish()?;
        layer.check()?;
        Ok(layer)
    }

    fn check(&self) -> Result<()> {
        if self.num_bins == 0 {
            bail!("HashedCrossing: `num_bins` must be 1 or more, got 0");
        }
        self.output_mode
            .check("HashedCrossing", &[OutputMode::Int, OutputMode::OneHot])
    }

    /// The buckets of samples, in the form that `output_mode` says.
    ///
    /// # Errors
    /// When there are less than two features, or their shapes differ.
    pub fn cross(&self, features: &[Feature]) -> Result<Tensor> {
        self.cross_on(features, &Device::Cpu)
    }

    fn cross_on(&self, features: &[Feature], device: &Device) -> Result<Tensor> {
        self.check()?;
        let dims: Vec<Dims> = features.iter().map(|f| shape::dims_of(&f.dims)).collect();
        check_shapes(&dims)?;
        let Some(first) = features.first() else {
            return Ok(Tensor::new(&[0i64; 0], device)?);
        };
        let bin = |at: usize| {
            hash::crossed(
                features.iter().filter_map(|f| f.parts.get(at).copied()),
                self.num_bins as u64,
            )
        };
        let bins: Vec<i64> = (0..first.parts.len()).map(bin).collect();
        let bins = Tensor::from_vec(bins, first.dims.as_slice(), &Device::Cpu)?.to_device(device)?;
        encode(
            &bins,
            self.output_mode,
            self.num_bins,
            self.base.compute_dtype(),
            None,
        )
    }
}

fn check_shapes(shapes: &[Dims]) -> Result<()> {
    let shown = || {
        shapes
            .iter()
            .map(|d| shape::show(d))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let fits = |dims: &Dims| dims.len() < 2 || (dims.len() == 2 && dims.last() == Some(&Some(1)));
    match shapes {
        [] | [_] => bail!(
            "HashedCrossing: expected two features or more, got {}",
            shapes.len()
        ),
        [first, ..] if !fits(first) || shapes.iter().any(|dims| dims != first) => bail!(
            "HashedCrossing: expected features of one shape, (), (n,) or (n, 1), got {}",
            shown()
        ),
        _ => Ok(()),
    }
}

impl Layer for HashedCrossing {
    base_accessors!();

    fn autocasts(&self) -> bool {
        false
    }

    fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
        self.check()?;
        check_shapes(inputs)?;
        let mut output = inputs.first().cloned().unwrap_or_default();
        if self.output_mode == OutputMode::OneHot {
            if output.len() > 1 {
                output.pop();
            }
            output.push(Some(self.num_bins));
        }
        Ok(vec![output])
    }

    fn call(&self, inputs: &[Tensor], _cx: &mut Call) -> Result<Outputs> {
        let features = inputs.iter().map(Feature::numbers).collect::<Result<Vec<_>>>()?;
        let device = inputs.first().map_or(Device::Cpu, |x| x.device().clone());
        Ok(self.cross_on(&features, &device)?.into())
    }

    fn config(&self) -> Config {
        Config::new()
            .with("num_bins", self.num_bins)
            .with("output_mode", self.output_mode)
            .with("sparse", false)
    }
}
