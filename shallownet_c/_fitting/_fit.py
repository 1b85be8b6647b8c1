"""The course of `MLP.fit` around its epochs: what is watched between them, and what comes back when it goes wrong.

Epochs go to the kernels in blocks: one epoch at a time where something is to happen after each, otherwise as many as
take about a twentieth of a second, so that a plain fit hardly ever returns to Python and its history can still be read
while it goes on.
"""

from __future__ import annotations  # evaluated, the annotations would import numpy.random

import dataclasses
import math
import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np

from shallownet_c import _engine, _random
from shallownet_c._checks import _validation
from shallownet_c._checks._validation import Array
from shallownet_c._fitting import _lbfgs, _orders, _progress, _sources
from shallownet_c._fitting._epochs import Epochs, WholeBatch, operations
from shallownet_c._fitting._settings import Settings
from shallownet_c._model import Net
from shallownet_c._storage import _checkpoint
from shallownet_c.errors import DivergenceError
from shallownet_c.history import History
from shallownet_c.optimizers import LBFGS, Optimizer

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

BLOCK_SECONDS = 0.05
#: In the first block, which has no time to go by: some 3 to 20 ms.
FIRST_OPERATIONS = 100_000_000
#: How many times as long as the copies that it begins with a block takes, at least.
COPY_SHARE = 64


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
    callback: Callable[[int, History], object] | None
    progress: bool
    checkpoint: _checkpoint.Writer | None


class Before(NamedTuple):
    """The state before a fit, which is put back if the first step is refused."""

    state: Array | None
    n_steps: int
    random: dict[str, Any]


class Block(NamedTuple):
    """Epochs that the kernels do at one go: how many the history and the optimizer had before, and the costs, which are
    NaN until their epoch is done."""

    epochs: int
    optimizer_epochs: int
    costs: Array


def watchers(
    net: Net,
    source: _sources.Source,
    validation_data: object,
    progress: object,
    callback: object,
    checkpoint: str | os.PathLike[str] | None,
    checkpoint_every: object,
) -> Watchers:
    """The arguments of `fit` and `resume` that say what is to happen between epochs, checked."""
    validation = None
    if validation_data is not None:
        X, Y, weights = validation_arrays(validation_data)
        try:
            validation = _sources.source(source.model, source.params, X, Y, weights, source.names)
        except (TypeError, ValueError) as error:
            raise _validation.retold(error, f"validation_data: {error}") from None
    called = checked_callback(callback)
    every = _validation.real_number("checkpoint_every", checkpoint_every, ">= 0", lambda x: x >= 0)
    writer = None if checkpoint is None else _checkpoint.Writer(checkpoint, every)
    return Watchers(
        validation,
        None if called is None else lambda epoch, history: called(epoch, history, net),
        _validation.boolean("progress", progress),
        writer,
    )


def validation_arrays(validation_data: object) -> tuple[Any, Any, Any]:
    """X, Y and the weights of validation data; the last may be None."""
    items = _validation.sequence("validation_data", validation_data, "X, Y and perhaps sample_weight")
    if len(items) not in (2, 3):
        raise ValueError(f"validation_data must be (X, Y) or (X, Y, sample_weight), got {len(items)} items")
    X, Y, weights = items if len(items) == 3 else (*items, None)
    return X, Y, weights


def checked_callback(callback: object) -> Callable[..., object] | None:
    """The callback, which is None or callable."""
    if callback is None or callable(callback):
        return callback
    raise TypeError(f"callback must be callable, got {_validation.shown(callback)}")


