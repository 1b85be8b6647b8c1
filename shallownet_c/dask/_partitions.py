"""Collections as lists of partitions."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any, NamedTuple

from shallownet_c._checks import _extras, _features, _foreign, _validation

TAKES = "a dask array, a dask dataframe or series, or a list of delayed partitions"


def library(module: str = "distributed") -> ModuleType:
    """A module of Dask's, or an error that names the extra."""
    return _extras.library(module, "dask", "shallownet_c.dask")


class Partitions(NamedTuple):
    """Delayed partitions, how many rows each has if that is known, and the names of their columns.

    `held` says whether the cluster already has the rows.
    """

    items: list[Any]
    rows: list[int] | None
    names: tuple[str, ...] | None
    held: bool

    @property
    def sizes(self) -> list[int]:
        """What the work is divided by: rows, or as if each partition had as many as the others."""
        return [1] * len(self.items) if self.rows is None else self.rows


def is_array(value: object) -> bool:
    """Whether it is an array of Dask's, which need not be installed."""
    module = sys.modules.get("dask.array")
    return module is not None and isinstance(value, module.Array)


def is_table(value: Any) -> bool:
    """Whether it is a dataframe or a series of Dask's."""
    if "dask.dataframe" not in sys.modules:
        return False
    return all(hasattr(value, name) for name in ("to_delayed", "_meta", "npartitions", "divisions"))


def is_collection(value: object) -> bool:
    """Whether it is rows of Dask's."""
    return is_array(value) or is_table(value)


def rows_of(X: Any, width: int) -> Partitions:
    """The partitions of X, whose columns are `width`.

    Raises
    ------
    ValueError, TypeError
        If it is not a collection of so many columns, or one of a dataframe's is known to hold no numbers.
    """
    columns = None
    if is_array(X) or is_table(X):
        columns = X.shape[1] if len(X.shape) == 2 else 0
    if columns not in (None, width):
        raise ValueError(f"X must have {width} columns, the network's inputs, got shape {shape_of(X)}")
    if is_table(X):
        # Before all is loaded for nothing. Categories may be numbers, which the workers will see.
        found = _foreign.not_numbers(X._meta.select_dtypes(exclude="category"))
        if found is not None:
            label, dtype = found
            raise TypeError(f"X must be real numbers, got column {_validation.shown(label)} of dtype {dtype}")
    return _partitions("X", X)


def goes_with(name: str, value: Any, X: Partitions) -> Partitions:
    """The partitions of Y or sample_weight, cut as those of X are.

    Raises
    ------
    ValueError, TypeError
        If it is not a collection, or cannot be cut so.
    """
    if is_array(value) and X.rows is not None and value.ndim and value.shape[0] == value.shape[0]:
        if value.shape[0] != sum(X.rows):
            raise ValueError(f"{name} must have {sum(X.rows)} rows to go with X, got shape {value.shape}")
        value = value.rechunk({0: tuple(X.rows)})
    found = _partitions(name, value)
    if len(found.items) != len(X.items):
        raise ValueError(
            f"{name} must have as many partitions as X, {len(X.items)}, got {len(found.items)}: only arrays whose "
            f"chunks are known, after compute_chunk_sizes(), are cut to go together"
        )
    return found


def _partitions(name: str, value: Any) -> Partitions:
    if isinstance(value, (list, tuple)):
        kinds = library("dask.delayed").Delayed, library().Future
        if not value or not all(isinstance(item, kinds) for item in value):
            raise TypeError(f"{name} must be {TAKES}, got a list of {_validation.shown(value)}")
        return Partitions(list(value), None, None, all(isinstance(item, kinds[1]) for item in value))
    if is_array(value):
        if value.ndim not in (1, 2):
            raise ValueError(f"{name} must have one dimension or two, got shape {shape_of(value)}")
        known = all(rows == rows for rows in value.chunks[0])  # NaN is not equal to itself
        joined = value.rechunk({1: -1}) if value.ndim == 2 and value.numblocks[1] > 1 else value
        items = joined.to_delayed().ravel().tolist()
        return Partitions(items, [int(m) for m in value.chunks[0]] if known else None, None, _is_held(value))
    if is_table(value):
        return Partitions(list(value.to_delayed()), None, _features.names_of(value._meta), _is_held(value))
    raise TypeError(
        f"{name} must be {TAKES}, got {_validation.shown(value)}: "
        f"dask.array.from_array({name}, chunks=…) makes an array of one in memory"
    )


def _is_held(value: Any) -> bool:
    return bool(library().futures_of(value))


def shape_of(value: Any) -> str:
    """The shape as messages have it, m for a number of rows that is not known."""
    sizes = [str(int(n)) if isinstance(n, (int, float)) and n == n else "m" for n in value.shape]
    return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"


def runs(sizes: list[int], n: int) -> list[list[int]]:
    """The numbers of the partitions in at most n runs of consecutive ones, as equal in size as that allows."""
    runs: list[list[int]] = [[] for _ in range(n)]
    total, done = sum(sizes), 0
    for number, size in enumerate(sizes):
        place = int((done + size / 2) * n / total) if total else 0
        runs[min(place, n - 1)].append(number)
        done += size
    return [run for run in runs if run]
