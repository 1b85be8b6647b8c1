"""Regression that says how sure it is: quantiles for the noise, an ensemble for what the data leave open.

python examples/regression_uncertainty.py [--quick]

Needs nothing but NumPy and shallownet_c. With --quick it takes a second or two, and its numbers say little.
"""

import argparse
import time

import numpy as np

import shallownet_c as sn

WANTED = 0.9


def draw(rng: np.random.Generator, m: int, gap: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """sin 8x, with noise that grows from left to right; no rows between 0.3 and 0.6 if there is a gap."""
    x = rng.uniform(0, 1, 4 * m)
    x = x[(x < 0.3) | (x > 0.6)][:m] if gap else x[:m]
    return x[:, np.newaxis], np.sin(8 * x) + (0.05 + 0.3 * x) * rng.standard_normal(m)


def coverage(low: np.ndarray, high: np.ndarray, y: np.ndarray) -> str:
    """The share of the targets in their intervals, and how wide these are in the mean."""
    inside = (low <= y) & (y <= high)
    return f"{np.mean(inside):.3f} of the targets in intervals {np.mean(high - low):.3f} wide"


def quantiles(X: np.ndarray, y: np.ndarray, epochs: int) -> list[sn.MLP]:
    """Three networks, for the 5 % and 95 % quantiles and the median, which learn side by side."""
    levels = ((1 - WANTED) / 2, 0.5, (1 + WANTED) / 2)
    nets = [sn.MLP([1, 16, 1], loss="pinball", quantile=q, seed=0) for q in levels]
    sn.fit_many(nets, X, y, optimizer=sn.Adam(0.005), epochs=epochs, batch_size=50, seed=0)
    return nets


def ensemble(rng: np.random.Generator, X: np.ndarray, y: np.ndarray, n: int, epochs: int) -> sn.Ensemble:
    """Networks from other first weights, each on rows that are drawn with replacement."""
    nets = [sn.MLP([1, 32, 1], init="glorot_normal", seed=seed) for seed in range(n)]
    rows = [rng.integers(len(X), size=len(X)) for _ in nets]
    sn.fit_many(nets, X, y, rows=rows, optimizer=sn.Adam(0.01), epochs=epochs, batch_size=50, seed=list(range(n)))
    return sn.Ensemble(nets)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="few rows, networks and epochs")
    quick = parser.parse_args().quick
    epochs = 600 if quick else 400

    rng = np.random.default_rng(0)
    X, y = draw(rng, 400 if quick else 2000)
    X_held, y_held = draw(rng, 200 if quick else 1000)
    X_new, y_new = draw(rng, 5000)

    began = time.perf_counter()
    lower, median, upper = quantiles(X, y, epochs)
    committee = ensemble(rng, X, y, 5 if quick else 40, epochs)
    print(f"{3 + len(committee)} networks in {time.perf_counter() - began:.2f} s\n")

    print(f"intervals that {WANTED:.0%} of new targets should be in:")
    low, high = lower(X_new)[:, 0], upper(X_new)[:, 0]
    print(f"  quantiles as they are:    {coverage(low, high, y_new)}")

    # Conformalised quantile regression (Romano, Patterson and Candès, 2019): the margin by which intervals must grow so
    # that they hold the wanted share of rows that no network has learnt from.
    excess = np.sort(np.maximum(lower(X_held)[:, 0] - y_held, y_held - upper(X_held)[:, 0]))
    margin = excess[min(int(np.ceil(WANTED * (len(excess) + 1))), len(excess)) - 1]
    print(f"  corrected by {margin:+.4f}:     {coverage(low - margin, high + margin, y_new)}")

    # The spread of an ensemble is not that of the targets, which the noise spreads: its intervals are far too narrow.
    mean, std = committee(X_new)[:, 0], committee.std(X_new)[:, 0]
    print(f"  ensemble, mean ± 1.645 σ: {coverage(mean - 1.645 * std, mean + 1.645 * std, y_new)}")

    print("\nthe interval follows the noise, the ensemble's spread the rows that are missing from 0.3 to 0.6:")
    where = np.arange(-2, 13)[:, np.newaxis] / 10
    columns = [
        where,
        np.sin(8 * where),
        median(where),
        lower(where) - margin,
        upper(where) + margin,
        committee.std(where),
    ]
    print(f"{'x':>6}{'sin 8x':>9}{'median':>9}{'low':>9}{'high':>9}{'spread':>9}")
    for row in np.column_stack(columns):
        print("{:6.1f}{:9.3f}{:9.3f}{:9.3f}{:9.3f}{:9.3f}".format(*row))
    X_gap, y_gap = draw(rng, 5000, gap=False)
    X_gap, y_gap = X_gap[abs(X_gap[:, 0] - 0.45) < 0.15], y_gap[abs(X_gap[:, 0] - 0.45) < 0.15]
    low, high = lower(X_gap)[:, 0] - margin, upper(X_gap)[:, 0] + margin
    print(f"\nin the gap nothing is promised: {coverage(low, high, y_gap)}")
    off = abs(committee(where)[-1, 0] - np.sin(8 * where[-1, 0]))
    print(f"far from all rows the networks go wrong together: at {where[-1, 0]} their mean is off by {off:.1f}")


if __name__ == "__main__":
    main()
