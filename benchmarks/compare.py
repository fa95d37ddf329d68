"""Runs `train_bench` and the same models in Keras in turn and prints the ratios of medians.

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
    for workload in options.workloads:
        runs = {}
        for _ in range(options.rounds):
            runs.setdefault("keras-rs", []).append(figures([ours, workload]))
            for backend in options.backends.split(","):
                command = [options.python, str(HERE / "peer_keras.py"), workload]
                runs.setdefault(backend, []).append(figures(command, KERAS_BACKEND=backend))
        median = {
            name: statistics.median(run["train_ms/step"] for run in all_runs)
            for name, all_runs in runs.items()
        }
        for name, value in median.items():
            if name != "keras-rs":
                ratio = median["keras-rs"] / value
                print(f"{workload}: keras-rs {median['keras-rs']:.3f} ms, {name} {value:.3f} ms, ratio {ratio:.3f}")


if __name__ == "__main__":
    main()
