"""The nodes and initialisers of ONNX that compute a network's layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from shallownet_c._checks import _extras
from shallownet_c._checks._validation import Array
from shallownet_c._exchange._onnx_forms import FORMS, OPERATORS, SINGLE_OPERATORS, Operator
from shallownet_c._model import Model
from shallownet_c.reference._activations import ACTIVATIONS

#: The first opset that has all that is written here: it brought Erf.
LEAST_OPSET = 9
#: Less than protobuf's limit of 2 GiB by room for all that is no parameter, such as the names of inputs.
MOST_BYTES = 2**31 - 2**27


class Nodes:
    """Nodes and initialisers as they grow; every name begins with the prefix."""

    def __init__(self, dtype: np.dtype[Any], prefix: str) -> None:
        self.onnx = _extras.library("onnx", "onnx", "to_onnx")
        self.dtype = dtype
        self.prefix = prefix
        self.nodes: list[Any] = []
        self.tensors: dict[str, Any] = {}

    def initializer(self, name: str, array: Array) -> str:
        """The name of the initialiser, which is made where there is none of that name."""
        name = self.prefix + name
        if name not in self.tensors:
            self.tensors[name] = self.onnx.numpy_helper.from_array(array, name)
        return name

    def node(self, operator: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        """The name of the output of a new node, which bears the same name."""
        self.nodes.append(self.onnx.helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output

    def activation(self, name: str, leak: float, z: str, a: str, opset: int) -> None:
        """The nodes that compute a = g(z)."""
        operator = operator_of(name, self.dtype, opset)
        if operator is not None:
            attributes = operator.attributes | ({"alpha": leak} if name == "leaky_relu" else {})
            self.node(operator.name, [z], a, **attributes)
            return

        def op(kind: str, *inputs: str | float) -> str:
            names = [
                each if isinstance(each, str) else self.initializer(repr(each), np.array(each, self.dtype))
                for each in inputs
            ]
            return self.node(kind, names, f"{a}.{len(self.nodes)}.{kind}")

        FORMS[name](op, z, *ACTIVATIONS[name].arguments(leak))
        last = self.nodes[-1]
        last.output[0] = last.name = a


def operator_of(name: str, dtype: np.dtype[Any], opset: int) -> Operator | None:
    """The operator that is the activation; None if it is to be composed of others."""
    operator = OPERATORS.get(name)
    if operator is None and dtype == np.float32:
        operator = SINGLE_OPERATORS.get(name)
    return None if operator is None or operator.opset > opset else operator


def layers(
    model: Model,
    weights: Sequence[Array],
    biases: Sequence[Array],
    x: str,
    out: str,
    opset: int,
    prefix: str = "",
    last: str | None = None,
) -> tuple[list[Any], list[Any]]:
    """The nodes and initialisers that compute A[L], as `out`, of A[0], whose name is `x`: all in the model's dtype.

    Parameters
    ----------
    model : Model
    weights, biases : sequences of ndarray
        As `model.views` gives them.
    x, out : str
        Names of the input (m, n_0) and of the output (m, n_L).
    opset : int
        At least `LEAST_OPSET`.
    prefix : str
        What all other names begin with: W1, b1, Z1, A1, … and those of constants.
    last : str, optional
        The output's activation, the model's by default: with "identity" the output is Z[L].

    Returns
    -------
    nodes : list of onnx.NodeProto
    initializers : list of onnx.TensorProto

    Raises
    ------
    ValueError
        If there are more parameters than an ONNX file holds.
    ImportError
        If onnx is not installed.
    """
    n_bytes = model.n_params * model.dtype.itemsize
    if n_bytes > MOST_BYTES:
        raise ValueError(f"an ONNX model holds less than 2 GiB, and the parameters take {n_bytes / 2**30:.2f} GiB")
    graph = Nodes(model.dtype, prefix)
    activations = (*model.activations[:-1], model.activations[-1] if last is None else last)
    a = x
    for layer, (W, b, activation) in enumerate(zip(weights, biases, activations, strict=True), 1):
        below, a = a, out if layer == len(activations) else f"{prefix}A{layer}"
        z = a if activation == "identity" else f"{prefix}Z{layer}"
        parameters = graph.initializer(f"W{layer}", W), graph.initializer(f"b{layer}", b)
        graph.node("Gemm", [below, *parameters], z, transB=1)
        if activation != "identity":
            graph.activation(activation, model.leak, z, a, opset)
    return graph.nodes, list(graph.tensors.values())
