//! Constraints on the length of weight vectors.

use keras_ops::{self as ops, EPSILON, Tensor};
use serde_json::Value;

use crate::config::{IntoValue, Reader};
use crate::{Config, Constraint, Entry, Result, ResultExt, bail};

/// `w * min(norm, max_value) / norm`: no weight vector is longer than `max_value`.
///
/// ```
/// use keras_core::{Constraint, constraints::MaxNorm};
/// use keras_ops::{Device, Tensor};
/// let w = MaxNorm { max_value: 1., ..MaxNorm::default() }.call(&Tensor::new(&[[3f32], [4.]], &Device::Cpu)?)?;
/// let w = w.to_vec2::<f32>()?;
/// assert!((w[0][0] - 0.6).abs() < 1e-6 && (w[1][0] - 0.8).abs() < 1e-6);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct MaxNorm {
    /// The greatest length.
    pub max_value: f64,
    /// The axes along which a vector lies: 0 for a dense kernel, 0, 1, 2 for one of a 2-D convolution.
    pub axis: Vec<i64>,
}

impl Default for MaxNorm {
    fn default() -> Self {
        Self {
            max_value: 2.,
            axis: vec![0],
        }
    }
}

impl Constraint for MaxNorm {
    fn call(&self, w: &Tensor) -> Result<Tensor> {
        let norms = norms("MaxNorm", w, &self.axis)?;
        rescale(w, &norms, &ops::clip(&norms, 0., self.max_value)?)
    }

    fn config(&self) -> Config {
        Config::new()
            .with("max_value", self.max_value)
            .with("axis", axis_value(&self.axis))
    }
}

/// `w / norm`: every weight vector has length 1.
///
/// ```
/// use keras_core::{Constraint, constraints::UnitNorm};
/// use keras_ops::{Device, Tensor};
/// let w = UnitNorm::default().call(&Tensor::new(&[[3f32], [4.]], &Device::Cpu)?)?.to_vec2::<f32>()?;
/// assert!((w[0][0] - 0.6).abs() < 1e-6 && (w[1][0] - 0.8).abs() < 1e-6);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct UnitNorm {
    /// The axes along which a vector lies.
    pub axis: Vec<i64>,
}

impl Default for UnitNorm {
    fn default() -> Self {
        Self { axis: vec![0] }
    }
}

impl Constraint for UnitNorm {
    fn call(&self, w: &Tensor) -> Result<Tensor> {
        Ok(ops::divide(
            w,
            &ops::add_scalar(&norms("UnitNorm", w, &self.axis)?, EPSILON)?,
        )?)
    }

    fn config(&self) -> Config {
        Config::new().with("axis", axis_value(&self.axis))
    }
}

/// `w * (rate * clip(norm, min_value, max_value) + (1 - rate) * norm) / norm`: pulls lengths into a range.
///
/// ```
/// use keras_core::{Constraint, constraints::MinMaxNorm};
/// use keras_ops::{Device, Tensor};
/// let half = MinMaxNorm { max_value: 1., rate: 0.5, ..MinMaxNorm::default() };
/// let w = half.call(&Tensor::new(&[[3f32], [4.]], &Device::Cpu)?)?.to_vec2::<f32>()?;
/// assert!((w[0][0] - 1.8).abs() < 1e-5 && (w[1][0] - 2.4).abs() < 1e-5); // length 5 becomes 3
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct MinMaxNorm {
    /// The smallest length.
    pub min_value: f64,
    /// The greatest length.
    pub max_value: f64,
    /// How much of the way is gone at each update, 0 to 1.
    pub rate: f64,
    /// The axes along which a vector lies.
    pub axis: Vec<i64>,
}

impl Default for MinMaxNorm {
    fn default() -> Self {
        Self {
            min_value: 0.,
            max_value: 1.,
            rate: 1.,
            axis: vec![0],
        }
    }
}

impl Constraint for MinMaxNorm {
    fn call(&self, w: &Tensor) -> Result<Tensor> {
        let norms = norms("MinMaxNorm", w, &self.axis)?;
        let inside = ops::mul_scalar(&ops::clip(&norms, self.min_value, self.max_value)?, self.rate)?;
        rescale(
            w,
            &norms,
            &ops::add(&inside, &ops::mul_scalar(&norms, 1. - self.rate)?)?,
        )
    }

    fn config(&self) -> Config {
        let range = Config::new()
            .with("min_value", self.min_value)
            .with("max_value", self.max_value);
        range.with("rate", self.rate).with("axis", axis_value(&self.axis))
    }
}

fn norms(class: &str, w: &Tensor, axis: &[i64]) -> Result<Tensor> {
    let squares = ops::sum(&ops::square(w)?, Some(axis), true);
    Ok(ops::sqrt(&squares.context(|| format!("{class}: `axis`"))?)?)
}

fn rescale(w: &Tensor, norms: &Tensor, desired: &Tensor) -> Result<Tensor> {
    Ok(ops::multiply(
        w,
        &ops::divide(desired, &ops::add_scalar(norms, EPSILON)?)?,
    )?)
}

fn axis_value(axis: &[i64]) -> Value {
    match axis {
        [one] => (*one).into(),
        many => many.into_value(),
    }
}

fn read_axis(reader: &mut Reader<'_>) -> Result<Vec<i64>> {
    match reader.raw("axis") {
        Some(Value::Array(_)) => reader.req("axis"),
        Some(_) => Ok(vec![reader.req("axis")?]),
        None => Ok(vec![reader.or("axis", 0)?]),
    }
}

pub(super) const MAX_NORM: Entry<dyn Constraint> = Entry {
    class_name: "MaxNorm",
    module: "keras.constraints",
    aliases: &["max_norm"],
    doc: "weight vectors no longer than max_value",
    build: |config, _| {
        let mut reader = config.reader("MaxNorm");
        let max_value = reader.or("max_value", MaxNorm::default().max_value)?;
        let axis = read_axis(&mut reader)?;
        reader.finish()?;
        Ok(Box::new(MaxNorm { max_value, axis }))
    },
};

pub(super) const UNIT_NORM: Entry<dyn Constraint> = Entry {
    class_name: "UnitNorm",
    module: "keras.constraints",
    aliases: &["unit_norm"],
    doc: "weight vectors of length 1",
    build: |config, _| {
        let mut reader = config.reader("UnitNorm");
        let axis = read_axis(&mut reader)?;
        reader.finish()?;
        Ok(Box::new(UnitNorm { axis }))
    },
};

pub(super) const MIN_MAX_NORM: Entry<dyn Constraint> = Entry {
    class_name: "MinMaxNorm",
    module: "keras.constraints",
    aliases: &["min_max_norm"],
    doc: "weight vectors with a length between min_value and max_value",
    build: |config, _| {
        let default = MinMaxNorm::default();
        let mut reader = config.reader("MinMaxNorm");
        let min_value = reader.or("min_value", default.min_value)?;
        let max_value = reader.or("max_value", default.max_value)?;
        let rate = reader.or("rate", default.rate)?;
        let axis = read_axis(&mut reader)?;
        reader.finish()?;
        if min_value > max_value {
            bail!("MinMaxNorm: `min_value` {min_value} is above `max_value` {max_value}");
        }
        Ok(Box::new(MinMaxNorm {
            min_value,
            max_value,
            rate,
            axis,
        }))
    },
};
