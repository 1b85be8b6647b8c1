"""The arguments of a fit that a checkpoint keeps, whether they go together, and with a network and an optimizer."""

from __future__ import annotations

import dataclasses
import math
import sys
from typing import Any, Self

import numpy as np

from shallownet_c._checks import _validation
from shallownet_c._checks._validation import Array
from shallownet_c._engine import Run
from shallownet_c._fitting import _lbfgs
from shallownet_c._model import Model
from shallownet_c._storage import _checkpoint
from shallownet_c.optimizers import Optimizer


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
    objective_scale: float = 0.0
    label_smoothing: float = 0.0

    @classmethod
    def of_fit(cls, model: Model, *, dropout: object, clip_norm: object, **others: Any) -> Self:
        """The settings of a call of `fit`, `others` by their own names; an error unless they go with the network."""
        rates = dropout_rates(dropout, len(model.sizes) - 2)
        settings = cls(dropout=rates, dropout_seed=0, clip_norm=_validation.norm_limit(clip_norm), **others)
        settings.check_model(model)
        return settings

    def __post_init__(self) -> None:
        """Check the settings of any fit, whether they come from a caller or from a file."""
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
            self.clip_norm = _validation.norm_limit(self.clip_norm)
        if self.patience is not None:
            self.patience = _validation.integer("patience", self.patience, 1, sys.maxsize)
        self.label_smoothing = _validation.real_number(
            "label_smoothing", self.label_smoothing, "in [0, 1)", lambda x: 0 <= x < 1
        )

    def check_model(self, model: Model) -> None:
        """Raise an error if they do not go with the network."""
        if self.dropout is not None:
            dropout_rates(self.dropout, len(model.sizes) - 2)
        if self.label_smoothing > 0 and model.loss != "log_loss":
            raise ValueError(
                f"label_smoothing must be 0 for loss {model.loss!r}, got {self.label_smoothing}: it goes with log_loss"
            )

    def check_optimizer(self, optimizer: Optimizer, m: int | None, checkpoint: object) -> None:
        """Raise an error if the optimizer cannot do what they ask for on m rows; m None is an unknown number."""
        name = type(optimizer).__name__
        if checkpoint is not None:
            _checkpoint.check_optimizer(optimizer)
        if not optimizer.full_batch:
            return
        if m is None:
            raise ValueError(f"X must be an array for {name}, which needs the full batch: rows in chunks are never one")
        if self.batch_size is not None and self.batch_size < m:
            raise ValueError(f"batch_size must be None for {name}, which needs the full batch, got {self.batch_size}")
        if optimizer.takes_steps:
            return
        _lbfgs.scipy_optimize()
        for argument, given in (
            ("l1", self.l1 > 0),
            ("dropout", self.dropout is not None),
            ("clip_norm", self.clip_norm < math.inf),
            ("checkpoint", checkpoint is not None),
        ):
            if given:
                raise ValueError(
                    f"{argument} does not go with {name}: SciPy takes its own steps on a smooth cost, at one go"
                )

    def run(self, n_threads: int, stop: Array | None) -> Run:
        """The settings as the kernels take them."""
        dropout = None if self.dropout is None else np.array(self.dropout)
        smoothing = self.label_smoothing
        return Run(self.batch_size, dropout, self.dropout_seed, self.objective_scale, smoothing, n_threads, stop)


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
