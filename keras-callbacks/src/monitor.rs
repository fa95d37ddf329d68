//! What callbacks that watch a value share: its name, its direction, what counts as better.

use keras_core::config::{IntoValue, Reader};
use keras_core::trainer::larger_is_better;
use keras_core::{Config, Context, Result, ResultExt, bail};

use crate::Mode;

#[derive(Clone, Debug)]
pub(crate) struct Monitor {
    pub(crate) name: String,
    pub(crate) mode: Mode,
    pub(crate) min_delta: f64,
    pub(crate) best: Option<f64>,
    larger: Option<bool>,
}

impl Monitor {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            mode: Mode::Auto,
            min_delta: 0.,
            best: None,
            larger: None,
        }
    }

    pub(crate) fn read(callback: &str, reader: &mut Reader<'_>) -> Result<Self> {
        let mut monitor = Self::new(&reader.or("monitor", "val_loss".to_owned())?);
        monitor.mode = Mode::parse(&reader.or("mode", "auto".to_owned())?).context(|| callback)?;
        Ok(monitor)
    }

    /// Checks that the run logs the value and that its direction is known.
    pub(crate) fn check(&mut self, callback: &str, cx: &Context<'_>) -> Result<()> {
        if self.min_delta.is_nan() {
            bail!("{callback}: `min_delta` must be a number, got NaN");
        }
        cx.params.check_monitor(callback, &self.name)?;
        self.resolve(callback, cx)
    }

    /// Finds the direction; `check` does, and hooks do in case nobody called it.
    pub(crate) fn resolve(&mut self, callback: &str, cx: &Context<'_>) -> Result<()> {
        if self.larger.is_none() {
            self.larger = match self.mode {
                Mode::Min => Some(false),
                Mode::Max => Some(true),
                Mode::Auto => cx
                    .model
                    .larger_is_better(&self.name)
                    .or_else(|| guess(&self.name)),
            };
        }
        if self.larger.is_none() {
            bail!(
                "{callback} monitors `{}`, of which it is not known whether larger or smaller is better: set \
                 the mode to Mode::Max or Mode::Min",
                self.name
            );
        }
        Ok(())
    }

    /// Whether `value` beats `reference` by more than `min_delta`; everything beats nothing. Compares in
    /// `f32` as Keras does, where the two sides of an exact tie are equal.
    pub(crate) fn beats(&self, value: f64, reference: Option<f64>) -> bool {
        let Some(reference) = reference else { return true };
        if self.larger == Some(true) {
            (value - self.min_delta) as f32 > reference as f32
        } else {
            ((value + self.min_delta) as f32) < reference as f32
        }
    }

    /// Takes `value` as the best if it is; NaN never is.
    pub(crate) fn improve(&mut self, value: f64) -> bool {
        let better = !value.is_nan() && self.beats(value, self.best);
        if better {
            self.best = Some(value);
        }
        better
    }

    pub(crate) fn state(&self) -> Config {
        Config::new().with("best", self.best.map(IntoValue::into_value))
    }
}

/// The direction of values that no metric of the model stands behind.
fn guess(name: &str) -> Option<bool> {
    let name = name.strip_prefix("val_").unwrap_or(name);
    let falling = [
        "loss",
        "error",
        "mse",
        "mae",
        "mape",
        "msle",
        "crossentropy",
        "divergence",
        "poisson",
        "hinge",
        "logcosh",
        "log_cosh",
        "perplexity",
    ];
    if falling.iter().any(|word| name.contains(word)) {
        Some(false)
    } else {
        larger_is_better(name).then_some(true)
    }
}
