//! Tries every argument of every class with values it cannot have and prints what came of it, a line of JSON each:
//! `bad_arguments [CLASS]`.

#![allow(clippy::print_stdout)]

use std::path::Path;

use anyhow::Result;
use keras_tests::misuse::{Outcome, attempts};
use serde_json::json;

fn main() -> Result<()> {
    let only = std::env::args().nth(1);
    std::panic::set_hook(Box::new(|_| {}));
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    attempts(&golden, |example, attempt| {
        if only.as_deref().is_some_and(|only| only != attempt.class_name) {
            return;
        }
        let (outcome, message) = match &attempt.outcome {
            Outcome::Taken => ("taken", ""),
            Outcome::NotFinite => ("not finite", ""),
            Outcome::Refused(message) => ("refused", message.as_str()),
            Outcome::Panicked(message) => ("panicked", message.as_str()),
        };
        println!(
            "{}",
            json!({"kind": example.kind, "class": attempt.class_name, "argument": attempt.argument,
                "right": attempt.right, "value": attempt.value, "outcome": outcome, "message": message})
        );
    })
}
