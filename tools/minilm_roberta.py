#!/usr/bin/env python3
"""Makes minilm-roberta, the small stand-in for RoBERTa-base that experiments/glue_nine.yaml trains:
all-MiniLM-L6-v2 in RoBERTa's architecture, with RoBERTa's vocabulary.

    minilm_roberta.py MINILM_BERT ROBERTA_BASE OUT     two folders as tools/fetch.sh lays them out

A token's embedding is the mean of the embeddings of its text's word pieces; one that continues a word
is the continuing piece where there is one, and one without a text of its own is the mean of all words.
Positions are shifted by 2, as RoBERTa counts them. Needs numpy, safetensors and tokenizers.
"""
import json
import pathlib
import shutil
import sys

import numpy as np
from safetensors.numpy import load_file, save_file
from tokenizers import BertWordPieceTokenizer

bert, roberta, out = map(pathlib.Path, sys.argv[1:])
out.mkdir(parents=True)

# Byte-level BPE writes a byte that is no visible character as the one of 256 and up.
visible = [*range(33, 127), *range(161, 173), *range(174, 256)]
hidden = [byte for byte in range(256) if byte not in visible]
byte_of = {chr(byte): byte for byte in visible} | {chr(256 + i): byte for i, byte in enumerate(hidden)}

tensors = load_file(bert / "model.safetensors")
pieces = tensors["embeddings.word_embeddings.weight"].astype(np.float32)
wordpiece = BertWordPieceTokenizer(str(bert / "vocab.txt"), lowercase=True)
special = {"<s>": "[CLS]", "</s>": "[SEP]", "<pad>": "[PAD]", "<unk>": "[UNK]", "<mask>": "[MASK]"}


def pieces_of(token):
    if token in special:
        return [wordpiece.token_to_id(special[token])]
    text = bytes(byte_of[c] for c in token).decode(errors="replace")
    if "\ufffd" in text:  # a part of a character
        return []
    continuing = wordpiece.token_to_id("##" + text.lower())
    if continuing is not None and text.isalnum():
        return [continuing]
    return wordpiece.encode(text, add_special_tokens=False).ids


vocabulary = json.loads((roberta / "vocab.json").read_text())
words = [not wordpiece.id_to_token(i).startswith("[") for i in range(len(pieces))]  # nor special or unused
embeddings = np.tile(pieces[words].mean(0), (len(vocabulary), 1))
for token, row in vocabulary.items():
    ids = pieces_of(token)
    if ids:
        embeddings[row] = pieces[ids].mean(0)

positions = tensors["embeddings.position_embeddings.weight"]
made = {name: tensor.astype(np.float16) for name, tensor in tensors.items()
        if not name.startswith("pooler.") and name != "embeddings.position_ids"}
made |= {
    "embeddings.word_embeddings.weight": embeddings.astype(np.float16),
    "embeddings.position_embeddings.weight":
        np.concatenate([np.zeros_like(positions[:2]), positions]).astype(np.float16),
    "embeddings.token_type_embeddings.weight":
        tensors["embeddings.token_type_embeddings.weight"][:1].astype(np.float16),
}
save_file(made, out / "model.safetensors")

config = json.loads((bert / "config.json").read_text())
config |= {"architectures": ["RobertaModel"], "model_type": "roberta", "vocab_size": len(vocabulary),
           "max_position_embeddings": len(positions) + 2, "type_vocab_size": 1,
           "pad_token_id": vocabulary["<pad>"], "bos_token_id": vocabulary["<s>"], "eos_token_id": vocabulary["</s>"]}
(out / "config.json").write_text(json.dumps(config, indent=2) + "\n")
for name in "vocab.json", "merges.txt":
    shutil.copyfile(roberta / name, out / name)
