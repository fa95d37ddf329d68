use std::io::Write;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use keras_callbacks::ProgbarLogger;
use keras_core::{Callback, LogSource, Logs, Result};

use crate::run::{Run, logs};

#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A display on paper, with a clock that only the test moves.
struct Stage {
    page: Page,
    clock: Arc<AtomicU64>,
    bar: ProgbarLogger,
    run: Run,
}

impl Stage {
    fn new(columns: Option<usize>, verbose: u8) -> Self {
        let (page, clock) = (Page::default(), Arc::new(AtomicU64::new(0)));
        let time = clock.clone();
        let bar = ProgbarLogger::new()
            .output(page.clone(), columns)
            .clock(move || Duration::from_millis(time.load(Ordering::Relaxed)))
            .verbose(verbose);
        Self {
            page,
            clock,
            bar,
            run: Run::new(&["loss", "accuracy", "val_loss", "val_accuracy"]),
        }
    }

    fn pass(&self, ms: u64) {
        self.clock.fetch_add(ms, Ordering::Relaxed);
    }

    /// What was written since the last call.
    fn text(&self) -> String {
        String::from_utf8(std::mem::take(&mut *self.page.0.lock().unwrap())).unwrap()
    }

    fn begin(&mut self, epoch: usize) -> Result<()> {
        self.bar
            .on_epoch_begin(epoch, &mut self.run.cx(), &mut Logs::new())
    }

    fn batch(&mut self, batch: usize, loss: f64) -> Result<()> {
        let mut logs = logs(&[("loss", loss), ("accuracy", 0.9755)]);
        self.bar.on_train_batch_end(batch, &mut self.run.cx(), &mut logs)
    }

    fn end(&mut self, epoch: usize) -> Result<()> {
        let values = [
            ("loss", 0.0812),
            ("accuracy", 0.9755),
            ("val_loss", 0.0874),
            ("val_accuracy", 0.9741),
        ];
        self.bar
            .on_epoch_end(epoch, &mut self.run.cx(), &mut logs(&values))
    }

    fn fit(&mut self, first: usize) -> Result<()> {
        self.bar.on_train_begin(&mut self.run.cx(), &mut Logs::new())?;
        self.begin(first)?;
        for batch in 0..4 {
            self.pass(300);
            self.batch(batch, 0.5)?;
        }
        self.run.cx().note("saved best.keras");
        self.end(first)
    }
}

const LINE: &str = "Epoch  6/20  4/4  1.2s  loss 0.0812  accuracy 0.9755  val_loss 0.0874  \
                    val_accuracy 0.9741  saved best.keras\n";

#[test]
fn without_a_terminal_each_epoch_is_one_line() -> Result<()> {
    for verbose in [1, 2] {
        let mut stage = Stage::new(None, verbose);
        stage.fit(5)?;
        assert_eq!(stage.text(), LINE);
    }
    let mut stage = Stage::new(Some(120), 2);
    stage.fit(5)?;
    assert_eq!(stage.text(), LINE);
    Ok(())
}

#[test]
fn verbose_0_is_silent() -> Result<()> {
    let mut stage = Stage::new(Some(120), 0);
    stage.fit(5)?;
    stage.run.cx().note("never shown");
    stage.bar.on_train_end(&mut stage.run.cx(), &mut Logs::new())?;
    assert_eq!(stage.text(), "");
    Ok(())
}

#[test]
fn a_terminal_shows_the_epoch_growing() -> Result<()> {
    let mut stage = Stage::new(Some(120), 1);
    stage.bar.on_train_begin(&mut stage.run.cx(), &mut Logs::new())?;
    stage.begin(5)?;
    assert_eq!(stage.text(), "\rEpoch  6/20  0/4  ────────────────────    0%");
    stage.pass(1000);
    stage.batch(0, 0.5)?;
    let live = "\rEpoch  6/20  1/4  ━━━━━───────────────   25%  ETA 3s  loss 0.5000  accuracy 0.9755";
    assert_eq!(stage.text(), live);
    stage.pass(200);
    stage.run.cx().note("saved best.keras");
    stage.end(5)?;
    let blank = " ".repeat(live.chars().count() - 1);
    assert_eq!(stage.text(), format!("\r{blank}\r{}", LINE.replace("4/4", "1/4")));
    Ok(())
}

/// Values that count how often they are read.
struct Counted(AtomicUsize);

impl LogSource for Counted {
    fn names(&self) -> Vec<String> {
        vec!["loss".to_owned()]
    }
    fn value(&self, _: usize) -> Result<f64> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(0.5)
    }
}

