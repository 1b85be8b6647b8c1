"""The command line's data: the sets that come with the package, .csv and .npz files."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from shallownet_c import datasets
from shallownet_c._command import _csv_table, _npz_table
from shallownet_c._command._input import InputError
from shallownet_c._command._target import NumberColumn, TextColumn

Array = np.ndarray[Any, Any]


@dataclass
class Table:
    """X (m, n), and what to predict; of a .csv also the inputs' names and the target's place."""

    X: Array
    target: TextColumn | NumberColumn | None
    columns: list[str] | None = None
    place: int | None = None


def read(source: str, target: str | None, header: str) -> Table:
    """The data that `source` names, to train on."""
    if source.endswith(".csv"):
        X, columns, place, column = _csv_table.read_table(source, target, header)
        return Table(X, column, columns, place)
    if target is not None:
        raise InputError(f"--target is for .csv files, and {source} is not one")
    return Table(*_read_arrays(source, header, with_y=True))


def read_inputs(source: str, stored: dict[str, Any], n_in: int, header: str) -> tuple[Array, bool | None]:
    """X (m, n_in) for a prediction, and whether its columns were found by name.

    A .csv may still hold the target's column, which is left out.
    """
    if source.endswith(".csv"):
        X, by_name = _csv_table.read_inputs(source, stored, n_in, header)
    else:
        X, by_name = _read_arrays(source, header, with_y=False)[0], None if stored["columns"] is None else False
    if X.shape[1] != n_in:
        raise InputError(f"{source} has {X.shape[1]} columns of inputs, the model takes {n_in}")
    return X, by_name


def check_range(source: str, X: Array, dtype: str) -> None:
    """Refuse inputs that the network's dtype has no numbers for."""
    if max(X.max(), -X.min()) > np.finfo(dtype).max:
        raise InputError(f"{source} has numbers too large for {dtype}")


def _read_arrays(source: str, header: str, with_y: bool) -> tuple[Array, TextColumn | NumberColumn | None]:
    if header != "auto":
        raise InputError(f"--header is for .csv files, and {source} is not one")
    if source.endswith(".npz"):
        return _npz_table.read(source, with_y)
    if source == "digits":
        X, y = datasets.load_digits()
    elif source == "flower":
        X, y = datasets.make_flower(400, seed=1)
    else:
        raise InputError(f"{source}: data must be digits, flower, or a file that ends in .csv or .npz")
    return X, NumberColumn(source, "target y", y)
