"""What `to_c` makes of a network: bytes of flash and memory, time of a prediction, and what int8 costs in accuracy.

    python benchmarks/c_size.py

emlearn, where it is installed, has the same weights; its code is what it generates by default, which it calls
"loadable" (release 0.23.2 fails on its own "inline" code for floats). Sizes are those of the generated code without
the C library, compiled with -Os and without functions that nobody calls: .text with the constants, and .data, are
flash; .data and .bss are memory apart from the stack. Times are medians over interleaved rounds, through ctypes, of
what -O2 makes; outputs are compared first.
"""

import contextlib
import ctypes
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

import shallownet_c as sn

NETWORKS = (
    ([4, 16, 1], "tanh", "identity"),
    ([30, 32, 16, 1], "relu", "sigmoid"),
    ([64, 100, 10], "relu", "softmax"),
)
TARGETS = {
    "x86-64": (["gcc"], "size"),
    "Cortex-M4": (
        ["arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"],
        "arm-none-eabi-size",
    ),
}


class Source(NamedTuple):
    """C code, the function that predicts, and the lengths that it takes between x and y, and after y."""

    text: str
    function: str
    between: tuple[int, ...] = ()
    after: tuple[int, ...] = ()
    options: tuple[str, ...] = ()


def sources(net: sn.MLP) -> dict[str, Source]:
    """The code of each contender."""
    found = {
        "to_c": Source(net.to_c(), "net_predict"),
        "to_c, int8": Source(net.to_c(int8=True), "net_predict"),
    }
    try:
        import emlearn
        from sklearn.neural_network import MLPClassifier
    except ImportError:
        print("emlearn or scikit-learn is not installed")
        return found
    names = {"sigmoid": "logistic"}
    n_in, n_out = net.layer_sizes[0], net.layer_sizes[-1]
    same = MLPClassifier(activation=net.activations[0])
    same.coefs_, same.intercepts_ = [W.T for W in net.weights], list(net.biases)
    same.n_layers_ = len(net.layer_sizes)
    same.out_activation_ = names.get(net.activations[-1], net.activations[-1])
    options = (f"-I{Path(emlearn.__file__).parent}",)
    text = emlearn.convert(same, method="loadable").save(name="net")
    return found | {"emlearn": Source(text, "net_regress", (n_in,), (n_out,), options)}


def built(source: Source, compiler: list[str], *options: str) -> Path:
    folder = Path(tempfile.mkdtemp(dir=FOLDER))
    (folder / "net.c").write_text(source.text)
    subprocess.run(
        [*compiler, "-std=gnu99", *options, *source.options, folder / "net.c", "-o", folder / "net"], check=True
    )
    return folder / "net"


def size(source: Source, target: str) -> tuple[int, int]:
    """Bytes of flash and of memory."""
    compiler, tool = TARGETS[target]
    sections = ["-ffunction-sections", "-fdata-sections", "-r", "-nostdlib"]
    entry = ["-Wl,--gc-sections", f"-Wl,-e,{source.function}", f"-Wl,-u,{source.function}"]
    made = built(source, compiler, "-Os", *sections, *entry)
    listed = subprocess.run([tool, made], capture_output=True, text=True, check=True).stdout
    text, data, bss = map(int, listed.splitlines()[1].split()[:3])
    return text + data, data + bss


def prediction(source: Source, x: np.ndarray, y: np.ndarray) -> Callable[[], object]:
    """A call through ctypes."""
    library = built(source, ["gcc"], "-O2", "-shared", "-fPIC", "-Wl,--no-as-needed", "-lm")
    function = ctypes.CDLL(str(library))[source.function]
    function.restype = None
    lengths = [list(map(ctypes.c_int32, numbers)) for numbers in (source.between, source.after)]
    arguments = [ctypes.c_void_p(x.ctypes.data), *lengths[0], ctypes.c_void_p(y.ctypes.data), *lengths[1]]
    return lambda: function(*arguments)


