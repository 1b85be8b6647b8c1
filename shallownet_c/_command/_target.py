"""The column to predict: its cells as they were read, and what they are taken for."""

import itertools
import math
import re
from array import array
from collections.abc import Iterable, Iterator, Sized
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from shallownet_c._command._input import InputError, brief, listed

Array = np.ndarray[Any, Any]

#: A whole-numbered target with more values than this is taken for a number to predict.
MOST_CLASSES = 20
#: A softmax output has one unit for each class.
MOST_OUTPUTS = 1 << 16

#: What stands for a missing value: pandas' list, and the question mark of the UCI repository.
MISSING = (
    *("#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA"),
    *("NULL", "NaN", "None", "n/a", "nan", "null", "?"),
)
#: What may stand around a number in another notation: < 0.1; € 5; 7 %.
_AROUND = "<>≤≥~≈=±$€£¥%‰ \t\u00a0"
#: 1,234.50 and 1.234,50; and what float() takes, but no other program: 1_000.
_OTHER_NOTATION = re.compile(r"[+\-−]?[.,]?\d[\d.,'’_\s]*([eE][+\-]?\d+)?")
#: 007, or so many digits that float64 may not hold them all.
_CODE = re.compile(r"[+-]?(0\d+|\d{16,})")

FEW = ", since its values are few and whole; --task regression takes them as numbers"
MANY = ", since its values are many; --task classification takes them as labels"


class _Column:
    def __init__(self, source: str, name: str) -> None:
        self.source, self.name = source, name

    def refuse(self, what: str) -> NoReturn:
        raise InputError(f"{self.source}: {self.name}: {what}")


class NumberColumn(_Column):
    """Numbers as an array held them."""

    def __init__(self, source: str, name: str, values: Array) -> None:
        super().__init__(source, name)
        self.values = values


class TextColumn(_Column):
    """Cells as they were written, in pieces of text, since a str for each would take ten times as much memory."""

    def __init__(self, source: str, name: str, unit: str) -> None:
        super().__init__(source, name)
        self.unit = unit
        self.pieces: list[str] = []
        self.places = array("q")

    def add(self, cells: list[str], places: list[int]) -> None:
        """Append cells, and the numbers of the lines, or rows, that they stand in."""
        piece = "\n".join(cells)
        if piece.count("\n") >= len(cells) or "\r" in piece:
            i = next(i for i, cell in enumerate(cells) if "\n" in cell or "\r" in cell)
            self.refuse(
                f"{self.unit} {places[i]} holds {brief(cells[i])}, with a line break: predictions are one a line"
            )
        self.pieces.append(piece)
        self.places.extend(places)

    def __len__(self) -> int:
        return len(self.places)

    def __iter__(self) -> Iterator[str]:
        for piece in self.pieces:
            yield from piece.split("\n")

    def count(self, text: str) -> int:
        return sum(piece.split("\n").count(text) for piece in self.pieces)

    def numbers(self) -> Array:
        """Each cell's number, NaN where it is not a number."""
        return np.fromiter(map(as_number, self), float, len(self))

    def codes(self) -> tuple[Array, list[str]]:
        """Each cell as the number of one of the texts, which are in the order of their first cells."""
        known: dict[str, int] = {}
        codes = array("i")
        for piece in self.pieces:
            codes.extend([known.setdefault(cell, len(known)) for cell in piece.split("\n")])
            if len(known) > MOST_OUTPUTS:
                self.refuse(f"more than {MOST_OUTPUTS} different labels are too many for classes")
        return np.frombuffer(codes, np.intc), list(known)

    def first(self, are_meant: Iterable[bool]) -> str:
        """Where the first of the cells that are meant is, and what it holds."""
        i = next(i for i, is_meant in enumerate(are_meant) if is_meant)
        return f"{self.unit} {self.places[i]} holds {brief(next(itertools.islice(self, i, None)))}"

    def first_of(self, text: str) -> str:
        return self.first(cell == text for cell in self)


@dataclass
class Decision:
    """What a column is taken for: y, numbers of classes, or, where there are no classes, numbers to predict."""

    classes: list[str] | None
    y: Array
    why: str = ""

    def __str__(self) -> str:
        if self.classes is None:
            return "numbers" + self.why
        shown = self.classes if len(self.classes) <= 6 else [*self.classes[:4], "…", self.classes[-1]]
        return f"{len(self.classes)} classes ({listed(shown)}){self.why}"


def as_number(cell: str) -> float:
    """The finite number that a cell is, else NaN."""
    try:
        number = float(cell)
    except ValueError:
        return math.nan
    return number if math.isfinite(number) and "_" not in cell else math.nan


def is_like_a_number(cell: str) -> bool:
    """Whether a cell is a number, in this or another notation, or one of float64's special values."""
    try:
        float(cell)
    except ValueError:
        return _OTHER_NOTATION.fullmatch(cell.strip(_AROUND)) is not None
    return True


