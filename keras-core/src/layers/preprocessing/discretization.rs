//! Numbers as bins.

use keras_ops::{self as ops, DType, Tensor, host};

use super::encoding::{OutputMode, dense_only, encode, encoded_shape};
use super::quantiles::Summary;
use crate::data::IntoArrays;
use crate::layer::{Call, Layer, LayerBase, Outputs};
use crate::layers::base::{base_accessors, common_methods, layer_entry, only};
use crate::shape::Dims;
use crate::{Config, Registry, Result, bail};

const CLASS: &str = "Discretization";

/// Puts numbers into bins: bin `i` is `boundaries[i - 1] <= x < boundaries[i]`. The boundaries are given, or learned by
/// [`adapt`](Self::adapt) so that about as many values fall into each bin.
///
/// # Shapes
/// `int` keeps the shape, `one_hot` appends an axis, `multi_hot` and `count` replace the samples' axis.
///
/// # Errors
/// When both or none of boundaries and number of bins are given, or the layer is used before it has learned. Sparse
/// outputs are an error.
///
/// # Examples
/// ```
/// use keras_core::{Layer, layer::Call, layers::Discretization};
/// use keras_ops::{Device, Tensor};
/// let layer = Discretization::new([0., 1., 2.]);
/// let x = Tensor::new(&[[-1.5f32, 1., 3.4, 0.5]], &Device::Cpu)?;
/// assert_eq!(layer.call(&[x], &mut Call::new(false))?.0[0].to_vec2::<i32>()?, [[0, 2, 3, 1]]);
/// let mut learning = Discretization::with_num_bins(2);
/// learning.adapt(vec![1f32, 2., 3., 4.])?;
/// assert_eq!(learning.bin_boundaries(), Some(&[2.][..]));
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Discretization {
    base: LayerBase,
    bin_boundaries: Option<Vec<f64>>,
    num_bins: Option<usize>,
    epsilon: f64,
    output_mode: OutputMode,
    summary: Summary,
}

common_methods!(Discretization);
layer_entry!(Discretization, "puts numbers into bins");

const MODES: [OutputMode; 4] = [
    OutputMode::Int,
    OutputMode::OneHot,
    OutputMode::MultiHot,
    OutputMode::Count,
];

impl Discretization {
    /// Into the bins between these boundaries, in ascending order.
    pub fn new(bin_boundaries: impl Into<Vec<f64>>) -> Self {
        Self::with(Some(bin_boundaries.into()), None)
    }

    /// Into so many bins, whose boundaries [`adapt`](Self::adapt) learns.
    pub fn with_num_bins(num_bins: usize) -> Self {
        Self::with(None, Some(num_bins))
    }

    fn with(bin_boundaries: Option<Vec<f64>>, num_bins: Option<usize>) -> Self {
        Self {
            base: LayerBase::default(),
            bin_boundaries,
            num_bins,
            epsilon: 0.01,
            output_mode: OutputMode::Int,
            summary: Summary::default(),
        }
    }

    /// How far a learned boundary may be off, as a share of the data. 0.01 unless set.
    #[must_use]
    pub fn epsilon(mut self, epsilon: f64) -> Self {
        self.epsilon = epsilon;
        self
    }

    /// What to give for a bin: indices are int32, the others floats.
    #[must_use]
    pub fn output_mode(mut self, output_mode: OutputMode) -> Self {
        self.output_mode = output_mode;
        self
    }

    fn from_config(config: &Config, _registry: &Registry) -> Result<Self> {
        let mut reader = config.reader(CLASS);
        let base = LayerBase::from_reader(&mut reader)?;
        let default = Self::with(reader.opt("bin_boundaries")?, reader.opt("num_bins")?);
        let layer = Self {
            base,
            epsilon: reader.or("epsilon", default.epsilon)?,
            output_mode: reader.or("output_mode", OutputMode::Int)?,
            ..default
        };
        dense_only(CLASS, "sparse", reader.or("sparse", false)?)?;
        reader.finish()?;
        layer.check()?;
        Ok(layer)
    }

