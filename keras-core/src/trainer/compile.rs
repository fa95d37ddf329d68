//! What a model is trained with: optimizer, losses, metrics.

use std::sync::Arc;

use crate::layer::Layer;
use crate::optimizers::LossScaleOptimizer;
use crate::{
    DTypePolicy, Error, Given, Loss, Metric, Model, Optimizer, Registry, Result, ResultExt, Spec, bail,
};

use super::compile_config::Form;
use super::running::{ByShape, CompiledLoss, CompiledMetric, Pending};
use super::{JitCompile, Trainer};

/// Optimizer, losses and metrics for a model.
///
/// ```
/// use keras_core::{Compile, output};
/// let one = Compile::new("adam").loss("sparse_categorical_crossentropy").metric("accuracy");
/// let two = Compile::new("sgd")
///     .output("kind", output().loss("sparse_categorical_crossentropy").metric("accuracy"))
///     .output("score", output().loss("mse").weight(0.2));
/// // The same in the order of the outputs, and a metric for all of them.
/// let listed = Compile::new("sgd")
///     .outputs([
///         output().loss("sparse_categorical_crossentropy").metric("accuracy"),
///         output().loss("mse").weight(0.2),
///     ])
///     .metric_of_each("mae");
/// # let _ = (one, two, listed);
/// ```
#[derive(Debug)]
pub struct Compile {
    optimizer: Given<dyn Optimizer>,
    every: OutputSpec,
    /// Metrics that each output has, and whether they are weighted.
    of_each: Vec<(Given<dyn Metric>, bool)>,
    named: Vec<(String, OutputSpec)>,
    listed: Option<Vec<OutputSpec>>,
    steps_per_execution: usize,
    jit_compile: JitCompile,
    run_eagerly: bool,
    auto_scale_loss: bool,
}

/// The loss and metrics of one output. Made by [`output`].
#[derive(Debug, Default)]
pub struct OutputSpec {
    pub(super) loss: Option<Spec<dyn Loss>>,
    no_loss: bool,
    pub(super) weight: Option<f64>,
    pub(super) metrics: Vec<Given<dyn Metric>>,
    pub(super) weighted_metrics: Vec<Given<dyn Metric>>,
}

/// Starts the loss and metrics of one output. See [`Compile::output`].
pub fn output() -> OutputSpec {
    OutputSpec::default()
}

impl OutputSpec {
    /// The loss, by name or by value.
    #[must_use]
    pub fn loss(mut self, loss: impl Into<Spec<dyn Loss>>) -> Self {
        self.loss = Some(loss.into());
        self
    }

    /// No loss, even if [`Compile::loss`] gives one to every output.
    #[must_use]
    pub fn no_loss(mut self) -> Self {
        self.no_loss = true;
        self
    }

    /// The factor of this loss in the total; 1 if not set.
    #[must_use]
    pub fn weight(mut self, weight: f64) -> Self {
        self.weight = Some(weight);
        self
    }

    /// A metric that ignores sample weights.
    #[must_use]
    pub fn metric(mut self, metric: impl Into<Given<dyn Metric>>) -> Self {
        self.metrics.push(metric.into());
        self
    }

    /// A metric that counts samples by their weights.
    #[must_use]
    pub fn weighted_metric(mut self, metric: impl Into<Given<dyn Metric>>) -> Self {
        self.weighted_metrics.push(metric.into());
        self
    }
}

impl Compile {
    /// With an optimizer, by name or by value.
    pub fn new(optimizer: impl Into<Given<dyn Optimizer>>) -> Self {
        Self {
            optimizer: optimizer.into(),
            every: output(),
            of_each: Vec::new(),
            named: Vec::new(),
            listed: None,
            steps_per_execution: 1,
            jit_compile: JitCompile::Auto,
            run_eagerly: false,
            auto_scale_loss: true,
        }
    }

    /// The loss of every output that has none of its own.
    #[must_use]
    pub fn loss(mut self, loss: impl Into<Spec<dyn Loss>>) -> Self {
        self.every = self.every.loss(loss);
        self
    }

    /// The factor of the loss of every output that has none of its own.
    #[must_use]
    pub fn loss_weight(mut self, weight: f64) -> Self {
        self.every = self.every.weight(weight);
        self
    }

    /// A metric of a model with one output; it ignores sample weights.
    #[must_use]
    pub fn metric(mut self, metric: impl Into<Given<dyn Metric>>) -> Self {
        self.every = self.every.metric(metric);
        self
    }

