use keras_core::{Result, bail};

/// Which way a monitored value gets better.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mode {
    /// By the name: losses fall; a metric says itself. A value that nobody knows is an error before the first
    /// step.
    #[default]
    Auto,
    /// Smaller is better.
    Min,
    /// Larger is better.
    Max,
}

impl Mode {
    /// Keras's name: `auto`, `min`, `max`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Min => "min",
            Self::Max => "max",
        }
    }

    /// The mode that Keras calls `name`.
    ///
    /// # Errors
    /// For another name.
    ///
    /// # Examples
    /// ```
    /// use keras_callbacks::Mode;
    /// assert_eq!(Mode::parse("max")?, Mode::Max);
    /// assert!(Mode::parse("maximum").is_err());
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    pub fn parse(name: &str) -> Result<Self> {
        match name {
            "auto" => Ok(Self::Auto),
            "min" => Ok(Self::Min),
            "max" => Ok(Self::Max),
            other => bail!("`mode` must be \"auto\", \"min\" or \"max\", got \"{other}\""),
        }
    }
}
