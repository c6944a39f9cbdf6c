#!/usr/bin/env bash
# A folder that transformers saved, of every family, gives through the whole program the loss that
# transformers gives (tests/peers/families.py made them).
source "$(dirname "${BASH_SOURCE[0]}")/prelude.sh" "$@"
families=$here/../families

# column NAME FILE: of a CSV's first row.
column() { awk -F, -v name="$1" 'NR == 1 { for (i = 1; i <= NF; ++i) if ($i == name) at = i }
                                 NR == 2 { print $at }' "$2"; }

count=0
for folder in "$families"/*/; do
  name=$(basename "$folder")
  cat >spec.yaml <<EOF
model: $folder
tasks: [{name: rows, train: $families/rows.tsv, dev: $families/rows.tsv, text: [first, second],
         label: label, labels: [contradiction, entailment, neutral], metric: accuracy}]
seeds: 1
recipe: {lr: 1e-12, batch_size: 8, max_steps: 1, snapshots: 1, max_length: 48}
methods: [fine_tune]
EOF
  expect 0 "$runner" check --files spec.yaml
  ! grep -q note: said || fail "$name: its own head and tensors are not taken as they are: $(cat said)"
  expect 0 "$runner" spec.yaml name="$name"
  ours=$(column report_loss runs/$name/tables/trials.csv)
  theirs=$(grep -oE '"loss on rows.tsv":[0-9.e-]+' "$folder/reference.json" | cut -d: -f2)
  awk -v a="$ours" -v b="$theirs" 'BEGIN { exit !(a > b - 2e-6 && a < b + 2e-6) }' ||
    fail "$name: the loss is $ours, in transformers $theirs"
  count=$((count + 1))
done
((count == 7)) || fail "$count families"

# The head of another task is replaced, and a missing pooler made: both are said.
cp -r "$families/bert" other
sed -i 's/"entailment"/"yes"/' other/config.json
sed "s|^model: .*|model: ./other|" spec.yaml >other.yaml
expect 0 "$runner" check --files other.yaml
said "other: the head for [yes, neutral, contradiction] is replaced by a fresh one"
expect 0 "$runner" other.yaml
said "other: the head for"

# What a run would stumble over is found before it, all at once.
cp -r "$families/mpnet" broken
truncate -s -100 broken/model.safetensors
sed '3s/[a-z]*$/perhaps/' "$families/rows.tsv" >broken.tsv
sed -i 's/"vocab"/"vocap"/' broken/tokenizer.json
sed "s|^model: .*|model: ./broken|; s|train: [^,]*|train: broken.tsv|" spec.yaml >broken.yaml
expect 2 "$runner" check --files broken.yaml
said "broken/tokenizer.json"
said "broken/model.safetensors"
said "broken.tsv:3"
expect 2 "$runner" check --files spec.yaml recipe.batch_size=1000
said "batch_size 1000"
expect 2 "$runner" check --files spec.yaml recipe.snapshots=3
said "snapshots is 3"
rm broken/model.safetensors
echo PK >broken/pytorch_model.bin
expect 2 "$runner" check --files broken.yaml
said "pytorch_model.bin is PyTorch's pickle"
