# What a change must pass.
ci:
    .ci/run

# All tests and doc examples.
test:
    cargo test --workspace

lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings

# Compare with what Keras computed: `just conformance --family losses`.
conformance *args:
    cargo run --release -q -p keras-tests --bin conformance -- tests/golden {{ args }}

# Write the list of cases that must pass anew, from those that do.
must-pass:
    cargo run --release -q -p keras-tests --bin conformance -- tests/golden --list-passed > tests/golden/must_pass.txt

# Kill trainings 2,000 times, at any moment, with short writes, writes that fail and full disks.
torture kills="2000":
    keras-callbacks/tests/kill/torture.sh {{ kills }}

# The time of a training step: `just bench mlp`.
bench workload="mlp":
    cargo run --release -q -p keras-benchmarks --bin train_bench -- {{ workload }}

example name="digits_mlp" *args="":
    cargo run --release --example {{ name }} -- {{ args }}
