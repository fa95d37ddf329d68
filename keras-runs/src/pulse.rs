//! Signs that a run's program lives: a lock that ends with the process, and a heartbeat for other machines.

use std::fs::{self, File, TryLockError};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use keras_core::{Error, Result};
use serde_json::{Value, json};

use crate::data_dir::DataDir;
use crate::folder::{now, since_epoch};

/// Seconds from beat to beat.
const BEAT: u64 = 10;
/// Seconds without a beat after which a program on another machine counts as killed.
const LOST: f64 = 60.;

/// Held by a running run.
#[derive(Debug)]
pub(crate) struct Pulse {
    stop: Arc<(Mutex<bool>, Condvar)>,
    thread: Option<JoinHandle<()>>,
    /// The system takes the lock away when the process ends, however it ends.
    _lock: File,
}

impl Pulse {
    /// Takes the lock in a folder that nobody else knows of yet, or takes over the lock of a run that has ended.
    pub(crate) fn take(data: &DataDir) -> Result<File> {
        let path = data.join("lock");
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|e| Error::io(&path, "cannot make the file", e))?;
        // Somebody who looks whether the run lives holds it for a moment.
        for attempt in 0.. {
            match lock.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if attempt < 20 => std::thread::sleep(Duration::from_millis(5)),
                Err(TryLockError::WouldBlock) => {
                    return Err(Error::file(path, "another program is writing this run"));
                }
                // A file system without locks: the heartbeat has to do.
                Err(TryLockError::Error(_)) => break,
            }
        }
        let content = json!({"pid": std::process::id(), "host": host_name()});
        data.write("lock.json", format!("{content}\n").as_bytes())?;
        Ok(lock)
    }

    /// Beats until it is dropped.
    pub(crate) fn start(data: DataDir, lock: File) -> Self {
        let stop = Arc::new((Mutex::new(false), Condvar::new()));
        let told = stop.clone();
        let beating = move || {
            let (flag, wake) = &*told;
            let mut stopped = flag.lock().unwrap_or_else(PoisonError::into_inner);
            while !*stopped {
                // Whoever writes what matters will hear of a full disk.
                let _ = beat(&data);
                let waited = wake.wait_timeout(stopped, Duration::from_secs(BEAT));
                stopped = waited.unwrap_or_else(PoisonError::into_inner).0;
            }
        };
        let thread = std::thread::Builder::new()
            .name("keras-run".to_owned())
            .spawn(beating);
        Self {
            stop,
            thread: thread.ok(),
            _lock: lock,
        }
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        *self.stop.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.stop.1.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn beat(data: &DataDir) -> Result<()> {
    data.write("heartbeat", format!("{}\n", now()).as_bytes())
}

/// What the signs say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    Lives,
    Gone,
    /// A record without signs, as R writes it.
    Unknown,
}

impl Life {
    pub(crate) fn of(data: &DataDir) -> Self {
        let holder = data.value("lock.json").unwrap_or_default();
        let here = holder.get("host").and_then(Value::as_str) == Some(&host_name());
        if here && let Ok(lock) = File::open(data.join("lock")) {
            match lock.try_lock_shared() {
                Ok(()) => return Self::Gone,
                Err(TryLockError::WouldBlock) => return Self::Lives,
                Err(TryLockError::Error(_)) => {}
            }
        }
        let beat = fs::read_to_string(data.join("heartbeat"));
        match beat.ok().and_then(|text| text.trim().parse::<f64>().ok()) {
            Some(at) if since_epoch().as_secs_f64() - at < LOST => Self::Lives,
            Some(_) => Self::Gone,
            None => Self::Unknown,
        }
    }
}

/// The name of this machine, or of this container.
pub(crate) fn host_name() -> String {
    static NAME: OnceLock<String> = OnceLock::new();
    let ask = || {
        let told = fs::read_to_string("/proc/sys/kernel/hostname").ok();
        let told = told.or_else(|| std::env::var("COMPUTERNAME").ok());
        told.or_else(|| {
            let answer = std::process::Command::new("uname").arg("-n").output().ok()?;
            String::from_utf8(answer.stdout).ok()
        })
    };
    NAME.get_or_init(|| ask().unwrap_or_default().trim().to_owned())
        .clone()
}
