#!/usr/bin/env bash
# Standard error that cannot be written to ends nothing; what standard output loses is a failure.
source "$(dirname "${BASH_SOURCE[0]}")/prelude.sh" "$@"
small=("$runner" "$spec" 'methods=[fine_tune]' tasks=[RTE] seeds=2)

# redirected CODE ROOT REDIRECTION COMMAND...: the command with a stream of its own.
redirected() {
  local code=$1 root=$2 redirection=$3 got=0
  shift 3
  RUNNER_RUNS=$scratch/$root bash -c "\"\$@\" $redirection" - "$@" || got=$?
  [[ $got == "$code" ]] || fail "exit code $got, not $code: $* $redirection"
}

expect 0 run plain "${small[@]}"
# A closed stream's number must not go to a file of the run, which would get what is printed.
for redirection in '2>/dev/full' '2>&-' '<&- 2>&-' '2> >(exec head -c 1 >/dev/null)'; do
  rm -rf "$scratch/quiet"
  redirected 0 quiet "$redirection >/dev/null" "${small[@]}"
  same_tables plain quiet
  redirected 2 quiet "$redirection >/dev/null" "$runner" check nosuch.yaml
done
redirected 2 loud '>&- 2>said' "${small[@]}"
said "standard output: Bad file descriptor"
same_tables plain loud

model=$here/../../data/tiny_roberta
printf 'objective: y\nvariables: {x: {type: real, low: 0, high: 1}}\n' >space.yaml
printf '{"text": ["a"]}\n' >lines
for redirection in '>/dev/full' '>&-'; do
  for command in --help --version list "list tasks" "plan $spec" "check $spec" \
    "suggest --space space.yaml" "tokenize --model $model <lines"; do
    code=0
    bash -c "'$runner' $command $redirection" 2>said || code=$?
    [[ $code == 2 ]] || fail "exit code $code: $command $redirection"
    said "standard output: "
  done
done
{
  sleep 0.2  # until nobody reads any more
  code=0
  "$runner" list 2>said || code=$?
  echo $code >code
} | true
[[ $(cat code) == 2 ]] || fail "exit code $(cat code): list into a closed pipe"
said "standard output: Broken pipe"
