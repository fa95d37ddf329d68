use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

use keras_core::{Callback, Config, Context, Entry, Error, Logs, Params, Result, ResultExt, bail};

use serde_json::{Value, json};

use crate::{folder, state};

const NAME: &str = "CSVLogger";

/// Writes a row for each epoch to a CSV file.
///
/// Columns: `epoch`, counted from 0, then the logs by name. What an epoch lacks reads `NA`. Each row is on
/// disk when the next epoch starts. Appending to a file goes on with its columns. Training that goes on from a
/// checkpoint goes on with the file, without the rows that were written after the checkpoint.
///
/// # Errors
/// Before the first step, when the file cannot be written or the columns of the file to append to are others.
///
/// # Examples
/// ```
/// use keras_callbacks::CSVLogger;
/// use keras_core::Fit;
/// let fit = Fit::new().epochs(10).callback(CSVLogger::new("training.csv").separator(';').append(true));
/// # drop(fit);
/// ```
#[derive(Debug)]
pub struct CSVLogger {
    filename: PathBuf,
    separator: char,
    append: bool,
    columns: Vec<String>,
    writer: Option<csv::Writer<File>>,
    /// The bytes of the file that count, where training goes on.
    resumed: Option<u64>,
}

pub(crate) const ENTRY: Entry<dyn Callback> = Entry {
    class_name: NAME,
    module: "keras.callbacks",
    aliases: &["csv_logger"],
    doc: "Writes a row for each epoch to a CSV file.",
    build: |config, _| {
        let mut reader = config.reader(NAME);
        let separator: String = reader.or("separator", ",".to_owned())?;
        let mut chars = separator.chars();
        let (Some(separator), None) = (chars.next(), chars.next()) else {
            bail!("{NAME}: `separator` must be one character, got {separator:?}");
        };
        let callback = CSVLogger::new(reader.req::<String>("filename")?)
            .separator(separator)
            .append(reader.or("append", false)?);
        reader.finish()?;
        Ok(Box::new(callback))
    },
};

impl CSVLogger {
    /// Writes to `filename`, which is replaced if it exists.
    pub fn new(filename: impl AsRef<Path>) -> Self {
        Self {
            filename: filename.as_ref().to_owned(),
            separator: ',',
            append: false,
            columns: Vec::new(),
            writer: None,
            resumed: None,
        }
    }

    /// What stands between the columns; a comma if not set.
    #[must_use]
    pub fn separator(mut self, separator: char) -> Self {
        self.separator = separator;
        self
    }

    /// Whether to go on with the file if it exists.
    #[must_use]
    pub fn append(mut self, append: bool) -> Self {
        self.append = append;
        self
    }

    fn delimiter(&self) -> Result<u8> {
        match u8::try_from(self.separator) {
            Ok(byte) if byte.is_ascii() && !b"\"\r\n".contains(&byte) => Ok(byte),
            _ => bail!(
                "{NAME}: cannot separate columns by {:?}; use `,`, `;` or a tab",
                self.separator
            ),
        }
    }

    /// The columns of the file to append to; none if it is new, empty or to be replaced.
    fn existing(&self) -> Result<Vec<String>> {
        if !self.append || !self.filename.exists() {
            return Ok(Vec::new());
        }
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(self.delimiter()?)
            .from_path(&self.filename)
            .map_err(|e| self.error("cannot read", &e))?;
        let header = reader.headers().map_err(|e| self.error("cannot read", &e))?;
        Ok(header.iter().map(str::to_owned).collect())
    }

    fn open(&self) -> Result<File> {
        let file = OpenOptions::new().append(true).create(true).open(&self.filename);
        file.map_err(|e| Error::io(&self.filename, "cannot write", e).context(NAME))
    }

    fn start(&mut self) -> Result<csv::Writer<File>> {
        let resumed = self.resumed.take();
        if resumed.is_none() {
            self.columns = self.existing()?;
        }
        let file = self.open()?;
        if let Some(bytes) = resumed.or((!self.append).then_some(0)) {
            self.cut(&file, bytes)?;
        }
        Ok(csv::WriterBuilder::new()
            .delimiter(self.delimiter()?)
            .flexible(true)
            .from_writer(file))
    }

