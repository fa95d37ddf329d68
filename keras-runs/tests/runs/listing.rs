//! Lists: filters, orders, tables.

use std::fs;
use std::path::Path;
use std::time::Instant;

use keras_runs::{Filter, ListRuns, RunTable, as_run_dir, ls_runs};
use serde_json::{Map, Value, json};

use super::writing::plain;

/// Runs with these flags, evaluations and metrics, named a, b, c, … from the oldest.
fn made(base: &Path, runs: &[(Value, Value, &[f64])]) {
    for (at, (flags, evaluation, loss)) in runs.iter().enumerate() {
        let data = base
            .join(char::from(b'a' + at as u8).to_string())
            .join("tfruns.d");
        fs::create_dir_all(data.join("properties")).unwrap();
        fs::write(data.join("flags.json"), flags.to_string()).unwrap();
        fs::write(data.join("evaluation.json"), evaluation.to_string()).unwrap();
        fs::write(data.join("metrics.json"), json!({"loss": loss}).to_string()).unwrap();
        fs::write(data.join("properties/completed"), "TRUE\n").unwrap();
        fs::write(
            data.join("properties/start"),
            format!("{}\n", 1_512_849_584 + 86_400 * at),
        )
        .unwrap();
        fs::write(data.join("properties/fold"), format!("{at}\n")).unwrap();
    }
}

fn samples(base: &Path) {
    made(
        base,
        &[
            (
                json!({"dropout": 0.2, "opt": "adam"}),
                json!({"acc": 0.9}),
                &[0.5, 0.3, 0.4],
            ),
            (
                json!({"dropout": 0.4, "opt": "sgd"}),
                json!({"acc": 0.97}),
                &[0.6],
            ),
            (
                json!({"dropout": 0.1, "opt": "adam", "my rate": 1}),
                json!({"acc": 0.96}),
                &[0.2, 0.1],
            ),
            (json!({"opt": "adamw"}), json!({}), &[]),
            (
                json!({"dropout": 0.3, "opt": "adam"}),
                json!({"acc": 0.97}),
                &[0.7],
            ),
        ],
    );
}

fn names(list: &ListRuns) -> String {
    list.list().unwrap().iter().map(|run| run.name()).collect()
}

#[test]
fn filters_choose() {
    let base = tempfile::tempdir().unwrap();
    samples(base.path());
    for (expression, expected) in [
        ("eval_acc > 0.95 and flag_dropout < 0.4", "ec"),
        (
            "eval_acc > 0.95 & (flag_dropout >= 0.4 | flag_opt == 'adam')",
            "ecb",
        ),
        ("not flag_opt = \"adam\"", "db"),
        ("!(eval_acc > 0.95)", "a"),
        ("eval_acc == NA", "d"),
        ("eval_acc != NA and eval_acc <= 0.96", "ca"),
        ("flag_opt ~ 'adamw'", "d"),
        ("`flag_my rate` == 1", "c"),
        ("metric_loss == 0.4 or best_loss == 0.1", "ca"),
        ("completed and status != 'failed'", "edcba"),
        ("fold >= 3", "ed"),
        ("fold == '3'", "d"),
        ("start >= '2017-12-11' and start < '2017-12-12T20'", "dc"),
        ("start > '2017-12-12'", "e"),
        ("1 < eval_acc", ""),
        ("error_message == NA", "edcba"),
        ("eval_acc > -1e-3 && eval_acc < 9.1e-1", "a"),
    ] {
        let list = ListRuns::new().runs_dir(base.path()).filter(expression).unwrap();
        assert_eq!(names(&list), expected, "{expression}");
    }
}

#[test]
fn wrong_filters_say_what_is_wrong() {
    for (expression, expected) in [
        ("eval_acc >", "it ends where"),
        ("(a == 1", "`)`"),
        ("a == 1 b", "expected `and` or `or`, got `b`"),
        ("a == 'x", "no end"),
        ("a == 1.2.3", "`1.2.3` is no number"),
        ("a # b", "`#`"),
        ("and", "expected a column or a value, got `and`"),
        ("", "it ends where"),
        (&"(".repeat(100_000), "too deep"),
        (&"!".repeat(100_000), "too deep"),
    ] {
        let error = expression.parse::<Filter>().unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let base = tempfile::tempdir().unwrap();
    samples(base.path());
    let list = ListRuns::new().runs_dir(base.path());
    let error = list
        .filter("eval_ac > 1")
        .unwrap()
        .list()
        .unwrap_err()
        .to_string();
    assert!(error.contains("Did you mean `eval_acc`?"), "{error}");
    let error = ListRuns::new()
        .runs_dir(base.path())
        .order("nothing")
        .list()
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("`nothing`") && error.contains("metric_loss"),
        "{error}"
    );
}

#[test]
fn orders_and_numbers_of_runs() {
    let base = tempfile::tempdir().unwrap();
    samples(base.path());
    let list = || ListRuns::new().runs_dir(base.path());
    assert_eq!(names(&list()), "edcba");
    assert_eq!(names(&list().order("eval_acc")), "ebcad");
    assert_eq!(names(&list().order("eval_acc").order_up("flag_dropout")), "ebcad");
    assert_eq!(names(&list().order("eval_acc").order("flag_dropout")), "becad");
    assert_eq!(names(&list().order_up("metric_loss")), "cabed");
    assert_eq!(names(&list().order_up("flag_opt").order("start")), "ecadb");
    // The newest are chosen first, as in tfruns.
    assert_eq!(names(&list().latest_n(2).filter("eval_acc != NA").unwrap()), "e");
    assert_eq!(names(&list().latest_n(0)), "");
    assert_eq!(names(&list().filter_by(|run| run.flags.len() == 3)), "c");
    assert!(ls_runs(base.path().join("nowhere")).unwrap().is_empty());
}

