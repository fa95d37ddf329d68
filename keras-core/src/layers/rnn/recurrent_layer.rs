//! Layers made of a cell and a [`Recurrence`]: what their types have in common.

use std::any::Any;

use super::recurrence::Recurrence;
use super::{ConvLSTM, GRU, LSTM, RNN, SimpleRNN};
use crate::{Layer, Result, bail};

/// How the layer runs its cell, where it is one of this room's, for reading or for changing.
macro_rules! recurrence_of {
    ($name:ident, $downcast:ident, $($mutable:tt)?) => {
        pub(super) fn $name(layer: &$($mutable)? dyn Layer) -> Option<&$($mutable)? Recurrence> {
            let layer: &$($mutable)? dyn Any = layer;
            recurrence_of!(@of layer, $downcast, [$($mutable)?], ConvLSTM<1>, ConvLSTM<2>, ConvLSTM<3>, GRU, LSTM, RNN, SimpleRNN);
            None
        }
    };
    (@of $layer:ident, $downcast:ident, $mutable:tt, $($type:ty),*) => { $(
        recurrence_of!(@one $layer, $downcast, $mutable, $type);
    )* };
    (@one $layer:ident, $downcast:ident, [$($mutable:tt)?], $type:ty) => {
        if $layer.is::<$type>() {
            return $layer.$downcast::<$type>().map(|layer| &$($mutable)? layer.recurrence);
        }
    };
}
recurrence_of!(recurrence, downcast_ref,);
recurrence_of!(recurrence_mut, downcast_mut, mut);

/// A recurrent layer of one kind of cell: a cell has `read`, `with_args` and `base`.
macro_rules! recurrent_layer {
    ($(#[$doc:meta])* $type:ident of $cell:ident $name:literal, rank $rank:expr, $line:literal $(, $cudnn:literal)?) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $type {
            base: $crate::layer::LayerBase,
            pub(super) recurrence: $crate::layers::rnn::recurrence::Recurrence,
        }

        $crate::layers::base::layer_entry!($type, $line);
        $crate::layers::rnn::recurrent_layer::sequence_methods!($type);

        impl $type {
            fn of(mut cell: $cell) -> Self {
                use $crate::layers::rnn::recurrence::Recurrence;
                $crate::Layer::base_mut(&mut cell).set_name($name.to_owned());
                Self {
                    base: $crate::layer::LayerBase::default(),
                    recurrence: Recurrence::new($crate::LayerRef::new(cell)),
                }
            }

            fn from_config(config: &$crate::Config, registry: &$crate::Registry) -> $crate::Result<Self> {
                use $crate::layers::rnn::recurrence::Recurrence;
                let mut reader = config.reader(stringify!($type));
                let base = $crate::layer::LayerBase::from_reader(&mut reader)?;
                let mut cell_base = $crate::layer::LayerBase::from_reader(&mut reader)?;
                cell_base.set_name($name.to_owned());
                let cell = $crate::LayerRef::new($cell::read(&mut reader, registry, cell_base)?);
                let recurrence = Recurrence::read(&mut reader, registry, cell)?;
                $( $crate::layers::rnn::recurrent_layer::read_cudnn(stringify!($type), reader.raw($cudnn))?; )?
                reader.finish()?;
                Ok(Self { base, recurrence })
            }

            /// Changes the cell, which is a `$cell` by construction.
            fn with_cell(&mut self, change: impl FnOnce(&mut $cell)) {
                let mut cell = self.recurrence.cell.write();
                let cell: &mut dyn std::any::Any = &mut **cell;
                if let Some(cell) = cell.downcast_mut::<$cell>() {
                    change(cell);
                }
            }

            fn with_args(&mut self, change: impl FnOnce(&mut $crate::layers::rnn::cell_args::CellArgs)) {
                self.with_cell(|cell| cell.with_args(change));
            }
        }

        impl $crate::Layer for $type {
            $crate::layers::rnn::recurrent_layer::recurrent_parts!(stringify!($type), $rank);

            fn config(&self) -> $crate::Config {
                let mut config = self.recurrence.config();
                config.0.extend(self.recurrence.cell.read().config().0);
                config
            }
        }
    };
}

