"""What `MLP.fit` warns of: data and arguments that no check can refuse, and that are likely to give a bad fit."""

from __future__ import annotations  # evaluated, the annotations would import numpy.random

import contextlib
import os
import sys
import warnings
from collections.abc import Iterator
from contextvars import ContextVar
from typing import TYPE_CHECKING

import numpy as np

from shallownet_c import _engine
from shallownet_c._checks import _validation
from shallownet_c._fitting._sources import Chunks, Source, some_rows
from shallownet_c.errors import FitWarning
from shallownet_c.optimizers import Optimizer
from shallownet_c.reference._activations import ACTIVATIONS
from shallownet_c.reference._losses import LOSSES

if TYPE_CHECKING:
    from shallownet_c.history import History

#: A full batch of more rows than this for fewer epochs than that is hardly what the caller has in mind.
FULL_BATCH_ROWS, FULL_BATCH_EPOCHS = 1_000, 1_000
WIDEST_INPUT, GREATEST_NUMBER = 100.0, 1e3

_silent: ContextVar[bool] = ContextVar("_silent", default=False)


@contextlib.contextmanager
def silenced() -> Iterator[None]:
    """No warnings from fits that the package begins by itself."""
    token = _silent.set(True)
    try:
        yield
    finally:
        _silent.reset(token)


