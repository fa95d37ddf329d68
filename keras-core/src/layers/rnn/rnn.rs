//! A cell over a sequence.

use serde_json::Value;

use super::cell::RnnCell;
use super::names;
use super::recurrence::Recurrence;
use super::recurrent_layer::{recurrent_parts, sequence_methods};
use super::stacked_rnn_cells::StackedRNNCells;
use crate::layer::{Layer, LayerBase, LayerRef};
use crate::layers::base::layer_entry;
use crate::models::config::envelope;
use crate::registry;
use crate::{Config, Registry, Result, bail};

/// Runs a [cell](RnnCell) over a sequence: [`SimpleRNNCell`](crate::layers::SimpleRNNCell),
/// [`LSTMCell`](crate::layers::LSTMCell), [`GRUCell`](crate::layers::GRUCell), a
/// [stack](StackedRNNCells) of them, or your own.
///
/// # Shapes
/// `(batch, time, …)` gives what the cell gives for a step, with the axis of time with `return_sequences`; the last
/// states follow with `return_state`. More inputs are the initial states.
///
/// # Errors
/// When the cell cannot take a step of the input, there is no step, or initial states have other shapes.
///
/// # Examples
/// ```
/// use keras_core::layers::{GRUCell, LSTMCell, RNN};
/// use keras_core::{Apply, LayerRef, input};
/// let cells = [LayerRef::new(LSTMCell::new(8)), LayerRef::new(GRUCell::new(4))];
/// let y = RNN::stacked(cells).return_sequences(true).apply(&input([10, 3]))?;
/// assert_eq!(y.shape(), [None, Some(10), Some(4)]);
/// # Ok::<(), keras_core::Error>(())
/// ```
/// A cell of your own: see [`RnnCell`].
#[derive(Debug)]
pub struct RNN {
    base: LayerBase,
    pub(super) recurrence: Recurrence,
}

sequence_methods!(RNN);
layer_entry!(RNN, "a cell over a sequence");

impl RNN {
    /// Over `cell`.
    pub fn new(cell: impl RnnCell) -> Self {
        Self::of(LayerRef::new(cell))
    }

    /// Over a stack of cells, each taking the output of the one before.
    pub fn stacked(cells: impl IntoIterator<Item = LayerRef>) -> Self {
        Self::new(StackedRNNCells::new(cells))
    }

    fn of(cell: LayerRef) -> Self {
        names::give(std::slice::from_ref(&cell));
        Self {
            base: LayerBase::default(),
            recurrence: Recurrence::new(cell),
        }
    }

    fn from_config(config: &Config, registry: &Registry) -> Result<Self> {
        let mut reader = config.reader("RNN");
        let base = LayerBase::from_reader(&mut reader)?;
        let cell: Value = reader.req("cell")?;
        let cell = reader.about("cell", registry.layers.from_value(&cell, registry))?;
        let cell = LayerRef::from_box(cell);
        if cell.read().as_cell().is_none() {
            bail!(
                "RNN: `cell` must be a cell, such as LSTMCell, got {}",
                cell.read().class_name()
            );
        }
        names::give(std::slice::from_ref(&cell));
        let recurrence = Recurrence::read(&mut reader, registry, cell)?;
        reader.finish()?;
        Ok(Self { base, recurrence })
    }
}

impl Layer for RNN {
    recurrent_parts!("RNN", None);

    fn config(&self) -> Config {
        let cell = envelope(&**self.recurrence.cell.read(), registry::core());
        let mut config = self.recurrence.config();
        config.set("cell", cell);
        config
    }
}
