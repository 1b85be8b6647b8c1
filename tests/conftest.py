"""Every test of kernels runs over every build that the CPU supports."""

import importlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import numpy as np
import pytest

import shallownet_c
from shallownet_c import _kernels, _layer
from shallownet_c._kernels import ACTIVATIONS

BUILDS = [(level, dtype) for level in _kernels.available for dtype in ("float32", "float64")]


@pytest.fixture(scope="module", autouse=True)
def _own_environment() -> Iterator[None]:
    """A module leaves the environment as it was: Dask sets OMP_NUM_THREADS in whoever starts its workers."""
    with mock.patch.dict(os.environ):
        yield


class Build:
    """One compiled module, and the dtype of its arrays."""

    def __init__(self, level: str, dtype: str) -> None:
        self.level = level
        self.dtype = np.dtype(dtype)
        # A build that the CPU supports and the installation lacks is an error of every test, not a skip.
        self.kernels = _kernels.load(level, dtype)
        suffix = {"float32": "f32", "float64": "f64"}[dtype]
        self.library = importlib.import_module(f"shallownet_c._kernels_{level}_{suffix}").__file__

    def dense_forward(
        self,
        X: np.ndarray,
        W: np.ndarray,
        b: np.ndarray,
        name: str,
        leak: float = 0.0,
        out: np.ndarray | None = None,
        n_threads: int = 1,
    ) -> np.ndarray:
        """g(X Wᵀ + b); a product below 100,000 multiply-adds has one thread whatever n_threads is."""
        capsules = [_kernels.load(self.level, dtype).capsule for dtype in ("float32", "float64")]
        # Without a function for other arguments: an array that is not just as the kernels take it is an error.
        layer = _layer.DenseForward(*capsules, ACTIVATIONS, lambda work: n_threads, None)
        return layer(X, W, b, name, out, leak)

    def dense_backward(
        self,
        X: np.ndarray,
        W: np.ndarray,
        dA: np.ndarray,
        kept: np.ndarray,
        name: str,
        outputs: tuple[np.ndarray, np.ndarray, np.ndarray | None],
        leak: float = 0.0,
        n_threads: int = 1,
    ) -> None:
        """dW and db of outputs grow by the layer's gradient, dX becomes dZ W unless it is None."""
        arrays = X, W, dA, kept
        _layer.dense_backward(self.kernels.capsule, arrays, outputs, ACTIVATIONS[name], leak, n_threads)


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
