"""Holds `runner tokenize` against transformers and the tokenizers package.

Makes a folder for each family and each way of saving it (tokenizers are trained here, on text made
here), tokenises random Unicode strings and pairs with both, and prints a table of what was compared.
Exits 1 where an id differs.

    python tests/peers/tokenize_all.py build/runner [--rows 10000] [--only NAME] [--folder DIR]
    python tests/peers/tokenize_all.py --golden tests/data/tokenizers.json

The second writes small folders and the ids that the peers make with them, for tests/data.

Needs transformers, tokenizers, sentencepiece and protobuf.
"""
import argparse
import base64
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import unicodedata

os.environ["TRANSFORMERS_VERBOSITY"] = "error"
os.environ["HF_HUB_OFFLINE"] = "1"
import sentencepiece  # noqa: E402
import tokenizers  # noqa: E402
import transformers  # noqa: E402
from tokenizers import models, normalizers, pre_tokenizers, processors, trainers  # noqa: E402

SIZES = {"bytes": 600, "words": 500, "pieces": 300}  # of vocabularies
WORDS = ("the a of and to in is was for on with as by at from it an be this that are or his which "
         "Caf\u00e9 na\u00efve \u00fcber stra\u00dfe ni\u00f1o \u043f\u0440\u0438\u0432\u0435\u0442 \u043c\u0438\u0440 \u03ba\u03cc\u03c3\u03bc\u03bf\u03c2 \u65e5\u672c\u8a9e \u4e2d\u6587 "
         "\ud55c\uad6d\uc5b4 \u0627\u0644\u0639\u0631\u0628\u064a\u0629 \u0939\u093f\u0928\u094d\u0926\u0940 don't can't we'll I'm 1990 42 3.14 "
         "sentence entailment model training weights average snapshot language learning").split()


def corpus(rng, lines):
    for _ in range(lines):
        yield " ".join(rng.choice(WORDS) + rng.choice(["", "", "", ",", ".", "!", "ing", "s"])
                       for _ in range(rng.randint(3, 20)))


SPECIAL = ["<s>", "</s>", "<unk>", "<mask>", "<pad>", "[CLS]", "[SEP]", "[MASK]", "[mask]", "[UNK]",
           "[E1]", "[/E1]", "Newword", "newword", "\u2581", "\ufb01", "\r\n", "e\u0301", "I\u0307", "\u212b",
           "\u00a0", "  ", "\t", "\u200b", "\u3000", "\u0130", "\uac00\u11a8", "\U0001F468\u200d\U0001F469\u200d\U0001F467",
           "\u0e33", "\u0958", "\u1e9b\u0323", "\u0344", "\uff21\uff22", "\u00bd", "\u2460", "\ufdfa"]
RANGES = [(0x20, 0x7F)] * 4 + [(0x00, 0x20), (0x80, 0x250), (0x250, 0x600), (0x300, 0x370),
          (0x600, 0xE00), (0xE00, 0x2000), (0x2000, 0x2C00), (0x3000, 0x3400), (0x4E00, 0x9FFF),
          (0xA000, 0xD7FF), (0xE000, 0x10000), (0x10000, 0x11FFF), (0x1E000, 0x1FFFF),
          (0x20000, 0x2FA20), (0xE0000, 0xE01F0)]


ASSIGNED_ONLY = ("nfc", "nfkd", "byte-level-split")  # their patterns ask Oniguruma for classes


def random_text(rng, assigned):
    parts = []
    for _ in range(rng.randint(0, 14)):
        kind = rng.random()
        if kind < 0.35:
            parts.append(rng.choice(WORDS))
        elif kind < 0.55:
            parts.append(rng.choice(SPECIAL))
        else:
            low, high = rng.choice(RANGES)
            parts.append("".join(chr(rng.randrange(low, high)) for _ in range(rng.randint(1, 5))))
        if rng.random() < 0.6:
            parts.append(" ")
    text = "".join(parts)
    return "".join(c for c in text if not 0xD800 <= ord(c) <= 0xDFFF and
                   not (assigned and unicodedata.category(c) == "Cn"))


def rows(seed, count):
    rng = random.Random(seed)
    for _ in range(count):
        pair = rng.random() < 0.4
        yield [random_text(rng, seed in ASSIGNED_ONLY) for _ in range(2 if pair else 1)]


def write_config(folder, model_type, vocab_size):
    config = {"model_type": model_type, "vocab_size": vocab_size, "max_position_embeddings": 514,
              "pad_token_id": 1 if model_type not in ("bert", "distilbert", "electra") else 0}
    (folder / "config.json").write_text(json.dumps(config))


