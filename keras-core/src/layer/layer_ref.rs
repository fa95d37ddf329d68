//! Layers that several places hold.

use std::any::Any;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::{Build, Layer};
use crate::models::Functional;
use crate::shape::Dims;
use crate::{Error, Result, ResultExt, SeedGenerator, Variable, registry};

/// How often a layer was opened for changing.
static CHANGES: AtomicU64 = AtomicU64::new(0);

/// A number that is another after a layer, any layer, was opened for changing.
pub(crate) fn changes() -> u64 {
    CHANGES.load(Ordering::Acquire)
}

/// A layer that several places hold: models, wrappers, the user.
#[derive(Clone)]
pub struct LayerRef(Arc<RwLock<Box<dyn Layer>>>);

impl LayerRef {
    /// Shares a layer.
    pub fn new(layer: impl Layer) -> Self {
        Self::from_box(Box::new(layer))
    }

    /// Shares a boxed layer.
    pub fn from_box(layer: Box<dyn Layer>) -> Self {
        Self(Arc::new(RwLock::new(layer)))
    }

    /// The layer, for reading.
    pub fn read(&self) -> RwLockReadGuard<'_, Box<dyn Layer>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The layer, for changing.
    pub fn write(&self) -> RwLockWriteGuard<'_, Box<dyn Layer>> {
        let layer = self.0.write().unwrap_or_else(PoisonError::into_inner);
        // Counted while nobody can read it: who reads it before has the number before.
        CHANGES.fetch_add(1, Ordering::AcqRel);
        layer
    }

    /// The name.
    pub fn name(&self) -> String {
        self.read().base().name().to_owned()
    }

    /// The layer at `path` (`encoder/dense`) among `layers`.
    ///
    /// # Errors
    /// When there is none; names the nearest.
    pub(crate) fn find(layers: &[Self], path: &str) -> Result<Self> {
        let (first, rest) = path.split_once('/').unwrap_or((path, ""));
        let Some(found) = layers.iter().find(|layer| layer.name() == first) else {
            let known = layers.iter().map(Self::name);
            return Err(Error::unknown("layer", first, known.collect()));
        };
        if rest.is_empty() {
            return Ok(found.clone());
        }
        Self::find(&found.read().sublayers(), rest).context(|| format!("within layer `{first}`"))
    }

    /// Whether both are the same layer.
    pub fn same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// The address, to tell layers apart.
    pub(crate) fn id(&self) -> usize {
        Arc::as_ptr(&self.0) as *const () as usize
    }

    /// Makes the weights for inputs of these shapes, unless they are made.
    ///
    /// # Errors
    /// When the layer cannot take such inputs.
    pub fn build(&self, inputs: &[Dims], cx: &Build) -> Result<()> {
        let mut layer = self.write();
        if layer.base().built {
            return Ok(());
        }
        layer.base().check()?;
        let model = (&**layer as &dyn Any).is::<Functional>();
        // A model has no numbers of its own; a vocabulary is long.
        if !model && !layer.class_name().ends_with("Lookup") {
            let layers = &registry::core().layers;
            layers.check_numbers(layer.class_name(), &layer.config())?;
        }
        layer.build(inputs, cx)?;
        let base = layer.base_mut();
        base.built = true;
        base.set_paths();
        // A frozen layer freezes those within, whenever they were made.
        if !layer.base().trainable() {
            layer.sublayers().iter().for_each(|l| l.set_trainable(false));
        }
        drop(layer);
        if !model {
            // The layers within are parts of this one; those of a model stand for themselves.
            self.weights("").iter().for_each(|(path, v)| v.set_path(path));
        }
        Ok(())
    }

    /// Whether the weights are made.
    pub fn built(&self) -> bool {
        self.read().base().built
    }

    /// Freezes or thaws the layer and all within.
    pub fn set_trainable(&self, trainable: bool) {
        let mut layer = self.write();
        layer.base_mut().set_trainable(trainable);
        layer.sublayers().iter().for_each(|l| l.set_trainable(trainable));
    }

    /// All variables with their paths below `prefix`, in Keras's order: its own trainable ones, its own
    /// others, then those of the layers within.
    pub fn weights(&self, prefix: &str) -> Vec<(String, Variable)> {
        let layer = self.read();
        let base = layer.base();
        let here = format!("{prefix}{}/", base.name());
        let of = |weight: bool| base.variables.iter().filter(move |v| v.is_weight() == weight);
        let own = |weight| of(weight).map(|v| (format!("{here}{}", v.name()), v.clone()));
        let within: Vec<_> = layer.sublayers().iter().flat_map(|l| l.weights(&here)).collect();
        let held = layer.held();
        let (first, rest): (Vec<_>, Vec<_>) = within
            .into_iter()
            .partition(|(_, v)| held.iter().any(|h| h.same(v)));
        own(true).chain(first).chain(own(false)).chain(rest).collect()
    }

    /// The names of the values that it and the layers within add to the logs.
    pub(crate) fn metric_names(&self) -> Vec<String> {
        let layer = self.read();
        let mut names = layer.base().metrics.clone();
        names.extend(layer.sublayers().iter().flat_map(Self::metric_names));
        names
    }

    /// All states with their paths below `prefix`.
    pub fn states(&self, prefix: &str) -> Vec<(String, Variable)> {
        let layer = self.read();
        let here = format!("{prefix}{}/", layer.base().name());
        let own = layer.base().states.iter();
        let mut all: Vec<_> = own.map(|v| (format!("{here}{}", v.name()), v.clone())).collect();
        for sub in layer.sublayers() {
            all.extend(sub.states(&here));
        }
        all
    }

    /// Sets the states of the layer and all within to 0: the next batch begins anew.
    ///
    /// # Errors
    /// When the device fails.
    pub fn reset_state(&self) -> Result<()> {
        self.states("").iter().try_for_each(|(_, state)| state.zero())
    }

    /// All random streams with their paths below `prefix`.
    pub fn seeds(&self, prefix: &str) -> Vec<(String, SeedGenerator)> {
        let layer = self.read();
        let here = format!("{prefix}{}/", layer.base().name());
        let own = layer.base().seeds.iter().enumerate();
        let mut all: Vec<_> = own.map(|(i, s)| (format!("{here}seed_{i}"), s.clone())).collect();
        for sub in layer.sublayers() {
            all.extend(sub.seeds(&here));
        }
        all
    }
}

impl fmt::Debug for LayerRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.read().fmt(f)
    }
}

impl<L: Layer> From<L> for LayerRef {
    fn from(layer: L) -> Self {
        Self::new(layer)
    }
}
