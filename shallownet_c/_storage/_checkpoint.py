"""A fit on disk: what it takes to go on after the process has died, in the safetensors format like a model.

A checkpoint is written only at the end of an epoch, whole or not at all, and by one fit at a time. What is read may
come from anywhere, so all of it is checked before anything is made of it.
"""

from __future__ import annotations  # evaluated, the annotations would import numpy.random

import contextlib
import os
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from shallownet_c import _random, optimizers, schedules, serialization
from shallownet_c._checks._validation import Array
from shallownet_c._model import Model, check_sizes, count_params
from shallownet_c._storage import _files, _models, _schema
from shallownet_c.history import History

OPTIMIZERS = {kind.__name__: kind for kind in optimizers.OPTIMIZERS.values()}


class Course(NamedTuple):
    """Where a fit stands: all that its checkpoint is made of."""

    model: Model
    names: tuple[str, ...] | None
    rows: int | None
    fingerprint: int
    #: Whether there are validation_data, a sample_weight, an order.
    given: list[bool]
    settings: dict[str, Any]
    optimizer: optimizers.Optimizer
    params: Array
    state: Array | None
    wait: int
    best_cost: float
    best_params: Array | None
    history: History
    rng: np.random.Generator | np.random.RandomState


def describe(course: Course) -> dict[str, Any]:
    """Where the fit stands, without its arrays."""
    optimizer, history = course.optimizer, course.history
    return {
        "architecture": _models.describe(course.model, course.names),
        "rows": course.rows,
        "fingerprint": course.fingerprint,
        "given": course.given,
        "settings": course.settings,
        "optimizer": {
            "name": type(optimizer).__name__,
            "settings": {name: getattr(optimizer, name) for name in optimizer.names},
            "epsilon_as_given": getattr(optimizer, "_epsilon_as_given", False),
            "step": optimizer.n_steps,
            "epoch": optimizer._epoch,
            "schedule": schedules.settings(optimizer.schedule),
        },
        "position": {"wait": course.wait, "best_cost": course.best_cost},
        "history": {"n_epochs": history.n_epochs, "stopped": history.stopped, "seconds": history.seconds},
        "random": _random.describe(course.rng),
    }


class Writer:
    """Writes a fit to `path` whenever `every` seconds have passed."""

    def __init__(self, path: str | os.PathLike[str], every: float) -> None:
        if not isinstance(path, (str, os.PathLike)):
            raise TypeError(f"checkpoint must be a path, got {path!r}")
        folder, name = os.path.split(os.fspath(path))
        if not name or "\0" in name or not os.path.isdir(folder or ".") or os.path.isdir(path):
            raise ValueError(f"checkpoint must be the path of a file in a folder that exists, got {os.fspath(path)!r}")
        self.path = os.path.realpath(path)  # wherever a function of the caller's changes the directory to
        self.every = every
        self.due = time.monotonic() + every

    def check(self, course: Course) -> None:
        """Raise an error if the file could not be read again, as with a random generator of the caller's own class."""
        _schema.CHECKPOINT("checkpoint", describe(course))

    def is_due(self) -> bool:
        return time.monotonic() >= self.due

    def write(self, course: Course, description: dict[str, Any] | None = None) -> None:
        """Write where the fit stands, or what `describe` said of it when the epoch of course.params began."""
        description = describe(course) if description is None else description
        epochs = description["history"]["n_epochs"]
        tensors = {"params": course.params}
        if course.state is not None:
            tensors["optimizer.state"] = course.state
        if course.best_params is not None:
            tensors["best.params"] = course.best_params
        tensors["history.cost"] = np.array(course.history.cost[:epochs])
        tensors["history.val_cost"] = np.array(course.history.val_cost[:epochs])
        serialization.write(self.path, tensors, {"checkpoint": description})
        # Counted from the end of writing: a disk slower than `every` still leaves time for training.
        self.due = time.monotonic() + self.every


@contextlib.contextmanager
def held(path: str | os.PathLike[str] | None) -> Iterator[None]:
    """Keep every other fit from writing the checkpoint, if there is to be one; an error if it cannot be written."""
    if path is None:
        yield
        return
    lock = _files.Lock(path)
    try:
        try:
            _files.check(path)
            lock.acquire()
        except BlockingIOError as error:
            raise OSError(error.errno, "checkpoint is being written by another fit", lock.target) from None
        except OSError as error:
            raise OSError(error.errno, f"checkpoint cannot be written: {error.strerror}", error.filename) from None
        yield
    finally:
        lock.release()


