//! Runs that end badly, and texts that mean harm.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use keras_runs::{RunInfo, RunOptions, RunTable, Status, ls_runs, plot_history, printable};
use serde_json::json;

use super::reader;
use super::writing::plain;

const CHILD: &str = "KERAS_RUNS_TEST_CHILD";

/// What the child processes of these tests do; nothing when it runs as a test.
#[test]
fn child() {
    let Ok(task) = std::env::var(CHILD) else { return };
    let (task, base) = task.split_once('=').unwrap();
    let options = RunOptions::new().runs_dir(base).environment(false);
    match task {
        "write" => {
            let run = options.capture_output(false).start().unwrap();
            println!("started {}", run.path().display());
            for epoch in 0.. {
                run.flags([("epoch", epoch)]).unwrap();
                run.epoch([("loss", 1. / f64::from(epoch + 1)), ("accuracy", 0.5)])
                    .unwrap();
                run.evaluation([("loss", 0.5)]).unwrap();
            }
        }
        "start" => {
            for _ in 0..20 {
                options
                    .clone()
                    .capture_output(false)
                    .start()
                    .unwrap()
                    .finish()
                    .unwrap();
            }
        }
        "talk" => {
            let run = options.start().unwrap();
            println!("\u{1b}[31mred\u{1b}[0m and </script>");
            std::io::stdout()
                .write_all(b"\xff\xfe invalid\n10%\r100%\n")
                .unwrap();
            eprintln!("a warning");
            run.finish().unwrap();
            println!("after the run");
        }
        "join" => {
            let run = options.seed(1).start().unwrap();
            run.property("mine", keras_core::random::random_seed()).unwrap();
            run.epoch([("loss", 0.5)]).unwrap();
            println!("joined");
            let other = plain(Path::new(base)).finish().unwrap();
            println!("other {}", other.display());
            run.finish().unwrap();
        }
        "terminal" => {
            let run = options.start().unwrap();
            println!("[{}]", keras_core::console::is_terminal());
            run.finish().unwrap();
        }
        "exit" => {
            let _run = options.start().unwrap();
            println!("last words");
            std::process::exit(3);
        }
        "full" => {
            let run = options
                .keep_going(base.ends_with("going"))
                .capture_output(false)
                .start()
                .unwrap();
            let mut failed = None;
            for epoch in 0..2_000 {
                if let Err(error) = run.epoch([("loss", 1. / f64::from(epoch + 1)), ("accuracy", 0.5)]) {
                    failed = Some(error.to_string());
                    break;
                }
            }
            println!("error: {failed:?}");
        }
        other => panic!("{other}"),
    }
}

fn spawn(task: &str, base: &Path) -> Child {
    command(task, base).spawn().unwrap()
}

fn command(task: &str, base: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "torture::child", "--nocapture"])
        .env(CHILD, format!("{task}={}", base.display()))
        .env_remove("KERAS_RUN_DIR")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

#[test]
fn a_program_that_is_killed_leaves_a_run_that_was_killed() {
    let base = tempfile::tempdir().unwrap();
    for round in 0..12u64 {
        let mut child = spawn("write", base.path());
        let patience = Instant::now() + Duration::from_secs(60);
        while ls_runs(base.path()).unwrap().len() as u64 <= round && Instant::now() < patience {
            std::thread::sleep(Duration::from_millis(1));
        }
        // Another moment each time.
        std::thread::sleep(Duration::from_millis(round * round));
        let runs = ls_runs(base.path()).unwrap();
        assert_eq!(runs.iter().filter(|run| run.status == Status::Running).count(), 1);
        child.kill().unwrap();
        child.wait().unwrap();
        let runs = ls_runs(base.path()).unwrap();
        assert_eq!(runs.len() as u64, round + 1);
        for run in &runs {
            assert_eq!(run.status, Status::Killed);
            assert!(run.damage.is_empty(), "{:?}", run.damage);
            reader::read(&run.run_dir).unwrap();
            let info = RunInfo::read(&run.run_dir).unwrap();
            // What was in the lines when it ended is not lost.
            let steps = info.steps().unwrap();
            assert_eq!(
                info.epochs_completed(),
                steps.last().map_or(0, |step| step.epoch + 1)
            );
        }
    }
}

