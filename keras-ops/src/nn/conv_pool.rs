use candle_core::{DType, Result, Shape, Tensor};

use super::conv::{self, ConvOptions};
use super::conv_args::{ConvArgs, by_rank};
use super::conv_run::{self, Direction, Operands};
use super::pool::{Kind, PoolArgs, PoolOptions, pool};
use super::window::Padding;
use crate::kernels::convolution::{self, Geometry, Source};
use crate::kernels::fused::{self, FusedActivation};
use crate::kernels::pool::{Geometry as PoolGeometry, max_backward};
use crate::kernels::vector::Lane;

/// [`conv`](crate::conv) and [`max_pool`](crate::max_pool) of its result, to the same bits.
///
/// Windows that lie side by side are taken while the values of the convolution are near, which are never all in memory;
/// and those that no window covers are not computed.
///
/// # Shapes
/// `x` (batch, spatial axes, channels), `kernel` (sizes, channels / groups, filters), `bias` (filters) → (batch, new
/// spatial axes, filters).
///
/// # Errors
/// As `conv` and `max_pool`.
///
/// # Examples
/// ```
/// use keras_ops::{ConvArgs, Device, FusedActivation, PoolArgs, Tensor, conv_max_pool};
/// let x = Tensor::arange(0f32, 25., &Device::Cpu)?.reshape((1, 5, 5, 1))?;
/// let kernel = Tensor::ones((1, 1, 1, 1), x.dtype(), &Device::Cpu)?;
/// let (args, pool) = (ConvArgs::default(), PoolArgs::new(2));
/// let y = conv_max_pool(&x, &kernel, None, &args, FusedActivation::Linear, &pool)?;
/// assert_eq!(y.dims(), [1, 2, 2, 1]);
/// assert_eq!(y.flatten_all()?.to_vec1::<f32>()?, [6., 8., 16., 18.]);
/// # Ok::<(), keras_ops::Error>(())
/// ```
pub fn conv_max_pool(
    x: &Tensor,
    kernel: &Tensor,
    bias: Option<&Tensor>,
    args: &ConvArgs,
    act: FusedActivation,
    pool: &PoolArgs,
) -> Result<Tensor> {
    const OP: &str = "conv_max_pool";
    let operands = Operands { x, kernel, bias };
    by_rank!("conv_max_pool", x, |N| {
        let args = args.options::<N>(OP, args.groups(OP, x, kernel)?)?;
        joined(OP, operands, &args, act, &pool.options(OP)?)
    })
}

fn joined<const N: usize>(
    op: &'static str,
    operands: Operands<'_>,
    options: &ConvOptions<N>,
    act: FusedActivation,
    options_of_pool: &PoolOptions<N>,
) -> Result<Tensor> {
    let max = |y: &Tensor, options| pool(op, Kind::Max, y, options);
    // Of halves, windows see the rounded values.
    let exact = matches!(operands.x.dtype(), DType::F32 | DType::F64);
    if !exact || options.channels_first != options_of_pool.channels_first {
        return max(&conv::convolve(op, operands, options, act)?, options_of_pool);
    }
    let last = PoolOptions {
        channels_first: false,
        ..*options_of_pool
    };
    conv_run::channels_last::<N>(op, operands, options.channels_first, |operands| {
        let g = conv::checked(op, operands, options)?;
        match (side_by_side(&g, &last), operands.x.dtype()) {
            (Some((g, window)), DType::F64) => typed::<f64>(g, window, operands, act),
            (Some((g, window)), _) => typed::<f32>(g, window, operands, act),
            (None, _) => max(&conv_run::run(op, Direction::Gather, g, operands, act)?, &last),
        }
    })
}

/// The windows, and the part of the convolution that they cover, where they lie side by side and all are whole.
fn side_by_side<const N: usize>(g: &Geometry, pool: &PoolOptions<N>) -> Option<(Geometry, [usize; 2])> {
    let (mut window, mut output) = ([1; 2], g.output);
    window[2usize.checked_sub(N)?..].copy_from_slice(&pool.pool);
    let mut whole = true;
    for (size, window) in output[1..].iter_mut().zip(window) {
        let over = size.checked_rem(window)?;
        whole &= over == 0;
        *size -= over;
    }
    let fits = match pool.padding {
        Padding::Valid => true,
        Padding::Same => whole,
        _ => false,
    };
    let trimmed = Geometry { output, ..*g };
    let small = u32::try_from(output.iter().product::<usize>().checked_mul(g.filters)?).is_ok();
    let plain = pool.strides == pool.pool && output[0] == 1 && trimmed.output_len() > 0;
    (fits && plain && small).then_some((trimmed, window))
}

fn typed<T: Lane>(
    g: Geometry,
    window: [usize; 2],
    operands: Operands<'_>,
    act: FusedActivation,
) -> Result<Tensor> {
    let Operands { x, kernel, bias } = operands;
    let keep = crate::recording()
        && [Some(x), Some(kernel), bias]
            .into_iter()
            .flatten()
            .any(Tensor::track_op);
    let (out, places) = conv_run::read(operands, |x: &[T], w: &[T], b: Option<&[T]>| {
        convolution::gather_max(&g, Source::plain(x), w, b, act, window, keep)
    })?;
    let cut = |size: usize, step: usize| (0..size).step_by(step).map(|at| at..at + step).collect();
    let windows = PoolGeometry {
        batch: g.batch,
        input: g.output,
        channels: g.filters,
        windows: [
            cut(1, 1),
            cut(g.output[1], window[0]),
            cut(g.output[2], window[1]),
        ],
    };
    let shape = [&[g.batch], &windows.output()[5 - x.rank()..], &[g.filters]].concat();
    conv_run::recorded(
        operands,
        out,
        &Shape::from(shape),
        move |(x, w), grad, out, needs| {
            // The derivative of the activation is that at the largest value.
            let grad = fused::masked(grad, out, act);
            let grad = max_backward(&windows, &grad, &places);
            conv_run::gradients(
                Direction::Gather,
                &g,
                x,
                w,
                Source::plain(&grad),
                g.filters,
                needs,
            )
        },
    )
}
