//! What is written, and that R's rules read it.

use std::fs;
use std::path::Path;

use keras_core::{Error, random, set_random_seed};
use keras_runs::{
    Metadata, Metrics, Run, RunInfo, RunOptions, Source, Status, active_run, is_run_active, latest_run,
    ls_runs, run_dir, training_run, unique_run_dir, write_run_metadata, write_run_metadata_to,
};
use serde_json::{Value, json};

use super::reader::{self, R};

/// A run without console and environment.
pub(crate) fn plain(base: &Path) -> Run {
    RunOptions::new()
        .runs_dir(base)
        .capture_output(false)
        .environment(false)
        .start()
        .unwrap()
}

fn read(run: &Path, name: &str) -> String {
    fs::read_to_string(run.join("tfruns.d").join(name)).unwrap()
}

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
    let name = unique[0].file_name().unwrap().to_str().unwrap();
    assert_eq!(
        (name.len(), &name[4..5], &name[10..11], &name[19..20]),
        (20, "-", "T", "Z")
    );
}

#[test]
fn files_are_those_of_tfruns() {
    let base = tempfile::tempdir().unwrap();
    let run = plain(base.path());
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
    run.evaluation([("loss", 0.0956), ("acc", 0.98)]).unwrap();
    let path = run.finish().unwrap();
    assert_eq!(
        read(&path, "flags.json"),
        "{\n  \"dropout\": 0.4,\n  \"data\": \"mnist\",\n  \"fake\": false\n}\n"
    );
    assert_eq!(
        read(&path, "metrics.json"),
        "{\n  \"val_loss\": [null, null, 0.1],\n  \"late\": [null, null, 1.0],\n  \
         \"loss\": [0.5, 0.000036013, 0.125]\n}\n"
    );
    assert_eq!(
        read(&path, "evaluation.json"),
        "{\n  \"loss\": 0.0956,\n  \"acc\": 0.98\n}\n"
    );
    assert_eq!(read(&path, "properties/completed"), "TRUE\n");
    assert!(path.join("plots").is_dir());
    let record = reader::read(&path).unwrap();
    assert_eq!(record.number("flag_dropout"), 0.4);
    assert_eq!(record.number("metric_loss"), 0.125);
    assert_eq!(record.number("metric_val_loss"), 0.1);
    assert_eq!(record.number("epochs_completed"), 3.);
    assert_eq!(record.number("eval_acc"), 0.98);
    assert_eq!(record.get("completed"), Some(&R::Logical(true)));
    assert!(record.number("end") >= record.number("start"));
}

#[test]
fn numbers_keep_all_digits_and_those_that_are_not_finite() {
    let base = tempfile::tempdir().unwrap();
    let run = plain(base.path());
    let exact = 0.1 + 0.2;
    run.epoch([("loss", exact), ("grad", f64::NAN)]).unwrap();
    run.epoch([("loss", f64::INFINITY), ("grad", f64::NEG_INFINITY)])
        .unwrap();
    run.flags([("rate", exact)]).unwrap();
    run.evaluation([("loss", f64::NAN), ("worst", f64::NEG_INFINITY), ("acc", exact)])
        .unwrap();
    let path = run.finish().unwrap();
    reader::read(&path).unwrap();
    let info = RunInfo::read(&path).unwrap();
    assert_eq!(
        info.metrics.get("loss").unwrap(),
        [Some(exact), Some(f64::INFINITY)]
    );
    let grad = info.metrics.get("grad").unwrap();
    assert!(grad[0].unwrap().is_nan());
    assert_eq!(grad[1], Some(f64::NEG_INFINITY));
    assert_eq!(info.flags["rate"], exact);
    assert_eq!(info.evaluation["acc"], exact);
    assert_eq!(info.evaluation["worst"], "-Infinity");
    assert!(info.get("eval_loss").unwrap().number().unwrap().is_nan());
    assert_eq!(
        info.evaluations().unwrap()[0].get("worst"),
        Some(f64::NEG_INFINITY)
    );
    assert!(info.steps().unwrap()[0].values[1].1.is_nan());
}

