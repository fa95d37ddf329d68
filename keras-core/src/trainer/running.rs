//! The losses and metrics of a compiled model and their running values.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use keras_ops::{Device, Tensor};
use serde_json::{Value, json};
use smallvec::SmallVec;

use crate::layer::Call;
use crate::logs::LogSource;
use crate::shape::Dims;
use crate::{Error, Given, Loss, Metric, Registry, Result, ResultExt, bail};

/// An object, or a name whose meaning depends on the shapes of the data (`"accuracy"`).
#[derive(Debug)]
pub(crate) enum Pending<T> {
    ByShape(String),
    Ready(T),
}

/// The loss of one output.
#[derive(Debug)]
pub(crate) struct CompiledLoss {
    pub(crate) output: usize,
    pub(crate) log_name: String,
    pub(crate) loss: Pending<Arc<dyn Loss>>,
    pub(crate) weight: Option<f64>,
    tracker: Tracker,
}

impl CompiledLoss {
    pub(crate) fn new(output: usize, name: &str, loss: Pending<Arc<dyn Loss>>, weight: Option<f64>) -> Self {
        Self {
            output,
            log_name: format!("{name}_loss"),
            loss,
            weight,
            tracker: Tracker::default(),
        }
    }

    fn loss(&self) -> Result<&Arc<dyn Loss>> {
        match &self.loss {
            Pending::Ready(loss) => Ok(loss),
            Pending::ByShape(name) => bail!("loss `{name}` has not seen data yet"),
        }
    }
}

/// A metric of one output.
#[derive(Debug)]
pub(crate) struct CompiledMetric {
    pub(crate) output: usize,
    pub(crate) log_name: String,
    /// What it is called where `log_name` is taken and it is weighted.
    weighted_name: String,
    pub(crate) weighted: bool,
    pub(crate) metric: Pending<Box<dyn Metric>>,
    /// What is put before names that the metric itself gives its numbers.
    prefix: Option<String>,
    /// The names of its numbers in logs: `log_name` alone, unless it gives several.
    pub(crate) entries: Vec<String>,
}

impl CompiledMetric {
    /// `prefix` is the output's name where there are several.
    pub(crate) fn new(
        output: usize,
        prefix: Option<&str>,
        given: Given<dyn Metric>,
        weighted: bool,
        registry: &Registry,
    ) -> Result<Self> {
        let (name, metric) = match given {
            Given::Name(name) if ByShape::of(&name).is_some() => (name.clone(), Pending::ByShape(name)),
            Given::Name(name) => {
                let mut metric = registry.metrics.by_name(&name, registry)?;
                metric.set_name(&name);
                (name, Pending::Ready(metric))
            }
            Given::Value(metric) => {
                registry
                    .metrics
                    .check_numbers(metric.class_name(), &metric.config())?;
                (metric.name(), Pending::Ready(metric))
            }
        };
        let before = prefix.map_or(String::new(), |p| format!("{p}_"));
        Ok(Self {
            output,
            log_name: format!("{before}{name}"),
            weighted_name: format!("{before}weighted_{name}"),
            weighted,
            metric,
            prefix: prefix.map(str::to_owned),
            entries: Vec::new(),
        })
    }

    /// Makes the state that depends on shapes, so that all names are known before the first batch; a size of `y` is
    /// known with the first data.
    fn build(&mut self, y: Option<&[usize]>, output: &Dims) -> Result<()> {
        let Pending::Ready(metric) = &mut self.metric else {
            return self.name_entries();
        };
        let sizes = y.map(|y| y.iter().skip(1).copied().map(Some));
        let y: Dims = std::iter::once(None).chain(sizes.into_iter().flatten()).collect();
        metric
            .build(&y, output)
            .context(|| format!("metric `{}`", self.log_name))?;
        self.name_entries()
    }

    /// The number of an entry now.
    fn value(&self, entry: usize) -> Result<f64> {
        let Pending::Ready(metric) = &self.metric else {
            return Ok(0.);
        };
        let values = metric
            .log_entries()
            .context(|| format!("metric `{}`", self.log_name))?;
        match values.get(entry) {
            Some((_, value)) => Ok(*value),
            None => bail!(
                "metric `{}`: gave {} numbers before, now {}",
                self.log_name,
                self.entries.len(),
                values.len()
            ),
        }
    }

