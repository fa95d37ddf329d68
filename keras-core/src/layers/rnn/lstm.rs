//! Long short-term memory.

use super::cell_args::cell_methods;
use super::lstm_cell::LSTMCell;
use super::recurrent_layer::recurrent_layer;

recurrent_layer! {
    /// Long short-term memory over a sequence: at each step, with `x kernel + h recurrent_kernel + bias` split into
    /// `i, f, g, o`, `c = s(f) c + s(i) a(g)` and `h = s(o) a(c)`; `a` is the activation, `s` the recurrent one. Its
    /// weights are those of an [`LSTMCell`].
    ///
    /// A mask leaves steps out: they change no state, and their output is the one before, or 0 with
    /// `zero_output_for_mask`. As in Keras, the sequence's own mask does not count where an initial state is given as an
    /// argument; one given as the argument `mask` does.
    ///
    /// # Shapes
    /// `(batch, time, features)` gives `(batch, units)`, or `(batch, time, units)` with `return_sequences`; the last
    /// states `h` and `c`, `(batch, units)` each, follow with `return_state`. Two more inputs are the initial states.
    ///
    /// # Errors
    /// When `units` is 0, the input has another rank or no step, or the initial states other shapes.
    ///
    /// # Examples
    /// ```
    /// use keras_core::{Sequential, layers::{Dense, LSTM}};
    /// let model = Sequential::new()
    ///     .input([50, 8])
    ///     .add(LSTM::new(32).return_sequences(true))
    ///     .add(LSTM::new(16).dropout(0.2))
    ///     .add(Dense::new(1))
    ///     .build()?;
    /// assert_eq!(model.layers()[2].read().count_params(), 4 * 16 * (32 + 16 + 1));
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    /// A layer of zeros halves `c` at each step and adds nothing:
    /// ```
    /// use keras_core::layer::{Build, Call};
    /// use keras_core::{LayerRef, layers::LSTM};
    /// use keras_ops::{DType, Device, Tensor};
    /// let layer = LSTM::new(1).kernel_initializer("zeros").recurrent_initializer("zeros").use_bias(false);
    /// let layer = LayerRef::new(layer.return_state(true));
    /// layer.build(&[vec![None, None, Some(3)]], &Build::new(&Device::Cpu))?;
    /// let x = Tensor::zeros((1, 2, 3), DType::F32, &Device::Cpu)?;
    /// let (h, c) = (Tensor::new(&[[1f32]], &Device::Cpu)?, Tensor::new(&[[8f32]], &Device::Cpu)?);
    /// let outputs = layer.read().call(&[x, h, c], &mut Call::new(false))?.0;
    /// assert_eq!(outputs[2].to_vec2::<f32>()?, [[2.]]);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    LSTM of LSTMCell "lstm_cell", rank Some(3), "long short-term memory", "use_cudnn"
}

cell_methods!(LSTM, recurrent_activation);

impl LSTM {
    /// With a state of `units`.
    pub fn new(units: usize) -> Self {
        Self::of(LSTMCell::new(units))
    }

    /// Whether the bias of the forget gate begins at 1.
    #[must_use]
    pub fn unit_forget_bias(mut self, unit_forget_bias: bool) -> Self {
        self.with_cell(|cell| cell.unit_forget_bias = unit_forget_bias);
        self
    }
}
