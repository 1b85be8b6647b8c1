"""The notes' network one number at a time: loops over samples i, units j and inputs k in plain Python.

What the vectorised equations mean, and the baseline that shows what vectorising is worth. See the package's docstring
for the conventions: rows are samples, ``W[0]`` is the notes' W[1], ``A[0]`` is X.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from shallownet_c.reference import _activations
from shallownet_c.reference._activations import sigmoid
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
]

#: a = g(z) of one number z and the leak, by name (section "activation functions").
ACTIVATIONS: dict[str, Callable[[float, float], float]] = {
    name: row.with_leak(row.value) for name, row in _activations.ACTIVATIONS.items() if row.elementwise
}
#: g'(z) of one number z and the leak, by name (section "derivatives"); at z = 0 as in `vectorized.derivative`.
DERIVATIVES: dict[str, Callable[[float, float], float]] = {
    name: row.with_leak(row.derivative) for name, row in _activations.ACTIVATIONS.items() if row.derivative is not None
}


def activation(z: Array, name: str, leak: float = 0.01) -> Array:
    """a = g(z) (section "activation functions"), sample by sample.

    Parameters and result are those of `vectorized.activation`.

    Examples
    --------
    >>> activation([[-1.0, 2.0]], "relu")
    array([[0., 2.]])
    """
    leak = number("leak", leak)
    return np.array([_activate(z_i, name, leak) for z_i in rows("z", z).tolist()])


def derivative(z: Array, name: str, leak: float = 0.01) -> Array:
    """g'(z) (section "derivatives"), sample by sample; at z = 0 as in `vectorized.derivative`.

    Parameters and result are those of `vectorized.derivative`.

    Examples
    --------
    >>> derivative([[-3.0, 0.0, 3.0]], "leaky_relu")
    array([[0.01, 0.01, 1.  ]])
    """
    leak = number("leak", leak)
    return np.array([_slopes(z_i, name, leak) for z_i in rows("z", z).tolist()])


def _activate(z: list[float], name: str, leak: float) -> list[float]:
    """g(z) for the units of one layer and one sample."""
    row = activation_row(name)
    arguments = row.arguments(leak)
    if not row.elementwise:
        a: list[float] = row.value(z, *arguments)
        return a
    return [row.value(z_j, *arguments) for z_j in z]


def _slopes(z: list[float], name: str, leak: float) -> list[float]:
    """g'(z) for the units of one layer and one sample."""
    row = activation_row(name, differentiable=True)
    arguments = row.arguments(leak)
    assert row.derivative is not None
    return [row.derivative(z_j, *arguments) for z_j in z]


def forward(
    X: Array, W: list[Array], b: list[Array], activations: list[str], leak: float = 0.01
) -> tuple[list[Array], list[Array]]:
    """Forward propagation, the loop of formula 3.15 with formula 3.11 written out::

        for i in 1 … m:  for l in 1 … L:  for j in 1 … n_l:
            z[l]_j(i) = Σ_k W[l]_jk a[l-1]_k(i) + b[l]_j
            a[l]_j(i) = g[l](z[l]_j(i))

    Parameters and results are those of `vectorized.forward`.

    Examples
    --------
    >>> Z, A = forward([[1.0, 2.0]], [np.ones((3, 2))], [np.zeros(3)], ["identity"])
    >>> A[1]
    array([[3., 3., 3.]])
    """
    X, W, b, leak = rows("X", X), layers("W", W), layers("b", b), number("leak", leak)
    units = [X.shape[1:], *(b_l.shape for b_l in b)]
    for W_l, n, n_below in zip(W, units[1:], units[:-1], strict=True):
        check_layer(W_l, n, n_below)
    # Lists of floats: indexing an array element by element takes Python several times as long.
    weights = [W_l.tolist() for W_l in W]
    biases = [b_l.tolist() for b_l in b]
    a: list[list[list[float]]] = [X.tolist()]
    z: list[list[list[float]]] = []
    for W_l, b_l, name in zip(weights, biases, activations, strict=True):
        z.append([])
        a.append([])
        for a_i in a[-2]:
            z_i = []
            for j in range(len(W_l)):
                z_ij = b_l[j]
                for k in range(len(a_i)):
                    z_ij += W_l[j][k] * a_i[k]
                z_i.append(z_ij)
            z[-1].append(z_i)
            a[-1].append(_activate(z_i, name, leak))
    return [np.array(z_l) for z_l in z], [np.array(a_l) for a_l in a]


