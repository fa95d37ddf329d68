"""Writes attention.safetensors: inputs, results and gradients of real Keras (JAX backend) for the table in attention.rs."""

import os

os.environ["KERAS_BACKEND"] = "jax"
import jax
import numpy as np
from keras import ops
from safetensors.numpy import save_file

rng = np.random.default_rng(11)
out = {}


def draw(*shape):
    return rng.uniform(-1.5, 1.5, shape).astype("float32")


def case(name, batch, queries, keys, heads, shared, depth, bias=None, mask=None, **options):
    """Query, key, value (and bias), result, and the gradients of sum(result * weights)."""
    inputs = [draw(batch, queries, heads, depth), draw(batch, keys, shared, depth), draw(batch, keys, shared, depth)]
    if bias is not None:
        inputs.append(draw(*bias))

    def function(q, k, v, b=None):
        return ops.dot_product_attention(q, k, v, bias=b, mask=mask, **options)

    y = np.asarray(function(*inputs))
    weights = draw(*y.shape)
    grads = jax.grad(lambda *x: (function(*x) * weights).sum(), argnums=tuple(range(len(inputs))))(*inputs)
    for i, (x, g) in enumerate(zip(inputs, grads)):
        out[f"{name}.x{i}"] = x
        out[f"{name}.g{i}"] = np.asarray(g)
    out[f"{name}.y"], out[f"{name}.w"] = y, weights
    if mask is not None:
        out[f"{name}.m"] = mask.astype("uint8")


def flags(*shape):
    return rng.uniform(size=shape) < 0.6


case("plain", 2, 5, 6, 3, 3, 4)
case("causal", 2, 5, 5, 2, 2, 4, is_causal=True)
case("causal wide", 1, 4, 9, 2, 2, 3, is_causal=True)
case("causal tall", 1, 9, 4, 2, 2, 3, is_causal=True)
case("grouped", 2, 5, 6, 4, 2, 4)
case("one head of keys", 2, 3, 4, 3, 1, 5, scale=0.3)
case("mask", 2, 5, 6, 2, 2, 4, mask=flags(2, 2, 5, 6))
rows = flags(2, 1, 5, 6)
rows[0, 0, 2] = False
rows[1, 0, 4] = False
case("rows without keys", 2, 5, 6, 2, 2, 4, mask=rows)
case("causal rows without keys", 2, 5, 6, 2, 1, 4, mask=rows, is_causal=True)
case("padding", 3, 4, 6, 2, 2, 4, mask=(np.arange(6) < np.array([6, 3, 1])[:, None])[:, None, None, :])
case("nothing", 1, 4, 6, 2, 2, 4, mask=np.zeros((1, 1, 1, 6), "bool"))
case("bias", 2, 5, 6, 2, 2, 4, bias=(2, 2, 5, 6))
case("bias of heads", 2, 5, 6, 4, 2, 4, bias=(1, 4, 5, 6), is_causal=False)
case("bias of all", 2, 5, 6, 4, 2, 4, bias=(1, 1, 5, 6), mask=flags(2, 1, 5, 6))
case("bias of samples", 2, 5, 5, 2, 2, 4, bias=(2, 1, 1, 5), is_causal=True)
case("bias of queries", 2, 5, 6, 2, 2, 4, bias=(1, 2, 5, 1), scale=-0.4)
case("tiles", 1, 70, 300, 2, 1, 6)
case("causal tiles", 1, 300, 300, 1, 1, 5, is_causal=True)
case("masked tiles", 2, 66, 290, 2, 2, 3, mask=(np.arange(290) < np.array([290, 20])[:, None])[:, None, None, :])
save_file(out, os.path.join(os.path.dirname(os.path.abspath(__file__)), "attention.safetensors"))
