#!/usr/bin/env bash
# Flipped bits and cuts in the files of a run: what is damaged is named and made again, and the tables
# are never others. RUNNER_ROUNDS rounds, in each of which one file in every part of the run is damaged.
source "$(dirname "${BASH_SOURCE[0]}")/prelude.sh" "$@"
rounds=${RUNNER_ROUNDS:-3}
RANDOM=${RUNNER_RANDOM:-11}
all=("$runner" "$spec" tasks=[RTE] --quiet)
expect 0 run whole "${all[@]}"

# damage FILE: flips a bit, or cuts the file, at a random place.
damage() {
  local size at byte
  size=$(stat -c %s "$1")
  at=$(((RANDOM * 32768 + RANDOM) % size))
  if ((RANDOM % 3 == 0)); then
    truncate -s "$at" "$1"
  else
    byte=$(od -An -tu1 -j "$at" -N 1 "$1")
    printf "$(printf '\\x%02x' $((byte ^ (1 << (RANDOM % 8)))))" | dd of="$1" bs=1 seek="$at" conv=notrunc 2>/dev/null
  fi
  echo "$1"
}
pick() { shuf -n 1 --random-source=<(yes $RANDOM) "$@"; }

damaged=0
for ((round = 0; round < rounds; ++round)); do
  for part in run.json 'snapshot-*' 'RTE_*.json' resolved.yaml journal.jsonl result.json '*.csv' spec.yaml provenance.json; do
    rm -rf tried
    cp -r whole tried
    file=$(damage "$(find tried/small -name "$part" | sort | pick)")
    ((++damaged))
    # What lies in the store and what the data were is read when a run is asked for.
    [[ $part != run.json && $part != snapshot-* && $part != RTE_* ]] || rm -rf tried/small/cells
    expect 0 run tried "${all[@]}"
    same_tables whole tried
    case $part in
      run.json | snapshot-* | RTE_* | resolved.yaml) said "${file#tried}" ;;
      journal.jsonl) [[ $(tail -c 1 "$file" | od -An -tx1) == ' 0a' ]] || fail "$file is not whole" ;;
      result.json) cmp -s "$file" "whole${file#tried}" || fail "$file was not made again" ;;
    esac
  done
done
echo "$damaged files damaged"
