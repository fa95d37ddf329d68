//! A thread that sends one message after another.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use keras_core::{Error, Result, bail};
use ureq::Agent;
use ureq::http::{HeaderName, HeaderValue, Uri};

/// How each message is sent.
#[derive(Debug)]
pub(super) struct Post {
    url: String,
    headers: Vec<(String, String)>,
    /// The field of the form; none for JSON.
    field: Option<String>,
    timeout: Duration,
    agent: Agent,
}

impl Post {
    pub(super) fn new(
        url: String,
        headers: Vec<(String, String)>,
        field: Option<String>,
        timeout: Duration,
    ) -> Result<Self> {
        let known = url.parse::<Uri>().ok();
        let known = known.filter(|uri| matches!(uri.scheme_str(), Some("http" | "https")));
        if known
            .and_then(|uri| uri.host().map(str::to_owned))
            .is_none_or(|host| host.is_empty())
        {
            bail!(
                "RemoteMonitor: root and path must make an address like `http://localhost:9000/epochs`, got `{url}`"
            );
        }
        for (name, value) in &headers {
            if HeaderName::try_from(name).is_err() || HeaderValue::try_from(value).is_err() {
                bail!("RemoteMonitor: `{name}: {value}` cannot be a header of a request");
            }
        }
        let config = Agent::config_builder().timeout_global(Some(timeout)).build();
        Ok(Self {
            url,
            headers,
            field,
            timeout,
            agent: config.into(),
        })
    }

    fn send(&self, message: &str) -> Result<(), String> {
        let (kind, body) = match &self.field {
            None => ("application/json", message.to_owned()),
            Some(field) => (
                "application/x-www-form-urlencoded",
                format!("{}={}", encoded(field), encoded(message)),
            ),
        };
        let mut request = self.agent.post(&self.url);
        let told = |(name, _): &(String, String)| name.eq_ignore_ascii_case("content-type");
        if !self.headers.iter().any(told) {
            request = request.header("Content-Type", kind);
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        match request.send(body) {
            Ok(_) => Ok(()),
            Err(ureq::Error::StatusCode(code)) => Err(format!("it answered {code}")),
            Err(ureq::Error::Timeout(_)) => Err(format!("no answer within {} s", self.timeout.as_secs_f64())),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// As forms encode text.
fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        match byte {
            b' ' => out.push('+'),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' | b'-' | b'~' => out.push(byte as char),
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
        out
    })
}

/// Messages on their way.
#[derive(Debug)]
pub(super) struct Queue {
    messages: Option<Sender<String>>,
    ended: Receiver<()>,
    timeout: Duration,
    shared: Arc<Shared>,
    count: usize,
}

#[derive(Debug, Default)]
struct Shared {
    give_up: AtomicBool,
    progress: Mutex<Progress>,
}

#[derive(Debug, Default)]
struct Progress {
    arrived: usize,
    failure: Option<String>,
}

impl Queue {
    pub(super) fn new(post: Post) -> Result<Self> {
        let (messages, incoming) = mpsc::channel::<String>();
        let (end, ended) = mpsc::channel();
        let shared = Arc::new(Shared::default());
        let (timeout, ours) = (post.timeout, Arc::clone(&shared));
        let run = move || {
            for message in incoming {
                if ours.give_up.load(Ordering::Relaxed) {
                    break;
                }
                let sent = post.send(&message);
                let mut progress = ours.progress.lock().unwrap_or_else(PoisonError::into_inner);
                match sent {
                    Ok(()) => progress.arrived += 1,
                    Err(why) => {
                        progress.failure.get_or_insert(why);
                    }
                }
            }
            // Nobody may be waiting any more.
            let _ = end.send(());
        };
        let started = thread::Builder::new()
            .name("remote-monitor".to_owned())
            .spawn(run);
        started.map_err(|e| Error::user(e).context("RemoteMonitor: cannot start its thread"))?;
        Ok(Self {
            messages: Some(messages),
            ended,
            timeout,
            shared,
            count: 0,
        })
    }

    pub(super) fn push(&mut self, message: String) {
        self.count += 1;
        if let Some(messages) = &self.messages {
            // The other end lives as long as this one.
            let _ = messages.send(message);
        }
    }

    /// Why the first message that failed did.
    pub(super) fn first_failure(&mut self) -> Option<String> {
        self.progress().failure.clone()
    }

    /// Waits until all is sent, but not longer than for one message that takes all its time.
    pub(super) fn finish(&mut self) {
        self.messages = None;
        // A little more, so that the last one can tell that its time was up.
        let wait = self.timeout + Duration::from_millis(250);
        if self.ended.recv_timeout(wait).is_err() {
            self.shared.give_up.store(true, Ordering::Relaxed);
        }
    }

    /// How many did not arrive, of how many.
    pub(super) fn lost(&self) -> (usize, usize) {
        (self.count - self.progress().arrived, self.count)
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.shared
            .progress
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::encoded;

    #[test]
    fn forms_are_encoded_as_python_does() {
        // urllib.parse.quote_plus
        assert_eq!(
            encoded("{\"a b\": 1.5e-07, é~}"),
            "%7B%22a+b%22%3A+1.5e-07%2C+%C3%A9~%7D"
        );
    }
}
