"""Computes what Keras makes of numbers, images and sounds, for the tests beside this folder.

    pip install keras==3.15.1 jax safetensors
    python keras-core/tests/core/keras/make_arrays.py

Writes arrays.json and arrays.safetensors: cases of a class with its configuration, what was drawn at random where there
is such, inputs and outputs.
"""

import json
import os
import pathlib

os.environ["KERAS_BACKEND"] = "jax"
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax  # noqa: E402
import numpy as np  # noqa: E402
from keras import layers, ops  # noqa: E402
from safetensors.numpy import save_file  # noqa: E402

jax.config.update("jax_default_matmul_precision", "highest")
FOLDER = pathlib.Path(__file__).parent
rng = np.random.default_rng(11)
CASES, FILE = [], {}


def put(key, value):
    value = np.asarray(value)
    if value.dtype == bool:
        value = value.astype("uint8")
    elif value.dtype.kind in "iu" and value.dtype != np.uint8:
        value = value.astype("int64")
    elif value.dtype.kind == "f":
        value = value.astype("float32")
    FILE[key] = np.array(value, order="C")
    return key


def config_of(layer):
    config = layer.get_config()
    config.pop("name", None)
    return config


def case(layer, **parts):
    index = len(CASES)
    arrays = {k: put(f"{index}/{k}", v) for k, v in parts.items() if isinstance(v, np.ndarray) or hasattr(v, "__array__")}
    plain = {k: v for k, v in parts.items() if k not in arrays}
    CASES.append({"class_name": type(layer).__name__, "config": config_of(layer), "arrays": arrays, **plain})


def pixels(*shape, low=0, high=255):
    return rng.uniform(low, high, shape).astype("float32")


LAST, FIRST = (3, 9, 8, 3), (3, 3, 9, 8)
BOXES = np.array(
    [[[1, 1, 5, 6], [0, 3, 8, 9]], [[2, 0, 4, 7], [3, 3, 7, 8]], [[0, 0, 3, 3], [6, 5, 8, 9]]], "float32"
)
LABELS = np.array([[1, 2], [3, 4], [5, 6]], "int64")


def spread(values):
    return ops.reshape(ops.convert_to_tensor(np.array(values, "float32")), (-1, 1, 1, 1))


def shaped(layer):
    return pixels(*(FIRST if layer.data_format == "channels_first" else LAST))


def changed(make, drawn, keras_form, boxes=False, masks=False, first=True):
    """A random layer, given what it would have drawn."""
    for data_format in ("channels_last", "channels_first") if first else ("channels_last",):
        layer = make(data_format=data_format)
        x = shaped(layer)
        form = keras_form(layer, x)
        parts = {"drawn": drawn, "x": x, "y": layer.transform_images(ops.convert_to_tensor(x), form)}
        if masks:
            mask = np.round(shaped(layer) / 80)
            parts["mask"] = mask
            parts["new_mask"] = layer.transform_segmentation_masks(ops.convert_to_tensor(mask), form)
        if boxes:
            given = {"boxes": ops.convert_to_tensor(BOXES), "labels": ops.convert_to_tensor(LABELS.astype("int32"))}
            moved = layer.transform_bounding_boxes(given, form)
            parts.update(boxes=BOXES, labels=LABELS, new_boxes=moved["boxes"], new_labels=moved["labels"])
        case(layer, **parts)


