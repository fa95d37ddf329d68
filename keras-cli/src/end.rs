use std::fmt;
use std::io::Write;
use std::process::ExitCode;

use keras_core::Error;
use keras_runs::printable;

/// How a command ends that does not come to its end as planned.
#[derive(Debug)]
#[non_exhaustive]
pub enum End {
    /// Something failed.
    Failed(Error),
    /// What was asked for makes no sense.
    Usage(Error),
    /// Nobody reads what it writes any more: the end of `keras runs ls | head`.
    Closed,
    /// It ends as the program that it ran.
    Code(u8),
}

/// Of a command.
pub type Outcome<T = ()> = Result<T, End>;

impl End {
    /// A [`Usage`](Self::Usage) with a message.
    pub fn usage(message: impl fmt::Display) -> Self {
        Self::Usage(Error::invalid(message))
    }

    /// Says something on standard error, where somebody may read it.
    pub(crate) fn say(text: impl fmt::Display) {
        let _ = writeln!(std::io::stderr(), "{text}");
    }

    /// What is said of it on standard error, without control characters.
    pub fn message(&self) -> Option<String> {
        match self {
            Self::Failed(error) | Self::Usage(error) => {
                let text = error.to_string();
                let lines: Vec<_> = text.lines().map(printable).collect();
                Some(lines.join("\n"))
            }
            Self::Closed | Self::Code(_) => None,
        }
    }

    /// 1 for a failure, 2 for a wrong command line.
    pub fn code(&self) -> ExitCode {
        match self {
            Self::Failed(_) => ExitCode::from(1),
            Self::Usage(_) => ExitCode::from(2),
            Self::Closed => ExitCode::SUCCESS,
            Self::Code(code) => ExitCode::from(*code),
        }
    }
}

impl From<Error> for End {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}
