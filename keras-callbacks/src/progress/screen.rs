//! Where lines go: a terminal that shows them growing, or anything else that gets them whole.

use std::fmt;
use std::io::Write;
use std::time::{Duration, Instant};

use keras_core::console;
use unicode_width::UnicodeWidthStr;

use super::Line;
use super::line::wrap;

/// Ten redraws a second are enough for a person, and cost nothing.
const REDRAW: Duration = Duration::from_millis(100);

pub(crate) struct Screen {
    out: Box<dyn Write + Send>,
    clock: Box<dyn Fn() -> Duration + Send>,
    /// The number of columns, asked anew at each draw; `None` for what is no terminal.
    columns: Option<Box<dyn Fn() -> usize + Send>>,
    colour: bool,
    /// Columns of the live line on screen.
    drawn: usize,
    redrawn: Option<Duration>,
    /// Whether writing failed: a closed pipe must not end a training.
    broken: bool,
}

impl fmt::Debug for Screen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Screen")
            .field("terminal", &self.columns.is_some())
            .finish_non_exhaustive()
    }
}

impl Screen {
    /// Standard output, as Keras. A `dumb` terminal gets whole lines.
    pub(crate) fn stdout() -> Self {
        let out = std::io::stdout();
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let terminal = console::is_terminal() && !dumb;
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let mut screen = Self::new(out, None);
        screen.colour = terminal && !no_colour;
        if terminal {
            screen.columns = Some(Box::new(columns));
        }
        screen
    }

    pub(crate) fn new(out: impl Write + Send + 'static, columns: Option<usize>) -> Self {
        let start = Instant::now();
        Self {
            out: Box::new(out),
            clock: Box::new(move || start.elapsed()),
            columns: columns.map(|n| -> Box<dyn Fn() -> usize + Send> { Box::new(move || n) }),
            colour: false,
            drawn: 0,
            redrawn: None,
            broken: false,
        }
    }

    pub(crate) fn set_clock(&mut self, clock: Box<dyn Fn() -> Duration + Send>) {
        self.clock = clock;
    }

    pub(crate) fn set_colour(&mut self, colour: bool) {
        self.colour = colour;
    }

    pub(crate) fn now(&self) -> Duration {
        (self.clock)()
    }

    /// Whether a live line would be drawn now.
    pub(crate) fn due(&self) -> bool {
        self.columns.is_some()
            && !self.broken
            && self
                .redrawn
                .is_none_or(|at| self.now().saturating_sub(at) >= REDRAW)
    }

    /// Draws the live line over the one before.
    pub(crate) fn draw(&mut self, line: &Line) {
        let Some(width) = self.width() else { return };
        let text = line.live(width, self.colour);
        let used = line.live(width, false).width();
        let rest = self.drawn.saturating_sub(used).min(width.saturating_sub(used));
        self.drawn = used;
        self.redrawn = Some(self.now());
        self.write(&format!("\r{text}{:rest$}", ""));
    }

    /// Ends the live line with the finished one.
    pub(crate) fn finish(&mut self, line: &Line) {
        let lines = line.done(self.width(), self.colour);
        self.lines(&lines);
    }

    /// Writes a line of its own.
    pub(crate) fn message(&mut self, text: &str) {
        let lines = wrap(text, self.width());
        self.lines(&lines);
    }

    fn lines(&mut self, lines: &[String]) {
        let erase = self.drawn.min(self.width().unwrap_or(0));
        let erase = if self.drawn > 0 {
            format!("\r{:erase$}\r", "")
        } else {
            String::new()
        };
        self.drawn = 0;
        self.write(&format!("{erase}{}\n", lines.join("\n")));
    }

    /// Columns in use: not the last, where some terminals break the line.
    fn width(&self) -> Option<usize> {
        self.columns
            .as_ref()
            .map(|columns| columns().saturating_sub(1).max(1))
    }

    fn write(&mut self, text: &str) {
        if !self.broken {
            self.broken = self
                .out
                .write_all(text.as_bytes())
                .and_then(|()| self.out.flush())
                .is_err();
        }
    }
}

impl Drop for Screen {
    /// Leaves the line that an error interrupted as it is.
    fn drop(&mut self) {
        if self.drawn > 0 {
            self.write("\n");
        }
    }
}

fn columns() -> usize {
    let terminal = terminal_size::terminal_size().map(|(width, _)| width.0.into());
    let given = || std::env::var("COLUMNS").ok().and_then(|c| c.parse().ok());
    terminal.filter(|width| *width > 0).or_else(given).unwrap_or(80)
}
