//! Where data enters a model.

use keras_ops::{DType, Tensor};

use crate::layer::{Call, Layer, LayerBase, Outputs};
use crate::shape::Dims;
use crate::{Config, Entry, Result, ResultExt, bail};

/// The entry of a model: says the shape and dtype of the data given for it.
///
/// ```
/// use keras_core::layers::InputLayer;
/// use keras_ops::DType;
/// let ids = InputLayer::new([200]).dtype(DType::U32).name("ids").tensor();
/// assert_eq!(ids.shape(), [None, Some(200)]);
/// ```
#[derive(Debug)]
pub struct InputLayer {
    base: LayerBase,
    /// Of strings with an axis for their bytes.
    batch_shape: Dims,
    dtype: DType,
    strings: bool,
}

impl InputLayer {
    /// For samples of this shape, without the batch.
    pub fn new(shape: impl AsRef<[usize]>) -> Self {
        let sizes = shape.as_ref().iter().map(|d| Some(*d));
        Self::with_batch_shape(std::iter::once(None).chain(sizes).collect())
    }

    /// For batches of this shape; unknown sizes are `None`.
    pub fn with_batch_shape(batch_shape: Dims) -> Self {
        Self {
            base: LayerBase::default(),
            batch_shape,
            dtype: keras_ops::floatx(),
            strings: false,
        }
    }

    /// For samples that are strings, in this shape: `[]` for one string a sample. Data is given as strings, or as the
    /// tensor of bytes that [`text::encode`](crate::layers::text::encode) makes of them; the shape in the model has an
    /// axis more, for the bytes.
    ///
    /// ```
    /// use keras_core::layers::{InputLayer, TextVectorization};
    /// use keras_core::{Predict, Sequential};
    /// let words = TextVectorization::new().vocabulary(["good", "film"]).output_sequence_length(3);
    /// let texts = InputLayer::strings([]).name("text").tensor();
    /// let mut model = Sequential::new().input_tensor(texts).add(words).build()?;
    /// let y = model.predict(&["A good film!"], Predict::new().verbose(0))?;
    /// assert_eq!(y.to_vec2::<i64>()?, [[1, 2, 3]]);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    pub fn strings(shape: impl AsRef<[usize]>) -> Self {
        let mut layer = Self::new(shape);
        layer.make_strings();
        layer
    }

    /// The dtype of the data.
    #[must_use]
    pub fn dtype(mut self, dtype: DType) -> Self {
        self.dtype = dtype;
        self
    }

    /// The name of the input.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        self.base.set_name(name.to_owned());
        self
    }

    /// The dtype by Keras's name, `string` included.
    pub(crate) fn with_dtype_name(mut self, name: &str) -> Result<Self> {
        if name == "string" {
            self.make_strings();
            return Ok(self);
        }
        self.dtype = keras_ops::dtype_from_name(name)?;
        Ok(self)
    }

    fn make_strings(&mut self) {
        self.batch_shape.push(None);
        self.dtype = DType::U8;
        self.strings = true;
    }

    fn from_config(config: &Config) -> Result<Self> {
        let mut reader = config.reader("InputLayer");
        let name: Option<String> = reader.opt("name")?;
        let dtype: Option<String> = reader.opt("dtype")?;
        let batch_shape: Option<Vec<Option<usize>>> = reader.opt("batch_shape")?;
        let older: Option<Vec<Option<usize>>> = reader.opt("batch_input_shape")?;
        let shape: Option<Vec<Option<usize>>> = reader.opt("shape")?;
        let batch_size: Option<usize> = reader.opt("batch_size")?;
        reader.or_null("trainable", true)?;
        for key in ["sparse", "ragged", "optional"] {
            if reader.or_null(key, false)? {
                bail!("InputLayer: `{key}` inputs are not supported; give dense data");
            }
        }
        reader.finish()?;
        let batch_shape = match (batch_shape.or(older), shape) {
            (Some(_), Some(_)) => bail!("InputLayer: give `shape` or `batch_shape`, not both"),
            (Some(_), None) if batch_size.is_some() => {
                bail!("InputLayer: `batch_size` goes with `shape`; `batch_shape` says it itself")
            }
            (Some(batch_shape), None) => batch_shape,
            (None, Some(shape)) => std::iter::once(batch_size).chain(shape).collect(),
            (None, None) => bail!("InputLayer: the argument `batch_shape` (a list) is required"),
        };
        let mut layer = Self::with_batch_shape(batch_shape);
        if let Some(dtype) = dtype {
            layer = layer.with_dtype_name(&dtype).context(|| "InputLayer: `dtype`")?;
        }
        if let Some(name) = name {
            layer.base.set_name(name);
        }
        Ok(layer)
    }

    /// The shape with the batch.
    pub fn batch_shape(&self) -> &[Option<usize>] {
        &self.batch_shape
    }

    /// The dtype that data is converted to.
    pub fn data_dtype(&self) -> DType {
        self.dtype
    }

    /// Whether the data are strings.
    pub fn of_strings(&self) -> bool {
        self.strings
    }
}

impl Layer for InputLayer {
    fn base(&self) -> &LayerBase {
        &self.base
    }

    fn base_mut(&mut self) -> &mut LayerBase {
        &mut self.base
    }

    fn compute_output_shape(&self, _inputs: &[Dims]) -> Result<Vec<Dims>> {
        Ok(vec![self.batch_shape.clone()])
    }

    fn call(&self, inputs: &[Tensor], _cx: &mut Call) -> Result<Outputs> {
        Ok(inputs.to_vec().into())
    }

    fn config(&self) -> Config {
        let (shape, dtype) = match (self.strings, self.batch_shape.split_last()) {
            (true, Some((_, shape))) => (shape, "string"),
            _ => (self.batch_shape.as_slice(), keras_ops::dtype_name(self.dtype)),
        };
        Config::new()
            .with("batch_shape", shape)
            .with("dtype", dtype)
            .with("sparse", false)
            .with("ragged", false)
            .with("optional", false)
    }
}

pub(super) const ENTRY: Entry<dyn Layer> = Entry {
    class_name: "InputLayer",
    module: "keras.layers",
    aliases: &[],
    doc: "where data enters a model",
    build: |config, _| Ok(Box::new(InputLayer::from_config(config)?)),
};
