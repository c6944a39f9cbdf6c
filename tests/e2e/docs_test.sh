#!/usr/bin/env bash
# Every command of the documentation is run as it stands there, or marked as not run with the reason
# (docs.py says how). Links between pages lead somewhere.
source "$(dirname "${BASH_SOURCE[0]}")/prelude.sh" "$@"
root=$(realpath "$here/../..")
mkdir bin && ln -s "$runner" bin/runner
export PATH=$scratch/bin:$PATH
unset RUNNER_GLUE RUNNER_MODELS

failed=0
for page in "$root"/README.md "$root"/CONTRIBUTING.md "$root"/docs/*.md; do
  name=$(basename "$page" .md)
  mkdir -p "$name/build"
  cp -r "$root/experiments" "$name/"
  ln -s "$root/data" "$name/data"
  ln -s "$runner" "$name/build/runner"
  if ! python3 "$here/docs.py" "$page" >"$name.sh"; then
    failed=1
  elif ! (cd "$name" && RUNNER_RUNS=$PWD/runs timeout 600 bash -euo pipefail "$scratch/$name.sh") \
    >"$name.log" 2>&1 </dev/null; then
    echo "$page: a command failed:"
    tail -15 "$name.log"
    failed=1
  fi
  while IFS= read -r link; do
    [[ -e $(dirname "$page")/$link ]] || {
      echo "$page: leads nowhere: $link"
      failed=1
    }
  done < <(grep -oE '\]\([A-Za-z0-9_./-]+\)' "$page" | sed 's/^](//; s/)$//')
done
((failed == 0)) || fail "the documentation"
