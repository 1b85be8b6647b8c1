"""The notes' network for all samples at once, with NumPy.

See the package's docstring for the conventions: rows are samples, ``W[0]`` is the notes' W[1], ``A[0]`` is X.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from shallownet_c.reference import _activations
from shallownet_c.reference._activations import sigmoids as sigmoid
from shallownet_c.reference._activations import softmaxes as softmax
from shallownet_c.reference._checks import (
    activation_row,
    check_layer,
    check_targets,
    count,
    layers,
    loss_row,
    number,
    rows,
)

Array = np.ndarray[Any, Any]

__all__ = [
    "ACTIVATIONS",
    "DERIVATIVES",
    "activation",
    "backward",
    "cost",
    "derivative",
    "forward",
    "gradient_descent",
    "sigmoid",
    "softmax",
]


def _slopes(derivatives: Callable[..., Array], row: _activations.Activation) -> Callable[[Array, Array, float], Array]:
    return lambda z, a, leak: derivatives(z, *row.arguments(leak))


#: A = g(Z) of an array (m, n) and the leak, by name (section "activation functions").
ACTIVATIONS: dict[str, Callable[[Array, float], Array]] = {
    name: row.with_leak(row.values) for name, row in _activations.ACTIVATIONS.items()
}
#: g'(Z) of an array (m, n), of A = g(Z), which no function here needs, and of the leak (section "derivatives").
DERIVATIVES: dict[str, Callable[[Array, Array, float], Array]] = {
    name: _slopes(row.derivatives, row) for name, row in _activations.ACTIVATIONS.items() if row.derivatives is not None
}


def activation(z: Array, name: str, leak: float = 0.01) -> Array:
    """a = g(z) (section "activation functions").

    Parameters
    ----------
    z : array_like (m, n)
    name : str
        Any that `MLP` takes.
    leak : float

    Returns
    -------
    ndarray (m, n)

    Examples
    --------
    >>> activation(np.array([[-1.0, 2.0]]), "relu")
    array([[0., 2.]])
    """
    row = activation_row(name)
    return row.values(rows("z", z), *row.arguments(number("leak", leak)))


def derivative(z: Array, name: str, leak: float = 0.01) -> Array:
    """g'(z) (section "derivatives").

    At z = 0 the derivative of ReLU is 0 and that of leaky ReLU the leak, as PyTorch and scikit-learn have it. The notes
    say that either side will do there, and usually take 1.

    Parameters
    ----------
    z : array_like (m, n)
    name : str
        Any that `MLP` takes but "softmax", each of whose outputs depends on every z.
    leak : float

    Returns
    -------
    ndarray (m, n)

    Examples
    --------
    >>> derivative(np.array([[-3.0, 0.0, 3.0]]), "leaky_relu")
    array([[0.01, 0.01, 1.  ]])
    """
    row = activation_row(name, differentiable=True)
    assert row.derivatives is not None
    return row.derivatives(rows("z", z), *row.arguments(number("leak", leak)))


def forward(
    X: Array, W: list[Array], b: list[Array], activations: list[str], leak: float = 0.01
) -> tuple[list[Array], list[Array]]:
    """Forward propagation (formula 3.15), from A[0] = X up.

    The notes' columns on the left, our rows on the right::

        Z[l] = W[l] A[l-1] + b[l]                   Z = A[l-1] W[l]ᵀ + b[l]
        A[l] = g[l](Z[l])                           A[l] = g[l](Z)

    Parameters
    ----------
    X : array_like (m, n_0)
        Rows are samples; the notes' X (formula 3.12) is its transpose.
    W : list of ndarray (n_l, n_{l-1})
    b : list of ndarray (n_l,)
    activations : list of str
        g[1], …, g[L].
    leak : float, default 0.01

    Returns
    -------
    Z : list of L ndarrays (m, n_l)
        Formula 3.13, transposed; ``Z[0]`` is the notes' Z[1].
    A : list of L + 1 ndarrays (m, n_l)
        Formula 3.14, transposed; ``A[0]`` is X, ``A[l]`` the notes' A[l].

    Examples
    --------
    >>> Z, A = forward([[1.0, 2.0]], [np.ones((3, 2))], [np.zeros(3)], ["identity"])
    >>> A[1]
    array([[3., 3., 3.]])
    """
    Z, A = [], [rows("X", X).copy()]
    W, b = layers("W", W), layers("b", b)
    for W_l, b_l, name in zip(W, b, activations, strict=True):
        check_layer(W_l, b_l.shape, A[-1].shape[1:])
        Z.append(A[-1] @ W_l.T + b_l)
        A.append(activation(Z[-1], name, leak))
    return Z, A


def cost(A_L: Array, Y: Array, loss: str, output: str = "sigmoid", *, parameter: float | None = None) -> float:
    """J = (1/m) Σ_i L(a(i), y(i)) (section "gradient descent").

    L is −Σ_j [y_j log a_j + (1 − y_j) log(1 − a_j)] for log_loss of a sigmoid output, −Σ_j y_j log a_j for log_loss of
    a softmax output, ½ Σ_j (a_j − y_j)² for squared_error; `MLP` has the formulas of the others.

    Parameters
    ----------
    A_L, Y : ndarray (m, n_L)
    loss : str
        Any that `MLP` takes.
    output : str, default "sigmoid"
        The output's activation, which tells apart the two log losses, and a Poisson rate from its logarithm.
    parameter : float, optional
        The delta of huber, 1 by default, or the quantile of pinball, ½ by default.

    Returns
    -------
    float

    Examples
    --------
    >>> round(cost(np.array([[0.5]]), np.array([[1.0]]), "log_loss"), 6)
    0.693147
    """
    row, parameters = loss_row(loss, output, parameter)
    A_L = rows("A_L", A_L)
    Y = check_targets(Y, A_L)
    return float(np.sum(row.form_with(output).values(A_L, Y, *parameters)) / len(Y))


def backward(
    Z: list[Array],
    A: list[Array],
    W: list[Array],
    Y: Array,
    activations: list[str],
    loss: str,
    leak: float = 0.01,
    *,
    parameter: float | None = None,
) -> tuple[list[Array], list[Array]]:
    """Back propagation (section "gradient descent", the six lines), from the output layer down.

    The notes' columns on the left, our rows on the right::

        dZ[L] = A[L] − Y                            dZ = A[L] − Y                     (log_loss, and poisson with exp)
        dZ[L] = ∂l/∂A * g'(Z[L])                    dZ = ∂l/∂A * g'(Z[L])             (otherwise; squared_error:
                                                                                       ∂l/∂A = A[L] − Y)
        dW[l] = (1/m) dZ[l] A[l-1]ᵀ                 dW = dZᵀ A[l-1] / m
        db[l] = (1/m) np.sum(dZ[l], axis=1)         db = sum of the rows of dZ, / m
        dZ[l-1] = W[l]ᵀ dZ[l] * g[l-1]'(Z[l-1])     dZ = dZ W[l] * g'(Z[l-1])

    Parameters
    ----------
    Z, A : lists
        From `forward`.
    W : list of ndarray (n_l, n_{l-1})
    Y : ndarray (m, n_L)
    activations : list of str
    loss : str
    leak : float, default 0.01
    parameter : float, optional
        As in `cost`.

    Returns
    -------
    dW, db : lists of ndarrays
        dJ/dW[l] (n_l, n_{l-1}) and dJ/db[l] (n_l,).

    Examples
    --------
    >>> W, b = [np.zeros((1, 2))], [np.zeros(1)]
    >>> Z, A = forward([[1.0, 2.0]], W, b, ["sigmoid"])
    >>> backward(Z, A, W, [[1.0]], ["sigmoid"], "log_loss")[0]
    [array([[-0.5, -1. ]])]
    """
    output = activations[-1]
    row, parameters = loss_row(loss, output, parameter)
    if not len(Z) == len(W) == len(activations):
        raise ValueError(f"each layer must have Z, W and an activation, got {len(Z)}, {len(W)} and {len(activations)}")
    Z, A, W = layers("Z", Z), layers("A", A), layers("W", W)
    m = len(A[0])
    Y = check_targets(Y, A[-1])
    if output in row.canonical:
        dZ = A[-1] - Y
    else:
        dZ = row.form_with(output).derivatives(A[-1], Y, *parameters) * derivative(Z[-1], output, leak)
    dW, db = [], []
    for layer in reversed(range(len(W))):
        dW.append(dZ.T @ A[layer] / m)
        db.append(np.sum(dZ, axis=0) / m)
        if layer > 0:
            check_layer(W[layer], dZ.shape[1:], A[layer].shape[1:])
            dZ = dZ @ W[layer] * derivative(Z[layer - 1], activations[layer - 1], leak)
    return dW[::-1], db[::-1]


def gradient_descent(
    X: Array,
    Y: Array,
    W: list[Array],
    b: list[Array],
    activations: list[str],
    loss: str,
    alpha: float,
    n_iterations: int,
    leak: float = 0.01,
    *,
    parameter: float | None = None,
) -> tuple[list[Array], list[Array], list[float]]:
    """W[l] := W[l] − α dW[l], b[l] := b[l] − α db[l], over and over (section "gradient descent").

    Parameters
    ----------
    X : ndarray (m, n_0)
    Y : ndarray (m, n_L)
    W, b : lists
        First parameters; copied.
    activations : list of str
    loss : str
    alpha : float
        The learning rate α.
    n_iterations : int
    leak : float, default 0.01
    parameter : float, optional
        As in `cost`.

    Returns
    -------
    W, b : lists
        The parameters after the last step.
    costs : list of float
        J before each step.

    Examples
    --------
    >>> X, Y = np.array([[-1.0], [1.0]]), np.array([[0.0], [1.0]])
    >>> W, b, costs = gradient_descent(X, Y, [np.zeros((1, 1))], [np.zeros(1)], ["sigmoid"], "log_loss", 1.0, 10)
    >>> costs[9] < costs[0]
    True
    """
    W, b = [W_l.copy() for W_l in layers("W", W)], [b_l.copy() for b_l in layers("b", b)]
    alpha = number("alpha", alpha)
    costs = []
    for _ in range(count("n_iterations", n_iterations)):
        Z, A = forward(X, W, b, activations, leak)
        costs.append(cost(A[-1], Y, loss, activations[-1], parameter=parameter))
        dW, db = backward(Z, A, W, Y, activations, loss, leak, parameter=parameter)
        W = [W_l - alpha * dW_l for W_l, dW_l in zip(W, dW, strict=True)]
        b = [b_l - alpha * db_l for b_l, db_l in zip(b, db, strict=True)]
    return W, b, costs
