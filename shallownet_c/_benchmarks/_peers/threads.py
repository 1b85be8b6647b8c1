"""One thread and several, in turns in one process: steps of training whose results have the same bits."""

import statistics
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from shallownet_c._benchmarks._peers import measure, tasks
from shallownet_c._benchmarks._peers.libraries import Ours

ROUNDS = 40


def shared(n_threads: int) -> Iterator[dict[str, Any]]:
    """Each task's median and least times of a step by one thread and by `n_threads`.

    The least times are those to look at where other programs now and then take one of the CPUs.
    """
    for task in tasks.SHARED:
        trainers = {str(n): Ours(n).trainer(task, "float32") for n in (1, n_threads)}
        one, several = (train(1).copy() for train in trainers.values())
        if not np.array_equal(one, several):
            raise AssertionError(f"{task.name}: {n_threads} threads do not have the bits of one")
        epochs = task.epochs(1e9)
        jobs = {n: partial(train, epochs) for n, train in trainers.items()}
        times = measure.turns(f"{task.name}, threads", jobs, 0.05, ROUNDS, pause=False)
        steps = epochs * task.steps
        found = {
            kind: {n: of(values) / steps for n, values in times.items()}
            for kind, of in (("least", min), ("seconds", statistics.median))
        }
        gain = {kind: seconds["1"] / seconds[str(n_threads)] for kind, seconds in found.items()}
        yield {"name": task.name, "dtype": "float32", **found, "times_as_fast": gain}
