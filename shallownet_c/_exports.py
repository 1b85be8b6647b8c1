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
        """The network as a `torch.nn.Sequential`, with copies of the parameters and on the CPU.

        A ``Linear`` for each layer and after it the module of its activation; identity has none. "exp" and "sin", which
        PyTorch has no modules for, are classes of this package, so that ``torch.load`` of a whole module needs
        shallownet_c, too; a ``state_dict`` does not.

        Returns
        -------
        torch.nn.Sequential
            Of the network's dtype, and ready to be trained. What it has learnt comes back by `from_torch`. The loss and
            the names of columns are no part of it.

        Raises
        ------
        ImportError
            If PyTorch is not installed (extra ``torch``).

        Examples
        --------
        >>> import torch, shallownet_c as sn
        >>> net = sn.MLP([2, 4, 1], output="sigmoid", dtype="float32", seed=0)
        >>> module = net.to_torch()
        >>> module
        Sequential(
          (0): Linear(in_features=2, out_features=4, bias=True)
          (1): Tanh()
          (2): Linear(in_features=4, out_features=1, bias=True)
          (3): Sigmoid()
        )
        >>> bool((sn.from_torch(module).params == net.params).all())
        True
        """
        from shallownet_c._exchange import _torch

        return _torch.to_torch(self.model, self.params)

    @_arguments.checked
    def to_c(self, path: str | os.PathLike[str] | None = None, *, name: str = "net", int8: bool = False) -> str:
        """The network as a file of C99 that needs nothing but math.h."""
        from shallownet_c._exchange import _c_source

        return _c_source.to_c(self.model, self.params, self.feature_names, path, name, int8)
