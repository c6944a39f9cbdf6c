#!/usr/bin/env bash
# The same spec gives the same tables whole and in shards, on any number of workers and threads.
source "$(dirname "${BASH_SOURCE[0]}")/prelude.sh" "$@"
for precision in fp32 bf16; do
  small=("$runner" "$spec" 'methods=[swa, {bilevel: {outer: ei, inner: ucb}}]' tasks=[RTE]
    "recipe.precision=$precision")
  expect 0 run "$precision" "${small[@]}" workers=1 threads=1
  for pool in "1 2" "2 1" "4 3"; do
    read -r workers threads <<<"$pool"
    expect 0 run "$precision-$workers-$threads" "${small[@]}" "workers=$workers" "threads=$threads"
    same_tables "$precision" "$precision-$workers-$threads"
  done
  expect 0 run "$precision-shards" "${small[@]}" --shard 0/2 workers=1 threads=2
  expect 0 run "$precision-shards" "${small[@]}" --shard 1/2 workers=2 threads=1
  expect 0 run "$precision-shards" "$runner" merge "${small[@]:1}"
  same_tables "$precision" "$precision-shards"
done

# Trials of one search side by side: what a trial knows is the spec's word, not who is first.
beside=("$runner" "$spec" 'methods=[bo]' 'tasks=[RTE]' 'seeds=[0]'
  'outer={trials: 6, initial: 2, parallel: 2}' threads=1)
expect 0 run beside "${beside[@]}" workers=1
expect 0 run beside-2 "${beside[@]}" workers=2
same_tables beside beside-2
expect 0 run beside-processes "${beside[@]}" workers=1 &
expect 0 run beside-processes "${beside[@]}" workers=2
wait %1
same_tables beside beside-processes
