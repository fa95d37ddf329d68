//! Training: what [`Model::compile_with`](crate::Model::compile_with) sets up and `fit`, `evaluate`,
//! `predict` use.

mod callback_list;
mod compile;
mod compile_config;
mod fit;
mod gradients;
mod history;
mod jit_compile;
mod on_batch;
mod options;
mod passes;
mod place;
mod resume;
mod running;
mod signals;
mod step;
mod train_step;

use std::sync::{Arc, Mutex};

use crate::{LayerRef, Model, Optimizer, Registry, Result, Variable};

pub use callback_list::CallbackList;
pub use compile::{Compile, OutputSpec, output};
pub use history::{History, Scores, larger_is_better};
pub use jit_compile::JitCompile;
pub use options::{Evaluate, Fit, Predict};
pub use place::Place;
pub(crate) use resume::Resume;
pub(crate) use running::{ByShape, CompiledLoss, CompiledMetric, Pending, Running, lock};
pub use step::Step;
pub(crate) use train_step::Hook;
pub use train_step::TrainStep;

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
    /// [`Compile::jit_compile`], decided.
    pub(crate) jit_compile: bool,
    pub(crate) run_eagerly: bool,
    auto_scale_loss: bool,
    /// Whether the optimizer was put into one that scales the loss.
    auto_scaled: bool,
    /// How each output was compiled.
    forms: Vec<compile_config::Form>,
    /// The shapes of the targets for which `"accuracy"` and its like have been decided.
    targets: Option<Vec<Vec<usize>>>,
    /// Whether missing gradients have been reported.
    reported: bool,
    /// How far the current or the last `fit` has come.
    place: Option<Place>,
    kept: gradients::Kept,
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
        running.build(&model.output_shapes())?;
        let running = Arc::new(Mutex::new(running));
        Ok(Self {
            optimizer,
            variables,
            regularized,
            running,
            registry,
            steps_per_execution: 1,
            jit_compile: false,
            run_eagerly: false,
            auto_scale_loss: true,
            auto_scaled: false,
            forms: Vec::new(),
            targets: None,
            reported: false,
            place: None,
            kept: gradients::Kept::default(),
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
        match &running
            .metrics
            .iter()
            .find(|m| m.entries.iter().any(|e| e == name))?
            .metric
        {
            Pending::Ready(metric) => metric.larger_is_better(),
            // Which class it is, the first batch decides.
            Pending::ByShape(name) => Some(!matches!(ByShape::of(name), Some(ByShape::Crossentropy))),
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
