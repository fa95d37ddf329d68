use std::fmt::Write;

use keras_core::Result;
use keras_runs::{Cell, RunInfo};
use serde_json::{Value, json};

use super::data::curves;
use super::html::{Page, diff, escape, fold};
use super::text::{head, tail};
use crate::runs::{Comparison, duration, moment, number, source_changes, unified, value};

/// The most that differences take.
const SOURCES: usize = 50_000;
const CONSOLES: usize = 20_000;
/// Points of all curves together.
const POINTS: usize = 5000;
/// More are not drawn; the tables hold all.
const DRAWN: usize = 50;

/// Runs compared on a page: what differs, what they gave against the first, the noise of seeds, overlaid curves, flags
/// against results, differences of sources and consoles.
///
/// # Errors
/// When a file of a run is damaged.
pub fn compare_page(runs: &[RunInfo]) -> Result<String> {
    let comparison = Comparison::of(runs);
    let mut page = Page::new("Comparison", &format!("{} runs", runs.len()));
    let drawn = &runs[..runs.len().min(DRAWN)];
    let count: usize = drawn.iter().map(|run| run.metrics.names().count()).sum();
    let points = (POINTS / count.max(1)).clamp(20, 400);
    let data: Vec<Value> = drawn
        .iter()
        .map(|run| json!({"name": run.name(), "metrics": curves(&run.metrics, points)}))
        .collect();
    page.data(json!({"runs": data, "axes": axes(drawn, &comparison)}));
    page.section("Runs", &table(&comparison.names, &overview(runs)));
    page.section("What differs", &table(&comparison.names, &comparison.choices));
    page.section("What they gave", &table(&comparison.names, &deltas(&comparison)));
    page.section("Noise of the seed", &noise(&comparison));
    if runs.iter().any(|run| !run.metrics.is_empty()) {
        page.section("History", "<div id=\"history\"></div>");
    }
    if runs.iter().any(|run| !run.flags.is_empty()) {
        page.section("Flags and results", "<div id=\"parallel\"></div>");
    }
    if let Some((first, others)) = runs.split_first() {
        let (mut sources, mut consoles) = (String::new(), String::new());
        let before = tail(&first.output()?.unwrap_or_default(), CONSOLES / 2);
        for other in others {
            let headers = (first.name(), other.name());
            for (name, text) in source_changes(first, other)? {
                if sources.len() < SOURCES && !name.ends_with(".lock") {
                    let title = format!("{name}: {} → {}", headers.0, headers.1);
                    sources += &fold(&title, &diff(&head(&text, SOURCES / 4)), others.len() == 1);
                }
            }
            if consoles.len() < CONSOLES {
                let after = tail(&other.output()?.unwrap_or_default(), CONSOLES / 2);
                let text = unified(&before, &after, &headers);
                if !text.is_empty() {
                    let title = format!("{} → {}", headers.0, headers.1);
                    consoles += &fold(&title, &diff(&head(&text, CONSOLES / 2)), others.len() == 1);
                }
            }
        }
        page.section("Sources", &sources);
        page.section("Console", &consoles);
    }
    Ok(page.finish())
}

fn overview(runs: &[RunInfo]) -> Vec<(String, Vec<String>)> {
    let row = |name: &str, of: &dyn Fn(&RunInfo) -> Option<String>| {
        (
            name.to_owned(),
            runs.iter()
                .map(|run| of(run).unwrap_or_else(|| "-".to_owned()))
                .collect(),
        )
    };
    vec![
        row("status", &|run| Some(run.status.name().to_owned())),
        row("script", &|run| run.property("script").map(str::to_owned)),
        row("started", &|run| run.start.map(moment)),
        row("time", &|run| run.duration().map(duration)),
        row("epochs", &|run| Some(run.epochs_completed().to_string())),
        row("error", &|run| {
            run.error.as_ref().map(|error| head(&error.message, 200))
        }),
    ]
}

fn deltas(comparison: &Comparison) -> Vec<(String, Vec<String>)> {
    let row = |(name, values): &(String, Vec<Option<f64>>)| {
        let first = values.first().copied().flatten();
        let cells = values.iter().enumerate().map(|(at, value)| match (value, first) {
            (None, _) => "-".to_owned(),
            (Some(value), Some(first)) if at > 0 => format!("{} ({:+.4})", number(*value), value - first),
            (Some(value), _) => number(*value),
        });
        (name.clone(), cells.collect())
    };
    comparison.rows.iter().map(row).collect()
}

fn noise(comparison: &Comparison) -> String {
    let mut html = String::new();
    for noise in &comparison.noise {
        let _ = write!(
            html,
            "<h3>{} runs: {}</h3>",
            noise.runs.len(),
            escape(&noise.title())
        );
        let rows = noise
            .values
            .iter()
            .map(|(name, mean, sd)| (name.as_str(), format!("{} ± {}", number(*mean), number(*sd))));
        html += &super::html::pairs(rows);
    }
    html
}

/// A column a run, each with its colour; wide tables scroll.
fn table(names: &[String], rows: &[(String, Vec<String>)]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let head: String = names
        .iter()
        .enumerate()
        .map(|(at, name)| format!("<th><i class=\"dot c{}\"></i>{}</th>", at % 8, escape(name)))
        .collect();
    let body: String = rows
        .iter()
        .map(|(name, cells)| {
            let cells: String = cells
                .iter()
                .map(|cell| format!("<td>{}</td>", escape(cell)))
                .collect();
            format!("<tr><th>{}</th>{cells}</tr>", escape(name))
        })
        .collect();
    format!("<div class=\"wide\"><table><tr><th></th>{head}</tr>{body}</table></div>")
}

/// The flags that differ and the first results, a value a run.
fn axes(runs: &[RunInfo], comparison: &Comparison) -> Value {
    let flags = comparison
        .choices
        .iter()
        .filter(|(name, _)| name.starts_with("flag_"))
        .take(12);
    let flags = flags.map(|(column, _)| {
        let values: Vec<Value> = runs
            .iter()
            .map(|run| match run.get(column) {
                Some(Cell::Number(n)) => value(Some(n)),
                Some(cell) => cell.to_string().into(),
                None => Value::Null,
            })
            .collect();
        json!({"name": column.trim_start_matches("flag_"), "values": values})
    });
    let results = comparison
        .rows
        .iter()
        .filter(|(name, _)| name != "duration")
        .take(4);
    let results = results.map(|(name, row)| {
        let values: Vec<Value> = row.iter().take(runs.len()).map(|v| value(*v)).collect();
        json!({"name": name, "values": values})
    });
    flags.chain(results).collect()
}
