//! The one error of the libraries.

use std::path::{Path, PathBuf};

/// Result with [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong. Messages say what was expected, what came and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A tensor operation failed.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
    /// An argument, a shape, a configuration or the order of calls is wrong.
    #[error("{0}")]
    Invalid(String),
    /// A name that nothing has.
    #[error("unknown {kind} `{name}`{}{}", hint(.suggestion), list(.suggestion, .available))]
    Unknown {
        /// What was looked for: `loss`, `metric`, `layer`, …
        kind: &'static str,
        /// The name given.
        name: String,
        /// The nearest known name.
        suggestion: Option<String>,
        /// All known names.
        available: Vec<String>,
    },
    /// A file could not be read or written, or does not hold what it should.
    #[error("{}: {message}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What went wrong and what to do.
        message: String,
        /// The operating system's error, where there is one.
        #[source]
        source: Option<std::io::Error>,
    },
    /// A signal ended a training whose state is saved: there is more to train.
    #[error("interrupted by {signal}{}", then(.saved))]
    Interrupted {
        /// `SIGINT`, `SIGTERM`.
        signal: String,
        /// How far it had come and how to go on.
        saved: String,
    },
    /// An error with the place it happened in.
    #[error("{context}: {source}")]
    Context {
        /// Where: a layer, an output, a callback.
        context: String,
        /// What.
        source: Box<Error>,
    },
    /// An error from the user's own code.
    #[error(transparent)]
    User(Box<dyn std::error::Error + Send + Sync>),
}

fn hint(suggestion: &Option<String>) -> String {
    suggestion
        .as_ref()
        .map(|s| format!(". Did you mean `{s}`?"))
        .unwrap_or_default()
}

fn then(saved: &str) -> String {
    if saved.is_empty() {
        String::new()
    } else {
        format!(" {saved}")
    }
}

/// All names; the many of a registry only where none is near.
fn list(suggestion: &Option<String>, available: &[String]) -> String {
    if available.is_empty() || (suggestion.is_some() && available.len() > 40) {
        String::new()
    } else {
        format!("\n  available: {}", available.join(", "))
    }
}

impl Error {
    /// [`Error::Invalid`] from anything printable.
    pub fn invalid(message: impl std::fmt::Display) -> Self {
        Self::Invalid(message.to_string())
    }

    /// [`Error::User`] from any error.
    pub fn user(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::User(error.into())
    }

    /// [`Error::Unknown`] with the nearest of `available` as suggestion.
    pub fn unknown(kind: &'static str, name: &str, available: Vec<String>) -> Self {
        let suggestion = nearest(name, &available);
        Self::Unknown {
            kind,
            name: name.to_owned(),
            suggestion,
            available,
        }
    }

    /// [`Error::File`] for an operating system error while doing `what` (`"cannot write"`).
    pub fn io(path: impl AsRef<Path>, what: &str, source: std::io::Error) -> Self {
        let message = format!("{what}: {source}");
        Self::File {
            path: path.as_ref().to_owned(),
            message,
            source: Some(source),
        }
    }

    /// [`Error::File`] for a file that does not hold what it should.
    pub fn file(path: impl AsRef<Path>, message: impl std::fmt::Display) -> Self {
        Self::File {
            path: path.as_ref().to_owned(),
            message: message.to_string(),
            source: None,
        }
    }

    /// The same error, saying where it happened.
    #[must_use]
    pub fn context(self, context: impl std::fmt::Display) -> Self {
        Self::Context {
            context: context.to_string(),
            source: Box::new(self),
        }
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::Invalid(format!("JSON: {error}"))
    }
}

/// Adds the place to an error.
pub trait ResultExt<T> {
    /// Maps the error to [`Error::Context`].
    ///
    /// # Errors
    /// The original error, with `context` before it.
    fn context<C: std::fmt::Display>(self, context: impl FnOnce() -> C) -> Result<T>;
}

impl<T, E: Into<Error>> ResultExt<T> for Result<T, E> {
    fn context<C: std::fmt::Display>(self, context: impl FnOnce() -> C) -> Result<T> {
        self.map_err(|e| e.into().context(context()))
    }
}

/// The known name nearest to `name`, when one is near enough to be meant.
///
/// ```
/// let known = ["adam".to_owned(), "sgd".to_owned()];
/// assert_eq!(keras_core::error::nearest("adan", &known).as_deref(), Some("adam"));
/// assert_eq!(keras_core::error::nearest("zebra", &known), None);
/// ```
pub fn nearest(name: &str, known: &[String]) -> Option<String> {
    let fold = |s: &str| s.to_lowercase().replace(['_', '-', ' '], "");
    let wanted = fold(name);
    known
        .iter()
        .map(|k| (strsim::damerau_levenshtein(&wanted, &fold(k)), k))
        // Among a class and its alias, the one spelled more alike.
        .min_by_key(|(distance, k)| (*distance, strsim::damerau_levenshtein(name, k)))
        .filter(|(distance, k)| *distance <= 1 + k.len().min(name.len()) / 4)
        .map(|(_, k)| k.clone())
}

/// Returns early with [`Error::Invalid`] from a format string.
#[macro_export]
macro_rules! bail {
    ($($arg:tt)*) => { return ::std::result::Result::Err($crate::Error::invalid(format!($($arg)*))) };
}