    fn name_entries(&mut self) -> Result<()> {
        let Pending::Ready(metric) = &self.metric else {
            self.entries = vec![self.log_name.clone()];
            return Ok(());
        };
        let (name, own) = (metric.name(), !metric.result_names().is_empty());
        let entry = |(entry, _): (String, f64)| match (own, &self.prefix) {
            (true, Some(prefix)) => format!("{prefix}_{entry}"),
            (true, None) => entry,
            (false, _) => format!(
                "{}{}",
                self.log_name,
                entry.strip_prefix(&name).unwrap_or_default()
            ),
        };
        let entries = metric.log_entries().context(|| format!("metric `{name}`"))?;
        self.entries = entries.into_iter().map(entry).collect();
        Ok(())
    }
}

/// A weighted mean of scalars; on a device they are read only when someone asks.
#[derive(Debug, Default)]
struct Tracker {
    total: f64,
    count: f64,
    unread: Vec<(Tensor, f64)>,
}

impl Tracker {
    fn add(&mut self, value: &Tensor, weight: f64) -> Result<()> {
        self.count += weight;
        if value.device().is_cpu() {
            self.total += weight * scalar(value)?;
        } else {
            self.unread.push((value.detach(), weight));
            if self.unread.len() >= 256 {
                self.read()?;
            }
        }
        Ok(())
    }

    fn read(&mut self) -> Result<()> {
        for (value, weight) in self.unread.drain(..) {
            self.total += weight * scalar(&value)?;
        }
        Ok(())
    }

    fn mean(&mut self) -> Result<f64> {
        self.read()?;
        Ok(if self.count == 0. {
            0.
        } else {
            self.total / self.count
        })
    }

    fn reset(&mut self) {
        *self = Self::default();
    }
}

/// The number in a scalar tensor.
pub(crate) fn scalar(value: &Tensor) -> Result<f64> {
    if value.elem_count() != 1 {
        bail!("expected a scalar, got a tensor of shape {:?}", value.dims());
    }
    if value.dtype() == keras_ops::DType::F32 {
        return Ok(keras_ops::host::read(value, |v: &[f32]| Ok(f64::from(v[0])))?);
    }
    Ok(keras_ops::host::read(value, |v: &[f64]| Ok(v[0]))?)
}

/// Losses and metrics with their running values: what [`Logs`](crate::Logs) are read from.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) losses: Vec<CompiledLoss>,
    pub(crate) metrics: Vec<CompiledMetric>,
    total: Tracker,
    /// The values that layers add, by name.
    added: Vec<(String, Tracker)>,
}

/// What came of a batch.
pub(crate) struct Outcome<'a> {
    pub(crate) total: &'a Tensor,
    pub(crate) losses: &'a Losses,
    /// The number of samples.
    pub(crate) len: usize,
    pub(crate) y: &'a [Tensor],
    pub(crate) outputs: &'a [Tensor],
    pub(crate) w: &'a [Tensor],
    /// With the masks of the outputs and what layers added.
    pub(crate) cx: &'a mut Call,
}

/// The weighted total loss of a batch and the loss of each output before its weight.
#[derive(Default)]
pub(crate) struct Losses {
    pub(crate) total: Option<Tensor>,
    pub(crate) parts: SmallVec<[Tensor; 1]>,
}

impl Running {
    pub(crate) fn new(losses: Vec<CompiledLoss>, mut metrics: Vec<CompiledMetric>) -> Self {
        unique_names(&mut metrics);
        Self {
            losses,
            metrics,
            total: Tracker::default(),
            added: Vec::new(),
        }
    }

    /// Names the values that layers will add.
    pub(crate) fn expect(&mut self, names: Vec<String>) {
        for name in names {
            if !self.added.iter().any(|(known, _)| *known == name) {
                self.added.push((name, Tracker::default()));
            }
        }
    }

