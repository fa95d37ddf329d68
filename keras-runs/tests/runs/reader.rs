//! A reader that does what R's `run_record` and `view_run` do, and nothing more: written from the rules of tfruns, with
//! no help from the crate. Where R would stop or warn, it gives an error.

use std::fs;
use std::io::Read;
use std::path::Path;

use serde_json::Value;

/// What R would have in a column.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum R {
    Na,
    Text(String),
    Number(f64),
    Logical(bool),
}

impl R {
    pub(crate) fn number(&self) -> f64 {
        match self {
            Self::Number(number) => *number,
            other => panic!("no number: {other:?}"),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Record {
    pub columns: Vec<(String, R)>,
    /// The files of the source archive below `source/`.
    pub source: Vec<String>,
}

impl Record {
    pub(crate) fn get(&self, name: &str) -> Option<&R> {
        let found = self.columns.iter().find(|(n, _)| n == name);
        found.map(|(_, value)| value)
    }

    pub(crate) fn text(&self, name: &str) -> &str {
        match self.get(name) {
            Some(R::Text(text)) => text,
            other => panic!("{name}: {other:?}"),
        }
    }

    pub(crate) fn number(&self, name: &str) -> f64 {
        self.get(name).unwrap_or_else(|| panic!("no {name}")).number()
    }
}

/// `readLines` and `paste(collapse = "\n")`.
fn read_lines(path: &Path) -> Result<String, String> {
    let say = |what: &str| Err(format!("{}: {what}", path.display()));
    if !fs::symlink_metadata(path).map_err(|e| e.to_string())?.is_file() {
        return say("cannot open the connection");
    }
    let bytes = fs::read(path).map_err(|e| e.to_string())?;
    let Ok(text) = String::from_utf8(bytes) else {
        return say("invalid UTF-8");
    };
    if text.contains('\0') {
        return say("line appears to contain an embedded nul");
    }
    match text.strip_suffix('\n') {
        Some(lines) => Ok(lines.to_owned()),
        None if text.is_empty() => Ok(String::new()),
        None => say("incomplete final line"),
    }
}

fn json(path: &Path) -> Result<Option<Value>, String> {
    match fs::read(path) {
        Ok(bytes) => {
            let value = serde_json::from_slice(&bytes).map_err(|e| format!("{}: {e}", path.display()))?;
            Ok(Some(value))
        }
        Err(_) => Ok(None),
    }
}

/// `make.names`
fn is_name(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '.')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.')
}

/// Flags and evaluations: what `as_data_frame` takes, one value a column.
fn scalars(path: &Path, prefix: &str, columns: &mut Vec<(String, R)>) -> Result<(), String> {
    let say = |what: String| Err(format!("{}: {what}", path.display()));
    match json(path)? {
        None => Ok(()),
        Some(Value::Array(list)) if list.is_empty() => Ok(()),
        Some(Value::Object(map)) => {
            for (name, value) in map {
                let value = match value {
                    Value::Number(number) => R::Number(number.as_f64().unwrap()),
                    Value::String(text) => R::Text(text),
                    Value::Bool(logical) => R::Logical(logical),
                    other => return say(format!("{name}: differing number of rows: {other}")),
                };
                columns.push((format!("{prefix}_{name}"), value));
            }
            Ok(())
        }
        Some(other) => say(format!("names must be given: {other}")),
    }
}

/// Reads a run as `ls_runs`, and its sources as `view_run`.
pub(crate) fn read(run_dir: &Path) -> Result<Record, String> {
    let data = run_dir.join("tfruns.d");
    if !data.is_dir() {
        return Err(format!("{}: no tfruns.d", run_dir.display()));
    }
    let mut columns = Vec::new();
    let mut names: Vec<_> = fs::read_dir(data.join("properties"))
        .map_err(|e| e.to_string())?
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        // list.files() without all.files.
        .filter(|name| !name.starts_with('.'))
        .collect();
    names.sort();
    for name in names {
        if !is_name(&name) {
            return Err(format!("property {name:?} is no name"));
        }
        let text = read_lines(&data.join("properties").join(&name))?;
        let value = match name.as_str() {
            "start" | "end" | "learning_rate" | "samples" | "validation_samples" | "steps" | "epochs"
            | "batch_size" => match text.as_str() {
                "" => R::Na,
                text => R::Number(
                    text.parse()
                        .map_err(|_| format!("{name}: NAs introduced by coercion"))?,
                ),
            },
            "completed" => R::Logical(match text.as_str() {
                "TRUE" | "true" | "yes" | "1" => true,
                "FALSE" | "false" | "no" | "0" => false,
                other => return Err(format!("completed: {other}")),
            }),
            _ => R::Text(text),
        };
        columns.push((name, value));
    }
    for needed in ["type", "context", "script", "start", "completed"] {
        if !columns.iter().any(|(name, _)| name == needed) {
            return Err(format!("no property {needed}"));
        }
    }
    scalars(&data.join("evaluation.json"), "eval", &mut columns)?;
    scalars(&data.join("flags.json"), "flag", &mut columns)?;
    metrics(&data.join("metrics.json"), &mut columns)?;
    if let Some(error) = json(&data.join("error.json"))? {
        let message = error["message"].as_str().ok_or("error without message")?;
        let traceback = match &error["traceback"] {
            Value::String(line) => line.clone(),
            Value::Array(lines) => {
                let lines: Option<Vec<_>> = lines.iter().map(Value::as_str).collect();
                lines.ok_or("traceback must be texts")?.join("\n")
            }
            other => return Err(format!("traceback: {other}")),
        };
        columns.push(("error_message".to_owned(), R::Text(message.to_owned())));
        columns.push(("error_traceback".to_owned(), R::Text(traceback)));
    }
    let source = sources(&data.join("source.tar.gz"))?;
    let record = Record { columns, source };
    // view_run reads the script out of the archive.
    if data.join("source.tar.gz").exists() && !record.source.iter().any(|name| name == record.text("script"))
    {
        return Err(format!("source/{} is missing", record.text("script")));
    }
    Ok(record)
}

fn metrics(path: &Path, columns: &mut Vec<(String, R)>) -> Result<(), String> {
    let Some(metrics) = json(path)? else { return Ok(()) };
    let metrics = match metrics {
        Value::Object(map) => map,
        Value::Array(list) if list.is_empty() => return Ok(()),
        other => return Err(format!("metrics.json: {other}")),
    };
    let (mut rows, mut completed) = (None, 0);
    for (name, column) in metrics {
        let values = column.as_array().ok_or_else(|| format!("{name} is no vector"))?;
        if *rows.get_or_insert(values.len()) != values.len() {
            return Err(format!("{name}: arguments imply differing number of rows"));
        }
        if values.iter().any(|value| !value.is_null() && !value.is_number()) {
            return Err(format!("{name} has values that are no numbers"));
        }
        let numbers: Vec<f64> = values.iter().filter_map(Value::as_f64).collect();
        completed = numbers.len();
        if let (Some(last), true) = (numbers.last(), name != "epoch") {
            columns.push((format!("metric_{name}"), R::Number(*last)));
        }
    }
    let has = |name: &str| columns.iter().any(|(n, _)| n == name);
    let unit = if has("steps") || !has("epochs") {
        "steps"
    } else {
        "epochs"
    };
    columns.push((format!("{unit}_completed"), R::Number(completed as f64)));
    Ok(())
}

/// R's internal untar of plain ustar entries.
fn sources(path: &Path) -> Result<Vec<String>, String> {
    let Ok(packed) = fs::read(path) else {
        return Ok(Vec::new());
    };
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(packed.as_slice())
        .read_to_end(&mut bytes)
        .map_err(|e| e.to_string())?;
    let mut names = Vec::new();
    let mut at = 0;
    while let Some(header) = bytes.get(at..at + 512) {
        if header.iter().all(|byte| *byte == 0) {
            break;
        }
        let text = |from: usize, to: usize| {
            let field = &header[from..to];
            let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
            String::from_utf8(field[..end].to_vec())
                .unwrap()
                .trim()
                .to_owned()
        };
        let sum: u64 = (0..512)
            .map(|i| {
                if (148..156).contains(&i) {
                    32
                } else {
                    u64::from(header[i])
                }
            })
            .sum();
        if u64::from_str_radix(&text(148, 156), 8) != Ok(sum) {
            return Err("checksum error in the archive".to_owned());
        }
        if &header[257..262] != b"ustar" || header[156] != b'0' {
            return Err("no plain file".to_owned());
        }
        let name = text(0, 100);
        if name.len() >= 100 {
            return Err(format!("{name} is too long"));
        }
        let inside = name
            .strip_prefix("source/")
            .ok_or_else(|| format!("{name} is not below source/"))?;
        names.push(inside.to_owned());
        let size = usize::from_str_radix(&text(124, 136), 8).map_err(|e| e.to_string())?;
        at += 512 + size.next_multiple_of(512);
    }
    Ok(names)
}
