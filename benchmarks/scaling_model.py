"""How long a step over many machines takes: a model fitted to measured steps, for more workers than were measured.

    python benchmarks/dask_steps.py --json steps.json
    python benchmarks/scaling_model.py steps.json [--bandwidth 1.25e9] [--latency 1e-4]

A step of full-batch descent on W workers with one thread each takes, in seconds,

    rate · rows · P / W + task · tasks + latency · levels + bytes / bandwidth

- rate is measured without Dask, and the other three are fitted to what a step takes besides computing: those, none
  negative, with the least squares of relative errors.
- tasks pass through the one scheduler: W gradients, and a sum for each eight of what comes from below.
- levels of sums, of eight each, end at the client.
- bytes are those that one link after the other has to carry, s P for P numbers of s bytes: eight messages to whoever
  adds them up on each level, and the parameters on their way out, which up to fifty workers fetch from one that has
  them (Dask's own limit), then from each of these.

Steps that were measured on one machine have not seen a network: --bandwidth (bytes a second) is the most and --latency
(seconds) the least that is assumed of it, by default those of an Ethernet of 10 Gbit/s. Beside Dask stands MPI's
Allreduce on the same network, 2 s P / bandwidth + 2 log2 W · 30 µs (Rabenseifner's algorithm), which has no scheduler.
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
#: Sums that are added up at a time, and workers that may fetch from one at the same time.
FAN_IN, FAN_OUT = 8, 50
#: Bytes a number, and seconds a message of MPI.
SIZE, MPI_LATENCY = 8, 3e-5


class Model(NamedTuple):
    """Seconds a row and parameter, a task, a level, and bytes a second."""

    rate: float
    task: float
    latency: float
    bandwidth: float

    def compute(self, rows: float, params: float, workers: float) -> float:
        return self.rate * rows * params / workers

    def overhead(self, tasks: float, levels: float, sent: float) -> float:
        return self.task * tasks + self.latency * levels + sent / self.bandwidth

    def step(self, rows: float, params: float, workers: float) -> float:
        return self.compute(rows, params, workers) + self.overhead(
            tasks_of(workers), levels_of(workers), bytes_of(params, workers)
        )

    def by_mpi(self, rows: float, params: float, workers: float, bandwidth: float) -> float:
        """A step where MPI adds up the gradients."""
        messages = 2 * SIZE * params / bandwidth + 2 * math.log2(workers) * MPI_LATENCY
        return self.compute(rows, params, workers) + messages

    def best(self, rows: float, params: float) -> int:
        """The number of workers with which a step takes the least time."""
        candidates = np.unique(np.geomspace(1, 1e6, 2_000).astype(int)).tolist()
        return int(min(candidates, key=lambda workers: self.step(rows, params, workers)))


def levels_of(tasks: float) -> int:
    """How many times eight sums become one until the client has the last."""
    levels = 1
    while FAN_IN**levels < tasks:
        levels += 1
    return levels


def tasks_of(workers: float) -> float:
    """Gradients and sums."""
    return sum(workers / FAN_IN**level for level in range(levels_of(workers)))


def bytes_of(params: float, workers: float) -> float:
    """Bytes of a step that one link after the other has to carry."""
    out = workers if workers <= FAN_OUT else FAN_OUT * math.log(workers) / math.log(FAN_OUT)
    back = min(workers, FAN_IN) * levels_of(workers)
    return SIZE * params * (out + back)


def fitted(measured: list[dict[str, Any]], rate: float) -> Model:
    """The model of the measured steps."""
    rest = np.array([one["seconds"] - one["compute"] for one in measured])
    terms = np.array([terms_of(one) for one in measured])
    kept = rest > 0
    scaled = terms[kept] / rest[kept, np.newaxis]
    scale = scaled.max(axis=0)
    found, _ = nnls(scaled / scale, np.ones(int(kept.sum())))
    task, latency, per_byte = (found / scale).tolist()
    return Model(rate, task, latency, 1 / max(per_byte, 1e-12))


def terms_of(one: dict[str, Any]) -> list[float]:
    """Tasks, levels and bytes of a measured step."""
    return [one["tasks"], levels_of(one["tasks"]), one["bytes_down"] + one["bytes_up"]]


def errors(model: Model, measured: list[dict[str, Any]]) -> list[float]:
    """How far the model is from what each measured step takes besides computing, relatively."""
    return [model.overhead(*terms_of(one)) / (one["seconds"] - one["compute"]) - 1 for one in measured]


def power(number: int) -> str:
    """10⁹ and the like."""
    return "10" + str(round(math.log10(number))).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))


def duration(seconds: float) -> str:
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1), ("ms", 1e-3)):
        if seconds >= length:
            return f"{seconds / length:.3g} {unit}"
    return f"{seconds * 1e6:.3g} µs"


def table(model: Model, columns: int, bandwidth: float) -> list[str]:
    """Lines of Markdown: for rows and P the seconds of a step, the efficiency, and the best number of workers."""
    heads = [f"{workers:,} workers" for workers in WORKERS]
    most = WORKERS[-1]
    lines = [
        "| rows | P | " + " | ".join(heads) + f" | fastest with | MPI, {most:,} processes |",
        "|---|---|" + "---:|" * (len(WORKERS) + 2),
    ]
    for rows in ROWS:
        for params in PARAMETERS:
            cells = []
            for workers in WORKERS:
                seconds = model.step(rows, params, workers)
                cells.append(f"{duration(seconds)}, {100 * model.compute(rows, params, workers) / seconds:.0f} %")
            best = model.best(rows, params)
            cells.append(f"{best:,}: {duration(model.step(rows, params, best))}")
            seconds = model.by_mpi(rows, params, most, bandwidth)
            cells.append(f"{duration(seconds)}, {100 * model.compute(rows, params, most) / seconds:.0f} %")
            lines.append(f"| {power(rows)} | {power(params)} | " + " | ".join(cells) + " |")
    sizes = [f"{4 * columns * rows / 1e9:,.0f} GB for {power(rows)} of them" for rows in ROWS]
    return [*lines, "", f"Rows of {columns} columns in float32 take {', '.join(sizes)}."]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("steps", type=Path, help="what benchmarks/dask_steps.py has written by --json")
    parser.add_argument("--bandwidth", type=float, default=1.25e9, help="bytes a second of the network, at most")
    parser.add_argument("--latency", type=float, default=1e-4, help="seconds a level on the network, at least")
    parser.add_argument("--columns", type=int, default=100, help="of the table, for its size")
    arguments = parser.parse_args()
    found = json.loads(arguments.steps.read_text(encoding="utf-8"))["model"]
    measured = found["measured"]
    model = fitted(measured, found["constants"]["rate"])
    off = np.abs(errors(model, measured))
    print(f"{len(measured)} measured steps; what a step takes besides computing is off by")
    print(f"{100 * np.median(off):.0f} % in the median and {100 * off.max():.0f} % at most in the model:\n")
    print(f"- {model.rate * 1e12:.3g} ps a row and parameter")
    print(f"- {duration(model.task)} a task, {duration(model.latency)} a level, {model.bandwidth / 1e9:.3g} GB/s\n")
    model = model._replace(
        latency=max(model.latency, arguments.latency), bandwidth=min(model.bandwidth, arguments.bandwidth)
    )
    print(f"On a network of {arguments.bandwidth / 1e9:.3g} GB/s, with {duration(model.latency)} a level:\n")
    print("\n".join(table(model, arguments.columns, arguments.bandwidth)))


if __name__ == "__main__":
    main()
