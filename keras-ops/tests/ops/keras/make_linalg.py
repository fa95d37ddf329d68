"""Runs Keras 3.15.1 (JAX) on the cases of `linalg.rs` and writes inputs and outputs to linalg.safetensors."""

import os

os.environ["KERAS_BACKEND"] = "jax"
import numpy as np
from keras import ops
from safetensors.numpy import save_file

rng = np.random.default_rng(7)
file = {}


def case(name, function, *inputs):
    outputs = function(*inputs)
    if not isinstance(outputs, (tuple, list)):
        outputs = [outputs]
    for i, x in enumerate(inputs):
        file[f"{name}/in{i}"] = np.array(x, order="C")
    for i, y in enumerate(outputs):
        y = np.array(y, order="C")
        file[f"{name}/out{i}"] = y.astype("int64") if y.dtype.kind == "i" else y


def normal(*shape):
    return rng.normal(size=shape).astype("float32")


def positive(n, *lead):
    x = normal(*lead, n, n)
    return x @ np.swapaxes(x, -1, -2) + n * np.eye(n, dtype="float32")


def regular(n, *lead):
    return normal(*lead, n, n) + n**0.5 * 2 * np.eye(n, dtype="float32")


spd = positive(5, 2)
case("cholesky", ops.cholesky, spd)
case("cholesky upper", lambda x: ops.cholesky(x, upper=True), spd)
case("cholesky 70", ops.cholesky, positive(70))
case("cholesky_inverse", ops.cholesky_inverse, np.tril(regular(4)))
case("cholesky_inverse upper", lambda x: ops.cholesky_inverse(x, upper=True), np.triu(regular(4)))
square = regular(5, 2)
case("det", ops.det, square)
case("inv", ops.inv, square)
case("inv 70", ops.inv, regular(70))
case("logdet", ops.logdet, square)
case("slogdet", ops.slogdet, -square)
case("lu_factor", ops.lu_factor, normal(2, 5, 5))
case("lu_factor 50", ops.lu_factor, normal(50, 50))
case("solve", ops.solve, square, normal(2, 5, 3))
case("solve 70", ops.solve, regular(70), normal(70, 2))
case("solve vector", ops.solve, square[0], normal(5))
case("solve_triangular", ops.solve_triangular, square, normal(2, 5, 3))
case("solve_triangular lower", lambda a, b: ops.solve_triangular(a, b, lower=True), regular(40), normal(40, 3))
case("qr", ops.qr, normal(2, 6, 4))
case("qr complete", lambda x: ops.qr(x, mode="complete"), normal(6, 4))
case("qr wide", ops.qr, normal(4, 6))
case("qr square", ops.qr, normal(5, 5))
case("eigh values", lambda x: ops.eigh(x)[0], spd)
case("svd values", lambda x: ops.svd(x, compute_uv=False), normal(2, 6, 4))
case("eig real", lambda x: np.sort(np.real(ops.eig(x)[0])), normal(6, 6))
case("matrix_rank", ops.matrix_rank, np.stack([np.outer(normal(5), normal(5)), normal(5, 5)]))
case("pinv", ops.pinv, normal(2, 6, 4))
case("pinv wide", ops.pinv, normal(4, 6))
case("pinv of rank 1", ops.pinv, np.outer(normal(4), normal(3)))
case("lstsq", ops.lstsq, normal(6, 4), normal(6, 2))
case("lstsq vector", ops.lstsq, normal(4, 6), normal(4))
x = normal(2, 4, 5)
case("norm", ops.norm, x)
case("norm keepdims", lambda x: ops.norm(x, keepdims=True), x)
for ord in [None, np.inf, -np.inf, 0, 1, 2, 3, -2, 0.5]:
    case(f"norm vector {ord}", lambda x: ops.norm(x, ord, axis=1), x)
for ord in [None, "fro", "nuc", np.inf, -np.inf, 1, -1, 2, -2]:
    case(f"norm matrix {ord}", lambda x: ops.norm(x, ord, axis=(2, 0), keepdims=True), x)

save_file(file, os.path.join(os.path.dirname(__file__), "linalg.safetensors"))
