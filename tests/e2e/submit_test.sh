#!/usr/bin/env bash
# GLUE's submission of a study over the embedded tasks, read back column by column, and what is
# missing named.
source "$(dirname "${BASH_SOURCE[0]}")/prelude.sh" "$@"
command -v python3 >/dev/null || skip "no python3 to read a zip"

cat >glue.yaml <<END
model: $here/../../data/tiny_roberta
runs: runs
data: {root: $here/../../data/mini_glue, max_train_rows: 32, max_dev_rows: 20}
tasks: all
recipe: {lr: 1e-3, batch_size: 16, epochs: 1, max_length: 48, snapshots: 1}
methods: [fine_tune, swa]
END
"$runner" glue.yaml --quiet --only fine_tune >/dev/null 2>&1 || true  # the other method is not done

expect 0 "$runner" submit glue.yaml --method fine_tune --out all.zip
said "has 48 rows, GLUE's own 3000: the leaderboard will refuse it"
expect 0 "$runner" submit glue.yaml --method fine_tune
cmp all.zip runs/glue/submissions/fine_tune.zip || fail "not the same bytes twice"
cat >check.py <<'END'
import re, sys, zipfile
root = sys.argv[1]
words = {"entailment", "not_entailment"}, {"entailment", "neutral", "contradiction"}, {"0", "1"}
files = {
    "CoLA.tsv": ("CoLA/test.tsv", words[2]), "SST-2.tsv": ("SST-2/test.tsv", words[2]),
    "MRPC.tsv": ("MRPC/test.tsv", words[2]), "STS-B.tsv": ("STS-B/test.tsv", None),
    "MNLI-m.tsv": ("MNLI/test_matched.tsv", words[1]),
    "MNLI-mm.tsv": ("MNLI/test_mismatched.tsv", words[1]),
    "QNLI.tsv": ("QNLI/test.tsv", words[0]), "QQP.tsv": ("QQP/test.tsv", words[2]),
    "RTE.tsv": ("RTE/test.tsv", words[0]), "WNLI.tsv": ("WNLI/test.tsv", words[2]),
    "AX.tsv": ("AX/diagnostic.tsv", words[1]),
}
archive = zipfile.ZipFile("all.zip")
assert sorted(archive.namelist()) == sorted(files), archive.namelist()
for name, (test, allowed) in files.items():
    rows = [line.split("\t") for line in archive.read(name).decode().splitlines()]
    index = [line.split("\t")[0] for line in open(f"{root}/{test}").read().splitlines()]
    assert rows[0] == ["index", "prediction"], (name, rows[0])
    assert [row[0] for row in rows[1:]] == index[1:], name
    for _, value in rows[1:]:
        if allowed is None:
            assert re.fullmatch(r"\d\.\d{3}", value) and 0 <= float(value) <= 5, (name, value)
        else:
            assert value in allowed, (name, value)
END
python3 check.py "$here/../../data/mini_glue"

# A model's answers are predict's.
python3 -c 'import zipfile; print(*zipfile.ZipFile("all.zip").read("QNLI.tsv").decode().splitlines()[1:], sep="\n")' |
  cut -f 2 >submitted
"$runner" predict runs/glue/cells/QNLI/fine_tune/seed0 --columns question,sentence --format csv \
  "$here/../../data/mini_glue/QNLI/test.tsv" | tail -n +2 | cut -d, -f 1 | cmp - submitted || fail "predict says otherwise"

# Missing: no cell of the method, a task that the spec does not have, a test file.
expect 2 "$runner" submit glue.yaml --method swa
said "nothing to submit"
expect 2 "$runner" submit glue.yaml --method bo
said "the spec has none of this name (methods: fine_tune, swa)"
expect 2 "$runner" submit glue.yaml
said "a spec and --method METHOD are needed"
expect 2 "$runner" submit glue.yaml --method fine_tune --seed 7
said "nothing to submit"
cp -r "$here/../../data/mini_glue" glue
rm glue/RTE/test.tsv
rm -r runs/glue/cells/MNLI
expect 2 "$runner" submit glue.yaml data.root=glue --method fine_tune
for words in '4 cannot be answered' 'RTE.tsv: ' 'RTE/test.tsv is not there' 'AX.tsv: no complete cell of MNLI'; do
  said "$words"
done
expect 0 "$runner" submit glue.yaml data.root=glue --method fine_tune --fill-missing --out filled.zip
said "AX.tsv       filled"
python3 -c '
import zipfile
z = zipfile.ZipFile("filled.zip")
rte = z.read("RTE.tsv").decode().splitlines()
assert len(rte) == 3001 and set(r.split("\t")[1] for r in rte[1:]) == {"entailment"}, len(rte)
assert len(z.namelist()) == 11'
expect 0 "$runner" submit --help
said "usage: runner submit"
