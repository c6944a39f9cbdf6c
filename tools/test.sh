#!/usr/bin/env bash
# Everything that CI runs: the tests of the release build (format, layering, every layer, the program
# as a whole), then the torch-free tests and the loaders under AddressSanitizer and
# UndefinedBehaviorSanitizer. Goes on after a failure; the last line counts all test cases.
#
#   tools/test.sh [PRESET...]      default: release asan
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
(($#)) || set -- release asan

passed=0 failed=0 skipped=0

# Adds a ctest run to the counts: every case of a doctest executable, every other test as one.
count() {
  local p f s
  read -r p f s < <(awk '
    /<testcase / { status = $0; sub(/.*status="/, "", status); sub(/".*/, "", status); cases = 0 }
    /<skipped message="SKIP_RETURN_CODE/ { status = "skip" }
    /\[doctest\] test cases:/ { split($0, n, "|"); cases = 1; good = n[2] + 0; bad = n[3] + 0 }
    /<\/testcase>/ {
      if (status == "skip") skip++
      else if (!cases) status == "run" ? pass++ : fail++
      else { pass += good; fail += bad; if (status != "run" && !bad) fail++ } }
    END { print pass + 0, fail + 0, skip + 0 }' "$1")
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
}

run_preset() {
  local preset=$1 folder=build-$1
  [[ $preset != release ]] || folder=build
  if ! tools/build.sh "$preset"; then
    echo "preset $preset: the build failed"
    failed=$((failed + 1))
    return
  fi
  rm -f "$folder/tests.xml"
  ctest --test-dir "$folder" --parallel "$(nproc)" --output-on-failure --no-tests=error \
    --test-output-size-passed 1000000 --test-output-size-failed 1000000 \
    --output-junit tests.xml || status=1
  count "$folder/tests.xml"
  sed -n 's/.*\(skipped: .*\)/\1/p' "$folder/tests.xml" | sort -u
}

status=0
tools/setup.sh format fetch schema results || failed=1
for preset; do run_preset "$preset"; done
# What needs data from outside the repository is run where they are, and said where they are not.
for kind in reference glue models; do
  variable=RUNNER_${kind^^}
  [[ -d ${!variable:-../shared/$kind} ]] ||
    echo "skipped: the tests on $kind data: no folder ${!variable:-../shared/$kind} ($variable names another)"
done
((failed == 0)) || status=1
echo "$passed passed, $failed failed, $skipped skipped"
exit $status
