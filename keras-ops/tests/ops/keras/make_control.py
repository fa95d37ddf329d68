"""Runs Keras 3.15.1 (JAX) on the cases of `control.rs` and writes inputs and outputs to control.safetensors."""

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
        x = np.array(x, order="C")
        file[f"{name}/in{i}"] = x.astype("int64") if x.dtype.kind == "i" else x
    for i, y in enumerate(outputs):
        y = np.array(y, order="C")
        file[f"{name}/out{i}"] = y.astype("int64") if y.dtype.kind == "i" else y


def normal(*shape):
    return rng.normal(size=shape).astype("float32")


x = normal(7, 3)
case("associative_scan", lambda x: ops.associative_scan(lambda a, b: a * b, x), x)
case("associative_scan reverse", lambda x: ops.associative_scan(lambda a, b: a + b, x, reverse=True, axis=1), x)
case("scan", lambda x: ops.scan(lambda c, x: (c + x, c * x), np.ones(3, "float32"), x, reverse=True), x)
images = normal(2, 3, 6, 7)
case("unfold", lambda x: ops.unfold(x, (2, 3)), images)
case("unfold padded", lambda x: ops.unfold(x, (2, 3), (2, 1), (1, 2), (2, 1)), images)
case("fold", lambda x: ops.fold(x, (6, 7), (2, 3)), normal(2, 18, 25))
case("fold padded", lambda x: ops.fold(x, (6, 7), (2, 3), (2, 1), (1, 2), (2, 1)), normal(2, 18, 27))
logits = normal(3, 8, 5)
target = rng.integers(1, 5, size=(3, 4))
target[0, 1] = target[0, 0]
lengths, frames = np.array([4, 2, 0]), np.array([8, 5, 6])
case("ctc_loss", lambda t, x, n, m: ops.ctc_loss(t, x, n, m), target, logits, lengths, frames)
case("ctc_loss blank", lambda t, x, n, m: ops.ctc_loss(t, x, n, m, 4), target % 4, logits, lengths, frames)
case("ctc_decode greedy", lambda x, m: ops.ctc_decode(x, m), logits, frames)
case("ctc_decode unmerged", lambda x, m: ops.ctc_decode(x, m, merge_repeated=False, mask_index=4), logits, frames)
case("ctc_decode beam", lambda x, m: ops.ctc_decode(x, m, "beam_search", 20, 4), logits, frames)
case("ctc_decode narrow", lambda x, m: ops.ctc_decode(x, m, "beam_search", 3, 2, mask_index=4), logits * 3, frames)
case("psnr", lambda a, b: ops.psnr(a, b, 2.0), normal(3, 4), normal(3, 4))
case("cdist", ops.cdist, normal(2, 4, 3), normal(2, 5, 3))

save_file(file, os.path.join(os.path.dirname(__file__), "control.safetensors"))
