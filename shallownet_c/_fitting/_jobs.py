"""The fits of many networks: all checked before the first begins, and each made when its turn comes."""

from __future__ import annotations  # evaluated, the annotations would import numpy.random

import copy
import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from shallownet_c import _random, optimizers
from shallownet_c._checks import _features, _validation
from shallownet_c._checks._validation import Array
from shallownet_c._engine import Piece
from shallownet_c._fitting import _advice, _fit, _orders, _sources
from shallownet_c._fitting._epochs import operations
from shallownet_c._fitting._settings import Settings
from shallownet_c._fitting._shared import Shared, taken
from shallownet_c._model import Model, Net
from shallownet_c.optimizers import Optimizer

#: Arguments that elsewhere may be lists.
ARRAYS = ("X", "Y", "sample_weight", "rows", "validation_rows", "order")


class Job(NamedTuple):
    """A fit of one network that has been checked, and holds nothing yet that only a running fit needs."""

    net: Net
    names: tuple[str, ...] | None
    piece: Piece
    rows: Any
    #: How many rows those are.
    m: int
    validation: Piece | None
    validation_rows: Any
    order: Any
    settings: Settings
    optimizer: Optimizer
    #: Whether the optimizer is to be copied.
    copied: bool
    seed: Any
    callback: Callable[[int, Any], object] | None

    def source(self) -> _sources.Rows:
        """The rows that the network learns from."""
        piece = taken("rows", self.rows, self.piece)
        return _sources.Rows(self.net.model, self.net.params, _features.Names(self.names), piece)

    def cost(self) -> int:
        """How long the fit may take, in a unit of its own."""
        return operations(self.net.model) * self.m * self.settings.epochs

    def advise(self) -> None:
        """Warn of what can be told beforehand."""
        _advice.Advice(self.source(), self.optimizer, self.settings.epochs, self.settings.batch_size).before()

    def fit(self, n_threads: int, stop: Array) -> _fit.Fit:
        """The fit, ready to run."""
        source, validation, settings = self.source(), None, self.settings
        if self.validation is not None:
            piece = taken("validation_rows", self.validation_rows, self.validation)
            validation = _sources.Rows(source.model, source.params, source.names, piece)
        watchers = _fit.Watchers(validation, self.callback, False, None)
        optimizer = copy.deepcopy(self.optimizer) if self.copied else self.optimizer
        rng = _validation.random_generator(self.seed)
        fit = _fit.Fit(source, optimizer, settings, watchers, self.order, rng, n_threads, stop=stop)
        if settings.dropout is not None:
            fit.settings = dataclasses.replace(settings, dropout_seed=_random.draw_seed(rng))
        return fit


def checked(nets: Sequence[Net], **arguments: Any) -> list[Job]:
    """The jobs of the networks; each argument, named as in `fit_many`, is one for all networks or a list with one each.

    Raises
    ------
    ValueError, TypeError
        If one of them is refused; nothing has changed then.
    """
    optimizer, seed = arguments["optimizer"], arguments["seed"]
    if not isinstance(seed, list):
        try:
            _validation.random_generator(seed)
        except (TypeError, ValueError) as error:
            raise _validation.retold(error, f"{error}{_remedy(error, arguments)}") from None
    refuse_twice("seed", seed if isinstance(seed, list) else [seed] * len(nets))
    if isinstance(optimizer, list):
        refuse_twice("optimizer", optimizer)
        # A schedule that learns costs, as the adaptive one does, has a state, too.
        schedules = [one.schedule if isinstance(one, Optimizer) else None for one in optimizer]
        refuse_twice("the schedule of optimizer", [one if one and one.one_by_one else None for one in schedules])
    columns = {name: _for_each(name, value, len(nets)) for name, value in arguments.items()}
    checks = Checks(isinstance(arguments["optimizer"], list))
    jobs = []
    for i, net in enumerate(nets):
        try:
            jobs.append(checks.job(net, i, **{name: values[i] for name, values in columns.items()}))
        except (TypeError, ValueError) as error:
            raise _validation.retold(error, f"nets[{i}]: {error}{_remedy(error, arguments)}") from None
    checks.shared.refuse_views([net.params for net in nets])
    return jobs


def _remedy(error: Exception, arguments: dict[str, Any]) -> str:
    """What to do where the argument that an error names is a list, or should have been one."""
    name = str(error).partition(" ")[0]
    value = arguments.get(name)
    if name in ARRAYS and isinstance(value, list):
        return f"; a list has one {name} for each network, np.array({name}) is one for all"
    if name not in ARRAYS and isinstance(value, (tuple, range, np.ndarray)):
        return f"; one {name} for each network is a list"
    return ""


