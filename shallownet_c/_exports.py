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
        """The network as an ONNX model, which ONNX Runtime and many other programs run.

        Parameters
        ----------
        path : str or path-like, optional
            Where the model is also written, whole or not at all.
        opset : int, optional
            The version of ONNX's operators, at least 9; by default 18, which runtimes take since 2023. The IR version
            is the first that goes with it.

        Returns
        -------
        onnx.ModelProto
            Its input X is (batch, n_0), its output A (batch, n_L), both of the network's dtype, for any batch. The
            metadata have the loss and the names of the columns, so that `from_onnx` gives the network back, bit for
            bit.

        Raises
        ------
        ValueError, TypeError
            If the opset is not one that the installed onnx knows, or the parameters take 2 GiB or more.
        OSError
            If the file cannot be written; what was there is as it was.
        ImportError
            If onnx is not installed: ``pip install 'shallownet-c[onnx]'``.

        Notes
        -----
        An activation that ONNX has no operator for at that opset is composed of several; in float64 so are those
        whose operators ONNX Runtime has in float32 only, and those with attributes, which are float32. ONNX Runtime
        computes no erf in float64, and therefore no gelu.

        Examples
        --------
        >>> import shallownet_c as sn
        >>> net = sn.MLP([2, 4, 1], output="sigmoid", seed=0)
        >>> model = net.to_onnx()  # net.to_onnx("net.onnx") writes it, too
        >>> [node.op_type for node in model.graph.node]
        ['Gemm', 'Tanh', 'Gemm', 'Sigmoid']
        """
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
        """The network as one file of C99 that needs nothing but math.h, for programs without Python.

        Its function ``void NAME_predict(const float *x, float *y)`` makes the outputs y (n_L,) of one sample x (n_0,),
        in float; y may be x. It allocates nothing and keeps nothing between calls, so several threads may call it at
        the same time; the hidden activations are on the stack, whose bytes the header says. The sizes are macros,
        ``NAME_INPUTS``, ``NAME_OUTPUTS``, ``NAME_LAYERS`` and the hidden layers' ``NAME_HIDDEN_1``, …, and all weights
        are ``static const``. The file compiles as C++, too.

        Compiled with ``-DNAME_TEST`` it is a program that checks itself: it predicts five rows and ends with status 1
        if an output is wrong by more than 1e-6 (1 + |output|), or by more than float arithmetic can be on this network.

        Parameters
        ----------
        path : str or path-like, optional
            Where the text is written, too, in ASCII. The file appears whole or not at all.
        name : str, default "net"
            What all names in the file begin with, those of macros in capitals: a C identifier without underscores at
            its ends or two of them in a row, no keyword of C or C++, and at most 48 characters long.
        int8 : bool, default False
            Whether weights are rounded to 8 bits, for a quarter of the memory: in row j of each W, which belongs to
            unit j, W[j, k] becomes s[j] q[j, k], where s[j] = max |W[j]| / 127 is a float and q[j, k] the integer
            nearest to W[j, k] / s[j]. So a weight changes by at most s[j] / 2. Biases and activations remain float.

        Returns
        -------
        str
            The text of the file. Weights and biases of a float64 network are rounded to the nearest float.

        Raises
        ------
        ValueError, TypeError
            If an argument is not what it should be, or a parameter is not finite as a float32.
        OSError
            If the file cannot be written; what was there is as it was.

        Examples
        --------
        >>> import shallownet_c as sn
        >>> net = sn.MLP([4, 16, 1], output="sigmoid", dtype="float32", seed=0)
        >>> source = net.to_c(name="iris")
        >>> [line for line in source.splitlines() if line.startswith("#define")]
        ['#define IRIS_INPUTS 4', '#define IRIS_HIDDEN_1 16', '#define IRIS_OUTPUTS 1', '#define IRIS_LAYERS 2']
        >>> "void iris_predict(const float *x, float *y)" in source
        True
        """
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
