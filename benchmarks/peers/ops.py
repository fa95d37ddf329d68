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

    @jax.jit
    def both(*xs):
        y, pull = jax.vjp(f, *xs)
        return y, pull(jnp.ones_like(y))

    return measure(lambda: jax.block_until_ready(both(*given)))


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
