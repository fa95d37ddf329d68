//! A penalty on what passes.

use keras_ops::Tensor;

use crate::layer::{Call, Layer, LayerBase, Outputs};
use crate::layers::base::{
    add_activity_loss, base_accessors, cast_input, common_methods, layer_entry, only, same_shape,
};
use crate::regularizers::{L1L2, check_factor};
use crate::shape::Dims;
use crate::{Config, Registry, Regularizer, Result, Spec};

/// The input as it is; adds `(l1 * sum(|x|) + l2 * sum(x²)) / batch` to the loss.
///
/// # Shapes
/// The output has the input's shape.
///
/// # Examples
/// ```
/// use keras_core::{Layer, layer::Call, layers::ActivityRegularization};
/// use keras_ops::{Device, Tensor};
/// let mut cx = Call::new(true);
/// let x = Tensor::new(&[[1f32, -2.], [0., 3.]], &Device::Cpu)?;
/// ActivityRegularization::new().l1(0.5).l2(0.25).call(&[x], &mut cx)?;
/// assert_eq!(cx.take_losses()[0].to_scalar::<f32>()?, 3.25); // (0.5 * 6 + 0.25 * 14) / 2
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct ActivityRegularization {
    base: LayerBase,
    l1: f64,
    l2: f64,
    regularizer: Option<Spec<dyn Regularizer>>,
}

common_methods!(ActivityRegularization);
layer_entry!(ActivityRegularization, "adds a penalty on its input to the loss");

impl ActivityRegularization {
    /// Without penalties: set [`l1`](Self::l1) or [`l2`](Self::l2).
    pub fn new() -> Self {
        Self::default()
    }

    /// The factor of the sum of sizes.
    #[must_use]
    pub fn l1(self, l1: f64) -> Self {
        let l2 = self.l2;
        self.with(l1, l2)
    }

    /// The factor of the sum of squares.
    #[must_use]
    pub fn l2(self, l2: f64) -> Self {
        let l1 = self.l1;
        self.with(l1, l2)
    }

    fn with(mut self, l1: f64, l2: f64) -> Self {
        (self.l1, self.l2) = (l1, l2);
        self.regularizer = Some(L1L2 { l1, l2 }.into());
        self
    }

    fn from_config(config: &Config, _registry: &Registry) -> Result<Self> {
        let mut reader = config.reader("ActivityRegularization");
        let base = LayerBase::from_reader(&mut reader)?;
        let (l1, l2) = (reader.or("l1", 0.)?, reader.or("l2", 0.)?);
        for (argument, factor) in [("l1", l1), ("l2", l2)] {
            check_factor("ActivityRegularization", argument, factor)?;
        }
        reader.finish()?;
        let layer = Self {
            base,
            ..Self::default()
        };
        Ok(layer.with(l1, l2))
    }
}

impl Layer for ActivityRegularization {
    base_accessors!();

    fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
        same_shape("ActivityRegularization", inputs)
    }

    fn call(&self, inputs: &[Tensor], cx: &mut Call) -> Result<Outputs> {
        let x = cast_input(&self.base, only("ActivityRegularization", inputs)?)?;
        add_activity_loss(self.regularizer.as_ref(), &x, cx)?;
        Ok(x.into())
    }

    fn supports_masking(&self) -> bool {
        true
    }

    fn config(&self) -> Config {
        Config::new().with("l1", self.l1).with("l2", self.l2)
    }
}
