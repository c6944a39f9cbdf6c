"""Ours against Hugging Face's Trainer in points of dev score, with 95 % bootstrap intervals.

  runner tests/peers/convergence.yaml
  python tests/peers/convergence.py runs/convergence/tables/trials.csv tests/peers/hf_trainer_minilm.csv
  runner tests/peers/mpnet.yaml
  python tests/peers/convergence.py runs/mpnet/tables/trials.csv tests/peers/hf_trainer_mpnet.csv

The mean over seeds of each, and the difference of the means; the seeds of the two programs have
nothing in common, so each side is drawn anew on its own.
"""
import csv
import random
import statistics
import sys


def scores(path, column):
    table = {}
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            table.setdefault(row["task"], []).append(100 * float(row[column]))
    return table


ours = scores(sys.argv[1], "report_score")
theirs = scores(sys.argv[2], "score")
stream = random.Random(0)
differences = []
for task in theirs:
    a, b = ours[task], theirs[task]
    draws = [statistics.fmean(stream.choices(a, k=len(a))) - statistics.fmean(stream.choices(b, k=len(b)))
             for _ in range(10000)]
    differences.append((task, statistics.fmean(a) - statistics.fmean(b), draws))
    print(f"{task}: ours {statistics.fmean(a):.2f} (sd {statistics.stdev(a):.2f}, n {len(a)}), "
          f"Trainer {statistics.fmean(b):.2f} (sd {statistics.stdev(b):.2f}, n {len(b)})")
mean = [statistics.fmean(of_tasks) for of_tasks in zip(*(draws for _, _, draws in differences))]
differences.append(("mean of the tasks", statistics.fmean(d for _, d, _ in differences), mean))
for name, difference, draws in differences:
    low, high = statistics.quantiles(draws, n=40)[0], statistics.quantiles(draws, n=40)[-1]
    print(f"{name}: ours minus the Trainer's {difference:+.2f} [{low:+.2f}, {high:+.2f}]")
