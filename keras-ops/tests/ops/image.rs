//! Values of image operations against Keras: see keras/make_image.py.

use keras_ops::image::{
    self, FillMode, Interpolation, PatchOptions, ResizeOptions, Sides, SsimOptions, WarpOptions,
};
use keras_ops::{self as ops, Device, Padding, Result, Tensor};

use super::table::{self, Run};

fn one(output: Result<Tensor>) -> Result<Vec<Tensor>> {
    output.map(|x| vec![x])
}

macro_rules! resized {
    ($($name:literal $kind:ident;)*) => { &[$(
        (concat!("resize ", $name, " 5x12"), |x| resized(&x[0], [5, 12], Interpolation::$kind, false)),
        (concat!("resize ", $name, " 5x12 antialias"), |x| resized(&x[0], [5, 12], Interpolation::$kind, true)),
        (concat!("resize ", $name, " 16x3"), |x| resized(&x[0], [16, 3], Interpolation::$kind, false)),
        (concat!("resize ", $name, " 16x3 antialias"), |x| resized(&x[0], [16, 3], Interpolation::$kind, true)),
    )*] };
}

fn resized(
    x: &Tensor,
    size: [usize; 2],
    interpolation: Interpolation,
    antialias: bool,
) -> Result<Vec<Tensor>> {
    one(image::resize(
        x,
        size,
        &ResizeOptions {
            interpolation,
            antialias,
            ..Default::default()
        },
    ))
}

const RESIZE: &[(&str, Run)] = resized! {
    "nearest" Nearest;
    "bilinear" Bilinear;
    "bicubic" Bicubic;
    "lanczos3" Lanczos3;
    "lanczos5" Lanczos5;
};

macro_rules! modes {
    ($($name:literal $mode:ident;)*) => { &[$(
        (concat!("map_coordinates ", $name, " 0"), |x| one(image::map_coordinates(&x[0], &x[1], 0, FillMode::$mode, 0.25))),
        (concat!("map_coordinates ", $name, " 1"), |x| one(image::map_coordinates(&x[0], &x[1], 1, FillMode::$mode, 0.25))),
        (concat!("affine_transform ", $name), |x| one(image::affine_transform(&x[0], &transforms()?, &WarpOptions { fill_mode: FillMode::$mode, fill_value: 0.25, ..Default::default() }))),
    )*] };
}

const MODES: &[(&str, Run)] = modes! {
    "constant" Constant;
    "nearest" Nearest;
    "wrap" Wrap;
    "mirror" Mirror;
    "reflect" Reflect;
};

fn transforms() -> Result<Tensor> {
    let all = [
        [0.9f32, 0.2, 0.3, -0.1, 1.1, 0.4, 0., 0.],
        [1.2, -0.3, 0.6, 0.2, 0.8, -0.7, 0., 0.],
    ];
    Tensor::new(&all, &Device::Cpu)
}

fn moved(x: &Tensor, method: Interpolation) -> Result<Vec<Tensor>> {
    one(image::scale_and_translate(
        x,
        &[2, 8, 6, 3],
        &[1.3, 0.6],
        &[0.7, -1.2],
        &[1, 2],
        method,
        true,
    ))
}

fn nearest(x: &Tensor) -> Result<Vec<Tensor>> {
    let transform = Tensor::new(&[0.9f32, 0.2, 0.313, -0.1, 1.1, 0.417, 0., 0.], &Device::Cpu)?;
    let options = WarpOptions {
        interpolation: Interpolation::Nearest,
        channels_first: true,
        ..Default::default()
    };
    one(image::affine_transform(x, &transform, &options))
}

fn perspective(x: &Tensor) -> Result<Vec<Tensor>> {
    let start = Tensor::new(&[[0f32, 0.], [6., 0.2], [0., 8.], [6., 8.1]], &Device::Cpu)?;
    let end = Tensor::new(&[[0.3f32, 0.], [6., 0.], [0.1, 7.7], [5.6, 8.]], &Device::Cpu)?;
    let options = WarpOptions {
        fill_value: 0.25,
        ..Default::default()
    };
    one(image::perspective_transform(x, &start, &end, &options))
}

const SIDES: Sides = Sides {
    top: Some(1),
    left: Some(2),
    bottom: None,
    right: None,
    height: None,
    width: None,
    channels_first: false,
};

