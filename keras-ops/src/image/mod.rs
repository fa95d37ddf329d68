//! `keras.ops.image`: images as tensors, (height, width, channels) or a batch of them.
//!
//! `channels_first` says that the channels come before height and width instead.

mod color;
mod filters;
mod geometry;
mod patches;
mod resize;
mod sample;
mod warp;

pub use color::{hsv_to_rgb, rgb_to_grayscale, rgb_to_hsv};
pub use filters::{SsimOptions, gaussian_blur, sobel_edges, ssim};
pub use geometry::{Sides, crop_images, pad_images};
pub use patches::{PatchOptions, extract_patches, extract_patches_3d};
pub use resize::{Interpolation, ResizeOptions, resize, scale_and_translate, upsample};
pub use sample::{FillMode, map_coordinates};
pub use warp::{ElasticOptions, WarpOptions, affine_transform, elastic_transform, perspective_transform};

use candle_core::{Result, Tensor};

/// Numbers of the height, width and channel axes of an image or a batch of images.
fn axes_of(op: &str, images: &Tensor, channels_first: bool) -> Result<[usize; 3]> {
    let rank = images.rank();
    if rank != 3 && rank != 4 {
        candle_core::bail!(
            "{op}: expected images of rank 3 (one image) or 4 (a batch), got shape {:?}",
            images.dims()
        );
    }
    Ok(match channels_first {
        true => [rank - 2, rank - 1, rank - 3],
        false => [rank - 3, rank - 2, rank - 1],
    })
}

/// Images as a batch, and whether there was no batch axis.
fn batched(x: &Tensor, rank: usize) -> Result<(Tensor, bool)> {
    if x.rank() < rank {
        Ok((crate::expand_dims(x, 0)?, true))
    } else {
        Ok((x.clone(), false))
    }
}

fn unbatched(x: Tensor, single: bool) -> Result<Tensor> {
    if single {
        crate::squeeze(&x, Some(&[0]))
    } else {
        Ok(x)
    }
}
