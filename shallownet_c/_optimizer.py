"""What the optimizers have in common: the checks of hyper-parameters, the state that a fit leaves for the next one, and
single steps."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, Self

import numpy as np

from shallownet_c import _engine
from shallownet_c._checks import _arguments, _validation
from shallownet_c._engine import Rule
from shallownet_c._model import Model, Net
from shallownet_c.schedules import Constant, Schedule, schedule

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

FLOAT64 = np.dtype(np.float64)

_positive = partial(_validation.real_number, takes="> 0", accepts=lambda x: x > 0)
_not_negative = partial(_validation.real_number, takes=">= 0", accepts=lambda x: x >= 0)
_below_one = partial(_validation.real_number, takes="in [0, 1)", accepts=lambda x: 0 <= x < 1)

#: What each hyper-parameter may be, whichever optimizer has it: functions of its name and its value. A range that
#: depends on another hyper-parameter is checked in the optimizer's own `_check`.
CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "learning_rate": _positive,
    "momentum": _below_one,
    "nesterov": _validation.boolean,
    "beta_1": _below_one,
    "beta_2": _below_one,
    "rho": _below_one,
    "epsilon": _positive,
    "momentum_decay": _not_negative,
    "centered": _validation.boolean,
    "weight_decay": _not_negative,
    "eta_minus": partial(_validation.real_number, takes="in (0, 1)", accepts=lambda x: 0 < x < 1),
    "eta_plus": partial(_validation.real_number, takes="> 1", accepts=lambda x: x > 1),
    "step_min": _positive,
    # SciPy's workspace grows with the square, which must remain a number of bytes.
    "history_size": partial(_validation.integer, least=1, most=10**8),
    "max_fun": partial(_validation.integer, least=1),
    "gtol": _not_negative,
    "ftol": _not_negative,
}


class Optimizer:
    """What the optimizers share: hyper-parameters as attributes, and a state that belongs to one size of network."""

    __module__ = "shallownet_c.optimizers"  # where users find it

    #: The place in OPTIMIZERS, by which the kernels know the optimizer, and the hyper-parameters in the order of their
    #: kernel.
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

    #: What `_vectors` said when the state was made. None if that is not known: the state came from a file or a pickle.
    _vectors_of_state: tuple[str, ...] | None = None

    learning_rate: float
    epsilon: float

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
            The epoch, counted from 0, whose learning rate the schedule is asked for; give it with each step of that
            epoch. A later `fit` begins with the epoch after it. By default it is the epoch with which a `fit` would
            begin, and steps without `epoch` stay in that one.

        Raises
        ------
        ValueError, TypeError
            If an argument is not what it should be, a gradient that is not finite included, or the schedule is a
            cosine over the epochs of a fit; nothing has changed then. LBFGS always refuses: it takes steps of its own.

        Notes
        -----
        State and number of steps go on from step to step and from fit to fit. The adaptive schedule learns the cost of
        an epoch by ``optimizer.schedule.watch(cost)``. Whether the new parameters are finite is not checked.

        Examples
        --------
        Gradient descent on all rows, in two parts that might be on two machines. The update of a gradient has the bits
        of `fit`; a gradient that is added up from parts differs from that of all rows by rounding:

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
        now = self._epoch if epoch is None else _validation.integer("epoch", epoch, 0)
        rule = self.rule(model, l2, l1, clip_norm)
        if self.schedule.of_a_fit:
            raise ValueError(
                f"schedule must not depend on the epochs of a fit in single steps, as a cosine with epochs of its own, "
                f"sn.schedules.Cosine(epochs=…), does not; got {self.schedule!r}"
            )
        rate = self._checked(self.schedule.rates(self.learning_rate, now, 1, now, 1), 1)[0]
        self._state, self._epoch = rule.state, now if epoch is None else now + 1
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
        if "epsilon" in self.names:
            self._check_epsilon(dtype)
        vectors = self._vectors()
        shape, state, known = (len(vectors), n_params), self._state, self._vectors_of_state
        if state is None:
            state = np.zeros(shape, dtype)
        elif state.shape != shape or state.dtype != dtype:
            self._refuse_state(f"{state.shape} {state.dtype}", f"{shape} {dtype}")
        elif known is not None and known != vectors:
            self._refuse_state(", ".join(known), ", ".join(vectors))
        self._vectors_of_state = vectors
        return state

    def _refuse_state(self, carries: str, needs: str) -> NoReturn:
        raise ValueError(
            f"optimizer carries the state of another fit, {carries}, where this one needs {needs}: make a new one, or "
            f"call its reset()"
        )

    def _check_epsilon(self, dtype: np.dtype[Any]) -> None:
        """An error if epsilon is 0 in the kernel, which takes it times a bias correction of `_least_correction` or
        more: the step of a parameter without gradient would be 0 / 0."""
        limits = np.finfo(dtype)
        least = max(float(limits.tiny), float(limits.smallest_subnormal) / self._least_correction())
        if self.epsilon < least:
            raise ValueError(f"epsilon must be at least {least} for a {dtype} network, got {self.epsilon}")

    def _least_correction(self) -> float:
        return 1.0

    def _check(self) -> None:
        """Errors for hyper-parameters out of their ranges."""
        for name in self.names:
            if name in CHECKS:
                setattr(self, name, CHECKS[name](name, getattr(self, name)))

    def _vectors(self) -> tuple[str, ...]:
        """What each row of the state is."""
        return ()

    def __repr__(self) -> str:
        names = self.names if isinstance(self.schedule, Constant) else (*self.names, "schedule")
        return f"{type(self).__name__}({', '.join(f'{n}={getattr(self, n)!r}' for n in names)})"
