"""scikit-learn's estimators on collections as well as on arrays."""

from __future__ import annotations

import copy
import functools
import sys
import uuid
from typing import Any, NamedTuple, Self

import numpy as np
from sklearn.base import is_classifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from shallownet_c import optimizers, schedules, sklearn
from shallownet_c._checks import _validation
from shallownet_c._checks._validation import Array
from shallownet_c.dask import _partitions, _scoring
from shallownet_c.dask._fitting import fit
from shallownet_c.dask._predicting import by_partition
from shallownet_c.sklearn._base import BaseMLP
from shallownet_c.sklearn._kept import first_course, unchanged_if_refused
from shallownet_c.sklearn._network import first_parameters, network
from shallownet_c.sklearn._solvers import warn

#: Parameters that a fit on a collection has no use for, and the values with which they ask for nothing.
UNUSED: dict[str, Any] = {"early_stopping": False, "warm_start": False, "dropout": 0.0}


class Labels(NamedTuple):
    """Of the targets of some rows: how many rows, the different ones and how often each comes; for several columns
    their number in the place of those."""

    rows: int
    classes: Array | int | None
    counts: Array | None


def targets_of(y: Any) -> Array:
    """The targets of a partition, (m,) if they have a single column."""
    targets: Array = np.asarray(y)
    return targets[:, 0] if targets.ndim == 2 and targets.shape[1] == 1 else targets


def labels_of(wanted: bool, number: int, y: Any) -> Labels:
    """The labels of a partition, which are only counted where they are not wanted.

    Raises
    ------
    ValueError
        If one is missing.
    """
    y = targets_of(y)
    if not wanted or y.ndim == 2:
        return Labels(len(y), y.shape[1] if y.ndim == 2 else None, None)
    for row in np.flatnonzero(missing(y)):
        raise ValueError(f"partition {number}: y must not have missing labels, got {y[row]} in row {row}")
    return Labels(len(y), *np.unique(y, return_counts=True))


def missing(y: Array) -> Any:
    """Of each label whether it is None, NaN or pandas' NA."""
    if y.dtype.kind != "O":
        return np.isnan(y) if y.dtype.kind == "f" else ()
    NA = getattr(sys.modules.get("pandas"), "NA", None)
    return [label is None or label is NA or label != label for label in y]


def encoded(estimator: Any, y: Any) -> Array:
    """The targets of a partition as the network takes them."""
    numbers: Array = estimator._encoded(targets_of(y))
    return numbers


def factors_of(estimator: Any, y: Any) -> Array:
    """The factors of the weights of a partition's rows."""
    factors: Array = estimator._class_factors[estimator._numbers(targets_of(y))]
    return factors


