//! A rectifier whose slope is learnt.

use keras_ops::{self as ops, Tensor};

use crate::layer::{Build, Call, Layer, LayerBase, Outputs, Weight};
use crate::layers::base::{
    base_accessors, cast_input, common_methods, expect_min_rank, layer_entry, nested_value, one, only,
    read_nested, same_shape,
};
use crate::shape::{self, Dims};
use crate::{Arg, Config, Constraint, Initializer, Registry, Regularizer, Result, Spec, Variable, bail};

/// `x` where it is positive, else `alpha * x`, with a weight `alpha` for each place.
///
/// # Shapes
/// The output has the input's shape; `alpha` has the input's without the batch, and 1 on the axes of `shared_axes`.
/// As in Keras, a negative axis `-k` is the one at `-k - 1` of the input: count from the batch instead.
///
/// # Errors
/// When an axis to share is out of range or the batch, or the size of another is unknown.
///
/// # Examples
/// ```
/// use keras_core::{Sequential, layer::Call, layers::PReLU};
/// use keras_core::initializers::Constant;
/// use keras_ops::{Device, Tensor};
/// let layer = PReLU::new().alpha_initializer(Constant { value: 0.25 }).shared_axes([1]);
/// let model = Sequential::new().input([3, 2]).add(layer).build()?;
/// assert_eq!(model.count_params(), 2);
/// let x = Tensor::new(&[[[-4f32, 4.], [0., -8.], [1., 1.]]], &Device::Cpu)?;
/// let y = model.call(&[x], &mut Call::new(false))?[0].flatten_all()?.to_vec1::<f32>()?;
/// assert_eq!(y, [-1., 4., 0., -2., 1., 1.]);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Debug)]
pub struct PReLU {
    base: LayerBase,
    alpha_initializer: Option<Spec<dyn Initializer>>,
    alpha_regularizer: Option<Spec<dyn Regularizer>>,
    alpha_constraint: Option<Spec<dyn Constraint>>,
    shared_axes: Option<Vec<i64>>,
    alpha: Option<Variable>,
}

common_methods!(PReLU);
layer_entry!(PReLU, "x where positive, else alpha * x with a learnt alpha");

impl Default for PReLU {
    fn default() -> Self {
        Self {
            base: LayerBase::default(),
            alpha_initializer: Some("zeros".into()),
            alpha_regularizer: None,
            alpha_constraint: None,
            shared_axes: None,
            alpha: None,
        }
    }
}

impl PReLU {
    /// With a slope of its own for each place, 0 at first.
    pub fn new() -> Self {
        Self::default()
    }

    /// The slopes' start value, `"zeros"` unless given.
    #[must_use]
    pub fn alpha_initializer(mut self, initializer: impl Into<Spec<dyn Initializer>>) -> Self {
        self.alpha_initializer = Some(initializer.into());
        self
    }

    /// A penalty on the slopes.
    #[must_use]
    pub fn alpha_regularizer(mut self, regularizer: impl Into<Spec<dyn Regularizer>>) -> Self {
        self.alpha_regularizer = Some(regularizer.into());
        self
    }

    /// A projection of the slopes after each update.
    #[must_use]
    pub fn alpha_constraint(mut self, constraint: impl Into<Spec<dyn Constraint>>) -> Self {
        self.alpha_constraint = Some(constraint.into());
        self
    }

    /// The axes along which the slope is the same, counted with the batch: `[1, 2]` for one a channel of an image.
    #[must_use]
    pub fn shared_axes(mut self, axes: impl Into<Vec<i64>>) -> Self {
        self.shared_axes = Some(axes.into());
        self
    }

    fn from_config(config: &Config, registry: &Registry) -> Result<Self> {
        let mut reader = config.reader("PReLU");
        let default = Self::default();
        let layer = Self {
            base: LayerBase::from_reader(&mut reader)?,
            alpha_initializer: read_nested(&mut reader, "alpha_initializer", registry)?
                .or(default.alpha_initializer),
            alpha_regularizer: read_nested(&mut reader, "alpha_regularizer", registry)?,
            alpha_constraint: read_nested(&mut reader, "alpha_constraint", registry)?,
            shared_axes: Arg::read(&mut reader, "shared_axes", None)?,
            alpha: None,
        };
        reader.finish()?;
        Ok(layer)
    }

    /// The shape of `alpha`.
    fn alpha_shape(&self, input: &Dims) -> Result<Dims> {
        expect_min_rank("PReLU", input, 2)?;
        let mut alpha = input[1..].to_vec();
        for &axis in self.shared_axes.iter().flatten() {
            // Keras counts negative axes from the end of `alpha`'s shape, after it took the batch's place off.
            let end = if axis < 0 { alpha.len() as i64 } else { 0 };
            match usize::try_from(end + axis - 1)
                .ok()
                .and_then(|i| alpha.get_mut(i))
            {
                Some(size) => *size = Some(1),
                None => bail!(
                    "PReLU: `shared_axes` has {axis}, which is no axis after the batch of the input {}",
                    shape::show(input)
                ),
            }
        }
        Ok(alpha)
    }
}

impl Layer for PReLU {
    base_accessors!();

    fn build(&mut self, inputs: &[Dims], cx: &Build) -> Result<()> {
        let input = only("PReLU", inputs)?;
        let alpha: Option<Vec<usize>> = self.alpha_shape(input)?.into_iter().collect();
        let Some(alpha) = alpha else {
            bail!(
                "PReLU: the sizes of the input {} must be known but for the batch; name the axes of unknown size in \
                 `shared_axes`",
                shape::show(input)
            )
        };
        let mut weight = Weight::new("alpha", &alpha)
            .regularizer(self.alpha_regularizer.clone())
            .constraint(self.alpha_constraint.clone());
        if let Some(initializer) = self.alpha_initializer.clone() {
            weight = weight.initializer(initializer);
        }
        self.alpha = Some(self.base.add_weight(weight, cx)?);
        Ok(())
    }

    fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
        self.alpha_shape(only("PReLU", inputs)?)?;
        same_shape("PReLU", inputs)
    }

    fn call(&self, inputs: &[Tensor], _cx: &mut Call) -> Result<Outputs> {
        let x = cast_input(&self.base, only("PReLU", inputs)?)?;
        one(ops::prelu(&x, &self.base.value(&self.alpha)?))
    }

    fn supports_masking(&self) -> bool {
        true
    }

    fn config(&self) -> Config {
        Config::new()
            .with("alpha_initializer", nested_value(self.alpha_initializer.as_ref()))
            .with("alpha_regularizer", nested_value(self.alpha_regularizer.as_ref()))
            .with("alpha_constraint", nested_value(self.alpha_constraint.as_ref()))
            .with("shared_axes", self.shared_axes.as_deref())
    }
}
