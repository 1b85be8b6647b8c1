"""`resume`: a fit taken up from its checkpoint."""

from __future__ import annotations  # evaluated, the annotations would import numpy.random

import contextlib
import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from shallownet_c import _random, _threads, serialization
from shallownet_c._checks import _arguments, _features, _validation
from shallownet_c._checks._validation import Array
from shallownet_c._fitting import _fit, _orders, _sources
from shallownet_c._fitting._settings import Settings
from shallownet_c._model import Model
from shallownet_c._storage import _checkpoint, _models
from shallownet_c.history import History
from shallownet_c.mlp import MLP, go_on, made

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


@_arguments.checked
def resume(
    path: str | os.PathLike[str],
    X: ArrayLike | Callable[[], Iterable[tuple[Any, ...]]],
    Y: ArrayLike | None = None,
    *,
    order: ArrayLike | Callable[[int], ArrayLike] | None = None,
    sample_weight: ArrayLike | None = None,
    validation_data: tuple[Any, ...] | None = None,
    n_threads: int | None = None,
    progress: bool = False,
    callback: Callable[[int, History, MLP], object] | None = None,
    schedule: Callable[[int], float] | None = None,
    checkpoint_every: float = 60.0,
) -> MLP:
    """Go on with a fit that wrote checkpoints, to the bits at which it would have ended without an interruption.

    Parameters
    ----------
    path : str or path-like
        The `checkpoint` of `MLP.fit`; it goes on being written, by this fit alone as long as it lasts.
    X, Y, order, sample_weight, validation_data, n_threads, progress, callback, checkpoint_every
        As given to `fit`, with the same data, which the checkpoint does not hold.
    schedule : callable epoch → α, optional
        The optimizer's, where it was a function.

    Returns
    -------
    MLP
        Trained to the end; its `history` is that of the whole fit. One whose fit had ended is returned as it was.

    Raises
    ------
    ValueError, TypeError
        If the file is not a checkpoint or is damaged (always a ValueError, which names the file and what is wrong), or
        an argument is not what it should be, or the data are not those of the fit: by their shape or a sample of their
        rows, or because one of validation_data, sample_weight, order is missing or new.
    OSError
        If the file cannot be read or, for a fit that has not ended, written, or if another fit is writing it.
    DivergenceError
        As `fit`.

    Examples
    --------
    >>> import os, tempfile, shallownet_c as sn
    >>> X, y = sn.datasets.make_flower(400, seed=1)
    >>> net = sn.MLP([2, 4, 1], output="sigmoid", seed=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "fit.safetensors")
    ...     _ = net.fit(X, y, epochs=50, batch_size=100, seed=0, checkpoint=path)
    ...     again = sn.resume(path, X, y)
    >>> bool((again.params == net.params).all()), again.history.n_epochs
    (True, 50)
    """
    return taken_up(
        path,
        lambda model, params, names: _sources.source(model, params, X, Y, sample_weight, names),
        lambda net, source: _fit.watchers(
            net, source, validation_data, progress, callback, path, checkpoint_every
        ),
        order, n_threads, schedule,
    )  # fmt: skip


def taken_up(
    path: str | os.PathLike[str],
    source_of: Callable[[Model, Array, _features.Names], _sources.Source],
    watchers_of: Callable[[MLP, _sources.Source], _fit.Watchers],
    order: Any,
    n_threads: int | None,
    schedule: Any,
    kind: type[_fit.Fit] = _fit.Fit,
    history: Callable[..., History] = History,
) -> MLP:
    """See `resume`: a fit of the kind goes on, with rows and watchers from whoever has them."""
    tensors, values = _checkpoint.read(path)
    with contextlib.ExitStack() as stack:
        if not values["history"]["stopped"]:
            stack.enter_context(_checkpoint.held(path))
            tensors, values = _checkpoint.read(path)  # again: until now another fit may have written
        _check_schedule(values["optimizer"]["schedule"]["name"], schedule)
        with serialization.refused(path, "a checkpoint"):
            model, names = _models.described(values["architecture"])
            settings = Settings(**values["settings"])
            settings.check_model(model)
            optimizer = _checkpoint.optimizer_of(values["optimizer"], tensors["optimizer.state"], schedule)
            optimizer.state(model.n_params, model.dtype)
            settings.check_optimizer(optimizer, values["rows"], path)
            rng = _random.described(values["random"])
        net = made(MLP, model, tensors["params"].copy(), names)
        source = source_of(model, net.params, _features.Names(names))
        if source.m != values["rows"]:
            then, now = ("rows that come in parts" if m is None else f"{m} rows" for m in (values["rows"], source.m))
            raise ValueError(f"X must have {then}, as in the fit, got {now}")
        order = _orders.check(order, settings.epochs, source.m)
        watchers = watchers_of(net, source)
        for name, had, has in zip(
            ("validation_data", "sample_weight", "order"),
            values["given"],
            (watchers.validation is not None, source.weighted, order is not None),
            strict=True,
        ):
            if had != has:
                raise ValueError(f"{name} must be {'given again, as' if had else 'left out, as it was'} in the fit")
        if source.fingerprint != values["fingerprint"]:
            raise ValueError("X, Y and sample_weight must be those of the fit: some of their rows are others")
        n_threads = _threads.allowed(n_threads)
        costs = (tensors["history.cost"].tolist(), tensors["history.val_cost"].tolist())
        course = history(*costs, **values["history"])
        position = _fit.Position(**values["position"], best_params=tensors.get("best.params"))
        fit = kind(source, optimizer, settings, watchers, order, rng, n_threads, course, position)
        go_on(net, fit)
    return net


def _check_schedule(name: str, function: object) -> None:
    if name == "PerEpoch":
        if function is None:
            raise ValueError("schedule must be given again: the checkpoint cannot hold a function")
        if not callable(function):
            raise TypeError(f"schedule must be a function of the epoch, got {_validation.shown(function)}")
