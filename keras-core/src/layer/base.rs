//! What all layers have, and how weights are made.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use keras_ops::{DType, Device, Tensor};
use smallvec::SmallVec;

use super::Build;
use crate::dtype_policy::PolicyArg;
use crate::{
    Config, Constraint, DTypePolicy, Initializer, Regularizer, Result, SeedGenerator, Variable, bail, config,
    registry,
};

/// What all layers have.
#[derive(Debug)]
pub struct LayerBase {
    pub(crate) name: Option<String>,
    /// Whether a model chose the name, so that another may change it.
    auto_named: bool,
    frozen: bool,
    policy: DTypePolicy,
    /// The name of a policy that there is not.
    unknown_policy: Option<String>,
    pub(super) variables: Vec<Variable>,
    pub(super) seeds: Vec<SeedGenerator>,
    pub(super) states: Vec<Variable>,
    /// The names of values that it adds to the logs.
    pub(super) metrics: Vec<String>,
    pub(super) built: bool,
    /// Whether it was said that a mask ends here.
    mask_ended: AtomicBool,
}

impl Default for LayerBase {
    fn default() -> Self {
        Self {
            name: None,
            auto_named: false,
            frozen: false,
            policy: crate::dtype_policy(),
            unknown_policy: None,
            variables: Vec::new(),
            seeds: Vec::new(),
            states: Vec::new(),
            metrics: Vec::new(),
            built: false,
            mask_ended: AtomicBool::new(false),
        }
    }
}

impl LayerBase {
    /// Reads `name`, `trainable` and `dtype` from a layer's configuration.
    ///
    /// # Errors
    /// When one has the wrong type.
    pub fn from_reader(reader: &mut config::Reader<'_>) -> Result<Self> {
        let name = reader.opt("name")?;
        let frozen = !reader.or("trainable", true)?;
        let policy = reader.raw("dtype").map(read_policy).transpose();
        let policy = reader.about("dtype", policy)?;
        reader.ignore(&[
            "quantization_config",
            "build_config",
            "batch_shape",
            "batch_input_shape",
        ]);
        Ok(Self {
            name,
            frozen,
            policy: policy.unwrap_or_else(crate::dtype_policy),
            ..Self::default()
        })
    }

