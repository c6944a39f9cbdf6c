#!/usr/bin/env bash
# Builds a preset, after installing what it needs and configuring it where that is due.
#
#   tools/build.sh PRESET [NINJA ARGUMENT...]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
preset=$1
shift

needs=(build)
case $preset in
  release) needs+=(torch) folder=build ;;
  dev) needs+=(torch) folder=build-dev ;;
  fuzz) needs+=(fuzz) folder=build-fuzz ;;
  *) folder=build-$preset ;;
esac
libtorch=$(tools/setup.sh "${needs[@]}")

# Ninja configures again by itself when a CMake file changes, but not when LibTorch moves.
if [[ ! -e $folder/build.ninja ]] ||
  ! grep -qxF "TORCH_INSTALL_PREFIX:PATH=$libtorch" "$folder/CMakeCache.txt"; then
  cmake --preset "$preset" "-DTORCH_INSTALL_PREFIX:PATH=$libtorch"
fi
cmake --build "$folder" -- "$@"
