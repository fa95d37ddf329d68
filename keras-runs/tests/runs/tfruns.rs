//! Directories as tfruns and R's keras write them, made by hand after samples of their files.

use std::fs;
use std::path::{Path, PathBuf};

use keras_runs::{Cell, ListRuns, RunInfo, RunTable, Status, ls_runs};
use serde_json::json;

use super::reader;

/// A run of files: what ends in `.json` goes into `tfruns.d`, the rest into its properties.
fn made(base: &Path, name: &str, files: &[(&str, &str)]) -> PathBuf {
    let data = base.join(name).join("tfruns.d");
    fs::create_dir_all(data.join("properties")).unwrap();
    for (file, text) in files {
        let place = match file.ends_with(".json") {
            true => data.join(file),
            false => data.join("properties").join(file),
        };
        fs::write(place, text).unwrap();
    }
    base.join(name)
}

const FLAGS: &str = "{\n  \"dropout1\": 0.4,\n  \"learning_rate\": 2e-05,\n  \"max_steps\": 5000,\n  \
                     \"data_dir\": \"MNIST-data\",\n  \"fake_data\": false\n}\n";
const METRICS: &str = "{\n  \"accuracy\": [0.9231, 0.9543, null, null],\n  \"loss\": [0.2577, 0.1482, null, null],\n  \
                       \"val_accuracy\": [0.9502, 0.9617, null, null],\n  \"val_loss\": [0.1651, 0.1293, null, null]\n}\n";

const PROPERTIES: [(&str, &str); 13] = [
    ("type", "training\n"),
    ("context", "local\n"),
    ("script", "mnist_mlp.R\n"),
    ("start", "1506954218.63412\n"),
    ("end", "1506954264.10233\n"),
    ("completed", "TRUE\n"),
    ("epochs", "4\n"),
    ("samples", "48000\n"),
    ("validation_samples", "12000\n"),
    ("batch_size", "128\n"),
    ("loss_function", "categorical_crossentropy\n"),
    ("optimizer", "RMSprop\n"),
    ("learning_rate", "0.001\n"),
];

#[test]
fn a_run_of_r_is_read() {
    let base = tempfile::tempdir().unwrap();
    let mut files = PROPERTIES.to_vec();
    files.extend([
        ("flags.json", FLAGS),
        ("metrics.json", METRICS),
        ("evaluation.json", "{\n  \"loss\": 0.0956,\n  \"acc\": 0.98\n}\n"),
        ("output", "> library(keras)\nEpoch 1/4\n"),
        ("note", "two\nlines\n"),
    ]);
    let path = made(base.path(), "2017-10-02T14-23-38Z", &files);
    // The reader of the test and ours agree.
    let record = reader::read(&path).unwrap();
    let info = RunInfo::read(&path).unwrap();
    for (name, value) in &record.columns {
        let ours = info.get(name).unwrap_or_else(|| panic!("{name} is missing"));
        match value {
            reader::R::Number(number) => assert_eq!(ours.number(), Some(*number), "{name}"),
            reader::R::Text(text) => assert_eq!(&ours.to_string(), text, "{name}"),
            reader::R::Logical(truth) => assert_eq!(ours, Cell::Truth(*truth), "{name}"),
            reader::R::Na => panic!("{name}"),
        }
    }
    assert_eq!(info.status, Status::Done);
    assert_eq!(
        info.duration().map(|seconds| (seconds * 1e5).round()),
        Some(4_546_821.)
    );
    assert_eq!((info.epochs(), info.epochs_completed()), (Some(4), 2));
    assert_eq!(
        info.metrics.get("loss").unwrap(),
        [Some(0.2577), Some(0.1482), None, None]
    );
    assert_eq!(
        info.output().unwrap().as_deref(),
        Some("> library(keras)\nEpoch 1/4\n")
    );
    assert_eq!(info.properties["note"], "two\nlines");
    assert_eq!(info.flags["learning_rate"], 2e-5);
    assert!(info.sources().unwrap().is_empty() && info.steps().unwrap().is_empty());
}