    /// A metric of a model with one output that counts samples by their weights.
    #[must_use]
    pub fn weighted_metric(mut self, metric: impl Into<Given<dyn Metric>>) -> Self {
        self.every = self.every.weighted_metric(metric);
        self
    }

    /// A metric of each output, which ignores sample weights. One given by value is made anew from its configuration
    /// for every output but the first.
    #[must_use]
    pub fn metric_of_each(mut self, metric: impl Into<Given<dyn Metric>>) -> Self {
        self.of_each.push((metric.into(), false));
        self
    }

    /// [`metric_of_each`](Self::metric_of_each) that counts samples by their weights.
    #[must_use]
    pub fn weighted_metric_of_each(mut self, metric: impl Into<Given<dyn Metric>>) -> Self {
        self.of_each.push((metric.into(), true));
        self
    }

    /// Loss and metrics of the output called `name`. Outputs that are not named have no loss, unless
    /// [`loss`](Self::loss) gives them one.
    #[must_use]
    pub fn output(mut self, name: &str, spec: OutputSpec) -> Self {
        self.named.push((name.to_owned(), spec));
        self
    }

    /// Loss and metrics of all outputs, in the model's order.
    #[must_use]
    pub fn outputs(mut self, specs: impl IntoIterator<Item = OutputSpec>) -> Self {
        self.listed = Some(specs.into_iter().collect());
        self
    }

    /// Whether training is compiled; see [`JitCompile`].
    #[must_use]
    pub fn jit_compile(mut self, jit_compile: impl Into<JitCompile>) -> Self {
        self.jit_compile = jit_compile.into();
        self
    }

    /// Whether layers run one by one in plain code, for finding faults; no if not set. They always do so here: the
    /// setting only turns [`jit_compile`](Self::jit_compile) off, and is saved.
    #[must_use]
    pub fn run_eagerly(mut self, run_eagerly: bool) -> Self {
        self.run_eagerly = run_eagerly;
        self
    }

    /// Whether the optimizer of a model in `mixed_float16` is put into a [`LossScaleOptimizer`]; yes if not set.
    #[must_use]
    pub fn auto_scale_loss(mut self, auto_scale_loss: bool) -> Self {
        self.auto_scale_loss = auto_scale_loss;
        self
    }

    /// How many batches go by from one call of the callbacks to the next, in `fit`, `evaluate` and `predict`; 1 if
    /// not set.
    ///
    /// As in Keras, callbacks get the number of the first of these batches before them and of the last one after
    /// them, even if the data ends earlier; `steps_per_epoch` is rounded up to a multiple where there is data.
    #[must_use]
    pub fn steps_per_execution(mut self, batches: usize) -> Self {
        self.steps_per_execution = batches;
        self
    }
}

impl Model {
    /// Gives the model what `fit` and `evaluate` need; names are looked up in `registry`. The facade's
    /// `model.compile(…)` does this with everything built in.
    ///
    /// # Errors
    /// When a name or an output is unknown.
    pub fn compile_with(&mut self, compile: Compile, registry: &Registry) -> Result<()> {
        let mut compile = compile;
        if compile.steps_per_execution == 0 {
            bail!("compile: steps_per_execution must be 1 or more, got 0");
        }
        let names = self.output_names();
        let specs = compile.by_output(&names, registry)?;
        let forms = specs.iter().map(|spec| Form::of(spec, registry)).collect();
        let mut losses = Vec::new();
        let mut metrics = Vec::new();
        let several = names.len() > 1;
        for (index, (name, spec)) in names.iter().zip(specs).enumerate() {
            let place = || format!("output `{name}`");
            if let Some(weight) = spec.weight.filter(|weight| !weight.is_finite()) {
                bail!("compile: the weight of output `{name}` must be a finite number, got {weight}");
            }
            if let Some(loss) = spec.loss {
                let loss = pending_loss(loss, registry).context(place)?;
                losses.push(CompiledLoss::new(index, name, loss, spec.weight));
            }
            let prefix = if several { Some(name.as_str()) } else { None };
            let plain = spec.metrics.into_iter().map(|m| (m, false));
            for (given, weighted) in plain.chain(spec.weighted_metrics.into_iter().map(|m| (m, true))) {
                let metric = CompiledMetric::new(index, prefix, given, weighted, registry);
                metrics.push(metric.context(place)?);
            }
        }
        // Keras lists all plain metrics before the weighted ones.
        metrics.sort_by_key(|m| m.weighted);
        let mut optimizer = compile.optimizer.resolve(&registry.optimizers, registry)?;
        let auto_scaled = compile.auto_scale_loss
            && self.functional.base().dtype_policy() == DTypePolicy::MIXED_FLOAT16
            && optimizer.class_name() != "LossScaleOptimizer";
        if auto_scaled {
            optimizer = Box::new(LossScaleOptimizer::around(optimizer));
        }
        optimizer.build(&self.trainable_variables())?;
        let mut trainer = Trainer::new(optimizer, losses, metrics, registry.clone(), self)?;
        trainer.steps_per_execution = compile.steps_per_execution;
        trainer.run_eagerly = compile.run_eagerly;
        trainer.jit_compile = !compile.run_eagerly && compile.jit_compile.resolve(&self.device);
        (trainer.auto_scale_loss, trainer.auto_scaled) = (compile.auto_scale_loss, auto_scaled);
        trainer.forms = forms;
        self.trainer = Some(trainer);
        Ok(())
    }
}

