//! What the layers of this crate share: builder methods, argument checks, configuration of nested objects.

use keras_ops::image::Interpolation;
use keras_ops::{self as ops, DType, Padding, Tensor};
use serde_json::Value;

use crate::config::{Config, Envelope, FromValue, IntoValue, Reader};
use crate::layer::{Call, LayerBase, Outputs};
use crate::registry::{self, Entries, Spec};
use crate::shape::{self, Dims};
use crate::{Constraint, Initializer, Registry, Regularizer, Result, bail};

/// `name`, `trainable` and `dtype` for a layer that keeps its [`LayerBase`] in `base`; a generic layer's
/// parameters come first, in brackets.
macro_rules! common_methods {
    ([$($generics:tt)*] $type:ty) => {
        impl<$($generics)*> $type {
            /// Names the layer.
            #[must_use]
            pub fn name(mut self, name: &str) -> Self {
                self.base.set_name(name.to_owned());
                self
            }

            /// Whether training changes its weights.
            #[must_use]
            pub fn trainable(mut self, trainable: bool) -> Self {
                self.base.set_trainable(trainable);
                self
            }

            /// The dtype the layer computes in and keeps its weights in: a dtype, a
            /// [`DTypePolicy`](crate::DTypePolicy), or the name of one.
            #[must_use]
            pub fn dtype(mut self, dtype: impl Into<$crate::dtype_policy::PolicyArg>) -> Self {
                self.base.set_dtype(dtype);
                self
            }
        }
    };
    ($type:ty) => {
        crate::layers::base::common_methods!([] $type);
    };
}

/// The two accessors that every [`Layer`](crate::Layer) needs.
macro_rules! base_accessors {
    () => {
        fn base(&self) -> &$crate::layer::LayerBase {
            &self.base
        }

        fn base_mut(&mut self) -> &mut $crate::layer::LayerBase {
            &mut self.base
        }
    };
}

/// A layer's [`Entry`](crate::Entry), built by its `from_config`.
macro_rules! layer_entry {
    ($type:ident, $doc:literal) => {
        pub(in crate::layers) const ENTRY: $crate::Entry<dyn $crate::Layer> = $crate::Entry {
            class_name: stringify!($type),
            module: "keras.layers",
            aliases: &[],
            doc: $doc,
            build: |config, registry| Ok(Box::new($type::from_config(config, registry)?)),
        };
    };
}

/// The [`Entry`](crate::Entry) of each number of spatial axes of a generic layer, which has `CLASS`, `ALIASES` and
/// `from_config`.
macro_rules! spatial_entry {
    ([$($generics:tt)*] $type:ty, $doc:literal) => {
        impl<$($generics)*> $type {
            pub(in crate::layers) const ENTRY: $crate::Entry<dyn $crate::Layer> = $crate::Entry {
                class_name: Self::CLASS,
                module: "keras.layers",
                aliases: Self::ALIASES,
                doc: $doc,
                build: |config, registry| Ok(Box::new(Self::from_config(config, registry)?)),
            };
        }
    };
}

pub(super) use {base_accessors, common_methods, layer_entry, spatial_entry};

/// An object that is an argument of a layer.
pub(super) trait Nested: 'static {
    fn entries(registry: &Registry) -> &Entries<Self>;
    fn identity(&self) -> (&str, Config);
}

macro_rules! nested {
    ($($kind:ident: $field:ident),*) => { $(
        impl Nested for dyn $kind {
            fn entries(registry: &Registry) -> &Entries<Self> {
                &registry.$field
            }
            fn identity(&self) -> (&str, Config) {
                (self.class_name(), self.config())
            }
        }
    )* };
}
nested!(Initializer: initializers, Regularizer: regularizers, Constraint: constraints);

/// Reads an argument that is an object, by name or envelope.
pub(super) fn read_nested<'a, T: ?Sized + Nested>(
    reader: &mut Reader<'a>,
    key: &'a str,
    registry: &Registry,
) -> Result<Option<Spec<T>>> {
    let spec = reader
        .raw(key)
        .map(|value| Spec::from_value(value, T::entries(registry), registry));
    reader.about(key, spec.transpose())
}

