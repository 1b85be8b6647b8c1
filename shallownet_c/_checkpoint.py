"""A fit on disk: what it takes to go on after the process has died, in the safetensors format like a model.

Written at the end of an epoch only, and whole or not at all.
"""

from __future__ import annotations  # evaluated, the annotations would import numpy.random

import dataclasses
import os
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from shallownet_c import optimizers, schedules, serialization
from shallownet_c._validation import Array

if TYPE_CHECKING:
    from shallownet_c._training import Snapshot, Training


class Writer:
    """Writes a fit to `path` whenever `every` seconds have passed."""

    def __init__(self, path: str | os.PathLike[str], every: float) -> None:
        if not isinstance(path, (str, os.PathLike)):
            raise TypeError(f"checkpoint must be a path, got {path!r}")
        folder, name = os.path.split(os.fspath(path))
        if not name or "\0" in name or not os.path.isdir(folder or ".") or os.path.isdir(path):
            raise ValueError(f"checkpoint must be the path of a file in a folder that exists, got {os.fspath(path)!r}")
        self.path, self.every = path, every
        self.due = time.monotonic() + every

    def write_if_due(self, training: Training) -> None:
        if time.monotonic() >= self.due:
            self.write(training)

    def describe(self, training: Training) -> dict[str, Any]:
        """Where the fit stands, but for its arrays."""
        net, optimizer, position, history = training.net, training.optimizer, training.position, training.history
        return {
            "architecture": net._architecture(),
            "rows": training.source.m,
            "fingerprint": training.source.fingerprint,
            # What `resume` has to be given again: validation_data, sample_weight, order.
            "given": [
                training.watchers.validation is not None,
                training.source.weighted,
                training.orders.order is not None,
            ],
            "settings": dataclasses.asdict(training.settings),
            "optimizer": {
                "name": type(optimizer).__name__,
                "settings": {name: getattr(optimizer, name) for name in optimizer.names},
                "epsilon_as_given": getattr(optimizer, "_epsilon_as_given", False),
                "step": optimizer.n_steps,
                "epoch": optimizer._epoch,
                "schedule": schedules.settings(optimizer.schedule),
            },
            "position": {"wait": position.wait, "best_cost": position.best_cost},
            "history": {"n_epochs": history.n_epochs, "stopped": history.stopped, "seconds": history.seconds},
            "random": random_state(training.rng),
        }

    def write(
        self, training: Training, began: Snapshot | None = None, description: dict[str, Any] | None = None
    ) -> None:
        """Write where the fit stands, or where it stood when its epoch `began`, with the description of then."""
        description = self.describe(training) if description is None else description
        optimizer, history, position = training.optimizer, training.history, training.position
        epochs = description["history"]["n_epochs"]
        tensors = {"params": training.net._params if began is None else began.params}
        if optimizer._state is not None:
            tensors["optimizer.state"] = optimizer._state if began is None else began.state
        if position.best_params is not None:
            tensors["best.params"] = position.best_params
        tensors["history.cost"] = np.array(history.cost[:epochs])
        tensors["history.val_cost"] = np.array(history.val_cost[:epochs])
        serialization.write(self.path, tensors, {"checkpoint": description})
        # From when it was done: a disk slower than `every` still leaves time for training.
        self.due = time.monotonic() + self.every


def read(path: str | os.PathLike[str]) -> tuple[dict[str, Array], dict[str, Any]]:
    """The tensors and the rest of what `Writer` wrote."""
    tensors, metadata = serialization.read(path)
    if not isinstance(metadata, dict) or "checkpoint" not in metadata:
        raise ValueError(f"{os.fspath(path)} is not a checkpoint: it is a model without a fit's state, for load()")
    return tensors, metadata["checkpoint"]


def check_optimizer(optimizer: optimizers.Optimizer) -> None:
    """An error if a file could not tell what it is."""
    kinds = optimizers.OPTIMIZERS.values(), (*schedules.SCHEDULES.values(), schedules.PerEpoch)
    for name, value, known in zip(("optimizer", "its schedule"), (optimizer, optimizer.schedule), kinds, strict=True):
        if type(value) not in known:
            raise ValueError(f"{name} must be of one of the package's own classes for a checkpoint, got {value!r}")


def optimizer_of(values: dict[str, Any], state: Array | None, schedule: Any) -> optimizers.Optimizer:
    kinds = {kind.__name__: kind for kind in optimizers.OPTIMIZERS.values()}
    optimizer = kinds[values["name"]](**values["settings"])
    optimizer.schedule = schedules.from_settings(values["schedule"], schedule)
    if values["epsilon_as_given"]:
        optimizer._epsilon_as_given = True  # type: ignore[attr-defined]
    optimizer._state = None if state is None else state.copy()
    optimizer._step[0], optimizer._epoch = values["step"], values["epoch"]
    return optimizer


def random_state(rng: np.random.Generator | np.random.RandomState) -> dict[str, Any]:
    """Its state, fit for JSON."""
    if isinstance(rng, np.random.RandomState):
        return {"kind": "RandomState", "state": _plain(rng.get_state(legacy=False))}
    return {"kind": "Generator", "state": _plain(rng.bit_generator.state)}


def random_generator(values: dict[str, Any]) -> np.random.Generator | np.random.RandomState:
    """A source of random numbers in the state that `random_state` has described."""
    bits = getattr(np.random, values["state"]["bit_generator"])()
    if values["kind"] == "RandomState":
        legacy = np.random.RandomState(bits)
        legacy.set_state(values["state"])
        return legacy
    bits.state = values["state"]
    return np.random.Generator(bits)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value.tolist() if isinstance(value, np.ndarray) else value
