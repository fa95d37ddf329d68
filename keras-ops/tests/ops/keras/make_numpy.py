"""Writes numpy.safetensors: what Keras 3.15.1 on JAX gives for the cases of tests/ops/numpy.rs.

    KERAS_BACKEND=jax python make_numpy.py

Keys are `name#variant/in<i>` and `name#variant/out<i>`; truth values are stored as uint8.
"""

import os

os.environ["KERAS_BACKEND"] = "jax"
os.environ["JAX_PLATFORMS"] = "cpu"

import numpy as np
from keras import ops
from safetensors.numpy import save_file

nan, inf = np.nan, np.inf
stored = {}
variants = {}


def plain(x):
    x = np.array(x)
    if x.dtype == bool:
        return x.astype("uint8")
    return np.ascontiguousarray(x)


def case(name, function, *inputs):
    index = variants.get(name, 0)
    variants[name] = index + 1
    out = function(*inputs)
    outs = list(out) if isinstance(out, (list, tuple)) else [out]
    for i, x in enumerate(inputs):
        stored[f"{name}#{index}/in{i}"] = plain(x)
    for i, x in enumerate(outs):
        stored[f"{name}#{index}/out{i}"] = plain(x)


def f(*values):
    return np.array(values, "float32")


def i(*values):
    return np.array(values, "int32")


def u(*values):
    return np.array(values, "uint8")


rng = np.random.default_rng(7)
EDGE = f(nan, inf, -inf, 0.0, -0.0, 1, -1, 0.5, -0.5, 2, -2, 1e-3, 37, -3.7, 1e-20, 12.25)
UNIT = f(nan, 0, -0.0, 1, -1, 0.5, -0.5, 0.999, -1e-4, 1.5, 0.7)
MATRIX = rng.uniform(-3, 3, (3, 4)).astype("float32")
CUBE = rng.uniform(-3, 3, (2, 3, 4)).astype("float32")
POSITIVE = rng.uniform(0.2, 3, (3, 4)).astype("float32")
ROW = f(0.5, -2, 3, 1)
COLUMN = f(-1, 2, 0.5)[:, None]
EMPTY = np.zeros((0, 4), "float32")
INTS = np.array([[3, -7, 0, 12], [5, 5, -1, 100], [-128, 9, 2, 1]], "int32")
INTROW = i(2, -3, 4, 7)
BYTES = np.array([[0, 1, 250, 7], [3, 3, 128, 255]], "uint8")
BYTEROW = u(1, 2, 3, 10)

UNARY = """absolute fabs negative sin cos tan arccos arcsin arctan sinh cosh tanh arccosh arcsinh arctanh sinc cbrt
exp exp2 expm1 log log2 log10 log1p sqrt rsqrt reciprocal square sign floor ceil trunc erf erfc erfinv angle conj
real imag isreal signbit isnan isinf isfinite isneginf isposinf deg2rad rad2deg nan_to_num logical_not ravel copy
stop_gradient""".split()
for name in UNARY:
    function = getattr(ops, name)
    case(name, function, UNIT if name == "erfinv" else EDGE)
    case(name, function, POSITIVE / 4)
    case(name, function, EMPTY)
case("i0", ops.i0, MATRIX)
case("i0", ops.i0, f(0, -8, 20, 60))
for name in "absolute negative square sign trunc".split():
    case(name, getattr(ops, name), INTS)
for name in "logical_not isnan isinf isfinite isreal signbit conj real ravel bitwise_not bitwise_invert".split():
    case(name, getattr(ops, name), INTS)
for name in "logical_not bitwise_not square ravel".split():
    case(name, getattr(ops, name), BYTES)
for decimals in (0, 1, -1):
    case(f"round {decimals}", lambda x: ops.round(x, decimals), f(0.5, 1.5, -2.5, 2.675, 123.456, -0.05, nan, inf, 15))
    case(f"round {decimals}", lambda x: ops.round(x, decimals), INTS)
case("clip", lambda x: ops.clip(x, -1, 2), EDGE)
case("clip", lambda x: ops.clip(x, -1, 2), INTS)
case("nan_to_num given", lambda x: ops.nan_to_num(x, 7.0, 8.0, -9.0), EDGE)

