#!/usr/bin/env bash
# No environment, another locale, a full disk, a folder that cannot be written: the same tables, or
# a message and an exit code, never a crash.
source "$(dirname "${BASH_SOURCE[0]}")/prelude.sh" "$@"
small=("$runner" "$spec" 'methods=[fine_tune, {bilevel: {outer: ei, inner: ucb}}]' tasks=[RTE] seeds=1)

expect 0 run plain "${small[@]}"

expect 0 env -i "${small[@]}" runs=bare
same_tables plain bare

# Cells go one per core, unless memory is granted for one alone.
few=("$runner" "$spec" 'methods=[fine_tune]')
expect 0 run wide "${few[@]}"
expect 0 run narrow env SLURM_MEM_PER_NODE=1 "${few[@]}"
grep -q '"workers": 1' narrow/small/provenance.json || fail "more cells at once than fit into memory"
(($(nproc) != 2)) || grep -q '"workers": 2' wide/small/provenance.json ||
  fail "cells one after another on two cores"
same_tables wide narrow

# What multiplies bf16 matrices can be chosen among what the processor has.
expect 0 run onednn env RUNNER_BF16=oneDNN "${few[@]}" recipe.precision=bf16
grep -q '"bf16": "oneDNN"' onednn/small/provenance.json || fail "RUNNER_BF16 was not heard"
expect 2 run none env RUNNER_BF16=fast "${few[@]}"
said "RUNNER_BF16: 'fast' is none of AMX, AVX512_BF16 and oneDNN"

# A comma for the decimal point, where such a locale is installed; one that does not exist anywhere.
comma=$(locale -a | grep -iE '^(de|fr|nl|pl|ru|it|es)_' | head -1 || true)
for locale in ${comma:-} xx_YY.UTF-8; do
  expect 0 run "in_$locale" env LC_ALL="$locale" LANG="$locale" LANGUAGE="$locale" "${small[@]}"
  same_tables plain "in_$locale"
done

# What others may read is the umask's word.
expect 0 run private bash -c 'umask 077 && exec "$@"' - "${few[@]}"
[[ -z $(find private -type f -perm /077) ]] || fail "readable by others: $(find private -type f -perm /077)"

# Too little address space is said before anything trains.
expect 2 run cramped bash -c 'ulimit -v 900000 && exec "$@"' - "${few[@]}"
said "ulimit -v"
[[ ! -e cramped/small ]] || fail "it began"

# A run's folder that is removed under it: what is said to be done is what is there.
run removed "${small[@]}" seeds=3 >removed.log 2>&1 &
until [[ -n $(find removed -name journal.jsonl 2>/dev/null) ]]; do sleep 0.05; done
mv removed/small aside
code=0
wait $! || code=$?
((code == 1)) || fail "exit code $code although the folder was removed: $(tail -n 1 removed.log)"
grep -q 'was removed' removed.log || fail "$(cat removed.log)"

# A sandbox with file systems of its own, as root or where users may make one.
sandbox=(unshare --mount)
(($(id -u) == 0)) || sandbox=(unshare --map-root-user --mount)
"${sandbox[@]}" true 2>/dev/null || skip "full disk and read-only folder: this user may not mount"

# A disk too small is said, and once there is room the same command goes on.
mkdir full closed
cat >fill.sh <<'SH'
mount -t tmpfs -o size=300k none full
code=0
"$@" runs=full || code=$?
[[ $code == 1 || $code == 2 ]]  # some trials failed, or nothing could begin
mount -o remount,size=100m full
"$@" runs=full
mkdir kept
cp -r full/small kept/
SH
expect 0 "${sandbox[@]}" bash -e fill.sh "${small[@]}"
said "No space left on device"
same_tables plain kept

# And said beforehand, where it is asked what a run will find.
expect 2 "${sandbox[@]}" bash -c 'mount -t tmpfs -o size=300k none full && exec "$@"' - \
  "$runner" check --files "$spec" runs=full
said "kB are free, and the plan keeps"

expect 2 "${sandbox[@]}" bash -c 'mount -t tmpfs -o ro none closed && exec "$@"' - \
  "${small[@]}" runs=closed
said "closed"
said "Read-only file system"
