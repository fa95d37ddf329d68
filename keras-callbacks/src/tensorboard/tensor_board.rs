use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Instant;

use keras_core::config::IntoValue;
use keras_core::{Callback, Config, Context, Entry, Error, Logs, Optimizer, Result, ResultExt, bail};
use serde_json::{Map, Value, json};

use super::event_file::host;
use super::profile::Profile;
use super::writers::Folder;
use super::{SummaryWriter, projector, weights};
use crate::{SaveFreq, folder, state};

const NAME: &str = "TensorBoard";

/// Writes what TensorBoard shows: `tensorboard --logdir logs`.
///
/// Folder `train` gets the training values and the learning rate of each epoch (`epoch_loss`, …), the model's graph,
/// weights as histograms and images; `validation` the values of validation (`epoch_loss`, …) and what each evaluation
/// gave over the optimizer's steps (`evaluation_loss_vs_iterations`, …). With
/// [`update_freq`](Self::update_freq) in batches, `train` also gets the running values after every so many batches
/// (`batch_loss`, …). All is in the files when the next epoch starts.
///
/// Batches of [`profile_batch`](Self::profile_batch) are taken down as a trace in `train/plugins/profile`, to open at
/// `ui.perfetto.dev` or `chrome://tracing`.
///
/// A run that is resumed goes on in the same files: what they say of steps that are trained anew is taken out.
///
/// # Errors
/// Before the first step, when the folder cannot be written or an argument does not fit the model.
///
/// # Examples
/// ```
/// use keras_callbacks::TensorBoard;
/// use keras_core::{Callback, Fit};
/// let board = TensorBoard::new("logs/first").histogram_freq(1).update_freq(100);
/// assert_eq!(board.config().get("update_freq").and_then(|f| f.as_u64()), Some(100));
/// let fit = Fit::new().epochs(10).callback(board);
/// # drop(fit);
/// ```
///
/// # Differs from Keras
/// Histograms need no validation data. Embeddings are written as text that the projector reads. Of the graphs, the
/// one of operations shows layers and their weights, as nothing is traced here. Weights of a Sequential lack the model's
/// name before theirs. With an `update_freq` in batches, Keras leaves out the values of epochs that end between its
/// batches; here they are all written. [`write_gradients`](Self::write_gradients) is not Keras's, and
/// [`hparams`](Self::hparams) is what `hp.KerasCallback` does there.
#[derive(Debug)]
pub struct TensorBoard {
    log_dir: PathBuf,
    histogram_freq: usize,
    write_graph: bool,
    write_images: bool,
    write_steps_per_second: bool,
    update_freq: SaveFreq,
    /// The first and the last batch to profile, counted from 1 through all epochs; 0 is none.
    profile_batch: (u64, u64),
    embeddings_freq: usize,
    /// Null, one file for all layers, or an object of files by layer.
    embeddings_metadata: Value,
    write_gradients: bool,
    hparams: Map<String, Value>,
    root: Folder,
    train: Folder,
    validation: Folder,
    train_batches: u64,
    test_batches: u64,
    training: bool,
    resumed: bool,
    epoch_start: Option<(u64, Instant)>,
    batch_start: Option<Instant>,
    profile: Option<Profile>,
    /// Whether the model keeps gradients for this one.
    keeping: bool,
}

