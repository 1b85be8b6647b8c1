"""The losses: one table, in which each name has its function, its derivative, and what else depends on the name.

As in `_activations`, functions of one number are plain Python, and those of arrays NumPy. d stands for a − y.
"""

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from shallownet_c.reference._activations import ACTIVATIONS, Array, exp, exps


class Form(NamedTuple):
    """l(a, y) and ∂l/∂a for one output and one sample, of numbers and of arrays; the loss's parameter comes third."""

    value: Callable[..., float]
    derivative: Callable[..., float]
    values: Callable[..., Array]
    derivatives: Callable[..., Array]


class Parameter(NamedTuple):
    """The argument of `MLP` that a loss depends on."""

    name: str
    default: float
    takes: str
    accepts: Callable[[float], bool]


class Loss(NamedTuple):
    """A row of the table: L(a, y) = Σ_j l(a_j, y_j)."""

    name: str
    #: l with any output that is a function of its own z alone; None if the canonical outputs are the only ones.
    form: Form | None
    #: l with the outputs that are this loss's own: with them ∂L/∂z is a − y. The first one is the usual one.
    canonical: Mapping[str, Form] = MappingProxyType({})
    parameter: Parameter | None = None
    #: Between which numbers targets lie.
    least: float = -math.inf
    greatest: float = math.inf
    #: The |d| at which l' or l'' jumps, a function of the parameter, where differences say nothing of l'.
    kink: Callable[..., float] | None = None
    #: Whether targets are classes or labels, and the score the accuracy.
    classes: bool = False
    #: Whether an output that is not canonical is the logarithm of what it predicts.
    logarithmic: bool = False
    #: scikit-learn's name where that is another one, and whether its estimators of networks have it.
    sklearn_name: str = ""
    in_sklearn: bool = False
    #: What others call it, in lower case with underscores.
    aliases: str = ""

    def takes(self, output: str) -> bool:
        """Whether it goes with an output of that activation."""
        return output in self.canonical or (self.form is not None and ACTIVATIONS[output].elementwise)

    def form_with(self, output: str) -> Form:
        """l with an output that it takes."""
        form = self.canonical.get(output, self.form)
        assert form is not None
        return form

    @property
    def usual_output(self) -> str:
        """The first canonical output, or else the identity: with it each target has a z that predicts it."""
        return next(iter(self.canonical), "identity")


def times_log(y: float, a: float) -> float:
    """y log a, where 0 log 0 is 0."""
    if y == 0:
        return 0.0
    return y * math.log(a) if a > 0 else -math.inf


