//! `keras tune`: trials as processes.

use std::fs;
use std::path::Path;

use keras_runs::{Status, ls_runs};

use super::{json, printed, run};

fn folder(space: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("space.yml"), space).unwrap();
    folder
}

fn status(folder: &Path, status: Status) -> usize {
    let runs = ls_runs(folder.join("runs")).unwrap();
    runs.iter().filter(|run| run.status == status).count()
}

#[test]
fn failed_trials_are_results_and_only_they_are_tried_again() {
    let folder = folder("units: [1, 2, 3]\ndropout: [0.1, 0.5]\n");
    let script = "test {units} != 2 || test -e fixed";
    let tune = [
        "tune",
        "--grid",
        "space.yml",
        "--jobs",
        "2",
        "--json",
        "--",
        "sh",
        "-c",
        script,
    ];
    let output = run(folder.path(), &tune);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(
        errors.contains("[6/6] ") && errors.contains("units=2 dropout=0.5 seed=0: failed"),
        "{errors}"
    );
    let result: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&result["done"], &result["failed"], &result["skipped"]),
        (&4.into(), &2.into(), &0.into())
    );
    assert_eq!(
        (
            status(folder.path(), Status::Done),
            status(folder.path(), Status::Failed)
        ),
        (4, 2)
    );
    fs::write(folder.path().join("fixed"), "").unwrap();
    let again = json(folder.path(), &tune);
    assert_eq!((&again["done"], &again["skipped"]), (&2.into(), &4.into()));
    assert_eq!(status(folder.path(), Status::Done), 6);
    // What no run has takes no room.
    let table = printed(folder.path(), &["runs", "ls"]);
    assert!(
        table.contains("flag_units") && !table.contains("loss_curve"),
        "{table}"
    );
    // Another program has done none of it.
    let other = ["tune", "--grid", "space.yml", "--dry-run", "--", "true"];
    assert!(printed(folder.path(), &other).ends_with("# 6 trials to run, 0 done before\n"));
}

#[test]
fn seeds_are_repeated_and_those_done_are_skipped() {
    let folder = folder("units: [8, 16]\n");
    let tune = |seeds: &str| {
        let arguments = [
            "tune",
            "--grid",
            "space.yml",
            "--seeds",
            seeds,
            "--seed",
            "5",
            "--",
            "true",
        ];
        printed(folder.path(), &arguments)
    };
    assert_eq!(tune("2"), "4 trials: 4 done\n");
    assert_eq!(tune("3"), "6 trials: 2 done, 4 done before\n");
    let mut seeds: Vec<_> = ls_runs(folder.path().join("runs"))
        .unwrap()
        .iter()
        .map(|run| run.seed())
        .collect();
    seeds.sort();
    assert_eq!(seeds, [5, 5, 6, 6, 7, 7].map(Some));
}

#[test]
fn random_trials_are_the_same_for_the_same_seed() {
    let folder =
        folder("{\"rate\": {\"min\": 0.0001, \"max\": 0.1, \"log\": true}, \"kind\": [\"a\", \"b\"]}");
    let dry = |n: &str, seed: &str| {
        let arguments = [
            "tune",
            "--random",
            "space.yml",
            "-n",
            n,
            "--seed",
            seed,
            "--dry-run",
            "--json",
            "--",
            "x",
        ];
        json(folder.path(), &arguments)["trials"]
            .as_array()
            .unwrap()
            .clone()
    };
    let first = dry("4", "1");
    assert_eq!(first.len(), 4);
    assert_eq!(dry("9", "1")[..4], first[..]);
    assert_ne!(dry("4", "2"), first);
}

#[test]
fn a_terminated_search_goes_on_where_it_was() {
    let folder = folder("n: [1, 2, 3, 4]\n");
    let script = "touch begun{n}; test {n} = 1 || test -e go || exec sleep 60";
    let arguments = ["tune", "--grid", "space.yml", "--", "sh", "-c", script];
    let child = super::keras(folder.path(), &arguments)
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let begun = std::time::Instant::now();
    while !folder.path().join("begun2").exists() {
        assert!(begun.elapsed().as_secs() < 60);
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let id = child.id().to_string();
    assert!(
        std::process::Command::new("kill")
            .args(["-TERM", &id])
            .status()
            .unwrap()
            .success()
    );
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(output.stdout, b"4 trials: 1 done, 1 killed, 2 not started\n");
    fs::write(folder.path().join("go"), "").unwrap();
    assert_eq!(
        printed(folder.path(), &arguments),
        "4 trials: 3 done, 1 done before\n"
    );
}

#[test]
fn misuse_is_told() {
    let cases: [(&str, &[&str], i32, &[&str]); 8] = [
        ("a: [1]", &[], 2, &["--grid", "--random"]),
        ("a: [1]", &["--random", "space.yml"], 2, &["--trials"]),
        (
            "a: [1]",
            &["--grid", "none.yml"],
            1,
            &["none.yml", "cannot read the flags"],
        ),
        ("a: []", &["--grid", "space.yml"], 1, &["flag `a`", "no value"]),
        ("- 1", &["--grid", "space.yml"], 1, &["units: [16, 32]"]),
        (
            "a: {min: 1, max: 2}",
            &["--grid", "space.yml"],
            1,
            &["`a` has a range", "--random"],
        ),
        (
            "a: {min: 0, max: 2, log: true}",
            &["--random", "space.yml", "-n", "2"],
            1,
            &["flag `a`", "more than 0"],
        ),
        (
            "a: {min: 1, mx: 2}",
            &["--random", "space.yml", "-n", "2"],
            1,
            &["mx", "max"],
        ),
    ];
    for (space, arguments, code, says) in cases {
        let folder = folder(space);
        let arguments = [&["tune"], arguments, &["--", "true"]].concat();
        let output = run(folder.path(), &arguments);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
        for words in says {
            assert!(
                text.contains(words),
                "{arguments:?} does not say {words:?}:\n{text}"
            );
        }
    }
}
