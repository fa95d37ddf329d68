//! Reading a run's directory.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::Path;

use keras_core::{Error, Result};
use serde_json::{Map, Value};

use super::{Properties, RunInfo};
use crate::data_dir::{DATA, DataDir};
use crate::evaluation::values_to_json;
use crate::pulse::Life;
use crate::{Evaluation, Metrics, RunError, Status, Step};

/// How much is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// What a list of runs shows.
    List,
    /// All properties.
    Full,
}

/// Longer texts are left out of lists.
const SHORT: u64 = 4096;
/// The longest property that is read.
const LONG: u64 = 64 << 20;

pub(super) fn load(run_dir: &Path, depth: Depth) -> Result<RunInfo> {
    let data = DataDir::of(run_dir);
    if !data.path().is_dir() {
        let message = match run_dir.is_dir() {
            true => format!("this is no run's directory: it holds no `{DATA}`"),
            false => "there is no such run directory".to_owned(),
        };
        return Err(Error::file(run_dir, message));
    }
    let mut damage = Vec::new();
    let flags = object(&data, "flags.json", &mut damage);
    let evaluation = evaluation(&data, &mut damage);
    let mut metrics = kept(Metrics::read(&data), &mut damage);
    let error = RunError::from_value(&kept(data.value("error.json"), &mut damage));
    let properties = kept(properties(&data.join("properties"), depth), &mut damage);
    let number = |name: &str| {
        properties
            .get(name)
            .and_then(|text| text.trim().parse::<f64>().ok())
    };
    let (start, end) = (number("start"), number("end"));
    let said = properties.get("completed").map(|text| text.trim());
    let completed = matches!(said, Some("TRUE" | "true" | "yes" | "1"));
    let status = match completed {
        true => Status::Done,
        false if end.is_some() || error.is_some() => Status::Failed,
        false => match Life::of(&data) {
            Life::Lives => Status::Running,
            Life::Gone => Status::Killed,
            Life::Unknown => Status::Unknown,
        },
    };
    // The last epochs may be in the steps only: always while it goes on, and where the disk was full.
    if status != Status::Done || depth == Depth::Full {
        merge(
            &mut metrics,
            &kept(lines(&data, "steps.jsonl", Step::parse), &mut damage),
        );
    }
    Ok(RunInfo {
        run_dir: run_dir.to_owned(),
        status,
        start,
        end,
        flags,
        evaluation,
        metrics,
        properties,
        error,
        damage,
    })
}

/// The metrics with what is in the steps only.
pub(super) fn metrics(data: &DataDir) -> Result<Metrics> {
    let mut metrics = Metrics::read(data)?;
    merge(&mut metrics, &lines(data, "steps.jsonl", Step::parse)?);
    Ok(metrics)
}

fn kept<T: Default>(read: Result<T>, damage: &mut Vec<String>) -> T {
    read.unwrap_or_else(|error| {
        damage.push(error.to_string());
        T::default()
    })
}

/// R writes an empty list for an object without entries.
fn object(data: &DataDir, name: &str, damage: &mut Vec<String>) -> Map<String, Value> {
    match kept(data.value(name), damage) {
        Value::Object(map) => map,
        Value::Null => Map::new(),
        Value::Array(list) if list.is_empty() => Map::new(),
        _ => {
            let path = data.join(name);
            damage.push(Error::file(path, "damaged: expected an object of names and values").to_string());
            Map::new()
        }
    }
}

/// R's keras of today writes a list without names; its values get the numbers of their places.
fn evaluation(data: &DataDir, damage: &mut Vec<String>) -> Map<String, Value> {
    let mut values = match kept(data.value("evaluation.json"), damage) {
        Value::Array(list) => list
            .into_iter()
            .enumerate()
            .map(|(i, v)| ((i + 1).to_string(), v))
            .collect(),
        Value::Object(map) => map,
        _ => Map::new(),
    };
    // What is not finite is in the lines only, and only the last of them counts.
    if let Some(last) = kept(lines(data, "evaluations.jsonl", Evaluation::parse), damage).last() {
        let all = values_to_json(&last.values);
        for (name, value) in all
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(_, v)| v.is_string())
        {
            values.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }
    values
}

fn merge(metrics: &mut Metrics, steps: &[Step]) {
    let Some(last) = steps.iter().map(|step| step.fit).max() else {
        return;
    };
    for step in steps
        .iter()
        .filter(|step| step.fit == last && step.batch.is_none())
    {
        // No run has so many epochs; the line is damaged.
        if step.epoch < 10_000_000 {
            step.values
                .iter()
                .for_each(|(name, value)| metrics.set(step.epoch, name, *value));
        }
    }
}

/// A file of lines; those that were broken off are left out.
pub(super) fn lines<T>(data: &DataDir, name: &str, parse: impl Fn(&str) -> Option<T>) -> Result<Vec<T>> {
    let text = data.text(name)?.unwrap_or_default();
    Ok(text.lines().filter_map(parse).collect())
}

fn properties(folder: &Path, depth: Depth) -> Result<Properties> {
    let cannot = |e| Error::io(folder, "cannot read the folder", e);
    let mut found = Properties::new();
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(found),
        Err(e) => return Err(cannot(e)),
    };
    for entry in entries {
        let entry = entry.map_err(cannot)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let long = depth == Depth::List && matches!(name.as_str(), "output" | "model");
        // A link or a pipe could lead anywhere.
        if long || name.starts_with('.') || !entry.file_type().is_ok_and(|kind| kind.is_file()) {
            continue;
        }
        let limit = if depth == Depth::List { SHORT } else { LONG };
        let mut bytes = Vec::new();
        let read = File::open(entry.path()).and_then(|file| file.take(limit).read_to_end(&mut bytes));
        match read {
            Ok(_) => {}
            // Moved meanwhile.
            Err(e) if e.kind() == ErrorKind::NotFound => continue,
            Err(e) => return Err(Error::io(entry.path(), "cannot read", e)),
        }
        let text = String::from_utf8_lossy(&bytes);
        found.insert(name, text.strip_suffix('\n').unwrap_or(&text).to_owned());
    }
    Ok(found)
}
