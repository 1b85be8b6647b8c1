"""The activations: one table, in which each name has its function, its derivative, and what else depends on the name.

The kernels' codes, the names that arguments take, scikit-learn's names and the tests' cases follow from it. Functions
of one number z are plain Python, for `loop`; those of arrays are for `vectorized`.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]

#: Beyond it e^−|z| is 0 for a float.
FAR = 800.0
#: λ and α of Klambauer et al., 2017.
SELU_SCALE, SELU_ALPHA = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717


class Activation(NamedTuple):  # a sixth of the time that a dataclass takes to make, which every import waits for
    """A row of the table.

    Functions take z, and the leak after it where `parameter` says so. Softmax is a function of all of a sample's z
    together: its `value` takes a list of them, and it has no derivative of its own.
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
    #: Whether it is of ReLU's kind, z for large z and next to nothing for z far below 0: about half of the mean square
    #: of z gets through, which first weights of twice the variance make up for (He et al., 2015).
    rectifier: bool = False
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

    def with_leak(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """One of its functions that takes the leak last, whether the leak matters to it or not."""
        return lambda *values: function(*values[:-1], *self.arguments(values[-1]))

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


def bounded(z: float, most: float = FAR) -> float:
    """z, or −800 or `most` beyond that: e^800 is infinite, and infinity times 0 would be no number."""
    return max(min(z, most), -FAR)  # this way round a NaN stays one


def silu(z: float) -> float:
    """z σ(z)"""
    z = bounded(z, math.inf)
    return z * sigmoid(z)


def silu_slope(z: float) -> float:
    """σ(z) (1 + z (1 − σ(z))), where 1 − σ(z) = σ(−z)"""
    z = bounded(z)
    return sigmoid(z) * (1.0 + z * sigmoid(-z))


def normal_cdf(z: float) -> float:
    """Φ(z), the share of a standard normal distribution below z"""
    return 0.5 * math.erfc(-z / math.sqrt(2.0))


def gelu(z: float) -> float:
    """z Φ(z)"""
    z = bounded(z, math.inf)
    return z * normal_cdf(z)


def gelu_slope(z: float) -> float:
    """Φ(z) + z φ(z), φ(z) = e^(−z²/2) / √(2π)"""
    z = bounded(z)
    return normal_cdf(z) + z * math.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)


def gelu_tanh(z: float) -> float:
    """½ z (1 + tanh u) = z σ(2u), u = √(2/π) (z + 0.044715 z³): nearly `gelu`"""
    z = bounded(z, math.inf)
    return z * sigmoid(2.0 * math.sqrt(2.0 / math.pi) * (z + 0.044715 * z * z * z))


def gelu_tanh_slope(z: float) -> float:
    """σ(2u) + z σ(2u) σ(−2u) 2u', u' = √(2/π) (1 + 0.134145 z²)"""
    z = bounded(z)
    u = math.sqrt(2.0 / math.pi) * (z + 0.044715 * z * z * z)
    u_slope = math.sqrt(2.0 / math.pi) * (1.0 + 3.0 * 0.044715 * z * z)
    return sigmoid(2.0 * u) * (1.0 + z * sigmoid(-2.0 * u) * 2.0 * u_slope)


def softplus(z: float) -> float:
    """log(1 + e^z), written so that e never overflows"""
    return max(z, 0.0) + math.log1p(math.exp(-abs(z)))


def mish(z: float) -> float:
    """z tanh(softplus(z))"""
    z = bounded(z, math.inf)
    return z * math.tanh(softplus(z))


def mish_slope(z: float) -> float:
    """tanh s + z (1 − tanh² s) σ(z), s = softplus(z), where 1 − tanh² s = 4q / (1 + q)², q = e^(−2s)"""
    z = bounded(z)
    q = math.exp(-2.0 * softplus(z))
    return math.tanh(softplus(z)) + z * (4.0 * q / (1.0 + q) ** 2) * sigmoid(z)


def elu(z: float) -> float:
    """z for z > 0, otherwise e^z − 1"""
    return z if z > 0 else math.expm1(z)


def elu_slope(z: float) -> float:
    """1 for z > 0, otherwise e^z"""
    return 1.0 if z > 0 else math.exp(z)


def selu(z: float) -> float:
    """λ z for z > 0, otherwise λ α (e^z − 1): with these two numbers layer upon layer keeps mean 0 and variance 1"""
    return SELU_SCALE * (z if z > 0 else SELU_ALPHA * math.expm1(z))


def selu_slope(z: float) -> float:
    """λ for z > 0, otherwise λ α e^z"""
    return SELU_SCALE * (1.0 if z > 0 else SELU_ALPHA * math.exp(z))


def sin(z: float) -> float:
    """sin z"""
    return math.sin(z) if math.isfinite(z) else math.nan


def cos(z: float) -> float:
    """The derivative of sin z."""
    return math.cos(z) if math.isfinite(z) else math.nan


def each(function: Callable[..., float]) -> Callable[..., Array]:
    """The function of one number, of every number of an array."""

    def of_array(z: Array, *arguments: float) -> Array:
        values = [function(z_i, *arguments) for z_i in z.ravel().tolist()]
        return np.array(values, dtype=float).reshape(z.shape)

    return of_array


def sigmoids(z: Array) -> Array:
    """σ(z), written so that e never overflows."""
    e = np.exp(-np.abs(z))
    return np.where(z < 0, e, 1.0) / (1.0 + e)


def softmaxes(z: Array) -> Array:
    """`softmax` of each row."""
    e = np.exp(z - z.max(axis=1, keepdims=True))
    a: Array = e / e.sum(axis=1, keepdims=True)
    return a


def exps(z: Array) -> Array:
    """e^z"""
    with np.errstate(over="ignore"):
        return np.exp(z)


def sigmoid_slopes(z: Array) -> Array:
    """a (1 − a)"""
    a = sigmoids(z)
    return a * (1.0 - a)


#: In the order of the kernels' codes. At z = 0 the derivatives of ReLU and its kind are those of the left side.
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
            rectifier=True,
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
            rectifier=True,
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
        Activation(
            "silu",
            silu,
            silu_slope,
            each(silu),
            each(silu_slope),
            needs_z=True,
            rectifier=True,
            steepest=1.1,
            aliases="swish",
        ),
        Activation("gelu", gelu, gelu_slope, each(gelu), each(gelu_slope), needs_z=True, rectifier=True, steepest=1.13),
        Activation(
            "gelu_tanh",
            gelu_tanh,
            gelu_tanh_slope,
            each(gelu_tanh),
            each(gelu_tanh_slope),
            needs_z=True,
            rectifier=True,
            steepest=1.13,
            aliases="gelu_new gelu_pytorch_tanh gelu_approximate",
        ),
        Activation("mish", mish, mish_slope, each(mish), each(mish_slope), needs_z=True, rectifier=True, steepest=1.09),
        Activation(
            "softplus", softplus, sigmoid, each(softplus), each(sigmoid), needs_z=True, aliases="soft_plus softrelu"
        ),
        Activation("elu", elu, elu_slope, each(elu), each(elu_slope), needs_z=True, kink=True),
        Activation(
            "selu",
            selu,
            selu_slope,
            each(selu),
            each(selu_slope),
            needs_z=True,
            kink=True,
            steepest=SELU_SCALE * SELU_ALPHA,
        ),
        Activation("sin", sin, cos, each(sin), each(cos), needs_z=True, aliases="sine"),
    )
}
