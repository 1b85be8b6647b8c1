"""The checks of Y: what a network's output and loss take."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from shallownet_c import _engine
from shallownet_c._checks import _validation
from shallownet_c._checks._validation import Array
from shallownet_c._model import Model
from shallownet_c.reference._activations import ACTIVATIONS
from shallownet_c.reference._losses import LOSSES, Loss

INT64 = np.dtype(np.int64)
_ones = functools.lru_cache(maxsize=8)(np.ones)


def check(model: Model, Y: object, m: int) -> tuple[Array | None, Array | None]:
    """Y (m, n_L) and None, or None and the classes (m,), as the kernels take them.

    Raises
    ------
    ValueError, TypeError
        If Y is not what the network's output and loss take; the first bad row is named.
    """
    width = model.sizes[-1]
    loss = LOSSES[model.loss]
    softmax = not ACTIVATIONS[model.activations[-1]].elementwise
    if _validation.is_ready(Y, model.dtype) and Y.shape == (m, width):
        array = Y
        given = model.dtype
    else:
        array = _validation.as_array("Y", Y)
        given, shape = array.dtype, array.shape
        _refuse_text(array, loss, softmax)
        if softmax and array.ndim == 1:
            return None, _classes(array, m, width)
        if array.ndim == 1 and width == 1:
            array = array[:, np.newaxis]
        if array.shape != (m, width):
            also = f" or ({m},)" if width == 1 or softmax else ""
            remedy = _made_targets(model, shape, m, given.kind in "iub")
            raise ValueError(f"Y must have shape ({m}, {width}){also} to go with X, got {shape}{remedy}")
        array = _validation.rows("Y", array, width, model.dtype)
    if m == 0:
        return array, None
    _check_range(array, loss)
    if softmax:
        _check_sums(array, given)
    return array, None


def _made_targets(model: Model, shape: tuple[int, ...], m: int, of_integers: bool) -> str:
    """The end of a message about a Y of the wrong shape: what to do about it, if that can be told."""
    width = model.sizes[-1]
    if shape == (width, m):
        return "; rows are samples: Y.T"
    if shape[:1] != (m,):
        is_turned = shape in ((model.sizes[0],), (1, model.sizes[0]))
        return f"; rows are samples, and X has {m}: X.T has {model.sizes[0]}" if is_turned and m else ""
    if shape[1:] in ((), (1,)):
        if not ACTIVATIONS[model.activations[-1]].elementwise:
            return "; numbers of classes have one dimension: np.ravel(Y)"
        classes = "numbers of classes go with output='softmax', and " if of_integers else ""
        return f"; {classes}one number for each row with layer_sizes that end with 1"
    if len(shape) == 2 and width == 1:
        return (
            f"; several columns go with layer_sizes that end with {shape[1]}, and with output='softmax' if they say "
            f"which of {shape[1]} classes a row has"
        )
    return ""


def _refuse_text(array: Array, loss: Loss, softmax: bool) -> None:
    """Raise an error, with the remedy, if there is text where numbers belong."""
    if array.dtype.kind in "UST":
        text = array.item(0) if array.size else ""
    elif array.dtype.kind == "O":
        text = next((item for item in array.flat if isinstance(item, (str, bytes))), None)
    else:
        return
    if text is not None:
        wanted = "integers, the numbers of classes" if softmax else "real numbers"
        also = "" if loss.classes else ", and Y.astype(float) reads numbers"
        raise TypeError(
            f"Y must be {wanted}, got text such as {_validation.shown(text)}: "
            f"classes, y = np.unique(Y, return_inverse=True) numbers labels{also}"
        )


def _classes(array: Array, m: int, n_classes: int) -> Array:
    if array.dtype.kind not in "iu":
        raise TypeError(
            f"Y of one dimension must be integers, the numbers of classes, for a softmax output, got "
            f"{array.dtype.name}: classes, y = np.unique(Y, return_inverse=True) numbers labels of any kind, and a "
            f"number to predict goes with output='identity'"
        )
    if array.shape != (m,):
        raise ValueError(f"Y must have shape ({m},) or ({m}, {n_classes}) to go with X, got {array.shape}")
    # The kernels use them as indices, so what has been checked must be out of reach of callbacks and other threads.
    classes = array.copy()
    if m == 0:
        return classes.astype(INT64, copy=False)
    least, greatest = _validation.extremes(classes)
    if least < 0 or greatest >= n_classes:
        row = int(np.argmax((classes < 0) | (classes >= n_classes)))
        n_different = len(np.unique(classes))
        if (least, greatest) == (1, n_classes):
            remedy = "classes begin at 0: Y - 1"
        elif n_different <= n_classes:
            remedy = "classes, y = np.unique(Y, return_inverse=True) numbers them from 0"
        else:
            remedy = f"for its {n_different} classes layer_sizes must end with {n_different}"
        raise ValueError(f"Y must hold classes 0 … {n_classes - 1}, got {classes[row]} in row {row}; {remedy}")
    return classes.astype(INT64, copy=False)


def _first(array: Array, bad: Array) -> str:
    """The first bad element of the array (m, n), and where it is."""
    row, column = divmod(int(np.argmax(bad)), array.shape[1])
    return f"{array[row, column]} in row {row}" + (f", column {column}" if array.shape[1] > 1 else "")


def _check_range(array: Array, loss: Loss) -> None:
    """Y must be finite, and between the numbers that the loss takes."""
    if loss.least == -math.inf:
        _validation.refuse_nonfinite("Y", array, _engine.first_nonfinite)
        return
    least, greatest = _validation.extremes(array)
    if not (least >= loss.least and greatest <= loss.greatest and greatest < math.inf):  # true for NaN, too
        _validation.refuse_nonfinite("Y", array, _engine.first_nonfinite)
        bound = "not be negative" if loss.greatest == math.inf else f"lie in [{loss.least:g}, {loss.greatest:g}]"
        bad = (array < loss.least) | (array > loss.greatest)
        remedy = _within(array) if loss.classes and array.shape[1] == 1 else ""
        raise ValueError(f"Y must {bound} for {loss.name}, got {_first(array, bad)}{remedy}")


def _within(array: Array) -> str:
    """The end of a message about targets (m, 1) of a sigmoid that are not between 0 and 1: what goes with them."""
    distinct = np.unique(array)
    if len(distinct) == 2:
        return "; of two classes one is 0 and the other 1: classes, y = np.unique(Y, return_inverse=True) numbers them"
    if (distinct == np.round(distinct)).all():
        return "; more than two classes go with output='softmax' and an output for each, numbers with output='identity'"
    return "; a number to predict goes with output='identity', which is the default"


def _check_sums(array: Array, given: np.dtype[Any]) -> None:
    """Each row of Y must be the probabilities of all classes."""
    # Rounding of the caller's own division, in the caller's precision, and of the conversion to ours.
    eps = float(np.finfo(array.dtype).eps)
    if given is not array.dtype and given.kind == "f":
        eps = max(eps, float(np.finfo(given).eps))
    slack = 4 * array.shape[1] * eps
    sums = array.dot(_ones(array.shape[1], array.dtype))  # several times faster than sum(axis=1) of short rows
    least, greatest = _validation.extremes(sums)
    if least < 1 - slack or greatest > 1 + slack:
        row = int(np.argmax(np.abs(sums - 1) > slack))
        raise ValueError(f"Y must have rows that sum to 1 for softmax, got {array[row].sum()} in row {row}")
