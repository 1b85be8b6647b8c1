"""The command line's data: the sets that come with the package, .csv and .npz files."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from shallownet_c import _csv_table, _npz_table, datasets
from shallownet_c._input import InputError
from shallownet_c._target import TextColumn

Array = np.ndarray[Any, Any]


@dataclass
class Table:
    """X (m, n), and what to predict; of a .csv also the inputs' names and the target's place."""

    X: Array
    target: Array | TextColumn | None
    columns: list[str] | None = None
    place: int | None = None


def read(source: str, target: str | None = None) -> Table:
    """The data that `source` names, to train on."""
    if source.endswith(".csv"):
        X, columns, place, column = _csv_table.read_table(source, target)
        return Table(X, column, columns, place)
    if target is not None:
        raise InputError(f"--target chooses a column of a .csv file, and {source} is none")
    return Table(*_read_arrays(source, with_y=True))


def read_inputs(source: str, notes: dict[str, Any], n_in: int) -> Array:
    """X (m, n_in) for a prediction; a .csv may still hold the target's column, which is left out."""
    if source.endswith(".csv"):
        X = _csv_table.read_inputs(source, notes["columns"], notes["target"], n_in)
    else:
        X, _ = _read_arrays(source, with_y=False)
    if X.shape[1] != n_in:
        raise InputError(f"{source} has {X.shape[1]} columns of inputs, the model takes {n_in}")
    return X


def check_range(source: str, X: Array, dtype: str) -> None:
    """Refuse inputs that the network's dtype has no numbers for."""
    if max(X.max(), -X.min()) > np.finfo(dtype).max:
        raise InputError(f"{source} has numbers too large for {dtype}")


def _read_arrays(source: str, with_y: bool) -> tuple[Array, Array | TextColumn | None]:
    if source == "digits":
        return datasets.load_digits()
    if source == "flower":
        return datasets.make_flower(400, seed=1)
    if source.endswith(".npz"):
        return _npz_table.read(source, with_y)
    raise InputError(f"{source}: data must be digits, flower, or a file that ends in .csv or .npz")
