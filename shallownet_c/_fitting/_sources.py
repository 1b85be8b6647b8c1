"""What a fit reads its rows from: arrays in memory, arrays read piece by piece, chunks that a function makes."""

from __future__ import annotations  # evaluated, the annotations would import numpy.random

import functools
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from shallownet_c._checks import _features, _validation
from shallownet_c._checks._validation import Array

if TYPE_CHECKING:
    from shallownet_c.mlp import MLP

#: Of X, that are read at a time from an array that is not in memory.
PIECE_BYTES = 1 << 22


class Piece(NamedTuple):
    """Rows as the kernels take them, and the order in which a pass takes them; None is their own."""

    X: Array
    Y: Array | None
    classes: Array | None
    weights: Array | None
    order: Array | None = None

    @property
    def weight_sum(self) -> float:
        return float(len(self.X) if self.weights is None else self.weights.sum(dtype=np.float64))


class Source:
    """What the sources share."""

    m: int | None
    #: Whether the rows have weights of their own.
    weighted = False

    def __init__(self, net: MLP, names: _features.Names) -> None:
        self.net, self.names = net, names

    @functools.cached_property
    def fingerprint(self) -> int:
        """A checksum of some rows, by which changed data are likely to be seen; 0 where they come anew each time."""
        if self.m is None:
            return 0
        piece = next(iter(self.pieces(None, self.m, None)))
        chosen = np.linspace(0, len(piece.X) - 1, 16).astype(np.intp)
        arrays = (array for array in piece[:4] if array is not None)
        return functools.reduce(lambda sum, array: zlib.crc32(array[chosen].tobytes(), sum), arrays, 0)

    def pieces(self, order: Array | None, batch: Any, rng: Any) -> Iterator[Piece]:
        """All rows, in `order`; whole batches in each piece but the last."""
        raise NotImplementedError

    def checked(
        self, X: Any, Y: Any, weights: Any, all_zero: bool = False
    ) -> tuple[Array, Array | None, Array | None, Array | None]:
        """The rows as the kernels take them, no views of the parameters, which a training changes as it reads."""
        X, Y, classes, weights = self.net._check_data(X, Y, weights, all_zero, self.names)
        for name, array in {"X": X, "Y": Y, "sample_weight": weights}.items():
            if array is not None:
                _validation.refuse_overlap(name, array, {"the network's params": self.net._params})
        return X, Y, classes, weights

    def sums(
        self,
        net: MLP,
        grad: Array | None,
        n_threads: int,
        model: tuple[Any, ...] | None = None,
        training: bool = False,
    ) -> tuple[float, float]:
        """Σ w L and Σ w over all rows; the gradient of the first is added to grad (P,)."""
        model = net._model() if model is None else model
        loss_sum = weight_sum = 0.0
        for piece in self.pieces(None, self.m or 1, None):
            if grad is not None:
                _validation.refuse_overlap("grad", grad, {"X": piece.X, "Y": piece.Y, "sample_weight": piece.weights})
            sums = net._old.accumulate_grad(*model, net._params, *piece[:4], grad, n_threads, training)
            loss_sum, weight_sum = loss_sum + sums[0], weight_sum + sums[1]
        return loss_sum, weight_sum


class Rows(Source):
    """Arrays in memory, or mapped into it: the kernels take them as they are."""

    def __init__(self, net: MLP, names: _features.Names, X: object, Y: object, weights: object) -> None:
        super().__init__(net, names)
        self.piece = Piece(*self.checked(X, Y, weights))
        self.m = len(self.piece.X)
        self.weighted = self.piece.weights is not None

    def pieces(self, order: Array | None, _batch: int, _rng: object) -> Iterator[Piece]:
        yield self.piece._replace(order=order)


