use keras_runs::{Cell, RunInfo, RunTable};

use super::html::{Page, escape};
use crate::runs::{duration, moment, number};

/// All runs as a page of links; several can be chosen to be compared.
pub fn list_page(runs: &[RunInfo], title: &str) -> String {
    let mut page = Page::new("Runs", title);
    let table = RunTable::new(runs);
    let wanted = |column: &&String| {
        ["eval_", "metric_", "flag_"]
            .iter()
            .any(|prefix| column.starts_with(prefix))
    };
    let columns: Vec<&String> = table.columns().iter().filter(wanted).collect();
    let head: String = columns
        .iter()
        .map(|column| format!("<th>{}</th>", escape(column)))
        .collect();
    let rows: String = runs.iter().map(|run| row(run, &columns)).collect();
    let html = format!(
        "<form action=\"/compare\"><div class=\"wide\"><table><tr><th></th><th>run</th><th>status</th><th>started</th>\
         <th>time</th><th>epochs</th>{head}</tr>{rows}</table></div><p><button>Compare those chosen</button></p></form>"
    );
    page.section(
        "Runs",
        if runs.is_empty() {
            "<p>There is no run yet.</p>"
        } else {
            &html
        },
    );
    page.finish()
}

fn row(run: &RunInfo, columns: &[&String]) -> String {
    let cells: String = columns
        .iter()
        .map(|column| {
            let text = match run.get(column) {
                Some(Cell::Number(n)) => number(n),
                Some(cell) => cell.to_string(),
                None => String::new(),
            };
            format!("<td>{}</td>", escape(&text))
        })
        .collect();
    let name = run.name();
    format!(
        "<tr><td><input type=\"checkbox\" name=\"run\" value=\"{}\"></td><td><a href=\"/run/{}\">{}</a></td>\
         <td class=\"{}\">{}</td><td>{}</td><td>{}</td><td>{}</td>{cells}</tr>",
        escape(&name),
        address(&name),
        escape(&name),
        run.status.name(),
        run.status.name(),
        run.start.map(moment).unwrap_or_default(),
        run.duration().map(duration).unwrap_or_default(),
        run.epochs_completed(),
    )
}

/// A name as a part of an address.
pub(crate) fn address(name: &str) -> String {
    let letter = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    name.bytes().map(letter).collect()
}
