"""The doors out of `MLP`: ONNX, PyTorch, C, and a frozen copy that predicts in less time."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from shallownet_c._checks import _arguments, _validation

if TYPE_CHECKING:
    from shallownet_c._checks._validation import Array
    from shallownet_c._exchange._predictor import Predictor
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
        def _params(self) -> Array: ...

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

    @_arguments.checked
    def predictor(self, *, copy: bool = True) -> Predictor:
        """The network as something that is only called, in the least time.

        ``predictor(x, out=y)`` computes what ``net(x, out=y)`` does, allocates nothing and returns y; ``predictor(x)``
        is a float if there is one output. Any number of threads may call a predictor at the same time.

        Parameters
        ----------
        copy : bool, default True
            Whether the predictor has a copy of the parameters. Nothing changes these, and they lie in an order in which
            they are read faster; so do the sums go in another order than the network's, and the last digits may differ.
            False: it reads the network's own parameters, as they are at the time, and gives the network's own bits.

        Returns
        -------
        Predictor
            Called as the network is. Its `address` and `as_cfunc()` are for numba, Cython, cffi and ctypes,
            `as_low_level_callable()` for SciPy; it can be pickled.

        Raises
        ------
        TypeError
            If copy is no bool.

        Examples
        --------
        >>> import numpy as np, shallownet_c as sn
        >>> net = sn.MLP([3, 2], output="softmax", init="zeros")
        >>> predictor = net.predictor()
        >>> y = np.empty(2)
        >>> predictor(np.array([1.0, 2.0, 3.0]), out=y) is y
        True
        >>> y
        array([0.5, 0.5])
        """
        from shallownet_c._exchange import _predictor

        return _predictor.of(self, _validation.boolean("copy", copy))
