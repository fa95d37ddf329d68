//! From strings to indices and back.

use keras_ops::{DType, Device, Tensor};

use super::encoding::{OutputMode, integers};
use super::hash::Salt;
use super::lookup::{IndexLookup, Text, counted};
use super::text::{self, IntoTexts, Texts};
use crate::layer::{Call, Layer, LayerBase, Outputs};
use crate::layers::base::{base_accessors, common_methods, layer_entry, only};
use crate::shape::Dims;
use crate::{Config, Registry, Result, bail};

/// Maps strings to indices by a vocabulary, which is given or learned by [`adapt`](Self::adapt).
///
/// Indices are, in order: the mask token (with `output_mode` `int` only), `num_oov_indices` places for strings that
/// are not in the vocabulary, the vocabulary. A learned vocabulary is sorted by frequency, of equals the greater
/// string (by bytes) first.
///
/// In a model it reads tensors of bytes, see [`text`](super::text).
///
/// Differs from Keras: a learned vocabulary is part of the configuration, where Keras has it in a file beside;
/// encoded outputs are floats, as Keras documents, where its lookup gives int64; sparse outputs are an error.
///
/// # Shapes
/// `int` keeps the shape, `one_hot` appends an axis, `multi_hot`, `count` and `tf_idf` replace the last one.
///
/// # Errors
/// When there is no vocabulary, arguments contradict each other, or a string is unknown and has no place.
///
/// # Examples
/// ```
/// use keras_core::layers::{OutputMode, StringLookup};
/// let mut lookup = StringLookup::new();
/// lookup.adapt(&["b", "a", "c", "b"])?;
/// assert_eq!(lookup.get_vocabulary(true)?, ["[UNK]", "b", "c", "a"]);
/// assert_eq!(lookup.lookup(&["a", "z"])?.to_vec1::<i64>()?, [3, 0]);
///
/// let hot = StringLookup::new().vocabulary(["a", "b"]).output_mode(OutputMode::MultiHot);
/// assert_eq!(hot.lookup(&[["a", "z"], ["b", "b"]])?.to_vec2::<f32>()?, [[1., 1., 0.], [0., 0., 1.]]);
///
/// let back = StringLookup::new().vocabulary(["a", "b"]).invert(true);
/// assert_eq!(back.tokens(&lookup.lookup(&["c", "z"])?)?, ["b", "[UNK]"]);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Debug)]
pub struct StringLookup {
    base: LayerBase,
    lookup: IndexLookup<Text>,
}

common_methods!(StringLookup);
layer_entry!(StringLookup, "maps strings to indices by a vocabulary");

