#!/bin/sh
# Rewrites the golden texts with what the tools of a build folder print now: update.sh BUILD_FOLDER
# (build/release). Look at the difference before you commit it.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
build=${1-$root/build/release}
exec python3 "$root/tests/golden/golden.py" --update "$root" "$build/tools/snnsim" \
    "$build/tools/snnconvert" "$build/tools/snndev" \
    "$build/tests/device/snndev-bed"
