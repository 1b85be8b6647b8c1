"""Keyword arguments that a function does not have: an error that says which one is meant, and whose it is."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import NoReturn, ParamSpec, TypeVar, cast

from shallownet_c._checks import _other_names
from shallownet_c._checks._validation import shown

P = ParamSpec("P")
R = TypeVar("R")

#: What the name of an argument does not tell people who know it by another name.
_NOTES = {
    "layer_sizes": " ([n_0, …, n_L], inputs and outputs, too)",
    "validation_data": " (X and Y of rows that the training does not see)",
    "sample_weight": " (one for each row)",
    "patience": " (epochs without progress after which it ends)",
}
#: The names of the arguments of all functions that are `checked`, and which of those make optimizers.
_known: dict[str, list[str]] = {}
_optimizers: list[str] = []


def checked(function: Callable[P, R], passed_on_to: str | None = None, refused: tuple[str, ...] = ()) -> Callable[P, R]:
    """The function, which refuses keyword arguments that it does not have with a TypeError that helps.

    It also takes those that it passes on to another checked function, of that name. Those of them that are `refused`
    still reach the function, which says why it does not take them; messages neither list nor suggest them.
    """
    plain = cast(FunctionType, function)
    kind, _, name = plain.__qualname__.rpartition(".")
    name = kind if name == "__init__" else name
    code = plain.__code__  # inspect.signature takes longer, which every import of the package would wait for
    arguments = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    known = _known[name] = [argument for argument in arguments if argument != "self"]
    left_out = {*known, *refused}
    known += [argument for argument in _known.get(passed_on_to or "", []) if argument not in left_out]
    if plain.__module__ == "shallownet_c.optimizers":
        _optimizers.append(name)
    taken = frozenset((*known, *refused))
    most = code.co_argcount

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        if not taken.issuperset(kwargs):
            _refuse(name, next(argument for argument in kwargs if argument not in taken))
        if len(args) > most:
            _refuse_positions(name, arguments, most)
        return function(*args, **kwargs)

    plain.__qualname__ = name  # in Python's own messages: a method may stand in a class that no user knows
    return call


def _refuse_positions(name: str, arguments: tuple[str, ...], most: int) -> NoReturn:
    """Raise an error that says which arguments are given by position, and how the others are."""
    first = [argument for argument in arguments[:most] if argument != "self"]
    by_name = "".join(f", {argument}=…" for argument in arguments[most : most + 3])
    call = f"{name}({', '.join(first)}{by_name})" if by_name else f"{name}({', '.join(first)})"
    raise TypeError(f"{name}() got more arguments by position than it takes: write {call}, with the others by name")


def _places() -> Iterator[tuple[str, str]]:
    """How an argument is written that belongs to one of these; the first one has those that several of them have."""
    yield "fit", "fit, net.fit(…, {}=…)"
    for name in sorted(_optimizers, key=lambda name: name != "Adam"):  # the default of fit comes first
        yield name, f"the optimizer, optimizer=sn.{name}({{}}=…)"
    yield "MLP", "the network, sn.MLP(…, {}=…)"


def _meant(function: str, argument: str) -> str | None:
    """Which argument of the function somebody means who calls it `argument`, if that can be told."""
    own = _other_names.ARGUMENTS_OF.get(function, {})
    return _other_names.meant(argument, _known[function], own, _other_names.ARGUMENTS)


def _refuse(function: str, argument: str) -> NoReturn:
    message = f"{function}() has no argument {shown(argument)}"
    for other, place in _places():
        if argument in _known[other]:  # an exact name of theirs before a similar one of the function's own
            raise TypeError(f"{message}: give it to {place.format(argument)}")
    meant = _meant(function, argument)
    if meant is not None:
        raise TypeError(f"{message}: did you mean {meant!r}{_NOTES.get(meant, '')}?")
    for other, place in _places():
        meant = _meant(other, argument)
        if meant is not None:
            raise TypeError(f"{message}: give it to {place.format(meant)}")
    raise TypeError(f"{message}; it takes {', '.join(_known[function])}")
