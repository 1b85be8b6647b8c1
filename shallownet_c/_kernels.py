"""The build of the kernels that this process uses: the best one for the CPU, or the one SHALLOWNET_C_CPU names."""

import importlib
import os

import numpy as np

from shallownet_c import _cpu
from shallownet_c._core import Kernels
from shallownet_c.reference import _activations, _losses

#: The codes by which the kernels know an activation and a loss: their places in the tables.
ACTIVATIONS = {name: code for code, name in enumerate(_activations.ACTIVATIONS)}
LOSSES = {name: code for code, name in enumerate(_losses.LOSSES)}
#: The activations that a hidden layer may have.
HIDDEN = tuple(name for name, row in _activations.ACTIVATIONS.items() if row.hidden)

available: tuple[str, ...] = _cpu.supported()


def _choose(wanted: str | None) -> str:
    if not wanted:
        return available[0]
    if wanted not in available:
        raise ImportError(f"SHALLOWNET_C_CPU={wanted!r} is not available here: this CPU runs {', '.join(available)}")
    return wanted


def load(level: str, dtype: np.dtype | str) -> Kernels:
    """One build: level as in `available`, dtype float32 or float64."""
    suffix = {"float32": "f32", "float64": "f64"}[np.dtype(dtype).name]
    return Kernels(importlib.import_module(f"shallownet_c._kernels_{level}_{suffix}").capsule)


target: str = _choose(os.environ.get("SHALLOWNET_C_CPU"))
_modules = {np.dtype(name): load(target, name) for name in ("float32", "float64")}

#: The present limit of the OpenMP runtime, which all builds share; 1 in builds without it.
max_threads = _modules[np.dtype("float64")].max_threads


def module(dtype: np.dtype) -> Kernels:
    """The chosen build's functions for arrays of dtype float32 or float64."""
    return _modules[dtype]