/// The envelope that Keras saves such an argument in.
pub(super) fn nested_value<T: ?Sized + Nested>(spec: Option<&Spec<T>>) -> Value {
    let core = registry::core();
    let Some(spec) = spec else { return Value::Null };
    match (spec.resolve(T::entries(core), core), spec) {
        (Ok(object), _) => {
            let (class_name, config) = object.identity();
            let entry = T::entries(core).find(class_name).ok();
            let envelope = Envelope {
                module: entry.map(|e| e.module.to_owned()).unwrap_or_default(),
                class_name: class_name.to_owned(),
                config,
                registered_name: entry.is_none().then(|| format!("Custom>{class_name}")),
            };
            envelope.to_value()
        }
        (Err(_), Spec::Name(name)) => name.as_str().into(),
        (Err(_), Spec::Value(_)) => Value::Null,
    }
}

/// Adds the penalty on a layer's output to the loss, divided by the batch size as in Keras.
pub(super) fn add_activity_loss(
    regularizer: Option<&Spec<dyn Regularizer>>,
    output: &Tensor,
    cx: &mut Call,
) -> Result<()> {
    let Some(regularizer) = regularizer else {
        return Ok(());
    };
    let core = registry::core();
    let penalty = regularizer.resolve(&core.regularizers, core)?.call(output)?;
    let batch = output.dims().first().copied().unwrap_or(1).max(1);
    cx.add_loss(ops::mul_scalar(&penalty, 1. / batch as f64)?);
    Ok(())
}

/// Looks a name up, so that an unknown one is found early and no step looks it up again.
pub(super) fn resolve<T: ?Sized + Nested>(spec: &mut Option<Spec<T>>) -> Result<()> {
    if let Some(given) = spec {
        let core = registry::core();
        *given = Spec::Value(given.resolve(T::entries(core), core)?);
    }
    Ok(())
}

/// The only input of a layer with one.
pub(super) fn only<'a, T>(class_name: &str, inputs: &'a [T]) -> Result<&'a T> {
    match inputs {
        [one] => Ok(one),
        many => bail!("{class_name}: expected one input, got {}", many.len()),
    }
}

/// The input, converted to the dtype that the layer computes in.
pub(super) fn cast_input(base: &LayerBase, x: &Tensor) -> Result<Tensor> {
    if x.dtype() == base.compute_dtype() {
        Ok(x.clone())
    } else {
        Ok(ops::cast(x, base.compute_dtype())?)
    }
}

/// An input of any float type as it is, integers converted: for layers that compute in full precision inside.
pub(super) fn float_input(base: &LayerBase, x: &Tensor) -> Result<Tensor> {
    if x.dtype().is_float() {
        Ok(x.clone())
    } else {
        cast_input(base, x)
    }
}

/// [`cast_input`] for layers that only move data: integers stay what they are.
pub(super) fn cast_floats(base: &LayerBase, x: &Tensor) -> Result<Tensor> {
    if x.dtype().is_float() {
        cast_input(base, x)
    } else {
        Ok(x.clone())
    }
}

/// The dtype that goes with [`cast_floats`].
pub(super) fn moved_dtype(base: &LayerBase, inputs: &[DType]) -> DType {
    inputs
        .first()
        .copied()
        .filter(|d| !d.is_float())
        .unwrap_or_else(|| base.compute_dtype())
}

/// One output.
pub(super) fn one(tensor: keras_ops::Result<Tensor>) -> Result<Outputs> {
    Ok(tensor?.into())
}

/// An error when the input's rank is not `rank`.
pub(super) fn expect_rank(class_name: &str, dims: &[Option<usize>], rank: usize) -> Result<()> {
    if dims.len() != rank {
        bail!(
            "{class_name}: expected an input of rank {rank}, got shape {} (rank {})",
            shape::show(dims),
            dims.len()
        );
    }
    Ok(())
}

/// An error when the input's rank is below `rank`.
pub(super) fn expect_min_rank(class_name: &str, dims: &[Option<usize>], rank: usize) -> Result<()> {
    if dims.len() < rank {
        bail!(
            "{class_name}: expected an input of rank {rank} or more, got shape {}",
            shape::show(dims)
        );
    }
    Ok(())
}

