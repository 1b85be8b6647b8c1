"""The optimizers: hyper-parameters, and the state that a fit leaves for the next one."""

import copy
from typing import Any, ClassVar, Self

import numpy as np

from shallownet_c import _validation


class Optimizer:
    """What the optimizers share: hyper-parameters as attributes, and a state that belongs to one size of network."""

    #: The number of optimizers.pxd, and the hyper-parameters in the order in which the kernel takes them.
    code: ClassVar[int]
    names: ClassVar[tuple[str, ...]]

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget the state: the next fit starts afresh."""
        self._state: np.ndarray[Any, Any] | None = None
        self._step = np.zeros(1, np.int64)

    @property
    def n_steps(self) -> int:
        """Steps done since the beginning or the last `reset`."""
        return int(self._step[0])

    def __copy__(self) -> Self:
        # A shallow copy would share the state: the steps of one would move the other.
        return copy.deepcopy(self)

    def hyper_parameters(self) -> np.ndarray[Any, Any]:
        """The hyper-parameters for the kernel, checked once more, since attributes can be set."""
        self._check()
        return np.array([getattr(self, name) for name in self.names], np.float64)

    def state(self, n_params: int, dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
        """The state (k, n_params) for a network of that size: zeros the first time.

        Raises
        ------
        ValueError
            If the state is that of a network of another size or dtype.
        """
        shape = (self._n_vectors(), n_params)
        if self._state is None:
            return np.zeros(shape, dtype)
        if self._state.shape != shape or self._state.dtype != dtype:
            raise ValueError(
                f"optimizer carries the state of another fit, {self._state.shape} {self._state.dtype}, where this one "
                f"needs {shape} {dtype}: make a new one, or call its reset()"
            )
        return self._state

    def _check(self) -> None:
        raise NotImplementedError

    def _n_vectors(self) -> int:
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{n}={getattr(self, n)!r}' for n in self.names)})"


class SGD(Optimizer):
    """Gradient descent, with momentum if asked for.

    v ← μ v − α g, w ← w + v; Nesterov: w ← w + μ v − α g with the new v. Without momentum w ← w − α g, the notes'
    W := W − α dW.

    Parameters
    ----------
    learning_rate : float, default 0.01
        α > 0.
    momentum : float, default 0.0
        0 ≤ μ < 1.
    nesterov : bool, default False
        Nesterov's momentum (Sutskever et al., 2013); needs momentum > 0.

    Raises
    ------
    ValueError, TypeError
        For values outside these ranges.

    Examples
    --------
    >>> import shallownet_c as sn
    >>> sn.SGD(learning_rate=1.2)
    SGD(learning_rate=1.2, momentum=0.0, nesterov=False)
    """

    code = 0
    names = ("learning_rate", "momentum", "nesterov")

    def __init__(self, learning_rate: float = 0.01, momentum: float = 0.0, nesterov: bool = False) -> None:
        super().__init__()
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.nesterov = nesterov
        self._check()

    def _check(self) -> None:
        _validation.real_number("learning_rate", self.learning_rate, "> 0", lambda x: x > 0)
        _validation.real_number("momentum", self.momentum, "in [0, 1)", lambda x: 0 <= x < 1)
        _validation.boolean("nesterov", self.nesterov)
        if self.nesterov and self.momentum == 0:
            raise ValueError("nesterov=True needs momentum > 0, got momentum=0")

    def _n_vectors(self) -> int:
        return 1 if self.momentum else 0


class Adam(Optimizer):
    """Adam (Kingma and Ba, 2015), with AdamW's decoupled weight decay (Loshchilov and Hutter, 2019).

    m ← β₁ m + (1 − β₁) g, v ← β₂ v + (1 − β₂) g², w ← (1 − α λ) w − α m̂ / (√v̂ + ε) with m̂ = m / (1 − β₁ᵗ),
    v̂ = v / (1 − β₂ᵗ): PyTorch's form.

    Parameters
    ----------
    learning_rate : float, default 1e-3
        α > 0.
    beta_1, beta_2 : float, default 0.9, 0.999
        In [0, 1).
    epsilon : float, default 1e-8
        ε > 0.
    weight_decay : float, default 0.0
        λ ≥ 0, on all parameters.

    Raises
    ------
    ValueError, TypeError
        For values outside these ranges.

    Examples
    --------
    >>> import shallownet_c as sn
    >>> sn.Adam(learning_rate=0.01).beta_2
    0.999
    """

    code = 1
    names = ("learning_rate", "beta_1", "beta_2", "epsilon", "weight_decay")

    def __init__(
        self,
        learning_rate: float = 1e-3,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__()
        self.learning_rate = learning_rate
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.weight_decay = weight_decay
        self._check()

    def _check(self) -> None:
        _validation.real_number("learning_rate", self.learning_rate, "> 0", lambda x: x > 0)
        _validation.real_number("beta_1", self.beta_1, "in [0, 1)", lambda x: 0 <= x < 1)
        _validation.real_number("beta_2", self.beta_2, "in [0, 1)", lambda x: 0 <= x < 1)
        _validation.real_number("epsilon", self.epsilon, "> 0", lambda x: x > 0)
        _validation.real_number("weight_decay", self.weight_decay, ">= 0", lambda x: x >= 0)

    def state(self, n_params: int, dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
        least = float(np.finfo(dtype).tiny)
        if self.epsilon < least:  # 0 in the kernel, and 0 / 0 for a parameter without gradient
            raise ValueError(f"epsilon must be at least {least} for a {dtype} network, got {self.epsilon!r}")
        return super().state(n_params, dtype)

    def _n_vectors(self) -> int:
        return 2


OPTIMIZERS = {"sgd": SGD, "adam": Adam}


def optimizer(value: str | Optimizer) -> Optimizer:
    """The optimizer itself, or a new one of that name with its defaults."""
    if isinstance(value, Optimizer):
        return value
    if isinstance(value, str):
        return OPTIMIZERS[_validation.choice("optimizer", value, OPTIMIZERS)]()
    raise TypeError(f"optimizer must be {', '.join(map(repr, OPTIMIZERS))}, or an SGD or Adam object, got {value!r}")
