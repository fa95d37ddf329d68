"""Runs `train_bench` and the same models in Keras in turn and prints a table of medians.

    python benchmarks/compare.py [--rounds 3] [--backends jax,tensorflow] [WORKLOAD …]

Only ratios measured in one go on one machine count. `--python` names the interpreter that has Keras.
"""

import argparse
import os
import pathlib
import re
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent


def figures(command, **env):
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **env})
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    line = done.stdout.strip().splitlines()[-1]
    print(line, flush=True)
    return {key: float(value) for key, value in re.findall(r"([a-z_/]+) +([0-9.]+|nan)", line)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("workloads", nargs="*", default=["mlp", "small", "cnn", "lstm", "transformer", "resnet", "gpt"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--backends", default="jax")
    parser.add_argument("--python", default=sys.executable)
    options = parser.parse_args()
    build = ["cargo", "build", "--release", "-q", "-p", "keras-benchmarks", "--bin", "train_bench"]
    subprocess.run(build, cwd=HERE.parent, check=True)
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", HERE.parent / "target"))
    ours = str(target / "release" / "train_bench")
    rows, speedups = [], []
    for workload in options.workloads:
        runs = {}
        for _ in range(options.rounds):
            runs.setdefault("keras-rs", []).append(figures([ours, workload]))
            for backend in options.backends.split(","):
                command = [options.python, str(HERE / "peer_keras.py"), workload]
                runs.setdefault(backend, []).append(figures(command, KERAS_BACKEND=backend))
        row, speedup = compared(workload, runs)
        rows.append(row)
        speedups.append(speedup)
    print("\n| workload | ours | Keras | backend | times faster | predict: ours, fastest Keras | RSS in MB | first step in s |")
    print("|---|---|---|---|---|---|---|---|")
    print("\n".join(rows))
    print(f"\ngeometric mean of the speed-ups: {statistics.geometric_mean(speedups):.2f}")


def compared(workload, runs):
    """A row of the table beside the backend that trains fastest, and how many times faster we are."""

    def median(name, key):
        return statistics.median(run[key] for run in runs[name])

    def both(key, digits):
        return f"{median('keras-rs', key):.{digits}f}, {median(fastest, key):.{digits}f}"

    peers = [name for name in runs if name != "keras-rs"]
    fastest = min(peers, key=lambda name: median(name, "train_ms/step"))
    train, theirs = median("keras-rs", "train_ms/step"), median(fastest, "train_ms/step")
    predict = min(median(name, "predict_ms/step") for name in peers)
    cells = [
        f"`{workload}`",
        f"{train:.3f}",
        f"{theirs:.3f}",
        fastest,
        f"{theirs / train:.2f}",
        f"{median('keras-rs', 'predict_ms/step'):.3f}, {predict:.3f}",
        both("rss_mb", 0),
        both("first_step_s", 2),
    ]
    return f"| {' | '.join(cells)} |", theirs / train


if __name__ == "__main__":
    main()
