//! From values to buckets by a hash.

use keras_ops::{DType, Device, Tensor, host};
use serde_json::Value;

use super::encoding::{OutputMode, dense_only, encode, encoded_shape};
use super::hash::{Salt, bucket, bucket_of_number};
use super::text::IntoTexts;
use crate::config::{FromValue, IntoValue};
use crate::layer::{Call, Layer, LayerBase, Outputs};
use crate::layers::base::{base_accessors, common_methods, layer_entry, only};
use crate::shape::Dims;
use crate::{Config, Registry, Result, bail};

/// A string or a number, where both may be given.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum TextOrNumber {
    /// A string.
    Text(String),
    /// A number.
    Number(f64),
}

impl From<&str> for TextOrNumber {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<i32> for TextOrNumber {
    fn from(number: i32) -> Self {
        Self::Number(number.into())
    }
}

impl FromValue for TextOrNumber {
    const EXPECTED: &'static str = "a string or a number";
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => Some(Self::Text(text.clone())),
            other => other.as_f64().map(Self::Number),
        }
    }
}

impl IntoValue for TextOrNumber {
    fn into_value(self) -> Value {
        match self {
            Self::Text(text) => text.into(),
            Self::Number(number) if number.fract() == 0. => (number as i64).into(),
            Self::Number(number) => number.into_value(),
        }
    }
}

/// Puts strings and whole numbers into `num_bins` buckets by a stable hash: FarmHash64, or SipHash64 with a `salt`.
/// The buckets are those of Keras.
///
/// [`hash`](Self::hash) takes strings. As a part of a model the layer takes numbers, whose decimals are cut off.
///
/// Differs from Keras: as a part of a model it does not take strings.
///
/// # Shapes
/// `int` keeps the shape, `one_hot` appends an axis, `multi_hot` and `count` replace the last one.
///
/// # Errors
/// When `num_bins` is 0, or `int` outputs are asked for in a float dtype. Sparse outputs are an error.
///
/// # Examples
/// ```
/// use keras_core::layers::Hashing;
/// let bins = Hashing::new(3).hash(&["A", "B", "C", "D", "E"])?;
/// assert_eq!(bins.to_vec1::<i64>()?, [1, 0, 1, 1, 2]);
/// let masked = Hashing::new(3).mask_value("").hash(&["A", "B", "", "C", "D"])?;
/// assert_eq!(masked.to_vec1::<i64>()?, [1, 1, 0, 2, 2]);
/// let salted = Hashing::new(3).salt([133, 137]).hash(&["A", "B", "C", "D", "E"])?;
/// assert_eq!(salted.to_vec1::<i64>()?, [1, 2, 1, 0, 2]);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Hashing {
    base: LayerBase,
    num_bins: usize,
    mask_value: Option<TextOrNumber>,
    salt: Option<Salt>,
    output_mode: OutputMode,
}

common_methods!(Hashing);
layer_entry!(Hashing, "puts strings and whole numbers into buckets by a hash");

/// Indices are whole numbers, vectors are floats.
pub(super) fn default_dtype(mode: OutputMode) -> DType {
    match mode {
        OutputMode::Int => DType::I64,
        _ => keras_ops::floatx(),
    }
}

const MODES: [OutputMode; 4] = [
    OutputMode::Int,
    OutputMode::OneHot,
    OutputMode::MultiHot,
    OutputMode::Count,
];

impl Hashing {
    /// Into `num_bins` buckets, the one of masked values included.
    pub fn new(num_bins: usize) -> Self {
        let mut base = LayerBase::default();
        base.set_dtype(DType::I64);
        Self {
            base,
            num_bins,
            mask_value: None,
            salt: None,
            output_mode: OutputMode::Int,
        }
    }

    /// The value that goes into bucket 0, which no other then goes into.
    #[must_use]
    pub fn mask_value(mut self, mask_value: impl Into<TextOrNumber>) -> Self {
        self.mask_value = Some(mask_value.into());
        self
    }

    /// Hashes with SipHash64 and this salt, so that nobody else's buckets are yours.
    #[must_use]
    pub fn salt(mut self, salt: impl Into<Salt>) -> Self {
        self.salt = Some(salt.into());
        self
    }

    /// What to give for a bucket: indices are int64, the others floats.
    #[must_use]
    pub fn output_mode(mut self, output_mode: OutputMode) -> Self {
        self.output_mode = output_mode;
        self.base.set_dtype(default_dtype(output_mode));
        self
    }

