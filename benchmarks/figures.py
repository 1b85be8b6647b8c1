"""The figures of the README: medians over interleaved rounds, one thread, equal results checked first.

python benchmarks/figures.py
"""

# ruff: noqa: I001  the BLAS reads its number of threads when NumPy is imported
import conftest  # noqa: F401

import statistics
import time
from collections.abc import Callable

import numpy as np

import shallownet_c as sn
from shallownet_c._benchmarks._bench import digits, flower
from shallownet_c._benchmarks._numpy_mlp import PreallocatedNumPy
from shallownet_c.reference import loop, vectorized


def interleaved(jobs: dict[str, tuple[Callable[[], object], int]], rounds: int) -> dict[str, float]:
    """Median seconds of each job, (function, how many repeats a call makes), rounds of all taking turns."""
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(rounds):
        for name, (job, repeats) in jobs.items():
            start = time.perf_counter()
            job()
            times[name].append((time.perf_counter() - start) / repeats)
    return {name: statistics.median(values) for name, values in times.items()}


def show(title: str, seconds: dict[str, float], unit: str, scale: float) -> None:
    ours = {name: value for name, value in seconds.items() if name.startswith("compiled")}
    print(title)
    for name, value in seconds.items():
        ratios = "" if name in ours else "   " + ", ".join(f"{value / best:.3g}x {to}" for to, best in ours.items())
        print(f"  {name:30}{value * scale:12.4g} {unit}{ratios}")
    print()


def flower_descent(rounds: int) -> None:
    """2-4-1 tanh/sigmoid, m = 400, full-batch descent, α = 1.2; the cost is computed in every step."""
    problem = flower()
    n, jobs, params = 2000, {}, {}
    for dtype in ("float64", "float32"):
        X, Y = problem.X.astype(dtype), problem.Y.astype(dtype)
        net, numpy = problem.network(dtype), PreallocatedNumPy(problem.network(dtype), len(X))

        def fit(net=net, X=X, Y=Y, epochs=n):
            return net.fit(X, Y, optimizer=sn.SGD(problem.alpha), epochs=epochs)

        def descend(numpy=numpy, X=X, Y=Y, epochs=200):
            for _ in range(epochs):
                numpy.sgd(X, Y, problem.alpha)

        fit(epochs=20)
        descend(epochs=20)
        params[dtype] = np.abs(net.params - numpy.params).max()
        assert params[dtype] < 1e4 * np.finfo(dtype).eps, params
        jobs[f"compiled {dtype}"] = fit, n
        jobs[f"NumPy, preallocated {dtype}"] = descend, 200
    start = problem.network()
    names = list(start.activations)

    def reference(module, iterations):
        module.gradient_descent(
            problem.X, problem.Y, start.weights, start.biases, names, start.loss, problem.alpha, iterations
        )

    jobs["vectorized float64"] = lambda: reference(vectorized, 200), 200
    jobs["loop float64"] = lambda: reference(loop, 3), 3
    show("flower, 2-4-1 tanh/sigmoid, m = 400, an iteration", interleaved(jobs, rounds), "µs", 1e6)


def digits_adam(rounds: int) -> None:
    """64-100-10 relu/softmax, batches of 200 in one fixed order, Adam; an epoch of 1,797 rows."""
    problem = digits()
    m, size = len(problem.X), 200
    order = np.random.default_rng(0).permutation(m)
    for dtype in ("float64", "float32"):
        X, Y = problem.X.astype(dtype), problem.Y.astype(dtype)
        net, numpy = problem.network(dtype), PreallocatedNumPy(problem.network(dtype), size)
        adam, epochs = sn.Adam(), 10
        same_order = np.tile(order, (epochs, 1))
        rows_X, rows_Y = np.empty((size, 64), dtype), np.empty((size, 10), dtype)

        def fit(epochs=epochs, net=net, X=X, Y=Y, adam=adam, order=same_order):
            return net.fit(X, Y, optimizer=adam, epochs=epochs, batch_size=size, order=order[:epochs])

        def descend(epochs=epochs, numpy=numpy, X=X, Y=Y, rows_X=rows_X, rows_Y=rows_Y):
            for _ in range(epochs):
                for at in range(0, m, size):
                    rows = order[at : at + size]
                    np.take(X, rows, axis=0, out=rows_X[: len(rows)])
                    np.take(Y, rows, axis=0, out=rows_Y[: len(rows)])
                    numpy.adam(rows_X[: len(rows)], rows_Y[: len(rows)])

        def simple(net=net, X=X, Y=Y):
            W, b = list(net.weights), list(net.biases)
            for at in range(0, m, size):
                rows = order[at : at + size]
                Z, A = vectorized.forward(X[rows], W, b, ["relu", "softmax"])
                vectorized.cost(A[-1], Y[rows], "log_loss", "softmax")
                vectorized.backward(Z, A, W, Y[rows], ["relu", "softmax"], "log_loss")

        fit(1)
        descend(1)
        difference = np.abs(net.params - numpy.params).max()
        assert difference < 1e4 * np.finfo(dtype).eps, difference
        jobs = {
            f"compiled {dtype}": (fit, epochs),
            f"NumPy, preallocated {dtype}": (descend, epochs),
        }
        if dtype == "float64":
            jobs["vectorized, gradients alone"] = simple, 1
        show(
            f"digits, 64-100-10 relu/softmax, batch 200, Adam, an epoch, {dtype}", interleaved(jobs, rounds), "ms", 1e3
        )


if __name__ == "__main__":
    print(f"shallownet_c {sn.__version__}, build {sn.kernels.target}, NumPy {np.__version__}, one thread\n")
    flower_descent(rounds=31)
    digits_adam(rounds=31)
