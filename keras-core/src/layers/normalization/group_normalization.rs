//! Normalisation of each sample by groups of channels.

use keras_ops::{self as ops, Tensor};

use super::affine::{Affine, affine_methods};
use crate::layer::{Build, Call, Layer, LayerBase, Outputs};
use crate::layers::base::{
    axis_of, base_accessors, cast_input, common_methods, expect_min_rank, float_input, known_size,
    layer_entry, only,
};
use crate::shape::{self, Dims};
use crate::{Config, Registry, Result, bail};

/// Splits the channels into groups and normalises each group of a sample to mean 0 and variance 1, then
/// `y * gamma + beta` by channel.
///
/// # Shapes
/// The output has the input's shape; `gamma` and `beta` have one value a channel. A mask passes through.
///
/// # Errors
/// When `groups` does not divide the channels or is neither positive nor -1, or `axis` is out of range, the batch or
/// of unknown size.
///
/// # Examples
/// ```
/// use keras_core::{Layer, LayerRef, layer::{Build, Call}, layers::GroupNormalization};
/// use keras_ops::{Device, Tensor};
/// let layer = LayerRef::new(GroupNormalization::new(2).epsilon(0.));
/// layer.build(&[vec![None, Some(4)]], &Build::new(&Device::Cpu))?;
/// let x = Tensor::new(&[[1f32, 3., 10., 30.]], &Device::Cpu)?;
/// let y = layer.read().call(&[x], &mut Call::new(false))?;
/// assert_eq!(y.0[0].to_vec2::<f32>()?, [[-1., 1., -1., 1.]]);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Debug)]
pub struct GroupNormalization {
    base: LayerBase,
    groups: i64,
    axis: i64,
    epsilon: f64,
    affine: Affine,
}

common_methods!(GroupNormalization);
affine_methods!(GroupNormalization);
layer_entry!(GroupNormalization, "normalises each sample by groups of channels");

impl GroupNormalization {
    /// With as many groups; -1 makes every channel one (instance normalisation). `epsilon` is 0.001.
    pub fn new(groups: i64) -> Self {
        Self {
            base: LayerBase::default(),
            groups,
            axis: -1,
            epsilon: 1e-3,
            affine: Affine::default(),
        }
    }

    /// Where the channels are, the last axis unless given; negative ones count from the end.
    #[must_use]
    pub fn axis(mut self, axis: i64) -> Self {
        self.axis = axis;
        self
    }

    fn from_config(config: &Config, registry: &Registry) -> Result<Self> {
        let mut reader = config.reader("GroupNormalization");
        let layer = Self {
            base: LayerBase::from_reader(&mut reader)?,
            groups: reader.or("groups", 32)?,
            axis: reader.or("axis", -1)?,
            epsilon: reader.or("epsilon", 1e-3)?,
            affine: Affine::read(&mut reader, registry)?,
        };
        reader.finish()?;
        layer.check()?;
        Ok(layer)
    }

    fn check(&self) -> Result<()> {
        if self.groups < 1 && self.groups != -1 {
            bail!(
                "GroupNormalization: `groups` must be 1 or more, or -1 for one a channel, got {}",
                self.groups
            );
        }
        Ok(())
    }

    fn channel_axis(&self, input: &Dims) -> Result<usize> {
        self.check()?;
        expect_min_rank("GroupNormalization", input, 2)?;
        let axis = axis_of("GroupNormalization", self.axis, input)?;
        match input[axis] {
            _ if axis == 0 => bail!(
                "GroupNormalization: `axis` {} of the input {} is the batch; the channels must be along another",
                self.axis,
                shape::show(input)
            ),
            Some(channels) if self.groups > 0 && channels as i64 % self.groups != 0 => bail!(
                "GroupNormalization: {channels} channels (axis {} of the input {}) cannot be split into {} groups of \
                 equal size",
                self.axis,
                shape::show(input),
                self.groups
            ),
            _ => Ok(axis),
        }
    }
}

impl Layer for GroupNormalization {
    base_accessors!();

    fn build(&mut self, inputs: &[Dims], cx: &Build) -> Result<()> {
        let input = only("GroupNormalization", inputs)?;
        let axis = self.channel_axis(input)?;
        let channels = known_size("GroupNormalization", input, axis, "channel")?;
        self.affine.build(&mut self.base, &[channels], cx)
    }

    fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
        let input = only("GroupNormalization", inputs)?;
        self.channel_axis(input)?;
        Ok(vec![input.clone()])
    }

    fn call(&self, inputs: &[Tensor], _cx: &mut Call) -> Result<Outputs> {
        // As in Keras, a wider input is rounded only after the normalisation.
        let x = float_input(&self.base, only("GroupNormalization", inputs)?)?;
        let (gamma, beta) = (self.affine.gamma(&self.base)?, self.affine.beta(&self.base)?);
        let y = ops::group_normalization(
            &x,
            gamma.as_ref(),
            beta.as_ref(),
            self.groups,
            self.axis,
            self.epsilon,
        )?;
        Ok(cast_input(&self.base, &y)?.into())
    }

    fn supports_masking(&self) -> bool {
        true
    }

    fn autocasts(&self) -> bool {
        false
    }

    fn config(&self) -> Config {
        let mut config = Config::new()
            .with("groups", self.groups)
            .with("axis", self.axis)
            .with("epsilon", self.epsilon);
        self.affine.write_flags(&mut config);
        self.affine.write_weights(&mut config);
        config
    }
}
