//! Numbers in JSON, which has no way to write those that are not finite.

use serde_json::Value;

/// `NaN`, `Infinity` and `-Infinity` become texts.
pub(crate) fn to_value(number: f64) -> Value {
    serde_json::Number::from_f64(number).map_or_else(|| Value::from(name(number)), Value::Number)
}

/// The number that [`to_value`] wrote.
pub(crate) fn from_value(value: &Value) -> Option<f64> {
    match value {
        Value::String(text) => match text.as_str() {
            "NaN" => Some(f64::NAN),
            "Infinity" | "Inf" => Some(f64::INFINITY),
            "-Infinity" | "-Inf" => Some(f64::NEG_INFINITY),
            _ => None,
        },
        other => other.as_f64(),
    }
}

fn name(number: f64) -> &'static str {
    match number {
        n if n.is_nan() => "NaN",
        n if n > 0. => "Infinity",
        _ => "-Infinity",
    }
}