/// The builder methods that both lookups have; `$token` is what a token is given as.
macro_rules! lookup_methods {
    ($type:ident, $token:ty) => {
        impl $type {
            /// At most so many indices, mask and OOV places included.
            #[must_use]
            pub fn max_tokens(mut self, max_tokens: usize) -> Self {
                self.lookup.set(|a| a.max_tokens = Some(max_tokens));
                self
            }

            /// Places for what is not in the vocabulary; with 0 it is an error. 1 unless set.
            #[must_use]
            pub fn num_oov_indices(mut self, num_oov_indices: usize) -> Self {
                self.lookup.set(|a| a.num_oov_indices = num_oov_indices);
                self
            }

            /// What stands for nothing: index 0, or left out of encoded outputs.
            #[must_use]
            pub fn mask_token(mut self, mask_token: impl Into<$token>) -> Self {
                let token = mask_token.into();
                self.lookup.set(|a| a.mask_token = Some(token));
                self
            }

            /// What [`get_vocabulary`](Self::get_vocabulary) lists, and `invert` gives, for what is not in the
            /// vocabulary.
            #[must_use]
            pub fn oov_token(mut self, oov_token: impl Into<$token>) -> Self {
                let token = oov_token.into();
                self.lookup.set(|a| a.oov_token = Some(token));
                self
            }

            /// The vocabulary, with or without mask and OOV tokens at its start.
            #[must_use]
            pub fn vocabulary<I: IntoIterator<Item: Into<$token>>>(mut self, vocabulary: I) -> Self {
                self.lookup
                    .give(vocabulary.into_iter().map(Into::into).collect());
                self
            }

            /// The vocabulary from a file with a token a line.
            ///
            /// # Errors
            /// When the file cannot be read, or a line is no token.
            pub fn vocabulary_file(mut self, path: impl AsRef<std::path::Path>) -> Result<Self> {
                self.lookup.give_file(path.as_ref())?;
                Ok(self)
            }

            /// How rare each token of the vocabulary is, for the output mode `tf_idf`.
            #[must_use]
            pub fn idf_weights(mut self, idf_weights: impl Into<Vec<f64>>) -> Self {
                self.lookup.give_idf(idf_weights.into());
                self
            }

            /// Whether to map indices to tokens instead.
            #[must_use]
            pub fn invert(mut self, invert: bool) -> Self {
                self.lookup.set(|a| a.invert = invert);
                self
            }

            /// What to give for an index.
            #[must_use]
            pub fn output_mode(mut self, output_mode: OutputMode) -> Self {
                self.lookup.set(|a| a.output_mode = output_mode);
                self
            }

            /// Whether encoded outputs have `max_tokens` places even when the vocabulary is smaller.
            #[must_use]
            pub fn pad_to_max_tokens(mut self, pad_to_max_tokens: bool) -> Self {
                self.lookup.set(|a| a.pad_to_max_tokens = pad_to_max_tokens);
                self
            }

            /// Makes the choice among several OOV places one's own.
            #[must_use]
            pub fn salt(mut self, salt: impl Into<Salt>) -> Self {
                let salt = salt.into();
                self.lookup.set(|a| a.salt = Some(salt));
                self
            }

            /// Replaces the vocabulary.
            ///
            /// # Errors
            /// When tokens are repeated, too many, or weights are needed.
            pub fn set_vocabulary<I: IntoIterator<Item: Into<$token>>>(
                &mut self,
                vocabulary: I,
            ) -> Result<()> {
                let vocabulary = vocabulary.into_iter().map(Into::into).collect();
                self.lookup.set_vocabulary(vocabulary, None)
            }

            /// Replaces the vocabulary and its weights, for the output mode `tf_idf`.
            ///
            /// # Errors
            /// When tokens are repeated or too many, or there are not as many weights.
            pub fn set_vocabulary_with_idf<I: IntoIterator<Item: Into<$token>>>(
                &mut self,
                vocabulary: I,
                idf_weights: impl Into<Vec<f64>>,
            ) -> Result<()> {
                let vocabulary = vocabulary.into_iter().map(Into::into).collect();
                self.lookup
                    .set_vocabulary(vocabulary, Some(idf_weights.into()))
            }

            /// The number of indices: tokens, mask and OOV places.
            pub fn vocabulary_size(&self) -> usize {
                self.lookup.size().unwrap_or(0)
            }

            /// Makes the vocabulary of what [`update_state`](Self::update_state) counted.
            ///
            /// # Errors
            /// When the output would change its size.
            pub fn finalize_state(&mut self) -> Result<()> {
                self.lookup.finalize()
            }

            /// Forgets what was counted since the last vocabulary.
            pub fn reset_state(&mut self) {
                self.lookup.reset();
            }
        }
    };
}
pub(super) use lookup_methods;
lookup_methods!(StringLookup, Text);

impl Default for StringLookup {
    fn default() -> Self {
        Self {
            base: LayerBase::default(),
            lookup: IndexLookup::new("StringLookup", "[UNK]".into()),
        }
    }
}

impl StringLookup {
    /// Gives indices; strings that are not in the vocabulary have one place.
    pub fn new() -> Self {
        Self::default()
    }

    fn from_config(config: &Config, _registry: &Registry) -> Result<Self> {
        let mut reader = config.reader("StringLookup");
        let mut layer = Self {
            base: LayerBase::from_reader(&mut reader)?,
            ..Self::default()
        };
        check_encoding("StringLookup", &reader.or("encoding", "utf-8".to_owned())?)?;
        layer.lookup.read(&mut reader)?;
        reader.finish()?;
        Ok(layer)
    }

