use std::fmt::Write;

use serde_json::Value;

/// A text for HTML, also within attributes: what means something there is escaped, and control characters are shown as
/// `\u{1b}`.
///
/// ```
/// use keras_cli::view::escape;
/// assert_eq!(escape("</script><b a='1'>\u{1b}[31m"), "&lt;/script&gt;&lt;b a=&#39;1&#39;&gt;\\u{1b}[31m");
/// ```
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, line) in text.split('\n').enumerate() {
        if at > 0 {
            out.push('\n');
        }
        for (at, part) in line.split('\t').enumerate() {
            if at > 0 {
                out.push('\t');
            }
            for c in keras_runs::printable(part).chars() {
                match c {
                    '&' => out.push_str("&amp;"),
                    '<' => out.push_str("&lt;"),
                    '>' => out.push_str("&gt;"),
                    '"' => out.push_str("&quot;"),
                    '\'' => out.push_str("&#39;"),
                    c => out.push(c),
                }
            }
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
    data: Value,
    live: Option<String>,
}

impl Page {
    pub(super) fn new(title: &str, side: &str) -> Self {
        Self {
            title: title.to_owned(),
            side: side.to_owned(),
            body: String::new(),
            data: Value::Null,
            live: None,
        }
    }

    /// What the script draws.
    pub(super) fn data(&mut self, data: Value) {
        self.data = data;
    }

    /// Where the script asks for newer data.
    pub(super) fn live(&mut self, address: String) {
        self.live = Some(address);
    }

    /// Adds HTML.
    pub(super) fn raw(&mut self, html: &str) {
        self.body.push_str(html);
    }

    /// Adds a section with a heading. Nothing for no content.
    pub(super) fn section(&mut self, heading: &str, html: &str) {
        if !html.is_empty() {
            let _ = writeln!(self.body, "<section><h2>{}</h2>{html}</section>", escape(heading));
        }
    }

    pub(super) fn finish(self) -> String {
        // Within a script only `<` could end it.
        let data = self.data.to_string().replace('<', "\\u003c");
        let connect = if self.live.is_some() {
            " connect-src 'self';"
        } else {
            ""
        };
        let live = self
            .live
            .map_or_else(String::new, |to| format!(" data-live=\"{}\"", escape(&to)));
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; \
             script-src 'unsafe-inline'; img-src data:;{connect}\">\n\
             <meta name=\"viewport\" content=\"width=device-width\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
             <link rel=\"icon\" href=\"data:,\">\n<title>{title}</title>\n<style>\n{css}</style>\n</head>\n\
             <body{live}>\n<header><b>{title}</b><span>{side}</span></header>\n<main>\n{body}</main>\n\
             <script type=\"application/json\" id=\"data\">{data}</script>\n<script>\n{js}</script>\n</body>\n</html>\n",
            title = escape(&self.title),
            side = escape(&self.side),
            css = include_str!("page.css"),
            js = include_str!("page.js"),
            body = self.body,
        )
    }
}

/// A table of names and values.
pub(super) fn pairs<K: AsRef<str>, V: AsRef<str>>(rows: impl IntoIterator<Item = (K, V)>) -> String {
    let rows: String = rows
        .into_iter()
        .map(|(name, value)| {
            format!(
                "<tr><th>{}</th><td>{}</td></tr>",
                escape(name.as_ref()),
                escape(value.as_ref())
            )
        })
        .collect();
    match rows.is_empty() {
        true => String::new(),
        false => format!("<table class=\"pairs\">{rows}</table>"),
    }
}

/// A text as it is, in a box that scrolls.
pub(super) fn block(text: &str) -> String {
    match text.trim().is_empty() {
        true => String::new(),
        false => format!("<pre>{}</pre>", escape(text)),
    }
}

/// A unified difference, coloured.
pub(super) fn diff(text: &str) -> String {
    let line = |line: &str| {
        let kind = match line.as_bytes().first() {
            _ if line.starts_with("+++") || line.starts_with("---") => "file",
            Some(b'+') => "add",
            Some(b'-') => "del",
            Some(b'@') => "at",
            _ => "same",
        };
        format!("<span class=\"{kind}\">{}</span>\n", escape(line))
    };
    match text.is_empty() {
        true => String::new(),
        false => format!(
            "<pre class=\"diff\">{}</pre>",
            text.lines().map(line).collect::<String>()
        ),
    }
}

/// What is folded away until it is asked for.
pub(super) fn fold(title: &str, html: &str, open: bool) -> String {
    let open = if open { " open" } else { "" };
    format!(
        "<details{open}><summary>{}</summary>{html}</details>",
        escape(title)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_its_place() {
        let mut page = Page::new("</title><script>alert(1)</script>", "\u{1b}]0;x\u{7}");
        page.data(serde_json::json!({"a": "</script><script>alert(2)</script>"}));
        page.section("<b>", &block("</pre><img src=x onerror=alert(3)>"));
        let html = page.finish();
        assert!(!html.contains("<script>alert") && !html.contains("<img") && !html.contains('\u{1b}'));
        // The page's own two.
        assert_eq!(html.matches("</script>").count(), 2);
    }
}
