//! What it says when it is used wrongly: what is wrong and what to do.

use super::{run, three_runs};

#[test]
fn errors_say_what_to_do() {
    let (folder, _) = three_runs();
    let cases: [(&[&str], i32, &[&str]); 17] = [
        (&[], 2, &["Usage: keras"]),
        (&["rnus"], 2, &["rnus", "'runs'"]),
        (&["runs", "list", "--oder", "x"], 2, &["--oder", "'--order'"]),
        (&["runs", "ls", "--latest", "many"], 2, &["--latest", "many"]),
        (
            &["runs", "ls", "--json", "--csv"],
            2,
            &["--json", "cannot be used with", "--csv"],
        ),
        (&["runs", "ls", "eval_acc >"], 2, &["eval_acc >"]),
        (&["runs", "ls", "flag_unit > 3"], 1, &["flag_unit", "flag_units"]),
        (
            &["runs", "ls", "--order", "metric_los"],
            1,
            &["metric_los", "metric_loss"],
        ),
        (&["runs", "ls", "--columns", "nmae"], 2, &["nmae"]),
        (&["runs", "info", "zebra"], 1, &["zebra", "keras runs ls"]),
        (&["runs", "info", "a"], 1, &["2 runs", "`a`", "give more"]),
        (
            &["runs", "--runs-dir", "none", "info"],
            1,
            &["none", "keras run -- PROGRAM", "--runs-dir"],
        ),
        (&["runs", "clean"], 2, &["<RUNS|--filter"]),
        (&["runs", "restore", "a1"], 1, &["archive"]),
        (
            &["runs", "copy", "a1", "--rename", "x", "--rename", "y"],
            2,
            &["--rename", "1 runs, 2 names"],
        ),
        (
            &["runs", "copy", "a1", "--to", "runs"],
            1,
            &["onto itself", "rename"],
        ),
        (&["runs", "diff", "a1"], 2, &["<AFTER>"]),
    ];
    for (arguments, code, says) in cases {
        let output = run(folder.path(), arguments);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
        for words in says {
            assert!(
                text.contains(words),
                "{arguments:?} does not say {words:?}:\n{text}"
            );
        }
    }
}

#[test]
fn completions_and_manual_name_the_commands() {
    let (folder, _) = three_runs();
    let text = |arguments: &[&str]| String::from_utf8(run(folder.path(), arguments).stdout).unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let script = text(&["completions", shell]);
        for word in ["restore", "replay", "tpe", "prune", "inspect", "convert"] {
            assert!(script.contains(word), "{shell} {word}");
        }
    }
    assert!(text(&["man"]).starts_with(".ie"));
    text(&["man", "pages"]);
    for page in ["runs-ls", "runs-replay", "tune", "summary", "inspect", "convert"] {
        let page = format!("pages/keras-{page}.1");
        assert!(folder.path().join(&page).exists(), "{page}");
    }
}
