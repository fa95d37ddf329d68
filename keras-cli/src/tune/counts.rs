use keras_runs::{Status, printable};
use serde_json::{Value, json};

use super::objective::{Best, Objective};
use crate::program::Ending;
use crate::runs::number;
use crate::{Out, Outcome};

/// How trials ended.
pub(super) struct Counts {
    all: usize,
    pub(super) done: usize,
    pub(super) pruned: usize,
    failed: usize,
    killed: usize,
    skipped: usize,
    left: usize,
}

impl Counts {
    pub(super) fn of(endings: &[Ending], skipped: usize, to_run: usize) -> Self {
        let of = |status: Status| {
            let of = endings.iter().filter(|e| e.status == status && !e.pruned);
            of.count()
        };
        Self {
            all: skipped + to_run,
            done: of(Status::Done),
            pruned: endings.iter().filter(|ending| ending.pruned).count(),
            failed: of(Status::Failed),
            killed: of(Status::Killed),
            skipped,
            left: to_run.saturating_sub(endings.len()),
        }
    }

    pub(super) fn to_json(
        &self,
        endings: &[Ending],
        best: Option<&Best<'_>>,
        objective: &Objective,
    ) -> Value {
        let runs: Vec<_> = endings
            .iter()
            .map(|ending| ending.path.to_string_lossy())
            .collect();
        let best = best.map(|best| {
            json!({"run": best.run.run_dir.to_string_lossy(), "flags": best.run.flags, "seed": best.run.seed(),
                "objective": objective.name(best.run), "value": crate::runs::value(Some(best.value)),
                "mean": crate::runs::value(Some(best.mean)), "seeds": best.seeds})
        });
        json!({"trials": self.all, "done": self.done, "pruned": self.pruned, "failed": self.failed,
            "killed": self.killed, "skipped": self.skipped, "left": self.left, "runs": runs, "best": best})
    }

    pub(super) fn tell(&self, best: Option<&Best<'_>>, objective: &Objective, out: &mut Out) -> Outcome {
        let parts = [
            (self.done, "done"),
            (self.pruned, "ended early"),
            (self.failed, "failed"),
            (self.killed, "killed"),
            (self.skipped, "done before"),
            (self.left, "not started"),
        ];
        let parts = parts
            .iter()
            .filter(|(n, _)| *n > 0)
            .map(|(n, what)| format!("{n} {what}"));
        let parts = parts.collect::<Vec<_>>().join(", ");
        out.line(format_args!("{} trials: {parts}", self.all))?;
        let Some(best) = best else { return Ok(()) };
        let flags: Vec<_> = best
            .run
            .flags
            .iter()
            .map(|(name, value)| format!("{name}={}", crate::runs::plain(value)))
            .collect();
        let mean = match best.seeds {
            1 => String::new(),
            n => format!(" (mean of {n} seeds {})", number(best.mean)),
        };
        let text = format!(
            "best {} {}{mean}: {} {}",
            objective.name(best.run).unwrap_or_default(),
            number(best.value),
            best.run.run_dir.to_string_lossy(),
            flags.join(" ")
        );
        out.line(printable(&text))
    }
}
