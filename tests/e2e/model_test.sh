#!/usr/bin/env bash
# A study's model goes out and is used: export, predict, evaluate, from a folder as from a cell. With
# a Python that has transformers (RUNNER_PEER), it says the same there.
source "$(dirname "${BASH_SOURCE[0]}")/prelude.sh" "$@"

# A task of one's own: is the sentence about the cat?
write_rows() {
  local i animal=(cat dog hog pig) verb=(saw sold bought found)
  echo "id,sentence,\"the \"\"label\"\"\""
  for ((i = 0; i < $1; i++)); do
    local a=${animal[i * 7 % 4]}
    echo "$i,\"The ${verb[i / 4 % 4]} ${a}, on day $i.\",$([[ $a == cat ]] && echo yes || echo no)"
  done
}
glue=$here/../../data/mini_glue/STS-B
write_rows 96 >train.csv
write_rows 40 >dev.csv
cat >mine.yaml <<END
model: $here/../../data/tiny_roberta
runs: runs
tasks:
  - {name: mine, train: train.csv, dev: dev.csv, text: sentence, label: 'the "label"', labels: [no, yes], metric: [f1, accuracy]}
  - {name: alike, train: $glue/train.tsv, dev: $glue/dev.tsv, text: [sentence1, sentence2], label: score, metric: [pearson, mse]}
data: {max_train_rows: 96, max_dev_rows: 40}
recipe: {lr: 1e-3, batch_size: 16, epochs: 2, max_length: 48, snapshots: 4, target_scale: 5}
search: {lr: {type: real, low: 2e-4, high: 5e-3, scale: log}}
outer: {trials: 4, initial: 2}
inner: {evaluations: 12, rows: 32}
methods: [fine_tune, {bilevel: {outer: ei, inner: ucb}}]
soup: [greedy]
END
"$runner" mine.yaml --quiet >/dev/null || fail "the study"

# The folder is whole, and what it holds says what it is.
expect 0 "$runner" export mine.yaml --cell 'mine/bilevel(ei,ucb)/seed0' out
for file in config.json model.safetensors vocab.json merges.txt README.md; do
  [[ -s out/$file ]] || fail "no $file"
done
[[ $(ls out | wc -l) == 5 ]] || fail "more than that: $(ls out)"
grep -q '"no"' out/config.json || fail "no label names"
grep -qF 'single_label_classification' out/config.json || fail "no problem type"
for words in 'lambda' 'alpha' 'report (dev' 'runner export mine.yaml' 'the "label"' 'trainer'; do
  grep -qF "$words" out/README.md || fail "not in the card: $words"
done
expect 2 "$runner" export mine.yaml --cell 'mine/bilevel(ei,ucb)/seed0' out
said "out: is there already"
expect 0 "$runner" export mine.yaml --best alike number
grep -qF '"regression"' number/config.json || fail "no regression"
expect 0 "$runner" export mine.yaml outer.trials=9 --best alike more
said "note: not complete, and so not looked at: alike/bilevel(ei,ucb)/seed0"

# A cell and its folder answer alike, to the byte, however the rows come.
cell=runs/mine/cells/mine/bilevel_ei_ucb/seed0
"$runner" predict "$cell" --columns sentence dev.csv >by_cell
"$runner" predict out --max-length 48 --columns 1 dev.csv >by_folder
cmp by_cell by_folder || fail "the cell and its folder differ"
[[ $(wc -l <by_cell) == 40 ]] || fail "not an answer a row"
gzip -k dev.csv
"$runner" predict out --max-length 48 --columns sentence dev.csv.gz | cmp - by_cell || fail "gzip"
sed -n '2,$s/^[0-9]*,"\(.*\)",.*/{"text": ["\1"]}/p' dev.csv >dev.jsonl
"$runner" predict out --max-length 48 <dev.jsonl | cmp - by_cell || fail "JSON lines"
"$runner" predict out --max-length 48 --threads 1 dev.jsonl | cmp - by_cell || fail "one thread"
"$runner" predict out --format csv <dev.jsonl | head -1 | grep -qx 'label,probability_no,probability_yes' || fail "CSV"
"$runner" predict number --format csv <dev.jsonl | head -1 | grep -qx 'value' || fail "CSV of numbers"

# So is a soup's: made of several runs, and made again where the store has lost it.
soup='mine/greedy_soup(bilevel(ei,ucb))/seed0'
expect 0 "$runner" export mine.yaml --cell "$soup" soup
grep -qF 'fused models of 4 training runs' soup/README.md || fail "the card does not tell of a soup"
"$runner" evaluate soup --task mine --spec mine.yaml --format jsonl >soup_scores
grep -qF "\"accuracy\":$(sed -n 's/^| report ([^|]*| accuracy | \(.*\) |$/\1/p' soup/README.md)" soup_scores ||
  fail "a soup scores $(cat soup_scores)"
