"""The nodes of an ONNX graph as terms: what each computes of rows, with nothing computed but constants.

A value is an array (a constant), `Dims` (a shape), `Rows`, or an `Output` (what no network goes on from).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from shallownet_c._checks._validation import Array, shown
from shallownet_c._exchange._onnx_file import DOMAINS, Source, refuse
from shallownet_c._exchange._onnx_shapes import SHAPES
from shallownet_c._exchange._onnx_values import (
    BOOLEAN,
    FLOAT_DTYPES,
    FLOATS,
    INTEGERS,
    Output,
    Rows,
    Term,
    fitted,
    only,
    shortest,
)

#: What is made of a file may be so many times larger than the file, and this much besides.
GROWTH, ALLOWANCE = 16, 2**20
#: Of a node.
MOST_OPERANDS = 8

#: Elementwise operators of one operand, with their attributes and what these are where none is given.
UNARY: dict[str, dict[str, float]] = {
    **{name: {} for name in ("Abs", "Erf", "Exp", "Log", "Mish", "Neg", "Not", "Reciprocal")},
    **{name: {} for name in ("Relu", "Sigmoid", "Sin", "Softplus", "Sqrt", "Tanh")},
    "LeakyRelu": {"alpha": 0.01},
    "Elu": {"alpha": 1.0},
    "Celu": {"alpha": 1.0},
    "Selu": {"alpha": 1.67326319217681884765625, "gamma": 1.05070102214813232421875},
    "Swish": {"alpha": 1.0},
}
BINARY = ("Add", "Sub", "Mul", "Div", "Pow", "PRelu", "Max", "Min", "Greater", "GreaterOrEqual", "Less", "LessOrEqual")
COMPARISONS = ("Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Not")
#: What is computed of constants.
COMPUTED: dict[str, Callable[..., Array]] = {
    "Add": np.add,
    "Sub": np.subtract,
    "Mul": np.multiply,
    "Div": np.divide,
    "Neg": np.negative,
    "Sqrt": np.sqrt,
    "Reciprocal": np.reciprocal,
}
#: Why operators that exporters leave in are refused.
REASONS = {
    "BatchNormalization": "must become part of a layer: torch.onnx.export(…, dynamo=True) folds it into the layer "
    "before it; where an activation stands between them, or no layer is before it, fold it into the layer after it",
}


class Reading:
    """The values of a graph's nodes, node by node."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.values: dict[str, Any] = {}
        self.count = 0
        self.room = GROWTH * source.n_bytes + ALLOWANCE
        self.makers: dict[tuple[str, str], Callable[[Any, list[Any], dict[str, Any]], Any]] = {
            ("", "Constant"): self.constant,
            ("", "Identity"): lambda node, operands, _: only(node, operands),
            ("", "Dropout"): self.dropout,
            ("", "Cast"): self.cast,
            ("", "Gemm"): self.gemm,
            ("", "MatMul"): self.matmul,
            ("", "Softmax"): self.softmax,
            ("", "Gelu"): self.gelu,
            ("", "Where"): self.where,
            ("", "Clip"): self.clip,
            ("ai.onnx.ml", "Scaler"): self.scaler,
            ("ai.onnx.ml", "ZipMap"): self.zip_map,
            **{("", name): make for name, make in SHAPES.items()},
            **{("", name): self.unary for name in UNARY},
            **{("", name): self.binary for name in BINARY},
        }

    def value_of(self, output: str) -> Any:
        """The value by that name, once all that it depends on has been made."""
        for node in self.source.needed_by(output):
            make = self.makers.get((DOMAINS.get(node.domain, node.domain), node.op_type))
            if make is None:
                refuse(node, REASONS.get(node.op_type, "is an operator that no dense network has"))
            if len(node.input) > MOST_OPERANDS:
                refuse(node, f"has {len(node.input)} operands")
            attributes = self.source.attributes(node)
            operands = [self.operand(node, name) for name in node.input]
            while operands and operands[-1] is None:
                operands.pop()
            value = make(node, operands, attributes)
            if attributes:
                refuse(node, f"has an attribute {shown(next(iter(attributes)))} that is not taken")
            self.values[node.output[0]] = value
        return self.values[output]

    def operand(self, node: Any, name: str) -> Any:
        if not name:
            return None
        if name not in self.values:
            if name in self.source.tensors:
                self.values[name] = self.source.array(f"initialiser {shown(name)}", self.source.tensors[name])
            elif name in self.source.inputs:
                self.values[name] = self.input(self.source.inputs[name])
            else:
                refuse(node, f"reads {shown(name)}, which is not a first output")
        return self.values[name]

    def input(self, value: Any) -> Rows:
        kind = self.source.type_name(value.type.tensor_type.elem_type)
        dtype = (FLOATS | INTEGERS).get(kind)
        if dtype is None:
            raise ValueError(f"its input {shown(value.name)} is {kind}, which is not taken")
        return Rows(self.term("Input", (), None), self.source.dims(value), dtype, 0)

    def term(self, op: str, operands: tuple[Any, ...], node: Any, weights: Array | None = None) -> Term:
        self.count += 1
        return Term(self.count, op, operands, node, weights)

    def spend(self, what: str, n_bytes: int) -> None:
        """Count what is allocated, so that a small file cannot fill the memory."""
        self.room -= n_bytes
        if self.room < 0:
            raise ValueError(f"{what} take much more memory than the file")

    def elementwise(self, op: str, node: Any, operands: Sequence[Any]) -> Any:
        """The operator on rows and constants, or the array that it makes of constants."""
        rows = [operand for operand in operands if isinstance(operand, Rows)]
        if not rows:
            return self.computed(op, node, operands)
        first = rows[0]
        floats = [operand for operand in rows if operand.dtype != BOOLEAN] or rows
        dims, dtype, depth = first.dims, floats[0].dtype, max(operand.depth for operand in rows)
        wanted = {BOOLEAN, dtype} if op in ("Where", "Not") else {dtype} & FLOAT_DTYPES
        given: list[Any] = []
        for operand in operands:
            if isinstance(operand, Rows):
                if operand.dims != dims:
                    refuse(node, f"joins values of different shapes, {shown(dims)} and {shown(operand.dims)}")
                given.append(operand.term)
            elif isinstance(operand, np.ndarray):
                given.append(fitted(node, operand, dims))
            elif isinstance(operand, float):
                given.append(operand)
            else:
                refuse(node, "reads what is neither rows nor a constant")
            if not isinstance(operand, float) and operand.dtype not in wanted:
                refuse(node, f"mixes {operand.dtype} with {dtype}")
        result = BOOLEAN if op in COMPARISONS else dtype
        return Rows(self.term(op, tuple(given), node), dims, result, depth)

    def computed(self, op: str, node: Any, operands: Sequence[Any]) -> Array:
        arrays = [operand for operand in operands if isinstance(operand, np.ndarray)]
        if op not in COMPUTED or len(arrays) != len(operands):
            refuse(node, "is not computed of constants")
        dtype, shape = arrays[0].dtype, max((array.shape for array in arrays), key=math.prod)
        if dtype not in FLOAT_DTYPES or any(array.dtype != dtype for array in arrays):
            refuse(node, "is computed of constants of one float type alone")
        for array in arrays:
            if array.size > 1 and array.shape != shape[len(shape) - array.ndim :]:
                refuse(node, f"joins constants of different shapes, {array.shape} and {shape}")
        self.spend("constants", math.prod(shape) * dtype.itemsize)
        with np.errstate(all="ignore"):
            return np.asarray(COMPUTED[op](*arrays))  # of 0 dimensions it makes a number

    def unary(self, node: Any, operands: list[Any], attributes: dict[str, Any]) -> Any:
        given = [shortest(attributes.pop(name, value)) for name, value in UNARY[node.op_type].items()]
        return self.elementwise(node.op_type, node, [only(node, operands), *given])

    def binary(self, node: Any, operands: list[Any], attributes: dict[str, Any]) -> Any:
        many = node.op_type in ("Max", "Min")
        if not operands or not (many or len(operands) == 2):
            refuse(node, f"has {len(operands)} operands")
        return self.elementwise(node.op_type, node, operands)

    def softmax(self, node: Any, operands: list[Any], attributes: dict[str, Any]) -> Any:
        axis = attributes.pop("axis", 1 if self.source.opset < 13 else -1)
        if axis not in (1, -1):
            refuse(node, f"has axis {axis}: that of the classes is 1")
        return self.elementwise("Softmax", node, [only(node, operands)])

    def gelu(self, node: Any, operands: list[Any], attributes: dict[str, Any]) -> Any:
        approximate = attributes.pop("approximate", b"none")
        if approximate not in (b"none", b"tanh"):
            refuse(node, f"has approximate {shown(approximate)}")
        return self.elementwise("Gelu:tanh" if approximate == b"tanh" else "Gelu", node, [only(node, operands)])

    def where(self, node: Any, operands: list[Any], attributes: dict[str, Any]) -> Any:
        if len(operands) != 3 or not isinstance(operands[0], Rows) or operands[0].dtype != BOOLEAN:
            refuse(node, "chooses by something else than a comparison of rows")
        return self.elementwise("Where", node, operands)

    def clip(self, node: Any, operands: list[Any], attributes: dict[str, Any]) -> Any:
        limits = [attributes.pop(name, None) for name in ("min", "max")]
        for i, limit in enumerate(operands[1:3]):
            limits[i] = limit
        infinite = (-math.inf, math.inf)
        filled = [extreme if limit is None else limit for limit, extreme in zip(limits, infinite, strict=True)]
        return self.elementwise("Clip", node, [*operands[:1], *filled])

    def constant(self, node: Any, operands: list[Any], attributes: dict[str, Any]) -> Array:
        if operands or len(attributes) != 1:
            refuse(node, "must have one attribute, its value")
        name, value = attributes.popitem()
        what = f"the constant {shown(node.output[0])}"
        if name == "value":
            return self.source.array(what, value)
        dtype = {"value_float": "f4", "value_floats": "f4", "value_int": "i8", "value_ints": "i8"}.get(name)
        if dtype is None:
            refuse(node, f"has an attribute {shown(name)} that is not taken")
        return np.array(value, dtype)

    def dropout(self, node: Any, operands: list[Any], attributes: dict[str, Any]) -> Any:
        attributes.pop("ratio", None)
        attributes.pop("seed", None)
        if len(operands) > 2 and not (isinstance(operands[2], np.ndarray) and not operands[2].any()):
            refuse(node, "is in training mode: export the network for inference")
        return only(node, operands[:1])

    def cast(self, node: Any, operands: list[Any], attributes: dict[str, Any]) -> Any:
        attributes.pop("saturate", None)
        attributes.pop("round_mode", None)
        kind = self.source.type_name(attributes.pop("to", 0))
        value = only(node, operands)
        dtype = (FLOATS | INTEGERS).get(kind)
        if dtype is None or (isinstance(value, (Rows, Output)) and dtype not in FLOAT_DTYPES):
            refuse(node, f"casts to {kind}, which is not taken")
        if isinstance(value, np.ndarray):
            self.spend("constants", value.size * dtype.itemsize)
            return value.astype(dtype)
        if not isinstance(value, Rows) or value.dtype == dtype:
            return value
        return value._replace(dtype=dtype) if value.depth == 0 else Output(value)

    def layer(self, node: Any, x: Any, W: Any) -> Rows:
        """x Wᵀ, W (n_out, n_in)"""
        if not isinstance(x, Rows):
            refuse(node, "must multiply rows by weights from the right")
        if not isinstance(W, np.ndarray) or W.ndim != 2:
            refuse(node, "must have weights of two dimensions that are constant")
        if W.dtype not in FLOAT_DTYPES or W.dtype != x.dtype:
            refuse(node, f"multiplies {x.dtype} by weights of {W.dtype}")
        if x.dims is not None and len(x.dims) != 2:
            refuse(node, f"takes values of {len(x.dims)} dimensions, and rows have two: flatten them first")
        n_in = x.dims[1] if x.dims is not None else None
        if n_in not in (None, W.shape[1]):
            refuse(node, f"multiplies rows of {n_in} values by weights for {W.shape[1]}")
        self.spend("layers", W.nbytes + W.shape[0] * W.itemsize)
        batch = None if x.dims is None else x.dims[0]
        return Rows(self.term("Layer", (x.term,), node, W), (batch, W.shape[0]), x.dtype, x.depth + 1)

    def gemm(self, node: Any, operands: list[Any], attributes: dict[str, Any]) -> Any:
        """alpha A B + beta C"""
        alpha, beta = attributes.pop("alpha", 1.0), attributes.pop("beta", 1.0)
        if attributes.pop("transA", 0):
            refuse(node, "transposes its rows")
        if len(operands) not in (2, 3) or not isinstance(operands[1], np.ndarray):
            refuse(node, "must have rows, weights and biases, the latter two constant")
        W = operands[1] if attributes.pop("transB", 0) else operands[1].T
        value: Any = self.layer(node, operands[0], W)
        if alpha != 1:
            value = self.elementwise("Mul", node, [value, alpha])
        if len(operands) == 3:
            bias = operands[2]
            if beta != 1:
                bias = self.elementwise("Mul", node, [bias, np.asarray(beta, value.dtype)])
            value = self.elementwise("Add", node, [value, bias])
        return value

    def matmul(self, node: Any, operands: list[Any], attributes: dict[str, Any]) -> Any:
        if len(operands) != 2:
            refuse(node, f"has {len(operands)} operands")
        x, W = operands
        return self.layer(node, x, W.T if isinstance(W, np.ndarray) else W)

    def scaler(self, node: Any, operands: list[Any], attributes: dict[str, Any]) -> Any:
        """(x − offset) scale, in float32 whatever x is"""
        value = only(node, operands)
        if not isinstance(value, Rows) or value.depth:
            refuse(node, "scales something else than the input")
        single = FLOATS["FLOAT"]
        value = value._replace(dtype=single)
        for op, name in (("Sub", "offset"), ("Mul", "scale")):
            if name in attributes:
                value = self.elementwise(op, node, [value, np.array(attributes.pop(name), single)])
        return value

    def zip_map(self, node: Any, operands: list[Any], attributes: dict[str, Any]) -> Any:
        """Probabilities with their classes, which a network does not have."""
        attributes.pop("classlabels_int64s", None)
        attributes.pop("classlabels_strings", None)
        value = only(node, operands)
        return Output(value) if isinstance(value, Rows) else value
