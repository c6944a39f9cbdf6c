#!/usr/bin/env bash
# Packs a relocatable tarball: the executable with the libraries that it links, their notices,
# completion, manual page, docs, the quickstart. LibTorch is not in it: unpack one as
# lib/runner/libtorch, or name its folder in LIBTORCH. Prints the tarball's path.
#
#   tools/dist.sh [FOLDER]     default: dist
set -euo pipefail
out=$(realpath -m "${1:-dist}")
cd "$(dirname "${BASH_SOURCE[0]}")/.."
unset DESTDIR
tools/build.sh release runner runner_pages >&2

version=$(build/runner --version | awk '{ print $2 }')
name=runner-$version-linux-$(uname -m)
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
cmake --install build --component runner --prefix "$stage/$name" --strip >&2
lib=$stage/$name/lib/runner licenses=$stage/$name/share/doc/runner/licenses
mkdir -p "$lib" "$licenses"

# All but what every Debian has: glibc and the C++ run time.
base='^(linux-vdso|ld-linux|libc|libm|libdl|librt|libpthread|libstdc\+\+|libgcc_s)[.-]'
{ ldd build/runner; ldd build/src/engine.so | grep -v torch; } | awk '$2 == "=>" && $3 ~ /^\// { print $1, $3 }' |
  sort -u | while read -r soname path; do
  [[ ! $soname =~ $base && $soname != libc10* ]] || continue
  cp -L "$path" "$lib/$soname"
  # The list of files may have either side of a merged /usr.
  package=$({ dpkg-query -S "$(realpath "$path")" "$path" 2>/dev/null || true; } | sed -n '1s/:.*//p')
  [[ -n $package ]] || { echo "dist: no package owns $path" >&2; exit 1; }
  cp -L "/usr/share/doc/$package/copyright" "$licenses/$package"
done
for package in libopenblas-serial-dev libarmadillo-dev nlohmann-json3-dev libboost-dev libxxhash-dev; do
  cp -L "/usr/share/doc/$package/copyright" "$licenses/$package"
done

mkdir -p "$out"
# The same tree gives the same bytes.
tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$(git log -1 --format=%ct 2>/dev/null || echo 0)" \
  -C "$stage" -c "$name" | gzip -n >"$out/$name.tar.gz"
echo "$out/$name.tar.gz"
