use std::path::{Path, PathBuf};

use keras_core::config::IntoValue;
use keras_core::ops::{DType, Tensor, host};
use keras_core::{Model, Result, bail};

use super::event_file::{EventFile, event};
use super::wire::Message;
use super::{graph, histogram, hparams, png, summary};

/// Writes what TensorBoard shows, from a program's own loop; [`TensorBoard`](crate::TensorBoard) does it for `fit`.
///
/// Each folder is a run, each tag within it a chart whose horizontal axis is the step. What is written reaches the
/// file within ten seconds of training, at [`flush`](Self::flush), and when the writer is dropped.
///
/// # Examples
/// ```
/// use keras_callbacks::SummaryWriter;
/// use keras_core::ops::{Device, Tensor};
/// # let folder = tempfile::tempdir().map_err(keras_core::Error::user)?;
/// # let folder = folder.path();
/// let mut writer = SummaryWriter::new(folder.join("mine"))?;
/// for step in 0..3 {
///     writer.scalar("loss", 1. / (step + 1) as f64, step)?;
/// }
/// writer.histogram("weights", &Tensor::new(&[0f32, 1., 2.], &Device::Cpu)?, 2)?;
/// writer.text("notes", "the **first** try", 0)?;
/// writer.hparams([("learning_rate", 0.1)])?;
/// writer.end_session(true)?;
/// writer.flush()?;
/// assert!(writer.path().metadata().map_err(keras_core::Error::user)?.len() > 500);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Debug)]
pub struct SummaryWriter {
    events: EventFile,
}

/// At most so many images of a batch are kept, as in TensorFlow.
const IMAGES: usize = 3;

impl SummaryWriter {
    /// A new event file in `folder`, which is made if missing.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn new(folder: impl AsRef<Path>) -> Result<Self> {
        let events = EventFile::create(folder.as_ref())?;
        Ok(Self { events })
    }

    /// Goes on with a file that was `length` bytes long; what was written after is forgotten.
    pub(super) fn resume(folder: &Path, name: &str, length: u64) -> Result<Option<Self>> {
        let events = EventFile::resume(folder, name, length)?;
        Ok(events.map(|events| Self { events }))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        self.events.path()
    }

    /// The file's name and its length, once all is written.
    pub(super) fn position(&self) -> (PathBuf, u64) {
        let name = self.path().file_name().map(PathBuf::from);
        (name.unwrap_or_default(), self.events.written())
    }

    /// A number, for the scalars page. Charts have 32 bits of it.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn scalar(&mut self, tag: &str, value: f64, step: u64) -> Result<()> {
        let value = summary::SCALARS.summary(tag, &[], &summary::float(value));
        self.summary(step, &value)
    }

    /// How the numbers of a tensor of any shape are spread: 30 buckets of equal width from the smallest to the largest.
    /// NaN and infinities are left out.
    ///
    /// # Errors
    /// When the file cannot be written or the device fails.
    pub fn histogram(&mut self, tag: &str, values: &Tensor, step: u64) -> Result<()> {
        let buckets = host::read(values, |values: &[f32]| Ok(histogram::buckets(values)))?;
        let value = summary::HISTOGRAMS.summary(tag, &[], &summary::rows(&buckets));
        self.summary(step, &value)
    }

    /// Images.
    ///
    /// # Shapes
    /// `[height, width, channels]`, or `[images, height, width, channels]` of which the first three are kept. 1 channel
    /// is grey, 2 grey and alpha, 3 RGB, 4 RGBA. Floats are from 0 to 1, clipped; `u8` is taken as it is.
    ///
    /// # Errors
    /// When the shape is another or the file cannot be written.
    pub fn image(&mut self, tag: &str, images: &Tensor, step: u64) -> Result<()> {
        let (count, height, width, channels) = match *images.dims() {
            [height, width, channels] => (1, height, width, channels),
            [count, height, width, channels] => (count, height, width, channels),
            _ => (0, 0, 0, 0),
        };
        if count * height * width == 0 || !(1..=4).contains(&channels) {
            bail!(
                "SummaryWriter: image `{tag}`: expected shape [height, width, channels] or [images, height, width, \
                 channels] with 1 to 4 channels, got {:?}",
                images.dims()
            );
        }
        let pixels: Vec<u8> = match images.dtype() {
            DType::U8 => host::read(images, |values: &[u8]| Ok(values.to_vec()))?,
            // As TensorFlow rounds.
            _ => host::read(images, |values: &[f32]| {
                Ok(values.iter().map(|v| (v * 255.5).clamp(0., 255.) as u8).collect())
            })?,
        };
        let mut strings = vec![width.to_string().into_bytes(), height.to_string().into_bytes()];
        for pixels in pixels.chunks(height * width * channels).take(IMAGES) {
            strings.push(png::encode(width, height, pixels)?);
        }
        let value = summary::IMAGES.summary(tag, &[], &summary::strings(&strings));
        self.summary(step, &value)
    }

    /// A text in Markdown.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn text(&mut self, tag: &str, text: &str, step: u64) -> Result<()> {
        let value = summary::TEXT.summary(tag, &[], &summary::string(text));
        self.summary(step, &value)
    }

    /// The hyperparameters of this run: numbers, strings, truth values. TensorBoard compares the runs in folders beside
    /// this one by them and by the scalars in this folder and those below.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn hparams<K: Into<String>, V: IntoValue>(
        &mut self,
        hparams: impl IntoIterator<Item = (K, V)>,
    ) -> Result<()> {
        let hparams = hparams
            .into_iter()
            .map(|(name, value)| (name.into(), value.into_value()));
        let hparams: Vec<_> = hparams.collect();
        self.plugin(hparams::START, &hparams::start(&hparams))
    }

    /// Says that the run of these [`hparams`](Self::hparams) has ended, and whether well.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn end_session(&mut self, success: bool) -> Result<()> {
        self.plugin(hparams::END, &hparams::end(success))
    }

    fn plugin(&mut self, tag: &str, content: &Message) -> Result<()> {
        let content = content.clone().into_bytes();
        let value = summary::HPARAMS.summary(tag, &content, &summary::nothing());
        self.summary(0, &value)
    }

    /// The graph of a model, for the graphs page: layers with their weights, and Keras's "conceptual graph".
    ///
    /// # Errors
    /// When the model cannot be described or the file cannot be written.
    pub fn graph(&mut self, model: &Model) -> Result<()> {
        let config = model.to_config()?;
        let text = summary::string(&config.to_string());
        self.summary(0, &summary::KERAS_MODEL.summary("keras", b"1", &text))?;
        let graph = graph::of(model, &config).into_bytes();
        self.events.push(&event(0).bytes(4, graph))
    }

    fn summary(&mut self, step: u64, summary: &Message) -> Result<()> {
        self.events.push(&event(step).message(5, summary))
    }

    /// Writes what is not in the file yet.
    ///
    /// # Errors
    /// When the disk is full or the file was taken away.
    pub fn flush(&mut self) -> Result<()> {
        self.events.flush()
    }

    pub(super) fn flush_shared(&self) -> Result<()> {
        self.events.flush()
    }
}

impl Drop for SummaryWriter {
    fn drop(&mut self) {
        if let Err(error) = self.flush() {
            tracing::warn!("SummaryWriter: {error}");
        }
    }
}
