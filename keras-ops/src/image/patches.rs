//! Windows of images as vectors.

use candle_core::{Result, Tensor};

use super::{batched, unbatched};
use crate::{Padding, host};

/// Options of [`extract_patches`] and [`extract_patches_3d`].
#[derive(Clone, Debug)]
pub struct PatchOptions<const N: usize> {
    /// The size of a patch.
    pub size: [usize; N],
    /// Steps between patches; `None` for the size.
    pub strides: Option<[usize; N]>,
    /// Steps between the pixels of a patch.
    pub dilation: [usize; N],
    /// Whether patches may reach over the border, onto zeros.
    pub padding: Padding,
    /// Whether channels come before the other axes.
    pub channels_first: bool,
}

impl<const N: usize> PatchOptions<N> {
    /// Patches of a size side by side.
    pub fn new(size: [usize; N]) -> Self {
        Self {
            size,
            strides: None,
            dilation: [1; N],
            padding: Padding::Valid,
            channels_first: false,
        }
    }
}

/// Patches of images, each as a vector of its pixels in row-major order, channels last.
///
/// # Shapes
/// (height, width, channels) or a batch; the result has the numbers of patches along height and width, and
/// `size[0] * size[1] * channels` channels.
///
/// # Errors
/// When the rank is another, a size, stride or dilation is 0, or an image is smaller than a patch.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor, image::PatchOptions};
/// let x = ops::reshape(&Tensor::new(&[1f32, 2., 3., 4., 5., 6., 7., 8.], &Device::Cpu)?, &[2, 4, 1])?;
/// let y = ops::image::extract_patches(&x, &PatchOptions::new([2, 2]))?;
/// assert_eq!(y.to_vec3::<f32>()?, [[[1., 2., 5., 6.], [3., 4., 7., 8.]]]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn extract_patches(images: &Tensor, options: &PatchOptions<2>) -> Result<Tensor> {
    patches("extract_patches", images, options)
}

/// [`extract_patches`] of volumes (depth, height, width, channels), or a batch of those.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor, image::PatchOptions};
/// let x = Tensor::ones((2, 4, 4, 3), ops::DType::F32, &Device::Cpu)?;
/// let y = ops::image::extract_patches_3d(&x, &PatchOptions::new([2, 2, 2]))?;
/// assert_eq!(y.dims(), [1, 2, 2, 24]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn extract_patches_3d(volumes: &Tensor, options: &PatchOptions<3>) -> Result<Tensor> {
    patches("extract_patches_3d", volumes, options)
}

fn patches<const N: usize>(op: &'static str, images: &Tensor, options: &PatchOptions<N>) -> Result<Tensor> {
    host::within(op, || {
        if images.rank() != N + 1 && images.rank() != N + 2 {
            candle_core::bail!(
                "expected rank {} (one image) or {} (a batch), got shape {:?}",
                N + 1,
                N + 2,
                images.dims()
            );
        }
        let (x, single) = batched(images, N + 2)?;
        let last: Vec<usize> = [0].into_iter().chain(2..N + 2).chain([1]).collect();
        let first: Vec<usize> = [0, N + 1].into_iter().chain(1..N + 1).collect();
        let y = match options.channels_first {
            true => crate::transpose(&windows(&crate::transpose(&x, &last)?, options)?, &first)?,
            false => windows(&x, options)?,
        };
        unbatched(y, single)
    })
}

fn windows<const N: usize>(x: &Tensor, options: &PatchOptions<N>) -> Result<Tensor> {
    let dims = x.dims().to_vec();
    let strides = options.strides.unwrap_or(options.size);
    let mut padding = vec![(0, 0); N + 2];
    let (mut counts, mut sizes) = ([0; N], [0; N]);
    for i in 0..N {
        let (size, step, dilation) = (options.size[i], strides[i], options.dilation[i]);
        if size == 0 || step == 0 || dilation == 0 {
            candle_core::bail!("sizes, strides and dilations must be at least 1, got {options:?}");
        }
        let extent = (size - 1) * dilation + 1;
        let (before, after) = options
            .padding
            .around("padding", (i, N), dims[i + 1], extent, step)?;
        let padded = dims[i + 1] + before + after;
        if padded < extent {
            candle_core::bail!("a patch covers {extent} pixels but an axis of {dims:?} has {padded}");
        }
        padding[i + 1] = (before, after);
        counts[i] = (padded - extent) / step + 1;
        sizes[i] = padded;
    }
    let padded = match padding.iter().all(|p| *p == (0, 0)) {
        true => x.clone(),
        false => crate::pad(x, &padding, 0.)?,
    };
    // Pixel numbers of patch after patch, axis by axis.
    let mut starts = vec![0u32];
    let mut offsets = vec![0u32];
    for i in 0..N {
        let grow = |all: &[u32], n: usize, step: usize| -> Vec<u32> {
            let place = |base: &u32| {
                let base = *base as usize * sizes[i];
                (0..n).map(move |k| (base + k * step) as u32)
            };
            all.iter().flat_map(place).collect()
        };
        starts = grow(&starts, counts[i], strides[i]);
        offsets = grow(&offsets, options.size[i], options.dilation[i]);
    }
    let index: Vec<u32> = starts
        .iter()
        .flat_map(|start| offsets.iter().map(move |offset| start + offset))
        .collect();
    let (batch, channels) = (dims[0], dims[N + 1]);
    let shape = |dims: &[usize]| dims.iter().map(|n| *n as i64).collect::<Vec<i64>>();
    let pixels = crate::reshape(&padded, &shape(&[batch, sizes.iter().product(), channels]))?;
    let patches = crate::shape_ops::gather_axis("extract_patches", &pixels, index, 1)?;
    let out = [
        &[batch],
        &counts[..],
        &[options.size.iter().product::<usize>() * channels],
    ]
    .concat();
    crate::reshape(&patches, &shape(&out))
}
