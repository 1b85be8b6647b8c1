"""`shallownet-c bench`: one network trained in a loop, with NumPy, and compiled, from the same start."""

import json
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from shallownet_c import MLP, SGD, Adam, __version__, datasets
from shallownet_c._benchmarks._numpy_mlp import PreallocatedNumPy
from shallownet_c._benchmarks._progress import at_work
from shallownet_c._command import _output
from shallownet_c.kernels import target
from shallownet_c.reference import loop, vectorized

Array = np.ndarray[Any, Any]


@dataclass
class Problem:
    """Data, a network and a learning rate for full-batch gradient descent."""

    name: str
    X: Array
    labels: Array
    layer_sizes: list[int]
    activation: str
    output: str
    init: str | float
    alpha: float

    @property
    def Y(self) -> Array:
        """Targets (m, n_L): the label itself, or a one in its column."""
        if self.output == "softmax":
            return np.eye(self.layer_sizes[-1])[self.labels]
        return self.labels[:, np.newaxis].astype(float)

    def network(self, dtype: str = "float64") -> MLP:
        return MLP(self.layer_sizes, self.activation, self.output, init=self.init, dtype=dtype, seed=2)

    def accuracy(self, net: MLP, rows: slice = slice(None)) -> float:
        return net.score(self.X[rows], self.labels[rows])


def flower() -> Problem:
    """The notes' network on the course's flower."""
    X, y = datasets.make_flower(400, seed=1)
    return Problem("flower", X, y, [2, 4, 1], "tanh", "sigmoid", 0.01, 1.2)


def digits() -> Problem:
    """One hidden layer of 100 on the handwritten digits, pixels scaled to 0 … 1."""
    X, y = datasets.load_digits()
    return Problem("digits", X / 16, y, [64, 100, 10], "relu", "softmax", "he_normal", 0.5)


Way = Callable[[Problem, int], Array]


def _reference(module: Any) -> Way:
    def run(problem: Problem, n_iterations: int) -> Array:
        net = problem.network()
        names = list(net.activations)
        W, b, _ = module.gradient_descent(
            problem.X, problem.Y, net.weights, net.biases, names, net.loss, problem.alpha, n_iterations
        )
        return np.concatenate([part.ravel() for pair in zip(W, b, strict=True) for part in pair])

    return run


def _preallocated(problem: Problem, n_iterations: int) -> Array:
    numpy = PreallocatedNumPy(problem.network(), len(problem.X))
    Y = problem.Y
    for _ in range(n_iterations):
        numpy.sgd(problem.X, Y, problem.alpha)
    return numpy.params


def _compiled(problem: Problem, n_iterations: int) -> Array:
    net = problem.network()
    net.fit(problem.X, problem.Y, optimizer=SGD(problem.alpha), epochs=n_iterations)
    return net.params


#: Way of computing -> function of the problem and the number of iterations, which returns the parameters.
WAYS: dict[str, Way] = {
    "loop (plain Python)": _reference(loop),
    "vectorized (NumPy)": _reference(vectorized),
    "NumPy, preallocated": _preallocated,
    "compiled": _compiled,
}


def compare(problem: Problem, n_iterations: int, repeats: dict[str, int], rounds: int) -> dict[str, Any]:
    """All ways after the same number of iterations, and their times an iteration in interleaved rounds.

    `repeats` says how many iterations of each way are timed at once, so that starting up does not count. A terminal is
    told meanwhile which way is at work, since plain Python takes seconds.
    """
    params = {}
    for way, run in WAYS.items():
        at_work(f"{problem.name}: {way} …")
        params[way] = run(problem, n_iterations)
    reference = params["vectorized (NumPy)"]
    # A step adds its own rounding, some units in the last place of sums over m rows; descent may double what is there.
    tolerance = 64 * np.finfo(float).eps * n_iterations * max(1.0, float(np.abs(reference).max()))

    times: dict[str, list[float]] = {way: [] for way in WAYS}
    for i in range(rounds):
        for way, run in WAYS.items():
            at_work(f"{problem.name}: {way}, timing {i + 1} of {rounds} …")
            start = time.perf_counter()
            run(problem, repeats[way])
            times[way].append((time.perf_counter() - start) / repeats[way])
    at_work("")
    seconds = {way: statistics.median(values) for way, values in times.items()}

    rows = []
    for way in WAYS:
        net = problem.network()
        net.params[:] = params[way]
        rows.append(
            {
                "way": way,
                "seconds_per_iteration": seconds[way],
                "speed_up": seconds["loop (plain Python)"] / seconds[way],
                "cost": net.cost(problem.X, problem.Y),
                "accuracy": problem.accuracy(net),
            }
        )
    difference = max(float(np.abs(values - reference).max()) for values in params.values())
    return {
        "problem": problem.name,
        "network": "-".join(map(str, problem.layer_sizes)),
        "activations": [problem.activation, problem.output],
        "m": len(problem.X),
        "iterations": n_iterations,
        "largest_difference": difference,
        "tolerance": tolerance,
        "rows": rows,
    }


