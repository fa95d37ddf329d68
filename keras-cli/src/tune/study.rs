use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use keras_core::Result;
use keras_runs::{RunInfo, RunOptions, printable};
use serde_json::{Map, Value};

use super::objective::{Objective, means};
use super::prune::{Curve, Rule};
use super::space::Space;
use super::tpe;
use super::trial::{Trial, is_finished};
use crate::End;
use crate::program::{Ending, Program};
use crate::runs::{duration, number};
use crate::stop::Stop;

/// How trials are run and judged.
pub(super) struct Study<'a> {
    pub(super) program: &'a Program,
    pub(super) options: RunOptions,
    pub(super) objective: &'a Objective,
    pub(super) rule: Option<Rule>,
    pub(super) grace: usize,
    pub(super) stop: &'a Stop,
}

/// What is still to be tried, and what came of trials before.
struct State<'a> {
    left: VecDeque<Trial>,
    /// Draws further rows, where they depend on what came of others.
    drawing: Option<Drawing<'a>>,
    /// What came of which flags, turned so that small is good.
    tried: Vec<(Map<String, Value>, f64)>,
    /// Of trials that have ended, and by number of those that go on.
    ended: Vec<Curve>,
    running: BTreeMap<usize, Curve>,
}

/// Rows that are drawn one after another.
pub(super) struct Drawing<'a> {
    pub(super) space: &'a Space,
    pub(super) seed: u64,
    pub(super) seeds: Range<u64>,
    /// All that were drawn or tried.
    pub(super) rows: Vec<Map<String, Value>>,
    /// Their number in the end.
    pub(super) wanted: usize,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Study<'_> {
    /// Runs `jobs` trials at once until there is none left; `before` are the runs of this program, `all` is the number of
    /// trials for people who wait. A trial that fails is one of the results; one that cannot even be recorded ends it all.
    pub(super) fn run(
        &self,
        left: Vec<Trial>,
        drawing: Option<Drawing<'_>>,
        before: &[RunInfo],
        jobs: usize,
        all: usize,
    ) -> Result<Vec<Ending>> {
        let mut state = State {
            left: left.into(),
            drawing,
            tried: Vec::new(),
            ended: Vec::new(),
            running: BTreeMap::new(),
        };
        for run in before.iter().filter(|run| is_finished(run)) {
            state.learn(run, self.objective);
        }
        let state = Mutex::new(state);
        let (next, ended, broken) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicBool::new(false));
        let results = Mutex::new(Vec::new());
        let work = || {
            while !self.stop.asked() && !broken.load(Ordering::Relaxed) {
                let Some(trial) = lock(&state).next() else { break };
                let at = next.fetch_add(1, Ordering::Relaxed);
                let begun = Instant::now();
                let ending = self.one(at, &trial, &state);
                match &ending {
                    Ok(ending) => {
                        let n = ended.fetch_add(1, Ordering::Relaxed) + 1;
                        let took = duration(begun.elapsed().as_secs_f64());
                        let text = format!("[{n}/{all}] {}, {took}", self.told(&trial, ending));
                        End::say(printable(&text));
                    }
                    Err(_) => broken.store(true, Ordering::Relaxed),
                }
                lock(&results).push((at, ending));
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..jobs.min(all) {
                scope.spawn(work);
            }
        });
        let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
        results.sort_by_key(|(at, _)| *at);
        results.into_iter().map(|(_, ending)| ending).collect()
    }

    fn one(&self, at: usize, trial: &Trial, state: &Mutex<State<'_>>) -> Result<Ending> {
        let early = |dir: &Path| self.is_bad(at, dir, state);
        let options = self.options.clone().seed(trial.seed);
        let ending = self.program.record(options, &trial.flags, self.stop, &early);
        let mut state = lock(state);
        state.running.remove(&at);
        if let Ok(ending) = &ending
            && let Ok(run) = RunInfo::read(&ending.path)
            && is_finished(&run)
        {
            state.learn(&run, self.objective);
        }
        ending
    }

    /// Whether a trial that goes on is to be ended.
    fn is_bad(&self, at: usize, dir: &Path, state: &Mutex<State<'_>>) -> bool {
        let Some(rule) = self.rule else { return false };
        // It may be about to write.
        let Ok(run) = RunInfo::read(dir) else { return false };
        let curve = self.objective.curve(&run);
        let mut state = lock(state);
        let others = state.running.iter().filter(|(other, _)| **other != at);
        let others: Vec<Curve> = others
            .map(|(_, curve)| curve)
            .chain(&state.ended)
            .cloned()
            .collect();
        let bad = rule.ends(&curve, &others, self.grace);
        state.running.insert(at, curve);
        bad
    }

    fn told(&self, trial: &Trial, ending: &Ending) -> String {
        let name = ending.path.file_name().unwrap_or_default().to_string_lossy();
        let how = match ending.pruned {
            true => "ended early".to_owned(),
            false => format!("{}, {}", ending.status, ending.words),
        };
        let run = RunInfo::read(&ending.path).ok();
        let value = run.and_then(|run| {
            let (column, value) = (self.objective.name(&run)?.to_owned(), self.objective.of(&run)?);
            Some(format!(", {column} {}", number(value)))
        });
        format!("{name} {trial}: {how}{}", value.unwrap_or_default())
    }
}

impl State<'_> {
    fn next(&mut self) -> Option<Trial> {
        if self.left.is_empty()
            && let Some(drawing) = &mut self.drawing
            && let Some(row) = drawing.next(&self.tried)
        {
            let trial = |seed| Trial {
                flags: row.clone(),
                seed,
            };
            self.left.extend(drawing.seeds.clone().map(trial));
        }
        self.left.pop_front()
    }

    fn learn(&mut self, run: &RunInfo, objective: &Objective) {
        let curve = objective.curve(run);
        // Of one that was ended early, that is all there is.
        let value = match objective.of(run) {
            Some(value) => Some(objective.turned(value)),
            None => curve
                .iter()
                .flatten()
                .copied()
                .filter(|v| !v.is_nan())
                .reduce(f64::min),
        };
        self.ended.push(curve);
        if let Some(value) = value {
            self.tried.push((run.flags.clone(), value));
        }
    }
}

impl Drawing<'_> {
    /// Another row; `None` when there are enough, or no other can be found.
    fn next(&mut self, tried: &[(Map<String, Value>, f64)]) -> Option<Map<String, Value>> {
        if self.rows.len() >= self.wanted {
            return None;
        }
        let own: Vec<_> = tried
            .iter()
            .filter_map(|(flags, value)| Some((self.space.row_of(flags)?, *value)))
            .collect();
        let means: Vec<_> = means(own.iter().map(|(row, value)| (row, *value)))
            .into_iter()
            .map(|(row, mean, _)| (row.clone(), mean))
            .collect();
        let number = self.rows.len();
        // Near the best there may be nothing new, and in a small space nothing at all.
        let near = std::iter::once(tpe::draw(self.space, self.seed, number, &means));
        let anywhere = (1..1000).map(|_| self.space.draw());
        let row = near.chain(anywhere).find(|row| !self.rows.contains(row))?;
        self.rows.push(row.clone());
        Some(row)
    }
}