pub(crate) const ENTRY: Entry<dyn Callback> = Entry {
    class_name: NAME,
    module: "keras.callbacks",
    aliases: &["tensor_board", "tensorboard"],
    doc: "Writes what TensorBoard shows: values, graph, histograms, images, embeddings.",
    build: |config, _| {
        let mut reader = config.reader(NAME);
        let update_freq = reader.raw("update_freq").filter(|v| *v != "batch");
        let batch = reader.raw("update_freq").is_some() && update_freq.is_none();
        let metadata = reader.raw("embeddings_metadata").cloned().unwrap_or_default();
        let files = metadata
            .as_object()
            .is_none_or(|map| map.values().all(Value::is_string));
        if !files || !(metadata.is_null() || metadata.is_string() || metadata.is_object()) {
            bail!(
                "{NAME}: `embeddings_metadata` must be a file, or files by the names of layers, got {metadata}"
            );
        }
        let hparams = match reader.raw("hparams") {
            None => Map::new(),
            Some(Value::Object(map)) => map.clone(),
            Some(other) => bail!("{NAME}: `hparams` must be an object of values by name, got {other}"),
        };
        let callback = TensorBoard {
            histogram_freq: reader.or("histogram_freq", 0)?,
            write_graph: reader.or("write_graph", true)?,
            write_images: reader.or("write_images", false)?,
            write_steps_per_second: reader.or("write_steps_per_second", false)?,
            update_freq: match batch {
                true => SaveFreq::Batches(1),
                false => SaveFreq::read(NAME, "update_freq", update_freq)?,
            },
            profile_batch: batches(reader.raw("profile_batch"))?,
            write_gradients: reader.or("write_gradients", false)?,
            embeddings_freq: reader.or("embeddings_freq", 0)?,
            embeddings_metadata: metadata,
            hparams,
            ..TensorBoard::new(reader.or::<String>("log_dir", "logs".to_owned())?)
        };
        reader.finish()?;
        Ok(Box::new(callback))
    },
};

impl TensorBoard {
    /// Writes below `log_dir`.
    pub fn new(log_dir: impl AsRef<Path>) -> Self {
        let log_dir = log_dir.as_ref();
        Self {
            log_dir: log_dir.to_owned(),
            histogram_freq: 0,
            write_graph: true,
            write_images: false,
            write_steps_per_second: false,
            update_freq: SaveFreq::Epoch,
            profile_batch: (0, 0),
            write_gradients: false,
            embeddings_freq: 0,
            embeddings_metadata: Value::Null,
            hparams: Map::new(),
            root: Folder::new(log_dir.to_owned()),
            train: Folder::new(log_dir.join("train")),
            validation: Folder::new(log_dir.join("validation")),
            train_batches: 0,
            test_batches: 0,
            training: false,
            resumed: false,
            epoch_start: None,
            batch_start: None,
            profile: None,
            keeping: false,
        }
    }

    /// Writes histograms of the weights every so many epochs; 0, never, if not set.
    #[must_use]
    pub fn histogram_freq(mut self, epochs: usize) -> Self {
        self.histogram_freq = epochs;
        self
    }

    /// Whether to write the model's graph; so if not set.
    #[must_use]
    pub fn write_graph(mut self, write: bool) -> Self {
        self.write_graph = write;
        self
    }

    /// Whether to write weights also as images, together with the histograms.
    #[must_use]
    pub fn write_images(mut self, write: bool) -> Self {
        self.write_images = write;
        self
    }

    /// Whether to write how many training steps a second took.
    #[must_use]
    pub fn write_steps_per_second(mut self, write: bool) -> Self {
        self.write_steps_per_second = write;
        self
    }

    /// After epochs alone, or also after every so many batches; reading the values makes a step wait for the device.
    #[must_use]
    pub fn update_freq(mut self, freq: impl Into<SaveFreq>) -> Self {
        self.update_freq = freq.into();
        self
    }

    /// Takes down what these batches do, counted from 1 through all epochs: `5..=5`, `10..=20`. None if not set.
    #[must_use]
    pub fn profile_batch(mut self, batches: RangeInclusive<u64>) -> Self {
        self.profile_batch = batches.into_inner();
        self
    }

    /// Whether to write histograms also of the gradients: those of the last batch of the epoch, before clipping,
    /// together with the histograms of the weights.
    #[must_use]
    pub fn write_gradients(mut self, write: bool) -> Self {
        self.write_gradients = write;
        self
    }

    /// Writes the tables of embedding layers for the projector every so many epochs; 0, never, if not set.
    #[must_use]
    pub fn embeddings_freq(mut self, epochs: usize) -> Self {
        self.embeddings_freq = epochs;
        self
    }