class OnCollections(BaseMLP):
    """What both estimators add: dask arrays and dataframes in the place of arrays and tables."""

    def _fit(
        self, X: Any, y: Any, sample_weight: Any, validation: tuple[Any, ...], incremental: bool, classes: Any = None
    ) -> Self:
        given = (X, y, sample_weight, *validation)
        if not any(map(_partitions.is_collection, given)):
            return super()._fit(X, y, sample_weight, validation, incremental, classes)
        if incremental:
            raise TypeError("X must be rows in memory for partial_fit, got a collection: fit takes those")
        if any(part is not None for part in validation):
            raise ValueError("X_val and y_val do not go with collections: shallownet_c.dask.fit has validation_data")
        for name, value in zip(("X", "y", "sample_weight"), given, strict=False):
            if value is not None and not _partitions.is_collection(value):
                got = _validation.shown(value)
                raise TypeError(f"{name} must be a dask array or a dask dataframe, as the others are, got {got}")
        for name, unused in UNUSED.items():
            if np.any(np.asarray(getattr(self, name)) != unused):
                got = _validation.shown(getattr(self, name))
                raise ValueError(f"{name} must be {unused} for collections, got {got}")
        stopped_by: BaseException | None = None
        with unchanged_if_refused(self):
            try:
                self._fit_collection(X, y, sample_weight)
            except (TypeError, ValueError):
                raise
            except BaseException as error:  # what ends the training itself leaves the epochs that were finished
                stopped_by = error
        if stopped_by is not None:
            raise stopped_by
        return self

    def _fit_collection(self, X: Any, y: Any, sample_weight: Any) -> None:
        hidden = self._hidden()
        activations = self._activations(len(hidden))
        _check_columns(self, X, reset=True)
        rows = _partitions.rows_of(X, X.shape[1])
        labels = self._labels(_partitions.goes_with("y", y, rows))
        self._learn(labels)
        y, weights = self._targets(y, rows, sample_weight, labels)
        sizes = [X.shape[1], *hidden, self._outputs_for(labels)]
        dtypes = X._meta.dtypes if _partitions.is_table(X) else [X.dtype]
        dtype = np.result_type(np.float32, *(np.float32 if kind == np.float32 else np.float64 for kind in dtypes))
        rng = check_random_state(self.random_state)
        last = activations[-1] if activations else self.activation if isinstance(self.activation, str) else ""
        coefs, intercepts = first_parameters(sizes, activations, last, dtype, rng)
        net = network(coefs, intercepts, activations, self._output(), self.loss, **self._options())
        about = {
            "n_iter_": 0,
            "t_": 0,
            "n_outputs_": sizes[-1],
            "n_layers_": len(sizes),
            "out_activation_": self._output(),
        }
        self._begin(True, about, {} if self.solver == "lbfgs" else first_course(False))
        self._tie(net)
        stochastic = self.solver != "lbfgs"
        batch = min(200, labels.rows) if self.batch_size == "auto" else self.batch_size
        local = stochastic and batch < labels.rows
        patience = self.n_iter_no_change + 1
        try:
            fit(
                net, X, y, solver="local-sgd" if local else self.solver, optimizer=self._optimizer(net.dtype),
                epochs=self.max_iter, sample_weight=weights, l2=self.alpha, progress=bool(self.verbose),
                patience=patience if stochastic and patience < np.inf and self.learning_rate != "adaptive" else None,
                tol=self.tol if stochastic else 0.0, n_threads=self.n_threads or 1,
                **({"batch_size": batch, "shuffle": self.shuffle, "seed": rng} if local else {}),
            )  # fmt: skip
        finally:
            if net.history is not None:
                self._record(net.history, labels.rows)

    def _record(self, history: Any, rows: int) -> None:
        """Keep the course of a fit."""
        self.history_ = history
        self.n_iter_, self.t_ = history.n_epochs, history.n_epochs * rows
        if history.cost:
            self.loss_ = history.cost[-1]
        if self.solver != "lbfgs":
            self.loss_curve_, self.best_loss_ = list(history.cost), min(history.cost, default=np.inf)
        if history.stopped in ("epochs", "max_fun", "line_search"):
            warn(
                f"{self.solver} has not converged after {self.n_iter_} iterations (stopped: {history.stopped}, "
                f"max_iter={self.max_iter})",
                ConvergenceWarning,
            )

    def _optimizer(self, dtype: Any) -> optimizers.Optimizer:
        """The optimizer that the parameters describe."""
        if self.solver == "lbfgs":
            return optimizers.LBFGS(max_fun=self.max_fun, gtol=self.tol)
        if self.solver == "adam":
            least = float(np.finfo(dtype).tiny)
            adam = optimizers.Adam(self.learning_rate_init, self.beta_1, self.beta_2, max(self.epsilon, least))
            adam._epsilon_as_given = True
            return adam
        course: Any = self.learning_rate
        if course == "invscaling":
            course = schedules.InverseScaling(self.power_t)
        nesterov = self.nesterovs_momentum and self.momentum > 0
        return optimizers.SGD(self.learning_rate_init, self.momentum, nesterov, course)

    def _labels(self, y: _partitions.Partitions) -> Labels:
        """Those of all rows."""
        dask, id = _partitions.library("dask"), uuid.uuid4().hex
        look = dask.delayed(functools.partial(labels_of, is_classifier(self)))
        name = f"shallownet-labels-%d-{id}"
        tasks = [look(number, item, dask_key_name=name % number) for number, item in enumerate(y.items)]
        parts = [part for part in dask.compute(*tasks) if part.rows]
        rows = sum(part.rows for part in parts)
        if not rows:
            raise ValueError(f"X must have at least one row, got {len(tasks)} empty partitions")
        if not isinstance(parts[0].classes, np.ndarray):
            return Labels(rows, parts[0].classes, None)
        classes, places = np.unique(np.concatenate([part.classes for part in parts]), return_inverse=True)
        return Labels(rows, classes, np.bincount(places, np.concatenate([part.counts for part in parts])))

    def _learn(self, labels: Labels) -> None:
        """Learn what a fit must know of the targets."""

    def _outputs_for(self, labels: Labels) -> int:
        """The number of the network's outputs."""
        return labels.classes if isinstance(labels.classes, int) else 1

    def _targets(self, y: Any, X: _partitions.Partitions, weights: Any, labels: Labels) -> tuple[Any, Any]:
        """The targets as the network takes them, and the weights of the rows."""
        return y, weights

    def _by_partition(self, name: str, method: Any, X: Any, width: int | None, dtype: Any) -> Any:
        """What a method of the estimator gives for the rows of a collection."""
        check_is_fitted(self)
        _check_columns(self, X, reset=False)
        frozen = copy.deepcopy(self)  # as it is now: the tasks are computed later
        return by_partition(name, method, frozen, _partitions.rows_of(X, self.n_features_in_), width, dtype)


