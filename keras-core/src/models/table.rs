//! The box table that Keras's summary is printed in.

use unicode_width::UnicodeWidthStr;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Center,
    Right,
}

/// A table of wrapped cells with a heavy head and a line between rows, `width` wide.
#[derive(Debug)]
pub(super) struct Table {
    /// The width of each cell's text.
    widths: Vec<usize>,
    align: Vec<Align>,
    lines: Vec<String>,
    rows: usize,
}

impl Table {
    /// `wanted` are the widths of the columns before borders and padding take their part.
    pub(super) fn new(head: &[&str], align: &[Align], wanted: &[usize], width: usize) -> Self {
        let widths = fit(wanted, width.saturating_sub(head.len() + 1));
        let mut table = Self {
            widths,
            align: align.to_vec(),
            lines: Vec::new(),
            rows: 0,
        };
        table.rule(['┏', '━', '┳', '┓']);
        let head: Vec<String> = head.iter().map(|h| (*h).to_owned()).collect();
        table.cells(&head, '┃');
        table.rule(['┡', '━', '╇', '┩']);
        table
    }

    pub(super) fn row(&mut self, cells: &[String]) {
        if self.rows > 0 {
            self.rule(['├', '─', '┼', '┤']);
        }
        self.rows += 1;
        self.cells(cells, '│');
    }

    pub(super) fn finish(mut self) -> String {
        self.rule(['└', '─', '┴', '┘']);
        self.lines.join("\n")
    }

    fn rule(&mut self, [left, fill, cross, right]: [char; 4]) {
        let parts: Vec<String> = self
            .widths
            .iter()
            .map(|w| fill.to_string().repeat(w + 2))
            .collect();
        self.lines
            .push(format!("{left}{}{right}", parts.join(&cross.to_string())));
    }

    fn cells(&mut self, cells: &[String], border: char) {
        let columns: Vec<Vec<String>> = cells
            .iter()
            .zip(self.widths.iter().zip(&self.align))
            .map(|(text, (width, align))| {
                wrap(text, *width)
                    .iter()
                    .map(|l| justify(l, *width, *align))
                    .collect()
            })
            .collect();
        for i in 0..columns.iter().map(Vec::len).max().unwrap_or(0) {
            let texts = columns.iter().zip(&self.widths).map(|(lines, width)| {
                let text = lines.get(i).cloned().unwrap_or_else(|| " ".repeat(*width));
                format!(" {text} ")
            });
            let texts: Vec<String> = texts.collect();
            self.lines
                .push(format!("{border}{}{border}", texts.join(&border.to_string())));
        }
    }
}

/// The widths of the texts: too wide columns lose equal parts.
fn fit(wanted: &[usize], available: usize) -> Vec<usize> {
    let mut widths: Vec<usize> = wanted.iter().map(|w| w + 2).collect();
    let mut excess = widths.iter().sum::<usize>().saturating_sub(available);
    let columns = widths.len();
    for (i, width) in widths.iter_mut().enumerate() {
        let part = (excess as f64 / (columns - i) as f64).round_ties_even() as usize;
        let part = part.min(*width);
        *width -= part;
        excess -= part.min(excess);
    }
    widths.into_iter().map(|w| w.saturating_sub(2)).collect()
}

/// Breaks between words; a word too long for a line stays whole, [`justify`] cuts it.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let (mut line, mut used) = (String::new(), 0);
    for word in words(text) {
        let bare = word.trim_end().width();
        if used + bare > width && !line.is_empty() {
            lines.push(std::mem::take(&mut line));
            used = 0;
        }
        line.push_str(word);
        used += word.width();
    }
    lines.push(line);
    lines
}

/// Words with the spaces around them: those before the first word, then those after each.
fn words(text: &str) -> Vec<&str> {
    let (mut words, mut start, mut in_space, mut seen) = (Vec::new(), 0, false, false);
    for (i, c) in text.char_indices() {
        if !c.is_whitespace() {
            if in_space && seen {
                words.push(&text[start..i]);
                start = i;
            }
            seen = true;
        }
        in_space = c.is_whitespace();
    }
    words.push(&text[start..]);
    words
}

fn justify(line: &str, width: usize, align: Align) -> String {
    let line = cut(line.trim_end(), width);
    let space = width - line.width();
    let before = match align {
        Align::Left => 0,
        Align::Center => space / 2,
        Align::Right => space,
    };
    format!("{}{line}{}", " ".repeat(before), " ".repeat(space - before))
}

fn cut(line: &str, width: usize) -> String {
    if line.width() <= width {
        return line.to_owned();
    }
    let mut kept = String::new();
    for c in line.chars() {
        if kept.width() + c.to_string().width() + 1 > width {
            break;
        }
        kept.push(c);
    }
    kept + "…"
}
