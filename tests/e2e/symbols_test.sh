#!/usr/bin/env bash
# Two BLAS live in this program, under the same names: OpenBLAS inside the executable, and what
# LibTorch brings. Neither may be seen from outside, or serve the other's callers.
source "$(dirname "${BASH_SOURCE[0]}")/prelude.sh" "$@"
engine=$(dirname "$runner")/src/engine.so
blas='^(cblas_|LAPACKE_|openblas_|goto_)|^[sdcz](ge|gb|sy|sp|he|po|pp|tr|tp|ax|do|sc|nr|co|sw|la)[a-z0-9]+_$'

# dynamic KIND FILE: the names that FILE shows to the loader (defined) or asks it for (undefined).
dynamic() { nm -D --"$1"-only "$2" | awk '{ sub(/@.*/, "", $NF); print $NF }' | sort; }

for kind in defined undefined; do
  for file in "$runner" "$engine"; do
    dynamic "$kind" "$file" >names
    ! grep -E "$blas" names >found || fail "$kind in $(basename "$file"): $(head -3 found | xargs)"
  done
done
[[ $(dynamic defined "$engine" | xargs) == runner_engine ]] ||
  fail "the engine shows more than its one name: $(dynamic defined "$engine" | head -3 | xargs)"
grep -q ' t dgemm_$' <(nm "$runner") || fail "the executable has no dgemm_ of its own"

# The loader itself says who serves whom while both sides compute: a training run, and a search
# over its fusions.
expect 0 run bound env LD_DEBUG=bindings LD_DEBUG_OUTPUT="$scratch/bindings" \
  "$runner" "$spec" 'methods=[{bilevel: {outer: ei, inner: ei}}]' tasks=[RTE] seeds=1 outer.trials=3
cat bindings.* | sed -nE "s/.*binding file (\S+) .*to (\S+) .*symbol \`([^']+)'.*/\3 \1 \2/p" |
  grep -E "${blas//\$/ }" >served || fail "the loader bound no BLAS name at all"
grep -q '^dgemm_ .*libtorch_cpu.so .*libtorch_cpu.so$' served || fail "who serves LibTorch's dgemm_?"
! grep -vE '^\S+ \S*/lib(torch|mkl|c10|gomp)[^/]* \S*/lib(torch|mkl)[^/]*$' served >found ||
  fail "a BLAS name is bound across the two: $(head -3 found)"
grep -q '"blas": "OpenBLAS [0-9.]*, [A-Za-z]' bound/small/provenance.json ||
  fail "provenance.json does not say which BLAS, with which kernels"

# Where a file in memory cannot be executed, the engine comes from one on disk, which is gone at
# once; where neither can, both reasons are said.
sandbox=(unshare --mount)
(($(id -u) == 0)) || sandbox=(unshare --map-root-user --mount)
"${sandbox[@]}" true 2>/dev/null || skip "the engine from disk: this user may not mount"
mkdir temporary
few=("$runner" "$spec" 'methods=[fine_tune]' tasks=[RTE] seeds=1)
expect 0 run memory "${few[@]}"
expect 0 run disk "${sandbox[@]}" bash -c 'mount -t tmpfs none /proc/$$/fd && TMPDIR=$0 exec "$@"' \
  "$scratch/temporary" "${few[@]}"
same_tables memory disk
[[ -z $(ls -A temporary) ]] || fail "left behind: $(ls -A temporary)"
expect 2 run none "${sandbox[@]}" bash -c 'mount -t tmpfs none /proc/$$/fd && TMPDIR=$0 exec "$@"' \
  "$scratch/missing" "${few[@]}"
said "/proc/self/fd/"
said "$scratch/missing"
