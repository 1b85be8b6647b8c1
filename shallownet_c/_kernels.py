"""The build of the kernels that this process uses: the best one for the CPU, or the one SHALLOWNET_C_CPU names."""

import importlib
import os
from types import ModuleType

import numpy as np

from shallownet_c import _core, _cpu, _layer

#: The codes by which the kernels know an activation and a loss.
ACTIVATIONS = {"identity": 0, "sigmoid": 1, "tanh": 2, "relu": 3, "leaky_relu": 4, "softmax": 5, "exp": 6}
#: Those that a hidden layer may have.
HIDDEN = ("identity", "sigmoid", "tanh", "relu", "leaky_relu")
LOSSES = {"squared_error": 0, "log_loss": 1, "absolute_error": 2, "huber": 3, "pinball": 4, "poisson": 5}

available: tuple[str, ...] = _cpu.supported()


def _choose(wanted: str | None) -> str:
    if not available:
        raise ImportError("shallownet_c needs at least an x86-64-v2 CPU (SSE4.2, SSSE3, POPCNT)")
    if not wanted:
        return available[0]
    if wanted not in available:
        raise ImportError(f"SHALLOWNET_C_CPU={wanted!r} is not available here: this CPU runs {', '.join(available)}")
    return wanted


class Old:
    def __init__(self, k):
        self.k = k
        for name in ("itemsize", "lanes", "vector_bytes", "max_threads", "first_nonfinite", "capsule"):
            setattr(self, name, getattr(k, name))
        self.records, self.record_fields = k.records, k.record_fields

    def net(self, sizes, codes, leak, loss, parameter, params):
        return _core.Network(self.k, params, sizes, codes, leak, loss, parameter)

    def forward(self, sizes, codes, leak, params, X, out, n_threads=1):
        _core.predict(self.net(sizes, codes, leak, 0, 0.0, params), X, out, n_threads)

    def accumulate_grad(
        self, sizes, codes, leak, loss, parameter, params, X, Y, classes, weights, grad, n_threads=1, training=False
    ):
        net = self.net(sizes, codes, leak, loss, parameter, params)
        return _core.gradient(net, _core.Rows(X, Y, classes, weights), grad, n_threads, training)

    def train(
        self,
        sizes,
        codes,
        leak,
        loss,
        parameter,
        params,
        X,
        Y,
        classes,
        weights,
        order,
        n_epochs,
        batch_size,
        l2,
        l1,
        clip_norm,
        objective_scale,
        dropout,
        dropout_seed,
        optimizer,
        rates,
        hyper,
        state,
        step,
        cost,
        n_threads=1,
    ):
        net = self.net(sizes, codes, leak, loss, parameter, params)
        rule = _core.Rule(optimizer, hyper, state, step, l2, l1, clip_norm)
        run = _core.Run(batch_size, dropout, dropout_seed, objective_scale, n_threads)
        _core.train(net, _core.Rows(X, Y, classes, weights), rule, run, order, rates, cost)

    def optimize(self, sizes, codes, params, grad, weight_sum, l2, l1, clip_norm, optimizer, hyper, state, step):
        net = self.net(sizes, codes, 0.0, 0, 0.0, params)
        _core.step(net, _core.Rule(optimizer, hyper, state, step, l2, l1, clip_norm), grad, weight_sum)

    def output_gradient(self, activation, leak, loss, parameter, Z, Y, classes, weights):
        return _core.output_gradient(self.k, activation, leak, loss, parameter, Z, _core.Rows(Z, Y, classes, weights))

    def dense_backward(self, dA, A, X, W, activation, leak, dW, db, dX, n_threads=1):
        _layer.dense_backward(self.capsule, (X, W, dA, A), (dW, db, dX), activation, leak, n_threads)

    def dense_forward(self, X, W, b, activation, leak, out, n_threads=1):
        name = list(ACTIVATIONS)[activation]
        _layer.DenseForward(self.capsule, self.capsule, ACTIVATIONS, lambda work: n_threads, None)(
            X, W, b, name, out, float(leak)
        )


def load(level: str, dtype: np.dtype | str) -> ModuleType:
    """The compiled module of one build: level as in `available`, dtype float32 or float64."""
    suffix = {"float32": "f32", "float64": "f64"}[np.dtype(dtype).name]
    return Old(_core.Kernels(importlib.import_module(f"shallownet_c._kernels_{level}_{suffix}").capsule))


target: str = _choose(os.environ.get("SHALLOWNET_C_CPU"))
_modules = {np.dtype(name): load(target, name) for name in ("float32", "float64")}

#: The limit that the OpenMP runtime has now, 1 in a build without it; any build knows.
max_threads = _modules[np.dtype("float64")].max_threads


def module(dtype: np.dtype) -> ModuleType:
    """The chosen build's functions for arrays of dtype float32 or float64."""
    return _modules[dtype]
