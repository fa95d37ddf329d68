//! Files from the net, kept in a folder.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use keras_core::saving::write_atomic;
use keras_core::{Error, Result};

use super::hash::Hasher;
use super::progress::Progress;

/// Where datasets come from and where they are kept.
///
/// A file is looked for in `datasets` below `KERAS_HOME` (by default `~/.keras`), as Keras does, and downloaded
/// when it is not there or its hash is another; where that fails, a file that is there is used as it is, with a
/// note on standard error. `KERAS_DATASETS_URL` names a mirror that has the files by name.
///
/// # Examples
/// A file that is there already is not downloaded:
/// ```
/// use keras::datasets::Download;
/// let home = tempfile::tempdir().map_err(keras_core::Error::user)?;
/// std::fs::create_dir(home.path().join("datasets")).map_err(keras_core::Error::user)?;
/// std::fs::write(home.path().join("datasets/abc.txt"), "abc").map_err(keras_core::Error::user)?;
/// let file = Download::new().home(home.path()).verbose(false).file(
///     "https://example.com/abc.txt",
///     Some("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
/// )?;
/// assert_eq!(std::fs::read(file).map_err(keras_core::Error::user)?, b"abc");
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Download {
    base_url: Option<String>,
    home: Option<PathBuf>,
    verbose: bool,
}

/// One file of a dataset.
pub(super) struct Remote<'a> {
    pub(super) url: &'a str,
    /// Its name below the folder of datasets; parts are separated by `/`.
    pub(super) name: &'a str,
    /// SHA-256 or, with 32 digits, MD5.
    pub(super) hash: Option<&'a str>,
}

impl Default for Download {
    fn default() -> Self {
        Self::new()
    }
}

impl Download {
    /// As `KERAS_HOME` and `KERAS_DATASETS_URL` say.
    pub fn new() -> Self {
        let set = |key| std::env::var_os(key).filter(|v| !v.is_empty());
        Self {
            base_url: set("KERAS_DATASETS_URL").and_then(|v| v.into_string().ok()),
            home: set("KERAS_HOME").map(PathBuf::from),
            verbose: true,
        }
    }

    /// A mirror: `<base_url>/<file name>` is asked for in place of the original address.
    #[must_use]
    pub fn base_url(mut self, url: &str) -> Self {
        self.base_url = Some(url.to_owned());
        self
    }

    /// The folder that has, or gets, the folder `datasets`.
    #[must_use]
    pub fn home(mut self, folder: impl Into<PathBuf>) -> Self {
        self.home = Some(folder.into());
        self
    }

    /// Whether a download says on standard error how far it is; it does by default.
    #[must_use]
    pub fn verbose(mut self, verbose: bool) -> Self {
        self.verbose = verbose;
        self
    }

    /// The path of a file of your own (`keras.utils.get_file`): the one in the folder when its hash is right or
    /// no other can be had, else downloaded. `hash` is SHA-256 (64 hexadecimal digits) or MD5 (32).
    ///
    /// # Errors
    /// When the file is not there and cannot be had, or what came has another hash; says what to do offline.
    pub fn file(&self, url: &str, hash: Option<&str>) -> Result<PathBuf> {
        let name = url.rsplit('/').next().unwrap_or_default();
        let name = name.split(['?', '#']).next().unwrap_or_default();
        if name.is_empty() || name == ".." {
            return Err(Error::invalid(format!("expected the URL of a file, got `{url}`")));
        }
        self.get(&Remote { url, name, hash })
    }

    pub(super) fn get(&self, remote: &Remote<'_>) -> Result<PathBuf> {
        let path = self.folder()?.join(remote.name);
        if path.is_file() && self.intact(&path, remote.hash)? {
            return Ok(path);
        }
        let folder = path.parent().unwrap_or(&path);
        fs::create_dir_all(folder).map_err(|e| Error::io(folder, "cannot make the folder", e))?;
        let url = self.url(remote);
        match write_atomic(&path, |out| self.fetch(&url, remote, out)) {
            Ok(()) => Ok(path),
            Err(error) if path.is_file() => {
                self.note(&format!("{error}\n  using {} as it is", path.display()));
                Ok(path)
            }
            Err(error) => Err(offline(&url, &path, remote, &error)),
        }
    }