#[test]
fn all_evaluations_are_kept_and_the_last_is_listed() {
    let base = tempfile::tempdir().unwrap();
    let run = plain(base.path());
    run.evaluation([("loss", 0.5), ("odd", f64::NAN)]).unwrap();
    run.evaluation([("loss", 0.25)]).unwrap();
    let info = RunInfo::read(run.finish().unwrap()).unwrap();
    assert_eq!(Value::from(info.evaluation.clone()), json!({"loss": 0.25}));
    let all = info.evaluations().unwrap();
    assert_eq!(
        all.iter().map(|e| e.get("loss").unwrap()).collect::<Vec<_>>(),
        [0.5, 0.25]
    );
    assert!(all[0].time <= all[1].time);
}

#[test]
fn metadata_waits_for_a_run() {
    let base = tempfile::tempdir().unwrap();
    write_run_metadata(Metadata::flags([("units", 64)])).unwrap();
    write_run_metadata(Metadata::properties([("note", "early")])).unwrap();
    write_run_metadata(Metadata::properties([("other", 1)])).unwrap();
    write_run_metadata(Metadata::custom("images", |dir| {
        fs::write(dir.join("a.txt"), "x").map_err(Error::user)
    }))
    .unwrap();
    let run = plain(base.path());
    let mut metrics = Metrics::new();
    metrics.set(0, "loss", 0.423);
    metrics.set(1, "loss", 0.201);
    metrics.expect(4);
    write_run_metadata(Metadata::Metrics(metrics)).unwrap();
    let path = run.finish().unwrap();
    let record = reader::read(&path).unwrap();
    assert_eq!(record.number("flag_units"), 64.);
    assert_eq!((record.text("note"), record.text("other")), ("early", "1"));
    assert_eq!(record.number("epochs_completed"), 2.);
    assert!(read(&path, "metrics.json").contains("[0.423, 0.201, null, null]"));
    assert_eq!(read(&path, "a.txt"), "x");
    // It was for the first run only.
    let next = plain(base.path()).finish().unwrap();
    assert!(RunInfo::read(next).unwrap().flags.is_empty());
    // Into a run that has ended.
    write_run_metadata_to(&path, Metadata::evaluation([("loss", 0.1)])).unwrap();
    assert_eq!(reader::read(&path).unwrap().number("eval_loss"), 0.1);
    assert!(write_run_metadata_to(base.path().join("nowhere"), Metadata::flags([("a", 1)])).is_err());
}

#[test]
fn errors_in_custom_metadata_say_which() {
    let base = tempfile::tempdir().unwrap();
    let _run = plain(base.path());
    let custom = Metadata::custom("images", |_| Err(Error::invalid("no images")));
    let error = write_run_metadata(custom).unwrap_err().to_string();
    assert!(
        error.contains("`images`") && error.contains("no images"),
        "{error}"
    );
}

#[test]
fn flags_that_r_cannot_read_are_texts_or_left_out() {
    let base = tempfile::tempdir().unwrap();
    let run = plain(base.path());
    run.flags([
        ("sizes", json!([1, 2])),
        ("none", Value::Null),
        ("map", json!({"a": 1})),
        ("x", json!(1)),
    ])
    .unwrap();
    let path = run.finish().unwrap();
    let record = reader::read(&path).unwrap();
    assert_eq!(record.text("flag_sizes"), "[1,2]");
    assert_eq!(record.get("flag_none"), None);
}

#[test]
fn runs_nest_and_the_innermost_is_active() {
    let base = tempfile::tempdir().unwrap();
    assert!(!is_run_active());
    assert_eq!(run_dir(), std::env::current_dir().unwrap());
    let outer = plain(base.path());
    let inner = plain(base.path());
    assert_eq!(run_dir(), inner.path());
    // Not on other threads.
    assert!(!std::thread::spawn(is_run_active).join().unwrap());
    // In any order.
    let inner_path = inner.path().to_owned();
    let outer_path = outer.finish().unwrap();
    assert_eq!(run_dir(), inner_path);
    inner.finish().unwrap();
    assert!(!is_run_active() && active_run().is_none());
    let parent = RunInfo::read(inner_path).unwrap().properties["parent"].clone();
    assert_eq!(Some(parent.as_str()), outer_path.file_name().unwrap().to_str());
}

