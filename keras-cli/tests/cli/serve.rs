//! `keras runs serve`: to browsers on this machine, and to nobody else.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};

use super::{keras, options, three_runs};

struct Server(Child, u16);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Server {
    fn start(folder: &std::path::Path) -> Self {
        let mut child = keras(folder, &["runs", "serve", "--port", "0"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let port = line.split([':', '/']).find_map(|part| part.parse().ok()).unwrap();
        Self(child, port)
    }

    fn ask(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.1)).unwrap();
        let request = request.replace("PORT", &self.1.to_string());
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

#[test]
fn it_answers_this_machine_and_nobody_else() {
    let (folder, _) = three_runs();
    options(&folder.path().join("runs/a run"))
        .start()
        .unwrap()
        .finish()
        .unwrap();
    let odd = "\u{1b}[31m\"%25é";
    options(&folder.path().join("runs").join(odd))
        .start()
        .unwrap()
        .finish()
        .unwrap();
    std::fs::write(folder.path().join("secret"), "secret\n").unwrap();
    let server = Server::start(folder.path());
    let host = "Host: 127.0.0.1:PORT\r\n";
    let with = |line: &str, headers: &str| format!("{line} HTTP/1.1\r\n{headers}\r\n");
    for (request, status, content) in [
        (with("GET /", host), "200", "/run/a%20run"),
        (with("GET /", "Host: localhost:PORT\r\n"), "200", "a1"),
        (with("GET /run/a1", host), "200", "<h2>History"),
        (with("GET /run/a%20run", host), "200", "<h2>Run"),
        (with("GET /data/a1", host), "200", "[1.0,0.5]"),
        (
            with("GET /compare?run=a1&run=a+run", host),
            "200",
            "<h2>What they gave",
        ),
        // What the form of the list sends.
        (
            with(
                "GET /compare?run=a1&run=%251B%255B31m%2522%252525%25C3%25A9",
                host,
            ),
            "200",
            "\\u{1b}[31m&quot;%25é",
        ),
        (with("GET /run/%1B%5B31m%22%2525%C3%A9", host), "200", "<h2>Run"),
        (with("GET /compare", host), "400", "Choose runs"),
        (with("GET /?from=2", host), "200", "/run/a1"),
        (
            with("GET /", &format!("{host}Origin: http://127.0.0.1:PORT\r\n")),
            "200",
            "a1",
        ),
        (
            with("GET /", &format!("{host}Origin: http://evil.example\r\n")),
            "403",
            "other sites",
        ),
        (
            with("GET /", &format!("{host}Origin: null\r\n")),
            "403",
            "other sites",
        ),
        (
            with("GET /", "Host: evil.example:PORT\r\n"),
            "403",
            "localhost only",
        ),
        (
            with("GET /", &format!("{host}Host: evil.example\r\n")),
            "403",
            "localhost only",
        ),
        (with("GET /", ""), "403", "localhost only"),
        (with("POST /", host), "405", "only shows"),
        (with("DELETE /run/a1", host), "405", "only shows"),
        (with("GET /run/..%2F..%2Fsecret", host), "404", "no such"),
        (with("GET /run/../secret", host), "404", "no such"),
        (with("GET /run/..%2Fruns%2Fa1", host), "404", "no such"),
        ("nonsense\r\n\r\n".to_owned(), "400", "no request"),
    ] {
        let answer = server.ask(&request);
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{request}: {answer}"
        );
        assert!(answer.contains(content), "{request}: {answer}");
        assert!(!answer.contains("secret\n"), "{request}");
    }
}