def decide(column: TextColumn | NumberColumn, task: str | None) -> Decision:
    """The target as a classification or a regression: as the task says, or, without one, as its cells look.

    Raises
    ------
    InputError
        If the cells do not go with the task or, without one, look like neither task or like both.
    """
    return _decide_numbers(column, task) if isinstance(column, NumberColumn) else _decide_text(column, task)


def _decide_numbers(column: NumberColumn, task: str | None) -> Decision:
    y, why = column.values, ""
    if task is None and y.dtype.kind != "b":
        distinct = np.unique(y)
        task, why = ("classification", FEW) if _are_classes(distinct) else ("regression", "")
        if task == "regression" and _are_whole(distinct):
            why = MANY
            if max(int(distinct[-1]), -int(distinct[0])) > 2**53:
                column.refuse(
                    "float64 does not hold all of its whole numbers: --task classification takes them as labels, "
                    "--task regression rounds them"
                )
    if task == "regression":
        return Decision(None, y.astype(float), why)
    labels, codes = np.unique(y, return_inverse=True)
    if len(labels) > MOST_OUTPUTS:
        column.refuse(f"more than {MOST_OUTPUTS} different labels are too many for classes")
    return Decision([str(label) for label in labels], _small(codes, labels), why)


def _decide_text(column: TextColumn, task: str | None) -> Decision:
    values = column.numbers()
    bad = np.isnan(values)
    if task == "regression":
        if bad.any():
            column.refuse(f"{column.first(bad)}, which is not a number, and a regression needs numbers")
        return Decision(None, values)
    if bad.any() and not all(map(str.strip, column)):
        column.refuse(f"{column.first(not cell.strip() for cell in column)}: leave out the rows without a target")
    if task is None and not bad.any():
        return _guess_from_numbers(column, values)
    if task is None and not bad.all():
        column.refuse(
            f"{column.first(bad)}, which is not a number, but {column.first(~bad)}: mend such cells, or "
            f"--task classification takes all of them as labels"
        )
    codes, texts = column.codes()
    if task is None:
        _refuse_doubtful_labels(column, texts)
    return _classes(codes, texts)


def _guess_from_numbers(column: TextColumn, values: Array) -> Decision:
    distinct = np.unique(values)
    if _are_classes(distinct):
        codes, texts = column.codes()
        if len(texts) > len(distinct):
            texts.sort(key=as_number)  # a stable order: of those of one number the first to occur is first
            one, other = next(pair for pair in itertools.pairwise(texts) if as_number(pair[0]) == as_number(pair[1]))
            column.refuse(
                f"{column.first_of(one)}, {column.first_of(other)}: --task classification takes them as two classes, "
                f"--task regression as one number"
            )
        return _classes(codes, texts, FEW)
    if not (distinct == np.round(distinct)).all():
        return Decision(None, values)
    code = next(filter(_CODE.fullmatch, column), None)
    if code is not None:
        column.refuse(
            f"{column.first_of(code)}, as numbers of things are written: --task classification takes its cells as "
            f"labels, --task regression as numbers"
        )
    return Decision(None, values, MANY)


def _refuse_doubtful_labels(column: TextColumn, texts: list[str]) -> None:
    for text in texts:
        if text in MISSING or is_like_a_number(text):
            may_be = "a missing value" if text in MISSING else "a number, which would be written like 1234.5"
            column.refuse(
                f"{column.first_of(text)}, which may be {may_be}: --task classification takes such cells as labels"
            )
    if len(texts) > MOST_CLASSES and 2 * len(texts) > len(column):
        column.refuse(
            f"{len(texts)} different texts in {len(column)} rows do not look like classes: --task classification takes "
            f"them as such"
        )


def _small(codes: Array, classes: Sized) -> Array:
    """Numbers of classes in as few bytes each as they need: a fit makes a copy of its own in any case."""
    return codes.astype(np.min_scalar_type(len(classes)))


def _classes(codes: Array, texts: list[str], why: str = "") -> Decision:
    """The texts in the order of their numbers, if all have one, and the classes of the rows."""
    numbers = list(map(as_number, texts))
    order = sorted(range(len(texts)), key=texts.__getitem__)
    if not any(map(math.isnan, numbers)):
        order.sort(key=numbers.__getitem__)
    ranks = np.empty(len(texts), np.int64)
    ranks[order] = range(len(texts))
    return Decision([texts[i] for i in order], _small(ranks, order)[codes], why)


def _are_classes(distinct: Array) -> bool:
    return len(distinct) <= MOST_CLASSES and _are_whole(distinct)


def _are_whole(y: Array) -> bool:
    """Whether all are integers; a float64 from 2**53 on always is one, which says nothing about what it stands for."""
    return bool((y == np.round(y)).all() and (y.dtype.kind != "f" or np.abs(y).max() < 2**53))
