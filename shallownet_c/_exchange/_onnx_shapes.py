"""ONNX's operators of shapes: what flattens the input, and what exporters compute of its shape for that."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np

from shallownet_c._checks._validation import shown
from shallownet_c._exchange._onnx_file import refuse
from shallownet_c._exchange._onnx_values import BATCH, MOST_ITEMS, Dims, Output, Rows, dims_of, flat, flat_width, only


def flatten(node: Any, operands: list[Any], attributes: dict[str, Any]) -> Any:
    axis, rows = attributes.pop("axis", 1), only(node, operands)
    if not isinstance(rows, Rows):
        refuse(node, "flattens what is not rows")
    if rows.dims is None:
        return rows if axis == 1 else refuse(node, f"flattens from axis {axis}: rows begin at axis 1")
    if len(rows.dims) < 2 or axis not in (1, 1 - len(rows.dims)):
        refuse(node, f"flattens {shown(rows.dims)} from axis {axis}: rows begin at axis 1")
    return flat(rows)


def reshape(node: Any, operands: list[Any], attributes: dict[str, Any]) -> Any:
    zero_is_kept = not attributes.pop("allowzero", 0)
    if len(operands) != 2:
        refuse(node, f"has {len(operands)} operands")
    value, wanted = operands[0], dims_of(node, operands[1]).items
    if isinstance(value, np.ndarray):
        numbers = [n for n in wanted if isinstance(n, int) and (n > 0 or n == -1)]
        with contextlib.suppress(ValueError):
            if len(numbers) == len(wanted) and value.flags.c_contiguous:  # so that nothing is copied
                return value.reshape(numbers)
        refuse(node, f"makes shape {shown(wanted)} of a constant of shape {value.shape}")
    if not isinstance(value, Rows) or value.dims is None or len(value.dims) < 2 or len(wanted) != 2:
        refuse(node, f"makes shape {shown(wanted)}, and rows have two dimensions, which must be known")
    rows = flat(value)
    batch, width = (value.dims[0], flat_width(value.dims))
    first, second = wanted
    keeps_batch = first == BATCH or (first is not None and first == batch) or (zero_is_kept and first == 0)
    if zero_is_kept and second == 0:
        second = value.dims[1]
    if width is None or second not in (width, -1) or not (keeps_batch or (first == -1 and second == width)):
        refuse(node, f"makes shape {shown(wanted)} of {shown(value.dims)}, which does not keep the rows")
    return rows


def shape(node: Any, operands: list[Any], attributes: dict[str, Any]) -> Any:
    start, end, value = attributes.pop("start", 0), attributes.pop("end", None), only(node, operands)
    if not isinstance(value, Rows) or not value.dims:
        refuse(node, "asks for a shape that is not known")
    items = (BATCH if value.dims[0] is None else value.dims[0], *value.dims[1:])
    return Dims(items[start:end])


def gather(node: Any, operands: list[Any], attributes: dict[str, Any]) -> Any:
    axis = attributes.pop("axis", 0)
    if len(operands) != 2 or not isinstance(operands[0], Dims) or axis != 0:
        refuse(node, "gathers from something else than a shape")
    indices = dims_of(node, operands[1])
    items = operands[0].items
    if not all(isinstance(i, int) and -len(items) <= i < len(items) for i in indices.items):
        refuse(node, f"gathers {shown(indices.items)} of {len(items)}")
    return Dims(tuple(items[int(i or 0)] for i in indices.items), indices.is_scalar)


def squeeze(node: Any, operands: list[Any], attributes: dict[str, Any]) -> Any:
    """Squeeze and Unsqueeze of a shape's elements."""
    axes = attributes.pop("axes", None)
    axes = [0] if axes is None and len(operands) < 2 else axes or dims_of(node, operands[1]).items
    value = operands[0] if operands else None
    is_scalar = node.op_type == "Squeeze"
    if not isinstance(value, (Dims, np.ndarray)) or list(axes) not in ([0], [-1]):
        refuse(node, "changes the dimensions of rows")
    value = dims_of(node, value)
    if value.is_scalar == is_scalar or len(value.items) != 1:
        refuse(node, "changes the dimensions of something else than one number")
    return Dims(value.items, is_scalar)


def concat(node: Any, operands: list[Any], attributes: dict[str, Any]) -> Any:
    axis = attributes.pop("axis", None)
    if all(isinstance(operand, (Dims, np.ndarray)) for operand in operands):
        items = [item for operand in operands for item in dims_of(node, operand).items]
        return Dims(tuple(items)) if axis == 0 and len(items) <= MOST_ITEMS else refuse(node, "joins constants")
    if len(operands) == 2 and axis in (1, -1) and all(isinstance(operand, Rows) for operand in operands):
        complement, rows = operands
        given = complement.term.operands
        if complement.term.op == "Sub" and np.ndim(given[0]) == 0 and given[0] == 1 and given[1] is rows.term:
            return Output(rows)  # skl2onnx's form for two classes: 1 − p and p
    refuse(node, "joins columns, and only 1 − p and p are known as the outputs of two classes")


def transpose(node: Any, operands: list[Any], attributes: dict[str, Any]) -> Any:
    perm, value = attributes.pop("perm", None), only(node, operands)
    if not isinstance(value, np.ndarray):
        refuse(node, "transposes what is no constant: rows are samples")
    if perm is not None and sorted(perm) != list(range(value.ndim)):
        refuse(node, f"transposes {value.ndim} dimensions by {shown(list(perm))}")
    return value.transpose(perm)


#: By their names.
SHAPES = {
    "Flatten": flatten,
    "Reshape": reshape,
    "Shape": shape,
    "Gather": gather,
    "Squeeze": squeeze,
    "Unsqueeze": squeeze,
    "Concat": concat,
    "Transpose": transpose,
}
