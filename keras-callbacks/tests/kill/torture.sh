#!/usr/bin/env bash
# The kill test with writes that are short, writes that fail, and a file system of 1 MB that is full at times:
# `torture.sh [KILLS]`.
set -euo pipefail
cd "$(dirname "$0")/../../.."
export KERAS_KILLS=${1:-2000} KERAS_KILL_FAULTS=1
run=(cargo test --release --workspace --test kill)
"${run[@]}" --no-run
if ! unshare --map-root-user --mount true 2>/dev/null; then
  echo 'without full disks: no file system can be mounted here (user namespaces are off)'
  exec "${run[@]}"
fi
folder=$(mktemp -d)
trap 'rmdir "$folder"' EXIT
unshare --map-root-user --mount bash -c 'mount -t tmpfs -o size=1m tmpfs "$1" && KERAS_KILL_FULL=$1 "${@:2}"' \
  - "$folder" "${run[@]}"
