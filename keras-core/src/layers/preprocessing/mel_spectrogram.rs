//! Sounds as pictures of the loudness of pitches.

use keras_ops::{self as ops, DType, Device, StftOptions, Tensor};

use crate::initializers::Window;
use crate::layer::{Call, Layer, LayerBase, Outputs};
use crate::layers::base::{base_accessors, common_methods, layer_entry, only};
use crate::shape::{self, Dims};
use crate::{Config, Registry, Result, bail};

const CLASS: &str = "MelSpectrogram";

/// The loudness of bands of pitch over time, by the mel scale, in decibels.
///
/// Frames of the signal, centred `sequence_stride` apart, are weighted and transformed (`fft_length` long); magnitudes
/// to the power of `mag_exp` are summed in `num_mel_bins` overlapping triangles from `min_freq` to `max_freq`; then come
/// `10 log10(x / ref_power)`, no less than `top_db` below the loudest.
///
/// # Shapes
/// `(batch, n)` gives `(batch, num_mel_bins, n / sequence_stride + 1)`; a signal `(n,)` has no batch in the output
/// either.
///
/// # Errors
/// When a length is 0, a frame is longer than the transform, or the window is none that Keras's transform knows.
///
/// # Examples
/// ```
/// use keras_core::{Layer, layer::Call, layers::MelSpectrogram};
/// use keras_ops::{Device, Tensor};
/// let tone: Vec<f32> = (0..4000).map(|t| (t as f32 * 0.2).sin()).collect();
/// let layer = MelSpectrogram::new().fft_length(256).sequence_stride(100).num_mel_bins(16);
/// let y = layer.call(&[Tensor::new(tone, &Device::Cpu)?], &mut Call::new(false))?.0.remove(0);
/// assert_eq!(y.dims(), [16, 41]);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Debug)]
pub struct MelSpectrogram {
    base: LayerBase,
    fft_length: usize,
    sequence_stride: usize,
    sequence_length: Option<usize>,
    window: Window,
    sampling_rate: f64,
    num_mel_bins: usize,
    min_freq: f64,
    max_freq: Option<f64>,
    power_to_db: bool,
    top_db: f64,
    mag_exp: f64,
    min_power: f64,
    ref_power: f64,
}

common_methods!(MelSpectrogram);
layer_entry!(MelSpectrogram, "the loudness of bands of pitch over time");

impl Default for MelSpectrogram {
    fn default() -> Self {
        Self {
            base: LayerBase::default(),
            fft_length: 2048,
            sequence_stride: 512,
            sequence_length: None,
            window: Window::default(),
            sampling_rate: 16_000.,
            num_mel_bins: 128,
            min_freq: 20.,
            max_freq: None,
            power_to_db: true,
            top_db: 80.,
            mag_exp: 2.,
            min_power: 1e-10,
            ref_power: 1.,
        }
    }
}

