//! `keras runs clean`, `restore`, `purge` and `copy`.

use std::path::{Path, PathBuf};

use keras_runs::{
    ListRuns, clean_runs, copy_run, copy_run_files, printable, purge_runs, restore_runs, size_of,
};
use serde_json::{Value, json};

use crate::{End, Out, Outcome};

pub(crate) fn clean(
    runs: &[PathBuf],
    filter: Option<&str>,
    base: &Path,
    dry_run: bool,
    json: bool,
    out: &mut Out,
) -> Outcome {
    let mut runs = runs.to_vec();
    if let Some(filter) = filter {
        let wanted = ListRuns::new()
            .runs_dir(base)
            .filter(filter)
            .map_err(End::Usage)?;
        runs.extend(wanted.list()?.into_iter().map(|run| run.run_dir));
    }
    let mut once = std::collections::HashSet::new();
    runs.retain(|run| once.insert(run.clone()));
    let moved = if dry_run { runs } else { clean_runs(runs)? };
    paths("archived", &moved, json, out)
}

/// They are named as they are listed in the archive.
pub(crate) fn restore(runs: &[PathBuf], base: &Path, json: bool, out: &mut Out) -> Outcome {
    let archive = base.join("archive");
    let dirs: Vec<PathBuf> = runs
        .iter()
        .map(|name| super::dir(name, &archive))
        .collect::<Result<_, _>>()?;
    paths("restored", &restore_runs(dirs)?, json, out)
}

pub(crate) fn purge(base: &Path, yes: bool, json: bool, out: &mut Out) -> Outcome {
    let (runs, bytes) = match yes {
        true => {
            let purged = purge_runs(base)?;
            (purged.runs, purged.bytes)
        }
        false => {
            let archived = ListRuns::new().runs_dir(base).archived(true).list()?;
            (
                archived.len(),
                archived.iter().map(|run| size_of(&run.run_dir)).sum(),
            )
        }
    };
    if json {
        return out.json(&json!({"deleted": yes, "runs": runs, "bytes": bytes}));
    }
    let size = bytes as f64 / 1e6;
    match yes {
        true => out.line(format_args!("{runs} runs deleted, {size:.1} MB")),
        false => out.line(format_args!(
            "{runs} runs in the archive, {size:.1} MB; `keras runs purge --yes` deletes them"
        )),
    }
}

pub(crate) fn copy(
    runs: &[PathBuf],
    to: &Path,
    rename: &[String],
    files: bool,
    json: bool,
    out: &mut Out,
) -> Outcome {
    let names: Vec<&str> = rename.iter().map(String::as_str).collect();
    if !names.is_empty() && names.len() != runs.len() {
        let message = format!(
            "--rename needs a name for each run: {} runs, {} names",
            runs.len(),
            names.len()
        );
        return Err(End::usage(message));
    }
    let names = (!names.is_empty()).then_some(names.as_slice());
    let copies = if files {
        copy_run_files(runs, to, names)?
    } else {
        copy_run(runs, to, names)?
    };
    paths("copied", &copies, json, out)
}

fn paths(what: &str, paths: &[PathBuf], json: bool, out: &mut Out) -> Outcome {
    if json {
        let list: Value = paths
            .iter()
            .map(|path| path.to_string_lossy().into_owned())
            .collect();
        return out.json(&json!({ what: list }));
    }
    for path in paths {
        out.line(printable(&path.to_string_lossy()))?;
    }
    Ok(())
}
