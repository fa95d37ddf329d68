//! Signals as pictures of their frequencies.

use keras_ops::{self as ops, ConvOptions, DType, FusedActivation, Padding, Tensor};
use serde_json::Value;

use crate::config::{FromValue, IntoValue};
use crate::initializers::{STFT, Scaling, Window};
use crate::layer::{Build, Call, Layer, LayerBase, Outputs, Weight};
use crate::layers::base::{
    DataFormat, base_accessors, cast_input, common_methods, expect_rank, known_size, layer_entry, only,
};
use crate::shape::Dims;
use crate::{Config, Registry, Result, ResultExt, Variable, bail};

const CLASS: &str = "STFTSpectrogram";

/// What [`STFTSpectrogram`] gives of the transform's real part `re` and imaginary part `im`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpectrogramMode {
    /// `ln` of the magnitude.
    #[default]
    Log,
    /// `sqrt(re² + im²)`.
    Magnitude,
    /// The density of power: `re² + im²`, doubled except at both ends.
    Psd,
    /// `re`.
    Real,
    /// `im`.
    Imag,
    /// `atan2(im, re)`.
    Angle,
    /// `re`, then `im`.
    Stft,
}

const MODES: [(SpectrogramMode, &str); 7] = [
    (SpectrogramMode::Log, "log"),
    (SpectrogramMode::Magnitude, "magnitude"),
    (SpectrogramMode::Psd, "psd"),
    (SpectrogramMode::Real, "real"),
    (SpectrogramMode::Imag, "imag"),
    (SpectrogramMode::Angle, "angle"),
    (SpectrogramMode::Stft, "stft"),
];

impl FromValue for SpectrogramMode {
    const EXPECTED: &'static str =
        "\"log\", \"magnitude\", \"psd\", \"real\", \"imag\", \"angle\" or \"stft\"";
    fn from_value(value: &Value) -> Option<Self> {
        let given = value.as_str()?;
        MODES
            .iter()
            .find(|(_, name)| *name == given)
            .map(|(mode, _)| *mode)
    }
}

impl IntoValue for SpectrogramMode {
    fn into_value(self) -> Value {
        let found = MODES.iter().find(|(mode, _)| *mode == self);
        found.map(|(_, name)| *name).into_value()
    }
}

/// The frequencies of signals over time, by a short-time Fourier transform whose kernels are weights and can be
/// trained.
///
/// # Shapes
/// `(batch, n, channels)` gives `(batch, frames, frequencies * channels)`, or with `expand_dims` `(batch, frames,
/// frequencies, channels)`; `frequencies` is `fft_length / 2 + 1`, twice that in the mode `Stft`. The channels are
/// first where `data_format` says so.
///
/// # Errors
/// When lengths contradict each other, or the input is not of floats with three axes.
///
/// # Examples
/// ```
/// use keras_core::Sequential;
/// use keras_core::layers::STFTSpectrogram;
/// let layer = STFTSpectrogram::new().frame_length(64).frame_step(32).expand_dims(true);
/// let model = Sequential::new().input([512, 1]).add(layer).build()?;
/// assert_eq!(model.output_shapes(), [[None, Some(15), Some(33), Some(1)]]);
/// assert_eq!(model.count_params(), 2 * 64 * 33);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Debug)]
pub struct STFTSpectrogram {
    base: LayerBase,
    mode: SpectrogramMode,
    frame_length: usize,
    frame_step: Option<usize>,
    fft_length: Option<usize>,
    window: Window,
    periodic: bool,
    scaling: Scaling,
    padding: Padding,
    expand_dims: bool,
    data_format: DataFormat,
    real: Option<Variable>,
    imag: Option<Variable>,
}

common_methods!(STFTSpectrogram);
layer_entry!(STFTSpectrogram, "the frequencies of signals over time");

impl Default for STFTSpectrogram {
    fn default() -> Self {
        Self {
            base: LayerBase::default(),
            mode: SpectrogramMode::Log,
            frame_length: 256,
            frame_step: None,
            fft_length: None,
            window: Window::default(),
            periodic: false,
            scaling: Scaling::Density,
            padding: Padding::Valid,
            expand_dims: false,
            data_format: DataFormat::default(),
            real: None,
            imag: None,
        }
    }
}

