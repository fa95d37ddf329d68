use keras_ops::Tensor;
use keras_ops::optimizer_step::{AdamRule, MuonRule, adam_step, muon_step, scale_in_place};

use serde_json::Value;

use super::OptimizerBase;
use super::arguments::shared_arguments;
use crate::{Config, Entry, LearningRate, Optimizer, Result, Variable};

/// Steps with all singular values alike for matrices, Adam for everything else and for embeddings; see
/// [`muon_step`].
#[derive(Debug)]
pub struct Muon {
    base: OptimizerBase,
    adam_beta_1: f64,
    adam_beta_2: f64,
    adam_weight_decay: f64,
    epsilon: f64,
    exclude_layers: Vec<String>,
    exclude_embeddings: bool,
    coefficients: [f64; 3],
    adam_lr_ratio: f64,
    momentum: f64,
    ns_steps: usize,
    nesterov: bool,
    rms_rate: Option<f64>,
    momentums: Vec<Variable>,
    velocities: Vec<Option<Variable>>,
}

impl Muon {
    /// With Keras's defaults, among them a `weight_decay` of 0.004 and a `momentum` of 0.95.
    pub fn new(learning_rate: impl Into<LearningRate>) -> Self {
        Self::with(OptimizerBase::new("Muon", learning_rate)).weight_decay(Self::WEIGHT_DECAY)
    }

    const WEIGHT_DECAY: f64 = 0.004;

    fn with(base: OptimizerBase) -> Self {
        Self {
            base,
            adam_beta_1: 0.9,
            adam_beta_2: 0.999,
            adam_weight_decay: Self::WEIGHT_DECAY,
            epsilon: 1e-7,
            exclude_layers: Vec::new(),
            exclude_embeddings: true,
            coefficients: [3.4445, -4.775, 2.0315],
            adam_lr_ratio: 1.,
            momentum: 0.95,
            ns_steps: 5,
            nesterov: true,
            rms_rate: Some(0.2),
            momentums: Vec::new(),
            velocities: Vec::new(),
        }
    }

    /// Decay of the momentum.
    #[must_use]
    pub fn momentum(mut self, momentum: f64) -> Self {
        self.momentum = momentum;
        self
    }

    /// Whether the gradient is taken as if the momentum step were done.
    #[must_use]
    pub fn nesterov(mut self, nesterov: bool) -> Self {
        self.nesterov = nesterov;
        self
    }

    /// How often the polynomial is applied.
    #[must_use]
    pub fn ns_steps(mut self, ns_steps: usize) -> Self {
        self.ns_steps = ns_steps;
        self
    }

    /// Adam steps the variables whose path contains one of `parts`.
    #[must_use]
    pub fn exclude_layers(mut self, parts: &[&str]) -> Self {
        self.exclude_layers = parts.iter().map(|part| (*part).to_owned()).collect();
        self
    }

    fn for_adam(&self, variable: &Variable) -> bool {
        let path = variable.path();
        variable.shape().len() != 2
            || (self.exclude_embeddings && path.to_lowercase().contains("embedding"))
            || self.exclude_layers.iter().any(|part| path.contains(part))
    }

    fn adam(
        &self,
        index: usize,
        velocity: &Variable,
        gradient: &Tensor,
        variable: &Variable,
        rate: f64,
    ) -> Result<()> {
        // The base has taken the other decay off.
        let decay = self.base.weight_decay.unwrap_or(0.);
        if decay != self.adam_weight_decay {
            let (wanted, done) = (1. - self.adam_weight_decay * rate, 1. - decay * rate);
            scale_in_place(variable.tensor(), wanted / done)?;
        }
        let rule = AdamRule {
            learning_rate: rate * self.adam_lr_ratio,
            beta_1: self.adam_beta_1,
            beta_2: self.adam_beta_2,
            epsilon: self.epsilon,
            step: self.base.steps() + 1,
        };
        let momentum = self.momentums[index].tensor();
        Ok(adam_step(
            &rule,
            variable.tensor(),
            gradient,
            momentum,
            velocity.tensor(),
            None,
        )?)
    }
}

impl Default for Muon {
    /// With a learning rate of 0.001.
    fn default() -> Self {
        Self::new(0.001)
    }
}

shared_arguments!(Muon);

impl Optimizer for Muon {
    fn base(&self) -> &OptimizerBase {
        &self.base
    }