def train_byte_level(folder, lines):
    trained = tokenizers.ByteLevelBPETokenizer()
    trained.train_from_iterator(lines, vocab_size=SIZES["bytes"],
                                special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    trained.save_model(str(folder))


def train_wordpiece(folder, lines, lower, special):
    trained = tokenizers.BertWordPieceTokenizer(lowercase=lower)
    trained.train_from_iterator(lines, vocab_size=SIZES["words"], min_frequency=1, special_tokens=special)
    trained.save_model(str(folder))


RULES = "".join("\t".join(" ".join(f"{ord(c):X}" for c in text) for text in rule) + "\n" for rule in (
    ("\ufb01", "fi"), ("e\u0301", "\u00e9"), ("\u00a0", " "), ("\t", " "), ("\r", " "), ("\u200b", " "),
    ("\u2460", "1"), ("\u0e33", "\u0e4d\u0e32"), ("\uff21", "A"), ("\u1e9b\u0323", "\u1e69"), ("\u1e9b", "\u1e61")))


def train_sentencepiece(folder, lines, **options):
    if options.get("normalization_rule_tsv"):
        options["normalization_rule_tsv"] = str(folder / "rules.tsv")
        (folder / "rules.tsv").write_text(RULES)
    text = folder / "corpus.txt"
    text.write_text("\n".join(lines))
    sentencepiece.SentencePieceTrainer.train(
        input=str(text), model_prefix=str(folder / "sentencepiece.bpe"), vocab_size=SIZES["pieces"],
        model_type="unigram", hard_vocab_limit=False, minloglevel=2, num_threads=1, **options)
    text.unlink()
    (folder / "rules.tsv").unlink(missing_ok=True)
    (folder / "sentencepiece.bpe.vocab").unlink()


BERT_NAMES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
MPNET_NAMES = ["<s>", "<pad>", "</s>", "<unk>", "[UNK]", "<mask>"]


def older_files(root, lines):
    """NAME, FOLDER of each family as it was saved before tokenizer.json."""
    def folder(name):
        path = root / name
        path.mkdir(parents=True)
        return path

    for name in ("roberta", "roberta-prefix"):
        path = folder(name)
        train_byte_level(path, lines)
        if name.endswith("prefix"):
            (path / "tokenizer_config.json").write_text(json.dumps(
                {"add_prefix_space": True, "mask_token": {
                    "__type": "AddedToken", "content": "<mask>", "lstrip": True, "rstrip": False,
                    "single_word": False, "normalized": True}}))
        write_config(path, "roberta", SIZES["bytes"])
        yield name, path
    path = folder("roberta-added")
    train_byte_level(path, lines)
    size = len(json.loads((path / "vocab.json").read_text()))
    (path / "added_tokens.json").write_text(json.dumps(
        {"[E1]": size, "[/E1]": size + 1, "Newword": size + 2}))
    (path / "special_tokens_map.json").write_text(json.dumps(
        {"mask_token": {"content": "<mask>", "lstrip": True, "rstrip": False, "single_word": False,
                        "normalized": False}, "additional_special_tokens": ["[E1]", "[/E1]"]}))
    write_config(path, "roberta", size + 3)
    yield "roberta-added", path

    for name, lower in (("bert", True), ("bert-cased", False), ("distilbert", True),
                        ("electra", True)):
        path = folder(name)
        train_wordpiece(path, lines, lower, BERT_NAMES)
        if not lower:
            (path / "tokenizer_config.json").write_text(json.dumps(
                {"do_lower_case": False, "strip_accents": None, "tokenize_chinese_chars": False,
                 "model_max_length": 512}))
        size = len((path / "vocab.txt").read_text().splitlines())
        write_config(path, name.split("-")[0], size)
        yield name, path
    path = folder("bert-added")
    train_wordpiece(path, lines, True, BERT_NAMES)
    size = len((path / "vocab.txt").read_text().splitlines())
    token = {"lstrip": False, "normalized": True, "rstrip": False, "single_word": False,
             "special": False}
    (path / "tokenizer_config.json").write_text(json.dumps({"added_tokens_decoder": {
        str(size): {**token, "content": "Newword"},
        str(size + 1): {**token, "content": "[E1]", "special": True, "normalized": False,
                        "lstrip": True, "rstrip": True},
        str(size + 2): {**token, "content": "Caf\u00e9", "single_word": True, "normalized": False}},
        "tokenizer_class": "BertTokenizer"}))
    write_config(path, "bert", size + 3)
    yield "bert-added", path

    path = folder("mpnet")
    train_wordpiece(path, lines, True, MPNET_NAMES)
    write_config(path, "mpnet", len((path / "vocab.txt").read_text().splitlines()))
    yield "mpnet", path

    for name, model_type, options in (
            ("xlm-roberta", "xlm-roberta", {}),
            ("xlm-roberta-identity", "xlm-roberta", {"normalization_rule_name": "identity"}),
            ("xlm-roberta-cf", "xlm-roberta", {"normalization_rule_name": "nmt_nfkc_cf",
                                               "user_defined_symbols": ["Newword", "[E1]"]}),
            ("camembert", "camembert", {}),
            ("xlm-roberta-rules", "xlm-roberta", {"normalization_rule_tsv": "rules"})):
        path = folder(name)
        train_sentencepiece(path, lines, **options)
        write_config(path, model_type, 400)
        yield name, path


def made_by_hand(root, lines, spm):
    """tokenizer.json alone, of components that the families above do not use."""
    wordpiece = dict(special_tokens=BERT_NAMES, vocab_size=SIZES["words"], min_frequency=1)
    cases = {
        "normalisers": (normalizers.Sequence([
            normalizers.Nmt(), normalizers.NFKC(), normalizers.StripAccents(), normalizers.Strip(),
            normalizers.Replace(tokenizers.Regex(" {2,}"), " "), normalizers.Replace("'", "\u2019"),
            normalizers.Lowercase()]), pre_tokenizers.Sequence([
                pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation("merged_with_previous"),
                pre_tokenizers.Digits(individual_digits=True)])),
        "nfd": (normalizers.NFD(), pre_tokenizers.Whitespace()),
        "nfc": (normalizers.NFC(), pre_tokenizers.Sequence([
            pre_tokenizers.Split(tokenizers.Regex(r"\s+"), "merged_with_next"),
            pre_tokenizers.Digits()])),
        "nfkd": (normalizers.NFKD(), pre_tokenizers.Sequence([
            pre_tokenizers.Split(tokenizers.Regex(r"\w+|[^\w\s]"), "removed", invert=True),
            pre_tokenizers.CharDelimiterSplit("e")])),
        "unclean": (normalizers.BertNormalizer(clean_text=False, lowercase=False, strip_accents=True),
                    pre_tokenizers.Sequence([pre_tokenizers.Split(" ", "contiguous"),
                                             pre_tokenizers.Punctuation("contiguous")])),
        "strip-left": (normalizers.Sequence([normalizers.Strip(right=False),
                                             normalizers.Prepend("a")]),
                       pre_tokenizers.Sequence([pre_tokenizers.Split("a", "merged_with_previous"),
                                                pre_tokenizers.BertPreTokenizer()])),
    }
    for name, (normalizer, pre_tokenizer) in cases.items():
        made = tokenizers.Tokenizer(models.WordPiece(unk_token="[UNK]"))
        made.normalizer, made.pre_tokenizer = normalizer, pre_tokenizer
        made.train_from_iterator(lines, trainers.WordPieceTrainer(**wordpiece))
        made.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
        made.add_tokens([tokenizers.AddedToken("Newword", normalized=True, lstrip=True),
                         tokenizers.AddedToken("[E1]", normalized=False, rstrip=True),
                         tokenizers.AddedToken("ni\u00f1o", single_word=True)])
        path = root / name
        path.mkdir(parents=True)
        made.save(str(path / "tokenizer.json"))
        yield name, path
    for scheme in ("first", "never", "always"):
        old = json.loads((spm / "tokenizer.json").read_text())
        made = tokenizers.Tokenizer(models.Unigram([tuple(x) for x in old["model"]["vocab"]],
                                                   old["model"]["unk_id"]))
        # As versions before 5 convert a SentencePiece model.
        made.normalizer = normalizers.Sequence([
            normalizers.Strip(left=False, right=True),
            normalizers.Replace(tokenizers.Regex(" {2,}"), "\u2581")])
        made.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme, split=scheme != "never")
        made.post_processor = processors.TemplateProcessing(
            single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>",
            special_tokens=[("<s>", 0), ("</s>", 2)])
        made.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>",
                                 tokenizers.AddedToken("<mask>", lstrip=True)])
        path = root / f"metaspace-{scheme}"
        path.mkdir(parents=True)
        made.save(str(path / "tokenizer.json"))
        yield path.name, path
    made = tokenizers.Tokenizer(models.BPE(ignore_merges=True))
    made.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(tokenizers.Regex(
            r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|"
            r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    made.normalizer = normalizers.NFC()
    made.train_from_iterator(lines, trainers.BpeTrainer(
        vocab_size=SIZES["bytes"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=["<s>", "</s>"]))
    made.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=False), processors.TemplateProcessing(
            single="<s> $A </s>", pair="<s> $A </s> $B:1 </s>:1",
            special_tokens=[("<s>", 0), ("</s>", 1)])])
    path = root / "byte-level-split"
    path.mkdir(parents=True)
    made.save(str(path / "tokenizer.json"))
    yield path.name, path


