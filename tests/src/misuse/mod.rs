//! Every argument of every registered class with values that it cannot have.

mod examples;

use std::panic::{AssertUnwindSafe, catch_unwind};

use anyhow::Result;
use keras::Config;
use serde_json::{Value, json};

pub use examples::{Example, examples};

/// Values that few arguments can have.
pub fn odd_values() -> Vec<Value> {
    vec![
        Value::Null,
        json!(true),
        json!(0),
        json!(-1),
        json!(-0.5),
        json!(1.5),
        json!("NaN"),
        json!("Infinity"),
        json!(""),
        json!("no_such_name"),
        json!("3"),
        json!([]),
        json!(["text"]),
        json!([1, 2, 3, 4, 5]),
        json!([[-1]]),
        json!({"any": 1}),
        json!({"class_name": "NoSuchClass", "config": {}}),
    ]
}

/// What came of an argument's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was taken, and what was computed is finite.
    Taken,
    /// It was taken, and something that was computed is not finite.
    NotFinite,
    /// An error.
    Refused(String),
    /// A panic: always a bug.
    Panicked(String),
}

/// One argument of one class with one value.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The class.
    pub class_name: &'static str,
    /// The argument.
    pub argument: String,
    /// Its value where it is right.
    pub right: Value,
    /// Its value here.
    pub value: Value,
    /// What came of it.
    pub outcome: Outcome,
}

impl Example {
    /// Tries `value` for `argument`.
    pub fn attempt(&self, argument: &str, value: &Value) -> Attempt {
        let mut config = self.config.clone();
        let right = config.get(argument).cloned().unwrap_or_default();
        config.set(argument, value.clone());
        Attempt {
            class_name: self.class_name,
            argument: argument.to_owned(),
            right,
            value: value.clone(),
            outcome: self.outcome(&config),
        }
    }

    /// What comes of a configuration.
    pub fn outcome(&self, config: &Config) -> Outcome {
        match catch_unwind(AssertUnwindSafe(|| self.run(config))) {
            Ok(Ok(true)) => Outcome::Taken,
            Ok(Ok(false)) => Outcome::NotFinite,
            Ok(Err(error)) => Outcome::Refused(error.to_string()),
            Err(panic) => {
                let text = panic.downcast_ref::<String>().map(String::as_str);
                let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
                Outcome::Panicked(text.unwrap_or("without a message").to_owned())
            }
        }
    }
}

/// Every argument of every class with every odd value, one class at a time.
///
/// # Errors
/// When the examples cannot be made.
pub fn attempts(golden: &std::path::Path, mut each: impl FnMut(&Example, Attempt)) -> Result<()> {
    for example in examples(golden)? {
        let arguments: Vec<String> = example.config.0.keys().cloned().collect();
        for argument in arguments {
            for value in odd_values() {
                each(&example, example.attempt(&argument, &value));
            }
        }
    }
    Ok(())
}
