//! What the examples share: their options, reviews to read, the parts of a transformer.

mod reviews;
mod transformer;

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};

pub use reviews::{plain_words, reviews};
pub use transformer::{TokenAndPosition, transformer_block};

/// The options on an example's command line: `--short` and `--NAME VALUE`.
#[derive(Debug, Default)]
pub struct Options {
    short: bool,
    values: BTreeMap<String, String>,
}

impl Options {
    /// Reads the command line; `known` are the options that take a value.
    ///
    /// # Errors
    /// When an option is unknown or lacks its value.
    pub fn from_args(known: &[&str]) -> Result<Self> {
        Self::parse(std::env::args().skip(1), known)
    }

    fn parse(arguments: impl Iterator<Item = String>, known: &[&str]) -> Result<Self> {
        let mut options = Self::default();
        let mut arguments = arguments;
        while let Some(argument) = arguments.next() {
            let name = argument.trim_start_matches("--");
            if name == "short" {
                options.short = true;
            } else if known.contains(&name) {
                let value = arguments
                    .next()
                    .with_context(|| format!("--{name} needs a value"))?;
                options.values.insert(name.to_owned(), value);
            } else {
                let known: Vec<String> = known.iter().map(|name| format!("--{name} VALUE")).collect();
                bail!(
                    "unknown argument `{argument}`; known are --short {}",
                    known.join(" ")
                );
            }
        }
        Ok(options)
    }

    /// Whether a quick run is enough: fewer epochs, less data.
    pub fn short(&self) -> bool {
        self.short
    }

    /// The number after `--epochs`, else `usual`, or `short` in a short run.
    ///
    /// # Errors
    /// When it is no number.
    pub fn epochs(&self, usual: usize, short: usize) -> Result<usize> {
        self.number("epochs", usual, short)
    }

    /// The number after `--name`, else `usual`, or `short` in a short run.
    ///
    /// # Errors
    /// When it is no number.
    pub fn number(&self, name: &str, usual: usize, short: usize) -> Result<usize> {
        match self.value(name) {
            Some(value) => value
                .parse()
                .with_context(|| format!("--{name} must be a number, got `{value}`")),
            None => Ok(if self.short { short } else { usual }),
        }
    }

    /// Checks what a run reached: at least `usual`, or `short` in a short run. Whoever chose `--epochs` has chosen the
    /// quality too, so nothing is checked then.
    ///
    /// # Errors
    /// When it is less; says what was reached.
    pub fn reaches(&self, what: &str, value: f64, usual: f64, short: f64) -> Result<()> {
        let least = if self.short { short } else { usual };
        // Not `value < least`: NaN must fail.
        ensure!(
            self.values.contains_key("epochs") || value >= least,
            "{what}: expected at least {least}, reached {value:.4}"
        );
        Ok(())
    }

    /// The value after `--name`.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test")]
mod tests {
    use super::Options;

    fn parse(line: &str) -> anyhow::Result<Options> {
        Options::parse(line.split_whitespace().map(str::to_owned), &["epochs"])
    }

    #[test]
    fn epochs_come_from_the_option_before_the_length_of_the_run() -> anyhow::Result<()> {
        assert_eq!(parse("")?.epochs(12, 1)?, 12);
        assert_eq!(parse("--short")?.epochs(12, 1)?, 1);
        assert_eq!(parse("--short --epochs 3")?.epochs(12, 1)?, 3);
        Ok(())
    }

    #[test]
    fn what_is_not_reached_is_an_error() -> anyhow::Result<()> {
        assert!(parse("")?.reaches("accuracy", 0.9, 0.9, 0.5).is_ok());
        assert!(parse("--short")?.reaches("accuracy", 0.6, 0.9, 0.5).is_ok());
        assert!(parse("--epochs 1")?.reaches("accuracy", 0.1, 0.9, 0.5).is_ok());
        for (line, value) in [("", 0.8), ("--short", 0.4), ("", f64::NAN)] {
            let error = parse(line)?.reaches("accuracy", value, 0.9, 0.5).unwrap_err();
            assert!(error.to_string().starts_with("accuracy: expected at least 0."));
        }
        Ok(())
    }

    #[test]
    fn unknown_and_incomplete_options_are_errors() {
        assert!(
            parse("--epoch 3")
                .unwrap_err()
                .to_string()
                .contains("unknown argument `--epoch`")
        );
        assert!(
            parse("--epochs")
                .unwrap_err()
                .to_string()
                .contains("needs a value")
        );
    }
}