/// The parts of [`Layer`] that layers with a [`Recurrence`] have in common.
macro_rules! recurrent_parts {
    ($class:expr, $rank:expr) => {
        fn base(&self) -> &$crate::layer::LayerBase {
            &self.base
        }

        fn base_mut(&mut self) -> &mut $crate::layer::LayerBase {
            &mut self.base
        }

        fn build(&mut self, inputs: &[$crate::shape::Dims], cx: &$crate::layer::Build) -> $crate::Result<()> {
            self.recurrence
                .build($class, &mut self.base, inputs, $rank, cx)
        }

        fn compute_output_shape(
            &self,
            inputs: &[$crate::shape::Dims],
        ) -> $crate::Result<Vec<$crate::shape::Dims>> {
            self.recurrence
                .output_shapes(self.class_name(), inputs, $rank)
        }

        fn call_arguments(&self) -> &'static [&'static str] {
            &["initial_state", "mask"]
        }

        fn input_arguments(&self) -> &'static [&'static str] {
            &["sequences"]
        }

        fn call(
            &self,
            inputs: &[keras_ops::Tensor],
            cx: &mut $crate::layer::Call,
        ) -> $crate::Result<$crate::layer::Outputs> {
            self.recurrence.call($class, &self.base, inputs, $rank, cx)
        }

        fn compute_mask(
            &self,
            _inputs: &[keras_ops::Tensor],
            masks: &[Option<keras_ops::Tensor>],
        ) -> $crate::Result<Vec<Option<keras_ops::Tensor>>> {
            Ok(self.recurrence.compute_mask(masks))
        }

        fn sublayers(&self) -> Vec<$crate::LayerRef> {
            vec![self.recurrence.cell.clone()]
        }
    };
}

/// Builder methods for a layer with `base` and a [`Recurrence`] in `recurrence`; a generic type's parameters come
/// first, in brackets.
macro_rules! sequence_methods {
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
                self.recurrence.cell.set_trainable(trainable);
                self
            }

            /// The dtype the layer and its cell compute in and keep their weights in: a dtype, a
            /// [`DTypePolicy`](crate::DTypePolicy), or the name of one.
            #[must_use]
            pub fn dtype(mut self, dtype: impl Into<$crate::dtype_policy::PolicyArg>) -> Self {
                let dtype = dtype.into();
                self.base.set_dtype(dtype.clone());
                self.recurrence.cell.write().base_mut().set_dtype(dtype);
                self
            }

            /// Whether the output of every step is given instead of the last one's.
            #[must_use]
            pub fn return_sequences(mut self, return_sequences: bool) -> Self {
                self.recurrence.return_sequences = return_sequences;
                self
            }

            /// Whether the last states are given after the output.
            #[must_use]
            pub fn return_state(mut self, return_state: bool) -> Self {
                self.recurrence.return_state = return_state;
                self
            }

            /// Whether the last step comes first; outputs are in the order in which they were made.
            #[must_use]
            pub fn go_backwards(mut self, go_backwards: bool) -> Self {
                self.recurrence.go_backwards = go_backwards;
                self
            }

            /// Whether the last states of a batch are the first of the next. They go back to 0 by
            /// [`LayerRef::reset_state`](crate::LayerRef::reset_state).
            #[must_use]
            pub fn stateful(mut self, stateful: bool) -> Self {
                self.recurrence.stateful = stateful;
                self
            }

            /// Keras's choice of an unrolled loop; here it only has its rule for masks: a step that is left out
            /// repeats the output before it, or 0 at first.
            #[must_use]
            pub fn unroll(mut self, unroll: bool) -> Self {
                self.recurrence.unroll = unroll;
                self
            }

            /// Whether the output of a step that a mask leaves out is 0 instead of the one before.
            #[must_use]
            pub fn zero_output_for_mask(mut self, zero_output_for_mask: bool) -> Self {
                self.recurrence.zero_output_for_mask = zero_output_for_mask;
                self
            }

            /// A penalty on the outputs, divided by the batch size.
            #[must_use]
            pub fn activity_regularizer(
                mut self,
                regularizer: impl Into<crate::Spec<dyn crate::Regularizer>>,
            ) -> Self {
                self.recurrence.activity_regularizer = Some(regularizer.into());
                self
            }
        }
    };
    ($type:ty) => {
        $crate::layers::rnn::recurrent_layer::sequence_methods!([] $type);
    };
}

pub(super) use {recurrent_layer, recurrent_parts, sequence_methods};

/// Keras's choice of a cuDNN kernel, of which there is none here.
pub(super) fn read_cudnn(class_name: &str, value: Option<&serde_json::Value>) -> Result<()> {
    match value {
        None | Some(serde_json::Value::Bool(false)) => Ok(()),
        Some(value) if value == "auto" => Ok(()),
        Some(serde_json::Value::Bool(true)) => bail!(
            "{class_name}: `use_cudnn` is true, but there is no cuDNN kernel of this layer here: leave it \"auto\""
        ),
        Some(value) => bail!("{class_name}: `use_cudnn` must be \"auto\", true or false, got {value}"),
    }
}
