"""The estimators: arguments checked as scikit-learn checks them, its attributes, our networks."""

from __future__ import annotations

import functools
import operator
import warnings
from abc import ABC, abstractmethod
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, _fit_context, is_classifier
from sklearn.metrics import r2_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import check_random_state, column_or_1d, compute_sample_weight
from sklearn.utils._param_validation import Interval, Options, StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import _check_partial_fit_first_call, type_of_target, unique_labels
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from shallownet_c import _sources, _threads
from shallownet_c.mlp import MLP
from shallownet_c.sklearn._network import first_parameters, network
from shallownet_c.sklearn._solvers import NOT_FINITE, Descent, Objective, Rule, minimise, training_of
from shallownet_c.sklearn._sparse import SparseRows, is_sparse

ACTIVATIONS = {"identity", "logistic", "tanh", "relu", "leaky_relu"}
FLOATS = (np.float64, np.float32)


def _keep(estimator: BaseEstimator, arguments: dict[str, Any]) -> None:
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


def _can_be_stochastic(estimator: BaseMLP) -> bool:
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
            score = functools.partial(self._validation_loss, self._source(*validation, whole=False))
            self.validation_loss_curve_ = self.validation_loss_curve_ or []
        elif self.early_stopping:
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
        else:
            self.validation_scores_.append(score)
            self.best_validation_score_ = self._best_score
        if self.verbose:
            by_loss = self.validation_loss_curve_ is not None
            print(f"Validation loss: {-score:f}" if by_loss else f"Validation score: {score:f}")

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


