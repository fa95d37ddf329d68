//! Fully connected layers.

use keras_ops::{self as ops, Tensor};

use crate::layer::{Build, Call, Layer, LayerBase, Outputs};
use crate::layers::base::{
    base_accessors, cast_input, common_methods, expect_min_rank, known_size, layer_entry, only,
};
use crate::layers::kernel::{KernelArgs, kernel_methods, lora_methods};
use crate::shape::Dims;
use crate::{Config, Registry, Result, bail};

/// `activation(x . kernel + bias)` over the last axis.
///
/// # Shapes
/// `(batch, …, features)` gives `(batch, …, units)`; `kernel` is `(features, units)`, `bias` `(units,)`.
///
/// # Errors
/// When `units` is 0, `lora_rank` meets a `kernel_constraint`, the input has rank 1, or its last axis is
/// unknown.
///
/// # Examples
/// ```
/// use keras_core::Sequential;
/// use keras_core::layers::Dense;
/// use keras_core::regularizers::L2;
/// let layer = Dense::new(64).activation("relu").kernel_initializer("he_normal").kernel_regularizer(L2 { l2: 1e-4 });
/// let model = Sequential::new().input([784]).add(layer).add(Dense::new(10).name("digits")).build()?;
/// assert_eq!(model.output_shapes(), [[None, Some(10)]]);
/// assert_eq!(model.layer("digits")?.read().count_params(), 64 * 10 + 10);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Dense {
    base: LayerBase,
    units: usize,
    args: KernelArgs,
}

common_methods!(Dense);
kernel_methods!(Dense);
lora_methods!(Dense);
layer_entry!(Dense, "activation(x . kernel + bias)");

impl Dense {
    /// With `units` outputs.
    pub fn new(units: usize) -> Self {
        Self {
            base: LayerBase::default(),
            units,
            args: KernelArgs::default(),
        }
    }

    fn from_config(config: &Config, registry: &Registry) -> Result<Self> {
        let mut reader = config.reader("Dense");
        let base = LayerBase::from_reader(&mut reader)?;
        let units = reader.req("units")?;
        let args = KernelArgs::read(&mut reader, registry)?.read_lora(&mut reader)?;
        reader.finish()?;
        let layer = Self { base, units, args };
        layer.check()?;
        Ok(layer)
    }

    fn check(&self) -> Result<()> {
        if self.units == 0 {
            bail!("Dense: `units` must be 1 or more, got 0");
        }
        self.args.check_lora("Dense")
    }
}

impl Layer for Dense {
    base_accessors!();

    fn build(&mut self, inputs: &[Dims], cx: &Build) -> Result<()> {
        self.compute_output_shape(inputs)?;
        let input = only("Dense", inputs)?;
        let features = known_size("Dense", input, input.len() - 1, "last")?;
        self.args.build(&mut self.base, &[features, self.units], cx)
    }

    fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
        self.check()?;
        let input = only("Dense", inputs)?;
        expect_min_rank("Dense", input, 2)?;
        let mut output = input.clone();
        output[input.len() - 1] = Some(self.units);
        Ok(vec![output])
    }

    fn call(&self, inputs: &[Tensor], cx: &mut Call) -> Result<Outputs> {
        let x = cast_input(&self.base, only("Dense", inputs)?)?;
        self.args.run(&self.base, cx, |kernel, bias, fused| {
            ops::dense(&x, kernel, bias, fused)
        })
    }

    fn supports_masking(&self) -> bool {
        true
    }

    fn takes_parts(&self) -> bool {
        self.args.fuses()
    }

    fn config(&self) -> Config {
        let mut config = Config::new().with("units", self.units);
        self.args.write(&mut config);
        config
    }
}
