"""What a fit reads its rows from: arrays in memory, arrays read piece by piece, chunks that a function makes."""

from __future__ import annotations  # evaluated, the annotations would import numpy.random

import functools
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from shallownet_c import _engine
from shallownet_c._checks import _features, _sparse, _validation
from shallownet_c._checks._validation import Array
from shallownet_c._engine import Piece
from shallownet_c._fitting import _targets
from shallownet_c._model import Model

#: How much of an X that is not in memory is read at a time.
PIECE_BYTES = 1 << 22
#: For at most so many rows of a file is there a number for each in memory, such as its place in a random order.
NUMBERED_ROWS = 1 << 24
#: Rows that are looked at for advice, at most.
SAMPLE_ROWS = 1_000


def check(model: Model, X: Any, Y: Any, weights: Any, all_zero: bool = False) -> Piece:
    """The rows as the kernels take them; with `all_zero` the weights may be 0 in all of them.

    Raises
    ------
    ValueError, TypeError
        If they are not what the model takes; the first bad row is named.
    """
    sparse = _sparse.is_sparse(X)
    X = (_sparse if sparse else _validation).rows("X", X, model.sizes[0], model.dtype)
    if len(X) == 0:
        raise ValueError("X must have at least one row, got none")
    if sparse:
        _sparse.refuse_nonfinite("X", X)
    else:
        _validation.refuse_nonfinite("X", X, _engine.first_nonfinite)
    Y, classes = _targets.check(model, Y, len(X))
    if weights is not None:
        weights = _validation.sample_weights(weights, len(X), model.dtype, all_zero)
    return Piece(X, Y, classes, weights)


class ShuffledChunks:
    """What makes chunks, as a function without arguments does, and can make them in another order in each epoch."""

    #: The names of the columns of X in every chunk.
    columns: list[str]
    #: A checksum of what the chunks and their order follow from.
    fingerprint: int

    def __call__(self) -> Iterable[tuple[Any, ...]]:
        """The chunks of a pass over all rows, in their own order."""
        raise NotImplementedError

    def shuffled(self, rng: Any) -> Iterable[tuple[Any, ...]]:
        """The chunks of a pass over all rows, in an order drawn from `rng`."""
        raise NotImplementedError


class Source:
    """What the sources share: rows for a model, whose parameters a training changes as it reads, and the names of their
    columns."""

    m: int | None
    #: All rows, if they are in memory.
    piece: Piece
    #: The numbers of the rows that an epoch takes, if these are not all rows once.
    chosen: Array | None = None
    #: Whether the rows have weights of their own.
    weighted = False
    #: Whether all rows are one piece, in memory or mapped into it.
    in_memory = False
    #: Whether the pieces are parts of a whole batch, whose gradients are to be added up.
    whole_batch_in_pieces = False

    def __init__(self, model: Model, params: Array, names: _features.Names) -> None:
        self.model, self.params, self.names = model, params, names

    @functools.cached_property
    def fingerprint(self) -> int:
        """A checksum of some rows, by which changed data are likely to be seen; 0 where they come anew each time."""
        if self.m is None:
            return 0
        piece = next(iter(self.pieces(None, self.m, None)))
        chosen = np.linspace(0, len(piece.X) - 1, 16).astype(np.intp)
        arrays = (array for array in piece[:4] if array is not None)
        return functools.reduce(lambda sum, array: zlib.crc32(array[chosen].tobytes(), sum), arrays, 0)

    def pieces(self, order: Any, batch: Any, rng: Any) -> Iterator[Piece]:
        """All rows, in `order`, whose slices are arrays of row numbers; whole batches in each piece but the last."""
        raise NotImplementedError

    def checked(self, X: Any, Y: Any, weights: Any, all_zero: bool = False) -> Piece:
        """The rows as the kernels take them; a first table brings the names of its columns."""
        found = self.names.checked(X)
        piece = check(self.model, X, Y, weights, all_zero)
        self.names.known = found
        self.refuse_views(piece.given)
        return piece

    def refuse_views(self, arrays: dict[str, Array | None]) -> None:
        """Raise an error if one of the arrays is a view of the parameters."""
        for name, array in arrays.items():
            if array is not None:
                _validation.refuse_overlap(name, array, {"the network's params": self.params})

    def sums(
        self,
        grad: Array | None,
        n_threads: int,
        model: Model | None = None,
        training: bool = False,
        label_smoothing: float = 0.0,
        stop: Array | None = None,
    ) -> tuple[float, float]:
        """Σ w L and Σ w over all rows, as `_engine.gradient` has them, of the source's own model or a capped one."""
        net = _engine.network(self.model if model is None else model, self.params)
        loss_sum = weight_sum = 0.0
        for piece in self.pieces(None, self.m or 1, None):
            if grad is not None:
                _validation.refuse_overlap("grad", grad, piece.given)
            sums = _engine.gradient(net, piece, grad, n_threads, training, label_smoothing, stop)
            loss_sum, weight_sum = loss_sum + sums[0], weight_sum + sums[1]
        return loss_sum, weight_sum


