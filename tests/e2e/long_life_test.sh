#!/usr/bin/env bash
# Many tiny trials in one process: after a warm-up neither its memory nor its descriptors grow. CI runs
# some of them with a wide bound; the long form, which takes some 4 GB below TMPDIR:
#   RUNNER_TRIALS=3000 tests/e2e/long_life_test.sh build/runner
source "$(dirname "${BASH_SOURCE[0]}")/prelude.sh" "$@"
trials=${RUNNER_TRIALS:-100}
percent=${RUNNER_PERCENT:-$((trials < 1000 ? 10 : 2))}

RUNNER_RUNS=$scratch/long "$runner" "$spec" 'methods=[random_search]' tasks=[RTE] seeds=1 \
  "outer={trials: $trials, initial: 2}" recipe.max_steps=2 recipe.snapshots=2 recipe.snapshot_start=0 \
  data.max_train_rows=16 data.max_dev_rows=16 workers=1 threads=1 --quiet >said 2>&1 </dev/null &
process=$!

# A sample whenever a hundredth of the trials is done: trials, resident kB, descriptors.
journal=long/small/cells/RTE/random_search/seed0/journal.jsonl
seen=0
while kill -0 $process 2>/dev/null; do
  done=$(grep -c '"record":{"trial"' $journal 2>/dev/null || true)
  if ((${done:-0} * 100 >= seen + trials)); then
    seen=$((done * 100))
    resident=$(awk '/^VmRSS/ { print $2 }' /proc/$process/status 2>/dev/null || true)
    open=$(ls /proc/$process/fd 2>/dev/null | wc -l)
    [[ -z $resident ]] || echo "$done $resident $open" >>samples
  fi
  sleep 0.02
done
wait $process || {
  tail -n 3 said
  fail "the $trials trials did not end well"
}
grep -qF "$trials of $trials trials" said || fail "$(tail -n 1 said)"

# The warm-up is the first fifth. What is compared is the fifth that follows it with the last one, by their
# medians; of descriptors one more is chance, as files come and go.
awk -v trials="$trials" -v percent="$percent" '
  $1 >= trials / 5 && $1 < trials * 2 / 5 { first[++n] = $2; files[n] = $3 }
  $1 >= trials * 4 / 5 && $1 < trials { last[++m] = $2; files_later[m] = $3 }
  function median(values, size,   i, j, swap) {
    for (i = 1; i <= size; ++i) for (j = i + 1; j <= size; ++j)
      if (values[j] < values[i]) { swap = values[i]; values[i] = values[j]; values[j] = swap }
    return values[int((size + 1) / 2)]
  }
  END {
    if (n < 3 || m < 3) { print "too few samples: " n " and " m; exit 1 }
    open = median(files, n); later = median(files_later, m)
    before = median(first, n); after = median(last, m); growth = 100 * (after - before) / before
    printf "%d samples; resident %d kB, then %d kB: %+.2f %%; descriptors %d, then %d\n",
           NR, before, after, growth, open, later
    exit growth > percent || later > open + 1
  }' samples || fail "it grew"
