//! Hyperparameters of a run, for TensorBoard's page of that name.

use serde_json::Value;

use super::event_file::now;
use super::wire::Message;

pub(super) const START: &str = "_hparams_/session_start_info";
pub(super) const END: &str = "_hparams_/session_end_info";

/// What a run was started with.
pub(super) fn start(hparams: &[(String, Value)]) -> Message {
    let start = hparams.iter().fold(Message::new(), |start, (name, value)| {
        let value = match value {
            Value::Number(number) => Message::new().double(2, number.as_f64().unwrap_or(f64::NAN)),
            Value::Bool(value) => Message::new().int(4, i64::from(*value)),
            Value::String(text) => Message::new().bytes(3, text),
            other => Message::new().bytes(3, other.to_string()),
        };
        start.message(1, &Message::new().bytes(1, name).message(2, &value))
    });
    Message::new().message(3, &start.double(5, now()))
}

/// How it ended.
pub(super) fn end(success: bool) -> Message {
    let end = Message::new()
        .int(1, if success { 1 } else { 2 })
        .double(2, now());
    Message::new().message(4, &end)
}
