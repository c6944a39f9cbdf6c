#!/usr/bin/env bash
# Formats the C++ sources in place, or with --check names those that clang-format would change.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
tools/setup.sh format

mode=(-i)
[[ ${1:-} != --check ]] || mode=(--dry-run --Werror)
find src tests \( -name '*.cpp' -o -name '*.hpp' \) -print0 |
  xargs -0 clang-format-16 --style=file "${mode[@]}"
