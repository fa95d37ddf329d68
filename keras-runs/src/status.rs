use std::fmt;

/// How a run stands.
///
/// tfruns knows only whether a run completed. Here a lock, which the system drops when a process ends, tells a run that
/// goes on from one that was killed; a run on another machine counts as killed when its heartbeat has been silent for a
/// minute.
///
/// ```
/// use keras_runs::{RunInfo, RunOptions, Status};
/// let base = tempfile::tempdir().map_err(keras_core::Error::user)?;
/// let run = RunOptions::new().runs_dir(base.path()).start()?;
/// assert_eq!(RunInfo::read(run.path())?.status, Status::Running);
/// let path = run.finish()?;
/// assert_eq!(RunInfo::read(path)?.status.to_string(), "done");
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Status {
    /// It goes on.
    Running,
    /// It came to its end.
    Done,
    /// It ended with an error.
    Failed,
    /// Its program is gone and did not say why.
    Killed,
    /// It did not complete, and its record has no sign of life: R's runs.
    #[default]
    Unknown,
}

impl Status {
    /// Its name, as it is listed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Killed => "killed",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
