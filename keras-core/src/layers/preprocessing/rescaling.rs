//! From pixel values to a range.

use keras_ops::{self as ops, Tensor};
use serde_json::Value;

use crate::config::{IntoValue, Reader};
use crate::layer::{Call, Layer, LayerBase, Outputs};
use crate::layers::base::{base_accessors, cast_input, common_methods, layer_entry, only};
use crate::shape::{self, Dims};
use crate::{Config, Registry, Result, bail};

/// `x * scale + offset`: one number each, or one a channel (the last axis).
///
/// # Shapes
/// The output has the input's shape.
///
/// # Errors
/// When a list has another length than the last axis.
///
/// ```
/// use keras_core::{Layer, layer::Call, layers::Rescaling};
/// use keras_ops::{Device, Tensor};
/// let pixels = Tensor::new(&[[0u8, 255]], &Device::Cpu)?;
/// let y = Rescaling::new(1. / 127.5).offset(-1.).call(&[pixels], &mut Call::new(false))?;
/// assert_eq!(y.0[0].to_vec2::<f32>()?, [[-1., 1.]]);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Rescaling {
    base: LayerBase,
    scale: Factor,
    offset: Factor,
}

/// One number, or one a channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Factor(Vec<f64>, bool);

impl From<f64> for Factor {
    fn from(value: f64) -> Self {
        Self(vec![value], false)
    }
}

impl From<Vec<f64>> for Factor {
    fn from(values: Vec<f64>) -> Self {
        Self(values, true)
    }
}

impl<const N: usize> From<[f64; N]> for Factor {
    fn from(values: [f64; N]) -> Self {
        Self(values.to_vec(), true)
    }
}

impl Factor {
    fn read<'a>(reader: &mut Reader<'a>, key: &'a str) -> Result<Option<Self>> {
        match reader.raw(key) {
            Some(Value::Array(_)) => Ok(Some(reader.req::<Vec<f64>>(key)?.into())),
            // A NumPy array, as Keras writes one.
            Some(Value::Object(map)) => match map.get("config").and_then(|c| c.get("value")) {
                Some(value) => match crate::config::FromValue::from_value(value) {
                    Some(values) => Ok(Some(Self(values, true))),
                    None => bail!("Rescaling: `{key}` must be a number or a list of numbers, got {value}"),
                },
                None => bail!("Rescaling: `{key}` must be a number or a list of numbers, got an object"),
            },
            Some(_) => Ok(Some(reader.req::<f64>(key)?.into())),
            None => Ok(None),
        }
    }

    fn value(&self) -> Value {
        match self.0.as_slice() {
            [one] if !self.1 => one.into_value(),
            many => many.into_value(),
        }
    }

    fn check(&self, name: &str, input: &Dims) -> Result<()> {
        match input.last() {
            _ if self.0.len() == 1 => Ok(()),
            Some(last) if last.is_none_or(|last| last == self.0.len()) => Ok(()),
            _ => bail!(
                "Rescaling: `{name}` has {} values, but the last axis of the input {} has another size: give one number, or as \
                 many",
                self.0.len(),
                shape::show(input)
            ),
        }
    }

    fn tensor(&self, x: &Tensor) -> Result<Tensor> {
        Ok(ops::cast(
            &Tensor::new(self.0.as_slice(), x.device())?,
            x.dtype(),
        )?)
    }
}

common_methods!(Rescaling);
layer_entry!(Rescaling, "x * scale + offset");

impl Rescaling {
    /// Multiplies by `scale`.
    pub fn new(scale: impl Into<Factor>) -> Self {
        Self {
            base: LayerBase::default(),
            scale: scale.into(),
            offset: 0.0.into(),
        }
    }

    /// Adds `offset` afterwards.
    #[must_use]
    pub fn offset(mut self, offset: impl Into<Factor>) -> Self {
        self.offset = offset.into();
        self
    }

    fn from_config(config: &Config, _registry: &Registry) -> Result<Self> {
        let mut reader = config.reader("Rescaling");
        let base = LayerBase::from_reader(&mut reader)?;
        let Some(scale) = Factor::read(&mut reader, "scale")? else {
            bail!("Rescaling: the argument `scale` (a number or a list) is required");
        };
        let offset = Factor::read(&mut reader, "offset")?.unwrap_or(0.0.into());
        reader.finish()?;
        Ok(Self { base, scale, offset })
    }
}

impl Layer for Rescaling {
    base_accessors!();

    fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
        let input = only("Rescaling", inputs)?;
        self.scale.check("scale", input)?;
        self.offset.check("offset", input)?;
        Ok(vec![input.clone()])
    }

    fn call(&self, inputs: &[Tensor], _cx: &mut Call) -> Result<Outputs> {
        let x = cast_input(&self.base, only("Rescaling", inputs)?)?;
        if let ([scale], [offset]) = (self.scale.0.as_slice(), self.offset.0.as_slice()) {
            return Ok(ops::scale_shift(&x, *scale, *offset)?.into());
        }
        let scaled = ops::multiply(&x, &self.scale.tensor(&x)?)?;
        Ok(ops::add(&scaled, &self.offset.tensor(&x)?)?.into())
    }

    fn supports_masking(&self) -> bool {
        true
    }

    fn config(&self) -> Config {
        Config::new()
            .with("scale", self.scale.value())
            .with("offset", self.offset.value())
    }
}
