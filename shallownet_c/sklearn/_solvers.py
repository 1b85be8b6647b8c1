"""scikit-learn's course of a fit around the compiled epochs: what it counts, prints, keeps and when it stops."""

from __future__ import annotations

import copy
import math
import sys
import warnings
from collections import Counter
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, ClassVar, Self

import numpy as np
import scipy.optimize
from scipy.special import xlogy
from sklearn.exceptions import ConvergenceWarning

from shallownet_c import _engine, _random
from shallownet_c._checks import _validation
from shallownet_c._engine import Run
from shallownet_c._fitting import _advice, _lbfgs, _orders, _settings
from shallownet_c._fitting._epochs import Epochs, WholeBatch
from shallownet_c._fitting._sources import Source
from shallownet_c.mlp import MLP
from shallownet_c.optimizers import SGD, Adam
from shallownet_c.reference._losses import LOSSES
from shallownet_c.sklearn._network import converted

NOT_FINITE = (
    "Solver produced non-finite parameter weights. The input data may contain large values and need to be preprocessed."
)


class Together:
    """What fits that run side by side share: the flag that ends all of them, and their warnings.

    It is that of all fits in a `with` statement, in threads that run in a copy of its context, too. At its end each
    warning comes once, with the number of fits that gave it.
    """

    def __init__(self) -> None:
        self.stop = np.zeros(1, np.intc)
        self.warnings: Counter[tuple[str, type[Warning]]] = Counter()

    def __enter__(self) -> Self:
        self.token = _together.set(self)
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        _together.reset(self.token)
        for (message, category), count in self.warnings.items() if kind is None else ():
            warn(f"{message} ({count} of the estimators)", category)


_together: ContextVar[Together | None] = ContextVar("_together", default=None)


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """A warning that points at the line that called into this package."""
    together = _together.get()
    if together is None:
        warnings.warn(message, category, stacklevel=_advice.callers_level())
    else:
        together.warnings[message, category] += 1


class Objective:
    """The loss that scikit-learn reports: its penalty included, log_loss cut off, squared errors averaged over outputs.

    The gradients are those of the network's own loss, in scikit-learn as here.
    """

    def __init__(self, estimator: Any, net: MLP, y: Any, weights: Any) -> None:
        loss = LOSSES[net.loss]
        self.scale = 1.0 if loss.canonical else 1 / net.layer_sizes[-1]
        #: A probability counts as ε at least.
        self.model = net.model
        if loss.classes:
            self.model = self.model.capped(-math.log(np.finfo(net.dtype).eps))
        #: Half the Poisson deviance of a sample is the network's loss and this.
        self.constants = None
        if loss.logarithmic:
            counts = np.asarray(y, np.float64)  # for great counts the two terms nearly cancel each other
            self.constants = (xlogy(counts, counts) - counts).reshape(len(y), -1).sum(axis=1)
        self.weights = weights
        # The type that scikit-learn's arithmetic gives: xlogy returns float64 for all but float32, booleans of classes
        # included, and a batch size that a caller sets has become an integer of NumPy's.
        single = net.dtype == np.float32 and getattr(weights, "dtype", None) != np.float64
        single = single and not loss.classes and (not loss.logarithmic or y.dtype == np.float32)
        single = single and (estimator.solver == "lbfgs" or estimator.batch_size == "auto")
        self.kind = type(np.float32(0) + 0.5 * estimator.alpha) if single else np.float64

    def reported(self, cost: float, order: Any, batch: int) -> np.floating[Any]:
        """The loss of an epoch whose cost the kernels report as `cost`, in batches of so many rows.

        The constants are added, and rows of batches without any weight, which the kernels skip, are not counted.
        """
        if self.constants is None and (self.weights is None or self.weights.all()):
            return self.kind(cost)
        values = np.zeros(len(self.weights)) if self.constants is None else self.constants
        m = len(values)
        weights = np.ones(m) if self.weights is None else self.weights
        rows = slice(None) if order is None else order
        starts = np.arange(0, m, batch)
        sums = np.add.reduceat(weights[rows], starts)
        sizes = np.diff(starts, append=m)[sums > 0]
        means = np.add.reduceat((weights * values)[rows], starts)[sums > 0] / sums[sums > 0]
        return self.kind((m * cost + means @ sizes) / sizes.sum())