    /// Tells equal names of several numbers apart.
    fn unique_entries(&mut self) {
        let mut seen: Vec<String> = Vec::new();
        for metric in &mut self.metrics {
            for entry in &mut metric.entries {
                let stem = entry.clone();
                let mut count = 1;
                while seen.contains(entry) {
                    *entry = format!("{stem}_{count}");
                    count += 1;
                }
                seen.push(entry.clone());
            }
        }
    }

    /// Makes what is known of the metrics' state from the shapes of the outputs alone, and names their numbers.
    pub(crate) fn build(&mut self, outputs: &[Dims]) -> Result<()> {
        for metric in &mut self.metrics {
            if let Some(output) = outputs.get(metric.output) {
                metric.build(None, output)?;
            }
        }
        self.unique_entries();
        Ok(())
    }

    /// Decides what `"accuracy"` and `"crossentropy"` mean for these shapes, as Keras does.
    pub(crate) fn resolve(&mut self, y: &[Vec<usize>], outputs: &[Dims], registry: &Registry) -> Result<()> {
        for loss in &mut self.losses {
            if let (Pending::ByShape(_), Some(y)) = (&loss.loss, y.get(loss.output)) {
                let name = ByShape::Crossentropy.class(&Labels::of(y, &outputs[loss.output]));
                loss.loss = Pending::Ready(registry.losses.by_name(name, registry)?.into());
            }
        }
        for metric in &mut self.metrics {
            if let (Pending::ByShape(name), Some(y)) = (&metric.metric, y.get(metric.output)) {
                let kind = ByShape::of(name).unwrap_or(ByShape::Accuracy);
                let class = kind.class(&Labels::of(y, &outputs[metric.output]));
                let mut found = registry.metrics.by_name(class, registry)?;
                found.set_name(name);
                metric.metric = Pending::Ready(found);
            }
            metric.build(y.get(metric.output).map(Vec::as_slice), &outputs[metric.output])?;
        }
        self.unique_entries();
        Ok(())
    }

    /// The losses of a batch. `w` holds no weights, or one an output.
    pub(crate) fn compute(
        &self,
        y: &[Tensor],
        outputs: &[Tensor],
        w: &[Tensor],
        masks: &[Option<Tensor>],
    ) -> Result<Losses> {
        let mut losses = Losses {
            total: None,
            parts: SmallVec::new(),
        };
        for part in &self.losses {
            let Some(target) = y.get(part.output) else {
                bail!("data: y of `{}` is missing", part.log_name)
            };
            let mask = masks.get(part.output).and_then(Option::as_ref);
            let value = part
                .loss()?
                .apply(target, &outputs[part.output], w.get(part.output), mask)
                .context(|| format!("loss of output `{}`", part.log_name.trim_end_matches("_loss")))?;
            if !value.dims().is_empty() {
                bail!(
                    "the loss `{}` has reduction \"none\"; training needs one number a batch",
                    part.loss()?.name()
                );
            }
            let weighted = match part.weight {
                Some(weight) => keras_ops::mul_scalar(&value, weight)?,
                None => value.clone(),
            };
            // Each output's own value is logged before its weight.
            losses.parts.push(value);
            losses.total = Some(match losses.total {
                Some(total) => keras_ops::add(&total, &weighted)?,
                None => weighted,
            });
        }
        Ok(losses)
    }

    /// Takes in a batch.
    pub(crate) fn update(&mut self, batch: Outcome<'_>) -> Result<()> {
        let weight = batch.len as f64;
        self.total.add(batch.total, weight)?;
        if self.losses.len() > 1 {
            for (part, value) in self.losses.iter_mut().zip(&batch.losses.parts) {
                part.tracker.add(value, weight)?;
            }
        }
        for slot in &mut self.metrics {
            let Pending::Ready(metric) = &mut slot.metric else {
                bail!("metric `{}` has not seen data yet", slot.log_name);
            };
            let Some(target) = batch.y.get(slot.output) else {
                bail!("data: y for `{}` is missing", slot.log_name)
            };
            let weights = batch.w.get(slot.output).filter(|_| slot.weighted);
            let mask = batch.cx.masks.get(slot.output).and_then(Option::as_ref);
            metric
                .update_masked(target, &batch.outputs[slot.output], weights, mask)
                .context(|| format!("metric `{}`", slot.log_name))?;
        }
        for (name, value) in batch.cx.take_metrics() {
            let at = match self.added.iter().position(|(known, _)| *known == name) {
                Some(at) => at,
                None => {
                    self.added.push((name, Tracker::default()));
                    self.added.len() - 1
                }
            };
            self.added[at].1.add(&value, 1.)?;
        }
        Ok(())
    }

