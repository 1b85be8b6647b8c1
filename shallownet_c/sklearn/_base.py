"""What both estimators share: arguments checked as scikit-learn checks them, its attributes, our network."""

from __future__ import annotations

import functools
import operator
import warnings
from abc import ABC, abstractmethod
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator, is_classifier
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, Options, StrOptions
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from shallownet_c import _sources, _threads
from shallownet_c.mlp import MLP
from shallownet_c.sklearn._network import first_parameters, network
from shallownet_c.sklearn._solvers import NOT_FINITE, Descent, Objective, Rule, minimise, training_of
from shallownet_c.sklearn._sparse import SparseRows, is_sparse

ACTIVATIONS = {"identity", "logistic", "tanh", "relu", "leaky_relu"}
FLOATS = (np.float64, np.float32)


def keep(estimator: BaseEstimator, arguments: dict[str, Any]) -> None:
    """A constructor's arguments as attributes, as they are."""
    for name, value in arguments.items():
        if name not in ("self", "__class__"):
            setattr(estimator, name, value)


def outputs(net: MLP, X: Any) -> np.ndarray[Any, Any]:
    """net(X), sparse X made dense piece by piece"""
    if not is_sparse(X):
        return net(X)
    rows, out = SparseRows(X), np.empty((X.shape[0], net.layer_sizes[-1]), net.dtype)
    step = _sources.rows_at_a_time(net)
    for first in range(0, len(out), step):
        net(rows[first : first + step], out=out[first : first + step])
    return out


def can_be_stochastic(estimator: BaseMLP) -> bool:
    if estimator.solver == "lbfgs":
        raise AttributeError(
            f"partial_fit is only available for stochastic optimizers. {estimator.solver} is not stochastic."
        )
    return True