def _for_each(name: str, value: Any, n: int) -> list[Any]:
    """The argument of each of n networks."""
    if not isinstance(value, list):
        return [value] * n
    if len(value) != n:
        remedy = f"; np.array({name}) is one value" if name in ARRAYS else ""
        if name == "validation_data":
            remedy = "; a tuple (X, Y) is one value"
        raise ValueError(
            f"{name} must be one value for all networks, which is never a list, or a list of one for each of the {n} "
            f"networks, got a list of {len(value)}{remedy}"
        )
    return value


def refuse_twice(name: str, values: Sequence[Any]) -> None:
    """Raise an error if an object that a fit changes is there twice; numbers and names are no such objects."""
    places: dict[int, int] = {}
    for i, value in enumerate(values):
        if isinstance(value, np.random.Generator):
            value = value.bit_generator  # which two generators may share
        elif isinstance(value, np.random.RandomState):
            value = value._bit_generator
        elif value is None or isinstance(value, (int, str)):
            continue
        if places.setdefault(id(value), i) != i:
            raise ValueError(
                f"{name} must not be one object for several networks, got the same for nets[{places[id(value)]}] and "
                f"nets[{i}]"
            )


class Checks:
    """The checks of one job after the other. What has been checked once is not checked again."""

    def __init__(self, one_optimizer_each: bool) -> None:
        self.one_optimizer_each = one_optimizer_each
        self.shared = Shared()
        self.of_settings: dict[tuple[Any, ...], Settings] = {}
        self.of_optimizers: dict[int, Optimizer] = {}
        self.go_together: set[tuple[Any, ...]] = set()

    def job(
        self,
        net: Net,
        i: int,
        *,
        X: Any,
        Y: Any,
        sample_weight: Any,
        rows: Any,
        validation_rows: Any,
        validation_data: Any,
        order: Any,
        optimizer: Any,
        seed: Any,
        callback: Any,
        **settings: Any,
    ) -> Job:
        """What one network is to do."""
        model = net.model
        piece, names = self.shared.piece(model, X, Y, sample_weight), self.shared.names(X)
        m = taken("rows", rows, piece).m
        validation = self.validation(model, names, validation_data)
        if validation_rows is not None:
            if validation is not None:
                raise ValueError("validation_rows must be None where validation_data is given, and the other way round")
            validation = piece._replace(weights=None)
            taken("validation_rows", validation_rows, validation)
        fitting = self.settings(model, settings)
        order = _orders.check(order, fitting.epochs, m)
        rule = self.optimizer(model, optimizer, fitting)
        fitting.check_optimizer(rule, m, None)
        if seed is not None and (type(seed) is not int or seed < 0):
            _validation.random_generator(seed)
        called = _fit.checked_callback(callback)
        return Job(
            net, names, piece, rows, m, validation, validation_rows, order, fitting, rule,
            not (self.one_optimizer_each and rule is optimizer), seed,
            None if called is None else lambda epoch, history: called(i, epoch, history, net),
        )  # fmt: skip

    def validation(self, model: Model, names: tuple[str, ...] | None, validation_data: Any) -> Piece | None:
        """The rows of validation data, whose columns must have these names."""
        if validation_data is None:
            return None
        X, Y, weights = _fit.validation_arrays(validation_data)
        try:
            _features.Names(names).checked(X)
            return self.shared.piece(model, X, Y, weights)
        except (TypeError, ValueError) as error:
            raise _validation.retold(error, f"validation_data: {error}") from None

    def settings(self, model: Model, given: dict[str, Any]) -> Settings:
        """The settings; one object for all networks for which they are checked in the same way."""
        key = model.loss, len(model.sizes), *map(id, given.values())
        if key not in self.of_settings:
            self.of_settings[key] = Settings.of_fit(model, **given)
        return self.of_settings[key]

    def optimizer(self, model: Model, given: Any, settings: Settings) -> Optimizer:
        """The optimizer, which takes steps, goes with the network and can be copied if it has to be."""
        if id(given) not in self.of_optimizers:
            optimizer = optimizers.optimizer(given)
            if not optimizer.takes_steps:
                raise ValueError(f"optimizer must not be {type(optimizer).__name__}, which is for MLP.fit alone")
            if not self.one_optimizer_each:
                copy.deepcopy(optimizer)
            self.of_optimizers[id(given)] = optimizer
        optimizer = self.of_optimizers[id(given)]
        key = id(optimizer), model.n_params, model.dtype
        if key not in self.go_together:
            optimizer.rule(model, settings.l2, settings.l1, settings.clip_norm)
            self.go_together.add(key)
        return optimizer
