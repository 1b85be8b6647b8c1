"""Rows that many networks learn from: checked and converted once for each kind of network, and never copied."""

from __future__ import annotations  # evaluated, the annotations would import numpy.random

import bisect
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import byte_bounds

from shallownet_c._checks import _features, _validation
from shallownet_c._checks._sparse import SparseRows
from shallownet_c._checks._validation import Array
from shallownet_c._engine import Piece
from shallownet_c._fitting import _sources
from shallownet_c._model import Model


class Shared:
    """What has been found of the arrays of one call, by their identity and by what a network takes of them."""

    def __init__(self) -> None:
        self._inputs: dict[tuple[Any, ...], Array | SparseRows] = {}
        self._pieces: dict[tuple[Any, ...], Piece] = {}
        self._names: dict[int, tuple[str, ...] | None] = {}
        #: Nothing else may come to stand where they stand.
        self._kept: list[object] = []

    def names(self, X: object) -> tuple[str, ...] | None:
        """The names of the columns of X, if it is a table."""
        if id(X) not in self._names:
            self._names[id(X)] = _features.Names().checked(X)
            self._kept.append(X)
        return self._names[id(X)]

    def piece(self, model: Model, X: Any, Y: object, weights: object) -> Piece:
        """All rows as the kernels take them for the model; an error if they are not what it takes."""
        inputs = id(X), model.sizes[0], model.dtype
        kind = *inputs, id(Y), id(weights), model.sizes[-1], model.activations[-1], model.loss
        if kind not in self._pieces:
            if inputs not in self._inputs:
                _refuse_pieces(X, model)
            if Y is None:
                raise TypeError("Y must be given with X")
            self._pieces[kind] = _sources.check(model, self._inputs.get(inputs, X), Y, weights)
            self._inputs[inputs] = self._pieces[kind].X
            self._kept += [X, Y, weights]
        return self._pieces[kind]

    def refuse_views(self, params: Sequence[Array]) -> None:
        """Raise an error if one of the arrays is a view of the parameters of a network, which another one may train."""
        views = [(name, array) for name, array in self._arrays() if array is not None and not array.flags.owndata]
        if not views:
            return
        bounds = sorted((*byte_bounds(array), i) for i, array in enumerate(params))
        ends = [end for _, end, _ in bounds]
        for name, array in views:
            first, last = byte_bounds(array)
            place = bisect.bisect_right(ends, first)
            if place < len(bounds) and bounds[place][0] < last:
                raise ValueError(f"{name} must not share memory with the params of nets[{bounds[place][2]}]")

    def _arrays(self) -> Iterable[tuple[str, Array | None]]:
        for piece in self._pieces.values():
            yield from piece.given.items()


def _refuse_pieces(X: Any, model: Model) -> None:
    """Raise an error for rows that are not in memory."""
    if callable(X) or _sources.is_lazy(X, model.dtype):
        raise TypeError(
            f"X must be an array in memory for many networks at once, got {_validation.shown(X)}: "
            f"MLP.fit reads rows in pieces, for one network"
        )


def _chosen(name: str, value: object, m: int) -> Array:
    """The numbers of rows that `value` stands for, (k,) int64 in memory of our own, since the kernels trust them."""
    array = _validation.as_array(name, value).copy()
    if array.dtype.kind not in "iub" or array.ndim != 1:
        raise TypeError(
            f"{name} must be an array (k,) of row numbers, or of True and False for each row, got "
            f"{_validation.shown(value)}"
        )
    if array.dtype.kind == "b":
        if len(array) != m:
            raise ValueError(f"{name} must have {m} elements if they are True and False, got {len(array)}")
        array = np.flatnonzero(array)
    if len(array) == 0:
        raise ValueError(f"{name} must choose at least one row, got none")
    least, greatest = _validation.extremes(array)
    if least < 0 or greatest >= m:
        raise ValueError(f"{name} must hold row numbers 0 … {m - 1}, got {least} … {greatest}")
    return array.astype(np.int64, copy=False)


def taken(name: str, rows: object, piece: Piece) -> Piece:
    """Those of all rows that the argument of that name chooses; an error for what a fit of them alone would refuse."""
    if rows is None:
        return piece
    order = _chosen(name, rows, len(piece.X))
    if piece.weights is not None:
        _validation.sample_weights(piece.weights[order], len(order), piece.weights.dtype)
    return piece._replace(order=order)
