//! What all convolutions share: operands, layouts, dtypes, and recording.

use candle_core::{DType, Result, Shape, Tensor};

use super::window;
use crate::host;
use crate::kernels::convolution::{self, Geometry, Source};
use crate::kernels::fused::FusedActivation;
use crate::kernels::vector::Lane;
use crate::tape::{InputGrads, Needs, record_with_output};

#[derive(Clone, Copy, Debug)]
pub(super) struct Operands<'a> {
    pub(super) x: &'a Tensor,
    pub(super) kernel: &'a Tensor,
    pub(super) bias: Option<&'a Tensor>,
}

/// Which side of the geometry `x` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    /// The image: convolution.
    Gather,
    /// The other side: transposed convolution.
    Spread,
}

/// Runs `f` on an `x` of `N` spatial axes with its channels last, and floats that kernels compute with; turns the
/// result back.
pub(super) fn channels_last<const N: usize>(
    op: &str,
    operands: Operands<'_>,
    channels_first: bool,
    f: impl FnOnce(Operands<'_>) -> Result<Tensor>,
) -> Result<Tensor> {
    let Operands { x, kernel, bias } = operands;
    if x.rank() != N + 2 {
        let order = if channels_first {
            "channels, spatial axes"
        } else {
            "spatial axes, channels"
        };
        candle_core::bail!(
            "{op}: expected x (batch, {order}) with {} axes, got {:?}",
            N + 2,
            x.dims()
        );
    }
    let others = || [Some(kernel), bias].into_iter().flatten();
    if let Some(other) = others().find(|t| t.dtype() != x.dtype()) {
        candle_core::bail!(
            "{op}: expected operands of one dtype, got x {} and a kernel or bias {}; cast one with `ops::cast`",
            crate::dtype_name(x.dtype()),
            crate::dtype_name(other.dtype())
        );
    }
    if let Some(other) = others().find(|t| !t.device().same_device(x.device())) {
        candle_core::bail!(
            "{op}: expected operands on one device, got x on {:?} and a kernel or bias on {:?}",
            x.device().location(),
            other.device().location()
        );
    }
    if channels_first {
        let x = &window::channels_last(x)?;
        let y = channels_last::<N>(op, Operands { x, ..operands }, false, f)?;
        return window::channels_first(&y);
    }
    let dtype = x.dtype();
    let compute = host::compute_dtype(op, dtype)?;
    if compute == dtype {
        return f(operands);
    }
    let bias = bias.map(|b| b.to_dtype(compute)).transpose()?;
    let (x, kernel) = (x.to_dtype(compute)?, kernel.to_dtype(compute)?);
    f(Operands {
        x: &x,
        kernel: &kernel,
        bias: bias.as_ref(),
    })?
    .to_dtype(dtype)
}

/// Runs a geometry on operands that fit it.
pub(super) fn run(
    op: &str,
    direction: Direction,
    geometry: Geometry,
    operands: Operands<'_>,
    act: FusedActivation,
) -> Result<Tensor> {
    match host::compute_dtype(op, operands.x.dtype())? {
        DType::F64 => typed::<f64>(direction, geometry, operands, act),
        _ => typed::<f32>(direction, geometry, operands, act),
    }
}

/// Runs `f` on the values of the operands.
pub(super) fn read<T: Lane, R>(
    operands: Operands<'_>,
    f: impl FnOnce(&[T], &[T], Option<&[T]>) -> R,
) -> Result<R> {
    let Operands { x, kernel, bias } = operands;
    host::read(x, |x: &[T]| {
        host::read(kernel, |w: &[T]| match bias {
            Some(bias) => host::read(bias, |b: &[T]| Ok(f(x, w, Some(b)))),
            None => Ok(f(x, w, None)),
        })
    })
}

/// Records a result with what `backward` makes of its gradient, of `x` and of the kernel, in this order: given are
/// (`x`, kernel), the gradient, the result, and what is needed.
pub(super) fn recorded<T: Lane>(
    operands: Operands<'_>,
    out: Vec<T>,
    shape: &Shape,
    backward: impl Fn((&[T], &[T]), &[T], &[T], &Needs) -> [Option<Vec<T>>; 3] + Send + Sync + 'static,
) -> Result<Tensor> {
    let Operands { x, kernel, bias } = operands;
    let out = host::storage(out, x.device())?;
    let (saved_x, saved_kernel) = (x.detach(), kernel.detach());
    let channels = Shape::from(shape.dims()[shape.rank() - 1]);
    let backward = move |grad: Tensor, out: &Tensor, needs: &Needs| {
        let saved = Operands {
            x: &saved_x,
            kernel: &saved_kernel,
            bias: None,
        };
        let grads = read(saved, |x: &[T], w: &[T], _| {
            host::read(out, |out: &[T]| {
                host::read(&grad, |grad: &[T]| Ok(backward((x, w), grad, out, needs)))
            })
        })??;
        let shapes = [saved_x.shape(), saved_kernel.shape(), &channels];
        let tensors = grads.into_iter().zip(shapes).map(|(values, shape)| {
            values
                .map(|v| host::tensor(v, T::DTYPE, shape, saved_x.device()))
                .transpose()
        });
        tensors.take(needs.len()).collect::<Result<InputGrads>>()
    };
    Ok(match bias {
        Some(bias) => record_with_output(&[x, kernel, bias], out, shape, backward),
        None => record_with_output(&[x, kernel], out, shape, backward),
    })
}

fn typed<T: Lane>(
    direction: Direction,
    g: Geometry,
    operands: Operands<'_>,
    act: FusedActivation,
) -> Result<Tensor> {
    let out = read(operands, |x: &[T], w: &[T], b: Option<&[T]>| match direction {
        Direction::Gather => convolution::gather(&g, Source::plain(x), w, b, act),
        Direction::Spread => convolution::spread(&g, Source::plain(x), w, b, act),
    })?;
    let (size, channels) = match direction {
        Direction::Gather => (g.output, g.filters),
        Direction::Spread => (g.input, g.channels),
    };
    let shape = Shape::from([&[g.batch], &size[5 - operands.x.rank()..], &[channels]].concat());
    recorded(operands, out, &shape, move |(x, w), grad, out, needs| {
        gradients(
            direction,
            &g,
            x,
            w,
            Source::masked(grad, out, act),
            channels,
            needs,
        )
    })
}

/// The gradients by `x`, kernel and bias, of which those that are needed.
pub(super) fn gradients<T: Lane>(
    direction: Direction,
    g: &Geometry,
    x: &[T],
    w: &[T],
    grad: Source<'_, T>,
    channels: usize,
    needs: &Needs,
) -> [Option<Vec<T>>; 3] {
    let needed = |i: usize| needs.get(i) == Some(&true);
    let (linear, plain) = (FusedActivation::Linear, Source::plain(x));
    let dx = needed(0).then(|| match direction {
        Direction::Gather => convolution::spread(g, grad, w, None, linear),
        Direction::Spread => convolution::gather(g, grad, w, None, linear),
    });
    let (dkernel, dbias) = match direction {
        _ if !needed(1) => (None, None),
        Direction::Gather => {
            let (kernel, bias) = convolution::kernel_gradient(g, plain, grad, needed(2));
            (Some(kernel), bias)
        }
        Direction::Spread => (Some(convolution::kernel_gradient(g, grad, plain, false).0), None),
    };
    let dbias = needed(2).then(|| dbias.unwrap_or_else(|| convolution::sum_pixels(grad, channels)));
    [dx, dkernel, dbias]
}
