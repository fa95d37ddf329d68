//! `keras runs compare`.

use keras_runs::RunInfo;
use serde_json::{Value, json};

use super::comparison::Comparison;
use super::table::{Table, number};
use super::text::{csv, value};
use crate::cli::Format;
use crate::{Out, Outcome};

pub(crate) fn run(runs: &[RunInfo], format: Format, out: &mut Out) -> Outcome {
    let comparison = Comparison::of(runs);
    if format.json {
        return out.json(&as_json(&comparison));
    }
    if format.csv {
        let mut text = format!(
            "value,{}\n",
            comparison
                .names
                .iter()
                .map(|n| csv(n))
                .collect::<Vec<_>>()
                .join(",")
        );
        for (name, values) in &comparison.rows {
            let cells: Vec<String> = values
                .iter()
                .map(|v| v.map_or_else(String::new, |v| v.to_string()))
                .collect();
            text += &format!("{},{}\n", csv(name), cells.join(","));
        }
        return out.csv(&text);
    }
    let mut table = Table::new(std::iter::once("value".to_owned()).chain(comparison.names.iter().cloned()));
    for (name, cells) in &comparison.choices {
        let cells = cells.iter().map(|cell| (cell.clone(), true));
        table.row(std::iter::once((name.clone(), true)).chain(cells));
    }
    for (name, values) in &comparison.rows {
        let first = values.first().copied().flatten();
        let cells = values.iter().enumerate().map(|(at, value)| {
            let delta = first
                .zip(*value)
                .filter(|(a, b)| at > 0 && (b - a).is_finite())
                .map(|(a, b)| format!(" ({:+.4})", b - a));
            let text = value.map_or_else(|| "-".to_owned(), number);
            (text + &delta.unwrap_or_default(), true)
        });
        table.row(std::iter::once((name.clone(), true)).chain(cells));
    }
    table.write(out)?;
    for noise in &comparison.noise {
        out.line("")?;
        out.line(format_args!(
            "{} runs equal but for the seed: {}",
            noise.runs.len(),
            keras_runs::printable(&noise.title())
        ))?;
        for (name, mean, sd) in &noise.values {
            out.line(format_args!(
                "  {:<24} {} ± {}",
                keras_runs::printable(name),
                number(*mean),
                number(*sd)
            ))?;
        }
    }
    Ok(())
}

fn as_json(comparison: &Comparison) -> Value {
    let values = |rows: &[(String, Vec<Option<f64>>)]| -> serde_json::Map<String, Value> {
        rows.iter()
            .map(|(name, row)| (name.clone(), row.iter().map(|v| value(*v)).collect()))
            .collect()
    };
    let noise: Vec<Value> = comparison
        .noise
        .iter()
        .map(|noise| {
            let values: serde_json::Map<String, Value> = noise
                .values
                .iter()
                .map(|(name, mean, sd)| (name.clone(), json!({"mean": mean, "sd": sd})))
                .collect();
            json!({"runs": noise.runs, "flags": noise.flags, "values": values})
        })
        .collect();
    let choices: serde_json::Map<String, Value> = comparison
        .choices
        .iter()
        .map(|(name, row)| (name.clone(), json!(row)))
        .collect();
    json!({"runs": comparison.names, "values": values(&comparison.rows), "differ": choices, "noise": noise})
}
