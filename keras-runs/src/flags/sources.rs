use std::path::{Path, PathBuf};

use keras_core::{Error, Result};
use serde_json::{Map, Value};

use super::{Flag, arguments, file};
use crate::run::{active, join};
use crate::{Metadata, write_run_metadata};

/// Values by the names of flags.
pub type FlagValues = Map<String, Value>;

/// A struct of flags, as [`flags!`](crate::flags) declares it.
pub trait FlagSet: Sized {
    /// Its flags, in order.
    fn declared() -> Vec<Flag>;

    /// From a value for each flag.
    ///
    /// # Errors
    /// When one is of another type.
    fn from_values(values: &FlagValues) -> Result<Self>;

    /// Its values, as they are recorded.
    fn values(&self) -> FlagValues;

    /// The flags of this program: defaults, replaced by those of `flags.yml`, then by those of the environment
    /// (`KERAS_FLAG_NAME`), then by those of the command line, then by those of the run. They are recorded in the active
    /// run, or in the next to start. With `--help` it prints all flags and exits.
    ///
    /// # Errors
    /// When a flag is not declared or of another type, or the file cannot be read.
    fn load() -> Result<Self> {
        Self::load_from(FlagSources::of_program())
    }

    /// [`load`](Self::load) from other sources.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    fn load_from(sources: FlagSources) -> Result<Self> {
        let declared = Self::declared();
        let flags = Self::from_values(&sources.values(&declared)?)?;
        write_run_metadata(Metadata::flags(flags.values()))?;
        Ok(flags)
    }
}

/// Where flags come from.
///
/// # Examples
/// ```
/// use keras_runs::{FlagSet, FlagSources};
/// keras_runs::flags! {
///     struct Flags {
///         units: usize = 16,
///         dropout: f64 = 0.5,
///     }
/// }
/// let folder = tempfile::tempdir().map_err(keras_core::Error::user)?;
/// let file = folder.path().join("flags.yml");
/// let text = "default:\n  units: 32\n\nlarge:\n  units: 512\n\nlarger:\n  inherits: large\n  dropout: 0.6\n";
/// std::fs::write(&file, text).map_err(keras_core::Error::user)?;
/// let flags = Flags::load_from(FlagSources::new().file(&file))?;
/// assert_eq!((flags.units, flags.dropout), (32, 0.5));
/// let flags = Flags::load_from(FlagSources::new().file(&file).profile("larger"))?;
/// assert_eq!((flags.units, flags.dropout), (512, 0.6));
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct FlagSources {
    file: Option<PathBuf>,
    /// Whether the file has to be there.
    wanted: bool,
    profile: Option<String>,
    environment: Vec<(String, String)>,
    arguments: Vec<String>,
    exits: bool,
}

const PREFIX: &str = "KERAS_FLAG_";

impl FlagSources {
    /// None but the run's.
    pub fn new() -> Self {
        Self::default()
    }

    /// Those of this program: `flags.yml` in the current folder if it is there, with the profile that the environment
    /// variable `KERAS_PROFILE` or `R_CONFIG_ACTIVE` names; the environment; the command line.
    pub fn of_program() -> Self {
        let profile = ["KERAS_PROFILE", "R_CONFIG_ACTIVE"].map(std::env::var);
        Self {
            file: Some("flags.yml".into()),
            wanted: false,
            profile: profile
                .into_iter()
                .find_map(|name| name.ok().filter(|name| !name.is_empty())),
            environment: std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
                .filter(|(name, _)| name.starts_with(PREFIX))
                .collect(),
            arguments: std::env::args_os()
                .skip(1)
                .map(|argument| argument.to_string_lossy().into_owned())
                .collect(),
            exits: true,
        }
    }

    /// A YAML file, with or without profiles.
    #[must_use]
    pub fn file(mut self, path: impl AsRef<Path>) -> Self {
        self.file = Some(path.as_ref().to_owned());
        self.wanted = true;
        self
    }

    /// The profile of the file; `default` if not set.
    #[must_use]
    pub fn profile(mut self, name: impl Into<String>) -> Self {
        self.profile = Some(name.into());
        self
    }

    /// Environment variables: those named `KERAS_FLAG_` and a flag in capitals.
    #[must_use]
    pub fn environment<N: Into<String>, V: Into<String>>(
        mut self,
        variables: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        self.environment = variables.into_iter().map(|(n, v)| (n.into(), v.into())).collect();
        self
    }

    /// The words of a command line: `--units 32` or `--units=32`.
    #[must_use]
    pub fn arguments<A: Into<String>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.arguments = arguments.into_iter().map(Into::into).collect();
        self
    }

    /// A value for each flag.
    fn values(&self, declared: &[Flag]) -> Result<FlagValues> {
        let (given, help) = arguments::parse(&self.arguments, declared)?;
        if help {
            let text = arguments::help(declared);
            if !self.exits {
                return Err(Error::invalid(text));
            }
            use std::io::Write;
            // Nobody may be there to read it.
            let _ = std::io::stdout().write_all(text.as_bytes());
            std::process::exit(0);
        }
        let mut values: FlagValues = declared
            .iter()
            .map(|f| (f.name.to_owned(), f.default.clone()))
            .collect();
        let mut layers = Vec::new();
        if let Some(path) = self.file.as_deref().filter(|path| self.wanted || path.exists()) {
            let profile = self.profile.as_deref().unwrap_or("default");
            layers.push((format!("{}", path.display()), file::read(path, profile)?));
        }
        let variables = self.environment.iter().filter_map(|(name, value)| {
            let flag = name.strip_prefix(PREFIX)?.to_ascii_lowercase();
            Some((flag, Value::from(value.as_str())))
        });
        layers.push(("the environment".to_owned(), variables.collect()));
        layers.push(("the command line".to_owned(), given));
        let of_run = match active::active_run() {
            Some(run) => run.inner().overrides.clone(),
            None => join::flags()?,
        };
        layers.push(("the run".to_owned(), of_run));
        for (place, layer) in layers {
            for (name, value) in layer {
                let Some(flag) = declared.iter().find(|flag| flag.name == name) else {
                    let names = declared.iter().map(|flag| flag.name.to_owned()).collect();
                    return Err(Error::unknown("flag", &name, names).context(place));
                };
                values.insert(flag.name.to_owned(), value);
            }
        }
        Ok(values)
    }
}
