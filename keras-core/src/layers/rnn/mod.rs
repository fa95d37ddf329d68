//! Recurrent layers.
//!
//! A [`RnnCell`] makes one step; [`RNN`] and the layers made of it run a cell over a sequence. The cells over
//! features do all steps as one operation of `keras_ops` where they can; other activations, and cells of your own,
//! go step by step.

mod bidirectional;
mod cell;
mod cell_args;
mod conv_lstm;
mod conv_lstm_cell;
mod gated;
mod gru;
mod gru_cell;
mod lstm;
mod lstm_cell;
mod names;
mod recurrence;
mod recurrent_layer;
#[expect(clippy::module_inception, reason = "files are named like their types")]
mod rnn;
mod simple_rnn;
mod simple_rnn_cell;
mod stacked_rnn_cells;
mod steps;
mod time_distributed;

pub use bidirectional::{Bidirectional, MergeMode};
pub use cell::{Draws, RnnCell, Sequence};
pub use conv_lstm::{ConvLSTM, ConvLSTM1D, ConvLSTM2D, ConvLSTM3D};
pub use conv_lstm_cell::ConvLSTMCell;
pub use gru::GRU;
pub use gru_cell::GRUCell;
pub use lstm::LSTM;
pub use lstm_cell::LSTMCell;
pub use rnn::RNN;
pub use simple_rnn::SimpleRNN;
pub use simple_rnn_cell::SimpleRNNCell;
pub use stacked_rnn_cells::StackedRNNCells;
pub use time_distributed::TimeDistributed;

use crate::{Entry, Layer};

/// The layers of this room.
pub(super) static ENTRIES: &[Entry<dyn Layer>] = &[
    bidirectional::ENTRY,
    ConvLSTM::<1>::ENTRY,
    ConvLSTM::<2>::ENTRY,
    ConvLSTM::<3>::ENTRY,
    conv_lstm_cell::ENTRY,
    gru::ENTRY,
    gru_cell::ENTRY,
    lstm::ENTRY,
    lstm_cell::ENTRY,
    rnn::ENTRY,
    simple_rnn::ENTRY,
    simple_rnn_cell::ENTRY,
    stacked_rnn_cells::ENTRY,
    time_distributed::ENTRY,
];
