//! A closure as a layer.

use std::fmt;
use std::sync::Arc;

use keras_ops::Tensor;
use serde_json::{Value, json};

use crate::layer::{Call, Layer, LayerBase, Outputs, TensorSpec, trace, traced_shapes};
use crate::layers::base::{base_accessors, common_methods, layer_entry};
use crate::shape::Dims;
use crate::{Arguments, Config, Error, Registry, Result, bail};

type Function = Arc<dyn Fn(&[Tensor]) -> Result<Tensor> + Send + Sync>;
type MaskFunction = Arc<dyn Fn(&[Tensor], &[Option<Tensor>]) -> Result<Option<Tensor>> + Send + Sync>;

/// Computes a closure.
///
/// It may use candle's own differentiable operations or keras-ops. Only its name is saved; to load such a model, put an
/// [`Entry`](crate::Entry) for `Lambda` into your registry that makes the layer from the name in its configuration.
/// It has no weights: write a [`Layer`] for that.
///
/// # Shapes
/// The output's is found by computing the closure on zeros, or is [`output_shape`](Self::output_shape).
///
/// # Errors
/// When the closure fails, or its code is not there.
///
/// # Examples
/// ```
/// use keras_core::{Apply, Sequential, input, layer::Call, layers::Lambda};
/// use keras_ops::{self as ops, Device, Tensor};
/// let doubled = Lambda::new("doubled", |x: &Tensor| ops::mul_scalar(x, 2.));
/// let model = Sequential::new().input([2]).add(doubled).build()?;
/// let y = model.call(&[Tensor::new(&[[1f32, -2.]], &Device::Cpu)?], &mut Call::new(false))?;
/// assert_eq!(y[0].to_vec2::<f32>()?, [[2., -4.]]);
///
/// let (a, b) = (input([4]), input([4]));
/// let distance = Lambda::of_many("distance", |x: &[Tensor]| {
///     ops::sum(&ops::square(&ops::subtract(&x[0], &x[1])?)?, Some(&[-1]), true)
/// });
/// assert_eq!(distance.apply([&a, &b])?.shape(), [None, Some(1)]);
/// # Ok::<(), keras_core::Error>(())
/// ```
pub struct Lambda {
    base: LayerBase,
    function: String,
    f: Option<Function>,
    output_shape: Option<Dims>,
    mask: Option<MaskFunction>,
}

common_methods!(Lambda);
layer_entry!(Lambda, "computes a closure");

impl Lambda {
    /// A closure of one tensor, called `function`.
    pub fn new<F, E>(function: &str, f: F) -> Self
    where
        F: Fn(&Tensor) -> std::result::Result<Tensor, E> + Send + Sync + 'static,
        E: Into<Error>,
    {
        Self::of_many(function, move |inputs: &[Tensor]| match inputs {
            [one] => f(one).map_err(Into::into),
            many => Err(Error::invalid(format!("expected one input, got {}", many.len()))),
        })
    }

    /// A closure of several tensors.
    pub fn of_many<F, E>(function: &str, f: F) -> Self
    where
        F: Fn(&[Tensor]) -> std::result::Result<Tensor, E> + Send + Sync + 'static,
        E: Into<Error>,
    {
        Self {
            base: LayerBase::default(),
            function: function.to_owned(),
            f: Some(Arc::new(move |inputs: &[Tensor]| f(inputs).map_err(Into::into))),
            output_shape: None,
            mask: None,
        }
    }

    /// The shape of the output, without the batch.
    #[must_use]
    pub fn output_shape(mut self, shape: impl Into<Dims>) -> Self {
        self.output_shape = Some(shape.into());
        self
    }

    /// Makes the mask of the output from the inputs and their masks; without it masks end here.
    #[must_use]
    pub fn mask<F, E>(mut self, mask: F) -> Self
    where
        F: Fn(&[Tensor], &[Option<Tensor>]) -> std::result::Result<Option<Tensor>, E> + Send + Sync + 'static,
        E: Into<Error>,
    {
        self.mask = Some(Arc::new(move |inputs: &[Tensor], masks: &[Option<Tensor>]| {
            mask(inputs, masks).map_err(Into::into)
        }));
        self
    }

