//! Arguments that augmentations share: factors, ranges of values, interpolation, what lies outside.

use keras_ops::image::{FillMode, Interpolation};
use serde_json::Value;

use crate::config::{FromValue, IntoValue, Reader};
use crate::{Arg, Result, bail};

/// How strong an augmentation is: one number, or a range `[lower, upper]`.
///
/// What one number means depends on the layer: mostly the range from its negative, or 0, up to it.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum FactorRange {
    /// One number.
    One(f64),
    /// From the first to the second.
    Range(f64, f64),
}

impl From<f64> for FactorRange {
    fn from(value: f64) -> Self {
        Self::One(value)
    }
}

impl From<i32> for FactorRange {
    fn from(value: i32) -> Self {
        Self::One(value.into())
    }
}

impl From<[f64; 2]> for FactorRange {
    fn from([lower, upper]: [f64; 2]) -> Self {
        Self::Range(lower, upper)
    }
}

impl From<[i32; 2]> for FactorRange {
    fn from([lower, upper]: [i32; 2]) -> Self {
        Self::Range(lower.into(), upper.into())
    }
}

/// The lower and the upper end of a factor.
pub(super) type Bounds = (f64, f64);

impl FactorRange {
    fn wrong(self, class_name: &str, name: &str, within: &str) -> crate::Error {
        crate::Error::invalid(format!(
            "{class_name}: `{name}` must be a number or a list of two numbers {within}, got {}",
            self.write()
        ))
    }

    /// Keras's rule of most layers: one number reaches from its negative, no lower than `low`, up to it; a list must
    /// meet `low..=high` only.
    pub(super) fn meeting(self, class_name: &str, name: &str, low: f64, high: f64) -> Result<Bounds> {
        let wrong = || self.wrong(class_name, name, &format!("in the range [{low}, {high}]"));
        match self {
            Self::One(x) if (low..=high).contains(&x) => Ok(((-x.abs()).max(low), x.abs())),
            Self::Range(a, b) if a <= high && b >= low => Ok((a.min(b), a.max(b))),
            _ => Err(wrong()),
        }
    }

    /// The rule of translations, zooms and shears: all numbers lie in `low..=high`; one reaches from its negative.
    pub(super) fn inside(self, class_name: &str, name: &str, low: f64, high: f64) -> Result<Bounds> {
        let within = |x: f64| (low..=high).contains(&x);
        match self {
            Self::One(x) if within(x) => Ok((-x.abs(), x.abs())),
            Self::Range(a, b) if within(a) && within(b) => Ok((a.min(b), a.max(b))),
            _ => Err(self.wrong(class_name, name, &format!("in the range [{low}, {high}]"))),
        }
    }

    /// The rule of solarisation: all numbers lie in 0..=1; one reaches from 0.
    pub(super) fn upto(self, class_name: &str, name: &str) -> Result<Bounds> {
        match self {
            Self::One(x) if (0. ..=1.).contains(&x) => Ok((0., x)),
            Self::One(_) => Err(self.wrong(class_name, name, "in the range [0, 1]")),
            Self::Range(..) => self.inside(class_name, name, 0., 1.),
        }
    }
}

/// Whole numbers without a point, as Keras's own defaults are.
fn number(value: f64) -> Value {
    match value.fract() == 0. && value.abs() < 1e15 {
        true => (value as i64).into_value(),
        false => value.into_value(),
    }
}

pub(super) fn pair(values: Bounds) -> Value {
    Value::Array(vec![number(values.0), number(values.1)])
}

impl FromValue for FactorRange {
    const EXPECTED: &'static str = "a number or a list of two numbers";
    fn from_value(value: &Value) -> Option<Self> {
        match f64::from_value(value) {
            Some(one) => Some(Self::One(one)),
            None => <[f64; 2]>::from_value(value).map(Self::from),
        }
    }
}

impl Arg for FactorRange {
    fn read<'a>(reader: &mut Reader<'a>, key: &'a str, default: Self) -> Result<Self> {
        reader.or(key, default)
    }

    fn write(&self) -> Value {
        match *self {
            Self::One(value) => number(value),
            Self::Range(lower, upper) => pair((lower, upper)),
        }
    }
}

impl Default for FactorRange {
    fn default() -> Self {
        Self::One(0.)
    }
}

/// The range that the values of images lie in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ValueRange(pub(super) f64, pub(super) f64);

impl ValueRange {
    pub(super) const BYTES: Self = Self(0., 255.);
}

impl Default for ValueRange {
    /// That of bytes.
    fn default() -> Self {
        Self::BYTES
    }
}

impl From<[f64; 2]> for ValueRange {
    fn from([a, b]: [f64; 2]) -> Self {
        Self(a.min(b), a.max(b))
    }
}

impl From<[i32; 2]> for ValueRange {
    fn from([a, b]: [i32; 2]) -> Self {
        Self::from([f64::from(a), f64::from(b)])
    }
}

impl FromValue for ValueRange {
    const EXPECTED: &'static str = "a list of two numbers";
    fn from_value(value: &Value) -> Option<Self> {
        <[f64; 2]>::from_value(value).map(Self::from)
    }
}

impl Arg for ValueRange {
    fn read<'a>(reader: &mut Reader<'a>, key: &'a str, default: Self) -> Result<Self> {
        reader.or(key, default)
    }

    fn write(&self) -> Value {
        pair((self.0, self.1))
    }
}

impl FromValue for FillMode {
    const EXPECTED: &'static str = "\"reflect\", \"wrap\", \"constant\", \"nearest\" or \"mirror\"";
    fn from_value(value: &Value) -> Option<Self> {
        match value.as_str()? {
            "constant" => Some(Self::Constant),
            "nearest" => Some(Self::Nearest),
            "wrap" => Some(Self::Wrap),
            "mirror" => Some(Self::Mirror),
            "reflect" => Some(Self::Reflect),
            _ => None,
        }
    }
}

impl IntoValue for FillMode {
    fn into_value(self) -> Value {
        match self {
            Self::Nearest => "nearest".into(),
            Self::Wrap => "wrap".into(),
            Self::Mirror => "mirror".into(),
            Self::Reflect => "reflect".into(),
            _ => "constant".into(),
        }
    }
}

macro_rules! by_name {
    ($($type:ty),*) => { $(
        impl Arg for $type {
            fn read<'a>(reader: &mut Reader<'a>, key: &'a str, default: Self) -> Result<Self> {
                reader.or(key, default)
            }

            fn write(&self) -> Value {
                (*self).into_value()
            }
        }
    )* };
}
by_name!(FillMode, Interpolation);

/// An error when interpolation is neither linear nor by the nearest pixel.
pub(super) fn check_interpolation(class_name: &str, interpolation: Interpolation) -> Result<()> {
    match interpolation {
        Interpolation::Nearest | Interpolation::Bilinear => Ok(()),
        other => bail!(
            "{class_name}: `interpolation` must be \"nearest\" or \"bilinear\", got {}",
            other.into_value()
        ),
    }
}

/// An error for a mode that Keras's layers do not know.
pub(super) fn check_fill_mode(class_name: &str, fill_mode: FillMode) -> Result<()> {
    match fill_mode {
        FillMode::Mirror => bail!(
            "{class_name}: `fill_mode` must be \"reflect\", \"wrap\", \"constant\" or \"nearest\", got \"mirror\""
        ),
        _ => Ok(()),
    }
}
