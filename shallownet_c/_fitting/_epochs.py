"""Epochs of a model on the rows of a source, and what one pass over all of them adds up to."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from shallownet_c import _engine
from shallownet_c._checks._validation import Array
from shallownet_c._engine import Piece, Rule, Run
from shallownet_c._fitting._sources import Source
from shallownet_c._model import Model


def operations(model: Model) -> int:
    """How many a sample takes in a step, roughly: multiply-adds, and 48 for an activation and its slope."""
    return 3 * model.n_params + 48 * sum(model.sizes[1:])


class WholeBatch:
    """Σ w L, Σ w and the gradient of the first, over all rows of a source, again and again while the parameters change.

    The model is the source's own or a capped one.
    """

    def __init__(self, model: Model, source: Source, run: Run) -> None:
        self.model, self.source, self.run = model, source, run
        self.grad = np.empty(model.n_params, model.dtype)

    def cost_and_grad(self) -> tuple[float, float, Array]:
        """Σ w L, Σ w and the gradient (P,), which is the same array in every call."""
        self.grad[:] = 0
        run = self.run
        sums = self.source.sums(
            self.grad, run.n_threads, self.model, training=True, label_smoothing=run.label_smoothing, stop=run.stop
        )
        return *sums, self.grad


class Epochs:
    """Epochs of `model` on a source's rows, by steps of `rule` that change `params` (P,) in place.

    Rows of chunks, whose order cannot be given, are shuffled within them by `rng`, if there is one.
    """

    def __init__(self, model: Model, params: Array, source: Source, rule: Rule, run: Run, rng: Any = None) -> None:
        self.model, self.params, self.source, self.rule, self.rng = model, params, source, rule, rng
        self.net = _engine.network(model, params)
        m = source.m
        if m is not None:
            run = run._replace(batch_size=m if run.batch_size is None else min(m, run.batch_size))
        #: batch_size is that of the steps; None is the whole of a chunk.
        self.settings = run
        #: Rows of the last epoch.
        self.rows = m or 0
        in_pieces = source.whole_batch_in_pieces and run.batch_size == m
        self.whole_batch = WholeBatch(model, source, run) if in_pieces else None

    def run(self, orders: Any, rates: Array, costs: Array) -> None:
        """Train for as many epochs as `rates` and `costs` have elements, and fill the costs, as far as they are finite.

        `orders` are those of the rows in each epoch, as `Orders.take` gives them. A source that is not in memory takes
        one epoch at a time.
        """
        if self.source.in_memory:
            self.train(self.source.piece, orders, rates, costs)
        elif self.whole_batch is not None:
            costs[0] = self._step(self.whole_batch, rates[0])
        else:
            costs[0] = self._pieces(None if orders is None else orders[0], rates)

    def train(self, piece: Piece, orders: Array | None, rates: Array, costs: Array) -> None:
        """Epochs on one piece of the rows alone."""
        batch = self.settings.batch_size or piece.m
        _engine.train(self.net, piece, orders, batch, rates, costs, self.rule, self.settings)

    def _step(self, batch: WholeBatch, rate: float) -> float:
        """The cost of an epoch that is one step on rows that come in pieces."""
        loss_sum, weight_sum, grad = batch.cost_and_grad()
        if math.isfinite(loss_sum) and weight_sum > 0:
            _engine.update(self.net, grad, weight_sum, rate, self.rule)
        return loss_sum / weight_sum

    def _pieces(self, order: Any, rates: Array) -> float:
        """The cost of an epoch on one piece after the other."""
        loss_sum = weight_sum = 0.0
        self.rows = 0
        cost = np.full(1, np.nan)
        for piece in self.source.pieces(order, self.settings.batch_size, self.rng):
            self.train(piece, None, rates, cost)
            m = piece.m
            weight = m if self.settings.objective_scale > 0 else piece.weight_sum
            loss_sum, weight_sum = loss_sum + cost[0] * weight, weight_sum + weight
            self.rows += m
            if not math.isfinite(loss_sum):
                break
        if weight_sum == 0:
            raise ValueError("sample_weight must not be zero in every row of X")
        return loss_sum / weight_sum
