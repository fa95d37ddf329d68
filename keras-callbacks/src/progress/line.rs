//! The text of a line.

use std::time::Duration;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::template::exponent;

const GAP: &str = "  ";
const BAR: std::ops::RangeInclusive<usize> = 5..=20;

/// What a line says; how, depends on the room.
#[derive(Clone, Debug, Default)]
pub(crate) struct Line {
    /// `Epoch  6/20`.
    pub(crate) head: String,
    /// Batches done and planned.
    pub(crate) count: (usize, Option<usize>),
    /// Since its start.
    pub(crate) elapsed: Duration,
    /// Validation batches done and planned, while validating.
    pub(crate) validation: Option<(usize, Option<usize>)>,
    pub(crate) values: Vec<(String, f64)>,
    pub(crate) notes: Vec<String>,
}

/// A piece that is kept in one line if it fits.
#[derive(Clone, Debug)]
struct Part {
    /// Shown dimmed, where there are colours.
    dim: String,
    text: String,
}

impl Part {
    fn plain(text: impl Into<String>) -> Self {
        Self {
            dim: String::new(),
            text: text.into(),
        }
    }

    fn value((name, value): &(String, f64)) -> Self {
        Self {
            dim: format!("{name} "),
            text: number(*value),
        }
    }

    fn width(&self) -> usize {
        self.dim.width() + self.text.width()
    }

    fn show(&self, colour: bool) -> String {
        match (colour, self.dim.is_empty()) {
            (true, false) => format!("\x1b[2m{}\x1b[0m{}", self.dim, self.text),
            _ => format!("{}{}", self.dim, self.text),
        }
    }
}

impl Line {
    /// The finished line; where it is wider than the terminal, its values go on below its first one.
    pub(crate) fn done(&self, width: Option<usize>, colour: bool) -> Vec<String> {
        let mut parts = vec![
            Part::plain(&self.head),
            Part::plain(self.counted()),
            Part::plain(self.took()),
        ];
        let indent: usize = parts.iter().map(|p| p.width() + GAP.len()).sum();
        parts.extend(self.values.iter().map(Part::value));
        parts.extend(self.notes.iter().map(Part::plain));
        flow(&parts, width, indent, colour)
    }

    /// The line while it runs: at most `width` columns, without what does not fit.
    pub(crate) fn live(&self, width: usize, colour: bool) -> String {
        let mut parts = vec![Part::plain(&self.head), Part::plain(self.counted())];
        if let Some((seen, total)) = self.validation {
            parts.push(Part::plain(format!("validation {}", counted(seen, total))));
        } else if let Some((fraction, eta)) = self.forecast() {
            parts.push(Part::plain(format!("{:3.0}%", (fraction * 100.).floor())));
            if let Some(eta) = eta {
                parts.push(Part::plain(format!("ETA {eta}")));
            }
        } else {
            parts.push(Part::plain(self.took()));
        }
        parts.extend(self.values.iter().map(Part::value));
        let room = width.saturating_sub(total_width(&parts) + GAP.len());
        if let Some((fraction, _)) = self
            .forecast()
            .filter(|_| self.validation.is_none() && room >= *BAR.start())
        {
            parts.insert(2, bar(fraction, room.min(*BAR.end())));
        }
        while parts.len() > 1 && total_width(&parts) > width {
            parts.pop();
        }
        if total_width(&parts) > width {
            return chunks(&self.head, width).swap_remove(0);
        }
        join(&parts, colour)
    }

    fn counted(&self) -> String {
        counted(self.count.0, self.count.1)
    }

    fn took(&self) -> String {
        duration(self.elapsed.as_secs_f64())
    }

    /// The part that is done and the time that the rest takes, once a batch is done.
    fn forecast(&self) -> Option<(f64, Option<String>)> {
        let (seen, total) = (self.count.0, self.count.1.filter(|t| *t > 0)?);
        let fraction = (seen as f64 / total as f64).min(1.);
        let left = total.saturating_sub(seen) as f64 / seen.max(1) as f64 * self.elapsed.as_secs_f64();
        Some((fraction, (seen > 0).then(|| rough(left))))
    }
}