#[test]
fn a_run_that_is_dropped_has_failed() {
    let base = tempfile::tempdir().unwrap();
    let path = plain(base.path()).path().to_owned();
    let info = RunInfo::read(&path).unwrap();
    assert_eq!(info.status, Status::Failed);
    assert!(info.error.unwrap().message.contains("Run::finish"));
    reader::read(&path).unwrap();
}

#[test]
fn panics_and_errors_are_recorded_with_their_causes() {
    let base = tempfile::tempdir().unwrap();
    let options = RunOptions::new()
        .runs_dir(base.path())
        .capture_output(false)
        .environment(false);
    let caught = std::panic::catch_unwind(|| {
        training_run(options.clone(), |_| -> keras_core::Result<()> {
            panic!("out of {}", "luck")
        })
    });
    assert!(caught.is_err());
    let info = latest_run(base.path()).unwrap().unwrap();
    let error = info.error.unwrap();
    assert!(
        error.message.contains("out of luck") && error.message.contains("writing.rs"),
        "{}",
        error.message
    );
    assert!(!error.traceback.is_empty());

    let cause = Error::user(std::io::Error::other("the disk"));
    let error = training_run(options, |_| Err::<(), _>(cause.context("reading"))).unwrap_err();
    assert!(error.to_string().contains("reading: the disk"));
    let runs = ls_runs(base.path()).unwrap();
    let error = runs[0].error.clone().unwrap();
    assert!(error.message.contains("reading: the disk"), "{}", error.message);
    assert_eq!(error.traceback.first().map(String::as_str), Some("the disk"));
    runs.iter()
        .for_each(|run| drop(reader::read(&run.run_dir).unwrap()));
}

#[test]
fn sources_and_environment_are_recorded() {
    let base = tempfile::tempdir().unwrap();
    let project = base.path().join("project");
    fs::create_dir_all(project.join("src/bin")).unwrap();
    fs::create_dir_all(project.join("target/debug")).unwrap();
    for (name, text) in [
        ("Cargo.toml", "[package]\n"),
        ("src/bin/train.rs", "fn main() {}\n"),
        ("src/lib.rs", "// lib\n"),
        ("target/debug/junk.rs", "made\n"),
        ("data.bin", "no source\n"),
        (".hidden.rs", "secret\n"),
    ] {
        fs::write(project.join(name), text).unwrap();
    }
    let long = format!("src/{}.rs", "x".repeat(120));
    fs::write(project.join(&long), "//\n").unwrap();
    let run = RunOptions::new()
        .runs_dir(base.path().join("runs"))
        .capture_output(false)
        .source(Source::new(&project, "src/bin/train.rs"))
        .start()
        .unwrap();
    let path = run.finish().unwrap();
    let record = reader::read(&path).unwrap();
    assert_eq!(record.text("script"), "train.rs");
    assert_eq!(record.source, ["train.rs", "Cargo.toml", "src/lib.rs"]);
    let info = RunInfo::read(&path).unwrap();
    let sources = info.sources().unwrap();
    assert_eq!(sources[0], ("train.rs".to_owned(), b"fn main() {}\n".to_vec()));
    assert!(read(&path, "source.json").contains(&long));
    let unpacked = base.path().join("again");
    assert_eq!(info.unpack_sources(&unpacked).unwrap(), 4);
    assert_eq!(
        fs::read_to_string(unpacked.join("src/bin/train.rs")).unwrap(),
        "fn main() {}\n"
    );
    let environment = info.environment().unwrap();
    assert_eq!(environment["os"], std::env::consts::OS);
    assert!(environment["host"].is_string() && environment["pid"].is_u64());
}

#[test]
fn the_state_of_git_is_recorded() {
    let base = tempfile::tempdir().unwrap();
    let git = |arguments: &[&str]| {
        let mut command = std::process::Command::new("git");
        command
            .arg("-C")
            .arg(base.path())
            .args(["-c", "user.name=a", "-c", "user.email=a@b"]);
        assert!(
            command.args(arguments).output().unwrap().status.success(),
            "{arguments:?}"
        );
    };
    git(&["init", "-q", "-b", "main"]);
    fs::write(base.path().join("a.rs"), "one\n").unwrap();
    git(&["add", "a.rs"]);
    git(&["commit", "-qm", "First"]);
    fs::write(base.path().join("a.rs"), "two\n").unwrap();
    let run = RunOptions::new()
        .runs_dir(base.path().join("runs"))
        .capture_output(false)
        .source(Source::new(base.path(), "a.rs"))
        .start()
        .unwrap();
    let path = run.finish().unwrap();
    let info = RunInfo::read(&path).unwrap();
    let state = info.git().unwrap();
    assert_eq!(
        (state["branch"].as_str(), state["dirty"].as_bool()),
        (Some("main"), Some(true))
    );
    assert_eq!(state["commit"].as_str().unwrap().len(), 40);
    assert_eq!(info.property("git_dirty"), Some("TRUE"));
    assert!(info.git_diff().unwrap().unwrap().contains("+two"));
    reader::read(&path).unwrap();
}

