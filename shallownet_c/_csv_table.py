"""A .csv file as numbers, and one column of text: read piece by piece, so that few cells are text at any time."""

from __future__ import annotations  # evaluated, array[float] would need Python 3.12

import csv
import io
import itertools
import math
from array import array
from collections.abc import Iterator
from typing import Any

import numpy as np

from shallownet_c._input import InputError, brief, listed, open_regular
from shallownet_c._target import TextColumn, as_number

Array = np.ndarray[Any, Any]
Rows = Iterator[tuple[int, list[str]]]

PIECE = 1 << 14  # cells that are in memory as text


def read_table(source: str, target: str | None) -> tuple[Array, list[str] | None, int, TextColumn]:
    """X, the names of its columns, the target's place, and the target."""
    with _open(source) as file:
        names, width, rows = _begin(source, file)
        place = _target_place(source, names, width, target)
        if width == 1:
            raise InputError(f"{source} has one column only: nothing to predict the target from")
        chosen = bytearray([1]) * width
        chosen[place] = 0
        column = TextColumn(f"{source}, target {brief(names[place] if names else place)}", "line")
        X = _numbers(source, names, rows, chosen, column, place)
    return X, [name for name in names if name != names[place]] if names else None, place, column


def read_inputs(source: str, columns: list[str] | None, target: int | None, n_in: int) -> Array:
    """X for a model that was trained on such columns, the target at its place left out."""
    with _open(source) as file:
        names, width, rows = _begin(source, file)
        chosen = bytearray([1]) * width
        if names is None or columns is None:
            if width == n_in + 1 and target is not None:
                chosen[target] = 0
            return _numbers(source, names, rows, chosen)
        places = _places(source, names)
        missing = next((name for name in columns if name not in places), None)
        if missing is not None:
            raise InputError(f"{source} has no column {brief(missing)}, which the model was trained on")
        wanted = np.array([places[name] for name in columns])
        chosen = bytearray(width)
        for k in wanted:
            chosen[k] = 1
        X = _numbers(source, names, rows, chosen)
    ascending = np.sort(wanted)
    return X if (wanted == ascending).all() else X[:, np.searchsorted(ascending, wanted)]


def _open(source: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(open_regular(source), encoding="utf-8-sig", newline="")


def _rows(source: str, file: io.TextIOWrapper) -> Rows:
    """The rows that are not blank, each with the number of the line it begins in."""
    reader = csv.reader(file, strict=True)
    line = 1
    try:
        for row in reader:
            if row:
                yield line, row
            line = reader.line_num + 1
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{source} is no text in UTF-8 with commas: after line {line - 1}: {error}") from None


def _begin(source: str, file: io.TextIOWrapper) -> tuple[list[str] | None, int, Rows]:
    """The names of the columns, None if the first row is all numbers; how many there are; and the rows of data."""
    rows = _rows(source, file)
    line, first = next(rows, (0, []))
    if not first:
        raise InputError(f"{source} has no rows of data")
    if all(math.isfinite(as_number(cell)) for cell in first):
        return None, len(first), itertools.chain([(line, first)], rows)
    names = [name.strip() for name in first]
    _places(source, names)
    return names, len(names), rows


def _places(source: str, names: list[str]) -> dict[str, int]:
    places: dict[str, int] = {}
    for k, name in enumerate(names):
        if places.setdefault(name, k) != k:
            raise InputError(f"{source} has two columns {brief(name)}: columns are found by name")
    return places


def _target_place(source: str, names: list[str] | None, width: int, target: str | None) -> int:
    """The place of the target, given by name or number (from 0); the last one by default."""
    if target is None:
        return width - 1
    if names is not None and target in names:
        return names.index(target)
    if target.isdecimal() and len(target) <= len(str(width)) and int(target) < width:
        return int(target)
    known = f"it has {listed(names)}" if names is not None else f"it has columns 0 to {width - 1}"
    raise InputError(f"{source} has no column {brief(target)}; {known}")


def _numbers(
    source: str,
    names: list[str] | None,
    rows: Rows,
    chosen: bytearray,
    column: TextColumn | None = None,
    place: int = 0,
) -> Array:
    """X, the numbers of the columns that are `chosen`; the cells at `place` go into `column`."""
    numbers = array("d")
    for lines, piece in _pieces(source, rows, len(chosen)):
        if not _extend(numbers, piece, chosen):
            i, k = next(
                (i, k)
                for i, row in enumerate(piece)
                for k in range(len(chosen))
                if chosen[k] and math.isnan(as_number(row[k]))
            )
            where = f"line {lines[i]}, column {brief(k if names is None else names[k])}"
            raise InputError(f"{source}: {where}: {brief(piece[i][k])} is no finite number")
        if column is not None:
            column.add([row[place].strip() for row in piece], lines)
    if not numbers:
        raise InputError(f"{source} has no rows of data")
    return np.frombuffer(numbers).reshape(-1, sum(chosen))


def _pieces(source: str, rows: Rows, width: int) -> Iterator[tuple[list[int], list[list[str]]]]:
    lines: list[int] = []
    piece: list[list[str]] = []
    for line, row in rows:
        if len(row) != width:
            raise InputError(f"{source}: line {line} has {len(row)} columns, the first line {width}")
        lines.append(line)
        piece.append(row)
        if len(piece) * width >= PIECE:
            yield lines, piece
            lines, piece = [], []
    if piece:
        yield lines, piece


def _extend(numbers: array[float], piece: list[list[str]], chosen: bytearray) -> bool:
    """Append the chosen cells of some rows, unless one is no finite number."""
    # Without a list of the cells: a row may have a million.
    if any("_" in "".join(itertools.compress(row, chosen)) for row in piece):
        return False  # float() takes 1_000 for a thousand, which no other program writes
    before = len(numbers)
    try:
        numbers.extend(map(float, itertools.chain.from_iterable(itertools.compress(row, chosen) for row in piece)))
    except ValueError:
        return False
    return bool(np.isfinite(np.frombuffer(numbers, offset=before * numbers.itemsize)).all())
