use candle_core::{DType, Result, Tensor};

use super::RecurrentOptions;
use super::run::{After, Arguments, Kind};
use crate::kernels::gemm::Mat;
use crate::kernels::packed::Product;
use crate::kernels::recurrent::{Act, Blocks, Given, Gru, Sigmoid, Tanh, dropped_gradient};

/// The gated recurrent unit over a sequence: at each step `z` and `r` are
/// `s(x kernel + h recurrent_kernel + bias)` by their columns (in the order z, r, candidate), and
/// `h = z h + (1 - z) a(candidate)`. Gives the outputs and the last state.
///
/// The candidate is `x W + b + r (h U + c)` with `reset_after` (Keras's default), where `bias` is (2, 3 units)
/// with `b` in the first row and `c` in the second; `x W + b + (r h) U` without, where `bias` is (3 units).
///
/// # Shapes
/// `x` (batch, time, features), `kernel` (features, 3 units), `recurrent_kernel` (units, 3 units), `initial`
/// (batch, units), zeros without. The output is (batch, units), or (batch, time, units) with
/// `return_sequences`.
///
/// # Errors
/// When shapes or dtypes do not fit, or there is no time step.
///
/// # Examples
/// ```
/// use keras_ops::{self as ops, DType, Device, RecurrentOptions, Tensor};
/// let x = Tensor::zeros((2, 5, 3), DType::F32, &Device::Cpu)?;
/// let (kernel, recurrent) = (Tensor::zeros((3, 6), DType::F32, &Device::Cpu)?, Tensor::zeros((2, 6), DType::F32, &Device::Cpu)?);
/// let first = Tensor::ones((2, 2), DType::F32, &Device::Cpu)?;
/// let (y, h) = ops::gru(&x, Some(&first), &kernel, &recurrent, None, &RecurrentOptions::default())?;
/// assert_eq!(y.to_vec2::<f32>()?[0], [0.5f32.powi(5); 2]); // z is 1/2, the candidate 0
/// assert_eq!(h.dims(), [2, 2]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn gru(
    x: &Tensor,
    initial: Option<&Tensor>,
    kernel: &Tensor,
    recurrent_kernel: &Tensor,
    bias: Option<&Tensor>,
    options: &RecurrentOptions<'_>,
) -> Result<(Tensor, Tensor)> {
    let states = [initial, None];
    let arguments = arguments("gru", x, states, [kernel, recurrent_kernel], bias, options);
    let outputs = match arguments.dtype()? {
        DType::F64 => arguments.run::<f64, _>(given(options)),
        _ if arguments.usual() => arguments.run::<f32, _>(Gated(Tanh, Sigmoid, options.reset_after)),
        _ => arguments.run::<f32, _>(given(options)),
    }?;
    match <[Tensor; 2]>::try_from(outputs) {
        Ok([y, h]) => Ok((y, h)),
        Err(outputs) => candle_core::bail!("gru: expected two outputs, got {}", outputs.len()),
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
        gates: 3,
        count: 1,
        bias_shape: if options.reset_after {
            |units| vec![2, 3 * units]
        } else {
            |units| vec![3 * units]
        },
    }
}

fn given(options: &RecurrentOptions<'_>) -> Gated<Given, Given> {
    Gated(
        Given(options.activation),
        Given(options.recurrent_activation),
        options.reset_after,
    )
}

/// Both directions' outputs and last states, in order.
pub(super) fn both(both: [&Arguments<'_>; 2]) -> Result<Vec<Tensor>> {
    let kinds = both.map(|arguments| given(arguments.options));
    match both[0].dtype()? {
        DType::F64 => Arguments::run_both::<f64, _>(both, kinds),
        _ if both.iter().all(|arguments| arguments.usual()) => {
            let kinds = both.map(|arguments| Gated(Tanh, Sigmoid, arguments.options.reset_after));
            Arguments::run_both::<f32, _>(both, kinds)
        }
        _ => Arguments::run_both::<f32, _>(both, kinds),
    }
}

/// The activations, and whether the reset gate is applied after the product.
#[derive(Clone, Copy)]
struct Gated<A, R>(A, R, bool);

impl<T: Product, A: Act + 'static, R: Act + 'static> Kind<T> for Gated<A, R> {
    type Cell<'a> = Gru<'a, T, A, R>;

    fn cell<'a>(
        &self,
        [features, units]: [usize; 2],
        parts: [usize; 2],
        kernel: &[T],
        recurrent: &[T],
        bias: Option<&'a [T]>,
        back: bool,
    ) -> Self::Cell<'a> {
        let columns = |values, rows, cols| Mat {
            data: values,
            rows,
            cols,
            row_stride: 3 * units,
            col_stride: 1,
        };
        // Without the reset after the product, the candidate's columns stand apart.
        let after = self.2;
        let (gates, parts_h) = match (after, parts[1]) {
            (true, parts) => (3 * units, parts),
            (false, parts) => (2 * units, parts.min(2)),
        };
        let candidate = columns(recurrent.get(2 * units..).unwrap_or_default(), units, units);
        Gru {
            kernel: Blocks::pack(columns(kernel, features, 3 * units), parts[0], back),
            recurrent: Blocks::pack(columns(recurrent, units, gates), parts_h, back),
            candidate: (!after).then(|| T::pack(if back { candidate.t() } else { candidate })),
            bias: match bias {
                Some(bias) if after => {
                    let (input, recurrent) = bias.split_at(3 * units);
                    [Some(input), Some(recurrent)]
                }
                bias => [bias, None],
            },
            act: self.0,
            gate: self.1,
        }
    }

    fn gradients(&self, after: &After<'_, T>, [kernel, recurrent, bias]: [bool; 3]) -> [Vec<T>; 3] {
        let (units, width, kept) = (after.units, 3 * after.units, after.kept);
        let [inputs, states] = after.factors;
        let mut dw = vec![T::ZERO; if kernel { after.features * width } else { 0 }];
        dropped_gradient(&mut dw, width, 0, after.x, (kept, 0..width), (inputs, 0, 3));
        let before = kept.columns(4 * units..5 * units);
        let mut du = vec![T::ZERO; if recurrent { units * width } else { 0 }];
        dropped_gradient(&mut du, width, 0, before, (kept, 0..2 * units), (states, 0, 2));
        // The candidate's recurrent part: its gradient with the reset after, the reset state without.
        let last = 3 * units..4 * units;
        let of_candidate = &mut du;
        match self.2 {
            true => dropped_gradient(
                of_candidate,
                width,
                2 * units,
                before,
                (kept, last),
                (states, 2, 1),
            ),
            false => {
                let reset = kept.columns(last);
                let right = (kept, 2 * units..width);
                dropped_gradient(of_candidate, width, 2 * units, reset, right, (None, 2, 1));
            }
        }
        let mut db = Vec::new();
        if bias {
            db = kept.sums(0..4 * units);
            let inner = db.split_off(width);
            if self.2 {
                db.extend_from_within(..2 * units);
                db.extend(inner);
            }
        }
        [dw, du, db]
    }
}
