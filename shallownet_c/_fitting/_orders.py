"""The order of the rows in each epoch: as they lie, as the caller says, or shuffled."""

from __future__ import annotations  # evaluated, the annotations would import numpy.random

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from shallownet_c import _random
from shallownet_c._checks import _validation
from shallownet_c._checks._validation import Array

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

#: Row numbers that are drawn at a time: enough to leave Python seldom, too few to be seen in memory.
CHUNK = 65_536
#: From so many rows on, another thread draws the permutation.
LONG = 1_000_000
#: Neighbouring rows in a block, and blocks whose rows are shuffled together: enough rows that a block of a narrow table
#: fills a page or more of a file, and enough blocks that a batch is drawn from all over it.
BLOCK_ROWS, BLOCKS = 256, 1_024


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

    The m rows are those whose numbers are in `chosen` (m,), or all. With `in_blocks` they are shuffled in blocks.
    """

    def __init__(
        self,
        order: Array | Callable[[int], ArrayLike] | None,
        rng: np.random.Generator | np.random.RandomState | None,
        m: int,
        chosen: Array | None = None,
        in_blocks: bool = False,
    ) -> None:
        self.order, self.rng, self.m, self.chosen, self.in_blocks = order, rng, m, chosen, in_blocks
        #: Whether a function gives the order, one epoch at a time.
        self.one_by_one = callable(order)

    def take(self, first: int, n: int) -> Array | list[Blocks] | None:
        """The order in epochs `first` … first + n − 1, (n, m) or fewer of them; None for rows in their own order."""
        if self.in_blocks and self.order is None and self.rng is not None:
            return [Blocks(self.m, _random.draw_seed(self.rng))]
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


class Blocks:
    """An order of m rows that follows from a seed and is never in memory as a whole: its slices are made on demand.

    Blocks of neighbouring rows, cut anew for each seed, come in a random order, and the rows of some of them at a time
    are shuffled together. So a file is read in parts that are much longer than a row.
    """

    def __init__(self, m: int, seed: int) -> None:
        self.m, self.seed = m, seed
        rng = np.random.default_rng(seed)
        self.start = int(rng.integers(m))
        whole = m // BLOCK_ROWS
        self.blocks = np.append(rng.permutation(whole), whole)  # the last block is shorter, and may be empty
        self.group = -1
        self.rows = np.empty(0, np.int64)

    def __getitem__(self, places: slice) -> Array:
        """The numbers of the rows at places first … last − 1."""
        first, last, _ = places.indices(self.m)
        size = BLOCK_ROWS * BLOCKS
        parts = [np.empty(0, np.int64)]
        for group in range(first // size, -(-last // size)):
            begin = group * size
            parts.append(self._rows_of(group)[max(0, first - begin) : last - begin])
        return np.concatenate(parts)

    def _rows_of(self, group: int) -> Array:
        if group != self.group:
            blocks = self.blocks[group * BLOCKS : (group + 1) * BLOCKS]
            rows = (blocks[:, np.newaxis] * BLOCK_ROWS + np.arange(BLOCK_ROWS)).ravel()
            rows = (rows[rows < self.m] + self.start) % self.m
            np.random.default_rng([self.seed, group]).shuffle(rows)
            self.group, self.rows = group, rows
        return self.rows


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
