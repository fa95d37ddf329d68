"""Computes a folder of cases with real Keras, of the form that README.md beside this file describes.

    pip install keras==3.15.1 jax safetensors
    python tests/golden/make.py FOLDER [--seed N] [--family NAME]

Another seed gives other numbers, shapes and arguments.
"""

import argparse
import inspect
import json
import os
import pathlib

os.environ["KERAS_BACKEND"] = "jax"
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import jax  # noqa: E402
import keras  # noqa: E402
import numpy as np  # noqa: E402
from keras import layers, losses, metrics, ops, optimizers  # noqa: E402
from safetensors.numpy import save_file  # noqa: E402

jax.config.update("jax_default_matmul_precision", "highest")
KERAS = "3.15.1"


def plain(value):
    """JSON without what JSON has no word for."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if hasattr(value, "__array__"):
        # As Keras serialises an array.
        return {"class_name": "__tensor__", "config": {"value": np.asarray(value).tolist(), "dtype": str(value.dtype)}}
    if isinstance(value, float) and not np.isfinite(value):
        return "NaN" if np.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def forgotten(instance, config):
    """Puts back the arguments that `get_config` leaves out."""
    for name in inspect.signature(type(instance).__init__).parameters:
        kept = getattr(instance, "_fn_kwargs", None) or getattr(instance, "fn_kwargs", None) or {}
        if name not in config and name in kept:
            config[name] = kept[name]
    return config


def serialized(instance):
    return {"class_name": type(instance).__name__, "config": forgotten(instance, instance.get_config())}


class Family:
    """Cases and their tensors."""

    def __init__(self, name, seed):
        self.name, self.cases, self.tensors = name, [], {}
        self.rng = np.random.default_rng([seed, sum(name.encode())])

    def put(self, key, value):
        value = np.asarray(value)
        if value.dtype == bool:
            value = value.astype("uint8")
        elif value.dtype.kind in "iu" and value.dtype != np.uint8:
            value = value.astype("int32")
        elif value.dtype.kind == "f":
            value = value.astype("float32")
        self.tensors[key] = np.ascontiguousarray(value).reshape(value.shape)
        return key

    def add(self, name, kind, **parts):
        self.cases.append({"name": name, "kind": kind, **parts})

    def floats(self, *shape, low=-2.0, high=2.0):
        return self.rng.uniform(low, high, shape).astype("float32")

    def number(self, low, high):
        return round(float(self.rng.uniform(low, high)), 4)

    def write(self, folder):
        text = {"keras": KERAS, "backend": "jax", "family": self.name, "cases": plain(self.cases)}
        (folder / f"{self.name}.json").write_text(json.dumps(text, indent=1))
        save_file(self.tensors, str(folder / f"{self.name}.safetensors"))
        print(f"{self.name}: {len(self.cases)} cases", flush=True)


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return (e / e.sum(-1, keepdims=True)).astype("float32")


# Targets and predictions by what a class takes.


def one_hot(family, *shape):
    return np.eye(shape[-1], dtype="float32")[family.rng.integers(0, shape[-1], shape[:-1])]


def pair(family, kind, shape):
    if kind == "positive":
        return family.floats(*shape, low=0.1, high=3), family.floats(*shape, low=0.1, high=3)
    if kind == "binary":
        return family.rng.integers(0, 2, shape).astype("float32"), family.floats(*shape, low=0.02, high=0.98)
    if kind == "signs":
        return family.rng.integers(0, 2, shape).astype("float32") * 2 - 1, family.floats(*shape)
    if kind == "onehot":
        return one_hot(family, *shape), softmax(family.floats(*shape))
    if kind == "sparse":
        return family.rng.integers(0, shape[-1], shape[:-1]), softmax(family.floats(*shape))
    if kind == "ids":
        return family.rng.integers(0, 4, shape[:-1]), family.rng.integers(0, 4, shape[:-1])
    return family.floats(*shape), family.floats(*shape)


def loss_objects(f):
    n = f.number
    return [
        (losses.MeanSquaredError, {}, "any"),
        (losses.MeanAbsoluteError, {}, "any"),
        (losses.MeanAbsolutePercentageError, {}, "positive"),
        (losses.MeanSquaredLogarithmicError, {}, "positive"),
        (losses.Huber, {"delta": n(0.3, 1.5)}, "any"),
        (losses.LogCosh, {}, "any"),
        (losses.CosineSimilarity, {}, "any"),
        (losses.CosineSimilarity, {"axis": 1}, "any"),
        (losses.Poisson, {}, "positive"),
        (losses.KLDivergence, {}, "onehot"),
        (losses.Hinge, {}, "signs"),
        (losses.SquaredHinge, {}, "signs"),
        (losses.CategoricalHinge, {}, "onehot"),
        (losses.BinaryCrossentropy, {"label_smoothing": n(0, 0.3)}, "binary"),
        (losses.BinaryFocalCrossentropy, {"gamma": n(1, 3), "apply_class_balancing": True}, "binary"),
        (losses.CategoricalCrossentropy, {"label_smoothing": n(0, 0.3)}, "onehot"),
        (losses.CategoricalCrossentropy, {"from_logits": True}, "logits"),
        (losses.CategoricalFocalCrossentropy, {"alpha": n(0.2, 0.5)}, "onehot"),
        (losses.CategoricalGeneralizedCrossEntropy, {"q": n(0.2, 0.9)}, "sparse"),
        (losses.SparseCategoricalCrossentropy, {}, "sparse"),
        (losses.SparseCategoricalCrossentropy, {"ignore_class": 1}, "sparse"),
        (losses.Dice, {}, "binary"),
        (losses.Tversky, {"alpha": n(0.2, 0.8), "beta": n(0.2, 0.8)}, "binary"),
    ]


def make_losses(f):
    for index, (cls, arguments, kind) in enumerate(loss_objects(f)):
        for reduction in ("sum_over_batch_size", "sum", "mean_with_sample_weight", "none"):
            for weighting in ("no", "sample"):
                batch, width = int(f.rng.integers(3, 7)), int(f.rng.integers(3, 6))
                if kind == "logits":
                    y_true, y_pred = one_hot(f, batch, width), f.floats(batch, width)
                else:
                    y_true, y_pred = pair(f, kind, (batch, width))
                loss = cls(reduction=reduction, **arguments)
                values = loss.call(ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred))
                weight = None
                if weighting == "sample":
                    if len(values.shape) == 0:
                        continue
                    weight = f.floats(batch, low=0.1, high=2)
                loss_case(f, f"{cls.__name__}/{index}/{reduction}/{weighting}", loss, y_true, y_pred, weight)
    for index, (cls, arguments, y_true, y_pred, weightings) in enumerate(loss_variants(f)):
        for weighting in weightings:
            reduction = REDUCTIONS[int(f.rng.integers(len(REDUCTIONS)))]
            loss = cls(reduction=reduction, **arguments)
            shape = loss.call(ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)).shape
            weight, mask = loss_weight(f, weighting, shape)
            name = f"{cls.__name__}/variant {index}/{reduction}/{weighting or 'plain'}"
            loss_case(f, name, loss, y_true, y_pred, weight, mask)


REDUCTIONS = ("sum_over_batch_size", "mean", "sum", "mean_with_sample_weight", "none")


def loss_case(f, name, loss, y_true, y_pred, weight=None, mask=None):
    def run(p):
        if mask is not None:
            keras.src.backend.set_keras_mask(p, ops.convert_to_tensor(mask))
        return loss(y_true, p, sample_weight=weight)

    f.add(
        name,
        "loss",
        object=serialized(loss),
        y_true=f.put(f"{name}/y_true", y_true),
        y_pred=f.put(f"{name}/y_pred", y_pred),
        sample_weight=None if weight is None else f.put(f"{name}/sample_weight", weight),
        mask=None if mask is None else f.put(f"{name}/mask", mask),
        value=f.put(f"{name}/value", run(ops.convert_to_tensor(y_pred))),
        grad=f.put(f"{name}/grad", jax.grad(lambda p: ops.sum(run(p)))(y_pred)),
    )


def loss_weight(f, weighting, shape):
    """Weights and mask for values of this shape: each axis whole, 1, or left out as Keras allows."""
    floats = lambda *shape: f.floats(*shape, low=0.1, high=2)  # noqa: E731
    mask = None
    if weighting and weighting.startswith("mask"):
        mask = f.rng.integers(0, 2, shape).astype(bool)
        weighting = weighting.removeprefix("mask").strip() or None
    weights = {
        None: lambda: None,
        "scalar": lambda: floats(),
        "full": lambda: floats(*shape),
        "first": lambda: floats(shape[0], *[1] * (len(shape) - 1)),
        "last": lambda: floats(*[1] * (len(shape) - 1), shape[-1]),
        "longer": lambda: floats(*shape, 1),
        "zeros": lambda: np.zeros(shape, "float32"),
    }
    return weights[weighting](), mask


def loss_variants(f):
    """Classes with other arguments, shapes and dtypes: `(class, arguments, targets, predictions, weightings)`."""
    made, n, rng = [], f.number, f.rng
    size = lambda low=2, high=6: int(rng.integers(low, high))  # noqa: E731
    every = (None, "scalar", "full", "first", "last", "longer", "zeros", "mask", "mask full", "mask first")
    few = (None, "full", "mask")

    def add(cls, arguments, both, weightings=few):
        made.append((cls, arguments, *both, weightings))

    def of(kind, *shape):
        return f.floats(*shape) if kind is None else pair(f, kind, shape)

    def logits(*shape):
        return one_hot(f, *shape), f.floats(*shape, low=-9, high=9)

    def binary_logits(*shape):
        return rng.integers(0, 2, shape).astype("float32"), f.floats(*shape, low=-9, high=9)

    def whole(both):
        return both[0].astype("int32"), both[1]

    def labels(classes, *shape, logits=False, column=False):
        y, p = pair(f, "sparse", (*shape, classes))
        y = y[..., None] if column else y
        return (y, f.floats(*shape, classes, low=-9, high=9)) if logits else (y, p)

    def moved(both, axis):
        return tuple(np.ascontiguousarray(np.moveaxis(x, -1, axis)) for x in both)

    plain = [
        (losses.MeanSquaredError, "any"),
        (losses.MeanAbsoluteError, "any"),
        (losses.MeanAbsolutePercentageError, "positive"),
        (losses.MeanSquaredLogarithmicError, "positive"),
        (losses.LogCosh, "any"),
        (losses.Poisson, "positive"),
        (losses.KLDivergence, "onehot"),
        (losses.Hinge, "signs"),
        (losses.SquaredHinge, "signs"),
        (losses.CategoricalHinge, "onehot"),
        (losses.CosineSimilarity, "any"),
        (losses.BinaryCrossentropy, "binary"),
        (losses.CategoricalCrossentropy, "onehot"),
    ]
    # Every way of weighting, on values of one axis and of two.
    add(losses.MeanSquaredError, {}, of("any", size(), size()), every)
    add(losses.MeanAbsoluteError, {}, of("any", size(), size(), size()), every)
    add(losses.BinaryCrossentropy, {}, of("binary", size(), size(), size(), 2), every)
    add(losses.SparseCategoricalCrossentropy, {}, labels(4, size(), size()), every)
    for cls, kind in plain:
        add(cls, {}, of(kind, size(), size(), size(2, 5)))
        add(cls, {"dtype": "float32", "name": "mine"}, of(kind, size(), size(), size(), 3), (None, "first"))
        add(cls, {}, whole(of(kind, size(), size(3, 5))), (None,))  # whole targets
        column, flat = of("positive" if kind == "positive" else "binary", size(), 1), 0
        add(cls, {}, (column[0][:, flat], column[1]), (None, "full"))  # ranks that differ by one
        add(cls, {}, (column[0], column[1][:, flat]), (None, "longer"))
    wide = of("any", size(), size(), 1)
    add(losses.MeanSquaredError, {}, (wide[0], wide[1][..., 0]), few)
    add(losses.MeanSquaredError, {}, (wide[0][..., 0], wide[1]), few)
    # 0/1 targets of hinges; targets that are mixed.
    for cls in (losses.Hinge, losses.SquaredHinge):
        add(cls, {}, (rng.integers(0, 2, (4, 3)), f.floats(4, 3)))
        add(cls, {}, (rng.integers(-1, 2, (4, 3)), f.floats(4, 3)))
    add(losses.CategoricalHinge, {}, (one_hot(f, 4, 3) * 2 - 1, f.floats(4, 3)))
    # Predictions at and beyond the ends.
    ends = np.array([[0.0, 0.2, 0.9], [1e-9, 0.5, 0.0], [0.3, 0.0, 0.4]], "float32")
    for cls, kind in ((losses.KLDivergence, "onehot"), (losses.CategoricalCrossentropy, "onehot")):
        add(cls, {}, (one_hot(f, 3, 3), ends), (None,))
    add(losses.BinaryCrossentropy, {}, (np.eye(3, dtype="float32"), np.array([[0, 1, 0], [1, 1, 0], [0, 0, 1.0]], "float32")), (None,))
    add(losses.BinaryFocalCrossentropy, {}, (np.eye(3, dtype="float32"), ends), (None,))
    add(losses.MeanSquaredLogarithmicError, {}, (of("any", 3, 3)[0], np.array([[-1, 0, 2], [3, -0.5, 0], [1, 1, 1.0]], "float32")), (None,))
    add(losses.LogCosh, {}, (np.zeros((2, 2), "float32"), np.array([[90, -90], [40, -30.0]], "float32")), (None,))
    add(losses.Poisson, {}, (np.array([[0, 3.0]], "float32"), np.array([[0, 1e-6]], "float32")), (None,))
    # Arguments.
    for delta in (n(0.2, 0.6), n(0.8, 1.6), 3.0):
        add(losses.Huber, {"delta": delta}, of("any", size(), size(), 3))
        add(losses.Huber, {"delta": delta}, of("any", size(), size()), every)
    for axis in (1, 2, -2, 0):
        add(losses.CosineSimilarity, {"axis": axis}, of("any", size(), size(), size()), (None, "full"))
    zero = of("any", 3, 4)
    zero[1][1] = 0
    add(losses.CosineSimilarity, {}, zero, (None,))
    for axis in (1, -1, 0):
        smooth = {"label_smoothing": n(0, 0.4), "axis": axis}
        add(losses.BinaryCrossentropy, smooth, of("binary", size(), size(), 3), (None, "full"))
        add(losses.BinaryCrossentropy, {"from_logits": True, **smooth}, binary_logits(size(), size(), 3), (None, "full"))
        focal = {"gamma": n(1, 4), "apply_class_balancing": axis == 1, "alpha": n(0.1, 0.9), **smooth}
        add(losses.BinaryFocalCrossentropy, focal, of("binary", size(), size(), 3), (None, "full"))
        add(losses.BinaryFocalCrossentropy, {"from_logits": True, **focal}, binary_logits(size(), size(), 3), (None, "full"))
    for axis in (1, 2, -1, -2):
        smooth = {"label_smoothing": n(0, 0.4), "axis": axis}
        shape = (size(), size(), size(2, 5))
        at = axis if axis >= 0 else 3 + axis
        add(losses.CategoricalCrossentropy, smooth, moved(of("onehot", *shape), at), (None, "full"))
        add(losses.CategoricalCrossentropy, {"from_logits": True, **smooth}, moved(logits(*shape), at), (None, "full", "mask"))
        focal = {"alpha": n(0.1, 0.9), "gamma": n(0, 4), **smooth}
        add(losses.CategoricalFocalCrossentropy, focal, moved(of("onehot", *shape), at), (None, "full"))
        add(losses.CategoricalFocalCrossentropy, {"from_logits": True, **focal}, moved(logits(*shape), at), (None, "full"))
        if at != 2:
            continue  # where Keras takes class numbers along no other axis
        for arguments in ({}, {"from_logits": True}, {"from_logits": True, "ignore_class": 2}):
            both = labels(4, size(), size(), logits=bool(arguments))
            add(losses.SparseCategoricalCrossentropy, {"axis": axis, **arguments}, both, (None, "full"))
    each = [n(0.1, 0.9) for _ in range(4)]
    add(losses.CategoricalFocalCrossentropy, {"alpha": each}, of("onehot", size(), 4))
    add(losses.CategoricalFocalCrossentropy, {"alpha": each, "from_logits": True, "label_smoothing": 0.1}, logits(size(), size(), 4))
    soft = softmax(f.floats(4, 3))
    for arguments in ({}, {"label_smoothing": 0.2}):
        add(losses.CategoricalCrossentropy, arguments, (soft, softmax(f.floats(4, 3))), (None,))
        add(losses.KLDivergence, {}, (soft, softmax(f.floats(4, 3))), (None,))
    unscaled = (one_hot(f, 4, 3), f.floats(4, 3, low=0.1, high=5))
    add(losses.CategoricalCrossentropy, {}, unscaled)
    add(losses.CategoricalFocalCrossentropy, {}, unscaled)
    for ignored in (-1, 255, 0):
        y, p = labels(5, size(3, 6), size(3, 6))
        y[0, 0] = y[1, 2] = ignored
        add(losses.SparseCategoricalCrossentropy, {"ignore_class": ignored}, (y, p), (None, "full", "first"))
    nothing = np.full((3,), 7)
    add(losses.SparseCategoricalCrossentropy, {"ignore_class": 7}, (nothing, softmax(f.floats(3, 4))), (None, "full"))
    add(losses.SparseCategoricalCrossentropy, {}, labels(4, size(), column=True))
    add(losses.SparseCategoricalCrossentropy, {"from_logits": True}, labels(4, size(), size(), logits=True, column=True))
    add(losses.SparseCategoricalCrossentropy, {}, labels(4, 2, 3, 2))
    for q in (0.05, n(0.2, 0.8), 0.95):
        add(losses.CategoricalGeneralizedCrossEntropy, {"q": q}, labels(size(2, 6), size()))
        add(losses.CategoricalGeneralizedCrossEntropy, {"q": q}, labels(3, size(), size()))
    for axis in (None, 1, (1,), (1, 2), (0, 2), -1, (-2, -1)):
        weightings = (None,) if axis is None else (None, "full")
        add(losses.Dice, {"axis": axis}, of("binary", size(), size(), 3), weightings)
        add(losses.Tversky, {"axis": axis, "alpha": n(0, 1), "beta": n(0, 1)}, of("binary", size(), size(), 3), weightings)
    add(losses.Dice, {}, (np.zeros((2, 3), "float32"), np.zeros((2, 3), "float32")), (None,))
    unit = lambda x: x / np.linalg.norm(x, axis=-1, keepdims=True)  # noqa: E731
    for arguments in ({}, {"gamma": n(5, 30)}, {"margin": n(0.1, 0.6), "gamma": 20.0}, {"remove_diagonal": False, "gamma": 16.0}):
        batch = size(5, 9)
        embeddings = unit(f.floats(batch, size(2, 5)))
        add(losses.Circle, arguments, (rng.integers(0, 3, (batch,)), embeddings), (None, "full"))
        add(losses.Circle, arguments, (rng.integers(0, 2, (batch, 1)), embeddings), (None,))
    for frames, length in ((4, 2), (7, 3), (5, 1), (9, 4)):
        batch, classes = size(), size(3, 7)
        y = rng.integers(1, classes, (batch, length))
        for row in range(batch):
            y[row, int(rng.integers(0, length + 1)) :] = 0
        add(losses.CTC, {}, (y, f.floats(batch, frames, classes, low=-4, high=4)), (None, "full"))
    return made


def metric_objects(f):
    n = f.number
    of_two = [
        (metrics.Accuracy, {}, "ids"),
        (metrics.BinaryAccuracy, {"threshold": n(0.3, 0.7)}, "binary"),
        (metrics.CategoricalAccuracy, {}, "onehot"),
        (metrics.SparseCategoricalAccuracy, {}, "sparse"),
        (metrics.TopKCategoricalAccuracy, {"k": 2}, "onehot"),
        (metrics.SparseTopKCategoricalAccuracy, {"k": 2}, "sparse"),
        (metrics.MeanSquaredError, {}, "any"),
        (metrics.RootMeanSquaredError, {}, "any"),
        (metrics.MeanAbsoluteError, {}, "any"),
        (metrics.MeanAbsolutePercentageError, {}, "positive"),
        (metrics.MeanSquaredLogarithmicError, {}, "positive"),
        (metrics.CosineSimilarity, {}, "any"),
        (metrics.LogCoshError, {}, "any"),
        (metrics.R2Score, {}, "any"),
        (metrics.R2Score, {"class_aggregation": None}, "any"),
        (metrics.PearsonCorrelation, {}, "any"),
        (metrics.ConcordanceCorrelation, {}, "any"),
        (metrics.BinaryCrossentropy, {"label_smoothing": n(0, 0.2)}, "binary"),
        (metrics.CategoricalCrossentropy, {}, "onehot"),
        (metrics.SparseCategoricalCrossentropy, {}, "sparse"),
        (metrics.KLDivergence, {}, "onehot"),
        (metrics.Poisson, {}, "positive"),
        (metrics.Hinge, {}, "signs"),
        (metrics.SquaredHinge, {}, "signs"),
        (metrics.CategoricalHinge, {}, "onehot"),
        (metrics.TruePositives, {}, "binary"),
        (metrics.TrueNegatives, {"thresholds": [0.25, 0.75]}, "binary"),
        (metrics.FalsePositives, {}, "binary"),
        (metrics.FalseNegatives, {"thresholds": n(0.2, 0.8)}, "binary"),
        (metrics.Precision, {"thresholds": n(0.2, 0.8)}, "binary"),
        (metrics.Precision, {"top_k": 2}, "onehot"),
        (metrics.Recall, {"class_id": 1}, "binary"),
        (metrics.AUC, {"num_thresholds": 50}, "binary"),
        (metrics.AUC, {"curve": "PR", "summation_method": "minoring"}, "binary"),
        (metrics.SensitivityAtSpecificity, {"specificity": n(0.3, 0.7)}, "binary"),
        (metrics.SpecificityAtSensitivity, {"sensitivity": n(0.3, 0.7)}, "binary"),
        (metrics.PrecisionAtRecall, {"recall": n(0.3, 0.7)}, "binary"),
        (metrics.RecallAtPrecision, {"precision": n(0.3, 0.7)}, "binary"),
        (metrics.F1Score, {"average": "macro"}, "onehot"),
        (metrics.FBetaScore, {"beta": n(0.5, 2), "average": "weighted", "threshold": 0.4}, "onehot"),
        (metrics.MeanIoU, {"num_classes": 4}, "ids"),
        (metrics.IoU, {"num_classes": 4, "target_class_ids": [0, 2]}, "ids"),
        (metrics.BinaryIoU, {"threshold": n(0.3, 0.7)}, "binary"),
        (metrics.OneHotMeanIoU, {"num_classes": 4}, "onehot"),
    ]
    of_one = [(metrics.Mean, {}, None), (metrics.Sum, {}, None)]
    return of_one + of_two


def make_metrics(f):
    for index, (cls, arguments, kind) in enumerate(metric_objects(f)):
        for weighting in ("plain", "weighted"):
            if weighting == "weighted" and cls.__name__.endswith("IoU"):
                continue  # they take whole numbers only, some one for each element
            metric, name = cls(**arguments), f"{cls.__name__}/{index}/{weighting}"
            batches = []
            for _ in range(3):
                batch = int(f.rng.integers(4, 8))
                args = [f.floats(batch)] if kind is None else pair(f, kind, (batch, 4))
                weight = f.floats(batch, low=0.1, high=2) if weighting == "weighted" else None
                batches.append((args, weight, None))
            metric_case(f, name, metric, batches)
    for index, (metric, inputs, weight) in enumerate(metric_variants(f)):
        name = f"{type(metric).__name__}/variant {index}/{weight or 'plain'}"
        metric_case(f, name, metric, [metric_batch(f, inputs, weight) for _ in range(3)])


def metric_case(f, name, metric, batches):
    updates = []
    for step, (args, weight, mask) in enumerate(batches):
        given = [ops.convert_to_tensor(a) for a in args]
        if mask is not None:
            keras.src.backend.set_keras_mask(given[-1], ops.convert_to_tensor(mask))
        metric.update_state(*given, sample_weight=weight)
        key = f"{name}/{step}"
        updates.append(
            {
                "args": [f.put(f"{key}/arg{i}", a) for i, a in enumerate(args)],
                "sample_weight": None if weight is None else f.put(f"{key}/weight", weight),
                "mask": None if mask is None else f.put(f"{key}/mask", mask),
                "result": f.put(f"{key}/result", metric.result()),
            }
        )
    metric.reset_state()
    after = f.put(f"{name}/after_reset", metric.result())
    f.add(name, "metric", object=serialized(metric), updates=updates, after_reset=after)


def metric_batch(f, inputs, weight):
    """A batch of some size: targets and predictions (or values), weights, a mask."""
    args = inputs(int(f.rng.integers(3, 8)))
    shape = args[-1].shape
    floats = lambda *shape: f.floats(*shape, low=0.1, high=2)  # noqa: E731
    weights = {
        None: lambda: None,
        "scalar": lambda: f.floats(low=0.1, high=2),
        "sample": lambda: floats(shape[0]),
        "column": lambda: floats(shape[0], 1),
        "row": lambda: floats(1, *shape[1:]),
        "lead": lambda: floats(*shape[:-1]),
        "lead1": lambda: floats(*shape[:-1], 1),
        "full": lambda: floats(*shape),
        "whole": lambda: f.rng.integers(0, 3, args[0].shape),
        "mask": lambda: None,
        "mask and sample": lambda: floats(*shape[:-1]),
    }
    mask = f.rng.integers(0, 2, shape[:-1]).astype(bool) if (weight or "").startswith("mask") else None
    return args, weights[weight](), mask


def metric_variants(f):
    """Classes with other arguments, shapes, weights and dtypes: `(metric, inputs, weights)`."""
    n, m = f.number, metrics
    rng = f.rng
    made = []

    def of(kind, *rest, shape=None):
        return lambda batch: pair(f, kind, shape(batch) if shape else (batch, *rest))

    def add(metric, inputs, *weights):
        # One case a way of weighting, each with a metric of its own.
        for weight in weights or (None,):
            made.append((metric(), inputs, weight))

    def whole(kind, *rest):
        def inputs(batch):
            y, p = pair(f, kind, (batch, *rest))
            return [y.astype("int32"), p]

        return inputs

    def column(kind, of_true):
        # One of both with a last axis of 1 more.
        def inputs(batch):
            y, p = pair(f, kind, (batch,))
            return [y[:, None], p] if of_true else [y, p[:, None]]

        return inputs

    def logits(*rest):
        return lambda batch: [rng.integers(0, 2, (batch, *rest)).astype("float32"), f.floats(batch, *rest, low=-6, high=6)]

    def multi_hot(*rest):
        return lambda batch: [rng.integers(0, 2, (batch, *rest)).astype("float32"), softmax(f.floats(batch, *rest))]

    def beyond(*rest):
        return lambda batch: [rng.integers(0, 2, (batch, *rest)).astype("float32"), f.floats(batch, *rest, low=-0.5, high=1.5)]

    # Counts at thresholds.
    lists = [[0.5], [0.0, 0.25, 0.5, 0.75, 1.0], [0.1, 0.3, 0.35, 0.9], [0.7, 0.2], [0.0, 1.0]]
    for index, cls in enumerate((m.TruePositives, m.TrueNegatives, m.FalsePositives, m.FalseNegatives)):
        for thresholds in lists:
            add(lambda: cls(thresholds=thresholds), of("binary"), None, "sample")
        add(lambda: cls(thresholds=lists[index]), of("binary", 3), "sample", "column", "full", "row", "scalar")
        add(lambda: cls(thresholds=lists[index + 1]), of("binary", 2, 3), "lead", "lead1", "full")
        add(cls, whole("binary", 2), None, "sample")
        add(lambda: cls(thresholds=lists[1]), beyond(2))
        add(lambda: cls(thresholds=lists[2]), beyond(2))
        add(lambda: cls(dtype="float16"), column("binary", index % 2 == 0), None, "sample")
    for cls in (m.Precision, m.Recall):
        for top_k in (None, 1, 2):
            for class_id in (None, 0, 2):
                for thresholds in (None, 0.3, [0.2, 0.6]):
                    arguments = {"top_k": top_k, "class_id": class_id, "thresholds": thresholds}
                    add(lambda: cls(**arguments), multi_hot(4), None, "sample")
        add(lambda: cls(top_k=2), of("onehot", 3, 4), None, "lead")
        add(lambda: cls(class_id=1), of("onehot", 3, 4), None, "lead")
        add(lambda: cls(thresholds=lists[1]), of("binary", 3), "scalar", "full", "column")

    # Areas.
    for curve in ("ROC", "PR", "PRGAIN"):
        for method in ("interpolation", "minoring", "majoring"):
            base = {"curve": curve, "summation_method": method}
            add(lambda: m.AUC(**base), of("binary"), None, "sample")
            for number in (2, 3, 17):
                add(lambda: m.AUC(num_thresholds=number, **base), of("binary", 2), None, "sample")
            add(lambda: m.AUC(thresholds=[0.3, 0.9, 0.4], **base), of("binary", 2), None, "full")
            add(lambda: m.AUC(thresholds=[0.25, 0.5, 0.75], **base), of("binary", 2), "column")
            add(lambda: m.AUC(multi_label=True, num_thresholds=21, **base), of("binary", 3), None, "sample")
            add(lambda: m.AUC(multi_label=True, thresholds=[0.2, 0.7], **base), of("binary", 3), None, "sample")
            labelled = {"label_weights": [n(0.1, 1), n(1, 2), 0.5], **base}
            add(lambda: m.AUC(multi_label=True, num_labels=3, **labelled), of("binary", 3), None, "sample", "full")
            add(lambda: m.AUC(multi_label=False, num_thresholds=50, **labelled), of("binary", 3), None, "sample")
            add(lambda: m.AUC(thresholds=[0.1, 0.6], **labelled), of("binary", 2, 3), None, "lead")
            add(lambda: m.AUC(from_logits=True, num_thresholds=40, **base), logits(2), None, "sample")
    add(lambda: m.AUC(num_thresholds=30), beyond(2), None, "sample")
    add(lambda: m.AUC(num_thresholds=2), beyond(2), None)
    add(lambda: m.AUC(thresholds=[0.4]), beyond(2), None)
    add(m.AUC, whole("binary"), None, "sample", "scalar")
    add(m.AUC, column("binary", True), None, "sample")
    add(lambda: m.AUC(dtype="float16", curve="PR"), column("binary", False), None)
    at = [
        (m.SensitivityAtSpecificity, "specificity"),
        (m.SpecificityAtSensitivity, "sensitivity"),
        (m.PrecisionAtRecall, "recall"),
        (m.RecallAtPrecision, "precision"),
    ]
    for cls, argument in at:
        for number in (1, 2, 7, 200):
            add(lambda: cls(**{argument: n(0.1, 0.9)}, num_thresholds=number), of("binary", 2), None, "sample", "full")
        add(lambda: cls(**{argument: 0.5}, class_id=1), of("onehot", 3), None, "sample")
        add(lambda: cls(**{argument: 0.0}, num_thresholds=11), whole("binary"), None)
        add(lambda: cls(**{argument: 1.0}, num_thresholds=11), beyond(2), None)

    # F-scores.
    for average in (None, "micro", "macro", "weighted"):
        for threshold in (None, n(0.2, 0.4)):
            arguments = {"average": average, "threshold": threshold}
            add(lambda: m.F1Score(**arguments), of("onehot", 4), None, "sample")
            add(lambda: m.FBetaScore(beta=n(0.5, 3), **arguments), multi_hot(3), None, "sample")

    # Intersections over unions.
    ids = lambda *rest: lambda batch: [rng.integers(0, 4, (batch, *rest)), rng.integers(0, 4, (batch, *rest))]  # noqa: E731
    scores = lambda *rest: lambda batch: [rng.integers(0, 4, (batch, *rest[:-1])), f.floats(batch, *rest)]  # noqa: E731
    for ignore in (None, 0, 3):
        for dtype in (None, "float32", "int32"):
            arguments = {"ignore_class": ignore, "dtype": dtype}
            add(lambda: m.MeanIoU(4, **arguments), ids(3), None, "whole")
            add(lambda: m.IoU(4, [1, 3], **arguments), ids(2, 3), None, "whole")
            add(lambda: m.MeanIoU(4, sparse_y_pred=False, **arguments), scores(3, 4), None, "whole")
            add(lambda: m.OneHotIoU(4, [0, 2], **arguments), of("onehot", 3, 4))
            add(lambda: m.OneHotMeanIoU(4, **arguments), of("onehot", 4))
    add(lambda: m.MeanIoU(3), ids(3), None, "whole")  # class numbers out of range
    add(lambda: m.OneHotIoU(4, [0, 1], sparse_y_pred=True), lambda b: [one_hot(f, b, 4), rng.integers(0, 4, (b,))])
    add(lambda: m.OneHotMeanIoU(3, axis=0), lambda b: [one_hot(f, b, 3).T, f.floats(3, b)])
    add(lambda: m.IoU(4, [0], sparse_y_true=False), lambda b: [one_hot(f, b, 4), rng.integers(0, 4, (b,))])
    for target in ([0], [1], [0, 1]):
        add(lambda: m.BinaryIoU(target, threshold=n(0.2, 0.8)), of("binary", 3), None, "whole")
        add(lambda: m.BinaryIoU(target, dtype="float32"), of("binary", 3), None, "full")

    # R^2.
    for aggregation in (None, "uniform_average", "variance_weighted_average"):
        for regressors in (0, 1, 3, 40):
            arguments = {"class_aggregation": aggregation, "num_regressors": regressors}
            add(lambda: m.R2Score(**arguments), of("any", 3), None, "sample", "column", "full", "scalar")
    add(m.R2Score, whole("any", 2), None)

    # Means of values of samples.
    for cls in (m.Mean, m.Sum):
        for rest in ((), (3,), (2, 3)):
            weights = ["sample", "scalar", "full"] + (["column"] if rest else []) + (["lead"] if len(rest) > 1 else [])
            add(cls, lambda batch, rest=rest: [f.floats(batch, *rest)], None, *weights)
        add(cls, lambda batch: [f.floats()], None, "scalar")
    plain = [
        (m.MeanSquaredError, "any"),
        (m.RootMeanSquaredError, "any"),
        (m.MeanAbsoluteError, "any"),
        (m.MeanAbsolutePercentageError, "positive"),
        (m.MeanSquaredLogarithmicError, "positive"),
        (m.LogCoshError, "any"),
        (m.Poisson, "positive"),
        (m.KLDivergence, "onehot"),
        (m.Hinge, "signs"),
        (m.SquaredHinge, "signs"),
        (m.CategoricalHinge, "onehot"),
        (m.CosineSimilarity, "any"),
        (m.PearsonCorrelation, "any"),
        (m.ConcordanceCorrelation, "any"),
        (m.BinaryCrossentropy, "binary"),
        (m.CategoricalCrossentropy, "onehot"),
        (m.CategoricalAccuracy, "onehot"),
        (m.BinaryAccuracy, "binary"),
        (lambda: m.TopKCategoricalAccuracy(k=2), "onehot"),
    ]
    for cls, kind in plain:
        add(cls, of(kind, 3, 4), None, "sample", "lead", "mask", "mask and sample")
        add(cls, whole(kind, 4), None, "sample", "scalar")
    for cls in (m.MeanSquaredError, m.MeanAbsoluteError, m.BinaryAccuracy, m.Accuracy, m.RootMeanSquaredError):
        for of_true in (True, False):
            add(cls, column("binary", of_true), None, "sample")
        add(cls, of("binary"), None)
    add(m.RootMeanSquaredError, of("any"), "sample")
    add(m.BinaryAccuracy, of("binary"), "sample")
    for axis in (0, 1, -2):
        add(lambda: m.CosineSimilarity(axis=axis), of("any", 4), None)
        add(lambda: m.PearsonCorrelation(axis=axis), of("any", 4), None)
        add(lambda: m.ConcordanceCorrelation(axis=axis), of("any", 3, 4), None)
    add(lambda: m.CategoricalCrossentropy(axis=1, label_smoothing=0.1), lambda b: [one_hot(f, b, 4, 3).swapaxes(1, 2), f.floats(b, 3, 4, low=0.1)])
    add(lambda: m.CategoricalCrossentropy(from_logits=True), lambda b: [one_hot(f, b, 4), f.floats(b, 4)], None, "sample")
    add(lambda: m.BinaryCrossentropy(from_logits=True, label_smoothing=0.2), logits(3), None, "sample", "lead")
    sparse = lambda *rest: lambda b: [rng.integers(0, rest[-1], (b, *rest[:-1])), softmax(f.floats(b, *rest))]  # noqa: E731
    sparse1 = lambda classes: lambda b: [rng.integers(0, classes, (b, 1)), softmax(f.floats(b, classes))]  # noqa: E731
    for cls in (
        m.SparseCategoricalCrossentropy,
        lambda: m.SparseCategoricalCrossentropy(from_logits=True),
        lambda: m.SparseCategoricalCrossentropy(ignore_class=1),
        m.SparseCategoricalAccuracy,
        lambda: m.SparseTopKCategoricalAccuracy(k=1),
        lambda: m.SparseTopKCategoricalAccuracy(k=3),
    ):
        add(cls, sparse(4), None, "sample", "scalar")
        add(cls, sparse(3, 4), None, "lead", "mask", "mask and sample")
        # An ignored class makes a mask by position, which Keras does not multiply with weights by sample.
        if getattr(cls(), "ignore_class", None) is None:
            add(cls, sparse(3, 4), "sample")
        add(cls, sparse1(5), None, "sample")
    order = lambda b: [rng.integers(0, 6, (b,)), np.argsort(f.floats(b, 6)).astype("int32")]  # noqa: E731
    for k in (1, 3):
        add(lambda: m.SparseTopKCategoricalAccuracy(k=k, from_sorted_ids=True), order, None, "sample")
        add(lambda: m.TopKCategoricalAccuracy(k=k), of("onehot", 2, 5), None, "lead")
    for threshold in (0.0, 0.25, 0.9):
        add(lambda: m.BinaryAccuracy(threshold=threshold), whole("binary", 3), None, "sample", "full")
    add(m.Accuracy, lambda b: [f.floats(b, 3, low=0, high=3), rng.integers(0, 3, (b, 3))], None, "sample")
    for wrapped, kind, arguments in (
        (losses.huber, "any", {"delta": n(0.3, 2)}),
        (losses.mean_squared_error, "any", {}),
        (losses.binary_focal_crossentropy, "binary", {"gamma": n(1, 3), "apply_class_balancing": True}),
        (losses.categorical_focal_crossentropy, "onehot", {"alpha": n(0.2, 0.6)}),
        (metrics.binary_accuracy, "binary", {"threshold": n(0.2, 0.8)}),
        (metrics.top_k_categorical_accuracy, "onehot", {"k": 2}),
    ):
        add(lambda: m.MeanMetricWrapper(wrapped, name="wrapped", **arguments), of(kind, 4), None, "sample")
    return made


def optimizer_objects(f):
    n = f.number
    rate = lambda: n(0.005, 0.08)  # noqa: E731
    decay = optimizers.schedules.ExponentialDecay(n(0.02, 0.1), 3, n(0.5, 0.9))
    return [
        optimizers.SGD(rate(), momentum=n(0.5, 0.9), nesterov=True),
        optimizers.SGD(decay, clipvalue=n(0.1, 0.6)),
        optimizers.RMSprop(rate(), centered=True, momentum=n(0.1, 0.9)),
        optimizers.Adam(rate(), amsgrad=True, clipnorm=n(0.3, 1)),
        optimizers.Adam(decay, global_clipnorm=n(0.3, 1)),
        optimizers.Adam(rate(), use_ema=True, ema_momentum=n(0.8, 0.95), ema_overwrite_frequency=3),
        optimizers.Adam(rate(), gradient_accumulation_steps=2),
        optimizers.AdamW(rate(), weight_decay=n(0.001, 0.05)),
        optimizers.Adamax(rate()),
        optimizers.Nadam(rate()),
        optimizers.Adagrad(rate()),
        optimizers.Adadelta(rate(), rho=n(0.8, 0.97)),
        optimizers.Adafactor(rate()),
        optimizers.Ftrl(rate(), l1_regularization_strength=n(0, 0.01)),
        optimizers.Lion(rate()),
        optimizers.Lamb(rate()),
        optimizers.Muon(rate(), exclude_layers=["tab"]),
        optimizers.ScheduleFreeAdamW(rate(), warmup_steps=3),
        optimizers.MultiOptimizer(
            optimizers.OptimizerMap(
                optimizers.SGD(rate(), momentum=n(0.5, 0.9)),
                {"ker.*": optimizers.Adam(rate(), weight_decay=n(0.01, 0.1)), "bias": optimizers.Lion(rate())},
            )
        ),
    ]


def make_optimizers(f):
    for index, optimizer in enumerate(optimizer_objects(f)):
        name = f"{type(optimizer).__name__}/{index}"
        paths, shapes = ["kernel", "bias", "table"], [(3, 4), (4,), (5, 2)]
        variables, start = [], []
        for i, (path, shape) in enumerate(zip(paths, shapes)):
            value = f.floats(*shape)
            variables.append(keras.Variable(value, name=path))
            start.append({"path": path, "value": f.put(f"{name}/start{i}", value)})
        several = isinstance(optimizer, optimizers.MultiOptimizer)
        steps = []
        for step in range(7):
            grads = [f.floats(*shape, low=-1, high=1) for shape in shapes]
            optimizer.apply(list(map(ops.convert_to_tensor, grads)), variables)
            key = f"{name}/{step}"
            steps.append(
                {
                    "grads": [f.put(f"{key}/grad{i}", g) for i, g in enumerate(grads)],
                    "vars": [f.put(f"{key}/var{i}", v.value) for i, v in enumerate(variables)],
                    "learning_rate": None if several else float(optimizer.learning_rate),
                    "iterations": int(optimizer.iterations),
                }
            )
        optimizer.finalize_variable_values(variables)
        final = [f.put(f"{name}/final{i}", v.value) for i, v in enumerate(variables)]
        config = {"class_name": type(optimizer).__name__, "config": optimizer.get_config()}
        f.add(name, "optimizer", object=config, variables=start, steps=steps, finalized=final)


def make_schedules(f):
    n, s = f.number, optimizers.schedules
    objects = [
        s.ExponentialDecay(n(0.1, 1), int(f.rng.integers(2, 9)), n(0.5, 0.99)),
        s.ExponentialDecay(n(0.1, 1), int(f.rng.integers(2, 9)), n(0.5, 0.99), staircase=True),
        s.InverseTimeDecay(n(0.1, 1), int(f.rng.integers(2, 9)), n(0.2, 2)),
        s.PolynomialDecay(n(0.1, 1), 20, n(0.001, 0.01), power=n(0.5, 2), cycle=True),
        s.PiecewiseConstantDecay([5, 15], [n(0.5, 1), n(0.1, 0.4), n(0.01, 0.1)]),
        s.CosineDecay(n(0.1, 1), 25, alpha=n(0, 0.2), warmup_target=n(1, 2), warmup_steps=5),
        s.CosineDecayRestarts(n(0.1, 1), 7, t_mul=n(1, 2), m_mul=n(0.5, 1), alpha=n(0, 0.2)),
    ]
    for index, schedule in enumerate(objects):
        config = {"class_name": type(schedule).__name__, "config": schedule.get_config()}
        steps = list(range(40))
        values = [float(schedule(step)) for step in steps]
        f.add(f"{type(schedule).__name__}/{index}", "schedule", object=config, steps=steps, values=values)


ACTIVATIONS = """celu elu exponential gelu glu hard_shrink hard_sigmoid hard_silu hard_tanh leaky_relu linear
log_sigmoid log_softmax mish relu relu6 selu sigmoid silu soft_shrink softmax softplus softsign sparse_plus
sparse_sigmoid sparsemax squareplus tanh tanh_shrink""".split()


def cosines(shape):
    return np.cos(np.arange(int(np.prod(shape)), dtype="float64")).reshape(shape).astype("float32")


def make_functions(f):
    for identifier in ACTIVATIONS:
        function = getattr(keras.activations, identifier)
        x, name = f.floats(3, 6, low=-4, high=4), f"activation/{identifier}"
        y = function(x)
        grad = jax.grad(lambda v: ops.sum(function(v) * cosines(y.shape)))(x)
        f.add(
            name,
            "activation",
            identifier=identifier,
            args=[],
            x=f.put(f"{name}/x", x),
            y=f.put(f"{name}/y", y),
            cotangent="cos(arange)",
            grad=f.put(f"{name}/grad", grad),
        )
    n = f.number
    regularizers = [
        keras.regularizers.L1(n(0.01, 0.2)),
        keras.regularizers.L2(n(0.01, 0.2)),
        keras.regularizers.L1L2(n(0.01, 0.2), n(0.01, 0.2)),
        keras.regularizers.OrthogonalRegularizer(n(0.01, 0.2), mode="columns"),
    ]
    for index, regularizer in enumerate(regularizers):
        name, x = f"regularizer/{index}", ops.convert_to_tensor(f.floats(5, 4))
        grad = jax.grad(lambda v: regularizer(v))(x)
        parts = {"x": f.put(f"{name}/x", x), "y": f.put(f"{name}/y", regularizer(x)), "grad": f.put(f"{name}/grad", grad)}
        f.add(name, "regularizer", object=serialized(regularizer), **parts)
    constraints = [
        keras.constraints.MaxNorm(n(0.5, 2), axis=0),
        keras.constraints.NonNeg(),
        keras.constraints.UnitNorm(axis=1),
        keras.constraints.MinMaxNorm(n(0.2, 0.8), n(1, 2), rate=n(0.3, 1), axis=0),
    ]
    for index, constraint in enumerate(constraints):
        name, x = f"constraint/{index}", ops.convert_to_tensor(f.floats(5, 4))
        parts = {"x": f.put(f"{name}/x", x), "y": f.put(f"{name}/y", constraint(x))}
        f.add(name, "constraint", object=serialized(constraint), **parts)
    i = keras.initializers
    for index, (made, shape) in enumerate([(i.Zeros(), [3, 2]), (i.Constant(n(-2, 2)), [4]), (i.Identity(), [4, 6])]):
        name = f"initializer/{index}"
        f.add(name, "initializer", object=serialized(made), shape=shape, y=f.put(f"{name}/y", made(shape)))
    random = [
        i.GlorotUniform(seed=1),
        i.HeNormal(seed=1),
        i.LecunUniform(seed=1),
        i.RandomNormal(n(-1, 1), n(0.5, 2), seed=1),
        i.RandomUniform(-1, n(0, 1), seed=1),
        i.TruncatedNormal(0.0, n(0.5, 2), seed=1),
        i.VarianceScaling(n(0.5, 3), mode="fan_avg", distribution="uniform", seed=1),
    ]
    for index, made in enumerate(random):
        sample = np.asarray(made((500, 260)), "float64")
        moments = {"mean": sample.mean(), "std": sample.std(), "min": sample.min(), "max": sample.max()}
        f.add(f"random_initializer/{index}", "random_initializer", object=serialized(made), shape=[500, 260], **moments)
    gain = n(0.5, 2)
    made = i.Orthogonal(gain, seed=1)
    sample = np.asarray(made((30, 50)), "float64")
    moments = {"mean": sample.mean(), "std": sample.std(), "min": sample.min(), "max": sample.max()}
    f.add(
        "random_initializer/orthogonal",
        "random_initializer",
        object=serialized(made),
        shape=[30, 50],
        gram_identity_scale=gain**2,
        **moments,
    )


def layer_objects(f):
    image = (2, int(f.rng.integers(6, 9)), int(f.rng.integers(6, 9)), 3)
    return [
        (layers.Dense(4, activation="relu"), [(3, 5)]),
        (layers.Dense(3, use_bias=False), [(2, 4, 5)]),
        (layers.Conv2D(4, 3, activation="relu"), [image]),
        (layers.Conv2D(4, (3, 2), strides=2, padding="same"), [image]),
        (layers.Conv2D(2, 2, dilation_rate=2, use_bias=False), [image]),
        (layers.Conv2D(6, 3, groups=3), [image]),
        (layers.MaxPooling2D(2), [image]),
        (layers.MaxPooling2D(3, strides=2, padding="same"), [image]),
        (layers.AveragePooling2D(2, padding="same"), [image]),
        (layers.GlobalAveragePooling2D(), [image]),
        (layers.GlobalMaxPooling2D(keepdims=True), [image]),
        (layers.Flatten(), [image]),
        (layers.Reshape((-1, 3)), [image]),
        (layers.Dropout(0.3), [(3, 4)]),
        (layers.Activation("tanh"), [(3, 4)]),
        (layers.ReLU(max_value=1.5, negative_slope=0.1), [(3, 4)]),
        (layers.LeakyReLU(0.2), [(3, 4)]),
        (layers.Softmax(), [(3, 4)]),
        (layers.Concatenate(), [(2, 3), (2, 4)]),
        (layers.Add(), [(2, 3), (2, 3), (2, 3)]),
        (layers.Multiply(), [(2, 3), (2, 3)]),
        (layers.Rescaling(0.5, offset=1), [(2, 3)]),
        *recurrent_objects(f),
        *einsum_objects(f),
        *merging_objects(f),
        *activation_objects(f),
        *attention_objects(f),
        *spatial_objects(f),
        *reshaping_objects(f),
        *normalizing_objects(f),
    ]


def with_states(layer, shape, *units):
    """A model that gives a recurrent layer its first states."""
    x, states = keras.Input(shape[1:]), [keras.Input((size,)) for size in units]
    return keras.Model([x, *states], layer(x, initial_state=states)), [shape, *((shape[0], size) for size in units)]


def one_step(cell, batch, width, *units):
    """A model that makes one step of a cell."""
    x, states = keras.Input((width,)), [keras.Input((size,)) for size in units]
    output, after = cell(x, states)
    return keras.Model([x, *states], [output, *after]), [(batch, width), *((batch, size) for size in units)]


def recurrent_objects(f):
    """Recurrent layers with sizes and arguments of their own; a shape that begins with a number below 0 is of ids."""
    size = lambda low, high: int(f.rng.integers(low, high))  # noqa: E731
    batch, time, width, units = size(2, 5), size(3, 7), size(2, 6), size(2, 5)
    x = (batch, time, width)
    on, act = {"return_sequences": True}, {"activation": "softsign", "recurrent_activation": "hard_sigmoid"}
    masked = lambda *stack: keras.Sequential([keras.Input(x[1:]), layers.Masking(), *stack])  # noqa: E731
    ids = lambda *stack: keras.Sequential(  # noqa: E731
        [keras.Input((time,), dtype="int32"), layers.Embedding(7, width, mask_zero=True), *stack]
    )
    cases = []
    for cls in (layers.SimpleRNN, layers.LSTM, layers.GRU):
        states = [units] * (2 if cls is layers.LSTM else 1)
        plain = {"activation": "relu"} if cls is layers.SimpleRNN else {"activation": "relu", "recurrent_activation": "linear"}
        other = {"activation": "softsign"} if cls is layers.SimpleRNN else act
        cases += [
            (cls(units, go_backwards=True, **on), [x]),
            (cls(units, use_bias=False, return_state=True), [x]),
            (cls(units, go_backwards=True, return_state=True, unroll=True, **on), [x]),
            (cls(units, dropout=0.3, recurrent_dropout=0.4, **on), [x]),
            (cls(units, **plain), [x]),
            (cls(units, return_state=True, **on, **other), [x]),
            (cls(units, kernel_initializer="he_normal", bias_initializer="ones", kernel_constraint="max_norm"), [x]),
            (masked(cls(units, **on)), [x]),
            (masked(cls(units, zero_output_for_mask=True, go_backwards=True, **on)), [x]),
            (masked(cls(units, zero_output_for_mask=True)), [x]),
            (masked(cls(units, unroll=True, zero_output_for_mask=True, **on, **other)), [x]),
            (ids(cls(units, **other, **on), cls(units)), [(-7, batch, time)]),
            with_states(cls(units, return_state=True, go_backwards=True), x, *states),
            with_states(cls(units, **other, **on), x, *states),
        ]
    cases += [
        (layers.LSTM(units, unit_forget_bias=False), [x]),
        (layers.GRU(units, reset_after=False, go_backwards=True, **on), [x]),
        (layers.GRU(units, reset_after=False, recurrent_activation="softsign", return_state=True), [x]),
        (masked(layers.GRU(units, reset_after=False, **on)), [x]),
    ]
    for index, mode in enumerate(("concat", "sum", "mul", "ave", None)):
        cls = (layers.SimpleRNN, layers.LSTM, layers.GRU)[index % 3]
        cases += [
            (layers.Bidirectional(cls(units), merge_mode=mode), [x]),
            (layers.Bidirectional(cls(units, return_state=True, **on), merge_mode=mode), [x]),
        ]
        if mode:
            cases += [
                (masked(layers.Bidirectional(cls(units, **on), merge_mode=mode)), [x]),
                (ids(layers.Bidirectional(cls(units), merge_mode=mode)), [(-7, batch, time)]),
            ]
    backward = layers.LSTM(units, activation="relu", go_backwards=True, **on)
    stack = [layers.LSTMCell(units), layers.SimpleRNNCell(3), layers.GRUCell(2)]
    odd = [layers.LSTMCell(units, activation="softsign"), layers.GRUCell(3, reset_after=False)]
    cases += [
        (layers.Bidirectional(layers.LSTM(units, **on), backward_layer=backward), [x]),
        with_states(layers.Bidirectional(layers.LSTM(units, **on)), x, *[units] * 4),
        with_states(layers.Bidirectional(layers.GRU(units, return_state=True)), x, *[units] * 2),
        (layers.RNN(layers.LSTMCell(units, unit_forget_bias=False), return_state=True, go_backwards=True), [x]),
        (layers.RNN(layers.SimpleRNNCell(units, activation="elu"), **on), [x]),
        (layers.RNN(stack, return_state=True, go_backwards=True, **on), [x]),
        (masked(layers.RNN([layers.GRUCell(3), layers.LSTMCell(units)], go_backwards=True, **on)), [x]),
        (masked(layers.RNN(odd, zero_output_for_mask=True, **on)), [x]),
        (layers.Bidirectional(layers.RNN([layers.GRUCell(3), layers.GRUCell(units)], **on)), [x]),
        (layers.TimeDistributed(layers.Dense(units, activation="tanh")), [x]),
        (layers.TimeDistributed(layers.Conv2D(2, 2, padding="same")), [(batch, time, 4, 3, 2)]),
        (layers.TimeDistributed(layers.LSTM(units)), [(2, 3, time, width)]),
        (masked(layers.TimeDistributed(layers.Dense(units)), layers.GRU(2)), [x]),
        (layers.TimeDistributed(layers.TimeDistributed(layers.Dense(2))), [(2, 3, 2, width)]),
        (layers.Masking(mask_value=0.5), [x]),
        one_step(layers.LSTMCell(units, recurrent_activation="hard_sigmoid"), batch, width, units, units),
        one_step(layers.GRUCell(units, use_bias=False), batch, width, units),
        one_step(layers.SimpleRNNCell(units, activation=None), batch, width, units),
        (layers.Embedding(9, width, embeddings_initializer="normal"), [(-9, batch, time, 2)]),
        (layers.ReversibleEmbedding(9, width, tie_weights=False, mask_zero=True), [(-9, batch, time)]),
        tied(f, batch, time, width, logit_soft_cap=f.number(0.5, 2)),
        tied(f, batch, time, width, tie_weights=False),
        (layers.Identity(), [x]),
    ]
    for rank, cls in enumerate((layers.ConvLSTM1D, layers.ConvLSTM2D, layers.ConvLSTM3D), 1):
        grid = tuple(size(3, 6) for _ in range(rank))
        video, first = (2, 3, *grid, 2), (2, 3, 2, *grid)
        cases += [
            (cls(2, 2, padding="same", return_state=True, **on), [video]),
            (cls(2, 2, go_backwards=True, activation="relu", use_bias=False), [video]),
            (cls(3, 2, strides=2, padding="valid", unit_forget_bias=False, **on), [video]),
            (cls(2, 2, dilation_rate=2, recurrent_activation="hard_sigmoid", dropout=0.2), [video]),
            (cls(2, 2, data_format="channels_first", padding="same", return_state=True), [first]),
            (layers.Bidirectional(cls(2, 2, padding="same", **on)), [video]),
        ]
    return cases


def spatial_objects(f):
    """Convolution and pooling over one to three axes."""
    size = lambda low, high: int(f.rng.integers(low, high))  # noqa: E731
    cases = []
    for rank in (1, 2, 3):
        grid = tuple(size(5, 9) if rank < 3 else size(4, 6) for _ in range(rank))
        last, first = (2, *grid, 4), (3, 4, *grid)
        each = lambda low, high: tuple(size(low, high) for _ in range(rank))  # noqa: E731
        of = lambda name: getattr(layers, f"{name}{rank}D")  # noqa: E731
        cases += [
            (of("Conv")(3, each(1, 4), activation="gelu"), [last]),
            (of("Conv")(6, 3, strides=each(1, 4), padding="same", groups=2), [last]),
            (of("Conv")(4, 2, dilation_rate=each(1, 3), groups=4, use_bias=False, activation="tanh"), [last]),
            (of("Conv")(3, each(1, 4), strides=2, data_format="channels_first", activation="sigmoid"), [first]),
            (of("Conv")(2, 3, dilation_rate=2, padding="same", data_format="channels_first"), [first]),
            (of("MaxPooling")(each(1, 4)), [last]),
            (of("MaxPooling")(each(2, 4), strides=each(1, 3), padding="same", data_format="channels_first"), [first]),
            (of("AveragePooling")(each(2, 4), strides=each(1, 3), padding="same"), [last]),
            (of("AveragePooling")(2, strides=1, data_format="channels_first"), [first]),
            (of("GlobalMaxPooling")(data_format="channels_first"), [first]),
            (of("GlobalAveragePooling")(keepdims=True), [last]),
            (of("GlobalAveragePooling")(data_format="channels_first", keepdims=True), [first]),
            (of("AdaptiveAveragePooling")(each(1, 5)), [last]),
            (of("AdaptiveMaxPooling")(each(1, 5), data_format="channels_first"), [first]),
        ]
        transposed = getattr(layers, f"Conv{rank}DTranspose")
        cases += [
            (transposed(3, each(1, 4), activation="relu"), [last]),
            (transposed(2, each(1, 5), strides=each(1, 4), use_bias=False), [last]),
            (transposed(2, each(1, 5), strides=each(1, 4), padding="same"), [last]),
            (transposed(2, 3, strides=3, output_padding=each(0, 3), padding="same"), [last]),
            (transposed(2, 2, strides=3, output_padding=each(0, 3), activation="softsign"), [last]),
            (transposed(2, 2, dilation_rate=2, data_format="channels_first"), [first]),
            (transposed(2, 3, strides=2, padding="same", data_format="channels_first"), [first]),
        ]
        if rank < 3:
            cases += [
                (of("DepthwiseConv")(each(1, 4), depth_multiplier=size(1, 4), activation="elu"), [last]),
                (of("DepthwiseConv")(3, strides=2, padding="same", depth_multiplier=2, use_bias=False), [last]),
                (of("DepthwiseConv")(2, dilation_rate=2, data_format="channels_first"), [first]),
                (of("SeparableConv")(5, each(1, 4), depth_multiplier=size(1, 4), activation="relu"), [last]),
                (of("SeparableConv")(3, 3, strides=2, padding="same", use_bias=False), [last]),
                (of("SeparableConv")(3, 2, dilation_rate=2, padding="same", data_format="channels_first"), [first]),
            ]
    steps = (3, size(6, 10), 4)
    cases += [
        (layers.Conv1D(3, 3, padding="causal", dilation_rate=2, groups=1), [steps]),
        (layers.Conv1D(4, size(2, 5), padding="causal", strides=2, groups=2, activation="relu"), [steps]),
        (layers.Conv1D(3, 2, padding="causal", data_format="channels_first"), [(2, 3, 7)]),
        (layers.Conv2D(4, 3, lora_rank=2, lora_alpha=3, padding="same"), [(2, 5, 6, 3)]),
        (layers.Dense(4, lora_rank=2, activation="relu"), [(3, 5)]),
        (layers.EinsumDense("abc,cde->abde", (None, 3, 2), bias_axes="e", lora_rank=2, lora_alpha=5), [(2, 4, 3)]),
    ]
    for keepdims in (False, True):
        pooled = layers.GlobalAveragePooling1D(keepdims=keepdims)
        cases.append((keras.Sequential([keras.Input((None, 3)), layers.Masking(), pooled]), [(2, 5, 3)]))
    return cases


def reshaping_objects(f):
    """Other shapes of the same numbers."""
    size = lambda low, high: int(f.rng.integers(low, high))  # noqa: E731
    ends = lambda count: tuple((size(0, 3), size(0, 3)) for _ in range(count))  # noqa: E731
    each = lambda count: tuple(size(1, 4) for _ in range(count))  # noqa: E731
    image, first = (2, size(5, 8), size(5, 8), 3), (2, 3, size(5, 8), size(5, 8))
    volume, steps = (2, size(5, 7), size(5, 7), size(5, 7), 2), (2, size(5, 9), 3)
    last = {"data_format": "channels_last"}
    channels_first = {"data_format": "channels_first"}
    return [
        (layers.Reshape((6, -1, 2)), [(2, 4, 9)]),
        (layers.Reshape((36,)), [(2, 4, 9)]),
        (layers.Permute((3, 1, 2)), [image]),
        (layers.Permute((1,)), [(2, 4)]),
        (layers.RepeatVector(size(1, 5)), [(3, 4)]),
        (layers.Flatten(**channels_first), [first]),
        (layers.Flatten(), [(3,)]),
        (layers.Cropping1D(ends(1)[0]), [steps]),
        (layers.Cropping1D(1), [steps]),
        (layers.Cropping2D(1, **last), [image]),
        (layers.Cropping2D((2, 1)), [image]),
        (layers.Cropping2D(ends(2), **channels_first), [first]),
        (layers.Cropping3D((1, 2, 1)), [volume]),
        (layers.Cropping3D(ends(3), **last), [volume]),
        (layers.ZeroPadding1D(ends(1)[0]), [steps]),
        (layers.ZeroPadding1D(2, **channels_first), [steps]),
        (layers.ZeroPadding2D((1, 2)), [image]),
        (layers.ZeroPadding2D(ends(2), **channels_first), [first]),
        (layers.ZeroPadding3D(2), [volume]),
        (layers.ZeroPadding3D(ends(3)), [volume]),
        (layers.UpSampling1D(size(1, 4)), [steps]),
        (layers.UpSampling2D(each(2), **channels_first), [first]),
        *[
            (layers.UpSampling2D(each(2), interpolation=kind, data_format=where), [image])
            for kind in ("bilinear", "bicubic", "lanczos3", "lanczos5")
            for where in ("channels_last", "channels_first")
        ],
        (layers.UpSampling3D(each(3)), [volume]),
        (layers.UpSampling3D((1, 2, 2), **channels_first), [volume]),
    ]


def normalizing_objects(f):
    """Normalisation; those that differ in training are run both ways."""
    image = (3, 4, 5, 6)
    momentum, epsilon = f.number(0.3, 0.95), f.number(0.0001, 0.1)
    clipping = {"rmax": 1.4, "rmin": 0.6, "dmax": 0.3}
    masked = lambda *stack: keras.Sequential([keras.Input((5, 6)), layers.Masking(), *stack])  # noqa: E731
    spectral = layers.SpectralNormalization
    return [
        (layers.BatchNormalization(momentum=momentum, epsilon=epsilon), [image]),
        (layers.BatchNormalization(axis=1, momentum=momentum, center=False), [(4, 3, 5)]),
        (layers.BatchNormalization(axis=-2, scale=False, epsilon=epsilon), [(4, 3, 5)]),
        (layers.BatchNormalization(center=False, scale=False), [(7, 3)]),
        (layers.BatchNormalization(trainable=False), [(7, 3)]),
        (layers.BatchNormalization(renorm=True, renorm_momentum=momentum, momentum=0.8), [image]),
        (layers.BatchNormalization(renorm=True, renorm_clipping=clipping, axis=1), [(4, 3, 5)]),
        (layers.BatchNormalization(renorm=True, renorm_clipping={"dmax": 0.2}, scale=False), [(6, 3)]),
        (layers.BatchNormalization(renorm=True, center=False, epsilon=epsilon), [(6, 3)]),
        (masked(layers.BatchNormalization(momentum=momentum)), [(3, 5, 6)]),
        (masked(layers.BatchNormalization(renorm=True, epsilon=epsilon)), [(3, 5, 6)]),
        (layers.LayerNormalization(axis=(1, -1), epsilon=epsilon), [(2, 4, 3, 4)]),
        (layers.LayerNormalization(axis=[3, 1, 2], center=False), [image]),
        (layers.LayerNormalization(axis=1, scale=False), [image]),
        (layers.LayerNormalization(rms_scaling=True, epsilon=epsilon), [image]),
        (layers.LayerNormalization(rms_scaling=True, axis=[1, 2]), [image]),
        (layers.GroupNormalization(groups=3, epsilon=epsilon), [image]),
        (layers.GroupNormalization(groups=-1, center=False), [image]),
        (layers.GroupNormalization(groups=1, scale=False), [(4, 6)]),
        (layers.GroupNormalization(groups=2, axis=1), [image]),
        (layers.GroupNormalization(groups=5, axis=-2), [image]),
        (layers.RMSNormalization(epsilon=epsilon), [image]),
        (layers.RMSNormalization(axis=[-2, -1]), [image]),
        (layers.UnitNormalization(), [image]),
        (layers.UnitNormalization(axis=[1, 3]), [image]),
        (spectral(layers.Dense(4, activation="tanh"), power_iterations=2), [(3, 5)]),
        (spectral(layers.Conv2D(3, 2, padding="same")), [(2, 4, 5, 3)]),
        (spectral(layers.DepthwiseConv1D(2, depth_multiplier=3), power_iterations=3), [(2, 6, 2)]),
        (keras.Sequential([keras.Input((4,)), spectral(layers.Dense(3)), layers.BatchNormalization()]), [(5, 4)]),
    ]


def differs_in_training(layer):
    if isinstance(layer, keras.Sequential):
        return any(differs_in_training(inner) for inner in layer.layers)
    return isinstance(layer, (layers.BatchNormalization, layers.SpectralNormalization))


def start_value(f, weight):
    """Variances and deviations are above 0."""
    low = 0.3 if weight.name.endswith(("variance", "stddev")) else -1
    return f.floats(*weight.shape, low=low, high=1)


def tied(f, batch, time, width, **arguments):
    """Ids to vectors and back to logits by one table."""
    layer, x = layers.ReversibleEmbedding(8, width, **arguments), keras.Input((time,), dtype="int32")
    return keras.Model(x, layer(layers.Activation("tanh")(layer(x)), reverse=True)), [(-8, batch, time)]


def layer_input(f, layer, shape):
    if shape[0] < 0:
        return f.rng.integers(0, -shape[0], shape[1:]).astype("int32")
    x = f.floats(*shape)
    # Some steps of zeros, for those that mask them.
    if len(shape) == 3 and isinstance(layer, (keras.Sequential, layers.Masking)):
        x[f.rng.random(shape[:2]) < 0.3] = 0
    return x


def einsum_objects(f):
    b, t, d, e = (int(f.rng.integers(2, 6)) for _ in range(4))
    make = layers.EinsumDense
    return [
        (make("ab,bc->ac", 3, bias_axes="c", activation="relu"), [(b, d)]),
        (make("...x,xy->...y", 4, bias_axes="y"), [(b, t, d)]),
        (make("...xy,xyz->...z", 4, bias_axes="z", activation="softmax"), [(b, t, d, e)]),
        (make("ab...,bc->ac...", 5, bias_axes="c"), [(b, t, d, e)]),
        (make("abc,cde->abde", (None, 3, 2), bias_axes="d", activation="tanh"), [(b, t, d)]),
        (make("abc,cde->abde", (None, 3, 2), bias_axes="e"), [(b, t, d)]),
        (make("abc,cde->aebd", (2, None, 3), bias_axes="de"), [(b, t, d)]),
        (make("abcd,cde->abe", (None, 5), bias_axes="e", activation="gelu"), [(b, t, d, e)]),
        (make("abc,cd->adb", (4, None), bias_axes="d"), [(b, t, d)]),
        (make("abc,dc->abd", (None, 3)), [(b, t, d)]),
        (make("abc,bcd->abd", (t, 4), bias_axes="bd"), [(b, t, d)]),
        (make("abc,c->ab", (t,), bias_axes="b"), [(b, t, d)]),
        (make("abc,bd->abcd", (t, d, 3)), [(b, t, d)]),
        (make("abc,cde->abde", (None, 3, 4), bias_axes="de", lora_rank=2, lora_alpha=3), [(b, t, d)]),
        (layers.Dense(4, lora_rank=2, lora_alpha=5, activation="relu"), [(b, t, d)]),
        (layers.Dense(4, lora_rank=1), [(b, d)]),
    ]


def merging_objects(f):
    b, t, d, e = (int(f.rng.integers(2, 6)) for _ in range(4))
    image = (b, t, d, e)
    return [
        (layers.Dot(-1), [(b, t), (b, t)]),
        (layers.Dot((1, 2), normalize=True), [(b, t, d), (b, e, t)]),
        (layers.Dot((-1, 1)), [(b, t, d), (b, d)]),
        (layers.Dot((1, 2)), [(b, d), (b, e, d)]),
        (layers.Dot((2, -1), normalize=True), [image, (b, t, d)]),
        (layers.Dot((3, 1)), [image, (b, e, t, 2)]),
        (layers.Concatenate(axis=2), [image, (b, t, 1, e), (b, t, 2, e)]),
        (layers.Concatenate(axis=-3), [image, (b, 1, d, e)]),
        (layers.Add(), [(b, t, d), (b, 1, d), (b, d)]),
        (layers.Subtract(), [(b, t, d), (b, d)]),
        (layers.Average(), [(b, t, d), (b, t, 1), (b, t, d)]),
        (layers.Maximum(), [(b, t, d), (b, t, d), (b, 1, d)]),
        (layers.Minimum(), [(b, d), (b, t, d)]),
    ]


def activation_objects(f):
    n, image = f.number, (2, 3, 4, 5)
    return [
        (layers.ReLU(), [(3, 4)]),
        (layers.ReLU(threshold=n(0.1, 0.9)), [(3, 4)]),
        (layers.ReLU(max_value=n(0.5, 1), negative_slope=n(0, 0.5), threshold=n(0.1, 0.4)), [(3, 4)]),
        (layers.ELU(n(0.2, 2)), [(3, 4)]),
        (layers.LeakyReLU(), [(3, 4)]),
        (layers.PReLU(shared_axes=[1, 2]), [image]),
        (layers.PReLU(shared_axes=[3], alpha_initializer="ones"), [image]),
        (layers.PReLU(), [(3, 4)]),
        (layers.Softmax(axis=[1, 2]), [image]),
        (layers.Softmax(axis=(-1, 1)), [image]),
        (layers.Softmax(axis=[2]), [image]),
        *[(layers.Activation(name), [(3, 4)]) for name in ("gelu", "selu", "softplus", "log_softmax", "hard_silu")],
        (layers.SpatialDropout2D(n(0.1, 0.5)), [image]),
        (layers.SpatialDropout3D(n(0.1, 0.5), data_format="channels_first"), [(2, 3, 2, 2, 2)]),
        (layers.AlphaDropout(n(0.1, 0.5), noise_shape=(None, 1)), [(3, 4)]),
    ]


def attention_objects(f):
    b, t, s, d = (int(f.rng.integers(2, 7)) for _ in range(4))
    query, value, wide = (b, t, d), (b, s, d), (b, s, d + 1)
    heads, groups, n = layers.MultiHeadAttention, layers.GroupQueryAttention, f.number
    dropout = n(0.1, 0.5)
    grid = (b, 3, t, d)
    return [
        (layers.Attention(use_scale=True), [query, wide, value]),
        (layers.Attention(use_scale=True, score_mode="concat", dropout=dropout), [query, value, value]),
        (layers.Attention(score_mode="concat"), [query, value]),
        (layers.Attention(), [grid, grid]),
        (layers.AdditiveAttention(use_scale=False), [query, wide, value]),
        (layers.AdditiveAttention(dropout=dropout), [query, value]),
        # Keras on JAX takes a `value_dim` of its own on the way of dropout only.
        (heads(2, 3, value_dim=4, dropout=dropout), [query, value]),
        (heads(3, 2, value_dim=1, use_bias=False, dropout=dropout), [query, wide, value]),
        (heads(2, 2, output_shape=(2, 3), use_gate=True), [query, value]),
        (heads(2, 3, sliding_window=2), [query, query]),
        (heads(2, 3, dropout=dropout, sliding_window=1), [query, value]),
        (heads(1, 3, use_gate=True, use_bias=False, output_shape=4), [query, value, wide]),
        (heads(2, 2), [grid, grid]),
        (heads(2, 2, attention_axes=(2,), value_dim=3), [grid, grid]),
        (heads(2, 2, attention_axes=-3), [grid, grid]),
        (heads(2, 2, attention_axes=(2, 1), dropout=dropout, use_gate=True), [grid, grid, grid]),
        (groups(3, 4, 2), [query, value]),
        (groups(2, 4, 1, use_gate=True, use_bias=False), [query, value, wide]),
        (groups(2, 3, 3, sliding_window=2), [query, query]),
        (groups(2, 6, 2, dropout=dropout), [query, value]),
    ]


# Layers that take each input as an argument of its own.
SEPARATE = (layers.MultiHeadAttention, layers.GroupQueryAttention)


def make_layers(f):
    for index, (layer, shapes) in enumerate(layer_objects(f)):
        inputs = [layer_input(f, layer, shape) for shape in shapes]
        layer(*given(layer, inputs))
        for training in (False, True) if differs_in_training(layer) else (False,):
            for weight in layer.weights:
                weight.assign(start_value(f, weight))
            layer_case(f, f"{type(layer).__name__}/{index}/{'train' if training else 'infer'}", layer, inputs, training)


def given(layer, inputs):
    """The arguments of a call."""
    if isinstance(layer, SEPARATE):
        return list(inputs)
    return [inputs if len(inputs) > 1 else inputs[0]]


def layer_case(f, name, layer, inputs, training):
    trainable = [v.value for v in layer.trainable_variables]
    state = [v.value for v in layer.non_trainable_variables]
    floats = [i for i, x in enumerate(inputs) if x.dtype.kind == "f"]
    said = {"training": True} if training else {}

    def call(trainable, some):
        all_inputs = list(inputs)
        for i, x in zip(floats, some):
            all_inputs[i] = x
        outputs, after = layer.stateless_call(trainable, state, *given(layer, all_inputs), **said)
        return keras.tree.flatten(outputs), after

    y, after = call(trainable, [inputs[i] for i in floats])
    total = lambda t, x: sum(ops.sum(y * cosines(y.shape)) for y in call(t, x)[0])  # noqa: E731
    weight_grads, input_grads = jax.grad(total, (0, 1))(trainable, [inputs[i] for i in floats])
    path = lambda w: paths(layer)[id(w)]  # noqa: E731
    f.add(
        name,
        "layer",
        object=serialized(layer),
        training=training,
        call_with_separate_inputs=isinstance(layer, SEPARATE),
        inputs=[f.put(f"{name}/x{i}", x) for i, x in enumerate(inputs)],
        weights=[{"path": path(w), "value": f.put(f"{name}/w{i}", w.value)} for i, w in enumerate(layer.weights)],
        outputs=[f.put(f"{name}/y{i}", y) for i, y in enumerate(y)],
        cotangent="cos(arange(size)).reshape(shape)",
        input_grads=[f.put(f"{name}/gx{i}", g) for i, g in enumerate(input_grads)],
        trainable=[path(v) for v in layer.trainable_variables],
        weight_grads=[f.put(f"{name}/gw{i}", g) for i, g in enumerate(weight_grads)],
        updated_state=[f.put(f"{name}/s{i}", s) for i, s in enumerate(after)] if training else None,
    )


def paths(layer):
    """The paths of a layer's weights, all below its name."""
    name = f"{layer.name}/"
    return {id(w): w.path if w.path.startswith(name) else name + w.path for w in layer.weights}


