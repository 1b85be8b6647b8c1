"""`fit` and `resume`: the course of a fit is that of `MLP.fit`, its rows are on the workers."""

from __future__ import annotations  # evaluated, the annotations would import numpy.random

import functools
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

from shallownet_c import optimizers, resumption
from shallownet_c._checks import _features, _validation
from shallownet_c._checks._validation import Array
from shallownet_c._fitting import _fit, _sources
from shallownet_c._fitting._settings import Settings
from shallownet_c._model import Model
from shallownet_c._storage import _checkpoint
from shallownet_c.dask import _partitions
from shallownet_c.dask._local import DaskFit
from shallownet_c.dask._report import History, Report
from shallownet_c.dask._rounds import Cluster, client_of
from shallownet_c.dask._source import Collection
from shallownet_c.mlp import MLP, go_on

if TYPE_CHECKING:
    import numpy as np

STEPPING = [kind for kind in optimizers.OPTIMIZERS.values() if kind.takes_steps and not kind.full_batch]
#: The optimizers that each solver takes, the first of them by default.
SOLVERS: dict[str, tuple[type[optimizers.Optimizer], ...]] = {
    "lbfgs": (optimizers.LBFGS,),
    "adam": (optimizers.Adam,),
    "sgd": (optimizers.SGD,),
    "local-sgd": (optimizers.SGD, *(kind for kind in STEPPING if kind is not optimizers.SGD)),
}
#: Of "local-sgd", unless something else is asked for.
BATCH_SIZE, SYNC_EVERY = 200, 50


