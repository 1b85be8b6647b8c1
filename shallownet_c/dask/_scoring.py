"""Accuracy and R² of an estimator on collections: a few numbers from each partition."""

from __future__ import annotations

import functools
import uuid
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from shallownet_c._checks._validation import Array
from shallownet_c.dask import _partitions


class Spread(NamedTuple):
    """Of the targets of some rows, by columns: Σ w, the mean, Σ w (y − mean)², Σ w (y − a)², and the number of rows."""

    weight: float
    mean: Array
    squares: Array
    unexplained: Array
    rows: int


def hits(estimator: Any, X: Any, y: Any, weights: Any) -> tuple[float, float]:
    """Σ w over the rows that are predicted, and over all."""
    if not len(X):
        return 0.0, 0.0
    predicted, y = estimator.predict(X), np.asarray(y)
    hit = predicted == y.reshape(predicted.shape)
    w = np.ones(len(hit)) if weights is None else np.asarray(weights, np.float64)
    return float(w @ (hit if hit.ndim == 1 else hit.all(axis=1))), float(w.sum())


def spread(estimator: Any, X: Any, y: Any, weights: Any) -> Spread | None:
    """That of the rows of a partition, None if there are none or without weight."""
    if not len(X):
        return None
    y = np.asarray(y, np.float64).reshape(len(X), -1)
    w = np.ones(len(y)) if weights is None else np.asarray(weights, np.float64)
    if not w.any():
        return None
    mean = np.average(y, axis=0, weights=w)
    predicted = np.asarray(estimator.predict(X), np.float64).reshape(y.shape)
    return Spread(float(w.sum()), mean, w @ (y - mean) ** 2, w @ (y - predicted) ** 2, len(y))


def together(a: Spread, b: Spread) -> Spread:
    """The spread of the rows of both (Chan, Golub and LeVeque, 1979)."""
    weight, apart = a.weight + b.weight, b.mean - a.mean
    mean = a.mean + apart * (b.weight / weight)
    squares = a.squares + b.squares + apart**2 * (a.weight * b.weight / weight)
    return Spread(weight, mean, squares, a.unexplained + b.unexplained, a.rows + b.rows)


def accuracy(parts: list[tuple[float, float]]) -> float:
    """The share of the weights that were hit."""
    hit, weight = map(sum, zip(*parts, strict=True))
    if not weight:
        raise ValueError("sample_weight must not be zero in every row of X")
    return float(hit / weight)


def r_squared(parts: list[Spread | None]) -> float:
    """1 − Σ w (y − a)² / Σ w (y − ȳ)², the mean over the columns; a constant one counts 1 or 0, as in scikit-learn."""
    found = [part for part in parts if part is not None]
    if not found:
        raise ValueError("X must have at least one row with a weight")
    whole = functools.reduce(together, found)
    if whole.rows < 2:
        return float("nan")
    some = whole.squares > 0
    explained = 1 - np.divide(whole.unexplained, whole.squares, out=np.zeros_like(whole.squares), where=some)
    return float(np.where(some, explained, whole.unexplained == 0).mean())


def parts_of(function: Callable[..., Any], estimator: Any, X: Any, y: Any, sample_weight: Any) -> list[Any]:
    """What the function gives for the partitions of a collection, computed now."""
    dask, id = _partitions.library("dask"), uuid.uuid4().hex
    rows = _partitions.rows_of(X, estimator.n_features_in_)
    targets = _partitions.goes_with("y", y, rows).items
    weights = [None] * len(targets)
    if sample_weight is not None:
        weights = _partitions.goes_with("sample_weight", sample_weight, rows).items
    shared = dask.delayed(estimator, name=f"shallownet-network-{id}", traverse=False)
    tasks = [
        dask.delayed(function)(shared, *part, dask_key_name=f"shallownet-score-{number}-{id}")
        for number, part in enumerate(zip(rows.items, targets, weights, strict=True))
    ]
    return list(dask.compute(*tasks))
