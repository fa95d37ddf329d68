//! From texts to indices of their tokens.

use std::path::Path;

use keras_ops::{DType, Device, Tensor};
use rayon::prelude::*;
use serde_json::Value;

use super::encoding::{OutputMode, dense_only};
use super::lookup::{IndexLookup, Text, counted};
use super::string_lookup::check_encoding;
use super::text::{self, IntoTexts, Room, Split, Standardize, Texts, Tokenizer};
use crate::config::{IntoValue, Reader};
use crate::layer::{Call, Layer, LayerBase, Outputs};
use crate::layers::base::{base_accessors, common_methods, layer_entry, only};
use crate::shape::{self, Dims};
use crate::{Config, Registry, Result, bail};

const CLASS: &str = "TextVectorization";

/// Texts that one task reads.
const BLOCK: usize = 64;

/// Standardises texts, splits them into tokens, joins neighbours to n-grams, and maps tokens to indices by a
/// vocabulary, which is given or learned by [`adapt`](Self::adapt).
///
/// With `output_mode` `int`, index 0 fills rows up and 1 is for tokens that are not in the vocabulary; with the
/// other modes, place 0 is for those.
///
/// Before a model, as Keras recommends, [`vectorize`](Self::vectorize) makes its input; that is the fast way for a
/// data set. As the first layer of a model it reads tensors of bytes, see [`text`](super::text), and is saved with
/// the model.
///
/// Differs from Keras: a learned vocabulary is part of the configuration, where Keras has it in a file beside;
/// encoded outputs are floats, as Keras documents, where its lookup gives int64; sparse and ragged outputs are an
/// error, and so is `one_hot`, unless texts are not split; functions for `standardize` and `split` are not saved.
///
/// # Shapes
/// `n` texts, as `(n,)` or `(n, 1)`, give `(n, output_sequence_length)`, or as long as the longest text; with the
/// other modes `(n, vocabulary)`. Without splitting, rows of tokens `(n, m)` are read.
///
/// # Errors
/// When there is no vocabulary, arguments contradict each other, or the shape is another.
///
/// # Examples
/// ```
/// use keras_core::layers::{OutputMode, TextVectorization};
/// let mut vectorizer = TextVectorization::new().output_sequence_length(4);
/// vectorizer.adapt(&["The cat sat.", "The dog!", "A cat?"])?;
/// assert_eq!(vectorizer.get_vocabulary(true)?, ["", "[UNK]", "the", "cat", "sat", "dog", "a"]);
/// let x = vectorizer.vectorize(&["the CAT ran", "a"])?;
/// assert_eq!(x.to_vec2::<i64>()?, [[2, 3, 1, 0], [6, 0, 0, 0]]);
///
/// let pairs = TextVectorization::new().ngrams(2).vocabulary(["a", "a b"]).output_mode(OutputMode::Count);
/// assert_eq!(pairs.vectorize(&["a b a"])?.to_vec2::<f32>()?, [[2., 2., 1.]]);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Debug)]
pub struct TextVectorization {
    base: LayerBase,
    tokenizer: Tokenizer,
    ngrams: Option<Ngrams>,
    output_sequence_length: Option<usize>,
    lookup: IndexLookup<Text>,
}

/// Which n-grams are made: up to a length, or of these lengths.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ngrams {
    /// Of 1 up to this many tokens.
    UpTo(usize),
    /// Of these numbers of tokens, in this order.
    Of(Vec<usize>),
}

impl From<usize> for Ngrams {
    fn from(longest: usize) -> Self {
        Self::UpTo(longest)
    }
}

impl<const N: usize> From<[usize; N]> for Ngrams {
    fn from(lengths: [usize; N]) -> Self {
        Self::Of(lengths.into())
    }
}

impl Ngrams {
    fn read(reader: &mut Reader<'_>) -> Result<Option<Self>> {
        match reader.raw("ngrams") {
            Some(Value::Array(_)) => Ok(Some(Self::Of(reader.req("ngrams")?))),
            Some(_) => Ok(Some(Self::UpTo(reader.req("ngrams")?))),
            None => Ok(None),
        }
    }

