//! A vocabulary that is ready to be looked up.

use rustc_hash::FxHashMap;

use super::Token;
use super::index_lookup::Arguments;
use crate::{Result, bail};

/// The tokens in order and their places.
#[derive(Debug)]
pub(super) struct Table<T> {
    pub(super) tokens: Vec<T>,
    pub(super) places: FxHashMap<T, u32>,
    /// A weight for each index, where the output is `tf_idf`.
    pub(super) idf: Vec<f32>,
}

impl<T: Token> Table<T> {
    /// The table of a vocabulary as it was given: with or without mask and unknown tokens at its start.
    pub(super) fn new(
        class_name: &str,
        arguments: &Arguments<T>,
        given: &[T],
        idf: Option<&[f64]>,
    ) -> Result<Self> {
        if given.is_empty() {
            bail!("{class_name}: `vocabulary` must have at least one token");
        }
        let special = arguments.special_tokens();
        let start = special.len();
        let with_special =
            given.len() >= start && special.iter().zip(given).all(|(s, g)| s.as_ref() == Some(g));
        let tokens = if with_special { &given[start..] } else { given };
        let table = Self::of(class_name, arguments, tokens.to_vec())?;
        let order = || {
            special
                .iter()
                .flatten()
                .map(|t| format!("{t:?}"))
                .collect::<Vec<_>>()
                .join(", ")
        };
        for (what, token) in [
            ("mask", &arguments.mask_token),
            ("OOV", &arguments.oov_token.clone().filter(|_| arguments.invert)),
        ] {
            let Some(token) = token else { continue };
            if let Some(place) = table.places.get(token.borrow()) {
                bail!(
                    "{class_name}: the {what} token {token:?} is at place {place} of `vocabulary`; leave mask and OOV \
                     tokens out, or put exactly these at its start: {}",
                    order()
                );
            }
        }
        let Some(idf) = idf else { return Ok(table) };
        if idf.len() != given.len() {
            bail!(
                "{class_name}: `idf_weights` must have a weight for each of the {} tokens of `vocabulary`, got {}",
                given.len(),
                idf.len()
            );
        }
        let before = if with_special { 0 } else { start };
        Ok(table.weighted(arguments, before, idf))
    }

    /// The table of tokens alone.
    pub(super) fn of(class_name: &str, arguments: &Arguments<T>, tokens: Vec<T>) -> Result<Self> {
        let mut places = FxHashMap::with_capacity_and_hasher(tokens.len(), Default::default());
        let mut repeated: Vec<&T> = Vec::new();
        for (place, token) in tokens.iter().enumerate() {
            if places.insert(token.clone(), place as u32).is_some() {
                repeated.push(token);
            }
        }
        if !repeated.is_empty() {
            repeated.truncate(10);
            bail!("{class_name}: `vocabulary` has tokens more than once: {repeated:?}");
        }
        let size = arguments.token_start() + tokens.len();
        if let Some(max) = arguments.max_tokens.filter(|max| size > *max) {
            bail!(
                "{class_name}: the vocabulary has {size} tokens, with mask and OOV tokens, but `max_tokens` is {max}"
            );
        }
        Ok(Self {
            tokens,
            places,
            idf: Vec::new(),
        })
    }

    /// With a weight for each index: those given after `before` times their mean, zeros up to `max_tokens`.
    pub(super) fn weighted(mut self, arguments: &Arguments<T>, before: usize, idf: &[f64]) -> Self {
        let mean = idf.iter().sum::<f64>() / idf.len().max(1) as f64;
        self.idf = std::iter::repeat_n(mean, before)
            .chain(idf.iter().copied())
            .map(|w| w as f32)
            .collect();
        if let Some(max) = arguments.max_tokens.filter(|_| arguments.pad_to_max_tokens) {
            self.idf.resize(max.max(self.idf.len()), 0.);
        }
        self
    }
}