BINARY = """add subtract multiply divide true_divide maximum minimum power mod fmod floor_divide divide_no_nan fmax fmin
arctan2 hypot logaddexp logaddexp2 heaviside equal not_equal greater greater_equal less less_equal logical_and
logical_or logical_xor""".split()
LEFT = f(nan, 1, inf, 0, -0.0, 2.5, -2.5, 7, -7, 0, 3, -1, 5)
RIGHT = f(1, nan, 2, 0, 3, 2, 2, -3, -3, 4, 3, 0.5, 1e-3)
for name in BINARY:
    function = getattr(ops, name)
    rows = MATRIX
    if name == "power":
        rows = POSITIVE
        case(name, function, np.abs(LEFT), RIGHT)
    elif name == "divide_no_nan":
        case(name, function, LEFT[1:], RIGHT[1:])
    else:
        case(name, function, LEFT, RIGHT)
    case(name, function, rows, ROW)
    case(name, function, COLUMN, MATRIX)
    case(name, function, CUBE, np.float32(2))
    case(name, function, EMPTY, ROW)
for name in """add subtract multiply maximum minimum mod floor_divide equal greater less_equal logical_and
bitwise_and bitwise_or bitwise_xor gcd lcm fmax fmin""".split():
    case(name, getattr(ops, name), INTS, INTROW)
    case(name, getattr(ops, name), BYTES, BYTEROW)
case("power", ops.power, INTS, i(0, 1, 2, 3))
case("power", ops.power, BYTES, BYTEROW)
for name in "left_shift right_shift bitwise_left_shift bitwise_right_shift".split():
    case(name, getattr(ops, name), INTS, i(1, 0, 3, 5))
    case(name, getattr(ops, name), BYTES, u(1, 0, 3, 5))
case("nextafter", ops.nextafter, f(1, 1, 3, nan), f(2, -2, 3, 0))
case("ldexp", ops.ldexp, MATRIX, i(1, -1, 0, 10))
for equal_nan in (False, True):
    close = (f(1, 1, nan, inf, inf, 100), f(1.000001, 1.1, nan, inf, -inf, 100.0009))
    case(f"isclose {equal_nan}", lambda a, b: ops.isclose(a, b, equal_nan=equal_nan), *close)
case("allclose", ops.allclose, MATRIX, MATRIX + 1e-7)
case("allclose", ops.allclose, MATRIX, ROW)
case("where", lambda c, a, b: ops.where(c != 0, a, b), u(1, 0, 1, 0), MATRIX, COLUMN)
case("where", lambda c, a, b: ops.where(c != 0, a, b), u(1, 0, 1, 0), INTS, INTROW)
case("where", lambda c, a, b: ops.where(c != 0, a, b), u(1, 0, 1, 0), BYTES, BYTEROW)
case("select", lambda c, d, a, b: ops.select([c != 0, d != 0], [a, b], 0), u(1, 0, 0, 0), u(1, 1, 0, 0), MATRIX, -MATRIX)
case("saturate_cast", lambda x: ops.saturate_cast(x, "uint8"), f(-1, 3.7, 256, 1e9, -inf, inf))
case("saturate_cast", lambda x: ops.saturate_cast(x, "uint8"), INTS)

for k in (-1, 0, 2):
    case(f"tril {k}", lambda x: ops.tril(x, k), CUBE)
    case(f"triu {k}", lambda x: ops.triu(x, k), CUBE)
    case(f"triu {k}", lambda x: ops.triu(x, k), INTS)
    case(f"eye {k}", lambda: ops.eye(3, 4, k))
    case(f"tri {k}", lambda: ops.tri(3, 4, k))
    case(f"diag {k}", lambda x: ops.diag(x, k), ROW)
    case(f"diag {k}", lambda x: ops.diag(x, k), MATRIX)
    case(f"diag {k}", lambda x: ops.diag(x, k), INTS)
    case(f"diagflat {k}", lambda x: ops.diagflat(x, k), COLUMN)
    case(f"diagonal {k}", lambda x: ops.diagonal(x, k, 1, 2), CUBE)
    case(f"trace {k}", lambda x: ops.trace(x, k, 0, -1), CUBE)
