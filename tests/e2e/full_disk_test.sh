#!/usr/bin/env bash
# Disks with many sizes of room, too little to end a run that was begun on them: each is said, with the file and the right exit code,
# what was finished by then stays, and once there is room the same command goes on to the same tables.
# RUNNER_SIZES of them, from none to nearly enough; 30 in the long form.
source "$(dirname "${BASH_SOURCE[0]}")/prelude.sh" "$@"
sizes=${RUNNER_SIZES:-3}
sandbox=(unshare --mount)
(($(id -u) == 0)) || sandbox=(unshare --map-root-user --mount)
"${sandbox[@]}" true 2>/dev/null || skip "a disk of its own: this user may not mount"
small=("$runner" "$spec" 'methods=[fine_tune, swa, {bilevel: {outer: ei, inner: ucb}}]' tasks=[RTE] seeds=1 --quiet)

expect 0 run plain "${small[@]}"
needs=$(du -sk plain | cut -f1)
echo "a run needs $needs kB"

mkdir disk
cat >on_disk.sh <<'SH'
size=$1
shift
mount -t tmpfs -o size=100m none disk
"$@" runs=disk --only fine_tune >/dev/null
mount -o remount,size=$(($(df -k --output=used disk | tail -1) + size))k disk
code=0
"$@" runs=disk >first 2>&1 || code=$?
echo $code >code
find disk -name journal.jsonl | sort | xargs -r cat | grep '"record":{"trial":' | sort >before || true
mount -o remount,size=100m disk
"$@" runs=disk >second 2>&1 || { cat first second; exit 3; }
find disk -name journal.jsonl | sort | xargs -r cat | sort >after
rm -rf kept
mkdir kept
cp -r disk/small kept/
SH
failed=0 kept=0
for ((i = 0; i < sizes; ++i)); do
  # Above a third of what a run takes the store makes room by itself.
  size=$((4 + (needs / 3 - 4) * i / (sizes > 1 ? sizes - 1 : 1)))
  expect 0 "${sandbox[@]}" bash -e on_disk.sh $size "${small[@]}"
  code=$(cat code)
  case $code in
    0) ;;
    1 | 2)
      ((++failed))
      grep -q 'No space left on device\|are free' first || fail "$size kB: not said: $(cat first)"
      grep -q '/disk/' first || fail "$size kB: no file is named: $(cat first)"
      ;;
    *) fail "$size kB: exit code $code: $(tail -n 2 first)" ;;
  esac
  lost=$(comm -23 before after | wc -l)
  ((lost == 0)) || fail "$size kB: $lost finished trials were lost"
  (($(wc -l <before) > 0)) || fail "$size kB: the first cell was lost"
  kept=$((kept + $(wc -l <before)))
  same_tables plain kept
  echo "$size kB: exit code $code, $(wc -l <before) trials kept"
done
((failed > 0)) || fail "no disk was too small"
echo "$failed of $sizes disks were too small, none of $kept finished trials was lost"
