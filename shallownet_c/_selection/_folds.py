"""Folds: which rows each network of a cross-validation learns from, and which are held out from it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from shallownet_c._checks import _validation
from shallownet_c._checks._validation import Array
from shallownet_c._fitting import _targets
from shallownet_c._model import Model
from shallownet_c.reference._activations import ACTIVATIONS
from shallownet_c.reference._losses import LOSSES


class Fold(NamedTuple):
    """The numbers of the rows that are trained on and of those that are held out, both in increasing order."""

    train: Array
    test: Array


def draw(
    model: Model, Y: Array, folds: int, repeats: int, stratify: object, groups: object, rng: np.random.Generator
) -> list[Fold]:
    """The folds of every repeat.

    Each row is held out once in a repeat. Folds differ by one row at most, and so do the rows of a stratum in them;
    those of groups are as even as whole groups allow: the largest group left goes to the smallest fold.

    Raises
    ------
    ValueError, TypeError
        If Y, stratify or groups is not what `cross_validate` takes, or there are fewer rows or groups than folds.
    """
    m = len(Y)
    if groups is not None:
        if stratify is not None and stratify is not False:
            raise ValueError("stratify must be None or False where groups are given, which go to folds as a whole")
        numbers = _numbers("groups", groups, m)
        sizes = np.bincount(numbers)
        if len(sizes) < folds:
            raise ValueError(f"groups must hold at least {folds} groups for {folds} folds, got {len(sizes)}")
        drawn = [_fold_of_group(sizes, folds, rng)[numbers] for _ in range(repeats)]
    else:
        if m < folds:
            raise ValueError(f"folds must be at most the number of rows, {m}, got {folds}")
        strata = _strata(stratify, model, Y)
        drawn = []
        for _ in range(repeats):
            order = rng.permutation(m)
            place = np.empty(m, np.int64)
            place[order[np.argsort(strata[order], kind="stable")]] = np.arange(m) % folds
            drawn.append(place)
    return [Fold(np.flatnonzero(place != k), np.flatnonzero(place == k)) for place in drawn for k in range(folds)]


def _fold_of_group(sizes: Array, folds: int, rng: np.random.Generator) -> Array:
    """The number of each group's fold."""
    order = rng.permutation(len(sizes))
    place, filled = np.empty(len(sizes), np.int64), np.zeros(folds, np.int64)
    for group in order[np.argsort(-sizes[order], kind="stable")]:
        place[group] = filled.argmin()
        filled[place[group]] += sizes[group]
    return place


def _strata(stratify: object, model: Model, Y: Array) -> Array:
    """The number of each row's stratum."""
    m = len(Y)
    if isinstance(stratify, (bool, np.bool_)):
        stratify = bool(stratify)
    elif stratify is not None:
        return _numbers("stratify", stratify, m)
    targets, classes = _targets.check(model, Y, m)
    if classes is None and targets is not None and LOSSES[model.loss].classes:
        if not ACTIVATIONS[model.activations[-1]].elementwise:
            classes = np.asarray(targets.argmax(axis=1))
        elif targets.shape[1] == 1:
            classes = targets[:, 0] > 0.5
    if stratify is True and classes is None:
        raise ValueError(
            "stratify must be None, False or an array (m,) of labels where the rows of Y have no class, got True"
        )
    return np.zeros(m, np.int64) if classes is None or stratify is False else classes


def _numbers(name: str, value: object, m: int) -> Array:
    """Labels (m,) of any kind that can be sorted, numbered."""
    labels = _validation.as_array(name, value)
    if labels.shape != (m,):
        raise ValueError(f"{name} must have shape ({m},) to go with X, got {labels.shape}")
    try:
        return np.unique(labels, return_inverse=True)[1]
    except TypeError:
        raise TypeError(f"{name} must hold labels that can be sorted, got {_validation.shown(value)}") from None
