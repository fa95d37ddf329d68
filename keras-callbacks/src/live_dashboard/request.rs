//! What the server is asked, and what it refuses.

use std::io::Read;

/// No browser's request for a page of ours is longer.
const LONGEST: usize = 16 << 10;

#[derive(Debug)]
pub(super) struct Request {
    pub(super) path: String,
}

#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: &'static str,
    pub(super) reason: String,
}

fn refuse<T>(status: &'static str, reason: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal {
        status,
        reason: reason.into(),
    })
}

impl Request {
    pub(super) fn read(mut stream: impl Read) -> Result<Self, Refusal> {
        let mut bytes = Vec::new();
        let mut part = [0; 1024];
        let end = loop {
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break end;
            }
            if bytes.len() > LONGEST {
                return refuse("431 Request Header Fields Too Large", "the request is too long");
            }
            match stream.read(&mut part) {
                Ok(0) | Err(_) => return refuse("400 Bad Request", "the request has no end"),
                Ok(count) => bytes.extend(part.iter().take(count)),
            }
        };
        match std::str::from_utf8(bytes.get(..end).unwrap_or_default()) {
            Ok(head) => Self::parse(head),
            Err(_) => refuse("400 Bad Request", "the request is no text"),
        }
    }

    fn parse(head: &str) -> Result<Self, Refusal> {
        let mut lines = head.split("\r\n");
        let mut first = lines.next().unwrap_or_default().split(' ');
        let (Some(method), Some(target), Some("HTTP/1.1" | "HTTP/1.0"), None) =
            (first.next(), first.next(), first.next(), first.next())
        else {
            return refuse("400 Bad Request", "no request of HTTP/1.1");
        };
        let mut headers = Vec::new();
        for line in lines {
            match line.split_once(':') {
                Some((name, value)) => headers.push((name.to_ascii_lowercase(), value.trim())),
                None => return refuse("400 Bad Request", "a line without a colon"),
            }
        }
        let all = |wanted: &'static str| {
            let named = headers.iter().filter(move |(name, _)| name == wanted);
            named.map(|(_, value)| *value)
        };
        let hosts: Vec<&str> = all("host").collect();
        let site = all("sec-fetch-site").next();
        // A link that somebody follows shows them the page, and tells the page it was on nothing.
        let followed = all("sec-fetch-mode").next() == Some("navigate");
        guard(&hosts, all("origin").next(), site.filter(|_| !followed))?;
        if method != "GET" {
            return refuse("405 Method Not Allowed", "only GET");
        }
        let path = target.split('?').next().unwrap_or_default();
        Ok(Self {
            path: path.to_owned(),
        })
    }
}

/// Refuses what a page from elsewhere makes a browser ask for: by a name that was made to mean this machine, or across
/// origins. Ports may differ, for who forwards one.
fn guard(hosts: &[&str], origin: Option<&str>, site: Option<&str>) -> Result<(), Refusal> {
    let &[host] = hosts else {
        return refuse("400 Bad Request", "a request needs one Host");
    };
    let (name, port) = host.rsplit_once(':').unwrap_or((host, "80"));
    let ours = matches!(name, "127.0.0.1" | "localhost") && port.parse::<u16>().is_ok();
    if !ours {
        return refuse(
            "403 Forbidden",
            "this page is for this machine alone: open it at 127.0.0.1 or localhost",
        );
    }
    let same = origin.is_none_or(|origin| origin == format!("http://{host}"));
    if !same || site.is_some_and(|site| matches!(site, "cross-site" | "same-site")) {
        return refuse("403 Forbidden", "other pages may not ask for this one");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Request;

    fn ask(head: &str) -> Result<String, &'static str> {
        let read = Request::read(format!("{}\r\n\r\n", head.replace('\n', "\r\n")).as_bytes());
        read.map(|r| r.path).map_err(|r| r.status)
    }

    #[test]
    fn foreign_requests_are_refused() {
        const NO: Result<String, &str> = Err("403 Forbidden");
        let ok = |path: &str| Ok(path.to_owned());
        assert_eq!(ask("GET /a?b HTTP/1.1\nHost: 127.0.0.1:8000"), ok("/a"));
        assert_eq!(
            ask("GET / HTTP/1.1\nhost: localhost:1\nOrigin: http://localhost:1"),
            ok("/")
        );
        assert_eq!(ask("GET / HTTP/1.1\nHost: evil.example:8000"), NO);
        assert_eq!(ask("GET / HTTP/1.1\nHost: 127.0.0.1.evil.example"), NO);
        assert_eq!(ask("GET / HTTP/1.1\nHost: localhost:evil"), NO);
        assert_eq!(
            ask("GET / HTTP/1.1\nHost: localhost:1\nOrigin: http://evil.example"),
            NO
        );
        assert_eq!(ask("GET / HTTP/1.1\nHost: localhost:1\nOrigin: null"), NO);
        assert_eq!(
            ask("GET / HTTP/1.1\nHost: localhost:1\nOrigin: http://localhost:2"),
            NO
        );
        assert_eq!(
            ask("GET / HTTP/1.1\nHost: localhost:1\nSec-Fetch-Site: cross-site"),
            NO
        );
        assert_eq!(
            ask("GET / HTTP/1.1\nHost: localhost:1\nSec-Fetch-Site: none"),
            ok("/")
        );
        let link = "GET / HTTP/1.1\nHost: localhost:1\nSec-Fetch-Site: cross-site\nSec-Fetch-Mode: navigate";
        assert_eq!(ask(link), ok("/"));
    }

    #[test]
    fn broken_requests_are_refused() {
        assert_eq!(ask("GET / HTTP/1.1"), Err("400 Bad Request"));
        assert_eq!(
            ask("GET / HTTP/1.1\nHost: localhost\nHost: localhost"),
            Err("400 Bad Request")
        );
        assert_eq!(ask("hello"), Err("400 Bad Request"));
        assert_eq!(ask("GET / HTTP/2\nHost: localhost"), Err("400 Bad Request"));
        assert_eq!(
            ask("GET / HTTP/1.1\nHost: localhost\nno colon"),
            Err("400 Bad Request")
        );
        assert_eq!(
            ask("POST / HTTP/1.1\nHost: localhost"),
            Err("405 Method Not Allowed")
        );
        let long = format!("GET / HTTP/1.1\nHost: localhost\nX: {}", "x".repeat(20_000));
        assert_eq!(ask(&long), Err("431 Request Header Fields Too Large"));
    }
}
