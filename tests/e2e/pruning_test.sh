#!/usr/bin/env bash
# Runs that end on a rung: the same after a kill, in shards, and by several workers, and no bit of
# the others changes.
source "$(dirname "${BASH_SOURCE[0]}")/prelude.sh" "$@"

# as_a_whole NAME OVERRIDE...: the experiment under NAME is that which is killed in the middle and
# goes on, and that of two shards.
as_a_whole() {
  local name=$1
  shift
  local one=("$runner" "$spec" 'tasks=[RTE]' "$@")
  expect 0 run "$name" "${one[@]}" workers=2
  RUNNER_RUNS=$scratch/$name.killed "${one[@]}" >/dev/null 2>&1 </dev/null &
  local pid=$!
  wait_for 120 has_records "$name.killed" 10
  kill -KILL "$pid"
  wait "$pid" || true
  expect 0 run "$name.killed" "${one[@]}"
  ! grep -qF "(0 before this call)" said || fail "$name: nothing was kept"
  same_tables "$name" "$name.killed"
  expect 0 run "$name.shards" "${one[@]}" --shard 1/2
  expect 0 run "$name.shards" "${one[@]}" --shard 0/2
  expect 0 run "$name.shards" "$runner" merge "$spec" 'tasks=[RTE]' "$@"
  same_tables "$name" "$name.shards"
}

# The trials that a table has of a method, or of a status.
count() { grep -c -- "$2" "$1/small/tables/trials.csv" || true; }

pruning=(outer.trials=7 outer.pruning=halving 'methods=[fine_tune, random_search, {search: {bo: ei}, fuse: {bo: ucb}}]')
as_a_whole pruned "${pruning[@]}" 'soup=[greedy]'
(($(count pruned ,pruned,) > 0)) || fail "nothing was pruned"
expect 0 run pruned "$runner" "$spec" 'tasks=[RTE]' "${pruning[@]}" 'soup=[greedy]'
said "$(count pruned ,pruned,) pruned"
expect 2 run pruned "$runner" "$spec" 'tasks=[RTE]' "${pruning[@]}" 'soup=[greedy]' outer.pruning=median
said "outer.pruning: halving, reduction: 3 before, median, reduction: 3 now"
expect 0 run plan "$runner" plan "$spec" 'tasks=[RTE]' "${pruning[@]}"
said "at most, for no run is foreseen to be pruned"
# What went on is what it is without pruning: rungs change no bit of a run.
expect 0 run plain "$runner" "$spec" 'tasks=[RTE]' outer.trials=7 'methods=[fine_tune, random_search]'
diff <(cut -d, -f1-4,6-9 pruned/small/tables/trials.csv | grep ,fine_tune,) \
  <(cut -d, -f1-4,6-9 plain/small/tables/trials.csv | grep ,fine_tune,) || fail "looking changed a run"
