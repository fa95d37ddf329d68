//! Damaged configurations in a process of their own, with little memory.

use std::process::Command;

use keras::prelude::*;

use super::message;

/// Kilobytes of address space: a weight of the sizes that the damage brings needs more.
const MEMORY: u64 = 4 << 20;

#[test]
fn damaged_models_are_models_or_errors() {
    let script = format!("ulimit -v {MEMORY} && exec timeout 120 \"$0\" 0 700");
    let output = Command::new("sh")
        .args(["-c", &script, env!("CARGO_BIN_EXE_fuzz_models")])
        .env("RAYON_NUM_THREADS", "2")
        .output()
        .expect("invariant: cargo built this binary for the test");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(
        output.status.success(),
        "{} after {:?}\n{err}",
        output.status,
        out.rsplit('\r').next()
    );
    assert!(out.contains("refused"), "{out}");
}

#[test]
fn nesting_without_end_is_an_error() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let text = format!(r#"{{"class_name": "Sequential", "config": {{"layers": {deep}}}}}"#);
    assert!(message(Model::from_json(&text, keras::registry())).contains("JSON"));
}
