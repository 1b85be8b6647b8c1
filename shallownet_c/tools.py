"""Learning tools: is the gradient right, and which activation suits the data."""

from __future__ import annotations  # evaluated, the annotations would import numpy.random

import copy
import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from shallownet_c import _differences, _kernels, optimizers
from shallownet_c._checks import _features, _sparse, _validation
from shallownet_c._fitting import _advice, _sources
from shallownet_c.errors import DivergenceError
from shallownet_c.mlp import MLP
from shallownet_c.reference._activations import ACTIVATIONS

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

#: The activations of the notes.
NOTES = tuple(name for name, row in ACTIVATIONS.items() if row.in_notes)


def check_gradient(
    net: MLP, X: ArrayLike, Y: ArrayLike, sample_weight: ArrayLike | None = None, *, epsilon: float = 1e-4
) -> float:
    """Largest relative error of `MLP.cost_and_grad` against central differences of J.

    They are taken in float64 whatever the network's dtype, and are of fourth order:
    [8 (J(w + h) − J(w − h)) − (J(w + 2h) − J(w − 2h))] / 12h. The step h is epsilon · max(1, |w|), divided by the
    greatest input |a| that w is multiplied with if that is above 1; where J bends so much that this does not agree, a
    tenth of it, down to a ten-thousandth.

    A component's error counts relative to its size, or to what rounding alone can make of it if that is more: after a
    long training, or with ``init="zeros"``, a gradient is the small rest of large numbers that cancel, and J / h has
    roundings, too. Rows of X at which a unit of relu, leaky_relu, elu or selu, or the error of absolute_error, pinball
    or huber, is so near its kink that a step may cross it are left out of J and of the gradient: there, differences say
    nothing.

    Parameters
    ----------
    net : MLP
        Left as it is.
    X, Y, sample_weight
        As in `MLP.cost`; they are rounded to the network's dtype first.
    epsilon : float, default 1e-4
        At least 2.2e-16, the distance of 1 from the next float64, and below 1.

    Returns
    -------
    float
        Below 1e-6 for a right gradient of a float64 network, below 1e-3 for float32, trained or not. A wrong formula
        gives 1e-2 to 1, unless the gradient is as good as zero, so that any multiple of it is as right, or all of it
        comes from rows that are left out.

    Raises
    ------
    ValueError, TypeError
        As `MLP.cost`; and if J is not finite or every row is at a kink.

    Notes
    -----
    Of 472 networks of one to three layers with any activation, output and loss, on 5 to 400 rows, as initialised or
    trained by SGD, Adam or L-BFGS, none came to more than 0.3 times the bound.

    Examples
    --------
    >>> import shallownet_c as sn
    >>> X, y = sn.datasets.make_flower(100, seed=1)
    >>> sn.check_gradient(sn.MLP([2, 4, 1], output="sigmoid", seed=0), X, y) < 1e-6
    True
    """
    if not isinstance(net, MLP):
        raise TypeError(f"net must be an MLP, got {type(net).__name__}")
    least = float(np.finfo(np.float64).eps)
    epsilon = _validation.real_number("epsilon", epsilon, f"in [{least:.3g}, 1)", lambda x: least <= x < 1)
    _features.Names(net.feature_names).checked(X)
    _sparse.refuse("X", X)
    rows = _sources.check(net.model, X, Y, sample_weight)
    assert isinstance(rows.X, np.ndarray)
    return _differences.largest_error(net, rows.X, rows.targets, rows.weights, epsilon)


@dataclasses.dataclass(frozen=True)
class Comparison:
    """A row of `compare_activations`: one activation, the same network and training otherwise.

    Attributes
    ----------
    activation : str
    cost, dev_cost : float
        J on the training and the dev set after the training; infinite where it diverged.
    dev_score : float
        `MLP.score` on the dev set: accuracy for log_loss, otherwise R².
    seconds : float
    """

    activation: str
    cost: float
    dev_cost: float
    dev_score: float
    seconds: float


class Comparisons(tuple[Comparison, ...]):
    """Rows of `compare_activations`, the least dev cost first; printed, a table."""

    def __repr__(self) -> str:
        lines = [f"{'activation':<12}{'cost':>12}{'dev cost':>12}{'dev score':>12}{'seconds':>10}"]
        for row in self:
            lines.append(
                f"{row.activation:<12}{row.cost:>12.5g}{row.dev_cost:>12.5g}{row.dev_score:>12.5g}{row.seconds:>10.3f}"
            )
        return "\n".join(lines)


