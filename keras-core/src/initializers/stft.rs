//! Kernels of short-time Fourier transforms.

use keras_ops::{DType, Device, Tensor};
use serde_json::Value;

use super::{entry, windows};
use crate::config::{FromValue, IntoValue};
use crate::{Config, Entry, Error, Initializer, Result, ResultExt, bail};

/// The weights of a frame of a signal.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Window {
    /// One of SciPy's windows, by name: `hann`, `hamming`, `blackman`, …
    Named(String),
    /// One weight for each element of a frame.
    Weights(Vec<f64>),
    /// No weighting.
    None,
}

impl Default for Window {
    fn default() -> Self {
        Self::Named("hann".to_owned())
    }
}

impl From<&str> for Window {
    fn from(name: &str) -> Self {
        Self::Named(name.to_owned())
    }
}

impl From<Vec<f64>> for Window {
    fn from(weights: Vec<f64>) -> Self {
        Self::Weights(weights)
    }
}

impl FromValue for Window {
    const EXPECTED: &'static str = "the name of a window, a list of weights or null";
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Null => Some(Self::None),
            Value::String(name) => Some(Self::Named(name.clone())),
            other => Vec::from_value(other).map(Self::Weights),
        }
    }
}

impl IntoValue for Window {
    fn into_value(self) -> Value {
        match self {
            Self::Named(name) => name.into(),
            Self::Weights(weights) => weights.as_slice().into_value(),
            Self::None => Value::Null,
        }
    }
}

impl Window {
    /// The weights of a frame of `n` elements; `None` where all are 1.
    ///
    /// # Errors
    /// When the name is unknown, or there are not `n` weights.
    pub fn weights(&self, n: usize, periodic: bool) -> Result<Option<Vec<f64>>> {
        match self {
            Self::None => Ok(None),
            Self::Named(name) => match windows::window(name, n, periodic) {
                Some(weights) => Ok(Some(weights)),
                None => Err(Error::unknown("window", name, windows::names())),
            },
            Self::Weights(weights) if weights.len() == n => Ok(Some(weights.clone())),
            Self::Weights(weights) => bail!(
                "`window` has {} weights, but a frame has {n} elements: give a weight for each",
                weights.len()
            ),
        }
    }
}

/// How a window is made comparable to others: divided by its norm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scaling {
    /// By the root of the sum of squares.
    #[default]
    Density,
    /// By the sum of absolute values.
    Spectrum,
    /// Not at all.
    None,
}

impl FromValue for Scaling {
    const EXPECTED: &'static str = "\"density\", \"spectrum\" or null";
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Null => Some(Self::None),
            Value::String(name) if name == "density" => Some(Self::Density),
            Value::String(name) if name == "spectrum" => Some(Self::Spectrum),
            _ => None,
        }
    }
}

impl IntoValue for Scaling {
    fn into_value(self) -> Value {
        match self {
            Self::Density => "density".into(),
            Self::Spectrum => "spectrum".into(),
            Self::None => Value::Null,
        }
    }
}

/// The real or the imaginary part of a Fourier transform as a kernel: `cos` or `sin` of `-2 pi t f / n`, times a
/// window.
///
/// For kernels (frame, 1, n / 2 + 1), those of [`STFTSpectrogram`](crate::layers::STFTSpectrogram).
///
/// ```
/// use keras_core::{Initializer, initializers::{STFT, Window}};
/// use keras_ops::{DType, Device};
/// let x = STFT { window: Window::None, ..STFT::default() }.call(&[2, 1, 3], DType::F32, &Device::Cpu)?;
/// let x = x.flatten_all()?.to_vec1::<f32>()?; // cos 0 three times, then cos 0, cos pi/2, cos pi
/// assert!(x.iter().zip([1., 1., 1., 1., 0., -1.]).all(|(a, b)| (a - b).abs() < 1e-6));
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct STFT {
    /// Whether the kernel is of the imaginary part.
    pub imaginary: bool,
    /// The weights of a frame.
    pub window: Window,
    /// What the window is divided by.
    pub scaling: Scaling,
    /// Whether the window goes on where it began.
    pub periodic: bool,
}

impl Initializer for STFT {
    fn call(&self, shape: &[usize], dtype: DType, device: &Device) -> Result<Tensor> {
        let &[frame, 1, bins] = shape else {
            bail!("STFT: expected the shape (frame, 1, bins) of a kernel, got {shape:?}");
        };
        let weights = self.window.weights(frame, self.periodic);
        let weights = match weights.context(|| "STFT")? {
            Some(weights) => {
                let norm = match self.scaling {
                    Scaling::Density => weights.iter().map(|w| w * w).sum::<f64>().sqrt(),
                    Scaling::Spectrum => weights.iter().map(|w| w.abs()).sum(),
                    Scaling::None => 1.,
                };
                weights.into_iter().map(|w| w / norm).collect()
            }
            None => vec![1.; frame],
        };
        let length = 2 * (bins.max(2) - 1);
        let mut values = Vec::with_capacity(frame * bins);
        for (time, weight) in weights.iter().enumerate() {
            // Whole turns are left out, so that the angles stay small and exact.
            let turn = |bin: usize| -std::f64::consts::TAU * ((time * bin) % length) as f64 / length as f64;
            let part = |bin: usize| {
                if self.imaginary {
                    turn(bin).sin()
                } else {
                    turn(bin).cos()
                }
            };
            values.extend((0..bins).map(|bin| weight * part(bin)));
        }
        Ok(Tensor::from_vec(values, shape, &Device::Cpu)?
            .to_dtype(dtype)?
            .to_device(device)?)
    }

    fn config(&self) -> Config {
        Config::new()
            .with("side", if self.imaginary { "imag" } else { "real" })
            .with("window", self.window.clone())
            .with("periodic", self.periodic)
            .with("scaling", self.scaling)
    }
}

pub(super) const ENTRY: Entry<dyn Initializer> = entry(
    "STFT",
    &["stft", "STFTInitializer"],
    "Kernels of short-time Fourier transforms.",
    |config, _| {
        let mut r = config.reader("STFT");
        let side: String = r.or("side", "real".to_owned())?;
        if side != "real" && side != "imag" {
            bail!("STFT: `side` must be \"real\" or \"imag\", got {side:?}");
        }
        let initializer = STFT {
            imaginary: side == "imag",
            window: if r.is_null("window") {
                Window::None
            } else {
                r.or("window", Window::default())?
            },
            scaling: if r.is_null("scaling") {
                Scaling::None
            } else {
                r.or("scaling", Scaling::default())?
            },
            periodic: r.or("periodic", false)?,
        };
        r.finish()?;
        if matches!(initializer.window, Window::Named(_)) {
            initializer
                .window
                .weights(1, false)
                .context(|| "STFT: `window`")?;
        }
        Ok(Box::new(initializer))
    },
);
