//! Sliding blocks of images, channels first: taking them out and adding them up.

use candle_core::{DType, Result, Shape, Tensor};

use crate::host;
use crate::kernels::gather;
use crate::kernels::math::Math;
use crate::kernels::reduce::Extent;
use crate::tape::record;

/// Options of [`unfold`] and [`fold`]: (height, width) each.
#[derive(Clone, Copy, Debug)]
pub struct BlockOptions {
    /// The size of a block.
    pub kernel_size: [usize; 2],
    /// Steps between the pixels of a block.
    pub dilation: [usize; 2],
    /// Zeros at both sides of each axis.
    pub padding: [usize; 2],
    /// Steps between blocks.
    pub stride: [usize; 2],
}

impl BlockOptions {
    /// Keras's defaults: no dilation, no padding, stride 1.
    pub fn new(kernel_size: [usize; 2]) -> Self {
        Self {
            kernel_size,
            dilation: [1; 2],
            padding: [0; 2],
            stride: [1; 2],
        }
    }

    /// The padded sizes and the pixel numbers in them: for each pixel of a block, those of all blocks.
    fn places(&self, sizes: [usize; 2]) -> Result<([usize; 2], Vec<u32>, usize)> {
        let mut padded = [0; 2];
        let mut counts = [0; 2];
        for i in 0..2 {
            let (k, d, s) = (self.kernel_size[i], self.dilation[i], self.stride[i]);
            padded[i] = sizes[i] + 2 * self.padding[i];
            if k == 0 || d == 0 || s == 0 || padded[i] < d * (k - 1) + 1 {
                candle_core::bail!(
                    "expected sizes, dilations and strides of at least 1 and blocks no larger than the padded image; \
                     got {self:?} for {sizes:?}"
                );
            }
            counts[i] = (padded[i] - d * (k - 1) - 1) / s + 1;
        }
        let mut places = Vec::new();
        for ky in 0..self.kernel_size[0] {
            for kx in 0..self.kernel_size[1] {
                for y in 0..counts[0] {
                    let row = y * self.stride[0] + ky * self.dilation[0];
                    let columns = (0..counts[1]).map(|x| x * self.stride[1] + kx * self.dilation[1]);
                    places.extend(columns.map(|column| (row * padded[1] + column) as u32));
                }
            }
        }
        Ok((padded, places, counts[0] * counts[1]))
    }
}

fn sizes(dims: &[usize]) -> Vec<i64> {
    dims.iter().map(|n| *n as i64).collect()
}

/// The blocks of images as columns.
///
/// # Shapes
/// (batch, channels, height, width) to (batch, channels * kernel height * kernel width, blocks).
///
/// # Errors
/// When the rank is another or a block does not fit.
///
/// ```
/// use keras_ops::{self as ops, BlockOptions, Device, Tensor};
/// let x = ops::reshape(&Tensor::new(&[1f32, 2., 3., 4.], &Device::Cpu)?, &[1, 1, 2, 2])?;
/// let y = ops::unfold(&x, &BlockOptions::new([1, 2]))?;
/// assert_eq!(y.to_vec3::<f32>()?, [[[1., 3.], [2., 4.]]]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn unfold(x: &Tensor, options: &BlockOptions) -> Result<Tensor> {
    host::within("unfold", || {
        let &[batch, channels, height, width] = x.dims() else {
            candle_core::bail!("expected (batch, channels, height, width), got {:?}", x.dims());
        };
        let (padded, places, blocks) = options.places([height, width])?;
        let [y, x_] = options.padding;
        let x = match options.padding {
            [0, 0] => x.clone(),
            _ => crate::pad(x, &[(0, 0), (0, 0), (y, y), (x_, x_)], 0.)?,
        };
        let pixels = crate::reshape(&x, &sizes(&[batch, channels, padded[0] * padded[1]]))?;
        let columns = crate::shape_ops::gather_axis("unfold", &pixels, places, 2)?;
        let block: usize = options.kernel_size.iter().product();
        crate::reshape(&columns, &sizes(&[batch, channels * block, blocks]))
    })
}

/// The sum of blocks laid over each other: the adjoint of [`unfold`].
///
/// # Shapes
/// (batch, channels * kernel height * kernel width, blocks) to (batch, channels, height, width).
///
/// # Errors
/// When the shape does not fit the options, or `x` is not of floats.
///
/// ```
/// use keras_ops::{self as ops, BlockOptions, Device, Tensor};
/// let x = Tensor::ones((1, 2, 2), ops::DType::F32, &Device::Cpu)?;
/// let y = ops::fold(&x, [1, 3], &BlockOptions::new([1, 2]))?;
/// assert_eq!(y.flatten_all()?.to_vec1::<f32>()?, [1., 2., 1.]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn fold(x: &Tensor, output_size: [usize; 2], options: &BlockOptions) -> Result<Tensor> {
    host::within("fold", || {
        let dtype = host::compute_dtype("fold", x.dtype())?;
        let (padded, places, blocks) = options.places(output_size)?;
        let block: usize = options.kernel_size.iter().product();
        let fits = matches!(x.dims(), [_, rows, columns] if rows % block == 0 && *columns == blocks);
        if !fits {
            candle_core::bail!(
                "expected (batch, channels * {block}, {blocks}) for an output of {output_size:?}, got {:?}",
                x.dims()
            );
        }
        let (batch, channels) = (x.dims()[0], x.dims()[1] / block);
        let shape = [batch, channels, padded[0], padded[1]];
        let image = match dtype {
            DType::F64 => added::<f64>(x, &shape, places),
            _ => added::<f32>(x, &shape, places),
        }?;
        let rows = crate::narrow(&image, 2, options.padding[0], output_size[0])?;
        crate::narrow(&rows, 3, options.padding[1], output_size[1])
    })
}

fn added<T: Math>(x: &Tensor, shape: &[usize; 4], places: Vec<u32>) -> Result<Tensor> {
    let extent = Extent {
        outer: shape[0] * shape[1],
        len: shape[2] * shape[3],
        inner: 1,
    };
    let out = host::read(x, |x: &[T]| Ok(gather::scatter_add(x, extent, &places)))?;
    let storage = host::storage_as(out, x.dtype(), x.device())?;
    let from = x.shape().clone();
    Ok(record(&[x], storage, &Shape::from(shape), move |grad, _| {
        let dx = host::read(&grad, |g: &[T]| Ok(gather::gather(g, extent, &places)))?;
        let dx = host::tensor(dx, grad.dtype(), &from, grad.device())?;
        Ok([Some(dx)].into_iter().collect())
    }))
}
