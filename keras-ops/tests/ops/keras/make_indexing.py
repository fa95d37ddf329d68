"""Runs Keras 3.15.1's indexing and ordering operations (JAX) and writes indexing.safetensors."""

import os

os.environ["KERAS_BACKEND"] = "jax"
import keras
import numpy as np
from keras import ops
from safetensors.numpy import save_file

rng = np.random.default_rng(0)
F = rng.normal(size=(4, 6)).astype("float32")
TIES = rng.integers(0, 4, size=(3, 7)).astype("float32")
TIES[1, 2] = np.nan
TIES[2, 3] = -0.0
INTS = rng.integers(-3, 4, size=(5, 4)).astype("int64")
V = rng.normal(size=9).astype("float32")
IDS = np.array([3, 0, 3, 5, 0, 9, -1, 1, 3], "int64")
ROWS = rng.normal(size=(9, 2)).astype("float32")
BINS = np.array([-1.0, 0.0, 0.0, 1.5], "float32")
PAIRS = np.array([[0, 1], [3, 5], [2, 2]], "int64")
inputs = dict(f=F, ties=TIES, ints=INTS, v=V, ids=IDS, rows=ROWS, bins=BINS, pairs=PAIRS)
out = {f"in.{k}": v for k, v in inputs.items()}


def case(name, *values):
    for i, value in enumerate(values):
        value = np.asarray(value)
        if value.dtype in (np.dtype("int32"), np.dtype("uint32"), np.dtype("bool")):
            value = value.astype("int64")
        out[f"{name}.{i}"] = value


for name, x in (("f", F), ("ties", TIES), ("ints", INTS)):
    for axis in (-1, 0):
        case(f"sort {name} {axis}", ops.sort(x, axis=axis))
        case(f"argsort {name} {axis}", ops.argsort(x, axis=axis))
case("top_k f", *ops.top_k(F, 3))
case("top_k ties", *ops.top_k(TIES, 4))
case("top_k ints", *ops.top_k(INTS, 2))
case("in_top_k", ops.in_top_k(np.array([1, 2, 6]), TIES, 3))
for name in ("sum", "max", "min", "prod"):
    segment = getattr(ops, f"segment_{name}", None) or getattr(keras.src.backend.math, f"segment_{name}")
    case(f"segment_{name}", segment(ROWS, IDS, num_segments=7))
    case(f"segment_{name} ints", segment(INTS.reshape(-1)[:9].astype("int32"), IDS, num_segments=7))
case("bincount", ops.bincount(np.abs(INTS).reshape(-1), minlength=6))
case("bincount weights", ops.bincount(np.abs(INTS[0]), weights=F[0, :4]))
case("bincount batch", ops.bincount(np.abs(INTS), minlength=4))
case("multi_hot", ops.multi_hot(np.abs(INTS), 3))
case("multi_hot vector", ops.multi_hot(np.abs(INTS[1]), 6))
case("scatter", ops.scatter(PAIRS, V[:3], (4, 6)))
case("scatter rows", ops.scatter(np.array([[1], [3], [1]]), ROWS[:3], (5, 2)))
case("scatter_update", ops.scatter_update(F, PAIRS, V[:3]))
for reduction in ("add", "max", "min", "mul"):
    twice = np.concatenate([PAIRS, PAIRS[:1]])
    case(f"scatter_update {reduction}", ops.scatter_update(F, twice, V[:4], reduction=reduction))
case("slice_update", ops.slice_update(F, (1, 2), ROWS[:2].T[:, :2]))
case("nonzero", *ops.nonzero(INTS))
case("searchsorted", ops.searchsorted(BINS, V), ops.searchsorted(BINS, V, side="right"))
case("searchsorted ties", ops.searchsorted(BINS, TIES), ops.searchsorted(BINS, TIES, side="right"))
case("digitize", ops.digitize(V, BINS))
case("digitize down", ops.digitize(V, BINS[::-1].copy()))
case("isin", ops.isin(INTS, [2, -1, 7]), ops.isin(INTS, [2, -1, 7], invert=True))
case("isin floats", ops.isin(TIES, np.array([0.0, np.nan, 3.0], "float32")))
case("unravel_index", *ops.unravel_index(np.array([0, 5, 13, 23]), (2, 3, 4)))
every = dict(return_index=True, return_inverse=True, return_counts=True)
case("unique", *ops.unique(INTS, **every))
case("unique rows", *ops.unique(INTS % 2, axis=0, **every))
case("unique columns", *ops.unique(np.abs(INTS) % 2, axis=1, **every))
case("unique floats", *ops.unique(np.abs(TIES), **every))

save_file(
    {k: np.ascontiguousarray(v) for k, v in out.items()},
    os.path.join(os.path.dirname(__file__), "indexing.safetensors"),
)
