#!/usr/bin/env bash
# experiments/glue_all.sbatch on a real Slurm on this machine: four array tasks, one of them warned
# and requeued in the middle, and the dependent merge give the tables of a single process.
source "$(dirname "${BASH_SOURCE[0]}")/prelude.sh" "$@"
slurm_local=${RUNNER_SLURM_LOCAL:-$here/../../../shared/slurm/slurm-local.sh}
[[ -x $slurm_local ]] || skip "Slurm: no $slurm_local (RUNNER_SLURM_LOCAL names another)"
command -v sbatch >/dev/null && command -v slurmctld >/dev/null && command -v munged >/dev/null ||
  skip "Slurm is not installed (Debian: slurm-wlm munge)"
getent hosts "$(uname -n)" >/dev/null ||
  skip "Slurm: this machine's name, $(uname -n), does not resolve (as in a bare chroot)"

chmod 755 "$scratch"  # munge refuses a socket that others cannot reach
cluster=$scratch/cluster
trap '"$slurm_local" stop "$cluster" >/dev/null 2>&1 || true; rm -rf "$scratch"' EXIT
"$slurm_local" start "$cluster" --nodes 4 --cpus 1 >cluster.log 2>&1 || {
  cat cluster.log
  fail "the local Slurm did not start"
}
eval "$("$slurm_local" env "$cluster")"

# The script beside the executable under test, as it stands in a clone.
mkdir -p clone/build clone/experiments
cp "$here/../../experiments/glue_all.sbatch" clone/experiments
ln -s "$runner" clone/build/runner

expect 0 run whole "$runner" "$spec"

# Four array tasks, three at once, and the merge.
expect 0 run shared bash clone/experiments/glue_all.sbatch --array=0-3%3 --gres=none --cpus-per-task=1 \
  --mem=256M --time=10 "$spec"
said "array "
array=$(sed -n 's/^array \([0-9]*\), .*/\1/p' said)
merge=$(sed -n 's/.*by job \([0-9]*\)$/\1/p' said)

state() { scontrol show job "$1" 2>/dev/null | grep -oE "$2=[A-Za-z0-9]+" | head -1 | cut -d= -f2; }
task_began() {
  [[ $(state "${array}_1" JobState) == RUNNING ]] && has_records shared 10
}
wait_for 120 task_began
scancel --batch --signal=USR1 "${array}_1"  # as --signal=B:USR1@60 does before the time limit

ended() { [[ $(state "$1" JobState) =~ ^(COMPLETED|FAILED|CANCELLED|TIMEOUT)$ ]]; }
wait_for 240 ended "$merge"
[[ $(state "${array}_1" Restarts) == 1 ]] || fail "the warned task was not requeued once"
for task in 0 1 2 3; do
  [[ $(state "${array}_$task" JobState) == COMPLETED ]] || {
    tail -n 20 slurm-"$array"_"$task".out
    fail "task $task ended as $(state "${array}_$task" JobState)"
  }
done
[[ $(state "$merge" JobState) == COMPLETED ]] || {
  cat slurm-"$merge".out
  fail "the merge ended as $(state "$merge" JobState)"
}
same_tables whole shared
