"""`MLPEnsembleClassifier`, `MLPEnsembleRegressor`: our estimators on bootstraps of the rows, trained side by side."""

from __future__ import annotations

from abc import ABC, abstractmethod
from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone, is_classifier
from sklearn.utils import check_random_state, column_or_1d
from sklearn.utils._param_validation import Interval
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from shallownet_c import _kernels, _threads
from shallownet_c._checks import _validation
from shallownet_c._fitting import _team
from shallownet_c.ensemble import Ensemble
from shallownet_c.sklearn._base import FLOATS
from shallownet_c.sklearn._estimators import MLPClassifier, MLPRegressor
from shallownet_c.sklearn._kept import unchanged_if_refused
from shallownet_c.sklearn._parameters import keep, validated
from shallownet_c.sklearn._solvers import Together

CONSTRAINTS: dict[str, Any] = {
    "n_estimators": [Interval(Integral, 1, None, closed="left")],
    "bootstrap": ["boolean"],
    "random_state": ["random_state"],
    "n_threads": [None, Interval(Integral, 1, None, closed="left")],
}


class BaseEnsemble(BaseEstimator, ABC):
    """What both ensembles share."""

    _parameter_constraints: ClassVar[dict[str, Any]]
    #: The class of the members.
    _kind: ClassVar[type[Any]]
    estimators_: list[Any]

    def __init__(
        self,
        estimator: Any = None,
        n_estimators: int = 10,
        *,
        bootstrap: bool = True,
        random_state: Any = None,
        n_threads: int | None = None,
    ) -> None:
        keep(self, locals())

    @abstractmethod
    def _resampled(self, y: Any, rng: np.random.RandomState) -> Any:
        """The numbers of the rows of a bootstrap."""

    def _member(self) -> Any:
        """The estimator of which the members are clones."""
        return self._kind() if self.estimator is None else self.estimator

    def _fit(self, X: Any, y: Any) -> Self:
        with unchanged_if_refused(self):
            for name, value in (("X", X), ("y", y)):
                _validation.refuse_masked(name, value)
            X, y = validate_data(
                self, X, y, accept_sparse=["csr", "csc"], multi_output=True, y_numeric=not is_classifier(self),
                dtype=FLOATS,
            )  # fmt: skip
            y = column_or_1d(y, warn=True) if y.ndim == 2 and y.shape[1] == 1 else y
            rng = check_random_state(self.random_state)
            samples, members = [], []
            for _ in range(self.n_estimators):
                samples.append(self._resampled(y, rng) if self.bootstrap else np.arange(X.shape[0]))
                members.append(clone(self._member()).set_params(random_state=rng.randint(np.iinfo(np.int32).max)))
            self._train(members, X, y, samples)
            self.estimators_, self.estimators_samples_ = members, samples
        return self

    def _train(self, members: list[Any], X: Any, y: Any, samples: list[Any]) -> None:
        """Fit the members side by side, each in one thread; one alone may have all threads."""
        n_threads = _threads.allowed(self.n_threads)
        of_a_member = n_threads if len(members) == 1 else 1

        def fit(i: int) -> None:
            member, rows = members[i], samples[i]
            given = member.n_threads
            member.set_params(n_threads=of_a_member).fit(X[rows], y[rows]).set_params(n_threads=given)

        kernels = _kernels.module(np.dtype(np.float64))
        with Together() as together:
            _team.work_through(kernels, fit, range(len(members)), min(n_threads, len(members)), together.stop)

    @property
    def ensemble_(self) -> Ensemble:
        """The members' networks as an `Ensemble`."""
        check_is_fitted(self)
        return Ensemble([member.network_ for member in self.estimators_])

    def _moments(self, X: Any) -> tuple[Any, Any]:
        """The mean and the standard deviation of the members' outputs (m, n_outputs)."""
        check_is_fitted(self)
        _validation.refuse_masked("X", X)
        X = validate_data(self, X, accept_sparse=["csr", "csc"], dtype=FLOATS, reset=False)
        mean = squares = 0.0
        for count, member in enumerate(self.estimators_, 1):
            A = member._outputs(X)
            difference = A.astype(np.float64) - mean
            mean = mean + difference / count
            squares = squares + difference * (A - mean)
        return np.asarray(mean).astype(A.dtype), np.sqrt(np.asarray(squares) / count).astype(A.dtype)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        own = self._member().__sklearn_tags__()
        tags.input_tags, tags.target_tags = own.input_tags, own.target_tags
        tags.classifier_tags = own.classifier_tags
        return tags


