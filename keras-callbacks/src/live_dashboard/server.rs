//! A small HTTP server for the page, on this machine alone.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use keras_core::{Error, Result};

use super::board::{Board, Told};
use super::request::Request;

/// More pages than anybody has open.
const CONNECTIONS: usize = 32;
/// Nobody on this machine needs longer for a line.
const PATIENCE: Duration = Duration::from_secs(5);
/// An open page hears something this often, so that one that was closed is noticed.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// What the page may do: nothing but load from here.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Serves until it is dropped.
#[derive(Debug)]
pub(super) struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    board: Arc<Board>,
    stop: AtomicBool,
    open: AtomicUsize,
}

impl Server {
    /// On `port` of this machine, or on a free one if it is 0.
    pub(super) fn start(port: u16, board: Arc<Board>) -> Result<Self> {
        let wanted = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let failed = |e: std::io::Error| {
            Error::user(e).context(format!(
                "LiveDashboard: cannot listen on {wanted}; use another port, or 0 for a free one"
            ))
        };
        let listener = TcpListener::bind(wanted).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let shared = Arc::new(Shared {
            board,
            stop: AtomicBool::new(false),
            open: AtomicUsize::new(0),
        });
        let ours = Arc::clone(&shared);
        named("dashboard", move || ours.listen(&listener)).map_err(failed)?;
        Ok(Self { address, shared })
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.shared.board.close();
        // Wakes the thread that waits for connections.
        let _ = TcpStream::connect_timeout(&self.address, PATIENCE);
    }
}

fn named(name: &str, run: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    thread::Builder::new().name(name.to_owned()).spawn(run).map(drop)
}

impl Shared {
    fn listen(self: &Arc<Self>, listener: &TcpListener) {
        for stream in listener.incoming() {
            if self.stop.load(Ordering::Relaxed) {
                break;
            }
            let Ok(stream) = stream else {
                // Out of descriptors, perhaps; better soon than at full speed.
                thread::sleep(Duration::from_millis(50));
                continue;
            };
            if self.open.fetch_add(1, Ordering::Relaxed) >= CONNECTIONS {
                self.open.fetch_sub(1, Ordering::Relaxed);
                continue;
            }
            let ours = Arc::clone(self);
            let started = named("dashboard page", move || {
                // A page that goes away is no error.
                let _ = ours.serve(&stream);
                ours.open.fetch_sub(1, Ordering::Relaxed);
            });
            if started.is_err() {
                self.open.fetch_sub(1, Ordering::Relaxed);
            }
        }
    }

    fn serve(&self, stream: &TcpStream) -> std::io::Result<()> {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let request = match Request::read(stream) {
            Ok(request) => request,
            Err(refusal) => return plain(stream, refusal.status, &refusal.reason),
        };
        match request.path.as_str() {
            "/" => page(stream, "text/html", include_str!("page.html")),
            "/style.css" => page(stream, "text/css", include_str!("style.css")),
            "/script.js" => page(stream, "text/javascript", include_str!("script.js")),
            "/data.json" => page(stream, "application/json", &self.board.all().to_string()),
            "/events" => self.events(stream),
            _ => plain(stream, "404 Not Found", "nothing here; the page is at /"),
        }
    }

    /// Server-sent events: all there is, then what is new, as long as the page listens.
    fn events(&self, mut stream: &TcpStream) -> std::io::Result<()> {
        let _watch = self.board.watch();
        write!(
            stream,
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n\
             retry: 1000\n\n"
        )?;
        let mut told = Told::default();
        while let Ok(news) = self.board.news(&mut told, HEARTBEAT) {
            match news {
                Some(news) => write!(stream, "data: {news}\n\n")?,
                None => stream.write_all(b": still here\n\n")?,
            }
        }
        Ok(())
    }
}

fn page(stream: &TcpStream, kind: &str, body: &str) -> std::io::Result<()> {
    respond(stream, "200 OK", kind, body)
}

fn plain(mut stream: &TcpStream, status: &str, reason: &str) -> std::io::Result<()> {
    respond(stream, status, "text/plain", &format!("{reason}\n"))?;
    // What was not read would otherwise make the system cut the answer off.
    stream.set_read_timeout(Some(Duration::from_millis(200)))?;
    let mut rest = [0; 4096];
    for _ in 0..16 {
        if matches!(stream.read(&mut rest), Ok(0) | Err(_)) {
            break;
        }
    }
    Ok(())
}

fn respond(mut stream: &TcpStream, status: &str, kind: &str, body: &str) -> std::io::Result<()> {
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: {kind}; charset=utf-8\r\nContent-Length: {length}\r\nConnection: close\r\n\
         Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n\
         Cross-Origin-Resource-Policy: same-origin\r\nContent-Security-Policy: {POLICY}\r\n\r\n{body}"
    )
}
