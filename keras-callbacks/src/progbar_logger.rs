use std::io::Write;
use std::time::Duration;

use keras_core::{Callback, Context, Entry, Logs, Result};

use crate::progress::{Line, Screen};

const NAME: &str = "ProgbarLogger";

/// Shows how a run gets on, on standard output.
///
/// At verbose 1 a terminal shows a line that is redrawn at most ten times a second and stays when the epoch is
/// done; elsewhere, and at verbose 2, each epoch is one line when it is done; at 0 there is nothing:
/// ```text
/// Epoch  6/20  469/469  1.2s  loss 0.0812  accuracy 0.9755  val_loss 0.0874  saving best.keras
/// ```
/// Notes of other callbacks ([`Context::note`](keras_core::Context::note)) end the epoch's line; outside epochs
/// they are lines of their own. Lines never wrap: in a narrow terminal values go on below. Values are read
/// from the device only when they are drawn. `NO_COLOR` and `TERM=dumb` are respected.
///
/// `fit`, `evaluate` and `predict` make one themselves; make your own to show a run elsewhere.
///
/// # Examples
/// ```
/// use keras_callbacks::ProgbarLogger;
/// use keras_core::Fit;
/// let log = std::io::sink(); // a file, a socket, …
/// let fit = Fit::new().verbose(0).callback(ProgbarLogger::new().verbose(2).output(log, None));
/// # drop(fit);
/// ```
#[derive(Debug)]
pub struct ProgbarLogger {
    verbose: Option<u8>,
    screen: Screen,
    level: u8,
    in_fit: bool,
    started: Duration,
    line: Line,
    /// Batches of an epoch and of its validation, learned from the one before.
    steps: Option<usize>,
    validation_steps: Option<usize>,
}

pub(crate) const ENTRY: Entry<dyn Callback> = Entry {
    class_name: NAME,
    module: "keras.callbacks",
    aliases: &["progbar_logger"],
    doc: "Shows how a run gets on.",
    build: |config, _| {
        config.reader(NAME).finish()?;
        Ok(Box::new(ProgbarLogger::new()))
    },
};

impl Default for ProgbarLogger {
    fn default() -> Self {
        Self::new()
    }
}

impl ProgbarLogger {
    /// On standard output, as verbose as the run.
    pub fn new() -> Self {
        Self {
            verbose: None,
            screen: Screen::stdout(),
            level: 0,
            in_fit: false,
            started: Duration::ZERO,
            line: Line::default(),
            steps: None,
            validation_steps: None,
        }
    }

    /// 0 nothing, 1 a live line on terminals, 2 finished lines only; the run's if not set.
    #[must_use]
    pub fn verbose(mut self, verbose: u8) -> Self {
        self.verbose = Some(verbose);
        self
    }

    /// Writes to `out`: as to a terminal with so many columns, or whole lines if `None`.
    #[must_use]
    pub fn output(mut self, out: impl Write + Send + 'static, columns: Option<usize>) -> Self {
        self.screen = Screen::new(out, columns);
        self
    }

    /// Whether to use colours; on standard output if not set, where it is a terminal.
    #[must_use]
    pub fn colour(mut self, colour: bool) -> Self {
        self.screen.set_colour(colour);
        self
    }

    /// The time since some moment in the past, instead of the system's.
    #[must_use]
    pub fn clock(mut self, clock: impl Fn() -> Duration + Send + 'static) -> Self {
        self.screen.set_clock(Box::new(clock));
        self
    }

    fn start(&mut self, head: String, steps: Option<usize>, cx: &Context<'_>) {
        self.level = self.verbose.unwrap_or(cx.params.verbose);
        self.messages(cx);
        self.started = self.screen.now();
        self.line = Line {
            head,
            count: (0, steps),
            ..Line::default()
        };
        if self.due() {
            self.screen.draw(&self.line);
        }
    }

    fn due(&self) -> bool {
        self.level == 1 && self.screen.due()
    }

    fn draw(&mut self, logs: &Logs, prefix: &str) -> Result<()> {
        let values = logs
            .to_vec()?
            .into_iter()
            .map(|(name, value)| (format!("{prefix}{name}"), value));
        self.line.values = values.collect();
        self.line.elapsed = self.screen.now().saturating_sub(self.started);
        self.screen.draw(&self.line);
        Ok(())
    }

