"""The command's data as a table of columns: from files of several kinds, and the sets that come with the package."""

import dataclasses
import functools
import os
from collections.abc import Callable, Collection, Iterable
from typing import Any

import numpy as np

from shallownet_c import datasets
from shallownet_c._command import _arrow_file, _guess, _header, _npz_table
from shallownet_c._command._cells import Cells, NumberCells
from shallownet_c._command._csv_file import CsvFile
from shallownet_c._command._guess import Guess
from shallownet_c._command._input import InputError, brief, listed

Array = np.ndarray[Any, Any]

TEXT_FILES = (".csv", ".tsv", ".txt")
_TAKES = f"digits, flower, or a file that ends in {', '.join((*TEXT_FILES, '.npz', *_arrow_file.ENDINGS[:-1]))}"
_TAKES += f" or {_arrow_file.ENDINGS[-1]}"
PACKED = (".zip", ".gz", ".bz2", ".xz", ".zst", ".7z", ".rar")


@dataclasses.dataclass(frozen=True)
class Reading:
    """What the user has said of how a table is to be read."""

    header: str = "auto"
    delimiter: str | None = None
    decimal: str = "auto"
    #: Columns to leave out, and columns of numbers that are categories, by name or by number.
    drop: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()


@dataclasses.dataclass
class Table:
    """The columns, by their places in the file; those of a file without names have only numbers, from 0."""

    source: str
    reading: Reading
    names: list[str] | None
    cells: list[Cells]
    #: Where a row stands in the file: "line 7", "row 6".
    where: Callable[[int], str]
    #: Whether it is made of arrays, X and perhaps y, which then is the last column.
    is_array: bool = False
    has_y: bool = False
    decimal: str = "."
    #: What there is to say of the reading.
    notes: list[str] = dataclasses.field(default_factory=list)
    _guesses: dict[int, Guess] = dataclasses.field(default_factory=dict)

    @property
    def m(self) -> int:
        return len(self.cells[0])

    def guess(self, k: int) -> Guess:
        """What column k is taken for."""
        if k not in self._guesses:
            try:
                self._guesses[k] = _guess.guess(self.cells[k], self.decimal)
            except InputError as error:
                raise self.error(k, f"{error}: --drop {self.key(k)} leaves it out") from None
        return self._guesses[k]

    def label(self, k: int) -> str:
        """What messages call column k."""
        if self.has_y and k == len(self.cells) - 1:
            return "target y"
        return f"column {k}" if self.names is None else f"column {brief(self.names[k])}"

    def key(self, k: int) -> str:
        """What an option calls column k."""
        name = str(k) if self.names is None or not self.names[k] else self.names[k]
        return name if name.isidentifier() or name.isdecimal() else brief(name)

    def error(self, k: int, what: str) -> InputError:
        return InputError(f"{self.source}: {self.label(k)}: {what}")

    @functools.cached_property
    def _places(self) -> dict[str, list[int]]:
        places: dict[str, list[int]] = {}
        for k, name in enumerate(self.names or ()):
            places.setdefault(name, []).append(k)
        return places

    def named(self, name: str) -> int | None:
        """The place of the column of a name; an error if there are two."""
        places = self._places.get(name, [])
        if len(places) > 1:
            raise InputError(f"{self.source} has two columns {brief(name)}: columns are found by name")
        return places[0] if places else None

    def place(self, wanted: str) -> int | None:
        """The place of a column by its name, or else by its number from 0."""
        k = self.named(wanted)
        if k is not None:
            return k
        width = len(self.cells)
        return int(wanted) if wanted.isdecimal() and len(wanted) <= len(str(width)) and int(wanted) < width else None

    def found(self, wanted: str) -> int:
        """As `place`; a column that is not there is the user's error."""
        k = self.place(wanted)
        if k is None:
            known = f"columns 0 to {len(self.cells) - 1}" if self.names is None else listed(self.names)
            raise InputError(f"{self.source} has no column {brief(wanted)}; it has {known}")
        return k

    def settle_decimal(self, places: Iterable[int]) -> None:
        """Find the decimal sign of these columns, unless the user has said it."""
        if self.reading.decimal != "auto":
            sign: str | None = self.reading.decimal
        elif self.decimal == ",":
            return  # other columns have shown it
        else:
            sign = _guess.decimal_sign(map(self.guess, places))
        if sign is None:
            raise InputError(
                f"{self.source}: a comma in its numbers may be a decimal comma or separate thousands: --decimal , says "
                f"that it is a decimal comma; commas between thousands have to go"
            )
        if sign != self.decimal:
            self.decimal = sign
            self._guesses.clear()

    def forget(self, k: int) -> None:
        """Free what `guess` keeps of a column."""
        self._guesses.pop(k, None)

    def index(self) -> int | None:
        """The place of a first column without a name that numbers the rows, as pandas writes its index."""
        named = self.names is not None and self.names[0] in _header.INDEX_NAMES
        return 0 if named and _header.is_index((self.names or [""])[0], self.guess(0)) else None


