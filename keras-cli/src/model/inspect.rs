//! `keras inspect`.

use keras_core::Error;
use keras_core::ops::dtype_name;
use keras_runs::printable;
use serde_json::{Map, Value, json};

use super::source::{Source, is_weight};
use super::stats::Stats;
use crate::cli::Inspect;
use crate::runs::{Table, number};
use crate::{Out, Outcome};

pub(crate) fn run(arguments: &Inspect, out: &mut Out) -> Outcome {
    let mut source = Source::open(&arguments.file)?;
    let mut forms = source.tensors()?;
    let all = forms.len();
    if !arguments.tensor.is_empty() {
        for name in &arguments.tensor {
            if !forms.iter().any(|(n, ..)| n == name) {
                let known = forms.iter().map(|(name, ..)| name.clone()).collect();
                return Err(Error::unknown("tensor of this file", name, known).into());
            }
        }
        forms.retain(|(name, ..)| arguments.tensor.contains(name));
    } else if !arguments.all {
        forms.retain(|(name, ..)| is_weight(name));
    }
    let mut rows = Vec::new();
    for (name, dtype, shape) in forms {
        let stats = match arguments.no_values {
            true => None,
            false => Some(Stats::of(&source.read(&name)?)?),
        };
        rows.push((name, dtype, shape, stats));
    }
    let facts = facts(&source)?;
    if arguments.json {
        let tensors: Vec<Value> = rows
            .iter()
            .map(|(name, dtype, shape, stats)| {
                let mut tensor = json!({"name": name, "dtype": dtype_name(*dtype), "shape": shape});
                if let (Some(stats), Some(tensor)) = (stats, tensor.as_object_mut()) {
                    tensor.extend(stats.to_json().as_object().cloned().unwrap_or_default());
                }
                tensor
            })
            .collect();
        return out.json(
            &json!({"file": source.path().to_string_lossy(), "kind": source.kind(), "facts": facts,
            "tensors": tensors, "left_out": all - rows.len()}),
        );
    }
    out.line(printable(&format!(
        "{}: {}",
        source.path().display(),
        source.kind()
    )))?;
    for (name, value) in &facts {
        let text = format!("  {name:<18} {}", crate::runs::plain(value));
        out.line(printable(&text))?;
    }
    let names = [
        "name",
        "shape",
        "dtype",
        "min",
        "max",
        "mean",
        "std",
        "zeros",
        "not_finite",
    ];
    let shown = if arguments.no_values { 3 } else { names.len() };
    let mut table = Table::new(names.iter().take(shown).map(|name| (*name).to_owned()));
    let (mut values, mut bytes) = (0, 0);
    for (name, dtype, shape, stats) in &rows {
        let count: usize = shape.iter().product();
        values += count;
        bytes += count * dtype.size_in_bytes();
        let mut cells = vec![
            (name.clone(), true),
            (format!("{shape:?}"), true),
            (dtype_name(*dtype).to_owned(), true),
        ];
        if let Some(stats) = stats {
            let numbers = [stats.min, stats.max, stats.mean, stats.std];
            cells.extend(numbers.map(|v| (if v.is_nan() { "-".to_owned() } else { number(v) }, false)));
            cells.extend([stats.zeros, stats.not_finite].map(|n| (n.to_string(), false)));
        }
        table.row(cells);
    }
    table.write(out)?;
    let more = match all - rows.len() {
        0 => String::new(),
        n => format!("; {n} more that are no weights, or not asked for: --all"),
    };
    out.line(format_args!(
        "# {} tensors, {values} values, {:.2} MB{more}",
        rows.len(),
        bytes as f64 / 1e6
    ))
}

/// What the header says beside tensors.
fn facts(source: &Source) -> keras_core::Result<Map<String, Value>> {
    let mut facts = Map::new();
    let Source::Tensors(_, file) = source else {
        return Ok(facts);
    };
    for key in ["version", "keras_rust_version"] {
        if let Some(text) = file.text(key) {
            facts.insert(key.to_owned(), text.into());
        }
    }
    if let Some(config) = file.config()? {
        let name = config.pointer("/config/name").cloned().unwrap_or_default();
        facts.insert("model".to_owned(), name);
    }
    let optimizer = file.json("compile_config")?;
    let optimizer = optimizer.and_then(|c| c.pointer("/optimizer/class_name").cloned());
    if let Some(optimizer) = optimizer {
        facts.insert("optimizer".to_owned(), optimizer);
    }
    let state = file.json("state")?.unwrap_or_default();
    if let Some(place) = state.get("place") {
        facts.insert("place".to_owned(), place.clone());
    }
    facts.insert("checksums".to_owned(), file.has_checksums().into());
    Ok(facts)
}
