//! Tables in a terminal.

use std::borrow::Cow;

use unicode_width::UnicodeWidthStr;

use crate::{Out, Outcome};

/// Rows of safe text under names. Columns that have no room are left out from the right, and named.
pub(crate) struct Table {
    names: Vec<String>,
    rows: Vec<Vec<String>>,
    /// Columns of text begin at the left, others end at the right.
    left: Vec<bool>,
}

impl Table {
    pub(crate) fn new(names: impl IntoIterator<Item = String>) -> Self {
        let names: Vec<String> = names
            .into_iter()
            .map(|name| keras_runs::printable(&name))
            .collect();
        let left = vec![false; names.len()];
        Self {
            names,
            rows: Vec::new(),
            left,
        }
    }

    /// Adds a row: texts, and whether each is one to read rather than a number.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = (String, bool)>) {
        let mut row = Vec::new();
        for (at, (cell, text)) in cells.into_iter().enumerate() {
            if let Some(left) = self.left.get_mut(at) {
                *left |= text;
            }
            row.push(keras_runs::printable(&cell));
        }
        self.rows.push(row);
    }

    pub(crate) fn write(&self, out: &mut Out) -> Outcome {
        const GAP: usize = 2;
        let width = out.width();
        let widths: Vec<usize> = self
            .names
            .iter()
            .enumerate()
            .map(|(at, name)| {
                let cells = self
                    .rows
                    .iter()
                    .filter_map(|row| row.get(at))
                    .map(|cell| cell.width());
                cells.max().unwrap_or(0).max(name.width())
            })
            .collect();
        let mut room = width;
        let mut shown = 0;
        for column in &widths {
            let need = column + if shown == 0 { 0 } else { GAP };
            if need > room && shown > 0 {
                break;
            }
            room = room.saturating_sub(need);
            shown += 1;
        }
        self.line(&self.names, &widths, shown, width, out)?;
        for row in &self.rows {
            self.line(row, &widths, shown, width, out)?;
        }
        if let Some(rest) = self.names.get(shown..).filter(|rest| !rest.is_empty()) {
            out.line(format_args!("# {} more: {}", rest.len(), rest.join(", ")))?;
        }
        Ok(())
    }

    fn line(&self, cells: &[String], widths: &[usize], shown: usize, most: usize, out: &mut Out) -> Outcome {
        let mut line = String::new();
        for (at, (cell, width)) in cells.iter().zip(widths).take(shown).enumerate() {
            let cell = cut(cell, most);
            let blanks = " ".repeat(width.saturating_sub(cell.width()).min(most));
            line += if at == 0 { "" } else { "  " };
            match self.left.get(at) {
                Some(true) => line.extend([cell.as_ref(), &blanks]),
                _ => line.extend([&blanks, cell.as_ref()]),
            }
        }
        out.line(line.trim_end())
    }
}

/// A text in at most `width` columns.
pub(crate) fn cut(text: &str, width: usize) -> Cow<'_, str> {
    if text.width() <= width {
        return Cow::Borrowed(text);
    }
    let mut end = String::new();
    let mut used = 1;
    for c in text.chars() {
        used += c.to_string().width();
        if used > width {
            break;
        }
        end.push(c);
    }
    Cow::Owned(end + "…")
}

/// A number as tables show it: five digits that count, whole numbers whole.
pub(crate) fn number(value: f64) -> String {
    match value.abs() {
        size if !size.is_finite() || (value.fract() == 0. && size < 1e15) => value.to_string(),
        size if (1e-3..1e5).contains(&size) => {
            let digits = (4 - size.log10().floor() as i32).clamp(0, 7) as usize;
            format!("{value:.digits$}")
        }
        _ => format!("{value:.4e}"),
    }
}

/// `75 s`, `12 min`, `3.5 h`.
pub(crate) fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 1. => format!("{:.0} ms", s * 1e3),
        s if s < 10. => format!("{s:.1} s"),
        s if s < 120. => format!("{s:.0} s"),
        s if s < 7200. => format!("{:.0} min", s / 60.),
        s => format!("{:.1} h", s / 3600.),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (value, text) in [
            (0., "0"),
            (64., "64"),
            (0.5, "0.50000"),
            (0.012_345_678, "0.012346"),
            (123.456_789, "123.46"),
            (3.601_3e-5, "3.6013e-5"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "inf"),
        ] {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn texts_are_cut_to_columns() {
        assert_eq!(cut("abcdef", 6), "abcdef");
        assert_eq!(cut("abcdef", 4), "abc…");
        assert_eq!(cut("日本語", 5), "日本…");
    }
}
