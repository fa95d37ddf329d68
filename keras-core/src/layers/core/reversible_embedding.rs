//! Vectors for whole numbers, and the way back.

use keras_ops::{self as ops, DType, Tensor};

use super::embedding::Embedding;
use crate::arg::Arg;
use crate::dtype_policy::PolicyArg;
use crate::layer::{Build, Call, Layer, LayerBase, Outputs, Weight};
use crate::layers::base::{cast_input, expect_min_rank, layer_entry, only};
use crate::shape::{self, Dims};
use crate::{
    Arguments, Config, Constraint, Initializer, Registry, Regularizer, Result, Spec, Variable, bail,
};

/// An [`Embedding`] that also goes back: called with `reverse`, it gives for each vector its products with all rows,
/// the logits of a language model.
///
/// # Shapes
/// Ids of any shape give one more axis of `output_dim`. In reverse `(…, output_dim)` gives `(…, input_dim)`.
/// `embeddings` is `(input_dim, output_dim)`; without `tie_weights` there is a `reverse_embeddings` of
/// `(output_dim, input_dim)`.
///
/// # Errors
/// When `input_dim` or `output_dim` is 0, an id is out of range, or the last axis in reverse is not `output_dim`.
///
/// # Examples
/// ```
/// use keras_core::layer::{Build, Call};
/// use keras_core::{Arguments, LayerRef, layers::ReversibleEmbedding};
/// use keras_ops::{Device, Tensor};
/// let table = Tensor::new(&[[1f32, 0.], [1., 2.], [3., 4.]], &Device::Cpu)?;
/// let layer = LayerRef::new(ReversibleEmbedding::new(3, 2).weights(table));
/// layer.build(&[vec![None, None]], &Build::new(&Device::Cpu))?;
/// let vectors = layer.read().call(&[Tensor::new(&[[1u32]], &Device::Cpu)?], &mut Call::new(false))?;
/// assert_eq!(vectors.0[0].to_vec3::<f32>()?, [[[1., 2.]]]);
/// let mut reverse = Call::new(false).arguments(Arguments::new().set("reverse", true));
/// let logits = layer.read().call(&vectors.0, &mut reverse)?;
/// assert_eq!(logits.0[0].to_vec3::<f32>()?, [[[1., 5., 11.]]]);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Debug)]
pub struct ReversibleEmbedding {
    embedding: Embedding,
    tie_weights: bool,
    reverse_dtype: Option<DType>,
    logit_soft_cap: Option<f64>,
    reverse_embeddings: Option<Variable>,
}

layer_entry!(ReversibleEmbedding, "vectors for whole numbers, and the way back");

const CLASS: &str = "ReversibleEmbedding";

