#!/usr/bin/env bash
# The kill test on a file system of 1 MB that is full at times: `full_disk.sh [KILLS]`.
set -euo pipefail
cd "$(dirname "$0")/../.."
if ! unshare --map-root-user --mount true 2>/dev/null; then
  echo 'left out: no file system can be mounted here (user namespaces are off)'
  exit 0
fi
export KERAS_KILLS=${1:-2000}
cargo test --release -p keras-callbacks --test kill --no-run
folder=$(mktemp -d)
trap 'rmdir "$folder"' EXIT
unshare --map-root-user --mount bash -c "mount -t tmpfs -o size=1m tmpfs '$folder' &&
  KERAS_KILL_FULL='$folder' cargo test --release -p keras-callbacks --test kill"
