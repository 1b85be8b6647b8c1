"""The checks of Y: what a network's output and loss take."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from shallownet_c import _validation
from shallownet_c._validation import Array

if TYPE_CHECKING:
    from shallownet_c.mlp import MLP


def check(net: "MLP", Y: ArrayLike, m: int) -> tuple[Array | None, Array | None]:
    """Y (m, n_L) and None, or None and the classes (m,), as the kernels take them.

    Raises
    ------
    ValueError, TypeError
        If Y is not what the network's output and loss take; the first bad row is named.
    """
    width = net.layer_sizes[-1]
    softmax = net.activations[-1] == "softmax"
    array = np.asarray(Y)
    given = array.dtype
    if not (_validation.is_ready(Y, width, net.dtype) and len(array) == m):
        if softmax and array.ndim == 1:
            return None, _classes(array, m, width)
        if array.ndim == 1 and width == 1:
            array = array[:, np.newaxis]
        if array.shape != (m, width):
            also = f" or ({m},)" if width == 1 or softmax else ""
            raise ValueError(f"Y must have shape ({m}, {width}){also} to go with X, got {np.shape(Y)}")
        array = _validation.rows("Y", array, width, net.dtype)
    _validation.refuse_nonfinite("Y", array, net._kernels.first_nonfinite)
    if net.loss == "log_loss":
        _check_probabilities(array, softmax, given)
    return array, None


def _classes(array: Array, m: int, n_classes: int) -> Array:
    if array.dtype.kind not in "iu":
        raise TypeError(
            f"Y of one dimension must be integers, the numbers of classes, for a softmax output, got {array.dtype}"
        )
    if array.shape != (m,):
        raise ValueError(f"Y must have shape ({m},) or ({m}, {n_classes}) to go with X, got {array.shape}")
    bad = (array < 0) | (array >= n_classes)
    if bad.any():
        row = int(np.argmax(bad))
        raise ValueError(f"Y must hold classes 0 … {n_classes - 1}, got {array[row]} in row {row}")
    return np.require(array, np.int64, ["C", "A"])


def _check_probabilities(array: Array, softmax: bool, given: np.dtype[Any]) -> None:
    bad = ((array < 0) | (array > 1)).any(axis=1)
    if bad.any():
        row = int(np.argmax(bad))
        raise ValueError(f"Y must lie in [0, 1] for log_loss, got {array[row]} in row {row}")
    if softmax:
        # Rounding of the caller's own division, in the caller's precision, and of the conversion to ours.
        eps = np.finfo(array.dtype).eps
        if given.kind == "f":
            eps = max(eps, np.finfo(given).eps)
        slack = 4 * array.shape[1] * float(eps)
        bad = np.abs(array.sum(axis=1) - 1) > slack
        if bad.any():
            row = int(np.argmax(bad))
            raise ValueError(f"Y must have rows that sum to 1 for softmax, got {array[row].sum()} in row {row}")
