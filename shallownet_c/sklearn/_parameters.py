"""The estimators' parameters: what they may be, and the check that every fit begins with."""

import functools
import sys
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn import config_context
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval, Options, StrOptions, validate_parameter_constraints

from shallownet_c.sklearn._network import ACTIVATIONS

#: scikit-learn's names of the activations that a hidden layer may have.
HIDDEN = {name for name, row in ACTIVATIONS.items() if row.hidden}


class Finite(Interval):
    """scikit-learn's interval without the integers that no float can hold."""

    def __contains__(self, value: Any) -> bool:
        return bool(super().__contains__(value) and abs(value) <= sys.float_info.max)


#: The constraints of the parameters that both estimators have.
CONSTRAINTS: dict[str, Any] = {
    "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
    "activation": [StrOptions(HIDDEN), "array-like"],
    "solver": [StrOptions({"lbfgs", "sgd", "adam"})],
    "alpha": [Finite(Real, 0, None, closed="left")],
    "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
    "learning_rate": [StrOptions({"constant", "invscaling", "adaptive"})],
    "learning_rate_init": [Finite(Real, 0, None, closed="neither")],
    "power_t": [Finite(Real, 0, None, closed="left")],
    "max_iter": [Interval(Integral, 1, None, closed="left")],
    "shuffle": ["boolean"],
    "random_state": ["random_state"],
    "tol": [Finite(Real, 0, None, closed="left")],
    "verbose": ["verbose"],
    "warm_start": ["boolean"],
    "momentum": [Finite(Real, 0, 1, closed="both")],
    "nesterovs_momentum": ["boolean"],
    "early_stopping": ["boolean"],
    "validation_fraction": [Finite(Real, 0, 1, closed="left")],
    "beta_1": [Finite(Real, 0, 1, closed="left")],
    "beta_2": [Finite(Real, 0, 1, closed="left")],
    "epsilon": [Finite(Real, 0, None, closed="neither")],
    "n_iter_no_change": [Interval(Integral, 1, None, closed="left"), Options(Real, {np.inf})],
    "max_fun": [Interval(Integral, 1, None, closed="left")],
    "dropout": [Finite(Real, 0, 1, closed="left"), "array-like"],
    "leak": [Finite(Real, 0, 1, closed="left")],
    "n_threads": [None, Interval(Integral, 1, None, closed="left")],
}


def keep(estimator: BaseEstimator, arguments: dict[str, Any]) -> None:
    """A constructor's arguments as attributes, as they are."""
    for name, value in arguments.items():
        if name not in ("self", "__class__"):
            setattr(estimator, name, value)


def can_be_stochastic(estimator: Any) -> bool:
    if estimator.solver not in ("sgd", "adam"):
        raise AttributeError(
            f"partial_fit is only available for stochastic optimizers. {estimator.solver} is not stochastic."
        )
    return True


@functools.lru_cache(maxsize=16, typed=True)
def _accept(kind: Any, *values: Any) -> None:
    constraints = kind._parameter_constraints
    validate_parameter_constraints(constraints, dict(zip(constraints, values, strict=True)), kind.__name__)


def validate(estimator: BaseEstimator) -> None:
    """Refuse parameters that are not what the constraints of the estimator's class say.

    What has been accepted is remembered, since scikit-learn's check takes a fifth of the time of a short partial_fit.
    """
    kind: Any = type(estimator)
    values = tuple(getattr(estimator, name) for name in kind._parameter_constraints)
    try:
        hash(values)
    except TypeError:
        _accept.__wrapped__(kind, *values)
    else:
        _accept(kind, *values)


def validated(fit: Callable[..., Any]) -> Callable[..., Any]:
    """A method that fits, its estimator's parameters checked in any case.

    scikit-learn's own decorator leaves the check out in partial_fit of a fitted estimator and where the setting
    skip_parameter_validation says so; but what it would refuse must never reach the kernels.
    """

    @functools.wraps(fit)
    def wrapper(estimator: BaseEstimator, *args: Any, **kwargs: Any) -> Any:
        validate(estimator)
        with config_context(skip_parameter_validation=True):  # in the functions of scikit-learn's that a fit calls
            return fit(estimator, *args, **kwargs)

    return wrapper
