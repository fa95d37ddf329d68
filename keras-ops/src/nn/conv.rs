use candle_core::op::BackpropOp;
use candle_core::{DType, Result, Shape, Tensor};

use super::window::{self, Axis, Padding};
use crate::host;
use crate::kernels::conv::{self, Geometry, Wanted};
use crate::kernels::fused::FusedActivation;
use crate::kernels::math::Math;
use crate::tape::{InputGrads, Needs, record_with_output};

/// How a convolution over `N` spatial axes moves.
///
/// ```
/// use keras_ops::{ConvOptions, Padding};
/// let options: ConvOptions<2> = ConvOptions { strides: [2, 2], padding: Padding::Same, ..Default::default() };
/// assert_eq!(options.dilation, [1, 1]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvOptions<const N: usize = 2> {
    /// Steps between windows.
    pub strides: [usize; N],
    /// Treatment of the borders.
    pub padding: Padding,
    /// Distance between the elements of a window.
    pub dilation: [usize; N],
    /// Channels and filters are split into this many independent groups.
    pub groups: usize,
    /// Input and output have their channels at axis 1 instead of last.
    pub channels_first: bool,
}

impl<const N: usize> Default for ConvOptions<N> {
    fn default() -> Self {
        Self {
            strides: [1; N],
            padding: Padding::Valid,
            dilation: [1; N],
            groups: 1,
            channels_first: false,
        }
    }
}

/// 1-D convolution (cross-correlation): `act(x * kernel + bias)`; see [`conv2d`].
///
/// # Shapes
/// `x` (batch, steps, channels), `kernel` (size, channels / groups, filters) → (batch, new steps, filters).
///
/// # Errors
/// When the shapes do not fit or the dtypes are not equal floats.
pub fn conv1d(
    x: &Tensor,
    kernel: &Tensor,
    bias: Option<&Tensor>,
    options: &ConvOptions<1>,
    act: FusedActivation,
) -> Result<Tensor> {
    convolve("conv1d", x, kernel, bias, options, act)
}

/// 2-D convolution (cross-correlation): `act(x * kernel + bias)` in one pass.
///
/// # Shapes
/// `x` (batch, height, width, channels), `kernel` (height, width, channels / groups, filters), `bias`
/// (filters) → (batch, new height, new width, filters).
///
/// # Errors
/// When the shapes do not fit or the dtypes are not equal floats.
///
/// # Examples
/// ```
/// use keras_ops::{ConvOptions, Device, FusedActivation, Tensor, conv2d};
/// let x = Tensor::arange(0f32, 9., &Device::Cpu)?.reshape((1, 3, 3, 1))?;
/// let kernel = Tensor::ones((2, 2, 1, 1), x.dtype(), &Device::Cpu)?;
/// let y = conv2d(&x, &kernel, None, &ConvOptions::default(), FusedActivation::Linear)?;
/// assert_eq!(y.dims(), [1, 2, 2, 1]);
/// assert_eq!(y.flatten_all()?.to_vec1::<f32>()?, [8., 12., 20., 24.]);
/// # Ok::<(), keras_ops::Error>(())
/// ```
pub fn conv2d(
    x: &Tensor,
    kernel: &Tensor,
    bias: Option<&Tensor>,
    options: &ConvOptions<2>,
    act: FusedActivation,
) -> Result<Tensor> {
    convolve("conv2d", x, kernel, bias, options, act)
}

/// 3-D convolution (cross-correlation): `act(x * kernel + bias)`; see [`conv2d`].
///
/// # Shapes
/// `x` (batch, depth, height, width, channels), `kernel` (depth, height, width, channels / groups, filters)
/// → (batch, new depth, new height, new width, filters).
///
/// # Errors
/// When the shapes do not fit or the dtypes are not equal floats.
pub fn conv3d(
    x: &Tensor,
    kernel: &Tensor,
    bias: Option<&Tensor>,
    options: &ConvOptions<3>,
    act: FusedActivation,
) -> Result<Tensor> {
    convolve("conv3d", x, kernel, bias, options, act)
}

fn convolve<const N: usize>(
    op: &'static str,
    x: &Tensor,
    kernel: &Tensor,
    bias: Option<&Tensor>,
    options: &ConvOptions<N>,
    act: FusedActivation,
) -> Result<Tensor> {
    if options.channels_first {
        if x.rank() != N + 2 {
            candle_core::bail!(
                "{op}: expected x (batch, channels, …) with {} axes, got {:?}",
                N + 2,
                x.dims()
            );
        }
        let last = ConvOptions {
            channels_first: false,
            ..*options
        };
        let out = convolve(op, &window::channels_last(x)?, kernel, bias, &last, act)?;
        return window::channels_first(&out);
    }
    let dtype = x.dtype();
    let geometry = geometry(op, x, kernel, bias, options)?;
    match host::compute_dtype(op, dtype)? {
        compute if compute != dtype => {
            let bias = bias.map(|b| b.to_dtype(compute)).transpose()?;
            let (x, kernel) = (x.to_dtype(compute)?, kernel.to_dtype(compute)?);
            convolve(op, &x, &kernel, bias.as_ref(), options, act)?.to_dtype(dtype)
        }
        DType::F64 => typed::<f64>(geometry, x, kernel, bias, N, act),
        _ => typed::<f32>(geometry, x, kernel, bias, N, act),
    }
}

