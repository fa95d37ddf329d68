//! Tests of run directories.

#![allow(clippy::unwrap_used)]

use std::fs;

use keras_runs::{Run, RunRecord, ls_runs, unique_run_dir};
use serde_json::{Value, json};

#[test]
fn many_at_once_get_a_folder_each() {
    let base = tempfile::tempdir().unwrap();
    let runs = base.path().join("deep/runs");
    let made: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| (0..5).map(|_| unique_run_dir(&runs).unwrap()).collect::<Vec<_>>()))
            .collect();
        threads.into_iter().flat_map(|t| t.join().unwrap()).collect()
    });
    let mut unique = made.clone();
    unique.sort();
    unique.dedup();
    assert_eq!(unique.len(), 40);
    assert!(made.iter().all(|path| path.is_dir()));
}

#[test]
fn files_are_those_of_tfruns() {
    let base = tempfile::tempdir().unwrap();
    let mut run = Run::start(base.path(), "digits").unwrap();
    run.flags([
        ("dropout", json!(0.4)),
        ("data", json!("mnist")),
        ("fake", json!(false)),
    ])
    .unwrap();
    run.epoch([("loss", 0.5), ("val_loss", f64::NAN)]).unwrap();
    run.epoch([("loss", 3.6013e-5)]).unwrap();
    run.epoch([("loss", 0.125), ("val_loss", 0.1), ("late", 1.)])
        .unwrap();
    let read = |name: &str| fs::read_to_string(run.path().join("tfruns.d").join(name)).unwrap();
    assert_eq!(
        read("flags.json"),
        "{\n  \"dropout\": 0.4,\n  \"data\": \"mnist\",\n  \"fake\": false\n}\n"
    );
    assert_eq!(
        read("metrics.json"),
        "{\n  \"val_loss\": [null, null, 0.1],\n  \"late\": [null, null, 1.0],\n  \
         \"loss\": [0.5, 0.000036013, 0.125]\n}\n"
    );
    assert_eq!(read("properties/completed"), "FALSE\n");
    assert_eq!(read("properties/script"), "digits\n");
}

#[test]
fn what_was_written_is_read() {
    let base = tempfile::tempdir().unwrap();
    let mut run = Run::start(base.path(), "digits").unwrap();
    run.flags([("units", json!(64))]).unwrap();
    run.property("model", "a\nb\n").unwrap();
    run.evaluation([("loss", 0.25), ("worst", f64::INFINITY)])
        .unwrap();
    run.epoch([("loss", 0.5), ("val_loss", 0.75)]).unwrap();
    run.epoch([("loss", 0.25)]).unwrap();
    assert!(!RunRecord::read(run.path()).unwrap().completed());
    let path = run.finish().unwrap();
    let record = RunRecord::read(&path).unwrap();
    assert!(record.completed());
    assert_eq!(record.flags["units"], 64);
    assert_eq!(Value::from(record.evaluation.clone()), json!({"loss": 0.25}));
    assert_eq!(record.metric("val_loss"), Some(0.75));
    assert_eq!(record.metrics["val_loss"], [Some(0.75), None]);
    assert_eq!(record.metric("nothing"), None);
    assert_eq!(record.properties["model"], "a\nb\n");
    let time = |name: &str| record.properties[name].parse::<f64>().unwrap();
    assert!(time("start") > 1e9 && time("end") >= time("start"));
}

#[test]
fn records_of_r_are_read() {
    let base = tempfile::tempdir().unwrap();
    let data = base.path().join("mine/tfruns.d");
    fs::create_dir_all(data.join("properties")).unwrap();
    fs::write(data.join("properties/samples"), "").unwrap();
    fs::write(data.join("properties/completed"), "TRUE\n").unwrap();
    fs::write(data.join("flags.json"), "[]\n").unwrap();
    fs::write(
        data.join("metrics.json"),
        "{\n  \"acc\": [0.9231, 1, null, null]\n}\n",
    )
    .unwrap();
    fs::create_dir(base.path().join("archive")).unwrap();
    let runs = ls_runs(base.path()).unwrap();
    assert_eq!(runs, [base.path().join("mine")]);
    let record = RunRecord::read(&runs[0]).unwrap();
    assert_eq!(record.metric("acc"), Some(1.));
    assert_eq!(record.properties["samples"], "");
    assert!(record.flags.is_empty() && record.completed());
}

#[test]
fn errors_say_why() {
    let base = tempfile::tempdir().unwrap();
    let run = Run::start(base.path(), "digits").unwrap();
    let error = run.flags([("sizes", json!([1, 2]))]).unwrap_err().to_string();
    assert!(error.contains("`sizes`") && error.contains("[1,2]"), "{error}");
    assert!(run.property("../outside", "x").is_err());
    assert!(run.property("text", "a\0b").is_err());
    let error = RunRecord::read(base.path()).unwrap_err().to_string();
    assert!(error.contains("no run's folder"), "{error}");
    fs::write(run.path().join("tfruns.d/metrics.json"), "{\"loss\": [0.5").unwrap();
    let error = RunRecord::read(run.path()).unwrap_err().to_string();
    assert!(error.contains("metrics.json"), "{error}");
    assert!(ls_runs(base.path().join("nowhere")).unwrap().is_empty());
}