    pub(crate) fn reset(&mut self) -> Result<()> {
        self.total.reset();
        self.losses.iter_mut().for_each(|l| l.tracker.reset());
        self.added.iter_mut().for_each(|(_, tracker)| tracker.reset());
        for slot in &mut self.metrics {
            if let Pending::Ready(metric) = &mut slot.metric {
                metric.reset_state()?;
            }
        }
        Ok(())
    }

    /// All running values: their names, and the tensors to save under `folder`.
    pub(crate) fn state(&mut self, folder: &str) -> Result<(Value, Vec<(String, Tensor)>)> {
        let mut trackers = Vec::new();
        for tracker in self.trackers() {
            tracker.read()?;
            trackers.extend([tracker.total, tracker.count]);
        }
        let rows = trackers.len() / 2;
        let trackers = Tensor::from_vec(trackers, (rows, 2), &Device::Cpu)?;
        let mut tensors = vec![(format!("{folder}trackers"), trackers)];
        let mut counts = Vec::new();
        for (index, slot) in self.metrics.iter().enumerate() {
            let state = match &slot.metric {
                Pending::Ready(metric) => metric.state()?,
                Pending::ByShape(_) => Vec::new(),
            };
            counts.push(state.len());
            let named = state.into_iter().enumerate();
            tensors.extend(named.map(|(i, value)| (format!("{folder}{index}/{i}"), value)));
        }
        let added: Vec<&String> = self.added.iter().map(|(name, _)| name).collect();
        Ok((json!({"added": added, "metrics": counts}), tensors))
    }

    /// Continues from a [`state`](Self::state); `tensors` have their names without the folder.
    pub(crate) fn load_state(&mut self, state: &Value, tensors: &[(String, Tensor)]) -> Result<()> {
        let wrong =
            || Error::invalid("the running values in the checkpoint are those of other losses and metrics");
        let find = |name: &str| tensors.iter().find(|(n, _)| n == name).map(|(_, t)| t);
        let added = state["added"].as_array().ok_or_else(wrong)?.iter();
        self.expect(added.filter_map(Value::as_str).map(str::to_owned).collect());
        let trackers = find("trackers").ok_or_else(wrong)?.to_vec2::<f64>()?;
        if trackers.len() != self.trackers().count() {
            return Err(wrong());
        }
        for (tracker, row) in self.trackers().zip(trackers) {
            tracker.reset();
            if let [total, count] = row[..] {
                (tracker.total, tracker.count) = (total, count);
            }
        }
        let counts = state["metrics"].as_array().ok_or_else(wrong)?;
        if counts.len() != self.metrics.len() {
            return Err(wrong());
        }
        for (index, (slot, count)) in self.metrics.iter_mut().zip(counts).enumerate() {
            let Pending::Ready(metric) = &mut slot.metric else {
                continue;
            };
            let names = (0..count.as_u64().unwrap_or(0)).map(|i| format!("{index}/{i}"));
            let values: Option<Vec<Tensor>> = names.map(|name| find(&name).cloned()).collect();
            metric.load_state(&values.ok_or_else(wrong)?)?;
        }
        Ok(())
    }

    fn trackers(&mut self) -> impl Iterator<Item = &mut Tracker> {
        let losses = self.losses.iter_mut().map(|loss| &mut loss.tracker);
        let added = self.added.iter_mut().map(|(_, tracker)| tracker);
        std::iter::once(&mut self.total).chain(losses).chain(added)
    }