def colours():
    r, j = [(0, 255), (-1, 1)], lambda *v: ops.convert_to_tensor(np.array(v, "float32"))
    deltas = [30.0, -50.0, 0.4]
    for span in r:
        changed(
            lambda **k: layers.RandomBrightness(0.3, value_range=span, **k),
            deltas,
            lambda l, x: {"rgb_delta": spread(deltas)},
        )
    contrasts = [1.5, 0.4, 1.0]
    changed(
        lambda **k: layers.RandomContrast((0.2, 0.9), **k),
        contrasts,
        lambda l, x: {"contrast_factor": spread(contrasts)},
    )
    shares = [0.3, -0.5, 1.0]
    changed(lambda **k: layers.RandomColorDegeneration(0.6, **k), shares, lambda l, x: {"factor": spread(shares)})
    chosen = [True, False, True]
    yes = ops.convert_to_tensor(np.array(chosen))
    changed(lambda **k: layers.RandomGrayscale(0.4, **k), chosen, lambda l, x: yes[:, None, None, None])
    turns = [0.2, -0.35, 0.5]
    changed(lambda **k: layers.RandomHue((0.1, 0.8), **k), turns, lambda l, x: {"factor": j(*turns)})
    factors = [0.5, 2.0, -0.3]
    changed(lambda **k: layers.RandomSaturation((0.2, 0.6), **k), factors, lambda l, x: {"factor": j(*factors)})
    sharp = [0.1, 0.5, 0.9]
    changed(lambda **k: layers.RandomSharpness(0.9, **k), sharp, lambda l, x: {"factor": j(*sharp)})
    bits = [1, 4, 8]
    changed(
        lambda **k: layers.RandomPosterization((1, 8), **k),
        bits,
        lambda l, x: {"shift_factor": ops.convert_to_tensor(np.array([8 - b for b in bits], "uint8"))},
    )
    changed(lambda **k: layers.RandomInvert(0.7, **k), chosen, lambda l, x: {"apply_inversion": yes})
    sigma = [0.8, 0.3]
    changed(
        lambda **k: layers.RandomGaussianBlur(kernel_size=(5, 3), sigma=(0.1, 0.9), **k),
        {"chosen": chosen, "sigma": sigma},
        lambda l, x: {"should_apply_blur": yes, "blur_factor": j(*sigma)},
    )
    both = [[20.0, 0.0, 99.0], [128.0, 10.0, 200.0]]
    changed(
        lambda **k: layers.Solarization((0.0, 0.4), 0.6, **k),
        both,
        lambda l, x: {"additions": spread(both[0]), "thresholds": spread(both[1])},
    )
    rectangles = [[1.2, 0.0, 4.7, 3.5], [0.0, 2.0, 8.0, 5.0], [3.0, 3.0, 3.2, 9.0]]
    corners = np.array(rectangles, "float32")

    def erasing(l, x):
        x0, y0, x1, y1 = (ops.convert_to_tensor(c) for c in corners.T)
        mask = l._generate_batch_mask(x.shape, (x0, x1, y0, y1))
        return {"apply_erasing": yes, "batch_masks": mask, "fill_value": l._get_fill_value(x, x.shape, None)}

    changed(
        lambda **k: layers.RandomErasing(fill_value=77, **k),
        {"chosen": chosen, "rectangles": rectangles, "fill": 77.0},
        erasing,
    )


def places():
    for fill in ("reflect", "wrap", "constant", "nearest"):
        for how in ("bilinear", "nearest"):
            more = {"fill_mode": fill, "interpolation": how, "fill_value": 7.0, "bounding_box_format": "xyxy"}
            angles = [17.3, -100.9, 271.1]

            def rotation(l, x):
                h, w = (9, 8)
                angle, zeros, ones = ops.convert_to_tensor(np.array(angles, "float32")), ops.zeros(3), ops.ones(3)
                matrix = l._compute_affine_matrix(0.5, 0.5, angle, zeros, zeros, ones, zeros, zeros, h, w)
                return {
                    "angle": angle,
                    "rotation_matrix": matrix,
                    "image_height": h,
                    "image_width": w,
                    "batch_size": 3,
                }

            changed(lambda **k: layers.RandomRotation(0.5, **more, **k), angles, rotation, boxes=True, masks=True)
            shifts = [[1.3, -2.2], [0.0, 0.4], [-4.6, 3.1]]
            changed(
                lambda **k: layers.RandomTranslation((-0.3, 0.4), 0.2, **more, **k),
                shifts,
                lambda l, x: {"translations": ops.convert_to_tensor(np.array(shifts, "float32")), "input_shape": x.shape},
                boxes=True,
                masks=True,
            )
            zooms = [[1.4, 0.7], [0.61, 0.61], [1.0, 1.9]]
            pair = np.array(zooms, "float32")
            changed(
                lambda **k: layers.RandomZoom(0.5, (-0.2, 0.3), **more, **k),
                zooms,
                lambda l, x: {"width_zoom": pair[:, :1], "height_zoom": pair[:, 1:], "input_shape": x.shape},
                boxes=True,
                masks=True,
            )
            slants = [[0.3, -0.2], [-0.41, 0.0], [0.0, 0.55]]
            changed(
                lambda **k: layers.RandomShear(0.2, (0.1, 0.4), **more, **k),
                slants,
                lambda l, x: {"shear_factor": ops.convert_to_tensor(np.array(slants, "float32")), "input_shape": x.shape},
                boxes=True,
                masks=True,
            )
    chosen = [True, False, True]
    yes = ops.convert_to_tensor(np.array(chosen))
    start = np.array([[0, 0], [7, 0], [0, 8], [7, 8]], "float32")
    corners = start + rng.uniform(-1.5, 1.5, (3, 4, 2)).astype("float32")
    for how in ("bilinear", "nearest"):
        changed(
            lambda **k: layers.RandomPerspective(
                0.8, scale=0.6, interpolation=how, fill_value=3.0, bounding_box_format="xyxy", **k
            ),
            {"chosen": chosen, "corners": corners.tolist()},
            lambda l, x: {
                "apply_perspective": yes,
                "start_points": ops.convert_to_tensor(np.repeat(start[None], 3, 0)),
                "end_points": ops.convert_to_tensor(corners),
                "input_shape": x.shape,
            },
            boxes=True,
            masks=True,
        )
    for mode in ("horizontal", "vertical", "horizontal_and_vertical"):
        changed(
            lambda **k: layers.RandomFlip(mode, bounding_box_format="xyxy", **k),
            chosen,
            lambda l, x: {"flips": yes[:, None, None, None], "input_shape": x.shape},
            boxes=True,
            masks=True,
        )
    changed(lambda **k: layers.RandomCrop(4, 5, **k), [2, 3], lambda l, x: (2, 3))
    changed(lambda **k: layers.RandomCrop(12, 6, **k), [0, 2], lambda l, x: (0, 2))
    for height, width in ((4, 3), (5, 8), (12, 5), (9, 20)):
        changed(
            lambda **k: layers.CenterCrop(height, width, bounding_box_format="xyxy", **k),
            None,
            lambda l, x: {"input_shape": x.shape},
            boxes=True,
        )
    for more in (
        {},
        {"interpolation": "bicubic", "antialias": True},
        {"interpolation": "nearest"},
        {"interpolation": "lanczos3"},
        {"crop_to_aspect_ratio": True},
        {"pad_to_aspect_ratio": True, "fill_value": 9.0},
    ):
        for height, width in ((5, 12), (14, 4)):
            changed(
                lambda **k: layers.Resizing(height, width, bounding_box_format="xyxy", **more, **k),
                None,
                lambda l, x: (9, 8),
                boxes=True,
            )


