from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

_Real = NDArray[np.floating[Any]]

class DenseForward:
    def __init__(
        self,
        float32: object,
        float64: object,
        codes: dict[str, int],
        for_work: Callable[[int], int],
        general: Callable[..., _Real],
    ) -> None: ...
    def __call__(self, X: Any, W: Any, b: Any, activation: str, out: _Real | None, leak: float) -> _Real: ...

def dense_backward(
    capsule: object,
    arrays: tuple[_Real, _Real, _Real, _Real],
    outputs: tuple[_Real, _Real, _Real | None],
    activation: int,
    leak: float,
    n_threads: int,
) -> None: ...
