"""What both versions refuse."""

import operator
import sys
from collections.abc import Collection
from typing import Any

import numpy as np

from shallownet_c.reference._activations import ACTIVATIONS, Activation, Array
from shallownet_c.reference._losses import LOSSES, Loss

FLOAT64 = np.dtype(np.float64)
ELEMENTWISE = [name for name, row in ACTIVATIONS.items() if row.elementwise]


def floats(name: str, value: Any) -> Array:
    """The value as an array of floats; what a conversion would lose, a mask or an imaginary part, is refused."""
    if type(value) is np.ndarray and value.dtype is FLOAT64:  # at once, since others are measured against this
        return value
    try:
        array: Array = np.ma.asarray(value)
    except ValueError as error:  # lists of unequal lengths
        raise ValueError(f"{name} must be an array of numbers: {error}") from None
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} must be real numbers, got an array of dtype {array.dtype.name}")
    if np.ma.is_masked(array):
        raise ValueError(f"{name} must have no masked elements, which have no value")
    with np.errstate(over="ignore"):  # a longdouble may be too large
        return np.asarray(array, dtype=float)


def rows(name: str, value: object) -> Array:
    """The value as an array (m, n) of floats."""
    array = floats(name, value)
    if array.ndim != 2:
        raise ValueError(f"{name} must have shape (m, n), got {array.shape}")
    return array


def layers(name: str, values: Any) -> list[Array]:
    """A list over layers, each an array of floats."""
    try:
        items: list[Any] = list(values)
    except TypeError:
        raise TypeError(f"{name} must be a list of arrays, one for each layer, got {type(values).__name__}") from None
    if all(type(item) is np.ndarray and item.dtype is FLOAT64 for item in items):
        return items
    return [floats(f"{name}[{index}]", item) for index, item in enumerate(items)]


def number(name: str, value: object) -> float:
    """The value as a float."""
    if type(value) is float:
        return value
    array = floats(name, value)
    if array.ndim > 0:
        raise TypeError(f"{name} must be a number, got an array of shape {array.shape}")
    return float(array)


def count(name: str, value: Any) -> int:
    """The value as an int that is not negative."""
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be an integer, got {type(value).__name__}") from None
    if not 0 <= number <= sys.maxsize:
        raise ValueError(f"{name} must be in 0 … {sys.maxsize}, got an integer of {number.bit_length()} bits")
    return number


def checked_name(name: str, value: object, valid: Collection[str]) -> str:
    """The value, which must be one of the valid names."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be one of {list(valid)}, got {type(value).__name__}")
    if value not in valid:
        raise ValueError(f"{name} must be one of {list(valid)}, got {value[:100]!r}")
    return value


def activation_row(name: object, differentiable: bool = False) -> Activation:
    """The row of the activation's name, of one with a derivative of its own if that is wanted."""
    if differentiable:
        return ACTIVATIONS[checked_name("an activation with a derivative of its own", name, ELEMENTWISE)]
    return ACTIVATIONS[checked_name("activation", name, ACTIVATIONS)]


def loss_row(loss: object, output: object, parameter: object) -> tuple[Loss, tuple[float, ...]]:
    """The row of the loss, which must go with the output, and what its functions take after a and y."""
    loss, output = checked_name("loss", loss, LOSSES), checked_name("output", output, ACTIVATIONS)
    row = LOSSES[loss]
    if not row.takes(output):
        outputs = ", ".join(name for name in ACTIVATIONS if row.takes(name))
        raise ValueError(f"loss {loss} goes with the outputs {outputs}; got output {output}")
    if row.parameter is None:
        if parameter is not None:
            raise ValueError(f"parameter must be None for {loss}, which has none")
        return row, ()
    value = row.parameter.default if parameter is None else number("parameter", parameter)
    if not row.parameter.accepts(value):
        raise ValueError(f"parameter must be the {row.parameter.name} of {loss}, {row.parameter.takes}, got {value}")
    return row, (value,)


def check_targets(Y: object, A_L: Any) -> Array:
    """Y as an array of floats of the output's shape."""
    targets = floats("Y", Y)
    if targets.shape != np.shape(A_L):
        raise ValueError(f"Y must have the output's shape {np.shape(A_L)}, got {targets.shape}")
    return targets


def check_layer(W_l: Array, units: tuple[int, ...], units_below: tuple[int, ...]) -> None:
    """W[l] must have a row for each unit of its layer and a column for each of the layer below: broadcasting would let
    some mismatches pass, and plain loops would leave weights out."""
    if W_l.shape != units + units_below:
        raise ValueError(
            "a layer must have the shapes A[l-1] (m, n_below), W[l] (n, n_below), b[l] (n,) and Z[l] (m, n); "
            f"got W[l] {W_l.shape}, (n,) = {units} and (n_below,) = {units_below}"
        )
