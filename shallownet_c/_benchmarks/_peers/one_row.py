"""Contenders for one row alone: loops that numba compiles, and FANN, a C library, called through ctypes."""

import ctypes
import ctypes.util
import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from shallownet_c import MLP
from shallownet_c._benchmarks._peers.tasks import Array


class Numba:
    """The loops of a forward pass written out by hand, compiled at the first call."""

    name = "numba"

    def __init__(self, _n_threads: int) -> None:
        self.numba = importlib.import_module("numba")

    def row(self, net: MLP, x: Array) -> Callable[[], Array]:
        numba = self.numba
        softmax = net.activations[-1] == "softmax"
        tanh = net.activations[0] == "tanh"
        (W_1, W_2), (b_1, b_2) = net.weights, net.biases
        hidden, out = np.empty(len(b_1), net.dtype), np.empty(len(b_2), net.dtype)

        @numba.njit(fastmath=True)
        def forward(x: Any, W_1: Any, b_1: Any, W_2: Any, b_2: Any, hidden: Any, out: Any) -> Any:
            for j in range(W_1.shape[0]):
                z = b_1[j]
                for k in range(W_1.shape[1]):
                    z += W_1[j, k] * x[k]
                hidden[j] = np.tanh(z) if tanh else max(z, 0)
            for j in range(W_2.shape[0]):
                z = b_2[j]
                for k in range(W_2.shape[1]):
                    z += W_2[j, k] * hidden[k]
                out[j] = z
            if softmax:
                greatest = out.max()
                total = 0.0
                for j in range(out.shape[0]):
                    out[j] = np.exp(out[j] - greatest)
                    total += out[j]
                for j in range(out.shape[0]):
                    out[j] /= total
            return out

        W_1, W_2 = W_1.copy(), W_2.copy()
        return lambda: forward(x, W_1, b_1, W_2, b_2, hidden, out)


class Fann:
    """FANN's float library (Debian: libfann2); tanh hidden layers and linear outputs, which it has."""

    name = "FANN"
    TANH, LINEAR = 5, 0  # its FANN_SIGMOID_SYMMETRIC is tanh(steepness z)

    def __init__(self, _n_threads: int) -> None:
        path = ctypes.util.find_library("floatfann") or ctypes.util.find_library("fann")
        if path is None:
            raise ImportError("no library", name="libfann2")
        self.library = ctypes.CDLL(path)
        self.library.fann_create_standard_array.restype = ctypes.c_void_p
        self.library.fann_run.restype = ctypes.POINTER(ctypes.c_float)
        self.library.fann_run.argtypes = [ctypes.c_void_p, ctypes.c_void_p]

    def row(self, net: MLP, x: Array) -> Callable[[], Array] | None:
        if net.activations != ("tanh", "identity") or net.dtype != np.float32:
            return None
        fann, sizes = self.library, net.layer_sizes
        network = ctypes.c_void_p(
            fann.fann_create_standard_array(ctypes.c_uint(len(sizes)), (ctypes.c_uint * len(sizes))(*sizes))
        )
        fann.fann_set_activation_function_hidden(network, self.TANH)
        fann.fann_set_activation_function_output(network, self.LINEAR)
        for part in ("hidden", "output"):
            getattr(fann, f"fann_set_activation_steepness_{part}")(network, ctypes.c_float(1.0))
        first = 0  # neurons are numbered through, each layer's bias after its units
        for W, b in zip(net.weights, net.biases, strict=True):
            bias = first + W.shape[1]
            for j, row in enumerate(W):
                for k, w in enumerate(row):
                    self.set_weight(network, first + k, bias + 1 + j, w)
                self.set_weight(network, bias, bias + 1 + j, b[j])
            first = bias + 1
        run, at, n = fann.fann_run, ctypes.c_void_p(x.ctypes.data), sizes[-1]
        return lambda: run(network, at)[:n]

    def set_weight(self, network: Any, source: int, target: int, weight: float) -> None:
        self.library.fann_set_weight(
            network, ctypes.c_uint(source), ctypes.c_uint(target), ctypes.c_float(float(weight))
        )
