//! The writers of a run's folders.

use std::path::PathBuf;

use keras_core::{Result, bail};
use serde_json::{Value, json};

use super::SummaryWriter;

/// A folder whose event file is made when first needed, or gone on with.
#[derive(Debug, Default)]
pub(super) struct Folder {
    path: PathBuf,
    writer: Option<SummaryWriter>,
    /// Where the file stood when it was closed or saved.
    place: Option<(String, u64)>,
}

impl Folder {
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            writer: None,
            place: None,
        }
    }

    pub(super) fn writer(&mut self) -> Result<&mut SummaryWriter> {
        let writer = match (self.writer.take(), self.place.take()) {
            (Some(writer), _) => writer,
            (None, None) => SummaryWriter::new(&self.path)?,
            (None, Some((name, length))) => match SummaryWriter::resume(&self.path, &name, length)? {
                Some(writer) => writer,
                None => SummaryWriter::new(&self.path)?,
            },
        };
        Ok(self.writer.insert(writer))
    }

    pub(super) fn path(&self) -> &std::path::Path {
        &self.path
    }

    pub(super) fn flush(&mut self) -> Result<()> {
        self.writer.as_mut().map_or(Ok(()), SummaryWriter::flush)
    }

    pub(super) fn close(&mut self) -> Result<()> {
        self.flush()?;
        self.place = self.place();
        self.writer = None;
        Ok(())
    }

    fn place(&self) -> Option<(String, u64)> {
        match &self.writer {
            Some(writer) => {
                // What fails here fails again at the next flush, which can tell.
                let _ = writer.flush_shared();
                let (name, length) = writer.position();
                Some((name.display().to_string(), length))
            }
            None => self.place.clone(),
        }
    }

    pub(super) fn state(&self) -> Value {
        self.place()
            .map_or(Value::Null, |(name, length)| json!([name, length]))
    }

    pub(super) fn load_state(&mut self, state: Option<&Value>) -> Result<()> {
        self.writer = None;
        self.place = match state {
            None | Some(Value::Null) => None,
            Some(place) => match (place[0].as_str(), place[1].as_u64()) {
                (Some(name), Some(length)) => Some((name.to_owned(), length)),
                _ => bail!("TensorBoard: the place in an event file must be [name, length], got {place}"),
            },
        };
        Ok(())
    }
}
