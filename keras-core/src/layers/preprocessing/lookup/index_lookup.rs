//! The table behind the lookup layers, its arguments and its state.

use std::path::Path;
use std::sync::OnceLock;

use keras_ops::{self as ops, DType, Device, Tensor};
use rayon::prelude::*;
use serde_json::Value;

use super::table::Table;
use super::{Counts, OovMethod, Token};
use crate::config::Reader;
use crate::layers::preprocessing::encoding::{OutputMode, dense_only, encode, encoded_shape};
use crate::layers::preprocessing::hash::Salt;
use crate::shape::Dims;
use crate::{Config, Error, Result, bail};

/// The arguments that say where tokens go.
#[derive(Clone, Debug)]
pub(crate) struct Arguments<T> {
    pub(crate) max_tokens: Option<usize>,
    pub(crate) num_oov_indices: usize,
    pub(crate) mask_token: Option<T>,
    pub(crate) oov_token: Option<T>,
    pub(crate) invert: bool,
    pub(crate) output_mode: OutputMode,
    pub(crate) pad_to_max_tokens: bool,
    pub(crate) oov_method: OovMethod,
    pub(crate) salt: Option<Salt>,
}

impl<T: Token> Arguments<T> {
    fn oov_start(&self) -> usize {
        usize::from(self.mask_token.is_some() && self.output_mode == OutputMode::Int)
    }

    /// The index of the first token.
    pub(super) fn token_start(&self) -> usize {
        self.oov_start() + self.num_oov_indices
    }

    /// What stands before the tokens.
    pub(super) fn special_tokens(&self) -> Vec<Option<T>> {
        let mask = std::iter::repeat_n(self.mask_token.clone(), self.oov_start());
        mask.chain(std::iter::repeat_n(self.oov_token.clone(), self.num_oov_indices))
            .collect()
    }
}

/// A vocabulary, given or learned, and what to do with it.
#[derive(Debug)]
pub(crate) struct IndexLookup<T> {
    class_name: &'static str,
    pub(crate) arguments: Arguments<T>,
    /// The vocabulary as it was given.
    given: Option<Vec<T>>,
    idf: Option<Vec<f64>>,
    /// Whether the vocabulary was an argument, so that it cannot be learned.
    fixed: bool,
    /// The size that a configuration tells, for want of the vocabulary itself.
    told_size: Option<usize>,
    counts: Counts<T>,
    table: OnceLock<Table<T>>,
}

impl<T: Token> IndexLookup<T> {
    pub(crate) fn new(class_name: &'static str, oov_token: T) -> Self {
        Self {
            class_name,
            arguments: Arguments {
                max_tokens: None,
                num_oov_indices: 1,
                mask_token: None,
                oov_token: Some(oov_token),
                invert: false,
                output_mode: OutputMode::Int,
                pad_to_max_tokens: false,
                oov_method: OovMethod::default(),
                salt: None,
            },
            given: None,
            idf: None,
            fixed: false,
            told_size: None,
            counts: Counts::default(),
            table: OnceLock::new(),
        }
    }

    /// Changes an argument; the table is made anew when it is next needed.
    pub(crate) fn set(&mut self, change: impl FnOnce(&mut Arguments<T>)) {
        change(&mut self.arguments);
        self.table = OnceLock::new();
    }

    /// The vocabulary as an argument.
    pub(crate) fn give(&mut self, vocabulary: Vec<T>) {
        self.given = Some(vocabulary);
        self.fixed = true;
        self.table = OnceLock::new();
    }

    pub(crate) fn give_idf(&mut self, weights: Vec<f64>) {
        self.idf = Some(weights);
        self.table = OnceLock::new();
    }

    /// The vocabulary from a file with a token a line.
    pub(crate) fn give_file(&mut self, path: &Path) -> Result<()> {
        let text =
            std::fs::read_to_string(path).map_err(|e| Error::io(path, "cannot read the vocabulary", e))?;
        let parsed = text.lines().enumerate().map(|(at, line)| {
            let wrong = || Error::file(path, format!("line {} is no {}: {line:?}", at + 1, T::DTYPE));
            T::parse(line).ok_or_else(wrong)
        });
        let vocabulary = parsed.collect::<Result<_>>()?;
        self.give(vocabulary);
        Ok(())
    }