/// Builder methods that are those of the embedding within.
macro_rules! of_embedding {
    ($($(#[$doc:meta])* $name:ident($argument:ident: $type:ty);)*) => { $(
        $(#[$doc])*
        #[must_use]
        pub fn $name(mut self, $argument: $type) -> Self {
            self.embedding = self.embedding.$name($argument);
            self
        }
    )* };
}

impl ReversibleEmbedding {
    /// A table of `input_dim` rows of `output_dim`.
    pub fn new(input_dim: usize, output_dim: usize) -> Self {
        Self {
            embedding: Embedding::new(input_dim, output_dim),
            tie_weights: true,
            reverse_dtype: None,
            logit_soft_cap: None,
            reverse_embeddings: None,
        }
    }

    of_embedding! {
        /// Names the layer.
        name(name: &str);
        /// Whether training changes its weights.
        trainable(trainable: bool);
        /// The dtype the layer computes in and keeps its weights in: a dtype, a
        /// [`DTypePolicy`](crate::DTypePolicy), or the name of one.
        dtype(dtype: impl Into<PolicyArg>);
        /// The start value of each element, `"uniform"` unless given.
        embeddings_initializer(initializer: impl Into<Spec<dyn Initializer>>);
        /// A penalty on the table.
        embeddings_regularizer(regularizer: impl Into<Spec<dyn Regularizer>>);
        /// A projection of the table after each update.
        embeddings_constraint(constraint: impl Into<Spec<dyn Constraint>>);
        /// A penalty on the output, divided by the batch size.
        activity_regularizer(regularizer: impl Into<Spec<dyn Regularizer>>);
        /// Whether 0 means that nothing is there: such places are masked for the layers that follow.
        mask_zero(mask_zero: bool);
        /// The table to begin with, of shape `(input_dim, output_dim)`.
        weights(embeddings: Tensor);
        /// Trains the product of two matrices of this rank, added to the table, instead of the table.
        lora_rank(rank: usize);
        /// What that product is multiplied by, times `lora_rank`.
        lora_alpha(alpha: f64);
    }

    /// Whether the way back uses the same table.
    #[must_use]
    pub fn tie_weights(mut self, tie_weights: bool) -> Self {
        self.tie_weights = tie_weights;
        self
    }

    /// The dtype that the way back is computed in; the layer's unless given.
    #[must_use]
    pub fn reverse_dtype(mut self, dtype: DType) -> Self {
        self.reverse_dtype = Some(dtype);
        self
    }

    /// Keeps logits between `-cap` and `cap`: `cap tanh(logits / cap)`.
    #[must_use]
    pub fn logit_soft_cap(mut self, cap: f64) -> Self {
        self.logit_soft_cap = Some(cap);
        self
    }

    fn from_config(config: &Config, registry: &Registry) -> Result<Self> {
        let mut reader = config.reader(CLASS);
        let layer = Self {
            embedding: Embedding::read(CLASS, &mut reader, registry)?,
            tie_weights: reader.or("tie_weights", true)?,
            reverse_dtype: Arg::read(&mut reader, "reverse_dtype", None)?,
            logit_soft_cap: reader.opt("logit_soft_cap")?,
            reverse_embeddings: None,
        };
        reader.finish()?;
        Ok(layer)
    }

    fn logits(&self, x: &Tensor, cx: &mut Call) -> Result<Tensor> {
        let [_, output_dim] = self.embedding.dims();
        if x.dims().last() != Some(&output_dim) {
            bail!(
                "{CLASS}: expected vectors of {output_dim} in reverse, got an input of shape {:?}",
                x.dims()
            );
        }
        let kernel = match &self.reverse_embeddings {
            Some(variable) => variable.value(),
            None => ops::transpose(&self.embedding.table()?, &[1, 0])?,
        };
        let (x, kernel) = match self.reverse_dtype {
            Some(dtype) => (ops::cast(x, dtype)?, ops::cast(&kernel, dtype)?),
            None => (cast_input(self.base(), x)?, cast_input(self.base(), &kernel)?),
        };
        let mut logits = ops::matmul(&x, &kernel)?;
        if let Some(cap) = self.logit_soft_cap {
            logits = ops::mul_scalar(&ops::tanh(&ops::mul_scalar(&logits, 1. / cap)?)?, cap)?;
        }
        self.embedding.penalise(&logits, cx)?;
        Ok(logits)
    }
}

impl Layer for ReversibleEmbedding {
    fn base(&self) -> &LayerBase {
        self.embedding.base()
    }

    fn base_mut(&mut self) -> &mut LayerBase {
        self.embedding.base_mut()
    }

    fn build(&mut self, inputs: &[Dims], cx: &Build) -> Result<()> {
        self.embedding.check(CLASS)?;
        self.embedding.build(inputs, cx)?;
        if !self.tie_weights {
            let [input_dim, output_dim] = self.embedding.dims();
            let shape = [output_dim, input_dim];
            let mut weight = Weight::new("reverse_embeddings", &shape).autocast(false);
            if let Some(initializer) = self.embedding.initializer() {
                weight = weight.initializer(initializer);
            }
            self.reverse_embeddings = Some(self.base_mut().add_weight(weight, cx)?);
        }
        Ok(())
    }

    fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
        self.embedding.check(CLASS)?;
        self.embedding.compute_output_shape(inputs)
    }

    fn compute_output_shape_with(&self, inputs: &[Dims], arguments: &Arguments) -> Result<Vec<Dims>> {
        if !arguments.flag("reverse")? {
            return self.compute_output_shape(inputs);
        }
        self.embedding.check(CLASS)?;
        let [input_dim, output_dim] = self.embedding.dims();
        let mut output = only(CLASS, inputs)?.clone();
        expect_min_rank(CLASS, &output, 1)?;
        match output.last_mut() {
            Some(last) if last.is_none_or(|last| last == output_dim) => *last = Some(input_dim),
            _ => bail!(
                "{CLASS}: expected vectors of {output_dim} in reverse, got an input of shape {}",
                shape::show(&inputs[0])
            ),
        }
        Ok(vec![output])
    }

    fn call_arguments(&self) -> &'static [&'static str] {
        &["reverse"]
    }

    fn call(&self, inputs: &[Tensor], cx: &mut Call) -> Result<Outputs> {
        let x = only(CLASS, inputs)?;
        if cx.arguments.flag("reverse")? {
            return Ok(self.logits(x, cx)?.into());
        }
        if let Some(mask) = self.embedding.mask(x)? {
            cx.set_output_masks([Some(mask)]);
        }
        self.embedding.call(inputs, cx)
    }

    /// The mask is said by `call`, which knows the direction.
    fn compute_mask(&self, _inputs: &[Tensor], _masks: &[Option<Tensor>]) -> Result<Vec<Option<Tensor>>> {
        Ok(vec![None])
    }

    fn autocasts(&self) -> bool {
        false
    }

    fn makes_mask(&self) -> bool {
        self.embedding.makes_mask()
    }

    fn config(&self) -> Config {
        let mut config = self.embedding.config();
        config.set("tie_weights", self.tie_weights);
        config.set("reverse_dtype", self.reverse_dtype.write());
        config.set("logit_soft_cap", self.logit_soft_cap);
        config
    }
}
