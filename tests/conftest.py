"""Every test of kernels runs over every build that the CPU supports."""

import importlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import shallownet_c
from shallownet_c import _core, _kernels, _layer
from shallownet_c._kernels import ACTIVATIONS

BUILDS = [(level, dtype) for level in _kernels.available for dtype in ("float32", "float64")]


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


class Build:
    """One compiled module, and the dtype of its arrays."""

    def __init__(self, level: str, dtype: str) -> None:
        self.level = level
        self.dtype = np.dtype(dtype)
        # A build that the CPU supports and the installation lacks is an error of every test, not a skip.
        self.kernels = Old(_kernels.load(level, dtype))
        suffix = {"float32": "f32", "float64": "f64"}[dtype]
        self.library = importlib.import_module(f"shallownet_c._kernels_{level}_{suffix}").__file__


def pytest_report_header() -> str:
    return f"shallownet_c {shallownet_c.__version__} from {shallownet_c.__file__}; builds tested: " + ", ".join(
        f"{level}/{dtype}" for level, dtype in BUILDS
    )


@pytest.fixture(params=_kernels.available)
def build64(request: pytest.FixtureRequest) -> Build:
    """Of the builds those in float64, for what float32 has no digits for."""
    return Build(request.param, "float64")


@pytest.fixture(params=BUILDS, ids=lambda build: "-".join(build))
def build(request: pytest.FixtureRequest) -> Build:
    return Build(*request.param)


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that every user reaches, as those of tmp_path are not."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield Path(folder).resolve()
