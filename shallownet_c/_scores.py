"""What a network's outputs say, and how good they are: classes, accuracy and R², with weights."""

from collections.abc import Callable
from typing import Any, Self

import numpy as np

from shallownet_c._checks import _validation
from shallownet_c._checks._validation import Array
from shallownet_c._fitting._sources import Source
from shallownet_c._model import Model
from shallownet_c.reference._activations import ACTIVATIONS
from shallownet_c.reference._losses import LOSSES

#: Rows whose predictions are in memory at a time, so that a score needs no more of it for more rows.
BLOCK_ROWS = 1 << 16


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
    loss, output = LOSSES[model.loss], model.activations[-1]
    kind = Accuracy if (loss.classes if of_classes is None else of_classes) else RSquared
    found = kind()
    for piece in source.pieces(None, source.m or 1, None):
        for first in range(0, len(piece.X), BLOCK_ROWS):
            rows = slice(first, first + BLOCK_ROWS)
            A, Y = predict(piece.X[rows]), piece.targets[rows]
            if kind is RSquared:
                logarithms = loss.logarithmic and output not in loss.canonical
                A = np.exp(A) if logarithms else A
            elif ACTIVATIONS[output].elementwise:
                A, Y = A > 0.5, Y > 0.5
            else:
                A, Y = A.argmax(axis=1), Y if Y.ndim == 1 else Y.argmax(axis=1)
            found.add(A, Y, None if piece.weights is None else piece.weights[rows])
    if found.weight_sum == 0:
        raise ValueError("sample_weight must not be zero in every row of X")
    return found.value


class Accuracy:
    """The share of samples that are equal in every column, over blocks of rows."""

    hits = weight_sum = 0.0

    def add(self, predicted: Array, Y: Array, weights: Array | None) -> None:
        """Take in rows of predicted and Y (m,) or (m, n)."""
        hit = predicted == Y
        hit = hit if hit.ndim == 1 else hit.all(axis=1)
        w = np.ones(len(hit)) if weights is None else weights.astype(np.float64)
        self.hits += float(w @ hit)
        self.weight_sum += float(w.sum())

    def join(self, other: Self) -> None:
        """Take in the rows that another has taken in."""
        self.hits += other.hits
        self.weight_sum += other.weight_sum

    @property
    def value(self) -> float:
        return self.hits / self.weight_sum


class RSquared:
    """1 − Σ w (y − a)² / Σ w (y − ȳ)², the mean over the columns, over blocks of rows; NaN for fewer than two samples.

    A constant column of Y counts 1 if it is predicted exactly and 0 otherwise, as in scikit-learn.
    """

    rows, weight_sum = 0, 0.0
    mean: Array
    spread: Array
    unexplained: Array

    def add(self, A: Array, Y: Array, weights: Array | None) -> None:
        """Take in rows of A and Y (m, n)."""
        A, Y = A.astype(np.float64), Y.astype(np.float64)
        w = np.ones(len(Y)) if weights is None else weights.astype(np.float64)
        block = type(self)()
        block.rows, block.weight_sum = len(Y), float(w.sum())
        if block.weight_sum > 0:
            with np.errstate(over="ignore", invalid="ignore"):
                block.mean = np.average(Y, axis=0, weights=w)
                block.unexplained, block.spread = w @ (Y - A) ** 2, w @ (Y - block.mean) ** 2
        self.join(block)

    def join(self, other: Self) -> None:
        """Take in the rows of another: means and sums of squares of two parts give those of both (Chan, 1979)."""
        self.rows += other.rows
        if other.weight_sum == 0:
            return
        if self.weight_sum == 0:
            self.mean, self.spread, self.unexplained = other.mean, other.spread, other.unexplained
        else:
            with np.errstate(over="ignore", invalid="ignore"):
                share = other.weight_sum / (self.weight_sum + other.weight_sum)
                away = other.mean - self.mean
                self.spread = other.spread + (self.spread + share * self.weight_sum * away**2)
                self.unexplained = other.unexplained + self.unexplained
                self.mean = self.mean + share * away
        self.weight_sum += other.weight_sum

    @property
    def value(self) -> float:
        if self.rows < 2:
            return float("nan")
        spread, unexplained = self.spread, self.unexplained
        with np.errstate(over="ignore", invalid="ignore"):
            explained = 1 - np.divide(unexplained, spread, out=np.zeros_like(spread), where=spread > 0)
        return float(np.where(spread > 0, explained, unexplained == 0).mean())


def r_squared(A: Array, Y: Array, weights: Array | None) -> float:
    """R² of A for Y (m, n), see `RSquared`."""
    found = RSquared()
    found.add(A, Y, weights)
    return found.value