#[test]
fn programs_of_the_same_second_get_directories_of_their_own() {
    let base = tempfile::tempdir().unwrap();
    let children: Vec<_> = (0..3).map(|_| spawn("start", base.path())).collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    let runs = ls_runs(base.path()).unwrap();
    assert_eq!(runs.len(), 60);
    for run in runs {
        assert_eq!(run.status, Status::Done);
        reader::read(&run.run_dir).unwrap();
    }
}

#[cfg(unix)]
#[test]
fn the_console_is_kept_and_shown() {
    let base = tempfile::tempdir().unwrap();
    let output = spawn("talk", base.path()).wait_with_output().unwrap();
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(
        shown.contains("\u{1b}[31mred") && shown.contains("after the run"),
        "{shown}"
    );
    assert!(String::from_utf8_lossy(&output.stderr).contains("a warning"));
    let run = &ls_runs(base.path()).unwrap()[0];
    let kept = RunInfo::read(&run.run_dir).unwrap().output().unwrap().unwrap();
    assert!(kept.contains("red and </script>\n"), "{kept}");
    assert!(kept.contains("\u{fffd}\u{fffd} invalid\n100%\n"), "{kept}");
    assert!(kept.contains("a warning\n"), "{kept}");
    assert!(
        !kept.contains("after the run") && !kept.contains('\u{1b}'),
        "{kept}"
    );
    assert_eq!(
        reader::read(&run.run_dir).unwrap().text("output"),
        kept.trim_end()
    );
}

#[test]
fn a_program_joins_the_run_it_was_started_for() {
    let base = tempfile::tempdir().unwrap();
    let options = RunOptions::new()
        .runs_dir(base.path())
        .capture_output(false)
        .environment(false);
    let run = options.flags([("units", 8)]).seed(5).start().unwrap();
    let mut command = command("join", base.path());
    let output = command.envs(run.variables()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("joined"), "{said}");
    fs::write(run.data_dir().join("console.raw"), &output.stdout).unwrap();
    // It goes on until this one ends it.
    assert_eq!(RunInfo::read(run.path()).unwrap().status, Status::Running);
    let path = run.finish().unwrap();
    let info = RunInfo::read(&path).unwrap();
    assert_eq!(
        (info.status, info.property("mine"), info.seed()),
        (Status::Done, Some("5"), Some(5))
    );
    assert_eq!(info.metrics.get("loss").unwrap(), [Some(0.5)]);
    assert_eq!(info.flags["units"], 8);
    assert!(info.output().unwrap().unwrap().contains("joined\n"));
    reader::read(&path).unwrap();
    assert_eq!(
        ls_runs(base.path()).unwrap().len(),
        2,
        "the program's second run has a directory of its own"
    );
}

/// `script` brings a terminal with it; where it is missing there is none to ask about.
#[cfg(target_os = "linux")]
#[test]
fn progress_is_still_shown_as_to_a_person() {
    let base = tempfile::tempdir().unwrap();
    let command = command("terminal", base.path());
    let program = command.get_program().to_str().unwrap().to_owned();
    let line = format!("{program} --exact torture::child --nocapture");
    let variable = format!("terminal={}", base.path().display());
    let in_terminal = Command::new("script")
        .args(["-qec", &line, "/dev/null"])
        .env(CHILD, &variable)
        .stdin(Stdio::null())
        .output();
    let Ok(output) = in_terminal else { return };
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        said.contains("[true]"),
        "{said} {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let output = spawn("terminal", base.path()).wait_with_output().unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("[false]"));
    for run in ls_runs(base.path()).unwrap() {
        assert!(
            RunInfo::read(&run.run_dir)
                .unwrap()
                .output()
                .unwrap()
                .unwrap()
                .starts_with('[')
        );
    }
}

#[cfg(unix)]
#[test]
fn the_last_words_of_a_program_that_exits_are_not_lost() {
    let base = tempfile::tempdir().unwrap();
    let output = spawn("exit", base.path()).wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stdout).contains("last words"));
    let run = &ls_runs(base.path()).unwrap()[0];
    assert_eq!(run.status, Status::Killed);
    let kept = RunInfo::read(&run.run_dir).unwrap().output().unwrap().unwrap();
    assert!(kept.contains("last words\n"), "{kept}");
}

