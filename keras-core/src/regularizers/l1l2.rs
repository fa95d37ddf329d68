//! Penalties on absolute values and on squares.

use keras_ops::{self as ops, Tensor};

use super::check_factor;
use crate::{Config, Entry, Regularizer, Result};

/// The factor that a bare name means.
const BY_NAME: f64 = 0.01;

/// `l1 * sum(|x|)`.
///
/// ```
/// use keras_core::{Regularizer, regularizers::L1};
/// use keras_ops::{Device, Tensor};
/// let x = Tensor::new(&[1f32, -3.], &Device::Cpu)?;
/// assert_eq!(L1 { l1: 0.5 }.call(&x)?.to_scalar::<f32>()?, 2.);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct L1 {
    /// The factor.
    pub l1: f64,
}

impl Default for L1 {
    fn default() -> Self {
        Self { l1: BY_NAME }
    }
}

impl Regularizer for L1 {
    fn call(&self, x: &Tensor) -> Result<Tensor> {
        check_factor("L1", "l1", self.l1)?;
        absolute(x, self.l1)
    }

    fn config(&self) -> Config {
        Config::new().with("l1", self.l1)
    }
}

/// `l2 * sum(x^2)`.
///
/// ```
/// use keras_core::{Regularizer, regularizers::L2};
/// use keras_ops::{Device, Tensor};
/// let x = Tensor::new(&[1f32, -3.], &Device::Cpu)?;
/// assert_eq!(L2 { l2: 0.5 }.call(&x)?.to_scalar::<f32>()?, 5.);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct L2 {
    /// The factor.
    pub l2: f64,
}

impl Default for L2 {
    fn default() -> Self {
        Self { l2: BY_NAME }
    }
}

impl Regularizer for L2 {
    fn call(&self, x: &Tensor) -> Result<Tensor> {
        check_factor("L2", "l2", self.l2)?;
        squares(x, self.l2)
    }

    fn config(&self) -> Config {
        Config::new().with("l2", self.l2)
    }
}

/// `l1 * sum(|x|) + l2 * sum(x^2)`; a factor that is not given is 0.
///
/// Differs from Keras: the bare name `"l1_l2"` means 0.01 for both, as `"l1"` and `"l2"` do, rather than no
/// penalty at all.
///
/// ```
/// use keras_core::{Regularizer, regularizers::L1L2};
/// use keras_ops::{Device, Tensor};
/// let x = Tensor::new(&[1f32, -3.], &Device::Cpu)?;
/// assert_eq!(L1L2 { l1: 1., l2: 0.5 }.call(&x)?.to_scalar::<f32>()?, 9.);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct L1L2 {
    /// The factor of absolute values.
    pub l1: f64,
    /// The factor of squares.
    pub l2: f64,
}

impl Regularizer for L1L2 {
    fn call(&self, x: &Tensor) -> Result<Tensor> {
        check_factor("L1L2", "l1", self.l1)?;
        check_factor("L1L2", "l2", self.l2)?;
        match (self.l1, self.l2) {
            (0., l2) => squares(x, l2),
            (l1, 0.) => absolute(x, l1),
            (l1, l2) => Ok(ops::add(&absolute(x, l1)?, &squares(x, l2)?)?),
        }
    }

    fn config(&self) -> Config {
        Config::new().with("l1", self.l1).with("l2", self.l2)
    }
}

fn absolute(x: &Tensor, factor: f64) -> Result<Tensor> {
    Ok(ops::mul_scalar(&ops::sum(&ops::abs(x)?, None, false)?, factor)?)
}

fn squares(x: &Tensor, factor: f64) -> Result<Tensor> {
    Ok(ops::mul_scalar(
        &ops::sum(&ops::square(x)?, None, false)?,
        factor,
    )?)
}

pub(super) const ENTRY_L1: Entry<dyn Regularizer> = Entry {
    class_name: "L1",
    module: "keras.regularizers",
    aliases: &["l1"],
    doc: "l1 * sum(|x|)",
    build: |config, _| {
        let mut reader = config.reader("L1");
        let l1 = check_factor("L1", "l1", reader.or_null("l1", L1::default().l1)?)?;
        reader.finish()?;
        Ok(Box::new(L1 { l1 }))
    },
};

pub(super) const ENTRY_L2: Entry<dyn Regularizer> = Entry {
    class_name: "L2",
    module: "keras.regularizers",
    aliases: &["l2"],
    doc: "l2 * sum(x^2)",
    build: |config, _| {
        let mut reader = config.reader("L2");
        let l2 = check_factor("L2", "l2", reader.or_null("l2", L2::default().l2)?)?;
        reader.finish()?;
        Ok(Box::new(L2 { l2 }))
    },
};

pub(super) const ENTRY_L1L2: Entry<dyn Regularizer> = Entry {
    class_name: "L1L2",
    module: "keras.regularizers",
    aliases: &["l1_l2", "l1l2"],
    doc: "l1 * sum(|x|) + l2 * sum(x^2)",
    build: |config, _| {
        let mut reader = config.reader("L1L2");
        let default = if config.0.is_empty() { BY_NAME } else { 0. };
        let l1 = check_factor("L1L2", "l1", reader.or_null("l1", default)?)?;
        let l2 = check_factor("L1L2", "l2", reader.or_null("l2", default)?)?;
        reader.finish()?;
        Ok(Box::new(L1L2 { l1, l2 }))
    },
};
