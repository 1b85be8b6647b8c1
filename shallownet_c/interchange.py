"""The doors into the package: networks from files and modules of other libraries."""

from __future__ import annotations

import os
from typing import Any

from shallownet_c._checks import _arguments
from shallownet_c.mlp import MLP, made


@_arguments.checked
def from_onnx(path_or_model: str | os.PathLike[str] | Any) -> MLP:
    """The network that an ONNX model holds, from `MLP.to_onnx` or from another library.

    Parameters
    ----------
    path_or_model : str, path-like or onnx.ModelProto
        A file, or a model. Nothing in it is executed, and no other file is opened.

    Returns
    -------
    MLP
        Of the weights' dtype. The loss is that of the file where `MLP.to_onnx` or an estimator's `to_onnx` has
        written it; otherwise it is the output's own, as in `MLP`.

    Raises
    ------
    ValueError
        If the file is damaged, or the model is something else than a dense network: the message names the node, and
        why it is not taken.
    TypeError
        If it is neither a path nor a model.
    OSError
        If the file cannot be read.
    ImportError
        If onnx is not installed: ``pip install 'shallownet-c[onnx]'``.

    Notes
    -----
    Taken are Gemm and MatMul with constant weights and biases, the activations of `MLP` as operators or composed of
    others, Identity, Dropout in inference, Flatten and Reshape of the input to rows, and Cast at both ends. Scaling by
    constants (Add, Sub, Mul, Div, and Scaler of ai.onnx.ml) becomes a part of the weights, which are computed in
    float64 and rounded once. Of a classifier's outputs the labels are left out, and the probabilities taken.

    Examples
    --------
    >>> import shallownet_c as sn
    >>> net = sn.MLP([2, 4, 1], activation="mish", loss="huber", delta=0.5, seed=0)
    >>> again = sn.from_onnx(net.to_onnx())
    >>> again, bool((again.params == net.params).all())
    (MLP([2, 4, 1], activation='mish', output='identity', loss='huber', delta=0.5, dtype='float64'), True)
    """
    from shallownet_c._exchange import _onnx_reader

    return made(MLP, *_onnx_reader.from_onnx(path_or_model))


@_arguments.checked
def from_torch(module: Any, *, loss: str | None = None) -> MLP:
    """The network that a module of PyTorch's computes, with copies of its parameters.

    Parameters
    ----------
    module : torch.nn.Linear or torch.nn.Sequential
        A Sequential, which may hold others, of ``Linear`` and the modules of our activations: ``Sigmoid``, ``Tanh``,
        ``ReLU``, ``LeakyReLU`` (one slope, in [0, 1)), ``SiLU``, ``GELU``, ``Mish``, ``Softplus`` (beta 1, threshold 20
        or more), ``ELU`` (alpha 1), ``SELU``, at the end ``Softmax``, and those of `MLP.to_torch`. Dropout of any kind
        and ``Identity`` are skipped, and so is a ``Flatten`` in front: the network takes rows. Weights that are pruned
        or parametrised (weight_norm, spectral_norm, …) are taken as the module uses them after ``module.eval()``.
    loss : str, optional
        As in `MLP`, since a module has none: by default the output's own.

    Returns
    -------
    MLP
        Of the parameters' dtype. Its outputs are the module's but for rounding; in float64, a Softplus of threshold 20
        is off by up to 2.1e-9 itself.

    Raises
    ------
    ValueError
        If the module computes anything else, or may do so, as one with a forward of its own or with forward hooks may;
        the message names the first such module, as in ``module.3.conv (Conv2d)``. If parameters are not float32 or
        float64, or have no values yet.
    TypeError
        If it is no module of PyTorch's.
    ImportError
        If PyTorch is not installed (extra ``torch``).

    Examples
    --------
    >>> import torch, shallownet_c as sn
    >>> from torch.nn import Dropout, Linear, ReLU, Sequential, Softmax
    >>> module = Sequential(Linear(3, 8), ReLU(), Dropout(0.5), Linear(8, 2), Softmax(dim=-1)).eval()
    >>> net = sn.from_torch(module)
    >>> net
    MLP([3, 8, 2], activation='relu', output='softmax', loss='log_loss', dtype='float32')
    >>> X = torch.randn(5, 3)
    >>> bool(torch.allclose(torch.from_numpy(net(X)), module(X), rtol=1e-5))
    True
    """
    from shallownet_c._exchange import _torch

    return made(MLP, *_torch.from_torch(module, loss), None)
