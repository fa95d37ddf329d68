//! `keras runs serve`: the pages, for browsers on this machine.

mod http;

use std::io::Write;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use keras_core::{Error, Result};
use keras_runs::{RunInfo, printable};
use serde_json::json;

use crate::view::{address, compare_page, list_page, live_page, run_data};
use crate::{Out, Outcome};
use http::{Answer, Request};

/// More wait for those before them to be done.
const AT_ONCE: usize = 32;

pub(crate) fn run(base: &Path, port: u16, json: bool, out: &mut Out) -> Outcome {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|e| {
        Error::io(
            format!("127.0.0.1:{port}"),
            "cannot listen; give another --port",
            e,
        )
    })?;
    let port = listener
        .local_addr()
        .map_err(|e| Error::io("127.0.0.1", "cannot listen", e))?
        .port();
    let (address, folder) = (format!("http://127.0.0.1:{port}/"), base.to_string_lossy());
    match json {
        true => out.json(&json!({"address": address, "runs_dir": folder}))?,
        false => out.line(format_args!("{address} shows the runs in {}", printable(&folder)))?,
    }
    out.flush()?;
    let busy = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for stream in listener.incoming().flatten() {
            if busy.fetch_add(1, Ordering::AcqRel) >= AT_ONCE {
                busy.fetch_sub(1, Ordering::AcqRel);
                continue;
            }
            let busy = &busy;
            scope.spawn(move || {
                let _ = serve(stream, base, port);
                busy.fetch_sub(1, Ordering::AcqRel);
            });
        }
    });
    Ok(())
}

fn serve(mut stream: TcpStream, base: &Path, port: u16) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.set_write_timeout(Some(Duration::from_secs(10)))?;
    let (answer, body) = match Request::read(&mut stream)? {
        Ok(request) => (answer(&request, base, port), request.method != "HEAD"),
        Err(answer) => (answer, true),
    };
    stream.write_all(&answer.bytes(body))?;
    stream.flush()
}

/// Other sites' pages may make a browser ask here, too: by a name of theirs that leads here, or across origins.
fn answer(request: &Request, base: &Path, port: u16) -> Answer {
    let hosts = [format!("127.0.0.1:{port}"), format!("localhost:{port}")];
    let host = request.header("host");
    if !host.is_some_and(|host| hosts.iter().any(|ours| ours == host)) {
        return Answer::text(
            403,
            "This server answers to http://127.0.0.1 and http://localhost only.\n",
        );
    }
    let foreign = |origin: &str| !hosts.iter().any(|ours| origin == format!("http://{ours}"));
    if request.header("origin").is_some_and(foreign) {
        return Answer::text(403, "This server does not answer other sites.\n");
    }
    if !matches!(request.method.as_str(), "GET" | "HEAD") {
        return Answer::text(405, "This server only shows.\n");
    }
    match page(request, base) {
        Ok(Some(answer)) => answer,
        Ok(None) => Answer::text(404, "There is no such page or run.\n"),
        Err(error) => Answer::text(500, &format!("{}\n", printable(&error.to_string()))),
    }
}

fn page(request: &Request, base: &Path) -> Result<Option<Answer>> {
    if let Some(name) = request.path.strip_prefix("/run/") {
        let Some(dir) = find(name, base)? else {
            return Ok(None);
        };
        let run = RunInfo::read(dir)?;
        return Ok(Some(Answer::html(live_page(
            &run,
            format!("/data/{}", address(name)),
        )?)));
    }
    if let Some(name) = request.path.strip_prefix("/data/") {
        let Some(dir) = find(name, base)? else {
            return Ok(None);
        };
        return Ok(Some(Answer::json(&run_data(&RunInfo::read(dir)?))));
    }
    match request.path.as_str() {
        "/" => {
            let from = request.query.iter().find(|(key, _)| key == "from");
            let from = from.and_then(|(_, text)| text.parse().ok()).unwrap_or(0);
            let runs = keras_runs::ls_runs(base)?;
            Ok(Some(Answer::html(list_page(
                &runs,
                from,
                &base.to_string_lossy(),
            ))))
        }
        "/compare" => {
            let mut chosen = Vec::new();
            for (_, name) in request.query.iter().filter(|(key, _)| key == "run") {
                let Some(dir) = find(name, base)? else {
                    return Ok(None);
                };
                chosen.push(RunInfo::read(dir)?);
            }
            match chosen.len() {
                0 => Ok(Some(Answer::text(
                    400,
                    "Choose runs to compare on the page before.\n",
                ))),
                _ => Ok(Some(Answer::html(compare_page(&chosen)?))),
            }
        }
        _ => Ok(None),
    }
}

/// A run that is listed, by its whole name, or that as an address: no path leads out of the folder.
fn find(name: &str, base: &Path) -> Result<Option<PathBuf>> {
    let runs = keras_runs::ls_runs(base)?;
    Ok(runs
        .into_iter()
        .find(|run| run.name() == name || address(&run.name()) == name)
        .map(|run| run.run_dir))
}
