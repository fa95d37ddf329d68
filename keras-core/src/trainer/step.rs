//! One batch: forward, loss, backward, update.

use std::fmt;

use keras_ops::{Device, Gradient, GradientTape, Gradients, Joiner, Tensor};
use smallvec::SmallVec;

use super::running::{Losses, Outcome, lock};
use super::train_step::Hook;
use super::{Trainer, running};
use crate::data::Samples;
use crate::layer::{Call, Tensors};
use crate::models::Graph;
use crate::{Error, Model, Result, Variable, bail};

/// One batch on its way through a model: its data, and the parts of a step to put together.
pub struct Step<'a> {
    graph: &'a Graph,
    device: &'a Device,
    trainer: &'a mut Trainer,
    x: SmallVec<[Tensor; 2]>,
    y: SmallVec<[Tensor; 2]>,
    w: SmallVec<[Tensor; 2]>,
    len: usize,
    cx: Call,
    /// What [`log`](Self::log) was given since the last update.
    logged: Vec<(String, Tensor)>,
    losses: Losses,
}

impl fmt::Debug for Step<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Step of {} samples", self.len)
    }
}

impl<'a> Step<'a> {
    pub(super) fn new(
        graph: &'a Graph,
        device: &'a Device,
        trainer: &'a mut Trainer,
        batch: &Samples,
    ) -> Result<Self> {
        Ok(Self {
            x: graph.prepare(&batch.x, device)?,
            y: on_device(&batch.y, device)?,
            w: on_device(&batch.w, device)?,
            len: batch.len,
            cx: Call::default(),
            logged: Vec::new(),
            losses: Losses::default(),
            graph,
            device,
            trainer,
        })
    }

    /// The inputs, in the model's order.
    pub fn x(&self) -> &[Tensor] {
        &self.x
    }

    /// The targets, in the order of the outputs; none where the model has no loss.
    pub fn y(&self) -> &[Tensor] {
        &self.y
    }

    /// The sample weights: none, or one tensor an output.
    pub fn sample_weight(&self) -> &[Tensor] {
        &self.w
    }

    /// The number of samples.
    #[expect(clippy::len_without_is_empty, reason = "no batch is empty")]
    pub fn len(&self) -> usize {
        self.len
    }

    /// The variables that training changes, in the order of the optimizer.
    pub fn trainable_variables(&self) -> &[Variable] {
        &self.trainer.variables
    }

    /// The outputs for the batch. With a [`GradientTape`] started before, they are differentiable.
    ///
    /// # Errors
    /// When a layer fails.
    pub fn call(&mut self, training: bool) -> Result<Tensors> {
        let mut cx = Call::new(training);
        cx.eager = self.trainer.run_eagerly;
        let outputs = self.graph.run(&self.x, &mut cx)?;
        self.cx = cx;
        Ok(outputs)
    }

    /// [`call`](Self::call) with other inputs in place of those of the batch.
    ///
    /// # Errors
    /// When the inputs do not fit.
    pub fn call_with(&mut self, x: &[Tensor], training: bool) -> Result<Tensors> {
        self.x = self.graph.prepare(x, self.device)?;
        self.call(training)
    }

    /// The total loss of the last [`call`](Self::call): that of the outputs as compiled, the penalties on weights, and
    /// what layers added.
    ///
    /// # Errors
    /// When outputs and targets do not fit, or there is no loss at all.
    pub fn compute_loss(&mut self, outputs: &[Tensor]) -> Result<Tensor> {
        self.losses = lock(&self.trainer.running).compute(&self.y, outputs, &self.w, &self.cx.masks)?;
        let mut total = self.losses.total.clone();
        let regularized = self.trainer.regularized.iter();
        let penalties = regularized.filter_map(|v| Some(v.regularizer()?.call(&v.value())));
        for term in penalties.chain(self.cx.take_losses().into_iter().map(Ok)) {
            let term = term?;
            total = Some(match total {
                Some(total) => keras_ops::add(&total, &keras_ops::cast(&term, total.dtype())?)?,
                None => term,
            });
        }
        total.ok_or_else(|| {
            Error::invalid(
                "no loss to compute: give `Compile` a loss, or add one in a layer by `cx.add_loss`",
            )
        })
    }

