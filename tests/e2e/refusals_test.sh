#!/usr/bin/env bash
# What is wrong with a command line or a spec is said, with exit code 2, before anything is written.
source "$(dirname "${BASH_SOURCE[0]}")/prelude.sh" "$@"
export RUNNER_RUNS=$scratch/runs

# A spec beside `small.yaml` in all but the given sed expression.
changed() {
  sed -e "s|\.\./\.\./data|$here/../../data|" -e "$1" "$spec" >changed.yaml
  ! cmp -s "$spec" changed.yaml || fail "sed changed nothing: $1"
}

expect 0 "$runner" --help
said "usage: runner FILE.yaml"
expect 0 "$runner" --version
expect 2 "$runner"
expect 2 "$runner" nosuch.yaml
said "nosuch.yaml"
expect 2 "$runner" merg "$spec"
said "'merg'"
expect 2 "$runner" "$spec" --sahrd 0/2
said "sahrd"
expect 2 "$runner" "$spec" --shard 2/2
said "2/2"
expect 2 "$runner" check "$spec" recipe.lr=fast
said "fast"
expect 0 "$runner" check "$spec"

# A GPU that LibTorch cannot use is no thing to learn in a queue.
"$runner" doctor >doctor || true
if grep -q '^LibTorch .*+cpu' doctor; then
  expect 2 "$runner" check --files "$spec" device=cuda:0
  said "device 'cuda:0': this LibTorch ("
  expect 2 "$runner" slurm "$spec" 'device=[cuda:0, cuda:1]'
  said "is one for CPUs"
fi

# Every problem at once, each with its line and column, the source line and a caret.
changed 's/batch_size: 16, epochs/batch_sise: 16, epochs/; s/RTE, STS-B/RTE, STSS-B/'
expect 2 "$runner" changed.yaml
said "changed.yaml:8:20: "
said "'batch_sise'"
said "did you mean 'batch_size'"
said "'STSS-B'"
said "^"

changed 's/low: 2e-4/low: 0/'
expect 2 "$runner" changed.yaml
said "low"
changed 's/low: 2e-4/low: 1/'
expect 2 "$runner" changed.yaml
changed 's/^seeds: 2/seeds: 2\nseeds: 3/'
expect 2 "$runner" changed.yaml
said "seeds"
changed 's/^tasks: .*/tasks: [/'
expect 2 "$runner" changed.yaml

# Data and weights that are not there are all named before anything trains.
expect 2 "$runner" "$spec" data.root=nowhere model=./no_model
said "nowhere/RTE/train.tsv"
said "nowhere/STS-B/dev.tsv"
said "no_model/config.json"

# Broken data: file and place.
cp -r "$here/../../data/mini_glue" glue
sed -i '5s/\t/ /g' glue/RTE/train.tsv
expect 2 "$runner" "$spec" data.root=glue
said "RTE/train.tsv:5"
cp -r "$here/../../data/tiny_roberta" model
truncate -s 1000 model/model.safetensors
expect 2 "$runner" "$spec" model=./model
said "model.safetensors"

[[ ! -e runs || -z $(find runs -name journal.jsonl) ]] || fail "a refused run left results behind"

# Results of two specs do not mix.
expect 0 "$runner" "$spec" tasks=[RTE] 'methods=[fine_tune]' seeds=1 name=one
expect 2 "$runner" "$spec" tasks=[RTE] 'methods=[fine_tune]' seeds=1 name=one recipe.lr=2e-3
said "lr"
