"""The order of the rows in each epoch: as they lie, as the caller says, or shuffled."""

from __future__ import annotations  # evaluated, the annotations would import numpy.random

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from shallownet_c import _validation
from shallownet_c._validation import Array

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

#: Row numbers that are drawn at a time: enough to leave Python seldom, too few to be seen in memory.
CHUNK = 65_536


def check_order(order: object, shape: tuple[int, ...]) -> Array:
    """The order of rows as int64, each a number of a row."""
    array = _validation.as_array("order", order)
    if array.dtype.kind not in "iu":
        raise TypeError(f"order must be integers, got an array of dtype {array.dtype}")
    if array.shape != shape:
        raise ValueError(f"order must have shape {shape}, got {array.shape}")
    if array.min() < 0 or array.max() >= shape[-1]:
        raise ValueError(f"order must hold row numbers 0 … {shape[-1] - 1}, got {array.min()} … {array.max()}")
    return np.require(array, np.int64, ["C", "A"])


def orders(
    order: Array | Callable[[int], ArrayLike] | None,
    rng: np.random.Generator | np.random.RandomState | None,
    epochs: int,
    m: int,
) -> Iterator[tuple[int, Array | None]]:
    """(n, order of the rows in the next n epochs (n, m)) until `epochs` are done; None is their natural order."""
    if callable(order):
        for epoch in range(epochs):
            yield 1, check_order(order(epoch), (m,))[np.newaxis]
    elif order is not None or rng is None:
        yield epochs, order
    else:
        at_a_time = max(1, CHUNK // m)
        for first in range(0, epochs, at_a_time):
            n = min(at_a_time, epochs - first)
            yield n, np.stack([rng.permutation(m) for _ in range(n)]).astype(np.int64, copy=False)
