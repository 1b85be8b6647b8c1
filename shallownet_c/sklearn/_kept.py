"""What an estimator keeps from one call to the next: put back where a call is refused, checked where one goes on."""

from __future__ import annotations

import contextlib
import operator
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator
from numbers import Integral, Real
from types import NoneType
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from shallownet_c._checks import _validation
from shallownet_c.mlp import MLP

NUMBER, COUNT, LIST = (Real,), (Integral,), (list,)
WORDS = {Real: "a number", Integral: "an integer", list: "a list", NoneType: "None"}
#: Attributes, besides the parameters and the optimizer's state, that a fit by sgd or adam goes on from; their types.
COURSE: dict[str, tuple[type, ...]] = {
    "t_": COUNT,
    "loss_curve_": LIST,
    "best_loss_": (*NUMBER, NoneType),
    "validation_scores_": (*LIST, NoneType),
    "best_validation_score_": (*NUMBER, NoneType),
    "validation_loss_curve_": (*LIST, NoneType),
    "best_validation_loss_": (*NUMBER, NoneType),
    "_no_improvement_count": COUNT,
    "_best_score": NUMBER,
}


def first_course(early_stopping: bool) -> dict[str, Any]:
    """The values of COURSE with which a fit begins."""
    worst = -np.inf if early_stopping else None
    return {
        "t_": 0,
        "loss_curve_": [],
        "best_loss_": None if early_stopping else np.inf,
        "validation_scores_": [] if early_stopping else None,
        "best_validation_score_": worst,
        "validation_loss_curve_": None,
        "best_validation_loss_": None,
        "_no_improvement_count": 0,
        "_best_score": -np.inf,
    }


@contextlib.contextmanager
def unchanged_if_refused(estimator: BaseEstimator) -> Iterator[None]:
    """If anything is raised within, the estimator's attributes and its RandomState are put back as they were.

    Lists and arrays that are attributes must be replaced within, never written to.
    """
    before, rng = dict(vars(estimator)), estimator.random_state
    stream = rng.get_state(legacy=False) if isinstance(rng, np.random.RandomState) else None
    try:
        yield
    except BaseException:
        estimator.__dict__ = before
        if stream is not None:
            rng.set_state(stream)
        raise


class Kept(BaseEstimator, ABC):
    """The attributes that a fit leaves."""

    def _begin(self, first: bool, facts: dict[str, Any], course: dict[str, Any]) -> None:
        """Set the attributes with which a fit begins; a fit that goes on from another has them already."""
        for name, value in (facts | course).items():
            if first or not hasattr(self, name):
                setattr(self, name, value)
            elif name in course:
                _check_course(name, getattr(self, name))

    def _tie(self, net: MLP) -> None:
        """Make `net` the estimator's network, and coefs_ and intercepts_ views of its parameters."""
        self.network_ = net
        self.coefs_ = [W.T for W in net.weights]
        self.intercepts_ = list(net.biases)
        self._views = (*self.coefs_, *self.intercepts_)
        self._functions = self._named() if isinstance(self.activation, str) and self._computes_as(net) else None

    def _named(self) -> tuple[Any, ...]:
        return self.activation, getattr(self, "out_activation_", None), self.leak

    @abstractmethod
    def _computes_as(self, net: MLP) -> bool:
        """Whether the network has the functions that the parameters name, which may have been set after the fit."""

    def _goes_by(self, net: MLP) -> bool:
        """Whether the network predicts as all attributes say."""
        if not self._are_tied():
            return False
        known = self._functions  # what has been compared once need not be compared again
        return (known is not None and all(map(operator.is_, known, self._named()))) or self._computes_as(net)

    def _are_tied(self) -> bool:
        """Whether coefs_ and intercepts_ are still the network's; others may have been put in their place."""
        try:
            given, views = (*self.coefs_, *self.intercepts_), self._views
            return len(given) == len(views) and all(map(operator.is_, given, views))
        except (AttributeError, TypeError):  # deleted, or no sequences
            return False

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        if self._are_tied():
            del state["coefs_"], state["intercepts_"]
        state.pop("_views", None)
        state.pop("_functions", None)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        kept = self.__dict__
        kept.pop("_views", None)
        if "network_" in kept:
            if not isinstance(kept["network_"], MLP):
                raise TypeError(f"network_ must be an MLP, got {_validation.shown(kept['network_'])}")
            others: dict[str, Any] = {name: kept[name] for name in ("coefs_", "intercepts_") if name in kept}
            self._tie(kept["network_"])
            kept.update(others)


def _check_course(name: str, value: Any) -> None:
    types = COURSE[name]
    error: type[Exception]
    if not isinstance(value, types):
        error = TypeError
    elif isinstance(value, Real) and ((types == COUNT and value < 0) or _is_too_large(value)):
        error = ValueError
    else:
        return
    wanted = " or ".join(WORDS[kind] for kind in types) + (", at least 0," if types == COUNT else "")
    raise error(f"{name} must be {wanted} where a fit goes on from it, got {_validation.shown(value)}")


def _is_too_large(value: Any) -> bool:
    """Whether no float can hold the number: floats of NumPy's cannot even be compared with the greatest."""
    return not isinstance(value, np.floating) and sys.float_info.max < abs(value) < np.inf