class MLPEnsembleClassifier(ClassifierMixin, BaseEnsemble):
    """Several `MLPClassifier` that predict together, each trained on a bootstrap of the rows.

    Parameters
    ----------
    estimator : MLPClassifier, optional
        Of this package, not fitted: what the members are clones of, but for their random_state.
    n_estimators : int, default 10
    bootstrap : bool, default True
        Draw the rows of each member with replacement, as many as there are; in each class by itself, so that all
        members know all classes. Without it the members differ by their random_state alone.
    random_state : int, RandomState or None, default None
        Of the bootstraps and of the members' random states.
    n_threads : int or None, default None
        Members that are trained at a time, at most; by default as many as OMP_NUM_THREADS and threadpoolctl allow. The
        results do not depend on it.

    Attributes
    ----------
    estimators_ : list of MLPClassifier
        Each is what its parameters and rows alone give.
    estimators_samples_ : list of ndarray
        The numbers of the rows that each was trained on.
    ensemble_ : Ensemble
        Their networks.
    classes_, n_features_in_, feature_names_in_

    Examples
    --------
    >>> from shallownet_c.sklearn import MLPClassifier, MLPEnsembleClassifier
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> member = MLPClassifier((16,), learning_rate_init=0.01, max_iter=1000)
    >>> classifier = MLPEnsembleClassifier(member, n_estimators=5, random_state=0).fit(X, y)
    >>> classifier.score(X, y) > 0.95, classifier.predict_proba(X[:1]).shape
    (True, (1, 3))
    """

    _kind = MLPClassifier
    _parameter_constraints: ClassVar[dict[str, Any]] = {"estimator": [MLPClassifier, None], **CONSTRAINTS}

    @validated
    def fit(self, X: Any, y: Any) -> Self:
        """Train on rows X (m, n_0), dense or sparse, and labels y (m,) or 0 and 1 for each of several (m, n_labels)."""
        self._fit(X, y)
        self.classes_ = self.estimators_[0].classes_
        return self

    def _resampled(self, y: Any, rng: np.random.RandomState) -> Any:
        check_classification_targets(y)
        if y.ndim == 2:
            return rng.randint(len(y), size=len(y))
        numbers = np.unique(y, return_inverse=True)[1]
        order = np.argsort(numbers, kind="stable")
        counts = np.bincount(numbers)
        starts = np.repeat(np.cumsum(counts) - counts, counts)
        return order[starts + rng.randint(np.repeat(counts, counts))]

    def predict_proba(self, X: Any) -> Any:
        """The mean of the members' probabilities, (m, n_classes) in the order of `classes_`."""
        A = self._moments(X)[0]
        return np.column_stack([1 - A, A]) if self.estimators_[0].n_outputs_ == 1 else A

    def predict(self, X: Any) -> Any:
        """The class of each row that is likeliest by the mean; with several labels 0 or 1 for each."""
        P = self.predict_proba(X)
        if self.estimators_[0].out_activation_ == "logistic" and self.estimators_[0].n_outputs_ > 1:
            return (P > 0.5).astype(int)
        return self.classes_[np.minimum(P.argmax(axis=1), len(self.classes_) - 1)]


class MLPEnsembleRegressor(RegressorMixin, BaseEnsemble):
    """Several `MLPRegressor` that predict together, each trained on a bootstrap of the rows.

    Parameters
    ----------
    estimator : MLPRegressor, optional
        Of this package, not fitted: what the members are clones of, but for their random_state.
    n_estimators, bootstrap, random_state, n_threads
        As in `MLPEnsembleClassifier`; the rows are drawn from all.

    Attributes
    ----------
    estimators_, estimators_samples_, ensemble_, n_features_in_, feature_names_in_
        As in `MLPEnsembleClassifier`.

    Examples
    --------
    >>> import numpy as np
    >>> from shallownet_c.sklearn import MLPEnsembleRegressor, MLPRegressor
    >>> X = np.linspace(-1, 1, 200)[:, np.newaxis]
    >>> member = MLPRegressor(hidden_layer_sizes=(20,), solver="lbfgs", max_iter=2000)
    >>> regressor = MLPEnsembleRegressor(member, random_state=0).fit(X, np.sin(3 * X[:, 0]))
    >>> mean, std = regressor.predict([[0.0], [3.0]], return_std=True)
    >>> bool(std[1] > 10 * std[0])  # the members agree where there are data
    True
    """

    _kind = MLPRegressor
    _parameter_constraints: ClassVar[dict[str, Any]] = {"estimator": [MLPRegressor, None], **CONSTRAINTS}

    @validated
    def fit(self, X: Any, y: Any) -> Self:
        """Train on rows X (m, n_0), dense or sparse, and numbers y (m,) or (m, n_outputs)."""
        return self._fit(X, y)

    def _resampled(self, y: Any, rng: np.random.RandomState) -> Any:
        return rng.randint(len(y), size=len(y))

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """The mean of the members' predictions, (m,) or (m, n_outputs).

        With `return_std` there is also their standard deviation, of the same shape. The spread is that between members,
        which have seen other rows and begun with other weights; noise in y is no part of it.
        """
        moments = [A.ravel() if A.shape[1] == 1 else A for A in self._moments(X)]
        return tuple(moments) if return_std else moments[0]
