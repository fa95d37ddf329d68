use std::fmt::Write;

use keras_core::Result;
use keras_core::trainer::larger_is_better;
use keras_runs::{Cell, RunInfo};
use serde_json::{Value, json};

use super::data::{drawn, short};
use super::html::{Page, Room, fold, in_script, pairs};
use super::text::{diff, note, within};
use crate::runs::{Comparison, duration, moment, number, source_changes, unified, value};

/// More are not on the page.
const RUNS: usize = 50;
/// The most that parts take of the page.
const CURVES: usize = 55_000;
const AXES: usize = 15_000;
const TABLE: usize = 24_000;
const NOISE: usize = 8000;
const SOURCES: usize = 40_000;
const CONSOLES: usize = 15_000;
/// Of one cell of a table.
const CELL: usize = 120;
/// Where all of it is.
const WHOLE: &str = "`keras runs compare --json`";

/// Runs compared on a page: what differs, what they gave against the first, the noise of seeds, overlaid curves, flags
/// against results, differences of sources and consoles.
///
/// It has less than 200 kB, and at most 50 runs: it says what it leaves out, and where that is.
///
/// # Errors
/// When a file of a run is damaged.
pub fn compare_page(runs: &[RunInfo]) -> Result<String> {
    let mut page = Page::new("Comparison", &format!("{} runs", runs.len()));
    let (runs, others) = runs.split_at(runs.len().min(RUNS));
    let comparison = Comparison::of(runs);
    let (curves, curves_left) = drawn(runs, CURVES);
    let (axes, axes_left) = axes(runs, &comparison);
    page.data(&json!({"runs": curves, "axes": axes}));
    let more = note(others.len(), "run", WHOLE);
    page.section("Runs", &(table(&comparison.names, &overview(runs)) + &more));
    let differences = comparison
        .choices
        .iter()
        .map(|(name, row)| (name.clone(), marked(row)));
    page.section(
        "What differs",
        &table(&comparison.names, &differences.collect::<Vec<_>>()),
    );
    page.section("What they gave", &table(&comparison.names, &deltas(&comparison)));
    page.section("Noise of the seed", &noise(&comparison));
    if runs.iter().any(|run| !run.metrics.is_empty()) {
        let note = note(curves_left, "curve", "`keras runs export`");
        page.section("History", &format!("<div id=\"history\"></div>{note}"));
    }
    if runs.len() > 1 && runs.iter().any(|run| !run.flags.is_empty()) {
        let note = note(axes_left, "column", "the tables above");
        let place = format!("<div id=\"parallel\" class=\"wide\"></div>{note}");
        page.section("Flags and results", &place);
    }
    if let Some((first, others)) = runs.split_first() {
        let sources = changes(
            first,
            others,
            page.room(SOURCES),
            "`keras runs diff`",
            source_changes,
        )?;
        page.section("Sources", &sources);
        let before = first.output()?.unwrap_or_default();
        let consoles = |first: &RunInfo, other: &RunInfo| {
            let after = other.output()?.unwrap_or_default();
            let text = unified(last(&before), last(&after), &(first.name(), other.name()));
            Ok(Vec::from_iter(
                (!text.is_empty()).then(|| ("console".to_owned(), text)),
            ))
        };
        let consoles = changes(
            first,
            others,
            page.room(CONSOLES),
            "the pages of the runs",
            consoles,
        )?;
        page.section("Console", &consoles);
    }
    Ok(page.finish())
}

/// The end of a long console.
fn last(text: &str) -> &str {
    const MOST: usize = 100_000;
    let from = (text.len().saturating_sub(MOST)..).find(|at| text.is_char_boundary(*at));
    match from.and_then(|from| text.get(from..)) {
        Some(part) if part.len() < text.len() => part.split_once('\n').map_or(part, |(_, rest)| rest),
        _ => text,
    }
}

/// How others differ from the first, until there is no room.
fn changes(
    first: &RunInfo,
    others: &[RunInfo],
    most: usize,
    whole: &str,
    of: impl Fn(&RunInfo, &RunInfo) -> Result<Vec<(String, String)>>,
) -> Result<String> {
    let mut room = Room::new(most.saturating_sub(400));
    let mut left_out = 0;
    for other in others {
        // A title and a few lines.
        if room.left() < 2000 {
            left_out += 1;
            continue;
        }
        for (name, text) in of(first, other)? {
            if name.ends_with(".lock") {
                continue;
            }
            let title = format!("{name}: {} → {}", first.name(), other.name());
            let share = room.left().saturating_sub(600).min(most / 3);
            room.add(&fold(&title, &diff(&text, share, whole), others.len() == 1));
        }
    }
    let (html, more) = room.into_parts();
    Ok(html + &note(more + left_out, "difference", whole))
}

/// A row's cells; those that are not as the first are marked.
fn marked(row: &[String]) -> Vec<Mark> {
    let cell = |cell: &String| Mark {
        text: cell.clone(),
        class: if Some(cell) == row.first() { "" } else { "other" },
    };
    row.iter().map(cell).collect()
}

/// A cell of a table.
struct Mark {
    text: String,
    class: &'static str,
}

