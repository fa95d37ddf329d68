//! Trying learning rates.

mod kept;
mod sweep;

use keras_core::data::IntoDataset;
use keras_core::{Callback, Config, Context, Entry, Fit, Logs, Model, Result, ResultExt, Shared, bail};

use crate::progress::number;
use kept::Kept;
pub use sweep::Sweep;

const NAME: &str = "LearningRateFinder";

/// Looks for a learning rate: trains on one batch after another, each with a larger rate than the one before, and keeps
/// the losses.
///
/// The rate grows from [`min_lr`](Self::min_lr) to [`max_lr`](Self::max_lr) by the same factor at each of
/// [`steps`](Self::steps) batches. It ends early when the smoothed loss is [`diverge`](Self::diverge) times the best, or
/// the loss is no number. Then weights, optimizer, random streams and states of the model are what they were before.
/// [`find`](Self::find) does it in one call; as a callback it ends its `fit` when it is done.
///
/// # Errors
/// Before the first step, when an argument is wrong or the learning rate follows a schedule.
///
/// # Examples
/// ```
/// use keras_callbacks::LearningRateFinder;
/// use keras_core::layers::Dense;
/// use keras_core::ops::Tensor;
/// use keras_core::{Compile, Fit, Registry, Sequential, loss_fn};
/// let mut model = Sequential::new().input([1]).add(Dense::new(1).kernel_initializer("zeros")).build()?;
/// let mse = loss_fn("mse", |y: &Tensor, p: &Tensor| (p - y)?.sqr());
/// model.compile_with(Compile::new("sgd").loss(mse), &Registry::core())?;
/// let (x, y) = (vec![[1f32]; 32], vec![[2f32]; 32]);
/// let sweep = LearningRateFinder::new().find(&mut model, (&x, &y), Fit::new().batch_size(8))?;
/// // For this model every rate below 1/2 learns, and those above 1 diverge.
/// assert!(sweep.suggestion().is_some_and(|rate| rate > 1e-3 && rate < 1.));
/// assert_eq!(model.weight("dense/kernel")?.value().to_vec2::<f32>()?, [[0.]]);
/// # Ok::<(), keras_core::Error>(())
/// ```
///
/// Not part of Keras.
#[derive(Debug)]
pub struct LearningRateFinder {
    min_lr: f64,
    max_lr: f64,
    steps: usize,
    smoothing: f64,
    diverge: f64,
    sweep: Sweep,
    average: f64,
    kept: Option<Kept>,
}

pub(crate) const ENTRY: Entry<dyn Callback> = Entry {
    class_name: NAME,
    module: "keras.callbacks",
    aliases: &["learning_rate_finder", "lr_finder"],
    doc: "Trains with ever larger learning rates and suggests one.",
    build: |config, _| {
        let mut reader = config.reader(NAME);
        let plain = LearningRateFinder::new();
        let callback = LearningRateFinder {
            min_lr: reader.or("min_lr", plain.min_lr)?,
            max_lr: reader.or("max_lr", plain.max_lr)?,
            steps: reader.or("steps", plain.steps)?,
            smoothing: reader.or("smoothing", plain.smoothing)?,
            diverge: reader.or("diverge", plain.diverge)?,
            ..plain
        };
        reader.finish()?;
        callback.check_arguments()?;
        Ok(Box::new(callback))
    },
};

impl Default for LearningRateFinder {
    fn default() -> Self {
        Self::new()
    }
}

impl LearningRateFinder {
    /// From 1e-7 to 10 in 100 batches.
    pub fn new() -> Self {
        Self {
            min_lr: 1e-7,
            max_lr: 10.,
            steps: 100,
            smoothing: 0.9,
            diverge: 4.,
            sweep: Sweep::default(),
            average: 0.,
            kept: None,
        }
    }

    /// The first rate; 1e-7 if not set.
    #[must_use]
    pub fn min_lr(mut self, rate: f64) -> Self {
        self.min_lr = rate;
        self
    }

    /// The last rate; 10 if not set.
    #[must_use]
    pub fn max_lr(mut self, rate: f64) -> Self {
        self.max_lr = rate;
        self
    }

    /// How many rates, one a batch; 100 if not set.
    #[must_use]
    pub fn steps(mut self, steps: usize) -> Self {
        self.steps = steps;
        self
    }

    /// How much the losses before count in the smoothed loss, from 0 to below 1; 0.9 if not set.
    #[must_use]
    pub fn smoothing(mut self, smoothing: f64) -> Self {
        self.smoothing = smoothing;
        self
    }

    /// Ends when the smoothed loss is so many times the smallest; 4 if not set.
    #[must_use]
    pub fn diverge(mut self, times: f64) -> Self {
        self.diverge = times;
        self
    }

    /// What was found.
    pub fn sweep(&self) -> &Sweep {
        &self.sweep
    }

