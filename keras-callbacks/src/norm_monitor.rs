use std::collections::BTreeSet;

use keras_core::config::{FromValue, IntoValue};
use keras_core::ops::Tensor;
use keras_core::ops::optimizer_step::global_norm;
use keras_core::{Callback, Config, Context, Entry, Logs, Model, Result, bail};
use serde_json::{Value, json};

use crate::progress::number;
use crate::state;

const NAME: &str = "NormMonitor";

/// Watches the size of weights and gradients, and says which go wrong.
///
/// The norm of something is the root of the sum of its squares. The logs of each epoch get `gradient_norm`, the mean of
/// the norms of all gradients together over the batches looked at, and `weight_norm`, that of all trained weights at its
/// end; with [`by_weight`](Self::by_weight) also `gradient_norm/PATH` and `weight_norm/PATH` of each. Gradients are as the
/// loss gives them, before clipping.
///
/// A note names, once each, the weights whose gradient is NaN or infinite, larger than [`explode`](Self::explode), or 0
/// at every look of an epoch (nothing is learned there), and those that are NaN or infinite themselves.
///
/// Looking at a batch reads all its gradients; [`every`](Self::every) says how often.
///
/// # Examples
/// ```
/// use keras_callbacks::NormMonitor;
/// use keras_core::layers::Dense;
/// use keras_core::ops::Tensor;
/// use keras_core::optimizers::SGD;
/// use keras_core::{Compile, Fit, Registry, Sequential, loss_fn};
/// let mut model = Sequential::new().input([1]).add(Dense::new(1).kernel_initializer("ones")).build()?;
/// let mse = loss_fn("mse", |y: &Tensor, p: &Tensor| (p - y)?.sqr());
/// model.compile_with(Compile::new(SGD::new(0.)).loss(mse), &Registry::core())?;
/// let (x, y) = (vec![[0.75f32]; 4], vec![[0.25f32]; 4]);
/// let history = model.fit((&x, &y), Fit::new().verbose(0).callback(NormMonitor::new()))?;
/// // The error is 0.5: the gradients are 2 * 0.5 * 0.75 and 2 * 0.5.
/// assert_eq!(history.get("gradient_norm")?, [1.25]);
/// assert_eq!(history.get("weight_norm")?, [1.]);
/// # Ok::<(), keras_core::Error>(())
/// ```
///
/// Not part of Keras.
#[derive(Clone, Debug)]
pub struct NormMonitor {
    every: usize,
    explode: f64,
    by_weight: bool,
    looks: usize,
    total: f64,
    seen: Vec<Seen>,
    told: BTreeSet<String>,
    resumed: bool,
}

/// The gradients of a weight in this epoch.
#[derive(Clone, Debug)]
struct Seen {
    path: String,
    total: f64,
    zero: bool,
}

pub(crate) const ENTRY: Entry<dyn Callback> = Entry {
    class_name: NAME,
    module: "keras.callbacks",
    aliases: &["norm_monitor"],
    doc: "Watches the size of weights and gradients, and says which go wrong.",
    build: |config, _| {
        let mut reader = config.reader(NAME);
        let plain = NormMonitor::new();
        let callback = NormMonitor {
            every: reader.or("every", plain.every)?,
            explode: reader.or("explode", plain.explode)?,
            by_weight: reader.or("by_weight", false)?,
            ..plain
        };
        reader.finish()?;
        callback.check_arguments()?;
        Ok(Box::new(callback))
    },
};

impl Default for NormMonitor {
    fn default() -> Self {
        Self::new()
    }
}

impl NormMonitor {
    /// Looks at the first batch of each epoch, and at every hundredth after it.
    pub fn new() -> Self {
        Self {
            every: 100,
            explode: 1e4,
            by_weight: false,
            looks: 0,
            total: 0.,
            seen: Vec::new(),
            told: BTreeSet::new(),
            resumed: false,
        }
    }

    /// Looks at the first of every so many batches; 100 if not set.
    #[must_use]
    pub fn every(mut self, batches: usize) -> Self {
        self.every = batches;
        self
    }

    /// The norm from which a weight's gradient is called exploding; 10,000 if not set.
    #[must_use]
    pub fn explode(mut self, norm: f64) -> Self {
        self.explode = norm;
        self
    }

    /// Whether the logs get the norms of each weight.
    #[must_use]
    pub fn by_weight(mut self, each: bool) -> Self {
        self.by_weight = each;
        self
    }

    fn check_arguments(&self) -> Result<()> {
        if self.every == 0 {
            bail!("{NAME}: `every` must be 1 batch or more, got 0");
        }
        if self.explode.is_nan() || self.explode <= 0. {
            bail!("{NAME}: `explode` must be above 0, got {}", self.explode);
        }
        Ok(())
    }

    fn look(&mut self, batch: usize, cx: &Context<'_>) -> Result<()> {
        let gradients = cx.model.gradients()?;
        let mut squares = 0.;
        for (path, gradient) in &gradients {
            let norm = norm(gradient)?;
            squares += norm * norm;
            let what = match norm {
                _ if !norm.is_finite() => Some(format!(
                    "the gradient of {path} is {} in batch {batch}",
                    word(norm)
                )),
                _ if norm > self.explode => Some(format!(
                    "the gradient of {path} explodes: its norm is {} in batch {batch}",
                    number(norm)
                )),
                _ => None,
            };
            if let Some(what) = what {
                self.tell(format!("gradient {path}"), what, cx);
            }
            match self.seen.iter_mut().find(|seen| seen.path == *path) {
                Some(seen) => {
                    seen.total += norm;
                    seen.zero &= norm == 0.;
                }
                None => self.seen.push(Seen {
                    path: path.clone(),
                    total: norm,
                    zero: norm == 0.,
                }),
            }
        }
        if !gradients.is_empty() {
            self.looks += 1;
            self.total += squares.sqrt();
        }
        Ok(())
    }

