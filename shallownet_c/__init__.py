"""Small neural networks on a CPU: compiled training loops and predictions in microseconds.

>>> import shallownet_c as sn
>>> X, y = sn.datasets.make_flower(400, seed=1)
>>> net = sn.MLP([2, 4, 1], activation="tanh", output="sigmoid", init=0.01, seed=0)
>>> history = net.fit(X, y, optimizer=sn.SGD(learning_rate=1.2), epochs=2000)
>>> history.cost[-1] < history.cost[0]
True
"""

import importlib
import os
from typing import TYPE_CHECKING, Any

try:
    from shallownet_c import _cpu  # noqa: F401
except ImportError:
    _folder = os.path.dirname(__file__)
    _in_checkout = os.path.exists(os.path.join(_folder, os.pardir, "meson.build"))
    if not _in_checkout or importlib.import_module("importlib.util").find_spec("shallownet_c._cpu") is not None:
        raise  # an installation that is broken, for a reason of its own
    raise ImportError(
        f"{_folder} is the package's source, which has no compiled modules: run Python from another folder, or run it "
        f"as python -P, or use the editable install of CONTRIBUTING.md",
        name="shallownet_c",
    ) from None

from shallownet_c import kernels, optimizers, schedules
from shallownet_c._checks import _other_names
from shallownet_c.errors import DivergenceError, FitWarning
from shallownet_c.mlp import MLP, load
from shallownet_c.optimizers import *  # noqa: F403  all that its table names, so that a new one is not listed again here

if TYPE_CHECKING:
    from shallownet_c import datasets, plot, reference, sources
    from shallownet_c.ensemble import Ensemble
    from shallownet_c.history import History
    from shallownet_c.interchange import from_onnx, from_torch
    from shallownet_c.many import fit_many
    from shallownet_c.resumption import resume
    from shallownet_c.selection import CrossValidation, Search, cross_validate, search
    from shallownet_c.sklearn import from_sklearn
    from shallownet_c.tools import check_gradient, compare_activations

    __version__: str

__all__ = [
    "MLP",
    "CrossValidation",
    "DivergenceError",
    "Ensemble",
    "FitWarning",
    "History",
    "Search",
    "__version__",
    "check_gradient",
    "compare_activations",
    "cross_validate",
    "datasets",
    "fit_many",
    "from_onnx",
    "from_sklearn",
    "from_torch",
    "kernels",
    "load",
    "plot",
    "reference",
    "resume",
    "schedules",
    "search",
    "sources",
]
__all__ += optimizers.__all__


def __dir__() -> list[str]:
    return sorted(__all__)


#: Where the names are that a program that only predicts does not need: they are imported when they are first asked for.
_MODULES = {
    "CrossValidation": "selection",
    "Ensemble": "ensemble",
    "History": "history",
    "Search": "selection",
    "check_gradient": "tools",
    "compare_activations": "tools",
    "cross_validate": "selection",
    "fit_many": "many",
    "from_onnx": "interchange",
    "from_sklearn": "sklearn",
    "from_torch": "interchange",
    "resume": "resumption",
    "search": "selection",
}


def __getattr__(name: str) -> Any:
    if name in ("dask", "datasets", "plot", "reference", "sklearn", "sources"):
        return importlib.import_module(f"shallownet_c.{name}")
    if name in _MODULES:
        return getattr(importlib.import_module(f"shallownet_c.{_MODULES[name]}"), name)
    if name == "__version__":
        return importlib.import_module("importlib.metadata").version("shallownet-c")
    instead = _other_names.instead(name, _other_names.MEMBERS)
    raise AttributeError(f"module 'shallownet_c' has no attribute {name!r}{instead}")
