"""Steps on minibatches by several learners, whose parameters are averaged again and again."""

from __future__ import annotations

import math

import numpy as np

from shallownet_c import _random
from shallownet_c._checks._validation import Array
from shallownet_c._fitting import _fit, _progress
from shallownet_c._fitting._epochs import Epochs
from shallownet_c.dask import _work
from shallownet_c.dask._source import Collection


class LocalEpochs(Epochs):
    """Epochs in which each learner goes once over its own rows."""

    source: Collection

    def __init__(self, epochs: Epochs, sync_every: int) -> None:
        self.__dict__.update(vars(epochs))
        self.rows = self.source.n_rows
        self.sync_every = sync_every

    def run(self, orders: Array | None, rates: Array, costs: Array) -> None:
        """See `Epochs.run`; one epoch at a time."""
        source, batch = self.source, self.settings.batch_size or 1
        learners = source.rounds.learners or []
        lengths = [sum(_work.batches(source.sizes[leaf], batch) for leaf in leaves) for leaves in learners]
        seed = None if self.rng is None else _random.draw_seed(self.rng)
        rule, loss_sum, weight_sum = self.rule, 0.0, 0.0
        for first in range(0, max(lengths), self.sync_every):
            steps = _work.Steps(batch, first, first + self.sync_every, seed)
            total = source.rounds.run(
                "steps", _work.learn, np.vstack([self.params, rule.state]), self.model,
                rule._replace(state=rule.state[:, :0]), float(rates[0]), self.settings, steps, merge="average",
                only=[number for number, length in enumerate(lengths) if length > first],
            )  # fmt: skip
            loss_sum, weight_sum = loss_sum + total.loss, weight_sum + total.weight
            if not math.isfinite(loss_sum):
                break
            if total.weight and total.vector is not None:
                self.params[:], rule.state[:], rule.step[:] = total.vector[0], total.vector[1:], total.step
        costs[0] = loss_sum / weight_sum


class DaskFit(_fit.Fit):
    """A fit on a collection, by steps of the full batch or of learners."""

    source: Collection

    def run_epochs(self, epochs: Epochs, bar: _progress.Silent) -> None:
        sync_every = self.source.sync_every
        super().run_epochs(epochs if sync_every is None else LocalEpochs(epochs, sync_every), bar)
