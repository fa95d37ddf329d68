//! One batch: forward, loss, backward, update.

use keras_ops::{Gradient, GradientTape, Tensor};
use smallvec::SmallVec;

use super::running::{Losses, Outcome, lock};
use crate::data::Samples;
use crate::layer::{Call, Tensors};
use crate::{Error, Model, Result, Variable, bail};

impl Model {
    /// One training step. Running values are updated, not returned: reading them may wait for the device.
    pub(crate) fn train_step(&mut self, batch: &Samples) -> Result<()> {
        let _step = tracing::trace_span!("step").entered();
        self.resolve_names(batch)?;
        let Self {
            functional,
            device,
            trainer,
            ..
        } = self;
        let trainer = trainer.as_mut().ok_or_else(super::running::not_compiled)?;
        let graph = &functional.graph;
        let x = graph.prepare(&batch.x, device)?;
        let (y, w) = (on_device(&batch.y, device)?, on_device(&batch.w, device)?);

        let tape = GradientTape::start();
        let mut cx = Call::new(true);
        let forward = tracing::trace_span!("forward").entered();
        let outputs = graph.run(&x, &mut cx)?;
        let losses = lock(&trainer.running).compute(&y, &outputs, &w, &cx.masks)?;
        let total = add_penalties(&losses, cx.take_losses(), &trainer.regularized)?;
        drop(forward);

        let backward = tracing::trace_span!("backward").entered();
        let mut found = tape.gradients(&trainer.optimizer.scale_loss(&total)?)?;
        let gradients: SmallVec<[Option<Gradient>; 16]> =
            trainer.variables.iter().map(|v| found.take(v.tensor())).collect();
        drop(backward);
        if !trainer.reported {
            trainer.reported = true;
            report_missing(&trainer.variables, &gradients)?;
        }

        let update = tracing::trace_span!("update").entered();
        trainer.optimizer.apply_gradients(&gradients)?;
        drop(update);
        let outputs: Tensors = outputs.iter().map(Tensor::detach).collect();
        let outcome = Outcome {
            total: &total.detach(),
            losses: &losses,
            len: batch.len,
            y: &y,
            outputs: &outputs,
            w: &w,
            cx: &mut cx,
        };
        lock(&trainer.running).update(outcome)
    }

    /// One evaluation step.
    pub(crate) fn test_step(&mut self, batch: &Samples) -> Result<()> {
        let _step = tracing::trace_span!("step").entered();
        self.resolve_names(batch)?;
        let trainer = self.trainer()?;
        let graph = &self.functional.graph;
        let x = graph.prepare(&batch.x, &self.device)?;
        let (y, w) = (
            on_device(&batch.y, &self.device)?,
            on_device(&batch.w, &self.device)?,
        );
        let mut cx = Call::new(false);
        let outputs = graph.run(&x, &mut cx)?;
        let mut running = lock(&trainer.running);
        let losses = running.compute(&y, &outputs, &w, &cx.masks)?;
        let total = add_penalties(&losses, cx.take_losses(), &trainer.regularized)?;
        running.update(Outcome {
            total: &total,
            losses: &losses,
            len: batch.len,
            y: &y,
            outputs: &outputs,
            w: &w,
            cx: &mut cx,
        })
    }

    /// The outputs for one batch in inference.
    pub(crate) fn predict_step(&self, x: &[Tensor]) -> Result<Tensors> {
        self.call(x, &mut Call::new(false))
    }

    fn resolve_names(&mut self, batch: &Samples) -> Result<()> {
        if self.trainer()?.resolved {
            return Ok(());
        }
        let shapes = self.output_shapes();
        let trainer = self.trainer_mut()?;
        lock(&trainer.running).resolve(&batch.y, &shapes, &trainer.registry)?;
        trainer.resolved = true;
        Ok(())
    }
}

fn on_device(tensors: &[Tensor], device: &keras_ops::Device) -> Result<SmallVec<[Tensor; 2]>> {
    let there = |t: &Tensor| {
        if t.device().same_device(device) {
            Ok(t.clone())
        } else {
            Ok(t.to_device(device)?)
        }
    };
    tensors.iter().map(there).collect()
}

/// The total with what layers and regularizers add.
fn add_penalties(losses: &Losses, added: Vec<Tensor>, regularized: &[Variable]) -> Result<Tensor> {
    let mut total = losses.total.clone();
    let penalties = regularized
        .iter()
        .filter_map(|v| Some(v.regularizer()?.call(&v.value())));
    for term in penalties.chain(added.into_iter().map(Ok)) {
        let term = term?;
        total = Some(match total {
            Some(total) => keras_ops::add(&total, &keras_ops::cast(&term, total.dtype())?)?,
            None => term,
        });
    }
    total.ok_or_else(|| {
        Error::invalid("no loss to compute: give `Compile` a loss, or add one in a layer by `cx.add_loss`")
    })
}

fn report_missing(variables: &[Variable], gradients: &[Option<Gradient>]) -> Result<()> {
    let missing: Vec<String> = variables
        .iter()
        .zip(gradients)
        .filter(|(_, g)| g.is_none())
        .map(|(v, _)| v.path())
        .collect();
    if missing.len() == variables.len() {
        bail!(
            "no trainable weight has a gradient: the loss does not depend on any of {}",
            missing.join(", ")
        );
    }
    if !missing.is_empty() {
        tracing::warn!(
            "the loss does not depend on {}: these weights stay as they are",
            missing.join(", ")
        );
    }
    Ok(())
}