#[test]
fn all_shapes_of_files_are_read() {
    let base = tempfile::tempdir().unwrap();
    let shapes: [(&str, &[(&str, &str)], Status); 9] = [
        // keras of today: no samples, so empty files; evaluations without names.
        (
            "empty-properties",
            &[
                ("samples", ""),
                ("batch_size", ""),
                ("completed", "TRUE\n"),
                ("evaluation.json", "[0.09, 0.98]\n"),
            ],
            Status::Done,
        ),
        // Going on or killed: R cannot say.
        (
            "no-end",
            &[("completed", "FALSE\n"), ("start", "1506954218.63412\n")],
            Status::Unknown,
        ),
        (
            "failed",
            &[
                ("completed", "FALSE\n"),
                ("end", "1506954264.1\n"),
                (
                    "error.json",
                    "{\n  \"message\": \"no\",\n  \"traceback\": \"stop(1)\"\n}\n",
                ),
            ],
            Status::Failed,
        ),
        (
            "failed-deep",
            &[
                ("completed", "FALSE\n"),
                ("end", "1506954264.1\n"),
                (
                    "error.json",
                    "{\n  \"message\": \"no\",\n  \"traceback\": [\"stop(1)\", \"eval(e)\"]\n}\n",
                ),
            ],
            Status::Failed,
        ),
        (
            "empty-lists",
            &[
                ("flags.json", "[]\n"),
                ("evaluation.json", "{}\n"),
                ("metrics.json", "[]\n"),
            ],
            Status::Unknown,
        ),
        (
            "yes",
            &[
                ("completed", "yes\n"),
                ("metrics.json", "{\n  \"loss\": [1, 0.5]\n}\n"),
            ],
            Status::Done,
        ),
        ("nothing", &[], Status::Unknown),
        // A run of steps.
        (
            "steps",
            &[
                ("steps", "3\n"),
                ("completed", "1\n"),
                ("metrics.json", "{\n  \"loss\": [0.5, null, null]\n}\n"),
            ],
            Status::Done,
        ),
        (
            "cloudml",
            &[
                ("context", "cloudml\n"),
                ("cloudml_job", "job1\n"),
                ("cloudml_ml_units", "0.5\n"),
                ("completed", "true\n"),
            ],
            Status::Done,
        ),
    ];
    for (name, files, _) in &shapes {
        made(base.path(), name, files);
    }
    // Folders that are no runs.
    fs::create_dir_all(base.path().join("archive/2017-10-02T14-23-38Z/tfruns.d")).unwrap();
    fs::write(base.path().join("notes.txt"), "x").unwrap();
    let runs = ls_runs(base.path()).unwrap();
    assert_eq!(runs.len(), shapes.len());
    let run = |name: &str| runs.iter().find(|run| run.name() == name).unwrap();
    for (name, _, status) in &shapes {
        assert_eq!(run(name).status, *status, "{name}");
        assert!(run(name).damage.is_empty(), "{name}: {:?}", run(name).damage);
        assert_eq!(&RunInfo::read(&run(name).run_dir).unwrap(), run(name));
    }
    assert_eq!(run("empty-properties").get("samples"), None);
    assert_eq!(run("empty-properties").evaluation["2"], 0.98);
    assert_eq!(run("failed").error.as_ref().unwrap().traceback, ["stop(1)"]);
    assert_eq!(
        run("failed-deep").error.as_ref().unwrap().traceback,
        ["stop(1)", "eval(e)"]
    );
    assert_eq!(run("steps").get("steps_completed"), Some(Cell::Number(1.)));
    assert_eq!(run("steps").get("epochs_completed"), None);
    assert_eq!(run("cloudml").get("cloudml_job"), Some(Cell::from("job1")));
    assert_eq!(run("yes").get("metric_loss"), Some(Cell::Number(0.5)));
    let table = RunTable::new(&runs);
    assert!(
        table
            .to_json()
            .as_array()
            .unwrap()
            .iter()
            .any(|row| row["error_message"] == json!("no"))
    );
}

#[test]
fn damaged_runs_are_listed_with_what_is_left() {
    let base = tempfile::tempdir().unwrap();
    let whole = [("completed", "TRUE\n"), ("flags.json", "{\"units\": 1}")];
    made(base.path(), "2-whole", &whole);
    let half = [
        ("completed", "TRUE\n"),
        ("flags.json", "{\"units\": 1}"),
        ("metrics.json", "{\"loss\": [0.5"),
    ];
    let half = made(base.path(), "1-half", &half);
    let runs = ListRuns::new()
        .runs_dir(base.path())
        .filter("flag_units == 1")
        .unwrap()
        .list()
        .unwrap();
    assert_eq!(runs.len(), 2);
    assert!(runs[1].damage[0].contains("metrics.json"), "{:?}", runs[1].damage);
    let error = RunInfo::read(&half).unwrap_err().to_string();
    assert!(error.contains("metrics.json"), "{error}");
    let error = RunInfo::read(base.path()).unwrap_err().to_string();
    assert!(error.contains("no run's directory"), "{error}");
    let error = RunInfo::read(base.path().join("x")).unwrap_err().to_string();
    assert!(error.contains("no such run"), "{error}");
}
