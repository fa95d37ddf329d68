use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::Child;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// How long to wait, after a program's end, for what its own children still print.
const PATIENCE: Duration = Duration::from_secs(2);

/// How much of the end of a text is looked at.
const LAST: usize = 4096;

/// What a program prints, on its way to the record and the screen.
#[derive(Debug)]
pub(super) struct Console(Receiver<String>);

impl Console {
    pub(super) fn record(child: &mut Child, data_dir: &Path, shown: bool) -> io::Result<Self> {
        let open = || {
            File::options()
                .create(true)
                .append(true)
                .open(data_dir.join("console.raw"))
        };
        let (done, waiting) = channel();
        if let Some(stdout) = child.stdout.take() {
            let screen = shown.then(|| Box::new(io::stdout()) as Box<dyn Write + Send>);
            let done = done.clone();
            tee(stdout, open()?, screen, move |_| drop(done.send(String::new())));
        }
        if let Some(stderr) = child.stderr.take() {
            let screen = shown.then(|| Box::new(io::stderr()) as Box<dyn Write + Send>);
            tee(stderr, open()?, screen, move |last| drop(done.send(last)));
        }
        Ok(Self(waiting))
    }

    /// Waits until all is written; gives the last that went to standard error.
    pub(super) fn end(self) -> String {
        let mut last = String::new();
        while let Ok(text) = self.0.recv_timeout(PATIENCE) {
            last += &text;
        }
        last
    }
}

/// The program is not to stop because its record or its reader went away.
fn tee(
    mut from: impl Read + Send + 'static,
    mut record: File,
    mut screen: Option<Box<dyn Write + Send>>,
    ended: impl FnOnce(String) + Send + 'static,
) {
    std::thread::spawn(move || {
        let mut bytes = [0; 8192];
        let mut last = Vec::new();
        loop {
            let part = match from.read(&mut bytes) {
                Ok(0) => break,
                Ok(n) => bytes.get(..n).unwrap_or_default(),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => break,
            };
            let _ = record.write_all(part);
            last.extend_from_slice(part);
            last.drain(..last.len().saturating_sub(LAST));
            if let Some(writer) = &mut screen
                && writer.write_all(part).and_then(|()| writer.flush()).is_err()
            {
                screen = None;
            }
        }
        ended(String::from_utf8_lossy(&last).into_owned());
    });
}
