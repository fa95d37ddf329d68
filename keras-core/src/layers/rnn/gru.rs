//! The gated recurrent unit.

use super::cell_args::cell_methods;
use super::gru_cell::GRUCell;
use super::recurrent_layer::recurrent_layer;

recurrent_layer! {
    /// The gated recurrent unit over a sequence: at each step the gates `z` and `r` are
    /// `s(x kernel + h recurrent_kernel + bias)` by their columns, and `h = z h + (1 - z) a(candidate)`; `a` is the
    /// activation, `s` the recurrent one. Its weights are those of a [`GRUCell`], which tells of the candidate.
    ///
    /// A mask leaves steps out: they change no state, and their output is the one before, or 0 with
    /// `zero_output_for_mask`. As in Keras, the sequence's own mask does not count where an initial state is given as an
    /// argument; one given as the argument `mask` does.
    ///
    /// # Shapes
    /// `(batch, time, features)` gives `(batch, units)`, or `(batch, time, units)` with `return_sequences`; the last
    /// state `(batch, units)` follows with `return_state`. A second input is the initial state.
    ///
    /// # Errors
    /// When `units` is 0, the input has another rank or no step, or the initial state another shape.
    ///
    /// # Examples
    /// ```
    /// use keras_core::{Sequential, layers::GRU};
    /// let model = Sequential::new().input([10, 8]).add(GRU::new(4)).build()?;
    /// assert_eq!(model.count_params(), 3 * 4 * (8 + 4 + 2));
    /// let before = Sequential::new().input([10, 8]).add(GRU::new(4).reset_after(false)).build()?;
    /// assert_eq!(before.count_params(), 3 * 4 * (8 + 4 + 1));
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    GRU of GRUCell "gru_cell", rank Some(3), "the gated recurrent unit", "use_cudnn"
}

cell_methods!(GRU, recurrent_activation);

impl GRU {
    /// With a state of `units`.
    pub fn new(units: usize) -> Self {
        Self::of(GRUCell::new(units))
    }

    /// Whether the reset gate is applied after the recurrent product, which then has a bias of its own.
    #[must_use]
    pub fn reset_after(mut self, reset_after: bool) -> Self {
        self.with_cell(|cell| cell.reset_after = reset_after);
        self
    }
}
