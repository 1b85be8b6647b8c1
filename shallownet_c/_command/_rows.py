"""The rows of a table as a saved network takes them, and what it makes of them."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from shallownet_c._command import _inputs, _tables
from shallownet_c._command._cells import NumberCells
from shallownet_c._command._guess import BOOLEANS, MISSING, as_number
from shallownet_c._command._input import InputError, brief
from shallownet_c._command._record import Record, Saved
from shallownet_c._command._tables import Table
from shallownet_c._command._target import coded
from shallownet_c.mlp import MLP

Array = np.ndarray[Any, Any]

PIECE = 1 << 16  # outputs that are in memory at a time, or those of 128 rows


def read(saved: Saved, source: str, reading: _tables.Reading, with_target: bool) -> tuple[Table, _inputs.Filled]:
    """The table, and its rows for the network."""
    record = saved.record
    wanted = {one.name for one in record.inputs if one.name is not None} if record.has_names else set()
    known = {text for one in record.inputs for text in one.categories} | set(map(str, record.classes or ()))
    if any(one.kind == "boolean" for one in record.inputs):
        known |= {change(text) for text in BOOLEANS for change in (str.lower, str.title, str.upper)}
    table = _tables.read(source, reading, wanted, known, with_y=with_target)
    places, by_name = _places(table, record)
    filled = _inputs.filled(table, record.inputs, places, by_name)
    check_range(source, filled.X, saved.net.dtype)
    return table, filled


def _places(table: Table, record: Record) -> tuple[list[int], bool | None]:
    """The places of a model's columns in a table, and whether they were found by name, as `Filled` has it."""
    if record.has_names and table.names is not None:
        found = [table.named(one.name or "") for one in record.inputs]
        for one, k in zip(record.inputs, found, strict=True):
            if k is None:
                raise InputError(f"{table.source} has no column {brief(one.name)}, which the model was trained on")
        return [k for k in found if k is not None], True
    left_out = len(table.cells) - 1 if table.has_y else table.index()
    there = [k for k in range(len(table.cells)) if k != left_out]
    by_name = False if record.has_names or table.names is not None else None
    target = record.target_place
    if len(there) == record.width:
        return [there[one.place] for one in record.inputs], by_name
    if target is not None and len(there) == record.width - 1:
        return [there[one.place - (one.place > target)] for one in record.inputs], by_name
    if len(there) == len(record.inputs):
        return there, by_name
    raise InputError(f"{table.source} has {len(there)} columns of inputs, the model takes {len(record.inputs)}")


def target_of(table: Table, record: Record, wanted: str | None) -> int:
    """The place of the column to compare predictions with."""
    if table.has_y:
        return len(table.cells) - 1
    if wanted is not None:
        return table.found(wanted)
    if table.names is not None and record.target_name is not None:
        return table.found(record.target_name)
    if record.target_place is not None and len(table.cells) == record.width:
        return record.target_place
    raise InputError(f"{table.source}: --target must say which column holds what is to be predicted")


def truth(table: Table, k: int, classes: list[Any] | None) -> tuple[Array, Array]:
    """What is to be predicted, numbers or numbers of classes, and the rows that have it."""
    cells = table.cells[k]
    if classes is None:
        table.settle_decimal([k])
        guess = table.guess(k)
        if guess.values is None or guess.kind not in ("numbers", "empty"):
            raise table.error(k, _inputs.what_is_mixed(table, *cells.codes()))
        rows = np.flatnonzero(~np.isnan(guess.values))
        values: Array = guess.values[rows]
    else:
        codes, texts = cells.codes()
        of_text = coded(texts, list(map(str, classes)))
        numbers = {as_number(str(label)): j for j, label in enumerate(classes)}
        for i, text in enumerate(texts):  # 1 in one file may be 1.0 in another
            if of_text[i] < 0 and not math.isnan(as_number(text)):
                of_text[i] = numbers.get(as_number(text), -1)
        missing = np.array([text in MISSING for text in texts]) & (of_text < 0)
        if isinstance(cells, NumberCells):
            missing |= np.array([text in ("", "nan") for text in texts])
        rows = np.flatnonzero(~missing[codes])
        values = of_text[codes[rows]]
        if (values < 0).any():
            row = int(rows[np.argmax(values < 0)])
            raise table.error(
                k, f"{table.where(row)} holds {brief(texts[codes[row]])}, which is none of the model's classes"
            )
    if not len(rows):
        raise table.error(k, "it has no values")
    return values, rows


def check_range(source: str, X: Array, dtype: Any) -> None:
    """Refuse inputs that the network's dtype has no numbers for."""
    if max(X.max(), -X.min()) > np.finfo(dtype).max:
        raise InputError(f"{source} has numbers too large for {np.dtype(dtype)}")


def outputs(net: MLP, X: Array) -> Iterator[tuple[int, Array]]:
    """The outputs for some rows at a time, and the number of the first of them."""
    rows = max(128, PIECE // net.layer_sizes[-1])
    for start in range(0, len(X), rows):
        yield start, net(X[start : start + rows])
