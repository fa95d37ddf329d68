//! Arguments of configurable objects: how each type is read from and written to a configuration.

use keras_ops::DType;
use serde_json::Value;

use crate::config::{FromValue, IntoValue, Reader};
use crate::{Error, Result};

/// A type that an argument of a loss, metric or layer can have.
///
/// ```
/// use keras_core::{Arg, Config};
/// let config = Config::new().with("axis", 1);
/// let mut reader = config.reader("Dice");
/// assert_eq!(Vec::<i64>::read(&mut reader, "axis", vec![])?, [1]); // Keras takes one axis or several
/// assert_eq!(Option::<f64>::read(&mut reader, "threshold", None)?, None);
/// # Ok::<(), keras_core::Error>(())
/// ```
pub trait Arg: Sized {
    /// The argument `key`, or `default` when it is missing.
    ///
    /// # Errors
    /// When the value has another type.
    fn read<'a>(reader: &mut Reader<'a>, key: &'a str, default: Self) -> Result<Self>;

    /// As a configuration value.
    fn write(&self) -> Value;
}

macro_rules! plain {
    ($($t:ty),*) => { $(
        impl Arg for $t {
            fn read<'a>(reader: &mut Reader<'a>, key: &'a str, default: Self) -> Result<Self> {
                reader.or(key, default)
            }

            fn write(&self) -> Value {
                self.clone().into_value()
            }
        }
    )* };
}
plain!(f64, bool, i64, usize);

impl Arg for String {
    fn read<'a>(reader: &mut Reader<'a>, key: &'a str, default: Self) -> Result<Self> {
        reader.or(key, default)
    }

    fn write(&self) -> Value {
        Value::from(self.as_str())
    }
}

/// One number or a list of numbers, as Keras takes axes and thresholds.
struct OneOrMore<T>(Vec<T>);

impl<T: FromValue> FromValue for OneOrMore<T> {
    const EXPECTED: &'static str = "a number or a list of numbers";

    fn from_value(value: &Value) -> Option<Self> {
        match value.get("class_name").and_then(Value::as_str) {
            // An array that Keras serialised.
            Some("__tensor__" | "__numpy__") => Self::from_value(value.get("config")?.get("value")?),
            Some("__tuple__") => Self::from_value(value.get("items")?),
            _ => T::from_value(value)
                .map(|one| vec![one])
                .or_else(|| Vec::from_value(value))
                .map(Self),
        }
    }
}

macro_rules! lists {
    ($($t:ty),*) => { $(
        impl Arg for Vec<$t> {
            fn read<'a>(reader: &mut Reader<'a>, key: &'a str, default: Self) -> Result<Self> {
                match reader.opt::<OneOrMore<$t>>(key)? {
                    Some(list) => Ok(list.0),
                    // Null is no number, as nothing is; where there is a number by default, it is wrong.
                    None if default.is_empty() => Ok(default),
                    None => Ok(reader.or(key, OneOrMore(default))?.0),
                }
            }

            fn write(&self) -> Value {
                self.as_slice().into_value()
            }
        }
    )* };
}
lists!(f64, i64, usize);

/// Names: a list of strings.
impl Arg for Vec<String> {
    fn read<'a>(reader: &mut Reader<'a>, key: &'a str, default: Self) -> Result<Self> {
        reader.or_null(key, default)
    }

    fn write(&self) -> Value {
        self.as_slice().into_value()
    }
}

impl<T: Arg + Default> Arg for Option<T> {
    fn read<'a>(reader: &mut Reader<'a>, key: &'a str, default: Self) -> Result<Self> {
        match reader.raw(key) {
            None if reader.is_null(key) => Ok(None),
            None => Ok(default),
            Some(_) => T::read(reader, key, T::default()).map(Some),
        }
    }

    fn write(&self) -> Value {
        self.as_ref().map_or(Value::Null, T::write)
    }
}

/// A dtype by name, or the compute dtype of a dtype policy.
impl Arg for Option<DType> {
    fn read<'a>(reader: &mut Reader<'a>, key: &'a str, default: Self) -> Result<Self> {
        let Some(value) = reader.raw(key) else {
            return Ok(default);
        };
        let name = value
            .as_str()
            .or_else(|| value.get("config")?.get("name")?.as_str());
        match name {
            Some("mixed_float16") => Ok(Some(DType::F16)),
            Some("mixed_bfloat16") => Ok(Some(DType::BF16)),
            Some("int") => Ok(Some(DType::I32)),
            Some(name) => reader
                .about(key, keras_ops::dtype_from_name(name).map_err(Error::from))
                .map(Some),
            None => {
                let wrong = Error::invalid(format!("expected the name of a dtype, got {value}"));
                reader.about(key, Err(wrong))
            }
        }
    }

    fn write(&self) -> Value {
        self.map_or(Value::Null, |dtype| Value::from(keras_ops::dtype_name(dtype)))
    }
}
