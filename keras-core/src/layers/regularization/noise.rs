//! What layers that draw random numbers share.

use keras_ops as ops;

use crate::config::Reader;
use crate::layer::LayerBase;
use crate::shape::{self, Dims};
use crate::{Result, SeedGenerator, bail};

/// How much is drawn, by which seed, and where values share one draw.
#[derive(Debug)]
pub(super) struct Noise {
    /// A probability or a standard deviation.
    pub(super) rate: f64,
    /// The draws' shape: 1 on axes along which they are shared, `None` for the input's size.
    pub(super) shape: Option<Dims>,
    pub(super) seed: Option<u64>,
    pub(super) seeds: SeedGenerator,
}

impl Noise {
    pub(super) fn new(base: &mut LayerBase, rate: f64) -> Self {
        Self::with(base, rate, None)
    }

    fn with(base: &mut LayerBase, rate: f64, seed: Option<u64>) -> Self {
        let seeds = base.add_seed(seed);
        Self {
            rate,
            shape: None,
            seed,
            seeds,
        }
    }

    pub(super) fn set_seed(&mut self, seed: u64) {
        self.seed = Some(seed);
        self.seeds.load_state(ops::Seed::new(seed, 0));
    }

    /// Reads the rate, named `key`, and `seed`.
    pub(super) fn read<'a>(
        class_name: &str,
        reader: &mut Reader<'a>,
        base: &mut LayerBase,
        key: &'a str,
    ) -> Result<Self> {
        let rate = reader.req(key)?;
        let seed = reader.seed()?;
        let noise = Self::with(base, rate, seed);
        noise.check(class_name, key)?;
        Ok(noise)
    }

    /// Reads `noise_shape`.
    pub(super) fn read_shape(&mut self, class_name: &str, reader: &mut Reader<'_>) -> Result<()> {
        self.shape = reader.opt("noise_shape")?;
        self.check(class_name, "rate")
    }

    pub(super) fn check(&self, class_name: &str, key: &str) -> Result<()> {
        if !(0. ..=1.).contains(&self.rate) {
            bail!("{class_name}: `{key}` must be between 0 and 1, got {}", self.rate);
        }
        if let Some(noise) = &self.shape
            && noise.contains(&Some(0))
        {
            bail!(
                "{class_name}: the sizes of `noise_shape` must be 1 or more or None, got {}",
                shape::show(noise)
            );
        }
        Ok(())
    }

    /// An error when the draws do not broadcast to the input.
    pub(super) fn fits(&self, class_name: &str, input: &Dims) -> Result<()> {
        let Some(noise) = &self.shape else { return Ok(()) };
        let missing = input.len().saturating_sub(noise.len());
        let fits =
            |(n, d): (&Option<usize>, &Option<usize>)| n.is_none_or(|n| n == 1 || d.is_none_or(|d| d == n));
        if noise.len() > input.len() || !noise.iter().zip(&input[missing..]).all(fits) {
            bail!(
                "{class_name}: `noise_shape` {} does not broadcast to the input {}: each size must be 1, None \
                 or the input's",
                shape::show(noise),
                shape::show(input)
            );
        }
        Ok(())
    }

    /// The draws' shape for an input; `None` for one a value.
    pub(super) fn shape_for(&self, dims: &[usize]) -> Option<Vec<usize>> {
        let noise = self.shape.as_ref()?;
        // Fewer axes than the input has are the last ones, as in NumPy.
        let missing = dims.len().saturating_sub(noise.len());
        let sizes = noise
            .iter()
            .zip(dims.iter().skip(missing))
            .map(|(n, d)| n.unwrap_or(*d));
        Some(std::iter::repeat_n(1, missing).chain(sizes).collect())
    }
}

/// `seed` for a layer whose [`Noise`] is in `noise`.
macro_rules! seed_method {
    ($type:ident) => {
        impl $type {
            /// Makes the draws repeatable.
            #[must_use]
            pub fn seed(mut self, seed: u64) -> Self {
                self.noise.set_seed(seed);
                self
            }
        }
    };
}
pub(super) use seed_method;