def read(
    source: str, reading: Reading, wanted: Collection[str] = (), known: Collection[str] = (), with_y: bool = True
) -> Table:
    """The table that `source` names, with an array y if that is asked for.

    Line 1 of a text is taken for names if all that are `wanted` are there, and texts that are `known` are no names.
    """
    lower = source.lower()
    if lower.endswith(TEXT_FILES):
        return _text(source, reading, wanted, known)
    for option in ("header", "delimiter", "decimal"):
        if getattr(reading, option) != getattr(Reading(), option):
            raise InputError(f"--{option} is for files of text such as .csv, and {source} is not one")
    if lower.endswith(_arrow_file.ENDINGS):
        names, cells = _arrow_file.read(source)
        if not cells or not len(cells[0]):
            raise InputError(f"{source} has no rows of data")
        return Table(source, reading, names, cells, "row {}".format)
    if lower.endswith(".npz"):
        X, y = _npz_table.read(source, with_y)
    elif source == "digits":
        X, y = _of_numbers(*datasets.load_digits())
    elif source == "flower":
        X, y = _of_numbers(*datasets.make_flower(400, seed=1))
    elif lower.endswith((".xlsx", ".xls", ".ods")):
        raise InputError(f"{source} is a spreadsheet: save the sheet as CSV")
    elif lower.endswith(PACKED) and os.path.exists(source):
        raise InputError(f"{source} is compressed: unpack it, and give the table that is in it")
    else:
        is_there = "" if os.path.exists(source) else " (and there is no such file)"
        raise InputError(f"{source}: data must be {_TAKES}{is_there}")
    y = y if with_y else None
    return Table(source, reading, None, X if y is None else [*X, y], "row {}".format, True, y is not None)


def _of_numbers(X: Array, y: Array) -> tuple[list[Cells], Cells]:
    return [NumberCells(x) for x in X.T], NumberCells(y)


def _text(source: str, reading: Reading, wanted: Collection[str], known: Collection[str]) -> Table:
    file = CsvFile(source, reading.delimiter)
    first = file.first
    if len(first) == 1 and not (wanted and len(wanted) == 1):
        tried = "commas, semicolons, tabs or bars" if reading.delimiter is None else file.separators
        spaces = ", such as --delimiter space" if len(first[0].split()) > 1 and file.delimiter != " " else ""
        raise InputError(
            f"{source} has only one column if {tried} separate its cells: --delimiter says what does{spaces} "
            f"(line 1 is {brief(first[0])})"
        )
    cells: list[Cells] = list(file.columns)
    table = Table(source, reading, None, cells, lambda row: f"line {file.line(row + 1)}")
    names: bool | None = {"yes": True, "no": False}.get(reading.header)
    if names is None and wanted and set(wanted) <= set(first):
        names = True
    if names is None:
        if table.m:
            table.settle_decimal(range(len(first)))
        names = _header.is_header(first, table.guess, known)
    if names is None:
        raise InputError(
            f"{source}: line 1 may hold names or data ({listed(first)}): --header yes or --header no decides"
        )
    if names:
        table.names = first
    else:
        for column, cell in zip(file.columns, first, strict=True):
            column.put_first(cell)
        table = Table(source, reading, None, cells, lambda row: f"line {file.line(row)}")
    if not table.m:
        raise InputError(f"{source} has no rows of data")
    table.notes.append("columns by the names in line 1" if names else "columns without names: line 1 is data")
    if file.delimiter != ",":
        table.notes.append(f"cells separated by {file.separators}")
    return table
