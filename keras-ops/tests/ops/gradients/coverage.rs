//! Reads the crate's source: every public function of tensors must have a case or a reason.

use std::collections::BTreeSet;
use std::path::Path;

use super::case::Case;
use super::cases;

/// Functions whose result has no gradient, by nature.
const NO_GRADIENT: &[&str] = &[
    // Truth values, counts and positions.
    "all",
    "any",
    "argmax",
    "argmin",
    "count_nonzero",
    "equal",
    "greater",
    "greater_equal",
    "isfinite",
    "isnan",
    "less",
    "less_equal",
    "not_equal",
    "not_ignored",
    "has_peers",
    "one_hot",
    "allclose",
    "histogram",
    "isclose",
    "isinf",
    "isneginf",
    "isposinf",
    "isreal",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "nanargmax",
    "nanargmin",
    "signbit",
    // Integers and bits.
    "bitwise_and",
    "bitwise_not",
    "bitwise_or",
    "bitwise_xor",
    "gcd",
    "lcm",
    "left_shift",
    "nextafter",
    "right_shift",
    "view",
    // Stops the gradient on purpose, or is 0.
    "imag",
    "stop_gradient",
    // Orders, places and membership.
    "argpartition",
    "argsort",
    "digitize",
    "in_top_k",
    "isin",
    "multi_hot",
    "nonzero",
    "searchsorted",
    "unravel_index",
    // Constants of a tensor's shape; draws.
    "empty_like",
    "ones_like",
    "zeros_like",
    "full_like",
    "beta",
    "binomial",
    "categorical",
    "gamma",
    "shuffle",
    // Rows of data for batches.
    "gather_rows",
    // Views of data or not, by rank.
    "squeeze_or_expand_to_same_rank",
    // Vectors of general matrices are complex; counts of singular values.
    "eig",
    "matrix_rank",
    // Labels.
    "ctc_decode",
    // Has no formula of its own: takes one.
    "pairwise",
    "pointwise",
];

/// Files that hold no operations: machinery, kernels on slices, and updates in place.
const OTHER: &[&str] = &[
    "tape.rs",
    "gradcheck.rs",
    "host.rs",
    "inplace.rs",
    "device.rs",
    "kernels",
    "optimizer_step",
];

#[test]
fn every_operation_has_a_case() {
    let mut found = BTreeSet::new();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    read(&source, &mut found);
    assert!(
        found.len() > 100,
        "only {} operations found: has the layout changed?",
        found.len()
    );
    let checked: BTreeSet<&str> = cases().map(Case::function).collect();
    let missing: Vec<&str> = found
        .iter()
        .map(String::as_str)
        .filter(|name| !checked.contains(name) && !NO_GRADIENT.contains(name))
        .collect();
    assert!(
        missing.is_empty(),
        "{} operations without a case in tests/ops/gradients: {}",
        missing.len(),
        missing.join(", ")
    );
    let stale: Vec<&&str> = NO_GRADIENT
        .iter()
        .filter(|name| checked.contains(**name))
        .collect();
    assert!(
        stale.is_empty(),
        "listed as without gradient, but checked: {stale:?}"
    );
}

fn read(path: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(path).expect("the crate's source is there") {
        let path = entry.expect("readable").path();
        if OTHER.iter().any(|other| path.ends_with(other)) {
            continue;
        }
        if path.is_dir() {
            read(&path, found);
        } else {
            let text = std::fs::read_to_string(&path).expect("readable");
            functions(&text, found);
            macro_functions(&text, found);
        }
    }
}

/// `pub fn name(… &Tensor …) -> Result<… Tensor …>` at the start of a line.
fn functions(text: &str, found: &mut BTreeSet<String>) {
    for part in text.split("\npub fn ").skip(1) {
        let signature = part.split(" {\n").next().unwrap_or(part);
        let Some((arguments, result)) = signature.rsplit_once("->") else {
            continue;
        };
        let takes = arguments.contains("&Tensor") || arguments.contains("[Tensor]");
        if takes && result.contains("Tensor") {
            found.insert(arguments.split(['(', '<']).next().unwrap_or_default().to_owned());
        }
    }
}

/// Lines `name: Type saves …` and `name(arguments): Type reads …` of the macros that define functions.
fn macro_functions(text: &str, found: &mut BTreeSet<String>) {
    for line in text.lines() {
        let Some(line) = line.strip_prefix("    ") else {
            continue;
        };
        let Some((head, tail)) = line.split_once(": ") else {
            continue;
        };
        let word = tail.split(' ').nth(1);
        let name = head.split('(').next().unwrap_or_default();
        let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if plain && matches!(word, Some("saves" | "reads")) {
            found.insert(name.to_owned());
        }
    }
}