    fn lengths(&self) -> Vec<usize> {
        match self {
            Self::UpTo(longest) => (1..=*longest).collect(),
            Self::Of(lengths) => lengths.clone(),
        }
    }
}

impl IntoValue for Ngrams {
    fn into_value(self) -> Value {
        match self {
            Self::UpTo(longest) => longest.into_value(),
            Self::Of(lengths) => lengths.as_slice().into_value(),
        }
    }
}

common_methods!(TextVectorization);
layer_entry!(TextVectorization, "maps texts to the indices of their tokens");

impl Default for TextVectorization {
    fn default() -> Self {
        let mut lookup = IndexLookup::<Text>::new(CLASS, "[UNK]".into());
        lookup.set(|a| a.mask_token = Some("".into()));
        Self {
            base: LayerBase::default(),
            tokenizer: Tokenizer::default(),
            ngrams: None,
            output_sequence_length: None,
            lookup,
        }
    }
}

impl TextVectorization {
    /// Lowercases, takes punctuation out, splits at white space and gives indices.
    pub fn new() -> Self {
        Self::default()
    }

    /// At most so many indices, those for filling up and for unknown tokens included.
    #[must_use]
    pub fn max_tokens(mut self, max_tokens: usize) -> Self {
        self.lookup.set(|a| a.max_tokens = Some(max_tokens));
        self
    }

    /// What happens to a text before it is split.
    #[must_use]
    pub fn standardize(mut self, standardize: Standardize) -> Self {
        self.tokenizer.standardize = standardize;
        self
    }

    /// How a text is split.
    #[must_use]
    pub fn split(mut self, split: Split) -> Self {
        self.tokenizer.split = split;
        self
    }

    /// Joins neighbouring tokens: all runs of 1 up to `n`, or those of the lengths given.
    #[must_use]
    pub fn ngrams(mut self, ngrams: impl Into<Ngrams>) -> Self {
        self.set_ngrams(Some(ngrams.into()));
        self
    }

    fn set_ngrams(&mut self, ngrams: Option<Ngrams>) {
        self.tokenizer.ngrams = ngrams.as_ref().map(Ngrams::lengths);
        self.ngrams = ngrams;
    }

    /// What to give for the tokens of a text.
    #[must_use]
    pub fn output_mode(mut self, output_mode: OutputMode) -> Self {
        self.lookup.set(|a| a.output_mode = output_mode);
        self
    }

    /// Cuts rows of indices to this length, and fills them up with zeros.
    #[must_use]
    pub fn output_sequence_length(mut self, output_sequence_length: usize) -> Self {
        self.output_sequence_length = Some(output_sequence_length);
        self
    }

    /// Whether encoded outputs have `max_tokens` places even when the vocabulary is smaller.
    #[must_use]
    pub fn pad_to_max_tokens(mut self, pad_to_max_tokens: bool) -> Self {
        self.lookup.set(|a| a.pad_to_max_tokens = pad_to_max_tokens);
        self
    }

    /// The vocabulary, with or without "" and "[UNK]" at its start.
    #[must_use]
    pub fn vocabulary<I: IntoIterator<Item: Into<Text>>>(mut self, vocabulary: I) -> Self {
        self.lookup.give(vocabulary.into_iter().map(Into::into).collect());
        self
    }

