"""The learning rate's course over the epochs: `schedule=` of every optimizer but `RPROP` and `LBFGS`.

By name, ``"constant"``, ``"invscaling"``, ``"adaptive"``, ``"cosine"``, for the defaults; as an object; or as any
function epoch → rate.

>>> import shallownet_c as sn
>>> sn.SGD(0.1, schedule=sn.schedules.InverseScaling(power=0.25))
SGD(learning_rate=0.1, momentum=0.0, nesterov=False, schedule=InverseScaling(power=0.25))
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from shallownet_c._checks import _arguments, _validation
from shallownet_c._checks._validation import Array


class Schedule:
    """The base of all schedules: settings are attributes, and rates are asked for in the order of the epochs."""

    #: Whether the rate of an epoch can only be told when its turn has come.
    one_by_one = False

    @property
    def of_a_fit(self) -> bool:
        """Whether the rates depend on how many epochs the fit takes."""
        return False

    def check(self) -> None:
        """Raise an error for settings out of their ranges; each fit checks again, since attributes can be set."""

    def rates(self, alpha: float, first: int, n: int, began: int, epochs: int) -> Array:
        """α of epochs first … first + n − 1, counted from the optimizer's first; the fit `began` with one of those, and
        takes `epochs`."""
        raise NotImplementedError

    def watch(self, cost: float) -> None:
        """Learn an epoch's cost, that on validation data if there are any."""

    def reset(self) -> None:
        """Forget all costs."""

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        shown = {name: value for name, value in vars(self).items() if not name.startswith("_")}
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in shown.items())})"


class Constant(Schedule):
    """α_t = α.

    Examples
    --------
    >>> Constant().rates(0.5, 0, 2, 0, 2)
    array([0.5, 0.5])
    """

    def rates(self, alpha: float, first: int, n: int, began: int, epochs: int) -> Array:
        return np.full(n, float(alpha))


class InverseScaling(Schedule):
    """α_t = α / tᵖ in epochs t = 1, 2, …

    Parameters
    ----------
    power : float, default 0.5
        p ≥ 0.

    Examples
    --------
    >>> InverseScaling().rates(1.0, 0, 4, 0, 4).round(3)
    array([1.   , 0.707, 0.577, 0.5  ])
    """

    @_arguments.checked
    def __init__(self, power: float = 0.5) -> None:
        self.power = power
        self.check()

    def check(self) -> None:
        self.power = _validation.real_number("power", self.power, ">= 0", lambda x: x >= 0)

    def rates(self, alpha: float, first: int, n: int, began: int, epochs: int) -> Array:
        with np.errstate(over="ignore", under="ignore"):  # tᵖ may be infinite, and its inverse is then 0
            return alpha / np.arange(first + 1, first + n + 1) ** self.power


class Cosine(Schedule):
    """α_t = α_min + (α − α_min) (1 + cos(π t / T)) / 2 in epochs t = 0, 1, … (Loshchilov and Hutter, 2017, no
    restarts).

    Parameters
    ----------
    epochs : int, optional
        T, counted from the optimizer's first epoch; from T on the rate stays at α_min. By default the epochs of a fit,
        and each fit begins with α again.
    least : float, default 0.0
        α_min ≥ 0.

    Examples
    --------
    >>> Cosine().rates(1.0, 0, 4, 0, 4).round(3)
    array([1.   , 0.854, 0.5  , 0.146])
    """

    @_arguments.checked
    def __init__(self, epochs: int | None = None, least: float = 0.0) -> None:
        self.epochs = epochs
        self.least = least
        self.check()

    def check(self) -> None:
        self.epochs = None if self.epochs is None else _validation.integer("epochs", self.epochs, 1)
        self.least = _validation.real_number("least", self.least, ">= 0", lambda x: x >= 0)

    @property
    def of_a_fit(self) -> bool:
        return self.epochs is None

    def rates(self, alpha: float, first: int, n: int, began: int, epochs: int) -> Array:
        if self.epochs is None:
            first -= began
        t = np.minimum(np.arange(first, first + n) / (self.epochs or epochs), 1.0)
        with np.errstate(under="ignore"):
            return self.least + (alpha - self.least) * ((1 + np.cos(np.pi * t)) / 2)