def fit(
    net: MLP,
    X: Any,
    Y: Any,
    *,
    solver: str = "lbfgs",
    optimizer: optimizers.Optimizer | None = None,
    epochs: int = 200,
    client: Any = None,
    sample_weight: Any = None,
    l2: float = 0.0,
    l1: float = 0.0,
    clip_norm: float | None = None,
    label_smoothing: float = 0.0,
    batch_size: int | None = None,
    shuffle: bool = True,
    sync_every: int | None = None,
    learners: int | None = None,
    seed: int | np.random.Generator | np.random.RandomState | None = None,
    validation_data: tuple[Any, ...] | None = None,
    patience: int | None = None,
    tol: float = 0.0,
    n_threads: int = 1,
    progress: bool = False,
    callback: Callable[[int, History, MLP], object] | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: float = 60.0,
    worker_timeout: float = 60.0,
) -> History:
    """Train a network on rows that the workers of a Dask cluster hold.

    The workers load and check their partitions once. In each step they get the parameters (P,) and send back their
    gradients, Σ w L and Σ w, which are added up two by two in the order of the partitions, so that the same partitions
    give the same bits on any number of workers; this process takes the step. Partitions that the workers hold already
    (``persist``) stay where they are and are added up in an order that depends on where that is.

    Parameters
    ----------
    net : MLP
    X : dask array (m, n_0), dask dataframe, or list of delayed partitions or futures
        Partitions may have any number of rows, none or unknown ones included. Columns in several chunks are joined.
        Those of a dataframe become `MLP.feature_names`.
    Y : the same, (m, n_L) or (m,)
        What `MLP.fit` takes, in partitions. An array of known chunks is cut as X is; anything else must have the
        partitions of X.
    solver : {"lbfgs", "adam", "sgd", "local-sgd"}
        - "lbfgs": SciPy's L-BFGS-B, here, on the cost and gradient of all rows.
        - "adam", "sgd": one step of the full batch in each epoch.
        - "local-sgd": steps on minibatches by several learners, each on its own partitions; their parameters, and the
          state of their optimizers, are averaged every `sync_every` steps, weighted by the rows that they took
          (Zinkevich et al., 2010; Stich, 2019). An epoch takes each row once.
    optimizer : LBFGS, Adam, SGD, …, optional
        The solver's, with its hyper-parameters and state; for "local-sgd" any but RPROP and LBFGS, by default SGD.
    epochs : int, default 200
        Steps of "adam" and "sgd", iterations of "lbfgs", passes over all rows for "local-sgd".
    client : distributed.Client, optional
        By default the one in use.
    sample_weight : dask array (m,), series or list of partitions, optional
    l2, l1, clip_norm, label_smoothing, patience, tol, progress, callback, checkpoint, checkpoint_every
        As in `MLP.fit`. "lbfgs" takes no l1, clip_norm and checkpoint.
    batch_size, shuffle, seed
        Of "local-sgd" alone: rows of a step, 200 by default, which do not reach beyond a partition; whether the
        partitions of a learner and the rows of each come in a new order in each epoch; what that is drawn from.
    sync_every : int, optional
        Of "local-sgd": steps of each learner between two averages, 50 by default.
    learners : int, optional
        Of "local-sgd": into how many runs of consecutive partitions the rows are divided; by default as many as the
        workers have threads. The result depends on it, and not on who does the work.
    validation_data : tuple (X, Y) or (X, Y, sample_weight), optional
        Collections as X and Y are, or arrays in memory here.
    n_threads : int, default 1
        Threads of each task. Dask gives each of a worker's threads a task of its own.
    worker_timeout : float, default 60.0
        Seconds to wait for a worker, or for the scheduler, where none is there.

    Returns
    -------
    History
        As of `MLP.fit`, with a `Report` of bytes, seconds, and the slowest worker.

    Raises
    ------
    ValueError, TypeError
        If an argument is not what it should be, or a partition has rows that the network does not take, such as a NaN:
        the partition and the row are named. Nothing has changed then.
    ClusterLostError
        A RuntimeError, if there is no worker or scheduler for `worker_timeout` seconds; the network has the parameters
        of the last step that was completed, and for "local-sgd" of the last average.
    DivergenceError, KeyboardInterrupt, OSError
        As `MLP.fit`.
    ImportError
        Without dask and distributed, or for "lbfgs" without SciPy.

    Notes
    -----
    A worker that dies is no error: its partitions are loaded again by others, from wherever they came, and the result
    is the same. Partitions that came by ``client.scatter`` cannot be loaded again.

    Examples
    --------
    >>> import dask.array, distributed
    >>> import shallownet_c as sn, shallownet_c.dask
    >>> rows = dask.array.random.default_rng(0).standard_normal((1000, 3), chunks=(250, 3))
    >>> net = sn.MLP([3, 8, 1], seed=0)
    >>> with distributed.Client(n_workers=1, processes=False, dashboard_address=":0") as client:
    ...     history = sn.dask.fit(net, rows, rows.sum(axis=1), solver="adam", epochs=20, client=client)
    >>> history.n_epochs, history.report.rounds
    (20, 20)
    """
    if not isinstance(net, MLP):
        raise TypeError(f"net must be an MLP, got {_validation.shown(net)}")
    chosen = optimizer_of(solver, optimizer)
    local = solver == "local-sgd"
    for name, value, default in (
        ("batch_size", batch_size, None), ("shuffle", shuffle, True), ("sync_every", sync_every, None),
        ("learners", learners, None), ("seed", seed, None),
    ):  # fmt: skip
        if not local and value is not default:
            raise ValueError(f"{name} goes with solver 'local-sgd', got {_validation.shown(value)} for {solver!r}")
    settings = Settings.of_fit(
        net.model, epochs=epochs, batch_size=BATCH_SIZE if local and batch_size is None else batch_size,
        shuffle=shuffle, l2=l2, l1=l1, dropout=0.0, clip_norm=clip_norm, label_smoothing=label_smoothing,
        patience=patience, tol=tol,
    )  # fmt: skip
    rng = _validation.random_generator(seed)
    n_threads = _validation.integer("n_threads", n_threads, 1)
    settings.check_optimizer(chosen, None if local else 1, checkpoint)
    names = net._names.of_a_fit()
    # What is wrong with these is told before any row is loaded.
    watchers = _watchers(net, names, progress, callback, checkpoint, checkpoint_every)
    rows = Rows(client, worker_timeout, learners, sync_every, local)
    history = History()
    with _checkpoint.held(checkpoint), rows:
        source = rows.source(net.model, net.params, names, (X, Y, sample_weight), history.report)
        watchers.validation = rows.validation(source, validation_data)
        go_on(net, DaskFit(source, chosen, settings, watchers, None, rng, n_threads, history))
    return history