    /// The vocabulary from a file with a token a line.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn vocabulary_file(mut self, path: impl AsRef<Path>) -> Result<Self> {
        self.lookup.give_file(path.as_ref())?;
        Ok(self)
    }

    /// How rare each token of the vocabulary is, for the output mode `tf_idf`.
    #[must_use]
    pub fn idf_weights(mut self, idf_weights: impl Into<Vec<f64>>) -> Self {
        self.lookup.give_idf(idf_weights.into());
        self
    }

    fn from_config(config: &Config, _registry: &Registry) -> Result<Self> {
        let mut reader = config.reader(CLASS);
        let mut layer = Self {
            base: LayerBase::from_reader(&mut reader)?,
            ..Self::default()
        };
        let part = &mut layer.tokenizer;
        part.standardize = named(
            &mut reader,
            "standardize",
            Standardize::None,
            "\"lower_and_strip_punctuation\", \"lower\", \"strip_punctuation\"",
            Standardize::from_name,
        )?;
        part.split = named(
            &mut reader,
            "split",
            Split::None,
            "\"whitespace\", \"character\"",
            Split::from_name,
        )?;
        layer.set_ngrams(Ngrams::read(&mut reader)?);
        layer.output_sequence_length = reader.opt("output_sequence_length")?;
        dense_only(CLASS, "ragged", reader.or("ragged", false)?)?;
        check_encoding(CLASS, &reader.or("encoding", "utf-8".to_owned())?)?;
        layer.lookup.read_vocabulary(&mut reader)?;
        reader.finish()?;
        layer.check()?;
        Ok(layer)
    }

    fn check(&self) -> Result<()> {
        self.lookup.check()?;
        let mode = self.lookup.arguments.output_mode;
        if mode != OutputMode::Int && self.output_sequence_length.is_some() {
            bail!(
                "{CLASS}: `output_sequence_length` needs `output_mode` \"int\", got \"{}\"",
                mode.name()
            );
        }
        if mode == OutputMode::OneHot && self.splits() {
            bail!(
                "{CLASS}: with `output_mode` \"one_hot\" texts of different length give ragged rows, which are not \
                 supported; use \"int\" and `CategoryEncoding`, or \"multi_hot\""
            );
        }
        if self.tokenizer.ngrams.iter().flatten().any(|n| *n == 0) {
            bail!("{CLASS}: `ngrams` must be 1 or more, got {:?}", self.ngrams);
        }
        Ok(())
    }

    fn splits(&self) -> bool {
        !matches!(self.tokenizer.split, Split::None)
    }

    /// Learns the vocabulary of `texts`.
    ///
    /// # Errors
    /// When the vocabulary was given as an argument, or the shape is wrong.
    pub fn adapt<'a, M>(&mut self, texts: impl IntoTexts<'a, M>) -> Result<()> {
        self.reset_state();
        self.update_state(texts)?;
        self.finalize_state()
    }

    /// Counts the tokens of a part of the data.
    ///
    /// # Errors
    /// As [`adapt`](Self::adapt).
    pub fn update_state<'a, M>(&mut self, texts: impl IntoTexts<'a, M>) -> Result<()> {
        self.check()?;
        let mut texts = texts.into_texts()?;
        if !self.splits() && texts.dims.len() == 1 {
            texts.dims.push(1);
        }
        let (_, width) = self.documents(&texts.dims)?;
        let tokenizer = &self.tokenizer;
        let documents = texts.items.len() / width.max(1);
        let counts = counted::<Text, Room>(documents, |room, at, f| {
            tokenizer.each(&texts.items[at * width..(at + 1) * width], room, |token| {
                f(token);
                true
            });
        });
        self.lookup.update(counts)
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

    /// Replaces the vocabulary.
    ///
    /// # Errors
    /// When tokens are repeated, too many, or weights are needed.
    pub fn set_vocabulary<I: IntoIterator<Item: Into<Text>>>(&mut self, vocabulary: I) -> Result<()> {
        let vocabulary = vocabulary.into_iter().map(Into::into).collect();
        self.lookup.set_vocabulary(vocabulary, None)
    }

    /// Replaces the vocabulary and its weights, for the output mode `tf_idf`.
    ///
    /// # Errors
    /// When tokens are repeated or too many, or there are not as many weights.
    pub fn set_vocabulary_with_idf<I: IntoIterator<Item: Into<Text>>>(
        &mut self,
        vocabulary: I,
        idf_weights: impl Into<Vec<f64>>,
    ) -> Result<()> {
        let vocabulary = vocabulary.into_iter().map(Into::into).collect();
        self.lookup.set_vocabulary(vocabulary, Some(idf_weights.into()))
    }

    /// The vocabulary in order of indices, with or without "" and "[UNK]".
    ///
    /// # Errors
    /// When there is none yet.
    pub fn get_vocabulary(&self, include_special_tokens: bool) -> Result<Vec<String>> {
        let tokens = self.lookup.vocabulary(include_special_tokens)?;
        Ok(tokens.iter().map(|t| t.to_string()).collect())
    }

    /// The number of indices.
    pub fn vocabulary_size(&self) -> usize {
        self.lookup.size().unwrap_or(0)
    }

    /// Texts in the form that `output_mode` says.
    ///
    /// # Errors
    /// When there is no vocabulary, or the shape is wrong.
    pub fn vectorize<'a, M>(&self, texts: impl IntoTexts<'a, M>) -> Result<Tensor> {
        self.vectorize_on(&texts.into_texts()?, &Device::Cpu)
    }

    /// The shape of the documents and the number of strings in each.
    fn documents(&self, dims: &[usize]) -> Result<(Vec<usize>, usize)> {
        match dims {
            [] if self.splits() => Ok((Vec::new(), 1)),
            [lead @ .., width] if !self.splits() => Ok((lead.to_vec(), *width)),
            [n] => Ok((vec![*n], 1)),
            [lead @ .., 1] => Ok((lead.to_vec(), 1)),
            other => bail!(
                "{CLASS}: expected texts of shape (n,) or (n, 1), got {}; with `Split::None` rows of tokens are read",
                shape::show(&shape::dims_of(other))
            ),
        }
    }

    fn vectorize_on(&self, texts: &Texts<'_>, device: &Device) -> Result<Tensor> {
        self.check()?;
        let (lead, width) = self.documents(&texts.dims)?;
        let documents: usize = lead.iter().product();
        let mode = self.lookup.arguments.output_mode;
        let document = |at: usize| &texts.items[at * width..(at + 1) * width];
        match mode {
            OutputMode::Int | OutputMode::OneHot => {
                let (rows, length) = self.rows(documents, document)?;
                let dims = [lead.as_slice(), &[length]].concat();
                self.lookup
                    .encoded(rows, &dims, self.base.compute_dtype(), device)
            }
            _ => {
                let depth = self.lookup.depth().unwrap_or(0);
                let rows = self.bags(documents, depth, document)?;
                let dims = [lead.as_slice(), &[depth]].concat();
                let bags = Tensor::from_vec(rows, dims, &Device::Cpu)?.to_device(device)?;
                Ok(keras_ops::cast(&bags, self.base.compute_dtype())?)
            }
        }
    }

    /// Rows of indices, all of one length, which is given too.
    fn rows<'a>(
        &self,
        documents: usize,
        document: impl Fn(usize) -> &'a [&'a str] + Sync,
    ) -> Result<(Vec<i64>, usize)> {
        let finder = self.lookup.finder()?;
        let index = |token: &str| finder.find(token).unwrap_or_default();
        if let Some(length) = self.output_sequence_length {
            let mut rows = vec![0; documents * length];
            let fill = |(block, rows): (usize, &mut [i64])| {
                let mut room = Room::default();
                for (at, row) in rows.chunks_exact_mut(length).enumerate() {
                    let mut places = row.iter_mut();
                    self.tokenizer
                        .each(document(block * BLOCK + at), &mut room, |token| {
                            let place = places.next();
                            let more = place.is_some();
                            if let Some(place) = place {
                                *place = index(token);
                            }
                            more
                        });
                }
            };
            if length > 0 {
                rows.par_chunks_mut(BLOCK * length).enumerate().for_each(fill);
            }
            return Ok((rows, length));
        }
        let row = |room: &mut Room, at: usize| {
            let mut row = Vec::new();
            self.tokenizer.each(document(at), room, |token| {
                row.push(index(token));
                true
            });
            row
        };
        let ragged: Vec<Vec<i64>> = (0..documents)
            .into_par_iter()
            .with_min_len(BLOCK)
            .map_init(Room::default, row)
            .collect();
        let length = ragged.iter().map(Vec::len).max().unwrap_or(0);
        let mut rows = Vec::with_capacity(documents * length);
        for row in ragged {
            rows.extend_from_slice(&row);
            rows.resize(rows.len() + length - row.len(), 0);
        }
        Ok((rows, length))
    }

    /// For each document, what each index weighs in it.
    fn bags<'a>(
        &self,
        documents: usize,
        depth: usize,
        document: impl Fn(usize) -> &'a [&'a str] + Sync,
    ) -> Result<Vec<f32>> {
        let finder = self.lookup.finder()?;
        let mode = self.lookup.arguments.output_mode;
        let idf = self.lookup.idf()?;
        let mut rows = vec![0f32; documents * depth];
        let fill = |(block, rows): (usize, &mut [f32])| {
            let mut room = Room::default();
            for (at, row) in rows.chunks_exact_mut(depth).enumerate() {
                self.tokenizer
                    .each(document(block * BLOCK + at), &mut room, |token| {
                        let index = finder.find(token).and_then(|i| usize::try_from(i).ok());
                        if let Some(place) = index.and_then(|i| row.get_mut(i)) {
                            *place = if mode == OutputMode::MultiHot {
                                1.
                            } else {
                                *place + 1.
                            };
                        }
                        true
                    });
                if mode == OutputMode::TfIdf {
                    row.iter_mut()
                        .zip(idf)
                        .for_each(|(count, weight)| *count *= weight);
                }
            }
        };
        if depth > 0 {
            rows.par_chunks_mut(BLOCK * depth).enumerate().for_each(fill);
        }
        Ok(rows)
    }
}

