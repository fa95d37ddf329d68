//! Vectors for whole numbers.

use keras_ops::{self as ops, DType, Tensor};

use crate::config::Reader;
use crate::layer::{Build, Call, Layer, LayerBase, Outputs, Weight};
use crate::layers::base::{
    add_activity_loss, base_accessors, cast_input, common_methods, layer_entry, nested_value, only,
    read_nested, resolve,
};
use crate::layers::lora::Lora;
use crate::shape::Dims;
use crate::{Config, Constraint, Initializer, Registry, Regularizer, Result, Spec, Variable, bail};

/// The rows of a table with the numbers that come in. Training changes the rows that occur, and costs nothing for
/// the others.
///
/// # Shapes
/// Ids of any shape, each from 0 to `input_dim - 1`, give one more axis of `output_dim`; `embeddings` is
/// `(input_dim, output_dim)`. Floats are cut to whole numbers.
///
/// # Errors
/// When `input_dim` or `output_dim` is 0, or an id is out of range.
///
/// Differs from Keras: an id out of range is an error on every device.
///
/// # Examples
/// ```
/// use keras_core::layer::{Build, Call};
/// use keras_core::{LayerRef, layers::Embedding};
/// use keras_ops::{Device, Tensor};
/// let table = Tensor::new(&[[0f32, 0.], [1., 2.], [3., 4.]], &Device::Cpu)?;
/// let layer = LayerRef::new(Embedding::new(3, 2).mask_zero(true).weights(table));
/// layer.build(&[vec![None, None]], &Build::new(&Device::Cpu))?;
/// let ids = Tensor::new(&[[2u32, 1, 0]], &Device::Cpu)?;
/// let y = layer.read().call(&[ids.clone()], &mut Call::new(false))?;
/// assert_eq!(y.0[0].to_vec3::<f32>()?, [[[3., 4.], [1., 2.], [0., 0.]]]);
/// let mask = layer.read().compute_mask(&[ids], &[None])?;
/// assert_eq!(mask[0].as_ref().map(|m| m.to_vec2::<u8>()).transpose()?, Some(vec![vec![1, 1, 0]]));
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Embedding {
    base: LayerBase,
    input_dim: usize,
    output_dim: usize,
    initializer: Option<Spec<dyn Initializer>>,
    regularizer: Option<Spec<dyn Regularizer>>,
    constraint: Option<Spec<dyn Constraint>>,
    activity_regularizer: Option<Spec<dyn Regularizer>>,
    mask_zero: bool,
    start: Option<Tensor>,
    lora: Lora,
    embeddings: Option<Variable>,
}

common_methods!(Embedding);
layer_entry!(Embedding, "vectors for whole numbers");

impl Embedding {
    /// A table of `input_dim` rows of `output_dim`.
    pub fn new(input_dim: usize, output_dim: usize) -> Self {
        Self {
            base: LayerBase::default(),
            input_dim,
            output_dim,
            initializer: Some("uniform".into()),
            regularizer: None,
            constraint: None,
            activity_regularizer: None,
            mask_zero: false,
            start: None,
            lora: Lora::default(),
            embeddings: None,
        }
    }

    fn from_config(config: &Config, registry: &Registry) -> Result<Self> {
        let mut reader = config.reader("Embedding");
        let layer = Self::read("Embedding", &mut reader, registry)?;
        reader.finish()?;
        Ok(layer)
    }

    pub(super) fn read(class_name: &str, reader: &mut Reader<'_>, registry: &Registry) -> Result<Self> {
        let mut layer = Self {
            base: LayerBase::from_reader(reader)?,
            regularizer: read_nested(reader, "embeddings_regularizer", registry)?,
            constraint: read_nested(reader, "embeddings_constraint", registry)?,
            activity_regularizer: read_nested(reader, "activity_regularizer", registry)?,
            mask_zero: reader.or("mask_zero", false)?,
            ..Self::new(reader.req("input_dim")?, reader.req("output_dim")?)
        };
        if let Some(initializer) = read_nested(reader, "embeddings_initializer", registry)? {
            layer.initializer = Some(initializer);
        }
        layer.lora = Lora::read(reader)?;
        if reader.raw("weights").is_some() {
            bail!(
                "{class_name}: `weights` cannot be read from a configuration: give them by `.weights(table)`"
            );
        }
        reader.ignore(&["input_length"]);
        layer.check(class_name)?;
        Ok(layer)
    }

    pub(super) fn check(&self, class_name: &str) -> Result<()> {
        for (name, size) in [("input_dim", self.input_dim), ("output_dim", self.output_dim)] {
            if size == 0 {
                bail!("{class_name}: `{name}` must be 1 or more, got 0");
            }
        }
        if self.lora.rank > 0 && self.constraint.is_some() {
            bail!(
                "{class_name}: `lora_rank` does not go with `embeddings_constraint`: leave one of them out"
            );
        }
        Ok(())
    }

    /// The start value of each element, `"uniform"` unless given.
    #[must_use]
    pub fn embeddings_initializer(mut self, initializer: impl Into<Spec<dyn Initializer>>) -> Self {
        self.initializer = Some(initializer.into());
        self
    }

    /// A penalty on the table.
    #[must_use]
    pub fn embeddings_regularizer(mut self, regularizer: impl Into<Spec<dyn Regularizer>>) -> Self {
        self.regularizer = Some(regularizer.into());
        self
    }

