"""Our estimators inside scikit-learn's own parallel loops: do more threads run than there are CPUs?

python benchmarks/oversubscription.py [--rounds N]

Each way runs in a process of its own, the ways in turns, and figures are medians over the rounds. "CPU s" are those of
the process and its workers: what oversubscription costs shows there, on a busy machine, too. "running" is how many of
their threads run or wait for a CPU, the mean over samples taken every 10 ms; "a fit" is how many threads a fit may have
in a worker, which times n_jobs should not be more than there are CPUs. The system must have Linux's /proc.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import numpy as np

LOOPS = ("cross_validate", "GridSearchCV", "BaggingClassifier", "MLPEnsembleClassifier")
#: n_jobs, and joblib's backend.
WAYS = ((1, "loky"), (2, "loky"), (2, "threading"))
TICKS = os.sysconf("SC_CLK_TCK")


def family() -> list[Path]:
    """The folders in /proc of this process and of all that descend from it."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:  # it has ended
            continue
    found = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return [Path("/proc") / str(pid) for pid in found]


def cpu_seconds(folders: list[Path]) -> float:
    """What they have taken since they began."""
    fields = [(folder / "stat").read_text().rpartition(")")[2].split() for folder in folders]
    return sum(int(of[11]) + int(of[12]) for of in fields) / TICKS


def running(folders: list[Path]) -> int:
    """How many of their threads run or wait for a CPU, the one that counts left out."""
    count, own = 0, str(threading.get_native_id())
    for folder in folders:
        for stat in folder.glob("task/*/stat"):
            try:
                count += stat.parent.name != own and stat.read_text().rpartition(")")[2].split()[0] == "R"
            except OSError:
                continue
    return count


def loop(name: str, n_jobs: int) -> None:
    """Some thirty fits."""
    from sklearn import ensemble, model_selection

    from shallownet_c.sklearn import MLPClassifier, MLPEnsembleClassifier

    rng = np.random.default_rng(0)
    X = rng.standard_normal((4000, 64)).astype(np.float32)
    y = (X[:, :8].sum(axis=1) > 0).astype(int) + (X[:, 8] > 0)
    member = MLPClassifier((300,), batch_size=1000, max_iter=40, random_state=0)
    if name == "cross_validate":
        model_selection.cross_validate(member, X, y, cv=30, n_jobs=n_jobs)
    elif name == "GridSearchCV":
        grid = {"alpha": np.logspace(-5, -1, 10)}
        model_selection.GridSearchCV(member, grid, cv=3, refit=False, n_jobs=n_jobs).fit(X, y)
    elif name == "BaggingClassifier":
        ensemble.BaggingClassifier(member, n_estimators=30, n_jobs=n_jobs, random_state=0).fit(X, y)
    else:
        MLPEnsembleClassifier(member, n_estimators=30, n_threads=n_jobs, random_state=0).fit(X, y)


def measured(name: str, n_jobs: int, backend: str) -> dict[str, float]:
    """One loop, in this process."""
    import joblib

    from shallownet_c import _threads

    warnings.simplefilter("ignore")
    os.environ["PYTHONWARNINGS"] = "ignore"
    samples, own, done = [], [], threading.Event()
    with joblib.parallel_config(backend):
        allowed = [1]
        if name != "MLPEnsembleClassifier":
            allowed = joblib.Parallel(n_jobs=n_jobs)(joblib.delayed(_threads.allowed)() for _ in range(n_jobs))
        loop(name, n_jobs)  # the workers have been started, and have imported what they need

        def watch() -> None:
            while not done.wait(0.01):
                samples.append(running(folders))
            own.append(time.thread_time())

        folders = family()
        watcher = threading.Thread(target=watch)
        before, start = cpu_seconds(folders), time.perf_counter()
        watcher.start()
        loop(name, n_jobs)
        seconds = time.perf_counter() - start
        done.set()
        watcher.join()
        cpu = cpu_seconds(folders) - before - own[0]
    return {"seconds": seconds, "cpu": cpu, "running": statistics.mean(samples), "allowed": max(allowed)}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        name, n_jobs, backend = arguments.one
        print(json.dumps(measured(name, int(n_jobs), backend)))
        return
    print(f"{os.cpu_count()} CPUs, {arguments.rounds} rounds")
    print(f"{'':24}{'n_jobs':>8}{'backend':>12}{'seconds':>10}{'CPU s':>8}{'running':>9}{'a fit':>8}")
    for name in LOOPS:
        # The ensemble has a team of threads of its own, with one thread for each fit.
        ways = WAYS[:2] if name == "MLPEnsembleClassifier" else WAYS
        found: dict[tuple[int, str], list[dict[str, float]]] = {way: [] for way in ways}
        for _ in range(arguments.rounds):
            for n_jobs, backend in ways:
                command = [sys.executable, "-P", __file__, "--one", name, str(n_jobs), backend]
                found[n_jobs, backend].append(json.loads(subprocess.check_output(command, text=True)))
        for (n_jobs, backend), results in found.items():
            backend = "OpenMP" if name == "MLPEnsembleClassifier" else backend
            median = {key: statistics.median(one[key] for one in results) for key in results[0]}
            print(
                f"{name:24}{n_jobs:>8}{backend:>12}{median['seconds']:>10.2f}{median['cpu']:>8.2f}"
                f"{median['running']:>9.2f}{median['allowed']:>8.0f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
