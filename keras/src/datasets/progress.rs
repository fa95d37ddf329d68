//! How far a download is.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

pub(super) struct Progress {
    name: String,
    total: Option<u64>,
    done: u64,
    drawn: Instant,
    verbose: bool,
    live: bool,
}

impl Progress {
    pub(super) fn new(url: &str, total: Option<u64>, verbose: bool) -> Self {
        let live = verbose && std::io::stderr().is_terminal();
        let name = url.rsplit('/').next().unwrap_or(url).to_owned();
        if verbose {
            say(&format!("downloading {url}\n"));
        }
        Self {
            name,
            total,
            done: 0,
            drawn: Instant::now(),
            verbose,
            live,
        }
    }

    pub(super) fn add(&mut self, bytes: usize) {
        self.done += bytes as u64;
        if self.live && self.drawn.elapsed() >= Duration::from_millis(100) {
            self.drawn = Instant::now();
            say(&format!("\r{}", self.line()));
        }
    }

    pub(super) fn finish(self) {
        if self.verbose {
            let start = if self.live { "\r" } else { "" };
            say(&format!("{start}{}\n", self.line()));
        }
    }

    fn line(&self) -> String {
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        match self.total {
            Some(total) => format!("{} {:.1}/{:.1} MiB", self.name, mib(self.done), mib(total)),
            None => format!("{} {:.1} MiB", self.name, mib(self.done)),
        }
    }
}

/// Standard error may be closed; a download goes on without it.
fn say(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}