def read(path: str | os.PathLike[str]) -> tuple[dict[str, Array], dict[str, Any]]:
    """The tensors and the metadata that `Writer` wrote, checked one by one and against each other."""
    with serialization.opened(path, "a checkpoint") as file:
        if "checkpoint" not in file.metadata:
            raise ValueError("it is a model without a fit's state, for load()")
        values = file.metadata["checkpoint"]
        _schema.CHECKPOINT("checkpoint", values)
        values["settings"].setdefault("label_smoothing", 0.0)  # files of older versions have none
        _check_course(values)
        file.expect(_tensors(values, "best.params" in file.places))
        tensors = file.tensors()
        _check_numbers(values["optimizer"]["name"], tensors)
    return tensors, values


def _check_course(values: dict[str, Any]) -> None:
    """Raise an error unless its counters go together."""
    settings, history, position = values["settings"], values["history"], values["position"]
    done, stopped = history["n_epochs"], history["stopped"]
    for fits, what in (
        (history["seconds"] >= 0, "history.seconds must not be negative"),
        (done <= settings["epochs"], "history.n_epochs must be at most settings.epochs"),
        (done <= values["optimizer"]["epoch"], "optimizer.epoch must be at least history.n_epochs"),
        (position["wait"] <= done, "position.wait must be at most history.n_epochs"),
        (stopped != "epochs" or done == settings["epochs"], "history.stopped must not be 'epochs' before the last"),
        (
            stopped != "patience" or (settings["patience"] is not None and position["wait"] >= settings["patience"]),
            "history.stopped must not be 'patience' before it is exhausted",
        ),
    ):
        if not fits:
            raise ValueError(f"checkpoint.{what}")


def _tensors(values: dict[str, Any], has_best: bool) -> dict[str, tuple[str, tuple[int, ...]]]:
    """The dtypes and shapes of the tensors that belong to it."""
    dtype = values["architecture"]["dtype"]
    n_params = count_params(check_sizes(values["architecture"]["layer_sizes"]))
    optimizer = OPTIMIZERS[values["optimizer"]["name"]](**values["optimizer"]["settings"])
    done, validated = values["history"]["n_epochs"], values["given"][0]
    tensors: dict[str, tuple[str, tuple[int, ...]]] = {
        "params": (dtype, (n_params,)),
        "optimizer.state": (dtype, (len(optimizer._vectors()), n_params)),
        "history.cost": ("float64", (done,)),
        "history.val_cost": ("float64", (done if validated else 0,)),
    }
    patient = validated and values["settings"]["patience"] is not None
    # A fit that was broken off within an epoch may already have the best parameters, but not their cost.
    if patient and (has_best or values["position"]["best_cost"] < np.inf):
        tensors["best.params"] = (dtype, (n_params,))
    return tensors


def _check_numbers(optimizer: str, tensors: dict[str, Array]) -> None:
    """Raise an error unless the tensors hold numbers that a fit can leave."""
    for name in ("params", "best.params", "history.cost"):
        if name in tensors and not np.isfinite(tensors[name]).all():
            raise ValueError(f"tensor {name!r} must be finite")
    state = tensors["optimizer.state"]
    # Squares of gradients may overflow where the parameters do not.
    if np.isnan(state).any() or (state[list(OPTIMIZERS[optimizer].nonnegative)] < 0).any():
        raise ValueError("tensor 'optimizer.state' must not hold NaN, nor negative squares or sizes of steps")


def check_optimizer(optimizer: optimizers.Optimizer) -> None:
    """Raise an error unless a file can describe the optimizer and its schedule."""
    kinds = optimizers.OPTIMIZERS.values(), (*schedules.SCHEDULES.values(), schedules.PerEpoch)
    for name, value, known in zip(("optimizer", "its schedule"), (optimizer, optimizer.schedule), kinds, strict=True):
        if type(value) not in known:
            raise ValueError(f"{name} must be of one of the package's own classes for a checkpoint, got {value!r}")


def optimizer_of(values: dict[str, Any], state: Array, schedule: Any) -> optimizers.Optimizer:
    optimizer = OPTIMIZERS[values["name"]](**values["settings"])
    optimizer.schedule = schedules.from_settings(values["schedule"], schedule)
    if values["epsilon_as_given"]:
        vars(optimizer)["_epsilon_as_given"] = True
    optimizer._state = state.copy()
    optimizer._step[0], optimizer._epoch = values["step"], values["epoch"]
    return optimizer