def compare_activations(
    X: ArrayLike,
    Y: ArrayLike,
    X_dev: ArrayLike,
    Y_dev: ArrayLike,
    *,
    hidden: int | Sequence[int] = 16,
    activations: Sequence[str] = NOTES,
    output: str | None = None,
    loss: str | None = None,
    init: str | float = "glorot_uniform",
    seed: int | None = 0,
    **fit: Any,
) -> Comparisons:
    """The notes' advice (section "activation functions"): if you are not sure which to take, try them on a dev set.

    Parameters
    ----------
    X, Y, X_dev, Y_dev
        As in `MLP.cost`. Y of one dimension that holds booleans or integers 0, 1, … are classes.
    hidden : int or sequence of int, default 16
        Units of the hidden layer, or of each.
    activations : sequence of str
        Any that a hidden layer may have, see `MLP`, each for all hidden layers; by default the five of the notes,
        "identity", "sigmoid", "tanh", "relu" and "leaky_relu".
    output : str, optional
        By default "sigmoid" for classes 0 and 1, "softmax" for more, "identity" otherwise.
    loss : str, optional
        As in `MLP`; by default the output's own.
    init : str or float, default "glorot_uniform"
        First weights, as in `MLP`.
    seed : int, default 0
        Of the first weights and of the training, the same for all.
    **fit
        Arguments of `MLP.fit`. An optimizer is copied for each.

    Returns
    -------
    Comparisons
        A tuple of rows with activation, cost, dev_cost, dev_score, seconds; the least dev cost first.

    Raises
    ------
    ValueError, TypeError
        As `MLP` and `MLP.fit`; and if integers Y name more classes than there are rows.

    Examples
    --------
    >>> import shallownet_c as sn
    >>> X, y = sn.datasets.make_flower(400, seed=1)
    >>> X, X_dev, y, y_dev = sn.datasets.train_dev_split(X, y, dev_fraction=0.5, seed=0)
    >>> adam = sn.Adam(0.02)
    >>> table = sn.compare_activations(X, y, X_dev, y_dev, hidden=[8], epochs=1000, optimizer=adam)
    >>> len(table), table[-1].activation  # without a non-linear hidden layer it stays logistic regression
    (5, 'identity')
    """
    _features.Names(_features.names_of(X)).checked(X_dev, "X_dev")  # the networks see arrays
    X, Y = _validation.as_array("X", X), _targets("Y", Y)
    X_dev, Y_dev = _validation.as_array("X_dev", X_dev), _targets("Y_dev", Y_dev)
    if X.ndim != 2 or X.shape[1] == 0:
        raise ValueError(f"X must have shape (m, n_0), n_0 > 0, got {X.shape}")
    one = isinstance(hidden, (int, np.integer))
    items = [hidden] if one else _validation.sequence("hidden", hidden, "integers")
    sizes = [_validation.integer("hidden", n, 1) for n in items]
    names = _validation.sequence("activations", activations, f"names out of {list(_kernels.HIDDEN)}")
    names = [_validation.choice("activations", name, _kernels.HIDDEN) for name in names]
    if not names:
        raise ValueError("activations must name at least one, got none")
    output = None if output is None else _validation.choice("output", output, ACTIVATIONS)
    optimizer = optimizers.optimizer(fit.pop("optimizer", "adam"))
    classes = Y.ndim == 1 and Y.dtype.kind in "iu" and Y.size > 0
    greatest = [int(array.max()) for array in (Y, Y_dev) if array.size > 0 and array.dtype.kind in "iu"]
    n_classes = max(greatest) + 1 if classes else 0
    if output is None:
        output = ("sigmoid" if n_classes <= 2 else "softmax") if classes else "identity"
    classwise = not ACTIVATIONS[output].elementwise
    if classwise and n_classes > len(Y) + len(Y_dev):
        raise ValueError(
            f"Y of one dimension and integers are the numbers of classes, 0, 1, …, got one of {n_classes - 1} in "
            f"{len(Y)} rows: give values as floats, or number labels by np.unique(Y, return_inverse=True)"
        )
    n_out = n_classes if classwise and Y.ndim == 1 else 1 if Y.ndim == 1 else Y.shape[1]
    rows = []
    for name in names:
        net = MLP([X.shape[1], *sizes, n_out], activation=name, output=output, loss=loss, init=init, seed=seed)
        try:
            net.cost(X_dev, Y_dev)  # finds what is wrong with them before the training
        except (TypeError, ValueError) as error:
            raise _validation.retold(error, f"X_dev, Y_dev: {error}") from None
        try:
            with _advice.silenced():
                net.fit(X, Y, optimizer=copy.deepcopy(optimizer), seed=seed, **fit)
            costs = net.cost(X, Y), net.cost(X_dev, Y_dev)
        except DivergenceError:
            costs = np.inf, np.inf
        assert net.history is not None
        rows.append(Comparison(name, *costs, net.score(X_dev, Y_dev), net.history.seconds))
    return Comparisons(sorted(rows, key=lambda row: row.dev_cost))


def _targets(name: str, Y: object) -> np.ndarray[Any, Any]:
    """Y as an array (m,) or (m, n_L), booleans as integers."""
    array = _validation.as_array(name, Y)
    if array.dtype.kind == "O":  # a column of a table of several types, whose own type its items tell
        array = _validation.as_array(name, array.tolist())
    if array.ndim not in (1, 2) or array.shape[1:] == (0,):
        raise ValueError(f"{name} must have shape (m,) or (m, n_L), n_L > 0, got {array.shape}")
    return array.astype(int) if array.dtype.kind == "b" else array
