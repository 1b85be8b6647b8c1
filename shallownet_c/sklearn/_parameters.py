"""The estimators' parameters: the check that every fit begins with."""

import functools
import sys
from collections.abc import Callable
from typing import Any

from sklearn import config_context
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval, validate_parameter_constraints

from shallownet_c.sklearn._network import ACTIVATIONS

#: scikit-learn's names of the activations that a hidden layer may have.
HIDDEN = {name for name, row in ACTIVATIONS.items() if row.hidden}


class Finite(Interval):
    """scikit-learn's interval without the integers that no float can hold."""

    def __contains__(self, value: Any) -> bool:
        return bool(super().__contains__(value) and abs(value) <= sys.float_info.max)


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
