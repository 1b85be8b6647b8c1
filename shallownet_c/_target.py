"""The column to predict: its cells as they were read, and what they are taken for."""

import math
from array import array
from collections.abc import Iterator
from typing import Any

import numpy as np

from shallownet_c._input import InputError, brief

Array = np.ndarray[Any, Any]

#: A whole-numbered target with more values than this is taken for a number to predict.
MOST_CLASSES = 20
#: A softmax output has one unit for each class.
MOST_OUTPUTS = 1 << 16


class TextColumn:
    """Cells as they were written, in pieces of text, since a str for each would take ten times as much memory."""

    def __init__(self, name: str, unit: str) -> None:
        self.name, self.unit = name, unit
        self.pieces: list[str] = []
        self.places = array("q")

    def add(self, cells: list[str], places: list[int]) -> None:
        """Append cells, and the numbers of the lines, or rows, that they stand in."""
        piece = "\n".join(cells)
        if piece.count("\n") >= len(cells) or "\r" in piece:
            i = next(i for i, cell in enumerate(cells) if "\n" in cell or "\r" in cell)
            cell = f"{self.unit} {places[i]}: {brief(cells[i])}"
            raise InputError(f"{self.name}: {cell} has a line break, and predictions are one a line")
        self.pieces.append(piece)
        self.places.extend(places)

    def __len__(self) -> int:
        return len(self.places)

    def __iter__(self) -> Iterator[str]:
        for piece in self.pieces:
            yield from piece.split("\n")

    def numbers(self) -> Array:
        """Each cell's number, NaN where it is none."""
        return np.fromiter(map(as_number, self), float, len(self))

    def codes(self) -> tuple[Array, list[str]]:
        """Each cell as the number of one of the texts, which are in the order of their first cells."""
        known: dict[str, int] = {}
        codes = array("i")
        for piece in self.pieces:
            codes.extend([known.setdefault(cell, len(known)) for cell in piece.split("\n")])
            if len(known) > MOST_OUTPUTS:
                raise InputError(f"{self.name} has more than {MOST_OUTPUTS} different labels, too many for classes")
        return np.frombuffer(codes, np.intc), list(known)

    def cell(self, i: int) -> str:
        """The i-th cell for a message, and where it is."""
        return f"{self.unit} {self.places[i]}: {brief(next(cell for k, cell in enumerate(self) if k == i))}"


def as_number(cell: str) -> float:
    """The finite number that a cell is, else NaN."""
    try:
        number = float(cell)
    except ValueError:
        return math.nan
    # float() takes 1_000 for a thousand, which no other program writes
    return number if math.isfinite(number) and "_" not in cell else math.nan


def decide(column: TextColumn | Array, task: str | None) -> tuple[list[str] | None, Array]:
    """The classes and each row's, or None and the numbers to predict: as the task says, or as the cells look."""
    if isinstance(column, TextColumn):
        values = column.numbers()
        if not np.isnan(values).any():
            column = values if not _are_whole(values) else values.astype(np.int64)
        elif task == "regression":
            first = column.cell(int(np.argmax(np.isnan(values))))
            raise InputError(f"{column.name} must be numbers for a regression: {first}")
        else:
            codes, texts = column.codes()
            classes = sorted(texts)
            ranks = {text: i for i, text in enumerate(classes)}
            return classes, np.array([ranks[text] for text in texts])[codes]
    if task is None:
        task = _guess(column)
    if task == "regression":
        return None, column.astype(float)
    labels, y = np.unique(column, return_inverse=True)
    return [str(label) for label in labels], y


def _guess(y: Array) -> str:
    if y.dtype.kind in "fiu":
        values = np.unique(y)
        if len(values) > MOST_CLASSES or not _are_whole(values):
            return "regression"
    return "classification"


def _are_whole(y: Array) -> bool:
    """Whether all are integers; a float64 from 2**53 on always is one, which says nothing about what it stands for."""
    return bool((y == np.round(y)).all() and (y.dtype.kind != "f" or np.abs(y).max() < 2**53))