/// An argument that is a name, null or a function; functions are not saved.
fn named<'a, T: Default>(
    reader: &mut Reader<'a>,
    key: &'a str,
    none: T,
    names: &str,
    from_name: impl Fn(&str) -> Option<T>,
) -> Result<T> {
    match reader.raw(key) {
        None if reader.is_null(key) => Ok(none),
        None => Ok(T::default()),
        Some(Value::String(name)) => match from_name(name) {
            Some(value) => Ok(value),
            None => bail!("{CLASS}: `{key}` must be {names} or null, got {name:?}"),
        },
        Some(other) => bail!(
            "{CLASS}: `{key}` was a function ({}), whose code is not saved; build the layer by hand with that function \
             and this vocabulary",
            other.get("config").unwrap_or(other)
        ),
    }
}

impl Layer for TextVectorization {
    base_accessors!();

    fn autocasts(&self) -> bool {
        false
    }

    fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
        self.check()?;
        let Some((_bytes, dims)) = only(CLASS, inputs)?.split_last() else {
            bail!("{CLASS}: expected texts as a tensor of bytes, got a scalar");
        };
        let known: Vec<usize> = dims.iter().map(|d| d.unwrap_or(2)).collect();
        // An unknown batch of any size is fine; other axes are checked.
        let (lead, _) = self.documents(&known)?;
        let lead = dims[..lead.len()].to_vec();
        let length = match self.lookup.arguments.output_mode {
            OutputMode::Int => self.output_sequence_length,
            OutputMode::OneHot => {
                let tokens = dims
                    .last()
                    .copied()
                    .flatten()
                    .filter(|_| self.tokenizer.ngrams.is_none());
                return Ok(vec![self.lookup.encoded_shape(&[lead, vec![tokens]].concat())]);
            }
            _ => self.lookup.depth(),
        };
        Ok(vec![[lead, vec![length]].concat()])
    }

    fn compute_output_dtype(&self, _inputs: &[DType]) -> DType {
        match self.lookup.arguments.output_mode {
            OutputMode::Int => DType::I64,
            _ => self.base.compute_dtype(),
        }
    }

    fn call(&self, inputs: &[Tensor], _cx: &mut Call) -> Result<Outputs> {
        let x = only(CLASS, inputs)?;
        Ok(text::with_texts(CLASS, x, |texts| self.vectorize_on(&texts, x.device()))?.into())
    }

    fn config(&self) -> Config {
        let a = &self.lookup.arguments;
        Config::new()
            .with("max_tokens", a.max_tokens)
            .with("standardize", self.tokenizer.standardize.to_value())
            .with("split", self.tokenizer.split.to_value())
            .with("ngrams", self.ngrams.clone())
            .with("output_mode", a.output_mode)
            .with("output_sequence_length", self.output_sequence_length)
            .with("pad_to_max_tokens", a.pad_to_max_tokens)
            .with("sparse", false)
            .with("ragged", false)
            .with("vocabulary", self.lookup.vocabulary_value())
            .with("idf_weights", self.lookup.idf_value())
            .with("encoding", "utf-8")
            .with("vocabulary_size", self.lookup.size())
    }
}
