//! Flags on a command line.

use keras_core::{Error, Result};
use serde_json::{Map, Value};

use super::Flag;

/// What a command line says: values as texts, and whether help was asked for. Words that are no flags belong to the
/// program; after `--` all do.
pub(super) fn parse(arguments: &[String], declared: &[Flag]) -> Result<(Map<String, Value>, bool)> {
    let mut values = Map::new();
    let mut words = arguments.iter().peekable();
    while let Some(word) = words.next() {
        let Some(flag) = word.strip_prefix("--") else {
            continue;
        };
        if flag.is_empty() {
            break;
        }
        let (name, value) = match flag.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (flag, None),
        };
        let name = name.replace('-', "_");
        if name == "help" && value.is_none() {
            return Ok((values, true));
        }
        let is_switch = declared
            .iter()
            .any(|f| f.name == name && f.type_name.starts_with("boolean"));
        let value = match value {
            Some(value) => value,
            // A switch takes the next word only if that says yes or no.
            None => match words.next_if(|next| !next.starts_with("--") && (!is_switch || says_truth(next))) {
                Some(next) => next.clone(),
                None if is_switch => "true".to_owned(),
                None => {
                    return Err(Error::invalid(format!(
                        "the flag --{flag} needs a value: --{flag}=VALUE"
                    )));
                }
            },
        };
        values.insert(name, Value::from(value));
    }
    Ok((values, false))
}

fn says_truth(word: &str) -> bool {
    ["true", "false", "yes", "no", "on", "off", "0", "1"].contains(&word.to_ascii_lowercase().as_str())
}

/// What `--help` shows.
pub(super) fn help(declared: &[Flag]) -> String {
    let options: Vec<String> = declared.iter().map(Flag::option).collect();
    let width = options.iter().map(String::len).max().unwrap_or(0);
    let mut text = "\nOptions:\n".to_owned();
    for (flag, option) in declared.iter().zip(options) {
        let default = match &flag.default {
            Value::Null => "none".to_owned(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let description = match flag.description.as_str() {
            "" => String::new(),
            some => format!("{some} "),
        };
        text += &format!("  {option:width$}    {description}({default})\n");
    }
    text + "\n"
}
