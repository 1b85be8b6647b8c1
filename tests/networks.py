"""Random networks, and what `shallownet_c.reference` says of them, for the tests."""

import contextlib
import inspect
import itertools
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from shallownet_c import _core, _kernels
from shallownet_c.optimizers import OPTIMIZERS, Optimizer
from shallownet_c.reference import vectorized
from shallownet_c.reference._activations import ACTIVATIONS
from shallownet_c.reference._losses import LOSSES, default_loss

HIDDEN = list(_kernels.HIDDEN)
#: Every output with its own loss, and every loss with its usual output: each name occurs.
OUTPUTS = list(
    dict.fromkeys(
        [(name, default_loss(name)) for name in ACTIVATIONS]
        + [(row.usual_output, name) for name, row in LOSSES.items()]
    )
)
#: Every output with every loss that it takes.
PAIRS = [(output, name) for output in ACTIVATIONS for name, row in LOSSES.items() if row.takes(output)]
#: The outputs whose targets may be the numbers of classes, and the losses whose targets may be smoothed.
BY_CLASS = [name for name, row in ACTIVATIONS.items() if not row.elementwise]
ELEMENTWISE = [name for name, row in ACTIVATIONS.items() if row.elementwise]
SMOOTHED = [name for name, row in LOSSES.items() if row.classes]
LEAK = 0.1


API_H = Path(__file__).parents[1] / "src" / "api.h"


def kernel_functions() -> set[str]:
    """The functions that a build's table offers and that take arrays, from the source."""
    table = re.search(r"typedef struct \{([^}]*)\} kernels_t;", API_H.read_text())[1]
    return set(re.findall(r"\(\*(\w+)\)\(", table)) - {"max_threads", "team"}


def rules() -> list[Optimizer]:
    """Every update rule that a kernel runs, with each choice of what is off by default: momentum, weight decay, …"""
    every = []
    for kind in OPTIMIZERS.values():
        if not kind.takes_steps:
            continue
        parameters = inspect.signature(kind).parameters
        off = [name for name in kind.names if not parameters[name].default]
        for chosen in itertools.product((False, True), repeat=len(off)):
            settings = {name: parameters[name].default for name in off}
            settings |= {
                name: True if settings[name] is False else 0.5 for name, on in zip(off, chosen, strict=True) if on
            }
            with contextlib.suppress(ValueError):  # what does not go together, as nesterov without momentum
                every.append(kind(**settings))
    return every


@dataclass
class Case:
    """A network with data; parameters and data are exact in `dtype`, so that the float64 reference sees the same."""

    sizes: tuple[int, ...]
    activations: list[str]
    loss: str
    W: list[np.ndarray]
    b: list[np.ndarray]
    X: np.ndarray
    Y: np.ndarray
    dtype: np.dtype

    @property
    def m(self) -> int:
        return len(self.X)

    @property
    def params(self) -> np.ndarray:
        return flat(self.W, self.b).astype(self.dtype)

    def network(
        self, kernels: _core.Kernels, params: np.ndarray | None = None, loss_parameter: float | None = None
    ) -> _core.Network:
        """The compiled network of these parameters, or of a copy of the case's own."""
        params = self.params if params is None else params
        return bound(kernels, self.sizes, self.activations, params, self.loss, loss_parameter)

    def rows(
        self,
        classes: np.ndarray | None = None,
        weights: np.ndarray | None = None,
        smoothing: float = 0.0,
    ) -> _core.Rows:
        """The data as the kernels take them, with classes in the place of Y where there are any."""
        Y = self.Y.astype(self.dtype) if classes is None else None
        weights = None if weights is None else weights.astype(self.dtype)
        return _core.Rows(self.X.astype(self.dtype), Y, classes, weights, smoothing)

    def forward(self) -> tuple[list[np.ndarray], list[np.ndarray]]:
        return vectorized.forward(self.X, self.W, self.b, self.activations, LEAK)

    def cost_and_grad(self, weights: np.ndarray | None = None) -> tuple[float, np.ndarray]:
        """Σ wᵢ L and its gradient, by the reference: sample by sample where samples have weights."""
        if weights is None:
            Z, A = self.forward()
            J = vectorized.cost(A[-1], self.Y, self.loss, self.activations[-1])
            dW, db = vectorized.backward(Z, A, self.W, self.Y, self.activations, self.loss, LEAK)
            return J * self.m, flat(dW, db) * self.m
        total, grad = 0.0, np.zeros(len(self.params))
        for i, weight in enumerate(weights):
            J, g = self.part(slice(i, i + 1)).cost_and_grad()
            total, grad = total + weight * J, grad + weight * g
        return total, grad

    def part(self, which: slice | np.ndarray) -> "Case":
        return Case(self.sizes, self.activations, self.loss, self.W, self.b, self.X[which], self.Y[which], self.dtype)


