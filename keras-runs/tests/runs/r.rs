//! The real tfruns reads what we write. Without R and tfruns these tests have nothing to ask; the rules are tested by
//! the reader beside.

use std::path::Path;
use std::process::Command;

use keras_runs::{RunOptions, Source};
use serde_json::Value;

/// What R answers to `script`, run with `runs_dir` as its runs; nothing without tfruns.
fn ask(runs_dir: &Path, script: &str) -> Option<Value> {
    let available = Command::new("Rscript")
        .args(["-e", "cat(requireNamespace('tfruns', quietly = TRUE))"])
        .output()
        .ok()?;
    if available.stdout != b"TRUE" {
        return None;
    }
    let script = format!(
        "suppressMessages(library(tfruns)); options(warn = 2); runs_dir <- '{}'\n{script}\n\
         cat(jsonlite::toJSON(answer, auto_unbox = TRUE, digits = NA, na = 'null'))",
        runs_dir.display()
    );
    let output = Command::new("Rscript").args(["-e", &script]).output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

fn write_runs(base: &Path) {
    let project = base.join("project");
    std::fs::create_dir_all(project.join("src")).unwrap();
    std::fs::write(project.join("src/main.rs"), "fn main() {}\n").unwrap();
    let options = RunOptions::new()
        .runs_dir(base.join("runs"))
        .source(Source::new(&project, "src/main.rs"))
        .capture_output(false);
    for (units, accuracy) in [(16, 0.9), (32, 0.96), (64, 0.98)] {
        let run = options.clone().start().unwrap();
        run.flags([
            ("units", serde_json::json!(units)),
            ("sizes", serde_json::json!([1, 2])),
        ])
        .unwrap();
        run.epoch([("loss", 0.5), ("val_loss", f64::NAN)]).unwrap();
        run.epoch([("loss", 3.6013e-5)]).unwrap();
        run.property("model", "Model: \"m\"\n┏━┓").unwrap();
        run.evaluation([("acc", accuracy), ("odd", f64::INFINITY)])
            .unwrap();
        if units == 16 {
            run.fail(&keras_core::Error::invalid("no luck")).unwrap();
        } else {
            run.finish().unwrap();
        }
    }
}

#[test]
fn real_tfruns_lists_filters_and_shows_our_runs() {
    let base = tempfile::tempdir().unwrap();
    write_runs(base.path());
    let script = r#"
        all <- ls_runs(runs_dir = runs_dir)
        good <- ls_runs(eval_acc > 0.95, order = eval_acc, runs_dir = runs_dir)
        page <- tempfile(fileext = ".html")
        save_run_view(good$run_dir[[1]], page)
        comparison <- tempfile(fileext = ".html")
        save_run_comparison(good$run_dir[1:2], comparison)
        info <- run_info(good$run_dir[[1]])
        answer <- list(
            rows = nrow(all), units = good$flag_units, loss = good$metric_loss, epochs = good$epochs_completed,
            completed = good$completed, script = good$script, error = all$error_message,
            sizes = good$flag_sizes[[1]], metrics = names(info$metrics),
            page = file.size(page) > 1000, comparison = file.size(comparison) > 1000)
    "#;
    let Some(answer) = ask(&base.path().join("runs"), script) else {
        return;
    };
    assert_eq!(answer["rows"], 3);
    assert_eq!(answer["units"], serde_json::json!([64, 32]));
    assert_eq!(answer["loss"], serde_json::json!([3.6013e-5, 3.6013e-5]));
    assert_eq!(answer["epochs"], serde_json::json!([2, 2]));
    assert_eq!(answer["completed"], serde_json::json!([true, true]));
    assert_eq!(answer["script"], serde_json::json!(["main.rs", "main.rs"]));
    assert!(
        answer["error"].as_array().unwrap().contains(&"no luck".into()),
        "{answer}"
    );
    assert_eq!(answer["sizes"], "[1,2]");
    assert_eq!(answer["metrics"], serde_json::json!(["val_loss", "loss"]));
    assert_eq!(
        (&answer["page"], &answer["comparison"]),
        (&true.into(), &true.into())
    );
}

#[test]
fn what_real_tfruns_writes_is_read() {
    let base = tempfile::tempdir().unwrap();
    let script = r#"
        options(tfruns.runs_dir = runs_dir)
        dir.create(runs_dir)
        setwd(dirname(runs_dir))
        writeLines(c(
            'FLAGS <- flags(flag_numeric("dropout", 0.4), flag_string("opt", "adam"))',
            'cat("hello from R\n")',
            'write_run_metadata("metrics", data.frame(loss = c(0.5, 0.25, NA), acc = c(0.8, 0.9, NA)))',
            'write_run_metadata("evaluation", list(loss = 0.0956, acc = 0.98))',
            'write_run_metadata("properties", list(epochs = 3L, nothing = character(0)))'), "train.R")
        ours <- training_run("train.R", echo = FALSE, view = FALSE, flags = list(dropout = 0.2))
        writeLines('stop("Training error occurred")', "fails.R")
        try(training_run("fails.R", echo = FALSE, view = FALSE), silent = TRUE)
        answer <- list(run = ours$run_dir)
    "#;
    let runs_dir = base.path().join("runs");
    if ask(&runs_dir, &format!("sink('/dev/null')\n{script}\nsink()")).is_none() {
        return;
    }
    let runs = keras_runs::ls_runs(&runs_dir).unwrap();
    assert_eq!(runs.len(), 2);
    let (failed, done) = (&runs[0], &runs[1]);
    assert!(runs.iter().all(|run| run.damage.is_empty()));
    assert_eq!(done.status, keras_runs::Status::Done);
    assert_eq!(
        (&done.flags["dropout"], &done.flags["opt"]),
        (&0.2.into(), &"adam".into())
    );
    assert_eq!(done.metrics.get("acc").unwrap(), [Some(0.8), Some(0.9), None]);
    assert_eq!(done.evaluation["acc"], 0.98);
    assert_eq!((done.epochs(), done.epochs_completed()), (Some(3), 2));
    assert_eq!(done.property("script"), Some("train.R"));
    let whole = keras_runs::run_info(&done.run_dir).unwrap();
    assert!(whole.output().unwrap().unwrap().contains("hello from R"));
    assert_eq!(whole.sources().unwrap()[0].0, "train.R");
    assert_eq!(failed.status, keras_runs::Status::Failed);
    assert!(
        failed
            .error
            .as_ref()
            .unwrap()
            .message
            .contains("Training error occurred")
    );
}
