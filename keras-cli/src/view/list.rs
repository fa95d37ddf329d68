use keras_runs::{Cell, RunInfo, RunTable};

use super::html::{Page, Room};
use super::text::{note, within};
use crate::runs::{duration, moment, number};

/// More columns are not on the page.
const COLUMNS: usize = 24;
/// Of one cell.
const CELL: usize = 120;

/// Runs as a page of links; several can be chosen to be compared.
///
/// It has less than 200 kB: the runs from number `from` on, as many as there is room for, and a link to those after them.
pub fn list_page(runs: &[RunInfo], from: usize, title: &str) -> String {
    let mut page = Page::new("Runs", title);
    let table = RunTable::new(runs);
    let wanted = |column: &&String| {
        ["eval_", "metric_", "flag_"]
            .iter()
            .any(|prefix| column.starts_with(prefix))
    };
    let mut columns: Vec<&String> = table.columns().iter().filter(wanted).collect();
    let left_out = columns.len().saturating_sub(COLUMNS);
    columns.truncate(COLUMNS);
    let head: String = columns
        .iter()
        .map(|column| format!("<th>{}</th>", within(column, CELL)))
        .collect();
    let mut room = Room::new(page.room(usize::MAX).saturating_sub(head.len() + 3000));
    let rest = runs.get(from..).unwrap_or_default();
    for run in rest {
        room.add(&row(run, &columns));
    }
    let (rows, more) = room.into_parts();
    let mut html = format!(
        "<form action=\"/compare\"><div class=\"wide\"><table><tr><th></th><th>run</th><th>status</th><th>started</th>\
         <th>time</th><th>epochs</th>{head}</tr>{rows}</table></div><p><button>Compare those chosen</button></p></form>"
    );
    html += &note(left_out, "column", "`keras runs ls --all`");
    if more > 0 {
        let next = from + rest.len() - more;
        html += &format!("<p><a href=\"/?from={next}\">{more} older</a></p>");
    }
    page.section(
        "Runs",
        if rest.is_empty() {
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
            format!("<td>{}</td>", within(&text, CELL))
        })
        .collect();
    let name = run.name();
    format!(
        "<tr><td><input type=\"checkbox\" name=\"run\" value=\"{}\"></td><td><a href=\"/run/{}\">{}</a></td>\
         <td class=\"{}\">{}</td><td>{}</td><td>{}</td><td>{}</td>{cells}</tr>",
        address(&name),
        address(&name),
        within(&name, CELL),
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
