"""The estimators in ONNX: labels and probabilities, or predictions, in the form that skl2onnx gives them."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils.validation import check_is_fitted

from shallownet_c._checks import _validation
from shallownet_c._checks._validation import Array
from shallownet_c._exchange._onnx_layers import Nodes, layers
from shallownet_c.mlp import MLP
from shallownet_c.sklearn._network import converted

#: skl2onnx's names of the outputs.
LABEL, PROBABILITIES, PREDICTION = "label", "probabilities", "variable"


def outputs(estimator: Any) -> tuple[str, ...]:
    """The names of the outputs."""
    return (LABEL, PROBABILITIES) if is_classifier(estimator) else (PREDICTION,)


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
    net = estimator._net()
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
    if classes.dtype.kind in "biuf":
        with np.errstate(invalid="ignore"):  # what no int64 can hold differs
            integers = classes.astype(np.int64)
        if (integers == classes).all() and (classes >= 0).tolist() == (integers >= 0).tolist():
            return integers
    raise ValueError(
        f"classes_ must hold strings, or numbers that are 64-bit integers, where a classifier goes to ONNX, "
        f"got {_validation.shown(classes)}"
    )


def graph(
    estimator: Any, net: MLP, x: str, opset: int, *, raw_scores: bool = False, numbers: bool = False
) -> tuple[list[Any], list[Any]]:
    """The nodes and initialisers that compute the outputs of an estimator from `x`.

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
    """
    parts = net.model, net.weights, net.biases, x
    if not is_classifier(estimator):
        return layers(*parts, PREDICTION, opset)
    classes = labels(estimator._binarizer().classes_)
    two = net.layer_sizes[-1] == 1 < len(classes)
    second = "second" if two else PROBABILITIES
    nodes, tensors = layers(*parts, second, opset, last="identity" if raw_scores else None)
    head = Nodes(net.dtype, "")
    head.tensors = {tensor.name: tensor for tensor in tensors}

    def constant(value: float) -> str:
        return head.initializer(f"{value:g}", np.full(1, value, net.dtype))

    if two:
        first = head.node("Neg", [second], "first") if raw_scores else head.node("Sub", [constant(1), second], "first")
        head.node("Concat", [first, second], PROBABILITIES, axis=1)
    if is_multilabel(net):
        above = head.node("Greater", [PROBABILITIES, constant(0 if raw_scores else 0.5)], "above")
        head.node("Cast", [above], LABEL, to=head.onnx.TensorProto.INT64)
    else:
        named = np.arange(len(classes)) if numbers and classes.dtype == object else classes
        likeliest = head.node("ArgMax", [PROBABILITIES], "likeliest", axis=1, keepdims=0)
        head.node("Gather", [head.initializer("classes", named), likeliest], LABEL, axis=0)
    return nodes + head.nodes, list(head.tensors.values())