fn geometry<const N: usize>(
    op: &str,
    x: &Tensor,
    kernel: &Tensor,
    bias: Option<&Tensor>,
    options: &ConvOptions<N>,
) -> Result<Geometry> {
    let (dims, sizes, groups) = (x.dims(), kernel.dims(), options.groups);
    let fits = dims.len() == N + 2
        && sizes.len() == N + 2
        && groups > 0
        && dims[N + 1] == sizes[N] * groups
        && sizes[N + 1].is_multiple_of(groups)
        && bias.is_none_or(|b| b.dims() == [sizes[N + 1]]);
    if !fits {
        candle_core::bail!(
            "{op}: expected x (batch, {N} spatial axes, channels), kernel ({N} sizes, channels / {groups}, \
             filters), filters divisible by the {groups} groups, and bias (filters), got {dims:?}, {sizes:?} \
             and {:?}",
            bias.map(|b| b.dims())
        );
    }
    if kernel.dtype() != x.dtype() || bias.is_some_and(|b| b.dtype() != x.dtype()) {
        candle_core::bail!(
            "{op}: expected one dtype, got x {:?} and kernel {:?}",
            x.dtype(),
            kernel.dtype()
        );
    }
    let (mut before, mut output) = ([0; N], [1; N]);
    for i in 0..N {
        let extent = (sizes[i].max(1) - 1) * options.dilation[i] + sizes[i].min(1);
        let axis = Axis::new(
            op,
            (i, N),
            dims[i + 1],
            extent,
            options.strides[i],
            options.padding,
        )?;
        (before[i], output[i]) = (axis.before, axis.output);
    }
    Ok(Geometry {
        batch: dims[0],
        input: window::three(&dims[1..=N], 1),
        channels: dims[N + 1],
        kernel: window::three(&sizes[..N], 1),
        filters: sizes[N + 1],
        stride: window::three(&options.strides, 1),
        dilation: window::three(&options.dilation, 1),
        before: window::three(&before, 0),
        output: window::three(&output, 1),
        groups,
    })
}

fn typed<T: Math>(
    geometry: Geometry,
    x: &Tensor,
    kernel: &Tensor,
    bias: Option<&Tensor>,
    spatial: usize,
    act: FusedActivation,
) -> Result<Tensor> {
    let run = |x: &[T], w: &[T]| match bias {
        Some(bias) => host::read(bias, |b: &[T]| Ok(conv::forward(&geometry, x, w, Some(b), act))),
        None => Ok(conv::forward(&geometry, x, w, None, act)),
    };
    let out = host::storage(host::read(x, |x| host::read(kernel, |w| run(x, w)))?, x.device())?;
    let shape = [
        &[geometry.batch],
        &geometry.output[3 - spatial..],
        &[geometry.filters],
    ]
    .concat();
    let (saved_x, saved_kernel) = (x.detach(), kernel.detach());
    let backward = move |grad: Tensor, out: &Tensor, needs: &Needs| {
        let wanted = Wanted {
            x: needs[0],
            kernel: needs[1],
            bias: needs.get(2) == Some(&true),
        };
        let run = |x: &[T], w: &[T], out: &[T], grad: &[T]| {
            Ok(conv::backward(&geometry, x, w, out, grad, act, wanted))
        };
        let grads = host::read(&saved_x, |x| {
            host::read(&saved_kernel, |w| {
                host::read(out, |out| host::read(&grad, |grad| run(x, w, out, grad)))
            })
        })?;
        let tensor = |values: Option<Vec<T>>, shape: &Shape| {
            let Some(values) = values else { return Ok(None) };
            let storage = host::storage(values, saved_x.device())?;
            Ok::<_, candle_core::Error>(Some(Tensor::from_storage(
                storage,
                shape,
                BackpropOp::none(),
                false,
            )))
        };
        let mut all = InputGrads::new();
        all.push(tensor(grads.x, saved_x.shape())?);
        all.push(tensor(grads.kernel, saved_kernel.shape())?);
        all.push(tensor(grads.bias, &Shape::from(geometry.filters))?);
        all.truncate(needs.len());
        Ok(all)
    };
    let shape = Shape::from(shape);
    Ok(match bias {
        Some(bias) => record_with_output(&[x, kernel, bias], out, &shape, backward),
        None => record_with_output(&[x, kernel], out, &shape, backward),
    })
}
