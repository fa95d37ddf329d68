use std::path::PathBuf;

use keras_core::{Error, Result};
use serde_json::{Map, Value};

/// A type that a flag can have: numbers, `bool`, `String`, `PathBuf`, and `Option` and `Vec` of these.
pub trait FlagValue: Sized {
    /// The name of the type, as tfruns calls it.
    fn type_name() -> String;

    /// From a value, which may be a text from a command line; `None` when it is no such value.
    fn from_value(value: &Value) -> Option<Self>;

    /// As a value for the record.
    fn to_value(&self) -> Value;

    /// The flag `name` of `values`.
    ///
    /// # Errors
    /// When it is of another type.
    fn of(name: &str, values: &Map<String, Value>) -> Result<Self> {
        let value = values.get(name).unwrap_or(&Value::Null);
        Self::from_value(value).ok_or_else(|| {
            let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            Error::invalid(format!(
                "Unable to convert flag '{name}' with value '{shown}' to type {}",
                Self::type_name()
            ))
        })
    }
}

/// Whether the text of a command line or a file means nothing.
fn is_nothing(value: &Value) -> bool {
    value.is_null()
        || value
            .as_str()
            .is_some_and(|text| matches!(text.trim(), "" | "~" | "null" | "NULL" | "NA" | "none"))
}

macro_rules! integers {
    ($($type:ty),*) => {$(
        impl FlagValue for $type {
            fn type_name() -> String {
                "integer".to_owned()
            }

            fn from_value(value: &Value) -> Option<Self> {
                match value {
                    Value::String(text) => text.trim().replace('_', "").parse().ok(),
                    // R writes 5000 as 5000, and Python may write it as 5000.0.
                    Value::Number(n) => n
                        .as_i64()
                        .or_else(|| n.as_f64().filter(|n| n.fract() == 0. && n.abs() < 9e15).map(|n| n as i64))
                        .and_then(|n| n.try_into().ok())
                        .or_else(|| n.as_u64()?.try_into().ok()),
                    _ => None,
                }
            }

            fn to_value(&self) -> Value {
                Value::from(*self)
            }
        }
    )*};
}

integers!(i8, i16, i32, i64, u8, u16, u32, u64, isize, usize);

impl FlagValue for f64 {
    fn type_name() -> String {
        "numeric".to_owned()
    }

    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => match text.trim() {
                ".inf" | "Inf" => Some(f64::INFINITY),
                "-.inf" | "-Inf" => Some(f64::NEG_INFINITY),
                other => other.replace('_', "").parse().ok(),
            },
            other => other.as_f64(),
        }
    }

    fn to_value(&self) -> Value {
        crate::number::to_value(*self)
    }
}

impl FlagValue for f32 {
    fn type_name() -> String {
        f64::type_name()
    }

    fn from_value(value: &Value) -> Option<Self> {
        f64::from_value(value).map(|n| n as f32)
    }

    fn to_value(&self) -> Value {
        // 0.1 rather than 0.10000000149.
        let shortest = self.to_string().parse().unwrap_or(f64::from(*self));
        crate::number::to_value(shortest)
    }
}

impl FlagValue for bool {
    fn type_name() -> String {
        "boolean".to_owned()
    }

    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Bool(truth) => Some(*truth),
            Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
                "true" | "yes" | "on" | "1" | "t" | "y" => Some(true),
                "false" | "no" | "off" | "0" | "f" | "n" => Some(false),
                _ => None,
            },
            Value::Number(n) if n.as_i64() == Some(1) => Some(true),
            Value::Number(n) if n.as_i64() == Some(0) => Some(false),
            _ => None,
        }
    }

    fn to_value(&self) -> Value {
        Value::from(*self)
    }
}

impl FlagValue for String {
    fn type_name() -> String {
        "string".to_owned()
    }

    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => Some(text.clone()),
            Value::Number(n) => Some(n.to_string()),
            Value::Bool(truth) => Some(truth.to_string()),
            _ => None,
        }
    }

    fn to_value(&self) -> Value {
        Value::from(self.as_str())
    }
}

impl FlagValue for PathBuf {
    fn type_name() -> String {
        String::type_name()
    }

    fn from_value(value: &Value) -> Option<Self> {
        String::from_value(value).map(Self::from)
    }

    fn to_value(&self) -> Value {
        Value::from(self.to_string_lossy().into_owned())
    }
}

impl<T: FlagValue> FlagValue for Option<T> {
    fn type_name() -> String {
        format!("{} or null", T::type_name())
    }

    fn from_value(value: &Value) -> Option<Self> {
        match is_nothing(value) {
            true => Some(None),
            false => T::from_value(value).map(Some),
        }
    }

    fn to_value(&self) -> Value {
        self.as_ref().map_or(Value::Null, T::to_value)
    }
}

/// On a command line `a,b,c` or a list of JSON.
impl<T: FlagValue> FlagValue for Vec<T> {
    fn type_name() -> String {
        format!("list of {}", T::type_name())
    }

    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Array(items) => items.iter().map(T::from_value).collect(),
            Value::String(text) => match serde_json::from_str(text.trim()) {
                Ok(Value::Array(items)) => items.iter().map(T::from_value).collect(),
                _ if text.trim().is_empty() => Some(Vec::new()),
                _ => text
                    .split(',')
                    .map(|item| T::from_value(&Value::from(item.trim())))
                    .collect(),
            },
            // R writes a list of one as its element.
            one => Some(vec![T::from_value(one)?]),
        }
    }

    fn to_value(&self) -> Value {
        self.iter().map(T::to_value).collect()
    }
}
