"""The order of the rows in each epoch: as they lie, as the caller says, or shuffled."""

from __future__ import annotations  # evaluated, the annotations would import numpy.random

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from shallownet_c._checks import _validation
from shallownet_c._checks._validation import Array

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

#: Row numbers that are drawn at a time: enough to leave Python seldom, too few to be seen in memory.
CHUNK = 65_536
#: From so many rows on, another thread draws the permutation.
LONG = 1_000_000


def check(order: object, epochs: int, m: int | None) -> Array | Callable[[int], ArrayLike] | None:
    """The argument `order` of a fit: the caller's array, functions as they are.

    Raises
    ------
    ValueError, TypeError
        If it is an array that does not hold the numbers of m rows for each epoch, or m is not known.
    """
    if order is None:
        return None
    if m is None:
        raise ValueError("order must be left out where X is a function: its chunks come in their own order")
    return order if callable(order) else _check_array(order, (epochs, m))


def _check_array(order: object, shape: tuple[int, ...]) -> Array:
    """The order of rows as an array of integers, each a number of a row."""
    array = _validation.as_array("order", order)
    if array.dtype.kind not in "iu":
        raise TypeError(f"order must be integers, got an array of dtype {array.dtype}")
    if array.shape != shape:
        raise ValueError(f"order must have shape {shape}, got {array.shape}")
    if array.min() < 0 or array.max() >= shape[-1]:
        raise ValueError(f"order must hold row numbers 0 … {shape[-1] - 1}, got {array.min()} … {array.max()}")
    return array


def _own_copy(order: object, shape: tuple[int, ...]) -> Array:
    """The order as int64 in memory of our own: the kernels trust it, and another thread may write to the caller's array
    while they run, or between the check of all epochs and the use of these."""
    copy = _validation.as_array("order", order).copy()
    return _check_array(copy, shape).astype(np.int64, copy=False)


class Orders:
    """The order of the rows in epoch after epoch: the caller's, or permutations that `rng` draws, or their own.

    The m rows are those whose numbers are in `chosen` (m,), or all.
    """

    def __init__(
        self,
        order: Array | Callable[[int], ArrayLike] | None,
        rng: np.random.Generator | np.random.RandomState | None,
        m: int,
        chosen: Array | None = None,
    ) -> None:
        self.order, self.rng, self.m, self.chosen = order, rng, m, chosen
        #: Whether a function gives the order, one epoch at a time.
        self.one_by_one = callable(order)

    def take(self, first: int, n: int) -> Array | None:
        """The order in epochs `first` … first + n − 1, (n, m) or fewer of them; None for rows in their own order."""
        orders = self._take(first, n)
        return orders if orders is None or self.chosen is None else self.chosen[orders]

    def _take(self, first: int, n: int) -> Array | None:
        """The same as places among the m rows."""
        if callable(self.order):
            return _own_copy(self.order(first), (self.m,))[np.newaxis]
        n = min(n, max(1, CHUNK // max(1, self.m)))
        if self.order is not None:
            return _own_copy(self.order[first : first + n], (n, self.m))
        if self.rng is None:
            return None
        if n == 1:
            return _permutation(self.rng, self.m).astype(np.int64, copy=False)[np.newaxis]
        orders = np.empty((n, self.m), np.int64)
        if self.m < LONG and isinstance(self.rng, np.random.Generator):
            # The numbers of n permutations, in less time, and other threads run meanwhile.
            orders[:] = np.arange(self.m)
            return self.rng.permuted(orders, axis=1, out=orders)
        for order in orders:
            order[:] = _permutation(self.rng, self.m)
        return orders


def _permutation(rng: np.random.Generator | np.random.RandomState, m: int) -> Array:
    """rng.permutation(m). Ctrl-C interrupts a long one, unless rng is a RandomState, which lets no other thread run."""
    if m < LONG or isinstance(rng, np.random.RandomState):
        return rng.permutation(m)
    drawn: list[Array] = []
    thread = threading.Thread(target=lambda: drawn.append(rng.permutation(m)), daemon=True)
    thread.start()
    thread.join()
    if not drawn:  # the thread has reported why
        raise MemoryError(f"no memory for the order of {m} rows")
    return drawn[0]
