//! Against a real server, which answers as a test says.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use keras_callbacks::RemoteMonitor;
use keras_core::{Callback, Logs, Result};

use crate::run::{Run, logs};

#[derive(Debug)]
struct Request {
    head: Vec<String>,
    body: String,
}

impl Request {
    fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.iter().filter_map(|line| line.split_once(": "));
        let mut found = lines.filter(|(key, _)| key.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value)
    }

    fn read(stream: &TcpStream) -> Option<Self> {
        let mut reader = BufReader::new(stream);
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            match line.trim_end() {
                "" => break,
                line => head.push(line.to_owned()),
            }
        }
        let mut request = Self {
            head,
            body: String::new(),
        };
        let length = request.header("content-length")?.parse().ok()?;
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        request.body = String::from_utf8(body).ok()?;
        Some(request)
    }
}

/// A server that gives each request to `answer`; its address, and what it was asked.
fn serve(answer: impl Fn(usize, &mut TcpStream) + Send + 'static) -> (String, Receiver<Request>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (tell, asked) = mpsc::channel();
    thread::spawn(move || {
        let mut count = 0;
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            if let Some(request) = Request::read(&stream) {
                answer(count, &mut stream);
                count += 1;
                if tell.send(request).is_err() {
                    break;
                }
            }
        }
    });
    (address, asked)
}

fn respond(stream: &mut TcpStream, status: &str) {
    let _ = write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
}

fn asked(asked: &Receiver<Request>) -> Request {
    asked.recv_timeout(Duration::from_secs(20)).unwrap()
}

#[test]
fn a_form_or_json_with_headers() -> Result<()> {
    for json in [false, true] {
        let (address, requests) = serve(|_, stream| respond(stream, "200 OK"));
        let mut monitor = RemoteMonitor::new(&address)
            .path("/runs/a?b=1")
            .field("the field")
            .header("X-Key", "secret")
            .send_as_json(json);
        let mut run = Run::new(&["loss", "acc"]);
        run.check(&mut monitor)?;
        monitor.on_train_begin(&mut run.cx(), &mut Logs::new())?;
        let mut values = logs(&[("loss", 0.5), ("acc", f64::NAN)]);
        monitor.on_epoch_end(3, &mut run.cx(), &mut values)?;
        monitor.on_train_end(&mut run.cx(), &mut Logs::new())?;
        let request = asked(&requests);
        assert_eq!(request.head[0], "POST /runs/a?b=1 HTTP/1.1");
        assert_eq!(request.header("x-key"), Some("secret"));
        let (kind, body) = match json {
            true => ("application/json", r#"{"epoch":3,"loss":0.5,"acc":null}"#),
            false => (
                "application/x-www-form-urlencoded",
                "the+field=%7B%22epoch%22%3A3%2C%22loss%22%3A0.5%2C%22acc%22%3Anull%7D",
            ),
        };
        assert_eq!(
            (request.header("content-type"), request.body.as_str()),
            (Some(kind), body)
        );
        assert!(run.notes().is_empty());
    }
    Ok(())
}

#[test]
fn epochs_arrive_in_order() -> Result<()> {
    let (address, requests) = serve(|_, stream| respond(stream, "204 No Content"));
    let mut monitor = RemoteMonitor::new(&address).send_as_json(true);
    Run::new(&["loss"]).fit(&mut monitor, "loss", &[3., 2., 1.])?;
    for (epoch, loss) in [3., 2., 1.].into_iter().enumerate() {
        assert_eq!(
            asked(&requests).body,
            format!(r#"{{"epoch":{epoch},"loss":{loss:?}}}"#)
        );
    }
    Ok(())
}

/// Trains three epochs; what the user was told, and how long it took.
fn told(monitor: RemoteMonitor) -> Result<(Vec<String>, Duration)> {
    let mut run = Run::new(&["loss"]);
    let start = Instant::now();
    run.fit(&mut { monitor }, "loss", &[3., 2., 1.])?;
    Ok((run.notes(), start.elapsed()))
}

#[test]
fn a_server_that_is_not_there() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let (notes, _) = told(RemoteMonitor::new(&address).path("/x"))?;
    assert_eq!(notes.len(), 2, "{notes:?}");
    assert!(
        notes[0].starts_with(&format!("could not reach {address}/x: ")),
        "{notes:?}"
    );
    assert!(notes[0].ends_with("; training goes on"), "{notes:?}");
    assert_eq!(notes[1], format!("3 of 3 epochs did not reach {address}/x"));
    Ok(())
}

#[test]
fn a_server_that_refuses_for_a_while() -> Result<()> {
    let (address, _requests) = serve(|count, stream| {
        respond(
            stream,
            if count == 0 {
                "500 Internal Server Error"
            } else {
                "200 OK"
            },
        );
    });
    let (notes, _) = told(RemoteMonitor::new(&address).path("/x"))?;
    assert!(notes[0].contains("it answered 500"), "{notes:?}");
    assert_eq!(notes[1..], [format!("1 of 3 epochs did not reach {address}/x")]);
    Ok(())
}

#[test]
fn a_server_that_closes_without_an_answer() -> Result<()> {
    let (address, _requests) = serve(|_, _| {});
    let (notes, _) = told(RemoteMonitor::new(&address).path("/x"))?;
    assert_eq!(notes.len(), 2, "{notes:?}");
    assert_eq!(notes[1], format!("3 of 3 epochs did not reach {address}/x"));
    Ok(())
}

/// Training does not wait for it; its end waits for one timeout, not for three.
#[test]
fn a_server_that_never_answers() -> Result<()> {
    let (address, _requests) = serve(|_, _| thread::sleep(Duration::from_secs(60)));
    let mut monitor = RemoteMonitor::new(&address)
        .path("/x")
        .timeout(Duration::from_secs(2));
    let mut run = Run::new(&["loss"]);
    monitor.on_train_begin(&mut run.cx(), &mut Logs::new())?;
    let start = Instant::now();
    for epoch in 0..3 {
        monitor.on_epoch_end(epoch, &mut run.cx(), &mut logs(&[("loss", 1.)]))?;
    }
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    monitor.on_train_end(&mut run.cx(), &mut Logs::new())?;
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    let notes = run.notes();
    assert!(notes[0].contains("no answer within 2 s"), "{notes:?}");
    assert_eq!(notes[1], format!("3 of 3 epochs did not reach {address}/x"));
    Ok(())
}

#[test]
fn addresses_and_headers_are_checked_before_training() {
    let mut run = Run::new(&["loss"]);
    for (mut monitor, message) in [
        (RemoteMonitor::new("localhost:9000"), "must make an address like"),
        (
            RemoteMonitor::new("ftp://example.org"),
            "must make an address like",
        ),
        (RemoteMonitor::default().header("a b", "c"), "cannot be a header"),
        (RemoteMonitor::default().header("a", "c\nd"), "cannot be a header"),
        (
            RemoteMonitor::default().timeout(Duration::ZERO),
            "`timeout` must be above 0",
        ),
    ] {
        let error = run.check(&mut monitor).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
    run.check(&mut RemoteMonitor::default()).unwrap();
}
