"""The loop of `MLP.fit` around the compiled one: what is watched between epochs, and what comes back when it goes
wrong.

Epochs go to the kernels in stretches: one epoch at a time where somebody watches, otherwise as many as take about a
twentieth of a second, so that a plain fit hardly ever returns to Python and its history can still be read while it goes
on.
"""

from __future__ import annotations  # evaluated, the annotations would import numpy.random

import dataclasses
import math
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from shallownet_c._checks import _validation
from shallownet_c._checks._validation import Array
from shallownet_c._fitting import _lbfgs, _orders, _progress, _sources
from shallownet_c._storage import _checkpoint
from shallownet_c.errors import DivergenceError
from shallownet_c.history import History
from shallownet_c.optimizers import LBFGS, RPROP, Optimizer

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from shallownet_c.mlp import MLP

STRETCH_SECONDS = 0.05
#: How many times as long as the copies that it begins with a stretch takes, at least.
COPY_SHARE = 64


@dataclasses.dataclass
class Settings:
    """The arguments of `fit` that a checkpoint keeps."""

    epochs: int
    batch_size: int | None
    shuffle: bool
    l2: float
    l1: float
    dropout: list[float] | None
    dropout_seed: int
    clip_norm: float
    patience: int | None
    tol: float
    #: 0: costs are J. Otherwise those of the batches, that times J and the penalties, as scikit-learn has its loss.
    objective_scale: float = 0.0

    def __post_init__(self) -> None:
        """The checks that every fit passes, whoever begins it: what a caller says, or a file, or an estimator."""
        self.epochs = _validation.integer("epochs", self.epochs, 1, sys.maxsize // 8)  # a float64 of cost for each
        if self.batch_size is not None:
            self.batch_size = _validation.integer("batch_size", self.batch_size, 1, sys.maxsize)
        self.shuffle = _validation.boolean("shuffle", self.shuffle)
        for name in ("l2", "l1", "tol", "objective_scale"):
            setattr(self, name, _validation.real_number(name, getattr(self, name), ">= 0", lambda x: x >= 0))
        if self.dropout is not None:
            rates = _validation.sequence("dropout", self.dropout, "numbers")
            self.dropout = dropout_rates(rates, len(rates))
        self.dropout_seed = _validation.integer("dropout_seed", self.dropout_seed, 0, 2**32 - 1)
        if self.clip_norm != math.inf:
            self.clip_norm = _validation.real_number("clip_norm", self.clip_norm, "> 0", lambda x: x > 0)
        if self.patience is not None:
            self.patience = _validation.integer("patience", self.patience, 1, sys.maxsize)


@dataclasses.dataclass
class Position:
    """Where a fit stands, besides the parameters, the optimizer's state and the history."""

    wait: int = 0
    best_cost: float = math.inf
    best_params: Array | None = None


@dataclasses.dataclass
class Watchers:
    """What is to happen between epochs."""

    validation: _sources.Source | None
    callback: Callable[[int, History, Any], object] | None
    progress: bool
    checkpoint: _checkpoint.Writer | None


def dropout_rates(value: object, hidden: int) -> list[float] | None:
    """One probability for each hidden layer; None where all are 0."""
    if isinstance(value, (list, tuple, np.ndarray)):
        items = _validation.sequence("dropout", value, "numbers")
        if len(items) != hidden:
            raise ValueError(f"dropout must be one number, or one for each of {hidden} hidden layers, got {len(items)}")
    else:
        items = [value] * hidden if hidden else []
    rates = [_validation.real_number("dropout", p, "in [0, 1)", lambda x: 0 <= x < 1) for p in items or [value]]
    return rates[:hidden] if any(rates[:hidden]) else None


def dropout_seed(rng: np.random.Generator | np.random.RandomState) -> int:
    if isinstance(rng, np.random.RandomState):
        return int(rng.randint(2**32, dtype=np.uint64))
    return int(rng.integers(2**32))


def check_optimizer(optimizer: Optimizer, settings: Settings, m: int | None, checkpoint: object) -> None:
    """Whether the optimizer can do what the settings ask for."""
    name = type(optimizer).__name__
    if checkpoint is not None:
        _checkpoint.check_optimizer(optimizer)
    if not isinstance(optimizer, (RPROP, LBFGS)):
        return
    if m is None:
        raise ValueError(f"X must be an array for {name}, which needs the full batch: rows in chunks are never one")
    if settings.batch_size is not None and settings.batch_size < m:
        raise ValueError(f"batch_size must be None for {name}, which needs the full batch, got {settings.batch_size}")
    if isinstance(optimizer, LBFGS):
        _lbfgs.scipy_optimize()
        for argument, given in (
            ("l1", settings.l1 > 0),
            ("dropout", settings.dropout is not None),
            ("clip_norm", settings.clip_norm < math.inf),
            ("checkpoint", checkpoint is not None),
        ):
            if given:
                raise ValueError(
                    f"{argument} does not go with LBFGS: SciPy takes its own steps on a smooth cost, at one go"
                )


class Training:
    """A fit in progress."""

    def __init__(
        self,
        net: MLP,
        source: _sources.Source,
        optimizer: Optimizer,
        settings: Settings,
        watchers: Watchers,
        order: Array | Callable[[int], ArrayLike] | None,
        rng: Any,
        n_threads: int,
    ) -> None:
        self.net, self.source, self.optimizer, self.settings, self.watchers = net, source, optimizer, settings, watchers
        self.n_threads = n_threads
        self.position = Position()
        self.history = History()
        m, batch = source.m, settings.batch_size
        self.batch = batch if m is None else m if batch is None else min(m, batch)
        shuffled = settings.shuffle and (m is None or self.batch < m)  # type: ignore[operator]
        if settings.dropout is not None and isinstance(source, _sources.Lazy) and self.batch == m:
            raise ValueError("dropout needs a batch_size where X is not a NumPy array in memory")
        self.rng = rng
        self.before = net._history, optimizer._state, optimizer.n_steps, _orders.random_state(rng), net._names
        self.orders = _orders.Orders(order, rng if shuffled and m is not None else None, m or 0)
        self.model = net._model()
        self.grad: Array | None = None
        self.rows_an_epoch = m or 0
        self.dropout = None if settings.dropout is None else np.array(settings.dropout)
        self.started = time.perf_counter()
        if watchers.checkpoint is not None:
            watchers.checkpoint.check(self)

    def run(self) -> History:
        """Train until the epochs are done or something ends it."""
        net, settings, history = self.net, self.settings, self.history
        self.started = time.perf_counter() - history.seconds
        net._history, net._names = history, self.source.names
        #: Epochs in the history and of the optimizer before a stretch, and the costs of the stretch: NaN until done.
        self.stretch: tuple[int, int, Array] = history.n_epochs, self.optimizer._epoch, np.empty(0)
        bar = _progress.progress(self.watchers.progress, history.n_epochs, settings.epochs)
        try:
            if isinstance(self.optimizer, LBFGS):
                self.minimise(bar)
            else:
                self.descend(bar)
        except BaseException as error:
            self.count()
            if isinstance(error, (TypeError, ValueError)) and self.optimizer.n_steps == self.before[2]:
                # What a function of the caller's gave for the first step was refused, as an argument is.
                net._history, self.optimizer._state = self.before[:2]
                _orders.set_random_state(self.rng, self.before[3])
                net._names = self.before[4]
            why = "diverged" if isinstance(error, DivergenceError) else "error"
            history.stopped = "interrupted" if isinstance(error, KeyboardInterrupt) else why
            raise
        finally:
            history.seconds = time.perf_counter() - self.started
            bar.close()
        self.take_best()
        if self.watchers.checkpoint is not None:
            self.watchers.checkpoint.write(self)
        return history

    def take_best(self) -> None:
        """Give the network the parameters that were best on validation data, if there are such."""
        if self.position.best_params is not None:
            self.net._params[:] = self.position.best_params

    def descend(self, bar: _progress.Silent) -> None:
        optimizer, settings, history = self.optimizer, self.settings, self.history
        state = optimizer._state = optimizer.state(self.net.n_params, self.net.dtype)
        hyper = optimizer.hyper_parameters()
        watched = self.is_watched()
        began_with = optimizer._epoch - history.n_epochs
        writer = self.watchers.checkpoint
        n = 1
        before = spare = begun = None
        try:
            while history.n_epochs < settings.epochs and not history.stopped:
                start = time.perf_counter()
                now = Snapshot.of(self.net._params, state, optimizer._step, spare)
                copied = time.perf_counter() - start
                if writer is not None:
                    begun = now, writer.describe(self)
                n = min(n, settings.epochs - history.n_epochs)
                now.orders = self.orders.take(history.n_epochs, n)
                n = n if now.orders is None else len(now.orders)
                now.rates = optimizer.rates(n, began_with, settings.epochs)
                start = time.perf_counter()
                self.stretch = history.n_epochs, optimizer._epoch, np.full(n, np.nan)
                costs = self.stretch[2]
                self.epochs(now.orders, now.rates, hyper, state, costs)
                seconds = time.perf_counter() - start
                if not np.isfinite(costs).all() or not self.is_finite():
                    self.diverge(costs, now, before, hyper, state)
                before, spare = now, before
                self.count()
                self.finish_epochs(bar)
                if not watched:
                    # Copies of large networks take their time, too; the first epochs are no measure of the others.
                    stretch = max(STRETCH_SECONDS, COPY_SHARE * copied)
                    n = max(1, min(16 * n, int(n * stretch / max(seconds, 1e-9))))
        except KeyboardInterrupt:
            if writer is not None and begun is not None:
                writer.write(self, *begun)
            raise
        history.stopped = history.stopped or "epochs"

    def count(self) -> None:
        """Put the finished epochs of the stretch into the history and the optimizer.

        Once or again: a Ctrl-C may come between any two of these lines, and then all of them are done anew.
        """
        epochs, optimizer_epochs, costs = self.stretch
        done = costs[np.isfinite(costs)].tolist()
        self.history.cost[epochs:] = done
        self.history.n_epochs = epochs + len(done)
        self.optimizer._epoch = optimizer_epochs + len(done)

    def is_finite(self) -> bool:
        """Whether all parameters are."""
        return self.net._old.first_nonfinite(self.net._params[np.newaxis]) < 0

    def is_watched(self) -> bool:
        """Whether somebody looks at each epoch."""
        watchers = self.watchers
        return (
            watchers.validation is not None
            or watchers.callback is not None
            or watchers.progress
            or watchers.checkpoint is not None
            or self.settings.patience is not None
            or self.orders.one_by_one
            or not isinstance(self.source, _sources.Rows)
            or self.optimizer.schedule.one_by_one
        )

    def epochs(self, orders: Array | None, rates: Array, hyper: Array, state: Array, costs: Array) -> None:
        """Train for as many epochs as costs has elements, on all pieces of the source."""
        if isinstance(self.source, _sources.Rows):
            self.train(self.source.piece, orders, self.batch, rates, hyper, state, costs)
            return
        order = None if orders is None else orders[0]
        if isinstance(self.source, _sources.Lazy) and self.batch == self.source.m:
            costs[0] = self.whole_batch(rates, hyper, state)
            return
        loss_sum = weight_sum = 0.0
        self.rows_an_epoch = 0
        cost = np.full(1, np.nan)
        rng = self.rng if self.settings.shuffle else None
        for piece in self.source.pieces(order, self.batch, rng):
            m = len(piece.X)
            rows = None if piece.order is None else piece.order[np.newaxis]
            self.train(piece, rows, m if self.batch is None else min(m, self.batch), rates, hyper, state, cost)
            weight = m if self.settings.objective_scale > 0 else piece.weight_sum
            loss_sum, weight_sum = loss_sum + cost[0] * weight, weight_sum + weight
            self.rows_an_epoch += m
            if not math.isfinite(loss_sum):
                break
        if weight_sum == 0:
            raise ValueError("sample_weight must not be zero in every row of X")
        costs[0] = loss_sum / weight_sum

    def train(
        self,
        piece: _sources.Piece,
        orders: Array | None,
        batch: int | None,
        rates: Array,
        hyper: Array,
        state: Array,
        costs: Array,
    ) -> None:
        settings, optimizer = self.settings, self.optimizer
        self.net._old.train(
            *self.model, self.net._params, piece.X, piece.Y, piece.classes, piece.weights, orders, len(costs), batch,
            settings.l2, settings.l1, settings.clip_norm, settings.objective_scale, self.dropout,
            settings.dropout_seed, optimizer.code, rates, hyper, state, optimizer._step, costs, self.n_threads,
        )  # fmt: skip

    def whole_batch(self, rates: Array, hyper: Array, state: Array) -> float:
        """One step on all rows of a source that is read in pieces."""
        net, settings, optimizer = self.net, self.settings, self.optimizer
        loss_sum, weight_sum, grad = self.cost_and_grad()
        if math.isfinite(loss_sum) and weight_sum > 0:
            hyper = np.concatenate([rates[:1], hyper[1:]])
            net._old.optimize(
                net._sizes, net._activation_codes, net._params, grad, weight_sum, settings.l2, settings.l1,
                settings.clip_norm, optimizer.code, hyper, state, optimizer._step,
            )  # fmt: skip
        return loss_sum / weight_sum

    def cost_and_grad(self) -> tuple[float, float, Array]:
        """Σ w L, Σ w and the gradient of the first, over all rows; the array is the same one each time."""
        if self.grad is None:
            self.grad = np.empty(self.net.n_params, self.net.dtype)
        self.grad[:] = 0
        sums = self.source.sums(self.net, self.grad, self.n_threads, self.model, training=True)
        return *sums, self.grad

    def minimise(self, bar: _progress.Silent) -> None:
        self.optimizer._step = np.zeros(1, np.int64)

        def finish_epoch(cost: float) -> bool:
            self.stretch = self.history.n_epochs, self.optimizer._epoch, np.array([cost])
            self.count()
            self.finish_epochs(bar)
            return bool(self.history.stopped)

        why = _lbfgs.minimise(
            self.net, self.optimizer, self.cost_and_grad, self.settings.l2, self.settings.epochs, finish_epoch
        )
        self.history.stopped = self.history.stopped or why

    def diverge(self, costs: Array, now: Snapshot, before: Snapshot | None, hyper: Array, state: Array) -> None:
        """Give the network back what it had when the last epoch with a finite cost began, and raise DivergenceError.

        The way there is gone over once more, which ends at the same bits, instead of keeping every epoch's parameters.
        """
        finite = np.isfinite(costs)
        bad = len(costs) if finite.all() else int(np.argmin(finite))
        optimizer, step = self.optimizer, self.optimizer.n_steps
        self.count()
        epoch = min(self.history.n_epochs, self.settings.epochs - 1)
        again = bad - 1
        if bad == 0 and before is not None:
            now, again = before, len(before.rates) - 1
            optimizer._epoch -= 1
        elif bad > 0:
            optimizer._epoch -= 1
        now.restore(self.net._params, state, optimizer._step)
        if again > 0 and isinstance(self.source, _sources.Rows):
            orders = None if now.orders is None else now.orders[:again]
            self.epochs(orders, now.rates[:again], hyper, state, np.empty(again))
            if not self.is_finite():  # although the cost was: a saturated output hides it
                now.restore(self.net._params, state, optimizer._step)
                optimizer._epoch -= again
        self.stretch = self.history.n_epochs, optimizer._epoch, costs[:0]
        raise DivergenceError(epoch, step, self.history.cost[-1] if self.history.cost else None)

    def finish_epochs(self, bar: _progress.Silent) -> None:
        """What happens after epochs, one wherever somebody watches: validation, and whether to stop."""
        history, settings, position, watchers = self.history, self.settings, self.position, self.watchers
        watched = history.cost[-1]
        if watchers.validation is not None:
            loss_sum, weight_sum = watchers.validation.sums(self.net, None, self.n_threads, self.model)
            watched = loss_sum / weight_sum
            history.val_cost.append(watched)
        history.seconds = time.perf_counter() - self.started
        self.optimizer.schedule.watch(watched)
        if settings.patience is not None:
            position.wait = 0 if watched < position.best_cost - settings.tol else position.wait + 1
            if watched < position.best_cost:
                position.best_cost = watched
                if watchers.validation is not None:
                    position.best_params = self.net._params.copy()
            if position.wait >= settings.patience:
                history.stopped = "patience"
        bar.show(history, self.rows_an_epoch)
        if watchers.callback is not None:
            answer = watchers.callback(history.n_epochs - 1, history, self.net)
            if isinstance(answer, (bool, np.bool_)) and answer:
                history.stopped = history.stopped or "callback"
        if watchers.checkpoint is not None:
            watchers.checkpoint.write_if_due(self)


@dataclasses.dataclass
class Snapshot:
    """What a stretch of epochs began with, and what it was given."""

    params: Array
    state: Array
    step: Array
    orders: Array | None
    rates: Array

    @classmethod
    def of(cls, params: Array, state: Array, step: Array, spare: Snapshot | None) -> Snapshot:
        """A copy of these, in the memory of a snapshot that nobody needs any more, if there is one."""
        if spare is None:
            return cls(params.copy(), state.copy(), step.copy(), None, np.empty(0))
        spare.params[:], spare.state[:], spare.step[:] = params, state, step
        return spare

    def restore(self, params: Array, state: Array, step: Array) -> None:
        """Write back what it keeps."""
        params[:], state[:], step[:] = self.params, self.state, self.step
