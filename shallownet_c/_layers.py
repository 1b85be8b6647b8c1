"""What each layer of a network computes, forward and backward: for people who look into it."""

from __future__ import annotations

import copy
from typing import Any, NamedTuple

import numpy as np

from shallownet_c import _core, _engine, _threads
from shallownet_c._checks import _sparse, _validation
from shallownet_c._checks._validation import Array
from shallownet_c._engine import Piece
from shallownet_c._model import Model
from shallownet_c.kernels import dense_backward, dense_forward
from shallownet_c.reference._losses import LOSSES


class LayerGradients(NamedTuple):
    """What `MLP.layer_gradients` says of one layer."""

    dZ: Array
    dA: Array
    dW: Array
    db: Array


def check_rows_or_one(X: Array, n_in: int) -> None:
    if X.shape != (n_in,) and (X.ndim != 2 or X.shape[1] != n_in):
        remedy = _validation.made_rows("X", X.shape, n_in, one_row=True)
        raise ValueError(f"X must have shape (m, {n_in}) or ({n_in},), got {X.shape}{remedy}")


def rows_or_one(X: object, model: Model, sparse: bool = False) -> tuple[Any, bool]:
    """X as rows (m, n_0) of the model's dtype, and whether it was one sample (n_0,).

    X may be `sparse` where that is said, and is refused otherwise.
    """
    n_in = model.sizes[0]
    if sparse and _sparse.is_sparse(X):
        return _sparse.rows("X", X, n_in, model.dtype), False
    _sparse.refuse("X", X)
    array = _validation.numbers("X", X, model.dtype)
    check_rows_or_one(array, n_in)
    return array.reshape(-1, n_in), array.ndim == 1


def outputs(model: Model, params: Array, X: Any) -> list[Any]:
    """See `MLP.layer_outputs`."""
    layers = list(zip(*model.views(params), model.activations, strict=True))
    rows, one = rows_or_one(X, model, sparse=True)
    outputs = [rows.copy()] if isinstance(rows, np.ndarray) else [copy.deepcopy(X), _first_output(model, params, rows)]
    for W, b, name in layers[len(outputs) - 1 :]:
        outputs.append(dense_forward(outputs[-1], W, b, name, leak=model.leak))
    return [A[0] for A in outputs] if one else outputs


def _first_output(model: Model, params: Array, rows: _sparse.SparseRows) -> Array:
    """A[1] (m, n_1) of sparse rows."""
    first = Model(model.sizes[:2], output=model.activations[0], leak=model.leak, dtype=model.dtype)
    A = np.empty((len(rows), model.sizes[1]), model.dtype)
    net = _engine.network(first, params[: first.n_params])
    _core.predict(net, rows, A, _threads.for_work(_engine.multiply_adds(first, rows)))
    return A


def gradients(model: Model, params: Array, rows: Piece) -> list[LayerGradients]:
    """See `MLP.layer_gradients`."""
    if rows.classes is not None:
        rows = rows._replace(Y=np.eye(model.sizes[-1], dtype=model.dtype)[rows.classes], classes=None)
    weights, biases = model.views(params)
    A = outputs(model, params, rows.X)
    dZ = dense_forward(A[-2], weights[-1], biases[-1], "identity")
    _engine.output_gradient(model, model.activations[-1], dZ, rows)
    dA = _output_slopes(model, A[-1], rows)
    gradients = []
    for layer in reversed(range(len(weights))):
        W = weights[layer]
        dW, db = np.zeros(W.shape, model.dtype), np.zeros(len(W), model.dtype)
        below = dense_backward(dZ, dZ, A[layer], W, "identity", dW, db)
        gradients.append(LayerGradients(dZ, dA, dW / rows.weight_sum, db / rows.weight_sum))
        if layer > 0:
            # The kernel's own dZ = dA * g'(Z) of the layer below: dX where W is the unit matrix.
            n, name, dA = len(W.T), model.activations[layer - 1], below
            unit = np.eye(n, dtype=model.dtype)
            Z = dense_forward(A[layer - 1], weights[layer - 1], biases[layer - 1], "identity")
            dZ = dense_backward(dA, A[layer], A[layer], unit, name, unit.copy(), unit[0].copy(), leak=model.leak, Z=Z)
    return gradients[::-1]


def _output_slopes(model: Model, A: Array, rows: Piece) -> Array:
    """Derivatives of w L(a, y) by a, of the output layer."""
    form = LOSSES[model.loss].canonical.get(model.activations[-1])
    if form is None:
        dA = A.copy()
        _engine.output_gradient(model, "identity", dA, rows)
        return dA
    dA = form.derivatives(A, rows.Y)
    return dA if rows.weights is None else dA * rows.weights[:, np.newaxis]
