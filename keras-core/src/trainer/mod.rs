//! Training: what [`Model::compile_with`](crate::Model::compile_with) sets up and `fit`, `evaluate`,
//! `predict` use.

mod callbacks;
mod compile;
mod fit;
mod history;
mod options;
mod passes;
mod running;
mod saved;
mod step;

use std::sync::{Arc, Mutex};

use crate::{LayerRef, Model, Optimizer, Registry, Result, Variable};

pub use compile::{Compile, OutputSpec, output};
pub use history::{History, Scores, larger_is_better};
pub use options::{Evaluate, Fit, Predict};
pub(crate) use running::{CompiledLoss, CompiledMetric, Pending, Running, lock};

/// The optimizer, losses and metrics of a compiled model.
#[derive(Debug)]
pub(crate) struct Trainer {
    pub(crate) optimizer: Box<dyn Optimizer>,
    /// The variables that the optimizer was built for, in its order.
    pub(crate) variables: Vec<Variable>,
    /// Those of them with a regularizer.
    regularized: Vec<Variable>,
    pub(crate) running: Arc<Mutex<Running>>,
    pub(crate) registry: Registry,
    /// Batches from one call of the callbacks to the next.
    pub(crate) steps_per_execution: usize,
    /// Whether `"accuracy"` and its like have been decided.
    resolved: bool,
    /// Whether missing gradients have been reported.
    reported: bool,
}

impl Trainer {
    pub(crate) fn new(
        optimizer: Box<dyn Optimizer>,
        losses: Vec<CompiledLoss>,
        metrics: Vec<CompiledMetric>,
        registry: Registry,
        model: &Model,
    ) -> Result<Self> {
        let variables = model.trainable_variables();
        let regularized = variables
            .iter()
            .filter(|v| v.regularizer().is_some())
            .cloned()
            .collect();
        let mut running = Running::new(losses, metrics);
        running.expect(model.layers().iter().flat_map(LayerRef::metric_names).collect());
        let running = Arc::new(Mutex::new(running));
        Ok(Self {
            optimizer,
            variables,
            regularized,
            running,
            registry,
            steps_per_execution: 1,
            resolved: false,
            reported: false,
        })
    }
}

impl Model {
    pub(crate) fn trainer(&self) -> Result<&Trainer> {
        self.trainer.as_ref().ok_or_else(running::not_compiled)
    }

    pub(crate) fn trainer_mut(&mut self) -> Result<&mut Trainer> {
        self.trainer.as_mut().ok_or_else(running::not_compiled)
    }

    /// [`Compile::steps_per_execution`]; 1 when not compiled.
    pub(crate) fn block(&self) -> usize {
        self.trainer.as_ref().map_or(1, |t| t.steps_per_execution)
    }

    /// Whether it can be trained.
    pub fn compiled(&self) -> bool {
        self.trainer.is_some()
    }

    /// The optimizer it is trained with.
    ///
    /// # Errors
    /// When the model is not compiled.
    pub fn optimizer(&self) -> Result<&dyn Optimizer> {
        Ok(&*self.trainer()?.optimizer)
    }

    /// The optimizer, for changing its learning rate.
    ///
    /// # Errors
    /// When the model is not compiled.
    pub fn optimizer_mut(&mut self) -> Result<&mut dyn Optimizer> {
        Ok(&mut *self.trainer_mut()?.optimizer)
    }

    /// The names of the values that training logs: `loss`, those of the outputs, the metrics.
    ///
    /// # Errors
    /// When the model is not compiled.
    pub fn metrics_names(&self) -> Result<Vec<String>> {
        Ok(lock(&self.trainer()?.running).names())
    }

    /// Whether larger values of the log `name` are better: no for losses, what the metric says for metrics,
    /// `None` where nobody knows.
    pub fn larger_is_better(&self, name: &str) -> Option<bool> {
        let name = name.strip_prefix("val_").unwrap_or(name);
        let running = lock(&self.trainer.as_ref()?.running);
        if name == "loss" || running.losses.iter().any(|l| l.log_name == name) {
            return Some(false);
        }
        match &running.metrics.iter().find(|m| m.log_name == name)?.metric {
            Pending::Ready(metric) => metric.larger_is_better(),
            // An accuracy whose kind the first batch decides.
            Pending::ByShape(_) => Some(true),
        }
    }

    /// Starts the running values of losses and metrics anew.
    ///
    /// # Errors
    /// When the model is not compiled.
    pub fn reset_metrics(&mut self) -> Result<()> {
        lock(&self.trainer()?.running).reset()
    }
}
