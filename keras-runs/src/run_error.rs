use serde_json::Value;

/// What a run ended with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunError {
    /// In one line or a few.
    pub message: String,
    /// Where, the innermost first.
    pub traceback: Vec<String>,
}

impl RunError {
    /// From `error.json`; R writes a traceback of one line as a text.
    pub(crate) fn from_value(value: &Value) -> Option<Self> {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let traceback = match value.get("traceback") {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(lines)) => lines.iter().map(text).collect(),
            Some(line) => vec![text(line)],
        };
        Some(Self {
            message: text(value.get("message")?),
            traceback,
        })
    }
}
