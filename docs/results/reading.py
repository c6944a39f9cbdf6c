#!/usr/bin/env python3
"""What docs/results.md reads from a run's tables beyond what the tables say themselves.

    reading.py RUN/tables [LEFT_OUT_TASK...]
"""
import csv
import pathlib
import sys
from collections import Counter, defaultdict
from statistics import mean, median

folder, left_out = pathlib.Path(sys.argv[1]), set(sys.argv[2:])


def rows(table):
    with open(folder / f"{table}.csv", newline="") as file:
        return [row for row in csv.DictReader(file) if row["task"] not in left_out]


def ranks(values):
    """Mean ranks, ties sharing theirs."""
    order = sorted(values)
    return [order.index(v) + (order.count(v) - 1) / 2 for v in values]


def rank_correlation(a, b):
    a, b = ranks(a), ranks(b)
    mean_a, mean_b = mean(a), mean(b)
    product = sum((x - mean_a) * (y - mean_b) for x, y in zip(a, b))
    scale = (sum((x - mean_a) ** 2 for x in a) * sum((y - mean_b) ** 2 for y in b)) ** 0.5
    return product / scale if scale > 0 else None


trials = rows("trials")
tasks = {trial["task"] for trial in trials}  # other tables have averages beside them
methods = [method for method in rows("methods") if method["task"] in tasks]
names = list(dict.fromkeys(m["method"] for m in methods))

print("method             selection - report   examples   TFLOP   collapsed   a cell's winner comes from")
cells = defaultdict(list)
for trial in trials:
    cells[trial["method"], trial["task"], trial["seed"]].append(trial)
for name in names:
    own = [m for m in methods if m["method"] == name]
    made = [t for t in trials if t["method"] == name]
    winners = Counter([t for t in cell if t["incumbent"] == "1"][-1]["source"]
                      for key, cell in cells.items() if key[0] == name)
    print(f"{name:18} {mean(float(m['selection_mean']) - float(m['mean']) for m in own):18.2f}"
          f" {mean(float(m['examples']) for m in own):10.0f} {mean(float(m['flops']) for m in own) / 1e12:7.1f}"
          f" {sum(int(m['collapsed_runs']) for m in own):5} of {len(made)}   "
          + ", ".join(f"{source} {n}" for source, n in winners.most_common()))

print("\nthe inner search        runs   found less than its starts   loss below their best, % (median, 90 %, most)")
fusions = defaultdict(list)
for row in rows("fusion"):
    if row["loss"]:
        fusions[row["method"], row["task"], row["seed"], row["trial"]].append(row)
for name in [n for n in names if n.startswith("bilevel") or n == "refuse(bo)"]:
    gains = []
    for key, found in fusions.items():
        starts = [float(f["loss"]) for f in found if f["source"] == "start"]
        others = [float(f["loss"]) for f in found if f["source"] != "start"]
        if key[0] == name and starts and others:
            gains.append(max(0.0, 100 * (1 - min(others) / min(starts))))
    gains.sort()
    print(f"{name:18} {len(gains):9} {sum(g > 0 for g in gains):20}       "
          f"{median(gains):20.3f}, {gains[int(0.9 * len(gains))]:.3f}, {gains[-1]:.2f}")

print("\nrank correlation with the report score over a cell's trials, mean over cells")
for name in ["random_search", "bo(logei)", "bilevel(ei,ucb)"]:
    for column in ["train_loss", "fusion_loss", "selection_loss", "selection_score"]:
        found = []
        for key, cell in cells.items():
            pairs = [(float(t[column]), float(t["report_score"])) for t in cell if t[column] and t["report_score"]]
            if key[0] == name and len(pairs) > 3:
                found.append(rank_correlation(*zip(*pairs)))
        found = [f for f in found if f is not None]
        if found:
            print(f"{name:18} {column:18} {mean(found):6.2f}   of {len(found)} cells")

print("\nreport score of the incumbent, mean over tasks, at shares of the cheapest search's FLOPs (trials done)")
budget = [b for b in rows("budget") if b["task"] in tasks and b["unit"] == "flops"]
shares = sorted({b["share"] for b in budget}, key=float)
for name in names:
    line = []
    for share in shares:
        at = [b for b in budget if (b["method"], b["share"]) == (name, share)]
        line.append(f"{mean(float(b['mean']) for b in at):6.2f} ({mean(float(b['trials']) for b in at):4.1f})"
                    if all(b["mean"] for b in at) else "        -     ")
    print(f"{name:18} " + "   ".join(line))