def compare(runner, name, folder, expected, count):
    texts = list(rows(name, count))
    lines = "".join(json.dumps({"text": text}) + "\n" for text in texts)
    done = subprocess.run([runner, "tokenize", "--model", folder, "--max-length", "64"],
                          input=lines, capture_output=True, text=True)
    got = [json.loads(line)["input_ids"] for line in done.stdout.splitlines()]
    wrong = [i for i in range(min(len(got), len(texts))) if got[i] != expected(texts[i])]
    print(f"{name:36} {len(got):6} of {len(texts)} texts and pairs, {len(wrong):5} differ "
          f"{done.stderr.strip()}", flush=True)
    for i in wrong[:3]:
        print("   ", json.dumps(texts[i]), "\n      ours  ", got[i], "\n      theirs", expected(texts[i]))
    return not wrong and len(got) == len(texts)


def by_transformers(folder):
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    return tokenizer, lambda text: tokenizer(
        *text, truncation=True, max_length=64)["input_ids"]


def by_tokenizers(folder):
    tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(64)

    def encode(text):
        return tokenizer.encode(text[0], text[1] if len(text) > 1 and text[1] else None).ids
    return encode


GOLDEN = ("roberta-added", "bert-added", "mpnet", "xlm-roberta-rules", "normalisers", "nfd", "nfc", "nfkd",
          "unclean", "strip-left", "metaspace-first", "metaspace-never", "byte-level-split")


