#![doc = include_str!("../docs/devices.md")]

use std::sync::Mutex;

pub use candle_core::Device;
use candle_core::Result;

/// What a device is called: `cpu`, `cuda:0`, `metal:1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceName {
    /// The host.
    Cpu,
    /// A CUDA GPU by index.
    Cuda(usize),
    /// A Metal GPU by index.
    Metal(usize),
}

impl std::str::FromStr for DeviceName {
    type Err = candle_core::Error;

    fn from_str(text: &str) -> Result<Self> {
        let lower = text.trim().to_ascii_lowercase();
        let (kind, index) = lower.split_once(':').unwrap_or((&lower, "0"));
        let index: Option<usize> = index.parse().ok();
        match (kind, index) {
            ("cpu", _) => Ok(Self::Cpu),
            ("cuda" | "gpu", Some(i)) => Ok(Self::Cuda(i)),
            ("metal", Some(i)) => Ok(Self::Metal(i)),
            _ => candle_core::bail!(
                "device: expected `cpu`, `cuda:<index>` or `metal:<index>`, got `{text}` (from KERAS_DEVICE \
                 or an argument)"
            ),
        }
    }
}

impl std::fmt::Display for DeviceName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Cpu => write!(f, "cpu"),
            Self::Cuda(i) => write!(f, "cuda:{i}"),
            Self::Metal(i) => write!(f, "metal:{i}"),
        }
    }
}

static OPEN: Mutex<Vec<(DeviceName, Device)>> = Mutex::new(Vec::new());

/// Opens a device by name, once: every later call returns the same one.
///
/// candle treats two handles opened apart as different devices, so always come through here.
///
/// # Errors
/// When the name is malformed, the feature for that hardware is not compiled in, or no such device answers.
///
/// ```
/// let cpu = keras_ops::device("cpu")?;
/// assert!(cpu.is_cpu());
/// assert!(keras_ops::device("tpu").is_err());
/// # Ok::<(), candle_core::Error>(())
/// ```
pub fn device(name: &str) -> Result<Device> {
    open(name.parse()?)
}

fn open(name: DeviceName) -> Result<Device> {
    let mut opened = OPEN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some((_, device)) = opened.iter().find(|(n, _)| *n == name) {
        return Ok(device.clone());
    }
    let device = make(name)?;
    opened.push((name, device.clone()));
    Ok(device)
}

fn make(name: DeviceName) -> Result<Device> {
    let made = match name {
        DeviceName::Cpu => return Ok(Device::Cpu),
        DeviceName::Cuda(i) if cfg!(feature = "cuda") => Device::new_cuda(i),
        // candle panics instead of failing where the machine has no Metal device at all.
        DeviceName::Metal(i) if cfg!(feature = "metal") => std::panic::catch_unwind(|| Device::new_metal(i))
            .unwrap_or_else(|_| Err(candle_core::Error::msg("no Metal device found"))),
        DeviceName::Cuda(_) => candle_core::bail!(
            "device {name}: this program was built without CUDA; build it with `--features cuda`"
        ),
        DeviceName::Metal(_) => candle_core::bail!(
            "device {name}: this program was built without Metal; build it with `--features metal`"
        ),
    };
    made.map_err(|e| candle_core::Error::msg(format!("device {name} does not answer: {e}")))
}

/// Chooses a device: `KERAS_DEVICE` when set, else the first CUDA GPU, else Metal, else the CPU, by what is
/// compiled in and answers.
///
/// # Errors
/// Only when `KERAS_DEVICE` names a device that cannot be had.
pub fn auto() -> Result<Device> {
    match std::env::var("KERAS_DEVICE") {
        Ok(name) if !name.is_empty() => device(&name),
        _ => {
            let first = [DeviceName::Cuda(0), DeviceName::Metal(0)];
            Ok(first
                .into_iter()
                .find_map(|name| open(name).ok())
                .unwrap_or(Device::Cpu))
        }
    }
}

/// `Device::auto()` for candle's own type.
pub trait DeviceExt: Sized {
    /// [`auto`].
    ///
    /// # Errors
    /// Only when `KERAS_DEVICE` names a device that cannot be had.
    ///
    /// ```
    /// use keras_ops::{Device, DeviceExt};
    /// let device = Device::auto()?;
    /// assert!(device.same_device(&Device::auto()?)); // made once
    /// # Ok::<(), candle_core::Error>(())
    /// ```
    fn auto() -> Result<Self>;
}

impl DeviceExt for Device {
    fn auto() -> Result<Self> {
        auto()
    }
}
