//! `keras runs replay`.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{json, printed, run};

/// Its losses depend on a flag, the seed and a file beside it.
const TRAIN: &str = r#"
D="$KERAS_RUN_DIR/tfruns.d"
. ./part.sh
for epoch in 0 1 2; do
  echo "{\"time\": 1, \"fit\": 0, \"epoch\": $epoch, \"values\": {\"loss\": $((KERAS_FLAG_UNITS * (KERAS_RUN_SEED + epoch))).$PART}}" >> "$D/steps.jsonl"
done
echo "{\"time\": 1, \"values\": {\"loss\": 0.$PART}}" >> "$D/evaluations.jsonl"
"#;

fn recorded() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("train.sh"), TRAIN).unwrap();
    fs::write(folder.path().join("part.sh"), "PART=5\n").unwrap();
    folder
}

fn record(folder: &Path) {
    let output = run(
        folder,
        &[
            "run",
            "--run-dir",
            "runs/a",
            "--flag",
            "units=3",
            "--seed",
            "7",
            "--",
            "sh",
            "train.sh",
        ],
    );
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn the_recorded_sources_flags_and_seed_give_the_same_numbers() {
    let folder = recorded();
    record(folder.path());
    // What the folder holds by now is of no account.
    fs::write(folder.path().join("part.sh"), "PART=25\n").unwrap();
    let same = json(folder.path(), &["runs", "replay", "a", "--json"]);
    assert_eq!((&same["equal"], &same["numbers"]), (&true.into(), &4.into()));
    let copy = printed(folder.path(), &["runs", "replay", "a", "--folder", "again"]);
    assert!(copy.ends_with("all 4 numbers are the same\n"), "{copy}");
    assert_eq!(
        fs::read_to_string(folder.path().join("again/part.sh")).unwrap(),
        "PART=5\n"
    );
    let here = run(folder.path(), &["runs", "replay", "a", "--here"]);
    let text = String::from_utf8(here.stdout).unwrap();
    assert_eq!(here.status.code(), Some(1));
    assert!(
        text.ends_with("first difference: loss in epoch 1: 21.5 → 21.25; 0 numbers before it are the same\n"),
        "{text}"
    );
    let near = run(
        folder.path(),
        &["runs", "replay", "a", "--here", "--tolerance", "0.02", "--json"],
    );
    let said: serde_json::Value = serde_json::from_slice(&near.stdout).unwrap();
    assert_eq!(
        said["difference"],
        serde_json::json!({"value": "loss", "place": "evaluation 1", "before": 0.5, "after": 0.25})
    );
    let listed = printed(
        folder.path(),
        &["runs", "ls", "replay_of == 'a'", "--columns", "name", "--csv"],
    );
    assert_eq!(listed.lines().count(), 5);
}

#[test]
fn git_gives_what_the_sources_lack() {
    let folder = recorded();
    let git = |arguments: &[&str]| {
        let identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"];
        let done = Command::new("git")
            .args(identity)
            .args(arguments)
            .current_dir(folder.path())
            .output();
        assert!(done.unwrap().status.success(), "{arguments:?}");
    };
    // No source by its kind.
    fs::write(folder.path().join("part.txt"), "PART=5\n").unwrap();
    fs::write(
        folder.path().join("train.sh"),
        TRAIN.replace("part.sh", "part.txt"),
    )
    .unwrap();
    git(&["init", "--quiet"]);
    git(&["add", "."]);
    git(&["commit", "--quiet", "-m", "first"]);
    fs::write(folder.path().join("part.txt"), "PART=75\n").unwrap();
    record(folder.path());
    fs::write(folder.path().join("part.txt"), "PART=25\n").unwrap();
    let text = printed(folder.path(), &["runs", "replay", "a"]);
    assert!(text.ends_with("all 4 numbers are the same\n"), "{text}");
    // Nothing of it is left.
    let trees = Command::new("git")
        .args(["worktree", "list"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(trees.stdout).unwrap().lines().count(), 1);
}

#[test]
fn what_cannot_be_replayed_is_told() {
    let folder = recorded();
    record(folder.path());
    fs::create_dir(folder.path().join("full")).unwrap();
    fs::write(folder.path().join("full/x"), "").unwrap();
    let bare = super::options(&folder.path().join("runs/b")).start().unwrap();
    bare.finish().unwrap();
    let cases: [(&[&str], i32, &[&str]); 5] = [
        (&["a", "--folder", "full"], 1, &["full", "not empty"]),
        (&["a", "--build", "exit 3"], 1, &["`exit 3`", "3"]),
        (&["b"], 1, &["no record of its folder", "keras run"]),
        (&["a", "--", "false"], 1, &["ended otherwise", "exit status 1"]),
        (
            &["a", "--here", "--folder", "x"],
            2,
            &["--here", "cannot be used with"],
        ),
    ];
    for (arguments, code, says) in cases {
        let output = run(folder.path(), &[&["runs", "replay"], arguments].concat());
        super::ended(&output, code, says, &arguments);
    }
}
