//! Names without circles: each crate lists what it has; the facade joins the lists; core only reads them.

use serde_json::Value;

use crate::config::{Config, Envelope};
use crate::{
    Activation, Callback, Constraint, Error, Initializer, Layer, Loss, Metric, Optimizer, Regularizer,
    Result, Schedule, check,
};

/// One class of a kind: its names, a line about it, and how to build it from its configuration.
pub struct Entry<T: ?Sized + 'static> {
    /// Keras's class name.
    pub class_name: &'static str,
    /// Keras's module (`keras.losses`); empty for a user's own.
    pub module: &'static str,
    /// Other names that mean the same: the function's name, its short forms.
    pub aliases: &'static [&'static str],
    /// One line.
    pub doc: &'static str,
    /// Builds the object; nested objects are looked up in the registry given.
    pub build: fn(&Config, &Registry) -> Result<Box<T>>,
}

impl<T: ?Sized> std::fmt::Debug for Entry<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {:?}", self.class_name, self.aliases)
    }
}

impl<T: ?Sized> Entry<T> {
    fn answers_to(&self, name: &str) -> bool {
        self.class_name == name || self.aliases.contains(&name)
    }
}

/// The list of one kind of class, made of the lists of several crates.
#[derive(Debug)]
pub struct Entries<T: ?Sized + 'static> {
    kind: &'static str,
    lists: Vec<&'static [Entry<T>]>,
}

impl<T: ?Sized> Clone for Entries<T> {
    fn clone(&self) -> Self {
        Self {
            kind: self.kind,
            lists: self.lists.clone(),
        }
    }
}

impl<T: ?Sized> Entries<T> {
    /// An empty list of `kind` (`"loss"`).
    pub const fn new(kind: &'static str) -> Self {
        Self {
            kind,
            lists: Vec::new(),
        }
    }

    /// Adds a crate's or a user's list; later lists win over earlier ones.
    pub fn add(&mut self, list: &'static [Entry<T>]) {
        self.lists.push(list);
    }

    /// All entries.
    pub fn iter(&self) -> impl Iterator<Item = &'static Entry<T>> + '_ {
        self.lists.iter().rev().flat_map(|list| list.iter())
    }

    /// The entry that a class name or alias means.
    ///
    /// # Errors
    /// [`Error::Unknown`] with the nearest name.
    pub fn find(&self, name: &str) -> Result<&'static Entry<T>> {
        self.iter()
            .find(|e| e.answers_to(name))
            .ok_or_else(|| Error::unknown(self.kind, name, self.names()))
    }

    /// Builds the object that `name` means, with default arguments.
    ///
    /// # Errors
    /// When the name is unknown or the class needs arguments.
    pub fn by_name(&self, name: &str, registry: &Registry) -> Result<Box<T>> {
        (self.find(name)?.build)(&Config::new(), registry)
    }

    /// Checks the numbers among the arguments of an object that was made in any way.
    ///
    /// # Errors
    /// When a number cannot be meant: NaN, a negative learning rate.
    pub(crate) fn check_numbers(&self, class_name: &str, config: &Config) -> Result<()> {
        check::numbers(self, class_name, config)
    }

    /// Builds an object from Keras's form: a name, or `{class_name, config}`.
    ///
    /// # Errors
    /// When the class is unknown or its configuration wrong.
    pub fn from_value(&self, value: &Value, registry: &Registry) -> Result<Box<T>> {
        match value {
            Value::String(name) => self.by_name(name, registry),
            // Keras's form of a bare function: {"class_name": "function", "config": "relu"}.
            Value::Object(map) if map.get("class_name").and_then(Value::as_str) == Some("function") => {
                match map.get("config").and_then(Value::as_str) {
                    Some(name) => self.by_name(name, registry),
                    None => Err(Error::invalid(format!(
                        "{}: a function without a name: {value}",
                        self.kind
                    ))),
                }
            }
            Value::Object(_) => {
                let envelope = Envelope::from_value(value)?;
                self.from_envelope(&envelope, registry)
            }
            other => Err(Error::invalid(format!(
                "{}: expected a name or {{\"class_name\", \"config\"}}, got {other}",
                self.kind
            ))),
        }
    }

    /// Builds an object from its envelope; a user's class is found by its class name, without its package.
    ///
    /// # Errors
    /// When the class is unknown or its configuration wrong.
    pub fn from_envelope(&self, envelope: &Envelope, registry: &Registry) -> Result<Box<T>> {
        let entry = self.find(&envelope.class_name)?;
        let built = (entry.build)(&envelope.config, registry).and_then(|object| {
            self.check_numbers(entry.class_name, &envelope.config)?;
            Ok(object)
        });
        built.map_err(|error| {
            let text = error.to_string();
            // It says already whose it is.
            let says = [format!("{}:", entry.class_name), format!("{} `", self.kind)];
            match says.iter().any(|start| text.starts_with(start)) {
                true => error,
                false => error.context(format!("{} {}", self.kind, envelope.class_name)),
            }
        })
    }

    /// Class names, then aliases.
    pub fn names(&self) -> Vec<String> {
        let classes = self.iter().map(|e| e.class_name);
        let aliases = self.iter().flat_map(|e| e.aliases.iter().copied());
        classes.chain(aliases).map(str::to_owned).collect()
    }
}

/// Makes a callback that watches, where there is something to watch: the recorder of an active run.
pub type Watcher = fn() -> Option<Box<dyn Callback>>;