class Adaptive(Schedule):
    """α times `factor` whenever the cost has not gone down by `tol` for `patience` epochs in a row.

    Parameters
    ----------
    factor : float, default 0.2
        In (0, 1).
    patience : int, default 10
    tol : float, default 1e-4
        The least improvement of the best cost that counts, ≥ 0.
    least : float, default 1e-6
        The rate never goes below it, ≥ 0.

    Examples
    --------
    >>> adaptive = Adaptive(factor=0.5, patience=1)
    >>> for cost in (1.0, 1.0):
    ...     adaptive.watch(cost)
    >>> adaptive.rates(0.1, 2, 1, 0, 10)
    array([0.05])
    """

    one_by_one = True

    @_arguments.checked
    def __init__(self, factor: float = 0.2, patience: int = 10, tol: float = 1e-4, least: float = 1e-6) -> None:
        self.factor = factor
        self.patience = patience
        self.tol = tol
        self.least = least
        self.check()
        self.reset()

    def check(self) -> None:
        self.factor = _validation.real_number("factor", self.factor, "in (0, 1)", lambda x: 0 < x < 1)
        self.patience = _validation.integer("patience", self.patience, 1)
        self.tol = _validation.real_number("tol", self.tol, ">= 0", lambda x: x >= 0)
        self.least = _validation.real_number("least", self.least, ">= 0", lambda x: x >= 0)

    def reset(self) -> None:
        self._best, self._wait, self._cuts = math.inf, 0, 0

    def rates(self, alpha: float, first: int, n: int, began: int, epochs: int) -> Array:
        return np.full(n, max(alpha * self.factor**self._cuts, min(alpha, self.least)))

    def watch(self, cost: float) -> None:
        self._wait = 0 if cost < self._best - self.tol else self._wait + 1
        self._best = min(self._best, cost)
        if self._wait >= self.patience:
            self._wait, self._cuts = 0, self._cuts + 1


class PerEpoch(Schedule):
    """α_t = function(t) in epochs t = 0, 1, …, asked for as each begins.

    Parameters
    ----------
    function : callable int → float
        Its values must be finite and > 0.

    Examples
    --------
    >>> PerEpoch(lambda epoch: 0.1 * 0.5**epoch).rates(0.1, 0, 3, 0, 3)
    array([0.1  , 0.05 , 0.025])
    """

    one_by_one = True

    def __init__(self, function: Callable[[int], float]) -> None:
        self.function = function

    def rates(self, alpha: float, first: int, n: int, began: int, epochs: int) -> Array:
        name = "the rate of schedule"
        return np.array(
            [_validation.real_number(name, self.function(t), "> 0", lambda x: x > 0) for t in range(first, first + n)]
        )


SCHEDULES: dict[str, type[Schedule]] = {
    "constant": Constant,
    "invscaling": InverseScaling,
    "adaptive": Adaptive,
    "cosine": Cosine,
}


def schedule(value: object) -> Schedule:
    """The schedule itself, one of that name with its defaults, or one of that function."""
    if isinstance(value, Schedule):
        return value
    if isinstance(value, str):
        return SCHEDULES[_validation.choice("schedule", value, SCHEDULES)]()
    if callable(value):
        return PerEpoch(value)
    raise TypeError(
        f"schedule must be one of {', '.join(map(repr, SCHEDULES))}, a Schedule or a function of the epoch, "
        f"got {_validation.shown(value)}"
    )


def settings(schedule: Schedule) -> dict[str, Any]:
    """Name, settings and state, fit for JSON; a function is not among them."""
    kind = type(schedule)
    names = () if kind is PerEpoch else vars(kind())  # and not what a caller may have added
    return {"name": kind.__name__, **{name: getattr(schedule, name) for name in names}}


def from_settings(values: dict[str, Any], function: Any) -> Schedule:
    """The schedule whose `settings` these are, and the function that they cannot hold."""
    kinds = {kind.__name__: kind for kind in SCHEDULES.values()}
    values = dict(values)
    state = {name: values.pop(name) for name in list(values) if name.startswith("_")}
    name = values.pop("name")
    made = PerEpoch(function) if name == "PerEpoch" else kinds[name](**values)
    vars(made).update(state)
    return made
