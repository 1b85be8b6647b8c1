"""Sparse rows: the estimators next to scikit-learn's on the same matrices, and the core on sparse and on dense rows.

python benchmarks/sparse.py [--rounds N]

One thread; medians over interleaved rounds. The numbers are compared before anything is timed.
"""

# ruff: noqa: I001  the BLAS reads its number of threads when NumPy is imported
import conftest  # noqa: F401

import argparse
import statistics
import time
import warnings
from collections.abc import Callable

import numpy as np
import sklearn
import sklearn.neural_network as theirs
from threadpoolctl import threadpool_limits

import shallownet_c as sn
import shallownet_c.sklearn as ours
from shallownet_c._benchmarks._peers.tasks import CLASSES, EPOCHS, SPARSE, UNITS, sparse_rows

TOLERANCES = {"float64": 1e-9, "float32": 2e-3}


def compare(title: str, jobs: tuple[Callable[[], object], Callable[[], object]], rounds: int) -> None:
    """Median times of both jobs, and how many times as long the second takes."""
    times: tuple[list[float], list[float]] = [], []
    for job in jobs:
        job()
    for _ in range(rounds):
        for job, taken in zip(jobs, times, strict=True):
            start = time.perf_counter()
            job()
            taken.append(time.perf_counter() - start)
    mine, others = map(statistics.median, times)
    least = min(times[1]) / min(times[0])
    print(f"{title:52}{mine * 1e3:10.4g} ms{others * 1e3:10.4g} ms{others / mine:8.2f}x{least:8.2f}x", flush=True)


def estimators(shape: tuple[int, int, float], dtype: str, rounds: int) -> None:
    X, y = sparse_rows(shape, dtype)
    pair = [
        module.MLPClassifier((UNITS,), random_state=0, max_iter=EPOCHS, n_iter_no_change=EPOCHS)
        for module in (ours, theirs)
    ]
    for one in pair:
        one.fit(X, y)
    tolerance = TOLERANCES[dtype]
    np.testing.assert_allclose(pair[0].loss_curve_, pair[1].loss_curve_, rtol=tolerance)
    np.testing.assert_allclose(*(one.predict_proba(X) for one in pair), rtol=0, atol=tolerance)
    name = f"{shape[0]:,} x {shape[1]:,} at {shape[2]:.1%}, {dtype}"
    compare(f"fit, {EPOCHS} epochs, {name}", tuple(lambda e=e: e.fit(X, y) for e in pair), rounds)
    compare(f"predict, {name}", tuple(lambda e=e: e.predict(X) for e in pair), 2 * rounds)
    some = X[:100]
    compare(f"predict, 100 rows of {name}", tuple(lambda e=e: e.predict(some) for e in pair), 4 * rounds)


def core(shape: tuple[int, int, float], dtype: str, rounds: int) -> None:
    X, y = sparse_rows((1_000, *shape[1:]), dtype)
    dense = X.toarray()
    net = sn.MLP([shape[1], UNITS, CLASSES], activation="relu", output="softmax", dtype=dtype, seed=0)
    (J, grad), (J_dense, grad_dense) = net.cost_and_grad(X, y), net.cost_and_grad(dense, y)
    np.testing.assert_allclose(J, J_dense, rtol=TOLERANCES[dtype])
    np.testing.assert_allclose(grad, grad_dense, rtol=0, atol=TOLERANCES[dtype] * np.abs(grad_dense).max())
    name = f"1,000 x {shape[1]:,} at {shape[2]:.1%}, {dtype}"
    pair = X, dense
    compare(f"core, net(X), {name}", tuple(lambda x=x: net(x) for x in pair), rounds)
    compare(f"core, cost_and_grad, {name}", tuple(lambda x=x: net.cost_and_grad(x, y) for x in pair), rounds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    print(f"shallownet_c {sn.__version__}, build {sn.kernels.target}, scikit-learn {sklearn.__version__}, one thread")
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        print(f"{'':52}{'sparse':>13}{'scikit-learn':>13}{'median':>9}{'least':>9}")
        for dtype in TOLERANCES:
            for shape in SPARSE:
                estimators(shape, dtype, rounds)
        print(f"{'':52}{'sparse':>13}{'dense':>13}{'median':>9}{'least':>9}")
        for dtype in TOLERANCES:
            for shape in SPARSE:
                core(shape, dtype, rounds)


if __name__ == "__main__":
    main()
