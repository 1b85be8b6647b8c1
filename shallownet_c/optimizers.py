"""The optimizers: hyper-parameters, and the state that a fit leaves for the next one."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from shallownet_c import _engine
from shallownet_c._checks import _arguments, _validation
from shallownet_c._engine import Rule
from shallownet_c._model import Model, Net
from shallownet_c.schedules import Constant, Schedule, schedule

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

FLOAT64 = np.dtype(np.float64)


class Optimizer:
    """What the optimizers share: hyper-parameters as attributes, and a state that belongs to one size of network."""

    #: The place in OPTIMIZERS, by which the kernels know it, and the hyper-parameters in the order in which they take
    #: them.
    code: ClassVar[int]
    names: ClassVar[tuple[str, ...]]
    #: Whether it needs all rows for each step.
    full_batch: ClassVar[bool] = False
    #: Whether it takes steps along gradients, and not others that depend on more than one.
    takes_steps: ClassVar[bool] = True
    #: Whether minibatches are what it is mostly used with, so that a fit without them may be an oversight.
    for_minibatches: ClassVar[bool] = False
    #: The rows of the state that never hold a negative number.
    nonnegative: ClassVar[tuple[int, ...]] = ()

    learning_rate: float

    def __init__(self, schedule_: str | Schedule | Callable[[int], float] = "constant") -> None:
        self._check()  # first: a schedule of the caller's forgets its costs in `reset`
        self.schedule = schedule_
        self.reset()

    @property
    def schedule(self) -> Schedule:
        """The learning rate's course, an object whatever form it was given in."""
        return self._schedule

    @schedule.setter
    def schedule(self, value: str | Schedule | Callable[[int], float]) -> None:
        self._schedule = schedule(value)

    def reset(self) -> None:
        """Forget the state: the next fit starts afresh."""
        self._state: np.ndarray[Any, Any] | None = None
        self._step = np.zeros(1, np.int64)
        self._epoch = 0
        self.schedule.reset()

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
        self.schedule.check()
        return np.array([getattr(self, name) for name in self.names], np.float64)

    @_arguments.checked
    def step(
        self,
        net: Net,
        grad: ArrayLike,
        weight_sum: float,
        *,
        l2: float = 0.0,
        l1: float = 0.0,
        clip_norm: float | None = None,
        epoch: int | None = None,
    ) -> None:
        """Update the parameters once, as `MLP.fit` does after each batch: for training loops of one's own.

        Parameters
        ----------
        net : MLP
            Its `params` are changed in place.
        grad : array_like (P,)
            The gradient of Σᵢ wᵢ L(aᵢ, yᵢ), as `MLP.accumulate_grad` adds it up, of the network's dtype. It stays as
            it is.
        weight_sum : float
            Σᵢ wᵢ > 0, which the gradient is divided by.
        l2, l1, clip_norm
            As in `MLP.fit`.
        epoch : int, optional
            The epoch, counted from 0, whose learning rate the schedule is asked for. The optimizer stays in that epoch:
            later steps without `epoch`, and a `fit`, go on from it. By default the epoch in which the optimizer is,
            which steps do not change; that is the number of epochs that it has done in fits.

        Raises
        ------
        ValueError, TypeError
            If an argument is not what it should be, a gradient that is not finite included, or the schedule is a
            cosine over the epochs of a fit; nothing has changed then. LBFGS takes its own steps, and has none.

        Notes
        -----
        State and number of steps go on from step to step and from fit to fit. The adaptive schedule learns the cost of
        an epoch by ``optimizer.schedule.watch(cost)``. Whether the new parameters are finite is not checked.

        Examples
        --------
        Gradient descent on all rows, in two parts that might be on two machines; the bits are those of `fit`:

        >>> import numpy as np, shallownet_c as sn
        >>> X, y = sn.datasets.make_flower(400, seed=1)
        >>> net, adam = sn.MLP([2, 4, 1], output="sigmoid", seed=0), sn.Adam(0.05)
        >>> for epoch in range(100):
        ...     grad = np.zeros(net.n_params)
        ...     sums = [net.accumulate_grad(X[part], y[part], grad) for part in (slice(200), slice(200, None))]
        ...     adam.step(net, grad, sum(weight_sum for _, weight_sum in sums), epoch=epoch)
        >>> adam.n_steps, net.cost(X, y) < 0.5
        (100, True)
        """
        if not self.takes_steps:
            raise TypeError(f"{type(self).__name__} has no single steps: SciPy takes its own in MLP.fit")
        model = getattr(net, "model", None)
        if not isinstance(model, Model):
            raise TypeError(f"net must be an MLP, got {_validation.shown(net)}")
        params = _validation.output_array("net.params", net.params, (model.n_params,), model.dtype)
        array = _validation.as_array("grad", grad)
        if array.dtype != model.dtype:
            raise TypeError(f"grad must have dtype {model.dtype}, got {_validation.shown(array.dtype)}")
        if array.shape != params.shape:
            raise ValueError(f"grad must have shape {params.shape}, got {array.shape}")
        array = np.array(array, model.dtype, order="C")  # a copy, which the kernel uses up
        bad = int(np.argmin(np.isfinite(array)))
        if not np.isfinite(array[bad]):
            raise ValueError(f"grad must be finite, got {array[bad]} in element {bad}")
        least = float(np.finfo(model.dtype).tiny)  # below it 1 / weight_sum is infinite
        takes = f"> 0, {least:.2g} or more"
        weight_sum = _validation.real_number("weight_sum", weight_sum, takes, lambda x: x >= least)
        l2, l1 = (
            _validation.real_number(name, value, ">= 0", lambda x: x >= 0) for name, value in (("l2", l2), ("l1", l1))
        )
        clip_norm = _validation.norm_limit(clip_norm)
        epoch = self._epoch if epoch is None else _validation.integer("epoch", epoch, 0)
        rule = self.rule(model, l2, l1, clip_norm)
        if self.schedule.of_a_fit:
            raise ValueError(f"schedule must not depend on the epochs of a fit in single steps, got {self.schedule!r}")
        rate = self._checked(self.schedule.rates(self.learning_rate, epoch, 1, epoch, 1), 1)[0]
        self._state, self._epoch = rule.state, epoch
        _engine.update(_engine.network(model, params), array, weight_sum, rate, rule)

    def rule(self, model: Model, l2: float, l1: float, clip_norm: float) -> Rule:
        """What the kernels take, with the optimizer's own state, if it takes steps.

        Raises
        ------
        ValueError, TypeError
            If hyper-parameters are out of their ranges, or the state is that of a network of another size or dtype.
        """
        hyper = self.hyper_parameters()
        return Rule(self.code, hyper, self.state(model.n_params, model.dtype), self._step, l2, l1, clip_norm)

    def rates(self, n: int, began: int, epochs: int) -> np.ndarray[Any, Any]:
        """The learning rates (n,) of the next epochs for the kernel, of a fit of `epochs` that `began` with one of the
        optimizer's.

        Raises
        ------
        ValueError, TypeError
            If the schedule, which may be of a class of the caller's, gives anything else.
        """
        return self._checked(self.schedule.rates(self.learning_rate, self._epoch, n, began, epochs), n)

    def _checked(self, rates: np.ndarray[Any, Any], n: int) -> np.ndarray[Any, Any]:
        if not _validation.is_ready(rates, FLOAT64):
            rates = _validation.numbers("the rates of schedule", rates, FLOAT64)
        if rates.shape != (n,):
            raise ValueError(f"the rates of schedule must have shape ({n},), got {rates.shape}")
        least, greatest = _validation.extremes(rates)
        if not (least >= 0 and greatest < math.inf):
            raise ValueError(f"the rates of schedule must be finite and not negative, got {least} … {greatest}")
        return rates

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
        names = self.names if isinstance(self.schedule, Constant) else (*self.names, "schedule")
        return f"{type(self).__name__}({', '.join(f'{n}={getattr(self, n)!r}' for n in names)})"


