#!/usr/bin/env bash
# `runner slurm` on a real Slurm on this machine: the arrays, one task of them warned and one preempted
# in the middle, and the merge that waits for them give the tables of a single process. With another study
# than the small one, which takes a while:
#   RUNNER_STUDY=experiments/quickstart.yaml bash tests/e2e/slurm_test.sh build/runner
[[ -z ${RUNNER_STUDY:-} ]] || RUNNER_STUDY=$(realpath "$RUNNER_STUDY")
source "$(dirname "${BASH_SOURCE[0]}")/prelude.sh" "$@"
source "$here/slurm_cluster.sh"

# completed JOB TASKS: all tasks of an array did what they were to do.
completed() {
  local task
  for ((task = 0; task < $2; ++task)); do
    [[ $(state "$1_$task" JobState) == COMPLETED ]] || {
      tail -n 20 shared/small/slurm/*_"$1_$task".log
      fail "task $1_$task ended as $(state "$1_$task" JobState)"
    }
  done
}

warned() { ((0x$(awk '/^ShdPnd/ { print $2 }' "/proc/$held/status") & 1 << ($(kill -l USR1) - 1))); }

# Trainings long enough that a signal meets them.
study=("$spec" recipe.epochs=6)
[[ -z ${RUNNER_STUDY:-} ]] || study=("$RUNNER_STUDY" name=small)
expect 0 run whole "$runner" "${study[@]}"

# What is known beforehand, the searches, the tables: each after the one before. One task of the first
# array is warned in the middle, as --signal=B:USR1@90 does before the time limit, and one of the second
# makes way for a job that matters more.
sbatch_options=(--mem=256M --time=60 --cpus-per-task=1)
expect 0 run shared "$runner" slurm "${study[@]}" --submit --jobs=4 --at-once=3 "${sbatch_options[@]}"
known=$(job_of 1-known.sh) cells=$(job_of 2-cells.sh) merge=$(job_of 3-merge.sh)
expect 2 run shared "$runner" slurm "${study[@]}" --submit
said "still in the queue"

hold "${known}_1"
scancel --batch --signal=USR1 "${known}_1"
wait_for 60 warned
kill -CONT "$held"
hold "${cells}_0"  # Slurm itself lets it go on, to make way
node=$(scontrol show job "${cells}_0" | sed -n 's/^ *NodeList=\(n[0-9]*\)$/\1/p')
urgent=$(sbatch --parsable --partition=urgent --nodelist="$node" --mem=64M --output=/dev/null --wrap 'sleep 1')
wait_for 120 ended "$urgent"
wait_for 3000 ended "$merge"
completed "$known" 4
completed "$cells" 4
[[ $(state "${known}_1" Restarts) == 1 ]] || fail "the warned task was not requeued once"
[[ $(state "${cells}_0" Restarts) == 1 ]] || fail "the task that made way was not requeued once"
[[ $(state "$merge" JobState) == COMPLETED ]] || {
  cat shared/small/slurm/3-merge_"$merge".log
  fail "the merge ended as $(state "$merge" JobState)"
}
same_tables whole shared
[[ -s shared/small/report.html ]] || fail "no report"
[[ -z $(compgen -G 'shared/small/cells/*/*/seed*/ahead') ]] || fail "something made ahead was not taken in"

# Nothing is left, and what a person wrote into a script stays there.
sed -i 's/^# Yours to here/#SBATCH --comment=mine\nulimit -c 0\n&/' shared/small/slurm/3-merge.sh
expect 0 run shared "$runner" slurm "${study[@]}" --comment=ours
grep -qx '#SBATCH --comment=ours' shared/small/slurm/3-merge.sh || fail "the new option is not there"
grep -qx 'ulimit -c 0' shared/small/slurm/3-merge.sh || fail "a person's line is gone"
! grep -q 'mine\|known' shared/small/slurm/3-merge.sh shared/small/slurm/submit.sh || fail "written: $(cat said)"
