//! The single values of a run, by name.

use super::RunInfo;
use crate::{Cell, number};

/// Those after flags, in tfruns's order.
const KNOWN: [&str; 22] = [
    "samples",
    "validation_samples",
    "batch_size",
    "steps",
    "steps_completed",
    "epochs",
    "epochs_completed",
    "loss_function",
    "optimizer",
    "learning_rate",
    "script",
    "source",
    "status",
    "start",
    "end",
    "duration",
    "completed",
    "error_message",
    "error_traceback",
    "context",
    "type",
    "seed",
];
/// Texts that no table has room for.
const LONG: [&str; 2] = ["model", "output"];

impl RunInfo {
    /// The names of its columns, in tfruns's order: `run_dir`, `eval_…`, `metric_…`, `flag_…`, `samples`,
    /// `validation_samples`, `batch_size`, `epochs`, `epochs_completed`, `loss_function`, `optimizer`, `learning_rate`,
    /// `script`, `status`, `start`, `end`, `duration`, `completed`, `error_message`, `context`, `type`, and all other
    /// properties.
    pub fn columns(&self) -> Vec<String> {
        let mut names = vec!["run_dir".to_owned()];
        names.extend(self.evaluation.keys().map(|name| format!("eval_{name}")));
        let metrics = self.metrics.names().filter(|name| *name != "epoch");
        names.extend(metrics.map(|name| format!("metric_{name}")));
        names.extend(self.flags.keys().map(|name| format!("flag_{name}")));
        let known = KNOWN.iter().filter(|name| self.get(name).is_some());
        names.extend(known.map(|name| (*name).to_owned()));
        for name in self.properties.keys() {
            if !KNOWN.contains(&name.as_str()) && !LONG.contains(&name.as_str()) && self.get(name).is_some() {
                names.push(name.clone());
            }
        }
        names
    }

    /// The value of a column: `run_dir`, `name`, `status`, `start` and `end` (seconds since 1970), `duration`
    /// (seconds), `completed`, `epochs_completed`, `error_message`, `eval_X` (the last evaluation's), `metric_X` (the
    /// last epoch's that has one), `best_X` (the best epoch's), `flag_X`, or a property. As in tfruns, counts, times and
    /// the learning rate are numbers, and other properties are texts.
    pub fn get(&self, column: &str) -> Option<Cell> {
        match column {
            "run_dir" => return Some(Cell::Text(self.run_dir.to_string_lossy().into_owned())),
            "name" => return Some(Cell::Text(self.name())),
            "status" => return Some(Cell::from(self.status.name())),
            "start" => return self.start.map(Cell::Number),
            "end" => return self.end.map(Cell::Number),
            "duration" => return self.duration().map(Cell::Number),
            "error_message" => return self.error.as_ref().map(|e| Cell::from(e.message.as_str())),
            "error_traceback" => {
                let traceback = &self.error.as_ref()?.traceback;
                return (!traceback.is_empty()).then(|| Cell::Text(traceback.join("\n")));
            }
            "completed" => {
                let said = self.property("completed")?.trim();
                return Some(Cell::Truth(matches!(said, "TRUE" | "true" | "yes" | "1")));
            }
            "epochs_completed" | "steps_completed" => {
                let unit = match self.properties.contains_key("steps") {
                    true => "steps_completed",
                    false => "epochs_completed",
                };
                return (unit == column && !self.metrics.is_empty())
                    .then(|| Cell::Number(self.epochs_completed() as f64));
            }
            _ => {}
        }
        if let Some(value) = column
            .strip_prefix("eval_")
            .and_then(|name| self.evaluation.get(name))
        {
            return match number::from_value(value) {
                Some(number) => Some(Cell::Number(number)),
                None => Cell::from_value(value),
            };
        }
        if let Some(name) = column.strip_prefix("metric_")
            && self.metrics.get(name).is_some()
        {
            return self.metrics.last(name).map(Cell::Number);
        }
        if let Some(value) = column.strip_prefix("flag_").and_then(|name| self.flags.get(name)) {
            return Cell::from_value(value);
        }
        if let Some(best) = column
            .strip_prefix("best_")
            .and_then(|name| self.metrics.best(name))
        {
            return Some(Cell::Number(best.1));
        }
        let text = self.property(column)?;
        match column {
            "learning_rate" | "samples" | "validation_samples" | "steps" | "epochs" | "batch_size" => {
                text.trim().parse().ok().map(Cell::Number)
            }
            _ => Some(Cell::from(text)),
        }
    }

    /// The place of a column in tfruns's order, after flags.
    pub(crate) fn place(column: &str) -> usize {
        KNOWN
            .iter()
            .position(|name| *name == column)
            .unwrap_or(KNOWN.len())
    }

    /// Whether `column` is one that some run may have, though this one lacks it.
    pub(crate) fn is_known(column: &str) -> bool {
        KNOWN.contains(&column) || LONG.contains(&column) || matches!(column, "run_dir" | "name")
    }
}
