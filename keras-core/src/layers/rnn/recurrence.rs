//! What the recurrent layers share: a cell and how it runs over a sequence.

use std::any::Any;

use keras_ops::Tensor;

use super::cell::{RnnCell, Sequence};
use super::steps;
use super::{GRU, LSTM, RNN, SimpleRNN};
use crate::config::Reader;
use crate::layer::{Build, Call, LayerBase, LayerRef, Outputs};
use crate::layers::base::{
    add_activity_loss, cast_input, expect_min_rank, expect_rank, nested_value, read_nested, resolve,
};
use crate::shape::{self, Dims};
use crate::{Config, Layer, Registry, Regularizer, Result, Spec, Variable, bail};

/// A cell and how it runs over a sequence.
#[derive(Debug)]
pub(in crate::layers) struct Recurrence {
    pub(in crate::layers) cell: LayerRef,
    pub(in crate::layers) return_sequences: bool,
    pub(in crate::layers) return_state: bool,
    pub(in crate::layers) go_backwards: bool,
    pub(in crate::layers) stateful: bool,
    pub(in crate::layers) unroll: bool,
    pub(in crate::layers) zero_output_for_mask: bool,
    pub(in crate::layers) activity_regularizer: Option<Spec<dyn Regularizer>>,
    /// Where a stateful layer keeps its last states.
    states: Vec<Variable>,
}

