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
    return np.array(x, order="C")


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
FIRST = rng.uniform(-1, 1, (2, 8, 4, 2)).astype("float32")
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

HOLED = CUBE.copy()
HOLED[0, 1, 2] = HOLED[1, 0, :] = nan
AXES = {"None": None, "1": 1, "-1": -1, "0 2": (0, 2)}
for name in """sum mean max min prod var std amax amin ptp median any all nansum nanmean nanmax nanmin nanprod nanvar
nanstd nanmedian logsumexp""".split():
    function = getattr(ops, name)
    for label, axis in AXES.items():
        if name in ("ptp", "nanmedian") and label == "0 2":
            axis = 1
        case(f"{name} {label}", lambda x: function(x, axis, label == "-1"), CUBE)
        case(f"{name} {label}", lambda x: function(x, axis, label == "-1"), HOLED)
        if name in "sum mean max min prod amax amin any all ptp".split():
            case(f"{name} {label}", lambda x: function(x, axis, label == "-1"), np.stack([INTS, -INTS]))
        if name in "sum max min any all".split():
            case(f"{name} {label}", lambda x: function(x, axis, label == "-1"), np.stack([BYTES, BYTES]))
for label, axis in (("None", None), ("0", 0), ("-1", -1)):
    for name in "cumsum cumprod nancumsum nancumprod".split():
        case(f"{name} {label}", lambda x: getattr(ops, name)(x, axis), CUBE)
        case(f"{name} {label}", lambda x: getattr(ops, name)(x, axis), HOLED)
    for name in "cumsum cumprod".split():
        case(f"{name} {label}", lambda x: getattr(ops, name)(x, axis), INTS)
    for name in "argmax argmin nanargmax nanargmin".split():
        keep = HOLED[:1] if name.startswith("nan") else HOLED
        case(f"{name} {label}", lambda x: getattr(ops, name)(x, axis), CUBE)
        if name.startswith("nan") and axis == 0:
            continue
        case(f"{name} {label}", lambda x: getattr(ops, name)(x, axis), keep)
        case(f"{name} {label}", lambda x: getattr(ops, name)(x, axis), INTS)
    case(f"count_nonzero {label}", lambda x: ops.count_nonzero(x, axis), np.sign(INTS) * (INTS > 2))
for method in "linear lower higher midpoint nearest".split():
    for name, q in (("quantile", 0.35), ("percentile", 35), ("nanquantile", 0.35), ("nanpercentile", 35)):
        x = HOLED if name.startswith("nan") else CUBE
        case(f"{name} {method}", lambda x: getattr(ops, name)(x, q, -1, method, True), x)
        case(f"{name} {method}", lambda x: getattr(ops, name)(x, q, -1, method, True), HOLED)
case("quantile several", lambda x: ops.quantile(x, f(0, 0.2, 0.5, 1), (0, 2)), CUBE)
case("quantile all", lambda x: ops.quantile(x, 0.7), CUBE)
case("average", lambda x, w: ops.average(x, 1, w), CUBE, f(1, 2, 0.5))
case("average all", lambda x, w: ops.average(x, None, w), CUBE, np.abs(CUBE))
case("histogram", lambda x: ops.histogram(x, 5), CUBE.ravel())
case("histogram range", lambda x: ops.histogram(x, 4, (-1, 2)), CUBE.ravel())
case("corrcoef", ops.corrcoef, MATRIX)
for mode in "valid same full".split():
    case(f"correlate {mode}", lambda a, b: ops.correlate(a, b, mode), f(1, 2, 3, -1, 5), f(0.5, -1, 2))
    case(f"correlate {mode}", lambda a, b: ops.correlate(a, b, mode), f(1, 2, 3, -1, 5), f(0.5, -1, 2, 1))
    case(f"correlate {mode}", lambda a, b: ops.correlate(a, b, mode), f(0.5, -1, 2), f(1, 2, 3, -1, 5))
    case(f"correlate {mode}", lambda a, b: ops.correlate(a, b, mode), f(0.5, -1, 2, 1), f(1, 2, 3, -1, 5, 6, 7))
case("diff", lambda x: ops.diff(x, 1, 1), CUBE)
case("diff two", lambda x: ops.diff(x, 2), CUBE)
case("diff two", lambda x: ops.diff(x, 2), INTS)
case("trapezoid", lambda y: ops.trapezoid(y, dx=0.5, axis=1), CUBE)
case("trapezoid places", ops.trapezoid, CUBE, ROW)
for a, b in ((ROW, ROW), (MATRIX, ROW), (CUBE, MATRIX.T.copy()), (MATRIX, np.float32(2)), (CUBE, rng.uniform(-1, 1, (2, 4, 3)).astype("float32"))):
    case("dot", ops.dot, a, b)
