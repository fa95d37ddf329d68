//! How often tokens occur, in how many documents.

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::Token;

/// Documents that one task reads.
const BLOCK: usize = 256;

#[derive(Clone, Copy, Debug)]
struct Count {
    tokens: u64,
    documents: u64,
    /// The document that was counted last.
    last: usize,
}

/// The counts of a data set.
#[derive(Debug)]
pub(crate) struct Counts<T> {
    by_token: FxHashMap<T, Count>,
    documents: u64,
}

impl<T> Default for Counts<T> {
    fn default() -> Self {
        Self {
            by_token: FxHashMap::default(),
            documents: 0,
        }
    }
}

impl<T: Token> Counts<T> {
    fn add(&mut self, token: &T::Ref, document: usize) {
        match self.by_token.get_mut(token) {
            Some(count) => {
                count.tokens += 1;
                count.documents += u64::from(count.last != document);
                count.last = document;
            }
            None => {
                let once = Count {
                    tokens: 1,
                    documents: 1,
                    last: document,
                };
                self.by_token.insert(T::own(token), once);
            }
        }
    }

    /// Both together.
    pub(crate) fn merged(mut self, mut other: Self) -> Self {
        if self.by_token.len() < other.by_token.len() {
            std::mem::swap(&mut self, &mut other);
        }
        self.documents += other.documents;
        for (token, count) in other.by_token {
            self.by_token
                .entry(token)
                .and_modify(|c| {
                    c.tokens += count.tokens;
                    c.documents += count.documents;
                })
                .or_insert(count);
        }
        self
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_token.is_empty()
    }

    pub(crate) fn remove(&mut self, token: &T::Ref) {
        self.by_token.remove(token);
    }

    /// The `limit` most frequent tokens, of equals the greater first, each with its inverse document frequency.
    pub(crate) fn ranked(self, limit: Option<usize>) -> (Vec<T>, Vec<f64>) {
        let documents = self.documents as f64;
        let mut ranked: Vec<(T, Count)> = self.by_token.into_iter().collect();
        ranked.sort_unstable_by(|(a, x), (b, y)| (y.tokens, b).cmp(&(x.tokens, a)));
        ranked.truncate(limit.unwrap_or(usize::MAX));
        let rarity = |count: Count| (1. + documents / (1. + count.documents as f64)).ln();
        ranked
            .into_iter()
            .map(|(token, count)| (token, rarity(count)))
            .unzip()
    }
}

/// Counts the tokens of documents; `each(room, document, f)` calls `f` with every token of one. The result is
/// the same for any number of threads.
pub(crate) fn counted<T: Token, S: Default + Send>(
    documents: usize,
    each: impl Fn(&mut S, usize, &mut dyn FnMut(&T::Ref)) + Sync,
) -> Counts<T> {
    let count = |(mut counts, mut room): (Counts<T>, S), block: usize| {
        for document in block * BLOCK..documents.min((block + 1) * BLOCK) {
            counts.documents += 1;
            each(&mut room, document, &mut |token| counts.add(token, document));
        }
        (counts, room)
    };
    (0..documents.div_ceil(BLOCK))
        .into_par_iter()
        .fold(Default::default, count)
        .map(|(counts, _)| counts)
        .reduce(Counts::default, Counts::merged)
}