impl Recurrence {
    pub(super) fn new(cell: LayerRef) -> Self {
        Self {
            cell,
            return_sequences: false,
            return_state: false,
            go_backwards: false,
            stateful: false,
            unroll: false,
            zero_output_for_mask: false,
            activity_regularizer: None,
            states: Vec::new(),
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>, registry: &Registry, cell: LayerRef) -> Result<Self> {
        Ok(Self {
            return_sequences: reader.or("return_sequences", false)?,
            return_state: reader.or("return_state", false)?,
            go_backwards: reader.or("go_backwards", false)?,
            stateful: reader.or("stateful", false)?,
            unroll: reader.or("unroll", false)?,
            zero_output_for_mask: reader.or("zero_output_for_mask", false)?,
            activity_regularizer: read_nested(reader, "activity_regularizer", registry)?,
            ..Self::new(cell)
        })
    }

    pub(super) fn config(&self) -> Config {
        Config::new()
            .with("return_sequences", self.return_sequences)
            .with("return_state", self.return_state)
            .with("go_backwards", self.go_backwards)
            .with("stateful", self.stateful)
            .with("unroll", self.unroll)
            .with("zero_output_for_mask", self.zero_output_for_mask)
            .with(
                "activity_regularizer",
                nested_value(self.activity_regularizer.as_ref()),
            )
    }

    /// Gives `f` the cell.
    fn with<R>(&self, class_name: &str, f: impl FnOnce(&dyn RnnCell) -> Result<R>) -> Result<R> {
        let cell = self.cell.read();
        match cell.as_cell() {
            Some(cell) => f(cell),
            None => bail!(
                "{class_name}: {} is no cell: expected a layer whose `as_cell` gives itself, such as LSTMCell",
                cell.class_name()
            ),
        }
    }

    /// An error unless the cell is one.
    pub(super) fn check(&self, class_name: &str) -> Result<()> {
        self.with(class_name, |_| Ok(()))
    }

    pub(super) fn build(
        &mut self,
        class_name: &str,
        base: &mut LayerBase,
        inputs: &[Dims],
        rank: Option<usize>,
        cx: &Build,
    ) -> Result<()> {
        resolve(&mut self.activity_regularizer)?;
        let step = step_dims(class_name, inputs, rank)?;
        self.cell.build(std::slice::from_ref(&step), cx)?;
        if !self.stateful {
            return Ok(());
        }
        if step[0].is_none() {
            bail!(
                "{class_name}: a stateful layer needs a fixed batch size, got an input of shape {}: give the model's \
                 input its batch size (`InputLayer::with_batch_shape`)",
                shape::show(&inputs[0])
            );
        }
        let (shapes, dtype) = self.with(class_name, |cell| {
            Ok((cell.state_shapes(&step)?, cell.base().compute_dtype()))
        })?;
        for dims in shapes {
            let known: Option<Vec<usize>> = dims.iter().copied().collect();
            let Some(known) = known else {
                bail!(
                    "{class_name}: the shape of a state is not known: {}",
                    shape::show(&dims)
                );
            };
            self.states.push(base.add_state("rnn_state", &known, dtype, cx)?);
        }
        Ok(())
    }

    pub(super) fn output_shapes(
        &self,
        class_name: &str,
        inputs: &[Dims],
        rank: Option<usize>,
    ) -> Result<Vec<Dims>> {
        let step = step_dims(class_name, inputs, rank)?;
        let (mut shapes, states) = self.with(class_name, |cell| {
            let states = cell.state_shapes(&step)?;
            Ok((cell.compute_output_shape(&[step])?, states))
        })?;
        shapes.truncate(1);
        if let (true, Some(output)) = (self.return_sequences, shapes.first_mut()) {
            output.insert(1, inputs[0][1]);
        }
        if self.return_state {
            shapes.extend(states);
        }
        Ok(shapes)
    }

    pub(super) fn call(
        &self,
        class_name: &str,
        base: &LayerBase,
        inputs: &[Tensor],
        rank: Option<usize>,
        cx: &mut Call,
    ) -> Result<Outputs> {
        let dims: Vec<Dims> = inputs.iter().map(|x| shape::dims_of(x.dims())).collect();
        step_dims(class_name, &dims, rank)?;
        let (output, states) = self.with(class_name, |cell| self.run(class_name, cell, inputs, cx))?;
        for (variable, state) in self.states.iter().zip(&states) {
            variable.assign(state)?;
        }
        let states = states.into_iter().filter(|_| self.return_state);
        let outputs = std::iter::once(output)
            .chain(states)
            .map(|output| cast_input(base, &output))
            .collect::<Result<Vec<_>>>()?;
        for output in &outputs {
            add_activity_loss(self.activity_regularizer.as_ref(), output, cx)?;
        }
        Ok(outputs.into())
    }

    /// The output and the last states.
    fn run(
        &self,
        class_name: &str,
        cell: &dyn RnnCell,
        inputs: &[Tensor],
        cx: &mut Call,
    ) -> Result<(Tensor, Vec<Tensor>)> {
        let cast = |x: &Tensor| cast_input(cell.base(), x);
        let (x, given) = sequence_and_states(class_name, inputs, cx)?;
        let x = cast(x)?;
        if x.dims()[1] == 0 {
            bail!(
                "{class_name}: expected at least one time step, got a sequence of shape {:?}",
                x.dims()
            );
        }
        let first = steps::at(&x, 0)?;
        let given = given.iter().map(cast).collect::<Result<Vec<_>>>()?;
        let states = self.first_states(class_name, cell, &first, given)?;
        let mask = cx.masks.first().cloned().flatten();
        let mask = mask
            .map(|mask| steps::mask_of(class_name, &mask, x.dims()))
            .transpose()?;
        let draws = cell.draw(first.dims(), &states, cx)?;
        let sequence = Sequence {
            x: &x,
            states: &states,
            mask: mask.as_ref(),
            draws: &draws,
            go_backwards: self.go_backwards,
            return_sequences: self.return_sequences,
            zero_output_for_mask: self.zero_output_for_mask,
        };
        // The masks and arguments are this layer's, not the cell's.
        let masks = std::mem::take(&mut cx.masks);
        let arguments = std::mem::take(&mut cx.arguments);
        let done = steps::run(cell, &sequence, self.unroll, cx);
        (cx.masks, cx.arguments) = (masks, arguments);
        done
    }

    fn first_states(
        &self,
        class_name: &str,
        cell: &dyn RnnCell,
        first: &Tensor,
        given: Vec<Tensor>,
    ) -> Result<Vec<Tensor>> {
        if let Some(state) = self.states.first()
            && state.shape().first() != first.dims().first()
        {
            bail!(
                "{class_name}: a stateful layer expects batches of {} samples, as the states it keeps, got {}",
                state.shape().first().copied().unwrap_or_default(),
                first.dims().first().copied().unwrap_or_default()
            );
        }
        if given.is_empty() {
            return match self.states.is_empty() {
                true => cell.get_initial_state(first),
                // A copy: the states are written over while the gradients still need them.
                false => self.states.iter().map(Variable::snapshot).collect(),
            };
        }
        let shapes = cell.state_shapes(&shape::dims_of(first.dims()))?;
        let fits = |(shape, state): (&Dims, &Tensor)| shape::fits(shape, state.dims());
        if shapes.len() != given.len() || !shapes.iter().zip(&given).all(fits) {
            let show = |dims: &Dims| shape::show(dims);
            let expected: Vec<String> = shapes.iter().map(show).collect();
            let got: Vec<String> = given.iter().map(|s| show(&shape::dims_of(s.dims()))).collect();
            bail!(
                "{class_name}: expected an initial state of {} tensors of shapes {}, got {}",
                expected.len(),
                expected.join(", "),
                got.join(", ")
            );
        }
        Ok(given)
    }

    /// The mask of the output; the states have none.
    pub(super) fn compute_mask(&self, masks: &[Option<Tensor>]) -> Vec<Option<Tensor>> {
        vec![masks.first().cloned().flatten().filter(|_| self.return_sequences)]
    }
}

/// The shape of a step's input.
fn step_dims(class_name: &str, inputs: &[Dims], rank: Option<usize>) -> Result<Dims> {
    let Some(input) = inputs.first() else {
        bail!("{class_name}: expected a sequence, got no input");
    };
    match rank {
        Some(rank) => expect_rank(class_name, input, rank)?,
        None => expect_min_rank(class_name, input, 2)?,
    }
    let mut step = input.clone();
    step.remove(1);
    Ok(step)
}

/// A sequence and its initial states among a layer's inputs: named `initial_state`, or after the sequence.
pub(super) fn sequence_and_states<'a>(
    class_name: &str,
    inputs: &'a [Tensor],
    cx: &Call,
) -> Result<(&'a Tensor, &'a [Tensor])> {
    let Some((x, more)) = cx.arguments.positional(inputs).split_first() else {
        bail!("{class_name}: expected a sequence, got no input");
    };
    match cx.arguments.named(inputs, "initial_state") {
        [] => Ok((x, more)),
        states => Ok((x, states)),
    }
}

