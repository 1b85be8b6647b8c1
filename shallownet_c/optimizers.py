"""The optimizers: their hyper-parameters and what their states are made of; the rest is in `_optimizer`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from shallownet_c._checks import _arguments, _validation
from shallownet_c._optimizer import Optimizer
from shallownet_c.schedules import Schedule

#: What the package exports.
__all__ = ["LBFGS", "RPROP", "SGD", "AdaMax", "Adam", "NAdam", "Optimizer", "RMSprop"]


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
    schedule : {"constant", "invscaling", "adaptive", "cosine"}, Schedule or callable epoch → α, default "constant"
        The learning rate's course, see `schedules`. The velocity v holds the rate, as in scikit-learn; PyTorch's is
        v / −α, which is the same only while α stays.

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

    names = ("learning_rate", "momentum", "nesterov")

    @_arguments.checked
    def __init__(
        self,
        learning_rate: float = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        schedule: str | Schedule | Callable[[int], float] = "constant",
    ) -> None:
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.nesterov = nesterov
        super().__init__(schedule)

    def _check(self) -> None:
        super()._check()
        if self.nesterov and self.momentum == 0:
            raise ValueError("nesterov=True needs momentum > 0, got momentum=0")

    def _vectors(self) -> tuple[str, ...]:
        return ("velocity",) if self.momentum else ()


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
    schedule : {"constant", "invscaling", "adaptive", "cosine"}, Schedule or callable epoch → α, default "constant"
        The learning rate's course, see `schedules`.

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

    for_minibatches = True
    names = ("learning_rate", "beta_1", "beta_2", "epsilon", "weight_decay")
    nonnegative = (1,)

    @_arguments.checked
    def __init__(
        self,
        learning_rate: float = 1e-3,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
        schedule: str | Schedule | Callable[[int], float] = "constant",
    ) -> None:
        self.learning_rate = learning_rate
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.weight_decay = weight_decay
        super().__init__(schedule)

    def _least_correction(self) -> float:
        return math.sqrt(1 - self.beta_2)

    def hyper_parameters(self) -> np.ndarray[Any, Any]:
        return np.append(super().hyper_parameters(), float(self._epsilon_as_given))

    def _vectors(self) -> tuple[str, ...]:
        return ("mean", "mean square")

    #: Leave epsilon out of the bias correction, as scikit-learn does: w ← w − α √(1−β₂ᵗ)/(1−β₁ᵗ) m / (√v + ε).
    _epsilon_as_given = False


class RPROP(Optimizer):
    """Resilient back propagation (Riedmiller and Braun, 1993): each parameter has a step of its own, the gradient only
    its signs. For the full batch.

    Δ ← min(η⁺ Δ, Δ_max) where g has the sign that it had, max(η⁻ Δ, Δ_min) where that changed, and there g counts as 0
    once; w ← w − sign(g) Δ: PyTorch's form.

    Parameters
    ----------
    learning_rate : float, default 0.01
        The first Δ > 0.
    eta_minus, eta_plus : float, default 0.5, 1.2
        0 < η⁻ < 1 < η⁺.
    step_min, step_max : float, default 1e-6, 50.0
        0 < Δ_min ≤ Δ_max.

    Raises
    ------
    ValueError, TypeError
        For values outside these ranges.

    Examples
    --------
    >>> import shallownet_c as sn
    >>> X, y = sn.datasets.make_flower(400, seed=1)
    >>> net = sn.MLP([2, 4, 1], output="sigmoid", seed=0)
    >>> net.fit(X, y, optimizer=sn.RPROP(), epochs=300).cost[-1] < 0.4
    True
    """

    full_batch = True
    names = ("learning_rate", "eta_minus", "eta_plus", "step_min", "step_max")
    nonnegative = (1,)

    @_arguments.checked
    def __init__(
        self,
        learning_rate: float = 0.01,
        eta_minus: float = 0.5,
        eta_plus: float = 1.2,
        step_min: float = 1e-6,
        step_max: float = 50.0,
    ) -> None:
        self.learning_rate = learning_rate
        self.eta_minus = eta_minus
        self.eta_plus = eta_plus
        self.step_min = step_min
        self.step_max = step_max
        super().__init__()

    def _check(self) -> None:
        super()._check()
        self.step_max = _validation.real_number(
            "step_max", self.step_max, f">= step_min, {self.step_min}", lambda x: x >= self.step_min
        )

    def _vectors(self) -> tuple[str, ...]:
        return ("gradient", "steps")


class AdaMax(Optimizer):
    """AdaMax (Kingma and Ba, 2015): Adam with the greatest gradient, which fades, in the place of the root of v.

    m ← β₁ m + (1 − β₁) g, u ← max(β₂ u, |g| + ε), w ← (1 − α λ) w − α m / ((1 − β₁ᵗ) u): PyTorch's form.

    Parameters
    ----------
    learning_rate : float, default 0.002
        α > 0.
    beta_1, beta_2 : float, default 0.9, 0.999
        In [0, 1).
    epsilon : float, default 1e-8
        ε > 0.
    weight_decay : float, default 0.0
        λ ≥ 0, on all parameters, decoupled from the gradient as in AdamW; PyTorch's Adamax adds λ w to the gradient,
        as the l2 of `MLP.fit` does for the weights.
    schedule : {"constant", "invscaling", "adaptive", "cosine"}, Schedule or callable epoch → α, default "constant"
        The learning rate's course, see `schedules`.

    Raises
    ------
    ValueError, TypeError
        For values outside these ranges.

    Examples
    --------
    >>> import shallownet_c as sn
    >>> sn.AdaMax(learning_rate=0.01)
    AdaMax(learning_rate=0.01, beta_1=0.9, beta_2=0.999, epsilon=1e-08, weight_decay=0.0)
    """

    names = ("learning_rate", "beta_1", "beta_2", "epsilon", "weight_decay")
    nonnegative = (1,)

    @_arguments.checked
    def __init__(
        self,
        learning_rate: float = 0.002,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
        schedule: str | Schedule | Callable[[int], float] = "constant",
    ) -> None:
        self.learning_rate = learning_rate
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.weight_decay = weight_decay
        super().__init__(schedule)

    def _vectors(self) -> tuple[str, ...]:
        return ("mean", "greatest")


class NAdam(Optimizer):
    """NAdam (Dozat, 2016): Adam with Nesterov's momentum.

    m and v as in `Adam`, w ← (1 − α λ) w − α [(1 − μₜ) g / (1 − μ₁⋯μₜ) + μₜ₊₁ m / (1 − μ₁⋯μₜ₊₁)] / (√v̂ + ε) with
    μₜ = β₁ (1 − ½ · 0.96^(t ψ)): PyTorch's form.

    Parameters
    ----------
    learning_rate : float, default 0.002
        α > 0.
    beta_1, beta_2 : float, default 0.9, 0.999
        In [0, 1).
    epsilon : float, default 1e-8
        ε > 0.
    momentum_decay : float, default 4e-3
        ψ ≥ 0: how soon μₜ grows from about β₁ / 2 to β₁.
    weight_decay : float, default 0.0
        λ ≥ 0, on all parameters, decoupled from the gradient as in AdamW: PyTorch's with decoupled_weight_decay=True.
    schedule : {"constant", "invscaling", "adaptive", "cosine"}, Schedule or callable epoch → α, default "constant"
        The learning rate's course, see `schedules`.

    Raises
    ------
    ValueError, TypeError
        For values outside these ranges.

    Examples
    --------
    >>> import shallownet_c as sn
    >>> sn.NAdam().momentum_decay
    0.004
    """

    names = ("learning_rate", "beta_1", "beta_2", "epsilon", "momentum_decay", "weight_decay")
    nonnegative = (1,)

    @_arguments.checked
    def __init__(
        self,
        learning_rate: float = 0.002,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        momentum_decay: float = 4e-3,
        weight_decay: float = 0.0,
        schedule: str | Schedule | Callable[[int], float] = "constant",
    ) -> None:
        self.learning_rate = learning_rate
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.momentum_decay = momentum_decay
        self.weight_decay = weight_decay
        super().__init__(schedule)

    def _least_correction(self) -> float:
        return math.sqrt(1 - self.beta_2)

    def _vectors(self) -> tuple[str, ...]:
        return ("mean", "mean square")


class RMSprop(Optimizer):
    """RMSprop (Tieleman and Hinton, 2012): each gradient is divided by the root of the mean of its last squares.

    v ← ρ v + (1 − ρ) g², s = g / (√v + ε), w ← (1 − α λ) w − α s: PyTorch's form, whose alpha is ρ. If centered,
    ḡ ← ρ ḡ + (1 − ρ) g, and the variance v − ḡ² takes the place of v. With momentum, b ← μ b + s takes the place of s
    in the step of w.

    Parameters
    ----------
    learning_rate : float, default 0.01
        α > 0.
    rho : float, default 0.99
        0 ≤ ρ < 1.
    epsilon : float, default 1e-8
        ε > 0.
    momentum : float, default 0.0
        0 ≤ μ < 1.
    centered : bool, default False
        Divide by the root of the gradient's variance instead of that of its mean square.
    weight_decay : float, default 0.0
        λ ≥ 0, on all parameters, decoupled from the gradient as in AdamW; PyTorch's RMSprop adds λ w to the gradient,
        as the l2 of `MLP.fit` does for the weights.
    schedule : {"constant", "invscaling", "adaptive", "cosine"}, Schedule or callable epoch → α, default "constant"
        The learning rate's course, see `schedules`.

    Raises
    ------
    ValueError, TypeError
        For values outside these ranges.

    Examples
    --------
    >>> import shallownet_c as sn
    >>> sn.RMSprop(momentum=0.9).rho
    0.99
    """

    names = ("learning_rate", "rho", "epsilon", "momentum", "centered", "weight_decay")
    nonnegative = (0,)

    @_arguments.checked
    def __init__(
        self,
        learning_rate: float = 0.01,
        rho: float = 0.99,
        epsilon: float = 1e-8,
        momentum: float = 0.0,
        centered: bool = False,
        weight_decay: float = 0.0,
        schedule: str | Schedule | Callable[[int], float] = "constant",
    ) -> None:
        self.learning_rate = learning_rate
        self.rho = rho
        self.epsilon = epsilon
        self.momentum = momentum
        self.centered = centered
        self.weight_decay = weight_decay
        super().__init__(schedule)

    def _vectors(self) -> tuple[str, ...]:
        return ("mean square", *["mean"] * self.centered, *["velocity"] * (self.momentum > 0))


class LBFGS(Optimizer):
    """L-BFGS-B of SciPy (Byrd, Lu, Nocedal and Zhu, 1995) on the full batch; needs the extra "scipy".

    An epoch is one of its iterations. It starts afresh with each fit.

    Parameters
    ----------
    history_size : int, default 10
        Pairs of vectors that stand for the Hessian (SciPy's maxcor).
    max_fun : int, default 15000
        Evaluations of the cost and its gradient at most.
    gtol : float, default 1e-5
        It ends where no component of the gradient is greater.
    ftol : float, default 2.2e-9
        It ends where an iteration lessens the cost by no more than this part of it.

    Raises
    ------
    ValueError, TypeError
        For values that are not positive.

    Examples
    --------
    >>> import shallownet_c as sn
    >>> sn.LBFGS(max_fun=1000)
    LBFGS(history_size=10, max_fun=1000, gtol=1e-05, ftol=2.2e-09)
    """

    names = ("history_size", "max_fun", "gtol", "ftol")
    full_batch = True
    takes_steps = False

    @_arguments.checked
    def __init__(self, history_size: int = 10, max_fun: int = 15_000, gtol: float = 1e-5, ftol: float = 2.2e-9) -> None:
        self.history_size = history_size
        self.max_fun = max_fun
        self.gtol = gtol
        self.ftol = ftol
        super().__init__()


OPTIMIZERS: dict[str, type[Optimizer]] = {
    "sgd": SGD,
    "adam": Adam,
    "rprop": RPROP,
    "adamax": AdaMax,
    "nadam": NAdam,
    "rmsprop": RMSprop,
    "lbfgs": LBFGS,
}
for _code, _kind in enumerate(OPTIMIZERS.values()):
    _kind.code = _code


def optimizer(value: str | Optimizer) -> Optimizer:
    """The optimizer itself, or a new one of that name with its defaults."""
    if isinstance(value, Optimizer):
        return value
    if isinstance(value, str):
        return OPTIMIZERS[_validation.choice("optimizer", value, OPTIMIZERS)]()
    is_class = isinstance(value, type) and issubclass(value, Optimizer)
    *names, last = (kind.__name__ for kind in OPTIMIZERS.values())
    raise TypeError(
        f"optimizer must be {', '.join(map(repr, OPTIMIZERS))}, or an object of {', '.join(names)} or {last}, "
        f"got {_validation.shown(value)}{f': did you mean sn.{value.__name__}()?' if is_class else ''}"
    )
