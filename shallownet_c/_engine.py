"""The compiled kernels of whole networks: the values that they take besides a `Model`, and the only calls of them."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from shallownet_c import _kernels
from shallownet_c._checks._validation import Array
from shallownet_c._model import Model


class Piece(NamedTuple):
    """Rows as the kernels take them, and the order in which a pass takes them; None is their own."""

    X: Array
    Y: Array | None
    classes: Array | None
    weights: Array | None
    order: Array | None = None

    @property
    def weight_sum(self) -> float:
        return float(len(self.X) if self.weights is None else self.weights.sum(dtype=np.float64))


class Rule(NamedTuple):
    """How a step changes the parameters: the update rule, its state (k, P), the number of steps (1,), the penalties."""

    code: int
    hyper: Array
    state: Array
    step: Array
    l2: float = 0.0
    l1: float = 0.0
    clip_norm: float = math.inf


class Run(NamedTuple):
    """How epochs go over the rows.

    objective_scale 0 makes the costs J. Otherwise they are those of the batches, that times J and the penalties, as
    scikit-learn has its loss.
    """

    batch_size: int | None = None
    dropout: Array | None = None
    dropout_seed: int = 0
    objective_scale: float = 0.0
    label_smoothing: float = 0.0
    n_threads: int = 1


def predict(model: Model, params: Array, X: Array, out: Array, n_threads: int) -> None:
    """out (m, n_L) ← A[L] of X (m, n_0)."""
    model.kernels.forward(model.size_array, model.codes, model.leak, params, X, out, n_threads)


def gradient(
    model: Model,
    params: Array,
    piece: Piece,
    grad: Array | None,
    n_threads: int = 1,
    training: bool = False,
    label_smoothing: float = 0.0,
) -> tuple[float, float]:
    """Σ w L and Σ w over the rows; the gradient of the first is added to grad (P,).

    In a training, where calls follow each other, less work is enough for threads.
    """
    return model.kernels.accumulate_grad(
        model.size_array, model.codes, model.leak, model.loss_code, model.loss_parameter, params, piece.X, piece.Y,
        piece.classes, piece.weights, grad, n_threads, training,
    )  # fmt: skip


def train(
    model: Model,
    params: Array,
    piece: Piece,
    orders: Array | None,
    batch_size: int,
    rates: Array,
    costs: Array,
    rule: Rule,
    run: Run,
) -> None:
    """One epoch for each element of rates and costs, which are filled; orders (epochs, m) are those of the rows."""
    model.kernels.train(
        model.size_array, model.codes, model.leak, model.loss_code, model.loss_parameter, params, piece.X, piece.Y,
        piece.classes, piece.weights, orders, len(costs), batch_size, rule.l2, rule.l1, rule.clip_norm,
        run.objective_scale, run.dropout, run.dropout_seed, rule.code, rates, rule.hyper, rule.state, rule.step, costs,
        run.n_threads,
    )  # fmt: skip


def update(model: Model, params: Array, grad: Array, weight_sum: float, rate: float, rule: Rule) -> None:
    """One step along grad (P,), the gradient of Σ w L, which is used up."""
    hyper = rule.hyper.copy()
    hyper[0] = rate
    model.kernels.optimize(
        model.size_array, model.codes, params, grad, weight_sum, rule.l2, rule.l1, rule.clip_norm, rule.code, hyper,
        rule.state, rule.step,
    )  # fmt: skip


def output_gradient(model: Model, output: str, Z: Array, piece: Piece) -> float:
    """Z (m, n_L) ← dZ, the derivatives of Σ w L where the output layer is g(Z), `output` the name of g; that sum."""
    return model.kernels.output_gradient(
        _kernels.ACTIVATIONS[output], model.leak, model.loss_code, model.loss_parameter, Z, piece.Y, piece.classes,
        piece.weights,
    )  # fmt: skip


def first_nonfinite(array: Array) -> int:
    """The number of the first row of the array (m, n) that holds a NaN or an infinity, −1 if there is none."""
    return _kernels.module(array.dtype).first_nonfinite(array)
