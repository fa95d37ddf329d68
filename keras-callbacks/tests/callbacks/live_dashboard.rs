//! The HTTP side of the page; `script.js` was driven in a browser.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use keras_callbacks::LiveDashboard;
use keras_core::{Callback, Logs, Result};
use serde_json::{Value, json};

use crate::run::{Run, logs};

fn address(url: &str) -> &str {
    url.trim_start_matches("http://").trim_end_matches('/')
}

fn connect(url: &str) -> TcpStream {
    let stream = TcpStream::connect(address(url)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

/// The whole answer to a request with these lines.
fn ask(url: &str, lines: &[&str]) -> String {
    let mut stream = connect(url);
    write!(stream, "{}\r\n\r\n", lines.join("\r\n")).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn get(url: &str, path: &str) -> String {
    ask(
        url,
        &[
            &format!("GET {path} HTTP/1.1"),
            &format!("Host: {}", address(url)),
        ],
    )
}

fn data(url: &str) -> Value {
    let answer = get(url, "/data.json");
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

#[test]
fn the_page_and_its_parts_need_nothing_else() -> Result<()> {
    let dashboard = LiveDashboard::new();
    assert_eq!(dashboard.url(), None);
    let url = dashboard.start()?;
    assert_eq!(dashboard.start()?, url);
    assert!(url.starts_with("http://127.0.0.1:"), "{url}");
    for (path, kind) in [
        ("/", "text/html"),
        ("/style.css", "text/css"),
        ("/script.js", "text/javascript"),
        ("/data.json", "application/json"),
    ] {
        let answer = get(&url, path);
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{path}: {answer}");
        assert!(answer.contains(&format!("Content-Type: {kind}")), "{path}");
        assert!(answer.contains("default-src 'none'"), "{path}");
        let body = answer.split_once("\r\n\r\n").unwrap().1;
        let namespace = body.replace("http://www.w3.org/2000/svg", "");
        assert!(
            !namespace.contains("http://") && !namespace.contains("https://"),
            "{path}"
        );
    }
    assert!(get(&url, "/etc/passwd").starts_with("HTTP/1.1 404"));
    Ok(())
}

#[test]
fn requests_from_elsewhere_are_refused() -> Result<()> {
    let dashboard = LiveDashboard::new();
    let url = dashboard.start()?;
    let host = format!("Host: {}", address(&url));
    let status = |lines: &[&str]| ask(&url, lines)[..12].to_owned();
    let get = "GET /data.json HTTP/1.1";
    assert_eq!(status(&[get, &host]), "HTTP/1.1 200");
    assert_eq!(status(&[get, "Host: evil.example"]), "HTTP/1.1 403");
    assert_eq!(
        status(&[get, &host, "Origin: http://evil.example"]),
        "HTTP/1.1 403"
    );
    assert_eq!(
        status(&[get, &host, "Sec-Fetch-Site: cross-site"]),
        "HTTP/1.1 403"
    );
    assert_eq!(
        status(&["POST / HTTP/1.1", &host, "Content-Length: 0"]),
        "HTTP/1.1 405"
    );
    assert_eq!(status(&["what"]), "HTTP/1.1 400");
    Ok(())
}

/// The next message of the stream of events.
fn message(reader: &mut impl BufRead) -> Value {
    loop {
        let mut line = String::new();
        assert!(reader.read_line(&mut line).unwrap() > 0, "the stream ended");
        if let Some(data) = line.strip_prefix("data: ") {
            return serde_json::from_str(data).unwrap();
        }
    }
}

#[test]
fn an_open_page_is_told_of_each_epoch_and_the_end() -> Result<()> {
    let mut dashboard = LiveDashboard::new();
    let url = dashboard.start()?;
    let mut run = Run::new(&["loss"]);
    run.check(&mut dashboard)?;
    assert_eq!(run.notes(), [format!("dashboard at {url}")]);
    let mut stream = connect(&url);
    write!(stream, "GET /events HTTP/1.1\r\nHost: {}\r\n\r\n", address(&url)).unwrap();
    let mut reader = BufReader::new(stream);
    assert_eq!(message(&mut reader)["reset"], json!(true));

    dashboard.on_train_begin(&mut run.cx(), &mut Logs::new())?;
    let begun = message(&mut reader);
    assert_eq!(begun["status"]["epochs"], json!(20));
    assert_eq!(begun["status"]["steps"], json!(4));
    for epoch in 0..2 {
        dashboard.on_epoch_end(
            epoch,
            &mut run.cx(),
            &mut logs(&[("loss", 0.5), ("odd", f64::NAN)]),
        )?;
        let told = message(&mut reader);
        // Only what is new.
        assert_eq!(told["reset"], json!(false));
        assert_eq!(
            told["rows"],
            json!([{"epoch": epoch, "logs": {"loss": 0.5, "odd": "NaN"}}])
        );
    }
    // Somebody watches, so that values within an epoch are told.
    std::thread::sleep(Duration::from_millis(300));
    dashboard.on_train_batch_end(2, &mut run.cx(), &mut logs(&[("loss", 0.25)]))?;
    let told = message(&mut reader);
    assert_eq!(told["status"]["running"], json!({"loss": 0.25}));
    assert_eq!(told["status"]["batch"], json!(3));
    dashboard.on_train_end(&mut run.cx(), &mut Logs::new())?;
    assert_eq!(message(&mut reader)["status"]["outcome"], json!("running"));

    // A page that is loaded anew gets all.
    assert_eq!(data(&url)["rows"].as_array().map(Vec::len), Some(2));
    // The last clone ends the server.
    let other = dashboard.clone();
    drop(dashboard);
    assert_eq!(data(&url)["rows"].as_array().map(Vec::len), Some(2));
    drop(other);
    let mut rest = String::new();
    assert!(reader.read_to_string(&mut rest).is_ok(), "the page is let go");
    Ok(())
}

#[test]
fn a_resumed_run_keeps_its_charts_and_a_new_one_begins_anew() -> Result<()> {
    let mut first = LiveDashboard::new();
    let mut run = Run::new(&["loss"]);
    run.fit(&mut first, "loss", &[3., 2.])?;
    let state = first.state();
    let mut second = LiveDashboard::new();
    second.load_state(&state)?;
    second.on_train_begin(&mut run.cx(), &mut Logs::new())?;
    second.on_epoch_end(2, &mut run.cx(), &mut logs(&[("loss", 1.)]))?;
    let rows = |dashboard: &LiveDashboard| {
        let all = data(&dashboard.start()?);
        Ok::<_, keras_core::Error>(all["rows"].as_array().map(Vec::len))
    };
    assert_eq!(rows(&second)?, Some(3));
    run.fit(&mut second, "loss", &[1.])?;
    assert_eq!(rows(&second)?, Some(1));
    assert!(second.load_state(&json!({"rows": [3]})).is_err());
    Ok(())
}

#[test]
fn a_port_that_is_taken_is_found_before_training() -> Result<()> {
    let first = LiveDashboard::new();
    let url = first.start()?;
    let port = address(&url).rsplit_once(':').unwrap().1.parse().unwrap();
    let mut second = LiveDashboard::new().port(port);
    let error = Run::new(&["loss"]).check(&mut second).unwrap_err().to_string();
    assert!(
        error.contains(&format!("cannot listen on 127.0.0.1:{port}; use another port")),
        "{error}"
    );
    Ok(())
}
