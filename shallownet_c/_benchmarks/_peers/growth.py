"""How time grows with rows, width, depth, batch and features: the same network with one of its sizes changed.

10-64-64-1 tanh, squared error, Adam, batches of 128, float32. In the long run the time of a step grows with the square
of the width, and linearly with everything else.
"""

import statistics
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from shallownet_c._benchmarks._peers import measure
from shallownet_c._benchmarks._peers.tasks import Task
from shallownet_c._benchmarks._progress import at_work

PEERS = ("NumPy", "PyTorch", "JAX")
ROUNDS = 7
BATCH = 128


@dataclass
class Axis:
    """One size that changes: the layer sizes, rows and rows in a batch for each value, and what is timed."""

    label: str
    fixed: str
    values: tuple[int, ...]
    sizes: Callable[[int], tuple[list[int], int, int]]
    unit: str = "a step"

    def task(self, value: int) -> Task:
        layer_sizes, m, batch = self.sizes(value)
        return Task(f"{self.label}: {value:,}", layer_sizes, "tanh", "identity", m, batch, "adam")


AXES = {
    "rows": Axis(
        "rows", "64-64 units", (256, 1024, 4096, 16_384, 65_536), lambda m: ([10, 64, 64, 1], m, BATCH), "an epoch"
    ),
    "width": Axis(
        "units in each hidden layer", "batch of 128", (4, 8, 16, 32, 64, 128, 256, 512, 1024),
        lambda width: ([10, width, width, 1], 16 * BATCH, BATCH),
    ),
    "depth": Axis(
        "hidden layers", "64 units each", (1, 2, 4, 8, 16, 32), lambda n: ([10, *[64] * n, 1], 16 * BATCH, BATCH)
    ),
    "batch": Axis(
        "rows in a batch", "64 units", (16, 32, 64, 128, 256, 512, 1024, 2048, 4096),
        lambda batch: ([10, 64, 64, 1], 16 * batch, batch),
    ),
    "features": Axis(
        "features", "64-64 units", (4, 16, 64, 256, 1024, 4096), lambda n: ([n, 64, 64, 1], 16 * BATCH, BATCH)
    ),
}  # fmt: skip


def slope(values: Iterable[float], seconds: Iterable[float]) -> float:
    """The power of the value with which the time grows: that of a line through the logarithms by least squares."""
    return float(np.polyfit(np.log(list(values)), np.log(list(seconds)), 1)[0])


def measured(present: dict[str, Any], names: Iterable[str] = AXES) -> Iterator[dict[str, Any]]:
    """The times along each axis, of ours and of `PEERS`, and their slopes: over all values, and over the upper half."""
    present = {name: peer for name, peer in present.items() if name in ("shallownet_c", *PEERS)}
    for name in names:
        axis = AXES[name]
        seconds: dict[str, list[float]] = {peer: [] for peer in present}
        for value in axis.values:
            task = axis.task(value)
            at_work(f"growth, {task.name} …")
            epochs = task.epochs(3e8)
            jobs = {peer: partial(one.trainer(task, "float32"), epochs) for peer, one in present.items()}
            parts = epochs if axis.unit == "an epoch" else epochs * task.steps
            for peer, times in measure.turns(f"growth, {task.name}", jobs, 0.02, ROUNDS).items():
                seconds[peer].append(statistics.median(times) / parts)
        upper = len(axis.values) // 2
        slopes = {
            peer: [slope(axis.values, times), slope(axis.values[upper:], times[upper:])]
            for peer, times in seconds.items()
        }
        yield {
            "axis": name,
            "label": axis.label,
            "fixed": axis.fixed,
            "unit": axis.unit,
            "values": list(axis.values),
            "seconds": seconds,
            "slopes": slopes,
        }
