"""Data to try a network on, the course's flower and real handwritten digits; and the split that makes a dev set."""

from __future__ import annotations  # evaluated, the annotations would import numpy.random

import sys
from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np

from shallownet_c._checks import _validation

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

Array = np.ndarray[Any, Any]


def make_flower(
    m: int = 400, seed: int | np.random.Generator | np.random.RandomState | None = None, *, shuffle: bool = False
) -> tuple[Array, Array]:
    """The course's flower: two classes of points in the plane whose petals alternate.

    For class j = 0, 1: t = linspace(3.12 j, 3.12 (j + 1), m / 2) + 0.2 · randn, r = 4 sin 4t + 0.2 · randn, and
    x = (r sin t, r cos t). No line separates them; four tanh units do, apart from the noise.

    Parameters
    ----------
    m : int, default 400
        Samples, half of them in each class: even, at least 2.
    seed : None, int, numpy.random.Generator or numpy.random.RandomState
    shuffle : bool, default False
        Return the same samples in random order.

    Returns
    -------
    X : ndarray (m, 2), float64
    y : ndarray (m,), int64
        The first half 0, the second 1, unless they are shuffled: `train_dev_split` makes a dev set, a slice does not.

    Raises
    ------
    ValueError, TypeError
        If m is not an even positive integer, seed is not a seed, or shuffle is not True or False.

    Examples
    --------
    >>> import shallownet_c as sn
    >>> X, y = sn.datasets.make_flower(400, seed=1)
    >>> X.shape, int(y.sum())
    ((400, 2), 200)
    """
    m = _validation.integer("m", m, 2, sys.maxsize // 16)  # two float64 for each
    if m % 2:
        raise ValueError(f"m must be even, half of it for each class, got {m}")
    shuffle = _validation.boolean("shuffle", shuffle)
    rng = _validation.random_generator(seed)
    halves = []
    for j in range(2):
        t = np.linspace(3.12 * j, 3.12 * (j + 1), m // 2) + 0.2 * rng.standard_normal(m // 2)
        r = 4 * np.sin(4 * t) + 0.2 * rng.standard_normal(m // 2)
        halves.append(np.column_stack([r * np.sin(t), r * np.cos(t)]))
    X, y = np.concatenate(halves), np.repeat(np.arange(2), m // 2)
    if shuffle:
        order = rng.permutation(m)
        X, y = X[order], y[order]
    return X, y


def load_digits() -> tuple[Array, Array]:
    """1,797 handwritten digits of 8 × 8 pixels: the test part of a set by Alpaydin and Kaynak.

    UCI Machine Learning Repository, Optical Recognition of Handwritten Digits (1998), doi:10.24432/C50P49, CC BY 4.0;
    the same numbers as scikit-learn's ``load_digits``.

    Returns
    -------
    X : ndarray (1797, 64), float64
        Pixels row by row, whole numbers from 0 (paper) to 16 (ink).
    y : ndarray (1797,), int64
        The digit.

    Examples
    --------
    >>> import shallownet_c as sn
    >>> X, y = sn.datasets.load_digits()
    >>> X.shape, y[:5].tolist()
    ((1797, 64), [0, 1, 2, 3, 4])
    """
    with resources.files("shallownet_c").joinpath("data/digits.npz").open("rb") as file, np.load(file) as data:
        return data["X"].astype(np.float64), data["y"].astype(np.int64)


def train_dev_split(
    *arrays: ArrayLike,
    dev_fraction: float = 0.2,
    stratify: ArrayLike | None = None,
    seed: int | np.random.Generator | np.random.RandomState | None = None,
) -> tuple[Any, ...]:
    """Shuffle the rows and split them into a training set and a dev set.

    Parameters
    ----------
    *arrays : array_like (m, …)
        As many as there are, X, y and perhaps sample_weight: all are split in the same way.
    dev_fraction : float, default 0.2
        Part of the rows in the dev set, between 0 and 1.
    stratify : array_like (m,), optional
        Labels, mostly y itself: the dev set has each of them in proportion, give or take one row.
    seed : None, int, numpy.random.Generator or numpy.random.RandomState

    Returns
    -------
    tuple
        Two for each array, the training rows and the dev rows: X_train, X_dev, y_train, y_dev. Tables of pandas stay
        tables, sparse matrices become CSR, everything else an ndarray; all are copies.

    Raises
    ------
    ValueError, TypeError
        If the arrays differ in their number of rows, a set would be empty, or an argument is not what it should be.

    Examples
    --------
    >>> import shallownet_c as sn
    >>> X, y = sn.datasets.make_flower(400, seed=1)
    >>> X_train, X_dev, y_train, y_dev = sn.datasets.train_dev_split(X, y, stratify=y, seed=0)
    >>> X_train.shape, X_dev.shape, int(y_dev.sum())
    ((320, 2), (80, 2), 40)
    """
    if not arrays:
        raise TypeError("train_dev_split needs at least one array")
    tables = [_table(f"array {place}", array) for place, array in enumerate(arrays, 1)]
    m = tables[0].shape[0]
    for place, table in enumerate(tables, 1):
        if table.shape[0] != m:
            raise ValueError(f"array {place} must have {m} rows like the first one, got {table.shape[0]}")
    dev_fraction = _validation.real_number("dev_fraction", dev_fraction, "between 0 and 1", lambda x: 0 < x < 1)
    n_dev = round(dev_fraction * m)
    if not 0 < n_dev < m:
        raise ValueError(
            f"dev_fraction must leave a row for each set, got {dev_fraction} of {m} rows, which is {n_dev}"
        )
    classes = None if stratify is None else _classes(stratify, m)
    rng = _validation.random_generator(seed)
    order = rng.permutation(m)
    if classes is None:
        dev, train = order[:n_dev], order[n_dev:]
    else:
        # Class after class, each in random order: then every (m / n_dev)th row is one for the dev set.
        order = order[np.argsort(classes[order], kind="stable")]
        chosen = np.diff(np.arange(m + 1) * n_dev // m) == 1
        dev, train = rng.permutation(order[chosen]), rng.permutation(order[~chosen])
    return tuple(
        table.iloc[rows] if hasattr(table, "iloc") else table[rows] for table in tables for rows in (train, dev)
    )


def _table(name: str, value: Any) -> Any:
    """The value as something whose rows can be taken by their numbers, by position."""
    if hasattr(value, "tocsr"):
        return value.tocsr()
    if not hasattr(value, "iloc"):
        value = _validation.as_array(name, value)
    if len(value.shape) == 0:
        raise ValueError(f"{name} must have rows, got a single value")
    return value


def _classes(labels: ArrayLike, m: int) -> Array:
    """The number of each row's label."""
    array = _validation.as_array("stratify", labels)
    if array.shape != (m,):
        raise ValueError(f"stratify must be the {m} rows' labels, of shape ({m},), got shape {array.shape}")
    try:
        return np.unique(array, return_inverse=True)[1]
    except TypeError as error:  # numbers and strings among the labels
        raise TypeError(f"stratify must be labels that can be sorted: {error}") from None