    /// The name and the shape; the code is not saved.
    fn from_config(config: &Config, _registry: &Registry) -> Result<Self> {
        let mut reader = config.reader("Lambda");
        let base = LayerBase::from_reader(&mut reader)?;
        let function = match reader.raw("function") {
            Some(value) => Some(function_name(value)?),
            None => None,
        };
        let output_shape = reader.opt("output_shape")?;
        if let Some(mask) = reader.raw("mask") {
            bail!(
                "Lambda: `mask` is code, which is not saved; make the layer anew with `.mask(…)`, got {mask}"
            );
        }
        let arguments: Option<Value> = reader.opt("arguments")?;
        if let Some(given) = arguments
            && given.as_object().is_none_or(|map| !map.is_empty())
        {
            bail!("Lambda: `arguments` are not supported: let the closure hold them, got {given}");
        }
        reader.finish()?;
        Ok(Self {
            base,
            function: function.unwrap_or_default(),
            f: None,
            output_shape,
            mask: None,
        })
    }

    fn f(&self) -> Result<&Function> {
        match &self.f {
            Some(f) => Ok(f),
            None => bail!(
                "Lambda: the code of `{}` is not saved: put an Entry for `Lambda` into your registry that makes the \
                 layer from the name of its function",
                self.function
            ),
        }
    }
}

/// The name in Keras's form of a function. Of a Python lambda, whose bytes it holds, there is none.
fn function_name(value: &Value) -> Result<String> {
    let class = value.get("class_name").and_then(Value::as_str);
    match (value, class) {
        (Value::String(name), _) => Ok(name.clone()),
        (_, Some("function" | "__lambda__")) => {
            let name = value.get("config").and_then(Value::as_str);
            Ok(name.unwrap_or("lambda").to_owned())
        }
        _ => bail!("Lambda: `function` must be the name or Keras's form of a function, got {value}"),
    }
}

impl fmt::Debug for Lambda {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lambda({})", self.function)
    }
}

impl Layer for Lambda {
    base_accessors!();

    fn compute_output_spec(&self, inputs: &[TensorSpec], arguments: &Arguments) -> Result<Vec<TensorSpec>> {
        match &self.output_shape {
            Some(_) => {
                let shapes: Vec<Dims> = inputs.iter().map(|spec| spec.shape.clone()).collect();
                let shapes = self.compute_output_shape(&shapes)?;
                let dtype = self.base.compute_dtype();
                Ok(shapes
                    .into_iter()
                    .map(|shape| TensorSpec { shape, dtype })
                    .collect())
            }
            None => Ok(trace(self, inputs, arguments)?.outputs),
        }
    }

    fn compute_output_shape(&self, inputs: &[Dims]) -> Result<Vec<Dims>> {
        let Some(shape) = &self.output_shape else {
            return traced_shapes(self, inputs);
        };
        let batch = inputs.first().and_then(|input| input.first().copied()).flatten();
        Ok(vec![
            std::iter::once(batch).chain(shape.iter().copied()).collect(),
        ])
    }

    /// A mask has no part in the closure.
    fn call_arguments(&self) -> &'static [&'static str] {
        &["mask"]
    }

    fn call(&self, inputs: &[Tensor], cx: &mut Call) -> Result<Outputs> {
        Ok(self.f()?(cx.arguments.positional(inputs))?.into())
    }

    fn compute_mask(&self, inputs: &[Tensor], masks: &[Option<Tensor>]) -> Result<Vec<Option<Tensor>>> {
        match &self.mask {
            Some(mask) => Ok(vec![mask(inputs, masks)?]),
            None => Ok(Vec::new()),
        }
    }

    fn config(&self) -> Config {
        let function = json!({
            "module": "builtins", "class_name": "function", "config": self.function, "registered_name": "function",
        });
        Config::new()
            .with("function", function)
            .with("output_shape", self.output_shape.as_deref())
            .with("mask", Value::Null)
            .with("arguments", json!({}))
    }
}
