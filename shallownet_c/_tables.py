"""The command line's data: tables from files, and what a saved network must remember of the table it was trained on."""

import csv
import hashlib
import json
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from shallownet_c import datasets
from shallownet_c.mlp import MLP

Array = np.ndarray[Any, Any]

#: A whole-numbered target with more values than this is taken for a number to predict.
MOST_CLASSES = 20


class InputError(Exception):
    """Something is wrong with what the user gave: one line for them, no traceback."""


@dataclass
class Table:
    """X (m, n), and y (m,) of numbers or text; of a .csv also the inputs' names and the target's place."""

    X: Array
    y: Array | None
    columns: list[str] | None = None
    target: int | None = None


def read(source: str, target: str | None = None) -> Table:
    """The data that `source` names: "digits", "flower", or a .csv or .npz file."""
    if target is not None and not source.endswith(".csv"):
        raise InputError(f"--target chooses a column of a .csv file, and {source} is none")
    if source == "digits":
        return Table(*datasets.load_digits())
    if source == "flower":
        return Table(*datasets.make_flower(400, seed=1))
    if source.endswith(".npz"):
        return _read_npz(source)
    if source.endswith(".csv"):
        header, rows = _read_csv(source)
        return _split(source, header, rows, _column(source, header, len(rows[0]), target))
    raise InputError(f"{source}: data must be digits, flower, or a file that ends in .csv or .npz")


def read_inputs(source: str, notes: dict[str, Any], n_in: int) -> Array:
    """X (m, n_in) for a prediction; a .csv may still hold the target's column, which is left out."""
    if source.endswith(".csv"):
        header, rows = _read_csv(source)
        columns = notes["columns"]
        if header is not None and columns is not None:
            missing = [name for name in columns if name not in header]
            if missing:
                raise InputError(f"{source} has no column {missing[0]!r}, which the model was trained on")
            places = [header.index(name) for name in columns]
        else:
            places = list(range(len(rows[0])))
            if len(places) == n_in + 1 and notes["target"] is not None:
                places.remove(notes["target"])
        X = np.array([[_number(source, header, i, k, row[k]) for k in places] for i, row in enumerate(rows)])
    else:
        X = read(source).X
    if X.shape[1] != n_in:
        raise InputError(f"{source} has {X.shape[1]} columns of inputs, the model takes {n_in}")
    return X


def check_range(source: str, X: Array, dtype: str) -> None:
    """Refuse inputs that the network's dtype has no numbers for."""
    if max(X.max(), -X.min()) > np.finfo(dtype).max:
        raise InputError(f"{source} has numbers too large for {dtype}")


def guess_task(y: Array) -> str:
    """classification for text and for few distinct whole numbers, else regression"""
    if y.dtype.kind in "fiu":
        values = np.unique(y)
        if len(values) > MOST_CLASSES or not _are_whole(values):
            return "regression"
    return "classification"


def as_numbers(y: Array) -> Array:
    """The target of a regression."""
    if y.dtype.kind not in "biuf":
        raise InputError(f"the target must be numbers for a regression, got {str(y[0])!r} in its first row")
    return y.astype(float)


def save_model(path: str, net: MLP, classes: Array | None, table: Table) -> None:
    """The network, and beside it, in a .json file, the names that belong to it."""
    net.save(path)
    notes = {
        "model": _digest(path),
        "classes": None if classes is None else classes.tolist(),
        "columns": table.columns,
        "target": table.target,
    }
    notes_path(path).write_text(json.dumps(notes, indent=2) + "\n", encoding="utf-8")


