//! What must match Keras.

use std::collections::BTreeSet;
use std::path::Path;

use keras_tests::conformance::{Outcome, Selection, run};

#[test]
fn cases_that_matched_keras_still_do() {
    let dir = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/golden"));
    let list =
        std::fs::read_to_string(dir.join("must_pass.txt")).expect("must_pass.txt lies beside the cases");
    let mut wanted: BTreeSet<&str> = list.lines().filter(|line| !line.is_empty()).collect();
    assert!(
        wanted.len() > 500,
        "must_pass.txt lists {} cases only",
        wanted.len()
    );
    let report = run(dir, &Selection::default(), |_, _, _| {}).expect("the cases can be read");
    let mut broken = Vec::new();
    for (family, name, outcome) in report.outcomes() {
        let must = wanted.remove(format!("{family} {name}").as_str());
        if let (true, Outcome::Failed(what) | Outcome::Unsupported(what)) = (must, outcome) {
            broken.push(format!("{family} {name}: {what}"));
        }
    }
    assert!(
        broken.is_empty(),
        "{} cases no longer match Keras:\n{}",
        broken.len(),
        broken.join("\n")
    );
    assert!(
        wanted.is_empty(),
        "must_pass.txt lists cases that do not exist: {wanted:?}"
    );
}

#[test]
fn a_folder_without_cases_is_an_error() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let error = run(folder.path(), &Selection::default(), |_, _, _| {})
        .unwrap_err()
        .to_string();
    assert!(error.contains("has no families"), "{error}");
}

#[test]
fn what_the_runner_does_not_know_counts_as_unsupported() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let cases = r#"{"cases": [
        {"name": "new/0", "kind": "dream"},
        {"name": "new/1", "kind": "schedule", "object": {"class_name": "MoonDecay", "config": {}},
         "steps": [0], "values": [1.0]},
        {"name": "new/2", "kind": "schedule",
         "object": {"class_name": "ExponentialDecay", "config":
            {"initial_learning_rate": 1.0, "decay_steps": 1, "decay_rate": 0.5}},
         "steps": [0, 1], "values": [1.0, 0.25]},
        {"name": "new/3", "kind": "schedule",
         "object": {"class_name": "ExponentialDecay", "config":
            {"initial_learning_rate": 1.0, "decay_steps": 1, "decay_rate": 0.5}},
         "steps": [0, 1], "values": [1.0, 0.5]}
    ]}"#;
    std::fs::write(folder.path().join("new.json"), cases).expect("a file in the temporary folder");
    let report = run(folder.path(), &Selection::default(), |_, _, _| {}).expect("the cases can be read");
    assert_eq!(
        report.families()[0].to_string(),
        "new: passed 1, failed 1, unsupported 2"
    );
    assert_eq!((report.passed(), report.failed()), (1, 3));
    let Outcome::Failed(what) = &report.outcomes()[2].2 else {
        panic!("{:?}", report.outcomes()[2])
    };
    assert!(what.contains("largest difference 2.500e-1 at 1"), "{what}");
    let only = Selection {
        filter: Some("new/3".to_owned()),
        ..Selection::default()
    };
    assert_eq!(
        run(folder.path(), &only, |_, _, _| {})
            .expect("the cases can be read")
            .failed(),
        0
    );
}
