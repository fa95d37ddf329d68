use keras_core::Result;
use keras_runs::{RunInfo, Status};
use serde_json::{Value, json};

use super::data::{CURVES, drawn};
use super::html::{Page, Room, fold, pairs};
use super::text::{Part, block, code, note, within};
use crate::runs::{duration, files, moment, number, plain};

/// The most that parts take of the page: what is asked for first comes first.
const CONSOLE: usize = 25_000;
const CODE: usize = 60_000;
const MODEL: usize = 20_000;
const TABLE: usize = 8000;
/// Bytes of pictures, before they are coded.
const PLOTS: usize = 27_000;

/// A run as a page that needs nothing else: what went in, what came out, curves, model, console, sources.
///
/// It has less than 200 kB, whatever the run holds: it says what it leaves out, and where that is.
///
/// # Errors
/// When a file of the run is damaged.
pub fn run_page(run: &RunInfo) -> Result<String> {
    page(run, None)
}

/// The same, drawn anew while the run goes on, from what `address` gives.
pub(crate) fn live_page(run: &RunInfo, address: String) -> Result<String> {
    page(run, Some(address).filter(|_| run.status == Status::Running))
}

fn page(run: &RunInfo, live: Option<String>) -> Result<String> {
    let mut page = Page::new("Training run", &run.name());
    if let Some(address) = live {
        page.live(address);
    }
    let (curves, left_out) = drawn(std::slice::from_ref(run), CURVES);
    page.data(&json!({ "runs": curves }));
    page.raw("<div class=\"columns\"><div>\n");
    if let Some(error) = &run.error {
        let text = format!("{}\n\n{}", error.message, error.traceback.join("\n"));
        let text = block(&text, Part::First, TABLE, "tfruns.d/error.json");
        page.section("Error", &format!("<div class=\"error\">{text}</div>"));
    }
    if !run.metrics.is_empty() {
        let note = note(left_out, "curve", "tfruns.d/metrics.json");
        page.section("History", &format!("<div id=\"history\"></div>{note}"));
    }
    let model = run.property("model").unwrap_or_default();
    page.section(
        "Model",
        &block(model, Part::First, MODEL, "tfruns.d/properties/model"),
    );
    page.raw("</div><div>\n");
    page.section("Run", &pairs(about(run), TABLE, "tfruns.d/properties"));
    let last = run
        .metrics
        .names()
        .filter_map(|name| Some((name.to_owned(), number(run.metrics.last(name)?))));
    page.section("Metrics", &pairs(last, TABLE, "tfruns.d/metrics.json"));
    let evaluation = pairs(values(&run.evaluation), TABLE, "tfruns.d/evaluation.json");
    page.section("Evaluation", &evaluation);
    page.section("Flags", &pairs(values(&run.flags), TABLE, "tfruns.d/flags.json"));
    let optimization = properties(run, &["loss_function", "optimizer", "learning_rate"]);
    page.section("Optimization", &pairs(optimization, TABLE, "tfruns.d/properties"));
    page.section("Training", &pairs(training(run), TABLE, "tfruns.d/properties"));
    page.section(
        "Machine",
        &pairs(machine(run)?, TABLE, "tfruns.d/environment.json"),
    );
    page.raw("</div></div>\n");
    let names = files(run).join("\n");
    page.section(
        "Files",
        &block(&names, Part::First, TABLE / 2, "the run's folder"),
    );
    page.section("Plots", &plots(run, page.room(PLOTS)));
    let console = run.output()?.unwrap_or_default();
    let room = page.room(CONSOLE);
    let whole = match run.property("output") {
        Some(_) => "tfruns.d/properties/output",
        None => "tfruns.d/console.raw",
    };
    page.section("Console", &block(&console, Part::Last, room, whole));
    page.section("Code", &sources(run, page.room(CODE))?);
    Ok(page.finish())
}

fn about(run: &RunInfo) -> Vec<(String, String)> {
    let mut rows = vec![("status".to_owned(), run.status.name().to_owned())];
    rows.extend(properties(run, &["context", "script", "seed"]));
    rows.extend(
        run.start
            .map(|start| ("started".to_owned(), moment(start) + " GMT")),
    );
    rows.extend(
        run.duration()
            .map(|seconds| ("time".to_owned(), duration(seconds))),
    );
    let known = [
        "type",
        "context",
        "script",
        "seed",
        "start",
        "end",
        "completed",
        "samples",
        "validation_samples",
        "batch_size",
        "epochs",
        "loss_function",
        "optimizer",
        "learning_rate",
        "model",
        "output",
    ];
    let rest = run
        .properties
        .iter()
        .filter(|(name, _)| !known.contains(&name.as_str()));
    rows.extend(rest.map(|(name, value)| (name.clone(), value.clone())));
    rows
}

