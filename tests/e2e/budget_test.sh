#!/usr/bin/env bash
# A search ends at its budget: the same after a kill, in shards, and where the budget was raised.
source "$(dirname "${BASH_SOURCE[0]}")/prelude.sh" "$@"

one=("$runner" "$spec" 'tasks=[RTE]' 'seeds=[0]' 'methods=[fine_tune, random_search, {bilevel: {outer: ei, inner: ucb}}]')
less=("${one[@]}" 'outer={budget: 1200 examples, initial: 2}')
more=("${one[@]}" 'outer={budget: 2000 examples, initial: 2}')

expect 0 run whole "${less[@]}"
said "3 of 3 cells done"

# ends_at METHOD EXAMPLES: its trials before the last have spent less than that, all together no less.
ends_at() {
  python3 - "$1" "$2" whole/small/tables/trials.csv <<'PYTHON' || fail "$1 does not end at $2 examples"
import csv, sys
method, budget, table = sys.argv[1], float(sys.argv[2]), open(sys.argv[3], newline="")
spent = [float(row["cell_examples"]) for row in csv.DictReader(table) if row["method"] == method]
sys.exit(not (spent and spent[-1] >= budget and all(before < budget for before in spent[:-1])))
PYTHON
}
ends_at random_search 1200
ends_at 'bilevel(ei,ucb)' 1200

RUNNER_RUNS=$scratch/killed "${less[@]}" >/dev/null 2>&1 </dev/null &
pid=$!
wait_for 120 has_records killed 5
kill -KILL "$pid"
wait "$pid" || true
expect 0 run killed "${less[@]}"
! grep -qF "(0 before this call)" said || fail "nothing was kept"
same_tables whole killed

expect 0 run shards "${less[@]}" --shard 1/2
expect 0 run shards "${less[@]}" --shard 0/2
expect 0 run shards "$runner" merge "${less[@]:1}"
same_tables whole shards

# A larger budget goes on from there, to what it would have bought at once.
expect 0 run whole "${more[@]}"
! grep -qF "(0 before this call)" said || fail "the larger budget began anew"
expect 0 run larger "${more[@]}"
same_tables larger whole
ends_at 'bilevel(ei,ucb)' 2000
