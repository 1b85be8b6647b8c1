"""The names of a table's columns: what a network has learnt from one column is of no use for another."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from shallownet_c._checks._validation import shown


def names_of(X: Any) -> tuple[str, ...] | None:
    """The names of a table's columns, or of the values of one of its rows, if all of them are strings."""
    if hasattr(type(X), "collect"):  # a query, refused as an array; its names would have to be computed
        return None
    labels: Any = getattr(X, "columns", None)
    if hasattr(X, "iloc"):  # a table of pandas, or a row, whose index holds the names
        labels = getattr(X, "index", None) if labels is None else labels
    else:
        labels = getattr(X, "column_names", labels)  # of pyarrow, whose columns are the data
        if type(labels) is not list:  # as pyarrow and polars have it
            return None
    try:
        names = list(labels)
    except TypeError:
        return None
    return tuple(map(str.__str__, names)) if names and all(isinstance(name, str) for name in names) else None


class Names:
    """The names that a network was fitted with, or a fit has met so far, in their order; None if there are none."""

    def __init__(self, known: tuple[str, ...] | None = None) -> None:
        self.known = known
        self._kept = False

    def of_a_fit(self) -> Names:
        """The names with which a fit of the network begins: none, unless it goes on from the last fit."""
        return Names(self.known if self._kept else None)

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        """A fit in this `with` statement goes on from the last one, and its tables must have these names."""
        self._kept = True
        try:
            yield
        finally:
            self._kept = False

    def checked(self, X: Any, name: str = "X") -> tuple[str, ...] | None:
        """The names that are known once X has been seen; an error if X has other names or another order.

        An X without names is taken by position.
        """
        if type(X) is np.ndarray:
            return self.known
        found, known = names_of(X), self.known
        if found is None or known is None or found == known:
            return found if known is None else known
        given, learnt = set(found), set(known)
        missing = [one for one in known if one not in given]
        unexpected = [one for one in found if one not in learnt]
        if len(found) != len(known) and (not hasattr(X, "columns") or not (missing or unexpected)):
            return known  # refused for its shape: labels of rows in one column, or a column that comes twice
        if missing or unexpected:
            lacks = f"lacks {_listed(missing)}" if missing else ""
            has = f"has {_listed(unexpected)}" if unexpected else ""
            remedy = "" if missing else f": {_selected(name, X, known)} has them alone"
            raise ValueError(
                f"{name} must have the columns of the fit, but it {' and '.join(filter(None, (lacks, has)))}{remedy}"
            )
        i = next(i for i, pair in enumerate(zip(found, known, strict=True)) if pair[0] != pair[1])
        raise ValueError(
            f"{name} must have the columns of the fit in their order, got {shown(found[i])} for {shown(known[i])} in "
            f"column {i}: {_selected(name, X, known)} has them in that order"
        )


def _selected(name: str, X: Any, known: tuple[str, ...]) -> str:
    """How to select the columns of a table."""
    wanted = shown(list(known))
    return f"{name}.select({wanted})" if hasattr(X, "column_names") else f"{name}[{wanted}]"


def _listed(names: list[str]) -> str:
    return ", ".join(shown(name) for name in names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
