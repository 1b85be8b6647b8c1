"""The column to predict: which rows have it, and what it is taken for."""

import dataclasses
import itertools
import math
import re
from collections.abc import Iterable, Sized
from typing import Any, NoReturn

import numpy as np

from shallownet_c._command._cells import NumberCells
from shallownet_c._command._guess import MISSING, a_date, as_number, is_like_a_number
from shallownet_c._command._input import InputError, brief, listed
from shallownet_c._command._tables import Table

Array = np.ndarray[Any, Any]

#: A whole-numbered target with more values than this is taken for a number to predict.
MOST_CLASSES = 20
#: A softmax output has one unit for each class.
MOST_OUTPUTS = 1 << 16

#: 007, or so many digits that float64 may not hold them all.
_CODE = re.compile(r"[+-]?(0\d+|\d{16,})")

FEW = ", since its values are few and whole; --task regression takes them as numbers"
MANY = ", since its values are many; --task classification takes them as labels"


@dataclasses.dataclass
class Decision:
    """What a column is taken for: y, numbers of classes, or, where there are no classes, numbers to predict."""

    classes: list[str] | None
    #: Of the rows that have a target, whose numbers in the table are `rows`.
    y: Array
    rows: Array
    why: str = ""

    def __str__(self) -> str:
        if self.classes is None:
            return "numbers" + self.why
        shown = self.classes if len(self.classes) <= 6 else [*self.classes[:4], "…", self.classes[-1]]
        return f"{len(self.classes)} classes ({listed(shown)}){self.why}"


class Target:
    """Column k of a table, which `wanted` asked for by name, by number or, being None, as the last."""

    def __init__(self, table: Table, k: int, wanted: str | None) -> None:
        self.table, self.k, self.name = table, k, _name(table, k, wanted)

    def refuse(self, what: str) -> NoReturn:
        raise InputError(f"{self.table.source}: {self.name}: {what}")

    def decide(self, task: str | None) -> Decision:
        """The target as a classification or a regression: as the task says, or, without one, as its cells look.

        Rows whose cell is blank are left out, and so are those with a sign of a missing value among numbers.

        Raises
        ------
        InputError
            If the cells do not go with the task or, without one, look like neither task or like both.
        """
        cells = self.table.cells[self.k]
        if isinstance(cells, NumberCells):
            values = cells.values
            missing = (values != values) if cells.missing is None else cells.missing
            rows = self._rows(missing)
            return self._decide_values(values[rows], rows, task)
        guess = self.table.guess(self.k)
        if guess.kind in ("numbers", "empty") and guess.values is not None and task != "classification":
            rows = self._rows(np.isnan(guess.values))
            if task == "regression":
                return Decision(None, guess.values[rows], rows)
            return self._guess_from_numbers(guess.values[rows], rows)
        codes, texts = cells.codes()
        texts_at = _Texts(self.table, codes, texts)
        if task == "regression":
            bad = next(t for t in texts if t not in MISSING and math.isnan(as_number(t, self.table.decimal)))
            self.refuse(f"{texts_at.first(bad)}, which is not a number, and a regression needs numbers")
        rows = self._rows(codes == texts.index("") if "" in texts else np.zeros(len(codes), bool))
        if task is None:
            self._refuse_doubtful_labels(texts_at, guess.kind)
        _refuse_too_many(self, texts)
        return _classes(codes[rows], texts, rows)

    def _rows(self, missing: Array) -> Array:
        rows = np.flatnonzero(~missing)
        if not len(rows):
            self.refuse("it has no values")
        return rows

    def _decide_values(self, y: Array, rows: Array, task: str | None) -> Decision:
        why = ""
        if task is None and y.dtype.kind != "b":
            distinct = np.unique(y)
            task, why = ("classification", FEW) if _are_classes(distinct) else ("regression", "")
            if task == "regression" and _are_whole(distinct):
                why = MANY
                if max(int(distinct[-1]), -int(distinct[0])) > 2**53:
                    self.refuse(
                        "float64 does not hold all of its whole numbers: --task classification takes them as labels, "
                        "--task regression rounds them"
                    )
        if task == "regression":
            return Decision(None, y.astype(float), rows, why)
        labels, codes = np.unique(y, return_inverse=True)
        _refuse_too_many(self, labels)
        return Decision([str(label) for label in labels], _small(codes, labels), rows, why)

    def _guess_from_numbers(self, values: Array, rows: Array) -> Decision:
        distinct = np.unique(values)
        if not (distinct == np.round(distinct)).all():
            return Decision(None, values, rows)
        codes, texts = self.table.cells[self.k].codes()
        texts_at = _Texts(self.table, codes, texts)
        there = [text for text in texts if text not in MISSING]
        if _are_classes(distinct):
            if len(there) > len(distinct):
                there.sort(key=as_number)  # a stable order: of those of one number the first to occur is first
                one, other = next(
                    pair for pair in itertools.pairwise(there) if as_number(pair[0]) == as_number(pair[1])
                )
                self.refuse(
                    f"{texts_at.first(one)}, {texts_at.first(other)}: --task classification takes them as two classes, "
                    f"--task regression as one number"
                )
            return _classes(codes[rows], texts, rows, FEW)
        code = next(filter(_CODE.fullmatch, there), None)
        if code is not None:
            self.refuse(
                f"{texts_at.first(code)}, as numbers of things are written: --task classification takes its cells as "
                f"labels, --task regression as numbers"
            )
        return Decision(None, values, rows, MANY)

    def _refuse_doubtful_labels(self, column: "_Texts", kind: str) -> None:
        texts = [text for text in column.texts if text]
        numbers = [text for text in texts if not math.isnan(as_number(text, self.table.decimal))]
        words = [text for text in texts if text not in MISSING and math.isnan(as_number(text, self.table.decimal))]
        if numbers and words:
            self.refuse(
                f"{column.first(words[0])}, which is not a number, but {column.first(numbers[0])}: mend such cells, or "
                f"--task classification takes all of them as labels"
            )
        if kind == "dates":
            self.refuse(
                f"{column.first(words[0])}, {a_date(words[0])}; --target names another column, and --task "
                f"classification takes such cells as labels"
            )
        for text in texts:
            if text in MISSING or is_like_a_number(text):
                like = f"1234{self.table.decimal}5"
                may_be, remedy = "a number", f"write such cells like {like}, without other signs"
                if text in MISSING:
                    may_be, remedy = "a missing value", "leave such cells blank"
                self.refuse(
                    f"{column.first(text)}, which may be {may_be}: {remedy}, or --task classification takes them as "
                    f"labels"
                )
        if len(texts) > MOST_CLASSES and 2 * len(texts) > len(column.codes):
            self.refuse(
                f"{len(texts)} different texts in {len(column.codes)} rows do not look like classes: --task "
                f"classification takes them as such"
            )