    fn base_mut(&mut self) -> &mut OptimizerBase {
        &mut self.base
    }

    fn build_slots(&mut self, variables: &[Variable]) -> Result<()> {
        self.momentums = self.base.slots(variables, "momentum")?;
        let velocity = |variable: &Variable| match self.for_adam(variable) {
            true => Ok(self.base.slots(std::slice::from_ref(variable), "velocity")?.pop()),
            false => Ok(None),
        };
        self.velocities = variables.iter().map(velocity).collect::<Result<_>>()?;
        Ok(())
    }

    fn update_step(
        &mut self,
        index: usize,
        gradient: &Tensor,
        variable: &Variable,
        learning_rate: f64,
    ) -> Result<()> {
        if let Some(velocity) = &self.velocities[index] {
            return self.adam(index, velocity, gradient, variable, learning_rate);
        }
        let rule = MuonRule {
            learning_rate,
            momentum: self.momentum,
            nesterov: self.nesterov,
            coefficients: self.coefficients,
            iterations: self.ns_steps,
            rms_rate: self.rms_rate,
        };
        Ok(muon_step(
            &rule,
            variable.tensor(),
            gradient,
            self.momentums[index].tensor(),
        )?)
    }

    fn slots(&self) -> Vec<Variable> {
        let pairs = self.momentums.iter().zip(&self.velocities);
        pairs
            .flat_map(|(m, v)| std::iter::once(m).chain(v))
            .cloned()
            .collect()
    }

    fn config(&self) -> Config {
        let excluded: Vec<Value> = self
            .exclude_layers
            .iter()
            .map(|part| part.as_str().into())
            .collect();
        Config::new()
            .with("adam_beta_1", self.adam_beta_1)
            .with("adam_beta_2", self.adam_beta_2)
            .with("epsilon", self.epsilon)
            .with("exclude_layers", excluded)
            .with("muon_a", self.coefficients[0])
            .with("muon_b", self.coefficients[1])
            .with("muon_c", self.coefficients[2])
            .with("adam_lr_ratio", self.adam_lr_ratio)
            .with("momentum", self.momentum)
            .with("ns_steps", self.ns_steps)
            .with("nesterov", self.nesterov)
            .with("exclude_embeddings", self.exclude_embeddings)
            .with("adam_weight_decay", self.adam_weight_decay)
            .with("rms_rate", self.rms_rate)
    }
}

pub(super) const ENTRY: Entry<dyn Optimizer> = Entry {
    class_name: "Muon",
    module: "keras.optimizers",
    aliases: &["muon"],
    doc: "Steps with all singular values alike for matrices, Adam for the rest.",
    build: |config, registry| {
        let mut r = config.reader("Muon");
        let decay =
            (r.raw("weight_decay").is_none() && !r.is_null("weight_decay")).then_some(Muon::WEIGHT_DECAY);
        let plain = Muon::with(OptimizerBase::read("Muon", 0.001, &mut r, registry)?);
        let [a, b, c] = plain.coefficients;
        let mut optimizer = Muon {
            adam_beta_1: r.or("adam_beta_1", plain.adam_beta_1)?,
            adam_beta_2: r.or("adam_beta_2", plain.adam_beta_2)?,
            adam_weight_decay: r.or("adam_weight_decay", plain.adam_weight_decay)?,
            epsilon: r.or("epsilon", plain.epsilon)?,
            exclude_layers: r.or("exclude_layers", Vec::new())?,
            exclude_embeddings: r.or("exclude_embeddings", plain.exclude_embeddings)?,
            coefficients: [r.or("muon_a", a)?, r.or("muon_b", b)?, r.or("muon_c", c)?],
            adam_lr_ratio: r.or("adam_lr_ratio", plain.adam_lr_ratio)?,
            momentum: r.or("momentum", plain.momentum)?,
            ns_steps: r.or("ns_steps", plain.ns_steps)?,
            nesterov: r.or("nesterov", plain.nesterov)?,
            rms_rate: if r.is_null("rms_rate") {
                None
            } else {
                Some(r.or("rms_rate", 0.2)?)
            },
            ..plain
        };
        if decay.is_some() {
            optimizer.base.weight_decay = decay;
        }
        r.finish()?;
        Ok(Box::new(optimizer))
    },
};