/// The size of an axis that must be known.
pub(super) fn known_size(class_name: &str, dims: &[Option<usize>], axis: usize, what: &str) -> Result<usize> {
    match dims.get(axis) {
        Some(Some(0)) => bail!("{class_name}: the {what} axis of {} is empty", shape::show(dims)),
        Some(Some(size)) => Ok(*size),
        _ => bail!(
            "{class_name}: the size of the {what} axis must be known, got {}",
            shape::show(dims)
        ),
    }
}

/// An axis of an input of this rank; negative ones count from the end.
pub(super) fn axis_of(class_name: &str, axis: i64, input: &[Option<usize>]) -> Result<usize> {
    let rank = input.len();
    let counted = if axis < 0 { axis + rank as i64 } else { axis };
    match usize::try_from(counted) {
        Ok(axis) if axis < rank => Ok(axis),
        _ => bail!(
            "{class_name}: `axis` {axis} is out of range for an input of rank {rank}, {}",
            shape::show(input)
        ),
    }
}

/// The shape as it is: for layers that leave it alone.
pub(super) fn same_shape(class_name: &str, inputs: &[Dims]) -> Result<Vec<Dims>> {
    Ok(vec![only(class_name, inputs)?.clone()])
}

/// Where the channels are in images.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DataFormat {
    /// `(batch, height, width, channels)`.
    #[default]
    ChannelsLast,
    /// `(batch, channels, height, width)`.
    ChannelsFirst,
}

impl DataFormat {
    /// Where the channels are in an input of this rank.
    pub(super) fn channel_axis(self, rank: usize) -> usize {
        match self {
            Self::ChannelsLast => rank.saturating_sub(1),
            Self::ChannelsFirst => 1,
        }
    }

    /// The first of the axes that are neither batch nor channels.
    pub(super) fn spatial_axis(self) -> usize {
        match self {
            Self::ChannelsLast => 1,
            Self::ChannelsFirst => 2,
        }
    }

    pub(super) fn channels_first(self) -> bool {
        self == Self::ChannelsFirst
    }
}

impl FromValue for DataFormat {
    const EXPECTED: &'static str = "\"channels_last\" or \"channels_first\"";
    fn from_value(value: &Value) -> Option<Self> {
        match value.as_str()? {
            "channels_last" => Some(Self::ChannelsLast),
            "channels_first" => Some(Self::ChannelsFirst),
            _ => None,
        }
    }
}

impl IntoValue for DataFormat {
    fn into_value(self) -> Value {
        match self {
            Self::ChannelsLast => "channels_last".into(),
            Self::ChannelsFirst => "channels_first".into(),
        }
    }
}

impl FromValue for Padding {
    const EXPECTED: &'static str = "\"valid\" or \"same\", for Conv1D also \"causal\"";
    fn from_value(value: &Value) -> Option<Self> {
        match value.as_str()?.to_lowercase().as_str() {
            "valid" => Some(Self::Valid),
            "same" => Some(Self::Same),
            "causal" => Some(Self::Causal),
            _ => None,
        }
    }
}

impl IntoValue for Padding {
    fn into_value(self) -> Value {
        match self {
            Self::Same => "same".into(),
            Self::Causal => "causal".into(),
            // Explicit padding is refused by every layer; Keras's layers have none.
            _ => "valid".into(),
        }
    }
}

impl FromValue for Interpolation {
    const EXPECTED: &'static str = "\"nearest\", \"bilinear\", \"bicubic\", \"lanczos3\" or \"lanczos5\"";
    fn from_value(value: &Value) -> Option<Self> {
        match value.as_str()?.to_lowercase().as_str() {
            "nearest" => Some(Self::Nearest),
            "bilinear" => Some(Self::Bilinear),
            "bicubic" => Some(Self::Bicubic),
            "lanczos3" => Some(Self::Lanczos3),
            "lanczos5" => Some(Self::Lanczos5),
            _ => None,
        }
    }
}

impl IntoValue for Interpolation {
    fn into_value(self) -> Value {
        match self {
            Self::Bilinear => "bilinear".into(),
            Self::Bicubic => "bicubic".into(),
            Self::Lanczos3 => "lanczos3".into(),
            Self::Lanczos5 => "lanczos5".into(),
            _ => "nearest".into(),
        }
    }
}
