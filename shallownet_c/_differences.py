"""A gradient against differences of J: where J has derivatives, and as far as rounding lets the two be told apart."""

from __future__ import annotations  # evaluated, the annotations would import numpy.random

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from shallownet_c import _threads
from shallownet_c._fitting import _sources
from shallownet_c.mlp import MLP
from shallownet_c.reference._activations import ACTIVATIONS
from shallownet_c.reference._losses import LOSSES
from shallownet_c.reference.vectorized import derivative

if TYPE_CHECKING:
    from shallownet_c._checks._validation import Array

#: The error of a right gradient in that dtype is below this.
BOUNDS = {np.dtype("float64"): 1e-6, np.dtype("float32"): 1e-3}
#: k and its factor in the central difference of fourth order, which misses the derivative by h⁴/30 times the fifth one.
STENCIL = ((-2, 1 / 12), (-1, -2 / 3), (1, 2 / 3), (2, -1 / 12))
#: Steps as parts of the first one: smaller ones are for a J that bends more.
SHRINKING = (1.0, 0.1, 0.01, 0.001, 0.0001)
#: How often J's rounding may be in a difference: that of a few evaluations, each of a sum over samples.
EVALUATIONS = 4.0


def largest_error(net: MLP, X: Array, labels: Array, weights: Array | None, epsilon: float) -> float:
    """See `tools.check_gradient`; the data are as `_sources.check` returns them."""
    twin = MLP(**net.model.description() | {"dtype": "float64"}, init="zeros")
    params = twin.params
    params[:] = net.params
    if weights is not None:
        X, labels, weights = X[weights > 0], labels[weights > 0], weights[weights > 0]
    for part in SHRINKING:
        smooth = _smooth_rows(net, twin, X.astype(np.float64), labels, epsilon * part)
        if 2 * smooth.sum() >= len(X):
            break
    if not smooth.any():
        raise ValueError(
            "net must have parameters at which J can be told by differences: with these, every row of X has a unit, or "
            "an error, at a kink of its activation or loss, where differences say nothing"
        )
    epsilon *= part
    X, labels, weights = X[smooth], labels[smooth], None if weights is None else weights[smooth]
    grad = net.cost_and_grad(X, labels, weights)[1]

    source = _sources.source(twin.model, params, X.astype(np.float64), labels, weights)
    n_threads = _threads.allowed()

    def J() -> float:
        loss_sum, weight_sum = source.sums(None, n_threads)
        return loss_sum / weight_sum

    if not math.isfinite(J()):
        raise ValueError(f"net must have parameters at which J is finite, got J = {J()}")
    A = twin.layer_outputs(X.astype(np.float64))
    steps = epsilon * _scales(twin, A)
    with np.errstate(over="ignore", invalid="ignore"):
        sums, loss = _rounding(twin, A, labels, weights)
        unsure = np.finfo(net.dtype).eps * sums + EVALUATIONS * np.finfo(np.float64).eps * max(abs(J()), loss) / steps
    bound = BOUNDS[net.dtype]
    least = np.maximum(unsure / bound, np.finfo(np.float64).tiny)

    largest = 0.0
    for i, (g, step, smallest) in enumerate(zip(grad.tolist(), steps.tolist(), least.tolist(), strict=True)):
        error = math.inf
        for part in SHRINKING:
            difference = _difference(J, params, i, step * part)
            error = min(error, abs(g - difference) / max(abs(g), abs(difference), smallest))
            if error < bound / 10:
                break
        largest = max(largest, error)
    return largest


def _difference(J: Callable[[], float], params: Array, i: int, h: float) -> float:
    w = float(params[i])
    h = (w + max(h, 16 * math.ulp(w))) - w  # what can be added to w without rounding
    total = 0.0
    for k, factor in STENCIL:
        params[i] = w + k * h
        total += factor * J()
    params[i] = w
    return total / h


def _scales(twin: MLP, A: list[Array]) -> Array:
    """The scale of each parameter's step: max(1, |w|), divided by max(1, |a|) for a weight of inputs a."""
    scales = []
    for W, b, inputs in zip(twin.weights, twin.biases, A, strict=False):
        scales += [np.maximum(1, np.abs(W)).ravel() / max(1.0, np.abs(inputs).max()), np.maximum(1, np.abs(b))]
    return np.concatenate(scales)


