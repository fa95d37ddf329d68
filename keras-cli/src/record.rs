//! `keras run`.

use keras_core::Error;
use keras_runs::{RunOptions, printable};
use serde_json::{Map, Value, json};

use crate::cli::Record;
use crate::program::Program;
use crate::stop::Stop;
use crate::{End, Outcome};

pub(crate) fn run(arguments: &Record) -> Outcome {
    let mut flags = Map::new();
    for (name, text) in pairs("--flag", &arguments.flags)? {
        if flags.insert(name.to_owned(), value(text)).is_some() {
            return Err(End::usage(format!("--flag {name} is given twice; leave one out")));
        }
    }
    let mut options = RunOptions::new();
    for (name, text) in pairs("--property", &arguments.properties)? {
        options = options.property(name, text);
    }
    if let Some(dir) = &arguments.runs_dir {
        options = options.runs_dir(dir);
    }
    if let Some(dir) = &arguments.run_dir {
        options = options.run_dir(dir);
    }
    if let Some(seed) = arguments.seed {
        options = options.seed(seed);
    }
    let program = Program {
        words: arguments.program.clone(),
        source: arguments.source.clone(),
        folder: None,
        shown: true,
    };
    let stop = Stop::watch().map_err(|e| Error::io(".", "cannot wait for signals", e))?;
    let ending = program.record(options, &flags, &stop, &|_| false)?;
    if arguments.json {
        let said = json!({"run": ending.path.to_string_lossy(), "status": ending.status.name(), "code": ending.code,
            "words": ending.words});
        End::say(crate::out::escaped(&said.to_string()));
    } else if !arguments.quiet {
        let path = printable(&ending.path.to_string_lossy());
        End::say(format_args!("{path}: {}, {}", ending.status, ending.words));
    }
    match ending.code {
        0 => Ok(()),
        code => Err(End::Code(code)),
    }
}

/// A number, truth or list where JSON reads one, else a text.
fn value(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(value @ (Value::Number(_) | Value::Bool(_) | Value::Array(_))) => value,
        _ => text.into(),
    }
}

fn pairs<'a>(option: &str, given: &'a [String]) -> Outcome<Vec<(&'a str, &'a str)>> {
    let pair = |text: &'a String| match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name, value)),
        _ => Err(End::usage(format!("{option} needs NAME=VALUE, got `{text}`"))),
    };
    given.iter().map(pair).collect()
}
