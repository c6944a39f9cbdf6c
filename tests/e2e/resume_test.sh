#!/usr/bin/env bash
# A run is the same whether it is left alone, killed or interrupted; a finished one does nothing.
source "$(dirname "${BASH_SOURCE[0]}")/prelude.sh" "$@"

expect 0 "$runner" "$spec" name=whole
said "methods.csv"
cp -r runs/whole first

# The second call trains nothing, writes the same tables and exits 0.
expect 0 "$runner" "$spec" name=whole
said "16 of 16 cells done"
said "(32 before this call)"
diff -r first/cells runs/whole/cells || fail "a second call changed a cell"
diff -r --exclude='timings*' first/tables runs/whole/tables || fail "a second call changed a table"

# The same spec and seeds again, somewhere else.
expect 0 "$runner" "$spec" name=again
same_tables whole again

# interrupt NAME SIGNAL CODE: starts a run, signals it in the middle, and checks how it ends.
interrupt() {
  local name=$1 signal=$2 code=$3 pid got=0
  # In a job of its own: a shell has its background jobs ignore INT.
  set -m
  "$runner" "$spec" name="$name" >"$name.log" 2>&1 </dev/null &
  pid=$!
  set +m
  wait_for 120 has_trials "$name" 3
  kill -"$signal" "$pid"
  wait "$pid" || got=$?
  [[ $got == "$code" ]] || {
    cat "$name.log"
    fail "$signal: exit code $got, not $code"
  }
  expect 0 "$runner" "$spec" name="$name"
  ! grep -qF "(0 before this call)" said || fail "$signal: nothing was kept"
  same_tables whole "$name"
}

interrupt killed KILL 137
interrupt terminated TERM 75
interrupt from_keyboard INT 130

# A torn last line of a journal, as a crash of the machine leaves it, costs that trial alone.
cp -r runs/whole runs/torn
journal=$(ls runs/torn/cells/RTE/*/seed0/journal.jsonl | tail -1)
truncate -s -9 "$journal"
rm -f "$(dirname "$journal")/result.json"
expect 0 "$runner" "$spec" name=torn
same_tables whole torn