    /// The file, within the folder, with a label a line for the rows of every embedding.
    #[must_use]
    pub fn embeddings_metadata(mut self, file: &str) -> Self {
        self.embeddings_metadata = json!(file);
        self
    }

    /// The file with the labels of one layer's rows.
    #[must_use]
    pub fn embeddings_metadata_of(mut self, layer: &str, file: &str) -> Self {
        match &mut self.embeddings_metadata {
            Value::Object(map) => {
                map.insert(layer.to_owned(), json!(file));
            }
            other => *other = json!({ layer: file }),
        }
        self
    }

    /// Writes hyperparameters, by which TensorBoard compares runs whose folders lie beside each other.
    ///
    /// ```
    /// use keras_callbacks::TensorBoard;
    /// let board = TensorBoard::new("logs/wide").hparams([("units", 512)]).hparams([("optimizer", "adam")]);
    /// # drop(board);
    /// ```
    #[must_use]
    pub fn hparams<K: Into<String>, V: IntoValue>(
        mut self,
        hparams: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let hparams = hparams.into_iter();
        self.hparams
            .extend(hparams.map(|(k, v)| (k.into(), v.into_value())));
        self
    }

    /// Whether values are written after this batch.
    fn batch_is_due(&self) -> bool {
        match self.update_freq {
            SaveFreq::Epoch | SaveFreq::Never => false,
            SaveFreq::Batches(every) => self.train_batches.is_multiple_of(every as u64),
        }
    }

    fn write_batch(&mut self, logs: &Logs) -> Result<()> {
        let step = self.train_batches;
        let took = self.batch_start.take().map(|start| start.elapsed().as_secs_f64());
        let writer = self.train.writer()?;
        if let Some(took) = took {
            writer.scalar("batch_steps_per_second", 1. / took, step)?;
        }
        for (name, value) in logs.to_vec()? {
            writer.scalar(&format!("batch_{name}"), value, step)?;
        }
        Ok(())
    }

    fn write_epoch(&mut self, epoch: u64, cx: &Context<'_>, logs: &Logs) -> Result<()> {
        let (mut train, mut validation) = (Vec::new(), Vec::new());
        for (name, value) in logs.to_vec()? {
            match name.strip_prefix("val_") {
                Some(name) => validation.push((name.to_owned(), value)),
                None => train.push((name, value)),
            }
        }
        let optimizer = cx.model.optimizer()?;
        train.retain(|(name, _)| name != "learning_rate");
        train.extend(rates(optimizer)?);
        if let Some((before, start)) = self.epoch_start.take() {
            let steps = (optimizer.iterations() - before) as f64;
            train.push((
                "steps_per_second".to_owned(),
                steps / start.elapsed().as_secs_f64(),
            ));
        }
        scalars(self.train.writer()?, &train, epoch)?;
        match validation.is_empty() {
            true => Ok(()),
            false => scalars(self.validation.writer()?, &validation, epoch),
        }
    }

    fn end_profile(&mut self) -> Result<()> {
        let Some(profile) = self.profile.take() else {
            return Ok(());
        };
        let batches = format!("plugins/profile/batch_{}", self.profile_batch.1);
        let file = format!("{}.trace.json", host());
        profile.finish(&self.train.path().join(batches).join(file))
    }

    fn folders(&mut self) -> [&mut Folder; 3] {
        [&mut self.root, &mut self.train, &mut self.validation]
    }
}

fn scalars(writer: &mut SummaryWriter, values: &[(String, f64)], epoch: u64) -> Result<()> {
    values
        .iter()
        .try_for_each(|(name, value)| writer.scalar(&format!("epoch_{name}"), *value, epoch))
}

