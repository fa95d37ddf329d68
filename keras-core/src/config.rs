//! Configurations: Keras's argument names and values as JSON, and the envelope around them.

use serde_json::{Map, Value, json};

use crate::{Error, Result, bail};

/// The arguments of an object by Keras's names, in order.
///
/// ```
/// use keras_core::Config;
/// let config = Config::new().with("delta", 0.5).with("name", "huber");
/// let mut reader = config.reader("Huber");
/// assert_eq!(reader.or("delta", 1.0)?, 0.5);
/// assert_eq!(reader.opt::<String>("name")?.as_deref(), Some("huber"));
/// reader.finish()?; // an argument nobody asked for is an error
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config(pub Map<String, Value>);

impl Config {
    /// No arguments.
    pub fn new() -> Self {
        Self::default()
    }

    /// With one more argument.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl IntoValue) -> Self {
        self.set(key, value);
        self
    }

    /// Sets an argument.
    pub fn set(&mut self, key: &str, value: impl IntoValue) {
        self.0.insert(key.to_owned(), value.into_value());
    }

    /// The raw value of an argument.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key)
    }

    /// Reads arguments for an object of `class_name`, which error messages name.
    pub fn reader<'a>(&'a self, class_name: &'a str) -> Reader<'a> {
        Reader {
            config: self,
            class_name,
            seen: Vec::new(),
        }
    }
}

impl From<Map<String, Value>> for Config {
    fn from(map: Map<String, Value>) -> Self {
        Self(map)
    }
}

/// Reads a [`Config`] by name and type and notices arguments that nobody asked for.
#[derive(Debug)]
pub struct Reader<'a> {
    config: &'a Config,
    class_name: &'a str,
    seen: Vec<&'a str>,
}

impl<'a> Reader<'a> {
    /// The raw value of an argument; `None` when missing or null.
    pub fn raw(&mut self, key: &'a str) -> Option<&'a Value> {
        self.seen.push(key);
        self.config.0.get(key).filter(|v| !v.is_null())
    }

    /// Whether an argument is given as null: Keras's `None`, which may differ from leaving it out.
    pub fn is_null(&self, key: &str) -> bool {
        self.config.0.get(key).is_some_and(Value::is_null)
    }

    /// An argument that may be missing or null.
    ///
    /// # Errors
    /// When the value has another type.
    pub fn opt<T: FromValue>(&mut self, key: &'a str) -> Result<Option<T>> {
        let class_name = self.class_name;
        self.raw(key)
            .map(|value| {
                T::from_value(value).ok_or_else(|| {
                    Error::invalid(format!(
                        "{class_name}: `{key}` must be {}, got {value}",
                        T::EXPECTED
                    ))
                })
            })
            .transpose()
    }

    /// An argument with a default.
    ///
    /// # Errors
    /// When the value has another type, null among them.
    pub fn or<T: FromValue>(&mut self, key: &'a str, default: T) -> Result<T> {
        match self.opt(key)? {
            Some(value) => Ok(value),
            None if self.is_null(key) => bail!(
                "{}: `{key}` must be {}, got null; leave it out for its default",
                self.class_name,
                T::EXPECTED
            ),
            None => Ok(default),
        }
    }

    /// An argument with a default that null stands for too.
    ///
    /// # Errors
    /// When the value has another type.
    pub fn or_null<T: FromValue>(&mut self, key: &'a str, default: T) -> Result<T> {
        Ok(self.opt(key)?.unwrap_or(default))
    }

    /// `result`, whose error says which argument it is about.
    ///
    /// # Errors
    /// That of `result`.
    pub fn about<T>(&self, key: &str, result: Result<T>) -> Result<T> {
        result.map_err(|error| error.context(format!("{}: `{key}`", self.class_name)))
    }

    /// An argument that must be there.
    ///
    /// # Errors
    /// When it is missing or has another type.
    pub fn req<T: FromValue>(&mut self, key: &'a str) -> Result<T> {
        match self.opt(key)? {
            Some(value) => Ok(value),
            None => bail!(
                "{}: the argument `{key}` ({}) is required",
                self.class_name,
                T::EXPECTED
            ),
        }
    }

    /// The argument `seed`: a number, null, or Keras's form of a `SeedGenerator`, which holds one.
    ///
    /// # Errors
    /// When it is something else.
    pub fn seed(&mut self) -> Result<Option<u64>> {
        let Some(value) = self.raw("seed") else {
            return Ok(None);
        };
        match value.pointer("/config/seed").unwrap_or(value) {
            Value::Null => Ok(None),
            number => match u64::from_value(number) {
                Some(seed) => Ok(Some(seed)),
                None => bail!(
                    "{}: `seed` must be a whole number, 0 or more, or null, got {value}",
                    self.class_name
                ),
            },
        }
    }

    /// Accepts arguments of Keras that mean nothing here (quantisation, …).
    pub fn ignore(&mut self, keys: &[&'a str]) {
        self.seen.extend(keys);
    }

    /// Checks that every argument given was read; null ones are let pass.
    ///
    /// # Errors
    /// When an argument is unknown.
    pub fn finish(self) -> Result<()> {
        let known: Vec<String> = self.seen.iter().map(|s| (*s).to_owned()).collect();
        for (key, value) in &self.config.0 {
            if !value.is_null() && !self.seen.contains(&key.as_str()) {
                return Err(Error::unknown("argument", key, known)
                    .context(format!("{}: cannot use its configuration", self.class_name)));
            }
        }
        Ok(())
    }
}

/// A type that a configuration value can be read as.
pub trait FromValue: Sized {
    /// What messages call it.
    const EXPECTED: &'static str;
    /// The value, if it has this type.
    fn from_value(value: &Value) -> Option<Self>;
}

/// A type that can become a configuration value.
pub trait IntoValue {
    /// The JSON value; non-finite numbers become `"NaN"`, `"Infinity"`, `"-Infinity"`.
    fn into_value(self) -> Value;
}

impl FromValue for f64 {
    const EXPECTED: &'static str = "a number";
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::String(s) if s == "NaN" => Some(f64::NAN),
            Value::String(s) if s == "Infinity" => Some(f64::INFINITY),
            Value::String(s) if s == "-Infinity" => Some(f64::NEG_INFINITY),
            other => other.as_f64(),
        }
    }
}

