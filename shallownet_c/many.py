"""`fit_many`: many networks trained at once, each by one thread, on rows that all of them share."""

from __future__ import annotations  # evaluated, the annotations would import numpy.random

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from shallownet_c import _threads, optimizers
from shallownet_c._checks import _arguments, _validation
from shallownet_c._checks._validation import Array
from shallownet_c._fitting import _fit, _jobs, _progress, _team, _together
from shallownet_c.errors import DivergenceError
from shallownet_c.history import History
from shallownet_c.mlp import MLP, go_on, go_on_together

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

#: Operations of a fit, on the average, from which on several threads train networks: some 0.2 ms of the kernels' work.
#: Shorter fits wait for each other's Python, and a thread that no core is free for takes longer to begin.
LEAST_WORK = 8_000_000


@_arguments.checked
def fit_many(
    nets: Sequence[MLP],
    X: ArrayLike | list[ArrayLike],
    Y: ArrayLike | list[ArrayLike],
    *,
    rows: Array | list[ArrayLike | None] | None = None,
    validation_rows: Array | list[ArrayLike | None] | None = None,
    optimizer: str | optimizers.Optimizer | list[str | optimizers.Optimizer] = "adam",
    epochs: int | list[int] = 200,
    batch_size: int | list[int | None] | None = None,
    shuffle: bool | list[bool] = True,
    order: Array | Callable[[int], ArrayLike] | list[Any] | None = None,
    sample_weight: ArrayLike | list[ArrayLike | None] | None = None,
    l2: float | list[float] = 0.0,
    l1: float | list[float] = 0.0,
    dropout: float | tuple[float, ...] | list[float | tuple[float, ...]] = 0.0,
    clip_norm: float | list[float | None] | None = None,
    label_smoothing: float | list[float] = 0.0,
    validation_data: tuple[Any, ...] | list[tuple[Any, ...] | None] | None = None,
    patience: int | list[int | None] | None = None,
    tol: float | list[float] = 0.0,
    seed: int | list[int | np.random.Generator | np.random.RandomState | None] | None = None,
    n_threads: int | None = None,
    progress: bool = False,
    callback: Callable[[int, int, History, MLP], object] | list[Any] | None = None,
) -> list[History]:
    """Fit many networks at once, one by each thread: what a loop over `MLP.fit` gives, bit for bit, in less time.

    Each argument of `MLP.fit` is one value for all networks, or a list of one for each. Only a list means one for each;
    a tuple or an array is one value. The networks may differ in everything.

    Parameters
    ----------
    nets : sequence of MLP
        Each network once.
    X, Y, sample_weight
        Arrays in memory, as in `MLP.fit`. All their rows are checked, and converted if they have to be, once for all
        networks of a dtype. They are never copied for a network.
    rows : array (k,) of int or bool, or list of such arrays and None, optional
        The numbers of the rows that a network learns from, in their order, or True for each of those; by default all
        rows. Rows may be left out, as for folds, and come more than once, as for bootstraps. The fit is that of
        ``X[rows]``, ``Y[rows]`` and ``sample_weight[rows]``.
    validation_rows : array (k,) of int or bool, or list of such arrays and None, optional
        The same for validation, in the place of `validation_data`: ``(X[validation_rows], Y[validation_rows])``.
    optimizer : str, Optimizer, or list of these, default "adam"
        One object is copied for each network, with its state, and stays as it is. Those in a list go on with their own
        state, as in `MLP.fit`.
    epochs, batch_size, shuffle, l2, l1, dropout, clip_norm, label_smoothing, patience, tol
        As in `MLP.fit`. For rates of `dropout` for each hidden layer, give a tuple.
    order : array (epochs, k) of int, callable epoch → (k,), or list of these and None, optional
        As in `MLP.fit`: places among the network's rows.
    validation_data : tuple (X, Y) or (X, Y, sample_weight), or list of such tuples and None, optional
        As in `MLP.fit`, of arrays in memory.
    seed : None, int, or list of None, int, numpy.random.Generator and numpy.random.RandomState
        An int makes a source of random numbers for each network, the same for all. A Generator has one state and can
        serve one network only.
    n_threads : int, optional
        As in `MLP.fit`: how many networks are trained at a time, at most, the largest first. Fits that take less than
        some 0.2 ms each are trained by one thread.
    progress : bool, default False
        Show on standard error how many networks are done.
    callback : callable (i, epoch, history, net), or list of such and None, optional
        Called after each epoch of the network ``nets[i]``, in the thread that trains it; it ends that training by
        returning True.

    Returns
    -------
    list of History
        One for each network, in their order, also its `MLP.history`. A network whose cost or parameters are no longer
        finite does not stop the others: its history says ``stopped == "diverged"``, and it has the parameters that the
        last epoch with a finite cost began with.

    Raises
    ------
    ValueError, TypeError
        If an argument is not what it should be, also for a single network, which the message then names; nothing has
        changed then. LBFGS and rows that are read in pieces are for `MLP.fit`.
    KeyboardInterrupt
        On Ctrl-C; the parameters of each network are those of its last finished step. A network whose turn had not come
        is as it was, its history included.
    Exception
        The first one that a function of the caller's raises. All networks stop, as after a Ctrl-C.

    Warns
    -----
    FitWarning
        What `MLP.fit` finds before it trains the first of the networks.

    Examples
    --------
    Ten networks that differ in their first weights and in the fold that validates them:

    >>> import numpy as np, shallownet_c as sn
    >>> X, y = sn.datasets.make_flower(400, seed=1)
    >>> folds = [np.arange(400) % 10 == fold for fold in range(10)]
    >>> nets = [sn.MLP([2, 8, 1], output="sigmoid", seed=seed) for seed in range(10)]
    >>> histories = sn.fit_many(
    ...     nets, X, y, rows=[~fold for fold in folds], validation_rows=folds,
    ...     optimizer=sn.Adam(0.02), batch_size=50, patience=20, seed=list(range(10)),
    ... )
    >>> bool(np.mean([net.score(X[fold], y[fold]) for net, fold in zip(nets, folds)]) > 0.7)
    True
    """
    members = _networks(nets)
    n_threads = _threads.allowed(n_threads)
    progress = _validation.boolean("progress", progress)
    jobs = _jobs.checked(
        members, X=X, Y=Y, sample_weight=sample_weight, rows=rows, validation_rows=validation_rows,
        validation_data=validation_data, order=order, optimizer=optimizer, seed=seed, callback=callback, epochs=epochs,
        batch_size=batch_size, shuffle=shuffle, l2=l2, l1=l1, dropout=dropout, clip_norm=clip_norm,
        label_smoothing=label_smoothing, patience=patience, tol=tol,
    )  # fmt: skip
    jobs[0].advise()
    bar = _progress.progress(progress, "net", 0, len(jobs))
    try:
        return _run(members, jobs, n_threads, bar)
    finally:
        bar.close()


