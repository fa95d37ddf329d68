/// How a run ended: what [`Callback::on_train_end`](crate::Callback::on_train_end) reads from
/// [`Context::outcome`](crate::Context::outcome), and the history keeps.
///
/// ```
/// use keras_core::Outcome;
/// let stopped = Outcome::Stopped { by: "EarlyStopping".to_owned(), reason: None };
/// assert!(stopped.is_done() && Outcome::Completed.is_done());
/// assert!(!Outcome::Failed { message: "disk full".to_owned() }.is_done());
/// assert_eq!(stopped.to_string(), "stopped by EarlyStopping");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// It has not ended.
    #[default]
    Running,
    /// All epochs were trained.
    Completed,
    /// A callback stopped it.
    Stopped {
        /// The callback's class.
        by: String,
        /// Why, where it said so.
        reason: Option<String>,
    },
    /// A signal ended it: there is more to train.
    Interrupted {
        /// `SIGINT`, `SIGTERM`.
        signal: String,
    },
    /// Data, a step, a callback or a panic ended it.
    Failed {
        /// The error's message.
        message: String,
    },
}

impl Outcome {
    /// Whether training is over for good: completed or stopped.
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Completed | Self::Stopped { .. })
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Running => f.write_str("running"),
            Self::Completed => f.write_str("completed"),
            Self::Stopped { by, reason: None } => write!(f, "stopped by {by}"),
            Self::Stopped {
                by,
                reason: Some(reason),
            } => write!(f, "stopped by {by}: {reason}"),
            Self::Interrupted { signal } => write!(f, "interrupted by {signal}"),
            Self::Failed { message } => write!(f, "failed: {message}"),
        }
    }
}
