//! `keras runs view`, and the page of `keras runs compare`.

use std::path::{Path, PathBuf};

use keras_core::Result;
use keras_runs::{RunInfo, printable};
use serde_json::json;

use super::write;
use crate::{Out, Outcome, view};

pub(crate) fn run(run: &RunInfo, output: Option<PathBuf>, json: bool, out: &mut Out) -> Outcome {
    let output = output.unwrap_or_else(|| run.run_dir.join("tfruns.d").join("view.html"));
    write(&output, view::run_page(run)?.as_bytes())?;
    match json {
        true => out.json(&json!({"view": output.to_string_lossy()})),
        false => out.line(printable(&output.to_string_lossy())),
    }
}

pub(crate) fn comparison(runs: &[RunInfo], html: Option<&Path>) -> Result<()> {
    html.map_or(Ok(()), |path| write(path, view::compare_page(runs)?.as_bytes()))
}