    /// The name, or an empty string before a model gave one.
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }

    /// Whether the name was given by the user.
    pub(crate) fn named(&self) -> bool {
        self.name.is_some() && !self.auto_named
    }

    /// Names the layer.
    pub fn set_name(&mut self, name: String) {
        self.name = Some(name);
        self.auto_named = false;
        self.set_paths();
    }

    pub(crate) fn set_auto_name(&mut self, name: String) {
        self.name = Some(name);
        self.auto_named = true;
        self.set_paths();
    }

    pub(super) fn set_paths(&self) {
        for variable in &self.variables {
            variable.set_path(&format!("{}/{}", self.name(), variable.name()));
        }
    }

    /// Whether its weights are trained.
    pub fn trainable(&self) -> bool {
        !self.frozen
    }

    /// Sets whether its weights are trained, those made later included.
    pub fn set_trainable(&mut self, trainable: bool) {
        self.frozen = !trainable;
        self.variables.iter().for_each(|v| v.set_trainable(trainable));
    }

    /// The dtype the layer computes in.
    pub fn compute_dtype(&self) -> DType {
        self.policy.compute_dtype()
    }

    /// The dtype the layer keeps its weights in.
    pub fn variable_dtype(&self) -> DType {
        self.policy.variable_dtype()
    }

    /// Both.
    pub fn dtype_policy(&self) -> DTypePolicy {
        self.policy
    }

    /// Sets the dtypes the layer computes in and keeps its weights in: a dtype for both, a
    /// [`DTypePolicy`], or the name of one. An unknown name is an error when the layer is applied.
    pub fn set_dtype(&mut self, dtype: impl Into<PolicyArg>) {
        match dtype.into() {
            PolicyArg::Policy(policy) => (self.policy, self.unknown_policy) = (policy, None),
            PolicyArg::Name(name) => match DTypePolicy::new(&name) {
                Ok(policy) => (self.policy, self.unknown_policy) = (policy, None),
                Err(_) => self.unknown_policy = Some(name),
            },
        }
    }

    /// # Errors
    /// When the dtype given is the name of no policy.
    pub(crate) fn check(&self) -> Result<()> {
        if self.name().contains('/') {
            bail!(
                "layer `{}`: a name must not contain `/`, which separates names in the paths of weights",
                self.name()
            );
        }
        match &self.unknown_policy {
            Some(name) => DTypePolicy::new(name).map(drop),
            None => Ok(()),
        }
    }

    /// Its own variables in order of creation.
    pub fn variables(&self) -> &[Variable] {
        &self.variables
    }

    /// Its own random streams.
    pub fn seeds(&self) -> &[SeedGenerator] {
        &self.seeds
    }

    /// Makes a weight.
    ///
    /// # Errors
    /// When its initializer, regularizer or constraint is unknown or cannot make the shape.
    pub fn add_weight(&mut self, weight: Weight<'_>, cx: &Build) -> Result<Variable> {
        let dtype = weight.dtype.unwrap_or_else(|| self.variable_dtype());
        let core = registry::core();
        let regularizer = resolve_opt(weight.regularizer, |r| &r.regularizers)?;
        if let Some(regularizer) = &regularizer {
            let class = regularizer.class_name();
            core.regularizers.check_numbers(class, &regularizer.config())?;
        }
        let constraint = resolve_opt(weight.constraint, |r| &r.constraints)?;
        if let Some(constraint) = &constraint {
            let class = constraint.class_name();
            core.constraints.check_numbers(class, &constraint.config())?;
        }
        self.check_memory(weight.name, weight.shape, dtype, &cx.device)?;
        let value = match weight.initializer {
            Some(spec) => {
                let initializer = spec.resolve(&core.initializers, core)?;
                let class = initializer.class_name();
                core.initializers.check_numbers(class, &initializer.config())?;
                initializer.call(weight.shape, dtype, &cx.device)?
            }
            None => Tensor::zeros(weight.shape, dtype, &cx.device)?,
        };
        let variable = Variable::with(weight.name, &value, weight.trainable, regularizer, constraint)?
            .autocast(weight.autocast);
        variable.set_trainable(!self.frozen);
        self.variables.push(variable.clone());
        Ok(variable)
    }

    /// An error where a weight is larger than memory: what the allocator would end the process for.
    fn check_memory(&self, name: &str, shape: &[usize], dtype: DType, device: &Device) -> Result<()> {
        let count = shape
            .iter()
            .try_fold(dtype.size_in_bytes(), |bytes, size| bytes.checked_mul(*size));
        let fits = |bytes: usize| !device.is_cpu() || Vec::<u8>::new().try_reserve_exact(bytes).is_ok();
        if count.is_some_and(fits) {
            return Ok(());
        }
        bail!(
            "layer `{}`: memory cannot hold the weight `{name}` of shape {shape:?}; make the layer smaller",
            self.name()
        )
    }

    /// Makes a random stream that is saved with the layer.
    pub fn add_seed(&mut self, seed: Option<u64>) -> SeedGenerator {
        let generator = SeedGenerator::new(seed);
        self.seeds.push(generator.clone());
        generator
    }

    /// Makes a state of zeros: what the layer carries from batch to batch without being a weight, such as the last
    /// state of a stateful recurrent layer. It is saved with the model and goes back to 0 by
    /// [`LayerRef::reset_state`](super::LayerRef::reset_state).
    ///
    /// # Errors
    /// When the device cannot hold it.
    pub fn add_state(&mut self, name: &str, shape: &[usize], dtype: DType, cx: &Build) -> Result<Variable> {
        let name = match self.states.len() {
            0 => name.to_owned(),
            count => format!("{name}_{count}"),
        };
        let state = Variable::zeros(&name, shape, dtype, &cx.device)?;
        self.states.push(state.clone());
        Ok(state)
    }

    /// Its own states in order of creation.
    pub fn states(&self) -> &[Variable] {
        &self.states
    }

    /// Says that [`Call::add_metric`](super::Call::add_metric) will give values of this name.
    pub fn declare_metric(&mut self, name: &str) {
        self.metrics.push(name.to_owned());
    }

    /// The value of a weight that `build` made, in the dtype that the layer computes in.
    ///
    /// # Errors
    /// When the layer is not built yet.
    pub fn value(&self, weight: &Option<Variable>) -> Result<Tensor> {
        match weight {
            Some(variable) => self.cast_value(variable),
            None => bail!(
                "layer `{}` is used before it was built: put it in a model first",
                self.name()
            ),
        }
    }

    /// The value of a variable in the dtype that the layer computes in; of one that is no float, or was made without
    /// [autocast](Weight::autocast), as it is.
    ///
    /// # Errors
    /// When the device fails.
    pub fn cast_value(&self, variable: &Variable) -> Result<Tensor> {
        let dtype = self.compute_dtype();
        if variable.dtype() == dtype || !dtype.is_float() {
            return Ok(variable.value());
        }
        variable.value_in(dtype)
    }

    /// The float tensors among `inputs` in the dtype that the layer computes in; `None` when they are.
    pub(super) fn converted(&self, inputs: &[Tensor]) -> Result<Option<SmallVec<[Tensor; 2]>>> {
        let dtype = self.compute_dtype();
        let other = |x: &Tensor| x.dtype() != dtype && x.dtype().is_float();
        if !dtype.is_float() || !inputs.iter().any(other) {
            return Ok(None);
        }
        let convert = |x: &Tensor| match other(x) {
            true => keras_ops::cast(x, dtype),
            false => Ok(x.clone()),
        };
        Ok(Some(
            inputs.iter().map(convert).collect::<keras_ops::Result<_>>()?,
        ))
    }

    /// Says once that a mask ends at this layer.
    pub(super) fn report_mask(&self, class_name: &str) {
        if !self.mask_ended.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "layer `{}` ({class_name}) was given an input with a mask but does not support masks: the layers after \
                 it will not see the mask",
                self.name()
            );
        }
    }

    /// Adds `name`, `trainable` and `dtype` before a layer's own arguments, as Keras saves them.
    pub fn full_config(&self, own: Config) -> Config {
        let mut config = Config::new()
            .with("name", self.name())
            .with("trainable", self.trainable());
        config.set("dtype", policy_value(self.policy));
        config.0.extend(own.0);
        config
    }
}