def model_objects(f):
    rows = 48
    classes = f.rng.integers(0, 3, rows)
    mlp = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(8, activation="relu", kernel_regularizer=keras.regularizers.L2(0.01)),
            layers.Dense(3, activation="softmax"),
        ]
    )
    yield "mlp", mlp, optimizers.Adam(0.01), "sparse_categorical_crossentropy", ["accuracy"], (
        f.floats(rows, 6),
        classes,
        {"batch_size": 16, "epochs": 3},
    )
    cnn = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    yield "cnn", cnn, optimizers.RMSprop(0.005), "categorical_crossentropy", ["accuracy"], (
        f.floats(rows, 8, 8, 1),
        np.eye(3, dtype="float32")[classes],
        {"batch_size": 10, "epochs": 2, "validation_split": 0.25},
    )
    inputs = keras.Input((5,), name="numbers")
    hidden = layers.Dense(6, activation="tanh", name="hidden")(inputs)
    joined = layers.Concatenate(name="joined")([hidden, inputs])
    regression = keras.Model(inputs, layers.Dense(1, name="out")(joined))
    yield "regression", regression, optimizers.SGD(0.05, momentum=0.9), "mse", ["mae"], (
        f.floats(rows, 5),
        f.floats(rows, 1),
        {"batch_size": 12, "epochs": 3},
    )
    words = keras.Sequential(
        [
            keras.Input((7,), dtype="int32"),
            layers.Embedding(12, 4, mask_zero=True, embeddings_regularizer=keras.regularizers.L2(0.001)),
            layers.Bidirectional(layers.GRU(3, return_sequences=True), merge_mode="sum"),
            layers.TimeDistributed(layers.Dense(4, activation="tanh")),
            layers.RNN([layers.LSTMCell(3), layers.SimpleRNNCell(2)], return_sequences=True),
            layers.LSTM(3, kernel_constraint="max_norm", go_backwards=True),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    yield "words", words, optimizers.Adam(0.02), "binary_crossentropy", ["accuracy"], (
        f.rng.integers(0, 12, (rows, 7)).astype("int32"),
        f.rng.integers(0, 2, (rows, 1)).astype("float32"),
        {"batch_size": 16, "epochs": 2},
    )
    ids = keras.Input((6,), dtype="int32")
    x = layers.Embedding(11, 8, mask_zero=True)(ids)
    heads, scores = layers.MultiHeadAttention(2, 4)(x, x, use_causal_mask=True, return_attention_scores=True)
    x = layers.Add()([x, layers.PReLU(shared_axes=[1])(heads)])
    x = layers.Add()([x, layers.GroupQueryAttention(3, 4, 2, use_gate=True)(x, x, x, use_causal_mask=True)])
    x = layers.Add()([x, layers.MultiHeadAttention(1, 8, sliding_window=2)(x, x)])
    x = layers.EinsumDense("abc,cde->abde", (None, 2, 3), bias_axes="e", activation="gelu")(x)
    x = layers.Dense(4, activation="relu", lora_rank=2, lora_alpha=4)(layers.Flatten()(x))
    reader = keras.Model(ids, layers.Dense(3, activation="softmax")(layers.Concatenate()([x, layers.Flatten()(scores)])))
    yield "reader", reader, optimizers.AdamW(0.01), "sparse_categorical_crossentropy", ["accuracy"], (
        f.rng.integers(0, 11, (rows, 6)).astype("int32"),
        classes,
        {"batch_size": 12, "epochs": 2},
    )
    ids = keras.Input((6,), dtype="int32")
    x = layers.Embedding(11, 5, mask_zero=True)(ids)
    x = layers.GRU(5, return_sequences=True)(layers.Add()([x, layers.Attention(use_scale=True)([x, x])]))
    x = layers.AdditiveAttention()([x, x], use_causal_mask=True)
    x = layers.LSTM(3)(layers.ELU(0.5)(x))
    aware = keras.Model(ids, layers.Dense(1, activation="sigmoid")(x))
    yield "aware", aware, optimizers.Adam(0.02), "binary_crossentropy", ["accuracy"], (
        f.rng.integers(0, 11, (rows, 6)).astype("int32"),
        f.rng.integers(0, 2, (rows, 1)).astype("float32"),
        {"batch_size": 16, "epochs": 2},
    )


def make_models(f):
    for name, model, optimizer, loss, wanted, (x, y, fit) in model_objects(f):
        model.compile(optimizer, loss, metrics=wanted)
        start = [
            {"path": w.path, "value": f.put(f"{name}/before/{i}", w.value)} for i, w in enumerate(model.weights)
        ]
        compiled = model.get_compile_config()
        serial = json.loads(model.to_json())
        before = f.put(f"{name}/predict_before", model.predict(x, verbose=0))
        fit = {"shuffle": False, **fit}
        history = model.fit(x, y, verbose=0, **fit).history
        scores = model.evaluate(x, y, verbose=0, return_dict=True)
        serial = {key: serial[key] for key in ("module", "class_name", "config", "registered_name") if key in serial}
        f.add(
            name,
            "model",
            model=serial,
            compile=compiled,
            archive=None,
            trained_weights=None,
            weights=start,
            x=f.put(f"{name}/x", x),
            y=f.put(f"{name}/y", y),
            sample_weight=None,
            class_weight=None,
            fit=fit,
            predict_before=before,
            history=history,
            evaluate=scores,
            predict_after=f.put(f"{name}/predict_after", model.predict(x, verbose=0)),
            weights_after=[f.put(f"{name}/after/{i}", w.value) for i, w in enumerate(model.weights)],
        )


HOOKS = """train_begin train_end test_begin test_end predict_begin predict_end""".split()
INDEXED = [f"{kind}_batch_{when}" for kind in ("train", "test", "predict") for when in ("begin", "end")]


class Recorder(keras.callbacks.Callback):
    """Writes down which hooks are called."""

    def __init__(self):
        super().__init__()
        self.calls = []


def hook(name, indexed):
    def call(self, *args):
        index, logs = (args[0], args[1]) if indexed else (None, args[0])
        self.calls.append([name, index, sorted(logs or {})])

    if indexed:
        return lambda self, index, logs=None: call(self, index, logs)
    return lambda self, logs=None: call(self, logs)


for _name in HOOKS:
    setattr(Recorder, f"on_{_name}", hook(f"on_{_name}", False))
for _name in INDEXED + ["epoch_begin", "epoch_end"]:
    setattr(Recorder, f"on_{_name}", hook(f"on_{_name}", True))


def make_callbacks(f):
    traces = [
        ("fit", {"epochs": 2, "batch_size": int(f.rng.integers(4, 12))}),
        ("fit", {"epochs": 2, "batch_size": 8, "validation_split": 0.25}),
        ("evaluate", {"batch_size": 6}),
        ("predict", {"batch_size": 9}),
    ]
    for index, (call, arguments) in enumerate(traces):
        samples = int(f.rng.integers(16, 30))
        model = keras.Sequential([keras.Input((3,)), layers.Dense(2)])
        model.compile("sgd", "mse", metrics=["mae"])
        recorder = Recorder()
        data = [f.floats(samples, 3)] if call == "predict" else [f.floats(samples, 3), f.floats(samples, 2)]
        getattr(model, call)(*data, verbose=0, callbacks=[recorder], **arguments)
        f.add(
            f"trace/{index}",
            "callback_trace",
            call=call,
            samples=samples,
            args=arguments,
            loss="mse",
            metrics=["mae"],
            validation_is_train=False,
            trace=recorder.calls,
        )
    monitored = [
        ("EarlyStopping", {"patience": 2, "restore_best_weights": True}),
        ("EarlyStopping", {"patience": 3, "min_delta": f.number(0.01, 0.1)}),
        ("ReduceLROnPlateau", {"patience": 1, "factor": f.number(0.2, 0.8)}),
        ("ReduceLROnPlateau", {"patience": 2, "cooldown": 1, "min_lr": 0.01}),
    ]
    for index, (name, arguments) in enumerate(monitored):
        monitor_case(f, f"{name}/{index}", name, arguments)


def monitor_case(f, case, name, arguments):
    values = [round(float(v), 4) for v in 1 + np.cumsum(f.rng.normal(-0.02, 0.08, 12))]
    model = keras.Sequential([keras.Input((1,)), layers.Dense(1)])
    model.compile(optimizers.SGD(0.1), "mse")
    callback = getattr(keras.callbacks, name)(**arguments)
    callback.set_model(model)
    callback.set_params({"epochs": len(values), "verbose": 0, "steps": 1})
    model.stop_training = False
    callback.on_train_begin({})
    rates, stopped = [], None
    for epoch, value in enumerate(values):
        callback.on_epoch_begin(epoch, {})
        model.layers[0].kernel.assign([[epoch + 1.0]])
        callback.on_epoch_end(epoch, {"loss": value, "val_loss": value})
        rates.append(float(model.optimizer.learning_rate))
        if model.stop_training:
            stopped = epoch
            break
    callback.on_train_end({})
    f.add(
        case,
        "callback_monitor",
        class_name=name,
        config=arguments,
        monitor="val_loss",
        values=values,
        initial_learning_rate=0.1,
        learning_rates=rates,
        stopped_after_epoch=stopped,
        stopped_epoch=getattr(callback, "stopped_epoch", None),
        final_kernel_fill=float(model.layers[0].kernel.value[0, 0]),
        filename_template=None,
        files_after_each_epoch=None,
    )


MAKERS = {
    "losses": make_losses,
    "metrics": make_metrics,
    "optimizers": make_optimizers,
    "schedules": make_schedules,
    "functions": make_functions,
    "layers": make_layers,
    "models": make_models,
    "callbacks": make_callbacks,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--family", choices=list(MAKERS))
    options = parser.parse_args()
    assert keras.__version__ == KERAS, f"expected Keras {KERAS}, found {keras.__version__}"
    options.folder.mkdir(parents=True, exist_ok=True)
    for name, make in MAKERS.items():
        if options.family in (None, name):
            keras.utils.set_random_seed(options.seed)
            family = Family(name, options.seed)
            make(family)
            family.write(options.folder)


if __name__ == "__main__":
    main()
