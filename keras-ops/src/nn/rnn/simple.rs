use candle_core::{DType, Result, Tensor};

use super::RecurrentOptions;
use super::run::{After, Arguments, Kind};
use crate::kernels::gemm::Mat;
use crate::kernels::packed::Product;
use crate::kernels::recurrent::{Act, Blocks, Given, Simple, Tanh, dropped_gradient};

/// The plain recurrent layer over a sequence: `h = a(x kernel + h recurrent_kernel + bias)` at each step. Gives
/// the outputs and the last state.
///
/// # Shapes
/// `x` (batch, time, features), `kernel` (features, units), `recurrent_kernel` (units, units), `bias` (units),
/// `initial` (batch, units), zeros without. The output is (batch, units), or (batch, time, units) with
/// `return_sequences`.
///
/// # Errors
/// When shapes or dtypes do not fit, or there is no time step.
///
/// # Examples
/// ```
/// use keras_ops::{self as ops, Device, RecurrentActivation, RecurrentOptions, Tensor};
/// let x = Tensor::new(&[[[1f32], [2.], [4.]]], &Device::Cpu)?;
/// let (kernel, recurrent) = (Tensor::new(&[[1f32]], &Device::Cpu)?, Tensor::new(&[[10f32]], &Device::Cpu)?);
/// let options = RecurrentOptions { activation: RecurrentActivation::Linear, ..Default::default() };
/// let (y, _) = ops::simple_rnn(&x, None, &kernel, &recurrent, None, &options)?;
/// assert_eq!(y.to_vec2::<f32>()?, [[124.]]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn simple_rnn(
    x: &Tensor,
    initial: Option<&Tensor>,
    kernel: &Tensor,
    recurrent_kernel: &Tensor,
    bias: Option<&Tensor>,
    options: &RecurrentOptions<'_>,
) -> Result<(Tensor, Tensor)> {
    let states = [initial, None];
    let arguments = arguments("simple_rnn", x, states, [kernel, recurrent_kernel], bias, options);
    let outputs = match arguments.dtype()? {
        DType::F64 => arguments.run::<f64, _>(given(options)),
        _ if arguments.usual() => arguments.run::<f32, _>(Plain(Tanh)),
        _ => arguments.run::<f32, _>(given(options)),
    }?;
    match <[Tensor; 2]>::try_from(outputs) {
        Ok([y, h]) => Ok((y, h)),
        Err(outputs) => candle_core::bail!("simple_rnn: expected two outputs, got {}", outputs.len()),
    }
}

pub(super) fn arguments<'a>(
    op: &'static str,
    x: &'a Tensor,
    states: [Option<&'a Tensor>; 2],
    [kernel, recurrent]: [&'a Tensor; 2],
    bias: Option<&'a Tensor>,
    options: &'a RecurrentOptions<'a>,
) -> Arguments<'a> {
    Arguments {
        op,
        x,
        kernel,
        recurrent,
        bias,
        states,
        options,
        gates: 1,
        count: 1,
        bias_shape: |units| vec![units],
    }
}

fn given(options: &RecurrentOptions<'_>) -> Plain<Given> {
    Plain(Given(options.activation))
}

/// Both directions' outputs and last states, in order.
pub(super) fn both(both: [&Arguments<'_>; 2]) -> Result<Vec<Tensor>> {
    let kinds = both.map(|arguments| given(arguments.options));
    match both[0].dtype()? {
        DType::F64 => Arguments::run_both::<f64, _>(both, kinds),
        _ if both.iter().all(|arguments| arguments.usual()) => {
            Arguments::run_both::<f32, _>(both, [Plain(Tanh); 2])
        }
        _ => Arguments::run_both::<f32, _>(both, kinds),
    }
}

#[derive(Clone, Copy)]
struct Plain<A>(A);

impl<T: Product, A: Act + 'static> Kind<T> for Plain<A> {
    type Cell<'a> = Simple<'a, T, A>;

    fn cell<'a>(
        &self,
        [features, units]: [usize; 2],
        parts: [usize; 2],
        kernel: &[T],
        recurrent: &[T],
        bias: Option<&'a [T]>,
        back: bool,
    ) -> Self::Cell<'a> {
        let pack = |values, rows, parts| Blocks::pack(Mat::new(values, rows, units), parts, back);
        Simple {
            kernel: pack(kernel, features, parts[0]),
            recurrent: pack(recurrent, units, parts[1]),
            bias,
            act: self.0,
        }
    }

    fn gradients(&self, after: &After<'_, T>, [kernel, recurrent, bias]: [bool; 3]) -> [Vec<T>; 3] {
        let units = after.units;
        let grad = (after.kept, 0..units);
        let [inputs, states] = after.factors;
        let mut dw = vec![T::ZERO; if kernel { after.features * units } else { 0 }];
        dropped_gradient(&mut dw, units, 0, after.x, grad.clone(), (inputs, 0, 1));
        let mut du = vec![T::ZERO; if recurrent { units * units } else { 0 }];
        let before = after.kept.columns(units..2 * units);
        dropped_gradient(&mut du, units, 0, before, grad, (states, 0, 1));
        let db = if bias {
            after.kept.sums(0..units)
        } else {
            Vec::new()
        };
        [dw, du, db]
    }
}
