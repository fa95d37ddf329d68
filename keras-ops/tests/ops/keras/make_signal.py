"""Runs Keras 3.15.1 (JAX) on the cases of `signal.rs` and writes inputs and outputs to signal.safetensors."""

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
        file[f"{name}/out{i}"] = np.array(y, order="C")


def normal(*shape):
    return rng.normal(size=shape).astype("float32")


pair = [normal(2, 3, 5), normal(2, 3, 5)]
case("fft", lambda a, b: ops.fft((a, b)), *pair)
case("fft2", lambda a, b: ops.fft2((a, b)), *pair)
case("ifft2", lambda a, b: ops.ifft2((a, b)), *pair)
case("fft 97", lambda a, b: ops.fft((a, b)), normal(2, 97), normal(2, 97))
signal = normal(3, 50)
case("rfft", ops.rfft, signal)
case("rfft 51", lambda x: ops.rfft(x, 51), signal)
case("rfft 32", lambda x: ops.rfft(x, 32), signal)
case("irfft", lambda a, b: ops.irfft((a, b)), *pair)
case("irfft 7", lambda a, b: ops.irfft((a, b), 7), *pair)
case("irfft 12", lambda a, b: ops.irfft((a, b), 12), *pair)
case("extract_sequences", lambda x: ops.extract_sequences(x, 7, 3), signal)
case("stft", lambda x: ops.stft(x, 8, 4, 8), signal)
case("stft hamming", lambda x: ops.stft(x, 6, 5, 11, window="hamming", center=False), signal)
case("stft none", lambda x: ops.stft(x, 6, 2, 8, window=None), signal)
weights = np.linspace(0.5, 1.5, 6).astype("float32")
case("stft weights", lambda x: ops.stft(x, 6, 2, 9, window=weights), signal)
bins = [normal(3, 9, 5), normal(3, 9, 5)]
case("istft", lambda a, b: ops.istft((a, b), 8, 4, 8), *bins)
case("istft length", lambda a, b: ops.istft((a, b), 6, 3, 8, length=17), *bins)
case("istft hamming", lambda a, b: ops.istft((a, b), 8, 3, 8, window="hamming", center=False), *bins)

save_file(file, os.path.join(os.path.dirname(__file__), "signal.safetensors"))
