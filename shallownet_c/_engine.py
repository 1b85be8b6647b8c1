"""The compiled kernels of whole networks: the values that they take besides a `Model`, and the only calls of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from shallownet_c import _core, _kernels, _threads
from shallownet_c._checks._sparse import SparseRows
from shallownet_c._checks._validation import Array
from shallownet_c._model import Model


class Piece(NamedTuple):
    """Rows as the kernels take them, and the numbers of those that a pass takes, in their order; None is all rows."""

    X: Array | SparseRows
    Y: Array | None
    classes: Array | None
    weights: Array | None
    order: Array | None = None

    @property
    def m(self) -> int:
        """Rows of a pass."""
        return len(self.X if self.order is None else self.order)

    @property
    def given(self) -> dict[str, Array | None]:
        """The arrays that may be the caller's, by the names of their arguments."""
        X = self.X if isinstance(self.X, np.ndarray) else self.X.data
        return {"X": X, "Y": self.Y, "sample_weight": self.weights}

    @property
    def targets(self) -> Array:
        """Y, or the classes that stand in its place."""
        targets = self.Y if self.classes is None else self.classes
        assert targets is not None
        return targets

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
    scikit-learn has its loss. Whoever sets the flag stop (1,) to 1 ends the epochs as a Ctrl-C does. With `rounded` the
    parameters are rounded to float32 after each step, whatever their dtype.
    """

    batch_size: int | None = None
    dropout: Array | None = None
    dropout_seed: int = 0
    objective_scale: float = 0.0
    label_smoothing: float = 0.0
    n_threads: int = 1
    stop: Array | None = None
    rounded: bool = False


def bound(model: Model, params: Array) -> tuple[Any, ...]:
    """What `_core.Network` takes for the model and its parameters (P,)."""
    return (
        model.kernels, params, model.size_array, model.codes, model.leak, model.loss_code, model.loss_parameter,
    )  # fmt: skip


def network(model: Model, params: Array) -> _core.Network:
    """The model bound to its parameters (P,), which are not copied."""
    return _core.Network(*bound(model, params))


def rows(piece: Piece, label_smoothing: float = 0.0) -> _core.Rows:
    """The piece, bound."""
    return _core.Rows(*piece[:4], label_smoothing, piece.order)


def gradient(
    net: _core.Network,
    piece: Piece,
    grad: Array | None,
    n_threads: int = 1,
    training: bool = False,
    label_smoothing: float = 0.0,
    stop: Array | None = None,
) -> tuple[float, float]:
    """Σ w L and Σ w over the rows; the gradient of the first is added to grad (P,).

    In a training, where calls follow each other, less work is enough for threads.
    """
    return _core.gradient(net, rows(piece, label_smoothing), grad, n_threads, training, stop)


def input_derivatives(
    net: _core.Network,
    X: Array,
    shape: tuple[int, ...],
    *,
    V: Array | None = None,
    U: Array | None = None,
    Y: Array | None = None,
    classes: Array | None = None,
) -> Array:
    """Derivatives by X (m, n_0), of each row by itself, with their shape: ∂a/∂x (m, n_L, n_0), or by one of the others

    Σⱼ Vⱼ ∂aⱼ/∂x (m, n_0) of V (m, n_L), Σₖ Uₖ ∂a/∂xₖ (m, n_L) of U (m, n_0), ∂L(a, y)/∂x (m, n_0) of Y or classes.
    """
    passes = 1 if len(shape) == 1 else min(shape)
    out = np.empty((len(X), *shape), X.dtype)
    n_threads = _threads.for_work(len(X) * len(net._params) * (1 + passes))
    _core.input_derivatives(net, X, out, V, U, Y, classes, n_threads)
    return out


def train(
    net: _core.Network,
    piece: Piece,
    orders: Array | None,
    batch_size: int,
    rates: Array,
    costs: Array,
    rule: Rule,
    run: Run,
) -> None:
    """One epoch for each element of rates and costs, which are filled.

    orders (epochs, m) are those of the epochs; None takes the piece's own in each.
    """
    how = _core.Run(
        batch_size, run.dropout, run.dropout_seed, run.objective_scale, run.n_threads, run.stop, run.rounded
    )  # fmt: skip
    _core.train(net, rows(piece, run.label_smoothing), _core.Rule(*rule), how, orders, rates, costs)


def how_many_together(net: _core.Network, batch_size: int) -> int:
    """How many networks like this one `train_together` takes in batches of so many rows; 1 where it gains nothing."""
    return _core.how_many_together(net, batch_size)


def train_together(
    nets: Sequence[_core.Network],
    pieces: Sequence[Piece],
    orders: Sequence[Array | None],
    rates: Array,
    costs: Array,
    rules: Sequence[Rule],
    run: Run,
) -> bool:
    """`train` for several networks at once, which differ in parameters, rows and orders alone; costs are (n, epochs).

    False if the kernels do not take them together; nothing has changed then. No cost ends anything, whatever it is.
    """
    how = _core.Run(run.batch_size or pieces[0].m, n_threads=run.n_threads, stop=run.stop)
    bound_rows = [rows(piece, run.label_smoothing) for piece in pieces]
    bound_rules = [_core.Rule(*rule) for rule in rules]
    return _core.train_together(nets, bound_rows, bound_rules, how, orders, rates, costs)


def update(net: _core.Network, grad: Array, weight_sum: float, rate: float, rule: Rule) -> None:
    """One step along grad (P,), the gradient of Σ w L, which is used up."""
    hyper = rule.hyper.copy()
    hyper[0] = rate
    _core.step(net, _core.Rule(*rule._replace(hyper=hyper)), grad, weight_sum)


def output_gradient(model: Model, output: str, Z: Array, piece: Piece) -> float:
    """Z (m, n_L) ← dZ, the derivatives of Σ w L where the output layer is g(Z), `output` naming g; returns Σ w L."""
    code = _kernels.ACTIVATIONS[output]
    loss = model.loss_code, model.loss_parameter
    return _core.output_gradient(model.kernels, code, model.leak, *loss, Z, rows(piece))


def multiply_adds(model: Model, X: Array | SparseRows) -> int:
    """How many a pass forward through the network takes, roughly."""
    if isinstance(X, np.ndarray):
        return len(X) * model.n_params
    n_0, n_1 = model.sizes[:2]
    return len(X) * (model.n_params - n_0 * n_1) + len(X.data) * n_1


def first_nonfinite(array: Array) -> int:
    """The number of the first row of the array (m, n) that holds a NaN or an infinity, −1 if there is none."""
    return _kernels.module(array.dtype).first_nonfinite(array)
