"""What the cells of a column are taken for, by themselves: numbers, booleans, dates, text, or what may be several."""

import math
import re
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from shallownet_c._command._cells import Cells, NumberCells

Array = np.ndarray[Any, Any]

#: What stands for a missing value: pandas' list, and the question mark of the UCI repository.
MISSING = frozenset((
    *("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA"),
    *("NULL", "NaN", "None", "n/a", "nan", "null", "?"),
))  # fmt: skip
BOOLEANS = {"false": 0.0, "true": 1.0}
#: What may stand around a number in another notation: < 0.1; € 5; 7 %.
_AROUND = "<>≤≥~≈=±$€£¥%‰ \t\u00a0"
#: 1,234.50 and 1.234,50; and what float() takes, but no other program: 1_000.
_OTHER_NOTATION = re.compile(r"[+\-−]?[.,]?\d[\d.,'’_\s]*([eE][+\-]?\d+)?")
_COMMA = re.compile(r"[+\-]?\d*,\d+([eE][+\-]?\d+)?")
_POINT = re.compile(r"[+\-]?\d*\.\d+([eE][+\-]?\d+)?")
#: 1,234: a number with a decimal comma, or a thousand and more.
_THOUSANDS = re.compile(r"[+\-]?[1-9]\d{0,2}(,\d{3})+")
_TIME = r"([T ]+\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?\s*([AaPp][Mm])?\s*(Z|[+\-]\d{2}:?\d{2})?)?"
_CLOCK = re.compile(r"\d{1,2}:\d{2}(:\d{2})?")
_DATE = re.compile(
    rf"(\d{{4}}([-/.])\d{{1,2}}\2\d{{1,2}}|\d{{1,2}}([-/.])\d{{1,2}}\3(\d{{4}}|\d{{2}})|"
    rf"\d{{1,2}}[- ][A-Za-z]{{3,9}}[- ]\d{{2,4}}|[A-Za-z]{{3,9}} \d{{1,2}},? \d{{4}}){_TIME}|" + _CLOCK.pattern
)


class Guess(NamedTuple):
    """What a column is taken for."""

    #: "numbers", "booleans", "dates", "text", "mixed" of numbers and text, or "empty".
    kind: str
    #: Numbers and booleans (m,), NaN where a cell is missing.
    values: Array | None = None
    #: Each cell as the number of a text; None where all cells are plain numbers.
    codes: Array | None = None
    texts: list[str] | None = None

    @property
    def is_number(self) -> bool:
        return self.kind in ("numbers", "booleans")


def guess(cells: Cells, decimal: str) -> Guess:
    """What the cells are taken for, where numbers are written with such a decimal sign."""
    values = cells.floats()
    if isinstance(cells, NumberCells) and cells.values.dtype.kind == "b":
        return Guess("booleans", values)
    if values is not None and (decimal == "." or isinstance(cells, NumberCells)):
        return Guess("empty" if np.isnan(values).all() else "numbers", values)
    codes, texts = cells.codes()
    return guess_from_texts(codes, texts, decimal)


def guess_from_texts(codes: Array, texts: list[str], decimal: str) -> Guess:
    numbers = np.array([as_number(text, decimal) for text in texts])
    there = np.array([text not in MISSING for text in texts], bool)
    if not there.any():
        return Guess("empty", np.full(len(codes), np.nan), codes, texts)
    words = [text for text, is_there in zip(texts, there.tolist(), strict=True) if is_there]
    finite = ~np.isnan(numbers[there])
    if finite.all():
        return Guess("numbers", numbers[codes], codes, texts)
    if finite.any():
        return Guess("mixed", None, codes, texts)
    if all(word.lower() in BOOLEANS for word in words):
        values = np.array([BOOLEANS.get(text.lower(), math.nan) for text in texts])
        return Guess("booleans", values[codes], codes, texts)
    if all(map(_DATE.fullmatch, words)):
        return Guess("dates", None, codes, texts)
    if all(map(is_like_a_number, words)):  # and not only some, such as <18 beside 18-60
        return Guess("mixed", None, codes, texts)
    return Guess("text", None, codes, texts)


def as_number(cell: str, decimal: str = ".") -> float:
    """The finite number that a cell is, else NaN."""
    if decimal != ".":
        if "." in cell:
            return math.nan
        cell = cell.replace(decimal, ".")
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


def a_date(cell: str) -> str:
    """What messages say of a cell that is a date or a time, with what to write instead."""
    if _CLOCK.fullmatch(cell):
        return "a time: write numbers instead, such as the minutes since midnight"
    return "a date: write numbers instead, such as the days since the first date, the month or the weekday"


def decimal_sign(guesses: Iterable[Guess]) -> str | None:
    """The sign that the numbers of a table are written with: a point, unless a comma makes a column numbers.

    The columns are those that are taken for something with a point. None if both signs occur in numbers, or each comma
    may as well separate thousands: the user must say which it is.
    """
    comma = point = sure = False
    for one in guesses:
        if one.values is not None:
            # A whole number may have been written with a point, too, which is found later.
            point = point or bool((np.nan_to_num(one.values) % 1).any())
            continue
        texts = [text for text in one.texts or () if text not in MISSING]
        with_comma = list(filter(_COMMA.fullmatch, texts))
        if with_comma and not any(math.isnan(as_number(text, ",")) for text in texts):
            comma = True
            sure = sure or not all(map(_THOUSANDS.fullmatch, with_comma))
        else:
            point = point or any(map(_POINT.fullmatch, texts))
    if comma and (point or not sure):
        return None
    return "," if comma else "."
