#!/usr/bin/env bash
# Compiler launcher of a CUDA build: what knows nothing of Kokkos goes to the host's compiler, in a tenth of the time.
#
# CMake calls it with `nvcc_wrapper FLAGS... -c FILE`. Of the flags those that only nvcc knows are left out; then the object
# is the same for every architecture, and ccache has it for the second one.
set -euo pipefail

cached=()
if command -v ccache >/dev/null; then cached=(ccache); fi

file='' host=()
for word in "${@:2}"; do
    case $word in
        -arch=* | -extended-lambda | --extended-lambda | -expt-* | --expt-* | -Wext-lambda-* | -Xcudafe* | --diag_suppress=*) ;;
        *.cpp | *.cc | *.cxx) file=$word host+=("$word") ;;
        *) host+=("$word") ;;
    esac
done

if [ -z "$file" ] || [[ $file == */lib/kokkos/* || $file == */KOKKOS/* ]] || grep -q -i -E 'kokkos|"style_' "$file"; then
    exec "$@"
fi
toolkit=$(dirname "$(dirname "$(realpath "$(command -v nvcc)")")")
exec "${cached[@]}" "${NVCC_WRAPPER_DEFAULT_COMPILER:-g++}" "${host[@]}" -isystem "$toolkit/include"