/// The learning rate, or of several optimizers in one that of each.
fn rates(optimizer: &dyn Optimizer) -> Result<Vec<(String, f64)>> {
    let parts = optimizer.parts();
    if parts.is_empty() {
        return Ok(vec![("learning_rate".to_owned(), optimizer.learning_rate()?)]);
    }
    let rate = |part: &&dyn Optimizer| {
        let name = format!("learning_rate_{}", part.base().name);
        Ok((name, part.learning_rate()?))
    };
    parts.iter().map(rate).collect()
}

/// Reads `profile_batch`: one number, two, or both as text.
fn batches(value: Option<&Value>) -> Result<(u64, u64)> {
    let wrong = || {
        let got = value.unwrap_or(&Value::Null);
        Error::invalid(format!(
            "{NAME}: `profile_batch` must be a number of a batch, or the first and the last, got {got}"
        ))
    };
    let read = |part: &str| part.trim().parse().map_err(|_| wrong());
    let numbers: Vec<u64> = match value {
        None => vec![0],
        Some(Value::String(text)) => text.split(',').map(read).collect::<Result<_>>()?,
        Some(Value::Array(list)) => list
            .iter()
            .map(|n| n.as_u64().ok_or_else(wrong))
            .collect::<Result<_>>()?,
        Some(one) => vec![one.as_u64().ok_or_else(wrong)?],
    };
    match *numbers.as_slice() {
        [one] => Ok((one, one)),
        [first, last] if first <= last => Ok((first, last)),
        _ => Err(wrong()),
    }
}

fn due(freq: usize, epoch: usize) -> bool {
    freq > 0 && epoch.is_multiple_of(freq)
}

impl Callback for TensorBoard {
    fn check(&mut self, cx: &mut Context<'_>) -> Result<()> {
        match self.update_freq {
            SaveFreq::Batches(0) => bail!("{NAME}: `update_freq` must be 1 batch or more, got 0"),
            SaveFreq::Never => {
                bail!("{NAME}: `update_freq` must be \"epoch\" or a number of batches, got false")
            }
            _ => {}
        }
        if self.profile_batch.1 < self.profile_batch.0 {
            let (first, last) = self.profile_batch;
            bail!("{NAME}: `profile_batch` must be the first and the last batch, got {first} and {last}");
        }
        projector::check(cx.model, &self.embeddings_metadata)?;
        folder::check(&self.log_dir).context(|| NAME)
    }

    fn on_train_begin(&mut self, cx: &mut Context<'_>, _: &mut Logs) -> Result<()> {
        self.training = true;
        if self.write_gradients && self.histogram_freq > 0 {
            cx.model.keep_gradients()?;
            self.keeping = true;
        }
        if std::mem::take(&mut self.resumed) {
            return Ok(());
        }
        self.train_batches = 0;
        for folder in self.folders() {
            *folder = Folder::new(folder.path().to_owned());
        }
        if self.write_graph {
            self.train.writer()?.graph(cx.model)?;
        }
        if !self.hparams.is_empty() {
            self.root.writer()?.hparams(self.hparams.clone())?;
        }
        self.train.flush()?;
        self.root.flush()
    }

    fn on_epoch_resume(
        &mut self,
        epoch: usize,
        _: usize,
        cx: &mut Context<'_>,
        logs: &mut Logs,
    ) -> Result<()> {
        self.on_epoch_begin(epoch, cx, logs)
    }

    fn on_epoch_begin(&mut self, _: usize, cx: &mut Context<'_>, _: &mut Logs) -> Result<()> {
        if self.write_steps_per_second {
            self.epoch_start = Some((cx.model.optimizer()?.iterations(), Instant::now()));
        }
        Ok(())
    }

    fn on_train_batch_begin(&mut self, _: usize, _: &mut Context<'_>, _: &mut Logs) -> Result<()> {
        self.train_batches += 1;
        if self.write_steps_per_second && self.batch_is_due() {
            self.batch_start = Some(Instant::now());
        }
        if self.train_batches == self.profile_batch.0 {
            self.profile = Some(Profile::start());
        }
        if let Some(profile) = &self.profile {
            profile.begin(format!("batch {}", self.train_batches));
        }
        Ok(())
    }

