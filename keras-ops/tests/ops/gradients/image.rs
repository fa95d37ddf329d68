//! Images.

use keras_ops as ops;
use ops::image::{
    self, FillMode, Interpolation, PatchOptions, ResizeOptions, Sides, SsimOptions, WarpOptions,
};
use ops::{Padding, Result, Tensor};

use super::case::{CUBE, Case, Input, X, case};

const IMAGES: Input = (&[2, 5, 4, 3], 0.05, 0.95);
const WIDE: Input = (&[2, 4, 5, 9], -1., 1.3);
const FIRST: Input = (&[2, 3, 5, 4], 0.05, 0.95);
const GREY: Input = (&[2, 5, 6, 2], 0.1, 0.9);
const VOLUMES: Input = (&[2, 4, 3, 5, 2], -1., 1.3);

fn resized(x: &Tensor, size: [usize; 2], interpolation: Interpolation, antialias: bool) -> Result<Tensor> {
    image::resize(
        x,
        size,
        &ResizeOptions {
            interpolation,
            antialias,
            ..ResizeOptions::default()
        },
    )
}

fn transform(rows: usize) -> Result<Tensor> {
    let all = [
        [0.9f64, 0.2, 0.3, -0.1, 1.1, 0.4, 0., 0.],
        [1.2, -0.3, 0.6, 0.2, 0.8, -0.7, 0., 0.],
    ];
    Tensor::from_vec(all[..rows].concat(), (rows, 8), &ops::Device::Cpu)
}

fn warp(fill_mode: FillMode) -> WarpOptions {
    WarpOptions {
        fill_mode,
        fill_value: 0.3,
        ..WarpOptions::default()
    }
}

fn corners(points: [[f64; 2]; 4]) -> Result<Tensor> {
    Tensor::new(&points, &ops::Device::Cpu)
}

const AT: Input = (&[2, 7], -1.37, 3.61);

#[rustfmt::skip]
pub(super) const CASES: &[Case] = &[
    case("resize", &[IMAGES], |x| resized(&x[0], [7, 9], Interpolation::Bilinear, false)),
    case("resize wide", &[WIDE], |x| resized(&x[0], [7, 3], Interpolation::Bilinear, true)),
    case("resize nearest", &[IMAGES], |x| resized(&x[0], [3, 9], Interpolation::Nearest, false)),
    case("resize cubic", &[IMAGES], |x| resized(&x[0], [8, 3], Interpolation::Bicubic, true)),
    case("resize lanczos3", &[IMAGES], |x| resized(&x[0], [2, 7], Interpolation::Lanczos3, true)),
    case("resize lanczos5", &[IMAGES], |x| resized(&x[0], [9, 2], Interpolation::Lanczos5, false)),
    case("resize cropped", &[IMAGES], |x| image::resize(&x[0], [3, 6], &ResizeOptions { crop_to_aspect_ratio: true, ..Default::default() })),
    case("resize padded", &[IMAGES], |x| image::resize(&x[0], [3, 6], &ResizeOptions { pad_to_aspect_ratio: true, fill_value: 0.2, ..Default::default() })),
    case("resize first", &[FIRST], |x| image::resize(&x[0], [3, 6], &ResizeOptions { channels_first: true, ..Default::default() })),
    case("scale_and_translate", &[CUBE], |x| image::scale_and_translate(&x[0], &[x[0].dims()[0], 6, 7], &[1.7, 0.6], &[0.3, -0.8], &[1, -1], Interpolation::Bicubic, true)),
    case("upsample", &[CUBE], |x| image::upsample(&x[0], &[1, 3, 2], Interpolation::Nearest)),
    case("upsample linear", &[CUBE], |x| image::upsample(&x[0], &[1, 2, 3], Interpolation::Bilinear)),
    case("upsample used twice", &[X], |x| ops::add(&image::upsample(&x[0], &[1, 2], Interpolation::Nearest)?, &ops::repeat(&x[0], 2, 1)?)),
    case("rgb_to_grayscale", &[IMAGES], |x| image::rgb_to_grayscale(&x[0], false)),
    case("rgb_to_grayscale first", &[FIRST], |x| image::rgb_to_grayscale(&x[0], true)),
    case("rgb_to_hsv", &[IMAGES], |x| image::rgb_to_hsv(&x[0], false)),
    case("rgb_to_hsv first", &[FIRST], |x| image::rgb_to_hsv(&x[0], true)),
    case("hsv_to_rgb", &[IMAGES], |x| image::hsv_to_rgb(&x[0], false)),
    case("gaussian_blur", &[GREY], |x| image::gaussian_blur(&x[0], [3, 5], [0.8, 1.3], false)),
    case("gaussian_blur even", &[FIRST], |x| image::gaussian_blur(&x[0], [4, 2], [0.8, 1.3], true)),
    case("sobel_edges", &[GREY], |x| image::sobel_edges(&x[0], false)),
    case("ssim", &[GREY, (&[2, 5, 6, 2], 0.2, 0.8)], |x| image::ssim(&x[0], &x[1], &SsimOptions { filter_size: 3, ..SsimOptions::default() })),
    case("pad_images", &[IMAGES], |x| image::pad_images(&x[0], &Sides { top: Some(1), height: Some(8), left: Some(0), right: Some(2), ..Sides::default() })),
    case("crop_images", &[IMAGES], |x| image::crop_images(&x[0], &Sides { top: Some(1), height: Some(3), left: Some(0), right: Some(2), ..Sides::default() })),
    case("extract_patches", &[IMAGES], |x| image::extract_patches(&x[0], &PatchOptions { strides: Some([2, 1]), ..PatchOptions::new([3, 2]) })),
    case("extract_patches same", &[FIRST], |x| image::extract_patches(&x[0], &PatchOptions { padding: Padding::Same, dilation: [2, 1], channels_first: true, ..PatchOptions::new([2, 3]) })),
    case("extract_patches_3d", &[VOLUMES], |x| image::extract_patches_3d(&x[0], &PatchOptions { strides: Some([1, 1, 2]), ..PatchOptions::new([2, 2, 3]) })),
    case("map_coordinates", &[(&[3, 4], -2., 2.3), AT], |x| image::map_coordinates(&x[0], &x[1], 1, FillMode::Constant, 0.7)).fixed(),
    case("map_coordinates reflect", &[(&[3, 4], -2., 2.3), AT], |x| image::map_coordinates(&x[0], &x[1], 1, FillMode::Reflect, 0.)).fixed(),
    case("map_coordinates nearest", &[(&[3, 4], -2., 2.3), AT], |x| image::map_coordinates(&x[0], &x[1], 0, FillMode::Wrap, 0.)).fixed(),
    case("affine_transform", &[IMAGES], |x| image::affine_transform(&x[0], &transform(2)?, &warp(FillMode::Constant))).fixed(),
    case("affine_transform mirror", &[FIRST], |x| image::affine_transform(&x[0], &transform(1)?, &WarpOptions { channels_first: true, ..warp(FillMode::Mirror) })),
    case("perspective_transform", &[IMAGES], |x| image::perspective_transform(&x[0], &corners([[0., 0.], [3., 0.2], [0., 4.], [3., 4.1]])?, &corners([[0.3, 0.], [3., 0.], [0.1, 3.7], [2.6, 4.]])?, &warp(FillMode::Constant))),
    case("elastic_transform", &[IMAGES], |x| image::elastic_transform(&x[0], &image::ElasticOptions { sigma: 0.6, alpha: 1.5, ..Default::default() }, ops::Seed::new(3, 1))),
];
