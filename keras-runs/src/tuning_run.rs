use keras_core::{Error, Result};

use crate::{Run, RunInfo, RunOptions, Trials, training_run};

/// Trains once with each row of flags, each in a run of its own, one after another; gives their records in this order.
///
/// The row's flags win over all others that [`FlagSet::load`](crate::FlagSet::load) would take, and are recorded. A
/// trial that fails or panics is recorded so, and the next one begins. With [`RunOptions::seed`] all trials start from
/// the same seed.
///
/// # Errors
/// When a record cannot be written or read.
///
/// # Examples
/// ```
/// use keras_runs::{FlagSet, FlagSources, RunOptions, Status, Trials, tuning_run};
/// keras_runs::flags! {
///     struct Flags {
///         units: usize = 16,
///         dropout: f64 = 0.5,
///     }
/// }
/// let base = tempfile::tempdir().map_err(keras_core::Error::user)?;
/// let options = RunOptions::new().runs_dir(base.path()).environment(false);
/// let trials = Trials::grid([("units", vec![8, 0, 32])])?;
/// let runs = tuning_run(&trials, &options, |run| {
///     let flags = Flags::load_from(FlagSources::new())?;
///     if flags.units == 0 {
///         return Err(keras_core::Error::invalid("no units"));
///     }
///     run.evaluation([("loss", 1. / flags.units as f64)])
/// })?;
/// let status: Vec<_> = runs.iter().map(|run| run.status).collect();
/// assert_eq!(status, [Status::Done, Status::Failed, Status::Done]);
/// assert_eq!(runs[2].flags["units"], 32);
/// assert_eq!(runs[2].flags["dropout"], 0.5);
/// // What is done need not be done again.
/// assert_eq!(trials.remaining(&runs).len(), 1);
/// # Ok::<(), keras_core::Error>(())
/// ```
pub fn tuning_run<T, E>(
    trials: &Trials,
    options: &RunOptions,
    mut train: impl FnMut(&Run) -> Result<T, E>,
) -> Result<Vec<RunInfo>>
where
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut runs = Vec::new();
    for row in trials.rows() {
        let mut path = None;
        let options = options.clone().join(false).flags(row.clone());
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            training_run(options, |run| {
                path = Some(run.path().to_owned());
                train(run)
            })
        }));
        match (caught, path) {
            (Ok(Ok((info, _))), _) => runs.push(info),
            // What it failed with is in its record.
            (_, Some(path)) => runs.push(RunInfo::read(path)?),
            (Ok(Err(error)), None) => return Err(error),
            (Err(_), None) => return Err(Error::invalid("starting a trial panicked")),
        }
    }
    Ok(runs)
}