class Rows(Source):
    """Arrays in memory, or mapped into it, that have been checked: the kernels take them as they are."""

    in_memory = True

    def __init__(self, model: Model, params: Array, names: _features.Names, piece: Piece) -> None:
        super().__init__(model, params, names)
        self.piece, self.m, self.chosen = piece, piece.m, piece.order
        self.weighted = piece.weights is not None

    def pieces(self, order: Array | None, _batch: int, _rng: object) -> Iterator[Piece]:
        yield self.piece if order is None else self.piece._replace(order=order)


class Lazy(Source):
    """Rows of an object with shape, dtype and the array protocol (h5py, zarr, a mapped file of another dtype or of very
    many rows), a few megabytes at a time; every row is read and checked once before the training."""

    m: int
    whole_batch_in_pieces = True

    def __init__(self, model: Model, params: Array, names: _features.Names, X: Any, Y: Any, weights: object) -> None:
        super().__init__(model, params, names)
        self.X = X
        self.m, width = X.shape[0], model.sizes[0]
        if X.shape[1] != width:
            remedy = _validation.made_rows("X", tuple(X.shape), width)
            raise ValueError(f"X must have shape (m, {width}), got {tuple(X.shape)}{remedy}")
        self.Y = _validation.as_array("Y", Y)
        self.weights = None
        if len(self.Y.shape) not in (1, 2) or self.Y.shape[0] != self.m:
            raise ValueError(f"Y must have {self.m} rows to go with X, got the shape {tuple(self.Y.shape)}")
        if weights is not None:
            self.weighted = True
            self.weights = _validation.sample_weights(weights, self.m, model.dtype)
            self.refuse_views({"sample_weight": self.weights})
        if self.m == 0:
            raise ValueError("X must have at least one row, got none")
        for _ in self.pieces(None, 1, None):
            pass

    def pieces(self, order: Any, batch: int, _rng: object) -> Iterator[Piece]:
        """Pieces of whole batches, a few megabytes each; a full batch comes in several pieces."""
        rows = rows_at_a_time(self.model)
        if batch < self.m:
            rows = max(1, rows // batch) * batch
        for first in range(0, self.m, rows):
            taken = slice(first, min(first + rows, self.m)) if order is None else order[first : first + rows]
            try:
                X = _taken(self.X, taken)
                piece = self.checked(X, self.Y[taken], None)
            except (TypeError, ValueError) as error:
                where = f" of those from row {first} on" if order is None else ""
                raise _validation.retold(error, f"{error}{where}") from None
            yield piece if self.weights is None else piece._replace(weights=self.weights[taken])


class Chunks(Source):
    """(X, Y) or (X, Y, weights) that a function's result yields, anew for each pass; m is not known beforehand."""

    m = None

    def __init__(
        self, model: Model, params: Array, names: _features.Names, factory: Callable[[], Iterable[tuple[Any, ...]]]
    ) -> None:
        super().__init__(model, params, names)
        self.factory = factory
        #: Some rows of the first chunk, once it has come.
        self.sample: Piece | None = None
        if isinstance(factory, ShuffledChunks):
            names.known = names.checked(factory)

    @property
    def fingerprint(self) -> int:
        return self.factory.fingerprint if isinstance(self.factory, ShuffledChunks) else 0

    def pieces(self, _order: Array | None, batch: int | None, rng: Any) -> Iterator[Piece]:
        empty = True
        factory = self.factory
        chunks = factory.shuffled(rng) if isinstance(factory, ShuffledChunks) and rng is not None else factory()
        if not isinstance(chunks, Iterable):
            raise TypeError(f"X, a function, must return an iterable of chunks, got {_validation.shown(chunks)}")
        for chunk in chunks:
            if not isinstance(chunk, (tuple, list)) or len(chunk) not in (2, 3):
                raise TypeError("X, a function, must return an iterable of chunks (X, Y) or (X, Y, sample_weight)")
            X, Y, *given = chunk
            if _sparse.is_sparse(X):
                X = _sparse.rows("X", X, self.model.sizes[0], self.model.dtype)
            if (X if isinstance(X, _sparse.SparseRows) else _validation.as_array("X", X)).shape[:1] == (0,):
                continue
            piece = self.checked(X, Y, given[0] if given else None, all_zero=True)
            if self.sample is None:
                # Whoever yields a chunk may write the next one to the same array.
                X, *others = some_rows(piece)
                self.sample = Piece(X.copy(), *(None if array is None else array.copy() for array in others))
            if rng is not None and batch is not None and batch < len(piece.X):
                piece = piece._replace(order=rng.permutation(len(piece.X)).astype(np.int64, copy=False))
            empty = False
            yield piece
        if empty:
            raise ValueError("X, a function, must yield at least one chunk each time it is called, got none")


def some_rows(piece: Piece) -> Piece:
    """At most SAMPLE_ROWS rows from all over the piece."""
    step = -(-piece.m // SAMPLE_ROWS)
    taken = slice(None, None, step) if piece.order is None else piece.order[::step]
    X = piece.X[taken]
    X = np.ascontiguousarray(X) if isinstance(X, np.ndarray) else X
    return Piece(X, *(None if array is None else np.ascontiguousarray(array[taken]) for array in piece[1:4]))


def rows_at_a_time(model: Model) -> int:
    """How many rows make a piece of a few megabytes."""
    return max(1, PIECE_BYTES // (model.dtype.itemsize * model.sizes[0]))


def in_pieces(X: Any, model: Model) -> Iterator[tuple[slice, Array]]:
    """Rows that are not in memory, a few megabytes at a time, and their places."""
    step = rows_at_a_time(model)
    for first in range(0, len(X), step):
        rows = slice(first, min(first + step, len(X)))
        yield rows, _taken(X, rows)


def is_lazy(array: object, dtype: np.dtype[Any]) -> bool:
    """Whether rows of the array are better read when they are needed than all converted at once."""
    if isinstance(array, np.memmap):
        return not (array.dtype == dtype and array.flags.c_contiguous and array.flags.aligned)
    # Tables of pandas are in memory, and would take an index for a label; converted to arrays they have no labels.
    # What DLPack exports is in memory, too.
    if isinstance(array, np.ndarray) or hasattr(array, "iloc") or hasattr(array, "__dlpack__"):
        return False
    if _sparse.is_sparse(array):
        return False
    return all(hasattr(array, name) for name in ("__array__", "__getitem__", "shape", "dtype"))


def is_in_pieces(array: Any, dtype: np.dtype[Any]) -> bool:
    """Whether a fit reads rows of the array when it needs them: a mapped one of very many rows, too."""
    return is_lazy(array, dtype) or (isinstance(array, np.memmap) and array.ndim > 0 and len(array) > NUMBERED_ROWS)


def source(
    model: Model, params: Array, X: Any, Y: object, weights: object, names: _features.Names | None = None
) -> Source:
    """The source that goes with the arguments of a fit.

    Its tables must have the columns of `names`; the first one brings them where there are none.
    """
    names = _features.Names() if names is None else names
    if callable(X):
        if Y is not None or weights is not None:
            raise TypeError("Y and sample_weight must be left out where X is a function: its chunks hold them")
        return Chunks(model, params, names, X)
    if Y is None:
        raise TypeError("Y must be given with an array X")
    if is_in_pieces(X, model.dtype) and len(X.shape) == 2:
        return Lazy(model, params, names, X, Y, weights)
    return Rows(model, params, names, Source(model, params, names).checked(X, Y, weights))


def _taken(X: Any, rows: slice | Array) -> Array:
    """The rows as an array in memory. They are asked for in increasing order, as files such as HDF5 require."""
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