def _rounding(twin: MLP, A: list[Array], labels: Array, weights: Array | None) -> tuple[Array, float]:
    """How many units of rounding each derivative may be off by, and J, at most: a running error analysis.

    Every z is as uncertain as the numbers it is a sum of are large, inputs among them; every dZ as what comes from the
    layer above, times g′, and besides as dA, since g′ has a rounding of its own and that of z times g″: at most 2 |g′|
    where g′ follows from a, and 2 where it follows from z.
    """
    w = np.ones((len(labels), 1)) if weights is None else weights[:, np.newaxis].astype(np.float64)
    targets = np.abs(labels) if labels.ndim == 2 else 1.0
    gradients = twin.layer_gradients(A[0], labels, w[:, 0])
    inputs, sums, slopes = [np.abs(A[0])], [], []
    for below, W, b, name, a in zip(A, twin.weights, twin.biases, twin.activations, A[1:], strict=False):
        sums.append(inputs[-1] @ np.abs(W.T) + np.abs(b))
        if a is not A[-1]:
            slopes.append(np.abs(derivative(below @ W.T + b, name, twin.leak)))
            inputs.append(np.abs(a) + sums[-1] * slopes[-1])

    dZ = np.abs(gradients[-1].dZ)
    outputs = w * (np.abs(A[-1]) + targets)
    loss = float((dZ * (1 + sums[-1]) + outputs).sum() / w.sum())
    # A dZ that is l′(a) g′(z), not a − y, is as sure as g′ and a are small: an exp far below 0 is 0, whatever z is.
    reach: Array | float = 1.0
    if name not in LOSSES[twin.loss].canonical:
        reach = np.minimum(1, np.abs(derivative(below @ W.T + b, name, twin.leak)) + np.abs(a))
    unsure = (dZ + reach * outputs) * np.maximum(1, sums[-1]) + reach * w * sums[-1]
    errors: list[Array] = []
    for layer in reversed(range(len(gradients))):
        errors = [(unsure.T @ inputs[layer]).ravel(), unsure.sum(axis=0), *errors]
        if layer > 0:
            slope, dA = slopes[layer - 1], np.abs(gradients[layer - 1].dA)
            bend = 2.0 if ACTIVATIONS[twin.activations[layer - 1]].needs_z else 2 * slope
            unsure = unsure @ np.abs(twin.weights[layer]) * slope + dA * (1 + bend * sums[layer - 1])
    return np.concatenate(errors) / w.sum(), loss


def _smooth_rows(net: MLP, twin: MLP, X: Array, labels: Array, epsilon: float) -> Array:
    """Which rows of X no kink of an activation or of the loss comes near, whichever parameter takes its steps."""
    smooth = np.ones(len(X), bool)
    A = twin.layer_outputs(X)
    gradients = twin.layer_gradients(X, labels)
    last = len(gradients) - 1
    reach, steepest = 0.0, 1.0  # how far a z may move; the greatest g′ of the layer below
    for layer, (W, b, name) in enumerate(zip(twin.weights, twin.biases, twin.activations, strict=True)):
        enlarged = np.abs(W).sum(axis=1).max()
        own = 2 * epsilon * max(1.0, np.abs(W).max(), np.abs(b).max())
        reach = max(own, enlarged * steepest * reach) + np.finfo(net.dtype).eps * enlarged * np.abs(A[layer]).max()
        steepest = ACTIVATIONS[name].steepest
        if ACTIVATIONS[name].kink:
            # A hidden unit may be where it likes as long as the cost does not depend on it.
            matters = True if layer == last else gradients[layer].dA != 0
            smooth &= ~((np.abs(A[layer] @ W.T + b) <= reach) & matters).any(axis=1)
    loss = LOSSES[twin.loss]
    if loss.kink is not None:
        kink = loss.kink(*([] if loss.parameter is None else [twin.model.loss_parameter]))
        slopes = np.abs(derivative(A[-2] @ W.T + b, name, twin.leak))
        smooth &= (np.abs(np.abs(A[-1] - labels) - kink) > reach * np.maximum(1, slopes)).all(axis=1)
    return smooth
