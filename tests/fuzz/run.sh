#!/usr/bin/env bash
# The long form of the fuzzing: Clang's libFuzzer with AddressSanitizer and UndefinedBehaviorSanitizer
# over each reader of targets.cpp, one after another, from the files in corpus/ and what earlier runs
# have come to in build-fuzz/found/. Prints a line for each; ends with 1 where one has a finding,
# whose input then lies in build-fuzz/findings/: it belongs into corpus/ with the mend.
#
#   tests/fuzz/run.sh SECONDS [TARGET...]     needs clang-16
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
(($# > 0)) && [[ $1 =~ ^[0-9]+$ ]] || { sed -n 's/^#   /usage: /p' "$0" >&2; exit 2; }
seconds=$1
shift
mkdir -p build-fuzz
tools/build.sh fuzz fuzz >build-fuzz/build.log 2>&1 || { tail -n 40 build-fuzz/build.log; exit 1; }
(($# > 0)) || mapfile -t all < <(build-fuzz/tests/fuzz | awk '{ print $1 }')
(($# > 0)) || set -- "${all[@]}"

# What comes from Debian's libraries is not instrumented: of its containers nothing is known.
export ASAN_OPTIONS=detect_container_overflow=0:allocator_may_return_null=1${ASAN_OPTIONS:+:$ASAN_OPTIONS}
export UBSAN_OPTIONS=print_stacktrace=1
status=0
for target; do
  mkdir -p "build-fuzz/found/$target" "build-fuzz/findings"
  log=build-fuzz/$target.log
  result=ok
  FUZZ_TARGET=$target build-fuzz/tests/fuzz "build-fuzz/found/$target" "tests/fuzz/corpus/$target" \
    -max_total_time="$seconds" -max_len=4096 -timeout=5 -rss_limit_mb=2048 -print_final_stats=1 \
    -dict=tests/fuzz/words.dict -artifact_prefix="build-fuzz/findings/$target-" >"$log" 2>&1 ||
    { result="FINDING, see $log"; status=1; }
  awk -v target="$target" -v result="$result" '
    /cov: / { for (i = 1; i < NF; i++) if ($i == "cov:") cov = $(i + 1) }
    /stat::number_of_executed_units/ { runs = $2 }
    /stat::peak_rss_mb/ { rss = $2 }
    /^Done / { seconds = $(NF - 1) }
    END { printf "%-18s %10d executions %6d s  coverage %6d  %5d MB  %s\n", target, runs, seconds, cov, rss, result }' "$log"
done
exit $status
