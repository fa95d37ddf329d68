//! `keras runs diff`.

use keras_runs::{RunInfo, printable};
use serde_json::json;

use super::changes::{flag_changes, source_changes};
use super::text::plain;
use crate::{End, Out, Outcome};

pub(crate) fn run(before: &RunInfo, after: &RunInfo, exit_code: bool, json: bool, out: &mut Out) -> Outcome {
    let flags = flag_changes(before, after);
    let sources = source_changes(before, after)?;
    if json {
        let flags: Vec<_> = flags
            .iter()
            .map(|(name, a, b)| json!({"flag": name, "before": a, "after": b}))
            .collect();
        let sources: Vec<_> = sources
            .iter()
            .map(|(name, diff)| json!({"file": name, "diff": diff}))
            .collect();
        out.json(&json!({"flags": flags, "sources": sources}))?;
    } else {
        for (name, a, b) in &flags {
            let side =
                |value: &Option<serde_json::Value>| value.as_ref().map_or_else(|| "-".to_owned(), plain);
            out.line(printable(&format!("{name}: {} → {}", side(a), side(b))))?;
        }
        for (_, diff) in &sources {
            for line in diff.lines() {
                // A tab does no harm.
                out.line(printable(&line.replace('\t', "    ")))?;
            }
        }
    }
    match exit_code && !(flags.is_empty() && sources.is_empty()) {
        true => Err(End::Code(1)),
        false => Ok(()),
    }
}
