#!/usr/bin/env bash
# A run is the same whether it is left alone, killed or interrupted; a finished one does nothing.
source "$(dirname "${BASH_SOURCE[0]}")/prelude.sh" "$@"

expect 0 run whole "$runner" "$spec"
said "methods.csv"
cp -r whole first

# The second call trains nothing, writes the same tables and exits 0.
expect 0 run whole "$runner" "$spec"
said "16 of 16 cells done"
said "(40 before this call)"
diff -r first/small/cells whole/small/cells || fail "a second call changed a cell"
same_tables first whole

# The same spec and seeds again, somewhere else.
expect 0 run again "$runner" "$spec"
same_tables whole again

# interrupt ROOT SIGNAL CODE: starts a run, signals it in the middle, and checks how it ends.
interrupt() {
  local root=$1 signal=$2 code=$3 pid got=0
  # In a job of its own: a shell has its background jobs ignore INT.
  set -m
  RUNNER_RUNS=$scratch/$root "$runner" "$spec" >"$root.log" 2>&1 </dev/null &
  pid=$!
  set +m
  wait_for 120 has_records "$root" 20
  kill -"$signal" "$pid"
  wait "$pid" || got=$?
  [[ $got == "$code" ]] || {
    cat "$root.log"
    fail "$signal: exit code $got, not $code"
  }
  expect 0 run "$root" "$runner" "$spec"
  ! grep -qF "(0 before this call)" said || fail "$signal: nothing was kept"
  same_tables whole "$root"
}

interrupt killed KILL 137
interrupt terminated TERM 75
interrupt hung_up HUP 75
interrupt from_keyboard INT 130

# A stored run that a dying machine damaged is trained again, to the same bits.
expect 0 run damaged "$runner" "$spec" --shard 0/2
truncate -s -1 damaged/small/store/*/snapshot-*
expect 0 run damaged "$runner" "$spec" --shard 1/2
expect 0 run damaged "$runner" merge "$spec"
same_tables whole damaged

# A torn last line of a journal, as a crash of the machine leaves it, costs that trial alone.
cp -r whole torn
journal=$(ls torn/small/cells/RTE/*/seed0/journal.jsonl | tail -1)
truncate -s -9 "$journal"
rm -f "$(dirname "$journal")/result.json"
expect 0 run torn "$runner" "$spec"
same_tables whole torn
