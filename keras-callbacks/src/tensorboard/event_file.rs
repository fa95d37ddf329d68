//! The file that TensorBoard reads: records of events, each with checksums.

use std::cell::{Cell, RefCell};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use keras_core::{Error, Result};

use super::wire::Message;
use crate::folder;

/// What is not written yet is written when it has this many bytes, or is this old when more comes.
const BUFFER: usize = 1 << 16;
const AGE: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct EventFile {
    path: PathBuf,
    file: File,
    /// Records not yet written. [`flush`](Self::flush) must do with a shared reference: a callback's state, which
    /// tells the length, is read with one.
    pending: RefCell<Vec<u8>>,
    written: Cell<u64>,
    last: Cell<Instant>,
}

impl EventFile {
    /// A new file in `folder`, which is made if missing.
    pub(super) fn create(folder: &Path) -> Result<Self> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        folder::create(folder)?;
        let name = format!(
            "events.out.tfevents.{}.{}.{}.{}.v2",
            now() as u64,
            host(),
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let path = folder.join(name);
        let file = OpenOptions::new().append(true).create_new(true).open(&path);
        let file = file.map_err(|e| Error::io(&path, "cannot make this file", e))?;
        let mut events = Self::over(path, file, 0);
        let writer = Message::new().bytes(1, "keras-callbacks");
        events.push(&event(0).bytes(3, "brain.Event:2").message(10, &writer))?;
        events.flush()?;
        Ok(events)
    }

    /// Goes on with the file `name` of `folder` after its first `length` bytes; `None` when it is not there or shorter.
    pub(super) fn resume(folder: &Path, name: &str, length: u64) -> Result<Option<Self>> {
        let path = folder.join(name);
        let failed = |e| Error::io(&path, "cannot go on with this file", e);
        let file = match OpenOptions::new().append(true).open(&path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(failed)?,
        };
        if file.metadata().map_err(failed)?.len() < length {
            return Ok(None);
        }
        file.set_len(length).map_err(failed)?;
        Ok(Some(Self::over(path, file, length)))
    }

    fn over(path: PathBuf, file: File, written: u64) -> Self {
        Self {
            path,
            file,
            pending: RefCell::default(),
            written: Cell::new(written),
            last: Cell::new(Instant::now()),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The bytes in the file: of whole records.
    pub(super) fn written(&self) -> u64 {
        self.written.get()
    }

    pub(super) fn push(&mut self, event: &Message) -> Result<()> {
        let pending = self.pending.get_mut();
        record(&event.clone().into_bytes(), pending);
        if pending.len() >= BUFFER || self.last.get().elapsed() >= AGE {
            self.flush()?;
        }
        Ok(())
    }

    /// Writes what is pending. After a failure it is still pending, and the file ends with its last whole record.
    pub(super) fn flush(&self) -> Result<()> {
        let mut pending = self.pending.borrow_mut();
        self.last.set(Instant::now());
        if pending.is_empty() {
            return Ok(());
        }
        if let Err(e) = (&self.file).write_all(&pending) {
            // What the disk took of it would hide all that comes after.
            let _ = self.file.set_len(self.written.get());
            return Err(Error::io(&self.path, "cannot write", e));
        }
        self.written.set(self.written.get() + pending.len() as u64);
        pending.clear();
        Ok(())
    }
}

/// An event of now with nothing in it yet.
pub(super) fn event(step: u64) -> Message {
    let event = Message::new().double(1, now());
    match step {
        0 => event,
        step => event.int(2, step.cast_signed()),
    }
}

/// Seconds since 1970.
pub(super) fn now() -> f64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap_or_default().as_secs_f64()
}

/// The machine's name, for file names alone.
pub(super) fn host() -> String {
    let told = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let told = told.or_else(|| std::env::var("HOSTNAME").ok());
    let name: String = told
        .unwrap_or_default()
        .trim()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    match name.is_empty() {
        true => "localhost".to_owned(),
        false => name,
    }
}

/// Length, checksum of the length, data, checksum of the data.
fn record(data: &[u8], out: &mut Vec<u8>) {
    let length = (data.len() as u64).to_le_bytes();
    out.extend(length);
    out.extend(checksum(&length));
    out.extend(data);
    out.extend(checksum(data));
}

fn checksum(data: &[u8]) -> [u8; 4] {
    let crc = crc32c::crc32c(data);
    crc.rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes()
}