    fn check(&self) -> Result<()> {
        if self.bin_boundaries.is_none() && self.num_bins.is_none() {
            bail!("{CLASS}: give `bin_boundaries`, or `num_bins` and call `adapt`");
        }
        if self.num_bins == Some(0) {
            bail!("{CLASS}: `num_bins` must be 1 or more, got 0");
        }
        if self.epsilon.is_nan() || self.epsilon <= 0. {
            bail!("{CLASS}: `epsilon` must be above 0, got {}", self.epsilon);
        }
        self.output_mode.check(CLASS, &MODES)
    }

    /// The boundaries, given or learned.
    pub fn bin_boundaries(&self) -> Option<&[f64]> {
        self.bin_boundaries.as_deref()
    }

    /// Learns the boundaries from `data`.
    ///
    /// # Errors
    /// When the boundaries were given.
    pub fn adapt(&mut self, data: impl IntoArrays) -> Result<()> {
        self.reset_state();
        self.update_state(data)?;
        self.finalize_state()
    }

    /// Takes a part of the data in.
    ///
    /// # Errors
    /// When the boundaries were given.
    pub fn update_state(&mut self, data: impl IntoArrays) -> Result<()> {
        self.check()?;
        if self.num_bins.is_none() {
            bail!("{CLASS}: it has `bin_boundaries`, so there is nothing to adapt; give `num_bins` instead");
        }
        for (_, x) in data.into_arrays()?.0 {
            let data = host::read(&x, |x: &[f32]| Ok(x.to_vec()))?;
            let summary = Summary::of(data, self.epsilon);
            self.summary = summary.merged(&self.summary, self.epsilon);
        }
        Ok(())
    }

    /// Makes the boundaries of what [`update_state`](Self::update_state) took in.
    ///
    /// # Errors
    /// When the arguments are wrong.
    pub fn finalize_state(&mut self) -> Result<()> {
        self.check()?;
        if let Some(bins) = self.num_bins {
            let boundaries = self.summary.boundaries(bins);
            self.bin_boundaries = Some(boundaries.into_iter().map(f64::from).collect());
        }
        Ok(())
    }

    /// Forgets the data taken in; boundaries stay.
    pub fn reset_state(&mut self) {
        self.summary = Summary::default();
    }

    fn dtype_out(&self) -> DType {
        match self.output_mode {
            OutputMode::Int => DType::I32,
            _ => self.base.compute_dtype(),
        }
    }
}

impl Layer for Discretization {
    base_accessors!();

    fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
        self.check()?;
        let known = self.bin_boundaries.as_ref().map(|b| b.len() + 1);
        let depth = known.or(self.num_bins);
        Ok(vec![encoded_shape(self.output_mode, only(CLASS, inputs)?, depth)])
    }

    fn compute_output_dtype(&self, _inputs: &[DType]) -> DType {
        self.dtype_out()
    }

    fn call(&self, inputs: &[Tensor], _cx: &mut Call) -> Result<Outputs> {
        self.check()?;
        let x = only(CLASS, inputs)?;
        let Some(boundaries) = &self.bin_boundaries else {
            bail!("{CLASS}: it has no boundaries yet; call `adapt` first, or give `bin_boundaries`");
        };
        // In float32, as Keras compares.
        let boundaries: Vec<f32> = boundaries.iter().map(|b| *b as f32).collect();
        let depth = boundaries.len() + 1;
        let bins = ops::digitize(
            &ops::cast(&x.detach(), DType::F32)?,
            &Tensor::new(boundaries, x.device())?,
        )?;
        Ok(encode(&bins, self.output_mode, depth, self.dtype_out(), None)?.into())
    }

    fn config(&self) -> Config {
        Config::new()
            .with("bin_boundaries", self.bin_boundaries.as_deref())
            .with("num_bins", self.num_bins)
            .with("epsilon", self.epsilon)
            .with("output_mode", self.output_mode)
            .with("sparse", false)
    }
}
