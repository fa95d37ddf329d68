//! Compares this project with files of what real Keras computed, through its public API.
//!
//! A folder holds families: `NAME.json` with the cases and `NAME.safetensors` with their tensors. Nothing here
//! knows a case by its name: any folder of that form can be run.

mod callbacks;
mod case;
mod compare;
mod functions;
mod layers;
mod losses;
mod metrics;
mod models;
mod optimizers;
mod report;
mod schedules;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use anyhow::{Context, Result, bail};

pub use case::{Case, Family};
pub use compare::{Differences, Tolerance};
pub use report::{Counts, Outcome, Report};

/// Which cases to run.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Only this family.
    pub family: Option<String>,
    /// Only cases whose name contains this.
    pub filter: Option<String>,
}

/// Runs the cases of `dir` that are selected and hands each outcome to `each` as it comes.
///
/// # Errors
/// When the folder holds no family, or a file of one cannot be read. A case that fails is no error.
pub fn run(dir: &Path, selection: &Selection, mut each: impl FnMut(&str, &str, &Outcome)) -> Result<Report> {
    let mut report = Report::default();
    for path in families(dir, selection)? {
        let family = Family::read(&path).with_context(|| format!("family {}", path.display()))?;
        report.start(&family.name);
        for case in family.cases() {
            let name = case.name().to_owned();
            if selection.filter.as_ref().is_some_and(|text| !name.contains(text)) {
                continue;
            }
            let outcome = outcome(&case);
            each(&family.name, &name, &outcome);
            report.add(&family.name, name, outcome);
        }
    }
    Ok(report)
}

fn families(dir: &Path, selection: &Selection) -> Result<Vec<std::path::PathBuf>> {
    let entries = std::fs::read_dir(dir).with_context(|| format!("cannot read folder {}", dir.display()))?;
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let stem = path.file_stem().and_then(|s| s.to_str()).unwrap_or_default();
        let chosen = selection.family.as_ref().is_none_or(|f| f == stem);
        if chosen && path.extension().is_some_and(|e| e == "json") {
            paths.push(path);
        }
    }
    paths.sort();
    if paths.is_empty() {
        match &selection.family {
            Some(family) => bail!("{} has no family `{family}` (no {family}.json)", dir.display()),
            None => bail!("{} has no families: no .json file", dir.display()),
        }
    }
    Ok(paths)
}

/// Runs one case; a panic counts as a failure.
fn outcome(case: &Case<'_>) -> Outcome {
    match catch_unwind(AssertUnwindSafe(|| check(case))) {
        Ok(Ok(())) => Outcome::Passed,
        Ok(Err(error)) => Outcome::of(&error),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or("no message");
            Outcome::Failed(format!("panicked: {text}"))
        }
    }
}

fn check(case: &Case<'_>) -> Result<()> {
    match case.text("kind")? {
        "loss" => losses::check(case),
        "metric" => metrics::check(case),
        "optimizer" => optimizers::check(case),
        "schedule" => schedules::check(case),
        "activation" => functions::activation(case),
        "regularizer" => functions::regularizer(case),
        "constraint" => functions::constraint(case),
        "initializer" => functions::initializer(case),
        "random_initializer" => functions::random_initializer(case),
        "layer" => layers::check(case),
        "model" => models::check(case),
        "archive" => models::archive(case),
        "callback_trace" => callbacks::trace(case),
        "callback_monitor" => callbacks::monitor(case),
        "learning_rate_scheduler" => callbacks::scheduler(case),
        kind => {
            Err(report::Unsupported(format!("cases of kind `{kind}` are not known to this runner")).into())
        }
    }
}