def times(jobs: dict[str, Callable[[], object]], rounds: int = 201, repeats: int = 200) -> dict[str, float]:
    """Median nanoseconds of each job, rounds of all taking turns."""
    taken: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(rounds):
        for name, job in jobs.items():
            start = time.perf_counter_ns()
            for _ in range(repeats):
                job()
            taken[name].append((time.perf_counter_ns() - start) / repeats)
    return {name: statistics.median(values) for name, values in taken.items()}


def compare(sizes: list[int], activation: str, output: str) -> None:
    net = sn.MLP(sizes, activation, output, dtype="float32", seed=0)
    x = np.random.default_rng(0).standard_normal(sizes[0]).astype(np.float32)
    jobs, outputs = {}, {}
    contenders = sources(net)
    for name, source in contenders.items():
        outputs[name] = np.zeros(sizes[-1], np.float32)
        jobs[name] = prediction(source, x, outputs[name])
        jobs[name]()
        np.testing.assert_allclose(outputs[name], net(x), atol=0.02 if "int8" in name else 1e-6, err_msg=name)
    nothing = Source("void none(const float *x, float *y)\n{\n    (void)x;\n    (void)y;\n}\n", "none")
    taken = times(jobs | {"no work": prediction(nothing, x, outputs["to_c"])})
    title = "-".join(map(str, sizes))
    for name, source in contenders.items():
        cells = [
            f"{flash:,} | {memory:,}"
            for target in TARGETS
            if shutil.which(TARGETS[target][0][0])
            for flash, memory in [size(source, target)]
        ]
        print(f"| {title} | {name} | {' | '.join(cells)} | {taken[name]:,.0f} |", flush=True)
    print(f"| {title} | a call of an empty function | {'| ' * 2 * len(cells)}| {taken['no work']:,.0f} |")


def accuracy() -> None:
    """int8 on the handwritten digits: 64-100-10, of five seeds."""
    X, y = sn.datasets.load_digits()
    print("\n| seed | right in float | right in int8 | same class | greatest difference of a probability | mean |")
    print("|---|---:|---:|---:|---:|---:|")
    for seed in range(5):
        X_train, X_dev, y_train, y_dev = sn.datasets.train_dev_split(X / 16, y, stratify=y, seed=seed)
        net = sn.MLP([64, 100, 10], "relu", "softmax", dtype="float32", seed=seed)
        net.fit(X_train, y_train, epochs=60, batch_size=32, seed=seed)
        P = {}
        for int8 in (False, True):
            x, p, rows = np.zeros(64, np.float32), np.zeros(10, np.float32), []
            predict = prediction(Source(net.to_c(int8=int8), "net_predict"), x, p)
            for row in X_dev:
                x[:] = row
                predict()
                rows.append(p.copy())
            P[int8] = np.array(rows)
        right = [f"{(P[int8].argmax(axis=1) == y_dev).mean():.2%}" for int8 in P]
        same = (P[False].argmax(axis=1) == P[True].argmax(axis=1)).sum()
        difference = np.abs(P[True] - P[False])
        print(
            f"| {seed} | {right[0]} | {right[1]} | {same} of {len(y_dev)} | {difference.max():.4f} | "
            f"{difference.mean():.5f} |",
            flush=True,
        )


def main() -> None:
    for compiler, _ in TARGETS.values():
        if shutil.which(compiler[0]):
            print(subprocess.run([compiler[0], "--version"], capture_output=True, text=True).stdout.splitlines()[0])
    targets = [name for name in TARGETS if shutil.which(TARGETS[name][0][0])]
    print(f"\n| network | code | {' | '.join(f'{name} flash | memory' for name in targets)} | ns a call |")
    print(f"|---|---|{'---:|---:|' * len(targets)}---:|")
    for network in NETWORKS:
        compare(*network)
    accuracy()


if __name__ == "__main__":
    # emlearn compiles into a folder of its own below the current one.
    with tempfile.TemporaryDirectory() as FOLDER, contextlib.chdir(FOLDER):
        main()
