"""The workloads of `train_bench`, in Keras.

    KERAS_BACKEND=jax python peer_keras.py WORKLOAD [STEPS]

Needs `keras` and the backend. Prints one line of the same form as `train_bench`.
"""

import os
import resource
import sys
import time

START = time.perf_counter()
os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras  # noqa: E402
import numpy as np  # noqa: E402
from keras.layers import Conv2D, Dense, Dropout, Flatten, MaxPooling2D  # noqa: E402

rng = np.random.default_rng(0)


def mlp(steps):
    model = keras.Sequential(
        [
            keras.Input((784,)),
            Dense(512, activation="relu"),
            Dropout(0.2),
            Dense(512, activation="relu"),
            Dropout(0.2),
            Dense(10, activation="softmax"),
        ]
    )
    model.compile("rmsprop", "sparse_categorical_crossentropy", ["accuracy"])
    n = 128 * steps
    return model, 128, rng.random((n, 784), "float32"), rng.integers(0, 10, n).astype("int32")


def small(steps):
    model = keras.Sequential(
        [
            keras.Input((30,)),
            Dense(64, activation="relu"),
            Dense(64, activation="relu"),
            Dense(1, activation="sigmoid"),
        ]
    )
    model.compile("adam", "binary_crossentropy", ["accuracy", keras.metrics.AUC()])
    n = 32 * steps
    return model, 32, rng.random((n, 30), "float32"), rng.integers(0, 2, (n, 1)).astype("float32")


def cnn(steps):
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            Conv2D(32, 3, activation="relu"),
            MaxPooling2D(2),
            Conv2D(64, 3, activation="relu"),
            MaxPooling2D(2),
            Flatten(),
            Dropout(0.5),
            Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])
    n = 128 * steps
    x = rng.random((n, 28, 28, 1), "float32")
    return model, 128, x, rng.integers(0, 10, n).astype("int32")


WORKLOADS = {"mlp": (mlp, 100), "small": (small, 300), "cnn": (cnn, 20)}


class Clock(keras.callbacks.Callback):
    first_step = None

    def __init__(self):
        super().__init__()
        self.epochs = []

    def on_train_batch_end(self, batch, logs=None):
        if self.first_step is None:
            self.first_step = time.perf_counter() - START

    def on_epoch_begin(self, epoch, logs=None):
        self.begun = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.epochs.append(time.perf_counter() - self.begun)


def main():
    name = sys.argv[1]
    make, steps = WORKLOADS[name]
    steps = int(sys.argv[2]) if len(sys.argv) > 2 else steps
    model, batch, x, y = make(steps)
    clock = Clock()
    history = model.fit(x, y, batch_size=batch, epochs=5, verbose=0, callbacks=[clock])
    model.predict(x, batch_size=batch, verbose=0)
    begun = time.perf_counter()
    model.predict(x, batch_size=batch, verbose=0)
    predict = (time.perf_counter() - begun) / steps * 1e3
    epochs = sorted(seconds / steps * 1e3 for seconds in clock.epochs[1:])
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{name:12s} {keras.backend.backend():11s} train_ms/step {epochs[len(epochs) // 2]:9.3f}"
        f"  min {epochs[0]:9.3f}  predict_ms/step {predict:8.3f}  rss_mb {memory:7.0f}"
        f"  first_step_s {clock.first_step:6.2f}  loss {history.history['loss'][-1]:.4f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