macro_rules! arguments {
    ($($(#[$doc:meta])* $name:ident: $type:ty $(, $wrap:path)?;)*) => {
        impl MelSpectrogram {
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
    /// The length of a transform.
    fft_length: usize;
    /// Samples from one frame to the next.
    sequence_stride: usize;
    /// The length of a frame; that of a transform unless set.
    sequence_length: usize, Some;
    /// The weights of a frame: `hann`, `hamming`, none or your own.
    window: impl Into<Window>;
    /// Samples a second.
    sampling_rate: f64;
    /// The number of bands.
    num_mel_bins: usize;
    /// The lowest frequency.
    min_freq: f64;
    /// The highest frequency; half of the sampling rate unless set.
    max_freq: f64, Some;
    /// Whether to give decibels.
    power_to_db: bool;
    /// The range of loudness below the loudest.
    top_db: f64;
    /// The exponent of magnitudes: 1 for energy, 2 for power.
    mag_exp: f64;
    /// What less power counts as.
    min_power: f64;
    /// The power of 0 decibels.
    ref_power: f64;
}

impl MelSpectrogram {
    /// Keras's defaults: 128 bands of 16 kHz sound.
    pub fn new() -> Self {
        Self::default()
    }

    fn from_config(config: &Config, _registry: &Registry) -> Result<Self> {
        let mut reader = config.reader(CLASS);
        let default = Self::default();
        let layer = Self {
            base: LayerBase::from_reader(&mut reader)?,
            fft_length: reader.or("fft_length", default.fft_length)?,
            sequence_stride: reader.or("sequence_stride", default.sequence_stride)?,
            sequence_length: reader.opt("sequence_length")?.filter(|n| *n > 0),
            window: if reader.is_null("window") {
                Window::None
            } else {
                reader.or("window", default.window)?
            },
            sampling_rate: reader.or("sampling_rate", default.sampling_rate)?,
            num_mel_bins: reader.or("num_mel_bins", default.num_mel_bins)?,
            min_freq: reader.or("min_freq", default.min_freq)?,
            max_freq: reader.opt("max_freq")?.filter(|f| *f != 0.),
            power_to_db: reader.or("power_to_db", default.power_to_db)?,
            top_db: reader.or("top_db", default.top_db)?,
            mag_exp: reader.or("mag_exp", default.mag_exp)?,
            min_power: reader.or("min_power", default.min_power)?,
            ref_power: reader.or("ref_power", default.ref_power)?,
        };
        reader.finish()?;
        layer.check()?;
        Ok(layer)
    }

    fn frame(&self) -> usize {
        self.sequence_length.unwrap_or(self.fft_length)
    }

    fn highest(&self) -> f64 {
        self.max_freq.unwrap_or((self.sampling_rate / 2.).trunc())
    }

    fn check(&self) -> Result<()> {
        let lengths = [self.fft_length, self.sequence_stride, self.num_mel_bins];
        if lengths.contains(&0) {
            bail!(
                "{CLASS}: `fft_length`, `sequence_stride` and `num_mel_bins` must be 1 or more, got {}, {} and {}",
                lengths[0],
                lengths[1],
                lengths[2]
            );
        }
        if self.frame() > self.fft_length {
            bail!(
                "{CLASS}: `fft_length` must be no less than `sequence_length`, got {} and {}",
                self.fft_length,
                self.frame()
            );
        }
        self.stft_window().map(drop)
    }

    fn stft_window(&self) -> Result<ops::Window> {
        match &self.window {
            Window::None => Ok(ops::Window::None),
            Window::Named(name) if name == "hann" => Ok(ops::Window::Hann),
            Window::Named(name) if name == "hamming" => Ok(ops::Window::Hamming),
            Window::Named(name) => {
                bail!("{CLASS}: `window` must be \"hann\", \"hamming\", null or a list, got {name:?}")
            }
            Window::Weights(weights) if weights.len() == self.frame() => {
                Ok(ops::Window::Weights(weights.clone()))
            }
            Window::Weights(weights) => bail!(
                "{CLASS}: `window` must have a weight for each of the {} samples of a frame, got {}",
                self.frame(),
                weights.len()
            ),
        }
    }

    /// How much each frequency counts in each band: `(bins, num_mel_bins)`.
    fn bands(&self, bins: usize) -> Vec<f64> {
        let mel = |hertz: f64| 1127. * (1. + hertz / 700.).ln();
        let (low, high) = (mel(self.min_freq), mel(self.highest()));
        let edge = |i: usize| low + (high - low) * i as f64 / (self.num_mel_bins + 1) as f64;
        let mut weights = vec![0.; bins * self.num_mel_bins];
        // The first frequency, 0, counts in no band.
        for (bin, row) in weights.chunks_exact_mut(self.num_mel_bins).enumerate().skip(1) {
            let pitch = mel(self.sampling_rate / 2. * bin as f64 / (bins as f64 - 1.));
            for (band, weight) in row.iter_mut().enumerate() {
                let [lower, middle, upper] = [edge(band), edge(band + 1), edge(band + 2)];
                let rising = (pitch - lower) / (middle - lower);
                let falling = (upper - pitch) / (upper - middle);
                *weight = rising.min(falling).max(0.);
            }
        }
        weights
    }
}

impl Layer for MelSpectrogram {
    base_accessors!();

    /// The loudest of the batch sets the floor.
    fn mixes_samples(&self) -> bool {
        self.power_to_db
    }

    fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
        self.check()?;
        let input = only(CLASS, inputs)?;
        let Some((samples, lead)) = input.split_last().filter(|_| input.len() <= 2) else {
            bail!(
                "{CLASS}: expected signals (batch, n) or (n,), got shape {}",
                shape::show(input)
            );
        };
        let mirrored = self.fft_length / 2;
        let frames =
            samples.map(|n| (n + 2 * mirrored).saturating_sub(self.fft_length) / self.sequence_stride + 1);
        Ok(vec![[lead, &[Some(self.num_mel_bins), frames]].concat()])
    }

    fn call(&self, inputs: &[Tensor], _cx: &mut Call) -> Result<Outputs> {
        let x = only(CLASS, inputs)?;
        self.compute_output_shape(&[shape::dims_of(x.dims())])?;
        let dtype = self.base.compute_dtype();
        let compute = if dtype == DType::F64 {
            DType::F64
        } else {
            DType::F32
        };
        let options = StftOptions {
            window: self.stft_window()?,
            ..StftOptions::new(self.frame(), self.sequence_stride, self.fft_length)
        };
        let (re, im) = ops::stft(&ops::cast(x, compute)?, &options)?;
        let squared = ops::add(&ops::square(&re)?, &ops::square(&im)?)?;
        let loud = match self.mag_exp {
            2. => squared,
            exponent => {
                let magnitude = ops::sqrt(&squared)?;
                ops::power(&magnitude, &ops::full_like(&magnitude, exponent)?)?
            }
        };
        let bins = self.fft_length / 2 + 1;
        let bands = Tensor::from_vec(self.bands(bins), (bins, self.num_mel_bins), &Device::Cpu)?;
        let bands = ops::cast(&bands, compute)?.to_device(x.device())?;
        let mut y = ops::matmul(&loud, &bands)?;
        if self.power_to_db {
            y = self.decibels(&y)?;
        }
        Ok(ops::cast(&ops::swapaxes(&y, -1, -2)?, dtype)?.into())
    }

    fn config(&self) -> Config {
        Config::new()
            .with("fft_length", self.fft_length)
            .with("sequence_stride", self.sequence_stride)
            .with("sequence_length", self.frame())
            .with("window", self.window.clone())
            .with("sampling_rate", self.sampling_rate)
            .with("num_mel_bins", self.num_mel_bins)
            .with("min_freq", self.min_freq)
            .with("max_freq", self.highest())
            .with("power_to_db", self.power_to_db)
            .with("top_db", self.top_db)
            .with("mag_exp", self.mag_exp)
            .with("min_power", self.min_power)
            .with("ref_power", self.ref_power)
    }
}

impl MelSpectrogram {
    fn decibels(&self, power: &Tensor) -> Result<Tensor> {
        let power = ops::maximum(power, &ops::full_like(power, self.min_power)?)?;
        let reference = 10. * self.ref_power.abs().max(self.min_power).log10();
        let loud = ops::scale_shift(&ops::log10(&power)?, 10., -reference)?;
        // What is quieter than the loudest of all by more than `top_db` counts as that.
        let floor = ops::add_scalar(&ops::max(&loud, None, false)?, -self.top_db)?;
        Ok(ops::maximum(&loud, &floor)?)
    }
}
