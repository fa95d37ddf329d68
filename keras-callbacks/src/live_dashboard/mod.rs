//! A page that shows how a run goes.

mod board;
mod request;
mod server;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use keras_core::{Callback, Config, Context, Entry, Logs, Result, bail};
use serde_json::{Value, json};

use crate::state;
use board::{Board, object};
use server::Server;

const NAME: &str = "LiveDashboard";

/// The values within an epoch are shown so often.
const PACE: Duration = Duration::from_millis(250);

/// Serves a page with charts of the run while it goes on, to browsers on this machine.
///
/// A chart for each value with its validation beside it, how far the run is, and how it ended. The page needs nothing
/// from the network, follows the run by itself and survives a reload. It is served from the first `fit` with this
/// callback, or from [`start`](Self::start), as long as a clone of the callback lives: keep one to look at the page after
/// training.
///
/// It listens on 127.0.0.1 alone and refuses requests that pages from elsewhere make a browser send. Other users of the
/// machine can see it. From elsewhere: `ssh -L 8000:127.0.0.1:PORT machine`.
///
/// # Errors
/// Before the first step, when the port is taken.
///
/// # Examples
/// ```
/// use keras_callbacks::LiveDashboard;
/// use keras_core::Fit;
/// let dashboard = LiveDashboard::new();
/// let url = dashboard.start()?;
/// assert!(url.starts_with("http://127.0.0.1:"));
/// let fit = Fit::new().epochs(100).callback(dashboard.clone());
/// # drop(fit);
/// # Ok::<(), keras_core::Error>(())
/// ```
///
/// Not part of Keras.
#[derive(Clone, Debug)]
pub struct LiveDashboard {
    port: u16,
    board: Arc<Board>,
    server: Arc<Mutex<Option<Server>>>,
    resumed: bool,
    shown: Instant,
}

pub(crate) const ENTRY: Entry<dyn Callback> = Entry {
    class_name: NAME,
    module: "keras.callbacks",
    aliases: &["live_dashboard", "dashboard"],
    doc: "Serves a page with charts of the run to browsers on this machine.",
    build: |config, _| {
        let mut reader = config.reader(NAME);
        let port: usize = reader.or("port", 0)?;
        let Ok(port) = u16::try_from(port) else {
            bail!("{NAME}: `port` must be from 0 to 65535, got {port}");
        };
        reader.finish()?;
        Ok(Box::new(LiveDashboard::new().port(port)))
    },
};

impl Default for LiveDashboard {
    fn default() -> Self {
        Self::new()
    }
}

impl LiveDashboard {
    /// On a free port.
    pub fn new() -> Self {
        Self {
            port: 0,
            board: Arc::default(),
            server: Arc::default(),
            resumed: false,
            shown: Instant::now(),
        }
    }

    /// On this port; 0 is a free one.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    fn server(&self) -> MutexGuard<'_, Option<Server>> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Serves the page from now on; gives its address.
    ///
    /// # Errors
    /// When the port is taken.
    pub fn start(&self) -> Result<String> {
        let mut server = self.server();
        let running = match server.take() {
            Some(running) => running,
            None => Server::start(self.port, Arc::clone(&self.board))?,
        };
        Ok(server.insert(running).url())
    }

    /// The address of the page, once it is served.
    pub fn url(&self) -> Option<String> {
        self.server().as_ref().map(Server::url)
    }
}

impl Callback for LiveDashboard {
    fn check(&mut self, cx: &mut Context<'_>) -> Result<()> {
        let url = self.start()?;
        cx.note(format!("dashboard at {url}"));
        Ok(())
    }

    fn on_train_begin(&mut self, cx: &mut Context<'_>, _: &mut Logs) -> Result<()> {
        let resumed = std::mem::take(&mut self.resumed);
        let first = cx.params.initial_epoch;
        self.board.change(|state| {
            state.keep_before(if resumed { usize::MAX } else { first });
            cx.model.name().clone_into(&mut state.model);
            (state.epochs, state.steps) = (cx.params.epochs, cx.params.steps);
            (state.first_epoch, state.epoch, state.batch) = (first, first, 0);
            (state.started, state.outcome) = (Some(Instant::now()), None);
            state.running.clear();
        });
        Ok(())
    }

    fn on_epoch_begin(&mut self, epoch: usize, _: &mut Context<'_>, _: &mut Logs) -> Result<()> {
        self.board.change(|state| (state.epoch, state.batch) = (epoch, 0));
        Ok(())
    }

    fn on_epoch_resume(
        &mut self,
        epoch: usize,
        step: usize,
        _: &mut Context<'_>,
        _: &mut Logs,
    ) -> Result<()> {
        self.board
            .change(|state| (state.epoch, state.batch) = (epoch, step));
        Ok(())
    }

    fn on_train_batch_end(&mut self, batch: usize, _: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
        if self.board.watched() && self.shown.elapsed() >= PACE {
            self.shown = Instant::now();
            let running = object(logs.to_vec()?);
            self.board.change(|state| {
                state.batch = batch + 1;
                state.running = running;
            });
        }
        Ok(())
    }

    fn on_epoch_end(&mut self, epoch: usize, cx: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
        let row = (epoch, object(logs.to_vec()?));
        let steps = cx.params.steps;
        self.board.change(|state| {
            state.rows.push(row);
            state.running.clear();
            (state.epoch, state.batch) = (epoch + 1, 0);
            state.steps = steps;
        });
        Ok(())
    }

    fn on_train_end(&mut self, cx: &mut Context<'_>, _: &mut Logs) -> Result<()> {
        let outcome = cx.outcome().to_string();
        self.board.change(|state| {
            state.elapsed = state
                .started
                .take()
                .map_or(state.elapsed, |start| start.elapsed());
            state.running.clear();
            state.outcome = Some(outcome);
        });
        Ok(())
    }

    fn stands_alone(&self) -> bool {
        true
    }

    fn class_name(&self) -> &str {
        NAME
    }

    fn config(&self) -> Config {
        Config::new().with("port", usize::from(self.port))
    }

    fn state(&self) -> Value {
        self.board.read(|state| json!({ "rows": state.rows }))
    }

    fn load_state(&mut self, state: &Value) -> Result<()> {
        let state = state::object(NAME, state)?;
        let mut reader = state.reader(NAME);
        let mut rows = Vec::new();
        for row in reader.req::<Vec<Value>>("rows")? {
            match (row[0].as_u64(), row[1].as_object()) {
                (Some(epoch), Some(logs)) => rows.push((epoch as usize, logs.clone())),
                _ => bail!("{NAME}: a saved row must be [epoch, logs], got {row}"),
            }
        }
        self.board.change(|state| state.rows = rows);
        self.resumed = true;
        reader.finish()
    }
}
