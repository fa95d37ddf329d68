//! Batch renormalisation: what it corrects the statistics of a batch towards, and how far.

use keras_ops::{self as ops, Tensor};
use serde_json::{Map, Value};

use super::batch_normalization::follow;
use crate::config::{FromValue, IntoValue, Reader};
use crate::{Config, Initializer, Result, Spec, Variable, bail};

/// How far renormalisation may correct: the factor `r` is kept within `rmin..=rmax`, the offset `d` within
/// `-dmax..=dmax`. What is `None` does not limit.
///
/// ```
/// use keras_core::layers::{BatchNormalization, RenormClipping};
/// let clipping = RenormClipping { rmax: Some(3.), dmax: Some(5.), ..RenormClipping::default() };
/// let layer = BatchNormalization::new().renorm(true).renorm_clipping(clipping);
/// # drop(layer);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RenormClipping {
    /// The largest factor.
    pub rmax: Option<f64>,
    /// The smallest factor.
    pub rmin: Option<f64>,
    /// The largest offset, in standard deviations.
    pub dmax: Option<f64>,
}

impl FromValue for RenormClipping {
    const EXPECTED: &'static str = "an object with some of the numbers `rmax`, `rmin`, `dmax`";
    fn from_value(value: &Value) -> Option<Self> {
        let mut clipping = Self::default();
        for (key, value) in value.as_object()? {
            let to = match key.as_str() {
                "rmax" => &mut clipping.rmax,
                "rmin" => &mut clipping.rmin,
                "dmax" => &mut clipping.dmax,
                _ => return None,
            };
            *to = Option::from_value(value)?;
        }
        Some(clipping)
    }
}

impl IntoValue for RenormClipping {
    fn into_value(self) -> Value {
        let bounds = [("rmax", self.rmax), ("rmin", self.rmin), ("dmax", self.dmax)];
        let given = bounds.into_iter().filter_map(|(key, bound)| {
            let value = bound?.into_value();
            Some((key.to_owned(), value))
        });
        Value::Object(given.collect::<Map<_, _>>())
    }
}

/// The arguments of renormalisation, and its state.
#[derive(Debug)]
pub(super) struct Renorm {
    pub(super) on: bool,
    pub(super) clipping: RenormClipping,
    pub(super) momentum: f64,
    moving_stddev: Option<Variable>,
    mean: Option<Variable>,
    stddev: Option<Variable>,
}

impl Default for Renorm {
    fn default() -> Self {
        Self {
            on: false,
            clipping: RenormClipping::default(),
            momentum: 0.99,
            moving_stddev: None,
            mean: None,
            stddev: None,
        }
    }
}

impl Renorm {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self> {
        let default = Self::default();
        Ok(Self {
            on: reader.or("renorm", false)?,
            clipping: reader.or_null("renorm_clipping", default.clipping)?,
            momentum: reader.or("renorm_momentum", default.momentum)?,
            ..default
        })
    }

    pub(super) fn write(&self, config: &mut Config) {
        config.set("renorm", self.on);
        let clipping = Some(self.clipping).filter(|c| self.on || *c != RenormClipping::default());
        config.set("renorm_clipping", clipping);
        config.set("renorm_momentum", self.momentum);
    }

    pub(super) fn check(&self) -> Result<()> {
        let RenormClipping { rmax, rmin, dmax } = self.clipping;
        if rmax.zip(rmin).is_some_and(|(rmax, rmin)| rmax < rmin) || dmax.is_some_and(|dmax| dmax < 0.) {
            bail!(
                "BatchNormalization: `renorm_clipping` must have `rmin` up to `rmax` and `dmax` of 0 or more, got {:?}",
                self.clipping
            );
        }
        Ok(())
    }

