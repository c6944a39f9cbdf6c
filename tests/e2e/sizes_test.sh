#!/usr/bin/env bash
# Numbers, names and nestings in files of others that ask for more than there is: refused by the file's
# name, in memory of the order of the file's size. The time of each is printed, and none may take a minute.
source "$(dirname "${BASH_SOURCE[0]}")/prelude.sh" "$@"
cp -r "$here/../../data/tiny_roberta" model
echo '{"text": ["a"]}' >rows.jsonl

python3 - <<'PY'
import json, os, shutil, struct

def folder(name, **config):
    shutil.copytree('model', name)
    with open('model/config.json') as file:
        values = json.load(file) | config
    with open(f'{name}/config.json', 'w') as file:
        json.dump(values, file)

def weights(name, header, length=None):
    folder(name)
    with open(f'{name}/model.safetensors', 'wb') as file:
        file.write(struct.pack('<Q', length or len(header)) + header)

folder('wide', hidden_size=10**9)
folder('deep', num_hidden_layers=10**9)
folder('wordy', vocab_size=2 * 10**9)
folder('long', max_position_embeddings=10**9)
folder('labelled', id2label={str(i): f'L{i}' for i in range(100_000)})
weights('tensors', json.dumps({f't{i}': {'dtype': 'F32', 'shape': [0], 'data_offsets': [0, 0]}
                               for i in range(1_200_000)}).encode())
weights('hole', b'{}', 10**18)
weights('brackets', b'[' * 50_000_000)
folder('token')
for name in ('vocab.json', 'merges.txt'):
    os.remove(f'token/{name}')
with open('token/tokenizer.json', 'w') as file:
    json.dump({'model': {'type': 'BPE', 'vocab': {f'w{i}': i for i in range(500_000)},
                         'merges': [f'w{i} w{i + 1}' for i in range(100_000)]}}, file)

def text(name, *parts):
    with open(name, 'w') as file:
        file.writelines(parts)

text('laughs.yaml', 'a: &a [x, x, x, x, x, x, x, x, x]\n',
     *(f'{chr(98 + i)}: &{chr(98 + i)} [{", ".join(["*" + chr(97 + i)] * 9)}]\n' for i in range(9)))
text('nested.yaml', 'model: ', '[' * 100_000)
text('keys.yaml', 'model: model\ntasks: [RTE]\n', *(f'k{i}: 1\n' for i in range(200_000)))
own = 'model: model\ntasks: [RTE]\n'
text('seeds.yaml', own, 'seeds: 1000000000\n')
text('trials.yaml', own, 'methods: [bo]\nouter: {trials: 2000000000}\n')
text('methods.yaml', own, f'methods: [{", ".join(["fine_tune"] * 100_000)}]\n')
text('snapshots.yaml', own, 'methods: [swa]\nrecipe: {snapshots: 1000000000}\n')
text('epochs.yaml', own, 'recipe: {epochs: 1e300}\n')
text('space.yaml', 'objective: loss\nvariables:\n  lr: {type: real, low: 0, high: 1}\n')
text('spaces.yaml', 'objective: loss\nvariables:\n',
     *(f'  x{i}: {{type: real, low: 0, high: 1}}\n' for i in range(100_000)))
text('field.csv', 'lr,loss\n', '1' * 50_000_000, '\n')
text('rows.csv', 'lr,loss\n', *(f'{i / 200_000},{i}\n' for i in range(200_000)))
PY

# The size of what a call allows itself: what the program takes without any file, and 10 bytes for each.
cat >measure.py <<'PY'
import os, sys, time
path, command = sys.argv[1], sys.argv[2:]
began = time.time()
child = os.posix_spawn(command[0], command, os.environ)
_, status, usage = os.wait4(child, 0)
size = sum(entry.stat().st_size for entry in os.scandir(path)) if os.path.isdir(path) else os.stat(path).st_size
print(f'{path}: {time.time() - began:.2f} s, {usage.ru_maxrss / 1024:.0f} MB for a file of {size / 1e6:.0f} MB', file=sys.stderr)
if usage.ru_maxrss * 1024 > 400e6 + 10 * size:
    sys.exit(f'{path}: took {usage.ru_maxrss / 1024:.0f} MB')
sys.exit(os.waitstatus_to_exitcode(status))
PY
refused() {  # refused FILE COMMAND...
  expect 2 timeout 60 python3 measure.py "$1" "$runner" "${@:2}"
  said "$1"
  grep ' s, .* MB for a file of ' said
}
for model in wide deep wordy long labelled tensors hole brackets; do
  refused $model predict $model rows.jsonl
done
refused token tokenize --model token
for file in laughs nested keys seeds trials methods snapshots epochs; do
  refused $file.yaml check $file.yaml
done
refused spaces.yaml suggest --space spaces.yaml
refused field.csv suggest --space space.yaml --history field.csv
refused rows.csv suggest --space space.yaml --history rows.csv
echo ok