/// An argument of a layer that is true or false, by its configuration.
pub(super) fn flag(layer: &dyn Layer, key: &str) -> bool {
    let config = layer.config();
    config.get(key).and_then(serde_json::Value::as_bool).unwrap_or(false)
}

/// How the layer runs its cell, where it is one of this room's.
pub(super) fn recurrence_mut(layer: &mut dyn Layer) -> Option<&mut Recurrence> {
    let layer: &mut dyn Any = layer;
    macro_rules! one_of {
        ($($type:ty),*) => { $(
            if layer.is::<$type>() {
                return layer.downcast_mut::<$type>().map(|layer| &mut layer.recurrence);
            }
        )* };
    }
    one_of!(GRU, LSTM, RNN, SimpleRNN);
    None
}

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
        $crate::layers::rnn::recurrence::sequence_methods!($type);

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
                $( $crate::layers::rnn::recurrence::read_cudnn(stringify!($type), reader.raw($cudnn))?; )?
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
            $crate::layers::rnn::recurrence::recurrent_parts!($rank);

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
    ($rank:expr) => {
        fn base(&self) -> &$crate::layer::LayerBase {
            &self.base
        }

        fn base_mut(&mut self) -> &mut $crate::layer::LayerBase {
            &mut self.base
        }

        fn build(
            &mut self,
            inputs: &[$crate::shape::Dims],
            cx: &$crate::layer::Build,
        ) -> $crate::Result<()> {
            let class_name = $crate::config::type_class_name::<Self>();
            self.recurrence
                .build(class_name, &mut self.base, inputs, $rank, cx)
        }

        fn compute_output_shape(
            &self,
            inputs: &[$crate::shape::Dims],
        ) -> $crate::Result<Vec<$crate::shape::Dims>> {
            self.recurrence.output_shapes(self.class_name(), inputs, $rank)
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
            self.recurrence
                .call(self.class_name(), &self.base, inputs, $rank, cx)
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

/// Builder methods for a layer with `base` and a [`Recurrence`] in `recurrence`.
macro_rules! sequence_methods {
    ($type:ty) => {
        impl $type {
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

            /// The dtype the layer computes in and keeps its weights in.
            #[must_use]
            pub fn dtype(mut self, dtype: keras_ops::DType) -> Self {
                self.base.set_dtype(dtype);
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
