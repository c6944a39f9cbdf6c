#!/usr/bin/env bash
# From the end of a training on, a kill or a full disk at any write loses nothing: the same command
# goes on, the tables are the same, and once the training's last progress is on disk it takes no step
# again. RUNNER_STEP=1 tries every write, CI some of them.
source "$(dirname "${BASH_SOURCE[0]}")/prelude.sh" "$@"
faults=${RUNNER_FAULTS:?the library of tests/e2e/faults.cpp}
step=${RUNNER_STEP:-7}
one=("$runner" "$spec" 'methods=[swa]' tasks=[RTE] seeds=1 --quiet)

expect 0 run whole "${one[@]}"
expect 0 run counted env LD_PRELOAD="$faults" FAULTS_BELOW='*/counted/*' FAULTS_LOG="$scratch/log" "${one[@]}"
same_tables whole counted
first=$(grep -n 'create .*\.work/snapshot' log | head -1 | cut -d: -f1)
last=$(wc -l <log)
((last > first + 20)) || fail "only $last writes were seen, the training ended at $first"
echo "writes $first to $last of a run"

for kind in kill full; do
  for ((at = first; at <= last; at += step)); do
    rm -rf tried before after
    got=0
    run tried env LD_PRELOAD="$faults" FAULTS_BELOW='*/tried/*' FAULTS_AT=$at FAULTS_KIND=$kind \
      FAULTS_LOG="$scratch/before" "${one[@]}" >said 2>&1 || got=$?
    # What can still be removed or skipped when the disk is full does not fail.
    [[ $kind == full && $got == [012] || $got == 137 ]] || fail "$kind at write $at: exit code $got"
    expect 0 run tried env LD_PRELOAD="$faults" FAULTS_BELOW='*/tried/*' FAULTS_LOG="$scratch/after" "${one[@]}"
    same_tables whole tried
    if grep -q 'rename .*\.work/progress' before && grep -q '\.work/snapshot' after; then
      fail "$kind at write $at: trained again although it had ended"
    fi
    [[ -z $(find tried/small -name '*.work' -o -name '*.new' -o -name '*.tmp-*' -o -name owner.json) ]] ||
      fail "$kind at write $at left: $(find tried/small -name '*.work' -o -name '*.new' -o -name '*.tmp-*' -o -name owner.json)"
  done
done
