"""Derivatives with respect to inputs next to PyTorch's: equal results first, then medians over interleaved rounds.

    python benchmarks/input_derivatives.py [--rows N] [--rounds N]

One thread each, and its processor time, which other programs disturb less. Whether the parameters of PyTorch's module
require gradients makes no difference that can be seen; here they do, as they do when a module is made.
"""

# ruff: noqa: I001  the BLAS reads its number of threads when NumPy is imported
import conftest  # noqa: F401

import argparse
import itertools
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

import shallownet_c as sn

Job = Callable[[], object]


def cpu() -> str:
    """What /proc/cpuinfo calls the processor, or what Python does where there is none."""
    info = Path("/proc/cpuinfo")
    text = info.read_text() if info.exists() else ""
    found = (line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name"))
    return next(found, platform.processor())


def module(net: sn.MLP) -> torch.nn.Module:
    """The tanh network in PyTorch."""
    layers: list[torch.nn.Module] = []
    for W, b in zip(net.weights, net.biases, strict=True):
        linear = torch.nn.Linear(W.shape[1], W.shape[0])
        linear.weight.data, linear.bias.data = torch.tensor(W), torch.tensor(b)
        layers += [linear, torch.nn.Tanh()]
    return torch.nn.Sequential(*layers[:-1])


def jobs(net: sn.MLP, m: int) -> dict[str, tuple[Job, Job]]:
    """Each derivative by us and by PyTorch."""
    rng = np.random.default_rng(0)
    n_0, n = net.layer_sizes[0], net.layer_sizes[-1]
    X, V, U = (rng.standard_normal((m, size)).astype(net.dtype) for size in (n_0, n, n_0))
    x, v, u = map(torch.tensor, (X, V, U))
    f = module(net)
    jacobian = torch.func.vmap(torch.func.jacrev(f))
    gradient = torch.func.vmap(torch.func.grad(lambda a, b: 0.5 * ((f(a) - b) ** 2).sum()))
    return {
        "jacobian": (lambda: net.jacobian(X), lambda: jacobian(x)),
        "vjp": (lambda: net.vjp(X, V), lambda: torch.func.vjp(f, x)[1](v)[0]),
        "jvp": (lambda: net.jvp(X, U), lambda: torch.func.jvp(f, (x,), (u,))[1]),
        "input_gradient": (lambda: net.input_gradient(X, V), lambda: gradient(x, v)),
    }


def medians(pair: tuple[Job, Job], rounds: int) -> tuple[float, float]:
    """Median processor seconds of both, which take turns."""
    times: tuple[list[float], list[float]] = [], []
    for _ in range(rounds):
        for job, taken in zip(pair, times, strict=True):
            start = time.process_time()
            job()
            taken.append(time.process_time() - start)
    return statistics.median(times[0]), statistics.median(times[1])


def values(result: object) -> np.ndarray:
    return result.detach().numpy() if isinstance(result, torch.Tensor) else np.asarray(result)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=21)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{cpu()}, kernels {sn.kernels.target}, torch {torch.__version__}, {options.rows:,} rows, ms\n")
    print("| network | dtype | derivative | ours | PyTorch | ratio |\n|---|---|---|---:|---:|---:|")
    for sizes, dtype in itertools.product(([30, 64, 64, 1], [10, 64, 64, 10]), ("float32", "float64")):
        net = sn.MLP(sizes, "tanh", dtype=dtype, seed=0)
        for name, pair in jobs(net, options.rows).items():
            ours, theirs = (values(job()) for job in pair)
            tolerance = 200 * np.finfo(dtype).eps * float(np.abs(theirs).max())
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance)
            a, b = medians(pair, options.rounds)
            title = f"| {'-'.join(map(str, sizes))} | {dtype} | `{name}` "
            print(f"{title}| {a * 1e3:.2f} | {b * 1e3:.2f} | {b / a:.1f} |", flush=True)


if __name__ == "__main__":
    main()