class Rule:
    """An optimizer's state and rate, which partial_fit takes from call to call."""

    #: For each kind of optimizer, how many vectors of state and how many hyper-parameters the kernel reads.
    SIZES: ClassVar = {SGD: (1, 3), Adam: (2, 6)}

    def __init__(self, estimator: Any, net: MLP) -> None:
        self.learning_rate = float(estimator.learning_rate_init)
        self.first_rate = self.learning_rate
        self.schedule = estimator.learning_rate if estimator.solver == "sgd" else "constant"
        self.power_t = float(estimator.power_t)
        self.kind: type[Adam | SGD] = Adam if estimator.solver == "adam" else SGD
        if self.kind is Adam:
            least = float(np.finfo(net.dtype).tiny)  # 0 in the kernel, and 0 / 0 for a parameter without gradient
            adam = Adam(self.learning_rate, estimator.beta_1, estimator.beta_2, max(estimator.epsilon, least))
            adam._epsilon_as_given = True
            self.hyper = adam.hyper_parameters()
        else:
            # Not from an SGD, since scikit-learn takes a momentum of 1, and Nesterov's without momentum.
            self.hyper = np.array([self.learning_rate, estimator.momentum, estimator.nesterovs_momentum])
        self.state = np.zeros((self.SIZES[self.kind][0], net.n_params), net.dtype)
        self.step = np.zeros(1, np.int64)

    @classmethod
    def kept(cls, rule: object, net: MLP) -> Rule:
        """The rule of the call before, for `net`, checked: it may have been changed, and kernels trust its arrays."""
        if not isinstance(rule, cls) or rule.kind not in cls.SIZES:
            raise TypeError(f"_rule must be the estimator's own, got {_validation.shown(rule)}")
        rule = copy.copy(rule)
        for name in ("learning_rate", "first_rate", "power_t"):
            given = getattr(rule, name)
            setattr(rule, name, _validation.real_number(f"_rule.{name}", given, ">= 0", lambda x: x >= 0))
        _validation.choice("_rule.schedule", rule.schedule, ("constant", "invscaling", "adaptive"))
        vectors, hyper = cls.SIZES[rule.kind]
        for name, dtype, shape in (
            ("hyper", np.float64, (hyper,)),
            ("step", np.int64, (1,)),
            ("state", net.dtype, (vectors, net.n_params)),
        ):
            array = _validation.numbers(f"_rule.{name}", getattr(rule, name), np.dtype(dtype))
            if array.shape != shape:
                raise ValueError(
                    f"partial_fit goes on with the optimizer of the call before, whose {name} must have shape {shape} "
                    f"to go with coefs_, got {array.shape}: fit with warm_start=True begins with a new one"
                )
            setattr(rule, name, np.require(array, requirements=["W"]))
        return rule

    def penalised(self, l2: float) -> _engine.Rule:
        """The rule as the compiled loop takes it."""
        return _engine.Rule(self.kind.code, self.hyper, self.state, self.step, l2)

    def rate_after(self, samples: int) -> float:
        """The rate of the epoch that follows so many samples, unless `is_done` changes it."""
        if self.schedule != "invscaling":
            return self.learning_rate
        try:
            rate: float = self.first_rate / float(samples + 1) ** self.power_t
        except OverflowError:
            return 0.0
        return rate

    def is_done(self, message: str, verbose: object) -> bool:
        """Whether to stop for want of progress; adaptive rates go down first."""
        if self.schedule != "adaptive":
            note = "Stopping."
        elif self.learning_rate <= 1e-6:
            note = "Learning rate too small. Stopping."
        else:
            self.learning_rate /= 5
            note = f"Setting learning rate to {self.learning_rate:f}"
        if verbose:
            print(message, note)
        return note.endswith("Stopping.")


def run_of(estimator: Any, objective: Objective, batch: int | None, rng: np.random.RandomState) -> Run:
    """The compiled loop's settings, of `estimator`'s; `rng` gives the seed of dropout if it is needed."""
    rates = _settings.dropout_rates(estimator.dropout, len(objective.model.sizes) - 2)
    together = _together.get()
    return Run(
        batch_size=batch,
        dropout=None if rates is None else np.array(rates),
        dropout_seed=0 if rates is None else _random.draw_seed(rng),
        objective_scale=objective.scale,
        n_threads=estimator._n_threads(),
        stop=None if together is None else together.stop,
    )