#[test]
fn at_most_ten_redraws_a_second_and_values_are_read_only_then() -> Result<()> {
    let mut stage = Stage::new(Some(100), 1);
    stage.run.params.steps = Some(5000);
    let source = Arc::new(Counted(AtomicUsize::new(0)));
    stage.bar.on_train_begin(&mut stage.run.cx(), &mut Logs::new())?;
    stage.begin(0)?;
    for batch in 0..5000 {
        stage.pass(1);
        let mut lazy = Logs::lazy(source.clone());
        stage
            .bar
            .on_train_batch_end(batch, &mut stage.run.cx(), &mut lazy)?;
    }
    let draws = stage.text().matches('\r').count();
    assert_eq!(draws, 51, "one at the start and ten a second for five seconds");
    assert_eq!(source.0.load(Ordering::Relaxed), 50);
    Ok(())
}

#[test]
fn short_epochs_do_not_redraw_more_often() -> Result<()> {
    let mut stage = Stage::new(Some(100), 1);
    stage.bar.on_train_begin(&mut stage.run.cx(), &mut Logs::new())?;
    for epoch in 0..99 {
        stage.begin(epoch)?;
        stage.pass(1);
        stage.batch(0, 0.5)?;
        stage.end(epoch)?;
    }
    let text = stage.text();
    assert_eq!(text.matches('\n').count(), 99);
    assert_eq!(
        text.matches('━').count() + text.matches('─').count(),
        20,
        "drawn once"
    );
    Ok(())
}

/// The rows of a terminal of this width after everything was written; a line that wraps is a failure.
fn rows(text: &str, columns: usize) -> Vec<String> {
    let mut rows = vec![Vec::new()];
    let mut at = 0;
    for c in text.chars() {
        let row: &mut Vec<char> = rows.last_mut().unwrap();
        match c {
            '\r' => at = 0,
            '\n' => {
                rows.push(Vec::new());
                at = 0;
            }
            c => {
                assert!(at + 1 < columns, "wraps: {text:?}");
                row.resize(row.len().max(at + 1), ' ');
                row[at] = c;
                at += 1;
            }
        }
    }
    rows.iter()
        .map(|row| row.iter().collect::<String>().trim_end().to_owned())
        .collect()
}

#[test]
fn lines_never_wrap() -> Result<()> {
    let epoch = |columns| -> Result<Vec<String>> {
        let mut stage = Stage::new(Some(columns), 1);
        stage.fit(5)?;
        stage
            .run
            .cx()
            .note("Stopped after epoch 6: val_loss has not improved for 3 epochs.");
        stage.bar.on_train_end(&mut stage.run.cx(), &mut Logs::new())?;
        Ok(rows(&stage.text(), columns))
    };
    for columns in 2..130 {
        let all = epoch(columns)?.concat().replace(' ', "");
        for part in [
            "Epoch6/20",
            "loss0.0812",
            "val_accuracy0.9741",
            "savedbest.keras",
            "for3epochs.",
        ] {
            assert!(all.contains(part), "{columns} columns lost {part}: {all}");
        }
    }
    assert_eq!(
        epoch(60)?,
        [
            "Epoch  6/20  4/4  1.2s  loss 0.0812  accuracy 0.9755",
            "                        val_loss 0.0874",
            "                        val_accuracy 0.9741",
            "                        saved best.keras",
            "Stopped after epoch 6: val_loss has not improved for 3",
            "epochs.",
            ""
        ]
    );
    Ok(())
}

#[test]
fn live_lines_leave_out_what_does_not_fit() -> Result<()> {
    let live = |columns: usize| -> Result<String> {
        let mut stage = Stage::new(Some(columns), 1);
        stage.bar.on_train_begin(&mut stage.run.cx(), &mut Logs::new())?;
        stage.begin(5)?;
        stage.text();
        stage.pass(1000);
        stage.batch(1, 0.5)?;
        Ok(stage.text().trim().to_owned())
    };
    assert_eq!(
        live(70)?,
        "Epoch  6/20  2/4  ━━━────   50%  ETA 1s  loss 0.5000  accuracy 0.9755"
    );
    assert_eq!(
        live(66)?,
        "Epoch  6/20  2/4   50%  ETA 1s  loss 0.5000  accuracy 0.9755"
    );
    assert_eq!(live(50)?, "Epoch  6/20  2/4   50%  ETA 1s  loss 0.5000");
    assert_eq!(live(20)?, "Epoch  6/20  2/4");
    assert_eq!(live(6)?, "Epoch");
    Ok(())
}

#[test]
fn wide_characters_count_twice() -> Result<()> {
    let mut stage = Stage::new(Some(31), 1);
    let mut wide = logs(&[("損失の値の名前", 1.)]);
    stage.bar.on_train_begin(&mut stage.run.cx(), &mut Logs::new())?;
    stage.begin(5)?;
    stage.text();
    stage.bar.on_epoch_end(5, &mut stage.run.cx(), &mut wide)?;
    let text = stage.text();
    let lines: Vec<&str> = text.rsplit('\r').next().unwrap().lines().collect();
    assert_eq!(lines, ["Epoch  6/20  0/4  1ms", "損失の値の名前 1.0000"]);
    Ok(())
}