    fn note(&self, text: &str) {
        if self.verbose {
            // A closed standard error is no reason to fail.
            let _ = writeln!(std::io::stderr(), "{text}");
        }
    }

    fn url(&self, remote: &Remote<'_>) -> String {
        let file = remote.url.rsplit('/').next().unwrap_or_default();
        match &self.base_url {
            Some(base) => format!("{}/{file}", base.trim_end_matches('/')),
            None => remote.url.to_owned(),
        }
    }

    fn folder(&self) -> Result<PathBuf> {
        let home = self
            .home
            .clone()
            .or_else(|| Some(std::env::home_dir()?.join(".keras")));
        match home {
            Some(home) => Ok(home.join("datasets")),
            None => Err(Error::invalid(
                "datasets: there is no home folder; set KERAS_HOME",
            )),
        }
    }

    fn intact(&self, path: &Path, hash: Option<&str>) -> Result<bool> {
        let Some(hash) = hash else { return Ok(true) };
        let mut hasher = Hasher::like(hash)?;
        let mut file = File::open(path).map_err(|e| Error::io(path, "cannot read", e))?;
        copy(&mut file, |chunk| hasher.update(chunk)).map_err(|e| Error::io(path, "cannot read", e))?;
        let intact = hasher.digest().eq_ignore_ascii_case(hash);
        if !intact {
            self.note(&format!(
                "{}: not the published file (its hash differs), asking for that",
                path.display()
            ));
        }
        Ok(intact)
    }

    fn fetch(&self, url: &str, remote: &Remote<'_>, out: &mut impl Write) -> Result<()> {
        let mut hasher = remote.hash.map(Hasher::like).transpose()?;
        let config = ureq::Agent::config_builder()
            .timeout_connect(Some(Duration::from_secs(30)))
            .timeout_recv_response(Some(Duration::from_secs(60)));
        let agent: ureq::Agent = config.build().into();
        let mut response = agent.get(url).call().map_err(|e| match e {
            ureq::Error::StatusCode(code) => {
                Error::invalid(format!("the server answered with status {code}"))
            }
            e => Error::invalid(e),
        })?;
        let total = response.body().content_length();
        let mut progress = Progress::new(url, total, self.verbose);
        let mut written = Ok(());
        let received = copy(&mut response.body_mut().as_reader(), |chunk| {
            if written.is_ok() {
                written = out.write_all(chunk);
                progress.add(chunk.len());
                if let Some(hasher) = &mut hasher {
                    hasher.update(chunk);
                }
            }
        });
        written.map_err(|e| Error::invalid(format!("cannot write: {e}")))?;
        let received = received.map_err(|e| Error::invalid(format!("the download broke off: {e}")))?;
        if let Some(total) = total.filter(|t| *t != received) {
            return Err(Error::invalid(format!(
                "the download broke off after {received} of {total} bytes"
            )));
        }
        progress.finish();
        match (hasher.map(Hasher::digest), remote.hash) {
            (Some(got), Some(wanted)) if !got.eq_ignore_ascii_case(wanted) => Err(Error::invalid(format!(
                "expected a file with hash {wanted}, got one with {got}"
            ))),
            _ => Ok(()),
        }
    }
}

fn copy(from: &mut impl Read, mut each: impl FnMut(&[u8])) -> std::io::Result<u64> {
    let (mut buffer, mut total) = (vec![0; 1 << 16], 0);
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(total),
            Ok(n) => {
                each(&buffer[..n]);
                total += n as u64;
            }
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}

fn offline(url: &str, path: &Path, remote: &Remote<'_>, error: &Error) -> Error {
    let hash = remote.hash.map(|h| format!(" (hash {h})")).unwrap_or_default();
    Error::file(
        path,
        format!(
            "not there, and cannot be had from {url}: {error}\n  without a connection: get the file{hash} \
             elsewhere and put it at {}, or set KERAS_HOME to the folder that has `datasets/{}`, or \
             KERAS_DATASETS_URL to a mirror",
            path.display(),
            remote.name
        ),
    )
}
