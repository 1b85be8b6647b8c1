from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

class Network:
    _params: NDArray[np.floating[Any]]
    _sizes: NDArray[np.intp]
    _activation_codes: NDArray[np.intc]
    _leak: float
    _kernels: ModuleType

    def __init__(
        self,
        params: NDArray[np.floating[Any]],
        sizes: NDArray[np.intp],
        activations: NDArray[np.intc],
        leak: float,
        kernels: ModuleType,
    ) -> None: ...
    def __call__(self, X: ArrayLike, out: NDArray[np.floating[Any]] | None = None) -> NDArray[np.floating[Any]]: ...