    fn batch(&mut self, batch: usize, logs: &Logs) -> Result<()> {
        self.line.count.0 = batch + 1;
        if self.due() { self.draw(logs, "") } else { Ok(()) }
    }

    fn finish(&mut self, logs: &Logs, cx: &Context<'_>) -> Result<()> {
        let notes = cx.take_notes();
        if self.level == 0 {
            return Ok(());
        }
        self.line.values = logs.to_vec()?;
        self.line.notes = notes;
        self.line.elapsed = self.screen.now().saturating_sub(self.started);
        self.line.validation = None;
        self.screen.finish(&self.line);
        Ok(())
    }

    fn messages(&mut self, cx: &Context<'_>) {
        for note in cx.take_notes() {
            if self.level > 0 {
                self.screen.message(&note);
            }
        }
    }
}

impl Callback for ProgbarLogger {
    fn on_train_begin(&mut self, cx: &mut Context<'_>, _: &mut Logs) -> Result<()> {
        self.level = self.verbose.unwrap_or(cx.params.verbose);
        self.in_fit = true;
        self.steps = cx.params.steps;
        self.validation_steps = None;
        self.messages(cx);
        Ok(())
    }

    fn on_epoch_begin(&mut self, epoch: usize, cx: &mut Context<'_>, _: &mut Logs) -> Result<()> {
        let epochs = cx.params.epochs;
        let width = epochs.to_string().len();
        self.start(format!("Epoch {:>width$}/{epochs}", epoch + 1), self.steps, cx);
        Ok(())
    }

    fn on_epoch_resume(
        &mut self,
        epoch: usize,
        step: usize,
        cx: &mut Context<'_>,
        logs: &mut Logs,
    ) -> Result<()> {
        self.on_epoch_begin(epoch, cx, logs)?;
        self.line.count.0 = step;
        Ok(())
    }

    fn on_train_batch_end(&mut self, batch: usize, _: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
        self.batch(batch, logs)
    }

    fn on_epoch_end(&mut self, _: usize, cx: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
        let seen = self.line.count.0;
        if !cx.stopping() {
            self.steps = self.steps.or(Some(seen));
            self.line.count.1 = self.steps;
        }
        self.finish(logs, cx)
    }

    fn on_train_end(&mut self, cx: &mut Context<'_>, _: &mut Logs) -> Result<()> {
        self.messages(cx);
        self.in_fit = false;
        Ok(())
    }

    fn on_test_begin(&mut self, cx: &mut Context<'_>, _: &mut Logs) -> Result<()> {
        if self.in_fit {
            self.line.validation = Some((0, self.validation_steps));
        } else {
            self.start("Evaluate".to_owned(), cx.params.steps, cx);
        }
        Ok(())
    }

    fn on_test_batch_end(&mut self, batch: usize, _: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
        match &mut self.line.validation {
            Some((seen, _)) => *seen = batch + 1,
            None => return self.batch(batch, logs),
        }
        if self.due() {
            self.draw(logs, "val_")
        } else {
            Ok(())
        }
    }

    fn on_test_end(&mut self, cx: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
        match self.line.validation.take() {
            Some((seen, _)) => self.validation_steps = Some(seen),
            None => self.finish(logs, cx)?,
        }
        Ok(())
    }

    fn on_predict_begin(&mut self, cx: &mut Context<'_>, _: &mut Logs) -> Result<()> {
        self.start("Predict".to_owned(), cx.params.steps, cx);
        Ok(())
    }

    fn on_predict_batch_end(&mut self, batch: usize, _: &mut Context<'_>, _: &mut Logs) -> Result<()> {
        self.batch(batch, &Logs::new())
    }

    fn on_predict_end(&mut self, cx: &mut Context<'_>, _: &mut Logs) -> Result<()> {
        self.finish(&Logs::new(), cx)
    }

    fn stands_alone(&self) -> bool {
        true
    }

    fn class_name(&self) -> &str {
        NAME
    }
}