macro_rules! arguments {
    ($($(#[$doc:meta])* $name:ident: $type:ty $(, $wrap:path)?;)*) => {
        impl STFTSpectrogram {
            $(
                $(#[$doc])*
                #[must_use]
                pub fn $name(mut self, $name: $type) -> Self {
                    self.$name = $($wrap)?($name).into();
                    self
                }
            )*
        }
    };
}
arguments! {
    /// What to give.
    mode: SpectrogramMode;
    /// The length of a frame.
    frame_length: usize;
    /// Samples from one frame to the next; half a frame unless set.
    frame_step: usize, Some;
    /// The length of a transform; the next power of two from the frame's unless set.
    fft_length: usize, Some;
    /// The weights of a frame.
    window: impl Into<Window>;
    /// Whether the window goes on where it began.
    periodic: bool;
    /// What the window is divided by.
    scaling: Scaling;
    /// Whether frames may reach beyond the ends.
    padding: Padding;
    /// Whether frequencies and channels have an axis each.
    expand_dims: bool;
    /// Where the channels are.
    data_format: DataFormat;
}

impl STFTSpectrogram {
    /// Keras's defaults: the logarithm of magnitudes of frames of 256.
    pub fn new() -> Self {
        Self::default()
    }

    fn from_config(config: &Config, _registry: &Registry) -> Result<Self> {
        let mut reader = config.reader(CLASS);
        let default = Self::default();
        let layer = Self {
            base: LayerBase::from_reader(&mut reader)?,
            mode: reader.or("mode", default.mode)?,
            frame_length: reader.or("frame_length", default.frame_length)?,
            frame_step: reader.opt("frame_step")?,
            fft_length: reader.opt("fft_length")?,
            window: if reader.is_null("window") {
                Window::None
            } else {
                reader.or("window", default.window)?
            },
            periodic: reader.or("periodic", false)?,
            scaling: if reader.is_null("scaling") {
                Scaling::None
            } else {
                reader.or("scaling", default.scaling)?
            },
            padding: reader.or("padding", default.padding)?,
            expand_dims: reader.or("expand_dims", false)?,
            data_format: reader.or_null("data_format", DataFormat::default())?,
            real: None,
            imag: None,
        };
        reader.finish()?;
        layer.check()?;
        Ok(layer)
    }

    fn step(&self) -> usize {
        self.frame_step.unwrap_or(self.frame_length / 2)
    }

    fn bins(&self) -> usize {
        self.fft_length.unwrap_or(self.frame_length.next_power_of_two()) / 2 + 1
    }

    fn check(&self) -> Result<()> {
        let (frame, step) = (self.frame_length, self.step());
        if step == 0 || step > frame {
            bail!("{CLASS}: `frame_step` must be 1 up to `frame_length` ({frame}), got {step}");
        }
        if let Some(fft) = self.fft_length.filter(|fft| *fft < frame) {
            bail!("{CLASS}: `fft_length` must be no less than `frame_length` ({frame}), got {fft}");
        }
        if !matches!(self.padding, Padding::Valid | Padding::Same) {
            bail!(
                "{CLASS}: `padding` must be \"valid\" or \"same\", got {:?}",
                self.padding
            );
        }
        let window = self.window.weights(frame, self.periodic);
        window.map(drop).context(|| format!("{CLASS}: `window`"))
    }

    fn channels_first(&self) -> bool {
        self.data_format == DataFormat::ChannelsFirst
    }

    /// A part of the transform: (batch, channels, frames, frequencies).
    fn part(&self, x: &Tensor, kernel: &Option<Variable>) -> Result<Tensor> {
        let (batch, channels, samples) = x.dims3()?;
        let signals = ops::reshape(x, &[(batch * channels) as i64, samples as i64, 1])?;
        let kernel = ops::cast(&self.base.value(kernel)?, x.dtype())?;
        let options = ConvOptions {
            strides: [self.step()],
            padding: self.padding,
            ..ConvOptions::default()
        };
        let y = ops::conv1d(&signals, &kernel, None, &options, FusedActivation::Linear)?;
        let (_, frames, bins) = y.dims3()?;
        Ok(ops::reshape(
            &y,
            &[batch, channels, frames, bins].map(|n| n as i64),
        )?)
    }

    fn arranged(&self, y: &Tensor) -> Result<Tensor> {
        let (batch, channels, frames, bins) = y.dims4()?;
        let joined = |y: &Tensor, a: usize, b: usize| ops::reshape(y, &[batch, a, b].map(|n| n as i64));
        Ok(match (self.channels_first(), self.expand_dims) {
            (true, true) => y.clone(),
            (false, true) => ops::transpose(y, &[0, 2, 3, 1])?,
            (false, false) => joined(&ops::transpose(y, &[0, 2, 1, 3])?, frames, channels * bins)?,
            (true, false) => joined(&ops::transpose(y, &[0, 1, 3, 2])?, channels * bins, frames)?,
        })
    }

    fn spectrum(&self, x: &Tensor) -> Result<Tensor> {
        use SpectrogramMode as Mode;
        let part = |kernel: &Option<Variable>| self.part(x, kernel);
        match self.mode {
            Mode::Real => return part(&self.real),
            Mode::Imag => return part(&self.imag),
            Mode::Stft => return Ok(ops::concatenate(&[&part(&self.real)?, &part(&self.imag)?], -1)?),
            Mode::Angle => return Ok(ops::arctan2(&part(&self.imag)?, &part(&self.real)?)?),
            Mode::Log | Mode::Magnitude | Mode::Psd => {}
        }
        let power = ops::add(
            &ops::square(&part(&self.real)?)?,
            &ops::square(&part(&self.imag)?)?,
        )?;
        if self.mode == Mode::Psd {
            let bins = power.dims()[3];
            let inner = ops::narrow(&power, 3, 1.min(bins), bins.saturating_sub(2))?;
            let ends = (bins - inner.dims()[3]).min(2);
            let inner = ops::pad(
                &inner,
                &[(0, 0), (0, 0), (0, 0), (ends.min(1), ends - ends.min(1))],
                0.,
            )?;
            return Ok(ops::add(&power, &inner)?);
        }
        let least = |x: &Tensor| ops::maximum(x, &ops::full_like(x, ops::EPSILON)?);
        let magnitude = ops::sqrt(&least(&power)?)?;
        match self.mode {
            Mode::Log => Ok(ops::log(&least(&magnitude)?)?),
            _ => Ok(magnitude),
        }
    }
}

impl Layer for STFTSpectrogram {
    base_accessors!();

    fn build(&mut self, inputs: &[Dims], cx: &Build) -> Result<()> {
        self.compute_output_shape(inputs)?;
        let shape = [self.frame_length, 1, self.bins()];
        let kernel = |imaginary| STFT {
            imaginary,
            window: self.window.clone(),
            scaling: self.scaling,
            periodic: self.periodic,
        };
        if self.mode != SpectrogramMode::Imag {
            let weight = Weight::new("real_kernel", &shape).initializer(kernel(false));
            self.real = Some(self.base.add_weight(weight, cx)?);
        }
        if self.mode != SpectrogramMode::Real {
            let weight = Weight::new("imag_kernel", &shape).initializer(kernel(true));
            self.imag = Some(self.base.add_weight(weight, cx)?);
        }
        Ok(())
    }

    fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
        self.check()?;
        let input = only(CLASS, inputs)?;
        expect_rank(CLASS, input, 3)?;
        let (at, of) = if self.channels_first() { (1, 2) } else { (2, 1) };
        let channels = known_size(CLASS, input, at, "channel")?;
        if let Some(n) = input[of].filter(|n| self.padding == Padding::Valid && *n < self.frame_length) {
            bail!(
                "{CLASS}: signals of {n} samples are shorter than `frame_length` ({})",
                self.frame_length
            );
        }
        let frames = input[of].map(|n| match self.padding {
            Padding::Same => n.div_ceil(self.step()),
            _ => (n - self.frame_length) / self.step() + 1,
        });
        let bins = self.bins() * if self.mode == SpectrogramMode::Stft { 2 } else { 1 };
        let (batch, all) = (input[0], Some(bins * channels));
        Ok(vec![match (self.channels_first(), self.expand_dims) {
            (true, true) => vec![batch, Some(channels), frames, Some(bins)],
            (false, true) => vec![batch, frames, Some(bins), Some(channels)],
            (false, false) => vec![batch, frames, all],
            (true, false) => vec![batch, all, frames],
        }])
    }

    fn call(&self, inputs: &[Tensor], _cx: &mut Call) -> Result<Outputs> {
        let x = only(CLASS, inputs)?;
        if !x.dtype().is_float() {
            bail!(
                "{CLASS}: expected signals of floats, got {}; cast them first",
                ops::dtype_name(x.dtype())
            );
        }
        let x = cast_input(&self.base, x)?;
        expect_rank(CLASS, &crate::shape::dims_of(x.dims()), 3)?;
        let x = if self.channels_first() {
            x
        } else {
            ops::transpose(&x, &[0, 2, 1])?
        };
        Ok(self.arranged(&self.spectrum(&x)?)?.into())
    }

    fn compute_output_dtype(&self, _inputs: &[DType]) -> DType {
        self.base.compute_dtype()
    }

    fn config(&self) -> Config {
        Config::new()
            .with("mode", self.mode)
            .with("frame_length", self.frame_length)
            .with("frame_step", self.frame_step)
            .with("fft_length", self.fft_length)
            .with("window", self.window.clone())
            .with("periodic", self.periodic)
            .with("scaling", self.scaling)
            .with("padding", self.padding)
            .with("data_format", self.data_format)
            .with("expand_dims", self.expand_dims)
    }
}
