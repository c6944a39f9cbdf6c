#!/usr/bin/env bash
# Four processes on one run, and four shards, each killed at random moments and started again: nothing
# is lost, no training ends twice, the tables are those of one undisturbed process. The long form:
#   RUNNER_KILLS=50 RUNNER_SEEDS=8 [FAULTS_FSYNC_MS=40] RUNNER_FAULTS=build/tests/librunner_faults.so \
#     tests/e2e/processes_test.sh build/runner
#   RUNNER_KILLS=200 RUNNER_FORMS=alone ...: one process, killed 200 times
source "$(dirname "${BASH_SOURCE[0]}")/prelude.sh" "$@"
faults=${RUNNER_FAULTS:?the library of tests/e2e/faults.cpp}
kills=${RUNNER_KILLS:-3}
all=("$runner" "$spec" seeds="${RUNNER_SEEDS:-2}" workers=1 threads=1 --quiet)
RANDOM=${RUNNER_RANDOM:-7}

began=$(date +%s%N)
expect 0 run whole "${all[@]}"
took=$((($(date +%s%N) - began) / 1000000))

# Two processes on one run share it, and neither reports a failure that did not happen.
run together "${all[@]}" >one.log 2>&1 &
expect 0 run together "${all[@]}"
wait $! || fail "the first of two processes: $(tail -n 1 one.log)"
same_tables whole together

# disturbed ROOT SEED FLAGS...: one process, killed $kills times, then left alone.
disturbed() {
  local root=$1 i pid life hits=0
  RANDOM=$2
  shift 2
  for ((i = 0; i < kills; ++i)); do
    RUNNER_RUNS=$scratch/$root LD_PRELOAD="$faults" FAULTS_BELOW="*/$root/*.work/progress" \
      FAULTS_LOG="$scratch/$root.log" "${all[@]}" "$@" >/dev/null 2>&1 </dev/null &
    pid=$!
    # So short that most of the kills come before the work is done.
    life=$((100 + RANDOM % (2 * took / kills + 1)))
    sleep "$(printf '%d.%03d' $((life / 1000)) $((life % 1000)))"
    kill -KILL $pid 2>/dev/null && ((++hits)) || true
    wait $pid 2>/dev/null || true
  done
  echo "$root: $hits of $kills kills came in time"
  RUNNER_RUNS=$scratch/$root LD_PRELOAD="$faults" FAULTS_BELOW="*/$root/*.work/progress" \
    FAULTS_LOG="$scratch/$root.log" "${all[@]}" "$@" >"$root.$BASHPID" 2>&1 </dev/null || {
    cat "$root.$BASHPID"
    exit 1
  }
}

for form in ${RUNNER_FORMS:-processes shards}; do
  pids=()
  for i in 0 1 2 3; do
    [[ $form != alone || $i == 0 ]] || continue
    flags=()
    [[ $form != shards ]] || flags=(--shard "$i/4")
    disturbed "$form" $RANDOM ${flags[@]+"${flags[@]}"} &
    pids+=($!)
  done
  for pid in "${pids[@]}"; do wait "$pid" || fail "one of the $form did not end well"; done
  expect 0 run "$form" "$runner" merge "$spec" seeds="${RUNNER_SEEDS:-2}"
  same_tables whole "$form"
  twice=$(grep '^rename' "$form.log" | sort | uniq -d)
  [[ -z $twice ]] || fail "trained to the end twice: $twice"
  [[ -z $(find "$form/small" -name '*.work' -o -name '*.new' -o -name '*.json.tmp-*') ]] ||
    fail "left behind: $(find "$form/small" -name '*.work' -o -name '*.new')"
done

# A store that holds two trajectories gives the same tables; what was trained again is counted.
size=$(find whole/small/store -name 'snapshot-*' -printf '%s\n' | awk '{ s += $1 } END { print s }')
runs=$(find whole/small/store -name run.json | wc -l)
expect 0 run limited "$runner" "$spec" seeds="${RUNNER_SEEDS:-2}" workers=1 threads=1 \
  store_limit="$((2 * size / runs / 1000 + 10)) kB"
same_tables whole limited
(($(find limited/small/store -name 'snapshot-*' | wc -l) <= 8)) || fail "more than two runs were kept"
grep 'trained again' said || echo "nothing was trained again"
