use std::fmt;
use std::ops::Range;

use keras_runs::{RunInfo, Trials};
use serde_json::{Map, Value};

use crate::runs::plain;

/// One training to do.
#[derive(Clone, Debug)]
pub(super) struct Trial {
    pub(super) flags: Map<String, Value>,
    pub(super) seed: u64,
}

impl Trial {
    /// Each row with each seed, all rows with the first seed first.
    pub(super) fn of(rows: &[Map<String, Value>], seeds: Range<u64>) -> Vec<Self> {
        let with = |seed: u64| {
            rows.iter().map(move |flags| Self {
                flags: flags.clone(),
                seed,
            })
        };
        seeds.flat_map(with).collect()
    }

    /// Whether a run has come to its end with these flags and this seed.
    pub(super) fn is_done(&self, runs: &[RunInfo]) -> bool {
        let same: Vec<RunInfo> = runs
            .iter()
            .filter(|run| run.seed() == Some(self.seed))
            .cloned()
            .collect();
        Trials::of([self.flags.clone()]).remaining(&same).is_empty()
    }
}

impl fmt::Display for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.flags {
            write!(f, "{name}={} ", plain(value))?;
        }
        write!(f, "seed={}", self.seed)
    }
}