class Lazy(Source):
    """Rows of an object with shape, dtype and the array protocol (h5py, zarr, a mapped file of another dtype), a few
    megabytes at a time; every row is read and checked once before the training."""

    def __init__(self, net: MLP, names: _features.Names, X: Any, Y: Any, weights: object) -> None:
        super().__init__(net, names)
        self.X = X
        self.m, width = X.shape[0], net._layer_sizes[0]
        if X.shape[1] != width:
            remedy = _validation.made_rows("X", tuple(X.shape), width)
            raise ValueError(f"X must have shape (m, {width}), got {tuple(X.shape)}{remedy}")
        self.Y = _validation.as_array("Y", Y)
        self.weights = None
        if len(self.Y.shape) not in (1, 2) or self.Y.shape[0] != self.m:
            raise ValueError(f"Y must have {self.m} rows to go with X, got the shape {tuple(self.Y.shape)}")
        if weights is not None:
            self.weighted = True
            self.weights = _validation.sample_weights(weights, self.m, net.dtype)
            _validation.refuse_overlap("sample_weight", self.weights, {"the network's params": net._params})
        if self.m == 0:
            raise ValueError("X must have at least one row, got none")
        for _ in self.pieces(None, 1, None):
            pass

    def pieces(self, order: Array | None, batch: int, _rng: object) -> Iterator[Piece]:
        """Whole batches, as many as make a piece of a few megabytes; a full batch comes in several."""
        rows = rows_at_a_time(self.net)
        if batch < self.m:
            rows = max(1, rows // batch) * batch
        for first in range(0, self.m, rows):
            taken = slice(first, min(first + rows, self.m)) if order is None else order[first : first + rows]
            try:
                X = _taken(self.X, taken)
                X, Y, classes, _ = self.checked(X, self.Y[taken], None)
            except (TypeError, ValueError) as error:
                where = f" of those from row {first} on" if order is None else ""
                raise _validation.retold(error, f"{error}{where}") from None
            yield Piece(X, Y, classes, None if self.weights is None else self.weights[taken])


class Chunks(Source):
    """(X, Y) or (X, Y, weights) that a function's result yields, anew for each pass; m is not known beforehand."""

    m = None

    def __init__(self, net: MLP, names: _features.Names, factory: Callable[[], Iterable[tuple[Any, ...]]]) -> None:
        super().__init__(net, names)
        self.factory = factory

    def pieces(self, _order: None, batch: int | None, rng: Any) -> Iterator[Piece]:
        empty = True
        chunks = self.factory()
        if not isinstance(chunks, Iterable):
            raise TypeError(f"X, a function, must return an iterable of chunks, got {_validation.shown(chunks)}")
        for chunk in chunks:
            if not isinstance(chunk, (tuple, list)) or len(chunk) not in (2, 3):
                raise TypeError("X, a function, must return an iterable of chunks (X, Y) or (X, Y, sample_weight)")
            X, Y, *given = chunk
            if _validation.as_array("X", X).shape[:1] == (0,):
                continue
            X, Y, classes, weights = self.checked(X, Y, given[0] if given else None, all_zero=True)
            order = None
            if rng is not None and batch is not None and batch < len(X):
                order = rng.permutation(len(X)).astype(np.int64, copy=False)
            empty = False
            yield Piece(X, Y, classes, weights, order)
        if empty:
            raise ValueError("X, a function, must yield at least one chunk each time it is called, got none")


def rows_at_a_time(net: MLP) -> int:
    """How many make a piece of a few megabytes."""
    return max(1, PIECE_BYTES // (net.dtype.itemsize * net.layer_sizes[0]))


def is_lazy(array: object, dtype: np.dtype[Any]) -> bool:
    """Whether rows of the array are better read when they are needed than all converted at once."""
    if isinstance(array, np.memmap):
        return not (array.dtype == dtype and array.flags.c_contiguous and array.flags.aligned)
    # What has labels, as tables of pandas do, is in memory, and takes an index for a label: converted, it has none.
    if isinstance(array, np.ndarray) or hasattr(array, "iloc"):
        return False
    return all(hasattr(array, name) for name in ("__array__", "__getitem__", "shape", "dtype"))


def source(net: MLP, X: object, Y: object, weights: object, names: _features.Names | None = None) -> Source:
    """The source that goes with the arguments of a fit.

    Its tables must have the columns of `names`, by default those of the network; the first one brings them where there
    are none.
    """
    names = _features.Names(net._names.known) if names is None else names
    if callable(X):
        if Y is not None or weights is not None:
            raise TypeError("Y and sample_weight must be left out where X is a function: its chunks hold them")
        return Chunks(net, names, X)
    if Y is None:
        raise TypeError("Y must be given with an array X")
    if is_lazy(X, net.dtype) and len(X.shape) == 2:  # type: ignore[attr-defined]
        return Lazy(net, names, X, Y, weights)
    return Rows(net, names, X, Y, weights)


def _taken(X: Any, rows: slice | Array) -> Array:
    """The rows as an array in memory. They are asked for in increasing order, as files such as HDF5 want it."""
    if isinstance(rows, slice):
        return _read(X, rows, rows.stop - rows.start)
    if isinstance(X, np.ndarray):
        return X[rows]
    wanted, places = np.unique(rows, return_inverse=True)
    return _read(X, wanted, len(wanted))[places]


def _read(X: Any, rows: slice | Array, n: int) -> Array:
    """X[rows] as an array of n rows."""
    taken = _validation.as_array("X", X[rows])
    if taken.ndim == 0 or len(taken) != n:
        raise ValueError(f"X must give as many rows as it is asked for, {n}, got an array of shape {taken.shape}")
    return taken
