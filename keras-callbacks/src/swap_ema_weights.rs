use keras_core::{Callback, Config, Context, Entry, Logs, Result, ResultExt, bail};

const NAME: &str = "SwapEMAWeights";

/// Evaluates and predicts with the averaged weights of an optimizer that has `use_ema`.
///
/// Before an evaluation, validation or prediction weights and averages change places; after it they change back. With
/// [`swap_on_epoch`](Self::swap_on_epoch) the averages are in the model also at the end of each epoch, for callbacks
/// that come after this one and save it.
///
/// # Errors
/// Before the first step, when the model is not compiled or its optimizer keeps no averages.
///
/// # Examples
/// ```
/// use keras_callbacks::{ModelCheckpoint, SwapEMAWeights};
/// use keras_core::Fit;
/// let fit = Fit::new()
///     .callback(SwapEMAWeights::new().swap_on_epoch(true))
///     .callback(ModelCheckpoint::new("averaged.keras"));
/// # drop(fit);
/// ```
///
/// # Differs from Keras
/// Keras leaves the averages in the model after a prediction, and the last weights in place of the averages when
/// another callback stops training with `swap_on_epoch`.
#[derive(Clone, Debug, Default)]
pub struct SwapEMAWeights {
    swap_on_epoch: bool,
}

pub(crate) const ENTRY: Entry<dyn Callback> = Entry {
    class_name: NAME,
    module: "keras.callbacks",
    aliases: &["swap_ema_weights"],
    doc: "Evaluates with the averaged weights of the optimizer.",
    build: |config, _| {
        let mut reader = config.reader(NAME);
        let swap_on_epoch = reader.or("swap_on_epoch", false)?;
        reader.finish()?;
        Ok(Box::new(SwapEMAWeights { swap_on_epoch }))
    },
};

impl SwapEMAWeights {
    /// Swaps for evaluations and predictions only.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the averages are in the model also from the end of an epoch to the beginning of the next.
    #[must_use]
    pub fn swap_on_epoch(mut self, swap: bool) -> Self {
        self.swap_on_epoch = swap;
        self
    }

    fn put(cx: &mut Context<'_>, averages: bool) -> Result<()> {
        let optimizer = cx.model.optimizer_mut()?;
        if optimizer.averages_swapped() != averages {
            optimizer.swap_averages()?;
        }
        Ok(())
    }
}

impl Callback for SwapEMAWeights {
    fn check(&mut self, cx: &mut Context<'_>) -> Result<()> {
        if !cx.model.optimizer().context(|| NAME)?.has_averages() {
            bail!("{NAME}: the optimizer keeps no averages; compile with one that has `use_ema` set");
        }
        Ok(())
    }

    fn on_epoch_begin(&mut self, _: usize, cx: &mut Context<'_>, _: &mut Logs) -> Result<()> {
        Self::put(cx, false)
    }

    fn on_epoch_end(&mut self, _: usize, cx: &mut Context<'_>, _: &mut Logs) -> Result<()> {
        Self::put(cx, self.swap_on_epoch)
    }

    fn on_test_begin(&mut self, cx: &mut Context<'_>, _: &mut Logs) -> Result<()> {
        Self::put(cx, true)
    }

    fn on_test_end(&mut self, cx: &mut Context<'_>, _: &mut Logs) -> Result<()> {
        Self::put(cx, false)
    }

    fn on_predict_begin(&mut self, cx: &mut Context<'_>, _: &mut Logs) -> Result<()> {
        Self::put(cx, true)
    }

    fn on_predict_end(&mut self, cx: &mut Context<'_>, _: &mut Logs) -> Result<()> {
        Self::put(cx, false)
    }

    fn stands_alone(&self) -> bool {
        true
    }

    fn class_name(&self) -> &str {
        NAME
    }

    fn config(&self) -> Config {
        Config::new().with("swap_on_epoch", self.swap_on_epoch)
    }
}