impl IntoValue for f64 {
    fn into_value(self) -> Value {
        match serde_json::Number::from_f64(self) {
            Some(number) => Value::Number(number),
            None if self.is_nan() => json!("NaN"),
            None if self > 0. => json!("Infinity"),
            None => json!("-Infinity"),
        }
    }
}

impl FromValue for usize {
    const EXPECTED: &'static str = "a whole number, 0 or more";
    fn from_value(value: &Value) -> Option<Self> {
        i64::from_value(value).and_then(|v| v.try_into().ok())
    }
}

impl FromValue for u64 {
    const EXPECTED: &'static str = "a whole number, 0 or more";
    fn from_value(value: &Value) -> Option<Self> {
        value.as_u64()
    }
}

impl FromValue for i64 {
    const EXPECTED: &'static str = "a whole number";
    fn from_value(value: &Value) -> Option<Self> {
        value
            .as_i64()
            .or_else(|| value.as_f64().filter(|v| v.fract() == 0.).map(|v| v as i64))
    }
}

impl FromValue for bool {
    const EXPECTED: &'static str = "true or false";
    fn from_value(value: &Value) -> Option<Self> {
        value.as_bool()
    }
}

impl FromValue for String {
    const EXPECTED: &'static str = "a string";
    fn from_value(value: &Value) -> Option<Self> {
        value.as_str().map(str::to_owned)
    }
}

impl FromValue for Value {
    const EXPECTED: &'static str = "a value";
    fn from_value(value: &Value) -> Option<Self> {
        Some(value.clone())
    }
}

impl<T: FromValue> FromValue for Vec<T> {
    const EXPECTED: &'static str = "a list";
    fn from_value(value: &Value) -> Option<Self> {
        value.as_array()?.iter().map(T::from_value).collect()
    }
}

/// Null is `None`: unknown sizes in a shape.
impl<T: FromValue> FromValue for Option<T> {
    const EXPECTED: &'static str = T::EXPECTED;
    fn from_value(value: &Value) -> Option<Self> {
        if value.is_null() {
            Some(None)
        } else {
            T::from_value(value).map(Some)
        }
    }
}