/// Everything that has a name. Start from [`Registry::core`] or the facade's and add your own lists.
#[derive(Clone, Debug)]
pub struct Registry {
    /// Losses.
    pub losses: Entries<dyn Loss>,
    /// Metrics.
    pub metrics: Entries<dyn Metric>,
    /// Layers.
    pub layers: Entries<dyn Layer>,
    /// Optimizers.
    pub optimizers: Entries<dyn Optimizer>,
    /// Learning-rate schedules.
    pub schedules: Entries<dyn Schedule>,
    /// Initializers.
    pub initializers: Entries<dyn Initializer>,
    /// Regularizers.
    pub regularizers: Entries<dyn Regularizer>,
    /// Constraints.
    pub constraints: Entries<dyn Constraint>,
    /// Activations.
    pub activations: Entries<dyn Activation>,
    /// Callbacks.
    pub callbacks: Entries<dyn Callback>,
    /// Makes the callback that shows progress, given `verbose`.
    pub progress: Option<fn(u8) -> Box<dyn Callback>>,
    /// Callbacks that `fit` and `evaluate` call after those they were given.
    pub watchers: Vec<Watcher>,
}

impl Registry {
    /// A registry with nothing in it.
    pub const fn empty() -> Self {
        Self {
            losses: Entries::new("loss"),
            metrics: Entries::new("metric"),
            layers: Entries::new("layer"),
            optimizers: Entries::new("optimizer"),
            schedules: Entries::new("learning-rate schedule"),
            initializers: Entries::new("initializer"),
            regularizers: Entries::new("regularizer"),
            constraints: Entries::new("constraint"),
            activations: Entries::new("activation"),
            callbacks: Entries::new("callback"),
            progress: None,
            watchers: Vec::new(),
        }
    }

    /// What this crate has: layers, optimizers, schedules, initializers, regularizers, constraints,
    /// activations. No loss, metric or callback.
    pub fn core() -> Self {
        let mut registry = Self::empty();
        crate::layers::LISTS
            .iter()
            .for_each(|list| registry.layers.add(list));
        registry.layers.add(crate::models::config::ENTRIES);
        registry.optimizers.add(crate::optimizers::ENTRIES);
        registry.schedules.add(crate::optimizers::schedules::ENTRIES);
        registry.initializers.add(crate::initializers::ENTRIES);
        registry.regularizers.add(crate::regularizers::ENTRIES);
        registry.constraints.add(crate::constraints::ENTRIES);
        registry.activations.add(crate::activations::ENTRIES);
        registry
    }
}

/// The registry of this crate alone, for names in layer arguments (`activation("relu")`).
pub fn core() -> &'static Registry {
    static CORE: std::sync::OnceLock<Registry> = std::sync::OnceLock::new();
    CORE.get_or_init(Registry::core)
}

/// An argument given by name or by value: resolved when the object that holds it is built.
#[derive(Debug)]
pub enum Spec<T: ?Sized> {
    /// A name or alias.
    Name(String),
    /// The object itself.
    Value(std::sync::Arc<T>),
}

impl<T: ?Sized> Clone for Spec<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Name(name) => Self::Name(name.clone()),
            Self::Value(value) => Self::Value(value.clone()),
        }
    }
}

impl<T: ?Sized + 'static> Spec<T> {
    /// From Keras's form, by `registry`.
    ///
    /// # Errors
    /// When the class is unknown or its configuration wrong.
    pub fn from_value(value: &Value, entries: &Entries<T>, registry: &Registry) -> Result<Self> {
        Ok(Self::Value(entries.from_value(value, registry)?.into()))
    }

    /// The object: names are looked up in `entries`.
    ///
    /// # Errors
    /// When the name is unknown.
    pub fn resolve(&self, entries: &Entries<T>, registry: &Registry) -> Result<std::sync::Arc<T>> {
        match self {
            Self::Name(name) => Ok(entries.by_name(name, registry)?.into()),
            Self::Value(value) => Ok(value.clone()),
        }
    }
}

/// A stateful object given by name or by value: a metric, an optimizer, a callback.
#[derive(Debug)]
pub enum Given<T: ?Sized> {
    /// A name or alias.
    Name(String),
    /// The object itself.
    Value(Box<T>),
}

impl<T: ?Sized + 'static> Given<T> {
    /// The object: names are looked up in `entries`.
    ///
    /// # Errors
    /// When the name is unknown.
    pub fn resolve(self, entries: &Entries<T>, registry: &Registry) -> Result<Box<T>> {
        match self {
            Self::Name(name) => entries.by_name(&name, registry),
            Self::Value(value) => Ok(value),
        }
    }
}

impl<T: ?Sized> From<&str> for Given<T> {
    fn from(name: &str) -> Self {
        Self::Name(name.to_owned())
    }
}

impl<T: ?Sized> From<Box<T>> for Given<T> {
    fn from(value: Box<T>) -> Self {
        Self::Value(value)
    }
}

impl<T: ?Sized> From<std::sync::Arc<T>> for Spec<T> {
    fn from(value: std::sync::Arc<T>) -> Self {
        Self::Value(value)
    }
}

macro_rules! from_value {
    ($holder:ident, $pointer:path: $($kind:ident),*) => { $(
        impl<V: $kind> From<V> for $holder<dyn $kind> {
            fn from(value: V) -> Self {
                Self::Value($pointer(value))
            }
        }
    )* };
}
from_value!(Spec, std::sync::Arc::new: Activation, Constraint, Initializer, Loss, Regularizer);
from_value!(Given, Box::new: Callback, Metric, Optimizer);

impl<T: ?Sized> From<&str> for Spec<T> {
    fn from(name: &str) -> Self {
        Self::Name(name.to_owned())
    }
}
