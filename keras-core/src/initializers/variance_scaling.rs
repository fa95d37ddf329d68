use keras_ops::{DType, Device, Tensor, random};

use super::{axes_value, compute_fans, draw, entry};
use crate::{Config, Entry, Initializer, Result, bail};

/// What a [`VarianceScaling`] divides by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum FanMode {
    /// The number of inputs.
    #[default]
    FanIn,
    /// The number of outputs.
    FanOut,
    /// Their mean.
    FanAvg,
}

/// What a [`VarianceScaling`] draws from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Distribution {
    /// Normal, within two standard deviations.
    #[default]
    TruncatedNormal,
    /// Normal.
    UntruncatedNormal,
    /// Uniform.
    Uniform,
}

/// Random numbers of mean 0 and variance `scale / n`, where `n` is a weight's number of inputs, outputs, or
/// the mean of both (see [`compute_fans`]).
///
/// ```
/// use keras_core::{Initializer, initializers::{Distribution, VarianceScaling}};
/// use keras_ops::{DType, Device};
/// let he = VarianceScaling { scale: 2., distribution: Distribution::Uniform, ..Default::default() };
/// let x = he.call(&[600, 5], DType::F32, &Device::Cpu)?.flatten_all()?.to_vec1::<f32>()?;
/// assert!(x.iter().all(|x| x.abs() <= 0.1)); // sqrt(3 * 2 / 600)
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct VarianceScaling {
    /// The factor; 1 unless set.
    pub scale: f64,
    /// What the variance is divided by.
    pub mode: FanMode,
    /// What is drawn from.
    pub distribution: Distribution,
    /// The same numbers at every call; `None` for others each time.
    pub seed: Option<u64>,
    /// The axes of inputs, if not by convention; used when both are given.
    pub input_axes: Option<Vec<i64>>,
    /// The axes of outputs, if not by convention; used when both are given.
    pub output_axes: Option<Vec<i64>>,
}

impl Default for VarianceScaling {
    fn default() -> Self {
        let (mode, distribution) = Default::default();
        Self {
            scale: 1.,
            mode,
            distribution,
            seed: None,
            input_axes: None,
            output_axes: None,
        }
    }
}

impl Initializer for VarianceScaling {
    fn call(&self, shape: &[usize], dtype: DType, device: &Device) -> Result<Tensor> {
        // The standard deviation of a standard normal distribution cut off at 2.
        const TRUNCATED: f64 = 0.879_625_661_034_239_8;
        if self.scale <= 0. || self.scale.is_nan() {
            bail!(
                "VarianceScaling: `scale` must be greater than 0, got {}",
                self.scale
            );
        }
        let (inputs, outputs) = compute_fans(shape, self.input_axes.as_deref(), self.output_axes.as_deref())?;
        let fan = match self.mode {
            FanMode::FanIn => inputs as f64,
            FanMode::FanOut => outputs as f64,
            FanMode::FanAvg => (inputs + outputs) as f64 / 2.,
        };
        let (variance, seed) = (self.scale / fan.max(1.), draw(self.seed));
        Ok(match self.distribution {
            Distribution::TruncatedNormal => {
                random::truncated_normal(shape, 0., variance.sqrt() / TRUNCATED, dtype, device, seed)?
            }
            Distribution::UntruncatedNormal => {
                random::normal(shape, 0., variance.sqrt(), dtype, device, seed)?
            }
            Distribution::Uniform => {
                let limit = (3. * variance).sqrt();
                random::uniform(shape, -limit, limit, dtype, device, seed)?
            }
        })
    }

    fn config(&self) -> Config {
        let mode = match self.mode {
            FanMode::FanIn => "fan_in",
            FanMode::FanOut => "fan_out",
            FanMode::FanAvg => "fan_avg",
        };
        let distribution = match self.distribution {
            Distribution::TruncatedNormal => "truncated_normal",
            Distribution::UntruncatedNormal => "untruncated_normal",
            Distribution::Uniform => "uniform",
        };
        Config::new()
            .with("seed", self.seed)
            .with("scale", self.scale)
            .with("mode", mode)
            .with("distribution", distribution)
            .with("input_axes", axes_value(&self.input_axes))
            .with("output_axes", axes_value(&self.output_axes))
    }
}

fn mode(name: &str) -> Result<FanMode> {
    Ok(match name {
        "fan_in" => FanMode::FanIn,
        "fan_out" => FanMode::FanOut,
        "fan_avg" => FanMode::FanAvg,
        _ => bail!("VarianceScaling: `mode` must be fan_in, fan_out or fan_avg, got `{name}`"),
    })
}

fn distribution(name: &str) -> Result<Distribution> {
    Ok(match name.to_lowercase().as_str() {
        "normal" | "truncated_normal" => Distribution::TruncatedNormal,
        "untruncated_normal" => Distribution::UntruncatedNormal,
        "uniform" => Distribution::Uniform,
        _ => bail!(
            "VarianceScaling: `distribution` must be truncated_normal, untruncated_normal or uniform, got `{name}`"
        ),
    })
}

pub(super) const ENTRY: Entry<dyn Initializer> = entry(
    "VarianceScaling",
    &["variance_scaling"],
    "A variance by the number of inputs.",
    |config, _| {
        let mut r = config.reader("VarianceScaling");
        let initializer = VarianceScaling {
            seed: r.seed()?,
            scale: r.or("scale", 1.)?,
            mode: mode(&r.or("mode", "fan_in".to_owned())?)?,
            distribution: distribution(&r.or("distribution", "truncated_normal".to_owned())?)?,
            input_axes: r.opt("input_axes")?,
            output_axes: r.opt("output_axes")?,
        };
        r.finish()?;
        if initializer.scale <= 0. {
            bail!(
                "VarianceScaling: `scale` must be greater than 0, got {}",
                initializer.scale
            );
        }
        Ok(Box::new(initializer))
    },
);