    /// Makes the state; deviations start as roots of what the variance starts as.
    pub(super) fn build(
        &mut self,
        mean: &Spec<dyn Initializer>,
        variance: &Spec<dyn Initializer>,
        mut make: impl FnMut(&str, &Spec<dyn Initializer>) -> Result<Variable>,
    ) -> Result<()> {
        if !self.on {
            return Ok(());
        }
        let root = |variable: &Variable| variable.assign(&ops::no_grad(|| ops::sqrt(&variable.value()))?);
        let moving = make("moving_stddev", variance)?;
        root(&moving)?;
        self.mean = Some(make("renorm_mean", mean)?);
        let stddev = make("renorm_stddev", variance)?;
        root(&stddev)?;
        (self.moving_stddev, self.stddev) = (Some(moving), Some(stddev));
        Ok(())
    }

    /// Factor and offset that take the place of `gamma` and `beta`: with `r = deviation / renorm_stddev` and
    /// `d = (mean - renorm_mean) / renorm_stddev`, which have no gradient, `r * gamma` and `d * gamma + beta`.
    pub(super) fn correct(
        &self,
        mean: &Tensor,
        variance: &Tensor,
        epsilon: f64,
        gamma: Option<Tensor>,
        beta: Option<Tensor>,
    ) -> Result<[Tensor; 2]> {
        let [r, d] = ops::no_grad(|| self.correction(mean, variance, epsilon))?;
        let like = |weight: Tensor| ops::cast(&weight, mean.dtype());
        let (scale, offset) = match gamma.map(like).transpose()? {
            Some(gamma) => (ops::multiply(&r, &gamma)?, ops::multiply(&d, &gamma)?),
            None => (r, d),
        };
        let offset = match beta.map(like).transpose()? {
            Some(beta) => ops::add(&offset, &beta)?,
            None => offset,
        };
        Ok([scale, offset])
    }

    fn correction(&self, mean: &Tensor, variance: &Tensor, epsilon: f64) -> Result<[Tensor; 2]> {
        let (Some(renorm_mean), Some(renorm_stddev)) = (&self.mean, &self.stddev) else {
            bail!("BatchNormalization: it is used before it was built: put it in a model first");
        };
        let limit = |x: Tensor, low: Option<f64>, high: Option<f64>| -> Result<Tensor> {
            let x = match low {
                Some(low) => ops::maximum(&x, &ops::full_like(&x, low)?)?,
                None => x,
            };
            Ok(match high {
                Some(high) => ops::minimum(&x, &ops::full_like(&x, high)?)?,
                None => x,
            })
        };
        let RenormClipping { rmax, rmin, dmax } = self.clipping;
        let stddev = deviation(variance, epsilon)?;
        let towards = limit(
            ops::cast(&renorm_stddev.value(), mean.dtype())?,
            Some(epsilon.sqrt()),
            None,
        )?;
        let apart = ops::subtract(mean, &ops::cast(&renorm_mean.value(), mean.dtype())?)?;
        let r = limit(ops::divide(&stddev, &towards)?, rmin, rmax)?;
        let d = limit(ops::divide(&apart, &towards)?, dmax.map(|d| -d), dmax)?;
        Ok([r, d])
    }

    /// Moves what is corrected towards.
    pub(super) fn follow(&self, mean: &Tensor, variance: &Tensor, epsilon: f64) -> Result<()> {
        let stddev = ops::no_grad(|| deviation(variance, epsilon))?;
        follow(&self.mean, mean, self.momentum)?;
        follow(&self.stddev, &stddev, self.momentum)
    }

    /// Moves the moving deviation, and makes the moving variance its square.
    pub(super) fn follow_deviation(
        &self,
        moving_variance: &Option<Variable>,
        variance: &Tensor,
        epsilon: f64,
        momentum: f64,
    ) -> Result<()> {
        let stddev = ops::no_grad(|| deviation(variance, epsilon))?;
        follow(&self.moving_stddev, &stddev, momentum)?;
        let (Some(moving), Some(to)) = (&self.moving_stddev, moving_variance) else {
            return Ok(());
        };
        let next = ops::no_grad(|| {
            let square = ops::square(&moving.value())?;
            ops::relu(&ops::add_scalar(&square, -epsilon)?)
        })?;
        to.assign(&next)
    }
}

fn deviation(variance: &Tensor, epsilon: f64) -> Result<Tensor> {
    Ok(ops::sqrt(&ops::add_scalar(variance, epsilon)?)?)
}
