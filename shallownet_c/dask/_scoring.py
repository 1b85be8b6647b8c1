"""Accuracy and R² of an estimator on collections: a few numbers from each partition."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import numpy as np

from shallownet_c._checks._validation import Array
from shallownet_c._scores import Accuracy, RSquared
from shallownet_c.dask import _partitions


def hits(estimator: Any, X: Any, y: Any, weights: Any) -> Accuracy:
    """The accuracy on a partition."""
    found = Accuracy()
    if len(X):
        predicted = estimator.predict(X)
        found.add(predicted, np.asarray(y).reshape(predicted.shape), _numbers(weights))
    return found


def spread(estimator: Any, X: Any, y: Any, weights: Any) -> RSquared:
    """R² on a partition, of no rows if there is none with a weight."""
    found, weights = RSquared(), _numbers(weights)
    if len(X) and (weights is None or weights.any()):
        y = np.asarray(y, np.float64).reshape(len(X), -1)
        found.add(np.asarray(estimator.predict(X)).reshape(y.shape), y, weights)
    return found


def _numbers(weights: Any) -> Array | None:
    return None if weights is None else np.asarray(weights, np.float64)


def accuracy(parts: list[Accuracy]) -> float:
    """The accuracy on the rows of all partitions."""
    found = Accuracy()
    for part in parts:
        found.join(part)
    if not found.weight_sum:
        raise ValueError("sample_weight must not be zero in every row of X")
    return found.value


def r_squared(parts: list[RSquared]) -> float:
    """R² on the rows of all partitions."""
    found = RSquared()
    for part in parts:
        found.join(part)
    if not found.weight_sum:
        raise ValueError("X must have at least one row with a weight")
    return found.value


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
