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

from shallownet_c._command._input import InputError, brief, listed, open_regular
from shallownet_c._command._target import TextColumn, as_number, is_like_a_number

Array = np.ndarray[Any, Any]
Rows = Iterator[tuple[int, list[str]]]

PIECE = 1 << 14  # cells that are in memory as text


def read_table(source: str, target: str | None, header: str) -> tuple[Array, list[str] | None, int, TextColumn]:
    """X, the names of its columns, the target's place, and the target."""
    with _open(source) as file:
        first, rows = _begin(source, file)
        if header == "auto" and target is not None and target in first and not is_like_a_number(target):
            header = "yes"
        doubt = _doubt(source, first)
        is_header = _is_header(first, _place(None, len(first), target), header, doubt)
        names = first if is_header else None
        if names is not None:
            next(rows)
            _check_names(source, names)
        place = _place(names, len(first), target)
        if place is None:
            known = f"columns 0 to {len(first) - 1}" if names is None else listed(names)
            raise InputError(f"{source} has no column {brief(target)}; it has {known}")
        if len(first) == 1:
            raise InputError(f"{source} has only one column, and only commas separate columns")
        column = TextColumn(source, _name(names, place, target), "line")
        columns = None if names is None else names[:place] + names[place + 1 :]
        at_target = first[place]
        chosen = bytearray([1]) * len(first)
        chosen[place] = 0
        del first  # perhaps a million cells
        X = _numbers(source, names, rows, chosen, column, place)
    if header == "auto" and _is_wrong(is_header, is_label=column.count(at_target) > (0 if is_header else 1)):
        raise doubt
    return X, columns, place, column


def read_inputs(source: str, stored: dict[str, Any], n_in: int, header: str) -> tuple[Array, bool | None]:
    """X for a model with such names, the target's column left out; and whether columns were found by name.

    None where neither the file nor the model has names.
    """
    columns = stored["columns"]
    with _open(source) as file:
        first, rows = _begin(source, file)
        width = len(first)
        place = stored["target"] if width == n_in + 1 else None
        if header == "auto" and columns is not None and set(columns) <= set(first):
            header = "yes"
        doubt = _doubt(source, first)
        is_header = _is_header(first, place, header, doubt)
        if header == "auto" and place is not None:
            labels = map(str, stored["classes"] or ())
            if _is_wrong(is_header, is_label=first[place] in labels):
                raise doubt
        names = first if is_header else None
        if names is not None:
            next(rows)
        del first  # perhaps a million cells
        if names is None or columns is None:
            chosen = bytearray([1]) * width
            if place is not None:
                chosen[place] = 0
            return _numbers(source, names, rows, chosen), None if names is columns else False
        wanted = _find(source, names, columns)
        chosen = bytearray(width)
        for k in wanted:
            chosen[k] = 1
        X = _numbers(source, names, rows, chosen)
    ascending = np.sort(wanted)
    return X if (wanted == ascending).all() else X[:, np.searchsorted(ascending, wanted)], True


def _open(source: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(open_regular(source), encoding="utf-8-sig", newline="")


def _begin(source: str, file: io.TextIOWrapper) -> tuple[list[str], Rows]:
    """The cells of the first row, and all rows, this one included."""
    rows = _rows(source, file)
    line, first = next(rows, (0, []))
    if not first:
        raise InputError(f"{source} has no rows of data")
    return [cell.strip() for cell in first], itertools.chain([(line, first)], rows)


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
        raise InputError(f"{source} is not UTF-8 text with commas: after line {line - 1}: {error}") from None


def _is_header(first: list[str], place: int | None, header: str, doubt: InputError) -> bool | None:
    """Whether the first row holds names; None if that hangs on the target's cell, at `place`, being a label.

    Names are words, and data are numbers, apart from labels. A row with some of both may be data with a bad cell, which
    would be lost as a header; and 0, 1, 2, … are what pandas writes for columns that have no names.
    """
    if header != "auto":
        return header == "yes"
    words = [k for k, cell in enumerate(first) if not is_like_a_number(cell)]
    if len(words) == len(first):
        return True
    if not words and not all(cell == str(k) for k, cell in enumerate(first)):
        return False
    if words and words == [place]:
        return None
    raise doubt


def _is_wrong(is_header: bool | None, is_label: bool) -> bool:
    """Whether what `_is_header` says and what the first row has at the target's place contradict each other."""
    return is_label if is_header else is_header is None and not is_label


def _doubt(source: str, first: list[str]) -> InputError:
    return InputError(
        f"{source}: line 1 may hold names or data ({listed(first)}): --header yes or --header no decides"
        f"{_hint(*first[:60])}"
    )


def _hint(*cells: str) -> str:
    """What a user may not know of the notation, judged by some cells."""
    if any(";" in cell or "\t" in cell for cell in cells):
        return "; only commas separate cells"
    if any(is_like_a_number(cell) and math.isnan(as_number(cell)) for cell in cells):
        return "; numbers are written like 1234.5"
    return ""


def _check_names(source: str, names: list[str]) -> None:
    if "" in names:
        place = names.index("")
        raise InputError(
            f"{source}: column {place} has no name, as where pandas writes an index: name it, or leave it out"
        )
    _find(source, names, names)


def _find(source: str, names: list[str], wanted: list[str]) -> Array:
    """The places of the columns that are wanted."""
    places: dict[str, int] = {}
    repeated = {name for k, name in enumerate(names) if places.setdefault(name, k) != k}
    for name in wanted:
        if name not in places:
            raise InputError(f"{source} has no column {brief(name)}, which the model was trained on")
        if name in repeated:
            raise InputError(f"{source} has two columns {brief(name)}: columns are found by name")
    return np.array([places[name] for name in wanted])


def _place(names: list[str] | None, width: int, target: str | None) -> int | None:
    """The place of the target, given by name or number (from 0); the last one by default; None if there is none."""
    if target is None:
        return width - 1
    if names is not None and target in names:
        return names.index(target)
    return int(target) if target.isdecimal() and len(target) <= len(str(width)) and int(target) < width else None


def _name(names: list[str] | None, place: int, target: str | None) -> str:
    """What messages call the target."""
    if names is None:
        return f"target column {place}"
    other = _place(None, len(names), target)
    by_name = target is not None and other not in (None, place)
    return f"target {brief(names[place])}" + (f" (by its name, column {place} and not {other})" if by_name else "")


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
            hint = _hint(piece[i][k])
            raise InputError(f"{source}: {where}: {brief(piece[i][k])} is not a finite number{hint}")
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
            raise InputError(f"{source}: line {line} has {len(row)} columns, the first line {width}{_hint(*row[:60])}")
        lines.append(line)
        piece.append(row)
        if len(piece) * width >= PIECE:
            yield lines, piece
            lines, piece = [], []
    if piece:
        yield lines, piece


def _extend(numbers: array[float], piece: list[list[str]], chosen: bytearray) -> bool:
    """Append the chosen cells of some rows, unless one is not a finite number."""
    # Without a list of the cells: a row may have a million.
    if any("_" in "".join(itertools.compress(row, chosen)) for row in piece):
        return False  # float() takes 1_000 for a thousand, which no other program writes
    before = len(numbers)
    try:
        numbers.extend(map(float, itertools.chain.from_iterable(itertools.compress(row, chosen) for row in piece)))
    except ValueError:
        return False
    return bool(np.isfinite(np.frombuffer(numbers, offset=before * numbers.itemsize)).all())
