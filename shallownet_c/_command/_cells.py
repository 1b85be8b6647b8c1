"""A column as a file has it: cells of text, or values that have a type already."""

from __future__ import annotations  # evaluated, array[float] would need Python 3.12

import abc
from array import array
from collections.abc import Sequence
from typing import Any

import numpy as np

from shallownet_c._command._input import InputError, brief

Array = np.ndarray[Any, Any]

#: Between the cells of a piece; no cell holds it, since a file with it is refused as no text.
_BETWEEN = "\0"


class Cells(abc.ABC):
    """The cells of one column."""

    @abc.abstractmethod
    def __len__(self) -> int: ...

    @abc.abstractmethod
    def floats(self) -> Array | None:
        """All cells as numbers (m,), NaN for those that are blank; None if one is anything else or is infinite."""

    @abc.abstractmethod
    def raw_codes(self) -> tuple[Array, list[str]]:
        """Each cell as the number of one of the texts."""

    def codes(self) -> tuple[Array, list[str]]:
        """Each cell as the number of one of the texts, without blanks around, in the order of their first cells."""
        codes, raw = self.raw_codes()
        texts: dict[str, int] = {}
        merged = np.array([texts.setdefault(text.strip(), len(texts)) for text in raw], np.int32)
        return codes if len(texts) == len(raw) else merged[codes], list(texts)


class TextCells(Cells):
    """Cells as they were written, in pieces of text, since a str for each would take ten times as much memory."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.m = 0

    def add(self, cells: Sequence[str]) -> None:
        """Add cells to the end."""
        self.pieces.append(_BETWEEN.join(cells))
        self.m += len(cells)

    def put_first(self, cell: str) -> None:
        """Add the first row's cell."""
        self.pieces.insert(0, cell)
        self.m += 1

    def __len__(self) -> int:
        return self.m

    def floats(self) -> Array | None:
        numbers = array("d")
        for piece in self.pieces:
            if "_" in piece:
                return None  # float() takes 1_000 for a thousand, which no other program writes
            try:
                numbers.extend([float(cell) for cell in piece.split(_BETWEEN)])
            except ValueError:
                try:
                    numbers.extend([float(cell.strip() or "nan") for cell in piece.split(_BETWEEN)])
                except ValueError:
                    return None
        values = np.frombuffer(numbers)
        return None if np.isinf(values).any() else values

    def raw_codes(self) -> tuple[Array, list[str]]:
        known: dict[str, int] = {}
        codes = array("i")
        for piece in self.pieces:
            codes.extend([known.setdefault(cell, len(known)) for cell in piece.split(_BETWEEN)])
        return np.frombuffer(codes, np.intc), list(known)


class ArrowCells(Cells):
    """Cells of text that pyarrow holds, the first left out: what `TextCells` says of them, in less time.

    What would make a scalar or an array from Python's objects is avoided: it imports pandas, which takes longer than
    all the rest.
    """

    def __init__(self, column: Any, without_first: bool = False) -> None:
        self.whole = column
        self.column = column.slice(1) if without_first else column

    def put_first(self, cell: str) -> None:
        """Take the first row's cell, which is there already."""
        self.column = self.whole

    def __len__(self) -> int:
        return len(self.column)

    def floats(self) -> Array | None:
        import pyarrow as pa

        try:
            column = self.column.cast(pa.float64())
        except pa.ArrowInvalid:
            return None
        values = arrow_numbers(column)
        return None if np.isinf(values).any() else values

    def raw_codes(self) -> tuple[Array, list[str]]:
        encoded = self.column.dictionary_encode(null_encoding="encode").unify_dictionaries()
        if not encoded.num_chunks:
            return np.zeros(0, np.int32), []
        codes = [_buffer(chunk.indices, np.int32) for chunk in encoded.chunks]
        return np.concatenate(codes), [text or "" for text in encoded.chunk(0).dictionary.to_pylist()]


class NumberCells(Cells):
    """Numbers, or booleans, as an array held them."""

    def __init__(self, values: Array, missing: Array | None = None) -> None:
        self.values, self.missing = values, missing

    def __len__(self) -> int:
        return len(self.values)

    def floats(self) -> Array | None:
        values = self.values.astype(np.float64)
        if self.missing is not None:
            values[self.missing] = np.nan
        return None if np.isinf(values).any() else values

    def raw_codes(self) -> tuple[Array, list[str]]:
        labels, codes = np.unique(self.values, return_inverse=True)
        texts = ["" if label != label else str(label) for label in labels]
        if self.missing is not None:
            codes = np.where(self.missing, len(texts), codes)
            texts.append("")
        return codes.astype(np.int32), texts


class OtherCells(Cells):
    """Cells of a type that is neither text nor numbers."""

    def __init__(self, m: int, kind: str) -> None:
        self.m, self.kind = m, kind

    def __len__(self) -> int:
        return self.m

    def floats(self) -> Array | None:
        return None

    def raw_codes(self) -> tuple[Array, list[str]]:
        raise InputError(f"it holds {brief(self.kind)}, which is neither text nor numbers")


def arrow_numbers(column: Any) -> Array:
    """A chunked array of float64, NaN where it is null."""
    pieces = []
    for chunk in column.chunks:
        values = _buffer(chunk, np.float64)
        if chunk.null_count:
            valid = np.unpackbits(np.frombuffer(chunk.buffers()[0], np.uint8), bitorder="little")
            values = np.where(valid[chunk.offset : chunk.offset + len(chunk)], values, np.nan)
        pieces.append(values)
    return np.concatenate(pieces) if pieces else np.zeros(0)


def _buffer(chunk: Any, dtype: type) -> Array:
    """The values of an array of a primitive type, without pyarrow's way to NumPy, which imports pandas."""
    if not len(chunk):
        return np.zeros(0, dtype)
    return np.frombuffer(chunk.buffers()[1], dtype)[chunk.offset : chunk.offset + len(chunk)]
