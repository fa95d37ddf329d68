//! `keras runs`: what it prints.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::json;

use super::{json, keras, options, printed, run, three_runs};

#[test]
fn commands_print_what_they_find() {
    let (folder, _) = three_runs();
    let cases: [(&[&str], &[&str], &[&str]); 13] = [
        (
            &["ls"],
            &[
                "name",
                "status",
                "eval_accuracy",
                "flag_units",
                "a1",
                "a2",
                "b",
                "failed",
            ],
            &[],
        ),
        (&["ls", "flag_units == 16"], &["a1", "a2"], &["failed"]),
        (&["ls", "--latest", "1"], &["b "], &["a1", "a2"]),
        (
            &["ls", "--columns", "name,metric_loss"],
            &["a1        0.50000"],
            &["status"],
        ),
        (
            &["ls", "flag_units > 100"],
            &["no run for which this holds in runs"],
            &[],
        ),
        (&["ls", "--archived"], &["no run in runs"], &[]),
        (
            &["info", "a2"],
            &[
                "runs/a2",
                "done",
                "flag_units               16",
                "0.25000   best 0.25000 (epoch 2)",
                "train.rs",
            ],
            &["error"],
        ),
        (&["info"], &["runs/b", "failed", "no memory"], &[]),
        (
            &["compare", "a1", "a2"],
            &[
                "metric_loss",
                "0.25000 (-0.2500)",
                "2 runs equal but for the seed: units=16",
                "0.37500 ± 0.17678",
            ],
            &["flag_units"],
        ),
        (&["compare", "a1", "b"], &["flag_units"], &["equal but for"]),
        (&["diff", "a1", "b"], &["units: 16 → 64"], &[]),
        (
            &["export", "a1"],
            &["run,epoch,metric,value\na1,1,loss,1\na1,2,loss,0.5\n"],
            &["a2"],
        ),
        (
            &["compare", "a1", "b", "--csv"],
            &["value,a1,b\n", "metric_loss,0.5,0.125\n"],
            &[],
        ),
    ];
    for (arguments, there, absent) in cases {
        let arguments = [&["runs"], arguments].concat();
        let text = printed(folder.path(), &arguments);
        for words in there {
            assert!(text.contains(words), "{arguments:?} lacks {words:?}:\n{text}");
        }
        for words in absent {
            assert!(!text.contains(words), "{arguments:?} has {words:?}:\n{text}");
        }
    }
}

#[test]
fn runs_are_ordered_as_asked() {
    let (folder, _) = three_runs();
    for (order, names) in [
        (vec![], ["b", "a2", "a1"]),
        (vec!["--order", "metric_loss"], ["a1", "a2", "b"]),
        (vec!["--order", "-metric_loss"], ["b", "a2", "a1"]),
        (
            vec!["--order", "flag_units", "--order", "-eval_accuracy"],
            ["b", "a1", "a2"],
        ),
    ] {
        let mut arguments = vec!["runs", "ls", "--columns", "name", "--csv"];
        arguments.extend(order);
        let expected = format!("name\n{}\n", names.join("\n"));
        assert_eq!(printed(folder.path(), &arguments), expected, "{arguments:?}");
    }
}

#[test]
fn json_holds_the_numbers_in_full() {
    let (folder, paths) = three_runs();
    let list = json(folder.path(), &["runs", "ls", "--json", "--order", "metric_loss"]);
    assert_eq!(list[1]["metric_loss"], 0.25);
    assert_eq!(list[1]["flag_units"], 16);
    assert_eq!(list[2]["error_message"], "no memory");
    let info = json(folder.path(), &["runs", "info", "a1", "--json"]);
    assert_eq!(info["metrics"], json!({"loss": [1.0, 0.5]}));
    let compared = json(folder.path(), &["runs", "compare", "a1", "a2", "--json"]);
    assert_eq!(compared["runs"], json!(["a1", "a2"]));
    assert_eq!(compared["noise"][0]["values"]["metric_loss"]["mean"], 0.375);
    let exported = json(folder.path(), &["runs", "export", "--json"]);
    assert_eq!(exported.as_array().map(Vec::len), Some(paths.len()));
    let file = folder.path().join("all.csv");
    assert_eq!(printed(folder.path(), &["runs", "export", "-o", "all.csv"]), "");
    assert_eq!(fs::read_to_string(file).unwrap().lines().count(), 7);
}

#[test]
fn values_that_are_not_finite_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let run = options(&folder.path().join("runs/x")).start().unwrap();
    run.epoch([("loss", f64::NAN), ("grow", f64::INFINITY)]).unwrap();
    run.finish().unwrap();
    let info = json(folder.path(), &["runs", "info", "--json"]);
    assert_eq!(info["metrics"], json!({"loss": ["NaN"], "grow": ["Infinity"]}));
    let text = printed(folder.path(), &["runs", "ls"]);
    assert!(text.contains("NaN") && text.contains("inf"), "{text}");
}