rm -r runs/mine/store
expect 0 "$runner" export mine.yaml --cell "$soup" again
cmp soup/model.safetensors again/model.safetensors || fail "the soup is another one"

# The scores are the tables'.
chosen=$(sed -n 's/^| report ([^|]*| accuracy | \(.*\) |$/\1/p' out/README.md)
expect 0 "$runner" evaluate "$cell" --task mine --spec mine.yaml --format jsonl
said "\"accuracy\":$chosen"
cp said by_spec
expect 0 "$runner" evaluate out --task mine --spec mine.yaml --format jsonl
cmp said by_spec || fail "the cell and its folder have other scores"
expect 0 "$runner" evaluate out --max-length 48 --columns sentence --label 'the "label"' --metric accuracy dev.csv
said "$chosen"
# A number's too, in the labels' unit, however training scaled them; folded into the head it rounds.
expect 0 "$runner" evaluate number --task alike --spec mine.yaml --format jsonl
for metric in pearson mse; do
  card=$(sed -n "s/^| report ([^|]*| $metric | \(.*\) |\$/\1/p" number/README.md)
  sed -n "s/.*\"$metric\":\([-0-9.e]*\).*/\1/p" said |
    awk -v card="$card" '{exit !($1 - card < 1e-4 && card - $1 < 1e-4 && card > 0)}' || fail "$metric of the card: $card"
done

# The run begins anew from the exported folder: it is one that the program reads.
sed "s|^model: .*|model: $scratch/out|; s|^runs: .*|runs: again|" mine.yaml >again.yaml
expect 0 "$runner" check --files again.yaml

# What a store dropped is trained again, to the same bits.
rm -rf runs/mine/store
grep -q '"run":"[0-9a-f]\{32\}"' "$cell/journal.jsonl" || fail "a trial does not name its run"
expect 0 "$runner" export mine.yaml --cell 'mine/bilevel(ei,ucb)/seed0' out_again
said "mine: the training run is not in the store any more; it is trained again"
cmp out/model.safetensors out_again/model.safetensors || fail "trained again, other bits"

# Wrong uses, each with its own word.
refuse() {
  local words=$1
  shift
  expect 2 "$runner" "$@"
  said "$words"
}
refuse "a spec and a folder are needed" export mine.yaml
refuse "names no cell; there are" export mine.yaml --cell nosuch new
refuse "names several cells" export mine.yaml --cell mine new
refuse "names several cells" export mine.yaml new
refuse "no task of this name (tasks: mine, alike)" export mine.yaml --best RTE new
refuse "not both" export mine.yaml --best mine --cell x new
refuse "there is no such folder" predict nosuch
refuse "has no fine-tuned head" predict "$here/../../data/tiny_roberta"
refuse "--columns A or --columns A,B is needed" predict out dev.csv
refuse "no column 'b'; the header has: id, sentence, the \"label\"" predict out --columns b dev.csv
refuse "one text or a pair" predict out --columns a,b,c dev.csv
refuse "by number or by name, not both" predict out --columns 0,sentence dev.csv
refuse "the model takes 1 to" predict out --max-length 1000 dev.jsonl
refuse "known are csv, jsonl" predict out --format xml dev.jsonl
refuse "known are fp32, bf16" predict out --precision fp16 dev.jsonl
refuse "known are tsv, csv, jsonl" predict out --input xml dev.jsonl
refuse "3 names for the model's 2 outputs" predict out --labels a,b,c dev.jsonl
refuse "none.jsonl: No such file or directory" predict out none.jsonl
refuse "are for tables, not for JSON" predict out --no-header dev.jsonl
refuse "MODEL is needed" evaluate out
refuse "is none of GLUE's" evaluate out --task mine
refuse "has no task 'RTE' (tasks: mine, alike)" evaluate out --task RTE --spec mine.yaml
refuse "its outputs are no, yes, not a number" evaluate out --task alike --spec mine.yaml
refuse "its outputs are no, yes, not entailment, not_entailment" evaluate out --task RTE --glue "$here/../../data/mini_glue"
refuse "known are dev, train" evaluate out --task mine --spec mine.yaml --split test
refuse "does not fit a model with 2 classes" evaluate out --columns sentence --label id --metric pearson dev.csv
refuse "is not a label of dev.csv; allowed: no, yes" evaluate out --columns sentence --label id dev.csv
printf '{"text": ["a"]}\n{"text": 1}\n' >broken
expect 2 "$runner" predict out --input jsonl broken
said '{"label": '
said "broken:2: expected"
for verb in export predict evaluate; do expect 0 "$runner" "$verb" --help && said "usage: runner $verb"; done

# The same in transformers.
[[ -n ${RUNNER_PEER:-} ]] || exit 0
"$RUNNER_PEER" "$here/model_peer.py" "$runner" out dev.jsonl
"$RUNNER_PEER" "$here/model_peer.py" "$runner" number dev.jsonl