def whole():
    flat = pixels(3, 9, 8, 3)
    flat[1, ..., 2] = 40
    for make in (
        lambda **k: layers.Equalization(**k),
        lambda **k: layers.Equalization(bins=16, value_range=(0, 1), **k),
        lambda **k: layers.ContrastLimitedAdaptiveHistogramEqualization(**k),
        lambda **k: layers.ContrastLimitedAdaptiveHistogramEqualization(
            value_range=(0, 1), clip_limit=1.5, tile_grid_size=(2, 3), **k
        ),
    ):
        for data_format in ("channels_last", "channels_first"):
            layer = make(data_format=data_format)
            x = flat if data_format == "channels_last" else np.moveaxis(flat, -1, 1).copy()
            x = x / 255 if layer.value_range[1] == 1 else x
            case(layer, x=x, y=layer(x, training=True))
    for layer, x in (
        (layers.AutoContrast(), flat),
        (layers.AutoContrast(value_range=(-1, 1)), flat / 127.5 - 1),
        (layers.AutoContrast(), flat[0]),
        (layers.Resizing(3, 4), np.round(flat).astype("uint8")),
        (layers.Resizing(18, 16), np.round(flat).astype("uint8")),
        (layers.Resizing(13, 11, interpolation="bicubic"), np.round(flat).astype("uint8")),
    ):
        case(layer, x=x, y=layer(x))


def mixing():
    shares, order = [0.9, 0.25, 0.6], [2, 0, 1]
    labels = np.eye(3, dtype="float32")
    images = pixels(*LAST)
    layer = layers.MixUp()
    form = {"mix_weight": np.array(shares, "float32"), "permutation_order": np.array(order)}
    y = layer.transform_images(ops.convert_to_tensor(images), form)
    drawn = {"shares": shares, "order": order}
    case(layer, drawn=drawn, x=images, y=y, labels=labels, new_labels=layer.transform_labels(labels, form))
    rectangles = [[1.2, 0.0, 4.7, 3.5], [0.0, 2.0, 8.0, 5.0], [3.0, 3.0, 3.2, 9.0]]
    x0, y0, x1, y1 = (ops.convert_to_tensor(c) for c in np.array(rectangles, "float32").T)
    for data_format in ("channels_last", "channels_first"):
        layer = layers.CutMix(data_format=data_format)
        images = shaped(layer)
        mask, weight = layer._generate_batch_mask(images.shape, (x0, x1, y0, y1))
        form = {"permutation_order": np.array(order), "batch_masks": mask, "mix_weight": weight}
        shares = np.asarray(weight, "float64").reshape(-1).tolist()
        y = layer.transform_images(ops.convert_to_tensor(images), form)
        drawn = {"shares": shares, "order": order, "rectangles": rectangles}
        case(layer, drawn=drawn, x=images, y=y, labels=labels, new_labels=layer.transform_labels(labels, form))


