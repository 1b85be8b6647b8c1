"""The estimators in ONNX: labels and probabilities, or predictions, in the form that skl2onnx gives them."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils.validation import check_is_fitted

from shallownet_c._checks import _validation
from shallownet_c._checks._validation import Array
from shallownet_c._exchange import _onnx_writer
from shallownet_c._exchange._onnx_layers import Nodes, layers
from shallownet_c.mlp import MLP
from shallownet_c.sklearn._network import converted

#: skl2onnx's names of the outputs.
LABEL, PROBABILITIES, PREDICTION = "label", "probabilities", "variable"


def to_onnx(estimator: Any, path: str | os.PathLike[str] | None, opset: int | None) -> Any:
    """The estimator as an onnx.ModelProto, which is also written to the path if there is one."""
    net = network(estimator)
    opset = _onnx_writer.check_opset(opset)
    _onnx_writer.check_path(path)
    nodes, tensors, outputs = graph(estimator, net, "X", opset)
    names = getattr(estimator, "feature_names_in_", None)
    proto = _onnx_writer.model_proto(
        nodes, tensors, [_onnx_writer.rows("X", net.dtype, net.layer_sizes[0])], outputs, {"": opset}, net.model,
        None if names is None else tuple(map(str, names)),
    )  # fmt: skip
    _onnx_writer.write(path, proto)
    return proto


def shapes(operator: Any) -> None:
    """Infer types and shapes of the outputs of skl2onnx's operator by what is registered for the estimator's class."""
    if operator.type is None:
        kind = type(operator.raw_operator)
        own = kind.__module__.partition(".")[0] == "shallownet_c"
        raise RuntimeError(
            f"skl2onnx has no converter of {kind.__qualname__}: call "
            f"shallownet_c.sklearn.register_skl2onnx({'' if own else kind.__qualname__}) first"
        )
    operator.infer_types()


def network(estimator: Any, dtype: Any = None) -> MLP:
    """The network that a fitted estimator predicts by, in the dtype, or in its own."""
    check_is_fitted(estimator)
    net: MLP = estimator._net()
    if dtype is None or net.dtype == dtype:
        return net
    net = converted(net, dtype)
    if not np.isfinite(net.params).all():
        raise ValueError(f"coefs_ and intercepts_ must be finite in {np.dtype(dtype).name}, the type of the inputs")
    return net


def is_multilabel(net: MLP) -> bool:
    """Whether a classifier's network has an output for each of several labels, not for each of several classes."""
    return net.layer_sizes[-1] > 1 and net.activations[-1] != "softmax"


def labels(classes: Array) -> Array:
    """The classes as ONNX holds labels: int64 or, as objects, str."""
    if classes.dtype.kind in "UO" and all(isinstance(label, str) for label in classes):
        return classes.astype(object)
    if classes.dtype.kind in "biuf" and np.isfinite(classes).all():
        integers = [int(label) for label in classes]
        if integers == classes.tolist() and min(integers) >= -(2**63) and max(integers) < 2**63:
            return np.array(integers, np.int64)
    raise ValueError(
        f"classes_ must hold strings, or numbers that are 64-bit integers, where a classifier goes to ONNX, "
        f"got {_validation.shown(classes)}"
    )


def graph(
    estimator: Any, net: MLP, x: str, opset: int, *, raw_scores: bool = False, numbers: bool = False
) -> tuple[list[Any], list[Any], list[Any]]:
    """The nodes and initialisers that compute LABEL and PROBABILITIES, or PREDICTION, of an estimator from `x`.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
    net : MLP
        Its `network`.
    x : str
        The name of the rows (m, n_0), of the network's dtype.
    opset : int
    raw_scores : bool
        Z[L] in the place of probabilities, with −Z[L] before it where there are two classes and one output.
    numbers : bool
        The numbers of the classes for labels that are strings.

    Returns
    -------
    nodes : list of onnx.NodeProto
    tensors : list of onnx.TensorProto
    outputs : list of onnx.ValueInfoProto
    """
    parts = net.model, net.weights, net.biases, x
    n_outputs = net.layer_sizes[-1]
    if not is_classifier(estimator):
        return *layers(*parts, PREDICTION, opset), [_onnx_writer.rows(PREDICTION, net.dtype, n_outputs)]
    classes = labels(estimator._binarizer().classes_)
    two = n_outputs == 1 < len(classes)
    second = "second" if two else PROBABILITIES
    nodes, tensors = layers(*parts, second, opset, last="identity" if raw_scores else None)
    head = Nodes(net.dtype, "")
    head.tensors = {tensor.name: tensor for tensor in tensors}

    def constant(value: float) -> str:
        return head.initializer(repr(value), np.array(value, net.dtype))

    if two:
        first = (
            head.node("Neg", [second], "first") if raw_scores else head.node("Sub", [constant(1.0), second], "first")
        )
        head.node("Concat", [first, second], PROBABILITIES, axis=1)
    types = head.onnx.TensorProto
    if is_multilabel(net):
        above = head.node("Greater", [PROBABILITIES, constant(0.0 if raw_scores else 0.5)], "above")
        head.node("Cast", [above], LABEL, to=types.INT64)
        label = types.INT64, [_onnx_writer.BATCH, n_outputs]
    else:
        if numbers and classes.dtype == object:
            classes = np.arange(len(classes))
        likeliest = head.node("ArgMax", [PROBABILITIES], "likeliest", axis=1, keepdims=0)
        head.node("Gather", [head.initializer("classes", classes), likeliest], LABEL, axis=0)
        label = types.STRING if classes.dtype == object else types.INT64, [_onnx_writer.BATCH]
    outputs = [
        head.onnx.helper.make_tensor_value_info(LABEL, *label),
        _onnx_writer.rows(PROBABILITIES, net.dtype, 2 if two else n_outputs),
    ]
    return nodes + head.nodes, list(head.tensors.values()), outputs
