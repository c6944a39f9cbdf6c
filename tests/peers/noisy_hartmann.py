"""Hartmann-6 under Gaussian noise: the true regret of the point that each optimiser recommends.

  python noisy_hartmann.py RUNNER PEERS OUT.csv [--seeds 20] [--sd 0.2]

RUNNER is the executable, used through `runner suggest` alone; PEERS the folder of bo_peers.py. All
start from the same scrambled Sobol design and see the same noise in the same order. What a peer
recommends: BoTorch the evaluated point of the lowest posterior mean, Optuna its best_trial. Adds to
OUT.csv what is missing there, then prints medians and, for each peer, a 95 % bootstrap interval of
the mean difference of regrets, ours minus its.
"""
import argparse
import csv
import os
import pathlib
import subprocess
import sys
import tempfile

parser = argparse.ArgumentParser()
parser.add_argument("runner")
parser.add_argument("peers")
parser.add_argument("out")
parser.add_argument("--seeds", type=int, default=20)
parser.add_argument("--sd", type=float, default=0.2)
arguments = parser.parse_args()
sys.path.insert(0, arguments.peers)
from bo_peers import PEERS, init_design  # noqa: E402  (sets one thread before torch is loaded)
from problems import ALL  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402

NAMES = ["runner", "botorch-logei", "botorch-ucb4", "optuna-gp"]


class Runner:
    """Ask/tell through files, as any user would."""

    def __init__(self, dim, seed):
        self.folder = tempfile.TemporaryDirectory()
        self.space = pathlib.Path(self.folder.name, "space.yaml")
        self.history = pathlib.Path(self.folder.name, "history.csv")
        variables = "".join(f"  x{i}: {{type: real, low: 0, high: 1}}\n" for i in range(dim))
        self.space.write_text(f"goal: minimise\nobjective: y\nvariables:\n{variables}")
        self.header = [f"x{i}" for i in range(dim)] + ["y"]
        self.seed = seed

    def ask(self, X, y, *flags):
        with open(self.history, "w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(self.header)
            rows.writerows([*map(float, x), float(v)] for x, v in zip(X, y))
        reply = subprocess.run([arguments.runner, "suggest", "--space", self.space, "--history", self.history,
                                "--seed", str(self.seed), *flags], check=True, capture_output=True, text=True).stdout
        return np.array(list(csv.reader(reply.splitlines()))[1][: len(self.header) - 1], float)

    def suggest(self, X, y):
        return self.ask(X, y)

    def recommend(self, X, y):
        return self.ask(X, y, "--recommend")


def recommend(optimiser, X, y):
    if isinstance(optimiser, Runner):
        return optimiser.recommend(X, y)
    if hasattr(optimiser, "study"):
        return X[int(np.argmin(y))]
    from botorch.fit import fit_gpytorch_mll
    from botorch.models import SingleTaskGP
    from botorch.models.transforms import Normalize, Standardize
    from gpytorch.mlls import ExactMarginalLogLikelihood
    points = torch.tensor(np.asarray(X))
    bounds = torch.stack([torch.zeros(points.shape[1]), torch.ones(points.shape[1])])
    gp = SingleTaskGP(points, -torch.tensor(np.asarray(y)).unsqueeze(-1),
                      input_transform=Normalize(points.shape[1], bounds=bounds), outcome_transform=Standardize(1))
    fit_gpytorch_mll(ExactMarginalLogLikelihood(gp.likelihood, gp))
    with torch.no_grad():
        return X[int(gp.posterior(points).mean.argmax())]


def regret(problem, name, seed):
    noise = np.random.default_rng([20, seed])
    X = list(init_design(problem, seed))
    y = [problem(x) + arguments.sd * noise.standard_normal() for x in X]
    optimiser = Runner(problem.dim, seed) if name == "runner" else PEERS[name](problem, seed)
    while len(y) < problem.budget:
        x = np.clip(optimiser.suggest(X, y), 0, 1)
        X.append(x)
        y.append(problem(x) + arguments.sd * noise.standard_normal())
    return problem(recommend(optimiser, X, y)) - problem.fopt


def main():
    problem = ALL["hartmann6"]
    known = {}
    if os.path.exists(arguments.out):
        with open(arguments.out, newline="") as file:
            known = {(row["optimiser"], int(row["seed"])): float(row["regret"]) for row in csv.DictReader(file)}
    else:
        pathlib.Path(arguments.out).write_text("optimiser,seed,regret\n")
    for seed in range(arguments.seeds):
        for name in NAMES:
            if (name, seed) not in known:
                known[name, seed] = regret(problem, name, seed)
                with open(arguments.out, "a") as file:
                    file.write(f"{name},{seed},{known[name, seed]:.6g}\n")
    table = {name: np.array([known[name, seed] for seed in range(arguments.seeds)]) for name in NAMES}
    draws = np.random.default_rng(0).integers(0, arguments.seeds, (10000, arguments.seeds))
    for name, values in table.items():
        line = f"{name:14s} median {np.median(values):.3f} mean {values.mean():.3f}"
        if name != "runner":
            difference = table["runner"] - values
            low, high = np.percentile(difference[draws].mean(axis=1), [2.5, 97.5])
            line += f"  ours minus it {difference.mean():+.3f} [{low:+.3f}, {high:+.3f}]"
        print(line)


main()
