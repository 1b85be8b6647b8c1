from typing import Any

import numpy as np
from numpy.typing import NDArray

# Each build takes arrays of its own element type only: float32 in the ..._f32 modules, float64 in the ..._f64 ones.
_Real = NDArray[np.floating[Any]]

itemsize: int
lanes: int
vector_bytes: int
paces: memoryview
pace_fields: tuple[str, ...]
row_function: object
gradient_function: object
layer_function: object

def max_threads() -> int: ...
def forward(
    sizes: NDArray[np.intp],
    activations: NDArray[np.intc],
    leak: float,
    params: _Real,
    X: _Real,
    out: _Real,
    n_threads: int = 1,
) -> None: ...
def accumulate_grad(
    sizes: NDArray[np.intp],
    activations: NDArray[np.intc],
    leak: float,
    loss: int,
    loss_parameter: float,
    params: _Real,
    X: _Real,
    Y: _Real | None,
    classes: NDArray[np.int64] | None,
    weights: _Real | None,
    grad: _Real | None,
    n_threads: int = 1,
    training: bool = False,
) -> tuple[float, float]: ...
def train(
    sizes: NDArray[np.intp],
    activations: NDArray[np.intc],
    leak: float,
    loss: int,
    loss_parameter: float,
    params: _Real,
    X: _Real,
    Y: _Real | None,
    classes: NDArray[np.int64] | None,
    weights: _Real | None,
    order: NDArray[np.int64] | None,
    n_epochs: int,
    batch_size: int,
    l2: float,
    l1: float,
    clip_norm: float,
    objective_scale: float,
    dropout: NDArray[np.float64] | None,
    dropout_seed: int,
    optimizer: int,
    rates: NDArray[np.float64],
    hyper: NDArray[np.float64],
    state: _Real,
    step: NDArray[np.int64],
    cost: NDArray[np.float64],
    n_threads: int = 1,
) -> None: ...
def optimize(
    sizes: NDArray[np.intp],
    activations: NDArray[np.intc],
    params: _Real,
    grad: _Real,
    weight_sum: float,
    l2: float,
    l1: float,
    clip_norm: float,
    optimizer: int,
    hyper: NDArray[np.float64],
    state: _Real,
    step: NDArray[np.int64],
) -> None: ...
def output_gradient(
    activation: int,
    leak: float,
    loss: int,
    loss_parameter: float,
    Z: _Real,
    Y: _Real | None,
    classes: NDArray[np.int64] | None,
    weights: _Real | None,
) -> float: ...
def first_nonfinite(a: _Real) -> int: ...
def dense_forward(
    X: _Real, W: _Real, b: _Real, activation: int, leak: float, out: _Real, n_threads: int = 1
) -> None: ...
def dense_backward(
    dA: _Real,
    A: _Real,
    X: _Real,
    W: _Real,
    activation: int,
    leak: float,
    dW: _Real,
    db: _Real,
    dX: _Real | None,
    n_threads: int = 1,
) -> None: ...
