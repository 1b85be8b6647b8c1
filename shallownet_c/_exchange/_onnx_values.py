"""The values of an ONNX graph: what its nodes compute, as terms, with nothing computed but constants."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from shallownet_c._checks._validation import Array, shown
from shallownet_c._exchange._onnx_file import refuse

FLOATS: dict[str, np.dtype[Any]] = {"FLOAT": np.dtype(np.float32), "DOUBLE": np.dtype(np.float64)}
#: Those that arithmetic is done in.
FLOAT_DTYPES = frozenset(FLOATS.values())
INTEGERS: dict[str, np.dtype[Any]] = {"INT32": np.dtype(np.int32), "INT64": np.dtype(np.int64)}
BOOLEAN: np.dtype[Any] = np.dtype(bool)
#: The first dimension of rows, where it is open.
BATCH = "batch"
#: Of a shape.
MOST_ITEMS = 8


class Term:
    """What a node computes: an elementwise operator and its operands, or a layer's product, or the input."""

    __slots__ = ("number", "op", "operands", "source", "weights")

    def __init__(self, number: int, op: str, operands: tuple[Any, ...], source: Any, weights: Array | None = None):
        #: In the order of the graph.
        self.number = number
        self.op = op
        #: Terms, constants (vectors or without dimensions) and attributes, which are floats.
        self.operands = operands
        #: The node, None of the input.
        self.source = source
        #: Of a layer: W (n_out, n_in); its only operand is a term.
        self.weights = weights

    @property
    def terms(self) -> list[Term]:
        return [operand for operand in self.operands if isinstance(operand, Term)]


class Rows(NamedTuple):
    term: Term
    dims: tuple[int | None, ...] | None
    dtype: np.dtype[Any]
    #: How many layers it has behind it at most.
    depth: int


class Dims(NamedTuple):
    """The elements of a shape: numbers, BATCH, or None for what is not known; a single one may be a scalar."""

    items: tuple[int | str | None, ...]
    is_scalar: bool = False


class Output(NamedTuple):
    """Rows in a form in which only an output may be: of another dtype, or both classes' probabilities."""

    rows: Rows


def only(node: Any, operands: list[Any]) -> Any:
    """The node's only operand."""
    if len(operands) != 1:
        refuse(node, f"has {len(operands)} operands")
    return operands[0]


def shortest(attribute: float) -> float:
    """The number that the attribute, a float32, was most likely rounded from: 0.01 of 0.009999999776482582."""
    return float(str(np.float32(attribute)))


def fitted(node: Any, constant: Array, dims: tuple[int | None, ...] | None) -> Array:
    """The constant as a vector, one number for each column, or without dimensions."""
    rank = 2 if dims is None else len(dims)
    width = None if dims is None else dims[-1]
    if constant.ndim <= rank:
        if constant.size == 1:
            return constant.reshape(())
        if constant.size == constant.shape[-1] and width in (None, constant.size) and rank == 2:
            return constant.reshape(-1)
    refuse(node, f"joins rows {shown(dims)} and a constant of shape {constant.shape}: one for each column is taken")


def flat(rows: Rows) -> Rows:
    """The rows of a value of any number of dimensions, of which the first is kept."""
    return rows if rows.dims is None else rows._replace(dims=(rows.dims[0], flat_width(rows.dims)))


def flat_width(dims: tuple[int | None, ...]) -> int | None:
    """The product of all dimensions but the first; None if one of them is not known."""
    known = [n for n in dims[1:] if n is not None]
    return math.prod(known) if len(known) == len(dims) - 1 else None


def dims_of(node: Any, value: Any) -> Dims:
    """A shape, or a constant of integers that stands for one."""
    if isinstance(value, Dims):
        return value
    if not isinstance(value, np.ndarray) or value.dtype.kind != "i" or value.ndim > 1 or value.size > MOST_ITEMS:
        refuse(node, "reads a shape that is not one")
    return Dims(tuple(value.reshape(-1).tolist()), value.ndim == 0)
