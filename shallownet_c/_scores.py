"""How good predictions are: accuracy and R², with weights."""

import numpy as np

from shallownet_c._checks._validation import Array


def accuracy(predicted: Array, Y: Array, weights: Array | None) -> float:
    """Share of the samples of predicted (m,) or (m, n) that are equal to those of Y in every column."""
    hit = predicted == Y
    return float(np.average(hit if hit.ndim == 1 else hit.all(axis=1), weights=weights))


def r_squared(A: Array, Y: Array, weights: Array | None) -> float:
    """1 − Σ w (y − a)² / Σ w (y − ȳ)² of A and Y (m, n), the mean over the columns; NaN for fewer than two samples.

    A column of Y that never changes counts 1 where it is predicted exactly and 0 elsewhere, as in scikit-learn.
    """
    if len(Y) < 2:
        return float("nan")
    A, Y = A.astype(np.float64), Y.astype(np.float64)
    w = np.ones(len(Y)) if weights is None else weights.astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        unexplained = w @ (Y - A) ** 2
        spread = w @ (Y - np.average(Y, axis=0, weights=w)) ** 2
        explained = 1 - np.divide(unexplained, spread, out=np.zeros_like(spread), where=spread > 0)
    return float(np.where(spread > 0, explained, unexplained == 0).mean())
