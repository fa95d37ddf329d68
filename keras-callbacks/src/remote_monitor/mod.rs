//! Sending the logs of epochs to a server.

mod post;

use std::time::Duration;

use keras_core::{Callback, Config, Context, Entry, Logs, Result, bail};
use serde_json::{Map, Value};

use post::{Post, Queue};

const NAME: &str = "RemoteMonitor";
const TIMEOUT: Duration = Duration::from_secs(10);

/// Sends the logs of each epoch to a server, by `POST` to `root` followed by `path`.
///
/// The body is `{"epoch": 0, "loss": …, …}`: as a field of a form, or as JSON. Values that JSON has no number for (NaN,
/// infinities) are `null`. Sending happens beside training, in order; at its end what is under way has one
/// [`timeout`](Self::timeout) more. A server that is dead, slow or refuses is reported once, and how much did not reach
/// it at the end; training goes on.
///
/// # Errors
/// Before the first step, when the address or a header cannot be one.
///
/// # Examples
/// ```
/// use keras_callbacks::RemoteMonitor;
/// use keras_core::{Callback, Fit};
/// let monitor = RemoteMonitor::new("https://example.org").path("/runs/3").send_as_json(true).header("X-Key", "k");
/// assert_eq!(monitor.config().get("field").and_then(|f| f.as_str()), Some("data"));
/// let fit = Fit::new().epochs(10).callback(monitor);
/// # drop(fit);
/// ```
///
/// # Differs from Keras
/// Training does not wait for the server; there it does, without limit. An answer of 400 or above counts as not reached.
#[derive(Debug)]
pub struct RemoteMonitor {
    root: String,
    path: String,
    field: String,
    headers: Vec<(String, String)>,
    send_as_json: bool,
    timeout: Duration,
    queue: Option<Queue>,
    warned: bool,
}

pub(crate) const ENTRY: Entry<dyn Callback> = Entry {
    class_name: NAME,
    module: "keras.callbacks",
    aliases: &["remote_monitor"],
    doc: "Sends the logs of each epoch to a server.",
    build: |config, _| {
        let mut reader = config.reader(NAME);
        let plain = RemoteMonitor::default();
        let headers = match reader.raw("headers") {
            None => Vec::new(),
            Some(Value::Object(map)) if map.values().all(Value::is_string) => {
                let text =
                    |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.to_owned()));
                map.iter().filter_map(text).collect()
            }
            Some(other) => bail!("{NAME}: `headers` must be an object of strings, got {other}"),
        };
        let callback = RemoteMonitor {
            root: reader.or("root", plain.root)?,
            path: reader.or("path", plain.path)?,
            field: reader.or("field", plain.field)?,
            send_as_json: reader.or("send_as_json", false)?,
            timeout: match reader.opt("timeout")? {
                None => plain.timeout,
                Some(seconds) => match Duration::try_from_secs_f64(seconds) {
                    Ok(timeout) => timeout,
                    Err(e) => bail!("{NAME}: `timeout` must be a number of seconds, got {seconds}: {e}"),
                },
            },
            headers,
            queue: None,
            warned: false,
        };
        reader.finish()?;
        Ok(Box::new(callback))
    },
};

impl Default for RemoteMonitor {
    fn default() -> Self {
        Self::new("http://localhost:9000")
    }
}

impl RemoteMonitor {
    /// Sends to the server at `root`: `http://localhost:9000` in Keras, if nothing else is said.
    pub fn new(root: &str) -> Self {
        Self {
            root: root.to_owned(),
            path: "/publish/epoch/end/".to_owned(),
            field: "data".to_owned(),
            headers: Vec::new(),
            send_as_json: false,
            timeout: TIMEOUT,
            queue: None,
            warned: false,
        }
    }

    /// Where on the server; `/publish/epoch/end/` if not set.
    #[must_use]
    pub fn path(mut self, path: &str) -> Self {
        path.clone_into(&mut self.path);
        self
    }

    /// The field of the form; `data` if not set. JSON has none.
    #[must_use]
    pub fn field(mut self, field: &str) -> Self {
        field.clone_into(&mut self.field);
        self
    }

    /// Adds a header to each request.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Whether the body is JSON instead of a form.
    #[must_use]
    pub fn send_as_json(mut self, json: bool) -> Self {
        self.send_as_json = json;
        self
    }

    /// How long one request may take; 10 seconds if not set.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    fn post(&self) -> Result<Post> {
        if self.timeout.is_zero() {
            bail!("{NAME}: `timeout` must be above 0");
        }
        if self.field.is_empty() && !self.send_as_json {
            bail!("{NAME}: `field` must name the field of the form, got an empty name");
        }
        Post::new(
            format!("{}{}", self.root, self.path),
            self.headers.clone(),
            (!self.send_as_json).then(|| self.field.clone()),
            self.timeout,
        )
    }

    /// Tells of the first failure.
    fn report(&mut self, cx: &Context<'_>) {
        let failed = self.queue.as_mut().and_then(Queue::first_failure);
        if let Some(why) = failed.filter(|_| !self.warned) {
            self.warned = true;
            let text = format!(
                "could not reach {}{}: {why}; training goes on",
                self.root, self.path
            );
            tracing::warn!("{NAME} {text}");
            cx.note(text);
        }
    }
}

/// `epoch`, then the logs.
fn message(epoch: usize, logs: &Logs) -> Result<Value> {
    let mut message = Map::new();
    message.insert("epoch".to_owned(), epoch.into());
    for (name, value) in logs.to_vec()? {
        message.insert(name, value.into());
    }
    Ok(Value::Object(message))
}

impl Callback for RemoteMonitor {
    fn check(&mut self, _: &mut Context<'_>) -> Result<()> {
        self.post().map(drop)
    }

    fn on_train_begin(&mut self, _: &mut Context<'_>, _: &mut Logs) -> Result<()> {
        self.warned = false;
        self.queue = None;
        Ok(())
    }

    fn on_epoch_end(&mut self, epoch: usize, cx: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
        let queue = match self.queue.take() {
            Some(queue) => queue,
            None => Queue::new(self.post()?)?,
        };
        self.queue.insert(queue).push(message(epoch, logs)?.to_string());
        self.report(cx);
        Ok(())
    }

    fn on_train_end(&mut self, cx: &mut Context<'_>, _: &mut Logs) -> Result<()> {
        if let Some(queue) = &mut self.queue {
            queue.finish();
        }
        self.report(cx);
        if let Some(queue) = self.queue.take() {
            let (lost, all) = queue.lost();
            if lost > 0 {
                cx.note(format!(
                    "{lost} of {all} epochs did not reach {}{}",
                    self.root, self.path
                ));
            }
        }
        Ok(())
    }

    fn stands_alone(&self) -> bool {
        true
    }

    fn class_name(&self) -> &str {
        NAME
    }

    fn config(&self) -> Config {
        let headers: Map<String, Value> = self
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), value.as_str().into()))
            .collect();
        let config = Config::new()
            .with("root", self.root.as_str())
            .with("path", self.path.as_str())
            .with("field", self.field.as_str())
            .with("headers", (!headers.is_empty()).then_some(headers))
            .with("send_as_json", self.send_as_json);
        match self.timeout == TIMEOUT {
            true => config,
            false => config.with("timeout", self.timeout.as_secs_f64()),
        }
    }
}
