//! Parts of long texts, measured as they stand in a page.

use super::html::escape;

/// The most of one line that is shown: a file may be one line.
const LINE: usize = 3000;
/// What a word on how much was left out may take.
const NOTE: usize = 400;

/// A text for HTML in at most `most` bytes, and `…` where it was longer.
///
/// Markup and control characters take more bytes in a page than in the text: they are counted as they stand there.
pub(super) fn within(text: &str, most: usize) -> String {
    let mut html = String::new();
    for c in text.chars() {
        let escaped = escape(c.encode_utf8(&mut [0; 4]));
        if html.len() + escaped.len() > most {
            html.push('…');
            break;
        }
        html.push_str(&escaped);
    }
    html
}

/// How many of `what` were left out, and where all are.
pub(super) fn note(count: usize, what: &str, whole: &str) -> String {
    match count {
        0 => String::new(),
        n => format!(
            "<p class=\"note\">{n} {what}{} left out here; all in {}</p>",
            if n == 1 { "" } else { "s" },
            within(whole, NOTE / 2)
        ),
    }
}

/// Which part of a text matters most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    First,
    Last,
}

/// A box of lines, in at most `most` bytes, with a note on what was left out. `line` makes HTML of a line's number and
/// its text.
pub(super) fn lines(
    class: &str,
    text: &str,
    part: Part,
    most: usize,
    whole: &str,
    line: impl Fn(usize, &str) -> String,
) -> String {
    if text.trim().is_empty() {
        return String::new();
    }
    let all = text.lines().count();
    let room = most.saturating_sub(NOTE);
    let take = |numbered: &mut dyn Iterator<Item = (usize, &str)>| {
        let mut used = 0;
        let html = numbered.map(|(at, text)| line(at, text)).take_while(|html| {
            used += html.len();
            used <= room
        });
        html.collect::<Vec<_>>()
    };
    let shown = match part {
        Part::First => take(&mut text.lines().enumerate()),
        Part::Last => {
            let mut shown = take(
                &mut text
                    .lines()
                    .rev()
                    .enumerate()
                    .map(|(at, text)| (all - 1 - at, text)),
            );
            shown.reverse();
            shown
        }
    };
    let note = note(all - shown.len(), "line", whole);
    let class = match class {
        "" => String::new(),
        class => format!(" class=\"{class}\""),
    };
    let html = format!("<pre{class}>{}</pre>", shown.concat());
    match part {
        _ if shown.is_empty() => note,
        Part::First => html + &note,
        Part::Last => note + &html,
    }
}

/// A text as it is, in a box that scrolls.
pub(super) fn block(text: &str, part: Part, most: usize, whole: &str) -> String {
    lines("", text, part, most, whole, |_, line| within(line, LINE) + "\n")
}

/// A source file with the numbers of its lines.
pub(super) fn code(text: &str, most: usize, whole: &str) -> String {
    lines("code", text, Part::First, most, whole, |at, line| {
        format!("<i>{:>4}</i>  {}\n", at + 1, within(line, LINE))
    })
}

/// A unified difference, coloured.
pub(super) fn diff(text: &str, most: usize, whole: &str) -> String {
    lines("diff", text, Part::First, most, whole, |_, line| {
        let kind = match line.as_bytes().first() {
            _ if line.starts_with("+++") || line.starts_with("---") => "file",
            Some(b'+') => "add",
            Some(b'-') => "del",
            Some(b'@') => "at",
            _ => "same",
        };
        format!("<span class=\"{kind}\">{}</span>\n", within(line, LINE))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_take_no_more_than_they_may() {
        let texts = [
            "\n".repeat(59_000),
            "&".repeat(100_000),
            "\u{202e}<\u{1b}\"\n".repeat(20_000),
            "a".to_owned(),
            format!("{}\nlast", "é".repeat(50_000)),
        ];
        for text in &texts {
            for most in [0, 300, 500, 5000, 60_000] {
                for html in [
                    block(text, Part::First, most, "the file"),
                    block(text, Part::Last, most, "the file"),
                    code(text, most, "the file"),
                    diff(text, most, "the file"),
                ] {
                    assert!(html.len() <= most.max(NOTE), "{} of {most}", html.len());
                }
            }
        }
    }

    #[test]
    fn what_was_left_out_is_told() {
        let text: String = (0..1000).map(|at| format!("line {at}\n")).collect();
        let first = code(&text, 5000, "source.tar.gz");
        assert!(first.contains("line 0\n") && first.contains("lines left out here; all in source.tar.gz"));
        let last = block(&text, Part::Last, 5000, "output");
        assert!(last.contains("line 999\n") && !last.contains("line 0\n") && last.contains("left out"));
        assert_eq!(block("a\nb", Part::Last, 5000, "x"), "<pre>a\nb\n</pre>");
        assert_eq!(within("a<b", 4), "a…");
    }
}
