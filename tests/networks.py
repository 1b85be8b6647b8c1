"""Random networks, and what `shallownet_c.reference` says of them, for the tests."""

import itertools
from dataclasses import dataclass

import numpy as np

from shallownet_c._kernels import ACTIVATIONS, LOSSES
from shallownet_c._model import check_loss
from shallownet_c.reference import vectorized


def go_together(output: str, loss: str) -> bool:
    try:
        return check_loss(loss, output) == loss
    except ValueError:
        return False


HIDDEN = ["identity", "sigmoid", "tanh", "relu", "leaky_relu"]
#: Every output with the loss that goes with it.
OUTPUTS = [
    ("identity", "squared_error"),
    ("sigmoid", "squared_error"),
    ("tanh", "squared_error"),
    ("relu", "squared_error"),
    ("leaky_relu", "squared_error"),
    ("sigmoid", "log_loss"),
    ("softmax", "log_loss"),
]
#: Every output with every loss that it takes.
PAIRS = [(output, loss) for output in ACTIVATIONS for loss in LOSSES if go_together(output, loss)]
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
        codes = np.array([ACTIVATIONS[name] for name in self.activations], np.intc)
        return np.array(self.sizes, np.intp), codes, LEAK

    @property
    def loss_terms(self) -> tuple[int, float]:
        """The loss's code, and its parameter."""
        return LOSSES[self.loss], np.inf

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
    if name == "softmax":
        Y = np.eye(sizes[-1])[rng.integers(0, sizes[-1], m)]
    elif loss == "log_loss":
        Y = np.round(Y)
    return Case(tuple(sizes), [*hidden, name], loss, W, b, X, exact(Y), np.dtype(dtype))


def close(actual: np.ndarray, expected: np.ndarray, tolerance: float) -> None:
    """|actual − expected| ≤ tolerance, relative to the greatest expected magnitude or 1, everywhere."""
    scale = max(1.0, float(np.abs(expected).max(initial=0.0)))
    error = float(np.abs(np.asarray(actual, float) - expected).max(initial=0.0))
    assert error <= tolerance * scale, f"error {error:.3g}, allowed {tolerance * scale:.3g}"