    /// Says something once.
    fn tell(&mut self, about: String, what: String, cx: &Context<'_>) {
        if self.told.insert(about) {
            tracing::warn!("{NAME}: {what}");
            cx.note(what);
        }
    }

    fn log_gradients(&mut self, epoch: usize, cx: &Context<'_>, logs: &mut Logs) {
        let looks = std::mem::take(&mut self.looks) as f64;
        let total = std::mem::take(&mut self.total);
        let seen = std::mem::take(&mut self.seen);
        if looks > 0. {
            logs.set("gradient_norm", total / looks);
        }
        for Seen { path, total, zero } in seen {
            if self.by_weight {
                logs.set(&format!("gradient_norm/{path}"), total / looks);
            }
            if zero {
                let what = format!(
                    "the gradient of {path} was 0 in epoch {}: nothing is learned there",
                    epoch + 1
                );
                self.tell(format!("zero {path}"), what, cx);
            }
        }
    }

    fn log_weights(&mut self, epoch: usize, cx: &Context<'_>, logs: &mut Logs) -> Result<()> {
        let mut squares = 0.;
        for (path, variable) in trained(cx.model) {
            let norm = norm(&variable)?;
            squares += norm * norm;
            if self.by_weight {
                logs.set(&format!("weight_norm/{path}"), norm);
            }
            if !norm.is_finite() {
                let what = format!("{path} is {} after epoch {}", word(norm), epoch + 1);
                self.tell(format!("weight {path}"), what, cx);
            }
        }
        logs.set("weight_norm", squares.sqrt());
        Ok(())
    }
}

fn trained(model: &Model) -> Vec<(String, Tensor)> {
    let weights = model.weights().into_iter();
    let trained = weights.filter(|(_, variable)| variable.trainable());
    trained.map(|(path, variable)| (path, variable.value())).collect()
}

fn norm(tensor: &Tensor) -> Result<f64> {
    Ok(global_norm(&[tensor])?)
}

/// What a norm that is no finite number means.
fn word(norm: f64) -> &'static str {
    if norm.is_nan() { "NaN" } else { "infinite" }
}

impl Callback for NormMonitor {
    fn check(&mut self, cx: &mut Context<'_>) -> Result<()> {
        self.check_arguments()?;
        for name in ["gradient_norm", "weight_norm"] {
            cx.will_log(name);
            for (path, _) in trained(cx.model).iter().filter(|_| self.by_weight) {
                cx.will_log(&format!("{name}/{path}"));
            }
        }
        Ok(())
    }

    fn on_train_begin(&mut self, cx: &mut Context<'_>, _: &mut Logs) -> Result<()> {
        if !std::mem::take(&mut self.resumed) {
            (self.looks, self.total) = (0, 0.);
            self.seen.clear();
            self.told.clear();
        }
        cx.model.keep_gradients()
    }

    fn on_train_batch_end(&mut self, batch: usize, cx: &mut Context<'_>, _: &mut Logs) -> Result<()> {
        match batch.is_multiple_of(self.every) || self.looks == 0 {
            true => self.look(batch, cx),
            false => Ok(()),
        }
    }

    fn on_epoch_end(&mut self, epoch: usize, cx: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
        self.log_gradients(epoch, cx, logs);
        self.log_weights(epoch, cx, logs)
    }

    fn on_train_end(&mut self, cx: &mut Context<'_>, _: &mut Logs) -> Result<()> {
        cx.model.release_gradients()
    }

    fn stands_alone(&self) -> bool {
        true
    }

    fn class_name(&self) -> &str {
        NAME
    }

    fn config(&self) -> Config {
        Config::new()
            .with("every", self.every)
            .with("explode", self.explode)
            .with("by_weight", self.by_weight)
    }

    fn state(&self) -> Value {
        let seen = self.seen.iter();
        let seen: Vec<Value> = seen
            .map(|s| json!([s.path, s.total.into_value(), s.zero]))
            .collect();
        let state = Config::new()
            .with("looks", self.looks)
            .with("total", self.total)
            .with("seen", seen)
            .with("told", json!(self.told));
        Value::Object(state.0)
    }

    fn load_state(&mut self, state: &Value) -> Result<()> {
        let state = state::object(NAME, state)?;
        let mut reader = state.reader(NAME);
        self.looks = reader.req("looks")?;
        self.total = reader.req("total")?;
        self.told = reader.req::<Vec<String>>("told")?.into_iter().collect();
        self.seen.clear();
        for seen in reader.req::<Vec<Value>>("seen")? {
            match (seen[0].as_str(), f64::from_value(&seen[1]), seen[2].as_bool()) {
                (Some(path), Some(total), Some(zero)) => self.seen.push(Seen {
                    path: path.to_owned(),
                    total,
                    zero,
                }),
                _ => bail!("{NAME}: what was seen must be [path, total, zero], got {seen}"),
            }
        }
        self.resumed = true;
        reader.finish()
    }
}
