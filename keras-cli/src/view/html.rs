use std::fmt::Write;

use serde_json::Value;

use super::text::{note, within};

/// No page has more bytes.
const MOST: usize = 195_000;

/// A text for HTML, also within attributes: what means something there is escaped, and control characters are shown as
/// `\u{1b}`.
///
/// ```
/// use keras_cli::view::escape;
/// assert_eq!(escape("</script><b a='1'>\u{1b}[31m"), "&lt;/script&gt;&lt;b a=&#39;1&#39;&gt;\\u{1b}[31m");
/// ```
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' | ' '..='~' => out.push(c),
            c => out.push_str(&keras_runs::printable(c.encode_utf8(&mut [0; 4]))),
        }
    }
    out
}

/// A page in the making.
#[derive(Debug)]
pub(super) struct Page {
    title: String,
    side: String,
    body: String,
    data: String,
    live: Option<String>,
    left: usize,
}

impl Page {
    pub(super) fn new(title: &str, side: &str) -> Self {
        let mut page = Self {
            title: within(title, 500),
            side: within(side, 500),
            body: String::new(),
            data: "null".to_owned(),
            live: None,
            left: 0,
        };
        // What is around the sections, and room for words on what there was no room for.
        let around = page.render().len() + 2000;
        page.left = MOST.saturating_sub(around);
        page
    }

    /// At most `share` bytes, and no more than there are.
    pub(super) fn room(&self, share: usize) -> usize {
        share.min(self.left)
    }

    /// What the script draws.
    pub(super) fn data(&mut self, data: &Value) {
        self.data = in_script(data);
        self.left = self.left.saturating_sub(self.data.len());
    }

    /// Where the script asks for newer data.
    pub(super) fn live(&mut self, address: String) {
        self.live = Some(address);
    }

    /// Adds HTML.
    pub(super) fn raw(&mut self, html: &str) {
        self.left = self.left.saturating_sub(html.len());
        self.body.push_str(html);
    }

    /// Adds a section with a heading. Nothing for no content; a word where there is no room for it.
    pub(super) fn section(&mut self, heading: &'static str, html: &str) {
        if html.is_empty() {
            return;
        }
        let whole = format!("<section><h2>{heading}</h2>{html}</section>\n");
        if whole.len() > self.left {
            let short = "<p class=\"note\">no room on this page</p>";
            let _ = writeln!(self.body, "<section><h2>{heading}</h2>{short}</section>");
            return;
        }
        self.left -= whole.len();
        self.body.push_str(&whole);
    }

    pub(super) fn finish(self) -> String {
        self.render()
    }

    fn render(&self) -> String {
        let connect = match self.live {
            Some(_) => " connect-src 'self';",
            None => "",
        };
        let live = self.live.as_ref();
        let live = live.map_or_else(String::new, |to| format!(" data-live=\"{}\"", escape(to)));
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; \
             script-src 'unsafe-inline'; img-src data:;{connect}\">\n\
             <meta name=\"viewport\" content=\"width=device-width\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
             <link rel=\"icon\" href=\"data:,\">\n<title>{title}</title>\n<style>\n{css}</style>\n</head>\n\
             <body{live}>\n<header><b>{title}</b><span>{side}</span></header>\n<main>\n{body}</main>\n\
             <script type=\"application/json\" id=\"data\">{data}</script>\n<script>\n{js}</script>\n</body>\n</html>\n",
            title = self.title,
            side = self.side,
            css = include_str!("page.css"),
            js = include_str!("page.js"),
            body = self.body,
            data = self.data,
        )
    }
}

/// JSON as it stands in a page. Within a script only `<` could end it.
pub(super) fn in_script(data: &Value) -> String {
    data.to_string().replace('<', "\\u003c")
}

/// Parts of a page up to a number of bytes; each is in it whole or not at all.
#[derive(Debug)]
pub(super) struct Room {
    html: String,
    left: usize,
    left_out: usize,
}

impl Room {
    pub(super) fn new(most: usize) -> Self {
        Self {
            html: String::new(),
            left: most,
            left_out: 0,
        }
    }

    /// The bytes that there are.
    pub(super) fn left(&self) -> usize {
        self.left
    }

    /// Adds a part, unless there is no room for it or was none for one before.
    pub(super) fn add(&mut self, part: &str) {
        match part.len() <= self.left && self.left_out == 0 {
            true => {
                self.left -= part.len();
                self.html.push_str(part);
            }
            false => self.left_out += 1,
        }
    }

    /// The parts, and how many there was no room for.
    pub(super) fn into_parts(self) -> (String, usize) {
        (self.html, self.left_out)
    }
}

/// A table of names and values in at most `most` bytes.
pub(super) fn pairs<K: AsRef<str>, V: AsRef<str>>(
    rows: impl IntoIterator<Item = (K, V)>,
    most: usize,
    whole: &str,
) -> String {
    let mut room = Room::new(most.saturating_sub(400));
    for (name, value) in rows {
        let (name, value) = (within(name.as_ref(), 300), within(value.as_ref(), 1000));
        room.add(&format!("<tr><th>{name}</th><td>{value}</td></tr>"));
    }
    let (rows, left_out) = room.into_parts();
    let note = note(left_out, "row", whole);
    match rows.is_empty() {
        true => note,
        false => format!("<table class=\"pairs\">{rows}</table>{note}"),
    }
}

/// What is folded away until it is asked for.
pub(super) fn fold(title: &str, html: &str, open: bool) -> String {
    let open = if open { " open" } else { "" };
    format!(
        "<details{open}><summary>{}</summary>{html}</details>",
        within(title, 400)
    )
}

#[cfg(test)]
mod tests {
    use super::super::text::Part;
    use super::*;

    #[test]
    fn nothing_leaves_its_place() {
        let mut page = Page::new("</title><script>alert(1)</script>", "\u{1b}]0;x\u{7}");
        page.data(&serde_json::json!({"a": "</script><script>alert(2)</script>"}));
        let text = "</pre><img src=x onerror=alert(3)>";
        page.section("Text", &super::super::text::block(text, Part::First, 5000, "it"));
        let html = page.finish();
        assert!(!html.contains("<script>alert") && !html.contains("<img") && !html.contains('\u{1b}'));
        // The page's own two.
        assert_eq!(html.matches("</script>").count(), 2);
    }

    #[test]
    fn a_page_has_an_end() {
        let mut page = Page::new(&"<".repeat(10_000), &"\u{202e}".repeat(10_000));
        for part in ["a", "b", "c"] {
            page.section(part, &"x".repeat(100_000));
        }
        let html = page.finish();
        assert!(html.len() < 200_000 && html.contains("<h2>c</h2><p class=\"note\">no room"));
        let rows = (0..10_000).map(|_| ("\"".repeat(5000), "é".repeat(5000)));
        let table = pairs(rows, 20_000, "flags.json");
        assert!(table.len() <= 20_000 && table.contains("rows left out here; all in flags.json"));
    }
}