class BaseMLP(BaseEstimator, ABC):
    """What both estimators share."""

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
        "activation": [StrOptions(ACTIVATIONS), "array-like"],
        "solver": [StrOptions({"lbfgs", "sgd", "adam"})],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "learning_rate": [StrOptions({"constant", "invscaling", "adaptive"})],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "power_t": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        "tol": [Interval(Real, 0, None, closed="left")],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
        "momentum": [Interval(Real, 0, 1, closed="both")],
        "nesterovs_momentum": ["boolean"],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "beta_1": [Interval(Real, 0, 1, closed="left")],
        "beta_2": [Interval(Real, 0, 1, closed="left")],
        "epsilon": [Interval(Real, 0, None, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left"), Options(Real, {np.inf})],
        "max_fun": [Interval(Integral, 1, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left"), "array-like"],
        "leak": [Interval(Real, 0, 1, closed="left")],
        "n_threads": [None, Interval(Integral, 1, None, closed="left")],
    }

    @abstractmethod
    def _checked(self, X: Any, y: Any, incremental: bool, reset: bool) -> tuple[Any, Any, Any]:
        """X and y checked, y as the network takes it, and factors of the samples' weights or None."""

    @abstractmethod
    def _encoded(self, y: Any) -> Any:
        """Checked targets as the network takes them."""

    @abstractmethod
    def _output(self) -> str:
        """The activation of the output layer."""

    @abstractmethod
    def _score_of(self, net: MLP, X: Any, y: Any, sample_weight: Any) -> float:
        """The score on checked data that early stopping goes by."""

    def _options(self) -> dict[str, float]:
        """What else the network's constructor is told."""
        return {"leak": self.leak}

    def _n_threads(self) -> int:
        return _threads.allowed(self.n_threads)

    def _hidden(self) -> tuple[list[int], list[str]]:
        """Sizes and activations of the hidden layers."""
        sizes = self.hidden_layer_sizes
        sizes = list(sizes) if hasattr(sizes, "__iter__") else [sizes]
        if np.any(np.array(sizes) <= 0):
            raise ValueError(f"hidden_layer_sizes must be > 0, got {sizes}.")
        if isinstance(self.activation, str):
            return sizes, [self.activation] * len(sizes)
        names = list(self.activation)
        if len(names) != len(sizes) or not all(isinstance(name, str) and name in ACTIVATIONS for name in names):
            raise ValueError(
                f"activation must be one of {sorted(ACTIVATIONS)}, or such a name for each of the {len(sizes)} hidden "
                f"layers, got {names}"
            )
        return sizes, names

    def _fit(self, X: Any, y: Any, sample_weight: Any, validation: tuple[Any, ...], incremental: bool) -> Self:
        hidden, activations = self._hidden()
        if self.solver == "lbfgs" and np.any(self.dropout):
            raise ValueError("dropout does not go with solver='lbfgs', which takes its own steps on a smooth loss")
        first = not hasattr(self, "coefs_") or (not self.warm_start and not incremental)
        X, y, factors = self._checked(X, y, incremental, reset=first)
        weights = None if sample_weight is None else _check_sample_weight(sample_weight, X)
        if factors is not None:
            weights = factors if weights is None else factors * weights
        if self.early_stopping and incremental:
            raise ValueError("partial_fit does not support early_stopping=True")
        rows = self._validation_rows(*validation)
        rng = check_random_state(self.random_state)
        n_outputs = len(self.classes_) if self._output() == "softmax" else 1 if y.ndim == 1 else y.shape[1]
        sizes = [X.shape[1], *hidden, n_outputs]
        if first:
            coefs, intercepts = first_parameters(sizes, activations, X.dtype, rng)
        else:
            coefs, intercepts = self.coefs_, self.intercepts_
        net = network(coefs, intercepts, activations, self._output(), self.loss, **self._options())
        if list(net.layer_sizes) != sizes:
            raise ValueError(
                f"hidden_layer_sizes and y must go with the layers of the fit before, {list(net.layer_sizes)}, "
                f"got {sizes}"
            )
        if first:
            self._begin(net)
        self._tie(net)
        if self.solver == "lbfgs":
            objective = Objective(net, y, weights)
            source = self._source(X, y, weights, whole=False)
            minimise(self, training_of(self, net, objective, source, None, None, rng), objective)
        else:
            self._descend(X, y, weights, rows, rng, incremental)
        if not np.isfinite(net.params).all():
            raise ValueError(NOT_FINITE)
        return self

    def _validation_rows(self, X: Any, y: Any, sample_weight: Any) -> tuple[Any, ...] | None:
        """Validation data that the caller has brought, checked."""
        if X is None and y is None:
            return None
        if X is None or y is None:
            raise ValueError("X_val and y_val must be given together")
        if self.solver == "lbfgs":
            raise ValueError("X_val and y_val do not go with solver='lbfgs', which does not stop early")
        X, y = validate_data(self, X, y, accept_sparse=["csr", "csc"], multi_output=True, dtype=FLOATS, reset=False)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X)
        return X, self._encoded(y), sample_weight

    def _begin(self, net: MLP) -> None:
        """The attributes of a fit that does not go on from another."""
        self.n_iter_ = 0
        self.t_ = 0
        self.n_outputs_ = net.layer_sizes[-1]
        self.n_layers_ = len(net.layer_sizes)
        self.out_activation_ = self._output()
        if self.solver == "lbfgs":
            return
        self.loss_curve_: list[float] = []
        self._no_improvement_count = 0
        self._best_score = -np.inf
        self.best_loss_ = None if self.early_stopping else np.inf
        self.validation_scores_ = [] if self.early_stopping else None
        self.best_validation_score_ = -np.inf if self.early_stopping else None
        self.validation_loss_curve_ = None
        self.best_validation_loss_ = None

    def _tie(self, net: MLP) -> None:
        """Make `net` the estimator's network, and coefs_ and intercepts_ views of its parameters."""
        self.network_ = net
        self.coefs_ = [W.T for W in net.weights]
        self.intercepts_ = list(net.biases)
        self._views = (*self.coefs_, *self.intercepts_)

    def _are_tied(self) -> bool:
        """Whether coefs_ and intercepts_ are still the network's; somebody may have put others in their place."""
        given = (*self.coefs_, *self.intercepts_)
        return len(given) == len(self._views) and all(map(operator.is_, given, self._views))

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        if state.pop("_views", None) is not None and self._are_tied():
            del state["coefs_"], state["intercepts_"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if hasattr(self, "network_"):
            coefs, intercepts = state.get("coefs_"), state.get("intercepts_")
            self._tie(self.network_)
            if coefs is not None:
                self.coefs_, self.intercepts_ = coefs, intercepts

    def _source(self, X: Any, y: Any, weights: Any, whole: bool) -> Any:
        """Rows for the compiled loop. Sparse ones are made dense piece by piece unless a batch takes them whole."""
        if is_sparse(X):
            X = X.toarray() if whole else SparseRows(X)
        return _sources.source(self.network_, X, y, weights)

    def _descend(
        self,
        X: Any,
        y: Any,
        weights: Any,
        validation: tuple[Any, ...] | None,
        rng: np.random.RandomState,
        incremental: bool,
    ) -> None:
        """The epochs of sgd and adam."""
        net, score = self.network_, None
        if validation is not None:
            self.best_loss_ = None
            if self.validation_loss_curve_ is None:
                self.validation_loss_curve_, self._best_score = [], -np.inf
            score = functools.partial(self._validation_loss, self._source(*validation, whole=False))
        elif self.early_stopping:
            self.validation_loss_curve_ = None
            if self.validation_scores_ is None:
                self.validation_scores_, self.best_validation_score_, self._best_score = [], -np.inf, -np.inf
            train, held_out = train_test_split(
                np.arange(X.shape[0]),
                random_state=rng,
                test_size=self.validation_fraction,
                stratify=y if is_classifier(self) and self.n_outputs_ == 1 else None,
            )
            if len(held_out) < 2:
                raise ValueError(
                    "The validation set is too small. Increase 'validation_fraction' or the size of your dataset."
                )
            part = (X[held_out], y[held_out], None if weights is None else weights[held_out])
            score = functools.partial(self._score_of, net, *part)
            X, y, weights = X[train], y[train], None if weights is None else weights[train]
        elif self.best_loss_ is None:
            self.best_loss_ = np.inf
        m = X.shape[0]
        batch = min(200, m) if self.batch_size == "auto" else self.batch_size
        if batch > m:
            warnings.warn(
                "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped", stacklevel=4
            )
            batch = m
        if not incremental or not hasattr(self, "_rule"):
            self._rule = Rule(self, net)
        objective = Objective(net, y, weights)
        source = self._source(X, y, weights, whole=batch == m)
        training = training_of(self, net, objective, source, self._rule, batch, rng)
        Descent(self, training, self._rule, objective, rng, score).run(once=incremental)

    def _validation_loss(self, source: Any) -> float:
        """The negative of the cost on a source's rows: the greater the better."""
        loss_sum, weight_sum = source.sums(self.network_, None, self._n_threads())
        return -loss_sum / weight_sum

    def _record_validation(self, score: float) -> None:
        """Keep what an epoch's validation gave, and the best of it."""
        if self.validation_loss_curve_ is not None:
            self.validation_loss_curve_.append(-score)
            self.best_validation_loss_ = -self._best_score
            line = f"Validation loss: {-score:f}"
        else:
            self.validation_scores_.append(score)
            self.best_validation_score_ = self._best_score
            line = f"Validation score: {score:f}"
        if self.verbose:
            print(line)

    def _outputs(self, X: Any) -> np.ndarray[Any, Any]:
        """The network's outputs (m, n_L) for X as a caller has it."""
        net = getattr(self, "network_", None)
        if net is None:
            check_is_fitted(self)  # raises; itself it takes longer than a small network
        if not self._are_tied():
            _, activations = self._hidden()
            parameters = self.coefs_, self.intercepts_
            net = network(*parameters, activations, self.out_activation_, self.loss, **self._options())
        # What validate_data finds out by and by, at once for the commonest array of all.
        plain = (
            type(X) is np.ndarray
            and X.dtype == net.dtype
            and X.ndim == 2
            and X.shape[0] > 0
            and X.shape[1] == net.layer_sizes[0] == self.n_features_in_
            and X.flags.c_contiguous
            and X.flags.aligned
            and not hasattr(self, "feature_names_in_")
            and net._kernels.first_nonfinite(X) < 0
        )
        if plain:
            return net(X[0])[np.newaxis] if len(X) == 1 else net(X)
        return outputs(net, validate_data(self, X, accept_sparse=["csr", "csc"], dtype=FLOATS, reset=False))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
