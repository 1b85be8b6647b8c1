"""`shallownet-c bench --peers`: the same work done by other libraries, side by side.

Every peer starts from the same parameters, takes the same rows in the same order, computes the cost in every step, and
must end where `MLP` ends before it is timed. Rounds of all contenders take turns; medians and ratios.

A contender is a class with a `name`, made with the number of threads; an ImportError then means that it is not
installed. It offers what its library is for: `trainer(task, dtype)` → epochs → parameters; `predictor(net)` → X →
outputs; and functions without arguments: `row(net, x)`, `layer(X, W, b, activation)`, `cost_and_grad(net, X, Y)`.
"""

import importlib
import importlib.metadata
import itertools
import json
import os
import platform
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from shallownet_c import MLP, __version__, kernels
from shallownet_c._benchmarks._peers import measure
from shallownet_c._benchmarks._peers.tasks import (
    LAYERS,
    ONE_ROW,
    PREDICTED_ROWS,
    PREDICTIONS,
    TRAINING,
    Array,
    products,
)
from shallownet_c._command import _output
from shallownet_c._command._input import InputError

OURS = "shallownet_c"
#: Module and class of each contender, and what to install for it.
CONTENDERS = {
    OURS: ("libraries", "Ours", ""),
    "NumPy": ("libraries", "NumPy", "numpy"),
    "scikit-learn": ("libraries", "ScikitLearn", "scikit-learn"),
    "PyTorch": ("frameworks", "Torch", "torch"),
    "JAX": ("frameworks", "Jax", "jax"),
    "ONNX Runtime": ("frameworks", "OnnxRuntime", "onnx onnxruntime"),
    "numba": ("one_row", "Numba", "numba"),
    "FANN": ("one_row", "Fann", "libfann2"),
}
EXTRA = "pip install 'shallownet-c[bench]'"


def contenders(n_threads: int) -> tuple[dict[str, Any], dict[str, str]]:
    """The contenders that are installed, and why the others are not there."""
    present, missing = {}, {}
    for name, (module, kind, package) in CONTENDERS.items():
        try:
            present[name] = getattr(importlib.import_module(f"{__name__}.{module}"), kind)(n_threads)
        except ImportError:
            source = "Debian's package libfann2" if package == "libfann2" else EXTRA
            missing[name] = f"not installed: {source}"
    return present, missing


def _offered(present: dict[str, Any], what: str, *arguments: Any) -> dict[str, Callable[..., Any]]:
    """What the contenders make of the arguments, those that have something to offer."""
    made = {name: getattr(peer, what)(*arguments) for name, peer in present.items() if hasattr(peer, what)}
    return {name: job for name, job in made.items() if job is not None}


def _result(name: str, unit: str, dtype: str, seconds: dict[str, float], flops: float) -> dict[str, Any]:
    ratios = {peer: value / seconds[OURS] for peer, value in seconds.items() if peer != OURS}
    gflops = flops / seconds[OURS] / 1e9
    return {"name": name, "unit": unit, "dtype": dtype, "seconds": seconds, "times_ours": ratios, "gflops": gflops}


def _compare(
    name: str, unit: str, dtype: str, jobs: dict[str, Callable[..., Array]], flops: float, tolerance: float
) -> dict[str, Any]:
    measure.check(name, {peer: job() for peer, job in jobs.items()}, {"all": tolerance * float(np.finfo(dtype).eps)})
    return _result(f"{name}, {dtype}", unit, dtype, measure.interleaved(jobs), flops)