#[rustfmt::skip]
const OTHERS: &[(&str, Run)] = &[
    ("resize crop", |x| one(image::resize(&x[0], [4, 8], &ResizeOptions { crop_to_aspect_ratio: true, ..Default::default() }))),
    ("resize pad", |x| one(image::resize(&x[0], [4, 8], &ResizeOptions { pad_to_aspect_ratio: true, fill_value: 0.5, ..Default::default() }))),
    ("resize pad tall", |x| one(image::resize(&x[0], [11, 4], &ResizeOptions { pad_to_aspect_ratio: true, fill_value: 0.5, ..Default::default() }))),
    ("resize first", |x| one(image::resize(&x[0], [4, 8], &ResizeOptions { channels_first: true, ..Default::default() }))),
    ("resize one", |x| one(image::resize(&x[0], [4, 8], &ResizeOptions::default()))),
    ("scale_and_translate bilinear", |x| moved(&x[0], Interpolation::Bilinear)),
    ("scale_and_translate bicubic", |x| moved(&x[0], Interpolation::Bicubic)),
    ("scale_and_translate lanczos3", |x| moved(&x[0], Interpolation::Lanczos3)),
    ("scale_and_translate lanczos5", |x| moved(&x[0], Interpolation::Lanczos5)),
    ("rgb_to_grayscale", |x| one(image::rgb_to_grayscale(&x[0], false))),
    ("rgb_to_grayscale first", |x| one(image::rgb_to_grayscale(&x[0], true))),
    ("rgb_to_hsv", |x| one(image::rgb_to_hsv(&x[0], false))),
    ("hsv_to_rgb", |x| one(image::hsv_to_rgb(&x[0], false))),
    ("gaussian_blur", |x| one(image::gaussian_blur(&x[0], [3, 5], [0.8, 1.3], false))),
    ("gaussian_blur even", |x| one(image::gaussian_blur(&x[0], [4, 2], [0.8, 1.3], true))),
    ("sobel_edges", |x| one(image::sobel_edges(&x[0], false))),
    ("sobel_edges first", |x| one(image::sobel_edges(&x[0], true))),
    ("ssim", |x| one(image::ssim(&x[0], &x[1], &SsimOptions::default()))),
    ("ssim small", |x| one(image::ssim(&x[0], &x[1], &SsimOptions { max_val: 255., filter_size: 5, filter_sigma: 0.9, ..Default::default() }))),
    ("pad_images", |x| one(image::pad_images(&x[0], &Sides { height: Some(12), width: Some(9), ..SIDES }))),
    ("crop_images", |x| one(image::crop_images(&x[0], &Sides { height: Some(5), width: Some(4), ..SIDES }))),
    ("extract_patches", |x| one(image::extract_patches(&x[0], &PatchOptions::new([3, 2])))),
    ("extract_patches same", |x| one(image::extract_patches(&x[0], &PatchOptions { strides: Some([2, 1]), padding: Padding::Same, ..PatchOptions::new([3, 2]) }))),
    ("extract_patches dilated", |x| one(image::extract_patches(&x[0], &PatchOptions { strides: Some([1, 1]), dilation: [2, 2], ..PatchOptions::new([2, 3]) }))),
    ("extract_patches first", |x| one(image::extract_patches(&x[0], &PatchOptions { channels_first: true, ..PatchOptions::new([2, 2]) }))),
    ("extract_patches_3d", |x| one(image::extract_patches_3d(&x[0], &PatchOptions { strides: Some([1, 1, 1]), ..PatchOptions::new([2, 2, 3]) }))),
    ("affine_transform first", |x| nearest(&x[0])),
    ("perspective_transform", |x| perspective(&x[0])),
];

#[test]
fn values_are_those_of_keras() {
    table::check("image", 2e-5, &[RESIZE, MODES, OTHERS].concat());
}

#[test]
fn integers_are_resized_to_the_nearest_only() {
    let x = Tensor::new(&[[[1u8], [2]]], &Device::Cpu).unwrap();
    let nearest = ResizeOptions {
        interpolation: Interpolation::Nearest,
        ..Default::default()
    };
    let y = image::resize(&x, [1, 4], &nearest).unwrap();
    assert_eq!(y.flatten_all().unwrap().to_vec1::<u8>().unwrap(), [1, 1, 2, 2]);
    let error = image::resize(&x, [1, 4], &ResizeOptions::default())
        .unwrap_err()
        .to_string();
    assert!(error.starts_with("resize: ") && error.contains("cast"), "{error}");
}

#[test]
fn misuse_names_the_operation() {
    let x = Tensor::ones((4, 4, 3), ops::DType::F32, &Device::Cpu).unwrap();
    let both = ResizeOptions {
        crop_to_aspect_ratio: true,
        pad_to_aspect_ratio: true,
        ..Default::default()
    };
    let error = image::resize(&x, [2, 2], &both).unwrap_err().to_string();
    assert!(
        error.contains("resize: ") && error.contains("not both"),
        "{error}"
    );
    let error = image::crop_images(&x, &SIDES).unwrap_err().to_string();
    assert!(
        error.starts_with("crop_images: give exactly two of the height"),
        "{error}"
    );
    let line = Tensor::new(&[[0f32, 0.], [1., 1.], [2., 2.], [0., 3.]], &Device::Cpu).unwrap();
    let error = image::perspective_transform(&x, &line, &line, &WarpOptions::default())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("perspective_transform") && error.contains("three lie on a line"),
        "{error}"
    );
}
