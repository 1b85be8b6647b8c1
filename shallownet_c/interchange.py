"""The doors into the package: networks from files and modules of other libraries."""

from __future__ import annotations

import os
from typing import Any

from shallownet_c._checks import _arguments
from shallownet_c.mlp import MLP, made


@_arguments.checked
def from_onnx(path_or_model: str | os.PathLike[str] | Any) -> MLP:
    """The network that an ONNX model holds."""
    from shallownet_c._exchange import _onnx_reader

    return made(MLP, *_onnx_reader.from_onnx(path_or_model))


@_arguments.checked
def from_torch(module: Any) -> MLP:
    """The network that a `torch.nn.Sequential` holds."""
    from shallownet_c._exchange import _torch

    return made(MLP, *_torch.from_torch(module), None)
