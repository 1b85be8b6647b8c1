"""Two threads beside one, in turns in one process: steps of training, predictions and single layers.

python benchmarks/two_threads.py [--rounds N] [--dtype float32] [--only NAME] [--peers JAX,...] [--pause SECONDS]

The best round is the one to look at: a neighbour on the machine that takes one of two cores only ever adds time. With
`--pause` predictions and layers come one at a time after so many seconds without work, when the threads sleep. Needs
threadpoolctl.
"""

import argparse
import importlib
import statistics
import time
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import threadpoolctl

import shallownet_c as sn
from shallownet_c._benchmarks._peers import CONTENDERS
from shallownet_c._benchmarks._peers.libraries import Ours
from shallownet_c._benchmarks._peers.tasks import LAYERS, SHARED

PREDICTIONS = (
    ([30, 128, 128, 1], "tanh", "identity", 1024),
    ([64, 100, 10], "relu", "softmax", 100_000),
)

Job = Callable[[], Any]


def jobs_of(make: Callable[[int], Any], dtype: str, only: str) -> dict[str, tuple[int, list[Job]]]:
    """The work by its name: units of work in a call, and the call by one thread and by two."""
    found: dict[str, tuple[int, list[Job]]] = {}
    contenders, rng = (make(1), make(2)), np.random.default_rng(0)
    for task in SHARED:
        if only in task.name and hasattr(contenders[0], "trainer"):
            epochs = task.epochs(5e8)
            found[task.name] = epochs * task.steps, [partial(c.trainer(task, dtype), epochs) for c in contenders]
    for sizes, hidden, output, m in PREDICTIONS:
        name = f"predict {'-'.join(map(str, sizes))} {hidden}, {m:,} rows"
        if only in name and hasattr(contenders[0], "predictor"):
            net, X = sn.MLP(sizes, hidden, output, dtype=dtype, seed=0), rng.standard_normal((m, sizes[0]), dtype)
            found[name] = 1, [partial(c.predictor(net), X) for c in contenders]
    for m, n_in, n_out in LAYERS:
        name = f"layer {m}×{n_in}×{n_out} relu"
        if only in name and hasattr(contenders[0], "layer"):
            X, W = rng.standard_normal((m, n_in), dtype), rng.standard_normal((n_out, n_in), dtype)
            found[name] = 1, [c.layer(X, W, np.ones(n_out, dtype), "relu") for c in contenders]
    return found


def times_of(work: int, jobs: list[Job], rounds: int, pause: float) -> list[list[float]]:
    """Seconds for each unit of work, by one thread and by two; jobs of one call are taken many times a round."""
    controller = threadpoolctl.ThreadpoolController()
    times: list[list[float]] = [[], []]
    for n_threads, job in ((1, jobs[0]), (2, jobs[1])):
        with controller.limit(limits=n_threads):
            job()
            start = time.perf_counter()
            job()
            seconds = time.perf_counter() - start
    calls = 1 if work > 1 or pause else max(1, int(0.03 / seconds))
    for _ in range(rounds):
        for n_threads, job in ((1, jobs[0]), (2, jobs[1])):
            with controller.limit(limits=n_threads):
                if not pause:
                    job()  # what the other one has left in the caches, and threads that sleep
                elif work == 1:
                    time.sleep(pause)
                start = time.perf_counter()
                for _ in range(calls):
                    job()
                times[n_threads - 1].append((time.perf_counter() - start) / calls / work)
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--dtype", default="float32", choices=("float32", "float64"))
    parser.add_argument("--only", default="", help="of the work, what has this in its name")
    parser.add_argument("--peers", default="", help="comma-separated names; shallownet_c is always there")
    parser.add_argument("--pause", type=float, default=0, help="seconds before each prediction and layer")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", sn.FitWarning)
    print(f"shallownet_c {sn.__version__}, build {sn.kernels.target}, {arguments.dtype}, us: best / median")
    print("| work | by | one thread | two threads | times as fast |")
    print("|---|---|---:|---:|---:|")
    peers = {"shallownet_c": Ours}
    for name in filter(None, arguments.peers.split(",")):
        module, kind, _ = CONTENDERS[name]
        peers[name] = getattr(importlib.import_module(f"shallownet_c._benchmarks._peers.{module}"), kind)
    found = {name: jobs_of(peer, arguments.dtype, arguments.only) for name, peer in peers.items()}
    for work_name in found["shallownet_c"]:
        for name in found:
            if work_name not in found[name]:
                continue
            times = times_of(*found[name][work_name], arguments.rounds, arguments.pause)
            best, middle = ([1e6 * of(t) for t in times] for of in (min, statistics.median))
            print(
                f"| {work_name} | {name} | {best[0]:.1f} / {middle[0]:.1f} | {best[1]:.1f} / {middle[1]:.1f} | "
                f"{best[0] / best[1]:.2f} / {middle[0] / middle[1]:.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
