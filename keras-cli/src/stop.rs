use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether somebody wants this to stop. From then on the signals that say so end it no more, so that what a program did
/// is recorded to its end.
#[derive(Debug, Default)]
pub(crate) struct Stop {
    /// By Ctrl-C: a terminal tells the programs that we started, too.
    interrupted: Arc<AtomicBool>,
    terminated: Arc<AtomicBool>,
}

impl Stop {
    pub(crate) fn watch() -> io::Result<Self> {
        let stop = Self::default();
        #[cfg(unix)]
        for (signal, flag) in [
            (signal_hook::consts::SIGINT, &stop.interrupted),
            (signal_hook::consts::SIGTERM, &stop.terminated),
        ] {
            signal_hook::flag::register(signal, flag.clone())?;
        }
        Ok(stop)
    }

    pub(crate) fn asked(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed) || self.terminated()
    }

    /// The programs that we started have to be told.
    pub(crate) fn terminated(&self) -> bool {
        self.terminated.load(Ordering::Relaxed)
    }
}