    /// `loss`, then each output's where there are several, then the metrics, then what layers add.
    pub(crate) fn names(&self) -> Vec<String> {
        let parts = if self.losses.len() > 1 {
            self.losses.as_slice()
        } else {
            &[]
        };
        let named = parts
            .iter()
            .map(|l| &l.log_name)
            .chain(self.metrics.iter().flat_map(|m| &m.entries))
            .chain(self.added.iter().map(|(name, _)| name));
        std::iter::once("loss".to_owned()).chain(named.cloned()).collect()
    }

    fn value(&mut self, index: usize) -> Result<f64> {
        let parts = if self.losses.len() > 1 {
            self.losses.len()
        } else {
            0
        };
        match index {
            0 => self.total.mean(),
            i if i <= parts => self.losses[i - 1].tracker.mean(),
            i => {
                let mut at = i - 1 - parts;
                for slot in &self.metrics {
                    if at < slot.entries.len() {
                        return slot.value(at);
                    }
                    at -= slot.entries.len();
                }
                match self.added.get_mut(at) {
                    Some((_, tracker)) => tracker.mean(),
                    None => Ok(0.),
                }
            }
        }
    }
}

impl LogSource for Mutex<Running> {
    fn names(&self) -> Vec<String> {
        lock(self).names()
    }

    fn value(&self, index: usize) -> Result<f64> {
        lock(self).value(index)
    }
}

pub(crate) fn lock(running: &Mutex<Running>) -> MutexGuard<'_, Running> {
    running.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a name means whose class depends on the targets.
#[derive(Clone, Copy)]
pub(crate) enum ByShape {
    Accuracy,
    Crossentropy,
}

impl ByShape {
    /// What Keras takes `name` for, in small and capital letters.
    pub(crate) fn of(name: &str) -> Option<Self> {
        match name.to_lowercase().as_str() {
            "accuracy" | "acc" => Some(Self::Accuracy),
            "crossentropy" | "ce" => Some(Self::Crossentropy),
            _ => None,
        }
    }

    fn class(self, labels: &Labels) -> &'static str {
        match (self, labels) {
            (Self::Accuracy, Labels::Binary) => "BinaryAccuracy",
            (Self::Accuracy, Labels::Sparse) => "SparseCategoricalAccuracy",
            (Self::Accuracy, Labels::OneHot) => "CategoricalAccuracy",
            (Self::Crossentropy, Labels::Binary) => "BinaryCrossentropy",
            (Self::Crossentropy, Labels::Sparse) => "SparseCategoricalCrossentropy",
            (Self::Crossentropy, Labels::OneHot) => "CategoricalCrossentropy",
        }
    }
}

/// What the targets of a classifier look like.
enum Labels {
    Binary,
    Sparse,
    OneHot,
}

impl Labels {
    fn of(y: &[usize], output: &Dims) -> Self {
        let last = output.last().copied().flatten();
        if last == Some(1) {
            Self::Binary
        } else if y.len() < output.len() || y.last() == Some(&1) {
            Self::Sparse
        } else {
            Self::OneHot
        }
    }
}

/// Tells equal names apart as Keras does: `auc`, `auc_1`; a weighted one is `weighted_auc`.
fn unique_names(metrics: &mut [CompiledMetric]) {
    let mut seen: Vec<String> = Vec::new();
    for metric in metrics {
        let stem = match (seen.contains(&metric.log_name), metric.weighted) {
            (true, true) => metric.weighted_name.clone(),
            _ => metric.log_name.clone(),
        };
        let mut name = stem.clone();
        let mut count = 1;
        while seen.contains(&name) {
            name = format!("{stem}_{count}");
            count += 1;
        }
        seen.push(name.clone());
        metric.log_name = name;
    }
}

/// No such output, or no compile: what to do.
pub(crate) fn not_compiled() -> Error {
    Error::invalid("the model is not compiled: call `model.compile(Compile::new(…).loss(…))` first")
}

impl Running {
    /// Checks all targets of a run before its first step.
    pub(crate) fn check_targets(&self, y: &[Tensor], outputs: &[Dims]) -> Result<()> {
        for part in &self.losses {
            if let (Pending::Ready(loss), Some(y)) = (&part.loss, y.get(part.output)) {
                loss.check_targets(y, &outputs[part.output])
                    .context(|| format!("loss `{}`", loss.name()))?;
            }
        }
        Ok(())
    }
}
