//! Lists of runs.

mod filter;
mod table;

use std::path::{Path, PathBuf};

use keras_core::{Error, Result};

pub use filter::Filter;
pub use table::RunTable;

use crate::folder::{run_dirs, runs_dir};
use crate::{Cell, RunInfo};

/// The runs in a folder, newest first: [`ListRuns`] with nothing set.
///
/// ```
/// use keras_runs::{RunOptions, ls_runs};
/// let base = tempfile::tempdir().map_err(keras_core::Error::user)?;
/// assert!(ls_runs(base.path())?.is_empty());
/// let run = RunOptions::new().runs_dir(base.path()).start()?;
/// assert_eq!(ls_runs(base.path())?[0].run_dir, run.path());
/// # Ok::<(), keras_core::Error>(())
/// ```
///
/// # Errors
/// When the folder cannot be read. One that is not there has no runs.
pub fn ls_runs(runs_dir: impl AsRef<Path>) -> Result<Vec<RunInfo>> {
    ListRuns::new().runs_dir(runs_dir).list()
}

type Predicate = Box<dyn Fn(&RunInfo) -> bool + Send + Sync>;

/// Which runs to list, and in which order.
///
/// A run with a damaged file is listed with what can be read of it; [`RunInfo::damage`] says what cannot.
///
/// # Examples
/// ```
/// use keras_runs::{ListRuns, RunOptions};
/// let base = tempfile::tempdir().map_err(keras_core::Error::user)?;
/// for (dropout, accuracy) in [(0.2, 0.97), (0.3, 0.98), (0.5, 0.99), (0.1, 0.9)] {
///     let run = RunOptions::new().runs_dir(base.path()).environment(false).start()?;
///     run.flags([("dropout", dropout)])?;
///     run.evaluation([("acc", accuracy)])?;
///     run.finish()?;
/// }
/// let runs = ListRuns::new()
///     .runs_dir(base.path())
///     .filter("eval_acc > 0.95 and flag_dropout < 0.4")?
///     .order("eval_acc")
///     .list()?;
/// let accuracy: Vec<_> = runs.iter().map(|run| run.evaluation["acc"].clone()).collect();
/// assert_eq!(accuracy, [0.98, 0.97]);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Default)]
pub struct ListRuns {
    runs_dir: Option<PathBuf>,
    archived: bool,
    latest_n: Option<usize>,
    filters: Vec<Filter>,
    predicates: Vec<Predicate>,
    order: Vec<(String, bool)>,
}

impl std::fmt::Debug for ListRuns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ListRuns")
            .field("runs_dir", &self.runs_dir)
            .field("filters", &self.filters)
            .field("order", &self.order)
            .field("latest_n", &self.latest_n)
            .finish_non_exhaustive()
    }
}

impl ListRuns {
    /// All runs of [`runs_dir`](crate::runs_dir), newest first.
    pub fn new() -> Self {
        Self::default()
    }

    /// The folder of the runs.
    #[must_use]
    pub fn runs_dir(mut self, dir: impl AsRef<Path>) -> Self {
        self.runs_dir = Some(dir.as_ref().to_owned());
        self
    }

    /// Whether to list the runs that [`clean_runs`](crate::clean_runs) moved to the archive, instead.
    #[must_use]
    pub fn archived(mut self, archived: bool) -> Self {
        self.archived = archived;
        self
    }

    /// The newest `n` only, by name; chosen before all else, as in tfruns.
    #[must_use]
    pub fn latest_n(mut self, n: usize) -> Self {
        self.latest_n = Some(n);
        self
    }

    /// Those for which an [expression](Filter) holds.
    ///
    /// # Errors
    /// When it is none.
    pub fn filter(mut self, expression: &str) -> Result<Self> {
        self.filters.push(expression.parse()?);
        Ok(self)
    }

    /// Those for which a function says so.
    #[must_use]
    pub fn filter_by(mut self, predicate: impl Fn(&RunInfo) -> bool + Send + Sync + 'static) -> Self {
        self.predicates.push(Box::new(predicate));
        self
    }

