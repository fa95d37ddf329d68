//! What a process writes to standard output and standard error, kept with its run and shown as before.

use keras_core::{Error, Result};

use crate::data_dir::DataDir;
use crate::text;

/// What was written, as it came.
pub(crate) const RAW: &str = "console.raw";
/// The most that is kept of it in the end: what came first and, beyond that, what came last.
const HEAD: usize = 1 << 20;
const TAIL: u64 = 3 << 20;

/// The console of a run as it looked.
pub(crate) fn read(data: &DataDir) -> Result<Option<String>> {
    use std::io::{Read, Seek, SeekFrom};
    let path = data.join(RAW);
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = std::fs::File::open(&path)?;
        let length = file.metadata()?.len();
        let mut bytes = Vec::new();
        if length <= HEAD as u64 + TAIL {
            file.read_to_end(&mut bytes)?;
        } else {
            (&mut file).take(HEAD as u64).read_to_end(&mut bytes)?;
            let left_out = length - HEAD as u64 - TAIL;
            bytes.extend(format!("\n… {left_out} bytes left out …\n").as_bytes());
            file.seek(SeekFrom::Start(length - TAIL))?;
            file.read_to_end(&mut bytes)?;
        }
        Ok(bytes)
    };
    match read() {
        Ok(bytes) => Ok(Some(text::console(&bytes))),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Error::io(&path, "cannot read", e)),
    }
}

/// Writes the property `output` from what was kept.
pub(crate) fn write_output(data: &DataDir) -> Result<()> {
    match read(data)? {
        // R reads a file of no lines as no text.
        Some(text) => data.write("properties/output", text.as_bytes()),
        None => Ok(()),
    }
}

#[cfg(unix)]
pub(crate) use unix::Capture;

#[cfg(unix)]
mod unix {
    use std::io::{IsTerminal, Write};
    use std::os::fd::{AsFd, OwnedFd};
    use std::path::Path;
    use std::process::{Child, Command, Stdio};
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::{Duration, Instant};

    use filedescriptor::{FileDescriptor, StdioDescriptor};
    use keras_core::{Error, Result};

    use super::{DataDir, RAW};

    /// A process has one console, so only one run at a time can have it.
    static TAKEN: AtomicBool = AtomicBool::new(false);

    /// Two `tee`s: one from standard output to where that led, one from standard error. They are processes of their own,
    /// so that nothing is lost to screen or record when this one exits in the midst of a run or is killed.
    #[derive(Debug)]
    pub(crate) struct Capture {
        data: DataDir,
        before: [OwnedFd; 2],
        tees: Vec<Child>,
        _taken: Taken,
    }

    #[derive(Debug)]
    struct Taken;

    impl Drop for Taken {
        fn drop(&mut self) {
            TAKEN.store(false, Ordering::Release);
        }
    }

    impl Capture {
        /// `None` when another run of this process has the console, or there is no `tee`.
        pub(crate) fn start(data: &DataDir) -> Option<Self> {
            if TAKEN.swap(true, Ordering::AcqRel) {
                return None;
            }
            let taken = Taken;
            let start = || -> std::io::Result<Self> {
                let path = data.join(RAW);
                std::fs::File::options().append(true).create(true).open(&path)?;
                let before = [
                    std::io::stdout().as_fd().try_clone_to_owned()?,
                    std::io::stderr().as_fd().try_clone_to_owned()?,
                ];
                let (out, first) = tee(&path, &before[0])?;
                let (err, second) = tee(&path, &before[1])?;
                flush();
                let seen = std::io::stdout().is_terminal();
                redirect(&out, &err)?;
                // So that progress is shown as to a person.
                keras_core::console::set_copied(seen);
                Ok(Self {
                    data: data.clone(),
                    before,
                    tees: vec![first, second],
                    _taken: taken,
                })
            };
            match start() {
                Ok(capture) => Some(capture),
                Err(error) => {
                    tracing::debug!("the console is not recorded: {error}");
                    None
                }
            }
        }

        /// Gives the console back and writes what was kept.
        pub(crate) fn finish(mut self) -> Result<()> {
            flush();
            keras_core::console::set_copied(false);
            let [out, err] = &self.before;
            redirect(out, err)
                .map_err(|e| Error::io(self.data.join(RAW), "cannot give the console back", e))?;
            // They end with the last process that has their input: one started by this may outlive it.
            let patience = Instant::now() + Duration::from_secs(2);
            for tee in &mut self.tees {
                while tee.try_wait().is_ok_and(|ended| ended.is_none()) && Instant::now() < patience {
                    std::thread::sleep(Duration::from_micros(200));
                }
            }
            super::write_output(&self.data)
        }
    }

    fn tee(path: &Path, to: &OwnedFd) -> std::io::Result<(std::io::PipeWriter, Child)> {
        let (reader, writer) = std::io::pipe()?;
        // Not ended by the interrupt that ends the program: its last words come after.
        let child = Command::new("tee")
            .arg("-ai")
            .arg(path)
            .stdin(reader)
            .stdout(to.try_clone()?)
            .stderr(Stdio::null())
            .spawn()?;
        Ok((writer, child))
    }

    /// Where standard output and standard error lead from now on.
    fn redirect(out: &impl std::os::fd::AsRawFd, err: &impl std::os::fd::AsRawFd) -> std::io::Result<()> {
        FileDescriptor::redirect_stdio(out, StdioDescriptor::Stdout)
            .and_then(|_| FileDescriptor::redirect_stdio(err, StdioDescriptor::Stderr))
            .map(drop)
            .map_err(std::io::Error::other)
    }

    fn flush() {
        let _ = std::io::stdout().flush();
        let _ = std::io::stderr().flush();
    }
}

/// Not recorded on this system.
#[cfg(not(unix))]
#[derive(Debug)]
pub(crate) struct Capture;

#[cfg(not(unix))]
impl Capture {
    pub(crate) fn start(_: &DataDir) -> Option<Self> {
        None
    }

    pub(crate) fn finish(self) -> Result<()> {
        Ok(())
    }
}