    /// The gradients of `loss` by what `tape` recorded, scaled as the optimizer wants them.
    ///
    /// # Errors
    /// When the loss depends on nothing that was recorded.
    pub fn gradients(&self, tape: GradientTape, loss: &Tensor) -> Result<Gradients> {
        Ok(tape.gradients(&self.trainer.optimizer.scale_loss(loss)?)?)
    }

    /// One step of the optimizer. A variable without a gradient stays as it is.
    ///
    /// # Errors
    /// At the first step, when a weight has no gradient on which the loss must depend.
    pub fn apply_gradients(&mut self, mut gradients: Gradients) -> Result<()> {
        let variables = self.trainer.variables.iter();
        let gradients: Vec<Option<Gradient>> = variables.map(|v| gradients.take(v.tensor())).collect();
        if !self.trainer.reported {
            self.trainer.reported = true;
            self.report_missing(&gradients)?;
        }
        if self.trainer.run_eagerly {
            check_finite(&self.trainer.variables, &gradients)?;
        }
        self.trainer.keep(&gradients)?;
        let _update = tracing::trace_span!("update").entered();
        self.trainer.optimizer.take_gradients(gradients)
    }

    /// Takes the loss and the outputs into the running values and metrics.
    ///
    /// # Errors
    /// When a metric cannot take the outputs.
    pub fn update_metrics(&mut self, loss: &Tensor, outputs: &[Tensor]) -> Result<()> {
        for (name, value) in self.logged.drain(..) {
            self.cx.add_metric(&name, &value);
        }
        let outputs: Tensors = outputs.iter().map(Tensor::detach).collect();
        let outcome = Outcome {
            total: &loss.detach(),
            losses: &self.losses,
            len: self.len,
            y: &self.y,
            outputs: &outputs,
            w: &self.w,
            cx: &mut self.cx,
        };
        lock(&self.trainer.running).update(outcome)
    }

    /// Adds a scalar to the logs under `name`, as the mean over the batches of the epoch. Call it before
    /// [`update_metrics`](Self::update_metrics).
    pub fn log(&mut self, name: &str, value: &Tensor) {
        self.logged.push((name.to_owned(), value.clone()));
    }

    /// The built-in training step.
    ///
    /// # Errors
    /// When the batch does not fit.
    pub fn train(&mut self) -> Result<()> {
        let tape = GradientTape::start();
        let forward = tracing::trace_span!("forward").entered();
        let outputs = self.call(true)?;
        let loss = self.compute_loss(&outputs)?;
        drop(forward);
        let backward = tracing::trace_span!("backward").entered();
        let gradients = self.gradients(tape, &loss)?;
        drop(backward);
        self.apply_gradients(gradients)?;
        self.update_metrics(&loss, &outputs)
    }

    /// The built-in step of evaluation.
    ///
    /// # Errors
    /// When the batch does not fit.
    pub fn test(&mut self) -> Result<()> {
        let outputs = self.call(false)?;
        let loss = self.compute_loss(&outputs)?;
        self.update_metrics(&loss, &outputs)
    }

    /// # Errors
    /// When a weight has no gradient on which an output with a loss depends, or none has one.
    fn report_missing(&self, gradients: &[Option<Gradient>]) -> Result<()> {
        let pairs = self.trainer.variables.iter().zip(gradients);
        let missing: Vec<&Variable> = pairs.filter(|(_, g)| g.is_none()).map(|(v, _)| v).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let paths = |variables: &[&Variable]| {
            let paths: Vec<String> = variables.iter().map(|v| v.path()).collect();
            paths.join(", ")
        };
        if missing.len() == self.trainer.variables.len() {
            bail!(
                "no trainable weight has a gradient: the loss does not depend on any of {}",
                paths(&missing)
            );
        }
        let mut used = vec![false; self.graph.output_slots.len()];
        for loss in &lock(&self.trainer.running).losses {
            used[loss.output] = true;
        }
        let mut needed = Vec::new();
        self.graph.needed_weights(&used, &mut needed);
        let (cut, apart): (Vec<_>, Vec<_>) = missing
            .into_iter()
            .partition(|variable| needed.iter().any(|n| n.same(variable)));
        if !cut.is_empty() {
            bail!(
                "the loss does not depend on {}, though the layer is on the way to an output with a loss: its call does \
                 not use this weight, or something after it has no gradient. Make the layer `.trainable(false)` if that is \
                 meant",
                paths(&cut)
            );
        }
        tracing::warn!(
            "the loss does not depend on {}: these weights stay as they are",
            paths(&apart)
        );
        Ok(())
    }
}