def bound(
    kernels: _core.Kernels,
    sizes: tuple[int, ...],
    activations: list[str],
    params: np.ndarray,
    loss: str = "squared_error",
    loss_parameter: float | None = None,
) -> _core.Network:
    """A compiled network by names, the loss's parameter its default unless given."""
    return _core.Network(*arguments(kernels, sizes, activations, params, loss, loss_parameter))


def arguments(
    kernels: _core.Kernels,
    sizes: tuple[int, ...],
    activations: list[str],
    params: np.ndarray,
    loss: str = "squared_error",
    loss_parameter: float | None = None,
) -> tuple[Any, ...]:
    """What a compiled network is made of."""
    if loss_parameter is None:
        parameter = LOSSES[loss].parameter
        loss_parameter = np.inf if parameter is None else parameter.default
    codes = np.array([_kernels.ACTIVATIONS[name] for name in activations], np.intc)
    return kernels, params, np.array(sizes, np.intp), codes, LEAK, _kernels.LOSSES[loss], loss_parameter


class Trained(NamedTuple):
    """What a training has changed or filled."""

    params: np.ndarray
    state: np.ndarray
    step: np.ndarray
    cost: np.ndarray

    @property
    def bits(self) -> tuple[bytes, ...]:
        return tuple(array.tobytes() for array in self)


def train(
    net: _core.Network,
    rows: _core.Rows,
    optimizer: Optimizer,
    epochs: int,
    batch_size: int,
    *,
    order: np.ndarray | None = None,
    rate: float | None = None,
    after: Trained | None = None,
    penalties: dict[str, float] | None = None,
    **run: Any,
) -> Trained:
    """A training in place on the network's parameters, by the optimizer's rule but not with its state.

    It goes on `after` another one. penalties: l2, l1 and clip_norm. run: dropout, dropout_seed, objective_scale and
    n_threads.
    """
    params = net._params
    state, step = (optimizer.state(len(params), params.dtype), np.zeros(1, np.int64)) if after is None else after[1:3]
    rule = _core.Rule(optimizer.code, optimizer.hyper_parameters(), state, step, **penalties or {})
    cost = np.full(epochs, np.nan)
    rates = np.full(epochs, optimizer.learning_rate if rate is None else rate)
    _core.train(net, rows, rule, _core.Run(batch_size, **run), order, rates, cost)
    return Trained(params, state, step, cost)


def flat(W: list[np.ndarray], b: list[np.ndarray]) -> np.ndarray:
    return np.concatenate([part.ravel() for pair in zip(W, b, strict=True) for part in pair])


def make(
    sizes: tuple[int, ...],
    hidden: list[str],
    output: tuple[str, str],
    m: int,
    dtype: np.dtype,
    seed: int = 0,
) -> Case:
    rng = np.random.default_rng(seed)

    def exact(array: np.ndarray) -> np.ndarray:
        return array.astype(dtype).astype(float)

    name, loss = output
    W = [exact(rng.standard_normal((n_out, n_in)) / np.sqrt(n_in)) for n_in, n_out in itertools.pairwise(sizes)]
    b = [exact(0.3 * rng.standard_normal(n)) for n in sizes[1:]]
    X = exact(rng.standard_normal((m, sizes[0])))
    Y = rng.random((m, sizes[-1]))
    if not ACTIVATIONS[name].elementwise:
        Y = np.eye(sizes[-1])[rng.integers(0, sizes[-1], m)]
    elif LOSSES[loss].classes:
        Y = np.round(Y)
    return Case(tuple(sizes), [*hidden, name], loss, W, b, X, exact(Y), np.dtype(dtype))


def close(actual: np.ndarray, expected: np.ndarray, tolerance: float) -> None:
    """|actual − expected| ≤ tolerance, relative to the greatest expected magnitude or 1, everywhere."""
    scale = max(1.0, float(np.abs(expected).max(initial=0.0)))
    error = float(np.abs(np.asarray(actual, float) - expected).max(initial=0.0))
    assert error <= tolerance * scale, f"error {error:.3g}, allowed {tolerance * scale:.3g}"
