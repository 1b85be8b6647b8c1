"""The candidates of a search: what their parameters are drawn from, whose arguments these are, and the rungs."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import inspect
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from shallownet_c import optimizers
from shallownet_c._checks import _validation
from shallownet_c._checks._validation import Array
from shallownet_c._selection import _trials
from shallownet_c.mlp import MLP
from shallownet_c.optimizers import Optimizer

#: Arguments of `fit_many` that a candidate may have.
OF_FIT = (
    "optimizer", "batch_size", "shuffle", "l2", "l1", "dropout", "clip_norm", "label_smoothing", "patience", "tol",
)  # fmt: skip
#: Hyper-parameters of optimizers, which a candidate may have, too.
OF_OPTIMIZERS = {name for kind in optimizers.OPTIMIZERS.values() for name in kind.names}
#: How `fit_many` calls a network in its errors.
NETWORK = re.compile(r"\bnets\[\d+\]")


@dataclasses.dataclass
class Candidate:
    """Parameters, and for each fold a network, an optimizer and a source of random numbers of its own.

    `planned` are the epochs up to the last rung's end, `trained` those that each fold's network has really had.
    """

    params: dict[str, Any]
    of_fit: dict[str, Any]
    nets: list[MLP]
    optimizers: list[Optimizer]
    rngs: list[np.random.Generator]
    scores: Array = dataclasses.field(default_factory=lambda: np.empty(0))
    rung: int = 0
    planned: int = 0
    trained: Array = dataclasses.field(default_factory=lambda: np.zeros(1, np.int64))

    def __str__(self) -> str:
        return _name(self.params)


@contextlib.contextmanager
def named(candidates: Sequence[Candidate]) -> Iterator[None]:
    """Errors of `fit_many`, which speak of nets[i], speak of the candidate to which that network belongs."""
    of_networks = (candidate for candidate in candidates for _ in candidate.nets)
    owners = {f"nets[{i}]": candidate for i, candidate in enumerate(of_networks)}

    def renamed(text: object) -> str:
        return NETWORK.sub(lambda found: str(owners.get(found[0], found[0])), str(text))

    try:
        yield
    except Exception as error:
        if hasattr(error, "__notes__"):  # an error of the caller's function, in a fit
            error.__notes__ = list(map(renamed, error.__notes__))
        elif isinstance(error, (TypeError, ValueError)):
            raise _validation.retold(error, renamed(error)) from None
        raise


def _name(params: dict[str, Any]) -> str:
    return f"candidate {_validation.shown(params)}"


class Space:
    """What candidates are drawn from.

    Parameters
    ----------
    make_net : callable
    choices : dict
        As `search` takes them.
    fit : dict
        The other arguments of the fits.

    Raises
    ------
    ValueError, TypeError
        If a parameter is nobody's, is also given in `fit`, or has nothing to be drawn from.
    """

    def __init__(self, make_net: Any, choices: Any, fit: dict[str, Any]) -> None:
        if not isinstance(choices, Mapping) or not choices or not all(isinstance(name, str) for name in choices):
            raise TypeError(
                f"space must be a dict of what to draw each parameter from, got {_validation.shown(choices)}"
            )
        _trials.check_callable(make_net)
        self.make_net, self.choices = make_net, dict(choices)
        self.owners = _owners(make_net, self.choices)
        for name, owner in self.owners.items():
            if owner == "fit" and name in fit:
                raise ValueError(f"space must not have {name!r}, which is also given as an argument")
        self.base = optimizers.optimizer(fit.get("optimizer", "adam"))
        self.lists: dict[str, list[Any]] = {}
        for name, one in self.choices.items():
            if not hasattr(one, "rvs") and not callable(one):
                place = f"space[{name!r}]"
                self.lists[name] = _validation.sequence(place, one, "values, a distribution or a function")
                if not self.lists[name]:
                    raise ValueError(f"{place} must hold at least one value, got none")

    def draw(self, n: int, rng: np.random.Generator) -> list[dict[str, Any]]:
        """The parameters of n candidates; of all combinations, if there are fewer and lists are all that there is."""
        total = math.prod(map(len, self.lists.values()))
        if len(self.lists) < len(self.choices) or total >= 2**62:
            return [{name: _plain(self._value(name, rng)) for name in self.choices} for _ in range(n)]
        numbers = rng.choice(total, min(n, total), replace=False).tolist()
        return [self._combination(number) for number in numbers]

    def _value(self, name: str, rng: np.random.Generator) -> Any:
        if name in self.lists:
            return self.lists[name][int(rng.integers(len(self.lists[name])))]
        one = self.choices[name]
        return one.rvs(random_state=rng) if hasattr(one, "rvs") else one(rng)

    def _combination(self, number: int) -> dict[str, Any]:
        """The combination of that number among all."""
        params = {}
        for name, values in self.lists.items():
            number, i = divmod(number, len(values))
            params[name] = _plain(values[i])
        return params

    def candidate(self, params: dict[str, Any], folds: int) -> Candidate:
        """A candidate with networks and optimizers for so many folds, none of which has learnt anything.

        Raises
        ------
        Exception
            If its parameters are refused, or make_net raises one; it names the candidate.
        """
        try:
            return self._candidate(params, folds)
        except (TypeError, ValueError) as error:
            raise _validation.retold(error, f"{_name(params)}: {error}") from error
        except Exception as error:
            error.add_note(f"for the {_name(params)}")
            raise

    def _candidate(self, params: dict[str, Any], folds: int) -> Candidate:
        of: dict[str, dict[str, Any]] = {"net": {}, "fit": {}, "optimizer": {}}
        for name, value in params.items():
            of[self.owners[name]][name] = value
        optimizer = copy.deepcopy(optimizers.optimizer(of["fit"].pop("optimizer", self.base)))
        for name, value in of["optimizer"].items():
            if name not in optimizer.names:
                takes = ", ".join(optimizer.names)
                raise ValueError(f"space must not have {name!r} for {type(optimizer).__name__}, which takes {takes}")
            setattr(optimizer, name, value)
        optimizer.hyper_parameters()  # for its checks
        nets = _trials.made(self.make_net, of["net"], folds)
        return Candidate(params, of["fit"], nets, [copy.deepcopy(optimizer) for _ in nets], [])


def _owners(make_net: Callable[..., MLP], names: Mapping[str, Any]) -> dict[str, str]:
    """Whose argument each name is: "net", "fit" or "optimizer"."""
    parameters = inspect.signature(make_net).parameters.values()
    own = sorted(one.name for one in parameters if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY))
    takes_any = any(one.kind is one.VAR_KEYWORD for one in parameters)
    owners = {}
    for name in names:
        if name in own:
            owners[name] = "net"
        elif name in OF_FIT:
            owners[name] = "fit"
        elif name in OF_OPTIMIZERS:
            owners[name] = "optimizer"
        elif takes_any:
            owners[name] = "net"
        else:
            raise ValueError(
                f"space must have arguments of make_net ({', '.join(own) or 'none'}), of fit_many "
                f"({', '.join(OF_FIT)}) or hyper-parameters of the optimizer, got {_validation.shown(name)}"
            )
    return owners


def _plain(value: Any) -> Any:
    """A number of Python's for one of NumPy's."""
    return value.item() if isinstance(value, np.generic) else value


def rungs(n: int, factor: int, epochs: int) -> list[tuple[int, int]]:
    """How many candidates each rung has, and the planned epochs of each, from the first rung's start to its end."""
    counts, divisor = [n], 1
    while factor > 1 and counts[-1] > 1 and epochs >= divisor * factor:
        divisor *= factor
        counts.append(max(1, counts[-1] // factor))
    return [(count, epochs // factor ** (len(counts) - 1 - rung)) for rung, count in enumerate(counts)]
