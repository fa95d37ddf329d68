//! Normalisation by the statistics of batches.

use keras_ops::{self as ops, BatchNormalized, DType, Tensor};

use super::affine::{Affine, affine_methods};
use super::renorm::{Renorm, RenormClipping};
use crate::layer::{Build, Call, Layer, LayerBase, Outputs, Weight};
use crate::layers::base::{
    axis_of, base_accessors, cast_input, common_methods, known_size, layer_entry, nested_value, one, only,
    read_nested,
};
use crate::shape::Dims;
use crate::{Config, Initializer, Registry, Result, Spec, Variable, bail};

/// `(x - mean) / sqrt(variance + epsilon) * gamma + beta` by channel: in training with the statistics of the batch,
/// which the moving statistics follow; otherwise, and when the layer is frozen, with the moving statistics.
///
/// A moving value becomes `moving * momentum + batch * (1 - momentum)`. With a mask, only the places where it is not 0
/// count for the statistics of the batch; all are normalised. Half types are computed in `f32`.
///
/// # Shapes
/// The output has the input's shape; `gamma`, `beta`, `moving_mean` and `moving_variance` have one value a channel.
/// The mask has the input's shape without its last axis; it passes through.
///
/// # Errors
/// When `axis` is out of range or of unknown size, the mask has another rank, or a training batch is empty.
///
/// # Examples
/// ```
/// use keras_core::{Layer, LayerRef, layer::{Build, Call}, layers::BatchNormalization};
/// use keras_ops::{Device, Tensor};
/// let layer = LayerRef::new(BatchNormalization::new().momentum(0.5).epsilon(0.));
/// layer.build(&[vec![None, Some(1)]], &Build::new(&Device::Cpu))?;
/// let x = Tensor::new(&[[2f32], [6.]], &Device::Cpu)?;
/// let y = layer.read().call(&[x.clone()], &mut Call::new(true))?;
/// assert_eq!(y.0[0].to_vec2::<f32>()?, [[-1.], [1.]]); // mean 4, variance 4
/// let moving: Vec<f32> = layer.weights("")[2..].iter().map(|(_, v)| v.value().to_vec1::<f32>().unwrap()[0]).collect();
/// assert_eq!(moving, [2., 2.5]); // 0 * 0.5 + 4 * 0.5 and 1 * 0.5 + 4 * 0.5
/// let y = layer.read().call(&[x], &mut Call::new(false))?;
/// assert_eq!(y.0[0].to_vec2::<f32>()?[0], [0.]); // (2 - 2) / sqrt(2.5)
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Debug)]
pub struct BatchNormalization {
    base: LayerBase,
    axis: i64,
    momentum: f64,
    epsilon: f64,
    affine: Affine,
    moving_mean_initializer: Spec<dyn Initializer>,
    moving_variance_initializer: Spec<dyn Initializer>,
    renorm: Renorm,
    synchronized: bool,
    moving_mean: Option<Variable>,
    moving_variance: Option<Variable>,
}

common_methods!(BatchNormalization);
affine_methods!(BatchNormalization);
layer_entry!(BatchNormalization, "normalises by the statistics of batches");

impl Default for BatchNormalization {
    fn default() -> Self {
        Self {
            base: LayerBase::default(),
            axis: -1,
            momentum: 0.99,
            epsilon: 1e-3,
            affine: Affine::default(),
            moving_mean_initializer: "zeros".into(),
            moving_variance_initializer: "ones".into(),
            renorm: Renorm::default(),
            synchronized: false,
            moving_mean: None,
            moving_variance: None,
        }
    }
}

impl BatchNormalization {
    /// Channels last, with `momentum` 0.99 and `epsilon` 0.001.
    pub fn new() -> Self {
        Self::default()
    }

    /// Where the channels are, the last axis unless given; negative ones count from the end.
    #[must_use]
    pub fn axis(mut self, axis: i64) -> Self {
        self.axis = axis;
        self
    }

    /// How much of a moving value stays at each step.
    #[must_use]
    pub fn momentum(mut self, momentum: f64) -> Self {
        self.momentum = momentum;
        self
    }

