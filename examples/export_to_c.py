"""A network as a file of C: compiled, called, and compared with Python.

python examples/export_to_c.py [--quick]

Needs a C compiler (cc, or what CC names) besides NumPy and shallownet_c. With --quick the network learns for a few
epochs.
"""

import argparse
import ctypes
import os
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np

import shallownet_c as sn

FLOATS = ctypes.POINTER(ctypes.c_float)


def compiled(source: Path) -> ctypes.CDLL:
    """The file as a shared library; first its own test, which compares five rows with exact arithmetic."""
    compiler, program, library = os.environ.get("CC", "cc"), source.with_suffix(".test"), source.with_suffix(".so")
    macro = f"-D{source.stem.upper()}_TEST"
    subprocess.run([compiler, "-std=c99", macro, str(source), "-o", str(program), "-lm"], check=True)
    test = subprocess.run([str(program)], check=False, capture_output=True, text=True)
    print(f"  its own test {'passes' if test.returncode == 0 else 'FAILS: ' + test.stdout}")
    subprocess.run(
        [compiler, "-std=c99", "-O2", "-shared", "-fPIC", str(source), "-o", str(library), "-lm"], check=True
    )
    return ctypes.CDLL(str(library))


def predictions(library: ctypes.CDLL, name: str, X: np.ndarray, n_outputs: int) -> tuple[np.ndarray, float]:
    """The outputs of the C function for all rows, (m, n_outputs), and seconds a call."""
    function = getattr(library, f"{name}_predict")
    function.argtypes, function.restype = [FLOATS, FLOATS], None
    Y = np.empty((len(X), n_outputs), np.float32)
    pairs = [(x.ctypes.data_as(FLOATS), y.ctypes.data_as(FLOATS)) for x, y in zip(X, Y, strict=True)]
    began = time.perf_counter()
    for x, y in pairs:
        function(x, y)
    return Y, (time.perf_counter() - began) / len(X)


def compare(name: str, Y: np.ndarray, expected: np.ndarray, labels: np.ndarray) -> None:
    """How far the outputs are from the network's own, and whether that matters."""
    off = np.abs(Y - expected)
    print(f"  a probability is off by {np.median(off):.1e} in the median, {off.max():.1e} at most")
    same = np.mean(Y.argmax(axis=1) == expected.argmax(axis=1))
    print(f"  the same class as in Python: {same:.2%}; right: {np.mean(Y.argmax(axis=1) == labels):.2%}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="few epochs")
    quick = parser.parse_args().quick

    X, y = sn.datasets.load_digits()
    X_train, X_dev, y_train, y_dev = sn.datasets.train_dev_split((X / 16).astype(np.float32), y, stratify=y, seed=0)
    net = sn.MLP([64, 32, 10], "relu", "softmax", dtype="float32", seed=0)
    net.fit(X_train, y_train, epochs=10 if quick else 100, batch_size=50, seed=0)
    expected = net(X_dev)
    print(f"{net.n_params} parameters, {net.score(X_dev, y_dev):.2%} of {len(X_dev)} digits right\n")

    with tempfile.TemporaryDirectory() as folder:
        for name, int8 in (("digits", False), ("small", True)):
            path = Path(folder) / f"{name}.c"
            text = net.to_c(path, name=name, int8=int8)
            print(f"{path.name}, {'8-bit' if int8 else 'float'} weights, {len(text):,} characters")
            Y, seconds = predictions(compiled(path), name, X_dev, 10)
            compare(name, Y, expected, y_dev)
            print(f"  {seconds * 1e9:.0f} ns a call, ctypes included\n")
    predictor, y_out = net.predictor(), np.empty(10, np.float32)
    began = time.perf_counter()
    for x in X_dev:
        predictor(x, out=y_out)
    print(f"predictor(x, out=y) in Python: {(time.perf_counter() - began) / len(X_dev) * 1e9:.0f} ns a call")


if __name__ == "__main__":
    main()