fn resolve_opt<T: ?Sized + 'static>(
    spec: Option<registry::Spec<T>>,
    entries: fn(&'static registry::Registry) -> &'static registry::Entries<T>,
) -> Result<Option<Arc<T>>> {
    let registry = registry::core();
    spec.map(|s| s.resolve(entries(registry), registry)).transpose()
}

fn read_policy(value: &serde_json::Value) -> Result<DTypePolicy> {
    let class = value.get("class_name").and_then(serde_json::Value::as_str);
    let name = value
        .as_str()
        .or_else(|| value.get("config")?.get("name")?.as_str());
    match (name, class) {
        (Some(name), None | Some("DTypePolicy" | "Policy")) => DTypePolicy::new(name),
        _ => bail!("expected the name of a dtype or of a policy, or a DTypePolicy, got {value}"),
    }
}

fn policy_value(policy: DTypePolicy) -> serde_json::Value {
    serde_json::json!({
        "module": "keras", "class_name": "DTypePolicy",
        "config": {"name": policy.name()}, "registered_name": null,
    })
}

/// How to make a weight. See [`LayerBase::add_weight`].
#[derive(Debug)]
pub struct Weight<'a> {
    name: &'a str,
    shape: &'a [usize],
    trainable: bool,
    autocast: bool,
    dtype: Option<DType>,
    initializer: Option<registry::Spec<dyn Initializer>>,
    regularizer: Option<registry::Spec<dyn Regularizer>>,
    constraint: Option<registry::Spec<dyn Constraint>>,
}

impl<'a> Weight<'a> {
    /// A trainable weight of zeros.
    pub fn new(name: &'a str, shape: &'a [usize]) -> Self {
        Self {
            name,
            shape,
            trainable: true,
            autocast: true,
            dtype: None,
            initializer: None,
            regularizer: None,
            constraint: None,
        }
    }

    /// State that no gradient reaches, such as a moving mean.
    #[must_use]
    pub fn non_trainable(mut self) -> Self {
        self.trainable = false;
        self
    }

    /// Whether the layer computes with it in its own dtype; true unless set. Statistics and scales that are used in
    /// full precision say no.
    #[must_use]
    pub fn autocast(mut self, autocast: bool) -> Self {
        self.autocast = autocast;
        self
    }

    /// Another dtype than the layer's.
    #[must_use]
    pub fn dtype(mut self, dtype: DType) -> Self {
        self.dtype = Some(dtype);
        self
    }

    /// Its start value.
    #[must_use]
    pub fn initializer(mut self, initializer: impl Into<registry::Spec<dyn Initializer>>) -> Self {
        self.initializer = Some(initializer.into());
        self
    }

    /// A penalty on it.
    #[must_use]
    pub fn regularizer(mut self, regularizer: Option<registry::Spec<dyn Regularizer>>) -> Self {
        self.regularizer = regularizer;
        self
    }

    /// A projection after each update.
    #[must_use]
    pub fn constraint(mut self, constraint: Option<registry::Spec<dyn Constraint>>) -> Self {
        self.constraint = constraint;
        self
    }
}