def _check_columns(estimator: Any, X: Any, reset: bool) -> None:
    """The number of X's columns and their names, against those of the fit unless it begins one."""
    if len(X.shape) != 2:
        raise ValueError(f"X must have two dimensions, got shape {_partitions.shape_of(X)}")
    sample = X._meta if _partitions.is_table(X) else np.empty((1, X.shape[1]))
    validate_data(estimator, sample, reset=reset, skip_check_array=True)


class MLPClassifier(OnCollections, sklearn.MLPClassifier):
    """`shallownet_c.sklearn.MLPClassifier` that takes dask arrays and dataframes as well as arrays and tables.

    For what is in memory it is that estimator. A fit on a collection goes to the workers of the client in use, which
    ``with client.as_current():`` chooses. The solver "lbfgs" and batches of all rows are those of
    `shallownet_c.dask.fit`; with smaller batches, 200 rows by default, "sgd" and "adam" take the steps of its
    "local-sgd". `loss_` and `loss_curve_` then leave the penalty out, the order of the rows is not scikit-learn's, and
    early_stopping, warm_start, dropout and X_val are refused.

    Parameters
    ----------
    hidden_layer_sizes, activation, solver, …
        As in `shallownet_c.sklearn.MLPClassifier`.

    Attributes
    ----------
    history_ : History
        Of a fit on a collection, with its `Report`.
    classes_, network_, coefs_, …
        As there. The classes are those of all partitions.

    Raises
    ------
    ValueError, TypeError, ClusterLostError
        As `shallownet_c.dask.fit` from a fit on collections.

    Examples
    --------
    >>> import dask.array, distributed
    >>> from shallownet_c.dask import MLPClassifier
    >>> rows = dask.array.random.default_rng(0).standard_normal((1000, 3), chunks=(250, 3))
    >>> labels = dask.array.where(rows[:, 0] > 0, "right", "left")
    >>> with distributed.Client(n_workers=1, processes=False, dashboard_address=":0"):
    ...     classifier = MLPClassifier((8,), solver="lbfgs", alpha=1.0, random_state=0).fit(rows, labels)
    ...     predicted = classifier.predict(rows)  # nothing is computed yet
    ...     score = classifier.score(rows, labels)
    >>> score > 0.95, predicted.dtype, predicted.chunks
    (True, dtype('<U5'), ((250, 250, 250, 250),))
    """

    _class_factors: Array

    def _learn(self, labels: Labels) -> None:
        several = isinstance(labels.classes, int)
        if not several:
            check_classification_targets(labels.classes)
        n = labels.classes if isinstance(labels.classes, int) else 0
        # As many rows as it takes to see what kind of labels they are.
        self._meet(np.array([[0] * n, [1] * n]) if several else labels.classes, False, None)
        if self.class_weight is not None:
            if several:
                raise ValueError("class_weight must be None for several labels in a collection")
            if self.class_weight == "balanced":
                self._class_factors = labels.rows / (len(self.classes_) * np.asarray(labels.counts))
            else:
                self._class_factors = np.asarray(self._factors(labels.classes))

    def _outputs_for(self, labels: Labels) -> int:
        return len(self.classes_) if self._output() == "softmax" else super()._outputs_for(labels)

    def _targets(self, y: Any, X: _partitions.Partitions, weights: Any, labels: Labels) -> tuple[Any, Any]:
        parts, frozen = _partitions.goes_with("y", y, X), copy.deepcopy(self)
        numbers = self._output() == "softmax"
        width = None if numbers else self._outputs_for(labels)
        targets = by_partition("targets", encoded, frozen, parts, width, np.int64 if numbers else np.float32)
        if self.class_weight is not None:
            factors = by_partition("weights", factors_of, frozen, parts, None, np.float64)
            if weights is not None:
                weights = weights.values if _partitions.is_table(weights) else weights
                weights = factors * (weights if X.rows is None else weights.rechunk((tuple(X.rows),)))
            else:
                weights = factors
        return targets, weights

    def predict(self, X: Any) -> Any:
        """As of `shallownet_c.sklearn.MLPClassifier`; of a collection a dask array, computed when it is asked for."""
        if not _partitions.is_collection(X):
            return super().predict(X)
        check_is_fitted(self)
        labels = self._binarizer()
        several = labels.y_type_.startswith("multilabel")
        dtype = np.int64 if several else labels.classes_.dtype
        return self._by_partition("predict", type(self).predict, X, self.n_outputs_ if several else None, dtype)

    def predict_proba(self, X: Any) -> Any:
        """As of `shallownet_c.sklearn.MLPClassifier`; of a collection a dask array, computed when it is asked for."""
        if not _partitions.is_collection(X):
            return super().predict_proba(X)
        check_is_fitted(self)
        width = 2 if self.n_outputs_ == 1 else self.n_outputs_
        return self._by_partition("predict", type(self).predict_proba, X, width, self.network_.dtype)

    def predict_log_proba(self, X: Any) -> Any:
        """Logarithms of `predict_proba`."""
        if not _partitions.is_collection(X):
            return super().predict_log_proba(X)
        return np.log(self.predict_proba(X))

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """The share of rows whose class, or all of whose labels, `predict` finds, by weight."""
        if not _partitions.is_collection(X):
            return super().score(X, y, sample_weight)
        check_is_fitted(self)
        _check_columns(self, X, reset=False)
        return _scoring.accuracy(_scoring.parts_of(_scoring.hits, self, X, y, sample_weight))