    fn on_train_batch_end(&mut self, _: usize, _: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
        if let Some(profile) = &self.profile {
            profile.end();
            if self.train_batches >= self.profile_batch.1 {
                self.end_profile()?;
            }
        }
        match self.batch_is_due() {
            true => self.write_batch(logs),
            false => Ok(()),
        }
    }

    fn on_test_batch_begin(&mut self, _: usize, _: &mut Context<'_>, _: &mut Logs) -> Result<()> {
        self.test_batches += 1;
        Ok(())
    }

    fn on_test_end(&mut self, cx: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
        let step = cx.model.optimizer()?.iterations();
        let writer = self.validation.writer()?;
        for (name, value) in logs.to_vec()? {
            writer.scalar(&format!("evaluation_{name}_vs_iterations"), value, step)?;
        }
        match self.training {
            true => Ok(()),
            false => self.validation.flush(),
        }
    }

    fn on_epoch_end(&mut self, epoch: usize, cx: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
        let step = epoch as u64;
        self.write_epoch(step, cx, logs)?;
        if due(self.histogram_freq, epoch) {
            let writer = self.train.writer()?;
            weights::write(writer, cx.model, self.write_images, step)?;
            if self.keeping {
                for (path, gradient) in cx.model.gradients()? {
                    writer.histogram(&format!("{path}/gradient"), &gradient, step)?;
                }
            }
        }
        if due(self.embeddings_freq, epoch) {
            projector::write(&self.log_dir, cx.model, &self.embeddings_metadata)?;
        }
        self.train.flush()?;
        self.validation.flush()
    }

    fn on_train_end(&mut self, cx: &mut Context<'_>, _: &mut Logs) -> Result<()> {
        self.training = false;
        if std::mem::take(&mut self.keeping) {
            cx.model.release_gradients()?;
        }
        self.end_profile()?;
        if !self.hparams.is_empty() {
            self.root.writer()?.end_session(cx.outcome().is_done())?;
        }
        self.folders().into_iter().try_for_each(Folder::close)
    }

    fn stands_alone(&self) -> bool {
        true
    }

    fn class_name(&self) -> &str {
        NAME
    }

    fn config(&self) -> Config {
        let config = Config::new()
            .with("log_dir", self.log_dir.display().to_string())
            .with("histogram_freq", self.histogram_freq)
            .with("write_graph", self.write_graph)
            .with("write_images", self.write_images)
            .with("write_steps_per_second", self.write_steps_per_second)
            .with("update_freq", self.update_freq)
            .with(
                "profile_batch",
                match self.profile_batch {
                    (first, last) if first == last => json!(first),
                    (first, last) => json!([first, last]),
                },
            )
            .with("embeddings_freq", self.embeddings_freq)
            .with("embeddings_metadata", self.embeddings_metadata.clone());
        // What Keras does not know is only there when it is used.
        let config = match self.write_gradients {
            false => config,
            true => config.with("write_gradients", true),
        };
        match self.hparams.is_empty() {
            true => config,
            false => config.with("hparams", self.hparams.clone()),
        }
    }

    fn state(&self) -> Value {
        let state = Config::new()
            .with("train_batches", self.train_batches)
            .with("test_batches", self.test_batches)
            .with("root", self.root.state())
            .with("train", self.train.state())
            .with("validation", self.validation.state());
        Value::Object(state.0)
    }

    fn load_state(&mut self, state: &Value) -> Result<()> {
        let state = state::object(NAME, state)?;
        let mut reader = state.reader(NAME);
        self.train_batches = reader.req("train_batches")?;
        self.test_batches = reader.req("test_batches")?;
        self.root.load_state(reader.raw("root"))?;
        self.train.load_state(reader.raw("train"))?;
        self.validation.load_state(reader.raw("validation"))?;
        self.resumed = true;
        reader.finish()
    }
}