    /// A projection of the table after each update.
    #[must_use]
    pub fn embeddings_constraint(mut self, constraint: impl Into<Spec<dyn Constraint>>) -> Self {
        self.constraint = Some(constraint.into());
        self
    }

    /// A penalty on the output, divided by the batch size.
    #[must_use]
    pub fn activity_regularizer(mut self, regularizer: impl Into<Spec<dyn Regularizer>>) -> Self {
        self.activity_regularizer = Some(regularizer.into());
        self
    }

    /// Whether 0 means that nothing is there: such places are masked for the layers that follow.
    #[must_use]
    pub fn mask_zero(mut self, mask_zero: bool) -> Self {
        self.mask_zero = mask_zero;
        self
    }

    /// The table to begin with, of shape `(input_dim, output_dim)`.
    #[must_use]
    pub fn weights(mut self, embeddings: Tensor) -> Self {
        self.start = Some(embeddings);
        self
    }

    /// Trains the product of two matrices of this rank, added to the table, instead of the table.
    #[must_use]
    pub fn lora_rank(mut self, rank: usize) -> Self {
        self.lora.rank = rank;
        self
    }

    /// What the product is multiplied by, times `lora_rank`; the rank unless given.
    #[must_use]
    pub fn lora_alpha(mut self, alpha: f64) -> Self {
        self.lora.alpha = Some(alpha);
        self
    }

    pub(super) fn dims(&self) -> [usize; 2] {
        [self.input_dim, self.output_dim]
    }

    pub(super) fn initializer(&self) -> Option<Spec<dyn Initializer>> {
        self.initializer.clone()
    }

    /// The table as it counts.
    pub(super) fn table(&self) -> Result<Tensor> {
        self.lora.adapted(&self.base.value(&self.embeddings)?)
    }

    /// The rows of `ids`.
    pub(super) fn embed(&self, ids: &Tensor, cx: &mut Call) -> Result<Tensor> {
        let ids = match ids.dtype().is_float() {
            true => &ops::cast(ids, DType::I64)?,
            false => ids,
        };
        let rows = ops::embedding(&self.base.value(&self.embeddings)?, ids)?;
        let rows = self.lora.added(&rows, |a| ops::embedding(a, ids))?;
        let rows = cast_input(&self.base, &rows)?;
        self.penalise(&rows, cx)?;
        Ok(rows)
    }

    pub(super) fn penalise(&self, output: &Tensor, cx: &mut Call) -> Result<()> {
        add_activity_loss(self.activity_regularizer.as_ref(), output, cx)
    }

    /// 0 where an id is 0, with `mask_zero`.
    pub(super) fn mask(&self, ids: &Tensor) -> Result<Option<Tensor>> {
        if !self.mask_zero {
            return Ok(None);
        }
        let zero = Tensor::zeros((), ids.dtype(), ids.device())?;
        Ok(Some(ops::not_equal(ids, &zero)?))
    }
}

impl Layer for Embedding {
    base_accessors!();

    fn build(&mut self, _inputs: &[Dims], cx: &Build) -> Result<()> {
        self.check("Embedding")?;
        resolve(&mut self.activity_regularizer)?;
        let shape = self.dims();
        // Rows are converted once they are taken, not the table.
        let mut weight = Weight::new("embeddings", &shape)
            .autocast(false)
            .regularizer(self.regularizer.clone())
            .constraint(self.constraint.clone());
        if let Some(initializer) = self.initializer() {
            weight = weight.initializer(initializer);
        }
        let embeddings = self.base.add_weight(weight, cx)?;
        if let Some(start) = self.start.take() {
            embeddings.assign(&start)?;
        }
        let regularizer = self.regularizer.as_ref();
        self.lora
            .build(&mut self.base, "lora_embeddings", &embeddings, regularizer, cx)?;
        self.embeddings = Some(embeddings);
        Ok(())
    }

    fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
        self.check("Embedding")?;
        let mut output = only("Embedding", inputs)?.clone();
        output.push(Some(self.output_dim));
        Ok(vec![output])
    }

    fn call(&self, inputs: &[Tensor], cx: &mut Call) -> Result<Outputs> {
        Ok(self.embed(only("Embedding", inputs)?, cx)?.into())
    }

    fn compute_mask(&self, inputs: &[Tensor], _masks: &[Option<Tensor>]) -> Result<Vec<Option<Tensor>>> {
        Ok(vec![self.mask(only("Embedding", inputs)?)?])
    }

    fn autocasts(&self) -> bool {
        false
    }

    fn makes_mask(&self) -> bool {
        self.mask_zero
    }

    fn config(&self) -> Config {
        let mut config = Config::new()
            .with("input_dim", self.input_dim)
            .with("output_dim", self.output_dim)
            .with("embeddings_initializer", nested_value(self.initializer.as_ref()))
            .with("embeddings_regularizer", nested_value(self.regularizer.as_ref()))
            .with(
                "activity_regularizer",
                nested_value(self.activity_regularizer.as_ref()),
            )
            .with("embeddings_constraint", nested_value(self.constraint.as_ref()))
            .with("mask_zero", self.mask_zero);
        self.lora.write(&mut config);
        config
    }
}