    /// Takes away what was written after the checkpoint that training goes on from, or everything.
    fn cut(&self, file: &File, bytes: u64) -> Result<()> {
        let cannot = |e| Error::io(&self.filename, "cannot shorten", e).context(NAME);
        let found = file.metadata().map_err(cannot)?.len();
        if found < bytes {
            let message = format!(
                "has {found} bytes, but had {bytes} when the checkpoint was saved; put it back, or train from the \
                 beginning"
            );
            return Err(Error::file(&self.filename, message).context(NAME));
        }
        file.set_len(bytes).map_err(cannot)
    }

    fn row(&self, epoch: usize, logs: &Logs) -> Result<Vec<String>> {
        let cell = |name: &String| match name.as_str() {
            "epoch" => Ok(epoch.to_string()),
            name => Ok(logs.get(name)?.map_or("NA".to_owned(), |value| value.to_string())),
        };
        self.columns.iter().map(cell).collect()
    }

    fn write(&mut self, row: &[String]) -> Result<()> {
        if let Some(writer) = &mut self.writer {
            let written = writer.write_record(row).and_then(|()| Ok(writer.flush()?));
            written.map_err(|e| self.error("cannot write", &e))?;
        }
        Ok(())
    }

    fn error(&self, what: &str, error: &csv::Error) -> Error {
        Error::file(&self.filename, format!("{what}: {error}")).context(NAME)
    }
}

/// `epoch`, and what the run logs by name: all that it will, so that a first epoch without validation still
/// gets the columns.
fn columns(params: &Params, logs: &Logs) -> Vec<String> {
    let mut names = params.epoch_names();
    names.extend(logs.names());
    names.sort();
    names.dedup();
    names.insert(0, "epoch".to_owned());
    names
}

impl Callback for CSVLogger {
    fn check(&mut self, cx: &mut Context<'_>) -> Result<()> {
        if self.filename.as_os_str().is_empty() {
            bail!("{NAME}: `filename` must name a file, got an empty path");
        }
        self.delimiter()?;
        folder::check(folder::of(&self.filename)).context(|| NAME)?;
        let existing = self.existing()?;
        let names = columns(cx.params, &Logs::new());
        if let Some(missing) = names
            .iter()
            .find(|n| !existing.is_empty() && !existing.contains(n))
        {
            let message = format!(
                "has no column `{missing}`, which this run logs; its columns are {}. Use another file, or \
                 append(false) to replace it",
                existing.join(", ")
            );
            return Err(Error::file(&self.filename, message).context(NAME));
        }
        self.open().map(drop)
    }

    fn on_train_begin(&mut self, _: &mut Context<'_>, _: &mut Logs) -> Result<()> {
        self.writer = Some(self.start()?);
        Ok(())
    }

    fn on_epoch_end(&mut self, epoch: usize, cx: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
        if self.columns.is_empty() {
            self.columns = columns(cx.params, logs);
            let header = self.columns.clone();
            self.write(&header)?;
        }
        self.write(&self.row(epoch, logs)?)
    }

    fn on_train_end(&mut self, _: &mut Context<'_>, _: &mut Logs) -> Result<()> {
        self.writer = None;
        Ok(())
    }

    fn stands_alone(&self) -> bool {
        true
    }

    fn class_name(&self) -> &str {
        NAME
    }

    fn config(&self) -> Config {
        Config::new()
            .with("filename", self.filename.display().to_string())
            .with("separator", self.separator.to_string())
            .with("append", self.append)
    }

    fn state(&self) -> Value {
        let meta = self.writer.as_ref().map(|writer| writer.get_ref().metadata());
        let bytes = meta.and_then(|meta| meta.ok()).map_or(0, |meta| meta.len());
        json!({"bytes": bytes, "columns": self.columns})
    }

    fn load_state(&mut self, state: &Value) -> Result<()> {
        let state = state::object(NAME, state)?;
        let mut reader = state.reader(NAME);
        self.resumed = Some(reader.req("bytes")?);
        self.columns = reader.req("columns")?;
        reader.finish()
    }
}
