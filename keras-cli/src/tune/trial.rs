use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

use keras_runs::{RunInfo, Status, Trials};
use serde_json::{Map, Value};

use crate::runs::plain;

/// One training to do.
#[derive(Clone, Debug)]
pub(super) struct Trial {
    pub(super) flags: Map<String, Value>,
    pub(super) seed: u64,
}

impl Trial {
    /// Each row with each seed, all rows with the first seed first, without those that a run has finished.
    pub(super) fn left(rows: &[Map<String, Value>], seeds: Range<u64>, runs: &[RunInfo]) -> Vec<Self> {
        let mut finished: HashMap<u64, Vec<RunInfo>> = HashMap::new();
        for run in runs.iter().filter(|run| is_finished(run)) {
            if let Some(seed) = run.seed() {
                let mut run = run.clone();
                run.status = Status::Done;
                finished.entry(seed).or_default().push(run);
            }
        }
        let with = |seed: u64| {
            let done = finished.get(&seed).map_or(&[][..], Vec::as_slice);
            let left = Trials::of(rows.iter().cloned()).remaining(done);
            left.rows()
                .iter()
                .map(|flags| Self {
                    flags: flags.clone(),
                    seed,
                })
                .collect::<Vec<_>>()
        };
        seeds.flat_map(with).collect()
    }
}

/// The property that tells of a run how many epochs it had when it was ended early.
pub(super) const PRUNED: &str = "pruned";

/// One that was ended early is not tried again.
pub(super) fn is_finished(run: &RunInfo) -> bool {
    run.status == Status::Done || run.property(PRUNED).is_some()
}

impl fmt::Display for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.flags {
            write!(f, "{name}={} ", plain(value))?;
        }
        write!(f, "seed={}", self.seed)
    }
}
