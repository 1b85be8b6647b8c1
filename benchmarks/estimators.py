"""The estimators of `shallownet_c.sklearn` next to scikit-learn's: same numbers, checked first, then timed in turns.

python benchmarks/estimators.py [--json FILE]

One thread; medians over interleaved rounds.
"""

# ruff: noqa: I001  the BLAS reads its number of threads when NumPy is imported
import conftest  # noqa: F401

import argparse
import json
import statistics
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import sklearn
import sklearn.neural_network as theirs
from sklearn.datasets import load_digits
from threadpoolctl import threadpool_limits

import shallownet_c as sn
import shallownet_c.sklearn as ours

RESULTS: list[dict] = []


def compare(title: str, jobs: tuple[Callable[[], object], Callable[[], object]], rounds: int, repeats: int = 1) -> None:
    """Median times of ours and theirs, `repeats` calls a round, and their ratio."""
    times: tuple[list[float], list[float]] = [], []
    for job in jobs:
        job()
    for _ in range(rounds):
        for job, taken in zip(jobs, times, strict=True):
            start = time.perf_counter()
            for _ in range(repeats):
                job()
            taken.append((time.perf_counter() - start) / repeats)
    mine, others = map(statistics.median, times)
    seconds = {"shallownet_c": mine, "scikit-learn": others}
    RESULTS.append({"name": title, "seconds": seconds, "times_ours": {"scikit-learn": others / mine}})
    print(f"{title:66}{mine * 1e3:11.4g} ms{others * 1e3:11.4g} ms{others / mine:9.2f}x", flush=True)


def same(a, b, tolerance: float) -> None:
    """Whether both estimators have the same parameters and losses."""
    assert len(a.loss_curve_) == len(b.loss_curve_)
    np.testing.assert_allclose(a.loss_curve_, b.loss_curve_, rtol=tolerance)
    for p, q in zip([*a.coefs_, *a.intercepts_], [*b.coefs_, *b.intercepts_], strict=True):
        np.testing.assert_allclose(p, q, rtol=0, atol=tolerance * np.abs(q).max())


def fits(dtype: str, tolerance: float) -> None:
    X, y = load_digits(return_X_y=True)
    X = ((X - X.mean(axis=0)) / (X.std(axis=0) + 1e-9)).astype(dtype)
    options = {"hidden_layer_sizes": (100,), "random_state": 0, "max_iter": 20}
    pair = [module.MLPClassifier(**options) for module in (ours, theirs)]
    same(*(one.fit(X, y) for one in pair), tolerance)
    title = f"fit, digits, 100 hidden, adam, batch 200, 20 epochs, {dtype}"
    compare(title, [lambda e=e: e.fit(X, y) for e in pair], 11)
    wide = np.random.default_rng(0).standard_normal((100_000, 64)).astype(dtype)
    np.testing.assert_allclose(*(one.predict_proba(wide) for one in pair), atol=tolerance)
    compare(f"predict_proba, 100,000 x 64, 100 units, {dtype}", [lambda e=e: e.predict_proba(wide) for e in pair], 11)
    row = X[:1].copy()
    assert pair[0].predict(row) == pair[1].predict(row)
    compare(f"predict, one row of 64, {dtype}", [lambda e=e: e.predict(row) for e in pair], 21, 200)


def small(dtype: str, tolerance: float) -> None:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((2000, 10)).astype(dtype)
    y = (np.sin(X[:, 0]) + X[:, 1] * X[:, 2]).astype(dtype)
    options = {"hidden_layer_sizes": (16,), "random_state": 0, "max_iter": 20, "batch_size": 32}
    for activation in ("relu", "tanh"):
        pair = [module.MLPRegressor(activation=activation, **options) for module in (ours, theirs)]
        same(*(one.fit(X, y) for one in pair), tolerance)
        title = f"fit, 10-16-1 {activation}, 2,000 rows, batch 32, 20 epochs, {dtype}"
        compare(title, [lambda e=e: e.fit(X, y) for e in pair], 11)
    row = X[:1].copy()
    compare(f"predict, one row of 10, {dtype}", [lambda e=e: e.predict(row) for e in pair], 21, 200)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    json_file = parser.parse_args().json
    print(f"shallownet_c {sn.__version__}, build {sn.kernels.target}, scikit-learn {sklearn.__version__}, one thread")
    print(f"{'':66}{'ours':>14}{'theirs':>14}")
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore", sklearn.exceptions.ConvergenceWarning)
        for dtype, tolerance in (("float64", 1e-6), ("float32", 1e-2)):
            fits(dtype, tolerance)
            small(dtype, tolerance)
    if json_file is not None:
        json_file.write_text(json.dumps({"build": sn.kernels.target, "estimators": RESULTS}, indent=2) + "\n")
