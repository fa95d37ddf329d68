//! As much of HTTP as a browser on this machine needs.

use std::io::Read;

use serde_json::Value;

/// Longer requests are none of ours.
const HEAD: usize = 16 << 10;

pub(super) struct Request {
    pub(super) method: String,
    /// Decoded, without the query.
    pub(super) path: String,
    pub(super) query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
}

impl Request {
    /// The head of a request; what is none is answered.
    pub(super) fn read(stream: &mut impl Read) -> std::io::Result<Result<Self, Answer>> {
        let mut bytes = Vec::new();
        let mut part = [0; 2048];
        while !bytes.windows(4).any(|end| end == b"\r\n\r\n") {
            match stream.read(&mut part)? {
                0 => break,
                n => bytes.extend_from_slice(&part[..n]),
            }
            if bytes.len() > HEAD {
                return Ok(Err(Answer::text(431, "This request is too long.\n")));
            }
        }
        let text = String::from_utf8_lossy(&bytes);
        Ok(Self::parse(&text).ok_or_else(|| Answer::text(400, "This is no request.\n")))
    }

    fn parse(text: &str) -> Option<Self> {
        let (head, _) = text.split_once("\r\n\r\n")?;
        let mut lines = head.split("\r\n");
        let mut words = lines.next()?.split(' ');
        let (method, target, version) = (words.next()?, words.next()?, words.next()?);
        if !version.starts_with("HTTP/1.") || !target.starts_with('/') || words.next().is_some() {
            return None;
        }
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name, true), decoded(value, true))
        };
        let headers: Option<Vec<_>> = lines
            .map(|line| {
                line.split_once(':')
                    .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            })
            .collect();
        Some(Self {
            method: method.to_owned(),
            path: decoded(path, false),
            query: query
                .split('&')
                .filter(|part| !part.is_empty())
                .map(pair)
                .collect(),
            headers: headers?,
        })
    }

    /// The value of a header that was given once.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self
            .headers
            .iter()
            .filter(|(n, _)| n == name)
            .map(|(_, value)| value.as_str());
        match (found.next(), found.next()) {
            // Two of one name are an attempt to confuse.
            (Some(_), Some(_)) => Some(""),
            (first, _) => first,
        }
    }
}

/// Without `%2F` and its like.
fn decoded(text: &str, plus: bool) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        let code = after.get(..2).and_then(|code| std::str::from_utf8(code).ok());
        match (byte, code.and_then(|code| u8::from_str_radix(code, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            (b'+', _) if plus => bytes.push(b' '),
            (other, _) => bytes.push(*other),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

pub(super) struct Answer {
    status: u16,
    kind: &'static str,
    body: String,
}

impl Answer {
    pub(super) fn text(status: u16, body: &str) -> Self {
        Self {
            status,
            kind: "text/plain",
            body: body.to_owned(),
        }
    }

    pub(super) fn html(body: String) -> Self {
        Self {
            status: 200,
            kind: "text/html",
            body,
        }
    }

    pub(super) fn json(body: &Value) -> Self {
        Self {
            status: 200,
            kind: "application/json",
            body: body.to_string(),
        }
    }

    pub(super) fn bytes(&self, body: bool) -> Vec<u8> {
        let reason = match self.status {
            200 => "OK",
            403 => "Forbidden",
            404 => "Not Found",
            405 => "Method Not Allowed",
            500 => "Internal Server Error",
            _ => "Bad Request",
        };
        let mut bytes = format!(
            "HTTP/1.1 {} {reason}\r\nContent-Type: {}; charset=utf-8\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\
             X-Content-Type-Options: nosniff\r\nX-Frame-Options: DENY\r\nReferrer-Policy: no-referrer\r\n\
             Cross-Origin-Resource-Policy: same-origin\r\nConnection: close\r\n\r\n",
            self.status,
            self.kind,
            self.body.len(),
        )
        .into_bytes();
        if body {
            bytes.extend_from_slice(self.body.as_bytes());
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_read_whole_or_refused() {
        let read = |text: &str| Request::parse(text).map(|request| (request.path, request.query.len()));
        for (text, expected) in [
            ("GET / HTTP/1.1\r\nHost: x\r\n\r\n", Some(("/".to_owned(), 0))),
            (
                "GET /run/a%20b%2Fc?x=1&y=2 HTTP/1.1\r\n\r\n",
                Some(("/run/a b/c".to_owned(), 2)),
            ),
            ("GET /%zz%4 HTTP/1.0\r\n\r\n", Some(("/%zz%4".to_owned(), 0))),
            ("GET http://x/ HTTP/1.1\r\n\r\n", None),
            ("GET / HTTP/1.1\r\nno header\r\n\r\n", None),
            ("GET /\r\n\r\n", None),
            ("", None),
        ] {
            assert_eq!(read(text), expected, "{text:?}");
        }
    }
}
