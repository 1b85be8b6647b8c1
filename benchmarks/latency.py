"""The time of one prediction, call by call: net(x), a predictor, a network in C, other libraries.

    python benchmarks/latency.py                # 4-16-1 tanh and 64-100-10 relu, float32
    python benchmarks/latency.py --plot FILE    # the distributions as a picture, too (matplotlib)

Every way computes the same outputs, which is checked first. All run in one process, on one CPU, and take turns: in each
round every way is called 1,000 times with the clock read around each call, and 1,000 times without, for the mean. The
clock is read around an empty statement, too; the median of that, a row of the table, is taken off every time of a call.
A way that is not installed, or does not work here, is a row that says why.
"""

import argparse
import contextlib
import ctypes
import gc
import os
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import shallownet_c as sn
from shallownet_c._benchmarks._peers import _cpu_model, libraries, limit_cpus

TURN = 1000
#: Rounding of sums in float32, and of other libraries' tanh and exp.
TOLERANCE = 2e-6

NETWORKS = {
    "4-16-1 tanh": ([4, 16, 1], "tanh", "identity"),
    "64-100-10 relu, softmax": ([64, 100, 10], "relu", "softmax"),
}

LOOP = """
def timed(times, clock=clock):
    for i in range(len(times)):
        start = clock()
        {statement}
        times[i] = clock() - start


def together(n):
    for _ in range(n):
        {statement}
"""


@dataclass
class Way:
    """A statement that predicts, what it needs, and the outputs after it; `rows` is how many it predicts."""

    statement: str
    names: dict[str, Any]
    outputs: Callable[[], Any] = lambda: None
    context: Callable[[], Any] = contextlib.nullcontext
    rows: int = 1
    times: list[np.ndarray] = field(default_factory=list)
    means: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        # The statement stands in the loop itself: a call of a function around it would take as long as a small network.
        self.functions = self.names | {"clock": time.perf_counter_ns}
        exec(LOOP.format(statement=self.statement), self.functions)

    def turn(self) -> None:
        times = [0] * (TURN if self.rows == 1 else 0)
        with self.context():
            self.functions["together"](3)  # its code and data are in the caches again
            self.functions["timed"](times)
            start = time.perf_counter_ns()
            repeats = TURN if self.rows == 1 else 1
            self.functions["together"](repeats)
            self.means.append((time.perf_counter_ns() - start) / repeats / self.rows)
        if times:
            self.times.append(np.array(times, np.int64))


def compiled(source: str, folder: str) -> ctypes.CDLL:
    """The file of C as a library."""
    compiler = shutil.which("cc")
    if compiler is None:
        raise RuntimeError("no C compiler")
    path, library = Path(folder, "net.c"), Path(folder, "net.so")
    path.write_text(source, encoding="utf-8")
    command = [compiler, "-O3", "-march=native", "-shared", "-fPIC", path, "-o", library, "-lm"]
    subprocess.run(command, check=True, capture_output=True)
    return ctypes.CDLL(str(library))


def in_numba(function: Any, first: tuple[int, ...], x: np.ndarray, n_out: int) -> tuple[Way, Way]:
    """A C function called through numba: one call from Python, and a jitted loop over many rows."""
    import numba

    @numba.njit(nogil=True)
    def one(x, y):
        function(*first, x.ctypes, y.ctypes)

    @numba.njit(nogil=True)
    def many(X, Y):
        for i in range(len(X)):
            function(*first, X[i].ctypes, Y[i].ctypes)

    y, X, Y = np.empty(n_out, x.dtype), np.tile(x, (10_000, 1)), np.empty((10_000, n_out), x.dtype)
    one(x, y)
    many(X, Y)
    return (
        Way("one(x, y)", {"one": one, "x": x, "y": y}, lambda: y),
        Way("many(X, Y)", {"many": many, "X": X, "Y": Y}, lambda: Y[-1], rows=len(X)),
    )


def through_ctypes(function: Any, first: tuple[Any, ...], x: np.ndarray, n_out: int) -> Way:
    y = np.empty(n_out, x.dtype)
    real = ctypes.POINTER(ctypes.c_float)
    pointers = {"at_x": x.ctypes.data_as(real), "at_y": y.ctypes.data_as(real)}
    function.restype = None
    arguments = "p, at_x, at_y" if first else "at_x, at_y"
    names = {"function": function, "p": ctypes.c_void_p(*first)} | pointers
    return Way(f"function({arguments})", names, lambda: y)


