"""How good a network is on rows that were held out from it, by a name or a function of the caller's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from shallownet_c import _scores
from shallownet_c._checks import _validation
from shallownet_c._checks._validation import Array
from shallownet_c._fitting import _sources
from shallownet_c.mlp import MLP
from shallownet_c.reference._activations import ACTIVATIONS

NAMES = ("accuracy", "r2", "cost")


class Scoring:
    """A score of networks.

    Parameters
    ----------
    scoring : None, str or callable
        As `cross_validate` takes it.

    Attributes
    ----------
    name : str
        What tables call it.
    sign : int
        1 if more is better, −1 if less is.
    """

    def __init__(self, scoring: object) -> None:
        if not callable(scoring) and scoring is not None:
            scoring = _validation.choice("scoring", scoring, NAMES)
        self.scoring = scoring
        self.name = scoring if isinstance(scoring, str) else "score"
        self.sign = -1 if scoring == "cost" else 1

    def check(self, net: MLP, Y: Array) -> None:
        """Raise an error if such a network, with such targets, has no such score."""
        output = net.activations[-1]
        if self.scoring == "accuracy" and not ACTIVATIONS[output].probabilities:
            raise ValueError(
                f"scoring must be 'r2' or 'cost' for output {output!r}, which says no classes, got 'accuracy'"
            )
        if self.scoring == "r2" and Y.ndim == 1 and not ACTIVATIONS[output].elementwise:
            raise ValueError("scoring must be 'accuracy' or 'cost' where Y holds the numbers of classes, got 'r2'")

    def __call__(self, net: MLP, X: Array, Y: Array, weights: Array | None) -> float:
        """The network's score on these rows; a function of the caller's is not given the weights."""
        if callable(self.scoring):
            return _number(self.scoring, net, X, Y)
        if self.scoring is None:
            return net.score(X, Y, weights)
        if self.scoring == "cost":
            return net.cost(X, Y, weights)
        source = _sources.source(net.model, net.params, X, Y, weights)
        return _scores.score(net, net.model, source, self.scoring == "accuracy")


def _number(function: Callable[..., Any], net: MLP, X: Array, Y: Array) -> float:
    value = function(net, X, Y)
    if isinstance(value, (bool, np.bool_)) or np.ndim(value) or not hasattr(value, "__float__"):
        raise TypeError(f"scoring must return a number, got {_validation.shown(value)}")
    return float(value)
