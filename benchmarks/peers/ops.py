"""Times of PyTorch's and JAX's operations, the same rows as src/ops.

usage: python ops.py torch|jax THREADS [FILTER]
prints: name, direction (forward, or both: forward and backward), milliseconds, separated by tabs
"""
import os
import sys
import time

BACKEND, THREADS = sys.argv[1], int(sys.argv[2])
FILTER = sys.argv[3] if len(sys.argv) > 3 else ""
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = str(THREADS)
if THREADS == 1:
    # JAX's own pool is as large as the set of processors that the process may use.
    os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[0]})

import numpy as np

ROWS = []


def row(name, shapes, torch=None, jax=None, forward_only=False):
    ROWS.append((name, shapes, {"torch": torch, "jax": jax}[BACKEND], forward_only))


def measure(f):
    f()
    times, start = [], time.perf_counter()
    while len(times) < 5 or time.perf_counter() - start < 0.16:
        run = time.perf_counter()
        f()
        times.append((time.perf_counter() - run) * 1e3)
    return sorted(times)[len(times) // 2]


def inputs(shapes):
    rng = np.random.default_rng(0)
    return [rng.random(shape, dtype="float32") + np.float32(0.05) for shape in shapes]


def time_torch(f, arrays, backward):
    import torch

    torch.set_num_threads(THREADS)
    given = [torch.tensor(a, requires_grad=backward) for a in arrays]
    if not backward:
        with torch.no_grad():
            return measure(lambda: f(*given))

    def both():
        for g in given:
            g.grad = None
        y = f(*given)
        y.backward(torch.ones_like(y))

    return measure(both)


def time_jax(f, arrays, backward):
    import jax
    import jax.numpy as jnp

    given = [jnp.asarray(a) for a in arrays]
    if not backward:
        forward = jax.jit(f)
        return measure(lambda: jax.block_until_ready(forward(*given)))

    # The gradient from above is an argument, as in a training: ones made inside would be folded away when it compiles,
    # and much of the backward pass with them.
    @jax.jit
    def both(above, *xs):
        y, pull = jax.vjp(f, *xs)
        return y, pull(above)

    above = jnp.ones(jax.eval_shape(f, *given).shape, jnp.float32)
    return measure(lambda: jax.block_until_ready(both(above, *given)))


if BACKEND == "torch":
    import torch
    import torch.nn.functional as F

    jax = jnp = None
else:
    import jax
    import jax.numpy as jnp

    torch = F = None

M, TWO, CUBE = [(1000, 1000)], [(1000, 1000), (1000, 1000)], [(64, 128, 128)]

row("matmul 1024x1024x1024", [(1024, 1024), (1024, 1024)], lambda a, b: a @ b, lambda a, b: a @ b)
row("matmul 256x256x256", [(256, 256), (256, 256)], lambda a, b: a @ b, lambda a, b: a @ b)
row("matmul batch 64 of 128x64x128", [(64, 128, 64), (64, 64, 128)], lambda a, b: a @ b, lambda a, b: a @ b)
for name, batch, n, m in [("dense relu 32x64x64", 32, 64, 64), ("dense relu 128x784x512", 128, 784, 512)]:
    row(name, [(batch, n), (n, m), (m,)], lambda x, w, b: F.relu(torch.addmm(b, x, w)), lambda x, w, b: jax.nn.relu(x @ w + b))
row("dense 2048x256x1024", [(16, 128, 256), (256, 1024), (1024,)], lambda x, w, b: x @ w + b, lambda x, w, b: x @ w + b)

row("exp 1M", M, lambda x: torch.exp(x), lambda x: jnp.exp(x))
row("log 1M", M, lambda x: torch.log(x), lambda x: jnp.log(x))
row("tanh 1M", M, lambda x: torch.tanh(x), lambda x: jnp.tanh(x))
row("sigmoid 1M", M, lambda x: torch.sigmoid(x), lambda x: jax.nn.sigmoid(x))
row("erf 1M", M, lambda x: torch.erf(x), lambda x: jax.lax.erf(x))
row("gelu 1M", M, lambda x: F.gelu(x), lambda x: jax.nn.gelu(x, approximate=False))
row("gelu tanh 1M", M, lambda x: F.gelu(x, approximate="tanh"), lambda x: jax.nn.gelu(x))
row("silu 1M", M, lambda x: F.silu(x), lambda x: jax.nn.silu(x))
row("softplus 1M", M, lambda x: F.softplus(x), lambda x: jax.nn.softplus(x))
row("relu 1M", M, lambda x: F.relu(x), lambda x: jax.nn.relu(x))
row("sin 1M", M, lambda x: torch.sin(x), lambda x: jnp.sin(x))
row("sqrt 1M", M, lambda x: torch.sqrt(x), lambda x: jnp.sqrt(x))
row("add 1M", TWO, lambda a, b: a + b, lambda a, b: a + b)
row("multiply 1M", TWO, lambda a, b: a * b, lambda a, b: a * b)
row("add row 1M", [(1000, 1000), (1000,)], lambda a, b: a + b, lambda a, b: a + b)
row("multiply column 1M", [(1000, 1000), (1000, 1)], lambda a, b: a * b, lambda a, b: a * b)
row("greater 1M", TWO, lambda a, b: a > b, lambda a, b: a > b, forward_only=True)

row("sum all 64x128x128", CUBE, lambda x: x.sum(), lambda x: x.sum())
row("sum last 64x128x128", CUBE, lambda x: x.sum(-1), lambda x: x.sum(-1))
row("sum first 64x128x128", CUBE, lambda x: x.sum(0), lambda x: x.sum(0))
row("sum middle 64x128x128", CUBE, lambda x: x.sum(1), lambda x: x.sum(1))
row("max last 64x128x128", CUBE, lambda x: x.max(-1).values, lambda x: x.max(-1))
row("variance last 64x128x128", CUBE, lambda x: x.var(-1, correction=0), lambda x: x.var(-1))
row("argmax last 64x128x128", CUBE, lambda x: x.argmax(-1), lambda x: x.argmax(-1), forward_only=True)
row("softmax 4096x1000", [(4096, 1000)], lambda x: x.softmax(-1), lambda x: jax.nn.softmax(x))
row("log_softmax 4096x1000", [(4096, 1000)], lambda x: x.log_softmax(-1), lambda x: jax.nn.log_softmax(x))
row("logsumexp 4096x1000", [(4096, 1000)], lambda x: x.logsumexp(-1), lambda x: jax.nn.logsumexp(x, axis=-1))

# Convolution, channels last: PyTorch gets the same numbers in its channels_last memory format.
def last(x):
    return x.movedim(-1, 1)


def conv_row(name, x, k, stride=1, padding="valid", groups=1):
    n = len(k) - 2
    spatial = "DHW"[3 - n:]

    def of_torch(x, k):
        x, k = last(x), k.movedim((-1, -2), (0, 1))
        if padding == "same":
            pads = []
            for size, window in zip(reversed(x.shape[2:]), reversed(k.shape[2:])):
                total = max((-(-size // stride) - 1) * stride + window - size, 0)
                pads += [total // 2, total - total // 2]
            x = F.pad(x, pads) if len(set(pads)) > 1 or stride > 1 else x
            pad = 0 if len(set(pads)) > 1 or stride > 1 else pads[0]
        else:
            pad = 0
        return getattr(F, f"conv{n}d")(x, k, stride=stride, padding=pad, groups=groups).movedim(1, -1)

    def of_jax(x, k):
        numbers = (f"N{spatial}C", f"{spatial}IO", f"N{spatial}C")
        return jax.lax.conv_general_dilated(x, k, (stride,) * n, padding.upper(), dimension_numbers=numbers,
                                            feature_group_count=groups)

    row(name, [x, k], of_torch, of_jax)


conv_row("conv2d 3x3 64x26x26x32 to 64", (64, 26, 26, 32), (3, 3, 32, 64))
conv_row("conv2d 3x3 128x28x28x1 to 32", (128, 28, 28, 1), (3, 3, 1, 32))
conv_row("conv2d 3x3 128x32x32x16 to 16 same", (128, 32, 32, 16), (3, 3, 16, 16), padding="same")
conv_row("conv2d 3x3 128x8x8x64 to 64 same", (128, 8, 8, 64), (3, 3, 64, 64), padding="same")
conv_row("conv2d 3x3 128x32x32x16 to 32 same stride 2", (128, 32, 32, 16), (3, 3, 16, 32), 2, "same")
conv_row("conv2d 7x7 8x224x224x3 to 64 same stride 2", (8, 224, 224, 3), (7, 7, 3, 64), 2, "same")
conv_row("conv2d 1x1 32x28x28x64 to 256", (32, 28, 28, 64), (1, 1, 64, 256))
conv_row("conv1d 3 32x512x64 to 64", (32, 512, 64), (3, 64, 64))
conv_row("conv3d 3x3x3 4x16x32x32x8 to 16", (4, 16, 32, 32, 8), (3, 3, 3, 8, 16))
conv_row("depthwise 3x3 32x32x32x64 same", (32, 32, 32, 64), (3, 3, 1, 64), padding="same", groups=64)
row("conv_transpose2d 4x4 16x16x16x64 to 32 stride 2 same", [(16, 16, 16, 64), (4, 4, 32, 64)],
    lambda x, k: F.conv_transpose2d(last(x), k.permute(3, 2, 0, 1), stride=2, padding=1).movedim(1, -1),
    lambda x, k: jax.lax.conv_transpose(x, k, (2, 2), "SAME", dimension_numbers=("NHWC", "HWOI", "NHWC"),
                                        transpose_kernel=False))


def jax_pool(window, stride, how):
    def pool(x):
        shape, strides = (1, window, window, 1), (1, stride, stride, 1)
        if how == "max":
            return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, shape, strides, "VALID")
        return jax.lax.reduce_window(x, 0.0, jax.lax.add, shape, strides, "VALID") / window**2

    return pool


IMAGES = [(128, 26, 26, 32)]
row("max_pool2d 2x2 128x26x26x32", IMAGES, lambda x: F.max_pool2d(last(x), 2).movedim(1, -1), jax_pool(2, 2, "max"))
row("max_pool2d 3x3 stride 2 128x26x26x32", IMAGES, lambda x: F.max_pool2d(last(x), 3, 2).movedim(1, -1),
    jax_pool(3, 2, "max"))
row("average_pool2d 2x2 128x26x26x32", IMAGES, lambda x: F.avg_pool2d(last(x), 2).movedim(1, -1),
    jax_pool(2, 2, "average"))
row("global average pool 128x26x26x32", IMAGES, lambda x: x.mean((1, 2)), lambda x: x.mean((1, 2)))


def jax_norm(x, scale, offset, axes, epsilon=1e-3):
    mean = x.mean(axes, keepdims=True)
    variance = jnp.square(x).mean(axes, keepdims=True) - jnp.square(mean)
    return (x - mean) * jax.lax.rsqrt(variance + epsilon) * scale + offset


for name, n, c in [("layer_normalization 2048x256", 2048, 256), ("layer_normalization 8192x1024", 8192, 1024)]:
    row(name, [(n, c), (c,), (c,)], lambda x, s, o, c=c: F.layer_norm(x, (c,), s, o, 1e-3),
        lambda x, s, o: jax_norm(x, s, o, -1))
row("rms_normalization 8192x1024", [(8192, 1024), (1024,)], lambda x, s: F.rms_norm(x, (1024,), s, 1e-3),
    lambda x, s: x * jax.lax.rsqrt(jnp.square(x).mean(-1, keepdims=True) + 1e-3) * s)
for name, shape in [("batch norm training 128x32x32x16", (128, 32, 32, 16)), ("batch norm training 32x16x16x64", (32, 16, 16, 64))]:
    row(name, [shape, (shape[-1],), (shape[-1],)],
        lambda x, s, o: F.batch_norm(last(x), None, None, s, o, True, 0.0, 1e-3).movedim(1, -1),
        lambda x, s, o: jax_norm(x, s, o, (0, 1, 2)))


def jax_groups(x, s, o):
    n, h, w, c = x.shape
    return jax_norm(x.reshape(n, h, w, 32, c // 32), 1.0, 0.0, (1, 2, 4)).reshape(x.shape) * s + o


row("group normalization 16x32x32x64 in 32", [(16, 32, 32, 64), (64,), (64,)],
    lambda x, s, o: F.group_norm(last(x), 32, s, o, 1e-3).movedim(1, -1), jax_groups)

for name, shape, causal in [
    ("attention 16x128x4x64 causal", (16, 128, 4, 64), True),
    ("attention 32x200x2x32", (32, 200, 2, 32), False),
    ("attention 1x2048x8x64 causal", (1, 2048, 8, 64), True),
]:
    row(name, [shape] * 3,
        lambda q, k, v, c=causal: F.scaled_dot_product_attention(
            q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), is_causal=c).transpose(1, 2),
        lambda q, k, v, c=causal: jax.nn.dot_product_attention(q, k, v, is_causal=c))


# Recurrent layers in PyTorch's layout of the same weights; its gate order makes no difference in time.
def torch_rnn(kind):
    def rnn(x, w, u, b):
        layer = getattr(torch, {"lstm": "lstm", "gru": "gru", "simple_rnn": "rnn_tanh"}[kind])
        state = x.new_zeros(1, x.shape[0], u.shape[0])
        states = (state, state) if kind == "lstm" else state
        bias = b if kind != "gru" else b[0]
        weights = [w.T, u.T, bias, torch.zeros_like(bias) if kind != "gru" else b[1]]
        return layer(x, states, weights, True, 1, 0.0, True, False, True)[0]

    return rnn


def jax_rnn(kind):
    def rnn(x, w, u, b):
        units = u.shape[0]
        hoisted = jnp.swapaxes(x @ w + (b if kind != "gru" else b[0]), 0, 1)
        zero = jnp.zeros((x.shape[0], units))

        def lstm(state, z):
            h, c = state
            i, f, g, o = jnp.split(z + h @ u, 4, -1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            h = jax.nn.sigmoid(o) * jnp.tanh(c)
            return (h, c), h

        def gru(h, x):
            inner = h @ u + b[1]
            xz, xr, xh = jnp.split(x, 3, -1)
            hz, hr, hh = jnp.split(inner, 3, -1)
            z, r = jax.nn.sigmoid(xz + hz), jax.nn.sigmoid(xr + hr)
            h = z * h + (1 - z) * jnp.tanh(xh + r * hh)
            return h, h

        def simple(h, x):
            h = jnp.tanh(x + h @ u)
            return h, h

        step = {"lstm": lstm, "gru": gru, "simple_rnn": simple}[kind]
        _, out = jax.lax.scan(step, (zero, zero) if kind == "lstm" else zero, hoisted)
        return jnp.swapaxes(out, 0, 1)

    return rnn


for kind, gates in [("lstm", 4), ("gru", 3), ("simple_rnn", 1)]:
    for batch, steps, features, units in [(32, 200, 128, 64), (32, 100, 64, 128), (8, 50, 32, 32)]:
        bias = (2, gates * units) if kind == "gru" else (gates * units,)
        row(f"{kind} {batch}x{steps}x{features} to {units}",
            [(batch, steps, features), (features, gates * units), (units, gates * units), bias],
            torch_rnn(kind), jax_rnn(kind))

IDS = np.random.default_rng(1).integers(0, 20000, (32, 200)).astype("int32")
row("embedding 20000x128 of 32x200", [(20000, 128)], lambda t: F.embedding(torch.from_numpy(IDS), t),
    lambda t: jnp.take(t, IDS, axis=0))
row("top_k 10 1024x1000", [(1024, 1000)], lambda x: x.topk(10).values, lambda x: jax.lax.top_k(x, 10)[0],
    forward_only=True)
row("sort 1M", [(1 << 20,)], lambda x: x.sort().values, lambda x: jnp.sort(x), forward_only=True)
row("cumsum last 1M", M, lambda x: x.cumsum(-1), lambda x: jnp.cumsum(x, -1))
row("cumsum first 1M", M, lambda x: x.cumsum(0), lambda x: jnp.cumsum(x, 0))
row("transpose copy 1M", M, lambda x: x.T.contiguous(), lambda x: x.T + 0, forward_only=True)
row("normal 1M", [(1,)], lambda x: torch.randn(1 << 20), lambda x: jax.random.normal(jax.random.key(0), (1 << 20,)),
    forward_only=True)
row("uniform 1M", [(1,)], lambda x: torch.rand(1 << 20), lambda x: jax.random.uniform(jax.random.key(0), (1 << 20,)),
    forward_only=True)
row("rfft 1024x1024", [(1024, 1024)], lambda x: torch.fft.rfft(x).real, lambda x: jnp.fft.rfft(x).real,
    forward_only=True)
row("resize bilinear 8x224x224x3 to 448", [(8, 224, 224, 3)],
    lambda x: F.interpolate(last(x), (448, 448), mode="bilinear").movedim(1, -1),
    lambda x: jax.image.resize(x, (8, 448, 448, 3), "bilinear"))

# Linear algebra. Cholesky's matrices are symmetric as far as either library looks, their diagonal outweighs the rest.
def definite(x, xp):
    return x + x.shape[-1] * xp.eye(x.shape[-1])


SQUARE, SMALL = [(256, 256)], [(32, 32, 32)]
row("qr 256x256", SQUARE, lambda x: torch.linalg.qr(x)[1], lambda x: jnp.linalg.qr(x)[1])
row("svd 256x256", SQUARE, lambda x: torch.linalg.svd(x, full_matrices=False)[1],
    lambda x: jnp.linalg.svd(x, full_matrices=False)[1])
for name, shape in [("eigh 256x256", SQUARE), ("eigh 32 of 32x32", SMALL)]:
    row(name, shape, lambda x: torch.linalg.eigh((x + x.mT) / 2)[0], lambda x: jnp.linalg.eigh(x)[0])
row("solve 256x256", SQUARE * 2, lambda a, b: torch.linalg.solve(a, b), lambda a, b: jnp.linalg.solve(a, b))
row("cholesky 256x256", SQUARE, lambda x: torch.linalg.cholesky(definite(x, torch)),
    lambda x: jnp.linalg.cholesky(definite(x, jnp)))
for name, shape in [("inv 256x256", SQUARE), ("inv 32 of 32x32", SMALL)]:
    row(name, shape, lambda x: torch.linalg.inv(x), lambda x: jnp.linalg.inv(x))

# Losses from logits.
CLASSES = np.random.default_rng(2).integers(0, 8000, 2048)
row("sparse_categorical_crossentropy logits 2048x8000", [(2048, 8000)],
    lambda x: F.cross_entropy(x, torch.from_numpy(CLASSES), reduction="none"),
    lambda x: -jnp.take_along_axis(jax.nn.log_softmax(x), CLASSES[:, None], 1)[:, 0])

# Optimizer steps: the foreach and fused forms of PyTorch, optax's formula in JAX.
MILLION = (1 << 20,)
if BACKEND == "torch":

    def adam(w, g, m, v):
        step = torch.tensor(10.0)
        torch._fused_adam_([w], [g], [m], [v], [], [step], lr=1e-3, beta1=0.9, beta2=0.999, weight_decay=0.0,
                           eps=1e-7, amsgrad=False, maximize=False)
        return w

    def sgd(w, g):
        return w.add_(g, alpha=-1e-3)
else:

    def adam(w, g, m, v):
        m = m + (g - m) * 0.1
        v = v + (g * g - v) * 0.001
        return w - 1e-3 * m / (jnp.sqrt(v) + 1e-7), m, v

    def sgd(w, g):
        return w - 1e-3 * g


row("adam step 1M", [MILLION] * 4, adam, adam, forward_only=True)
row("sgd step 1M", [MILLION] * 2, sgd, sgd, forward_only=True)


def run():
    for name, shapes, f, forward_only in ROWS:
        if f is None or FILTER not in name:
            continue
        arrays = inputs(shapes)
        for direction in ("forward", "both")[: 1 if forward_only else 2]:
            timer = time_torch if BACKEND == "torch" else time_jax
            try:
                ms = timer(f, arrays, direction == "both")
                print(f"{name}\t{direction}\t{ms}", flush=True)
            except Exception as error:
                print(f"{BACKEND} {name} {direction}: {error}", file=sys.stderr)


run()
