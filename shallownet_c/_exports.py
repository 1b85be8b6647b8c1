"""The doors out of `MLP`: ONNX, PyTorch, C, and a frozen copy that predicts in less time."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from shallownet_c._checks import _arguments

if TYPE_CHECKING:
    from shallownet_c._checks._validation import Array
    from shallownet_c._model import Model


class Exports:
    """Methods of `MLP` that make something else of the network; each imports what it needs when it is called."""

    __slots__ = ()

    if TYPE_CHECKING:

        @property
        def model(self) -> Model: ...

        @property
        def params(self) -> Array: ...

        @property
        def feature_names(self) -> tuple[str, ...] | None: ...

    @_arguments.checked
    def to_onnx(self, path: str | os.PathLike[str] | None = None, *, opset: int | None = None) -> Any:
        """The network as an ONNX model."""
        from shallownet_c._exchange import _onnx_writer

        return _onnx_writer.to_onnx(self.model, self.params, self.feature_names, path, opset)

    @_arguments.checked
    def to_torch(self) -> Any:
        """The network as a `torch.nn.Sequential`."""
        from shallownet_c._exchange import _torch

        return _torch.to_torch(self.model, self.params)

    @_arguments.checked
    def to_c(self, path: str | os.PathLike[str] | None = None, *, name: str = "net", int8: bool = False) -> str:
        """The network as a file of C99 that needs nothing but math.h."""
        from shallownet_c._exchange import _c_source

        return _c_source.to_c(self.model, self.params, self.feature_names, path, name, int8)
