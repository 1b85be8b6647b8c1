"""Fits of networks of one shape in small batches, trained together: a vector has a lane for each network."""

from __future__ import annotations

import math
import time
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from shallownet_c import _engine, _random
from shallownet_c._fitting._fit import Block, Fit, Snapshot
from shallownet_c._fitting._jobs import Job
from shallownet_c._fitting._orders import CHUNK

#: A step of all lanes takes less time than those of as many networks alone, divided by this. The update, which gains
#: nothing, has the smaller part in a network of at most so many parameters for each lane.
GAIN_OF_SMALL, GAIN, SMALL = 2.0, 1.25, 16


def groups(jobs: Sequence[Job], n_threads: int) -> list[list[int]]:
    """The numbers of the jobs, those that are trained together in one list, the longest work first."""
    kinds: dict[Hashable, list[int]] = {}
    for i, job in enumerate(jobs):
        kinds.setdefault(_kind(job) or i, []).append(i)
    found = []
    for alike in kinds.values():
        n = _how_many(jobs[alike[0]], len(alike), n_threads)
        found += [alike[first::n] for first in range(n)]
    return sorted(found, key=lambda group: sum(jobs[i].cost() for i in group), reverse=True)


def _how_many(job: Job, alike: int, n_threads: int) -> int:
    """In how many groups so many jobs like this one are trained; as many as there are jobs if each is trained alone."""
    if alike == 1:
        return 1
    model, settings = job.net.model, job.settings
    net = _engine.network(model, job.net.params)
    size = _engine.how_many_together(net, min(settings.batch_size or job.m, job.m))
    n = -(-alike // size)
    # Few groups leave threads idle, and few networks leave lanes empty.
    gain = GAIN_OF_SMALL if model.n_params <= SMALL * size else GAIN
    return n if size > 1 and -(-n // n_threads) * size / gain <= alike / n_threads else alike


def _kind(job: Job) -> Hashable:
    """Equal for jobs that differ in parameters, rows and orders alone and can be trained together; None for others."""
    settings, optimizer = job.settings, job.optimizer
    plain = (
        job.validation is None
        and job.callback is None
        and settings.patience is None
        and settings.dropout is None
        and settings.l1 == 0
        and settings.clip_norm == math.inf
        and job.piece.weights is None
        and isinstance(job.piece.X, np.ndarray)
        and not callable(job.order)
        and job.copied
        and not optimizer.schedule.one_by_one
    )
    return (job.net.model, job.m, id(settings), id(optimizer), job.piece.Y is None) if plain else None


def run(fits: Sequence[Fit]) -> None:
    """Train them to their end, except for those that do not stay finite or whose arguments are refused.

    These are put back to where they were: each is for a run of its own, which says how it ends.
    """
    start = time.perf_counter()
    going = [Member(fit) for fit in fits]
    try:
        while going:
            first = going[0].fit
            done, epochs = first.history.n_epochs, first.settings.epochs
            n = min(epochs - done, max(1, CHUNK // (first.orders.m * len(going))))
            orders: list[Any] = [member.fit.orders.take(done, n) for member in going]
            rates = first.optimizer.rates(n, first.optimizer._epoch - done, epochs)
            costs = np.full((len(going), n), np.nan)
            for member, cost in zip(going, costs, strict=True):
                member.fit.block = Block(done, member.fit.optimizer._epoch, cost)
            taken = _engine.train_together(
                [member.net for member in going], [member.fit.source.piece for member in going], orders, rates, costs,
                [member.rule for member in going], first.settings.run(1, first.stop),
            )  # fmt: skip
            left = []
            for member in going:
                fit = member.fit
                if not taken or not np.isfinite(fit.block.costs).all() or not fit.is_finite():
                    member.put_back()
                    continue
                fit.count()
                fit.history.seconds = time.perf_counter() - start
                if fit.history.n_epochs < epochs:
                    left.append(member)
                else:
                    fit.history.stopped = "epochs"
            going = left
    except (TypeError, ValueError):
        for member in going:
            member.put_back()
    except BaseException as error:
        for member in going:
            member.fit.count()
            member.fit.history.seconds = time.perf_counter() - start
            member.fit.history.stopped = "interrupted" if isinstance(error, KeyboardInterrupt) else "error"
        raise


class Member:
    """A fit of those that are trained together, what the kernels take of it, and what it began with."""

    def __init__(self, fit: Fit) -> None:
        assert fit.rule is not None  # the optimizer takes steps
        self.fit, self.rule, self.net = fit, fit.rule, _engine.network(fit.model, fit.params)
        self.began = Snapshot.of(fit.params, fit.rule.state, fit.rule.step, None)
        self.first = Block(0, fit.optimizer._epoch, np.empty(0))
        fit.block, fit.optimizer._state = self.first, fit.rule.state

    def put_back(self) -> None:
        """Give the fit what it began with."""
        fit = self.fit
        fit.block = self.first
        fit.count()
        fit.history.seconds = 0.0
        self.began.restore(fit.params, self.rule.state, self.rule.step)
        fit.optimizer._state = fit.before.state
        _random.restore(fit.rng, fit.before.random)
