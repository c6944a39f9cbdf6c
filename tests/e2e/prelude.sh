# Sourced by every test here: `bash NAME_test.sh RUNNER` with the executable as only argument. A test
# exits 0, 77 when it prints `skipped: REASON`, or names what went wrong and exits 1.
set -euo pipefail
runner=$(realpath "$1")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
spec=$here/small.yaml
scratch=$(mktemp -d "${TMPDIR:-/tmp}/runner_e2e.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"

# run ROOT COMMAND...: the command with its results below ROOT, as ROOT/small.
run() {
  local root=$1
  shift
  RUNNER_RUNS=$scratch/$root "$@"
}

fail() {
  echo "FAILED: $*"
  exit 1
}

skip() {
  echo "skipped: $*"
  exit 77
}

# expect CODE COMMAND...: runs it with its output in the file `said`, and compares the exit code.
expect() {
  local code=$1 got=0
  shift
  "$@" >said 2>&1 </dev/null || got=$?
  [[ $got == "$code" ]] || {
    cat said
    fail "exit code $got, not $code: $*"
  }
}

# said TEXT: the last expected command said it.
said() {
  grep -qF -- "$1" said || {
    cat said
    fail "not said: $1"
  }
}

# same_tables A B: every table below the two roots is the same, byte by byte, but for the timings.
same_tables() {
  [[ -s $1/small/tables/methods.csv ]] || fail "$1 has no tables"
  diff -r --exclude='timings*' "$1/small/tables" "$2/small/tables" >difference || {
    head -20 difference
    fail "the tables of $1 and $2 differ"
  }
}

# wait_for SECONDS COMMAND...: until it succeeds.
wait_for() {
  local until=$((SECONDS + $1))
  shift
  until "$@"; do
    ((SECONDS < until)) || fail "waited in vain for: $*"
    sleep 0.1
  done
}

# has_records ROOT N: the journals below ROOT hold at least N records.
has_records() { (($(cat "$1"/small/cells/*/*/seed*/journal.jsonl 2>/dev/null | wc -l) >= $2)); }
