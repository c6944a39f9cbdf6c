#!/usr/bin/env bash
# `make install` and `make dist`: what they lay down is whole, names nothing of the build, and the
# tarball trains in a bare Debian without compiler, to the same bytes as here.
source "$(dirname "${BASH_SOURCE[0]}")/prelude.sh" "$@"
root=$(realpath "$here/../..")
[[ $runner == "$root/build/runner" ]] || skip "packages are made of the release build"
few=('methods=[fine_tune, {bilevel: {outer: ei, inner: ucb}}]' tasks=[RTE] seeds=1 threads=1 workers=1)

# Installed below DESTDIR: everything in its place, and LibTorch found by the link that it leaves.
make -s -C "$root" install PREFIX=/usr DESTDIR="$scratch/stage" >installed 2>&1 || fail "make install: $(tail -3 installed)"
for file in bin/runner share/man/man1/runner.1 share/bash-completion/completions/runner \
  share/zsh/site-functions/_runner share/fish/vendor_completions.d/runner.fish \
  share/runner/runner.schema.json share/runner/experiments/quickstart.yaml \
  share/runner/data/tiny_roberta/config.json share/doc/runner/LICENSE share/doc/runner/NOTICE \
  share/doc/runner/docs/spec.md; do
  [[ -s stage/usr/$file ]] || fail "make install lays down no $file"
done
expect 0 stage/usr/bin/runner check stage/usr/share/runner/experiments/quickstart.yaml
expect 0 env -u LIBTORCH stage/usr/bin/runner doctor
said "lib/runner/libtorch/lib"

"$root/tools/dist.sh" "$scratch/dist" >made 2>log || fail "make dist: $(tail -3 log)"
tarball=$(cat made)
tar -xzf "$tarball"
package=$(basename "$tarball" .tar.gz)
! readelf -d "$package/bin/runner" | grep -E 'R(UN)?PATH' | grep -vF '[$ORIGIN/../lib/runner:$ORIGIN/../lib/runner/libtorch/lib]' ||
  fail "the executable looks for libraries elsewhere"
for library in "$package"/lib/runner/*; do
  ldd "$library" >/dev/null || fail "$library cannot be loaded"
done
for notice in libfmt9 libyaml-cpp0.7 libsentencepiece0 libopenblas-serial-dev vega; do
  [[ -s $package/share/doc/runner/licenses/$notice ]] || fail "no notice of $notice"
done

(($(id -u) == 0)) || skip "the bare chroot: only root makes one"
command -v debootstrap >/dev/null || skip "the bare chroot: no debootstrap"
debootstrap --variant=minbase bookworm bare >bootstrap 2>&1 || skip "the bare chroot: $(tail -1 bootstrap)"
! chroot bare sh -c 'command -v g++ cmake python3' || fail "the chroot is not bare"
torch=$(sed -n 's/^TORCH_INSTALL_PREFIX:PATH=//p' "$root/build/CMakeCache.txt")
mkdir -p bare/opt bare/home/user bare/named/lib
tar -xzf "$tarball" -C bare/opt
mkdir "bare/opt/$package/lib/runner/libtorch"
cp -r "$torch/lib" "bare/opt/$package/lib/runner/libtorch/lib"
mount -t proc proc bare/proc
trap 'umount "$scratch/bare/proc"; rm -rf "$scratch"' EXIT
bare() { chroot bare env -i HOME=/home/user PATH=/usr/bin:/bin "$@"; }
program=/opt/$package/bin/runner
quickstart=/opt/$package/share/runner/experiments/quickstart.yaml

expect 0 bare "$program" "$quickstart" "${few[@]}" name=small runs=/home/user/runs
expect 0 "$runner" "$root/experiments/quickstart.yaml" "${few[@]}" name=small runs="$scratch/here"
mkdir there && mv bare/home/user/runs/small there/small
same_tables here there

# Elsewhere and named, and nowhere: which is said.
mv "bare/opt/$package/lib/runner/libtorch" bare/named/torch
expect 1 bare "$program" doctor
said "cannot load LibTorch"
said "LIBTORCH=DIR"
expect 0 bare env LIBTORCH=/named/torch "$program" doctor
said "/named/torch/lib"
expect 2 bare "$program" "$quickstart" name=other runs=/home/user/runs
said "LIBTORCH=DIR"
# The image of tools/runner.def, its sections followed by hand: Debian is what the chroot is.
section() { sed -n "/^%$1\$/,/^%/{/^%/d;p}" "$root/tools/runner.def"; }
grep -q '^From: debian:12$' "$root/tools/runner.def" || fail "the image is of another Debian"
rm -rf "bare/opt/$package"
mkdir image && cp "$tarball" image/runner.tar.gz && ln -s "$scratch/bare/named/torch" image/libtorch
section files | while read -r from to; do
  [[ -n $from ]] || continue
  mkdir -p "bare$(dirname "$to")"
  cp -rlL "image/$from" "bare$to" 2>/dev/null || cp -rL "image/$from" "bare$to"
done
section post >bare/post.sh
expect 0 bare sh -eu /post.sh
{ section environment && section test; } >bare/test.sh
expect 0 bare sh -eu /test.sh
said "/opt/libtorch/lib"
{ section environment && section runscript; } >bare/run.sh
expect 0 bare sh -eu /run.sh check /opt/runner/share/runner/experiments/quickstart.yaml

expect 0 bare "/opt/runner/bin/runner" schema
expect 0 bare "/opt/runner/bin/runner" completion bash
