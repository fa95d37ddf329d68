use keras_core::Result;
use keras_runs::{RunInfo, Status};
use serde_json::{Value, json};

use super::data::run_data;
use super::html::{Page, block, fold, pairs};
use super::text::{head, tail};
use crate::runs::{duration, files, moment, number, plain};

/// The most that is shown of the console, of all sources, and of plots.
const CONSOLE: usize = 30_000;
const CODE: usize = 60_000;
const PLOTS: u64 = 40_000;

/// A run as a page that needs nothing else: what went in, what came out, curves, model, console, sources.
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
    page.data(json!({ "runs": [run_data(run)] }));
    page.raw("<div class=\"columns\"><div>\n");
    if let Some(error) = &run.error {
        let text = format!("{}\n\n{}", error.message, error.traceback.join("\n"));
        page.section("Error", &format!("<div class=\"error\">{}</div>", block(&text)));
    }
    if !run.metrics.is_empty() {
        page.section("History", "<div id=\"history\"></div>");
    }
    page.section(
        "Model",
        &block(&head(run.property("model").unwrap_or_default(), CONSOLE)),
    );
    page.raw("</div><div>\n");
    page.section("Run", &pairs(about(run)));
    let last = run
        .metrics
        .names()
        .filter_map(|name| Some((name.to_owned(), number(run.metrics.last(name)?))));
    page.section("Metrics", &pairs(last));
    page.section("Evaluation", &pairs(values(&run.evaluation)));
    page.section("Flags", &pairs(values(&run.flags)));
    page.section(
        "Optimization",
        &pairs(properties(run, &["loss_function", "optimizer", "learning_rate"])),
    );
    page.section("Training", &pairs(training(run)));
    page.section("Machine", &pairs(machine(run)?));
    page.raw("</div></div>\n");
    let names = files(run).join("\n");
    page.section("Files", &block(&head(&names, 4000)));
    page.section("Plots", &plots(run));
    let console = run.output()?.unwrap_or_default();
    page.section("Console", &block(&tail(&console, CONSOLE)));
    page.section("Code", &code(run)?);
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
    rows.extend(rest.map(|(name, value)| (name.clone(), head(value, 300))));
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
        Some(((*name).to_owned(), head(&plain(value), 300)))
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
        None => head(&plain(value), 2000),
    };
    values
        .iter()
        .map(|(name, value)| (name.clone(), text(value)))
        .collect()
}

/// The program's own plots; the history is drawn above.
fn plots(run: &RunInfo) -> String {
    let mut room = PLOTS;
    let mut html = String::new();
    for path in run.plots() {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let size = std::fs::symlink_metadata(&path)
            .ok()
            .filter(|meta| meta.is_file())
            .map(|meta| meta.len());
        let (Some(size), true) = (size, name.ends_with(".png") && name != "history.png") else {
            continue;
        };
        let bytes = (size <= room).then(|| std::fs::read(&path).ok()).flatten();
        match bytes {
            Some(bytes) => {
                room -= size;
                let name = super::escape(&name);
                html += &format!(
                    "<img alt=\"{name}\" src=\"data:image/png;base64,{}\">",
                    base64(&bytes)
                );
            }
            None => html += &pairs([(name, format!("{} kB, not shown here", size / 1000))]),
        }
    }
    html
}

fn code(run: &RunInfo) -> Result<String> {
    let mut room = CODE;
    let mut html = String::new();
    for (at, (name, bytes)) in run.sources()?.iter().enumerate() {
        if name.ends_with(".lock") || room == 0 {
            html += &pairs([(name.as_str(), "in the record, not shown here")]);
            continue;
        }
        let text = head(&String::from_utf8_lossy(bytes), room);
        room = room.saturating_sub(text.len());
        html += &fold(
            name,
            &format!("<pre class=\"code\">{}</pre>", numbered(&text)),
            at == 0,
        );
    }
    Ok(html)
}

fn numbered(text: &str) -> String {
    let lines = text.lines().enumerate();
    lines
        .map(|(at, line)| format!("<i>{:>4}</i>  {}\n", at + 1, super::escape(line)))
        .collect()
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