/// A limit on the size of files stands for a disk that is full: both fail the write.
#[cfg(unix)]
#[test]
fn a_full_disk_is_an_error_unless_training_goes_on_without_a_record() {
    let base = tempfile::tempdir().unwrap();
    for (name, goes_on) in [("stops", false), ("going", true)] {
        let folder = base.path().join(name);
        let command = command("full", &folder);
        let program = command.get_program().to_str().unwrap().to_owned();
        // In blocks of 1024 bytes. The signal is ignored, so that the write fails as on a full disk.
        let script = format!("trap '' XFSZ; ulimit -f 16; exec {program} --exact torture::child --nocapture");
        let output = Command::new("bash")
            .args(["-c", &script])
            .env(CHILD, format!("full={}", folder.display()))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let log = String::from_utf8_lossy(&output.stderr);
        let run = &ls_runs(&folder).unwrap()[0];
        if goes_on {
            assert!(said.contains("error: None"), "{said} {log}");
        } else {
            assert!(
                said.contains("error: Some(") && said.contains(".jsonl"),
                "{said} {log}"
            );
        }
        // No half file either way.
        assert!(run.damage.is_empty(), "{:?}", run.damage);
        reader::read(&run.run_dir).unwrap();
        assert!(run.epochs_completed() > 10);
    }
}

/// A disk that is really full, where one may be mounted.
#[cfg(target_os = "linux")]
#[test]
fn a_disk_without_room_says_what_to_do() {
    let base = tempfile::tempdir().unwrap();
    let disk = base.path().join("disk");
    fs::create_dir(&disk).unwrap();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=256k", "tmpfs"])
        .arg(&disk)
        .output();
    if !mounted.is_ok_and(|output| output.status.success()) {
        return;
    }
    struct Unmount(PathBuf);
    impl Drop for Unmount {
        fn drop(&mut self) {
            let _ = Command::new("umount").arg("-l").arg(&self.0).output();
        }
    }
    let _unmount = Unmount(disk.clone());
    let run = plain(&disk);
    let going = RunOptions::new()
        .runs_dir(&disk)
        .capture_output(false)
        .environment(false);
    let going = going.keep_going(true).start().unwrap();
    let error = (0..100_000)
        .find_map(|_| run.epoch([("loss", 0.5)]).err())
        .unwrap()
        .to_string();
    assert!(
        error.contains("keep_going(true)") && error.contains("free some space"),
        "{error}"
    );
    for _ in 0..100 {
        going.epoch([("loss", 0.5)]).unwrap();
    }
    let path = run.path().to_owned();
    let _ = run.finish();
    going.finish().unwrap();
    assert!(ls_runs(&disk).unwrap().iter().all(|run| run.damage.is_empty()));
    reader::read(&path).unwrap();
}

#[test]
fn names_and_texts_do_no_harm() {
    let base = tempfile::tempdir().unwrap();
    let run = plain(base.path());
    let evil = "</script><img src=x onerror=alert(1)>\u{1b}]0;owned\u{7}\n\"'`$(rm -rf /)`\u{202e}";
    run.flags([(evil, json!(evil)), ("x", json!("</script>"))])
        .unwrap();
    run.epoch([("</text><script>", 0.5), ("loss", 0.25)]).unwrap();
    run.property("note", evil).unwrap();
    let path = run.finish().unwrap();
    let named = base.path().join("\u{1b}[2J evil <script>");
    fs::rename(&path, &named).unwrap();
    let runs = ls_runs(base.path()).unwrap();
    assert_eq!(runs[0].flags[evil], evil);
    assert_eq!(runs[0].properties["note"], evil);
    let shown = RunTable::new(&runs).to_string();
    assert!(
        !shown.contains('\u{1b}') && !shown.contains('\u{202e}'),
        "{shown:?}"
    );
    assert!(shown.contains("\\u{1b}[2J evil"), "{shown}");
    assert!(!printable(evil).contains(['\u{7}', '\n']));
    let mut svg = String::new();
    fs::File::open(named.join("plots/history.svg"))
        .unwrap()
        .read_to_string(&mut svg)
        .unwrap();
    assert!(
        svg.contains("&lt;script&gt;") && !svg.contains("<script"),
        "{svg}"
    );
}

