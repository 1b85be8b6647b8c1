"""What is compared: each function yields a result for every piece of work, its results checked before it is timed."""

import itertools
import statistics
import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from shallownet_c import MLP
from shallownet_c._benchmarks._peers import measure, tasks
from shallownet_c._benchmarks._peers.tasks import Array, Task, products
from shallownet_c._benchmarks._progress import at_work

OURS = "shallownet_c"


def _offered(present: dict[str, Any], what: str, *arguments: Any) -> dict[str, Any]:
    """What the contenders make of the arguments, those that have something to offer."""
    made = {name: getattr(peer, what)(*arguments) for name, peer in present.items() if hasattr(peer, what)}
    return {name: job for name, job in made.items() if job is not None}


def _timed(
    name: str, unit: str, dtype: str, jobs: Mapping[str, Callable[..., Any]], flops: float, parts: int = 1
) -> dict[str, Any]:
    """Median and least times of one of the `parts` of a job, which takes `flops`; peers' as multiples of ours."""
    name = f"{name}, {dtype}"
    times = measure.turns(name, jobs, 0.05 if parts > 1 else 0.03)
    seconds = {peer: statistics.median(values) / parts for peer, values in times.items()}
    return {
        "name": name,
        "unit": unit,
        "dtype": dtype,
        "seconds": seconds,
        "least": {peer: min(values) / parts for peer, values in times.items()},
        "times_ours": {peer: value / seconds[OURS] for peer, value in seconds.items() if peer != OURS},
        "gflops": flops / seconds[OURS] / 1e9,
    }


def _check(name: str, jobs: Mapping[str, Callable[..., Any]], dtype: str, tolerance: float) -> None:
    """An error unless all jobs return the same to so many units of rounding."""
    at_work(f"{name}, {dtype}: the same results? …")
    results = {peer: job() for peer, job in jobs.items()}
    measure.check(name, results, {"all": tolerance * float(np.finfo(dtype).eps)})


def _compare(
    name: str, unit: str, dtype: str, jobs: Mapping[str, Callable[..., Array]], flops: float, tolerance: float
) -> dict[str, Any]:
    _check(name, jobs, dtype, tolerance)
    return _timed(name, unit, dtype, jobs, flops)


