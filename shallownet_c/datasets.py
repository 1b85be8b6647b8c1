"""Two sets of data to try a network on: the course's flower, and real handwritten digits."""

import sys
from importlib import resources
from typing import Any

import numpy as np

from shallownet_c import _validation

Array = np.ndarray[Any, Any]


def make_flower(
    m: int = 400, seed: int | np.random.Generator | np.random.RandomState | None = None
) -> tuple[Array, Array]:
    """The course's flower: two classes of points in the plane whose petals alternate.

    For class j = 0, 1: t = linspace(3.12 j, 3.12 (j + 1), m / 2) + 0.2 · randn, r = 4 sin 4t + 0.2 · randn, and
    x = (r sin t, r cos t). No line separates them; four tanh units do, but for the noise.

    Parameters
    ----------
    m : int, default 400
        Samples, half of them in each class: even, at least 2.
    seed : None, int, numpy.random.Generator or numpy.random.RandomState

    Returns
    -------
    X : ndarray (m, 2), float64
    y : ndarray (m,), int64
        The first half 0, the second 1.

    Raises
    ------
    ValueError, TypeError
        If m is no even positive integer, or seed no seed.

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
    rng = _validation.random_generator(seed)
    halves = []
    for j in range(2):
        t = np.linspace(3.12 * j, 3.12 * (j + 1), m // 2) + 0.2 * rng.standard_normal(m // 2)
        r = 4 * np.sin(4 * t) + 0.2 * rng.standard_normal(m // 2)
        halves.append(np.column_stack([r * np.sin(t), r * np.cos(t)]))
    return np.concatenate(halves), np.repeat(np.arange(2), m // 2)


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
