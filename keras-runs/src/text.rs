//! Texts that come from elsewhere: made safe to show.

/// A text on one line that does nothing to a terminal: control characters and direction marks are written as
/// escapes.
///
/// ```
/// assert_eq!(keras_runs::printable("a\u{1b}[31mb\n"), "a\\u{1b}[31mb\\n");
/// ```
pub fn printable(text: &str) -> String {
    text.chars()
        .flat_map(|c| -> Box<dyn Iterator<Item = char>> {
            match harmless(c) {
                true => Box::new(std::iter::once(c)),
                false => Box::new(c.escape_default()),
            }
        })
        .collect()
}

fn harmless(c: char) -> bool {
    // Marks that turn the direction of writing can make a text look like another.
    let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    !c.is_control() && !turns
}

/// What a terminal would show of what a program wrote: without colours and other commands, with lines that were drawn
/// over only as they were last. What is no UTF-8 becomes `�`; it ends with a line break unless it is empty.
pub(crate) fn console(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut out = String::with_capacity(text.len());
    let mut line = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => skip_command(&mut chars),
            '\n' => {
                out.push_str(line.trim_end_matches(' '));
                out.push('\n');
                line.clear();
            }
            // Before a line break it does nothing.
            '\r' if chars.peek().is_some_and(|next| !matches!(next, '\n' | '\r')) => line.clear(),
            '\u{8}' => {
                line.pop();
            }
            '\t' => line.push('\t'),
            c if harmless(c) => line.push(c),
            _ => {}
        }
    }
    if !line.is_empty() {
        out.push_str(line.trim_end_matches(' '));
        out.push('\n');
    }
    out
}

/// What follows an escape character.
fn skip_command(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match chars.peek() {
        // To a letter: colours, moves.
        Some('[') => {
            chars.next();
            while let Some(c) = chars.next_if(|c| (' '..='~').contains(c)) {
                if ('@'..='~').contains(&c) {
                    break;
                }
            }
        }
        // To a bell or `ESC \`: titles, links.
        Some(']' | 'P' | 'X' | '^' | '_') => {
            while let Some(c) = chars.next_if(|c| *c != '\n') {
                if c == '\u{7}' {
                    break;
                }
                if c == '\u{1b}' {
                    chars.next_if_eq(&'\\');
                    break;
                }
            }
        }
        Some(c) if (' '..='~').contains(c) => {
            chars.next();
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consoles_are_kept_as_they_looked() {
        for (written, seen) in [
            ("plain\n", "plain\n"),
            ("no end", "no end\n"),
            ("10%\r50%\r100%\ndone\n", "100%\ndone\n"),
            ("dos\r\n", "dos\n"),
            ("\u{1b}[31mred\u{1b}[0m \u{1b}]0;title\u{7}x\n", "red x\n"),
            ("\u{1b}]8;;http://x\u{1b}\\link\u{1b}]8;;\u{1b}\\\n", "link\n"),
            ("a\0b\u{202e}c\n", "abc\n"),
            ("", ""),
            ("\u{1b}", ""),
            ("\u{1b}[", ""),
        ] {
            assert_eq!(console(written.as_bytes()), seen, "{written:?}");
        }
        assert_eq!(console(b"\xff\xfea\n"), "\u{fffd}\u{fffd}a\n");
    }
}
