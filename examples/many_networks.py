"""Folds, a search, an ensemble: many networks at once, whose spread says where the data leave something open.

python examples/many_networks.py [--quick]

Needs nothing but NumPy and shallownet_c. With --quick it takes a second or two, and its numbers say little.
"""

import argparse
import time

import numpy as np

import shallownet_c as sn


def folds(epochs: int) -> None:
    """How good a network for digits is on rows that it has not seen, and how good its five folds are together."""
    X, y = sn.datasets.load_digits()
    X, X_test, y, y_test = sn.datasets.train_dev_split(X / 16, y, stratify=y, seed=0)
    seeds = np.random.default_rng(0)  # one source for all: each network has other first weights
    started = time.perf_counter()
    found = sn.cross_validate(
        lambda: sn.MLP([64, 32, 10], "relu", "softmax", dtype="float32", seed=seeds),
        X, y, folds=5, scoring="accuracy", epochs=epochs, batch_size=50, seed=0,
    )  # fmt: skip
    print(found)
    print(f"five networks in {time.perf_counter() - started:.2f} s")
    ensemble = sn.Ensemble(found.nets)
    alone = [net.score(X_test, y_test) for net in ensemble]
    together = ensemble.score(X_test, y_test)
    print(f"on {len(y_test)} other digits: {np.mean(alone):.4f} each by itself, {together:.4f} together\n")


def search(n: int, epochs: int) -> None:
    """Which width, activation and rate learn the flower best, most of them found out after a few epochs."""
    X, y = sn.datasets.make_flower(400, seed=1, shuffle=True)
    space = {
        "width": [4, 8, 16, 32],
        "activation": ["tanh", "relu", "silu", "sin"],
        "learning_rate": lambda rng: 10 ** rng.uniform(-3, -1),
        "batch_size": [20, 50, 100],
    }

    def make(width: int, activation: str) -> sn.MLP:
        return sn.MLP([2, width, 1], activation, "sigmoid", seed=0)

    started = time.perf_counter()
    found = sn.search(make, space, X, y, n=n, halving=3, folds=3, epochs=epochs, seed=0)
    print(found)
    print(f"{len(found.results)} candidates in {time.perf_counter() - started:.2f} s\n")


def uncertainty(members: int, epochs: int) -> None:
    """Networks on bootstraps of noisy samples of a curve, with a gap between −0.4 and 0.4, and none beyond ±1.

    They disagree in the gap. Beyond ±1 most of them go on in the same direction and are wrong together: the spread says
    what the data leave open to these networks, and is no bound of their error.
    """
    rng = np.random.default_rng(0)
    x = rng.uniform(0.4, 1, 200) * rng.choice([-1, 1], 200)
    y = np.sin(4 * x) + 0.1 * rng.standard_normal(200)
    nets = [sn.MLP([1, 32, 1], "tanh", init="glorot_normal", seed=seed) for seed in range(members)]
    rows = [rng.integers(200, size=200) for _ in nets]
    sn.fit_many(
        nets, x[:, np.newaxis], y, rows=rows, optimizer=sn.Adam(0.01), epochs=epochs, batch_size=50,
        seed=list(range(members)),
    )  # fmt: skip
    ensemble = sn.Ensemble(nets)
    where = np.array([-1.5, -1.0, -0.7, -0.4, 0.0, 0.4, 0.7, 1.0, 1.5])[:, np.newaxis]
    mean, std = ensemble(where), ensemble.std(where)
    low, high = ensemble.quantiles(where, [0.1, 0.9])
    print(f"{members} networks on bootstraps of sin 4x with a gap from -0.4 to 0.4")
    print(f"{'x':>6}{'sin 4x':>9}{'mean':>9}{'std':>8}{'10 %':>9}{'90 %':>9}")
    for row in np.column_stack([where, np.sin(4 * where), mean, std, low, high]):
        print("{:6.1f}{:9.3f}{:9.3f}{:8.3f}{:9.3f}{:9.3f}".format(*row))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="few networks and few epochs")
    quick = parser.parse_args().quick
    folds(epochs=5 if quick else 40)
    search(n=6 if quick else 60, epochs=9 if quick else 300)
    uncertainty(members=5 if quick else 50, epochs=20 if quick else 400)


if __name__ == "__main__":
    main()
