"""What `cross_validate` and `search` share: new networks, the rows that they learn from, scores, tables."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from shallownet_c import _random
from shallownet_c._checks import _validation
from shallownet_c._checks._validation import Array
from shallownet_c._selection import _folds
from shallownet_c._selection._folds import Fold
from shallownet_c._selection._scoring import Scoring
from shallownet_c.history import History
from shallownet_c.many import fit_many
from shallownet_c.mlp import MLP

#: Arguments of `fit_many` that say which networks there are and which rows they see.
CHOSEN = ("nets", "rows", "validation_rows", "validation_data", "order")

#: What a fit that has diverged may need, as a warning says it.
REMEDIES = "Smaller learning rates, clip_norm, or columns of X scaled to about 1"


class Trials:
    """The rows of all fits, as `fit_many` takes them and as arrays, parts of which are held out; and their scoring."""

    def __init__(self, X: Any, Y: Any, weights: Any, scoring: object) -> None:
        if callable(X):
            raise TypeError(f"X must be an array in memory, got {_validation.shown(X)}")
        self.array, self.Y = _validation.as_array("X", X), _validation.as_array("Y", Y)
        if self.array.ndim != 2:
            raise ValueError(f"X must have shape (m, n_0), got {self.array.shape}")
        m = len(self.array)
        if self.Y.ndim not in (1, 2) or len(self.Y) != m:
            raise ValueError(f"Y must have {m} rows to go with X, got the shape {self.Y.shape}")
        self.weights = None if weights is None else _validation.sample_weights(weights, m, np.dtype(np.float64))
        # A list would be one X for each network.
        self.X = self.array if isinstance(X, list) else X
        self.scoring = Scoring(scoring)

    def folds(
        self, net: MLP, folds: int, repeats: int, stratify: object, groups: object, rng: np.random.Generator
    ) -> list[Fold]:
        """The folds of each repeat, for networks like this one; an error if they cannot be scored."""
        self.scoring.check(net, self.Y)
        parts = _folds.draw(net.model, self.Y, folds, repeats, stratify, groups, rng)
        if self.weights is not None and not all(self.weights[rows].any() for part in parts for rows in part):
            raise ValueError("sample_weight must not be zero in all rows of a fold, or in all others")
        return parts

    def fit(self, nets: Sequence[MLP], rows: list[Any] | None, **fit: Any) -> list[History]:
        """Train the networks, each on its rows."""
        return fit_many(nets, self.X, self.Y, rows=rows, sample_weight=self.weights, **fit)

    def scores(self, nets: Sequence[MLP], histories: Sequence[History], parts: Sequence[Fold]) -> Array:
        """Each network's score on the rows that were held out from it; NaN if its fit diverged."""
        scores = np.full(len(nets), np.nan)
        for i, (net, history, part) in enumerate(zip(nets, histories, parts, strict=True)):
            if history.stopped != "diverged":
                weights = None if self.weights is None else self.weights[part.test]
                scores[i] = self.scoring(net, self.array[part.test], self.Y[part.test], weights)
        return scores

    def badness(self, scores: Array) -> float:
        """The less the better; infinite if one of the fits diverged."""
        mean = float(scores.mean())
        return math.inf if math.isnan(mean) else -self.scoring.sign * mean


def made(make_net: Callable[..., MLP], params: dict[str, Any], count: int) -> list[MLP]:
    """So many new networks."""
    check_callable(make_net)
    nets = [make_net(**params) for _ in range(count)]
    for net in nets:
        if not isinstance(net, MLP):
            raise TypeError(f"make_net must return an MLP, got {_validation.shown(net)}")
    if len({id(net) for net in nets}) < count:
        raise ValueError("make_net must return a new network each time, got the same one again")
    return nets


def check_callable(make_net: object) -> None:
    if not callable(make_net) or isinstance(make_net, MLP):
        raise TypeError(f"make_net must be a function that returns a new MLP, got {_validation.shown(make_net)}")


def refuse_chosen(function: str, fit: dict[str, Any]) -> None:
    """Raise an error if one of the arguments chooses networks or rows."""
    for name in CHOSEN:
        if name in fit:
            raise TypeError(f"{name} does not go with {function}, which makes the networks and draws the rows of each")


def generator(seed: object) -> np.random.Generator:
    rng = _validation.random_generator(seed)
    return rng if isinstance(rng, np.random.Generator) else np.random.default_rng(_random.draw_seed(rng))


def table(title: str, header: list[str], rows: Sequence[tuple[Any, ...]]) -> str:
    """Columns as wide as what stands in them, numbers to five digits."""
    cells = [header, *([f"{x:.5g}" if isinstance(x, float) else str(x) for x in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in cells)
    return "\n".join((title, *lines))
