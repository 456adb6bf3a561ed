#!/usr/bin/env bash
# Let each program in PREFIX/bin compute twenty steps on the host: smoke.sh PREFIX
#
# Those for a GPU load the driver even so, and a machine that builds images has none: they get the toolkit's stub of it.
set -euo pipefail

prefix=$1
here=$(dirname "$(realpath "$0")")
driver=$(mktemp --directory)
trap 'rm -rf "$driver"' EXIT
stub=${CMAKE_LIBRARY_PATH:-/usr/local/cuda/lib64/stubs}/libcuda.so
if [ -e "$stub" ]; then ln -s "$stub" "$driver/libcuda.so.1"; fi

for lmp in "$prefix"/bin/lmp-*; do
    echo "== $(basename "$lmp")"
    LD_LIBRARY_PATH=$driver "$lmp" -in "$here/smoke.in" -log none | grep -E "^LAMMPS|^Loop time"
done