    /// The moving mean's start value, `"zeros"` unless given.
    #[must_use]
    pub fn moving_mean_initializer(mut self, initializer: impl Into<Spec<dyn Initializer>>) -> Self {
        self.moving_mean_initializer = initializer.into();
        self
    }

    /// The moving variance's start value, `"ones"` unless given.
    #[must_use]
    pub fn moving_variance_initializer(mut self, initializer: impl Into<Spec<dyn Initializer>>) -> Self {
        self.moving_variance_initializer = initializer.into();
        self
    }

    /// Batch renormalisation (Ioffe, 2017): the batch's statistics are corrected towards moving ones, so that
    /// training and inference agree more closely.
    #[must_use]
    pub fn renorm(mut self, renorm: bool) -> Self {
        self.renorm.on = renorm;
        self
    }

    /// How far renormalisation may correct.
    #[must_use]
    pub fn renorm_clipping(mut self, clipping: RenormClipping) -> Self {
        self.renorm.clipping = clipping;
        self
    }

    /// How much of the statistics that renormalisation corrects towards stays at each step; 0.99 unless given.
    #[must_use]
    pub fn renorm_momentum(mut self, momentum: f64) -> Self {
        self.renorm.momentum = momentum;
        self
    }

    /// Whether replicas share the statistics of their batches. There is one replica here, whose batch is all of it.
    #[must_use]
    pub fn synchronized(mut self, synchronized: bool) -> Self {
        self.synchronized = synchronized;
        self
    }

    fn from_config(config: &Config, registry: &Registry) -> Result<Self> {
        let mut reader = config.reader("BatchNormalization");
        let default = Self::default();
        let layer = Self {
            base: LayerBase::from_reader(&mut reader)?,
            axis: reader.or("axis", default.axis)?,
            momentum: reader.or("momentum", default.momentum)?,
            epsilon: reader.or("epsilon", default.epsilon)?,
            affine: Affine::read(&mut reader, registry)?,
            moving_mean_initializer: read_nested(&mut reader, "moving_mean_initializer", registry)?
                .unwrap_or(default.moving_mean_initializer),
            moving_variance_initializer: read_nested(&mut reader, "moving_variance_initializer", registry)?
                .unwrap_or(default.moving_variance_initializer),
            renorm: Renorm::read(&mut reader)?,
            synchronized: reader.or("synchronized", false)?,
            moving_mean: None,
            moving_variance: None,
        };
        reader.finish()?;
        layer.renorm.check()?;
        Ok(layer)
    }

    /// The mask in the input's shape without its last axis.
    fn spread(&self, mask: &Tensor, x: &Tensor) -> Result<Tensor> {
        let expected = &x.dims()[..x.rank().saturating_sub(1)];
        if mask.rank() != expected.len() {
            bail!(
                "BatchNormalization: expected a mask with one axis less than the input {:?}, got {:?}",
                x.dims(),
                mask.dims()
            );
        }
        match mask.dims() == expected {
            true => Ok(mask.clone()),
            false => Ok(ops::no_grad(|| ops::broadcast_to(mask, expected))?),
        }
    }

    fn train(&self, x: &Tensor, mask: Option<&Tensor>) -> Result<Tensor> {
        let gamma = self.affine.gamma(&self.base)?;
        let beta = self.affine.beta(&self.base)?;
        if self.renorm.on {
            return self.train_renormalized(x, gamma, beta, mask);
        }
        let BatchNormalized {
            output,
            mean,
            variance,
        } = ops::batch_norm_training(x, gamma.as_ref(), beta.as_ref(), self.axis, self.epsilon, mask)?;
        follow(&self.moving_mean, &mean, self.momentum)?;
        follow(&self.moving_variance, &variance, self.momentum)?;
        Ok(output)
    }

