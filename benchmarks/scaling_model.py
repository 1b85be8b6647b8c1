"""How long a step over many machines takes: a model fitted to measured steps, for more workers than were measured.

    python benchmarks/dask_steps.py --json steps.json
    python benchmarks/scaling_model.py steps.json [--bandwidth 1.25e9] [--latency 1e-4]

A step of full-batch descent sends P numbers to each of W workers, each adds up the gradient of its rows, and P + 2
numbers are summed by a binary tree. With s bytes a number, the parts of a step take, in seconds,

    compute         a · rows · P / W + b
    communication   latency · depth + s · P · (W + depth) / bandwidth,  depth = 1 + log2 W
    scheduler       c · tasks + d,                                      tasks = 2 W

The client, or the scheduler, sends the parameters over one link to all workers, one after the other; the sums of one
level of the tree travel side by side. The coefficients are those, at least 0, that leave the least squares of relative
errors. Steps that were measured on one machine have not seen a network: --bandwidth (bytes a second) is the most and
--latency (seconds a message) the least that is assumed of it, by default those of an Ethernet of 10 Gbit/s.

Beside it stands MPI's Allreduce on the same network: 2 s P / bandwidth + 2 log2 W · latency (Rabenseifner's algorithm),
and no scheduler.
"""

import argparse
import json
import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import nnls

WORKERS = (10, 100, 1_000)
PARAMETERS = (10**4, 10**5, 10**6)
ROWS = (10**9, 10**10, 10**11, 10**12)
#: Latency of a message of MPI on the same network, which asks nobody in Python.
MPI_LATENCY = 3e-5


class Model(NamedTuple):
    """The coefficients, and bytes a number."""

    a: float
    b: float
    latency: float
    bandwidth: float
    c: float
    d: float
    size: int = 8

    def compute(self, rows: float, params: float, workers: float) -> float:
        return self.a * rows * params / workers + self.b

    def communication(self, params: float, workers: float, deep: float) -> float:
        return self.latency * deep + self.size * params * (workers + deep) / self.bandwidth

    def scheduler(self, tasks: float) -> float:
        return self.c * tasks + self.d

    def overhead(self, params: float, workers: float) -> float:
        """What a step takes besides adding up gradients."""
        return self.communication(params, workers, depth(workers)) + self.scheduler(2 * workers)

    def step(self, rows: float, params: float, workers: float) -> float:
        return self.compute(rows, params, workers) + self.overhead(params, workers)

    def allreduce(self, params: float, workers: float) -> float:
        """The overhead where MPI adds up the gradients."""
        return 2 * self.size * params / self.bandwidth + 2 * math.log2(workers) * MPI_LATENCY

    def best(self, rows: float, params: float) -> int:
        """The number of workers with which a step takes the least time."""
        candidates = np.unique(np.geomspace(1, 1e6, 2_000).astype(int)).tolist()
        return int(min(candidates, key=lambda workers: self.step(rows, params, workers)))


def depth(workers: float) -> float:
    """Levels from a worker's sum to the client."""
    return 1 + math.log2(workers)


def least_squares(columns: list[list[float]], seconds: list[float]) -> list[float]:
    """Coefficients, none negative, of the columns whose sums are nearest to the seconds, in relative terms."""
    y = np.array(seconds)
    kept = y > 0
    A = np.array(columns).T[kept] / y[kept, np.newaxis]
    scale = np.maximum(np.abs(A).max(axis=0), np.finfo(float).tiny)
    found, _ = nnls(A / scale, np.ones(int(kept.sum())))
    return (found / scale).tolist()


def fitted(steps: list[dict[str, Any]], size: int) -> Model:
    """The model of the measured steps."""
    ones = [1.0] * len(steps)
    work = [step["rows"] * step["params"] / step["workers"] for step in steps]
    sent = [size * step["params"] * (step["workers"] + step["depth"]) for step in steps]
    a, b = least_squares([work, ones], [step["compute"] for step in steps])
    latency, per_byte = least_squares(
        [[step["depth"] for step in steps], sent], [step["communication"] for step in steps]
    )
    c, d = least_squares([[step["tasks"] for step in steps], ones], [step["scheduler"] for step in steps])
    return Model(a, b, latency, 1 / max(per_byte, 1e-15), c, d, size)


