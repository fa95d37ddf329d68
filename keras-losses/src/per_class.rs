//! One number, or one for each class.

use std::ops::Deref;

use keras_core::config::Reader;
use keras_core::{Arg, Result};
use serde_json::Value;

/// One number for all classes, or one for each: an argument that Keras takes either way.
///
/// ```
/// use keras_losses::PerClass;
/// assert_eq!(*PerClass::from(0.25), [0.25]);
/// assert_eq!(*PerClass::from([0.1, 0.4]), [0.1, 0.4]);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PerClass(Vec<f64>);

impl Deref for PerClass {
    type Target = [f64];

    fn deref(&self) -> &[f64] {
        &self.0
    }
}

impl From<f64> for PerClass {
    fn from(value: f64) -> Self {
        Self(vec![value])
    }
}

impl From<Vec<f64>> for PerClass {
    fn from(values: Vec<f64>) -> Self {
        Self(values)
    }
}

impl<const N: usize> From<[f64; N]> for PerClass {
    fn from(values: [f64; N]) -> Self {
        Self(values.into())
    }
}

impl Arg for PerClass {
    fn read<'a>(reader: &mut Reader<'a>, key: &'a str, default: Self) -> Result<Self> {
        Vec::read(reader, key, default.0).map(Self)
    }

    fn write(&self) -> Value {
        match self.0.as_slice() {
            [one] => one.write(),
            _ => self.0.write(),
        }
    }
}
