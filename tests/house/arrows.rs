//! Which crate may use which.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

/// The crates of this workspace that each may use.
const ARROWS: [(&str, &[&str]); 11] = [
    ("keras-ops", &[]),
    ("keras-core", &["keras-ops"]),
    ("keras-losses", &["keras-core", "keras-ops"]),
    ("keras-metrics", &["keras-core", "keras-ops"]),
    ("keras-callbacks", &["keras-core", "keras-ops"]),
    ("keras-runs", &["keras-core", "keras-ops"]),
    ("keras-cli", &["keras-core", "keras-runs"]),
    (
        "keras",
        &[
            "keras-callbacks",
            "keras-core",
            "keras-losses",
            "keras-metrics",
            "keras-ops",
            "keras-runs",
        ],
    ),
    ("keras-examples", &["keras"]),
    ("keras-tests", &["keras"]),
    ("keras-benchmarks", &["keras"]),
];

fn dependencies() -> BTreeMap<String, Vec<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .output()
        .expect("invariant: cargo runs these tests");
    let json: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON");
    let names = |list: &Value| -> Vec<String> {
        let list = list.as_array().into_iter().flatten();
        list.filter_map(|item| item["name"].as_str().map(str::to_owned))
            .collect()
    };
    let packages = json["packages"].as_array().into_iter().flatten();
    packages
        .map(|p| {
            (
                p["name"].as_str().unwrap_or_default().to_owned(),
                names(&p["dependencies"]),
            )
        })
        .collect()
}

#[test]
fn crates_use_only_those_below_them() {
    let found = dependencies();
    for (name, used) in &found {
        let Some((_, allowed)) = ARROWS.iter().find(|(n, _)| n == name) else {
            panic!("the crate {name} is not in the list of arrows");
        };
        for other in used.iter().filter(|u| found.contains_key(*u)) {
            assert!(allowed.contains(&other.as_str()), "{name} must not use {other}");
        }
    }
    assert_eq!(found.len(), ARROWS.len());
}

#[test]
fn only_ops_and_core_use_candle() {
    for (name, used) in dependencies() {
        let uses = used.iter().any(|u| u == "candle-core");
        assert!(
            !uses || ["keras-ops", "keras-core"].contains(&name.as_str()),
            "{name} uses candle-core"
        );
        assert!(!used.iter().any(|u| u == "candle-nn"), "{name} uses candle-nn");
    }
}
