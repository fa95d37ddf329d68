//! Names and texts that would do harm to a terminal.

use super::{json, options, printed, run};

const EVIL: &str = "x\u{1b}[31m\u{9b}2J\u{7f}\u{202e}\r\nEOF";

#[test]
fn nothing_in_a_run_reaches_the_terminal_as_a_command() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["one", "\u{1b}]0;two\u{7}"] {
        let run = options(&folder.path().join("runs").join(name)).start().unwrap();
        run.flags([(EVIL, EVIL), ("</script>", "<b>")]).unwrap();
        run.property("note", format!("{EVIL} {name}")).unwrap();
        run.epoch([(EVIL, 0.5)]).unwrap();
        run.evaluation([(EVIL, 0.25)]).unwrap();
        let source = folder.path().join(name.len().to_string());
        std::fs::create_dir(&source).unwrap();
        std::fs::write(source.join("train.py"), format!("{EVIL}{name}\n")).unwrap();
        run.write(keras_runs::Metadata::source(&source)).unwrap();
        run.fail(&keras_core::Error::invalid(EVIL)).unwrap();
    }
    let cases: [&[&str]; 9] = [
        &["ls", "--all"],
        &["ls", "--json"],
        &["info", "one"],
        &["info", "one", "--json"],
        &["info", "two"],
        &["compare", "one", "two"],
        &["compare", "one", "two", "--json"],
        &["diff", "one", "two"],
        &["clean", "two", "--dry-run"],
    ];
    for arguments in cases {
        let text = printed(folder.path(), &[&["runs"], arguments].concat());
        let bad = text.lines().find(|line| keras_runs::printable(line) != *line);
        assert_eq!(bad, None, "{arguments:?}");
    }
    let output = run(folder.path(), &["runs", "info", EVIL]);
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        text.lines().all(|line| keras_runs::printable(line) == line),
        "{text:?}"
    );
    // Nothing is lost to those who read it by a program.
    let info = json(folder.path(), &["runs", "info", "one", "--json"]);
    assert_eq!(info["run"][format!("flag_{EVIL}")], EVIL);
}

#[test]
fn damaged_runs_are_listed_and_told() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["good", "bad"] {
        options(&folder.path().join("runs").join(name))
            .start()
            .unwrap()
            .finish()
            .unwrap();
    }
    std::fs::write(folder.path().join("runs/bad/tfruns.d/flags.json"), "{\"units\": ").unwrap();
    let text = printed(folder.path(), &["runs", "ls"]);
    assert!(
        text.contains("good") && text.contains("! bad:") && text.contains("flags.json"),
        "{text}"
    );
    let output = run(folder.path(), &["runs", "info", "bad"]);
    assert_eq!(output.status.code(), Some(1));
}