    /// Replaces the vocabulary.
    pub(crate) fn set_vocabulary(&mut self, vocabulary: Vec<T>, idf: Option<Vec<f64>>) -> Result<()> {
        let tf_idf = self.arguments.output_mode == OutputMode::TfIdf;
        if tf_idf != idf.is_some() {
            let class_name = self.class_name;
            bail!(
                "{class_name}: weights of tokens go with `output_mode` \"tf_idf\" and only with it, got \"{}\" and {}",
                self.arguments.output_mode.name(),
                if tf_idf {
                    "no weights: use `set_vocabulary_with_idf`"
                } else {
                    "weights"
                }
            );
        }
        let table = Table::new(self.class_name, &self.arguments, &vocabulary, idf.as_deref())?;
        self.put(table)?;
        self.given = Some(vocabulary);
        self.idf = idf;
        Ok(())
    }

    /// Makes `table` the table, unless the size of outputs would change.
    fn put(&mut self, table: Table<T>) -> Result<()> {
        let (mode, padded) = (self.arguments.output_mode, self.arguments.pad_to_max_tokens);
        let size = self.arguments.token_start() + table.tokens.len();
        if let Some(before) = self
            .size()
            .filter(|before| *before != size && mode != OutputMode::Int && !padded)
        {
            bail!(
                "{}: with `output_mode` \"{}\" the size of the vocabulary is the size of the output and cannot change \
                 from {before} to {size}; make a new layer, or set `max_tokens` and `pad_to_max_tokens`",
                self.class_name,
                mode.name()
            );
        }
        self.table = table.into();
        self.told_size = None;
        Ok(())
    }

    /// The table, once there is a vocabulary.
    fn table(&self) -> Result<&Table<T>> {
        if let Some(table) = self.table.get() {
            return Ok(table);
        }
        let Some(given) = &self.given else {
            bail!(
                "{}: there is no vocabulary yet; give `vocabulary` or call `adapt` first",
                self.class_name
            );
        };
        self.check()?;
        if self.arguments.output_mode == OutputMode::TfIdf && self.idf.is_none() {
            bail!(
                "{}: with `output_mode` \"tf_idf\" the `vocabulary` needs `idf_weights`",
                self.class_name
            );
        }
        let table = Table::new(self.class_name, &self.arguments, given, self.idf.as_deref())?;
        Ok(self.table.get_or_init(|| table))
    }

    /// An error when arguments do not go together.
    pub(crate) fn check(&self) -> Result<()> {
        let (class_name, a) = (self.class_name, &self.arguments);
        if let Some(max) = a.max_tokens.filter(|max| *max <= 1) {
            bail!("{class_name}: `max_tokens` must be above 1, got {max}");
        }
        if a.pad_to_max_tokens && a.max_tokens.is_none() {
            bail!("{class_name}: `pad_to_max_tokens` needs `max_tokens`");
        }
        if a.salt.is_some() && T::DTYPE != "string" && a.oov_method != OovMethod::Farmhash {
            bail!("{class_name}: `salt` needs `oov_method` \"farmhash\"");
        }
        if a.invert && a.output_mode != OutputMode::Int {
            bail!(
                "{class_name}: with `invert` the `output_mode` must be \"int\", got \"{}\"",
                a.output_mode.name()
            );
        }
        if self.idf.is_some() && a.output_mode != OutputMode::TfIdf {
            bail!(
                "{class_name}: `idf_weights` need `output_mode` \"tf_idf\", got \"{}\"",
                a.output_mode.name()
            );
        }
        Ok(())
    }

    /// The number of indices, once it is known.
    pub(crate) fn size(&self) -> Option<usize> {
        let known = self
            .table()
            .ok()
            .map(|t| self.arguments.token_start() + t.tokens.len());
        known.or(self.told_size)
    }

    /// Mask, unknown ones and tokens in the order of their indices.
    pub(crate) fn vocabulary(&self, include_special_tokens: bool) -> Result<Vec<T>> {
        let tokens = self.table()?.tokens.iter().cloned();
        if !include_special_tokens {
            return Ok(tokens.collect());
        }
        let special = self.arguments.special_tokens();
        let Some(special) = special.into_iter().collect::<Option<Vec<T>>>() else {
            bail!(
                "{}: there is no OOV token to list; ask for the tokens alone",
                self.class_name
            );
        };
        Ok(special.into_iter().chain(tokens).collect())
    }

    /// Takes counts of data in.
    pub(crate) fn update(&mut self, counts: Counts<T>) -> Result<()> {
        self.check()?;
        if self.fixed {
            bail!(
                "{}: its vocabulary was given as an argument, so it cannot adapt to data; leave `vocabulary` out",
                self.class_name
            );
        }
        self.counts = std::mem::take(&mut self.counts).merged(counts);
        Ok(())
    }

    /// Forgets what was counted since the last vocabulary.
    pub(crate) fn reset(&mut self) {
        self.counts = Counts::default();
    }