class MLPRegressor(OnCollections, sklearn.MLPRegressor):
    """`shallownet_c.sklearn.MLPRegressor` that takes dask arrays and dataframes as well as arrays and tables.

    See `MLPClassifier` for what differs on collections.

    Parameters
    ----------
    loss, hidden_layer_sizes, activation, solver, …
        As in `shallownet_c.sklearn.MLPRegressor`.

    Attributes
    ----------
    history_ : History
        Of a fit on a collection, with its `Report`.
    network_, coefs_, …
        As there.

    Raises
    ------
    ValueError, TypeError, ClusterLostError
        As `shallownet_c.dask.fit` from a fit on collections.

    Examples
    --------
    >>> import dask.array, distributed
    >>> from shallownet_c.dask import MLPRegressor
    >>> rows = dask.array.random.default_rng(0).standard_normal((1000, 2), chunks=(250, 2))
    >>> y = rows[:, 0] * rows[:, 1]
    >>> with distributed.Client(n_workers=1, processes=False, dashboard_address=":0"):
    ...     regressor = MLPRegressor(activation="tanh", solver="lbfgs", tol=1e-2, random_state=0).fit(rows, y)
    ...     score = regressor.score(rows, y)
    >>> score > 0.95
    True
    """

    def predict(self, X: Any) -> Any:
        """As of `shallownet_c.sklearn.MLPRegressor`; of a collection a dask array, computed when it is asked for."""
        if not _partitions.is_collection(X):
            return super().predict(X)
        check_is_fitted(self)
        width = None if self.n_outputs_ == 1 else self.n_outputs_
        return self._by_partition("predict", type(self).predict, X, width, self.network_.dtype)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """R² of `predict`, the mean over the outputs, by weight."""
        if not _partitions.is_collection(X):
            return super().score(X, y, sample_weight)
        check_is_fitted(self)
        _check_columns(self, X, reset=False)
        return _scoring.r_squared(_scoring.parts_of(_scoring.spread, self, X, y, sample_weight))
