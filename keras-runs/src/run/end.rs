//! How a run ends.

use std::path::PathBuf;

use keras_core::{Error, Result};

use super::{Run, panics};
use crate::folder::now;
use crate::{Metadata, console, plot};

impl Run {
    /// Ends the run as done and gives its folder.
    ///
    /// # Errors
    /// When the files cannot be written.
    pub fn finish(mut self) -> Result<PathBuf> {
        self.end(None)?;
        Ok(self.path().to_owned())
    }

    /// Ends the run as failed by `error`, with what caused it, and gives its folder.
    ///
    /// # Errors
    /// When the files cannot be written.
    pub fn fail(mut self, error: &(dyn std::error::Error + 'static)) -> Result<PathBuf> {
        let mut causes = Vec::new();
        let mut next = Some(error);
        while let Some(cause) = next {
            let text = cause.to_string();
            // Errors that pass on the message of their cause say it once.
            if causes.last() != Some(&text) {
                causes.push(text);
            }
            next = cause.source();
        }
        causes.reverse();
        self.end(Some((error.to_string(), causes)))?;
        Ok(self.path().to_owned())
    }

    /// Ends the record as killed and gives its folder: the program that wrote into the run is gone and did not say why.
    ///
    /// # Errors
    /// When the files cannot be written.
    ///
    /// ```
    /// use keras_runs::{RunInfo, RunOptions, Status};
    /// let base = tempfile::tempdir().map_err(keras_core::Error::user)?;
    /// let path = RunOptions::new().runs_dir(base.path()).start()?.killed()?;
    /// assert_eq!(RunInfo::read(path)?.status, Status::Killed);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    pub fn killed(mut self) -> Result<PathBuf> {
        self.close(None, false)?;
        Ok(self.path().to_owned())
    }

    /// Ends the run with a panic that was caught.
    pub(crate) fn panicked(mut self) -> Result<()> {
        self.end(Some(
            panics::take().unwrap_or_else(|| ("panicked".to_owned(), Vec::new())),
        ))
    }

    fn end(&mut self, error: Option<panics::Panic>) -> Result<()> {
        self.close(error, true)
    }

    /// Writes what is left to write; a run that has not ended is one that was killed.
    fn close(&mut self, error: Option<panics::Panic>, ended: bool) -> Result<()> {
        if std::mem::replace(&mut self.ended, true) {
            return Ok(());
        }
        let handle = self.handle.clone();
        let mut written = Vec::new();
        if let Some((message, traceback)) = error {
            written.push(handle.write(Metadata::Error { message, traceback }));
        }
        if self.pulse.is_some() {
            written.push(handle.catch_up());
        }
        written.push(handle.flush());
        // Without it tfruns takes rows for steps.
        let rows = handle.metrics().len();
        if rows > 0 && !handle.inner().data.join("properties/epochs").exists() {
            written.push(handle.property("epochs", rows));
        }
        // Also without a picture, as in tfruns.
        written.push(handle.settle(handle.plot_path("history").and_then(|_| plot::history(&handle))));
        if let Some(background) = self.background.take() {
            let done = background.join();
            written.push(done.unwrap_or_else(|_| Err(Error::invalid("recording the environment panicked"))));
        }
        if let Some(artifacts) = self.artifacts.take() {
            written.push(handle.settle(artifacts.copy_changed(handle.path())));
        }
        self.entered = None;
        let data = &handle.inner().data;
        if let Some(capture) = self.capture.take() {
            written.push(handle.settle(capture.finish()));
        } else if self.pulse.is_some() && data.join(console::RAW).exists() {
            written.push(handle.settle(console::write_output(data)));
        }
        // Whoever started the program that joined a run writes how it ended.
        if self.pulse.is_some() {
            // In this order no moment looks like another end.
            if ended && !handle.failed() {
                written.push(handle.property("completed", "TRUE"));
            }
            if ended {
                written.push(handle.property("end", now()));
            }
            self.pulse = None;
        }
        written.into_iter().collect()
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let error = match std::thread::panicking() {
            true => panics::take(),
            false => None,
        };
        let error = error.unwrap_or_else(|| {
            let message = self.handle.fit_error().unwrap_or_else(|| {
                "ended before `Run::finish`: an error was returned, or `finish` was forgotten".to_owned()
            });
            (message, Vec::new())
        });
        if let Err(error) = self.end(Some(error)) {
            tracing::warn!("the record of the run is not complete: {error}");
        }
    }
}
