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

/// A program for a shell that trains for a moment: its loss depends on `units`, and it leaves a model.
const TRAIN: &str = r#"
D="$KERAS_RUN_DIR/tfruns.d"
touch "begun-$KERAS_FLAG_UNITS"
for epoch in 0 1 2 3 4 5; do
  loss=$((1000 + 1000 / (KERAS_FLAG_UNITS + epoch)))
  echo "{\"time\": 1, \"fit\": 0, \"epoch\": $epoch, \"values\": {\"loss\": 0.$loss}}" >> "$D/steps.jsonl"
  if [ -n "$PAUSE" ]; then sleep "$PAUSE"; fi
done
echo "model of $KERAS_FLAG_UNITS units" > "$KERAS_RUN_DIR/model.txt"
"#;

fn training(space: &str) -> tempfile::TempDir {
    let folder = folder(space);
    fs::write(folder.path().join("train.sh"), TRAIN).unwrap();
    folder
}

fn tuned(folder: &Path, arguments: &[&str]) -> serde_json::Value {
    json(
        folder,
        &[&["tune", "--json"], arguments, &["--", "sh", "train.sh"]].concat(),
    )
}

#[test]
fn a_killed_search_goes_on_and_keeps_the_best_model() {
    let folder = training("units: [1, 2, 3, 4, 5, 6]\nlayers: [1, 2]\n");
    let grid = ["--grid", "space.yml", "--jobs", "2", "--best", "best"];
    let mut first = super::keras(
        folder.path(),
        &[&["tune"], &grid[..], &["--", "sh", "train.sh"]].concat(),
    )
    .env("PAUSE", "0.02")
    .stdout(std::process::Stdio::null())
    .stderr(std::process::Stdio::null())
    .spawn()
    .unwrap();
    let begun = std::time::Instant::now();
    let until = |holds: &dyn Fn() -> bool| {
        while !holds() {
            assert!(begun.elapsed().as_secs() < 120);
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    };
    until(&|| status(folder.path(), Status::Done) >= 4);
    // Not even a word to those that it started.
    first.kill().unwrap();
    first.wait().unwrap();
    // A child that was being started has the locks until it is another program.
    until(&|| status(folder.path(), Status::Running) == 0);
    let before = status(folder.path(), Status::Done);
    assert!((4..12).contains(&before), "{before}");
    let said = tuned(folder.path(), &grid);
    assert_eq!(said["trials"], 12);
    assert_eq!(said["skipped"], before);
    assert_eq!(said["done"], 12 - before);
    assert_eq!(status(folder.path(), Status::Done), 12);
    assert_eq!(said["best"]["flags"]["units"], 6);
    assert_eq!(said["best"]["objective"], "metric_loss");
    let model = fs::read_to_string(folder.path().join("best/model.txt")).unwrap();
    assert_eq!(model, "model of 6 units\n");
    let table = printed(folder.path(), &["runs", "ls", "status == 'done'", "--csv"]);
    assert_eq!(table.lines().count(), 13);
    let again = tuned(folder.path(), &grid);
    assert_eq!(
        (&again["done"], &again["skipped"], &again["best"]["run"]),
        (&0.into(), &12.into(), &said["best"]["run"])
    );
    // Other sources are another program, and another file of flags is not.
    fs::write(
        folder.path().join("space.yml"),
        "units: [1, 2, 7]\nlayers: [1, 2]\n",
    )
    .unwrap();
    let more = tuned(folder.path(), &["--grid", "space.yml"]);
    assert_eq!((&more["done"], &more["skipped"]), (&2.into(), &4.into()));
    fs::write(folder.path().join("train.sh"), format!("# new\n{TRAIN}")).unwrap();
    let dry = printed(
        folder.path(),
        &["tune", "--grid", "space.yml", "--dry-run", "--", "sh", "train.sh"],
    );
    assert!(dry.ends_with("# 6 trials to run, 0 done before\n"), "{dry}");
}

/// What a killed search had started ends, too.
#[cfg(unix)]
#[test]
fn no_program_is_left_behind() {
    let folder = folder("a: [1]\n");
    let script = "echo $$ > pid; exec sleep 600";
    let mut child = super::keras(
        folder.path(),
        &["tune", "--grid", "space.yml", "--", "sh", "-c", script],
    )
    .stderr(std::process::Stdio::null())
    .spawn()
    .unwrap();
    let begun = std::time::Instant::now();
    let pid = loop {
        let pid = fs::read_to_string(folder.path().join("pid")).unwrap_or_default();
        if let Some(pid) = pid.strip_suffix('\n') {
            break pid.to_owned();
        }
        assert!(begun.elapsed().as_secs() < 60);
        std::thread::sleep(std::time::Duration::from_millis(5));
    };
    // The watcher starts right after.
    std::thread::sleep(std::time::Duration::from_millis(300));
    child.kill().unwrap();
    child.wait().unwrap();
    let lives = || {
        let asked = std::process::Command::new("kill")
            .args(["-0", &pid])
            .stderr(std::process::Stdio::null())
            .status();
        // A process that nobody has waited for yet is a name only.
        let state = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        asked.unwrap().success() && !state.contains(") Z ")
    };
    while lives() {
        assert!(begun.elapsed().as_secs() < 60, "{pid} still runs");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_eq!(status(folder.path(), Status::Killed), 1);
}

#[test]
fn rows_are_drawn_near_the_good_and_a_search_is_taken_up() {
    let folder = training("units: {min: 1, max: 500, integer: true}\n");
    let some = |n| ["--tpe", "space.yml", "-n", n, "--jobs", "2"];
    let first = tuned(folder.path(), &some("12"));
    assert_eq!((&first["trials"], &first["done"]), (&12.into(), &12.into()));
    let more = tuned(folder.path(), &some("20"));
    assert_eq!((&more["done"], &more["skipped"]), (&8.into(), &12.into()));
    assert_eq!(tuned(folder.path(), &some("20"))["done"], 0);
    let runs = ls_runs(folder.path().join("runs")).unwrap();
    let mut units: Vec<_> = runs.iter().map(|run| run.flags["units"].as_i64()).collect();
    units.sort();
    units.dedup();
    assert_eq!(units.len(), 20);
    // A space of three rows has no fourth.
    fs::write(folder.path().join("space.yml"), "units: [1, 2]\nlayers: 3\n").unwrap();
    let few = tuned(
        folder.path(),
        &["--tpe", "space.yml", "-n", "9", "--repeats", "2"],
    );
    assert_eq!((&few["done"], &few["trials"]), (&4.into(), &4.into()));
}

#[test]
fn those_below_the_median_are_ended_early_and_not_tried_again() {
    ended_early("median");
}

#[test]
fn those_not_among_the_best_third_are_ended_early_and_not_tried_again() {
    ended_early("asha");
}

#[track_caller]
fn ended_early(rule: &str) {
    // Loss falls with units: 1 is the worst.
    let folder = training("units: [30, 40, 50, 60, 1]\n");
    let said = |pause: &str| -> serde_json::Value {
        let output = super::keras(
            folder.path(),
            &[
                "tune",
                "--grid",
                "space.yml",
                "--prune",
                rule,
                "--grace",
                "2",
                "--json",
                "--",
                "sh",
                "train.sh",
            ],
        )
        .env("PAUSE", pause)
        .output()
        .unwrap();
        assert_eq!(
            output.status.code(),
            Some(0),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let first = said("0.4");
    assert_eq!(
        (&first["pruned"], &first["done"]),
        (&1.into(), &4.into()),
        "{first}"
    );
    assert_eq!(first["best"]["flags"]["units"], 60);
    let info = json(
        folder.path(),
        &["runs", "ls", "flag_units == 1", "--all", "--json"],
    );
    assert_eq!(info[0]["status"], "killed");
    let epochs: usize = info[0]["pruned"].as_str().unwrap().parse().unwrap();
    assert!((2..6).contains(&epochs), "{epochs}");
    let again = said("0.4");
    assert_eq!((&again["pruned"], &again["skipped"]), (&0.into(), &5.into()));
}

#[test]
fn the_objective_has_a_name_and_a_direction() {
    let folder = training("units: [1, 2, 4]\n");
    let best = |more: &[&str]| {
        let said = tuned(
            folder.path(),
            &[&["--grid", "space.yml", "--seeds", "2"], more].concat(),
        );
        said["best"].clone()
    };
    assert_eq!(best(&[])["flags"]["units"], 4);
    assert_eq!(best(&[])["seeds"], 2);
    assert_eq!(
        best(&["--objective", "metric_loss", "--maximize"])["flags"]["units"],
        1
    );
    assert_eq!(
        best(&["--objective", "flag_units", "--minimize"])["flags"]["units"],
        1
    );
    let arguments = [
        "tune",
        "--grid",
        "space.yml",
        "--objective",
        "metric_los",
        "--",
        "sh",
        "train.sh",
    ];
    let output = run(folder.path(), &arguments);
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text.contains("metric_los") && text.contains("metric_loss"),
        "{text}"
    );
    let text = printed(
        folder.path(),
        &["tune", "--grid", "space.yml", "--", "sh", "train.sh"],
    );
    assert!(
        text.starts_with("3 trials: 3 done before\nbest metric_loss "),
        "{text}"
    );
}

#[test]
fn misuse_is_told() {
    let cases: [(&str, &[&str], i32, &[&str]); 13] = [
        ("a: [1]", &[], 2, &["--grid", "--random"]),
        ("a: [1]", &["--random", "space.yml"], 2, &["--trials"]),
        ("a: [1]", &["--tpe", "space.yml"], 2, &["--trials"]),
        (
            "a: [1]",
            &["--grid", "space.yml", "--prune", "medain"],
            2,
            &["medain", "median"],
        ),
        (
            "a: [1]",
            &["--grid", "space.yml", "--grace", "3"],
            2,
            &["--prune"],
        ),
        (
            "a: [1]",
            &["--grid", "space.yml", "--maximize", "--minimize"],
            2,
            &["--maximize", "--minimize"],
        ),
        (
            "a: [1]",
            &["--grid", "space.yml", "--best", "space.yml"],
            1,
            &["--best", "is no run", "another folder"],
        ),
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
        super::ended(&output, code, says, &arguments);
    }
}
