//! Long short-term memory of images.

use super::cell_args::cell_methods;
use super::conv_lstm_cell::ConvLSTMCell;
use super::recurrent_layer::recurrent_layer;
use crate::layers::Size;

/// A layer over `$n` spatial axes.
macro_rules! conv_lstm {
    ($(#[$doc:meta])* $type:ident, $module:ident, $n:literal, $line:literal) => {
        pub(super) use $module::$type;
        pub(super) mod $module {
            use super::*;

            type Cell = ConvLSTMCell<$n>;

            recurrent_layer! {
                $(#[$doc])*
                ///
                /// Differs from Keras: a mask of steps works on every device.
                ///
                /// # Errors
                /// When `filters` or a size is 0, the window does not fit, the input has another rank or no step, its
                /// spatial axes or channels are not known, or initial states have other shapes.
                $type of Cell "conv_lstm_cell", rank Some($n + 3), $line
            }

            cell_methods!($type, recurrent_activation);

            impl $type {
                /// With a state of `filters` channels and a window of `kernel_size`.
                pub fn new(filters: usize, kernel_size: impl Into<Size<$n>>) -> Self {
                    Self::of(ConvLSTMCell::new(filters, kernel_size))
                }

                /// Whether the bias of the forget gate begins at 1.
                #[must_use]
                pub fn unit_forget_bias(mut self, unit_forget_bias: bool) -> Self {
                    self.with_cell(|cell| cell.unit_forget_bias = unit_forget_bias);
                    self
                }

                /// How far the window of the inputs moves at a time.
                #[must_use]
                pub fn strides(mut self, strides: impl Into<Size<$n>>) -> Self {
                    let strides = strides.into();
                    self.with_cell(|cell| cell.with_window(|window| window.strides = strides));
                    self
                }

                /// What lies beyond the borders of the inputs.
                #[must_use]
                pub fn padding(mut self, padding: keras_ops::Padding) -> Self {
                    self.with_cell(|cell| cell.with_window(|window| window.padding = padding));
                    self
                }

                /// Where the channels are.
                #[must_use]
                pub fn data_format(mut self, data_format: crate::layers::DataFormat) -> Self {
                    self.with_cell(|cell| cell.with_window(|window| window.data_format = data_format));
                    self
                }

                /// How far apart the elements of the window of the inputs are.
                #[must_use]
                pub fn dilation_rate(mut self, dilation_rate: impl Into<Size<$n>>) -> Self {
                    let dilation = dilation_rate.into();
                    self.with_cell(|cell| cell.with_window(|window| window.dilation = dilation));
                    self
                }
            }
        }
    };
}

conv_lstm! {
    /// Long short-term memory of rows of vectors: as [`LSTM`](crate::layers::LSTM), with convolutions in place of the
    /// products. Its weights are those of a [`ConvLSTMCell`].
    ///
    /// # Shapes
    /// `(batch, time, steps, channels)` gives `(batch, new steps, filters)`, or `(batch, time, new steps, filters)` with
    /// `return_sequences`; the last states `h` and `c` follow with `return_state`.
    ConvLSTM1D, one, 1, "long short-term memory of rows"
}

conv_lstm! {
    /// Long short-term memory of images: as [`LSTM`](crate::layers::LSTM), with convolutions in place of the products. Its
    /// weights are those of a [`ConvLSTMCell`].
    ///
    /// # Shapes
    /// `(batch, time, height, width, channels)` gives `(batch, new height, new width, filters)`, or with
    /// `return_sequences` `(batch, time, new height, new width, filters)`; the last states `h` and `c` follow with
    /// `return_state`.
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
    ConvLSTM2D, two, 2, "long short-term memory of images"
}

conv_lstm! {
    /// Long short-term memory of volumes: as [`LSTM`](crate::layers::LSTM), with convolutions in place of the products.
    /// Its weights are those of a [`ConvLSTMCell`].
    ///
    /// # Shapes
    /// `(batch, time, depth, height, width, channels)` gives `(batch, new depth, new height, new width, filters)`, with the
    /// axis of time with `return_sequences`; the last states `h` and `c` follow with `return_state`.
    ConvLSTM3D, three, 3, "long short-term memory of volumes"
}
