"""Many networks by joblib: each process of loky trains its part of the seeds with `fit_many`.

python examples/joblib_networks.py [--quick] [--processes N]

Needs joblib: pip install joblib. On one machine `fit_many` alone, whose threads share the rows, is simpler and mostly
as fast or faster. Processes pay where callbacks in Python keep the threads waiting for each other, and with the backend
of Dask or Ray joblib hands such parts to several machines. The networks are the same, bit for bit.
"""

import argparse
import time

import joblib
import numpy as np

import shallownet_c as sn


def train(seeds: list[int], X: np.ndarray, y: np.ndarray, epochs: int) -> list[sn.MLP]:
    """A network for each seed; in a process of joblib by one thread."""
    nets = [sn.MLP([64, 16, 10], "relu", "softmax", dtype="float32", seed=seed) for seed in seeds]
    sn.fit_many(nets, X, y, optimizer=sn.Adam(0.01), epochs=epochs, batch_size=50, seed=seeds)
    return nets


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="few networks and few epochs")
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    n, epochs = (8, 3) if arguments.quick else (200, 30)

    X, y = sn.datasets.load_digits()
    X, X_test, y, y_test = sn.datasets.train_dev_split(np.float32(X / 16), y, stratify=y, seed=0)
    # Parts of equal length, and four for each process, so that none waits long for the last one.
    seeds = np.array_split(range(n), 4 * arguments.processes)

    with joblib.Parallel(n_jobs=arguments.processes, backend="loky") as parallel:
        parallel(joblib.delayed(train)([0], X, y, 1) for _ in range(arguments.processes))  # starts the processes
        started = time.perf_counter()
        # Arrays of more than a megabyte reach the processes as mapped files, so that they are in memory once.
        parts = parallel(joblib.delayed(train)(part.tolist(), X, y, epochs) for part in seeds)
        by_processes = time.perf_counter() - started
    nets = [net for part in parts for net in part]

    train([0], X, y, 1)  # starts the threads
    started = time.perf_counter()
    expected = train(list(range(n)), X, y, epochs)
    by_threads = time.perf_counter() - started

    print(f"{n} networks 64-16-10, {epochs} epochs of {len(X)} digits")
    print(f"{'way':>36}{'seconds':>10}{'ms a network':>15}")
    for way, seconds in (
        (f"fit_many in {arguments.processes} processes of loky", by_processes),
        ("fit_many in threads", by_threads),
    ):
        print(f"{way:>36}{seconds:10.2f}{1e3 * seconds / n:15.2f}")
    same = all((net.params == other.params).all() for net, other in zip(nets, expected, strict=True))
    print(f"the same bits: {same}\n")
    scores = np.array([net.score(X_test, y_test) for net in nets])
    print(f"on {len(y_test)} other digits:")
    for name, value in (("worst", scores.min()), ("median", np.median(scores)), ("best", scores.max())):
        print(f"{name:>10}{value:10.4f}")
    print(f"{'together':>10}{sn.Ensemble(nets).score(X_test, y_test):10.4f}")


if __name__ == "__main__":
    main()
