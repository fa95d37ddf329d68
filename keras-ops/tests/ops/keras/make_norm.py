"""Writes norm.safetensors: inputs, results and gradients of real Keras (JAX backend) for the table in norm.rs."""

import os

os.environ["KERAS_BACKEND"] = "jax"
import jax
import keras
import numpy as np
from keras import ops
from safetensors.numpy import save_file

rng = np.random.default_rng(7)
out = {}


def draw(*shape, low=-2.0, high=3.0):
    return rng.uniform(low, high, shape).astype("float32")


def case(name, function, *inputs):
    """Inputs, result, and the gradients of sum(result * weights)."""
    y = np.asarray(function(*inputs))
    weights = draw(*y.shape)
    grads = jax.grad(lambda *x: (function(*x) * weights).sum(), argnums=tuple(range(len(inputs))))(*inputs)
    for i, (x, g) in enumerate(zip(inputs, grads)):
        out[f"{name}.x{i}"] = np.asarray(x)
        out[f"{name}.g{i}"] = np.asarray(g)
    out[f"{name}.y"] = y
    out[f"{name}.w"] = weights


def layer(layer, shape):
    """A layer's call in training with its weights as inputs."""
    layer.build(shape)
    trainable = [draw(*v.shape) for v in layer.trainable_variables]
    fixed = [np.asarray(v.value) for v in layer.non_trainable_variables]

    def call(x, *weights, **kwargs):
        kwargs = {"training": True, **kwargs} if fixed else kwargs
        y, _ = layer.stateless_call(list(weights), fixed, x, **kwargs)
        return y

    return call, trainable


for axes in [[-1], [1], [2, 3], [1, 3], [1, 2, 3]]:
    x = draw(2, 3, 4, 5)
    sizes = [x.shape[a] for a in sorted(axes)]
    name = "_".join(str(a) for a in axes)
    case(f"layer {name}", lambda x, g, b: ops.layer_normalization(x, g, b, axis=axes, epsilon=1e-3), x, draw(*sizes), draw(*sizes))
    scale = draw(*sizes)
    if len(sizes) > 1 or axes == [-1]:
        shape = [x.shape[a] if a in axes or axes == [-1] and a == 3 else 1 for a in range(4)]
        case(f"rms {name}", lambda x, s: ops.rms_normalization(x, s.reshape(shape), axis=axes, epsilon=1e-3), x, scale)
    case(f"unit {name}", lambda x: keras.layers.UnitNormalization(axis=axes)(x), x)
for order in [1, 2, 3]:
    case(f"normalize {order}", lambda x: ops.normalize(x, axis=1, order=order), draw(3, 4, 2))
for axis in [1, -1]:
    for groups in [1, 2, 3, 6, -1]:
        f, weights = layer(keras.layers.GroupNormalization(groups, axis=axis), (2, 6, 4, 6))
        case(f"group {groups} {axis}", f, draw(2, 6, 4, 6), *weights)
for axis in [1, 2, -1]:
    f, weights = layer(keras.layers.BatchNormalization(axis=axis), (3, 4, 2, 5))
    case(f"batch {axis}", f, draw(3, 4, 2, 5), *weights)
    channels = (3, 4, 2, 5)[axis]
    case(
        f"given {axis}",
        lambda x, m, v, o, s: ops.batch_normalization(x, m, v, axis, o, s, epsilon=1e-3),
        draw(3, 4, 2, 5), draw(channels), draw(channels, low=0.1), draw(channels), draw(channels),
    )
mask = np.array([[1, 1, 0], [0, 1, 1]], "bool")
f, weights = layer(keras.layers.BatchNormalization(), (2, 3, 4))
case("batch masked", lambda x, *w: f(x, *w, mask=mask), draw(2, 3, 4), *weights)
for axes in [[0], [1], [2], [0, 1], [0, 2]]:
    name = "_".join(str(a) for a in axes)
    case(f"mean {name}", lambda x: ops.moments(x, axes)[0], draw(3, 4, 5))
    case(f"variance {name}", lambda x: ops.moments(x, axes)[1], draw(3, 4, 5))
bn = keras.layers.BatchNormalization(momentum=0.0)
x = draw(2, 3, 4)
bn(x, training=True, mask=mask)
out["statistics.x"] = x
out["statistics.mean"] = np.asarray(bn.moving_mean.value)
out["statistics.variance"] = np.asarray(bn.moving_variance.value)
save_file(out, os.path.join(os.path.dirname(__file__), "norm.safetensors"))