    /// Trains `model` on `data` for as many epochs as the rates need, shows nothing, and gives what was found. `options`
    /// say the batch size and what else matters for a step.
    ///
    /// # Errors
    /// As [`Model::fit`], and for wrong arguments.
    pub fn find(self, model: &mut Model, data: impl IntoDataset, options: Fit) -> Result<Sweep> {
        let epochs = self.steps;
        let finder = Shared::new(self);
        model.fit(data, options.epochs(epochs).verbose(0).callback(finder.clone()))?;
        let found = finder.lock().sweep.clone();
        Ok(found)
    }

    fn check_arguments(&self) -> Result<()> {
        let Self { min_lr, max_lr, .. } = self;
        if !(*min_lr > 0. && max_lr > min_lr && max_lr.is_finite()) {
            bail!("{NAME}: rates must grow from above 0, got `min_lr` {min_lr} and `max_lr` {max_lr}");
        }
        if self.steps < 2 {
            bail!("{NAME}: `steps` must be 2 or more, got {}", self.steps);
        }
        if !(0. ..1.).contains(&self.smoothing) {
            bail!("{NAME}: `smoothing` must be in 0..1, got {}", self.smoothing);
        }
        if !self.diverge.is_finite() || self.diverge <= 1. {
            bail!(
                "{NAME}: `diverge` must be a finite number above 1, got {}",
                self.diverge
            );
        }
        Ok(())
    }

    /// The rate of batch `step`.
    fn rate(&self, step: usize) -> f64 {
        let part = step as f64 / (self.steps - 1) as f64;
        self.min_lr * (self.max_lr / self.min_lr).powf(part)
    }

    /// Takes in the loss of a batch; why to end, if so.
    fn take(&mut self, loss: f64) -> Option<String> {
        let rate = self.rate(self.sweep.rates.len());
        let best = self.sweep.smoothed.iter().copied().fold(f64::INFINITY, f64::min);
        self.average = self.smoothing * self.average + (1. - self.smoothing) * loss;
        self.sweep.rates.push(rate);
        self.sweep.losses.push(loss);
        let count = self.sweep.losses.len();
        // The first means lack what would have been before them.
        let smoothed = self.average / (1. - self.smoothing.powi(count as i32));
        self.sweep.smoothed.push(smoothed);
        if !loss.is_finite() {
            return Some(format!("the loss is {loss} at learning rate {}", number(rate)));
        }
        if best > 0. && smoothed > self.diverge * best {
            return Some(format!("the loss diverges at learning rate {}", number(rate)));
        }
        (count == self.steps).then(|| "all learning rates were tried".to_owned())
    }
}

impl Callback for LearningRateFinder {
    fn check(&mut self, cx: &mut Context<'_>) -> Result<()> {
        self.check_arguments()?;
        let optimizer = cx.model.optimizer_mut()?;
        let rate = optimizer.learning_rate();
        rate.and_then(|rate| optimizer.set_learning_rate(rate))
            .context(|| format!("{NAME} needs an optimizer whose learning rate is a number"))
    }

    fn on_train_begin(&mut self, cx: &mut Context<'_>, _: &mut Logs) -> Result<()> {
        self.sweep = Sweep::default();
        self.average = 0.;
        self.kept = Some(Kept::of(cx.model)?);
        Ok(())
    }

    fn on_train_batch_begin(&mut self, _: usize, cx: &mut Context<'_>, _: &mut Logs) -> Result<()> {
        // Logs are means since they were begun anew.
        cx.model.reset_metrics()?;
        let rate = self.rate(self.sweep.rates.len());
        cx.model.optimizer_mut()?.set_learning_rate(rate)
    }

    fn on_train_batch_end(&mut self, _: usize, cx: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
        let Some(loss) = logs.get("loss")?.filter(|_| !cx.stopping()) else {
            return Ok(());
        };
        if let Some(why) = self.take(loss) {
            cx.stop_training_because(why);
        }
        Ok(())
    }

    fn on_train_end(&mut self, cx: &mut Context<'_>, _: &mut Logs) -> Result<()> {
        if let Some(kept) = self.kept.take() {
            kept.put_back(cx.model)?;
        }
        let found = self.sweep.suggestion();
        cx.note(match found {
            Some(rate) => format!("suggested learning rate {}", number(rate)),
            None => "no learning rate made the loss fall".to_owned(),
        });
        Ok(())
    }

    fn stands_alone(&self) -> bool {
        true
    }

    fn class_name(&self) -> &str {
        NAME
    }

    fn config(&self) -> Config {
        Config::new()
            .with("min_lr", self.min_lr)
            .with("max_lr", self.max_lr)
            .with("steps", self.steps)
            .with("smoothing", self.smoothing)
            .with("diverge", self.diverge)
    }
}
