#!/usr/bin/env bash
# The tables of docs/results.md are what its journals give, with no model and no data at hand.
source "$(dirname "${BASH_SOURCE[0]}")/prelude.sh" "$@"
project=$here/../..
results=$project/docs/results
unset RUNNER_GLUE RUNNER_MODELS
command -v xz >/dev/null || skip "no xz (tools/setup.sh results)"

# made FOLDER OVERRIDE...: the tables kept in FOLDER are the merge's.
made() {
  local kept=$results/$1 table
  shift
  expect 0 "$runner" merge "$project/experiments/glue_nine.yaml" "runs=$scratch" "$@"
  for table in "$kept"/*; do
    cmp "$table" "glue_nine/tables/${table##*/}" ||
      fail "docs/results: ${table##*/} is not what the journals give; if that is meant, copy it there"
  done
}

for journals in "$results"/seed*.tar.xz; do tar -xJf "$journals"; done
made tables
made tables_six 'tasks=[CoLA, SST-2, STS-B, QQP, MNLI, QNLI]'