def features():
    data = rng.normal(2, 3, (20, 4, 3)).astype("float32")
    x = rng.normal(0, 5, (5, 4, 3)).astype("float32")
    for arguments in ({}, {"axis": None}, {"axis": (1, 2)}, {"axis": [-2]}, {"invert": True}):
        layer = layers.Normalization(**arguments)
        layer.adapt(data)
        case(layer, adapt=data, x=x, y=layer(x))
    for arguments in (
        {"mean": 3.0, "variance": 2.0},
        {"mean": [1.0, 2.0, 3.0], "variance": [4.0, 0.0, 1.0]},
        {"mean": [1.0, 2.0, 3.0], "variance": [4.0, 2.0, 1.0], "axis": (1, 2)},
        {"mean": [[1.0], [2.0], [3.0], [4.0]], "variance": [[1.0], [2.0], [3.0], [4.0]], "axis": (1, 2)},
        {"mean": 1.0, "variance": 4.0, "axis": None, "invert": True},
    ):
        layer = layers.Normalization(**arguments)
        case(layer, x=x, y=layer(x))
    for size in (3, 40, 1000):
        numbers = rng.normal(0, 2, size).astype("float32")
        for arguments in ({"num_bins": 4}, {"num_bins": 7, "epsilon": 0.1}, {"num_bins": 1}):
            layer = layers.Discretization(**arguments)
            layer.adapt(numbers)
            probe = rng.normal(0, 2, (4, 3)).astype("float32")
            bounds = np.array(layer.bin_boundaries, "float32")
            y = layer(probe)
            layer.bin_boundaries = None
            case(layer, adapt=numbers, boundaries=bounds, x=probe, y=y)
    for mode in ("int", "one_hot", "multi_hot", "count"):
        layer = layers.Discretization([-1.0, 0.5, 2.0], output_mode=mode)
        for shape in ((4, 3), (4, 1), (5,), (2, 3, 2)):
            probe = rng.normal(0, 2, shape).astype("float32")
            case(layer, x=probe, y=layer(probe))
    for mode in ("one_hot", "multi_hot", "count"):
        layer = layers.CategoryEncoding(5, output_mode=mode)
        for shape in ((4, 3), (4, 1), (6,), (2, 3, 2)):
            probe = rng.integers(0, 5, shape)
            case(layer, x=probe, y=layer(probe))
    probe, weights = rng.integers(0, 5, (4, 3)), rng.uniform(0, 2, (4, 3)).astype("float32")
    case(layer, x=probe, weights=weights, y=layer(probe, count_weights=weights))


def sounds():
    x = rng.normal(0, 1, (2, 400)).astype("float32")
    for arguments in (
        {"fft_length": 64, "sequence_stride": 30, "num_mel_bins": 12},
        {"fft_length": 64, "sequence_length": 50, "sequence_stride": 17, "window": "hamming", "power_to_db": False},
        {"fft_length": 128, "sequence_stride": 60, "mag_exp": 1.0, "min_freq": 100.0, "max_freq": 4000, "top_db": 20.0},
        {"fft_length": 64, "sequence_stride": 64, "num_mel_bins": 8, "ref_power": 2.5, "min_power": 1e-3, "window": None},
    ):
        layer = layers.MelSpectrogram(**arguments)
        case(layer, x=x, y=layer(x))
        case(layer, x=x[0], y=layer(x[0]))
    signals = rng.normal(0, 1, (2, 100, 2)).astype("float32")
    for mode in ("log", "magnitude", "psd", "real", "imag", "angle", "stft"):
        for expand in (False, True):
            for data_format in ("channels_last", "channels_first"):
                layer = layers.STFTSpectrogram(mode, 20, 7, expand_dims=expand, data_format=data_format)
                given = signals if data_format == "channels_last" else np.moveaxis(signals, 2, 1).copy()
                case(layer, x=given, y=layer(given))
    windows = """hann hamming blackman blackmanharris nuttall flattop boxcar bartlett triang bohman barthann cosine
    parzen lanczos tukey exponential""".split()
    for index, window in enumerate(windows + [None, np.linspace(0, 1, 21).tolist()]):
        scaling = ("density", "spectrum", None)[index % 3]
        more = {"fft_length": 40, "padding": "same", "periodic": index % 2 == 0, "scaling": scaling, "window": window}
        layer = layers.STFTSpectrogram("stft", 21, **more)
        case(layer, x=signals, y=layer(signals))


def main():
    for make in (colours, places, whole, mixing, features, sounds):
        make()
    lines = ",\n".join(json.dumps(c) for c in CASES)
    (FOLDER / "arrays.json").write_text(f"[\n{lines}\n]\n")
    save_file(FILE, str(FOLDER / "arrays.safetensors"))
    print(len(CASES), "cases")


main()