    /// By a [column](RunInfo::get), the largest first, as in tfruns; among equals by the next column given. Runs that
    /// lack it come last. Without any, the newest run is first.
    #[must_use]
    pub fn order(mut self, column: impl Into<String>) -> Self {
        self.order.push((column.into(), true));
        self
    }

    /// [`order`](Self::order), the smallest first.
    #[must_use]
    pub fn order_up(mut self, column: impl Into<String>) -> Self {
        self.order.push((column.into(), false));
        self
    }

    /// The columns that it orders by.
    pub fn ordered_by(&self) -> impl Iterator<Item = &str> {
        self.order.iter().map(|(column, _)| column.as_str())
    }

    /// Reads the runs.
    ///
    /// # Errors
    /// When the folder cannot be read, or a filter or the order names a column that no run has.
    pub fn list(&self) -> Result<Vec<RunInfo>> {
        let base = self.runs_dir.clone().unwrap_or_else(runs_dir);
        let base = if self.archived {
            base.join(crate::ARCHIVE)
        } else {
            base
        };
        let mut dirs = run_dirs(&base)?;
        dirs.truncate(self.latest_n.unwrap_or(usize::MAX));
        let mut runs = read_all(&dirs);
        let columns = self.filters.iter().flat_map(Filter::columns);
        for column in columns.chain(self.ordered_by()) {
            check_column(column, &runs)?;
        }
        runs.retain(|run| {
            self.filters.iter().all(|f| f.holds(run)) && self.predicates.iter().all(|p| p(run))
        });
        if !self.order.is_empty() {
            let key = |run: &RunInfo| -> Vec<Option<Cell>> {
                let cells = self.ordered_by().map(|column| run.get(column));
                // NaN is no place in an order.
                cells
                    .map(|cell| cell.filter(|c| !matches!(c, Cell::Number(n) if n.is_nan())))
                    .collect()
            };
            let mut keyed: Vec<_> = runs.into_iter().map(|run| (key(&run), run)).collect();
            keyed.sort_by(|(a, _), (b, _)| {
                let columns = a.iter().zip(b).zip(&self.order);
                let orders = columns.map(|((a, b), (_, down))| match (a, b) {
                    (Some(a), Some(b)) => {
                        let up = a.compare(b).unwrap_or(std::cmp::Ordering::Equal);
                        if *down { up.reverse() } else { up }
                    }
                    (a, b) => b.is_some().cmp(&a.is_some()),
                });
                orders
                    .into_iter()
                    .find(|o| o.is_ne())
                    .unwrap_or(std::cmp::Ordering::Equal)
            });
            runs = keyed.into_iter().map(|(_, run)| run).collect();
        }
        Ok(runs)
    }
}

/// One thread a processor: most of the time goes into the system's answers.
fn read_all(dirs: &[PathBuf]) -> Vec<RunInfo> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(8);
    // A run that was moved away meanwhile is in the list no more.
    let read = |dirs: &[PathBuf]| -> Vec<RunInfo> {
        dirs.iter().filter_map(|dir| RunInfo::listed(dir).ok()).collect()
    };
    if dirs.len() < 64 || threads == 1 {
        return read(dirs);
    }
    std::thread::scope(|scope| {
        let parts = dirs.chunks(dirs.len().div_ceil(threads));
        let threads: Vec<_> = parts.map(|part| scope.spawn(move || read(part))).collect();
        threads
            .into_iter()
            .flat_map(|thread| {
                thread
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
            .collect()
    })
}

/// A name that no run has is a mistake; one that some lack is none.
fn check_column(column: &str, runs: &[RunInfo]) -> Result<()> {
    if runs.is_empty() || RunInfo::is_known(column) || runs.iter().any(|run| run.get(column).is_some()) {
        return Ok(());
    }
    Err(Error::unknown("column of runs", column, table::columns(runs)))
}
