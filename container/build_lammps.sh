#!/usr/bin/env bash
# Build the `lmp` of one architecture: build_lammps.sh SOURCE ARCH PREFIX
#
# ARCH is cpu, or the architecture of a GPU: sm_75, sm_80, sm_86, sm_89 or sm_90. PREFIX has an MPI in it already; it gets
# bin/lmp-ARCH, and in lib/ the libraries which that needs and a bare system lacks. KOKKOS takes one architecture in a build,
# hence one program for each. libcuda belongs to the driver: CMAKE_LIBRARY_PATH names the folder of a stub to link with.
set -euo pipefail

source=$(realpath "$1") arch=$2 prefix=$(realpath "$3")
here=$(dirname "$(realpath "$0")")
build=${BUILD:-/tmp/build_lammps}
jobs=${JOBS:-$(nproc)}

declare -A kokkos=([sm_75]=TURING75 [sm_80]=AMPERE80 [sm_86]=AMPERE86 [sm_89]=ADA89 [sm_90]=HOPPER90)

options=(
    -C "$here/packages.cmake"
    -D CMAKE_BUILD_TYPE=Release
    -D CMAKE_INSTALL_RPATH="\$ORIGIN/../lib" -D CMAKE_BUILD_WITH_INSTALL_RPATH=ON
    -D BUILD_SHARED_LIBS=OFF -D BUILD_OMP=ON
    -D BUILD_MPI=ON -D MPI_CXX_COMPILER="$prefix/bin/mpicxx"
    -D FFT=FFTW3
    -D WITH_JPEG=ON -D WITH_PNG=ON -D WITH_GZIP=ON -D WITH_FFMPEG=OFF -D WITH_CURL=OFF
    -D DOWNLOAD_VORO=OFF -D DOWNLOAD_EIGEN3=OFF -D DOWNLOAD_POTENTIALS=OFF
)
if [ "$arch" != cpu ]; then
    [ -n "${kokkos[$arch]:-}" ] || { echo "build_lammps.sh: no architecture $arch; there are cpu ${!kokkos[*]}" >&2; exit 2; }
    options+=(
        -D CMAKE_CXX_COMPILER="$source/lib/kokkos/bin/nvcc_wrapper"
        -D CMAKE_CXX_COMPILER_LAUNCHER="$here/host_or_device.sh"
        -D PKG_KOKKOS=ON -D Kokkos_ENABLE_SERIAL=ON -D Kokkos_ENABLE_CUDA=ON -D "Kokkos_ARCH_${kokkos[$arch]}=ON"
        -D FFT_KOKKOS=CUFFT
        # Without the second option the toolkit compiles for everything it knows: ten times the size.
        -D PKG_GPU=ON -D GPU_API=cuda -D GPU_PREC=mixed -D GPU_ARCH="$arch" -D CUDA_BUILD_MULTIARCH=OFF
    )
elif command -v ccache >/dev/null; then
    options+=(-D CMAKE_CXX_COMPILER_LAUNCHER=ccache)
fi

rm -rf "$build"
cmake -G Ninja -S "$source/cmake" -B "$build" "${options[@]}"
cmake --build "$build" --target lmp --parallel "$jobs"

install -D -m 755 "$build/lmp" "$prefix/bin/lmp-$arch"
strip "$prefix/bin/lmp-$arch"

# All but the driver's and the C library's own, which are the system's; MPI is in PREFIX already.
ldd "$prefix/bin/lmp-$arch" | awk -v own="$prefix/" '
    $2 == "=>" && $3 ~ "^/" && index($3, own) != 1 && $3 !~ "/(libc|libm|libdl|libpthread|librt|libcuda)[.]so" { print $3 }' |
    xargs -r install -D -m 644 -t "$prefix/lib"
rm -rf "$build"
