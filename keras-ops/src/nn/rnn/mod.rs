//! Recurrent layers over whole sequences, each one operation: inputs and states meet the kernels step by step
//! in registers, and the gradients by the kernels are one product over all steps.

mod both;
mod gru;
mod lstm;
mod run;
mod simple;

pub use both::{Direction, bidirectional_gru, bidirectional_lstm, bidirectional_simple_rnn};
pub use gru::gru;
pub use lstm::lstm;
pub use simple::simple_rnn;

use candle_core::Tensor;

pub use crate::kernels::recurrent::RecurrentActivation;

/// How a recurrent operation runs; the defaults are those of Keras's layers.
///
/// A step that the mask leaves out changes no state; its output is the state before it, or 0 with
/// `zero_output_for_mask`.
#[derive(Clone, Copy, Debug)]
pub struct RecurrentOptions<'a> {
    /// Of the candidate and the cell's state. Default: tanh.
    pub activation: RecurrentActivation,
    /// Of the gates. Default: sigmoid.
    pub recurrent_activation: RecurrentActivation,
    /// 0 where a step is left out: u8 of shape (batch, time), or (time, batch) with `time_major`.
    pub mask: Option<&'a Tensor>,
    /// Factors of the inputs, the same at every step and without gradient: (batch, features) for all gates, or
    /// (gates, batch, features).
    pub dropout: Option<&'a Tensor>,
    /// Factors of the state in the recurrent products, the same at every step and without gradient: (batch,
    /// units) for all gates, or (gates, batch, units).
    pub recurrent_dropout: Option<&'a Tensor>,
    /// Whether the last step comes first; the outputs are in the order in which they were made.
    pub go_backwards: bool,
    /// Whether the outputs are in the order of the inputs also with `go_backwards`.
    pub input_order: bool,
    /// Whether inputs are (time, batch, features), and outputs (time, batch, units).
    pub time_major: bool,
    /// Whether the output of a step that is left out is 0.
    pub zero_output_for_mask: bool,
    /// Whether every step's output is wanted instead of the last one's.
    pub return_sequences: bool,
    /// GRU: whether the reset gate is applied after the recurrent product. Default: true.
    pub reset_after: bool,
}

impl Default for RecurrentOptions<'_> {
    fn default() -> Self {
        Self {
            activation: RecurrentActivation::Tanh,
            recurrent_activation: RecurrentActivation::Sigmoid,
            mask: None,
            dropout: None,
            recurrent_dropout: None,
            go_backwards: false,
            input_order: false,
            time_major: false,
            zero_output_for_mask: false,
            return_sequences: false,
            reset_after: true,
        }
    }
}
