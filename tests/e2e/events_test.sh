#!/usr/bin/env bash
# The event log says what the tables say; one that cannot be written ends nothing else. A terminal's
# line tells the step.
source "$(dirname "${BASH_SOURCE[0]}")/prelude.sh" "$@"
small=("$runner" "$spec" tasks=[RTE] seeds=1)

expect 0 run plain "${small[@]}"
expect 0 run told "${small[@]}" --events events.jsonl
same_tables plain told
python3 - events.jsonl told/small/tables/trials.csv <<'CHECK' || fail "the event log is not what the tables say"
import csv, json, sys
events = [json.loads(line) for line in open(sys.argv[1])]
rows = list(csv.DictReader(open(sys.argv[2])))
assert events[0]["event"] == "begin" and events[0]["trials_done"] == 0, events[0]
told = {(e["cell"], e["trial"]): e for e in events if e["event"] == "trial"}
assert len(told) == len(rows) == events[-1]["trials_done"] == events[-1]["trials"]
for row in rows:
    e = told[f"{row['task']}/{row['method']}/seed{row['seed']}", int(row["trial"])]
    assert e["status"] == row["status"] and e["lambda"].get("lr", float(row["lr"])) == float(row["lr"]), (e, row)
    assert e["selection_score"] == float(row["selection_score"]), (e, row)
cells = [e["cell"] for e in events if e["event"] == "cell"]
assert len(cells) == len(set(cells)) == events[-1]["cells_done"] == events[-1]["cells"]
steps = [e for e in events if e["event"] == "step"]
assert steps and all(1 <= e["step"] <= e["steps"] and e["loss"] > 0 for e in steps)
assert sum(e["event"] == "mix" and e["incumbent"] for e in events) >= 4
CHECK

expect 2 run none "${small[@]}" --events nosuch/events.jsonl
said "--events: nosuch/events.jsonl: No such file or directory"
expect 0 run full "${small[@]}" --events /dev/full
said "/dev/full: No space left on device; the event log ends"
same_tables plain full

RUNNER_RUNS=$scratch/terminal script -qefc "'$runner' '$spec' tasks=[RTE] seeds=1 'methods=[fine_tune]' recipe.epochs=20" \
  typescript </dev/null >/dev/null
grep -q 'RTE/fine_tune/seed0 trial 1, step [0-9]*/120, loss ' typescript || fail "no step on the terminal"
grep -q 'about [0-9hms]* left' typescript || fail "no time left on the terminal"
