use candle_core::{Result, Tensor};

use super::run::Arguments;
use super::{RecurrentOptions, gru, lstm, simple};

/// One direction of a bidirectional operation: its weights, first states and options.
///
/// ```
/// use keras_ops::{self as ops, Device, Direction, RecurrentActivation, RecurrentOptions, Tensor};
/// let x = Tensor::new(&[[[1f32], [2.], [4.]]], &Device::Cpu)?;
/// let one = Tensor::new(&[[1f32]], &Device::Cpu)?;
/// let ahead = Direction {
///     states: &[],
///     kernel: &one,
///     recurrent_kernel: &one,
///     bias: None,
///     options: RecurrentOptions {
///         activation: RecurrentActivation::Linear,
///         return_sequences: true,
///         ..Default::default()
///     },
/// };
/// let options = RecurrentOptions { go_backwards: true, input_order: true, ..ahead.options };
/// let back = Direction { options, ..ahead };
/// let [(y, _), (z, _)] = ops::bidirectional_simple_rnn(&x, [&ahead, &back])?;
/// assert_eq!(y.flatten_all()?.to_vec1::<f32>()?, [1., 3., 7.]);
/// assert_eq!(z.flatten_all()?.to_vec1::<f32>()?, [7., 6., 4.]);
/// # Ok::<(), ops::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Direction<'a> {
    /// The first states, all or none; zeros without.
    pub states: &'a [Tensor],
    /// The kernel of the inputs.
    pub kernel: &'a Tensor,
    /// The kernel of the state.
    pub recurrent_kernel: &'a Tensor,
    /// The bias.
    pub bias: Option<&'a Tensor>,
    /// How it runs.
    pub options: RecurrentOptions<'a>,
}

impl<'a> Direction<'a> {
    /// The first states of an operation that has `count`.
    fn states(&self, op: &str, count: usize) -> Result<[Option<&'a Tensor>; 2]> {
        match self.states {
            [] => Ok([None; 2]),
            [h] if count == 1 => Ok([Some(h), None]),
            [h, c] if count == 2 => Ok([Some(h), Some(c)]),
            states => candle_core::bail!(
                "{op}: expected {count} first states or none, got {}",
                states.len()
            ),
        }
    }
}

macro_rules! bidirectional {
    ($($(#[$doc:meta])* $name:ident: $module:ident, $states:literal -> $last:ty, |$list:ident| $build:expr;)*) => { $(
        $(#[$doc])*
        ///
        /// The directions run side by side, and the bits do not depend on the number of threads.
        ///
        /// # Errors
        /// When shapes or dtypes do not fit, or there is no time step.
        pub fn $name(x: &Tensor, directions: [&Direction<'_>; 2]) -> Result<[(Tensor, $last); 2]> {
            const OP: &str = stringify!($name);
            let [ahead, back] = directions;
            let (first, second) = (ahead.states(OP, $states)?, back.states(OP, $states)?);
            let kernels = [ahead.kernel, ahead.recurrent_kernel];
            let ahead = $module::arguments(OP, x, first, kernels, ahead.bias, &ahead.options);
            let kernels = [back.kernel, back.recurrent_kernel];
            let back = $module::arguments(OP, x, second, kernels, back.bias, &back.options);
            check(&ahead, &back)?;
            let mut $list = $module::both([&ahead, &back])?.into_iter();
            match ($build, $build) {
                (Some(ahead), Some(back)) => Ok([ahead, back]),
                _ => candle_core::bail!("{OP}: expected the outputs of two directions"),
            }
        }
    )* };
}

/// Both directions compute in one dtype.
fn check(ahead: &Arguments<'_>, back: &Arguments<'_>) -> Result<()> {
    ahead.dtype()?;
    back.dtype().map(drop)
}

bidirectional! {
    /// Two [`lstm`](crate::lstm)s over one sequence, as `Bidirectional` has them: for each its outputs and its last
    /// states `[h, c]`.
    bidirectional_lstm: lstm, 2 -> [Tensor; 2],
        |list| list.next().zip(list.next()).zip(list.next()).map(|((y, h), c)| (y, [h, c]));
    /// Two [`gru`](crate::gru)s over one sequence, as `Bidirectional` has them: for each its outputs and its last
    /// state.
    bidirectional_gru: gru, 1 -> Tensor, |list| list.next().zip(list.next());
    /// Two [`simple_rnn`](crate::simple_rnn)s over one sequence, as `Bidirectional` has them: for each its outputs and
    /// its last state.
    bidirectional_simple_rnn: simple, 1 -> Tensor, |list| list.next().zip(list.next());
}
