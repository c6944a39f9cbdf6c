#!/usr/bin/env bash
# Ask/tell over files: a space in YAML and a history in CSV in, points in CSV out.
source "$(dirname "${BASH_SOURCE[0]}")/prelude.sh" "$@"

cat >space.yaml <<'YAML'
goal: maximise
objective: score
variables:
  lr: {type: real, low: 1e-6, high: 1e-4, scale: log}
  layers: {type: integer, low: 0, high: 12}
  batch: {type: choice, values: [8, 16, 32]}
  w: {type: simplex, size: 3}
YAML
ask() { "$runner" suggest --space space.yaml --seed 7 "$@"; }

# Every row of a reply lies in the space.
inside() {
  awk -F, 'NR == 1 { if ($0 != "lr,layers,batch,w_1,w_2,w_3") exit 1; next }
    $1 < 1e-6 || $1 > 1e-4 || $2 < 0 || $2 > 12 || $2 != int($2) { exit 1 }
    $3 != 8 && $3 != 16 && $3 != 32 { exit 1 }
    $4 < 0 || $5 < 0 || $6 < 0 || ($4 + $5 + $6 - 1)^2 > 1e-12 { exit 1 }' "$1" ||
    fail "outside the space: $(cat "$1")"
}

# No history, an empty one and one with a header alone are the same beginning.
ask -n 5 >first.csv
inside first.csv
[[ $(wc -l <first.csv) == 6 ]] || fail "not five points"
: >empty.csv
ask -n 5 --history empty.csv >again.csv
cmp first.csv again.csv || fail "an empty history is not no history"
ask -n 5 --history nosuch.csv | cmp - first.csv || fail "a missing history is not no history"
[[ $(tail -n +2 first.csv | sort -u | wc -l) == 5 ]] || fail "points stand twice"

# Columns in any order, with failed and pending rows; the locale changes nothing.
cat >history.csv <<'CSV'
status,score,w_1,w_2,w_3,batch,layers,lr
ok,0.5,1,0,0,8,3,1e-5
ok,0.7,0,1,0,16,4,2e-5
failed,,0,0,1,32,5,3e-5
ok,0.6,0.2,0.3,0.5,32,6,4e-6
ok,nan,0.5,0.25,0.25,8,7,5e-6
pending,,0.25,0.5,0.25,16,8,6e-6
CSV
for acquisition in ei logei ucb pi hedge ei+ucb; do
  ask --history history.csv --acquisition $acquisition -n 2 >next.csv
  inside next.csv
done
ask --history history.csv >next.csv
LC_ALL=de_DE.UTF-8 ask --history history.csv | cmp - next.csv || fail "the locale shows"

# The point to take: of a noiseless objective the best row, with the model's mean there.
ask --history history.csv --recommend --deterministic >best.csv
[[ $(head -1 best.csv) == lr,layers,batch,w_1,w_2,w_3,score_mean,score_stddev ]] ||
  fail "the recommendation's header: $(head -1 best.csv)"
[[ $(sed -n 2p best.csv) == 2e-05,4,16,0,1,0,0.[67]* ]] || fail "recommended: $(cat best.csv)"
head -1 history.csv >none.csv
expect 2 ask --history none.csv --recommend
said "no row with status ok"

# Bad rows are named by line and column, all of them.
sed -e '2s/1e-5/1e-3/' -e '3s/,16,/,17,/' -e '5s/0.2,0.3/0.9,0.3/' -e '2s/0.5/high/' history.csv >bad.csv
expect 2 ask --history bad.csv
said "bad.csv:2: column 'lr': 1e-3 is outside"
said "bad.csv:2: column 'score': 'high' is not a number"
said "bad.csv:3: column 'batch': '17' is not one of 8, 16, 32"
said "bad.csv:5: column 'w': weights sum to 1.7"
sed 's/lr$/rl/' history.csv >bad.csv
expect 2 ask --history bad.csv
said "bad.csv:1: column 'lr': is missing"
expect 2 ask --acquisition eii
said "eii"
expect 2 "$runner" suggest
said "--space"
echo ok