    /// Learns the vocabulary of `texts`: each string, or each row of strings, is a document.
    ///
    /// # Errors
    /// When the vocabulary was given as an argument.
    pub fn adapt<'a, M>(&mut self, texts: impl IntoTexts<'a, M>) -> Result<()> {
        self.reset_state();
        self.update_state(texts)?;
        self.finalize_state()
    }

    /// Counts the tokens of a part of the data.
    ///
    /// # Errors
    /// When the vocabulary was given as an argument.
    pub fn update_state<'a, M>(&mut self, texts: impl IntoTexts<'a, M>) -> Result<()> {
        let Texts { dims, items } = texts.into_texts()?;
        let width = dims.get(1..).unwrap_or_default().iter().product::<usize>().max(1);
        let documents = items.len() / width;
        self.lookup.update(counted::<Text, ()>(documents, |(), at, f| {
            items[at * width..(at + 1) * width]
                .iter()
                .for_each(|token| f(token));
        }))
    }

    /// The vocabulary in order of indices, with or without mask and OOV tokens.
    ///
    /// # Errors
    /// When there is none yet.
    pub fn get_vocabulary(&self, include_special_tokens: bool) -> Result<Vec<String>> {
        let tokens = self.lookup.vocabulary(include_special_tokens)?;
        Ok(tokens.iter().map(|t| t.to_string()).collect())
    }

    /// The indices of strings, in the form that `output_mode` says.
    ///
    /// # Errors
    /// When there is no vocabulary, or a string is unknown and has no place.
    pub fn lookup<'a, M>(&self, texts: impl IntoTexts<'a, M>) -> Result<Tensor> {
        self.lookup_on(texts.into_texts()?, &Device::Cpu)
    }

    fn lookup_on(&self, texts: Texts<'_>, device: &Device) -> Result<Tensor> {
        if self.lookup.arguments.invert {
            bail!("StringLookup: with `invert` it maps indices to strings: use `tokens`");
        }
        let indices = self.lookup.indices(&texts.items)?;
        self.lookup
            .encoded(indices, &texts.dims, self.base.compute_dtype(), device)
    }

    /// The strings of indices, in row-major order. Needs no `invert`.
    ///
    /// # Errors
    /// When there is no vocabulary.
    pub fn tokens(&self, indices: &Tensor) -> Result<Vec<String>> {
        let tokens = self.lookup.tokens(&integers(indices)?)?;
        Ok(tokens.iter().map(|t| t.to_string()).collect())
    }
}

/// Strings are UTF-8.
pub(super) fn check_encoding(class_name: &str, encoding: &str) -> Result<()> {
    if !["utf-8", "utf8"].contains(&encoding.to_ascii_lowercase().as_str()) {
        bail!("{class_name}: `encoding` must be \"utf-8\", which strings are in, got {encoding:?}");
    }
    Ok(())
}

impl Layer for StringLookup {
    base_accessors!();

    fn autocasts(&self) -> bool {
        false
    }

    fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
        self.lookup.check()?;
        let mut dims = only("StringLookup", inputs)?.clone();
        if self.lookup.arguments.invert {
            dims.push(None);
            return Ok(vec![dims]);
        }
        if dims.pop().is_none() {
            bail!("StringLookup: expected strings as a tensor of bytes, got a scalar");
        }
        Ok(vec![self.lookup.encoded_shape(&dims)])
    }

    fn compute_output_dtype(&self, _inputs: &[DType]) -> DType {
        match self.lookup.arguments.output_mode {
            OutputMode::Int if self.lookup.arguments.invert => DType::U8,
            OutputMode::Int => DType::I64,
            _ => self.base.compute_dtype(),
        }
    }

    fn call(&self, inputs: &[Tensor], _cx: &mut Call) -> Result<Outputs> {
        let x = only("StringLookup", inputs)?;
        if self.lookup.arguments.invert {
            let (dims, items) = (x.dims().to_vec(), self.tokens(x)?);
            let texts = Texts {
                dims,
                items: items.iter().map(String::as_str).collect(),
            };
            return Ok(text::encode(texts)?.to_device(x.device())?.into());
        }
        Ok(text::with_texts("StringLookup", x, |texts| self.lookup_on(texts, x.device()))?.into())
    }

    fn config(&self) -> Config {
        let mut config = Config::new();
        self.lookup.write(&mut config);
        config.with("encoding", "utf-8")
    }
}