def training(present: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A step of each task."""
    for task in TRAINING:
        for dtype in task.dtypes:
            trainers = _offered(present, "trainer", task, dtype)
            # Enough steps a call that starting it does not count, for the slow ones few enough to wait for.
            epochs = max(1, min(1000 // task.steps, round(3e9 / (task.flops * task.steps))))
            # Results are compared after some fifty steps: later ones enlarge what follows.
            first = max(1, 50 // task.steps)
            # Adam divides by the root of its second moment: a small gradient's rounding becomes a visible step.
            tolerance = 2e4 * float(np.finfo(dtype).eps) * np.sqrt(first * task.steps)
            # scikit-learn has Adam's epsilon at another place, which shows where a gradient is as small as that is.
            tolerances = {"all": tolerance, "scikit-learn": max(tolerance, 1e-3)}
            measure.check(task.name, {n: train(first).copy() for n, train in trainers.items()}, tolerances)
            seconds = measure.interleaved({n: partial(train, epochs) for n, train in trainers.items()}, 0.05)
            steps = epochs * task.steps
            per_step = {name: value / steps for name, value in seconds.items()}
            yield _result(f"{task.name}, {dtype}", "a step", dtype, per_step, task.flops)


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
    for sizes, hidden, output, dtype in PREDICTIONS:
        predictors = _offered(present, "predictor", MLP(sizes, hidden, output, dtype=dtype, seed=0))
        for m in PREDICTED_ROWS:
            X = rng.standard_normal((m, sizes[0])).astype(dtype)
            jobs: dict[str, Callable[..., Array]] = {n: partial(predict, X) for n, predict in predictors.items()}
            name = f"{'-'.join(map(str, sizes))} {hidden}/{output}, {m:,} rows"
            yield _compare(name, "a prediction", dtype, jobs, products(sizes) * m, 1e3)
    for sizes, hidden, output in ONE_ROW:
        net = MLP(sizes, hidden, output, dtype="float32", seed=0)
        jobs = _offered(present, "row", net, rng.standard_normal(sizes[0]).astype("float32"))
        yield _compare(f"{'-'.join(map(str, sizes))}, one row", "a call", "float32", jobs, products(sizes), 1e3)


def layers(present: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """`kernels.dense_forward` into `out`, and the same by the others."""
    rng = np.random.default_rng(0)
    for (m, n_in, n_out), dtype, activation in itertools.product(
        LAYERS, ("float32", "float64"), ("identity", "relu", "tanh")
    ):
        X, W = (rng.standard_normal(shape).astype(dtype) for shape in ((m, n_in), (n_out, n_in)))
        jobs = _offered(present, "layer", X, W / np.sqrt(n_in).astype(dtype), np.ones(n_out, dtype), activation)
        yield _compare(f"layer {m}×{n_in}×{n_out} {activation}", "a call", dtype, jobs, 2 * m * n_in * n_out, 1e3)


def show(result: dict[str, Any], columns: list[str], peak: dict[str, float]) -> str:
    """A row of the Markdown table: our time, and how many times as long each peer takes."""
    ours = result["seconds"][OURS]
    scale, unit = (1e3, "ms") if ours > 1e-3 else (1e6, "µs") if ours > 1e-6 else (1e9, "ns")
    share = f"{100 * result['gflops'] * 1e9 / peak[result['dtype']]:.0f} %" if peak else "unknown"
    cells = [result["name"], f"{ours * scale:.3g} {unit}", f"{result['gflops']:.1f}", share]
    cells += [f"{result['times_ours'][c]:.2f}×" if c in result["times_ours"] else "–" for c in columns]
    return "| " + " | ".join(cells) + " |"


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def limit_cpus(n_threads: int) -> int:
    """Keep this process on so many CPUs, 0 for all, before a peer is imported and counts them; returns how many."""
    if not hasattr(os, "sched_setaffinity"):
        return n_threads or os.cpu_count() or 1
    cpus = sorted(os.sched_getaffinity(0))
    cpus = cpus[: n_threads or len(cpus)]
    os.sched_setaffinity(0, cpus)
    if len(cpus) == 1:
        flags = os.environ.get("XLA_FLAGS", "")  # the user's may name an instruction set
        os.environ["XLA_FLAGS"] = f"{flags} --xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1".strip()
    return len(cpus)


def _versions() -> dict[str, str]:
    found = {}
    for package in ("numpy", "scikit-learn", "torch", "jax", "onnxruntime", "numba"):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def run(json_file: str | None, n_threads: int = 1, plot: str | None = None) -> int:
    """Print the table, and write it; or draw the plot."""
    try:
        threadpoolctl = importlib.import_module("threadpoolctl")
    except ImportError:
        raise InputError(f"bench --peers needs threadpoolctl: {EXTRA}") from None
    n_threads = limit_cpus(n_threads)
    with threadpoolctl.threadpool_limits(n_threads):
        present, missing = contenders(n_threads)
        if plot is not None:
            importlib.import_module(f"{__name__}.plot").draw(present, plot)
            return 0
        columns = [name for name in present if name != OURS]
        peak = measure.peak()
        print(f"shallownet_c {__version__}, build {kernels.target}, {n_threads} thread(s), {_cpu_model()}")
        shown = ", ".join(f"{value / 1e9:.1f} GFLOP/s {dtype}" for dtype, value in peak.items())
        print(f"peak of one core in multiply-adds: {shown or 'unknown (no C compiler)'}; peers: times as long\n")
        print("| | " + " | ".join([OURS, "GFLOP/s", "of one core's peak", *columns]) + " |")
        print("|---|" + "---:|" * (3 + len(columns)), flush=True)
        results = []
        for part in (training, gradients, predictions, layers):
            for result in part(present):
                results.append(result)
                print(show(result, columns, peak), flush=True)
    for name, reason in missing.items():
        print(f"| {name}: {reason} |")
    if json_file:
        report = {
            "version": __version__,
            "build": kernels.target,
            "threads": n_threads,
            "cpu": _cpu_model(),
            "peak": peak,
            "python": platform.python_version(),
            "peers": _versions(),
            "missing": missing,
            "results": results,
        }
        _output.write(json_file, [json.dumps(report, indent=2) + "\n"])
    return 0
