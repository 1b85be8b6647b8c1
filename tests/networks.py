"""Random networks, and what `shallownet_c.reference` says of them, for the tests."""

import itertools
from dataclasses import dataclass

import numpy as np

from shallownet_c import _kernels
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
LEAK = 0.1
#: No l1 penalty, no limit of the gradient's norm, the plain cost, no dropout and its seed, as `train` takes them.
PLAIN = (0.0, np.inf, 0.0, None, 0)


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

    def spec(self) -> tuple:
        """What the kernels' entry points take first; parameters come after the loss, where there is one."""
        codes = np.array([_kernels.ACTIVATIONS[name] for name in self.activations], np.intc)
        return np.array(self.sizes, np.intp), codes, LEAK

    @property
    def loss_terms(self) -> tuple[int, float]:
        """The loss's code, and its parameter."""
        parameter = LOSSES[self.loss].parameter
        return _kernels.LOSSES[self.loss], np.inf if parameter is None else parameter.default

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
            J, g = self.rows(slice(i, i + 1)).cost_and_grad()
            total, grad = total + weight * J, grad + weight * g
        return total, grad

    def rows(self, which: slice | np.ndarray) -> "Case":
        return Case(self.sizes, self.activations, self.loss, self.W, self.b, self.X[which], self.Y[which], self.dtype)


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