impl<T: FromValue, const N: usize> FromValue for [T; N] {
    const EXPECTED: &'static str = match N {
        2 => "a list of two",
        3 => "a list of three",
        _ => "a list of fixed length",
    };
    fn from_value(value: &Value) -> Option<Self> {
        Vec::<T>::from_value(value)?.try_into().ok()
    }
}

macro_rules! into_value {
    ($($t:ty),*) => { $(impl IntoValue for $t { fn into_value(self) -> Value { Value::from(self) } })* };
}
into_value!(bool, usize, u64, i64, i32, u32, &str, String, Map<String, Value>, Vec<Value>);

impl IntoValue for Value {
    fn into_value(self) -> Value {
        self
    }
}

impl IntoValue for Config {
    fn into_value(self) -> Value {
        Value::Object(self.0)
    }
}

impl<T: IntoValue> IntoValue for Option<T> {
    fn into_value(self) -> Value {
        self.map_or(Value::Null, T::into_value)
    }
}

impl<T: IntoValue + Clone> IntoValue for &[T] {
    fn into_value(self) -> Value {
        Value::Array(self.iter().cloned().map(T::into_value).collect())
    }
}

impl<T: IntoValue, const N: usize> IntoValue for [T; N] {
    fn into_value(self) -> Value {
        Value::Array(self.into_iter().map(T::into_value).collect())
    }
}

/// An object's identity as Keras writes it: `{module, class_name, config, registered_name}`.
#[derive(Clone, Debug, PartialEq)]
pub struct Envelope {
    /// `keras.losses`, …; empty for a user's own class.
    pub module: String,
    /// The class name.
    pub class_name: String,
    /// The arguments.
    pub config: Config,
    /// `Package>Name` of a user's own class, else `None`.
    pub registered_name: Option<String>,
}

impl Envelope {
    /// The JSON form.
    pub fn to_value(&self) -> Value {
        json!({
            "module": if self.module.is_empty() { Value::Null } else { json!(self.module) },
            "class_name": self.class_name,
            "config": self.config.0,
            "registered_name": self.registered_name,
        })
    }

    /// Reads the JSON form; `module` and `registered_name` may be missing.
    ///
    /// # Errors
    /// When `value` is not an object with a `class_name`.
    pub fn from_value(value: &Value) -> Result<Self> {
        let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        let Some(class_name) = text("class_name") else {
            bail!("configuration: expected {{\"class_name\", \"config\"}}, got {value}");
        };
        let config = match value.get("config") {
            None | Some(Value::Null) => Config::new(),
            Some(Value::Object(map)) => Config(map.clone()),
            Some(other) => bail!("configuration of {class_name}: `config` must be an object, got {other}"),
        };
        Ok(Self {
            module: text("module").unwrap_or_default(),
            class_name,
            config,
            registered_name: text("registered_name"),
        })
    }
}

/// `MeanSquaredError` → `mean_squared_error`, as Keras names objects after their class.
///
/// ```
/// assert_eq!(keras_core::config::snake_case("Conv2DTranspose"), "conv2d_transpose");
/// assert_eq!(keras_core::config::snake_case("RMSprop"), "rm_sprop");
/// ```
pub fn snake_case(name: &str) -> String {
    let chars: Vec<char> = name
        .chars()
        .filter(|c| *c != '_' || !name.starts_with('_'))
        .collect();
    let mut out = String::with_capacity(name.len() + 4);
    for (i, &c) in chars.iter().enumerate() {
        let previous = i.checked_sub(1).map(|j| chars[j]);
        let next_lower = chars.get(i + 1).is_some_and(|n| n.is_lowercase());
        let starts_word = c.is_uppercase()
            && previous.is_some_and(|p| {
                p != '_' && ((next_lower && p != '_' && !p.is_whitespace()) || p.is_lowercase())
            });
        if starts_word {
            out.push('_');
        }
        out.extend(c.to_lowercase());
    }
    out
}

/// The last part of a Rust type's path, without generics: the class name of a user's own type.
pub fn type_class_name<T: ?Sized>() -> &'static str {
    let full = std::any::type_name::<T>();
    let base = full.split('<').next().unwrap_or(full);
    base.rsplit("::").next().unwrap_or(base)
}
