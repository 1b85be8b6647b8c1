"""What a network's outputs say, and how good they are: classes, accuracy and R², with weights."""

from collections.abc import Callable
from typing import Any

import numpy as np

from shallownet_c._checks import _validation
from shallownet_c._checks._validation import Array
from shallownet_c._fitting._sources import Source
from shallownet_c._model import Model
from shallownet_c.reference._activations import ACTIVATIONS
from shallownet_c.reference._losses import LOSSES


def classify(predict: Callable[[Any], Array], model: Model, X: object) -> Any:
    """See `MLP.classify`."""
    output = ACTIVATIONS[model.activations[-1]]
    if not output.probabilities:
        takes = " or ".join(repr(name) for name, row in ACTIVATIONS.items() if row.probabilities)
        raise ValueError(f"classify needs a network with output {takes}, got {output.name!r}")
    A = predict(X)
    numbers = np.isfinite(A).all(axis=-1)
    if not numbers.all():
        where = f" for row {int(np.argmin(numbers))}" if A.ndim == 2 else ""
        got = _validation.shown(A[np.argmin(numbers)] if where else A)
        raise ValueError(f"X must give outputs that are numbers, got {got}{where}")
    if not output.elementwise:
        return A.argmax(axis=-1)
    classes = (A > 0.5).astype(np.int64)
    return classes[..., 0] if model.sizes[-1] == 1 else classes


def score(predict: Callable[[Any], Array], model: Model, source: Source, of_classes: bool | None = None) -> float:
    """See `MLP.score`: `predict` is the network on rows of the source.

    `of_classes` says whether it is the accuracy or R²; by default that follows from the loss.
    """
    pieces = [(predict(piece.X), piece.targets, piece.weights) for piece in source.pieces(None, source.m or 1, None)]
    A, Y = (np.concatenate([piece[k] for piece in pieces]) for k in (0, 1))
    given = [piece[2] if piece[2] is not None else np.ones(len(piece[0]), model.dtype) for piece in pieces]
    weights = np.concatenate(given)
    if not weights.any():
        raise ValueError("sample_weight must not be zero in every row of X")
    loss, output = LOSSES[model.loss], model.activations[-1]
    if not (loss.classes if of_classes is None else of_classes):
        logarithms = loss.logarithmic and output not in loss.canonical
        return r_squared(np.exp(A) if logarithms else A, Y, weights)
    if ACTIVATIONS[output].elementwise:
        return accuracy(A > 0.5, Y > 0.5, weights)
    return accuracy(A.argmax(axis=1), Y if Y.ndim == 1 else Y.argmax(axis=1), weights)


def accuracy(predicted: Array, Y: Array, weights: Array | None) -> float:
    """Share of the samples of predicted (m,) or (m, n) that are equal to those of Y in every column."""
    hit = predicted == Y
    return float(np.average(hit if hit.ndim == 1 else hit.all(axis=1), weights=weights))


def r_squared(A: Array, Y: Array, weights: Array | None) -> float:
    """1 − Σ w (y − a)² / Σ w (y − ȳ)² of A and Y (m, n), the mean over the columns; NaN for fewer than two samples.

    A constant column of Y counts 1 if it is predicted exactly and 0 otherwise, as in scikit-learn.
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
