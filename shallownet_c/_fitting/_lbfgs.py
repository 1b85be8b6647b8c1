"""A fit by SciPy's L-BFGS-B: the whole batch's cost and gradient from the kernels, the steps from SciPy."""

from __future__ import annotations  # evaluated, the annotations would import numpy.random

import dataclasses
import math
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from shallownet_c._checks import _extras
from shallownet_c._checks._validation import Array
from shallownet_c._model import Model
from shallownet_c.errors import DivergenceError
from shallownet_c.optimizers import LBFGS


def scipy_optimize() -> ModuleType:
    """SciPy's module, or an error that names the extra."""
    return _extras.library("scipy.optimize", "scipy", "LBFGS")


def penalties(model: Model, l2: float) -> Array:
    """(P,), l2 for each weight and 0 for each bias."""
    penalties = np.zeros(model.n_params)
    for W in model.views(penalties)[0]:
        W[...] = l2
    return penalties


@dataclasses.dataclass
class State:
    """Where the last iteration ended, and what it found."""

    x: Array
    J: float = math.nan
    stop: bool = False
    epoch: int = 0


def minimise(
    model: Model,
    params: Array,
    optimizer: LBFGS,
    cost_and_grad: Callable[[], tuple[float, float, Array]],
    l2: float,
    epochs: int,
    finish_epoch: Callable[[float], bool],
) -> str:
    """Minimise J + ½ l2 ‖W‖² / Σw; why it ended.

    `cost_and_grad` gives Σ w L, Σ w and the gradient of the first at params; `finish_epoch` takes the J that an
    iteration began with, and says whether to stop.
    """
    optimize = scipy_optimize()
    penalised = penalties(model, l2)
    costs: list[tuple[Array, float]] = []  # of the points tried since the last iteration ended
    state = State(params.astype(np.float64))

    def objective(x: Array) -> tuple[float, Array]:
        params[:] = x
        loss_sum, weight_sum, grad = cost_and_grad()
        optimizer._step += 1
        J = loss_sum / weight_sum
        if math.isnan(state.J):
            state.J = J
        costs.append((x.copy(), J))
        value = J + 0.5 * float(penalised @ (x * x)) / weight_sum
        if not math.isfinite(value) or not np.isfinite(grad).all():
            params[:] = state.x
            raise DivergenceError(state.epoch, optimizer.n_steps, None if math.isnan(state.J) else state.J)
        return value, (grad.astype(np.float64) + penalised * x) / weight_sum

    def iteration(intermediate_result: Any) -> None:
        x = intermediate_result.x
        began_with = state.J
        state.J = next(J for point, J in reversed(costs) if np.array_equal(point, x))
        state.x = x.copy()
        state.epoch += 1
        costs.clear()
        params[:] = x
        if finish_epoch(began_with):
            state.stop = True
            raise StopIteration

    options = {
        "maxcor": optimizer.history_size,
        "maxfun": optimizer.max_fun,
        "maxiter": epochs,
        "gtol": optimizer.gtol,
        "ftol": min(optimizer.ftol, 2.0),  # no iteration lessens more; SciPy divides it by ε, which may overflow
    }
    try:
        result = optimize.minimize(objective, state.x, jac=True, method="L-BFGS-B", callback=iteration, options=options)
    finally:
        # Whatever has ended it, Ctrl-C included, the parameters are the last iteration's, not a point only tried.
        params[:] = state.x
    if state.stop:
        return "stop"
    if result.status == 1:
        return "epochs" if state.epoch >= epochs else "max_fun"
    return "converged" if result.status == 0 else "line_search"