    /// Makes the vocabulary of what was counted.
    pub(crate) fn finalize(&mut self) -> Result<()> {
        if self.fixed || self.counts.is_empty() {
            return Ok(());
        }
        let mut counts = std::mem::take(&mut self.counts);
        let a = &self.arguments;
        for token in a.mask_token.iter().chain(&a.oov_token) {
            counts.remove(token.borrow());
        }
        let special = a.token_start();
        let limit = match a.max_tokens.map(|max| max.checked_sub(special)) {
            Some(None) => bail!(
                "{}: `max_tokens` {} leaves no room beside {special} mask and OOV tokens",
                self.class_name,
                a.max_tokens.unwrap_or(0)
            ),
            limit => limit.flatten(),
        };
        let (tokens, rarities) = counts.ranked(limit);
        let mut table = Table::of(self.class_name, a, tokens.clone())?;
        let tf_idf = a.output_mode == OutputMode::TfIdf;
        if tf_idf {
            table = table.weighted(a, special, &rarities);
        }
        self.put(table)?;
        self.given = Some(tokens);
        self.idf = tf_idf.then_some(rarities);
        Ok(())
    }

    /// What finds the index of one token after the other.
    pub(crate) fn finder(&self) -> Result<Finder<'_, T>> {
        Ok(Finder {
            arguments: &self.arguments,
            table: self.table()?,
        })
    }

    /// The indices of tokens.
    ///
    /// # Errors
    /// When one is unknown and there is no place for it.
    pub(crate) fn indices(&self, tokens: &[&T::Ref]) -> Result<Vec<i64>> {
        let finder = self.finder()?;
        let found: Vec<Option<i64>> = tokens
            .par_iter()
            .with_min_len(1024)
            .map(|t| finder.find(t))
            .collect();
        match found.iter().copied().collect() {
            Some(indices) => Ok(indices),
            None => {
                let unknown = tokens.iter().zip(&found).filter(|(_, f)| f.is_none());
                Err(self.unknown(unknown.map(|(t, _)| *t)))
            }
        }
    }

    /// The error about tokens that have no place.
    pub(crate) fn unknown<'a>(&self, tokens: impl Iterator<Item = &'a T::Ref>) -> Error {
        let some: Vec<&T::Ref> = tokens.take(5).collect();
        Error::invalid(format!(
            "{}: with `num_oov_indices` 0 all inputs must be in the vocabulary, but {some:?} are not; set it to 1",
            self.class_name
        ))
    }

    /// The tokens of indices.
    pub(crate) fn tokens(&self, indices: &[i64]) -> Result<Vec<T>> {
        let a = &self.arguments;
        let Some(oov) = &a.oov_token else {
            bail!("{}: `invert` needs an `oov_token`", self.class_name);
        };
        let tokens = &self.table()?.tokens;
        let start = a.token_start();
        let token = |index: &i64| match (usize::try_from(*index), &a.mask_token) {
            (Ok(0), Some(mask)) => mask.clone(),
            (Ok(index), _) => {
                let found = index.checked_sub(start).and_then(|at| tokens.get(at));
                found.unwrap_or(oov).clone()
            }
            (Err(_), _) => oov.clone(),
        };
        Ok(indices.iter().map(token).collect())
    }

    /// The size of an encoded output.
    pub(crate) fn depth(&self) -> Option<usize> {
        match self.arguments.pad_to_max_tokens {
            true => self.arguments.max_tokens,
            false => self.size(),
        }
    }

    /// The weights of `tf_idf`.
    pub(crate) fn idf(&self) -> Result<&[f32]> {
        Ok(&self.table()?.idf)
    }

    /// Indices in the form that `output_mode` says.
    pub(crate) fn encoded(
        &self,
        indices: Vec<i64>,
        dims: &[usize],
        dtype: DType,
        device: &Device,
    ) -> Result<Tensor> {
        let indices = Tensor::from_vec(indices, dims, &Device::Cpu)?.to_device(device)?;
        let mode = self.arguments.output_mode;
        if mode == OutputMode::Int {
            return Ok(indices);
        }
        let encoded = encode(&indices, mode, self.depth().unwrap_or(0), dtype, None)?;
        if mode != OutputMode::TfIdf {
            return Ok(encoded);
        }
        let idf = Tensor::new(self.idf()?, device)?;
        Ok(ops::multiply(&encoded, &ops::cast(&idf, dtype)?)?)
    }

    pub(crate) fn encoded_shape(&self, input: &Dims) -> Dims {
        encoded_shape(self.arguments.output_mode, input, self.depth())
    }

    /// Reads all arguments but the vocabulary's dtype.
    pub(crate) fn read<'a>(&mut self, reader: &mut Reader<'a>) -> Result<()> {
        let class_name = self.class_name;
        let token = |reader: &mut Reader<'a>, key: &'a str, default: Option<T>| match reader.raw(key) {
            Some(value) => match T::read(value) {
                Some(token) => Ok(Some(token)),
                None => bail!(
                    "{class_name}: `{key}` must be a token of dtype {}, got {value}",
                    T::DTYPE
                ),
            },
            None if reader.is_null(key) => Ok(None),
            None => Ok(default),
        };
        let a = &mut self.arguments;
        a.max_tokens = reader.opt("max_tokens")?.or(a.max_tokens);
        a.num_oov_indices = reader.or("num_oov_indices", a.num_oov_indices)?;
        a.mask_token = token(reader, "mask_token", a.mask_token.take())?;
        a.oov_token = token(reader, "oov_token", a.oov_token.take())?;
        a.invert = reader.or("invert", a.invert)?;
        a.oov_method = reader.or("oov_method", a.oov_method)?;
        a.salt = reader.opt("salt")?;
        self.read_vocabulary(reader)
    }

    /// Reads the arguments that `TextVectorization` has too.
    pub(crate) fn read_vocabulary<'a>(&mut self, reader: &mut Reader<'a>) -> Result<()> {
        let class_name = self.class_name;
        self.arguments.max_tokens = reader.opt("max_tokens")?.or(self.arguments.max_tokens);
        self.arguments.output_mode = reader.or("output_mode", self.arguments.output_mode)?;
        self.arguments.pad_to_max_tokens = reader.or("pad_to_max_tokens", false)?;
        dense_only(class_name, "sparse", reader.or("sparse", false)?)?;
        self.told_size = reader.opt("vocabulary_size")?;
        self.fixed = reader.or_null("has_input_vocabulary", false)?;
        self.idf = reader.opt("idf_weights")?;
        match reader.raw("vocabulary") {
            None => {}
            Some(Value::Array(tokens)) => match tokens.iter().map(T::read).collect() {
                Some(tokens) => self.give(tokens),
                None => bail!(
                    "{class_name}: `vocabulary` must be a list of tokens of dtype {}",
                    T::DTYPE
                ),
            },
            Some(Value::String(path)) => bail!(
                "{class_name}: a configuration may not name a file (`vocabulary` {path:?}); give the list of tokens, or \
                 use `vocabulary_file` on a layer of your own"
            ),
            Some(other) => bail!("{class_name}: `vocabulary` must be a list, got {other}"),
        }
        self.check()?;
        match self.given {
            Some(_) => self.table().map(drop),
            None => Ok(()),
        }
    }

    /// All arguments as Keras writes them; a learned vocabulary is one of them.
    pub(crate) fn write(&self, config: &mut Config) {
        let a = &self.arguments;
        let token = |token: &Option<T>| token.as_ref().map_or(Value::Null, T::write);
        config.set("invert", a.invert);
        config.set("max_tokens", a.max_tokens);
        config.set("num_oov_indices", a.num_oov_indices);
        config.set("oov_token", token(&a.oov_token));
        config.set("mask_token", token(&a.mask_token));
        config.set("output_mode", a.output_mode);
        config.set("sparse", false);
        config.set("pad_to_max_tokens", a.pad_to_max_tokens);
        config.set("idf_weights", self.idf.as_deref());
        config.set("vocabulary", self.vocabulary_value());
        config.set("vocabulary_size", self.size());
        config.set("oov_method", a.oov_method);
        config.set("salt", a.salt);
    }

    pub(crate) fn vocabulary_value(&self) -> Value {
        match &self.given {
            Some(tokens) => Value::Array(tokens.iter().map(T::write).collect()),
            None => Value::Null,
        }
    }

    pub(crate) fn idf_value(&self) -> Option<&[f64]> {
        self.idf.as_deref()
    }
}

/// Finds indices.
#[derive(Debug)]
pub(crate) struct Finder<'a, T> {
    arguments: &'a Arguments<T>,
    table: &'a Table<T>,
}

impl<T: Token> Finder<'_, T> {
    /// The index of a token; none when it is unknown and there is no place for such. Masked tokens that are left
    /// out of the output have an index beyond all.
    #[inline]
    pub(crate) fn find(&self, token: &T::Ref) -> Option<i64> {
        let a = self.arguments;
        if a.mask_token.as_ref().is_some_and(|mask| mask.borrow() == token) {
            return Some(if a.output_mode == OutputMode::Int {
                0
            } else {
                i64::MAX
            });
        }
        if let Some(place) = self.table.places.get(token) {
            return Some(a.token_start() as i64 + i64::from(*place));
        }
        let start = a.oov_start() as i64;
        match a.num_oov_indices {
            0 => None,
            1 => Some(start),
            n => Some(start + T::bucket(token, n as u64, a.oov_method, a.salt)),
        }
    }
}
