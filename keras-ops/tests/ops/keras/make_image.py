"""Runs Keras 3.15.1 (JAX) on the cases of `image.rs` and writes inputs and outputs to image.safetensors."""

import os

os.environ["KERAS_BACKEND"] = "jax"
import numpy as np
from keras import ops
from safetensors.numpy import save_file

image = ops.image
rng = np.random.default_rng(7)
file = {}


def case(name, function, *inputs):
    outputs = function(*inputs)
    if not isinstance(outputs, (tuple, list)):
        outputs = [outputs]
    for i, x in enumerate(inputs):
        file[f"{name}/in{i}"] = np.array(x, order="C")
    for i, y in enumerate(outputs):
        file[f"{name}/out{i}"] = np.array(y, order="C")


def uniform(*shape):
    return rng.uniform(size=shape).astype("float32")


x = uniform(2, 9, 7, 3)
first = uniform(2, 3, 9, 7)
single = uniform(9, 7, 3)
for method in ["nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"]:
    for size in [(5, 12), (16, 3)]:
        for antialias in [False, True]:
            name = f"resize {method} {size[0]}x{size[1]}{' antialias' if antialias else ''}"
            case(name, lambda x: image.resize(x, size, interpolation=method, antialias=antialias), x)
case("resize crop", lambda x: image.resize(x, (4, 8), crop_to_aspect_ratio=True), x)
case("resize pad", lambda x: image.resize(x, (4, 8), pad_to_aspect_ratio=True, fill_value=0.5), x)
case("resize pad tall", lambda x: image.resize(x, (11, 4), pad_to_aspect_ratio=True, fill_value=0.5), x)
case("resize first", lambda x: image.resize(x, (4, 8), data_format="channels_first"), first)
case("resize one", lambda x: image.resize(x, (4, 8)), single)
for method in ["bilinear", "bicubic", "lanczos3", "lanczos5"]:
    f = lambda x: image.scale_and_translate(
        x, (2, 8, 6, 3), np.array([1.3, 0.6], "float32"), np.array([0.7, -1.2], "float32"), (1, 2), method
    )
    case(f"scale_and_translate {method}", f, x)
case("rgb_to_grayscale", image.rgb_to_grayscale, x)
case("rgb_to_grayscale first", lambda x: image.rgb_to_grayscale(x, "channels_first"), first)
grey = x.copy()
grey[0, :4] = 0
grey[1, :4, :, 1] = grey[1, :4, :, 0]
grey[1, :2, :, 2] = grey[1, :2, :, 0]
case("rgb_to_hsv", image.rgb_to_hsv, grey)
case("hsv_to_rgb", image.hsv_to_rgb, x)
case("gaussian_blur", lambda x: image.gaussian_blur(x, (3, 5), (0.8, 1.3), "channels_last"), x)
case("gaussian_blur even", lambda x: image.gaussian_blur(x, (4, 2), (0.8, 1.3), "channels_first"), first)
case("sobel_edges", lambda x: image.sobel_edges(x, "channels_last"), x)
case("sobel_edges first", lambda x: image.sobel_edges(x, "channels_first"), first)
a, b = uniform(2, 13, 12, 2), uniform(2, 13, 12, 2)
case("ssim", lambda a, b: image.ssim(a, b), a, b)
case("ssim small", lambda a, b: image.ssim(a, b, 255.0, 5, 0.9), a[0], b[0])
case("pad_images", lambda x: image.pad_images(x, 1, 2, target_height=12, target_width=9), x)
case("crop_images", lambda x: image.crop_images(x, 1, 2, target_height=5, target_width=4), x)
case("extract_patches", lambda x: image.extract_patches(x, (3, 2)), x)
case("extract_patches same", lambda x: image.extract_patches(x, (3, 2), (2, 1), padding="same"), x)
case("extract_patches dilated", lambda x: image.extract_patches(x, (2, 3), 1, 2), x)
case("extract_patches first", lambda x: image.extract_patches(x, 2, data_format="channels_first"), first)
volume = uniform(2, 4, 5, 3, 2)
case("extract_patches_3d", lambda x: image.extract_patches_3d(x, (2, 2, 3), 1), volume)
at = rng.uniform(-6, 12, size=(3, 2, 20)).astype("float32")
for mode in ["constant", "nearest", "wrap", "mirror", "reflect"]:
    for order in [0, 1]:
        f = lambda x, at: image.map_coordinates(x, at, order, mode, 0.25)
        case(f"map_coordinates {mode} {order}", f, x[0], at)
transform = np.array([[0.9, 0.2, 0.3, -0.1, 1.1, 0.4, 0, 0], [1.2, -0.3, 0.6, 0.2, 0.8, -0.7, 0, 0]], "float32")
for mode in ["constant", "nearest", "wrap", "mirror", "reflect"]:
    f = lambda x: image.affine_transform(x, transform, fill_mode=mode, fill_value=0.25)
    case(f"affine_transform {mode}", f, x)
# Moved a little, so that no place lies halfway between two pixels.
apart = transform[0] + np.array([0, 0, 0.013, 0, 0, 0.017, 0, 0], "float32")
case("affine_transform first", lambda x: image.affine_transform(x, apart, "nearest", data_format="channels_first"), first[:1])
start = np.array([[0.0, 0.0], [6.0, 0.2], [0.0, 8.0], [6.0, 8.1]], "float32")
end = np.array([[0.3, 0.0], [6.0, 0.0], [0.1, 7.7], [5.6, 8.0]], "float32")
case("perspective_transform", lambda x: image.perspective_transform(x, start, end, fill_value=0.25), x[0])

save_file(file, os.path.join(os.path.dirname(__file__), "image.safetensors"))