def times_logs(y: Array, a: Array) -> Array:
    """`times_log` of arrays."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(y == 0, 0.0, y * np.log(a))


def ratio(y: float, a: float) -> float:
    """y / a, where 0 / 0 is 0."""
    if y == 0:
        return 0.0
    return y / a if a != 0 else math.copysign(math.inf, y)


def ratios(y: Array, a: Array) -> Array:
    """`ratio` of arrays."""
    with np.errstate(divide="ignore", over="ignore"):
        return np.divide(y, a, out=np.zeros_like(a), where=y != 0)


def squared_error(a: Any, y: Any) -> Any:
    """½ d²"""
    return 0.5 * ((a - y) * (a - y))


def difference(a: Any, y: Any) -> Any:
    """d"""
    return a - y


SQUARED_ERROR = Form(squared_error, difference, squared_error, difference)

#: With sigmoids, each the probability of a label: −[y log a + (1 − y) log(1 − a)].
LABELS = Form(
    lambda a, y: 0.0 - (times_log(y, a) + times_log(1.0 - y, 1.0 - a)),
    lambda a, y: ratio(1.0 - y, 1.0 - a) - ratio(y, a),
    lambda a, y: 0 - (times_logs(y, a) + times_logs(1 - y, 1 - a)),
    lambda a, y: ratios(1 - y, 1 - a) - ratios(y, a),
)
#: With softmax, whose outputs are the probabilities of classes: −y log a.
CLASSES = Form(
    lambda a, y: 0.0 - times_log(y, a),
    lambda a, y: 0.0 - ratio(y, a),
    lambda a, y: 0 - times_logs(y, a),
    lambda a, y: 0 - ratios(y, a),
)

#: |d|
ABSOLUTE_ERROR = Form(
    lambda a, y: abs(a - y),
    lambda a, y: 0.0 if a == y else math.copysign(1.0, a - y),
    lambda a, y: np.abs(a - y),
    lambda a, y: np.sign(a - y),
)


def huber(a: float, y: float, delta: float) -> float:
    """½ d² where |d| ≤ δ, otherwise δ (|d| − ½ δ)"""
    bounded = min(abs(a - y), delta)
    return bounded * (abs(a - y) - 0.5 * bounded)


def hubers(a: Array, y: Array, delta: float) -> Array:
    """`huber` of arrays."""
    bounded = np.minimum(np.abs(a - y), delta)
    loss: Array = bounded * (np.abs(a - y) - 0.5 * bounded)
    return loss


HUBER = Form(
    huber,
    lambda a, y, delta: max(-delta, min(a - y, delta)),
    hubers,
    lambda a, y, delta: np.clip(a - y, -delta, delta),
)

#: −q d where d < 0, otherwise (1 − q) d
PINBALL = Form(
    lambda a, y, q: max(-q * (a - y), (1 - q) * (a - y)),
    lambda a, y, q: 0.0 if a == y else -q if a < y else 1 - q,
    lambda a, y, q: np.maximum(-q * (a - y), (1 - q) * (a - y)),
    lambda a, y, q: np.where(a == y, 0.0, np.where(a < y, -q, 1 - q)),
)


#: For a count y whose mean is e^a: e^a − y a.
LOGARITHM_OF_RATE = Form(
    lambda a, y: exp(a) - y * a,
    lambda a, y: exp(a) - y,
    lambda a, y: exps(a) - y * a,
    lambda a, y: exps(a) - y,
)
#: For a count y whose mean is a: a − y log a.
RATE = Form(
    lambda a, y: a - times_log(y, a),
    lambda a, y: 1.0 - ratio(y, a),
    lambda a, y: a - times_logs(y, a),
    lambda a, y: 1 - ratios(y, a),
)


def log_cosh(a: float, y: float) -> float:
    """log cosh d = |d| + log(1 + e^(−2|d|)) − log 2; for a small d, whose digits that loses, ½ log(1 + sinh² d)"""
    d = abs(a - y)
    if d < 1:
        return 0.5 * math.log1p(math.sinh(d) ** 2)
    return d + math.log1p(math.exp(-2 * d)) - math.log(2)


def log_coshs(a: Array, y: Array) -> Array:
    """`log_cosh` of arrays."""
    d = np.abs(a - y)
    small: Array = 0.5 * np.log1p(np.sinh(np.minimum(d, 1)) ** 2)
    large: Array = d + np.log1p(np.exp(-2 * d)) - math.log(2)
    return np.where(d < 1, small, large)


LOG_COSH = Form(log_cosh, lambda a, y: math.tanh(a - y), log_coshs, lambda a, y: np.tanh(a - y))

#: In the order of the kernels' codes. In a kink l' is 0.
LOSSES: dict[str, Loss] = {
    row.name: row
    for row in (
        Loss(
            "squared_error",
            SQUARED_ERROR,
            in_sklearn=True,
            aliases="mse l2 l2_loss mean_squared_error mseloss squared squared_loss",
        ),
        Loss(
            "log_loss",
            None,
            canonical={"sigmoid": LABELS, "softmax": CLASSES},
            least=0.0,
            greatest=1.0,
            classes=True,
            in_sklearn=True,
            aliases="cross_entropy crossentropy crossentropyloss ce nll nll_loss bce bceloss bce_with_logits logistic "
            "binary_cross_entropy binary_crossentropy categorical_crossentropy sparse_categorical_crossentropy",
        ),
        Loss(
            "absolute_error",
            ABSOLUTE_ERROR,
            kink=lambda: 0.0,
            aliases="mae l1 l1_loss mean_absolute_error l1loss absolute",
        ),
        Loss(
            "huber",
            HUBER,
            parameter=Parameter("delta", 1.0, "> 0", lambda delta: delta > 0),
            kink=lambda delta: delta,
            aliases="smooth_l1 smooth_l1_loss huber_loss",
        ),
        Loss(
            "pinball",
            PINBALL,
            parameter=Parameter("quantile", 0.5, "in (0, 1)", lambda q: 0 < q < 1),
            kink=lambda q: 0.0,
            sklearn_name="quantile",
            aliases="quantile_loss",
        ),
        Loss(
            "poisson",
            LOGARITHM_OF_RATE,
            canonical={"exp": RATE},
            least=0.0,
            logarithmic=True,
            in_sklearn=True,
            aliases="poisson_nll poissonnllloss",
        ),
        Loss("log_cosh", LOG_COSH, aliases="logcosh log_cosh_loss"),
    )
}


def default_loss(output: str) -> str:
    """The loss that has the output for its own; otherwise the squared error."""
    return next((row.name for row in LOSSES.values() if output in row.canonical), "squared_error")