#[test]
fn the_seed_is_recorded_and_repeats_the_run() {
    let base = tempfile::tempdir().unwrap();
    let draw = |seed: Option<u64>| {
        let mut options = RunOptions::new()
            .runs_dir(base.path())
            .capture_output(false)
            .environment(false);
        if let Some(seed) = seed {
            options = options.seed(seed);
        }
        let run = options.start().unwrap();
        let drawn = random::next_seed();
        (
            RunInfo::read(run.finish().unwrap()).unwrap().seed().unwrap(),
            drawn,
        )
    };
    set_random_seed(7);
    assert_eq!(draw(None).0, 7);
    let (seed, first) = draw(Some(11));
    assert_eq!((seed, first), draw(Some(11)));
    // Also one that came from the clock.
    let (seed, first) = std::thread::scope(|scope| scope.spawn(|| draw(None)).join().unwrap());
    assert_eq!(draw(Some(seed)).1, first);
}

#[test]
fn a_run_can_be_resumed() {
    let base = tempfile::tempdir().unwrap();
    let run = plain(base.path());
    run.epoch([("loss", 0.5)]).unwrap();
    let path = run.path().to_owned();
    drop(run);
    let options = RunOptions::new()
        .run_dir(&path)
        .capture_output(false)
        .environment(false);
    let error = options.clone().start().unwrap_err().to_string();
    assert!(error.contains("resume(true)"), "{error}");
    let run = options.resume(true).start().unwrap();
    assert_eq!(RunInfo::read(&path).unwrap().status, Status::Running);
    run.epoch([("loss", 0.25)]).unwrap();
    run.finish().unwrap();
    let info = RunInfo::read(&path).unwrap();
    assert_eq!(info.metrics.get("loss").unwrap(), [Some(0.5), Some(0.25)]);
    assert_eq!((info.status, info.error.is_none()), (Status::Done, true));
}

#[test]
fn artifacts_are_copied() {
    let base = tempfile::tempdir().unwrap();
    let work = base.path().join("work");
    fs::create_dir_all(work.join("out")).unwrap();
    fs::write(work.join("old.txt"), "old").unwrap();
    let run = RunOptions::new()
        .runs_dir(work.join("runs"))
        .artifacts_dir(&work)
        .capture_output(false)
        .environment(false)
        .start()
        .unwrap();
    fs::write(work.join("out/new.txt"), "new").unwrap();
    fs::write(base.path().join("model.bin"), "weights").unwrap();
    run.artifact(base.path().join("model.bin")).unwrap();
    let path = run.finish().unwrap();
    assert_eq!(fs::read_to_string(path.join("out/new.txt")).unwrap(), "new");
    assert_eq!(fs::read_to_string(path.join("model.bin")).unwrap(), "weights");
    assert!(!path.join("old.txt").exists() && !path.join("runs").exists());
    let names: Vec<_> = RunInfo::read(&path).unwrap().artifacts();
    assert_eq!(names, [path.join("model.bin"), path.join("out")]);
}

#[test]
fn wrong_properties_are_refused() {
    let base = tempfile::tempdir().unwrap();
    let run = plain(base.path());
    for name in ["../outside", "a/b", "", ".hidden", "1st", "a b", "ä"] {
        assert!(run.property(name, "x").is_err(), "{name}");
    }
    let error = run.property("text", "a\0b").unwrap_err().to_string();
    assert!(error.contains("NUL"), "{error}");
    run.property("model", "a\nb\n").unwrap();
    let info = RunInfo::read(run.path()).unwrap();
    assert_eq!(info.properties["model"], "a\nb\n");
}
