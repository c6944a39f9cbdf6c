"""A model's folder in transformers: model_peer.py RUNNER FOLDER ROWS.jsonl

Loads the folder by AutoModelForSequenceClassification, and fails where a log-probability, or a
value, of `runner predict` is further than 1e-5 from what it says of a row.
"""
import json
import math
import subprocess
import sys

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

runner, folder, file = sys.argv[1:]
rows = [json.loads(line)["text"] for line in open(file)]
said = subprocess.run([runner, "predict", folder, file], capture_output=True, text=True, check=True)
ours = [json.loads(line) for line in said.stdout.splitlines()]
assert len(ours) == len(rows), (len(ours), len(rows))
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32).eval()
worst = 0.0
for row, answer in zip(rows, ours):
    with torch.no_grad():
        logits = model(**tokenizer(*row, truncation=True, return_tensors="pt")).logits[0].double()
    if "value" in answer:
        worst = max(worst, abs(answer["value"] - logits.item()))
        continue
    expected = torch.log_softmax(logits, 0)
    assert [model.config.id2label[i] for i in range(len(expected))] == list(answer["probabilities"])
    for value, log in zip(answer["probabilities"].values(), expected):
        worst = max(worst, abs(math.log(value) - log.item()))
    assert answer["label"] == model.config.id2label[int(logits.argmax())], (row, answer, logits)
print(f"{folder}: {len(rows)} rows, at most {worst:.1e} from transformers")
sys.exit(worst > 1e-5)
