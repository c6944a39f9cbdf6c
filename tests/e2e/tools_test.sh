#!/usr/bin/env bash
# What helps to learn the program and to live with it: version, doctor, schema, completion, man.
source "$(dirname "${BASH_SOURCE[0]}")/prelude.sh" "$@"
root=$here/../..

expect 0 "$runner" --version
grep -qE '^runner [0-9]+\.[0-9]+\.[0-9]+ \((no commit known|[0-9a-f]{7,}(-dirty)?)\)$' said ||
  fail "not a version with its commit: $(cat said)"

# doctor: a row for everything, from what is there.
mkdir -p home/runs glue models/small
cp -r "$root/data/mini_glue/RTE" glue/RTE
cp "$root/data/tiny_roberta/config.json" models/small/
doctor() { env HOME="$scratch/home" RUNNER_RUNS="$scratch/home/runs" RUNNER_GLUE="$scratch/glue" \
  RUNNER_MODELS="$scratch/models" "$@" "$runner" doctor; }
expect 0 doctor env
for row in runner system processor kernels 'BLAS of the search' LibTorch 'device: auto' threads memory \
  runs limits GLUE models; do
  grep -qE "^$row  +[^ ]" said || fail "doctor has no row $row"
done
said "~/runs: "
said "$scratch/glue: RTE"
said "$scratch/models: small"
(($(sed -nE 's/^threads +([0-9]+) .*/\1/p' said) >= 1)) || fail "no threads"
expect 0 doctor taskset -c 0
grep -qE '^threads +1 ' said || fail "one core of the affinity mask makes $(grep ^threads said)"
rm -r glue/RTE
expect 0 doctor env
said "glue: no task"
said "tools/fetch.sh"
expect 1 doctor env LIBTORCH="$scratch/nowhere"
said "no run can begin: cannot load the LibTorch that LIBTORCH names"
touch file
expect 1 doctor env RUNNER_RUNS="$scratch/file/runs"
said "file/runs cannot be written"
expect 0 "$runner" doctor --report
said '```'
said "What I had expected"
expect 2 "$runner" doctor --reprot

# schema: JSON, and the checked in reference.
"$runner" schema >schema.json
python3 -m json.tool schema.json >/dev/null || fail "the schema is no JSON"
"$runner" schema --markdown | cmp - "$root/docs/spec.md" || fail "docs/spec.md is not what the program writes"

# completion: what bash offers is what --help lists.
"$runner" completion bash >runner.bash
complete_bash() {
  bash -c 'source runner.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _runner; printf "%s\n" "${COMPREPLY[@]}"' \
    bash "$@"
}
touch here.yaml
[[ $(complete_bash runner '' | sort | xargs) == "$({ "$runner" --help | sed -nE 's/^  ([a-z]+) .*  .*/\1/p'; echo here.yaml; } |
  sort | xargs)" ]] || fail "bash offers other verbs than --help: $(complete_bash runner '' | xargs)"
[[ $(complete_bash runner check --f) == --files ]] || fail "bash does not complete check --f"
for verb in $("$runner" --help | sed -nE 's/^  ([a-z]+) .*  .*/\1/p'); do
  [[ $verb != bench ]] || continue
  "$runner" "$verb" --help | { grep -oE -- '--[a-z][a-z-]*' || true; echo --help; } | sort -u >flags
  complete_bash runner "$verb" -- | sort -u >offered
  comm -13 flags offered >extra
  [[ ! -s extra ]] || fail "$verb does not take $(head -1 extra)"
  grep -qx -- --help offered || fail "$verb --help is not offered"
done
expect 2 "$runner" completion tcsh
said "bash, zsh and fish"

# The others are at least scripts of their shells.
for shell in zsh fish; do
  "$runner" completion "$shell" >"runner.$shell"
  grep -q check "runner.$shell" || fail "$shell's completion knows no check"
  ! command -v "$shell" >/dev/null || "$shell" -n "runner.$shell" || fail "$shell does not read its completion"
done

# The manual page formats without a warning, and has every verb.
"$runner" man >runner.1
if command -v groff >/dev/null; then
  groff -man -Tutf8 -ww runner.1 >page 2>warnings || fail "groff: $(cat warnings)"
  [[ ! -s warnings ]] || fail "groff: $(head -3 warnings)"
fi
for verb in $("$runner" --help | sed -nE 's/^  ([a-z]+) .*  .*/\1/p'); do
  grep -q "^\.SS $verb\$" runner.1 || fail "the manual page has no $verb"
done
