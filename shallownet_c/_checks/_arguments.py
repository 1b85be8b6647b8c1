"""Keyword arguments that a function does not have: an error that says which one is meant, and whose it is."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import NoReturn, ParamSpec, TypeVar

from shallownet_c._checks import _other_names
from shallownet_c._checks._validation import shown

P = ParamSpec("P")
R = TypeVar("R")

#: How an argument is written that belongs to one of these; whoever comes first has those that several have.
_PLACES = {
    "fit": "fit, net.fit(…, {}=…)",
    "Adam": "the optimizer, optimizer=sn.Adam({}=…)",
    "SGD": "the optimizer, optimizer=sn.SGD({}=…)",
    "RPROP": "the optimizer, optimizer=sn.RPROP({}=…)",
    "LBFGS": "the optimizer, optimizer=sn.LBFGS({}=…)",
    "MLP": "the network, sn.MLP(…, {}=…)",
}
#: What is not said by the name of an argument to somebody who knows it by another.
_NOTES = {
    "layer_sizes": " ([n_0, …, n_L], inputs and outputs, too)",
    "validation_data": " (X and Y of rows that the training does not see)",
    "sample_weight": " (one for each row)",
    "patience": " (epochs without progress after which it ends)",
}
#: The names of the arguments of all functions that are `checked`.
_known: dict[str, list[str]] = {}


def checked(function: Callable[P, R]) -> Callable[P, R]:
    """The function, which refuses keyword arguments that it does not have with a TypeError that helps."""
    kind, _, name = function.__qualname__.rpartition(".")
    name = kind if name == "__init__" else name
    known = _known[name] = [argument for argument in inspect.signature(function).parameters if argument != "self"]
    taken = frozenset(known)

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        if not taken.issuperset(kwargs):
            _refuse(name, next(argument for argument in kwargs if argument not in taken))
        return function(*args, **kwargs)

    return call


def _refuse(function: str, argument: str) -> NoReturn:
    message = f"{function}() has no argument {shown(argument)}"
    meant = _other_names.meant(argument, _known[function], _other_names.ARGUMENTS)
    if meant is not None:
        raise TypeError(f"{message}: did you mean {meant!r}{_NOTES.get(meant, '')}?")
    for other, place in _PLACES.items():
        meant = _other_names.meant(argument, _known[other], _other_names.ARGUMENTS)
        if meant is not None:
            raise TypeError(f"{message}: give it to {place.format(meant)}")
    raise TypeError(f"{message}; it takes {', '.join(_known[function])}")