class Fit:
    """A fit in progress, of the model and the parameters that the source's rows are for.

    Parameters
    ----------
    source : Source
    optimizer : Optimizer
    settings : Settings
        Its dropout_seed may still be set until `run` is called.
    watchers : Watchers
    order : ndarray (epochs, m), callable epoch → (m,), or None
        As `_orders.check` returns it.
    rng : numpy.random.Generator or numpy.random.RandomState
        Of the shuffling.
    n_threads : int
    history, position
        Of a fit that is taken up again.
    stop : ndarray (1,) of intc, optional
        Whoever sets it to 1 ends the fit as a Ctrl-C does.

    Raises
    ------
    ValueError, TypeError
        If these do not go together; nothing has changed then.
    """

    def __init__(
        self,
        source: _sources.Source,
        optimizer: Optimizer,
        settings: Settings,
        watchers: Watchers,
        order: Array | Callable[[int], ArrayLike] | None,
        rng: np.random.Generator | np.random.RandomState,
        n_threads: int,
        history: History | None = None,
        position: Position | None = None,
        stop: Array | None = None,
    ) -> None:
        self.model, self.params, self.source = source.model, source.params, source
        self.optimizer, self.settings, self.watchers = optimizer, settings, watchers
        self.rng, self.n_threads, self.stop = rng, n_threads, stop
        self.history = History() if history is None else history
        self.position = Position() if position is None else position
        m = source.m
        self.whole = m is not None and (settings.batch_size is None or settings.batch_size >= m)
        if settings.dropout is not None and source.whole_batch_in_pieces and self.whole:
            raise ValueError("dropout needs a batch_size where X is not a NumPy array in memory")
        shuffled = settings.shuffle and m is not None and not self.whole
        in_blocks = not source.in_memory and (m or 0) > _sources.NUMBERED_ROWS
        self.orders = _orders.Orders(order, rng if shuffled else None, m or 0, source.chosen, in_blocks)
        self.rule = None
        if optimizer.takes_steps:
            self.rule = optimizer.rule(source.model, settings.l2, settings.l1, settings.clip_norm)
        else:
            optimizer.hyper_parameters()  # for its checks
        self.before = Before(optimizer._state, optimizer.n_steps, _random.state(rng))
        #: Whether it has ended before its first step, because of what a caller's function returned.
        self.is_refused = False
        if watchers.checkpoint is not None:
            watchers.checkpoint.check(self.course())

    def run(self) -> History:
        """Train until the epochs are done or something ends it."""
        history, checkpoint = self.history, self.watchers.checkpoint
        self.started = time.perf_counter() - history.seconds
        self.block = Block(history.n_epochs, self.optimizer._epoch, np.empty(0))
        run = self.settings.run(self.n_threads, self.stop)
        bar = _progress.progress(self.watchers.progress, "epoch", history.n_epochs, self.settings.epochs)
        try:
            if self.rule is None:
                self.minimise(WholeBatch(self.model, self.source, run), bar)
            else:
                rng = self.rng if self.settings.shuffle else None
                self.run_epochs(Epochs(self.model, self.params, self.source, self.rule, run, rng), bar)
        except BaseException as error:
            self.count()
            if isinstance(error, (TypeError, ValueError)) and self.optimizer.n_steps == self.before.n_steps:
                # What a caller's function returned for the first step has been refused, as an argument is.
                self.is_refused = True
                self.optimizer._state = self.before.state
                _random.restore(self.rng, self.before.random)
            why = "diverged" if isinstance(error, DivergenceError) else "error"
            history.stopped = "interrupted" if isinstance(error, KeyboardInterrupt) else why
            raise
        finally:
            history.seconds = time.perf_counter() - self.started
            bar.close()
        self.take_best()
        if checkpoint is not None:
            checkpoint.write(self.course())
        return history

    def take_best(self) -> None:
        """Give the network the parameters that were best on validation data, if there are any."""
        if self.position.best_params is not None:
            self.params[:] = self.position.best_params

    def course(self, began: Snapshot | None = None) -> _checkpoint.Course:
        """Where the fit stands, or stood when the block of the snapshot began, for a checkpoint."""
        source, optimizer, position = self.source, self.optimizer, self.position
        return _checkpoint.Course(
            model=self.model,
            names=source.names.known,
            rows=source.m,
            fingerprint=source.fingerprint,
            # What `resume` has to be given again: validation_data, sample_weight, order.
            given=[self.watchers.validation is not None, source.weighted, self.orders.order is not None],
            settings=dataclasses.asdict(self.settings),
            optimizer=optimizer,
            params=self.params if began is None else began.params,
            state=optimizer._state if began is None else began.state,
            wait=position.wait,
            best_cost=position.best_cost,
            best_params=position.best_params,
            history=self.history,
            rng=self.rng,
        )

    def run_epochs(self, epochs: Epochs, bar: _progress.Silent) -> None:
        optimizer, settings, history, rule = self.optimizer, self.settings, self.history, epochs.rule
        optimizer._state = rule.state
        watched = self.is_watched()
        began_with = optimizer._epoch - history.n_epochs
        checkpoint = self.watchers.checkpoint
        n = 1 if watched else max(1, FIRST_OPERATIONS // (operations(self.model) * (self.source.m or 1)))
        before = spare = begun = None
        try:
            while history.n_epochs < settings.epochs and not history.stopped:
                start = time.perf_counter()
                now = Snapshot.of(self.params, rule.state, rule.step, spare)
                copied = time.perf_counter() - start
                if checkpoint is not None:
                    begun = now, _checkpoint.describe(self.course())
                n = min(n, settings.epochs - history.n_epochs)
                now.orders = self.orders.take(history.n_epochs, n)
                n = n if now.orders is None else len(now.orders)
                now.rates = optimizer.rates(n, began_with, settings.epochs)
                start = time.perf_counter()
                costs = np.full(n, np.nan)
                self.block = Block(history.n_epochs, optimizer._epoch, costs)
                epochs.run(now.orders, now.rates, costs)
                seconds = time.perf_counter() - start
                if not np.isfinite(costs).all() or not self.is_finite():
                    self.diverge(epochs, costs, now, before)
                before, spare = now, before
                if n == 1:  # never done again, and for many rows an order takes much memory
                    now.orders = None
                self.count()
                self.finish_epochs(bar, epochs.rows)
                if not watched:
                    # Copies of large networks take time, too; the first epochs say little about the others.
                    seconds_wanted = max(BLOCK_SECONDS, COPY_SHARE * copied)
                    n = max(1, min(16 * n, int(n * seconds_wanted / max(seconds, 1e-9))))
        except KeyboardInterrupt:
            if checkpoint is not None and begun is not None:
                now, description = begun
                checkpoint.write(self.course(now), description)
            raise
        history.stopped = history.stopped or "epochs"

    def count(self) -> None:
        """Put the finished epochs of the block into the history and the optimizer.

        A Ctrl-C may come between any two of these lines; the method is then called again, with the same result.
        """
        epochs, optimizer_epochs, costs = self.block
        done = costs[np.isfinite(costs)].tolist()
        self.history.cost[epochs:] = done
        self.history.n_epochs = epochs + len(done)
        self.optimizer._epoch = optimizer_epochs + len(done)

    def is_finite(self) -> bool:
        """Whether all parameters are finite."""
        return _engine.first_nonfinite(self.params[np.newaxis]) < 0

    def is_watched(self) -> bool:
        """Whether something is to happen after each epoch."""
        watchers = self.watchers
        return (
            watchers.validation is not None
            or watchers.callback is not None
            or watchers.progress
            or watchers.checkpoint is not None
            or self.settings.patience is not None
            or self.orders.one_by_one
            or not self.source.in_memory
            or self.optimizer.schedule.one_by_one
        )

    def minimise(self, batch: WholeBatch, bar: _progress.Silent) -> None:
        optimizer = cast(LBFGS, self.optimizer)  # the only one that takes no steps
        settings, history = self.settings, self.history
        optimizer._step = np.zeros(1, np.int64)

        def finish_epoch(cost: float) -> bool:
            self.block = Block(history.n_epochs, optimizer._epoch, np.array([cost]))
            self.count()
            self.finish_epochs(bar, self.source.m or 0)
            return bool(history.stopped)

        why = _lbfgs.minimise(
            self.model, self.params, optimizer, batch.cost_and_grad, settings.l2, settings.epochs, finish_epoch
        )
        history.stopped = history.stopped or why

    def diverge(self, epochs: Epochs, costs: Array, now: Snapshot, before: Snapshot | None) -> None:
        """Give the network back what it had when the last epoch with a finite cost began, and raise DivergenceError.

        The steps up to there are repeated and end at the same bits, so that not every epoch's parameters need be kept.
        """
        finite = np.isfinite(costs)
        bad = len(costs) if finite.all() else int(np.argmin(finite))
        optimizer, step, rule = self.optimizer, self.optimizer.n_steps, epochs.rule
        self.count()
        epoch = min(self.history.n_epochs, self.settings.epochs - 1)
        again = bad - 1
        if bad == 0 and before is not None:
            now, again = before, len(before.rates) - 1
            optimizer._epoch -= 1
        elif bad > 0:
            optimizer._epoch -= 1
        now.restore(self.params, rule.state, rule.step)
        if again > 0 and self.source.in_memory:
            epochs.run(None if now.orders is None else now.orders[:again], now.rates[:again], np.empty(again))
            if not self.is_finite():  # although the cost was finite: a saturated output hides it
                now.restore(self.params, rule.state, rule.step)
                optimizer._epoch -= again
        self.block = Block(self.history.n_epochs, optimizer._epoch, costs[:0])
        raise DivergenceError(epoch, step, self.history.cost[-1] if self.history.cost else None)

    def finish_epochs(self, bar: _progress.Silent, rows: int) -> None:
        """What happens after a block, which is one epoch if it is watched: validation, and whether to stop."""
        history, settings, position, watchers = self.history, self.settings, self.position, self.watchers
        watched = history.cost[-1]
        if watchers.validation is not None:
            loss_sum, weight_sum = watchers.validation.sums(None, self.n_threads, stop=self.stop)
            watched = loss_sum / weight_sum
            history.val_cost.append(watched)
        history.seconds = time.perf_counter() - self.started
        self.optimizer.schedule.watch(watched)
        if settings.patience is not None:
            position.wait = 0 if watched < position.best_cost - settings.tol else position.wait + 1
            if watched < position.best_cost:
                position.best_cost = watched
                if watchers.validation is not None:
                    position.best_params = self.params.copy()
            if position.wait >= settings.patience:
                history.stopped = "patience"
        bar.show(history, rows)
        if watchers.callback is not None:
            answer = watchers.callback(history.n_epochs - 1, history)
            if isinstance(answer, (bool, np.bool_)) and answer:
                history.stopped = history.stopped or "callback"
        if watchers.checkpoint is not None and watchers.checkpoint.is_due():
            watchers.checkpoint.write(self.course())


@dataclasses.dataclass
class Snapshot:
    """What a block of epochs began with, and what it was given."""

    params: Array
    state: Array
    step: Array
    orders: Array | list[_orders.Blocks] | None
    rates: Array

    @classmethod
    def of(cls, params: Array, state: Array, step: Array, spare: Snapshot | None) -> Snapshot:
        """A copy of these, in the memory of `spare`, a snapshot that is no longer needed, if there is one."""
        if spare is None:
            return cls(params.copy(), state.copy(), step.copy(), None, np.empty(0))
        spare.params[:], spare.state[:], spare.step[:] = params, state, step
        return spare

    def restore(self, params: Array, state: Array, step: Array) -> None:
        """Write back what it keeps."""
        params[:], state[:], step[:] = self.params, self.state, self.step
