//! Pictures of a run's metrics.

mod chart;
mod font;
mod png;
mod svg;

use std::path::Path;

use keras_core::{Error, Result};

use crate::{Metrics, RunHandle};

/// Draws metrics by epoch into a file, a picture `.png` or `.svg`: a panel for each metric, with its validation.
///
/// # Errors
/// When the name ends otherwise, there is nothing to draw, or the file cannot be written.
///
/// ```
/// use keras_runs::{Metrics, plot_history};
/// let mut metrics = Metrics::new();
/// for epoch in 0..5 {
///     metrics.set(epoch, "loss", 1. / (epoch + 1) as f64);
///     metrics.set(epoch, "val_loss", 1.2 / (epoch + 1) as f64);
/// }
/// let folder = tempfile::tempdir().map_err(keras_core::Error::user)?;
/// plot_history(&metrics, folder.path().join("history.svg"))?;
/// plot_history(&metrics, folder.path().join("history.png"))?;
/// # Ok::<(), keras_core::Error>(())
/// ```
pub fn plot_history(metrics: &Metrics, path: impl AsRef<Path>) -> Result<()> {
    let path = path.as_ref();
    let Some(size) = chart::size(metrics) else {
        return Err(Error::invalid("plot_history: there are no metrics to draw"));
    };
    let bytes = match path.extension().and_then(|e| e.to_str()) {
        Some("svg") => {
            let mut canvas = svg::Svg::new(size);
            chart::draw(metrics, &mut canvas);
            canvas.finish().into_bytes()
        }
        Some("png") => {
            let mut canvas = png::Png::new(size);
            chart::draw(metrics, &mut canvas);
            canvas.finish().map_err(|e| Error::io(path, "cannot pack", e))?
        }
        _ => {
            return Err(Error::file(
                path,
                "plot_history draws `.png` and `.svg` files; give a name that ends so",
            ));
        }
    };
    std::fs::write(path, bytes).map_err(|e| Error::io(path, "cannot write", e))
}

/// Draws the metrics of a run into its `plots`.
pub(crate) fn history(run: &RunHandle) -> Result<()> {
    let metrics = run.metrics();
    if chart::size(&metrics).is_none() {
        return Ok(());
    }
    for name in ["history.png", "history.svg"] {
        plot_history(&metrics, run.plot_path(name)?)?;
    }
    Ok(())
}
