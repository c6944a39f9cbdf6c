#!/usr/bin/env bash
# What a cluster does to jobs, on a real Slurm on this machine: a time limit, a node that dies, scancel, a
# cell that fails. The merge says what is missing; the next submission does it, to the tables of one process.
source "$(dirname "${BASH_SOURCE[0]}")/prelude.sh" "$@"
source "$here/slurm_cluster.sh"

study=("$spec" recipe.epochs=6)  # long enough that what happens meets a training
expect 0 run whole "$runner" "${study[@]}"

submit() {
  expect 0 run shared "$runner" slurm "${study[@]}" --submit --jobs=4 --mem=256M --cpus-per-task=1 "$@"
  known=$(job_of 1-known.sh) cells=$(job_of 2-cells.sh) merge=$(job_of 3-merge.sh)
}
submit --time=2  # the warning is due 90 s before

# A node that dies takes its processes with it, and is found out later.
hold "${known}_1"
node=$(scontrol show job "${known}_1" | sed -n 's/^ *NodeList=\(n[0-9]*\)$/\1/p')
dies=$(<"$cluster/run/slurmd.$node.pid") step=$(ps -o ppid= -p "$held")
kill -9 "$dies" $step "$held"
scontrol update NodeName="$node" State=DOWN Reason=died

in_the_way=shared/small/cells/RTE/random_search/seed1/journal.jsonl
mkdir -p $in_the_way  # of one cell

# Slurm itself warns of the time limit, and lets the task go on for that.
hold "${known}_0"
requeued() { [[ $(state "${known}_0" Restarts) == 1 ]]; }
wait_for 150 requeued

# One task of the searches is taken back.
hold "${cells}_0"
scancel "${cells}_0"
kill -CONT "$held"

wait_for 600 ended "$merge"
[[ $(state "${known}_1" Restarts) == 1 ]] || fail "the task of the dead node was not requeued once"
[[ $(state "${cells}_0" JobState) == CANCELLED ]] || fail "a cancelled task ended as $(state "${cells}_0" JobState)"
[[ $(state "$merge" JobState) == FAILED ]] || fail "the merge of what is not complete ended as $(state "$merge" JobState)"
grep -q 'random_search/seed1/journal.jsonl' shared/small/slurm/1-known_*.log || fail "no log names the cell that failed"
grep -q 'not complete: RTE/random_search/seed1' shared/small/slurm/3-merge_*.log || fail "the merge does not say what is missing"
[[ -s shared/small/tables/methods.csv ]] || fail "the merge made no tables of what is there"
expect 0 run shared "$runner" status "${study[@]}"
said "random_search/seed1/journal.jsonl"

# Mended and submitted again, what is left is done, and nothing else.
rmdir $in_the_way
submit --time=60
wait_for 600 ended "$merge"
[[ $(state "$merge" JobState) == COMPLETED ]] || {
  cat shared/small/slurm/3-merge_"$merge".log
  fail "the merge ended as $(state "$merge" JobState)"
}
same_tables whole shared
echo ok
