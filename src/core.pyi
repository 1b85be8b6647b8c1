"""What core.pyx offers. Arrays are float32 or float64, all of a call of one dtype, C-contiguous."""

from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from shallownet_c._checks._sparse import SparseRows

_Real = NDArray[np.floating[Any]]

class Kernels:
    def __new__(cls, capsule: object) -> Self: ...
    @property
    def itemsize(self) -> int: ...
    @property
    def lanes(self) -> int: ...
    @property
    def vector_bytes(self) -> int: ...
    @property
    def capsule(self) -> object: ...
    @property
    def records(self) -> NDArray[np.float64]: ...
    @property
    def record_fields(self) -> tuple[str, ...]: ...
    def max_threads(self) -> int: ...
    def team(self, part: Callable[[int], object], n_threads: int, stop: NDArray[np.intc]) -> None: ...
    def first_nonfinite(self, a: _Real) -> int: ...

class Network:
    def __init__(
        self,
        kernels: Kernels,
        params: _Real,
        sizes: NDArray[np.intp],
        activations: NDArray[np.intc],
        leak: float,
        loss: int,
        loss_parameter: float,
    ) -> None: ...
    @property
    def _params(self) -> _Real: ...
    @property
    def _kernels(self) -> Kernels: ...
    def __call__(self, X: Any, out: Any = None) -> _Real: ...
    def _plain_cost_and_grad(
        self, X: object, Y: object, n_threads: int, threads_for: Callable[[int], int] | None = None, least_work: int = 0
    ) -> tuple[float, _Real] | None: ...

class Predictor(Network):
    def __init__(
        self,
        frozen: bool,
        kernels: Kernels,
        params: _Real,
        sizes: NDArray[np.intp],
        activations: NDArray[np.intc],
        leak: float,
        loss: int,
        loss_parameter: float,
    ) -> None: ...
    @property
    def address(self) -> int: ...
    @property
    def _functions(self) -> tuple[int, int]: ...

class Rows:
    def __new__(
        cls,
        X: _Real | SparseRows,
        Y: _Real | None = None,
        classes: NDArray[np.int64] | None = None,
        weights: _Real | None = None,
        smoothing: float = 0.0,
        order: NDArray[np.int64] | None = None,
    ) -> Self: ...

class Rule:
    def __new__(
        cls,
        code: int,
        hyper: NDArray[np.float64],
        state: _Real,
        step: NDArray[np.int64],
        l2: float = 0.0,
        l1: float = 0.0,
        clip_norm: float = ...,
    ) -> Self: ...

class Run:
    def __new__(
        cls,
        batch_size: int,
        dropout: NDArray[np.float64] | None = None,
        dropout_seed: int = 0,
        objective_scale: float = 0.0,
        n_threads: int = 1,
        stop: NDArray[np.intc] | None = None,
        rounded: bool = False,
    ) -> Self: ...

def let_vectorcall(kind: type[Network]) -> None: ...
def predict(net: Network, X: _Real | SparseRows, out: _Real, n_threads: int = 1) -> None: ...
def gradient(
    net: Network,
    rows: Rows,
    grad: _Real | None,
    n_threads: int = 1,
    training: bool = False,
    stop: NDArray[np.intc] | None = None,
) -> tuple[float, float]: ...
def input_derivatives(
    net: Network,
    X: _Real,
    out: _Real,
    V: _Real | None = None,
    U: _Real | None = None,
    Y: _Real | None = None,
    classes: NDArray[np.int64] | None = None,
    n_threads: int = 1,
) -> None: ...
def train(
    net: Network,
    rows: Rows,
    rule: Rule,
    run: Run,
    order: NDArray[np.int64] | None,
    rates: NDArray[np.float64],
    cost: NDArray[np.float64],
) -> None: ...
def how_many_together(net: Network, batch_size: int) -> int: ...
def train_together(
    nets: Sequence[Network],
    rows: Sequence[Rows],
    rules: Sequence[Rule],
    run: Run,
    orders: Sequence[NDArray[np.int64] | None],
    rates: NDArray[np.float64],
    costs: NDArray[np.float64],
) -> bool: ...
def step(net: Network, rule: Rule, grad: _Real, weight_sum: float) -> None: ...
def output_gradient(
    kernels: Kernels, activation: int, leak: float, loss: int, loss_parameter: float, Z: _Real, rows: Rows
) -> float: ...