for a, b in ((ROW, ROW), (CUBE, MATRIX), (MATRIX, np.float32(2))):
    case("inner", ops.inner, a, b)
case("outer", ops.outer, MATRIX, ROW)
case("outer", ops.outer, INTS, INTROW)
case("vdot", ops.vdot, MATRIX, POSITIVE)
case("kron", ops.kron, MATRIX, COLUMN)
case("kron", ops.kron, CUBE, ROW)
case("kron", ops.kron, INTS, INTROW)
case("cross", ops.cross, CUBE[..., :3], CUBE[..., 1:])
case("cross", ops.cross, CUBE[..., :2], CUBE[..., 1:3])
case("cross", ops.cross, CUBE[..., :2], CUBE[..., 1:])
case("cross axes", lambda a, b: ops.cross(a, b, 1, -1, 0), CUBE, np.swapaxes(CUBE, 1, 2).copy())
case("cross axis", lambda a, b: ops.cross(a, b, axis=1), CUBE, CUBE + 1)
case("tensordot 1", lambda a, b: ops.tensordot(a, b, 1), CUBE, MATRIX.T.copy())
case("tensordot pairs", lambda a, b: ops.tensordot(a, b, ((1, 2), (0, 1))), CUBE, MATRIX)
case("matmul", ops.matmul, CUBE, MATRIX.T.copy())
case("matmul", ops.matmul, ROW, MATRIX.T.copy())
SQUARE = rng.uniform(-1, 1, (3, 3)).astype("float32")
EINSUM = {
    "ij,jk->ik": (MATRIX, MATRIX.T.copy()),
    "ij,kj": (MATRIX, MATRIX),
    "bij,bkj->bki": (CUBE, CUBE),
    "ii": (SQUARE,),
    "ii->i": (SQUARE,),
    "iij->j": (rng.uniform(-1, 1, (3, 3, 2)).astype("float32"),),
    "i,j->ij": (ROW, ROW),
    "i,i->": (ROW, ROW),
    "...ij->...ji": (CUBE,),
    "...ij,jk": (CUBE, MATRIX.T.copy()),
    "...i,...i->...": (CUBE, MATRIX),
    "ij,jk,kl->il": (MATRIX, MATRIX.T.copy(), MATRIX),
    "bthd,bshd->bhts": (rng.uniform(-1, 1, (2, 3, 2, 4)).astype("float32"), rng.uniform(-1, 1, (2, 5, 2, 4)).astype("float32")),
    "bhts,bshd->bthd": (rng.uniform(-1, 1, (2, 2, 3, 5)).astype("float32"), rng.uniform(-1, 1, (2, 5, 2, 4)).astype("float32")),
    "abc,cde->abde": (CUBE, rng.uniform(-1, 1, (4, 2, 3)).astype("float32")),
    "ijk,l->l": (CUBE, ROW),
    "ij,ij,i->j": (MATRIX, MATRIX, f(1, 2, 3)),
    "ba": (MATRIX,),
}
for subscripts, operands in EINSUM.items():
    case(f"einsum {subscripts}", lambda *x: ops.einsum(subscripts, *x), *operands)

GRID = np.arange(1, 7, dtype="float32").reshape(2, 3)
for mode in ("edge", "linear_ramp", "maximum", "mean", "median", "minimum", "reflect", "symmetric", "wrap"):
    case(f"pad {mode}", lambda x, m=mode: ops.pad(x, ((1, 0), (2, 3)), mode=m), GRID * GRID % 7)
    case(f"pad {mode}", lambda x, m=mode: ops.pad(x, ((0, 0), (7, 5)), mode=m), GRID)
case("pad reflect one", lambda x: ops.pad(x, ((2, 3),), mode="reflect"), f(4))
case("repeat flat", lambda x: ops.repeat(x, 2), GRID)
case("repeat each", lambda x: ops.repeat(x, np.array([2, 0, 3]), axis=-1), GRID)
case("take flat", lambda x, i: ops.take(x, i), GRID, np.array([[5, 0], [-1, 2]], "int32"))
case("take_along_axis flat", lambda x, i: ops.take_along_axis(x, i), GRID, np.array([5, 0, -1], "int32"))
case("split places", lambda x: ops.split(x, [1, 2], axis=1), GRID)
case("flip all", lambda x: ops.flip(x), GRID)
CLASSES = np.array([[0, 2, 1], [3, -1, 0]], "int32")
for axis in (-1, 0, 1):
    case(f"one_hot {axis}", lambda x, a=axis: ops.one_hot(x, 3, axis=a), CLASSES)

save_file(stored, os.path.join(os.path.dirname(os.path.abspath(__file__)), "numpy.safetensors"))
print(len(variants), "functions,", sum(variants.values()), "cases")
