"""Writes conv.safetensors: inputs, results and gradients of real Keras (JAX backend) for the table in conv.rs."""

import os

os.environ["KERAS_BACKEND"] = "jax"
import jax
import keras
import numpy as np
from keras import ops
from safetensors.numpy import save_file

rng = np.random.default_rng(11)
out = {}


def draw(*shape):
    return rng.uniform(-2.0, 3.0, shape).astype("float32")


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


# Of the cases with two kinds of padding, those with channels first as well.
FIRST = ["conv2d", "depthwise2d", "separable2d", "transpose1d", "max2d", "average2d"]


def both(name, function, shape, *kernels, **kwargs):
    """Channels last, and for some first."""
    first = name.startswith("adaptive") or name in [f"{f} same" for f in FIRST]
    for form in ["last", "first"] if first else ["last"]:
        if form == "first":
            shape = (shape[0], shape[-1], *shape[1:-1])
        call = lambda *x: function(*x, data_format=f"channels_{form}", **kwargs)
        case(f"{name} {form}", call, draw(*shape), *(draw(*k) for k in kernels))


for padding in ["valid", "same"]:
    both(f"conv1d {padding}", ops.conv, (2, 7, 3), (3, 3, 4), padding=padding)
    both(f"conv2d {padding}", ops.conv, (2, 6, 5, 3), (3, 2, 3, 4), padding=padding)
    both(f"conv2d even strides {padding}", ops.conv, (2, 7, 8, 3), (4, 2, 3, 2), padding=padding, strides=(2, 3))
    both(f"conv2d dilated {padding}", ops.conv, (2, 7, 9, 2), (3, 2, 2, 3), padding=padding, dilation_rate=(2, 3))
    both(f"conv2d groups {padding}", ops.conv, (2, 5, 6, 4), (3, 3, 2, 6), padding=padding, strides=2)
    both(f"conv3d {padding}", ops.conv, (2, 4, 5, 3, 2), (3, 2, 2, 2, 3), padding=padding, strides=(1, 2, 1))
    both(f"depthwise1d {padding}", ops.depthwise_conv, (2, 7, 3), (3, 3, 2), padding=padding, strides=2)
    both(f"depthwise2d {padding}", ops.depthwise_conv, (2, 6, 5, 3), (3, 2, 3, 1), padding=padding)
    both(f"depthwise2d multiplier {padding}", ops.depthwise_conv, (2, 7, 8, 3), (2, 3, 3, 2), padding=padding, strides=(2, 2))
    both(f"depthwise2d dilated {padding}", ops.depthwise_conv, (2, 7, 8, 3), (2, 3, 3, 1), padding=padding, dilation_rate=(2, 2))
    both(f"separable1d {padding}", ops.separable_conv, (2, 7, 3), (3, 3, 2), (1, 6, 4), padding=padding, strides=2)
    both(f"separable2d {padding}", ops.separable_conv, (2, 6, 5, 3), (3, 2, 3, 2), (1, 1, 6, 4), padding=padding, strides=2)
    both(f"transpose1d {padding}", ops.conv_transpose, (2, 5, 3), (3, 4, 3), padding=padding, strides=2)
    for kernel in [1, 2, 3, 4]:
        for strides in [1, 2, 3]:
            name = f"transpose2d k{kernel} s{strides} {padding}"
            function = lambda x, k: ops.conv_transpose(x, k, padding=padding, strides=strides)
            case(name, function, draw(1, 3, 4, 2), draw(kernel, kernel, 3, 2))
    for extra in [0, 1, (1, 0)]:
        label = str(extra).replace(" ", "")
        for kernel in [2, 3]:
            name = f"transpose2d k{kernel} output {label} {padding}"
            both(name, ops.conv_transpose, (1, 3, 4, 2), (kernel, kernel, 3, 2), padding=padding, strides=2, output_padding=extra)
    for strides in [1, 2, 3]:
        name = f"transpose2d dilated s{strides} {padding}"
        both(name, ops.conv_transpose, (1, 3, 4, 2), (3, 2, 3, 2), padding=padding, strides=strides, dilation_rate=(2, 3))
    both(f"transpose3d {padding}", ops.conv_transpose, (2, 2, 3, 2, 2), (3, 2, 2, 3, 2), padding=padding, strides=(1, 2, 2))
    for name, pool in [("max", ops.max_pool), ("average", ops.average_pool)]:
        both(f"{name}1d {padding}", pool, (2, 7, 3), pool_size=3, strides=2, padding=padding)
        both(f"{name}2d {padding}", pool, (2, 6, 5, 3), pool_size=2, strides=2, padding=padding)
        both(f"{name}2d overlapping {padding}", pool, (2, 6, 5, 3), pool_size=(3, 2), strides=(2, 1), padding=padding)
        both(f"{name}3d {padding}", pool, (2, 4, 5, 3, 2), pool_size=(2, 3, 2), strides=(2, 2, 1), padding=padding)
for name, pool in [("average", ops.adaptive_average_pool), ("max", ops.adaptive_max_pool)]:
    both(f"adaptive {name} 1d", pool, (2, 7, 3), output_size=3)
    both(f"adaptive {name} 2d", pool, (2, 7, 5, 3), output_size=(3, 4))
    both(f"adaptive {name} 2d larger", pool, (1, 3, 5, 2), output_size=(5, 2))
    both(f"adaptive {name} 3d", pool, (1, 4, 5, 3, 2), output_size=(2, 3, 2))


def layer(name, layer, shape):
    """A layer's call with its weights as inputs."""
    layer.build(shape)
    weights = [draw(*v.shape) for v in layer.trainable_variables]
    case(name, lambda x, *w: layer.stateless_call(list(w), [], x)[0], draw(*shape), *weights)


layers = keras.layers
layer("causal", layers.Conv1D(4, 3, padding="causal", activation="relu"), (2, 7, 3))
layer("causal strides", layers.Conv1D(4, 2, padding="causal", strides=2), (2, 7, 3))
layer("causal dilated", layers.Conv1D(4, 3, padding="causal", dilation_rate=2), (2, 7, 3))
layer("conv2d tanh", layers.Conv2D(4, (3, 2), activation="tanh", padding="same"), (2, 6, 5, 3))
layer("depthwise sigmoid", layers.DepthwiseConv2D(3, depth_multiplier=2, activation="sigmoid"), (2, 6, 5, 3))
layer("separable relu", layers.SeparableConv2D(4, 3, depth_multiplier=2, activation="relu"), (2, 6, 5, 3))
layer("transpose relu", layers.Conv2DTranspose(3, 3, strides=2, padding="same", activation="relu"), (2, 3, 4, 2))
padded = layers.ZeroPadding2D(((1, 0), (2, 3)))
case("explicit", lambda x, k: ops.conv(padded(x), k, strides=(1, 2)), draw(2, 5, 4, 3), draw(3, 2, 3, 2))
for keepdims in [False, True]:
    for form in ["last", "first"]:
        kwargs = {"keepdims": keepdims, "data_format": f"channels_{form}"}
        label = f"{form} keep" if keepdims else form
        case(f"global average {label}", lambda x: layers.GlobalAveragePooling2D(**kwargs)(x), draw(2, 4, 3, 2))
        case(f"global max {label}", lambda x: layers.GlobalMaxPooling2D(**kwargs)(x), draw(2, 4, 3, 2))
save_file(out, os.path.join(os.path.dirname(os.path.abspath(__file__)), "conv.safetensors"))
