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
from keras.layers import (  # noqa: E402
    LSTM,
    Add,
    BatchNormalization,
    Bidirectional,
    Conv2D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    LayerNormalization,
    MaxPooling2D,
    MultiHeadAttention,
    ReLU,
)

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
    model.compile("rmsprop", "sparse_categorical_crossentropy", metrics=["accuracy"])
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
    model.compile("adam", "binary_crossentropy", metrics=["accuracy", keras.metrics.AUC()])
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
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    n = 128 * steps
    x = rng.random((n, 28, 28, 1), "float32")
    return model, 128, x, rng.integers(0, 10, n).astype("int32")


def words(limit, *shape):
    return rng.integers(0, limit, shape).astype("int32")


def lstm(steps):
    model = keras.Sequential(
        [
            keras.Input((200,), dtype="int32"),
            Embedding(20000, 128),
            Bidirectional(LSTM(64, return_sequences=True)),
            Bidirectional(LSTM(64)),
            Dense(1, activation="sigmoid"),
        ]
    )
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    n = 32 * steps
    return model, 32, words(20000, n, 200), words(2, n, 1).astype("float32")


def placed(tokens, vocabulary, width, length):
    """Embeddings of words plus those of their places."""
    return Embedding(vocabulary, width)(tokens) + Embedding(length, width)(keras.ops.arange(length))


def transformer(steps):
    tokens = keras.Input((200,), dtype="int32")
    x = placed(tokens, 20000, 32, 200)
    attended = Dropout(0.1)(MultiHeadAttention(2, 32)(x, x))
    x = LayerNormalization(epsilon=1e-6)(x + attended)
    fed = Dropout(0.1)(Dense(32)(Dense(32, activation="relu")(x)))
    x = LayerNormalization(epsilon=1e-6)(x + fed)
    x = Dropout(0.1)(GlobalAveragePooling1D()(x))
    x = Dropout(0.1)(Dense(20, activation="relu")(x))
    model = keras.Model(tokens, Dense(2, activation="softmax")(x))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    n = 32 * steps
    return model, 32, words(20000, n, 200), words(2, n)


def convolved(x, filters, size, stride=1):
    x = Conv2D(filters, size, strides=stride, padding="same", use_bias=False)(x)
    return BatchNormalization()(x)


def resnet(steps):
    image = keras.Input((32, 32, 3))
    x = ReLU()(convolved(image, 16, 3))
    for stage, filters in enumerate((16, 32, 64)):
        for block in range(3):
            stride = 2 if stage and not block else 1
            y = convolved(ReLU()(convolved(x, filters, 3, stride)), filters, 3)
            if stride == 2:
                x = convolved(x, filters, 1, stride)
            x = ReLU()(Add()([x, y]))
    model = keras.Model(image, Dense(10, activation="softmax")(GlobalAveragePooling2D()(x)))
    optimizer = keras.optimizers.SGD(0.1, momentum=0.9)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    n = 128 * steps
    return model, 128, rng.random((n, 32, 32, 3), "float32"), words(10, n)


def gpt(steps):
    vocabulary, length, width, heads = 8000, 128, 256, 4
    tokens = keras.Input((length,), dtype="int32")
    x = placed(tokens, vocabulary, width, length)
    for _ in range(4):
        h = LayerNormalization(epsilon=1e-5)(x)
        x = x + MultiHeadAttention(heads, width // heads)(h, h, use_causal_mask=True)
        h = LayerNormalization(epsilon=1e-5)(x)
        x = x + Dense(width)(Dense(4 * width, activation="gelu")(h))
    model = keras.Model(tokens, Dense(vocabulary)(LayerNormalization(epsilon=1e-5)(x)))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.AdamW(3e-4), loss)
    text = words(vocabulary, 16 * steps, length + 1)
    return model, 16, text[:, :-1], text[:, 1:]


WORKLOADS = {
    "mlp": (mlp, 100),
    "small": (small, 300),
    "cnn": (cnn, 20),
    "lstm": (lstm, 6),
    "transformer": (transformer, 30),
    "resnet": (resnet, 4),
    "gpt": (gpt, 4),
}


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
