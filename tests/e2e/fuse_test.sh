#!/usr/bin/env bash
# Folders of one architecture into one: by weights and by every rule, from a Trainer's checkpoints.
source "$(dirname "${BASH_SOURCE[0]}")/prelude.sh" "$@"

cat >three.yaml <<END
model: $here/../../data/tiny_roberta
runs: runs
data: {root: $here/../../data/mini_glue, max_train_rows: 96, max_dev_rows: 40}
tasks: [RTE]
seeds: 3
recipe: {lr: 1e-3, batch_size: 16, epochs: 1, max_length: 48, snapshots: 1}
methods: [fine_tune]
END
"$runner" three.yaml --quiet >/dev/null 2>&1 || fail "the study"
for seed in 0 1 2; do
  expect 0 "$runner" export three.yaml --cell seed$seed trainer/checkpoint-$((8 + seed))
done
models=(trainer/checkpoint-8 trainer/checkpoint-9 trainer/checkpoint-10)
task=(--task RTE --spec three.yaml)

# All weight on one model is that model, to the bit; the order is that of the steps.
expect 0 "$runner" fuse trainer --weights 0,0,1 last
cmp last/model.safetensors "${models[2]}/model.safetensors" || fail "not checkpoint-10"
cmp last/vocab.json "${models[0]}/vocab.json" || fail "no tokenizer"
grep -qF '| checkpoint-10 | 1 |' last/README.md || fail "no weights in the card"
# A mean is the mean.
expect 0 "$runner" fuse "${models[@]}" mean
expect 0 "$runner" fuse "${models[0]}" "${models[1]}" --weights 0.25,0.75 pair
if command -v python3 >/dev/null; then
  cat >mean.py <<'END'
import array, json, struct, sys
def read(folder):
    data = open(folder + "/model.safetensors", "rb").read()
    n = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + n])
    return {k: array.array("f", data[8 + n + v["data_offsets"][0] : 8 + n + v["data_offsets"][1]])
            for k, v in header.items() if k != "__metadata__"}
fused, weights = read(sys.argv[1]), [float(w) for w in sys.argv[2].split(",")]
models = [read(folder) for folder in sys.argv[3:]]
assert all(model.keys() == fused.keys() for model in models)
for name, values in fused.items():
    for i, value in enumerate(values):
        expected = sum(w * model[name][i] for w, model in zip(weights, models))
        assert abs(value - expected) <= 1e-6 * (1 + abs(expected)), (name, i, value, expected)
END
  python3 mean.py mean 0.333333333333,0.333333333333,0.333333333333 "${models[@]}"
  python3 mean.py pair 0.25,0.75 "${models[@]:0:2}"
fi

# The rules that measure: bo's loss is no worse than any single model's or their mean's, greedy's
# score neither.
expect 0 "$runner" fuse trainer --rule bo "${task[@]}" --evaluations 12 --rows 64 bo
awk -F'|' '/^\| (checkpoint|mean)/ {if (least == "" || $4 < least) least = $4} /^\| fused/ {exit !($4 <= least + 1e-6)}' said ||
  fail "bo's fusion is worse than what it began with"
expect 0 "$runner" fuse trainer --rule bo "${task[@]}" --evaluations 12 --rows 64 bo_again
cmp bo/model.safetensors bo_again/model.safetensors || fail "bo: other bits"
expect 0 "$runner" fuse trainer --rule greedy "${task[@]}" greedy
awk -F'|' '/^\| checkpoint/ {if ($5 > best) best = $5} /^\| fused/ {exit !($5 >= best)}' said ||
  fail "greedy is worse than the best model"
said "greedy chose by the dev scores"
expect 0 "$runner" fuse trainer --rule last last_again
cmp last_again/model.safetensors last/model.safetensors || fail "not the last model"
expect 0 "$runner" fuse trainer --rule lawa --last-k 2 lawa
expect 0 "$runner" fuse "${models[@]:1:2}" mean_of_two
cmp lawa/model.safetensors mean_of_two/model.safetensors || fail "not the mean of the last two"
# Descent begins at the mean of all, and does not end above it.
expect 0 "$runner" fuse trainer --rule learned "${task[@]}" --evaluations 6 --rows 64 learned
awk -F'|' '/^\| mean/ {mean = $4} /^\| fused/ {exit !($4 <= mean + 1e-6)}' said ||
  fail "descent went up"
for rule in best weighted ehvi; do
  expect 0 "$runner" fuse trainer --rule $rule "${task[@]}" --evaluations 9 --rows 64 $rule
  grep -q "With the weights of rule $rule" $rule/README.md || fail "$rule: no card"
done

# What comes out goes in again.
expect 0 "$runner" evaluate bo "${task[@]}" --precision fp32
expect 0 "$runner" fuse bo mean again
echo '{"text": ["a", "b"]}' | "$runner" predict again | grep -q entailment || fail "no answer"

refuse() {
  local words=$1
  shift
  expect 2 "$runner" fuse "$@"
  said "$words"
}
refuse "models and a new folder are needed" trainer
refuse "last: is there already" trainer last
refuse "there is no such folder" nosuch trainer new
refuse "one model alone is fused already" mean new
refuse "not both" trainer --weights 1,0,0 --rule swa new
refuse "2 weights for 3 models" trainer --weights 0.5,0.5 new
refuse "their sum is 1.5, not 1" trainer --weights 0.5,0.5,0.5 new
refuse "'x' is no number" trainer --weights 0.5,0.5,x new
refuse "known are last, best, swa, lawa, weighted, greedy, learned, bo, ehvi" trainer --rule ema new
refuse "--task says on what" trainer --rule bo new
refuse "--last-k, --evaluations and --rows must be at least 1" trainer --rule lawa --last-k 0 new
refuse "its outputs are entailment, not_entailment, not 0, 1" trainer --rule greedy --task CoLA --glue "$here/../../data/mini_glue" new
refuse "has no fine-tuned head" "$here/../../data/tiny_roberta" mean new
sed 's/"num_attention_heads": [0-9]*/"num_attention_heads": 4/' mean/config.json >config
cp -r mean other && cp config other/config.json
refuse "is of another architecture than mean" mean other new
cp -r mean renamed && sed -i 's/not_entailment/other/g' renamed/config.json
refuse "its outputs are entailment, other" mean renamed new
rm "${models[0]}"/{vocab.json,merges.txt} "${models[1]}"/{vocab.json,merges.txt} "${models[2]}"/{vocab.json,merges.txt}
refuse "--tokenizer DIR says where they are" trainer new
expect 0 "$runner" fuse trainer --tokenizer mean new
cmp new/vocab.json mean/vocab.json || fail "no tokenizer"
expect 0 "$runner" fuse --help
said "usage: runner fuse"
