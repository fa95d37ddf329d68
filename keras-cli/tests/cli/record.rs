//! `keras run`: programs that are recorded.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use keras_runs::{FlagSet, RunInfo, RunOptions, Status, latest_run};

use super::{keras, run};

fn latest(folder: &std::path::Path) -> RunInfo {
    let found = latest_run(folder.join("runs")).unwrap().unwrap();
    RunInfo::read(found.run_dir).unwrap()
}

#[test]
fn programs_end_as_they_end_and_so_do_their_runs() {
    let cases = [
        ("echo hello; echo oh >&2", Status::Done, 0, None),
        (
            "echo first; echo no data >&2; exit 3",
            Status::Failed,
            3,
            Some("exit status 3: no data"),
        ),
        ("exit 1", Status::Failed, 1, Some("exit status 1")),
        ("kill -KILL $$", Status::Killed, 137, None),
        ("kill -TERM $$", Status::Killed, 143, None),
        ("kill -ABRT $$", Status::Failed, 134, Some("signal 6 SIGABRT")),
    ];
    for (script, status, code, message) in cases {
        let folder = tempfile::tempdir().unwrap();
        let output = run(folder.path(), &["run", "--", "sh", "-c", script]);
        assert_eq!(output.status.code(), Some(code), "{script}");
        let info = latest(folder.path());
        assert_eq!(info.status, status, "{script}");
        assert_eq!(
            info.error.as_ref().map(|e| e.message.as_str()),
            message,
            "{script}"
        );
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(told.contains(&format!(": {status}, ")), "{told}");
        let again = run(folder.path(), &["run", "--json", "--", "sh", "-c", script]);
        let said = String::from_utf8(again.stderr).unwrap();
        let said: serde_json::Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
        assert_eq!(
            (&said["status"], &said["code"]),
            (&status.name().into(), &code.into())
        );
        let listed = super::printed(folder.path(), &["runs", "ls"]);
        assert!(listed.contains(status.name()), "{listed}");
    }
}

#[test]
fn what_it_prints_is_shown_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let script = r"printf 'a\033[31mb\n\377\n'; echo warning >&2";
    let output = run(folder.path(), &["run", "-q", "--", "sh", "-c", script]);
    assert_eq!(output.stdout, b"a\x1b[31mb\n\xff\n");
    assert_eq!(output.stderr, b"warning\n");
    let text = latest(folder.path()).output().unwrap().unwrap();
    assert!(
        text.contains("ab\n\u{fffd}\n") && text.contains("warning\n"),
        "{text:?}"
    );
}

#[test]
fn flags_reach_any_program() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(
        folder.path(),
        &[
            "run",
            "-q",
            "--flag",
            "units=16",
            "--flag",
            "name=a b",
            "--flag",
            "deep=true",
            "--property",
            "experiment=width",
            "--seed",
            "7",
            "--",
            "sh",
            "-c",
            "echo $KERAS_FLAG_UNITS $KERAS_FLAG_NAME {deep} $KERAS_RUN_SEED",
        ],
    );
    assert_eq!(String::from_utf8_lossy(&output.stdout), "16 a b true 7\n");
    let info = latest(folder.path());
    let flags = serde_json::json!({"units": 16, "name": "a b", "deep": true});
    assert_eq!(serde_json::Value::Object(info.flags.clone()), flags);
    assert_eq!(info.properties["experiment"], "width");
    assert_eq!(info.properties["seed"], "7");
}

const CHILD: &str = "KERAS_CLI_TEST_CHILD";

/// The program that other tests here start: this test binary, with this test alone.
#[test]
fn a_program_of_ours() {
    keras_runs::flags! {
        struct Flags {
            units: usize = 1,
            rate: f64 = 0.5,
        }
    }
    let Ok(how) = std::env::var(CHILD) else { return };
    let run = RunOptions::new().environment(false).start().unwrap();
    let flags = Flags::load_from(keras_runs::FlagSources::new()).unwrap();
    run.epoch([("loss", 1. / flags.units as f64)]).unwrap();
    run.property("drawn", keras_core::random::next_seed()).unwrap();
    match how.as_str() {
        "fails" => drop(run.fail(&keras_core::Error::invalid("no more memory")).unwrap()),
        _ => drop(run.finish().unwrap()),
    }
    std::process::exit(i32::from(how == "fails"));
}

#[test]
fn programs_of_ours_write_into_the_same_run() {
    for (how, status, message) in [
        ("ends", Status::Done, None),
        ("fails", Status::Failed, Some("no more memory")),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let program = std::env::current_exe().unwrap();
        let mut command = keras(folder.path(), &["run", "--flag", "units=8", "--seed", "3", "--"]);
        command
            .arg(program)
            .args(["--exact", "record::a_program_of_ours"])
            .env(CHILD, how);
        command.output().unwrap();
        let runs = keras_runs::ls_runs(folder.path().join("runs")).unwrap();
        assert_eq!(runs.len(), 1, "{how}");
        let info = latest(folder.path());
        assert_eq!(info.status, status);
        assert_eq!(info.flags["units"], 8);
        assert_eq!(info.flags["rate"], 0.5);
        assert_eq!(info.metrics.last("loss"), Some(0.125));
        assert_eq!(info.seed(), Some(3));
        keras_core::set_random_seed(3);
        assert_eq!(
            info.properties["drawn"],
            keras_core::random::next_seed().to_string()
        );
        assert_eq!(info.error.as_ref().map(|e| e.message.as_str()), message);
    }
}

#[test]
fn sources_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("train.sh"), "echo trained\n").unwrap();
    fs::write(folder.path().join("data.csv"), "1,2\n").unwrap();
    run(folder.path(), &["run", "--", "sh", "train.sh"]);
    let info = latest(folder.path());
    assert_eq!(
        info.sources().unwrap(),
        [("train.sh".to_owned(), b"echo trained\n".to_vec())]
    );
    assert_eq!(info.properties["script"], "train.sh");
    assert_eq!(info.properties["command"], "sh train.sh");
}

#[test]
fn a_program_that_is_not_there_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), &["run", "--", "./no-such-program"]);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text.contains("./no-such-program") && text.contains("cannot run"),
        "{text}"
    );
    assert_eq!(latest(folder.path()).status, Status::Failed);
}

#[test]
fn a_signal_to_the_command_ends_its_program_and_is_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = keras(
        folder.path(),
        &["run", "--", "sh", "-c", "touch begun; exec sleep 60"],
    )
    .stdout(Stdio::null())
    .stderr(Stdio::null())
    .spawn()
    .unwrap();
    let begun = Instant::now();
    while !folder.path().join("begun").exists() {
        assert!(begun.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(latest(folder.path()).status, Status::Running);
    let id = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &id])
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(child.wait().unwrap().code(), Some(143));
    assert!(begun.elapsed() < Duration::from_secs(60));
    assert_eq!(latest(folder.path()).status, Status::Killed);
}

#[test]
fn misuse_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let cases: [(&[&str], &str); 4] = [
        (&["run"], "<PROGRAM>"),
        (
            &["run", "--flag", "units", "--", "true"],
            "--flag needs NAME=VALUE, got `units`",
        ),
        (
            &["run", "--flag", "a=1", "--flag", "a=2", "--", "true"],
            "given twice",
        ),
        (&["run", "--seed", "-1", "--", "true"], "'-1'"),
    ];
    for (arguments, says) in cases {
        let output = run(folder.path(), arguments);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}");
        assert!(text.contains(says), "{arguments:?}: {text}");
    }
    assert!(!folder.path().join("runs").exists());
}
