//! What differs between two runs.

use keras_core::Result;
use keras_runs::RunInfo;
use serde_json::Value;
use similar::TextDiff;

/// The flags that differ, with both values.
pub(crate) fn flag_changes(before: &RunInfo, after: &RunInfo) -> Vec<(String, Option<Value>, Option<Value>)> {
    let mut names: Vec<&String> = before.flags.keys().collect();
    names.extend(
        after
            .flags
            .keys()
            .filter(|name| !before.flags.contains_key(*name)),
    );
    names
        .into_iter()
        .map(|name| {
            (
                name.clone(),
                before.flags.get(name).cloned(),
                after.flags.get(name).cloned(),
            )
        })
        .filter(|(_, a, b)| a != b)
        .collect()
}

/// The source files that differ, with unified differences.
///
/// # Errors
/// When the sources of a run are damaged.
pub(crate) fn source_changes(before: &RunInfo, after: &RunInfo) -> Result<Vec<(String, String)>> {
    let (old, new) = (before.sources()?, after.sources()?);
    let mut names: Vec<&String> = new.iter().map(|(name, _)| name).collect();
    names.extend(
        old.iter()
            .map(|(name, _)| name)
            .filter(|name| !new.iter().any(|(n, _)| n == *name)),
    );
    let text = |files: &[(String, Vec<u8>)], name: &str| {
        let found = files.iter().find(|(n, _)| n == name);
        found.map(|(_, bytes)| String::from_utf8_lossy(bytes).into_owned())
    };
    let mut changes = Vec::new();
    for name in names {
        let (a, b) = (text(&old, name), text(&new, name));
        if a != b {
            let header = |text: &Option<String>, side: &str| match text {
                Some(_) => format!("{side}/{name}"),
                None => "/dev/null".to_owned(),
            };
            let headers = (header(&a, "a"), header(&b, "b"));
            changes.push((
                name.clone(),
                unified(&a.unwrap_or_default(), &b.unwrap_or_default(), &headers),
            ));
        }
    }
    Ok(changes)
}

/// Empty when both are equal.
pub(crate) fn unified(before: &str, after: &str, headers: &(String, String)) -> String {
    if before == after {
        return String::new();
    }
    let diff = TextDiff::configure()
        // What would take longer is shown as replaced.
        .timeout(std::time::Duration::from_secs(2))
        .diff_lines(before, after);
    diff.unified_diff()
        .context_radius(3)
        .header(&headers.0, &headers.1)
        .to_string()
}