def errors(model: Model, steps: list[dict[str, Any]]) -> list[float]:
    """How far the model is from each measured step, relatively."""
    found = []
    for step in steps:
        seconds = (
            model.compute(step["rows"], step["params"], step["workers"])
            + model.communication(step["params"], step["workers"], step["depth"])
            + model.scheduler(step["tasks"])
        )
        found.append(seconds / step["seconds"] - 1)
    return found


def power(number: int) -> str:
    """10⁹ and the like."""
    return "10" + str(round(math.log10(number))).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))


def duration(seconds: float) -> str:
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1), ("ms", 1e-3)):
        if seconds >= length:
            return f"{seconds / length:.3g} {unit}"
    return f"{seconds * 1e6:.3g} µs"


def table(model: Model, columns: int) -> list[str]:
    """Lines of Markdown: for rows and P the seconds of a step, the efficiency, and the best number of workers."""
    heads = [f"{workers:,} workers" for workers in WORKERS]
    lines = [
        "| rows | P | " + " | ".join(heads) + " | fastest with | by MPI, 1,000 workers |",
        "|---|---|" + "---:|" * (len(WORKERS) + 2),
    ]
    for rows in ROWS:
        for params in PARAMETERS:
            cells = []
            for workers in WORKERS:
                seconds = model.step(rows, params, workers)
                efficiency = model.a * rows * params / workers / seconds
                cells.append(f"{duration(seconds)}, {100 * efficiency:.0f} %")
            best = model.best(rows, params)
            cells.append(f"{best:,}: {duration(model.step(rows, params, best))}")
            most = WORKERS[-1]
            seconds = model.a * rows * params / most + model.allreduce(params, most)
            cells.append(f"{duration(seconds)}, {100 * model.a * rows * params / most / seconds:.0f} %")
            lines.append(f"| {power(rows)} | {power(params)} | " + " | ".join(cells) + " |")
    gigabytes = [f"{power(rows)} rows: {4 * columns * rows / 1e9:,.0f} GB" for rows in ROWS]
    lines += ["", f"Of {columns} columns in float32 there are, " + ", ".join(gigabytes) + "."]
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("steps", type=Path, help="what benchmarks/dask_steps.py has written by --json")
    parser.add_argument("--bandwidth", type=float, default=1.25e9, help="bytes a second of the network, at most")
    parser.add_argument("--latency", type=float, default=1e-4, help="seconds a message on the network, at least")
    parser.add_argument("--columns", type=int, default=100, help="of the table, for its size")
    arguments = parser.parse_args()
    measured = json.loads(arguments.steps.read_text(encoding="utf-8"))
    steps = measured["steps"]
    model = fitted(steps, np.dtype(measured["dtype"]).itemsize)
    off = np.abs(errors(model, steps))
    print(f"{measured['machine']}, {measured['dtype']}, {len(steps)} configurations; the model is off by")
    print(f"{100 * np.median(off):.0f} % in the median and {100 * off.max():.0f} % at most.\n")
    print(f"- compute: {model.a * 1e12:.3g} ps a row and parameter, and {duration(model.b)}")
    print(f"- communication: {duration(model.latency)} a level, {model.bandwidth / 1e9:.3g} GB/s")
    print(f"- scheduler: {duration(model.c)} a task, and {duration(model.d)}\n")
    model = model._replace(
        latency=max(model.latency, arguments.latency), bandwidth=min(model.bandwidth, arguments.bandwidth)
    )
    print(f"On a network of {model.bandwidth / 1e9:.3g} GB/s and {duration(model.latency)} a message:\n")
    print("\n".join(table(model, arguments.columns)))


if __name__ == "__main__":
    main()