def training(present: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A step of each task."""
    return _steps(present, tasks.TRAINING)


def higgs(present: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A step of the net whose speed others have published."""
    return _steps(present, [tasks.HIGGS])


def _steps(present: dict[str, Any], chosen: list[Task]) -> Iterator[dict[str, Any]]:
    for task in chosen:
        for dtype in task.dtypes:
            at_work(f"{task.name}, {dtype}: the same results? …")
            trainers = _offered(present, "trainer", task, dtype)
            # Results are compared after some fifty steps: later ones enlarge what follows.
            first = max(1, 50 // task.steps)
            # Adam divides by the root of its second moment: a small gradient's rounding becomes a visible step.
            tolerance = 2e4 * float(np.finfo(dtype).eps) * np.sqrt(first * task.steps)
            # scikit-learn has Adam's epsilon at another place, which shows where a gradient is as small as that is.
            tolerances = {"all": tolerance, "scikit-learn": max(tolerance, 1e-3)}
            measure.check(task.name, {n: train(first).copy() for n, train in trainers.items()}, tolerances)
            # Enough steps a call that starting it does not count, for the slow ones few enough to wait for.
            epochs = min(max(1, 1000 // task.steps), task.epochs(3e9))
            jobs = {name: partial(train, epochs) for name, train in trainers.items()}
            yield _timed(task.name, "a step", dtype, jobs, task.flops, epochs * task.steps)


def gradients(present: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """One call of `cost_and_grad` from Python."""
    rng = np.random.default_rng(0)
    for dtype in ("float64", "float32"):
        net = MLP([24, 8, 2], dtype=dtype, seed=0)
        X, Y = (rng.standard_normal((200, n)).astype(dtype) for n in (24, 2))
        flops = 200 * (3 * products(net.layer_sizes) - products(net.layer_sizes[:2]))
        jobs = _offered(present, "cost_and_grad", net, X, Y)
        yield _compare("24-8-2 tanh, 200 rows, cost_and_grad", "a call", dtype, jobs, flops, 1e4)


def predictions(present: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A batch, and one row, through each network."""
    rng = np.random.default_rng(0)
    for sizes, hidden, output, dtype in tasks.PREDICTIONS:
        predictors = _offered(present, "predictor", MLP(sizes, hidden, output, dtype=dtype, seed=0))
        for m in tasks.PREDICTED_ROWS:
            X = rng.standard_normal((m, sizes[0])).astype(dtype)
            jobs: dict[str, Callable[..., Array]] = {n: partial(predict, X) for n, predict in predictors.items()}
            name = f"{'-'.join(map(str, sizes))} {hidden}/{output}, {m:,} rows"
            yield _compare(name, "a prediction", dtype, jobs, products(sizes) * m, 1e3)
    for sizes, hidden, output in tasks.ONE_ROW:
        net = MLP(sizes, hidden, output, dtype="float32", seed=0)
        jobs = _offered(present, "row", net, rng.standard_normal(sizes[0]).astype("float32"))
        yield _compare(f"{'-'.join(map(str, sizes))}, one row", "a call", "float32", jobs, products(sizes), 1e3)


def layers(present: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """`kernels.dense_forward` into `out`, and the same by the others."""
    rng = np.random.default_rng(0)
    for (m, n_in, n_out), dtype, activation in itertools.product(
        tasks.LAYERS, ("float32", "float64"), ("identity", "relu", "tanh")
    ):
        X, W = (rng.standard_normal(shape).astype(dtype) for shape in ((m, n_in), (n_out, n_in)))
        jobs = _offered(present, "layer", X, W / np.sqrt(n_in).astype(dtype), np.ones(n_out, dtype), activation)
        yield _compare(f"layer {m}×{n_in}×{n_out} {activation}", "a call", dtype, jobs, 2 * m * n_in * n_out, 1e3)


def sparse(present: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Estimators on sparse rows: a fit of some epochs, and the prediction of all rows."""
    for dtype, shape in itertools.product(("float64", "float32"), tasks.SPARSE):
        estimators = _offered(present, "classifier", tasks.UNITS, tasks.EPOCHS)
        if len(estimators) < 2:
            return
        X, y = tasks.sparse_rows(shape, dtype)
        m, n, density = shape
        name = f"sparse {m:,}×{n:,}, {density:.1%}, " + "{}"
        products = 2 * tasks.UNITS * (X.nnz + m * tasks.CLASSES)  # of a way forward
        backward = 2 * tasks.UNITS * (X.nnz + 2 * m * tasks.CLASSES)
        fits = {peer: partial(_losses, estimator, X, y) for peer, estimator in estimators.items()}
        flops = tasks.EPOCHS * (products + backward)
        yield _compare(name.format(f"fit of {tasks.EPOCHS} epochs"), "a fit", dtype, fits, flops, 2e4)
        probabilities = {peer: partial(estimator.predict_proba, X) for peer, estimator in estimators.items()}
        _check(name.format("predict"), probabilities, dtype, 2e4)
        jobs = {peer: partial(estimator.predict, X) for peer, estimator in estimators.items()}
        yield _timed(name.format("predict"), "a prediction", dtype, jobs, products)


def _losses(estimator: Any, X: Any, y: Array) -> Array:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # all epochs are wanted
        return np.asarray(estimator.fit(X, y).loss_curve_)


#: Those of `shallownet_c._benchmarks.PARTS` that have one table together.
COMPARED = {
    "training": training,
    "higgs": higgs,
    "gradients": gradients,
    "predictions": predictions,
    "layers": layers,
    "sparse": sparse,
}
