#!/usr/bin/env bash
# Limits that are drawn narrow while it works: of open files, of a file's size. The call ends with an
# exit code that is not 0 and names a file; what was finished is kept, and without the limit the same
# command goes on to the same tables.
source "$(dirname "${BASH_SOURCE[0]}")/prelude.sh" "$@"
command -v prlimit >/dev/null || skip "prlimit (Debian: util-linux)"
all=("$runner" "$spec" tasks=[RTE] seeds=1 workers=1 threads=1)
expect 0 run whole "${all[@]}"

finished() { cat "$1"/small/cells/*/*/seed*/journal.jsonl 2>/dev/null | grep -c '{"trial":{' || true; }
has_finished() { (($(finished "$1") >= $2)); }

for limit in nofile=7 fsize=20000; do
  root=${limit%=*}
  RUNNER_RUNS=$scratch/$root "${all[@]}" >log 2>&1 </dev/null &
  process=$!
  wait_for 120 has_finished "$root" 2
  # Between two looks it may have ended, with nothing to limit: then this says nothing.
  prlimit --pid $process "--$limit:" 2>/dev/null || fail "$limit: it had ended before"
  code=0
  wait $process || code=$?
  ((code == 1 || code == 2)) || fail "$limit: exit code $code: $(cat log)"
  grep -q "$scratch/$root/small/" log || fail "$limit: no file is named: $(cat log)"
  kept=$(finished "$root")
  ((kept >= 2)) || fail "$limit: $kept trials are left"
  expect 0 run "$root" "${all[@]}"
  said "($kept before this call)"
  same_tables whole "$root"
  echo "$limit: exit code $code, $kept of $(finished whole) trials kept"
done