#[test]
fn runs_go_to_the_archive_and_come_back() {
    let (folder, _) = three_runs();
    let names = |more: &[&str]| {
        let arguments = [&["runs", "ls", "--columns", "name", "--csv"], more].concat();
        let text = printed(folder.path(), &arguments);
        text.lines().skip(1).map(str::to_owned).collect::<Vec<_>>()
    };
    let dry = printed(
        folder.path(),
        &["runs", "clean", "--filter", "status == 'failed'", "--dry-run"],
    );
    assert_eq!(dry.trim(), "runs/b");
    assert_eq!(names(&[]).len(), 3);
    printed(
        folder.path(),
        &["runs", "clean", "--filter", "status == 'failed'"],
    );
    let moved = json(folder.path(), &["runs", "clean", "a1", "--json"]);
    assert_eq!(moved, json!({"archived": ["runs/archive/a1"]}));
    assert_eq!(
        (names(&[]), names(&["--archived"])),
        (vec!["a2".into()], vec!["b".into(), "a1".into()])
    );
    assert_eq!(
        printed(folder.path(), &["runs", "restore", "a1"]).trim(),
        "runs/a1"
    );
    let asked = printed(folder.path(), &["runs", "purge"]);
    assert!(
        asked.starts_with("1 runs in the archive") && asked.contains("--yes"),
        "{asked}"
    );
    assert_eq!(names(&["--archived"]), ["b"]);
    assert_eq!(
        json(folder.path(), &["runs", "purge", "--yes", "--json"])["runs"],
        1
    );
    assert!(names(&["--archived"]).is_empty());
    assert_eq!(names(&[]), ["a2", "a1"]);
}

#[test]
fn copies_have_new_names() {
    let (folder, paths) = three_runs();
    fs::write(paths[0].join("model.bin"), "weights").unwrap();
    let copied = printed(
        folder.path(),
        &[
            "runs", "copy", "a1", "a2", "--to", "kept", "--rename", "x", "--rename", "y",
        ],
    );
    assert_eq!(copied, "kept/x\nkept/y\n");
    assert!(printed(folder.path(), &["runs", "info", "kept/y"]).contains("done"));
    printed(folder.path(), &["runs", "copy", "a1", "--files", "--to", "files"]);
    let files = folder.path().join("files/a1");
    assert!(files.join("model.bin").exists() && !files.join("tfruns.d").exists());
}

#[test]
fn differences_are_told_by_the_exit_code_when_asked_for() {
    let (folder, _) = three_runs();
    for (arguments, code) in [
        (vec!["a1", "b"], 0),
        (vec!["a1", "a2", "--exit-code"], 0),
        (vec!["a1", "b", "--exit-code"], 1),
    ] {
        let output = run(folder.path(), &[&["runs", "diff"], arguments.as_slice()].concat());
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
    }
}

#[test]
fn changed_sources_are_shown() {
    let folder = tempfile::tempdir().unwrap();
    let code = folder.path().join("code");
    fs::create_dir(&code).unwrap();
    for (name, rate) in [("a", "0.1"), ("b", "0.2")] {
        fs::write(code.join("train.py"), format!("import keras\nrate = {rate}\n")).unwrap();
        let run = options(&folder.path().join("runs").join(name)).start().unwrap();
        run.write(keras_runs::Metadata::source(&code)).unwrap();
        run.finish().unwrap();
    }
    let text = printed(folder.path(), &["runs", "diff", "a", "b"]);
    let expected =
        "--- a/train.py\n+++ b/train.py\n@@ -1,2 +1,2 @@\n import keras\n-rate = 0.1\n+rate = 0.2\n";
    assert_eq!(text, expected);
}

#[test]
fn tables_fit_into_the_columns_there_are() {
    let (folder, _) = three_runs();
    let output = keras(folder.path(), &["runs", "ls"])
        .env("COLUMNS", "30")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let rows: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    assert!(
        rows.len() == 4 && rows.iter().all(|row| row.chars().count() <= 30),
        "{text}"
    );
    assert!(text.contains(" more: ") && text.contains("flag_units"), "{text}");
}

/// As `keras runs export | head -1` does.
#[test]
fn a_closed_pipe_ends_it_quietly() {
    let folder = tempfile::tempdir().unwrap();
    let run = options(&folder.path().join("runs/long")).start().unwrap();
    let mut metrics = keras_runs::Metrics::new();
    for epoch in 0..20_000 {
        metrics.set(epoch, "loss", 1. / (epoch + 1) as f64);
    }
    run.write(keras_runs::Metadata::Metrics(metrics)).unwrap();
    run.finish().unwrap();
    let mut child = keras(folder.path(), &["runs", "export"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::with_capacity(16, child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert_eq!(line, "run,epoch,metric,value\n");
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        (output.status.code(), output.stderr.as_slice()),
        (Some(0), [].as_slice())
    );
}
