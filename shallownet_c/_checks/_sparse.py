"""Sparse rows: their checks, and CSR as the kernels take it. No library of sparse matrices is imported."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from shallownet_c._checks import _validation
from shallownet_c._checks._validation import Array

#: What CSR is made of.
PARTS = ("data", "indices", "indptr", "shape")
INT32, INT64 = np.dtype(np.int32), np.dtype(np.int64)
#: Columns that an index of 32 bits can tell apart.
MOST_COLUMNS = 2**31 - 1


class SparseRows:
    """Checked rows in CSR: row i holds data[j] in column indices[j], for indptr[i] ≤ j < indptr[i + 1], and zeros.

    Columns may come in any order, more than once (their numbers are added up) or with a zero. The kernels follow
    `indices` (int32) and `indptr` (int64) unchecked, which is why both are copies that nobody else can write to; `data`
    need not be one.
    """

    __slots__ = PARTS

    def __init__(self, data: Array, indices: Array, indptr: Array, shape: tuple[int, int]) -> None:
        self.data, self.indices, self.indptr, self.shape = data, indices, indptr, shape

    @property
    def dtype(self) -> np.dtype[Any]:
        dtype: np.dtype[Any] = self.data.dtype
        return dtype

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice | Array) -> Self:
        """Those rows, in that order."""
        numbers = np.arange(len(self))[rows]
        starts, lengths = self.indptr[numbers], np.diff(self.indptr)[numbers]
        indptr = np.concatenate((np.zeros(1, INT64), np.cumsum(lengths)))
        places = np.repeat(starts - indptr[:-1], lengths) + np.arange(indptr[-1])
        return type(self)(self.data[places], self.indices[places], indptr, (len(numbers), self.shape[1]))

    def copy(self) -> Self:
        return type(self)(self.data.copy(), self.indices, self.indptr, self.shape)

    def tobytes(self) -> bytes:
        return self.data.tobytes() + self.indices.tobytes() + self.indptr.tobytes()

    def place(self, j: int) -> tuple[int, int]:
        """The row and the column of data[j]."""
        return int(np.searchsorted(self.indptr, j, "right")) - 1, int(self.indices[j])

    def extremes(self) -> tuple[float, float]:
        """The least and the greatest number, 0 being one of them."""
        least, greatest = _validation.extremes(self.data) if len(self.data) else (0.0, 0.0)
        return min(least, 0.0), max(greatest, 0.0)

    def ranges(self) -> tuple[Array, Array]:
        """The least and the greatest number of each column, 0 being one of them."""
        lows, highs = np.zeros(self.shape[1], self.dtype), np.zeros(self.shape[1], self.dtype)
        np.minimum.at(lows, self.indices, self.data)
        np.maximum.at(highs, self.indices, self.data)
        return lows, highs


def is_sparse(X: object) -> bool:
    """Whether X holds rows in a sparse form: it is what `tocsr` makes CSR of, or has the parts of CSR."""
    kind = type(X)
    if kind is SparseRows or hasattr(kind, "tocsr"):
        return True
    # Tables have attributes for columns, which may have any name.
    return not hasattr(kind, "__array__") and all(hasattr(X, part) for part in PARTS)


def refuse(name: str, X: object) -> None:
    """Raise an error for sparse rows, with the remedy."""
    if is_sparse(X):
        remedy = f": {name}.toarray() is one" if hasattr(X, "toarray") else ""
        raise TypeError(f"{name} must be a dense array, got {type(X).__name__}{remedy}")


def rows(name: str, X: Any, width: int, dtype: np.dtype[Any]) -> SparseRows:
    """Sparse X as (m, width) rows of that dtype; NaN and infinities may be among its numbers.

    Raises
    ------
    ValueError, TypeError
        If it is none, or not of that width.
    """
    if type(X) is SparseRows and X.shape[1] == width and X.dtype == dtype:
        return X
    kind = type(X).__name__
    X = X.tocsr() if hasattr(type(X), "tocsr") else X
    if getattr(X, "format", "csr") != "csr":
        found = _validation.shown(X.format)
        raise TypeError(f"{name} must be CSR where it has no method tocsr, got {kind} of format {found}")
    shape = _shape(name, X.shape, width)
    indptr = _integers(f"{name}.indptr", X.indptr, INT64)
    data = _validation.as_array(f"{name}.data", X.data)
    indices = _integers(f"{name}.indices", X.indices, None)
    if data.ndim != 1:
        raise ValueError(f"{name}.data must have one dimension, got {data.shape}: {kind} is not CSR")
    _check_starts(name, indptr, shape[0], min(len(data), len(indices)))
    count = int(indptr[-1])
    if width > MOST_COLUMNS:
        raise ValueError(f"{name} must have at most {MOST_COLUMNS} columns where it is sparse, got {width}")
    indices = indices[:count]
    if count:
        least, greatest = _validation.extremes(indices)
        if least < 0 or greatest >= width:
            j = int(np.argmax((indices < 0) | (indices >= width)))
            row = int(np.searchsorted(indptr, j, "right")) - 1
            raise ValueError(f"{name}.indices must hold columns 0 … {width - 1}, got {indices[j]} in row {row}")
    data = _validation.numbers(f"{name}.data", data[:count], dtype)
    return SparseRows(data, indices.astype(INT32, copy=False), indptr, shape)


def refuse_nonfinite(name: str, X: SparseRows) -> None:
    """Raise an error that names the place of the first NaN or infinity, if there is one."""
    finite = np.isfinite(X.data)
    if not finite.all():
        j = int(np.argmin(finite))
        row, column = X.place(j)
        raise ValueError(f"{name} must be finite, got {X.data[j]} in row {row}, column {column} (as {X.dtype})")


def _shape(name: str, shape: Any, width: int) -> tuple[int, int]:
    items = _validation.sequence(f"{name}.shape", shape, "integers")
    sizes = tuple(_validation.integer(f"{name}.shape", n, 0) for n in items)
    if len(sizes) != 2 or sizes[1] != width:
        one = f"; one sample is one row: {name}.reshape(1, -1)" if sizes == (width,) else ""
        remedy = one or _validation.made_rows(name, sizes, width)
        raise ValueError(f"{name} must have shape (m, {width}), got {sizes}{remedy}")
    return sizes[0], sizes[1]


def _integers(name: str, value: object, dtype: np.dtype[Any] | None) -> Array:
    """The value as a copy (k,) of integers, of that dtype or of their own."""
    array = _validation.as_array(name, value).copy()
    if array.dtype.kind not in "iu" or array.ndim != 1:
        raise TypeError(f"{name} must be integers in one dimension, got {_validation.shown(value)}")
    return array if dtype is None else array.astype(dtype, copy=False)


def _check_starts(name: str, indptr: Array, m: int, most: int) -> None:
    """Raise an error unless indptr has the beginnings of m rows, and their end, within `most` numbers."""
    if len(indptr) != m + 1:
        raise ValueError(f"{name}.indptr must have {m + 1} elements for {m} rows, got {len(indptr)}")
    bad = np.flatnonzero(indptr[1:] < indptr[:-1])
    if indptr[0] != 0 or len(bad):
        got = f"{indptr[0]} first" if indptr[0] != 0 else f"{indptr[bad[0] + 1]} after {indptr[bad[0]]} in row {bad[0]}"
        raise ValueError(f"{name}.indptr must begin with 0 and never go down, got {got}")
    if indptr[-1] > most:
        raise ValueError(f"{name}.data and {name}.indices must have {indptr[-1]} elements, as indptr says, got {most}")