def write_golden(path, root):
    """The files of some folders, those that are no text in base 64, and rows: texts and ids."""
    SIZES.update(bytes=270, words=170, pieces=170)
    lines = list(corpus(random.Random(1), 200))
    cases = {}

    def add(name, folder, expected):
        if name not in GOLDEN:
            return
        files = {}
        for file in sorted(folder.iterdir()):
            data = file.read_bytes()
            files[file.name] = (base64.b64encode(data).decode() if file.suffix == ".model"
                                else json.dumps(json.loads(data), separators=(",", ":"))
                                if file.suffix == ".json" else data.decode())
        texts = list(rows(name, 40))
        cases[name] = {"files": files, "rows": [[text, expected(text)] for text in texts]}

    for name, folder in older_files(root / "older", lines):
        tokenizer, expected = by_transformers(folder)
        if name == "xlm-roberta-rules":
            tokenizer.save_pretrained(root / "saved")
        add(name, folder, expected)
    for name, folder in made_by_hand(root / "by-hand", lines, root / "saved"):
        add(name, folder, by_tokenizers(folder))
    about = (f"tests/peers/tokenize_all.py with transformers {transformers.__version__}, tokenizers "
             f"{tokenizers.__version__}, sentencepiece {sentencepiece.__version__}")
    with open(path, "w", encoding="ascii") as out:
        body = ",\n".join(f"{json.dumps(name)}: {json.dumps(case)}" for name, case in cases.items())
        out.write(f'{{"made_by": {json.dumps(about)},\n"cases": {{\n{body}}}}}\n')


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runner", nargs="?")
    parser.add_argument("--golden")
    parser.add_argument("--rows", type=int, default=10000)
    parser.add_argument("--only", default="")
    parser.add_argument("--folder")
    options = parser.parse_args()
    root = pathlib.Path(options.folder or tempfile.mkdtemp())
    if options.golden:
        return write_golden(options.golden, root)
    lines = list(corpus(random.Random(1), 2000))
    good = True
    saved = None
    for name, folder in older_files(root / "older", lines):
        tokenizer, expected = by_transformers(folder)
        again = root / "saved" / name
        tokenizer.save_pretrained(again)
        shutil.copy(folder / "config.json", again)
        if name == "xlm-roberta":
            saved = again
        if options.only in name:
            good &= compare(options.runner, name, folder, expected, options.rows)
            good &= compare(options.runner, name + " tokenizer.json", again,
                            by_transformers(again)[1], options.rows)
    for name, folder in made_by_hand(root / "by-hand", lines, saved):
        if options.only in name:
            good &= compare(options.runner, name, folder, by_tokenizers(folder), options.rows)
    if not options.folder:
        shutil.rmtree(root)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
