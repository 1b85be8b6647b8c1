"""Derivatives with respect to inputs next to PyTorch's: equal results first, then medians over interleaved rounds.

    python benchmarks/input_derivatives.py [--rows N] [--rounds N]

One thread each, and its processor time, which other programs disturb less. PyTorch's module is taken as it is built,
whose parameters require gradients, and "frozen", after `requires_grad_(False)`, which may save PyTorch part of the work.
"""

# ruff: noqa: I001  the BLAS reads its number of threads when NumPy is imported
import conftest  # noqa: F401

import argparse
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


def modules(net: sn.MLP) -> dict[str, torch.nn.Module]:
    """The tanh network in PyTorch, as it is built and with frozen parameters."""
    made = {}
    for name in ("torch", "frozen"):
        layers: list[torch.nn.Module] = []
        for W, b in zip(net.weights, net.biases, strict=True):
            linear = torch.nn.Linear(W.shape[1], W.shape[0])
            linear.weight.data, linear.bias.data = torch.tensor(W), torch.tensor(b)
            layers += [linear, torch.nn.Tanh()]
        made[name] = torch.nn.Sequential(*layers[:-1]).requires_grad_(name == "torch")
    return made


def jobs(net: sn.MLP, m: int) -> dict[str, dict[str, Job]]:
    """The same derivative by each contender, for each derivative."""
    rng = np.random.default_rng(0)
    n_0, n = net.layer_sizes[0], net.layer_sizes[-1]
    X, V, U = (rng.standard_normal((m, size)).astype(net.dtype) for size in (n_0, n, n_0))
    x, v, u = map(torch.tensor, (X, V, U))
    made: dict[str, dict[str, Job]] = {
        "jacobian": {"ours": lambda: net.jacobian(X)},
        "vjp": {"ours": lambda: net.vjp(X, V)},
        "jvp": {"ours": lambda: net.jvp(X, U)},
        "input_gradient": {"ours": lambda: net.input_gradient(X, V)},
    }
    for name, module in modules(net).items():
        gradient = torch.func.grad(lambda a, b, f=module: 0.5 * ((f(a) - b) ** 2).sum())
        jacobian, by_sample = torch.func.vmap(torch.func.jacrev(module)), torch.func.vmap(gradient)
        made["jacobian"][name] = lambda j=jacobian: j(x)
        made["vjp"][name] = lambda f=module: torch.func.vjp(f, x)[1](v)[0]
        made["jvp"][name] = lambda f=module: torch.func.jvp(f, (x,), (u,))[1]
        made["input_gradient"][name] = lambda g=by_sample: g(x, v)
    return made


def medians(contenders: dict[str, Job], rounds: int) -> dict[str, float]:
    """Median processor seconds of each, all taking turns."""
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, job in contenders.items():
            start = time.process_time()
            job()
            times[name].append(time.process_time() - start)
    return {name: statistics.median(taken) for name, taken in times.items()}


def values(result: object) -> np.ndarray:
    return result.detach().numpy() if isinstance(result, torch.Tensor) else np.asarray(result)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=21)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{cpu()}, kernels {sn.kernels.target}, torch {torch.__version__}, {options.rows:,} rows, ms\n")
    print("| network | dtype | derivative | ours | torch | ratio | frozen | ratio |")
    print("|---|---|---|---:|---:|---:|---:|---:|")
    for sizes in ([30, 64, 64, 1], [10, 64, 64, 10]):
        for dtype in ("float32", "float64"):
            net = sn.MLP(sizes, "tanh", dtype=dtype, seed=0)
            for name, contenders in jobs(net, options.rows).items():
                expected = values(contenders["ours"]())
                scale = float(np.abs(expected).max())
                for job in contenders.values():
                    np.testing.assert_allclose(values(job()), expected, rtol=0, atol=200 * np.finfo(dtype).eps * scale)
                seconds = medians(contenders, options.rounds)
                ours = seconds["ours"]
                peers = " | ".join(f"{seconds[p] * 1e3:.2f} | {seconds[p] / ours:.1f}" for p in ("torch", "frozen"))
                print(f"| {'-'.join(map(str, sizes))} | {dtype} | `{name}` | {ours * 1e3:.2f} | {peers} |", flush=True)


if __name__ == "__main__":
    main()
