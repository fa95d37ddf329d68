//! Long short-term memory of images.

use std::any::Any;

use super::cell_args::{CellArgs, cell_methods};
use super::conv_lstm_cell::ConvLSTMCell;
use super::recurrence::Recurrence;
use super::recurrent_layer::{recurrent_parts, sequence_methods};
use crate::layer::LayerBase;
use crate::layers::window::Window;
use crate::layers::{DataFormat, Size};
use crate::{Config, Entry, Layer, LayerRef, Registry, Result};

/// Long short-term memory over `N` spatial axes. See [`ConvLSTM2D`].
#[derive(Debug)]
pub struct ConvLSTM<const N: usize> {
    base: LayerBase,
    pub(super) recurrence: Recurrence,
}

/// Long short-term memory of rows of vectors: see [`ConvLSTM2D`].
///
/// # Shapes
/// `(batch, time, steps, channels)` gives `(batch, steps', filters)`, or `(batch, time, steps', filters)` with
/// `return_sequences`; the last states `h` and `c` follow with `return_state`.
///
/// # Errors
/// As [`ConvLSTM2D`].
pub type ConvLSTM1D = ConvLSTM<1>;

/// Long short-term memory of images: as [`LSTM`](crate::layers::LSTM), with convolutions in place of the products. Its
/// weights are those of a [`ConvLSTMCell`].
///
/// # Shapes
/// `(batch, time, height, width, channels)` gives `(batch, height', width', filters)`, or with `return_sequences`
/// `(batch, time, height', width', filters)`; the last states `h` and `c`, `(batch, height', width', filters)` each,
/// follow with `return_state`. The call argument `initial_state` has the first ones.
///
/// Differs from Keras: a mask of steps works on every device, and `unroll` is taken.
///
/// # Errors
/// When `filters` or a size is 0, strides and dilation are both above 1, the window does not fit, the input has another
/// rank or no step, its spatial axes or channels are not known, or initial states have other shapes.
///
/// # Examples
/// ```
/// use keras_core::layers::{ConvLSTM2D, Padding};
/// use keras_core::{Apply, input};
/// let video = input([10, 32, 32, 3]);
/// let y = ConvLSTM2D::new(16, 3).padding(Padding::Same).return_sequences(true).apply(&video)?;
/// assert_eq!(y.shape(), [None, Some(10), Some(32), Some(32), Some(16)]);
/// # Ok::<(), keras_core::Error>(())
/// ```
pub type ConvLSTM2D = ConvLSTM<2>;

/// Long short-term memory of volumes: see [`ConvLSTM2D`].
///
/// # Shapes
/// `(batch, time, depth, height, width, channels)` gives `(batch, depth', height', width', filters)`, with the axis of
/// time with `return_sequences`; the last states `h` and `c` follow with `return_state`.
///
/// # Errors
/// As [`ConvLSTM2D`].
pub type ConvLSTM3D = ConvLSTM<3>;

sequence_methods!([const N: usize] ConvLSTM<N>);
cell_methods!([const N: usize] ConvLSTM<N>, recurrent_activation);

const CELL: &str = "conv_lstm_cell";

impl<const N: usize> ConvLSTM<N> {
    const CLASS: &'static str = ["ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"][N - 1];

    pub(super) const ENTRY: Entry<dyn Layer> = Entry {
        class_name: Self::CLASS,
        module: "keras.layers",
        aliases: &[],
        doc: "long short-term memory of images",
        build: |config, registry| Ok(Box::new(Self::from_config(config, registry)?)),
    };

    /// With a state of `filters` channels and a window of `kernel_size`.
    pub fn new(filters: usize, kernel_size: impl Into<Size<N>>) -> Self {
        let mut cell = ConvLSTMCell::<N>::new(filters, kernel_size);
        cell.base_mut().set_name(CELL.to_owned());
        Self {
            base: LayerBase::default(),
            recurrence: Recurrence::new(LayerRef::new(cell)),
        }
    }

    /// Whether the bias of the forget gate begins at 1.
    #[must_use]
    pub fn unit_forget_bias(mut self, unit_forget_bias: bool) -> Self {
        self.with_cell(|cell| cell.unit_forget_bias = unit_forget_bias);
        self
    }

    /// How far the window of the inputs moves; 1 unless given.
    #[must_use]
    pub fn strides(mut self, strides: impl Into<Size<N>>) -> Self {
        let strides = strides.into();
        self.with_window(|window| window.strides = strides);
        self
    }

    /// How the border of the inputs is treated; [`Padding::Valid`](keras_ops::Padding::Valid) unless given.
    #[must_use]
    pub fn padding(mut self, padding: keras_ops::Padding) -> Self {
        self.with_window(|window| window.padding = padding);
        self
    }

    /// Where the channels are; last unless given.
    #[must_use]
    pub fn data_format(mut self, data_format: DataFormat) -> Self {
        self.with_window(|window| window.data_format = data_format);
        self
    }

    /// The distance between the elements of the window of the inputs; 1 unless given.
    #[must_use]
    pub fn dilation_rate(mut self, dilation_rate: impl Into<Size<N>>) -> Self {
        let dilation = dilation_rate.into();
        self.with_window(|window| window.dilation = dilation);
        self
    }

    fn from_config(config: &Config, registry: &Registry) -> Result<Self> {
        let mut reader = config.reader(Self::CLASS);
        let base = LayerBase::from_reader(&mut reader)?;
        let mut cell = LayerBase::from_reader(&mut reader)?;
        cell.set_name(CELL.to_owned());
        let cell = ConvLSTMCell::<N>::read(&mut reader, registry, cell)?;
        let recurrence = Recurrence::read(&mut reader, registry, LayerRef::new(cell))?;
        reader.finish()?;
        Ok(Self { base, recurrence })
    }

    /// Changes the cell, which is a [`ConvLSTMCell`] by construction.
    fn with_cell(&mut self, change: impl FnOnce(&mut ConvLSTMCell<N>)) {
        let mut cell = self.recurrence.cell.write();
        let cell: &mut dyn Any = &mut **cell;
        if let Some(cell) = cell.downcast_mut() {
            change(cell);
        }
    }

    fn with_args(&mut self, change: impl FnOnce(&mut CellArgs)) {
        self.with_cell(|cell| cell.with_args(change));
    }

    fn with_window(&mut self, change: impl FnOnce(&mut Window<N>)) {
        self.with_cell(|cell| cell.with_window(change));
    }
}

impl<const N: usize> Layer for ConvLSTM<N> {
    recurrent_parts!(Self::CLASS, Some(N + 3));

    fn class_name(&self) -> &str {
        Self::CLASS
    }

    fn config(&self) -> Config {
        let mut config = self.recurrence.config();
        config.0.extend(self.recurrence.cell.read().config().0);
        config
    }
}