@dataclasses.dataclass
class _Texts:
    """Where texts stand in a table."""

    table: Table
    codes: Array
    texts: list[str]

    def first(self, text: str) -> str:
        """Where the first of the cells with a text is, and what it holds."""
        row = int(np.argmax(self.codes == self.texts.index(text)))
        return f"{self.table.where(row)} holds {brief(text)}"


def _name(table: Table, k: int, wanted: str | None) -> str:
    """What messages call the target."""
    if table.is_array:
        return table.label(k)
    if table.names is None:
        return f"target column {k}"
    by_number = int(wanted) if wanted is not None and wanted.isdecimal() and len(wanted) < 9 else None
    other = by_number if by_number is not None and by_number < len(table.cells) and by_number != k else None
    return f"target {brief(table.names[k])}" + (
        f" (by its name, column {k} and not {other})" if other is not None else ""
    )


def _refuse_too_many(target: Target, labels: Sized) -> None:
    if len(labels) > MOST_OUTPUTS:
        target.refuse(f"more than {MOST_OUTPUTS} different labels are too many for classes")


def _small(codes: Array, classes: Sized) -> Array:
    """Numbers of classes in as few bytes each as they need: a fit makes a copy of its own in any case."""
    return codes.astype(np.min_scalar_type(len(classes)))


def _classes(codes: Array, texts: list[str], rows: Array, why: str = "") -> Decision:
    """The texts that occur, in the order of their numbers, if all have one, and the classes of the rows."""
    there = np.unique(codes).tolist()
    order = sorted(there, key=texts.__getitem__)
    numbers = {i: as_number(texts[i]) for i in there}
    if not any(map(math.isnan, numbers.values())):
        order.sort(key=numbers.__getitem__)
    ranks = np.empty(len(texts), np.int64)
    ranks[order] = range(len(order))
    return Decision([texts[i] for i in order], _small(ranks[codes], order), rows, why)


def coded(labels: Iterable[str], classes: list[str]) -> Array:
    """The number of the class that each label is, −1 where it is none."""
    known = {label: j for j, label in enumerate(classes)}
    return np.array([known.get(label, -1) for label in labels], np.int64)


def _are_classes(distinct: Array) -> bool:
    return len(distinct) <= MOST_CLASSES and _are_whole(distinct)


def _are_whole(y: Array) -> bool:
    """Whether all are integers; a float64 from 2**53 on always is one, which says nothing about what it stands for."""
    return bool((y == np.round(y)).all() and (y.dtype.kind != "f" or np.abs(y).max() < 2**53))