class Descent:
    """Epochs of sgd or adam; `score` is that of the network on validation data, the greater the better, or None."""

    def __init__(
        self,
        estimator: Any,
        source: Source,
        rule: Rule,
        run: Run,
        objective: Objective,
        rng: np.random.RandomState,
        score: Callable[[], float] | None,
    ) -> None:
        self.estimator, self.source, self.rule, self.objective = estimator, source, rule, objective
        self.rng, self.score = rng, score
        self.params = source.params
        self.compiled = Epochs(objective.model, self.params, source, rule.penalised(float(estimator.alpha)), run)
        self.m = source.m or 0
        self.batch = run.batch_size or self.m
        self.order = np.arange(self.m)
        #: What a fit with a score ends with. A warm start that finds nothing better than the fit before keeps its last
        #: parameters, in scikit-learn too.
        self.best_params = None if estimator.loss_curve_ else self.params.copy()

    def run(self, once: bool) -> None:
        """Train until max_iter or a reason to stop; a single epoch if `once`."""
        estimator = self.estimator
        estimator.n_iter_ = 0
        try:
            while estimator.n_iter_ < estimator.max_iter:
                self.epochs(1 if once else self.length())
                if self.score is not None:
                    self.validate(self.score())
                self.rule.learning_rate = self.rule.rate_after(estimator.t_)
                if self.has_stopped() or once:
                    break
                if estimator.n_iter_ == estimator.max_iter:
                    warn(
                        f"Stochastic Optimizer: Maximum iterations ({estimator.max_iter}) reached and the optimization "
                        f"hasn't converged yet.",
                        ConvergenceWarning,
                    )
        except KeyboardInterrupt:
            if _together.get() is not None:
                raise
            warn("Training interrupted by user.")
        if self.score is not None and self.best_params is not None:
            self.params[:] = self.best_params

    def length(self) -> int:
        """How many epochs can run at a time: no more than it takes to exhaust the patience."""
        estimator = self.estimator
        watched = self.score is not None or estimator.verbose
        if watched or not self.source.in_memory:
            return 1
        left: int = estimator.max_iter - estimator.n_iter_
        patience: int = min(estimator.n_iter_no_change, sys.maxsize) - estimator._no_improvement_count + 1
        return max(1, min(left, patience, _orders.CHUNK // self.m))

    def epochs(self, n: int) -> None:
        """Train for n epochs and record those that were finished."""
        estimator, rule = self.estimator, self.rule
        orders = None
        if estimator.shuffle:
            orders = np.empty((n, self.m), np.int64)
            for i in range(n):
                orders[i] = self.order = self.order[self.rng.permutation(self.m)]
        rates = np.array([rule.learning_rate, *(rule.rate_after(estimator.t_ + i * self.m) for i in range(1, n))])
        costs = np.full(n, np.nan)
        try:
            self.compiled.run(orders, rates, costs)
        finally:  # after a Ctrl-C, too
            for i in range(int(np.isfinite(costs).sum())):
                self.record(self.objective.reported(float(costs[i]), None if orders is None else orders[i], self.batch))
        if not np.isfinite(costs[-1]):
            if self.score is None:
                raise ValueError(NOT_FINITE)
            self.record(self.objective.kind(costs[-1]))  # the validation still knows better parameters

    def record(self, loss: np.floating[Any]) -> None:
        """Count an epoch and its loss."""
        estimator = self.estimator
        estimator.n_iter_ += 1
        estimator.loss_ = loss
        estimator.t_ += self.m
        estimator.loss_curve_.append(loss)
        if estimator.verbose:
            print(f"Iteration {estimator.n_iter_}, loss = {loss:.8f}")
        if self.score is None:
            self.count(loss > estimator.best_loss_ - estimator.tol)
            estimator.best_loss_ = min(loss, estimator.best_loss_)

    def validate(self, score: float) -> None:
        """Count the epoch's score, and keep the parameters if it is the best."""
        estimator = self.estimator
        self.count(score < estimator._best_score + estimator.tol)
        if score > estimator._best_score:
            estimator._best_score, self.best_params = score, self.params.copy()
        estimator._record_validation(score)

    def count(self, in_vain: bool) -> None:
        self.estimator._no_improvement_count = self.estimator._no_improvement_count + 1 if in_vain else 0

    def has_stopped(self) -> bool:
        estimator = self.estimator
        if estimator._no_improvement_count <= estimator.n_iter_no_change:
            return False
        what = "Training loss" if self.score is None else "Validation score"
        message = (
            f"{what} did not improve more than tol={estimator.tol:f} for {estimator.n_iter_no_change} consecutive "
            f"epochs."
        )
        if self.rule.is_done(message, estimator.verbose):
            return True
        estimator._no_improvement_count = 0
        return False


def minimise(estimator: Any, source: Source, run: Run, objective: Objective, dtype: Any) -> None:
    """L-BFGS-B of SciPy on the whole batch, scikit-learn's objective and stopping rules.

    SciPy asks for the loss at points of `dtype`, that of the first parameters; those it ends with are float64.
    """
    params, penalty = source.params, _lbfgs.penalties(source.model, float(estimator.alpha))
    batch = WholeBatch(objective.model, source, run)
    m = source.m or 0

    def value_and_gradient(x: Any) -> tuple[np.floating[Any], Any]:
        params[:] = x
        loss_sum, weight_sum, grad = batch.cost_and_grad()
        value = (objective.scale * loss_sum + 0.5 * float(penalty @ (x * x))) / weight_sum
        return objective.reported(value, None, m), (grad + penalty * x) / weight_sum

    result = scipy.optimize.minimize(
        value_and_gradient, params.astype(dtype), jac=True, method="L-BFGS-B",
        options={"maxfun": estimator.max_fun, "maxiter": estimator.max_iter, "gtol": estimator.tol},
    )  # fmt: skip
    estimator.n_iter_ = n_iter = min(result.nit, estimator.max_iter)
    if result.status != 0:
        more = f"Increase the number of iterations to improve the convergence (max_iter={n_iter}).\n\n"
        warn(
            f"lbfgs failed to converge after {n_iter} iteration(s) (status={result.status}):\n{result.message}\n\n"
            f"{more if n_iter == estimator.max_iter else ''}You might also want to scale the data as shown in:\n"
            f"    https://scikit-learn.org/stable/modules/preprocessing.html",
            ConvergenceWarning,
        )
    estimator.loss_ = result.fun
    net = converted(estimator.network_, np.float64)
    net.params[:] = result.x
    estimator._tie(net)