    fn from_config(config: &Config, _registry: &Registry) -> Result<Self> {
        let mut reader = config.reader("Hashing");
        let base = LayerBase::from_reader(&mut reader)?;
        let mode = reader.or("output_mode", OutputMode::Int)?;
        let default = Self::new(reader.req("num_bins")?).output_mode(mode);
        let mut layer = Self {
            base,
            mask_value: reader.opt("mask_value")?,
            salt: reader.opt("salt")?,
            ..default
        };
        if reader.raw("dtype").is_none() {
            layer.base.set_dtype(default_dtype(mode));
        }
        dense_only("Hashing", "sparse", reader.or("sparse", false)?)?;
        reader.finish()?;
        layer.check()?;
        Ok(layer)
    }

    fn check(&self) -> Result<()> {
        if self.num_bins == 0 {
            bail!("Hashing: `num_bins` must be 1 or more, got 0");
        }
        self.output_mode.check("Hashing", &MODES)?;
        if self.output_mode == OutputMode::Int && self.base.compute_dtype().is_float() {
            bail!(
                "Hashing: with `output_mode` \"int\" the `dtype` must be int32 or int64, got {}",
                keras_ops::dtype_name(self.base.compute_dtype())
            );
        }
        Ok(())
    }

    /// The buckets of strings, in the form that `output_mode` says.
    ///
    /// # Errors
    /// When arguments are wrong, or rows of strings differ in length.
    pub fn hash<'a, M>(&self, texts: impl IntoTexts<'a, M>) -> Result<Tensor> {
        let texts = texts.into_texts()?;
        self.encoded(self.bins_of_texts(&texts.items), &texts.dims, &Device::Cpu)
    }

    /// Buckets without the one for masked values, and what its presence adds.
    fn buckets(&self) -> (u64, i64) {
        match self.mask_value.is_some() && self.num_bins > 1 {
            true => (self.num_bins as u64 - 1, 1),
            false => (self.num_bins as u64, 0),
        }
    }

    fn bins_of_texts(&self, texts: &[&str]) -> Vec<i64> {
        let (buckets, shift) = self.buckets();
        let masked = |text: &str| shift == 1 && self.mask_value == Some(TextOrNumber::from(text));
        let bin = |text: &&str| {
            if masked(text) {
                0
            } else {
                bucket(text, buckets, self.salt) + shift
            }
        };
        texts.iter().map(bin).collect()
    }

    fn bins_of_numbers<T: Copy>(
        &self,
        numbers: &[T],
        whole: impl Fn(T) -> i64,
        as_f64: impl Fn(T) -> f64,
    ) -> Vec<i64> {
        let (buckets, shift) = self.buckets();
        let masked = |number: f64| shift == 1 && self.mask_value == Some(TextOrNumber::Number(number));
        let bin = |number: &T| match masked(as_f64(*number)) {
            true => 0,
            false => bucket_of_number(whole(*number), buckets, self.salt) + shift,
        };
        numbers.iter().map(bin).collect()
    }

    fn encoded(&self, bins: Vec<i64>, dims: &[usize], device: &Device) -> Result<Tensor> {
        self.check()?;
        let bins = Tensor::from_vec(bins, dims, &Device::Cpu)?.to_device(device)?;
        encode(
            &bins,
            self.output_mode,
            self.num_bins,
            self.base.compute_dtype(),
            None,
        )
    }
}

impl Layer for Hashing {
    base_accessors!();

    fn autocasts(&self) -> bool {
        false
    }

    fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
        self.check()?;
        let input = only("Hashing", inputs)?;
        Ok(vec![encoded_shape(self.output_mode, input, Some(self.num_bins))])
    }

    fn call(&self, inputs: &[Tensor], _cx: &mut Call) -> Result<Outputs> {
        let x = only("Hashing", inputs)?;
        let bins = match x.dtype().is_float() {
            true => host::read(x, |x: &[f64]| Ok(self.bins_of_numbers(x, |v| v as i64, |v| v)))?,
            false => host::read(x, |x: &[i64]| Ok(self.bins_of_numbers(x, |v| v, |v| v as f64)))?,
        };
        Ok(self.encoded(bins, x.dims(), x.device())?.into())
    }

    fn config(&self) -> Config {
        Config::new()
            .with("num_bins", self.num_bins)
            .with("salt", self.salt)
            .with("mask_value", self.mask_value.clone())
            .with("output_mode", self.output_mode)
            .with("sparse", false)
    }
}