def load_notes(path: str, net: MLP) -> dict[str, Any]:
    """What `save_model` wrote beside the network; the classes are numbered where there is nothing."""
    softmax = net.activations[-1] == "softmax"
    beside = notes_path(path)
    if not beside.exists():
        return {"classes": list(range(net.layer_sizes[-1])) if softmax else None, "columns": None, "target": None}
    try:
        notes = json.loads(beside.read_text(encoding="utf-8"))
        model, fits = notes["model"], _fit(net, notes["classes"], notes["columns"], notes["target"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise InputError(f"{beside} is damaged: it should hold the names that belong to {path}") from None
    if model != _digest(path):
        raise InputError(f"{beside} belongs to another model than {path}: move it away to go without names")
    if not fits:
        raise InputError(f"{beside} is damaged: its names do not fit {path}")
    return notes


def check_notes_path(path: str) -> None:
    """An error if `save_model` would write over a file of names that it has not made."""
    beside = notes_path(path)
    if beside == Path(path):
        raise InputError(f"--out {path}: the names of classes and columns go into that file, beside the model")
    if beside.exists():
        try:
            made_here = set(json.loads(beside.read_text(encoding="utf-8"))) == {"model", "classes", "columns", "target"}
        except (ValueError, TypeError, RecursionError):
            made_here = False
        if not made_here:
            raise InputError(f"--out {path} would write over {beside}, which is no model's file of names")


def _fit(net: MLP, classes: Any, columns: Any, target: Any) -> bool:
    """Whether a network can have such names."""
    n_in, n_out = net.layer_sizes[0], net.layer_sizes[-1]
    if net.activations[-1] == "softmax":
        classes_fit = isinstance(classes, list) and len(classes) == n_out
    else:
        classes_fit = classes is None
    columns_fit = columns is None or (
        isinstance(columns, list) and len(columns) == n_in and all(isinstance(name, str) for name in columns)
    )
    return classes_fit and columns_fit and (target is None or (type(target) is int and 0 <= target <= n_in))


def _digest(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def notes_path(path: str) -> Path:
    """The file of names beside a model."""
    return Path(path).with_suffix(".json")


def _read_npz(source: str) -> Table:
    try:
        loaded = np.load(source, allow_pickle=False)
        if not isinstance(loaded, np.lib.npyio.NpzFile):
            raise ValueError("it holds one array without a name, as .npy files do")
        with loaded as data:
            if "X" not in data:
                raise InputError(f"{source} has no array X; it has {', '.join(data.files) or 'none'}")
            X, y = data["X"], data.get("y")
    # What zipfile and zlib raise for damaged, encrypted and foreign archives.
    except (ValueError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise InputError(f"{source} is no .npz file of plain arrays: {error}") from None
    for name, member in (("X", X), ("y", y)):
        if not isinstance(member, np.ndarray | None):
            raise InputError(f"{source} is no .npz file of plain arrays: {name} is a file of another kind")
    if X.ndim != 2 or X.dtype.kind not in "biuf" or not X.size:
        raise InputError(f"{source}: X must be numbers of shape (m, n), got {X.dtype} {X.shape}")
    if y is not None and (y.shape != (len(X),) or y.dtype.kind not in "biufUS"):
        raise InputError(f"{source}: y must be numbers or text of shape ({len(X)},), got {y.dtype} {y.shape}")
    with np.errstate(over="ignore"):  # a long double beyond float64 becomes an infinity, refused below
        X = X.astype(float)
    _refuse_nonfinite(source, "X", X)
    if y is not None and y.dtype.kind == "f":
        _refuse_nonfinite(source, "y", y[:, np.newaxis])
    return Table(X, y)


def _read_csv(source: str) -> tuple[list[str] | None, list[list[str]]]:
    """The header, None if the first row is all numbers, and the rows, all of one length."""
    try:
        with open(source, newline="", encoding="utf-8-sig") as file:
            rows = [row for row in csv.reader(file) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{source} is no text in UTF-8 with commas: {error}") from None
    header = None
    if rows and not all(map(_is_number, rows[0])):
        header, rows = [name.strip() for name in rows[0]], rows[1:]
        for k, name in enumerate(header):
            if name in header[:k]:
                raise InputError(f"{source} has two columns {name!r}: columns are found by name")
    if not rows:
        raise InputError(f"{source} has no rows of data")
    width = len(header or rows[0])
    for i, row in enumerate(rows):
        if len(row) != width:
            raise InputError(f"{source}: row {i + 1} has {len(row)} columns, the first line {width}")
    return header, rows


def _column(source: str, header: list[str] | None, width: int, target: str | None) -> int:
    """The place of the target, given by name or number (from 0); the last one by default."""
    if target is None:
        return width - 1
    if header is not None and target in header:
        return header.index(target)
    if target.isdecimal() and int(target) < width:
        return int(target)
    known = f"; it has {', '.join(header)}" if header is not None else f"; it has columns 0 to {width - 1}"
    raise InputError(f"{source} has no column {target!r}{known}")


def _split(source: str, header: list[str] | None, rows: list[list[str]], place: int) -> Table:
    inputs = [k for k in range(len(rows[0])) if k != place]
    if not inputs:
        raise InputError(f"{source} has one column only: nothing to predict the target from")
    X = np.array([[_number(source, header, i, k, row[k]) for k in inputs] for i, row in enumerate(rows)])
    cells = [row[place].strip() for row in rows]
    y = np.array([float(cell) for cell in cells]) if all(map(_is_number, cells)) else np.array(cells)
    if y.dtype.kind == "f" and _are_whole(y):
        y = y.astype(np.int64)
    return Table(X, y, [header[k] for k in inputs] if header else None, place)


def _are_whole(y: Array) -> bool:
    """Whether all are integers; a float64 from 2**53 on always is one, which says nothing about what it stands for."""
    return bool((y == np.round(y)).all() and (y.dtype.kind != "f" or np.abs(y).max() < 2**53))


def _is_number(cell: str) -> bool:
    try:
        return bool(np.isfinite(float(cell)))
    except ValueError:
        return False


def _number(source: str, header: list[str] | None, i: int, k: int, cell: str) -> float:
    if not _is_number(cell):
        name = header[k] if header else str(k)
        raise InputError(f"{source}: row {i + 1}, column {name!r}: {cell!r} is no finite number")
    return float(cell)


def _refuse_nonfinite(source: str, name: str, array: Array) -> None:
    bad = ~np.isfinite(array).all(axis=1)
    if bad.any():
        raise InputError(f"{source}: row {int(np.argmax(bad))} of {name} holds a NaN or an infinity")