fn training(run: &RunInfo) -> Vec<(String, String)> {
    let mut rows = properties(run, &["samples", "validation_samples", "batch_size"]);
    if !run.metrics.is_empty() {
        let done = run.epochs_completed();
        let text = match run.epochs() {
            Some(planned) if planned != done => format!("{done}/{planned}"),
            _ => done.to_string(),
        };
        rows.push(("epochs".to_owned(), text));
    }
    rows
}

fn machine(run: &RunInfo) -> Result<Vec<(String, String)>> {
    let environment = run.environment()?;
    let row = |name: &&str| {
        let value = environment.get(*name).filter(|value| !value.is_null())?;
        Some(((*name).to_owned(), plain(value)))
    };
    Ok([
        "host",
        "os",
        "cpu",
        "cpus",
        "memory_mb",
        "folder",
        "executable",
        "keras",
    ]
    .iter()
    .filter_map(row)
    .collect())
}

fn properties(run: &RunInfo, names: &[&str]) -> Vec<(String, String)> {
    let row = |name: &&str| Some(((*name).to_owned(), run.property(name)?.to_owned()));
    names.iter().filter_map(row).collect()
}

fn values(values: &serde_json::Map<String, Value>) -> Vec<(String, String)> {
    let text = |value: &Value| match value.as_f64() {
        Some(value) => number(value),
        None => plain(value),
    };
    values
        .iter()
        .map(|(name, value)| (name.clone(), text(value)))
        .collect()
}

/// The program's own plots; the history is drawn above.
fn plots(run: &RunInfo, most: usize) -> String {
    // Four letters for three bytes.
    let mut bytes_left = (most.saturating_sub(3000) / 4 * 3) as u64;
    let (mut pictures, mut others) = (String::new(), Vec::new());
    for path in run.plots() {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let meta = std::fs::symlink_metadata(&path)
            .ok()
            .filter(|meta| meta.is_file());
        let (Some(size), true) = (
            meta.map(|meta| meta.len()),
            name.ends_with(".png") && name != "history.png",
        ) else {
            continue;
        };
        let bytes = (size + 500 <= bytes_left)
            .then(|| std::fs::read(&path).ok())
            .flatten();
        match bytes {
            Some(bytes) => {
                bytes_left = bytes_left.saturating_sub(bytes.len() as u64 + 500);
                let (name, picture) = (within(&name, 300), base64(&bytes));
                pictures += &format!("<img alt=\"{name}\" src=\"data:image/png;base64,{picture}\">");
            }
            None => others.push((name.into_owned(), format!("{} kB, not shown here", size / 1000))),
        }
    }
    pictures + &pairs(others, 2500, "plots")
}

/// The sources, the main file first, until there is no room.
fn sources(run: &RunInfo, most: usize) -> Result<String> {
    const WHOLE: &str = "tfruns.d/source.tar.gz";
    let mut room = Room::new(most.saturating_sub(400));
    let mut others = 0;
    for (at, (name, bytes)) in run.sources()?.iter().enumerate() {
        // A title and a few lines.
        if name.ends_with(".lock") || room.left() < 2000 {
            others += 1;
            continue;
        }
        let text = code(&String::from_utf8_lossy(bytes), room.left() - 600, WHOLE);
        room.add(&fold(name, &text, at == 0));
    }
    let (html, left_out) = room.into_parts();
    Ok(html + &note(left_out + others, "file", WHOLE))
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for part in bytes.chunks(3) {
        let byte = |at: usize| u32::from(part.get(at).copied().unwrap_or(0));
        let all = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            match at <= part.len() {
                true => out.push(char::from(LETTERS[(all >> (18 - 6 * at) & 63) as usize])),
                false => out.push('='),
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_padded() {
        // From RFC 4648.
        for (text, coded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
        ] {
            assert_eq!(base64(text.as_bytes()), coded);
        }
    }
}
