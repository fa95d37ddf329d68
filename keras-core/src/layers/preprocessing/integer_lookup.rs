//! From whole numbers to indices and back.

use keras_ops::{DType, Tensor};

use super::encoding::{OutputMode, integers};
use super::hash::Salt;
use super::lookup::{IndexLookup, OovMethod, counted};
use super::string_lookup::lookup_methods;
use crate::data::IntoArrays;
use crate::layer::{Call, Layer, LayerBase, Outputs};
use crate::layers::base::{base_accessors, common_methods, layer_entry, only};
use crate::shape::Dims;
use crate::{Config, Registry, Result, bail};

/// Maps whole numbers to indices by a vocabulary, which is given or learned by [`adapt`](Self::adapt).
///
/// Indices are, in order: the mask token (with `output_mode` `int` only), `num_oov_indices` places for numbers that
/// are not in the vocabulary, the vocabulary. A learned vocabulary is sorted by frequency, of equals the greater
/// number first.
///
/// Differs from Keras: a learned vocabulary is part of the configuration, where Keras has it in a file beside;
/// encoded outputs are floats, as Keras documents, where its lookup gives int64; sparse outputs are an error.
///
/// # Shapes
/// `int` keeps the shape, `one_hot` appends an axis, `multi_hot`, `count` and `tf_idf` replace the last one.
///
/// # Errors
/// When there is no vocabulary, arguments contradict each other, or a number is unknown and has no place.
///
/// # Examples
/// ```
/// use keras_core::layers::IntegerLookup;
/// use keras_core::{Layer, layer::Call};
/// use keras_ops::{Device, Tensor};
/// let mut lookup = IntegerLookup::new();
/// lookup.adapt(vec![[12i64, 1138, 42], [42, 1000, 36]])?;
/// assert_eq!(lookup.get_vocabulary(true)?, [-1, 42, 1138, 1000, 36, 12]);
/// let x = Tensor::new(&[[12i64, 7]], &Device::Cpu)?;
/// let y = lookup.call(&[x], &mut Call::new(false))?;
/// assert_eq!(y.0[0].to_vec2::<i64>()?, [[5, 0]]);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Debug)]
pub struct IntegerLookup {
    base: LayerBase,
    lookup: IndexLookup<i64>,
}

common_methods!(IntegerLookup);
layer_entry!(IntegerLookup, "maps whole numbers to indices by a vocabulary");
lookup_methods!(IntegerLookup, i64);

impl Default for IntegerLookup {
    fn default() -> Self {
        Self {
            base: LayerBase::default(),
            lookup: IndexLookup::new("IntegerLookup", -1),
        }
    }
}

impl IntegerLookup {
    /// Gives indices; numbers that are not in the vocabulary have one place.
    pub fn new() -> Self {
        Self::default()
    }

    /// How unknown numbers find one of several OOV places.
    #[must_use]
    pub fn oov_method(mut self, oov_method: OovMethod) -> Self {
        self.lookup.set(|a| a.oov_method = oov_method);
        self
    }

    fn from_config(config: &Config, _registry: &Registry) -> Result<Self> {
        let mut reader = config.reader("IntegerLookup");
        let mut layer = Self {
            base: LayerBase::from_reader(&mut reader)?,
            ..Self::default()
        };
        let dtype = reader.or("vocabulary_dtype", "int64".to_owned())?;
        if dtype != "int64" {
            bail!("IntegerLookup: `vocabulary_dtype` must be \"int64\", got {dtype:?}");
        }
        layer.lookup.read(&mut reader)?;
        reader.finish()?;
        Ok(layer)
    }

    /// Learns the vocabulary of `data`: each number, or each row of numbers, is a document.
    ///
    /// # Errors
    /// When the vocabulary was given as an argument.
    pub fn adapt(&mut self, data: impl IntoArrays) -> Result<()> {
        self.reset_state();
        self.update_state(data)?;
        self.finalize_state()
    }

    /// Counts the numbers of a part of the data.
    ///
    /// # Errors
    /// When the vocabulary was given as an argument.
    pub fn update_state(&mut self, data: impl IntoArrays) -> Result<()> {
        for (_, x) in data.into_arrays()?.0 {
            let items = integers(&x)?;
            let width = x
                .dims()
                .get(1..)
                .unwrap_or_default()
                .iter()
                .product::<usize>()
                .max(1);
            self.lookup
                .update(counted::<i64, ()>(items.len() / width, |(), at, f| {
                    items[at * width..(at + 1) * width].iter().for_each(&mut *f);
                }))?;
        }
        Ok(())
    }

    /// The vocabulary in order of indices, with or without mask and OOV tokens.
    ///
    /// # Errors
    /// When there is none yet.
    pub fn get_vocabulary(&self, include_special_tokens: bool) -> Result<Vec<i64>> {
        self.lookup.vocabulary(include_special_tokens)
    }
}

impl Layer for IntegerLookup {
    base_accessors!();

    fn autocasts(&self) -> bool {
        false
    }

    fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
        self.lookup.check()?;
        Ok(vec![self.lookup.encoded_shape(only("IntegerLookup", inputs)?)])
    }

    fn compute_output_dtype(&self, _inputs: &[DType]) -> DType {
        match self.lookup.arguments.output_mode {
            OutputMode::Int => DType::I64,
            _ => self.base.compute_dtype(),
        }
    }

    fn call(&self, inputs: &[Tensor], _cx: &mut Call) -> Result<Outputs> {
        let x = only("IntegerLookup", inputs)?;
        let given = integers(x)?;
        let found = match self.lookup.arguments.invert {
            true => self.lookup.tokens(&given)?,
            false => self.lookup.indices(&given.iter().collect::<Vec<_>>())?,
        };
        let dtype = self.base.compute_dtype();
        Ok(self.lookup.encoded(found, x.dims(), dtype, x.device())?.into())
    }

    fn config(&self) -> Config {
        let mut config = Config::new();
        self.lookup.write(&mut config);
        config.with("vocabulary_dtype", "int64")
    }
}