def resume(
    path: str | os.PathLike[str],
    X: Any,
    Y: Any,
    *,
    client: Any = None,
    sample_weight: Any = None,
    sync_every: int | None = None,
    learners: int | None = None,
    validation_data: tuple[Any, ...] | None = None,
    n_threads: int = 1,
    progress: bool = False,
    callback: Callable[[int, History, MLP], object] | None = None,
    schedule: Callable[[int], float] | None = None,
    checkpoint_every: float = 60.0,
    worker_timeout: float = 60.0,
) -> MLP:
    """Go on with a `fit` that wrote checkpoints, to the result at which it would have ended.

    On the same partitions that is the same to the bit, whoever the workers are.

    Parameters
    ----------
    path : str or path-like
        The `checkpoint` of `fit`; it goes on being written.
    X, Y, client, sample_weight, validation_data, n_threads, progress, callback, checkpoint_every, worker_timeout
        As given to `fit`, with the same rows, which the checkpoint does not hold.
    sync_every, learners : int, optional
        As given to `fit`. The number of learners follows from the workers' threads where it was left out, and should be
        given if they may be others now.
    schedule : callable epoch → α, optional
        The optimizer's, where it was a function.

    Returns
    -------
    MLP
        Trained to the end; its `history` is that of the whole fit.

    Raises
    ------
    ValueError, TypeError, OSError, ClusterLostError, DivergenceError
        As `shallownet_c.resume`, and as `fit`.
    """
    local = _checkpoint.read(path)[1]["settings"]["batch_size"] is not None
    for name, value in (("sync_every", sync_every), ("learners", learners)):
        if not local and value is not None:
            raise ValueError(f"{name} goes with solver 'local-sgd', not with this fit, got {_validation.shown(value)}")
    n_threads = _validation.integer("n_threads", n_threads, 1)
    rows = Rows(client, worker_timeout, learners, sync_every, local)
    report = Report()

    def source_of(model: Model, params: Array, names: _features.Names) -> Collection:
        return rows.source(model, params, names, (X, Y, sample_weight), report)

    def watchers_of(net: MLP, source: _sources.Source) -> _fit.Watchers:
        watchers = _watchers(net, source.names, progress, callback, path, checkpoint_every)
        watchers.validation = rows.validation(source, validation_data)
        return watchers

    history = functools.partial(History, report=report)
    with rows:
        return resumption.taken_up(path, source_of, watchers_of, None, n_threads, schedule, DaskFit, history)


class Rows:
    """How sources are made of collections: the arguments of `fit` and `resume` about that, checked.

    At the end of a `with` statement the workers need no longer keep the rows, whoever still has the source.
    """

    def __init__(self, client: Any, worker_timeout: object, learners: object, sync_every: object, local: bool) -> None:
        timeout = _validation.real_number("worker_timeout", worker_timeout, "> 0", lambda x: x > 0)
        self.sync_every = self.learners = None
        if local:
            self.sync_every = _validation.integer("sync_every", SYNC_EVERY if sync_every is None else sync_every, 1)
            self.learners = learners if learners is None else _validation.integer("learners", learners, 1)
        self.cluster = Cluster(client_of(client), timeout)
        self.made: list[Collection] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for source in self.made:
            source.rounds.pieces.clear()

    def collection(self, *arguments: Any) -> Collection:
        """A source that is let go of at the end."""
        self.made.append(Collection(*arguments))
        return self.made[-1]

    def source(
        self, model: Model, params: Array, names: _features.Names, data: tuple[Any, Any, Any], report: Report
    ) -> Collection:
        """The rows of a fit."""
        return self.collection(model, params, names, data, self.cluster, report, self.sync_every, self.learners)

    def validation(self, source: _sources.Source, data: object) -> _sources.Source | None:
        """Validation data, collections or arrays."""
        if data is None:
            return None
        X, Y, weights = _fit.validation_arrays(data)
        try:
            if _partitions.is_collection(X):
                given = X, Y, weights
                return self.collection(source.model, source.params, source.names, given, self.cluster, Report())
            return _sources.source(source.model, source.params, X, Y, weights, source.names)
        except (TypeError, ValueError) as error:
            raise _validation.retold(error, f"validation_data: {error}") from None


def optimizer_of(solver: str, optimizer: object) -> optimizers.Optimizer:
    """The optimizer itself, or a new one of the solver's with its defaults."""
    kinds = SOLVERS[_validation.choice("solver", solver, SOLVERS)]
    if optimizer is None:
        return kinds[0]()
    if not isinstance(optimizer, optimizers.Optimizer):
        raise TypeError(f"optimizer must be an object of an optimizer's class, got {_validation.shown(optimizer)}")
    if not isinstance(optimizer, kinds):
        names = ", ".join(f"sn.{kind.__name__}" for kind in kinds)
        raise ValueError(f"optimizer must be of {names} for solver {solver!r}, got {_validation.shown(optimizer)}")
    return optimizer


def _watchers(
    net: MLP, names: _features.Names, progress: object, callback: object, checkpoint: Any, checkpoint_every: object
) -> _fit.Watchers:
    """What is to happen between epochs, without the validation, whose rows have yet to come."""
    nowhere = _sources.Source(net.model, net.params, names)
    return _fit.watchers(net, nowhere, None, progress, callback, checkpoint, checkpoint_every)
