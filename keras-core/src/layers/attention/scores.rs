//! What layers share that weigh values by the scores of queries and keys.

use keras_ops::{self as ops, AttentionOptions, DType, Tensor};

use crate::config::Reader;
use crate::layer::LayerBase;
use crate::{Result, SeedGenerator, bail};

/// Dropout of the weights.
#[derive(Debug)]
pub(super) struct Drop {
    pub(super) rate: f64,
    pub(super) seed: Option<u64>,
    seeds: SeedGenerator,
}

impl Drop {
    pub(super) fn new(base: &mut LayerBase, rate: f64, seed: Option<u64>) -> Self {
        let seeds = base.add_seed(seed);
        Self { rate, seed, seeds }
    }

    /// Reads `dropout` and `seed`.
    pub(super) fn read(class_name: &str, reader: &mut Reader<'_>, base: &mut LayerBase) -> Result<Self> {
        let drop = Self::new(base, reader.or("dropout", 0.)?, reader.seed()?);
        drop.check(class_name)?;
        Ok(drop)
    }

    pub(super) fn set_seed(&mut self, seed: u64) {
        self.seed = Some(seed);
        self.seeds.load_state(ops::Seed::new(seed, 0));
    }

    pub(super) fn check(&self, class_name: &str) -> Result<()> {
        if !(0. ..=1.).contains(&self.rate) {
            bail!(
                "{class_name}: `dropout` must be between 0 and 1, got {}",
                self.rate
            );
        }
        Ok(())
    }

    /// The weights after dropout.
    pub(super) fn apply(&self, weights: Tensor, training: bool) -> Result<Tensor> {
        if !training || self.rate == 0. {
            return Ok(weights);
        }
        Ok(ops::nn::dropout(&weights, self.rate, None, self.seeds.next())?)
    }

    /// Sets the same for attention in one operation.
    pub(super) fn fuse(&self, options: &mut AttentionOptions, training: bool) {
        if training && self.rate > 0. {
            (options.dropout, options.seed) = (self.rate, self.seeds.next());
        }
    }
}

/// Builder methods for a layer that keeps a [`Drop`] in `drop`.
macro_rules! drop_methods {
    ($type:ty) => {
        impl $type {
            /// The share of weights that are set to 0 in training, none unless given.
            #[must_use]
            pub fn dropout(mut self, dropout: f64) -> Self {
                self.drop.rate = dropout;
                self
            }

            /// Makes dropout repeatable.
            #[must_use]
            pub fn seed(mut self, seed: u64) -> Self {
                self.drop.set_seed(seed);
                self
            }
        }
    };
}
pub(super) use drop_methods;

/// A mask of any dtype as 0 and 1.
pub(super) fn truth(mask: &Tensor) -> Result<Tensor> {
    if mask.dtype() == DType::U8 {
        return Ok(mask.clone());
    }
    Ok(ops::not_equal(mask, &ops::zeros_like(mask, None)?)?)
}

/// 1 where both are, or where the only one given is.
pub(super) fn both(a: Option<Tensor>, b: Option<Tensor>) -> Result<Option<Tensor>> {
    Ok(match (a, b) {
        (Some(a), Some(b)) => Some(ops::logical_and(&a, &b)?),
        (one, other) => one.or(other),
    })
}

/// `(1, queries, keys)`: query `t` sees the keys `0 ..= t`.
pub(super) fn causal(queries: usize, keys: usize, like: &Tensor) -> Result<Tensor> {
    of_places(queries, keys, like, |t, s| s <= t)
}

/// `(1, queries, keys)`, 1 where `seen(query, key)`.
pub(super) fn of_places(
    queries: usize,
    keys: usize,
    like: &Tensor,
    seen: impl Fn(usize, usize) -> bool,
) -> Result<Tensor> {
    let places = (0..queries).flat_map(|t| (0..keys).map(move |s| (t, s)));
    let values: Vec<u8> = places.map(|(t, s)| u8::from(seen(t, s))).collect();
    Ok(Tensor::from_vec(values, (1, queries, keys), like.device())?)
}
