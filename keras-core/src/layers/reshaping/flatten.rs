//! From images to vectors.

use keras_ops::{self as ops, DType, Tensor};

use crate::layer::{Call, Layer, LayerBase, Outputs};
use crate::layers::base::{
    DataFormat, base_accessors, cast_floats, common_methods, expect_min_rank, layer_entry, moved_dtype, one,
    only,
};
use crate::shape::Dims;
use crate::{Config, Registry, Result};

/// Makes one axis of all but the batch.
///
/// # Shapes
/// `(batch, a, b, …)` gives `(batch, a * b * …)`; `(batch,)` gives `(batch, 1)`. A mask ends here.
///
/// ```
/// use keras_core::{Layer, layers::Flatten};
/// let shapes = Flatten::new().compute_output_shape(&[vec![None, Some(5), Some(2)]])?;
/// assert_eq!(shapes, [[None, Some(10)]]);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Flatten {
    base: LayerBase,
    data_format: DataFormat,
}

common_methods!(Flatten);
layer_entry!(Flatten, "makes one axis of all but the batch");

impl Flatten {
    /// For images with the channels last.
    pub fn new() -> Self {
        Self::default()
    }

    /// Where the channels are; the output has them last in any case.
    #[must_use]
    pub fn data_format(mut self, data_format: DataFormat) -> Self {
        self.data_format = data_format;
        self
    }

    fn from_config(config: &Config, _registry: &Registry) -> Result<Self> {
        let mut reader = config.reader("Flatten");
        let base = LayerBase::from_reader(&mut reader)?;
        let data_format = reader.or_null("data_format", DataFormat::default())?;
        reader.finish()?;
        Ok(Self { base, data_format })
    }
}

impl Layer for Flatten {
    base_accessors!();

    fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
        let input = only("Flatten", inputs)?;
        expect_min_rank("Flatten", input, 1)?;
        let size = input[1..].iter().try_fold(1, |size, d| d.map(|d| size * d));
        Ok(vec![vec![input[0], size]])
    }

    fn compute_output_dtype(&self, inputs: &[DType]) -> DType {
        moved_dtype(&self.base, inputs)
    }

    fn call(&self, inputs: &[Tensor], _cx: &mut Call) -> Result<Outputs> {
        let mut x = cast_floats(&self.base, only("Flatten", inputs)?)?;
        if self.data_format == DataFormat::ChannelsFirst && x.rank() > 2 {
            let order: Vec<usize> = [0].into_iter().chain(2..x.rank()).chain([1]).collect();
            x = ops::transpose(&x, &order)?;
        }
        let batch = x.dims().first().copied().unwrap_or(1);
        let size: usize = x.dims().iter().skip(1).product();
        one(ops::reshape(&x, &[batch as i64, size as i64]))
    }

    fn config(&self) -> Config {
        Config::new().with("data_format", self.data_format)
    }
}
