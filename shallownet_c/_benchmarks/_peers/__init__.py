"""`shallownet-c bench --peers`: the same work done by other libraries, side by side.

Every peer starts from the same parameters, takes the same rows in the same order, computes the cost in every step, and
must end where `MLP` ends before it is timed. Rounds of all contenders take turns; medians and ratios.

A contender is a class with a `name`, made with the number of threads; an ImportError then means that it is not
installed. It offers what its library is for: `trainer(task, dtype)` → epochs → parameters; `predictor(net)` → X →
outputs; `classifier(units, epochs)` → an estimator; and functions without arguments: `row(net, x)`,
`layer(X, W, b, activation)`, `cost_and_grad(net, X, Y)`.
"""

import contextlib
import importlib
import importlib.metadata
import json
import os
import platform
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from shallownet_c import FitWarning, __version__, kernels
from shallownet_c._benchmarks import PARTS
from shallownet_c._benchmarks._peers import growth, measure, tables, tasks, threads
from shallownet_c._benchmarks._peers import plot as drawing
from shallownet_c._benchmarks._peers.work import COMPARED, OURS
from shallownet_c._benchmarks._progress import at_work
from shallownet_c._command import _output
from shallownet_c._command._input import InputError

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


def _available() -> list[int]:
    """The CPUs that this process may use, as far as the system says."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


@contextlib.contextmanager
def _on(cpus: list[int]) -> Iterator[None]:
    """With a thread for each of these CPUs, and on them, whatever the peers are kept on."""
    limits = importlib.import_module("threadpoolctl").threadpool_limits
    before = _available()
    try:
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, cpus)
        with limits(len(cpus)):
            yield
    finally:
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, before)


def _versions() -> dict[str, str]:
    found = {}
    for package in ("numpy", "scikit-learn", "torch", "jax", "onnxruntime", "numba"):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _print(lines: Iterable[str]) -> None:
    """Each line as soon as it is there, in the place of what a terminal was told meanwhile."""
    for line in lines:
        at_work("")
        print(line, flush=True)
    print()


def _kept(results: Iterable[dict[str, Any]], report: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The results one by one, each of which the report has, too."""
    for result in results:
        report.append(result)
        yield result


def _compare(report: dict[str, Any], present: dict[str, Any], only: Sequence[str]) -> None:
    """The table of ours and of all peers."""
    report["peak"] = peak = measure.peak()
    shown = ", ".join(f"{value / 1e9:.1f} GFLOP/s {dtype}" for dtype, value in peak.items())
    print(f"peak of one core in multiply-adds: {shown or 'unknown (no C compiler)'}")
    print("peers: times as long, – where they do not have the work; other programs that run disturb all of this\n")
    results = (result for part in COMPARED if part in only for result in COMPARED[part](present))
    columns = [name for name in present if name != OURS]
    _print(tables.compared(_kept(results, report["results"]), columns, peak))
    for result in report["results"]:
        if result["name"].startswith(tasks.HIGGS.name):
            print(tables.samples(result["seconds"]), end="\n\n")


def _share(report: dict[str, Any], cpus: list[int]) -> None:
    """The table of one thread and several: as many as the peers have, but at least two."""
    n = max(2, report["threads"])
    if len(cpus) < n:
        print(f"{n} threads beside one: this process may use one CPU alone\n")
        return
    print(f"the same work by one thread and by {n}, in turns; other programs disturb least times less than medians\n")
    with _on(cpus[:n]):
        _print(tables.shared(_kept(threads.shared(n), report["shared"]), n))
    for result in report["shared"]:
        if result["name"] == tasks.HIGGS.name:
            names = "one thread", f"{n} threads"
            print("best", tables.samples(dict(zip(names, result["least"].values(), strict=True))), end="\n\n")


def _grow(report: dict[str, Any], present: dict[str, Any], axes: Iterable[str]) -> None:
    """The table of how time grows."""
    columns = [name for name in growth.PEERS if name in present]
    _print(tables.growth(_kept(growth.measured(present, axes), report["growth"]), columns))


def run(json_file: str | None, n_threads: int = 1, plot: str | None = None, only: Sequence[str] | None = None) -> int:
    """Print the tables of the parts in `only`, all if None, and write their figures.

    With `plot` these are speed-ups by width and batch, or all of growth where `only` says so, and are drawn, too.
    """
    try:
        threadpoolctl = importlib.import_module("threadpoolctl")
    except ImportError:
        raise InputError(f"bench --peers needs threadpoolctl: {EXTRA}") from None
    if plot is not None:
        drawing.library()
    cpus = _available()
    n_threads = limit_cpus(n_threads)
    report: dict[str, Any] = {
        "version": __version__,
        "build": kernels.target,
        "threads": n_threads,
        "cpu": _cpu_model(),
        "python": platform.python_version(),
        "peers": _versions(),
        "results": [],
        "shared": [],
        "growth": [],
    }
    axes: Iterable[str] = growth.AXES
    if only is None:
        only, axes = (PARTS, axes) if plot is None else (["growth"], drawing.SPEED_UPS)
    with threadpoolctl.threadpool_limits(n_threads), warnings.catch_warnings():
        warnings.simplefilter("ignore", FitWarning)  # nothing can be learnt from numbers at random
        present, report["missing"] = contenders(n_threads)
        print(f"shallownet_c {__version__}, build {kernels.target}, {n_threads} thread(s), {report['cpu']}")
        if not COMPARED.keys().isdisjoint(only):
            _compare(report, present, only)
        if "threads" in only:
            _share(report, cpus)
        if "growth" in only:
            _grow(report, present, axes)
    for name, reason in report["missing"].items():
        print(f"| {name}: {reason} |")
    if plot is not None:
        drawing.draw(report["growth"], plot, n_threads)
    if json_file:
        _output.write(json_file, [json.dumps(report, indent=2) + "\n"])
    return 0
