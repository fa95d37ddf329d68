use candle_core::{DType, Result, Tensor};

use super::RecurrentOptions;
use super::run::{After, Arguments, Kind};
use crate::kernels::gemm::Mat;
use crate::kernels::packed::Product;
use crate::kernels::recurrent::{Act, Blocks, Given, Lstm, Sigmoid, Tanh, dropped_gradient};

/// Long short-term memory over a sequence: at each step, with `z = x kernel + h recurrent_kernel + bias` split
/// into `i, f, g, o`, `c = s(f) c + s(i) a(g)` and `h = s(o) a(c)`; `a` is the activation, `s` the recurrent
/// one. Gives the outputs and the last states `[h, c]`.
///
/// `initial` holds the first `[h, c]`, zeros without. Gradients flow to everything but the mask and the
/// dropout factors.
///
/// # Shapes
/// `x` (batch, time, features), `kernel` (features, 4 units), `recurrent_kernel` (units, 4 units), `bias`
/// (4 units), states (batch, units). The output is (batch, units), or (batch, time, units) with
/// `return_sequences`.
///
/// # Errors
/// When shapes or dtypes do not fit, or there is no time step.
///
/// # Examples
/// ```
/// use keras_ops::{self as ops, DType, Device, RecurrentOptions, Tensor};
/// let x = Tensor::zeros((2, 5, 3), DType::F32, &Device::Cpu)?;
/// let (kernel, recurrent) = (Tensor::zeros((3, 16), DType::F32, &Device::Cpu)?, Tensor::zeros((4, 16), DType::F32, &Device::Cpu)?);
/// let options = RecurrentOptions { return_sequences: true, ..Default::default() };
/// let (y, [h, c]) = ops::lstm(&x, None, &kernel, &recurrent, None, &options)?;
/// assert_eq!(y.dims(), [2, 5, 4]);
/// assert_eq!((h.dims(), c.to_vec2::<f32>()?[0][0]), (&[2, 4][..], 0.)); // c = c / 2 + tanh(0) / 2
/// # Ok::<(), ops::Error>(())
/// ```
pub fn lstm(
    x: &Tensor,
    initial: Option<[&Tensor; 2]>,
    kernel: &Tensor,
    recurrent_kernel: &Tensor,
    bias: Option<&Tensor>,
    options: &RecurrentOptions<'_>,
) -> Result<(Tensor, [Tensor; 2])> {
    let states = initial.map_or([None; 2], |states| states.map(Some));
    let arguments = arguments("lstm", x, states, [kernel, recurrent_kernel], bias, options);
    let outputs = match arguments.dtype()? {
        DType::F64 => arguments.run::<f64, _>(given(options)),
        _ if arguments.usual() => arguments.run::<f32, _>(Long(Tanh, Sigmoid)),
        _ => arguments.run::<f32, _>(given(options)),
    }?;
    match <[Tensor; 3]>::try_from(outputs) {
        Ok([y, h, c]) => Ok((y, [h, c])),
        Err(outputs) => candle_core::bail!("lstm: expected three outputs, got {}", outputs.len()),
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
        gates: 4,
        count: 2,
        bias_shape: |units| vec![4 * units],
    }
}

fn given(options: &RecurrentOptions<'_>) -> Long<Given, Given> {
    Long(Given(options.activation), Given(options.recurrent_activation))
}

/// Both directions' outputs and last states, in order.
pub(super) fn both(both: [&Arguments<'_>; 2]) -> Result<Vec<Tensor>> {
    let kinds = both.map(|arguments| given(arguments.options));
    match both[0].dtype()? {
        DType::F64 => Arguments::run_both::<f64, _>(both, kinds),
        _ if both.iter().all(|arguments| arguments.usual()) => {
            Arguments::run_both::<f32, _>(both, [Long(Tanh, Sigmoid); 2])
        }
        _ => Arguments::run_both::<f32, _>(both, kinds),
    }
}

#[derive(Clone, Copy)]
struct Long<A, R>(A, R);

impl<T: Product, A: Act + 'static, R: Act + 'static> Kind<T> for Long<A, R> {
    type Cell<'a> = Lstm<'a, T, A, R>;

    fn cell<'a>(
        &self,
        [features, units]: [usize; 2],
        parts: [usize; 2],
        kernel: &[T],
        recurrent: &[T],
        bias: Option<&'a [T]>,
        back: bool,
    ) -> Self::Cell<'a> {
        let pack = |values, rows, parts| Blocks::pack(Mat::new(values, rows, 4 * units), parts, back);
        Lstm {
            kernel: pack(kernel, features, parts[0]),
            recurrent: pack(recurrent, units, parts[1]),
            bias,
            act: self.0,
            gate: self.1,
        }
    }

    fn gradients(&self, after: &After<'_, T>, [kernel, recurrent, bias]: [bool; 3]) -> [Vec<T>; 3] {
        let (units, width) = (after.units, 4 * after.units);
        let gates = (after.kept, 0..width);
        let [inputs, states] = after.factors;
        let mut dw = vec![T::ZERO; if kernel { after.features * width } else { 0 }];
        dropped_gradient(&mut dw, width, 0, after.x, gates.clone(), (inputs, 0, 4));
        let mut du = vec![T::ZERO; if recurrent { units * width } else { 0 }];
        let before = after.kept.columns(6 * units..7 * units);
        dropped_gradient(&mut du, width, 0, before, gates, (states, 0, 4));
        let db = if bias {
            after.kept.sums(0..width)
        } else {
            Vec::new()
        };
        [dw, du, db]
    }
}