#[test]
fn hostile_files_are_survived() {
    let base = tempfile::tempdir().unwrap();
    let path = plain(base.path()).finish().unwrap();
    let data = path.join("tfruns.d");
    for (file, bytes) in [
        ("flags.json", b"\xff\xfe{\"a\":1}".as_slice()),
        ("metrics.json", b"{\"loss\": {\"a\": 1}}"),
        ("not_finite.json", b"{\"loss\": {\"99999999999\": \"NaN\"}}"),
        (
            "steps.jsonl",
            b"{\"time\":1,\"epoch\":18446744073709551615,\"values\":{\"x\":1}}\nnonsense\n{",
        ),
        ("evaluations.jsonl", b"null\n[]\n{\"time\":1}\n"),
        ("error.json", b"[1]"),
        ("source.tar.gz", b"no archive"),
        ("lock.json", b"[]"),
        ("heartbeat", b"soon"),
        ("properties/start", b"1e999\n"),
        ("properties/end", b"-5\n"),
        ("properties/epochs", b"many\n"),
    ] {
        fs::write(data.join(file), bytes).unwrap();
    }
    #[cfg(unix)]
    std::os::unix::fs::symlink("/dev/zero", data.join("properties/endless")).unwrap();
    let runs = ls_runs(base.path()).unwrap();
    let table = RunTable::new(&runs);
    drop((
        table.to_string(),
        table.to_csv(),
        table.to_json(),
        runs[0].sources(),
    ));
    for rest in ["{", "{\"loss\": [1e999, \"x\", {}]}", "[[[[", "\"", "1"] {
        fs::write(data.join("metrics.json"), rest).unwrap();
        drop(ls_runs(base.path()).unwrap()[0].columns());
    }
    fs::write(data.join("metrics.json"), "[".repeat(100_000)).unwrap();
    assert!(!ls_runs(base.path()).unwrap()[0].damage.is_empty());
}

#[test]
fn archives_do_not_write_elsewhere() {
    let base = tempfile::tempdir().unwrap();
    let path = plain(base.path()).finish().unwrap();
    let mut header = [0u8; 512];
    let name = b"source/../../escaped.rs";
    header[..name.len()].copy_from_slice(name);
    header[124..135].copy_from_slice(b"00000000001");
    header[156] = b'0';
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(&header).unwrap();
    packed.write_all(&[b'x'; 512]).unwrap();
    packed.write_all(&[0; 1024]).unwrap();
    fs::write(path.join("tfruns.d/source.tar.gz"), packed.finish().unwrap()).unwrap();
    let info = RunInfo::read(&path).unwrap();
    let error = info
        .unpack_sources(base.path().join("a/b"))
        .unwrap_err()
        .to_string();
    assert!(error.contains("leads out of the folder"), "{error}");
    assert!(!base.path().join("a/escaped.rs").exists() && !base.path().join("escaped.rs").exists());
}

#[test]
fn pictures_are_drawn_from_any_numbers() {
    let base = tempfile::tempdir().unwrap();
    let mut metrics = keras_runs::Metrics::new();
    let values = [f64::NAN, 1e308, -1e308, 0., f64::INFINITY, 1e-320, 5., 5.];
    for (epoch, value) in values.into_iter().enumerate() {
        metrics.set(epoch, "loss", value);
        metrics.set(epoch, "same", 3.);
        metrics.set(epoch, "none", f64::NAN);
    }
    for name in ["a.png", "a.svg"] {
        plot_history(&metrics, base.path().join(name)).unwrap();
    }
    let png = fs::read(base.path().join("a.png")).unwrap();
    assert_eq!(&png[..8], b"\x89PNG\r\n\x1a\n");
    assert_eq!(&png[16..24], [0, 0, 4, 176, 0, 0, 2, 203]);
    assert!(
        plot_history(&metrics, base.path().join("a.gif"))
            .unwrap_err()
            .to_string()
            .contains(".svg")
    );
    assert!(plot_history(&keras_runs::Metrics::new(), base.path().join("b.png")).is_err());
}
