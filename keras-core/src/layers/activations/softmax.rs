//! Softmax as a layer.

use keras_ops::{self as ops, DType, Tensor};
use serde_json::Value;

use crate::config::IntoValue;
use crate::layer::{Call, Layer, LayerBase, Outputs};
use crate::layers::base::{base_accessors, cast_input, common_methods, layer_entry, one, only, same_shape};
use crate::shape::Dims;
use crate::{Arg, Config, Registry, Result, bail};

/// `e^x / sum(e^x)` over an axis or several.
///
/// A mask says where values count: the others get 0, and all get 0 where none counts. It is the input's mask, or a
/// tensor given as the argument `mask`; it broadcasts to the input, and what is above 0.5 counts.
///
/// # Shapes
/// The output has the input's shape.
///
/// # Errors
/// When an axis is out of range or given twice, or the mask does not broadcast to the input.
///
/// # Examples
/// ```
/// use keras_core::{Layer, layer::Call, layers::Softmax};
/// use keras_ops::{Device, Tensor};
/// let x = Tensor::new(&[[1f32, 1., 5.], [2., 2., 2.]], &Device::Cpu)?;
/// let mut cx = Call::new(false);
/// cx.masks.push(Some(Tensor::new(&[[1u8, 1, 0], [0, 0, 0]], &Device::Cpu)?));
/// let y = Softmax::new().call(&[x], &mut cx)?;
/// assert_eq!(y.0[0].to_vec2::<f32>()?, [[0.5, 0.5, 0.], [0., 0., 0.]]);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Softmax {
    base: LayerBase,
    axis: Axes,
}

/// One axis or a list of them, saved as given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Axes(Vec<i64>, bool);

impl From<i64> for Axes {
    fn from(axis: i64) -> Self {
        Self(vec![axis], false)
    }
}

impl<const N: usize> From<[i64; N]> for Axes {
    fn from(axes: [i64; N]) -> Self {
        Self(axes.to_vec(), true)
    }
}

impl From<Vec<i64>> for Axes {
    fn from(axes: Vec<i64>) -> Self {
        Self(axes, true)
    }
}

common_methods!(Softmax);
layer_entry!(Softmax, "e^x / sum(e^x)");

impl Default for Softmax {
    fn default() -> Self {
        Self {
            base: LayerBase::default(),
            axis: (-1).into(),
        }
    }
}

impl Softmax {
    /// Over the last axis.
    pub fn new() -> Self {
        Self::default()
    }

    /// Over another axis, or several together; negative ones count from the end.
    #[must_use]
    pub fn axis(mut self, axis: impl Into<Axes>) -> Self {
        self.axis = axis.into();
        self
    }

    fn from_config(config: &Config, _registry: &Registry) -> Result<Self> {
        let mut reader = config.reader("Softmax");
        let base = LayerBase::from_reader(&mut reader)?;
        let list = matches!(reader.raw("axis"), Some(Value::Array(_)));
        let axis = Axes(Arg::read(&mut reader, "axis", vec![-1])?, list);
        reader.finish()?;
        Ok(Self { base, axis })
    }

    fn check(&self, rank: usize) -> Result<()> {
        let rank = rank as i64;
        let (axes, _) = (&self.axis.0, self.axis.1);
        let place = |axis: &i64| if *axis < 0 { axis + rank } else { *axis };
        if axes.is_empty() {
            bail!("Softmax: `axis` must name at least one axis, got []");
        }
        if let Some(axis) = axes.iter().find(|axis| !(0..rank).contains(&place(axis))) {
            bail!("Softmax: `axis` {axis} is out of range for an input of rank {rank}");
        }
        if let Some(i) = (1..axes.len()).find(|i| axes[..*i].iter().any(|a| place(a) == place(&axes[*i]))) {
            bail!("Softmax: `axis` names the axis {} twice, got {axes:?}", axes[i]);
        }
        Ok(())
    }
}

/// Keras's large negative number, for the dtype.
fn never(dtype: DType) -> f64 {
    if dtype == DType::F16 { -3e4 } else { -1e9 }
}

/// The softmax of `x` where `mask` holds, 0 elsewhere.
pub(in crate::layers) fn masked_softmax(x: &Tensor, mask: &Tensor, axes: &[i64]) -> Result<Tensor> {
    let (size, dims) = (mask.rank(), x.dims());
    let fits = size <= dims.len() && {
        let last = &dims[dims.len() - size..];
        mask.dims().iter().zip(last).all(|(m, d)| *m == 1 || m == d)
    };
    if !fits {
        bail!(
            "Softmax: the mask must broadcast to the input: each of its sizes must be 1 or the input's, aligned at the \
             last axis; got a mask {:?} for an input {dims:?}",
            mask.dims()
        );
    }
    let mask = match mask.dtype().is_float() {
        true => ops::greater(mask, &ops::full_like(mask, 0.5)?)?,
        false => mask.clone(),
    };
    let never = ops::full_like(x, never(x.dtype()))?;
    let y = ops::softmax(&ops::where_(&mask, x, &never)?, axes)?;
    Ok(ops::where_(&mask, &y, &ops::zeros_like(&y, None)?)?)
}

impl Layer for Softmax {
    base_accessors!();

    fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
        self.check(only("Softmax", inputs)?.len())?;
        same_shape("Softmax", inputs)
    }

    fn call_arguments(&self) -> &'static [&'static str] {
        &["mask"]
    }

    fn call(&self, inputs: &[Tensor], cx: &mut Call) -> Result<Outputs> {
        let x = cast_input(&self.base, only("Softmax", cx.arguments.positional(inputs))?)?;
        match cx.masks.first() {
            Some(Some(mask)) => Ok(masked_softmax(&x, mask, &self.axis.0)?.into()),
            _ => one(ops::softmax(&x, &self.axis.0)),
        }
    }

    fn supports_masking(&self) -> bool {
        true
    }

    fn config(&self) -> Config {
        let axis: Value = match self.axis.0.as_slice() {
            [one] if !self.axis.1 => one.into_value(),
            many => many.into_value(),
        };
        Config::new().with("axis", axis)
    }
}