def cost(A_L: Array, Y: Array, loss: str, output: str = "sigmoid", *, parameter: float | None = None) -> float:
    """J = (1/m) Σ_i Σ_j l(a(i)_j, y(i)_j) (section "gradient descent").

    Parameters and result are those of `vectorized.cost`.

    Examples
    --------
    >>> round(cost(np.array([[0.5]]), np.array([[1.0]]), "log_loss"), 6)
    0.693147
    """
    row, parameters = loss_row(loss, output, parameter)
    form = row.form_with(output)
    A_L = rows("A_L", A_L)
    a, y = A_L.tolist(), check_targets(Y, A_L).tolist()
    total = 0.0
    for a_i, y_i in zip(a, y, strict=True):
        for a_ij, y_ij in zip(a_i, y_i, strict=True):
            total += form.value(a_ij, y_ij, *parameters)
    return total / len(y)


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
    """Back propagation sample by sample (formulas 3.5 and 3.4): the gradients of the samples' losses, summed, divided
    by m::

        dz[L]_j = a[L]_j − y_j                      (log_loss, and poisson with exp)
        dz[L]_j = ∂l/∂a (a[L]_j, y_j) g'(z[L]_j)    (otherwise; squared_error: ∂l/∂a = a − y)
        dW[l]_jk += dz[l]_j a[l-1]_k
        db[l]_j += dz[l]_j
        dz[l-1]_k = Σ_j W[l]_jk dz[l]_j · g'(z[l-1]_k)

    Parameters and results are those of `vectorized.backward`.

    Examples
    --------
    >>> W, b = [np.zeros((1, 2))], [np.zeros(1)]
    >>> Z, A = forward([[1.0, 2.0]], W, b, ["sigmoid"])
    >>> backward(Z, A, W, [[1.0]], ["sigmoid"], "log_loss")[0]
    [array([[-0.5, -1. ]])]
    """
    row, parameters = loss_row(loss, activations[-1], parameter)
    Z, A, W, leak = layers("Z", Z), layers("A", A), layers("W", W), number("leak", leak)
    for Z_l, W_l, A_below, _ in zip(Z, W, A[:-1], activations, strict=True):
        check_layer(W_l, Z_l.shape[1:], A_below.shape[1:])
    z, a = [Z_l.tolist() for Z_l in Z], [A_l.tolist() for A_l in A]
    weights = [W_l.tolist() for W_l in W]
    y = check_targets(Y, A[-1]).tolist()
    m, form = len(y), row.form_with(activations[-1])
    dW = [[[0.0] * len(row) for row in W_l] for W_l in weights]
    db = [[0.0] * len(W_l) for W_l in weights]
    for i in range(m):
        if activations[-1] in row.canonical:
            dz = [a_ij - y_ij for a_ij, y_ij in zip(a[-1][i], y[i], strict=True)]
        else:
            da = [form.derivative(a_ij, y_ij, *parameters) for a_ij, y_ij in zip(a[-1][i], y[i], strict=True)]
            slopes = _slopes(z[-1][i], activations[-1], leak)
            dz = [da_j * slope for da_j, slope in zip(da, slopes, strict=True)]
        for layer in reversed(range(len(weights))):
            a_below = a[layer][i]
            for j in range(len(dz)):
                for k in range(len(a_below)):
                    dW[layer][j][k] += dz[j] * a_below[k]
                db[layer][j] += dz[j]
            if layer > 0:
                slopes = _slopes(z[layer - 1][i], activations[layer - 1], leak)
                dz_below = []
                for k in range(len(a_below)):
                    da_k = 0.0
                    for j in range(len(dz)):
                        da_k += weights[layer][j][k] * dz[j]
                    dz_below.append(da_k * slopes[k])
                dz = dz_below
    return [np.array(dW_l) / m for dW_l in dW], [np.array(db_l) / m for db_l in db]


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
    """W[l]_jk := W[l]_jk − α dW[l]_jk, b[l]_j := b[l]_j − α db[l]_j, over and over (section "gradient descent").

    Parameters and results are those of `vectorized.gradient_descent`.

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
        for layer in range(len(W)):
            for j in range(len(W[layer])):
                for k in range(len(W[layer][j])):
                    W[layer][j, k] -= alpha * dW[layer][j, k]
                b[layer][j] -= alpha * db[layer][j]
    return W, b, costs
