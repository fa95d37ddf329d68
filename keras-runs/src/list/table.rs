use std::fmt;

use serde_json::{Map, Value};

use crate::{Cell, RunInfo, printable};

/// Runs as a table: a row a run, a column for whatever any of them has.
///
/// Shown as tfruns prints it: the directory, the columns ordered by, evaluations and metrics, ten rows; then which
/// columns there are beside.
///
/// ```
/// use keras_runs::{RunOptions, RunTable, ls_runs};
/// let base = tempfile::tempdir().map_err(keras_core::Error::user)?;
/// let run = RunOptions::new().runs_dir(base.path()).environment(false).start()?;
/// run.flags([("units", 64)])?;
/// run.evaluation([("loss", 0.25)])?;
/// run.finish()?;
/// let table = RunTable::new(&ls_runs(base.path())?);
/// assert_eq!(&table.columns()[1..3], ["eval_loss", "flag_units"]);
/// assert!(table.to_csv().contains(",0.25,64,"));
/// assert!(table.to_string().starts_with("Data frame: 1 x "));
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct RunTable {
    columns: Vec<String>,
    rows: Vec<Vec<Option<Cell>>>,
    /// How many columns are shown.
    shown: usize,
}

impl RunTable {
    /// Of all columns.
    pub fn new(runs: &[RunInfo]) -> Self {
        Self::ordered(runs, &[])
    }

    /// Of all columns, those that the runs were ordered by right after the directory.
    pub fn ordered(runs: &[RunInfo], ordered_by: &[&str]) -> Self {
        let mut all = columns(runs);
        all.retain(|column| !ordered_by.contains(&column.as_str()));
        let mut names: Vec<String> = all.iter().take(1).cloned().collect();
        names.extend(ordered_by.iter().map(|column| (*column).to_owned()));
        names.extend(all.into_iter().skip(1));
        let mut table = Self::with_columns(runs, names);
        let short = |column: &String| column.starts_with("eval_") || column.starts_with("metric_");
        table.shown = 1
            + ordered_by.len()
            + table.columns[(1 + ordered_by.len()).min(table.columns.len())..]
                .iter()
                .take_while(|c| short(c))
                .count();
        table
    }

    /// Of these columns only.
    pub fn with_columns(runs: &[RunInfo], columns: Vec<String>) -> Self {
        let rows = runs
            .iter()
            .map(|run| columns.iter().map(|column| run.get(column)).collect());
        Self {
            rows: rows.collect(),
            shown: columns.len(),
            columns,
        }
    }

    /// The names of the columns.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The rows, with a cell for each column.
    pub fn rows(&self) -> &[Vec<Option<Cell>>] {
        &self.rows
    }

    /// As CSV with a line of names. What a run lacks is empty.
    pub fn to_csv(&self) -> String {
        let quoted = |text: String| match text.contains(['"', ',', '\n', '\r']) {
            true => format!("\"{}\"", text.replace('"', "\"\"")),
            false => text,
        };
        let line =
            |cells: &mut dyn Iterator<Item = String>| cells.map(quoted).collect::<Vec<_>>().join(",") + "\n";
        let mut out = line(&mut self.columns.iter().cloned());
        for row in &self.rows {
            let cell = |cell: &Option<Cell>| cell.as_ref().map(Cell::to_string).unwrap_or_default();
            out += &line(&mut row.iter().map(cell));
        }
        out
    }

    /// As a list of objects. What a run lacks is left out; numbers that are not finite are texts.
    pub fn to_json(&self) -> Value {
        let object = |row: &Vec<Option<Cell>>| {
            let cells = self.columns.iter().zip(row);
            let cells = cells.filter_map(|(name, cell)| Some((name.clone(), cell.as_ref()?.to_value())));
            Value::Object(cells.collect::<Map<_, _>>())
        };
        self.rows.iter().map(object).collect()
    }
}

impl fmt::Display for RunTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const ROWS: usize = 10;
        writeln!(f, "Data frame: {} x {}", self.rows.len(), self.columns.len())?;
        let cell = |cell: &Option<Cell>| match cell {
            None => "NA".to_owned(),
            Some(Cell::Number(n)) if n.fract() != 0. => short(*n),
            Some(other) => printable(&other.to_string()),
        };
        let mut widths = Vec::new();
        for (at, name) in self.columns.iter().enumerate().take(self.shown) {
            let cells = self
                .rows
                .iter()
                .take(ROWS)
                .map(|row| cell(&row[at]).chars().count());
            widths.push(cells.max().unwrap_or(0).max(printable(name).chars().count()));
        }
        let number = self.rows.len().min(ROWS).to_string().len();
        write!(f, "{:number$}", "")?;
        for (name, width) in self.columns.iter().zip(&widths) {
            write!(f, " {:>width$}", printable(name))?;
        }
        writeln!(f)?;
        for (at, row) in self.rows.iter().enumerate().take(ROWS) {
            write!(f, "{:>number$}", at + 1)?;
            for (value, width) in row.iter().zip(&widths) {
                write!(f, " {:>width$}", cell(value))?;
            }
            writeln!(f)?;
        }
        if self.rows.len() > ROWS {
            writeln!(f, "# ... with {} more rows", self.rows.len() - ROWS)?;
        }
        let rest = self.columns.get(self.shown..).unwrap_or_default();
        if !rest.is_empty() {
            let names: Vec<_> = rest.iter().map(|name| printable(name)).collect();
            writeln!(
                f,
                "# ... with {} more columns:\n#   {}",
                rest.len(),
                names.join(", ")
            )?;
        }
        Ok(())
    }
}

/// Four digits after the point, and more where these would show nothing.
fn short(number: f64) -> String {
    match number.abs() {
        size if !(1e-3..1e6).contains(&size) => format!("{number:.4e}"),
        _ => format!("{number:.4}"),
    }
}

/// Every column that a run has, in tfruns's order.
pub(super) fn columns(runs: &[RunInfo]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let mut known = std::collections::HashSet::new();
    for name in runs.iter().flat_map(RunInfo::columns) {
        if known.insert(name.clone()) {
            names.push(name);
        }
    }
    let group = |name: &String| match name.as_str() {
        "run_dir" => 0,
        n if n.starts_with("eval_") => 1,
        n if n.starts_with("metric_") => 2,
        n if n.starts_with("flag_") => 3,
        n => 4 + RunInfo::place(n),
    };
    names.sort_by_key(group);
    names
}
