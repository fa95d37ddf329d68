use serde_json::{Map, Value};

use super::envelope;
use super::patterns::matches_all;
use crate::{Config, Envelope, Error, Given, Optimizer, Registry, Result, Variable, bail, registry};

/// Which variables go to which optimizer: by path, by a regular expression that matches all of the path, and what
/// is left to a default.
///
/// A path is looked for by itself first; among the expressions only one may match. `encoder` alone means a
/// variable of that path, `encoder/.*` all variables of the layer.
///
/// ```
/// use keras_core::optimizers::{Adam, MultiOptimizer, OptimizerMap, SGD};
/// let map = OptimizerMap::new(SGD::new(0.01))
///     .with("encoder/.*", Adam::new(1e-4))
///     .with_each(["head/kernel", "head/bias"], Adam::new(1e-3)); // one optimizer for both
/// let optimizer = MultiOptimizer::new(map);
/// # let _ = optimizer;
/// ```
#[derive(Debug)]
pub struct OptimizerMap {
    keys: Vec<(String, usize)>,
    /// The default comes last.
    optimizers: Vec<Given<dyn Optimizer>>,
    default: Given<dyn Optimizer>,
}

impl OptimizerMap {
    /// All variables to one optimizer, by name or by value.
    pub fn new(default: impl Into<Given<dyn Optimizer>>) -> Self {
        Self {
            keys: Vec::new(),
            optimizers: Vec::new(),
            default: default.into(),
        }
    }

    /// The variables of `key`, a path or a regular expression, to `optimizer`.
    #[must_use]
    pub fn with(self, key: &str, optimizer: impl Into<Given<dyn Optimizer>>) -> Self {
        self.with_each([key], optimizer)
    }

    /// The variables of all `keys` to the same optimizer: its norms are theirs together.
    #[must_use]
    pub fn with_each<const N: usize>(
        mut self,
        keys: [&str; N],
        optimizer: impl Into<Given<dyn Optimizer>>,
    ) -> Self {
        let index = self.optimizers.len();
        self.keys.extend(keys.map(|key| (key.to_owned(), index)));
        self.optimizers.push(optimizer.into());
        self
    }

    pub(super) fn resolve(self, registry: &Registry) -> Result<Resolved> {
        for (at, (key, _)) in self.keys.iter().enumerate() {
            if self.keys[..at].iter().any(|(k, _)| k == key) {
                bail!("OptimizerMap: `{key}` is given twice");
            }
        }
        let all = self.optimizers.into_iter().chain([self.default]);
        let optimizers = all.map(|given| {
            let optimizer = given.resolve(&registry.optimizers, registry)?;
            match optimizer.class_name() {
                "LossScaleOptimizer" | "MultiOptimizer" => bail!(
                    "MultiOptimizer: a {} cannot be used inside it; put the {} around it",
                    optimizer.class_name(),
                    optimizer.class_name()
                ),
                _ => Ok(optimizer),
            }
        });
        Ok(Resolved {
            keys: self.keys,
            optimizers: optimizers.collect::<Result<_>>()?,
        })
    }

    pub(super) fn from_value(value: &Value, registry: &Registry) -> Result<Self> {
        let envelope = Envelope::from_value(value)?;
        if envelope.class_name != "OptimizerMap" {
            bail!(
                "expected an OptimizerMap, got {}; a closure is not saved",
                envelope.class_name
            );
        }
        let mut r = envelope.config.reader("OptimizerMap");
        let read = |value: &Value| -> Result<Given<dyn Optimizer>> {
            Ok(Given::Value(registry.optimizers.from_value(value, registry)?))
        };
        let mut map = Self::new(read(&r.req::<Value>("default_optimizer")?)?);
        match r.raw("optimizer_map") {
            None => {}
            Some(Value::Object(given)) => {
                for (key, value) in given {
                    map = map.with(key, read(value).map_err(|e| e.context(format!("`{key}`")))?);
                }
            }
            Some(other) => bail!("OptimizerMap: `optimizer_map` must be an object, got {other}"),
        }
        r.finish()?;
        Ok(map)
    }
}

/// A map whose optimizers are made; the default is the last.
#[derive(Debug)]
pub(super) struct Resolved {
    keys: Vec<(String, usize)>,
    pub(super) optimizers: Vec<Box<dyn Optimizer>>,
}

impl Resolved {
    /// The number of the optimizer for `variable`.
    pub(super) fn find(&self, variable: &Variable) -> Result<usize> {
        let path = variable.path();
        if let Some((_, index)) = self.keys.iter().find(|(key, _)| *key == path) {
            return Ok(*index);
        }
        let mut found = Vec::new();
        for (key, index) in &self.keys {
            if matches_all(key, &path).map_err(|e| e.context("OptimizerMap"))? {
                found.push((key, *index));
            }
        }
        match found.as_slice() {
            [] => Ok(self.optimizers.len().saturating_sub(1)),
            [(_, index)] => Ok(*index),
            [(a, _), (b, _), ..] => Err(Error::invalid(format!(
                "OptimizerMap: both `{a}` and `{b}` match the variable `{path}`; make one of them narrower"
            ))),
        }
    }

    pub(super) fn config(&self) -> Value {
        let made = |index: usize| {
            self.optimizers
                .get(index)
                .map(|o| envelope(&**o, registry::core()))
                .unwrap_or_default()
        };
        let pairs = self.keys.iter().map(|(key, index)| (key.clone(), made(*index)));
        let config = Config::new()
            .with("default_optimizer", made(self.optimizers.len().saturating_sub(1)))
            .with("optimizer_map", pairs.collect::<Map<_, _>>());
        Envelope {
            module: "keras.optimizers".to_owned(),
            class_name: "OptimizerMap".to_owned(),
            config,
            registered_name: None,
        }
        .to_value()
    }
}