def torch_ways(net: sn.MLP, x: np.ndarray) -> dict[str, Callable[[], Way]]:
    def way(make: Callable[[Any, Any], Any]) -> Way:
        import torch

        torch.set_num_threads(1)
        torch.set_num_threads(1)
        module, rows = net.to_torch().eval(), torch.from_numpy(x[np.newaxis])
        with torch.inference_mode(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            called = make(module, rows)
            for _ in range(20):  # what is compiled is compiled in the first calls
                called(rows)
        return Way("module(rows)", {"module": called, "rows": rows}, lambda: called(rows).numpy(), torch.inference_mode)

    def scripted(module: Any, rows: Any) -> Any:
        import torch

        return torch.jit.freeze(torch.jit.trace(module, rows))

    def compiled_by_inductor(module: Any, rows: Any) -> Any:
        import torch

        return torch.compile(module)

    return {
        "PyTorch, inference_mode": lambda: way(lambda module, rows: module),
        "PyTorch, jit.trace and freeze": lambda: way(scripted),
        "PyTorch, torch.compile": lambda: way(compiled_by_inductor),
    }


def onnx_way(net: sn.MLP, x: np.ndarray) -> Way:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        net.to_onnx().SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    X, Y, binding = x[np.newaxis].copy(), np.empty((1, net.layer_sizes[-1]), x.dtype), session.io_binding()
    binding.bind_cpu_input(session.get_inputs()[0].name, X)
    binding.bind_output(session.get_outputs()[0].name, "cpu", 0, Y.dtype.type, Y.shape, Y.ctypes.data)
    return Way("session.run_with_iobinding(binding)", {"session": session, "binding": binding}, lambda: (X, Y)[1])


def sklearn_way(net: sn.MLP, x: np.ndarray) -> Way:
    predict, X = libraries.ScikitLearn(1).predictor(net), x[np.newaxis].copy()
    return Way("predict(X)", {"predict": predict, "X": X}, lambda: predict(X))


def ways(net: sn.MLP, x: np.ndarray, folder: str) -> dict[str, Way | str]:
    """Every way by its name, or why it cannot be."""
    n_out = net.layer_sizes[-1]
    y = np.empty(n_out, x.dtype)
    predictor, live = net.predictor(), net.predictor(copy=False)
    names = {
        "net": net,
        "predictor": predictor,
        "live": live,
        "x": x,
        "y": y,
        "x64": x.astype(float),
        "row": x.tolist(),
    }

    def ours(call: str) -> Callable[[], Way]:
        return lambda: Way(call, names, lambda: eval(call, names))

    library = []

    def c_function() -> Any:
        if not library:
            library.append(compiled(net.to_c(name="net"), folder))
        return library[0].net_predict

    def typed_c_function() -> Any:
        address = ctypes.cast(c_function(), ctypes.c_void_p).value
        real = ctypes.POINTER(ctypes.c_float)
        return ctypes.CFUNCTYPE(None, real, real)(address)

    of_predictor = (predictor.address,)
    makers = {
        "net(x)": ours("net(x)"),
        "net(x, out=y)": ours("net(x, out=y)"),
        "net(x), x in float64": ours("net(x64)"),
        "net(x), x a list": ours("net(row)"),
        "predictor(x)": ours("predictor(x)"),
        "predictor(x, out=y)": ours("predictor(x, out=y)"),
        "predictor(x, out=y), copy=False": ours("live(x, out=y)"),
        "predictor(x), x in float64": ours("predictor(x64)"),
        "predictor(x), x a list": ours("predictor(row)"),
        "as_cfunc() through ctypes": lambda: through_ctypes(predictor.as_cfunc(), of_predictor, x, n_out),
        "as_cfunc() through numba": lambda: in_numba(predictor.as_cfunc(), of_predictor, x, n_out)[0],
        "as_cfunc() in a loop of numba": lambda: in_numba(predictor.as_cfunc(), of_predictor, x, n_out)[1],
        "to_c() through ctypes": lambda: through_ctypes(c_function(), (), x, n_out),
        "to_c() through numba": lambda: in_numba(typed_c_function(), (), x, n_out)[0],
        "to_c() in a loop of numba": lambda: in_numba(typed_c_function(), (), x, n_out)[1],
        "ONNX Runtime, IOBinding": lambda: onnx_way(net, x),
        **torch_ways(net, x),
        "scikit-learn": lambda: sklearn_way(net, x),
    }
    made: dict[str, Way | str] = {}
    expected = net(x).astype(float)
    for name, make in makers.items():
        try:
            way = make()
            with way.context():
                way.functions["together"](1)
                outputs = np.ravel(np.asarray(way.outputs(), float))
        except Exception as error:  # of another library, whatever it is
            made[name] = f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"[:100]
            continue
        if not np.abs(outputs - expected).max() <= TOLERANCE * max(1.0, float(np.abs(expected).max())):
            raise AssertionError(f"{name} gives {outputs}, net(x) {expected}")
        made[name] = way
    return made


def row(name: str, way: Way, empty_mean: float, empty_median: float) -> str:
    mean = float(np.median(way.means)) - empty_mean
    if not way.times:
        return f"| {name} | {mean:,.1f} | – | – | – |"
    median, *tails = np.percentile(np.concatenate(way.times), [50, 99, 99.9]) - empty_median
    return f"| {name} | {mean:,.0f} | {median:,.0f} | " + " | ".join(f"{tail:,.0f}" for tail in tails) + " |"


def measure(title: str, calls: int, folder: str) -> dict[str, tuple[Way, float]]:
    """Prints the table of one network; returns the ways and the clock's own time."""
    sizes, activation, output = NETWORKS[title]
    net = sn.MLP(sizes, activation, output, dtype="float32", seed=0)
    x = np.random.default_rng(0).standard_normal(sizes[0]).astype("float32")
    made = ways(net, x, folder)
    empty = Way("pass", {})
    running = {name: way for name, way in made.items() if isinstance(way, Way)}
    gc.disable()
    for _ in range(-(-calls // TURN)):
        for way in (empty, *running.values()):
            way.turn()
    gc.enable()
    empty_mean, empty_median = float(np.median(empty.means)), float(np.median(np.concatenate(empty.times)))
    print(f"\n{title}, float32, ns\n\n| way | mean | median | p99 | p99.9 |\n|---|---:|---:|---:|---:|")
    print(row("an empty statement, which the other rows leave out", empty, 0.0, 0.0))
    for name, way in made.items():
        if isinstance(way, Way):
            print(row(name, way, empty_mean if way.rows == 1 else 0.0, empty_median))
        else:
            print(f"| {name} | – | – | – | – | {way} |")
    return {name: (way, empty_median) for name, way in running.items() if way.times}


def plot(results: dict[str, dict[str, tuple[Way, float]]], path: str) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    shown = [
        "net(x)", "predictor(x)", "predictor(x, out=y)", "as_cfunc() through numba", "to_c() through ctypes",
        "ONNX Runtime, IOBinding", "PyTorch, inference_mode", "scikit-learn",
    ]  # fmt: skip
    figure, axes = pyplot.subplots(len(results), 1, figsize=(8, 3.2 * len(results)), sharex=True, layout="constrained")
    bins = np.geomspace(30, 300_000, 240)
    for axis, (title, found) in zip(np.atleast_1d(axes), results.items(), strict=True):
        for name in shown:
            if name in found:
                way, empty = found[name]
                times = np.concatenate(way.times) - empty
                axis.hist(np.clip(times, bins[0], bins[-1]), bins, histtype="stepfilled", alpha=0.6, label=name)
        axis.set(xscale="log", yscale="log", title=f"{title}, float32", ylabel="calls")
    axis.set_xlabel("ns a call")
    figure.legend(*np.atleast_1d(axes)[0].get_legend_handles_labels(), loc="outside right upper", fontsize="small")
    figure.savefig(path, dpi=120)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=100_000, help="of each way (default 100,000)")
    parser.add_argument("--plot", metavar="FILE", help="write the distributions as a picture")
    options = parser.parse_args()
    limit_cpus(1)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    versions = f"Python {sys.version.split()[0]}, NumPy {np.__version__}"
    print(f"{_cpu_model()}, kernels {sn.kernels.target}, {versions}, one thread")
    with tempfile.TemporaryDirectory() as folder:
        results = {}
        for i, title in enumerate(NETWORKS):
            (own := Path(folder, str(i))).mkdir()
            results[title] = measure(title, options.calls, str(own))
    if options.plot:
        plot(results, options.plot)
    return 0


if __name__ == "__main__":
    sys.exit(main())
