//! The plain recurrent layer.

use super::cell_args::cell_methods;
use super::recurrent_layer::recurrent_layer;
use super::simple_rnn_cell::SimpleRNNCell;

recurrent_layer! {
    /// The plain recurrent layer: `h = activation(x kernel + h recurrent_kernel + bias)` at each step. Its weights
    /// are those of a [`SimpleRNNCell`].
    ///
    /// # Shapes
    /// `(batch, time, features)` gives `(batch, units)`, or `(batch, time, units)` with `return_sequences`; the last
    /// state `(batch, units)` follows with `return_state`. A second input is the initial state.
    ///
    /// Differs from Keras: `activity_regularizer` counts and `seed` is saved, which Keras 3.15 forgets.
    ///
    /// # Errors
    /// When `units` is 0, the input has another rank or no step, or the initial state another shape.
    ///
    /// # Examples
    /// ```
    /// use keras_core::layer::{Build, Call};
    /// use keras_core::{LayerRef, layers::SimpleRNN};
    /// use keras_ops::{Device, Tensor};
    /// let layer = SimpleRNN::new(1).activation("linear").kernel_initializer("ones").recurrent_initializer("ones");
    /// let layer = LayerRef::new(layer.return_sequences(true));
    /// layer.build(&[vec![None, None, Some(1)]], &Build::new(&Device::Cpu))?;
    /// let x = Tensor::new(&[[[1f32], [2.], [4.]]], &Device::Cpu)?;
    /// let y = layer.read().call(&[x], &mut Call::new(false))?;
    /// assert_eq!(y.0[0].to_vec3::<f32>()?, [[[1.], [3.], [7.]]]);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    SimpleRNN of SimpleRNNCell "simple_rnn_cell", rank Some(3), "the plain recurrent layer"
}

cell_methods!(SimpleRNN,);

impl SimpleRNN {
    /// With a state of `units`.
    pub fn new(units: usize) -> Self {
        Self::of(SimpleRNNCell::new(units))
    }
}
