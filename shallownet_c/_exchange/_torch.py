"""The door to PyTorch, which is imported where a network goes through it and nowhere else."""

from __future__ import annotations

from typing import Any

from shallownet_c._checks import _extras
from shallownet_c._checks._validation import Array
from shallownet_c._model import Model


def to_torch(model: Model, params: Array) -> Any:
    """See `MLP.to_torch`."""
    _extras.library("torch", "torch", "to_torch")
    from shallownet_c._exchange import _torch_modules

    return _torch_modules.sequential(model, params)


def from_torch(module: Any, loss: object) -> tuple[Model, Array]:
    """The model and its parameters (P,); see `interchange.from_torch`."""
    _extras.library("torch", "torch", "from_torch")
    from shallownet_c._exchange import _torch_reader

    return _torch_reader.read(module, loss)