#[test]
fn tables_have_the_columns_of_tfruns() {
    let base = tempfile::tempdir().unwrap();
    samples(base.path());
    let list = ListRuns::new().runs_dir(base.path()).order("flag_dropout");
    let runs = list.list().unwrap();
    let ordered: Vec<&str> = list.ordered_by().collect();
    let table = RunTable::ordered(&runs, &ordered);
    assert_eq!(
        table.columns(),
        [
            "run_dir",
            "flag_dropout",
            "eval_acc",
            "metric_loss",
            "flag_opt",
            "flag_my rate",
            "epochs_completed",
            "status",
            "start",
            "completed",
            "fold"
        ]
    );
    let shown = table.to_string();
    assert!(shown.starts_with("Data frame: 5 x 11\n"), "{shown}");
    assert!(shown.contains("flag_dropout eval_acc metric_loss\n"), "{shown}");
    assert!(shown.contains(" 0.4000   0.9700      0.6000\n"), "{shown}");
    assert!(shown.contains("with 7 more columns"), "{shown}");
    let csv = table.to_csv();
    assert_eq!(csv.lines().count(), 6);
    assert!(csv.lines().nth(5).unwrap().contains(",,,,adamw,"), "{csv}");
    assert_eq!(table.to_json()[0]["flag_dropout"], 0.4);
}

#[test]
fn csv_quotes_what_would_break_it() {
    let base = tempfile::tempdir().unwrap();
    made(base.path(), &[(json!({"a": "x,\"y\"\nz"}), json!({}), &[])]);
    let runs = ls_runs(base.path()).unwrap();
    let table = RunTable::with_columns(&runs, vec!["flag_a".to_owned(), "name".to_owned()]);
    assert_eq!(table.to_csv(), "flag_a,name\n\"x,\"\"y\"\"\nz\",a\n");
}

#[test]
fn runs_are_found_by_a_part_of_their_name() {
    let base = tempfile::tempdir().unwrap();
    let first = plain(base.path()).finish().unwrap();
    let name = first.file_name().unwrap().to_str().unwrap().to_owned();
    assert_eq!(as_run_dir(&name[5..], base.path()).unwrap(), first);
    let second = base.path().join("other");
    fs::create_dir_all(second.join("tfruns.d")).unwrap();
    assert_eq!(as_run_dir("oth", base.path()).unwrap(), second);
    fs::create_dir_all(base.path().join("another/tfruns.d")).unwrap();
    assert_eq!(
        as_run_dir("other", base.path()).unwrap(),
        second,
        "the whole name wins"
    );
    let error = as_run_dir("the", base.path()).unwrap_err().to_string();
    assert!(error.contains("2 runs have `the`"), "{error}");
    let error = as_run_dir("nothing", base.path()).unwrap_err().to_string();
    assert!(error.contains("keras runs ls"), "{error}");
    assert!(as_run_dir("", base.path()).is_err());
}

#[test]
fn ten_thousand_runs_are_listed() {
    // In memory where that can be: making so many files is what takes long.
    let memory = tempfile::tempdir_in("/dev/shm");
    let base = memory.or_else(|_| tempfile::tempdir()).unwrap();
    // Links to the same few files: what they say does not matter, and a list reads them all.
    let same = |name: &str, text: &str| {
        let path = base.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let properties = [
        ("type", "training"),
        ("context", "local"),
        ("script", "train.rs"),
        ("start", "1506954218.63412"),
        ("end", "1506954264.10233"),
        ("completed", "TRUE"),
        ("epochs", "3"),
        ("samples", "1000"),
        ("batch_size", "32"),
        ("loss_function", "mse"),
        ("optimizer", "adam"),
        ("learning_rate", "0.001"),
    ]
    .map(|(name, text)| (name, same(name, &format!("{text}\n"))));
    let metrics = same("metrics", "{\n  \"loss\": [0.5, 0.25, 0.125]\n}\n");
    let evaluations: Vec<_> = (0..100)
        .map(|at| {
            same(
                &format!("e{at}"),
                &json!({"acc": f64::from(at) / 100.}).to_string(),
            )
        })
        .collect();
    for at in 0..10_000 {
        let data = base
            .path()
            .join(format!("2026-11-{:02}T00-00-00Z-{at:05}/tfruns.d", 1 + at / 360));
        fs::create_dir_all(data.join("properties")).unwrap();
        let flags: Map<String, Value> = [("units".to_owned(), at.into())].into_iter().collect();
        fs::write(data.join("flags.json"), Value::from(flags).to_string()).unwrap();
        fs::hard_link(&metrics, data.join("metrics.json")).unwrap();
        fs::hard_link(&evaluations[at / 100], data.join("evaluation.json")).unwrap();
        for (name, path) in &properties {
            fs::hard_link(path, data.join("properties").join(name)).unwrap();
        }
    }
    let begun = Instant::now();
    let list = ListRuns::new().runs_dir(base.path());
    let runs = list
        .filter("eval_acc > 0.5 and epochs == 3")
        .unwrap()
        .order("eval_acc")
        .list()
        .unwrap();
    let took = begun.elapsed();
    assert_eq!(runs.len(), 4_900);
    assert_eq!(runs[0].evaluation["acc"], 0.99);
    eprintln!("10,000 runs listed in {took:?}");
    // A second on a machine that does nothing else; here others compile.
    assert!(took.as_secs_f64() < 10., "{took:?}");
}
