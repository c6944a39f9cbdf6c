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
expect 0 ask -n 5 --history nosuch.csv
said "runner suggest: nosuch.csv is not there: the search begins anew"
ask -n 5 --history nosuch.csv 2>lines | cmp - first.csv || fail "a missing history is not no history"
[[ $(wc -l <lines) == 1 ]] || fail "more than one line is said of a missing history"
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
  ask --history history.csv --acquisition $acquisition -n 2 2>lines | cut -d, -f1-6 >next.csv
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

# As pandas writes a history: the same bytes come out as for the plain one.
printf 'score,w_1,w_2,w_3,batch,layers,lr\n0.5,1,0,0,8,3,1e-5\n,0,1,0,16,4,2e-5\n' >plain.csv
printf ',lr,layers,batch,w_1,w_2,w_3,score,note\n0,1e-05,3.0,8.0,1.0,0.0,0.0,0.5,a\n1,2e-05,4.0,16.0,0.0,1.0,0.0,NaN,b\n' >pandas.csv
ask --history plain.csv >want.csv
ask --history pandas.csv 2>lines | cmp - want.csv || fail "a history by pandas is another one"
grep -q "ignored.*: note$" lines || fail "the ignored column is not named: $(cat lines)"

# Rows outside narrowed bounds.
sed 's/high: 1e-4/high: 1.5e-5/; s/\[8, 16, 32\]/[8, 32]/' space.yaml >narrow.yaml
expect 2 "$runner" suggest --space narrow.yaml --history plain.csv
said "plain.csv:3: column 'lr': 2e-5 is outside 1e-06 to 1.5e-05; --outside keep takes it as knowledge"
said "plain.csv:3: column 'batch': '16' is not one of 8, 32; --outside keep"
expect 0 "$runner" suggest --space narrow.yaml --history plain.csv --outside keep
said "kept as knowledge and never proposed: 1"
expect 2 "$runner" suggest --space narrow.yaml --outside drop
said "known are refuse, keep"

# More rows than a model can bear are refused at once.
{
  head -1 plain.csv
  seq 10001 | sed 's/.*/0.5,1,0,0,8,3,1e-5/'
} >long.csv
expect 2 "$runner" suggest --space space.yaml --history long.csv
said "long.csv: 10001 rows, more than a Gaussian process can bear; at most 10000 are allowed"

# A finite space ends with exit code 3 and one line; a loop in a shell needs no more than that.
cat >finite.yaml <<'YAML'
variables:
  optimizer: {type: choice, values: [adam, sgd]}
  nesterov: {type: choice, values: [true, false], when: {optimizer: sgd}}
YAML
echo "optimizer,nesterov,y" >finite.csv
rounds=0
while "$runner" suggest --space finite.yaml --history finite.csv >next.csv 2>lines; do
  tail -n +2 next.csv | sed "s/$/,$rounds/" >>finite.csv
  rounds=$((rounds + 1))
  ((rounds < 9)) || fail "a space of three points does not end"
done
[[ $rounds == 3 && $(sort -u finite.csv | wc -l) == 4 ]] || fail "not three points: $(cat finite.csv)"
[[ $(cat next.csv) == optimizer,nesterov && $(wc -l <lines) == 1 ]] || fail "the end: $(cat next.csv lines)"
expect 3 "$runner" suggest --space finite.yaml --history finite.csv
said "nothing is left to suggest"
grep -q "^adam,,." finite.csv || fail "what does not exist is not empty: $(cat finite.csv)"
expect 0 "$runner" suggest --space finite.yaml -n 5
said "3 of 5 suggestions"

# With noise a point may be worth another look; that is said.
{
  echo "optimizer,nesterov,y"
  for y in 1 9 3 8 2 7 4 6; do printf 'adam,,%s\nsgd,true,%s\nsgd,false,%s\n' $y $((y + 1)) $((9 - y)); done
} >noisy.csv
expect 0 "$runner" suggest --space finite.yaml --history noisy.csv
said "suggestion 1 repeats"

# Two objectives: the hypervolume's improvement from the shell, and the trade-offs.
cat >two.yaml <<'YAML'
objective: [loss, speed]
goal: {speed: maximise}
stddev: {loss: loss_sd}
variables: {x: {type: real, low: 0, high: 1}}
YAML
printf 'x,loss,speed,loss_sd\n0,1,9,0.1\n0.2,0.7,8,\n0.4,0.5,6,0.1\n0.6,0.4,3,0.1\n0.9,0.9,1,0.1\n' >two.csv
"$runner" suggest --space two.yaml --history two.csv --recommend --deterministic >best.csv
[[ $(head -1 best.csv) == x,loss_mean,loss_stddev,speed_mean,speed_stddev ]] || fail "$(cat best.csv)"
[[ $(tail -n +2 best.csv | cut -d, -f1 | tr '\n' ' ') == "0.6 0.4 0.2 0 " ]] || fail "$(cat best.csv)"
"$runner" suggest --space two.yaml --history two.csv --seed 1 >a.csv
"$runner" suggest --space two.yaml --history two.csv --seed 1 --acquisition ehvi | cmp - a.csv ||
  fail "two objectives are not ehvi's"
expect 2 "$runner" suggest --space two.yaml --acquisition logei
said "two objectives need ehvi"
expect 2 ask --acquisition ehvi
said "it needs two objectives"

# hedge remembers in columns: what comes out goes in as it is.
cat >line.yaml <<'YAML'
variables: {x: {type: real, low: 0, high: 1}}
YAML
echo "x,hedge_ei_x,hedge_logei_x,hedge_pi_x,hedge_ucb_x,y" >hedge.csv
for round in 1 2 3 4 5 6 7; do
  "$runner" suggest --space line.yaml --history hedge.csv --acquisition hedge >next.csv 2>lines
  [[ ! -s lines ]] || fail "hedge complains: $(cat lines)"
  tail -n +2 next.csv | awk -F, '{ print $0 "," ($1 - 0.3)^2 }' >>hedge.csv
done
tail -1 hedge.csv | awk -F, 'NF != 6 || $2 == "" || $5 == "" { exit 1 }' || fail "$(cat hedge.csv)"
cut -d, -f1,6 hedge.csv >forgotten.csv
"$runner" suggest --space line.yaml --history forgotten.csv --acquisition hedge >/dev/null 2>lines
grep -q "hedge knows nothing of what it did before" lines || fail "a lost memory is not said"

# The program's own trials.
{
  echo "task,method,seed,trial,run,run_seed,status,x,incumbent,objective"
  echo "RTE,bo,0,0,abc,0,ok,0.25,1,-0.7"
  echo "CoLA,bo,0,0,abc,0,diverged,0.25,0,nan"
} >trials.csv
sed 's/^/objective: objective\n/' line.yaml >own.yaml
expect 2 "$runner" suggest --space own.yaml --history trials.csv
said "--where task=CoLA"
expect 0 "$runner" suggest --space own.yaml --history trials.csv --where task=RTE --recommend
said "0.25,-0.7"
expect 2 "$runner" suggest --space own.yaml --where task
said "COLUMN=VALUE"

# A space in which things hang on each other in a circle.
cat >circle.yaml <<'YAML'
variables:
  a: {type: choice, values: [x, y], when: {b: u}}
  b: {type: choice, values: [u, v], when: {a: x}}
YAML
expect 2 "$runner" suggest --space circle.yaml
said "circle.yaml:2:43: variables.a.when: it depends on itself (a on b on a)"
expect 0 "$runner" suggest --help
said "exit codes: 0 done"
echo ok
