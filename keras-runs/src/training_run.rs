use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use keras_core::{Error, Result};

use crate::{Run, RunInfo, RunOptions};

/// Runs `train` as a run of its own and gives its record with what `train` gave. An error and a panic are recorded, too,
/// and go on to the caller.
///
/// # Errors
/// Those of `train`, and when the record cannot be written.
///
/// # Examples
/// ```
/// use keras_runs::{RunOptions, Status, latest_run, training_run};
/// let base = tempfile::tempdir().map_err(keras_core::Error::user)?;
/// let options = RunOptions::new().runs_dir(base.path());
/// let (info, best) = training_run(options.clone(), |run| {
///     run.epoch([("loss", 0.5)])?;
///     Ok::<_, keras_core::Error>(0.5)
/// })?;
/// assert_eq!((info.status, best), (Status::Done, 0.5));
///
/// let failed = training_run(options, |_| Err::<(), _>(keras_core::Error::invalid("no data")));
/// assert_eq!(failed.unwrap_err().to_string(), "no data");
/// let info = latest_run(base.path())?.ok_or_else(|| keras_core::Error::invalid("no run"))?;
/// assert_eq!(info.status, Status::Failed);
/// assert_eq!(info.error.map(|e| e.message).as_deref(), Some("no data"));
/// # Ok::<(), keras_core::Error>(())
/// ```
pub fn training_run<T, E>(
    options: RunOptions,
    train: impl FnOnce(&Run) -> Result<T, E>,
) -> Result<(RunInfo, T)>
where
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let run = options.start()?;
    match catch_unwind(AssertUnwindSafe(|| train(&run))) {
        Ok(Ok(value)) => Ok((RunInfo::read(run.finish()?)?, value)),
        Ok(Err(error)) => {
            let error = error.into();
            // The error itself matters more than one of writing it down.
            if let Err(other) = run.fail(&*error) {
                tracing::warn!("the error was not recorded: {other}");
            }
            Err(match error.downcast::<Error>() {
                Ok(error) => *error,
                Err(other) => Error::user(other),
            })
        }
        Err(panic) => {
            if let Err(other) = run.panicked() {
                tracing::warn!("the panic was not recorded: {other}");
            }
            resume_unwind(panic)
        }
    }
}
