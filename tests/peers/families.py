"""Holds every family of encoders against transformers.

Makes a folder for each family (a tiny random model and a tokenizer trained here, both written by
save_pretrained), scores and trains it with transformers, and writes what came out beside it.

    python tests/peers/families.py --golden tests/families
    python tests/peers/families.py build/runner

The first wrote the folders that the tests read. The second makes larger ones with another seed,
takes each from end to end through the program and compares the loss on the same rows; it prints a
table and exits 1 where one differs.

Needs what tokenize_all.py needs, and torch.
"""
import argparse
import csv
import json
import pathlib
import random
import subprocess
import sys
import tempfile

import torch
import transformers
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer

import tokenize_all

FAMILIES = ("roberta", "xlm-roberta", "camembert", "bert", "distilbert", "electra", "mpnet")
LABELS = ("entailment", "neutral", "contradiction")
LONGEST = 48


def config_of(family, size, vocabulary, pad):
    hidden, heads, layers, inner = size
    positions = LONGEST + (2 if pad == 1 else 0)
    settings = dict(vocab_size=vocabulary, max_position_embeddings=positions, pad_token_id=pad)
    if family == "distilbert":
        settings |= dict(dim=hidden, n_heads=heads, n_layers=layers, hidden_dim=inner, dropout=0.0,
                         attention_dropout=0.0, seq_classif_dropout=0.0)
    else:
        settings |= dict(hidden_size=hidden, num_attention_heads=heads, num_hidden_layers=layers,
                         intermediate_size=inner, hidden_dropout_prob=0.0,
                         attention_probs_dropout_prob=0.0)
    if family in ("roberta", "xlm-roberta", "camembert"):
        settings |= dict(type_vocab_size=1, layer_norm_eps=1e-5)
    if family == "electra":
        settings |= dict(embedding_size=hidden - 4)
    return AutoConfig.for_model(family, **settings, attn_implementation="eager",
                                id2label=dict(enumerate(LABELS)),
                                label2id={label: i for i, label in enumerate(LABELS)})


def random_model(config):
    model = AutoModelForSequenceClassification.from_config(config)
    for name, weights in model.named_parameters():
        if "relative" in name:
            torch.nn.init.normal_(weights, 0.0, 0.5)
        elif weights.dim() > 1:
            torch.nn.init.normal_(weights, 0.0, 0.15)
        else:
            weights.data.add_(torch.randn_like(weights) * 0.05)
    return model


def batches_of(rng, config, count):
    pad, out = config.pad_token_id, []
    for _ in range(count):
        rows, length = 4, rng.randint(6, LONGEST)
        ids = torch.randint(5, config.vocab_size, (rows, length))
        for i in range(1, rows):
            ids[i, rng.randint(3, length):] = pad
        types = torch.zeros_like(ids)
        if getattr(config, "type_vocab_size", 0) > 1:
            types[:, length // 2:] = 1
            types[ids == pad] = 0
        out.append(dict(input_ids=ids, attention_mask=(ids != pad).long(), token_type_ids=types,
                        labels=torch.randint(0, len(LABELS), (rows,))))
    return out


def reference_of(model, rng):
    """As the tests read it: padded batches; logits, loss and gradients of the first; 24 steps."""
    batches = batches_of(rng, model.config, 6)
    has_types = getattr(model.config, "type_vocab_size", 0) > 0

    def run(batch):
        return model(**{k: v for k, v in batch.items() if k != "token_type_ids" or has_types})

    def norm(gradient):
        return gradient.norm().item()

    model.eval()
    first = run(batches[0])
    first.loss.backward()
    out = {"batches": [{k: v.tolist() for k, v in batch.items()} for batch in batches],
           "logits": first.logits.tolist(), "loss": first.loss.item(),
           "grad_norms": {n: norm(p.grad) for n, p in model.named_parameters()
                          if p.grad is not None}}
    model.zero_grad()
    model.train()
    # As Hugging Face's Trainer divides them: by "bias" anywhere in the name.
    decayed = [p for n, p in model.named_parameters() if p.dim() > 1 and "bias" not in n]
    others = [p for n, p in model.named_parameters() if not (p.dim() > 1 and "bias" not in n)]
    settings = dict(lr=2e-3, betas=(0.9, 0.98), eps=1e-6, weight_decay=0.1, max_grad_norm=1.0,
                    warmup_steps=3, total_steps=24)
    optimizer = torch.optim.AdamW([{"params": decayed, "weight_decay": settings["weight_decay"]},
                                   {"params": others, "weight_decay": 0.0}], lr=settings["lr"],
                                  betas=settings["betas"], eps=settings["eps"])
    schedule = transformers.get_linear_schedule_with_warmup(
        optimizer, settings["warmup_steps"], settings["total_steps"])
    losses, norms, rates = [], [], []
    for step in range(settings["total_steps"]):
        result = run(batches[step % len(batches)])
        result.loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(),
                                                    settings["max_grad_norm"]).item())
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        losses.append(result.loss.item())
    model.eval()
    out["training"] = {"hyperparameters": settings, "losses": losses,
                       "grad_norms_before_clipping": norms, "learning_rates": rates,
                       "final_logits": run(batches[0]).logits.tolist()}
    return out