/// # Errors
/// When a gradient is not finite; names its variable.
fn check_finite(variables: &[Variable], gradients: &[Option<Gradient>]) -> Result<()> {
    for (variable, gradient) in variables.iter().zip(gradients) {
        let values = match gradient {
            Some(Gradient::Dense(tensor)) => tensor.clone(),
            Some(Gradient::Rows(rows)) => rows.clone().dense()?,
            None => continue,
        };
        if let Some((place, value)) = keras_ops::first_not_finite(&values)? {
            bail!("the gradient of `{}` is {value} at {place:?}", variable.path());
        }
    }
    Ok(())
}

fn on_device(tensors: &[Tensor], device: &Device) -> Result<SmallVec<[Tensor; 2]>> {
    let there = |t: &Tensor| {
        if t.device().same_device(device) {
            Ok(t.clone())
        } else {
            Ok(t.to_device(device)?)
        }
    };
    tensors.iter().map(there).collect()
}

impl Model {
    /// One batch of training. Running values are updated, not returned: reading them may wait for the device.
    pub(crate) fn train_step(&mut self, batch: &Samples) -> Result<()> {
        let _step = tracing::trace_span!("step").entered();
        self.with_step(batch, |hook, step| match hook {
            Some(Hook(hook)) => hook.train_step(step),
            None => step.train(),
        })
    }

    /// One batch of evaluation.
    pub(crate) fn test_step(&mut self, batch: &Samples) -> Result<()> {
        let _step = tracing::trace_span!("step").entered();
        self.with_step(batch, |hook, step| match hook {
            Some(Hook(hook)) => hook.test_step(step),
            None => step.test(),
        })
    }

    fn with_step(
        &mut self,
        batch: &Samples,
        run: impl FnOnce(Option<&mut Hook>, &mut Step<'_>) -> Result<()>,
    ) -> Result<()> {
        self.resolve_names(batch)?;
        let trainer = self.trainer.as_mut().ok_or_else(running::not_compiled)?;
        let graph = &*self.functional.graph;
        let mut step = Step::new(graph, &self.device, trainer, batch)?;
        run(self.hook.as_mut(), &mut step)
    }

    /// The outputs for one batch in inference.
    pub(crate) fn predict_step(&self, x: &[Tensor]) -> Result<Tensors> {
        self.call(x, &mut self.inference())
    }

    /// [`predict_step`](Self::predict_step) whose outputs join those in `all`, a large one part by part.
    pub(crate) fn predict_to(&self, x: &[Tensor], all: &mut [Joiner]) -> Result<()> {
        let mut cx = self.inference();
        if let [one] = all {
            cx.sink = Some(std::mem::take(one));
        }
        let outputs = self.call(x, &mut cx)?;
        if let (Some(sink), [one]) = (cx.sink.take(), &mut *all) {
            *one = sink;
        }
        for (joiner, output) in all.iter_mut().zip(&outputs) {
            joiner.push(output)?;
        }
        Ok(())
    }

    fn inference(&self) -> Call {
        let mut cx = Call::new(false);
        cx.eager = self.trainer.as_ref().is_some_and(|trainer| trainer.run_eagerly);
        cx
    }

    fn resolve_names(&mut self, batch: &Samples) -> Result<()> {
        if self.trainer()?.targets.is_some() {
            return Ok(());
        }
        self.resolve_for(batch.y.iter().map(|y| y.dims().to_vec()).collect())
    }

    /// Decides what names mean for targets of these shapes.
    pub(super) fn resolve_for(&mut self, targets: Vec<Vec<usize>>) -> Result<()> {
        let shapes = self.output_shapes();
        let trainer = self.trainer_mut()?;
        lock(&trainer.running).resolve(&targets, &shapes, &trainer.registry)?;
        trainer.targets = Some(targets);
        Ok(())
    }
}