case("identity", lambda: ops.identity(3))
case("full", lambda: ops.full((2, 3), 2.5))
case("vander", ops.vander, ROW)
case("vander", ops.vander, INTROW)
case("vander increasing", lambda x: ops.vander(x, 3, True), ROW)
for n in (1, 2, 7, 8):
    for name in "bartlett blackman hamming hanning".split():
        case(f"{name} {n}", lambda: getattr(ops, name)(n))
    case(f"kaiser {n}", lambda: ops.kaiser(n, 8.6))
case("linspace", lambda a, b: ops.linspace(a, b, 5), np.float32(-1), np.float32(3))
case("linspace open", lambda a, b: ops.linspace(a, b, 4, endpoint=False, axis=-1), ROW, COLUMN)
case("linspace one", lambda a, b: ops.linspace(a, b, 1), np.float32(-1), np.float32(3))
case("logspace", lambda a, b: ops.logspace(a, b, 5, base=2), np.float32(-1), np.float32(3))
case("geomspace", lambda a, b: ops.geomspace(a, b, 5), f(1, 2), f(16, 1000))
case("geomspace", lambda a, b: ops.geomspace(a, b, 5), f(-1, -2), f(-16, -0.5))
case("meshgrid xy", lambda a, b, c: ops.meshgrid(a, b, c), f(1, 2), f(3, 4, 5), f(6, 7))
case("meshgrid ij", lambda a, b: ops.meshgrid(a, b, indexing="ij"), f(1, 2), i(3, 4, 5))

case("moveaxis", lambda x: ops.moveaxis(x, 0, -1), CUBE)
case("moveaxis two", lambda x: ops.moveaxis(x, (0, 1), (-1, 0)), CUBE)
case("swapaxes", lambda x: ops.swapaxes(x, 0, -1), CUBE)
case("roll", lambda x: ops.roll(x, 2, 1), CUBE)
case("roll two", lambda x: ops.roll(x, (1, -5), (0, 2)), CUBE)
case("roll all", lambda x: ops.roll(x, -3), INTS)
case("fliplr", ops.fliplr, CUBE)
case("flipud", ops.flipud, INTS)
for k in (1, 2, 3, -1):
    case(f"rot90 {k}", lambda x: ops.rot90(x, k, (1, 2)), CUBE)
IMAGE = rng.uniform(-1, 1, (2, 4, 2, 8)).astype("float32")
FIRST = rng.uniform(-1, 1, (2, 4, 4, 2)).astype("float32")
case("depth_to_space", lambda x: ops.depth_to_space(x, 2, "channels_last"), IMAGE)
case("depth_to_space first", lambda x: ops.depth_to_space(x, 2, "channels_first"), FIRST)
case("space_to_depth", lambda x: ops.space_to_depth(x, 2, "channels_last"), IMAGE)
case("space_to_depth first", lambda x: ops.space_to_depth(x, 2, "channels_first"), FIRST)
case("rearrange", lambda x: ops.rearrange(x, "b (h p) w (q c) -> (b h) q (w p c)", p=2, q=4), IMAGE)
case("array_split", lambda x: ops.array_split(x, 3, 1), CUBE[:, :2])
case("hsplit", lambda x: ops.hsplit(x, 2), INTS)
case("vsplit", lambda x: ops.vsplit(x, [1]), MATRIX)
case("dsplit", lambda x: ops.dsplit(x, 2), CUBE)
for name in "hstack vstack dstack".split():
    case(name, lambda a, b: getattr(ops, name)([a, b]), ROW, ROW * 2)
    case(name, lambda a, b: getattr(ops, name)([a, b]), MATRIX, MATRIX * 2)
    case(name, lambda a, b: getattr(ops, name)([a, b]), INTS, INTS * 2)
case("append", ops.append, MATRIX, ROW)
case("append rows", lambda a, b: ops.append(a, b, 0), MATRIX, MATRIX)
case("unstack", lambda x: ops.unstack(x, axis=1), CUBE)
case("view", lambda x: ops.view(x, "int32"), MATRIX)
case("view", lambda x: ops.view(x, "int32"), BYTES)

# REDUCTIONS

save_file(stored, os.path.join(os.path.dirname(os.path.abspath(__file__)), "numpy.safetensors"))
print(len(variants), "functions,", sum(variants.values()), "cases")