impl Compile {
    /// What each output has.
    fn by_output(&mut self, names: &[String], registry: &Registry) -> Result<Vec<OutputSpec>> {
        let every = std::mem::take(&mut self.every);
        let named = std::mem::take(&mut self.named);
        for (index, (name, _)) in named.iter().enumerate() {
            if !names.contains(name) {
                return Err(Error::unknown("output", name, names.to_vec()).context("compile"));
            }
            if named[..index].iter().any(|(earlier, _)| earlier == name) {
                bail!("compile: output `{name}` is given twice");
            }
        }
        let mut specs: Vec<OutputSpec> = match self.listed.take() {
            None => names.iter().map(|_| output()).collect(),
            Some(_) if !named.is_empty() => {
                bail!("compile: give the outputs by `output` or by `outputs`, not by both")
            }
            Some(listed) if listed.len() != names.len() => bail!(
                "compile: expected one entry in `outputs` for each of {} outputs ({}), got {}",
                names.len(),
                names.join(", "),
                listed.len()
            ),
            Some(listed) => listed,
        };
        for (name, spec) in named {
            if let Some(index) = names.iter().position(|n| *n == name) {
                specs[index] = spec;
            }
        }
        for spec in &mut specs {
            if spec.loss.is_none() && !spec.no_loss {
                spec.loss.clone_from(&every.loss);
            }
            if spec.no_loss {
                spec.loss = None;
            }
            spec.weight = spec.weight.or(every.weight);
        }
        match specs.as_mut_slice() {
            [only] => {
                only.metrics.extend(every.metrics);
                only.weighted_metrics.extend(every.weighted_metrics);
            }
            _ if every.metrics.is_empty() && every.weighted_metrics.is_empty() => {}
            _ => bail!(
                "compile: say which output a metric belongs to, `.output(\"{}\", output().metric(…))`, or \
                 `.metric_of_each(…)`; the outputs are {}",
                names[0],
                names.join(", ")
            ),
        }
        for (given, weighted) in std::mem::take(&mut self.of_each) {
            let copies = copies(given, specs.len(), registry)?;
            for (spec, copy) in specs.iter_mut().zip(copies) {
                let metrics = if weighted {
                    &mut spec.weighted_metrics
                } else {
                    &mut spec.metrics
                };
                metrics.push(copy);
            }
        }
        Ok(specs)
    }
}

/// A metric `count` times.
fn copies(given: Given<dyn Metric>, count: usize, registry: &Registry) -> Result<Vec<Given<dyn Metric>>> {
    let metric = match given {
        Given::Name(name) => return Ok((0..count).map(|_| Given::Name(name.clone())).collect()),
        Given::Value(metric) => metric,
    };
    let (class, config) = (metric.class_name().to_owned(), metric.config());
    let mut all = vec![Given::Value(metric)];
    for _ in 1..count {
        let entry = registry.metrics.find(&class).context(|| {
            format!("metric `{class}` of each output: it is not in the registry and cannot be made anew; give one to each")
        })?;
        all.push(Given::Value((entry.build)(&config, registry)?));
    }
    Ok(all)
}

fn pending_loss(spec: Spec<dyn Loss>, registry: &Registry) -> Result<Pending<Arc<dyn Loss>>> {
    Ok(match spec {
        // Which cross-entropy is meant depends on the targets.
        Spec::Name(name) if matches!(ByShape::of(&name), Some(ByShape::Crossentropy)) => {
            Pending::ByShape(name)
        }
        spec => {
            let loss = spec.resolve(&registry.losses, registry)?;
            registry.losses.check_numbers(loss.class_name(), &loss.config())?;
            Pending::Ready(loss)
        }
    })
}
