"""Which network to take: `cross_validate` tells how good one is on rows that it has not seen, `search` tries many."""

from __future__ import annotations

import dataclasses
import functools
import math
import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from shallownet_c._checks import _arguments, _validation
from shallownet_c._checks._validation import Array
from shallownet_c._fitting import _advice
from shallownet_c._selection import _candidates, _trials
from shallownet_c._selection._candidates import Candidate, Space
from shallownet_c._selection._folds import Fold
from shallownet_c._selection._trials import Trials
from shallownet_c.errors import FitWarning
from shallownet_c.history import History
from shallownet_c.mlp import MLP

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

#: Candidates in a printed table.
SHOWN = 10


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class CrossValidation:
    """What `cross_validate` returns: an item for each fold of each repeat in turn; printed, a table.

    Attributes
    ----------
    scores : ndarray (repeats · folds,)
        On the rows that were held out; NaN where the fit diverged.
    nets : tuple of MLP
        As they were trained.
    histories : tuple of History
    test_rows : tuple of ndarray
        The numbers of the rows that were held out.
    folds, repeats : int
    scoring : str
        The score's name.
    """

    scores: Array
    nets: tuple[MLP, ...]
    histories: tuple[History, ...]
    test_rows: tuple[Array, ...]
    folds: int
    repeats: int
    scoring: str

    @property
    def mean(self) -> float:
        """The mean of the scores."""
        return float(self.scores.mean())

    @property
    def std(self) -> float:
        """Their standard deviation, √(Σ (s − s̄)² / n)."""
        return float(self.scores.std())

    def __repr__(self) -> str:
        rows = [
            (i // self.folds, i % self.folds, len(self.test_rows[i]), history.n_epochs, history.stopped, cost, score)
            for i, (history, score) in enumerate(zip(self.histories, self.scores.tolist(), strict=True))
            for cost in (history.cost[-1] if history.cost else np.nan,)
        ]
        title = f"{self.scoring} {self.mean:.5g} ± {self.std:.2g} on the held-out rows of {self.folds} folds"
        title += f", {self.repeats} times" if self.repeats > 1 else ""
        return _trials.table(title, ["repeat", "fold", "rows", "epochs", "stopped", "cost", self.scoring], rows)


@functools.partial(_arguments.checked, passed_on_to="fit_many", refused=_trials.CHOSEN)
def cross_validate(
    make_net: Callable[[], MLP],
    X: ArrayLike,
    Y: ArrayLike,
    *,
    folds: int = 5,
    repeats: int = 1,
    stratify: bool | ArrayLike | None = None,
    groups: ArrayLike | None = None,
    scoring: str | Callable[[MLP, Array, Array], float] | None = None,
    sample_weight: ArrayLike | None = None,
    seed: int | np.random.Generator | np.random.RandomState | None = None,
    **fit: Any,
) -> CrossValidation:
    """Train a network for each fold on the rows of all others, and score it on the fold's own.

    All networks are trained by one call of `fit_many`, on all CPUs, and X is not copied for that.

    Parameters
    ----------
    make_net : callable
        Called without arguments for each network, which must be a new one: a function that always gives `MLP` the same
        seed begins all with the same weights, one that hands it a Generator does not.
    X, Y, sample_weight
        As in `fit_many`, for all rows; arrays in memory.
    folds : int, default 5
        At least 2.
    repeats : int, default 1
        How many times all is done, with folds drawn anew.
    stratify : bool or array_like (m,), optional
        Labels that are as frequent in each fold as in all rows. By default (and True) the classes of Y, if the loss is
        log_loss and each row has one class; False is for rows at random in any case.
    groups : array_like (m,), optional
        Labels of rows that belong together, such as those of one patient: a group is held out as a whole.
    scoring : str or callable (net, X, Y) → float, optional
        By default `MLP.score`; "accuracy"; "r2"; "cost", which is better the less it is; or a function of the network
        and arrays of the rows that were held out. All but a function count the sample_weight.
    seed : None, int, numpy.random.Generator or numpy.random.RandomState
        Of the folds, and of each network's shuffling and dropout.
    **fit
        All other arguments of `fit_many`, each one value, or a list with one for each network: repeat by repeat, and
        fold by fold. Those that choose rows are refused: `patience` goes by the training's cost.

    Returns
    -------
    CrossValidation

    Raises
    ------
    ValueError, TypeError
        If an argument is not what it should be, or goes wrong in `fit_many`.

    Warns
    -----
    FitWarning
        What `fit_many` warns of; and which folds have diverged, since the mean of the scores is NaN then.

    Examples
    --------
    >>> import shallownet_c as sn
    >>> X, y = sn.datasets.load_digits()
    >>> make = lambda: sn.MLP([64, 32, 10], "relu", "softmax", dtype="float32", seed=0)
    >>> found = sn.cross_validate(make, X / 16, y, folds=5, epochs=30, batch_size=50, seed=0)
    >>> found.scores.shape, found.mean > 0.9
    ((5,), True)
    >>> ensemble = sn.Ensemble(found.nets)
    """
    trials = Trials(X, Y, sample_weight, scoring)
    _trials.refuse_chosen("cross_validate", fit)
    folds, repeats = _validation.integer("folds", folds, 2), _validation.integer("repeats", repeats, 1)
    rng = _trials.generator(seed)
    nets = _trials.made(make_net, {}, folds * repeats)
    parts = trials.folds(nets[0], folds, repeats, stratify, groups, rng)
    seeds = rng.integers(2**32, size=len(nets)).tolist()
    histories = trials.fit(nets, [part.train for part in parts], seed=seeds, **fit)
    diverged = [i for i, history in enumerate(histories) if history.stopped == "diverged"]
    if diverged:
        names = (f"fold {i % folds}" + (f" of repeat {i // folds}" if repeats > 1 else "") for i in diverged)
        warnings.warn(
            f"The training diverged for {', '.join(names)}, for which there is no score, so that the mean of all "
            f"scores is NaN. {_trials.REMEDIES} may help.",
            FitWarning,
            stacklevel=_advice.callers_level(),
        )
    return CrossValidation(
        scores=trials.scores(nets, histories, parts),
        nets=tuple(nets),
        histories=tuple(histories),
        test_rows=tuple(part.test for part in parts),
        folds=folds,
        repeats=repeats,
        scoring=trials.scoring.name,
    )


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Search:
    """What `search` returns; printed, a table of the ten best.

    Attributes
    ----------
    results : list of dict
        For each candidate, the best first: "rank" from 1 on, "params", "score" and "std" (mean and standard deviation
        over the folds), "scores" (of each fold), "epochs" that it was trained for in all rungs together (the
        greatest number over the folds, where `patience` or a divergence ended some of them earlier), "rung" up to which
        it came. Candidates of a later rung rank before those of an earlier one, and candidates without a finite score
        after all others.
    best_net : MLP or None
        The network of the best parameters, trained on all rows; None without `refit`.
    rungs : tuple of (int, int)
        How many candidates each rung had, and the planned epochs that each of them has had at its end, those of the
        rungs before included; `patience` and divergence make them fewer.
    scoring : str
        The score's name.
    """

    results: list[dict[str, Any]]
    best_net: MLP | None
    rungs: tuple[tuple[int, int], ...]
    scoring: str

    @property
    def best_params(self) -> dict[str, Any]:
        """The parameters of the best candidate."""
        return dict(self.results[0]["params"])

    @property
    def best_score(self) -> float:
        """Its mean score."""
        return float(self.results[0]["score"])

    def __repr__(self) -> str:
        names = list(self.results[0]["params"])
        rows = [
            (
                one["rank"],
                one["rung"],
                one["epochs"],
                one["score"],
                one["std"],
                *(one["params"][name] for name in names),
            )
            for one in self.results[:SHOWN]
        ]
        rungs = ", ".join(f"{count} for {epochs} epoch{'s'[: epochs - 1]}" for count, epochs in self.rungs)
        return _trials.table(
            f"{len(self.results)} candidates: {rungs}", ["rank", "rung", "epochs", self.scoring, "std", *names], rows
        )


@functools.partial(_arguments.checked, passed_on_to="fit_many", refused=(*_trials.CHOSEN, "callback"))
def search(
    make_net: Callable[..., MLP],
    space: Mapping[str, Any],
    X: ArrayLike,
    Y: ArrayLike,
    *,
    n: int = 50,
    halving: int | None = 3,
    folds: int = 3,
    stratify: bool | ArrayLike | None = None,
    groups: ArrayLike | None = None,
    scoring: str | Callable[[MLP, Array, Array], float] | None = None,
    sample_weight: ArrayLike | None = None,
    epochs: int = 200,
    refit: bool = True,
    seed: int | np.random.Generator | np.random.RandomState | None = None,
    **fit: Any,
) -> Search:
    """Draw candidates at random, train them for a few epochs, and go on with the best: successive halving.

    The first rung trains all candidates, one network for each fold, by one call of `fit_many`. The best of them, one in
    `halving`, go on to the next rung, which trains them until they have had `halving` times as many epochs; they go on
    from where they stand, optimizers included. The last rung ends with `epochs` (Jamieson and Talwalkar, 2016).

    Parameters
    ----------
    make_net : callable
        Called with the candidate's parameters that are in its signature, by name, for a new network.
    space : dict
        What to draw each parameter from: a list of values, a distribution of SciPy (anything with
        ``rvs(random_state=…)``), or a function that is called with a numpy.random.Generator. A name belongs to
        make_net, if that has such an argument; otherwise to `fit_many` ("batch_size", "l2", "dropout", "optimizer", …);
        otherwise it is a hyper-parameter of the optimizer, such as "learning_rate".
    X, Y, sample_weight, folds, stratify, groups, scoring
        As in `cross_validate`. The greatest score is the best, and the least for "cost". All candidates have the same
        folds.
    n : int, default 50
        Candidates. Where all parameters have lists, no combination comes twice, and there are no more candidates than
        combinations: with a large n it is a search of the whole grid.
    halving : int or None, default 3
        None, or 1, trains all candidates to the end. There are as many rungs as leave at least one candidate and one
        epoch.
    epochs : int, default 200
        Of the last rung, and of the network that is trained on all rows.
    refit : bool, default True
        Train a network with the best parameters on all rows.
    seed : None, int, numpy.random.Generator or numpy.random.RandomState
        Of the candidates, the folds, and each network's shuffling and dropout. The result is the same for any number of
        threads.
    **fit
        Other arguments of `fit_many`, each one value for all; not those that choose rows, and no callback. In each rung
        `patience` counts anew, and a cosine schedule without epochs of its own begins anew.

    Returns
    -------
    Search

    Raises
    ------
    ValueError, TypeError
        If an argument is not what it should be, a candidate's included, which the message then names; nothing has been
        trained then.
    ValueError
        If no candidate has a finite score at the end.

    Warns
    -----
    FitWarning
        What `MLP.fit` finds before the training on all rows; and that this training has diverged.

    Examples
    --------
    >>> import shallownet_c as sn
    >>> X, y = sn.datasets.make_flower(400, seed=1, shuffle=True)
    >>> def make(width, activation):
    ...     return sn.MLP([2, width, 1], activation, "sigmoid", seed=0)
    >>> space = {
    ...     "width": [4, 8, 16],
    ...     "activation": ["tanh", "relu", "sin"],
    ...     "learning_rate": lambda rng: 10 ** rng.uniform(-3, -1),
    ... }
    >>> found = sn.search(make, space, X, y, n=9, epochs=90, batch_size=40, seed=0)
    >>> found.rungs
    ((9, 10), (3, 30), (1, 90))
    >>> sorted(found.best_params), found.best_net.score(X, y) > 0.8
    (['activation', 'learning_rate', 'width'], True)
    """
    trials = Trials(X, Y, sample_weight, scoring)
    _trials.refuse_chosen("search", fit)
    n, folds = _validation.integer("n", n, 1), _validation.integer("folds", folds, 2)
    epochs = _validation.integer("epochs", epochs, 1)
    factor = 1 if halving is None else _validation.integer("halving", halving, 1)
    refit = _validation.boolean("refit", refit)
    for name, value in fit.items():
        if name == "callback" or isinstance(value, list):
            takes = "left out" if name == "callback" else "one value for all candidates"
            raise TypeError(f"{name} must be {takes} in search, got {_validation.shown(value)}")
    choices = Space(make_net, space, fit)
    fit = {name: value for name, value in fit.items() if name != "optimizer"}
    rng = _trials.generator(seed)
    candidates = [choices.candidate(params, folds) for params in choices.draw(n, rng)]
    parts = trials.folds(candidates[0].nets[0], folds, 1, stratify, groups, rng)
    for candidate in candidates:
        candidate.rngs = [np.random.default_rng(number) for number in rng.integers(2**32, size=folds).tolist()]
    rungs = _candidates.rungs(len(candidates), factor, epochs)
    alive = candidates
    for rung, (count, until) in enumerate(rungs):
        alive = alive[:count]
        with _advice.silenced():  # a short fit without progress is what the first rungs are for
            _train(alive, trials, parts, until, fit)
        for candidate in alive:
            candidate.rung = rung
        alive = sorted(alive, key=lambda one: trials.badness(one.scores))
    ranked = sorted(candidates, key=lambda one: _place(one, trials))
    if trials.badness(ranked[0].scores) == math.inf:
        raise ValueError(
            f"space has given no candidate with a finite score: in each of the {len(candidates)} the training for a "
            f"fold diverged, or its score is not finite. {_trials.REMEDIES} may help"
        )
    best_net = None
    if refit:
        best = choices.candidate(ranked[0].params, 1)
        best_net = best.nets[0]
        seeds = rng.integers(2**32, size=1).tolist()
        with _candidates.named([best]):
            (history,) = trials.fit(
                best.nets, None, epochs=epochs, optimizer=best.optimizers, seed=seeds, **fit, **best.of_fit
            )
        if history.stopped == "diverged":
            warnings.warn(
                f"The training on all rows diverged, although the score of the {best} is finite: best_net has the "
                f"parameters that its last epoch with a finite cost began with. {_trials.REMEDIES} may help.",
                FitWarning,
                stacklevel=_advice.callers_level(),
            )
    return Search(
        [_result(one, rank) for rank, one in enumerate(ranked, 1)], best_net, tuple(rungs), trials.scoring.name
    )


def _train(candidates: list[Candidate], trials: Trials, parts: list[Fold], until: int, fit: dict[str, Any]) -> None:
    """Go on with the candidates' networks, all at once, until they have had so many epochs, and score them."""
    nets = [net for one in candidates for net in one.nets]
    of_fit = {name: [one.of_fit[name] for one in candidates for _ in parts] for name in candidates[0].of_fit}
    with _candidates.named(candidates):
        histories = trials.fit(
            nets,
            [part.train for _ in candidates for part in parts],
            epochs=until - candidates[0].planned,
            optimizer=[optimizer for one in candidates for optimizer in one.optimizers],
            seed=[rng for one in candidates for rng in one.rngs],
            **fit,
            **of_fit,
        )
    scores = trials.scores(nets, histories, parts * len(candidates)).reshape(len(candidates), -1)
    trained = np.array([history.n_epochs for history in histories]).reshape(len(candidates), -1)
    for one, of_folds, more in zip(candidates, scores, trained, strict=True):
        one.scores, one.planned, one.trained = of_folds, until, one.trained + more


def _place(candidate: Candidate, trials: Trials) -> tuple[bool, int, float]:
    """Where a candidate stands among all: the less the better."""
    badness = trials.badness(candidate.scores)
    return badness == math.inf, -candidate.rung, badness


def _result(candidate: Candidate, rank: int) -> dict[str, Any]:
    """What `Search.results` says of a candidate."""
    return {
        "rank": rank,
        "params": candidate.params,
        "score": float(candidate.scores.mean()),
        "std": float(candidate.scores.std()),
        "scores": candidate.scores.tolist(),
        "epochs": int(candidate.trained.max()),
        "rung": candidate.rung,
    }