def _networks(nets: object) -> list[MLP]:
    """The networks, each of them once."""
    members = _validation.sequence("nets", nets, "MLP")
    if not members:
        raise ValueError("nets must hold at least one MLP, got none")
    for i, net in enumerate(members):
        if not isinstance(net, MLP):
            raise TypeError(f"nets must hold MLP, got {_validation.shown(net)} as nets[{i}]")
    _jobs.refuse_twice("nets", members)
    return members


def _run(nets: list[MLP], jobs: list[_jobs.Job], n_threads: int, bar: _progress.Silent) -> list[History]:
    """Run all fits, the longest first, and small ones of a kind together."""
    stop, lock = np.zeros(1, np.intc), threading.Lock()
    # One network alone may have all threads.
    of_a_fit = n_threads if len(jobs) == 1 else 1
    if sum(job.cost() for job in jobs) < LEAST_WORK * len(jobs):
        n_threads = 1
    groups = _together.groups(jobs, n_threads)
    histories = [History() for _ in jobs]
    waiting = dict(enumerate(jobs))  # what a fit has needed goes when it has ended

    def work(number: int) -> None:
        fits = {i: waiting.pop(i).fit(of_a_fit, stop) for i in groups[number]}
        for i, fit in fits.items():
            histories[i] = fit.history
        if len(fits) > 1:
            go_on_together([nets[i] for i in fits], list(fits.values()))
        for i, fit in fits.items():
            finish(i, fit)

    def finish(i: int, fit: _fit.Fit) -> None:
        try:
            go_on(nets[i], fit)
        except DivergenceError:
            pass
        except Exception as error:
            error.add_note(f"in the fit of nets[{i}]")
            raise
        with lock:
            bar.show(fit.history, fit.history.n_epochs * (fit.source.m or 0))

    _team.work_through(nets[0].model.kernels, work, range(len(groups)), min(n_threads, len(groups)), stop)
    return histories