fn overview(runs: &[RunInfo]) -> Vec<(String, Vec<Mark>)> {
    let row = |name: &str, of: &dyn Fn(&RunInfo) -> Option<String>| {
        let cells: Vec<String> = runs
            .iter()
            .map(|run| of(run).unwrap_or_else(|| "-".to_owned()))
            .collect();
        let plain = |text: String| Mark { text, class: "" };
        // No two started at the same time.
        match name {
            "started" | "time" => (name.to_owned(), cells.into_iter().map(plain).collect()),
            _ => (name.to_owned(), marked(&cells)),
        }
    };
    vec![
        row("status", &|run| Some(run.status.name().to_owned())),
        row("script", &|run| run.property("script").map(str::to_owned)),
        row("started", &|run| run.start.map(moment)),
        row("time", &|run| run.duration().map(duration)),
        row("epochs", &|run| Some(run.epochs_completed().to_string())),
        row("error", &|run| run.error.as_ref().map(|e| e.message.clone())),
    ]
}

/// Values, with the difference to the first; the best of each row is marked.
fn deltas(comparison: &Comparison) -> Vec<(String, Vec<Mark>)> {
    let row = |(name, values): &(String, Vec<Option<f64>>)| {
        let first = values.first().copied().flatten();
        let best = best(name, values);
        let cells = values.iter().enumerate().map(|(at, value)| {
            let text = match (value, first) {
                (None, _) => "-".to_owned(),
                (Some(value), Some(first)) if at > 0 && (value - first).is_finite() => {
                    format!("{} ({:+.4})", number(*value), value - first)
                }
                (Some(value), _) => number(*value),
            };
            let class = if value.is_some() && *value == best {
                "best"
            } else {
                ""
            };
            Mark { text, class }
        });
        (name.clone(), cells.collect())
    };
    comparison.rows.iter().map(row).collect()
}

/// Of a row of results, unless all are the same.
fn best(name: &str, values: &[Option<f64>]) -> Option<f64> {
    let metric = name.split_once('_').map_or(name, |(_, metric)| metric);
    let known = || values.iter().flatten().copied().filter(|v| !v.is_nan());
    let (low, high) = (known().reduce(f64::min)?, known().reduce(f64::max)?);
    let best = if larger_is_better(metric) { high } else { low };
    (low < high && name != "duration").then_some(best)
}

fn noise(comparison: &Comparison) -> String {
    let mut room = Room::new(NOISE - 400);
    for noise in &comparison.noise {
        let mut html = String::new();
        let _ = write!(
            html,
            "<h3>{} runs: {}</h3>",
            noise.runs.len(),
            within(&noise.title(), 600)
        );
        let rows = noise
            .values
            .iter()
            .map(|(name, mean, sd)| (name.as_str(), format!("{} ± {}", number(*mean), number(*sd))));
        html += &pairs(rows, NOISE / 2, WHOLE);
        room.add(&html);
    }
    let (html, left_out) = room.into_parts();
    html + &note(left_out, "group", WHOLE)
}

/// A column a run, each with its colour; wide tables scroll.
fn table(names: &[String], rows: &[(String, Vec<Mark>)]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let head: String = names
        .iter()
        .enumerate()
        .map(|(at, name)| format!("<th><i class=\"dot c{}\"></i>{}</th>", at % 8, within(name, CELL)))
        .collect();
    let mut room = Room::new(TABLE.saturating_sub(head.len() + 600));
    for (name, cells) in rows {
        let cells: String = cells
            .iter()
            .map(|Mark { text, class }| match *class {
                "" => format!("<td>{}</td>", within(text, CELL)),
                class => format!("<td class=\"{class}\">{}</td>", within(text, CELL)),
            })
            .collect();
        room.add(&format!("<tr><th>{}</th>{cells}</tr>", within(name, CELL)));
    }
    let (body, left_out) = room.into_parts();
    let note = note(left_out, "row", WHOLE);
    format!("<div class=\"wide\"><table><tr><th></th>{head}</tr>{body}</table></div>{note}")
}

/// The flags that differ and the first results, a value a run, and how many there was no room for.
fn axes(runs: &[RunInfo], comparison: &Comparison) -> (Value, usize) {
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
                Some(cell) => short(&cell.to_string()).into(),
                None => Value::Null,
            })
            .collect();
        json!({"name": short(column.trim_start_matches("flag_")), "values": values})
    });
    let results = comparison
        .rows
        .iter()
        .filter(|(name, _)| name != "duration")
        .take(4);
    let results = results.map(|(name, row)| {
        let values: Vec<Value> = row.iter().take(runs.len()).map(|v| value(*v)).collect();
        json!({"kind": "result", "name": short(name), "values": values})
    });
    // Results first, so that they have room; they are drawn last.
    let mut left = AXES;
    let (mut kept, mut left_out) = (Vec::new(), 0);
    for axis in results.chain(flags) {
        let size = in_script(&axis).len() + 1;
        match size <= left {
            true => {
                left -= size;
                kept.push(axis);
            }
            false => left_out += 1,
        }
    }
    let results = kept.iter().take_while(|axis| axis["kind"] == "result").count();
    kept.rotate_left(results);
    (Value::Array(kept), left_out)
}