    fn train_renormalized(
        &self,
        x: &Tensor,
        gamma: Option<Tensor>,
        beta: Option<Tensor>,
        mask: Option<&Tensor>,
    ) -> Result<Tensor> {
        let wide = match x.dtype() {
            DType::F64 => x.clone(),
            _ => ops::cast(x, DType::F32)?,
        };
        let batch = ops::batch_norm_training(&wide, None, None, self.axis, self.epsilon, mask)?;
        let (mean, variance) = (&batch.mean, &batch.variance);
        let [scale, offset] = self.renorm.correct(mean, variance, self.epsilon, gamma, beta)?;
        self.renorm.follow(mean, variance, self.epsilon)?;
        follow(&self.moving_mean, mean, self.momentum)?;
        self.renorm
            .follow_deviation(&self.moving_variance, variance, self.epsilon, self.momentum)?;
        let (zero, one) = (ops::full_like(mean, 0.)?, ops::full_like(mean, 1.)?);
        let y = ops::batch_normalization(
            &batch.output,
            &zero,
            &one,
            self.axis,
            Some(&offset),
            Some(&scale),
            0.,
        )?;
        Ok(ops::cast(&y, x.dtype())?)
    }
}

/// `moving = moving * momentum + value * (1 - momentum)`, out of every tape.
pub(super) fn follow(moving: &Option<Variable>, value: &Tensor, momentum: f64) -> Result<()> {
    let Some(moving) = moving else { return Ok(()) };
    let next = ops::no_grad(|| {
        let old = ops::cast(&moving.value(), value.dtype())?;
        ops::add(
            &ops::mul_scalar(&old, momentum)?,
            &ops::mul_scalar(value, 1. - momentum)?,
        )
    })?;
    moving.assign(&next)
}

impl Layer for BatchNormalization {
    base_accessors!();

    fn build(&mut self, inputs: &[Dims], cx: &Build) -> Result<()> {
        self.renorm.check()?;
        let input = only("BatchNormalization", inputs)?;
        let axis = axis_of("BatchNormalization", self.axis, input)?;
        let shape = [known_size("BatchNormalization", input, axis, "channel")?];
        self.affine.build(&mut self.base, &shape, cx)?;
        let mut moving = |name: &str, initializer: &Spec<dyn Initializer>| {
            let weight = Weight::new(name, &shape)
                .non_trainable()
                .autocast(false)
                .initializer(initializer.clone());
            self.base.add_weight(weight, cx)
        };
        let (mean, variance) = (&self.moving_mean_initializer, &self.moving_variance_initializer);
        self.moving_mean = Some(moving("moving_mean", mean)?);
        self.moving_variance = Some(moving("moving_variance", variance)?);
        self.renorm.build(mean, variance, moving)
    }

    fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
        let input = only("BatchNormalization", inputs)?;
        axis_of("BatchNormalization", self.axis, input)?;
        Ok(vec![input.clone()])
    }

    fn call_arguments(&self) -> &'static [&'static str] {
        &["mask"]
    }

    fn call(&self, inputs: &[Tensor], cx: &mut Call) -> Result<Outputs> {
        let inputs = cx.arguments.positional(inputs);
        let x = cast_input(&self.base, only("BatchNormalization", inputs)?)?;
        if cx.training && self.base.trainable() {
            let mask = cx.masks.first().and_then(Option::as_ref);
            let mask = mask.map(|mask| self.spread(mask, &x)).transpose()?;
            return Ok(self.train(&x, mask.as_ref())?.into());
        }
        one(ops::batch_normalization(
            &x,
            &self.base.value(&self.moving_mean)?,
            &self.base.value(&self.moving_variance)?,
            self.axis,
            self.affine.beta(&self.base)?.as_ref(),
            self.affine.gamma(&self.base)?.as_ref(),
            self.epsilon,
        ))
    }

    fn supports_masking(&self) -> bool {
        true
    }

    fn mixes_samples(&self) -> bool {
        true
    }

    fn config(&self) -> Config {
        let mut config = Config::new()
            .with("axis", self.axis)
            .with("momentum", self.momentum)
            .with("epsilon", self.epsilon);
        self.affine.write_flags(&mut config);
        self.affine.write_weights(&mut config);
        let initializers = [
            ("moving_mean_initializer", &self.moving_mean_initializer),
            ("moving_variance_initializer", &self.moving_variance_initializer),
        ];
        for (key, initializer) in initializers {
            config.set(key, nested_value(Some(initializer)));
        }
        config.set("synchronized", self.synchronized);
        self.renorm.write(&mut config);
        config
    }
}