def show(result: dict[str, Any]) -> str:
    """The result as a table of text."""
    hidden, output = result["activations"]
    lines = [
        f"{result['problem']}: {result['network']} {hidden}/{output}, m = {result['m']}, full-batch gradient descent",
        f"  {'':22}{'an iteration':>14}{'speed-up':>12}{'cost':>10}{'accuracy':>10}",
    ]
    for row in result["rows"]:
        lines.append(
            f"  {row['way']:22}{_time(row['seconds_per_iteration']):>14}{row['speed_up']:>11,.0f}×"
            f"{row['cost']:>10.4f}{row['accuracy']:>10.1%}"
        )
    agree = "agree" if result["largest_difference"] <= result["tolerance"] else "DO NOT AGREE"
    lines.append(
        f"  after {result['iterations']} iterations all {agree}: their parameters differ by at most "
        f"{result['largest_difference']:.1e} (allowed {result['tolerance']:.1e})"
    )
    return "\n".join(lines)


def _time(seconds: float) -> str:
    for unit, scale in (("s", 1), ("ms", 1e3), ("µs", 1e6)):
        if seconds * scale >= 1:
            return f"{seconds * scale:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def train_fully() -> list[dict[str, Any]]:
    """The compiled network trained to the end on both sets: what a user would do."""
    problem = flower()
    net = problem.network()
    history = net.fit(problem.X, problem.labels, optimizer=SGD(problem.alpha), epochs=10_000)
    results = [
        {
            "problem": "flower",
            "what": "10,000 iterations of gradient descent",
            "seconds": history.seconds,
            "cost": history.cost[-1],
            "accuracy": problem.accuracy(net),
            "on": "the training data",
        }
    ]
    problem = digits()
    net = problem.network()
    order = np.random.default_rng(0).permutation(len(problem.X))
    problem.X, problem.labels = problem.X[order], problem.labels[order]
    held_out = len(problem.X) // 5
    history = net.fit(
        problem.X[held_out:], problem.labels[held_out:], optimizer=Adam(), batch_size=200, epochs=100, seed=0
    )
    results.append(
        {
            "problem": "digits",
            "what": "100 epochs of Adam, batches of 200",
            "seconds": history.seconds,
            "cost": history.cost[-1],
            "accuracy": problem.accuracy(net, slice(held_out)),
            "on": f"{held_out} digits that it has not seen",
        }
    )
    return results


def run(quick: bool, json_file: str | None) -> int:
    """Print the tables; 1 if the ways do not agree."""
    loop_way, vectorized_way, preallocated_way, compiled_way = WAYS
    rounds = 3 if quick else 7
    plans = [
        (
            flower(),
            200 if quick else 1000,
            {loop_way: 100, vectorized_way: 1000, preallocated_way: 1000, compiled_way: 10_000},
            rounds,
        ),
        (
            digits(),
            1 if quick else 3,
            {loop_way: 1, vectorized_way: 20, preallocated_way: 20, compiled_way: 20},
            1 if quick else 3,
        ),
    ]
    report: dict[str, Any] = {
        "version": __version__,
        "build": target,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "comparisons": [],
    }
    print(f"shallownet_c {__version__}, build {target}, NumPy {np.__version__}, float64, one thread\n", flush=True)
    for plan in plans:
        result = compare(*plan)
        report["comparisons"].append(result)
        print(show(result) + "\n", flush=True)
    report["training"] = train_fully()
    print("Trained to the end, compiled:")
    for result in report["training"]:
        print(
            f"  {result['problem']}: {result['what']} in {_time(result['seconds'])}, cost {result['cost']:.4f}, "
            f"{result['accuracy']:.1%} right on {result['on']}"
        )
    if json_file:
        _output.write(json_file, [json.dumps(report, indent=2) + "\n"])
    return int(any(c["largest_difference"] > c["tolerance"] for c in report["comparisons"]))
