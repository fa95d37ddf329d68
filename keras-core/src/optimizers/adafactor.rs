use keras_ops::Tensor;
use keras_ops::optimizer_step::{AdafactorRule, adafactor_step};

use super::OptimizerBase;
use super::arguments::shared_arguments;
use crate::{Config, Entry, LearningRate, Optimizer, Result, Variable};

/// Adam in little memory: the second moment of a matrix is kept as the means of its rows and columns; see
/// [`adafactor_step`].
#[derive(Debug)]
pub struct Adafactor {
    base: OptimizerBase,
    beta_2_decay: f64,
    epsilon_1: f64,
    epsilon_2: f64,
    clip_threshold: f64,
    relative_step: bool,
    means: Vec<Option<(Variable, Variable)>>,
    velocities: Vec<Variable>,
}

impl Adafactor {
    /// With Keras's defaults: `beta_2_decay` -0.8, `epsilon_1` 1e-30, `epsilon_2` 1e-3, `clip_threshold` 1,
    /// relative steps.
    pub fn new(learning_rate: impl Into<LearningRate>) -> Self {
        Self::with(OptimizerBase::new("Adafactor", learning_rate))
    }

    fn with(base: OptimizerBase) -> Self {
        Self {
            base,
            beta_2_decay: -0.8,
            epsilon_1: 1e-30,
            epsilon_2: 1e-3,
            clip_threshold: 1.,
            relative_step: true,
            means: Vec::new(),
            velocities: Vec::new(),
        }
    }

    /// The exponent of the second moment's decay, below 0.
    #[must_use]
    pub fn beta_2_decay(mut self, beta_2_decay: f64) -> Self {
        self.beta_2_decay = beta_2_decay;
        self
    }

    /// Added to the squares of the gradient.
    #[must_use]
    pub fn epsilon_1(mut self, epsilon_1: f64) -> Self {
        self.epsilon_1 = epsilon_1;
        self
    }

    /// The least root mean square of a variable.
    #[must_use]
    pub fn epsilon_2(mut self, epsilon_2: f64) -> Self {
        self.epsilon_2 = epsilon_2;
        self
    }

    /// The root mean square of a step is at most this.
    #[must_use]
    pub fn clip_threshold(mut self, clip_threshold: f64) -> Self {
        self.clip_threshold = clip_threshold;
        self
    }

    /// Whether a constant learning rate is at most `1 / sqrt(t)`.
    #[must_use]
    pub fn relative_step(mut self, relative_step: bool) -> Self {
        self.relative_step = relative_step;
        self
    }

    fn means_of(&self, variable: &Variable) -> Result<Option<(Variable, Variable)>> {
        let [outer @ .., rows, columns] = variable.shape() else {
            return Ok(None);
        };
        let mean = |size: usize| -> Result<Variable> {
            let shape = [outer, &[size]].concat();
            let name = variable.path().replace('/', "_");
            let mean = Variable::zeros(&name, &shape, variable.dtype(), variable.device())?;
            mean.set_path(&format!("{}/{name}", self.base.name));
            Ok(mean)
        };
        Ok(Some((mean(*rows)?, mean(*columns)?)))
    }
}

impl Default for Adafactor {
    /// With a learning rate of 0.001.
    fn default() -> Self {
        Self::new(0.001)
    }
}

shared_arguments!(Adafactor);

impl Optimizer for Adafactor {
    fn base(&self) -> &OptimizerBase {
        &self.base
    }

    fn base_mut(&mut self) -> &mut OptimizerBase {
        &mut self.base
    }

    fn build_slots(&mut self, variables: &[Variable]) -> Result<()> {
        self.means = variables
            .iter()
            .map(|v| self.means_of(v))
            .collect::<Result<_>>()?;
        self.velocities = self.base.slots(variables, "velocity")?;
        Ok(())
    }

    fn update_step(
        &mut self,
        index: usize,
        gradient: &Tensor,
        variable: &Variable,
        learning_rate: f64,
    ) -> Result<()> {
        let step = self.base.steps() + 1;
        let relative = self.relative_step && matches!(self.base.learning_rate, LearningRate::Constant(_));
        let most = if relative {
            1. / (step as f64).sqrt()
        } else {
            f64::INFINITY
        };
        let rule = AdafactorRule {
            learning_rate: learning_rate.min(most),
            beta_2_decay: self.beta_2_decay,
            epsilon_1: self.epsilon_1,
            epsilon_2: self.epsilon_2,
            clip_threshold: self.clip_threshold,
            step,
        };
        let means = self.means[index].as_ref().map(|(r, c)| (r.tensor(), c.tensor()));
        let velocity = self.velocities[index].tensor();
        Ok(adafactor_step(
            &rule,
            variable.tensor(),
            gradient,
            velocity,
            means,
        )?)
    }

    fn slots(&self) -> Vec<Variable> {
        let pairs = self.means.iter().zip(&self.velocities);
        pairs
            .flat_map(|(means, v)| means.iter().flat_map(|(r, c)| [r, c]).chain([v]))
            .cloned()
            .collect()
    }

    fn config(&self) -> Config {
        Config::new()
            .with("beta_2_decay", self.beta_2_decay)
            .with("epsilon_1", self.epsilon_1)
            .with("epsilon_2", self.epsilon_2)
            .with("clip_threshold", self.clip_threshold)
            .with("relative_step", self.relative_step)
    }
}

pub(super) const ENTRY: Entry<dyn Optimizer> = Entry {
    class_name: "Adafactor",
    module: "keras.optimizers",
    aliases: &["adafactor"],
    doc: "Adam in little memory.",
    build: |config, registry| {
        let mut r = config.reader("Adafactor");
        let plain = Adafactor::with(OptimizerBase::read("Adafactor", 0.001, &mut r, registry)?);
        let optimizer = Adafactor {
            beta_2_decay: r.or("beta_2_decay", plain.beta_2_decay)?,
            epsilon_1: r.or("epsilon_1", plain.epsilon_1)?,
            epsilon_2: r.or("epsilon_2", plain.epsilon_2)?,
            clip_threshold: r.or("clip_threshold", plain.clip_threshold)?,
            relative_step: r.or("relative_step", plain.relative_step)?,
            ..plain
        };
        r.finish()?;
        Ok(Box::new(optimizer))
    },
};