def sentence(rng, words):
    return " ".join(rng.choice(tokenize_all.WORDS) for _ in range(words))


def rows_of(rng, count):
    return [(sentence(rng, rng.randint(1, 9)), sentence(rng, rng.randint(1, 9)),
             rng.choice(LABELS)) for _ in range(count)]


def write_rows(path, rows):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_NONE,
                            quotechar=None)
        writer.writerows([("first", "second", "label"), *rows])


def loss_on(model, tokenizer, rows):
    batch = tokenizer([row[0] for row in rows], [row[1] for row in rows], padding=True,
                      truncation=True, max_length=LONGEST, return_tensors="pt")
    model.eval()
    with torch.no_grad():
        logits = model(**batch).logits
    return torch.nn.functional.cross_entropy(
        logits, torch.tensor([LABELS.index(row[2]) for row in rows])).item()


def make(folder, size, seed, rows, normalised=True):
    """NAME, FOLDER, model, its loss on the rows."""
    lines = list(tokenize_all.corpus(random.Random(seed), 200))
    with tempfile.TemporaryDirectory() as trained:
        for name, source in tokenize_all.older_files(pathlib.Path(trained), lines):
            if name not in FAMILIES:
                continue
            if not normalised and name in ("xlm-roberta", "camembert"):  # whose rules are 300 KB
                tokenize_all.train_sentencepiece(source, lines, normalization_rule_name="identity")
            tokenizer = AutoTokenizer.from_pretrained(source)
            torch.manual_seed(seed)
            model = random_model(config_of(name, size, len(tokenizer), tokenizer.pad_token_id))
            tokenizer.save_pretrained(folder / name)
            model.save_pretrained(folder / name)
            yield name, folder / name, model, loss_on(model, tokenizer, rows)


def write_golden(root):
    root.mkdir(exist_ok=True)
    rows = rows_of(random.Random(5), 24)
    write_rows(root / "rows.tsv", rows)
    tokenize_all.SIZES.update(bytes=270, words=170, pieces=170)
    for name, folder, model, loss in make(root, (16, 2, 2, 24), 5, rows, normalised=False):
        out = {"made by": f"tests/peers/families.py with transformers {transformers.__version__}, "
                          f"torch {torch.__version__}",
               "loss on rows.tsv": loss, **reference_of(model, random.Random(6))}
        if name == "mpnet":
            encoder = transformers.models.mpnet.modeling_mpnet.MPNetEncoder
            out["relative buckets"] = encoder.relative_position_bucket(
                torch.arange(-300, 301)).tolist()
        (folder / "reference.json").write_text(json.dumps(out, separators=(",", ":")) + "\n")
        print(name, loss)


SPEC = """model: {folder}
tasks: [{{name: rows, train: rows.tsv, dev: rows.tsv, text: [first, second], label: label,
         labels: [contradiction, entailment, neutral], metric: accuracy}}]
seeds: 1
recipe: {{lr: 1e-12, batch_size: 8, max_steps: 1, snapshots: 1, max_length: {longest}}}
methods: [fine_tune]
"""


def through_the_program(runner):
    rows = rows_of(random.Random(8), 400)
    same = True
    with tempfile.TemporaryDirectory() as root:
        root = pathlib.Path(root)
        write_rows(root / "rows.tsv", rows)
        for name, folder, _, loss in make(root, (96, 4, 4, 192), 7, rows):
            (root / "spec.yaml").write_text(SPEC.format(folder=folder, longest=LONGEST))
            for verb in (["check", "--files"], []):
                done = subprocess.run([runner, *verb, "spec.yaml", f"name={name}"], cwd=root,
                                      capture_output=True, text=True)
                if done.returncode != 0:
                    break
            if done.returncode != 0:
                print(f"{name:12} exit {done.returncode}: {done.stderr.strip()[-300:]}")
                same = False
                continue
            with open(root / "runs" / name / "tables" / "trials.csv") as file:
                ours = float(next(csv.DictReader(file))["report_loss"])
            same &= abs(ours - loss) <= 2e-6 * max(1.0, loss)
            print(f"{name:12} {loss:.7f} transformers, {ours:.7f} ours, {ours - loss:+.1e}",
                  flush=True)
    return same


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("runner", nargs="?", type=lambda path: pathlib.Path(path).resolve())
    arguments.add_argument("--golden", type=pathlib.Path)
    options = arguments.parse_args()
    torch.set_num_threads(1)
    if options.golden:
        write_golden(options.golden)
    if options.runner:
        sys.exit(0 if through_the_program(options.runner) else 1)


if __name__ == "__main__":
    main()
