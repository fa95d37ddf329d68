use std::fmt;
use std::io::{self, ErrorKind, IsTerminal, Stdout, Write};

use keras_core::Error;
use keras_runs::printable;
use serde_json::Value;

use crate::{End, Outcome};

/// Standard output. When its reader goes away, the command [ends](End::Closed) without a word.
#[derive(Debug)]
pub struct Out {
    stdout: io::BufWriter<Stdout>,
}

impl Default for Out {
    fn default() -> Self {
        Self::new()
    }
}

impl Out {
    /// Not locked: programs that are run write there, too.
    pub fn new() -> Self {
        Self {
            stdout: io::BufWriter::new(io::stdout()),
        }
    }

    /// Writes a line of text that is [safe to show](keras_runs::printable).
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn line(&mut self, line: impl fmt::Display) -> Outcome {
        writeln!(self.stdout, "{line}").map_err(ended)
    }

    /// Writes text as it is.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn text(&mut self, text: &str) -> Outcome {
        self.bytes(text.as_bytes())
    }

    /// Writes bytes as they are.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn bytes(&mut self, bytes: &[u8]) -> Outcome {
        self.stdout.write_all(bytes).map_err(ended)
    }

    /// Writes JSON, laid out for people.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn json(&mut self, value: &Value) -> Outcome {
        let text = serde_json::to_string_pretty(value).map_err(Error::from)?;
        self.line(escaped(&text))
    }

    /// Writes CSV: as it is, or safe to show where a terminal shows it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn csv(&mut self, text: &str) -> Outcome {
        match io::stdout().is_terminal() {
            true => text.lines().try_for_each(|line| self.line(printable(line))),
            false => self.text(text),
        }
    }

    /// Hands on what was written.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn flush(&mut self) -> Outcome {
        self.stdout.flush().map_err(ended)
    }

    /// How many columns there are to fill; without a terminal as many as one likes, unless `COLUMNS` says.
    pub fn width(&self) -> usize {
        let told = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
        if let Some(columns) = told.filter(|columns| *columns > 0) {
            return columns;
        }
        match io::stdout().is_terminal() {
            true => terminal_size::terminal_size().map_or(80, |(width, _)| width.0.into()),
            false => usize::MAX,
        }
    }
}

fn ended(error: io::Error) -> End {
    match error.kind() {
        ErrorKind::BrokenPipe => End::Closed,
        _ => End::Failed(Error::io("standard output", "cannot write", error)),
    }
}

/// JSON without the characters that it may hold and a terminal would obey.
pub(crate) fn escaped(json: &str) -> String {
    let escape = |line: &str| -> String {
        let mut safe = String::with_capacity(line.len());
        for c in line.chars() {
            match c.is_ascii_graphic() || c == ' ' || printable(c.encode_utf8(&mut [0; 4])).starts_with(c) {
                true => safe.push(c),
                // All of them are in the first plane.
                false => safe.push_str(&format!("\\u{:04x}", u32::from(c))),
            }
        }
        safe
    };
    json.split('\n').map(escape).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_says_the_same_and_does_nothing_to_a_terminal() -> Result<(), serde_json::Error> {
        let value = serde_json::json!({"a\u{1b}": "\u{9b}31m \u{202e}é日本\u{7f}\n"});
        let text = escaped(&serde_json::to_string_pretty(&value)?);
        assert!(
            text.lines().all(|line| keras_runs::printable(line) == line),
            "{text}"
        );
        assert_eq!(serde_json::from_str::<Value>(&text)?, value);
        Ok(())
    }
}