def _check_epsilon(epsilon: float, dtype: np.dtype[Any], root: float = 1.0) -> None:
    """An error if epsilon is 0 in the kernel, which takes it times a bias correction of `root` or more: the step of a
    parameter without gradient would be 0 / 0."""
    limits = np.finfo(dtype)
    least = max(float(limits.tiny), float(limits.smallest_subnormal) / root)
    if epsilon < least:
        raise ValueError(f"epsilon must be at least {least} for a {dtype} network, got {epsilon}")


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
        self.learning_rate = _validation.real_number("learning_rate", self.learning_rate, "> 0", lambda x: x > 0)
        self.momentum = _validation.real_number("momentum", self.momentum, "in [0, 1)", lambda x: 0 <= x < 1)
        self.nesterov = _validation.boolean("nesterov", self.nesterov)
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

    def _check(self) -> None:
        self.learning_rate = _validation.real_number("learning_rate", self.learning_rate, "> 0", lambda x: x > 0)
        self.beta_1 = _validation.real_number("beta_1", self.beta_1, "in [0, 1)", lambda x: 0 <= x < 1)
        self.beta_2 = _validation.real_number("beta_2", self.beta_2, "in [0, 1)", lambda x: 0 <= x < 1)
        self.epsilon = _validation.real_number("epsilon", self.epsilon, "> 0", lambda x: x > 0)
        self.weight_decay = _validation.real_number("weight_decay", self.weight_decay, ">= 0", lambda x: x >= 0)

    def state(self, n_params: int, dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
        _check_epsilon(self.epsilon, dtype, math.sqrt(1 - self.beta_2))
        return super().state(n_params, dtype)

    def hyper_parameters(self) -> np.ndarray[Any, Any]:
        return np.append(super().hyper_parameters(), float(self._epsilon_as_given))

    def _n_vectors(self) -> int:
        return 2

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
        self.learning_rate = _validation.real_number("learning_rate", self.learning_rate, "> 0", lambda x: x > 0)
        self.eta_minus = _validation.real_number("eta_minus", self.eta_minus, "in (0, 1)", lambda x: 0 < x < 1)
        self.eta_plus = _validation.real_number("eta_plus", self.eta_plus, "> 1", lambda x: x > 1)
        least = self.step_min = _validation.real_number("step_min", self.step_min, "> 0", lambda x: x > 0)
        self.step_max = _validation.real_number(
            "step_max", self.step_max, f">= step_min, {least}", lambda x: x >= least
        )

    def _n_vectors(self) -> int:
        return 2


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

    def _check(self) -> None:
        self.learning_rate = _validation.real_number("learning_rate", self.learning_rate, "> 0", lambda x: x > 0)
        self.beta_1 = _validation.real_number("beta_1", self.beta_1, "in [0, 1)", lambda x: 0 <= x < 1)
        self.beta_2 = _validation.real_number("beta_2", self.beta_2, "in [0, 1)", lambda x: 0 <= x < 1)
        self.epsilon = _validation.real_number("epsilon", self.epsilon, "> 0", lambda x: x > 0)
        self.weight_decay = _validation.real_number("weight_decay", self.weight_decay, ">= 0", lambda x: x >= 0)

    def state(self, n_params: int, dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
        _check_epsilon(self.epsilon, dtype)
        return super().state(n_params, dtype)

    def _n_vectors(self) -> int:
        return 2


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

    def _check(self) -> None:
        self.learning_rate = _validation.real_number("learning_rate", self.learning_rate, "> 0", lambda x: x > 0)
        self.beta_1 = _validation.real_number("beta_1", self.beta_1, "in [0, 1)", lambda x: 0 <= x < 1)
        self.beta_2 = _validation.real_number("beta_2", self.beta_2, "in [0, 1)", lambda x: 0 <= x < 1)
        self.epsilon = _validation.real_number("epsilon", self.epsilon, "> 0", lambda x: x > 0)
        self.momentum_decay = _validation.real_number("momentum_decay", self.momentum_decay, ">= 0", lambda x: x >= 0)
        self.weight_decay = _validation.real_number("weight_decay", self.weight_decay, ">= 0", lambda x: x >= 0)

    def state(self, n_params: int, dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
        _check_epsilon(self.epsilon, dtype, math.sqrt(1 - self.beta_2))
        return super().state(n_params, dtype)

    def _n_vectors(self) -> int:
        return 2


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

    def _check(self) -> None:
        self.learning_rate = _validation.real_number("learning_rate", self.learning_rate, "> 0", lambda x: x > 0)
        self.rho = _validation.real_number("rho", self.rho, "in [0, 1)", lambda x: 0 <= x < 1)
        self.epsilon = _validation.real_number("epsilon", self.epsilon, "> 0", lambda x: x > 0)
        self.momentum = _validation.real_number("momentum", self.momentum, "in [0, 1)", lambda x: 0 <= x < 1)
        self.centered = _validation.boolean("centered", self.centered)
        self.weight_decay = _validation.real_number("weight_decay", self.weight_decay, ">= 0", lambda x: x >= 0)

    def state(self, n_params: int, dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
        _check_epsilon(self.epsilon, dtype)
        return super().state(n_params, dtype)

    def _n_vectors(self) -> int:
        return 1 + bool(self.centered) + bool(self.momentum)


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

    def _check(self) -> None:
        # SciPy's workspace grows with the square, which must remain a number of bytes.
        self.history_size = _validation.integer("history_size", self.history_size, 1, 10**8)
        self.max_fun = _validation.integer("max_fun", self.max_fun, 1)
        self.gtol = _validation.real_number("gtol", self.gtol, ">= 0", lambda x: x >= 0)
        self.ftol = _validation.real_number("ftol", self.ftol, ">= 0", lambda x: x >= 0)


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
    *names, last = (kind.__name__ for kind in OPTIMIZERS.values())
    raise TypeError(
        f"optimizer must be {', '.join(map(repr, OPTIMIZERS))}, or an object of {', '.join(names)} or {last}, "
        f"got {_validation.shown(value)}"
    )
