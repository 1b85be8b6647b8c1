"""Steps of Adam on batches of a few rows, as in online learning, next to JAX with the whole loop inside one `jit`.

python benchmarks/online.py [--rounds N] [--dtype float32]

One thread; rounds take turns, and minima are shown beside medians, since neighbours on the machine only ever add time.
The parameters are compared before anything is timed.
"""

# ruff: noqa: I001  the BLAS reads its number of threads when NumPy is imported
import conftest  # noqa: F401

import argparse
import statistics
import time
import warnings

import numpy as np

import shallownet_c as sn
from shallownet_c._benchmarks._peers import contenders, limit_cpus
from shallownet_c._benchmarks._peers.measure import check
from shallownet_c._benchmarks._peers.tasks import Task

NETWORKS = (
    ([16, 64, 64, 1], "tanh", "identity"),
    ([64, 100, 10], "relu", "softmax"),
    ([4, 16, 16, 1], "tanh", "identity"),
)
BATCHES = (1, 2, 4, 8)
STEPS = 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--dtype", default="float32", choices=("float32", "float64"))
    parser.add_argument("--peers", default="JAX", help="comma-separated names; shallownet_c is always there")
    arguments = parser.parse_args()
    limit_cpus(1)
    warnings.simplefilter("ignore", sn.FitWarning)
    present, _ = contenders(1)
    peers = [name for name in arguments.peers.split(",") if name in present]
    present = {name: present[name] for name in ("shallownet_c", *peers)}
    print(f"shallownet_c {sn.__version__}, build {sn.kernels.target}, {arguments.dtype}, us a step: least / median")
    print("| network | batch | shallownet_c |" + "".join(f" {peer} | times ours |" for peer in peers))
    print("|---|---:|---:|" + "---:|---:|" * len(peers))
    for sizes, hidden, output in NETWORKS:
        for batch in BATCHES:
            name = f"{'-'.join(map(str, sizes))} {hidden}"
            task = Task(name, sizes, hidden, output, STEPS * batch, batch, "adam")
            trainers = {name: peer.trainer(task, arguments.dtype) for name, peer in present.items()}
            short = Task(name, sizes, hidden, output, 50 * batch, batch, "adam")
            results = {name: peer.trainer(short, arguments.dtype)(1).copy() for name, peer in present.items()}
            # Adam divides by the root of its second moment: a small gradient's rounding becomes a visible step.
            check(name, results, {"all": 2e4 * float(np.finfo(arguments.dtype).eps) * 50**0.5})
            times: dict[str, list[float]] = {name: [] for name in trainers}
            for train in trainers.values():
                train(3)
            for _ in range(arguments.rounds):
                for name, train in trainers.items():
                    start = time.perf_counter()
                    train(3)
                    times[name].append((time.perf_counter() - start) / 3 / STEPS * 1e6)
            ours = min(times["shallownet_c"]), statistics.median(times["shallownet_c"])
            row = f"| {task.name} | {batch} | {ours[0]:.2f} / {ours[1]:.2f} |"
            for peer in peers:
                theirs = min(times[peer]), statistics.median(times[peer])
                row += f" {theirs[0]:.2f} / {theirs[1]:.2f} | {theirs[0] / ours[0]:.2f} / {theirs[1] / ours[1]:.2f} |"
            print(row, flush=True)


if __name__ == "__main__":
    main()