class Advice:
    """What is worth a warning in one fit, which warns once at most."""

    def __init__(self, source: Source, optimizer: Optimizer, epochs: int, batch_size: int | None) -> None:
        self.model, self.params, self.m = source.model, source.params, source.m or 0
        self.optimizer, self.epochs, self.batch_size = optimizer, epochs, batch_size
        self.chunks = source if isinstance(source, Chunks) else None
        self.silent = _silent.get() or (source.m is None and self.chunks is None)
        if not self.silent and self.chunks is None:
            self.rows = some_rows(next(iter(source.pieces(None, source.m, None))))

    def before(self) -> None:
        """Warn of what can be told beforehand; chunks have not come yet."""
        if not self.silent and self.chunks is None:
            self._warn([*self._full_batch(), *self._sizes(), *self._classes_as_numbers()])

    def after(self, history: History) -> None:
        """Warn of a fit that has come to nothing, unless this fit has been warned of before, and of chunks."""
        if self.silent:
            return
        reasons = []
        if self.chunks is not None and self.chunks.sample is not None:
            self.rows = self.chunks.sample
            reasons = [*self._sizes(), *self._classes_as_numbers()]
        if not reasons and history.n_epochs > 1 and history.stopped != "callback":
            reasons = self._no_better_than_the_mean(history.cost[-1])
        self._warn(reasons)

    def _warn(self, reasons: list[str]) -> None:
        if reasons:
            self.silent = True
            warnings.warn(" ".join(reasons), FitWarning, stacklevel=callers_level())

    def _full_batch(self) -> list[str]:
        if (
            self.batch_size is not None
            or not self.optimizer.for_minibatches
            or self.m <= FULL_BATCH_ROWS
            or self.epochs >= FULL_BATCH_EPOCHS
        ):
            return []
        return [
            f"Without a batch_size each of the {self.epochs} epochs is a single step on all {self.m} rows: "
            f"batch_size=200 or so mostly learns more in less time, and batch_size={self.m} says that the full batch "
            f"is wanted."
        ]

    def _sizes(self) -> list[str]:
        reasons = []
        X = self.rows.X
        dense = isinstance(X, np.ndarray)
        least, greatest = _validation.extremes(X) if isinstance(X, np.ndarray) else X.extremes()
        if greatest - least > WIDEST_INPUT or max(-least, greatest) > GREATEST_NUMBER:  # otherwise no column is as wide
            ranges = (X.min(axis=0), X.max(axis=0)) if isinstance(X, np.ndarray) else X.ranges()
            lows, highs = (ends.astype(np.float64) for ends in ranges)
            with np.errstate(over="ignore"):
                bad = (highs - lows > WIDEST_INPUT) | (np.maximum(-lows, highs) > GREATEST_NUMBER)
            if bad.any():
                column = int(bad.argmax())
                remedy = (
                    "fit (X - mean) / std, with the mean and the standard deviation of each column, and predict with "
                    "the same two."
                    if dense
                    else "divide each column by its greatest magnitude, in predictions, too."
                )
                reasons.append(
                    f"Column {column} of X goes from {lows[column]:.4g} to {highs[column]:.4g}, and networks learn "
                    f"best from inputs of about 1: {remedy}"
                )
        if self.rows.Y is not None and not LOSSES[self.model.loss].canonical:
            greatest = max(map(abs, _validation.extremes(self.rows.Y)))
            if greatest > GREATEST_NUMBER:
                reasons.append(
                    f"Y has values as large as {greatest:.4g}, which the weights of a network reach slowly: fit "
                    f"(Y - Y.mean()) / Y.std() and undo that in what it predicts."
                )
        return reasons

    def _classes_as_numbers(self) -> list[str]:
        Y = self.rows.Y
        if Y is None or self.model.loss != "squared_error" or self.model.activations[-1] != "identity":
            return []
        if not ((Y == 0) | (Y == 1)).all() or (Y[0] == Y).all() or (Y.shape[1] > 1 and (Y.sum(axis=1) != 1).any()):
            return []
        return [
            "Y has only 0 and 1, which the output 'identity' takes for numbers: classes go with output='sigmoid', or "
            "with 'softmax' and an output for each, and net.classify(X) then says which it is."
        ]

    def _no_better_than_the_mean(self, cost: float) -> list[str]:
        of_the_mean = self._cost_of_the_mean()
        # The last epoch began with this cost: a glance that spares most fits the passage of the rows.
        if not of_the_mean > 0 or cost < 0.9 * of_the_mean:
            return []
        loss_sum, weight_sum = _engine.gradient(_engine.network(self.model, self.params), self.rows, None)
        if loss_sum / weight_sum < of_the_mean:
            return []
        return [
            f"The fit has ended with a cost of {loss_sum / weight_sum:.4g}, no better than the mean of Y for every "
            f"row, whose cost is {of_the_mean:.4g}: more epochs, another learning_rate, columns of X and of Y scaled "
            f"to a mean of 0 and a spread of 1, or another seed may help."
        ]

    def _cost_of_the_mean(self) -> float:
        """J of a network that says the mean of Y, or the classes' frequencies, whatever X is.

        NaN where all rows have weight 0, or the same target: nothing can be better then.
        """
        model, rows, targets = self.model, self.rows, self.rows.targets
        w = np.ones(len(rows.X)) if rows.weights is None else rows.weights.astype(np.float64)
        if not w.any() or (targets == targets[0]).all():
            return float("nan")
        if rows.classes is not None:
            mean = np.bincount(rows.classes, w, model.sizes[-1]) / w.sum()
        else:
            mean = np.average(targets, axis=0, weights=w)
        loss = LOSSES[model.loss]
        output = model.activations[-1] if model.activations[-1] in loss.canonical else loss.usual_output
        link = ACTIVATIONS[output].link
        assert link is not None
        with np.errstate(divide="ignore"):
            z = link(mean)
        if loss.canonical:
            # The logarithm of a frequency of 0 is infinite; any number that is small enough has the same loss.
            z = np.clip(z, -80, 80)
        Z = np.tile(z.astype(model.dtype), (len(w), 1))
        return float(_engine.output_gradient(model, output, Z, self.rows) / w.sum())


def callers_level() -> int:
    """How far up the stack the line stands that called into the package, for `warnings.warn` in the function above."""
    folder = os.path.dirname(os.path.dirname(__file__))
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and frame.f_code.co_filename.startswith(folder):
        frame, level = frame.f_back, level + 1
    return level