class MLPClassifier(ClassifierMixin, BaseMLP):
    """scikit-learn's MLPClassifier, the same parameters, attributes and numbers, on the compiled kernels.

    Minimises the mean log-loss and ½ alpha ‖W‖² / Σw by batches, A[l] = g(A[l−1] W[l]ᵀ + b[l]). For the same
    random_state the first parameters, the order of the rows and the updates are scikit-learn's.

    Parameters
    ----------
    hidden_layer_sizes : array-like of int or int, default (100,)
        n_1, …, n_{L−1}.
    activation : str or sequence of str, default "relu"
        Of the hidden layers, one for all or one for each: "identity", "logistic", "tanh", "relu", and beyond
        scikit-learn "leaky_relu".
    solver : {"adam", "sgd", "lbfgs"}, default "adam"
    alpha : float, default 1e-4
        L2 penalty on the weights.
    batch_size : int or "auto", default "auto"
        Rows a step; min(200, m) for "auto". Not for lbfgs.
    learning_rate : {"constant", "invscaling", "adaptive"}, default "constant"
        Of sgd: α; α / (t + 1)^power_t after t samples; a fifth of it whenever n_iter_no_change epochs bring nothing.
    learning_rate_init : float, default 1e-3
        α > 0.
    power_t : float, default 0.5
    max_iter : int, default 200
        Epochs, or iterations of lbfgs.
    shuffle : bool, default True
    random_state : int, RandomState or None, default None
        Of the first parameters, the validation split, the shuffling and dropout.
    tol : float, default 1e-4
        Least improvement that counts.
    verbose : bool, default False
    warm_start : bool, default False
        Go on from the parameters of the last fit.
    momentum : float, default 0.9
    nesterovs_momentum : bool, default True
    early_stopping : bool, default False
        Hold out validation_fraction of the rows, stop when the score on them no longer gets better, and keep the best
        parameters.
    validation_fraction : float, default 0.1
    beta_1, beta_2, epsilon : float, default 0.9, 0.999, 1e-8
        Of adam; ε is left out of the bias correction.
    n_iter_no_change : int, default 10
    max_fun : int, default 15000
        Evaluations by lbfgs at most.
    class_weight : dict, "balanced" or None, default None
        Beyond scikit-learn: factors of the samples' weights, by class. partial_fit takes no "balanced".
    dropout : float or sequence of float, default 0.0
        Beyond scikit-learn: probability in [0, 1) of leaving out a hidden unit, as in `MLP.fit`; not for lbfgs.
    leak : float, default 0.01
        Beyond scikit-learn: slope of leaky ReLU for z < 0.
    n_threads : int or None, default None
        Beyond scikit-learn: threads of a fit at most, as in `MLP.fit`. The results do not depend on it.

    Attributes
    ----------
    network_ : MLP
        The trained network.
    coefs_, intercepts_ : list of ndarray
        (n_{l−1}, n_l) and (n_l,): views of the network's parameters. Others put in their place are used by predict.
    classes_ : ndarray (n_classes,)
    loss_, best_loss_ : float
    loss_curve_ : list of float
        Penalty included, of each epoch of sgd or adam.
    validation_scores_, best_validation_score_
        Accuracy with early_stopping, otherwise None.
    validation_loss_curve_, best_validation_loss_
        Where fit was given X_val, otherwise None.
    n_iter_, t_, n_layers_, n_outputs_, out_activation_, n_features_in_, feature_names_in_

    Raises
    ------
    ValueError, TypeError
        From fit, for what scikit-learn's refuses, with its messages.

    Examples
    --------
    >>> from shallownet_c.sklearn import MLPClassifier
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> classifier = MLPClassifier((16,), activation=["tanh"], max_iter=1000, random_state=0).fit(X, y)
    >>> classifier.network_
    MLP([4, 16, 3], activation='tanh', output='softmax', loss='log_loss', dtype='float64')
    >>> classifier.score(X, y) > 0.95
    True
    """

    #: The network's; no parameter here.
    loss = "log_loss"

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **BaseMLP._parameter_constraints,
        "class_weight": [dict, StrOptions({"balanced"}), None],
    }

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        class_weight: Any = None,
        dropout: Any = 0.0,
        leak: float = 0.01,
        n_threads: int | None = None,
    ) -> None:
        _keep(self, locals())

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, X_val: Any = None, y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> Self:  # fmt: skip
        """Train on rows X (m, n_0), dense or sparse, and labels y.

        Parameters
        ----------
        X : {array-like, sparse matrix} (m, n_0)
        y : array-like (m,) or (m, n_labels)
            Labels, or 0 and 1 for each of several labels.
        sample_weight : array-like (m,), optional
        X_val, y_val, sample_weight_val : optional
            Beyond scikit-learn: validation data. The fit then stops early on their mean log-loss, whatever
            `early_stopping` says, and keeps the parameters that were best on them.

        Returns
        -------
        MLPClassifier
        """
        return self._fit(X, y, sample_weight, (X_val, y_val, sample_weight_val), incremental=False)

    @available_if(_can_be_stochastic)
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Self:
        """One epoch over these rows, going on from the call before; `classes`, all that will ever come, at the first.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.
        classes : array-like (n_classes,), optional

        Returns
        -------
        MLPClassifier
        """
        if self.class_weight == "balanced":
            raise ValueError("class_weight='balanced' does not go with partial_fit, which never sees all rows")
        if _check_partial_fit_first_call(self, classes):
            multilabel = type_of_target(y).startswith("multilabel")
            self._label_binarizer = LabelBinarizer().fit(y if multilabel else classes)
        return self._fit(X, y, sample_weight, (None, None, None), incremental=True)

    def _checked(self, X: Any, y: Any, incremental: bool, reset: bool) -> tuple[Any, Any, Any]:
        X, y = validate_data(self, X, y, accept_sparse=["csr", "csc"], multi_output=True, dtype=FLOATS, reset=reset)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if not hasattr(self, "classes_") or (not self.warm_start and not incremental):
            self._label_binarizer = LabelBinarizer().fit(y)
            self.classes_ = self._label_binarizer.classes_
        else:
            classes = unique_labels(y)
            if self.warm_start and set(classes) != set(self.classes_):
                raise ValueError(
                    f"warm_start can only be used where `y` has the same classes as in the previous call to fit. "
                    f"Previously got {self.classes_}, `y` has {classes}"
                )
            if not self.warm_start and len(np.setdiff1d(classes, self.classes_, assume_unique=True)):
                raise ValueError(
                    f"`y` has classes not in `self.classes_`. `self.classes_` has {self.classes_}. 'y' has {classes}."
                )
        factors = None if self.class_weight is None else compute_sample_weight(self.class_weight, y)
        return X, self._encoded(y), factors

    def _encoded(self, y: Any) -> Any:
        """The classes' numbers (m,) for softmax, otherwise 0 and 1 (m, n_outputs)."""
        if type_of_target(y).startswith("multilabel"):
            return self._label_binarizer.transform(y).astype(np.float32)
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown):
            raise ValueError(
                f"`y` has classes not in `self.classes_`. `self.classes_` has {self.classes_}, got {unknown}"
            )
        classes = np.searchsorted(self.classes_, y)
        return classes if self._output() == "softmax" else classes.astype(np.float32)[:, np.newaxis]

    def _output(self) -> str:
        return "softmax" if self._label_binarizer.y_type_ == "multiclass" else "logistic"

    def _score_of(self, net: MLP, X: Any, y: Any, sample_weight: Any) -> float:
        A = outputs(net, X)
        hit = A.argmax(axis=1) == y if y.ndim == 1 else ((A > 0.5) == y).all(axis=1)
        return float(np.average(hit, weights=sample_weight))

    def predict(self, X: Any) -> Any:
        """The likeliest class of each row, (m,); with several labels 0 or 1 for each, (m, n_labels)."""
        A = self._outputs(X)
        if self.out_activation_ == "softmax":
            return self.classes_[A.argmax(axis=1)]
        return self._label_binarizer.inverse_transform(A.ravel() if self.n_outputs_ == 1 else A)

    def predict_proba(self, X: Any) -> Any:
        """Probabilities (m, n_classes) in the order of classes_."""
        A = self._outputs(X)
        return np.column_stack([1 - A, A]) if self.n_outputs_ == 1 else A

    def predict_log_proba(self, X: Any) -> Any:
        """Logarithms of `predict_proba`."""
        A = self.predict_proba(X)
        return np.log(A, out=A)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class MLPRegressor(RegressorMixin, BaseMLP):
    """scikit-learn's MLPRegressor, the same parameters, attributes and numbers, on the compiled kernels.

    Parameters
    ----------
    loss : str, default "squared_error"
        "squared_error"; "poisson", half the deviance with the logarithm as link, for y ≥ 0; beyond scikit-learn
        "absolute_error" for the median, "huber" and "quantile". See `MLP` for the formulas.
    delta : float, default 1.0
        Beyond scikit-learn: δ > 0 of huber.
    quantile : float, default 0.5
        Beyond scikit-learn: that in (0, 1) which "quantile" predicts.
    hidden_layer_sizes, activation, solver, …
        All others as in `MLPClassifier`.

    Attributes
    ----------
    network_ : MLP
        The trained network.
    validation_scores_, best_validation_score_
        R² with early_stopping, otherwise None.
    coefs_, intercepts_, loss_, …
        All others as in `MLPClassifier`. loss_ and loss_curve_ are means over the outputs, but for poisson, whose
        outputs are added up.

    Raises
    ------
    ValueError, TypeError
        From fit, for what scikit-learn's refuses, with its messages.

    Examples
    --------
    >>> import numpy as np
    >>> from shallownet_c.sklearn import MLPRegressor
    >>> X = np.linspace(-1, 1, 200)[:, np.newaxis]
    >>> regressor = MLPRegressor(hidden_layer_sizes=(20,), solver="lbfgs", random_state=0).fit(X, np.sin(3 * X[:, 0]))
    >>> regressor.score(X, np.sin(3 * X[:, 0])) > 0.99
    True
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **BaseMLP._parameter_constraints,
        "loss": [StrOptions({"squared_error", "poisson", "absolute_error", "huber", "quantile"})],
        "delta": [Interval(Real, 0, None, closed="neither")],
        "quantile": [Interval(Real, 0, 1, closed="neither")],
    }

    def __init__(
        self,
        loss: str = "squared_error",
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        delta: float = 1.0,
        quantile: float = 0.5,
        dropout: Any = 0.0,
        leak: float = 0.01,
        n_threads: int | None = None,
    ) -> None:
        _keep(self, locals())

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, X_val: Any = None, y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> Self:  # fmt: skip
        """Train on rows X (m, n_0), dense or sparse, and numbers y.

        Parameters
        ----------
        X : {array-like, sparse matrix} (m, n_0)
        y : array-like (m,) or (m, n_outputs)
        sample_weight : array-like (m,), optional
        X_val, y_val, sample_weight_val : optional
            Beyond scikit-learn: validation data. The fit then stops early on their mean loss, whatever
            `early_stopping` says, and keeps the parameters that were best on them.

        Returns
        -------
        MLPRegressor
        """
        return self._fit(X, y, sample_weight, (X_val, y_val, sample_weight_val), incremental=False)

    @available_if(_can_be_stochastic)
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """One epoch over these rows, going on from the call before.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.

        Returns
        -------
        MLPRegressor
        """
        return self._fit(X, y, sample_weight, (None, None, None), incremental=True)

    def _checked(self, X: Any, y: Any, incremental: bool, reset: bool) -> tuple[Any, Any, Any]:
        X, y = validate_data(
            self, X, y, accept_sparse=["csr", "csc"], multi_output=True, y_numeric=True, dtype=FLOATS, reset=reset
        )
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return X, self._encoded(y), None

    def _encoded(self, y: Any) -> Any:
        return y

    def _output(self) -> str:
        return "exp" if self.loss == "poisson" else "identity"

    def _options(self) -> dict[str, float]:
        return {**super()._options(), "delta": self.delta, "quantile": self.quantile}

    def _score_of(self, net: MLP, X: Any, y: Any, sample_weight: Any) -> float:
        A = outputs(net, X)
        return r2_score(y, A, sample_weight=sample_weight) if np.isfinite(A).all() else np.nan

    def predict(self, X: Any) -> Any:
        """The network's outputs, (m,), or (m, n_outputs) where there are several."""
        A = self._outputs(X)
        return A.ravel() if A.shape[1] == 1 else A

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.positive_only = self.loss == "poisson"
        return tags
