"""The activations: one table, in which each name has its function, its derivative, and what else depends on the name.

The kernels' codes, the names that arguments take, scikit-learn's names and the tests' cases follow from it. Functions
of one number z are plain Python, for `loop`; those of arrays are for `vectorized`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False, repr=False)  # fewer methods to make: every import of the package waits for them
class Activation:
    """A row of the table.

    Functions take z, and the leak after it where `parameter` says so. Softmax is a function of all of a sample's z
    together: its `value` takes a list of them, and a derivative of its own it has not.
    """

    name: str
    #: a = g(z) and g'(z), of one number.
    value: Callable[..., Any]
    derivative: Callable[..., float] | None
    #: The same of an array (m, n).
    values: Callable[..., Array]
    derivatives: Callable[..., Array] | None
    #: Whether a hidden layer may have it.
    hidden: bool = True
    #: Whether each a_j is a function of z_j alone.
    elementwise: bool = True
    #: Whether the kernels compute g' from z; otherwise from a.
    needs_z: bool = False
    #: The argument of `MLP` that the functions take besides z.
    parameter: str | None = None
    #: Whether g' or g'' jumps at z = 0, where differences say nothing of g'.
    kink: bool = False
    #: The greatest |g'|, or 1 if that is less.
    steepest: float = 1.0
    #: Whether outputs are probabilities, of classes or of labels.
    probabilities: bool = False
    #: The z of an output that is always the same a: the inverse of g, where a loss has g for its own.
    link: Callable[[Array], Array] | None = None
    #: Whether it is one of the course notes'.
    in_notes: bool = False
    #: scikit-learn's name where that is another one, and whether its estimators have it.
    sklearn_name: str = ""
    in_sklearn: bool = False
    #: What others call it, in lower case with underscores.
    aliases: str = ""

    def arguments(self, leak: float) -> tuple[float, ...]:
        """What the functions take after z."""
        return () if self.parameter is None else (leak,)


def identity(z: float) -> float:
    """g(z) = z"""
    return z


def sigmoid(z: float) -> float:
    """σ(z) = 1 / (1 + e^−z) (section "activation functions"), written so that e never overflows."""
    if z < 0:
        return math.exp(z) / (1.0 + math.exp(z))
    return 1.0 / (1.0 + math.exp(-z))


def sigmoid_slope(z: float) -> float:
    """a (1 − a)"""
    return sigmoid(z) * (1.0 - sigmoid(z))


def tanh(z: float) -> float:
    """(e^z − e^−z) / (e^z + e^−z)"""
    return math.tanh(z)


def tanh_slope(z: float) -> float:
    """1 − a²"""
    return 1.0 - math.tanh(z) ** 2


def relu(z: float) -> float:
    """max(0, z)"""
    return max(z, 0.0)  # this way round a NaN stays one


def relu_slope(z: float) -> float:
    """1 for z > 0, otherwise 0"""
    return 1.0 if z > 0 else 0.0


def leaky_relu(z: float, leak: float) -> float:
    """max(leak z, z)"""
    return max(leak * z, z)


def leaky_relu_slope(z: float, leak: float) -> float:
    """1 for z > 0, otherwise the leak"""
    return 1.0 if z > 0 else leak


def softmax(z: list[float]) -> list[float]:
    """a_j = e^z_j / Σ_k e^z_k; subtracting the greatest z_k changes nothing but the size of numbers."""
    greatest = max(z)
    e = [math.exp(z_j - greatest) for z_j in z]
    total = sum(e)
    return [e_j / total for e_j in e]


def exp(z: float) -> float:
    """e^z, infinite where no float can hold it"""
    try:
        return math.exp(z)
    except OverflowError:
        return math.inf


def sigmoids(z: Array) -> Array:
    """σ(z), written so that e never overflows."""
    e = np.exp(-np.abs(z))
    return np.where(z < 0, e, 1.0) / (1.0 + e)


def softmaxes(z: Array) -> Array:
    """`softmax` of each row."""
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def exps(z: Array) -> Array:
    """e^z"""
    with np.errstate(over="ignore"):
        return np.exp(z)


def sigmoid_slopes(z: Array) -> Array:
    """a (1 − a)"""
    a = sigmoids(z)
    return a * (1.0 - a)


#: In the order of the kernels' codes. At z = 0 the derivatives of ReLU and of its kind are those of the left.
ACTIVATIONS: dict[str, Activation] = {
    row.name: row
    for row in (
        Activation(
            "identity",
            identity,
            lambda z: 1.0,
            np.copy,
            np.ones_like,
            link=np.copy,
            in_notes=True,
            in_sklearn=True,
            aliases="linear none purelin",
        ),
        Activation(
            "sigmoid",
            sigmoid,
            sigmoid_slope,
            sigmoids,
            sigmoid_slopes,
            probabilities=True,
            link=lambda a: np.log(a) - np.log1p(-a),
            in_notes=True,
            sklearn_name="logistic",
            in_sklearn=True,
            aliases="expit",
        ),
        Activation("tanh", tanh, tanh_slope, np.tanh, lambda z: 1.0 - np.tanh(z) ** 2, in_notes=True, in_sklearn=True),
        Activation(
            "relu",
            relu,
            relu_slope,
            lambda z: np.maximum(0.0, z),
            lambda z: np.where(z > 0, 1.0, 0.0),
            kink=True,
            in_notes=True,
            in_sklearn=True,
        ),
        Activation(
            "leaky_relu",
            leaky_relu,
            leaky_relu_slope,
            lambda z, leak: np.maximum(leak * z, z),
            lambda z, leak: np.where(z > 0, 1.0, leak),
            parameter="leak",
            kink=True,
            in_notes=True,
            aliases="lrelu leakyrelu",
        ),
        Activation(
            "softmax",
            softmax,
            None,
            softmaxes,
            None,
            hidden=False,
            elementwise=False,
            probabilities=True,
            link=np.log,
            in_sklearn=True,
        ),
        Activation(
            "exp",
            exp,
            exp,
            exps,
            exps,
            hidden=False,
            steepest=math.inf,
            link=np.log,
            in_sklearn=True,
            aliases="exponential",
        ),
    )
}
