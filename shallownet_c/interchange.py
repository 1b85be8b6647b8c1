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
def from_torch(module: Any) -> MLP:
    """The network that a `torch.nn.Sequential` holds."""
    from shallownet_c._exchange import _torch

    return made(MLP, *_torch.from_torch(module), None)