fn counted(seen: usize, total: Option<usize>) -> String {
    match total {
        Some(total) => format!("{seen:>width$}/{total}", width = total.to_string().len()),
        None => seen.to_string(),
    }
}

fn bar(fraction: f64, width: usize) -> Part {
    let filled = (fraction * width as f64).floor() as usize;
    Part::plain(format!("{}{}", "━".repeat(filled), "─".repeat(width - filled)))
}

fn total_width(parts: &[Part]) -> usize {
    parts.iter().map(Part::width).sum::<usize>() + GAP.len() * parts.len().saturating_sub(1)
}

fn join(parts: &[Part], colour: bool) -> String {
    parts.iter().map(|p| p.show(colour)).collect::<Vec<_>>().join(GAP)
}

/// Breaks text of any kind into lines of at most `width` columns.
pub(super) fn wrap(text: &str, width: Option<usize>) -> Vec<String> {
    text.lines()
        .flat_map(|line| {
            let words: Vec<Part> = line.split(' ').map(Part::plain).collect();
            fill(&words, width, 0, " ", false)
        })
        .collect()
}

fn flow(parts: &[Part], width: Option<usize>, indent: usize, colour: bool) -> Vec<String> {
    // A terminal too narrow for the indent and a value does without.
    let indent = if width.is_some_and(|w| indent + 20 > w) {
        0
    } else {
        indent
    };
    fill(parts, width, indent, GAP, colour)
}

fn fill(parts: &[Part], width: Option<usize>, indent: usize, gap: &str, colour: bool) -> Vec<String> {
    let width = width.unwrap_or(usize::MAX).max(1);
    let mut lines: Vec<String> = Vec::new();
    let (mut line, mut used) = (String::new(), 0);
    for part in parts {
        let wanted = if line.is_empty() {
            part.width()
        } else {
            used + gap.len() + part.width()
        };
        if wanted <= width {
            if !line.is_empty() {
                line.push_str(gap);
            }
            line += &part.show(colour);
            used = wanted;
            continue;
        }
        if !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        let mut pieces = chunks(&format!("{}{}", part.dim, part.text), width - indent);
        let last = pieces.pop().unwrap_or_default();
        lines.extend(pieces.iter().map(|piece| format!("{:indent$}{piece}", "")));
        used = indent + last.width();
        let whole = lines.is_empty() || last.width() == part.width();
        line = format!("{:indent$}{}", "", if whole { part.show(colour) } else { last });
    }
    lines.push(line);
    lines
}

/// Cuts text into pieces of at most `width` columns; at least one.
fn chunks(text: &str, width: usize) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut used = 0;
    for c in text.chars() {
        let wide = c.width().unwrap_or(0);
        if used + wide > width && used > 0 {
            pieces.push(String::new());
            used = 0;
        }
        used += wide;
        if let Some(piece) = pieces.last_mut() {
            piece.push(c);
        }
    }
    pieces
}

/// A value: four digits after the point, as Keras shows it.
pub(crate) fn number(value: f64) -> String {
    if value.is_nan() {
        "nan".to_owned()
    } else if value == 0. || value.abs() >= 1e-3 {
        format!("{value:.4}")
    } else {
        exponent(&format!("{value:.4e}"))
    }
}

/// `12ms`, `1.2s`, `3m 05s`, `2h 07m`.
fn duration(seconds: f64) -> String {
    if seconds < 0.0995 {
        format!("{:.0}ms", (seconds * 1e3).max(1.))
    } else if seconds < 59.95 {
        format!("{seconds:.1}s")
    } else {
        rough(seconds)
    }
}

/// A time in whole seconds, or minutes where it is hours.
fn rough(seconds: f64) -> String {
    match seconds.ceil() as u64 {
        s @ 0..60 => format!("{s}s"),
        s @ 60..3600 => format!("{}m {:02}s", s / 60, s % 60),
        s => format!("{}h {:02}m", s / 3600, s % 3600 / 60),
    }
}
