"""Writes elements.json beside this file: a model of further operations, what it is given, and what Keras computed.

    pip install keras==3.15.1 jax
    KERAS_BACKEND=jax python make_elements.py
"""

import json
import pathlib

import keras
import numpy as np
from keras import ops

x, p, q = (keras.Input((3, 4), name=name) for name in "xpq")
square = keras.Input((3, 3), name="square")

CALLS = {
    "sinh": lambda: ops.sinh(x),
    "cosh": lambda: ops.cosh(x),
    "arcsin": lambda: ops.arcsin(x),
    "arccos": lambda: ops.arccos(x),
    "arctan": lambda: ops.arctan(x),
    "arcsinh": lambda: ops.arcsinh(x),
    "arccosh": lambda: ops.arccosh(p),
    "arctanh": lambda: ops.arctanh(x),
    "exp2": lambda: ops.exp2(x),
    "cbrt": lambda: ops.cbrt(x),
    "deg2rad": lambda: ops.deg2rad(p),
    "rad2deg": lambda: ops.rad2deg(x),
    "sinc": lambda: ops.sinc(x),
    "i0": lambda: ops.i0(x),
    "fabs": lambda: ops.fabs(x),
    "trunc": lambda: ops.trunc(q),
    "signbit": lambda: ops.signbit(x),
    "isposinf": lambda: ops.isposinf(x / 0.0),
    "isneginf": lambda: ops.isneginf(x / 0.0),
    "nan_to_num": lambda: ops.nan_to_num(x / 0.0, nan=0.5, posinf=7.0, neginf=-3.0),
    "arctan2": lambda: ops.arctan2(x, q),
    "hypot": lambda: ops.hypot(x, q),
    "logaddexp": lambda: ops.logaddexp(x, q),
    "logaddexp2": lambda: ops.logaddexp2(x, q),
    "heaviside": lambda: ops.heaviside(x, q),
    "fmax": lambda: ops.fmax(x, q),
    "fmin": lambda: ops.fmin(x, q),
    "inner": lambda: ops.inner(x[0], q[1]),
    "outer": lambda: ops.outer(x[0], q[1]),
    "kron": lambda: ops.kron(x[0], q[1]),
    "amax": lambda: ops.amax(x, axis=1),
    "amin": lambda: ops.amin(x, axis=(1, 2), keepdims=True),
    "median": lambda: ops.median(x, axis=-1),
    "count_nonzero": lambda: ops.count_nonzero(ops.relu(x), axis=1),
    "cumprod": lambda: ops.cumprod(x, axis=1),
    "sort": lambda: ops.sort(x, axis=1),
    "argsort": lambda: ops.argsort(x),
    "diff": lambda: ops.diff(x, n=2, axis=-1),
    "take_along_axis": lambda: ops.take_along_axis(x, ops.argsort(q), axis=-1),
    "moveaxis": lambda: ops.moveaxis(x, 1, 2),
    "tril": lambda: ops.tril(x, k=1),
    "triu": lambda: ops.triu(x),
    "trace": lambda: ops.trace(square, offset=1, axis1=1, axis2=2),
    "diagonal": lambda: ops.diagonal(square, axis1=1, axis2=2),
    "hstack": lambda: ops.hstack([x, q]),
    "vstack": lambda: ops.vstack([x, q]),
    "dstack": lambda: ops.dstack([x, q]),
    "hard_shrink": lambda: ops.hard_shrink(x, threshold=0.3),
    "soft_shrink": lambda: ops.soft_shrink(x, threshold=0.2),
    "threshold": lambda: ops.threshold(x, 0.1, -1.0),
    "squareplus": lambda: ops.squareplus(x, b=2),
    "sparsemax": lambda: ops.sparsemax(q),
    "sparse_plus": lambda: ops.sparse_plus(q),
    "sparse_sigmoid": lambda: ops.sparse_sigmoid(q),
    "erfc": lambda: ops.erfc(x),
    "erfinv": lambda: ops.erfinv(x),
    "det": lambda: ops.det(square),
}


def listed(array):
    array = np.asarray(array)
    values = [float(v) if np.isfinite(v) else str(float(v)) for v in array.ravel()]
    return {"shape": list(array.shape), "values": values}


rng = np.random.default_rng(3)
given = [
    rng.uniform(-0.9, 0.9, (2, 3, 4)),
    rng.uniform(1.1, 3, (2, 3, 4)),
    rng.normal(0, 2, (2, 3, 4)),
]
half = rng.normal(0, 1, (2, 3, 3))
given.append(half @ half.transpose(0, 2, 1) + np.eye(3))
given = [array.astype("float32") for array in given]
model = keras.Model([x, p, q, square], [call() for call in CALLS.values()])
outputs = model(given)
case = {
    "model": json.loads(model.to_json()),
    "inputs": [listed(array) for array in given],
    "names": list(CALLS),
    "outputs": [listed(np.asarray(output).astype("float64")) for output in outputs],
}
pathlib.Path(__file__).with_name("elements.json").write_text(json.dumps(case) + "\n")