#[test]
fn an_unknown_number_of_batches_is_learned() -> Result<()> {
    let mut stage = Stage::new(Some(100), 1);
    stage.run.params.steps = None;
    stage.bar.on_train_begin(&mut stage.run.cx(), &mut Logs::new())?;
    stage.begin(0)?;
    stage.pass(1500);
    stage.batch(6, 0.5)?;
    assert!(
        stage
            .text()
            .ends_with("\rEpoch  1/20  7  1.5s  loss 0.5000  accuracy 0.9755")
    );
    stage.end(0)?;
    assert!(stage.text().contains("\rEpoch  1/20  7/7  1.5s  loss 0.0812"));
    stage.pass(1000);
    stage.begin(1)?;
    assert_eq!(stage.text(), "\rEpoch  2/20  0/7  ────────────────────    0%");
    Ok(())
}

#[test]
fn validation_is_shown_while_it_runs() -> Result<()> {
    let mut stage = Stage::new(Some(120), 1);
    stage.bar.on_train_begin(&mut stage.run.cx(), &mut Logs::new())?;
    for (epoch, shown) in [(0, "validation 3"), (1, "validation 3/3")] {
        stage.begin(epoch)?;
        stage.batch(3, 0.5)?;
        stage.bar.on_test_begin(&mut stage.run.cx(), &mut Logs::new())?;
        for batch in 0..3 {
            stage.pass(150);
            stage
                .bar
                .on_test_batch_end(batch, &mut stage.run.cx(), &mut logs(&[("loss", 0.25)]))?;
        }
        stage
            .bar
            .on_test_end(&mut stage.run.cx(), &mut logs(&[("loss", 0.25)]))?;
        let text = stage.text();
        let live = format!("Epoch {:>2}/20  4/4  {shown}  val_loss 0.2500", epoch + 1);
        assert_eq!(text.rsplit('\r').next().map(str::trim_end), Some(live.as_str()));
        stage.end(epoch)?;
        stage.text();
    }
    Ok(())
}

#[test]
fn evaluate_and_predict_are_one_line() -> Result<()> {
    let mut stage = Stage::new(None, 1);
    stage.bar.on_test_begin(&mut stage.run.cx(), &mut Logs::new())?;
    for batch in 0..4 {
        stage.pass(50);
        stage
            .bar
            .on_test_batch_end(batch, &mut stage.run.cx(), &mut logs(&[("loss", 0.3)]))?;
    }
    stage.bar.on_test_end(
        &mut stage.run.cx(),
        &mut logs(&[("loss", 0.25), ("mae", 0.00012)]),
    )?;
    assert_eq!(stage.text(), "Evaluate  4/4  0.2s  loss 0.2500  mae 1.2000e-04\n");

    stage
        .bar
        .on_predict_begin(&mut stage.run.cx(), &mut Logs::new())?;
    for batch in 0..4 {
        stage.pass(25_000);
        stage
            .bar
            .on_predict_batch_end(batch, &mut stage.run.cx(), &mut Logs::new())?;
    }
    stage.bar.on_predict_end(&mut stage.run.cx(), &mut Logs::new())?;
    assert_eq!(stage.text(), "Predict  4/4  1m 40s\n");
    Ok(())
}

#[test]
fn colours_dim_names_and_take_no_room() -> Result<()> {
    let mut plain = Stage::new(Some(40), 2);
    plain.fit(5)?;
    let mut coloured = Stage::new(Some(40), 2);
    coloured.bar = std::mem::take(&mut coloured.bar)
        .output(coloured.page.clone(), Some(40))
        .colour(true)
        .verbose(2);
    coloured.fit(5)?;
    let text = coloured.text();
    assert!(text.contains("\x1b[2mloss \x1b[0m0.0812"), "{text:?}");
    let stripped = text.replace("\x1b[2m", "").replace("\x1b[0m", "");
    assert_eq!(stripped.lines().count(), plain.text().lines().count());
    Ok(())
}

#[test]
fn a_closed_pipe_does_not_end_the_run() -> Result<()> {
    struct Closed;
    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut stage = Stage::new(None, 2);
    stage.bar = ProgbarLogger::new().output(Closed, Some(80)).verbose(1);
    stage.fit(0)
}

#[test]
fn an_interrupted_line_is_ended() -> Result<()> {
    let mut stage = Stage::new(Some(80), 1);
    stage.begin(0)?;
    stage.bar = ProgbarLogger::new();
    assert!(stage.text().ends_with('\n'));
    Ok(())
}
