"""Runs Keras 3.15.1's recurrent layers (JAX) on a table of cases and writes rnn.safetensors."""

import os

os.environ["KERAS_BACKEND"] = "jax"
import keras
import numpy as np
from safetensors.numpy import save_file

BATCH, TIME, FEATURES = 5, 6, 7
MASK = np.array([[1, 1, 0, 1, 1, 0], [0, 0, 1, 1, 0, 1], [1] * 6, [0] * 6, [1, 1, 1, 0, 0, 0]], bool)
rng = np.random.default_rng(0)
x = rng.normal(size=(BATCH, TIME, FEATURES)).astype("float32")

LAYERS = {
    "lstm": (keras.layers.LSTM, 2),
    "gru": (keras.layers.GRU, 1),
    "simple_rnn": (keras.layers.SimpleRNN, 1),
}
OPTIONS = {
    "plain": {},
    "wide": dict(units=37),
    "initial": dict(initial=True),
    "masked": dict(initial=True, masked=True),
    "masked_zero": dict(masked=True, zero_output_for_mask=True),
    "backwards": dict(initial=True, masked=True, go_backwards=True),
    "no_bias": dict(use_bias=False),
}
out = {"x": x, "mask": MASK.astype("uint8")}


def case(name, layer, states, units=3, initial=False, masked=False, **options):
    layer = layer(units, return_sequences=True, return_state=True, **options)
    layer.build(x.shape)
    weights = [rng.normal(scale=0.5, size=w.shape).astype("float32") for w in layer.get_weights()]
    layer.set_weights(weights)
    first = [rng.normal(size=(BATCH, units)).astype("float32") for _ in range(states)] if initial else None
    got = layer(x, initial_state=first, mask=MASK if masked else None)
    for key, value in zip(["kernel", "recurrent", "bias"], weights):
        out[f"{name}.{key}"] = value
    for i, value in enumerate(first or []):
        out[f"{name}.first{i}"] = value
    for i, value in enumerate(got):
        out[f"{name}.out{i}"] = np.asarray(value)


for kind, (layer, states) in LAYERS.items():
    for name, options in OPTIONS.items():
        case(f"{kind}.{name}", layer, states, **options)
    own = {} if kind == "simple_rnn" else dict(recurrent_activation="hard_sigmoid")
    case(f"{kind}.other", layer, states, activation="relu", **own)
for name in ("plain", "wide", "masked", "backwards", "no_bias"):
    case(f"gru.before_{name}", keras.layers.GRU, 1, reset_after=False, **OPTIONS[name])

save_file({k: np.ascontiguousarray(v) for k, v in out.items()}, os.path.join(os.path.dirname(__file__), "rnn.safetensors"))
