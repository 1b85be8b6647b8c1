"""`MLPClassifier` and `MLPRegressor`: their parameters, targets and predictions."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from scipy.sparse import issparse
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.metrics import r2_score
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import compute_class_weight, compute_sample_weight
from sklearn.utils._param_validation import Interval, Options, StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import _check_partial_fit_first_call, unique_labels

from shallownet_c._checks import _validation
from shallownet_c.mlp import MLP
from shallownet_c.sklearn._base import BaseMLP
from shallownet_c.sklearn._inputs import taken
from shallownet_c.sklearn._network import LOSSES
from shallownet_c.sklearn._parameters import HIDDEN, Finite, can_be_stochastic, keep, validated

#: What the parameters may be that both estimators have.
CONSTRAINTS: dict[str, Any] = {
    "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
    "activation": [StrOptions(HIDDEN), "array-like"],
    "solver": [StrOptions({"lbfgs", "sgd", "adam"})],
    "alpha": [Finite(Real, 0, None, closed="left")],
    "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
    "learning_rate": [StrOptions({"constant", "invscaling", "adaptive"})],
    "learning_rate_init": [Finite(Real, 0, None, closed="neither")],
    "power_t": [Finite(Real, 0, None, closed="left")],
    "max_iter": [Interval(Integral, 1, None, closed="left")],
    "shuffle": ["boolean"],
    "random_state": ["random_state"],
    "tol": [Finite(Real, 0, None, closed="left")],
    "verbose": ["verbose"],
    "warm_start": ["boolean"],
    "momentum": [Finite(Real, 0, 1, closed="both")],
    "nesterovs_momentum": ["boolean"],
    "early_stopping": ["boolean"],
    "validation_fraction": [Finite(Real, 0, 1, closed="left")],
    "beta_1": [Finite(Real, 0, 1, closed="left")],
    "beta_2": [Finite(Real, 0, 1, closed="left")],
    "epsilon": [Finite(Real, 0, None, closed="neither")],
    "n_iter_no_change": [Interval(Integral, 1, None, closed="left"), Options(Real, {np.inf})],
    "max_fun": [Interval(Integral, 1, None, closed="left")],
    "dropout": [Finite(Real, 0, 1, closed="left"), "array-like"],
    "leak": [Finite(Real, 0, 1, closed="left")],
    "n_threads": [None, Interval(Integral, 1, None, closed="left")],
}
#: Those that scikit-learn's estimators lack, where a fit to come depends on them, and the values with which none does.
LACKING: dict[str, tuple[Any, ...]] = {"dropout": (0.0,)}


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
        scikit-learn "leaky_relu", "silu", "gelu", "gelu_tanh", "mish", "softplus", "elu", "selu" and "sin". See `MLP`
        for the formulas.
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
        From fit and partial_fit, for what scikit-learn's refuse, with its messages, and for masked elements. Parameters
        are checked each time, in partial_fit of a fitted estimator and under skip_parameter_validation, too.

    Notes
    -----
    Everything is checked before anything changes. After a refused fit or partial_fit an estimator predicts what it
    predicted before, or is not fitted if it was not; all its attributes are as they were, and a RandomState given as
    random_state is where it was (NumPy's global one, which None stands for, is not put back). What ends the training
    itself leaves the epochs that were finished: Ctrl-C, with a warning, and divergence, a ValueError.

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
        **CONSTRAINTS,
        "class_weight": [dict, StrOptions({"balanced"}), None],
    }
    _lacking: ClassVar[dict[str, tuple[Any, ...]]] = {**LACKING, "class_weight": (None,)}

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
        keep(self, locals())

    @validated
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
            `early_stopping` says, and keeps the parameters that were best on them. A Pipeline hands X_val on as it is
            unless it has ``transform_input=["X_val"]`` and metadata routing (`set_fit_request`) is enabled.

        Returns
        -------
        MLPClassifier
        """
        return self._fit(X, y, sample_weight, (X_val, y_val, sample_weight_val), incremental=False)

    @available_if(can_be_stochastic)
    @validated
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
        return self._fit(X, y, sample_weight, (None, None, None), incremental=True, classes=classes)

    def _meet(self, y: Any, incremental: bool, classes: Any) -> None:
        if incremental:
            if self.class_weight == "balanced":
                raise ValueError("class_weight='balanced' does not go with partial_fit, which never sees all rows")
            if _check_partial_fit_first_call(self, classes):
                self._label_binarizer = LabelBinarizer().fit(y if y.ndim == 2 else classes)
        elif not hasattr(self, "classes_") or not self.warm_start:
            self._label_binarizer = LabelBinarizer().fit(y)
            self.classes_ = self._label_binarizer.classes_
        if self.warm_start and set(present := unique_labels(y)) != set(self.classes_):
            raise ValueError(
                f"warm_start can only be used where `y` has the same classes as in the previous call to fit. "
                f"Previously got {self.classes_}, `y` has {present}"
            )

    def _encoded(self, y: Any) -> Any:
        """The classes' numbers (m,) for softmax, otherwise 0 and 1 (m, n_outputs)."""
        present = unique_labels(y)
        if len(np.setdiff1d(present, self.classes_, assume_unique=True)):
            raise ValueError(
                f"`y` has classes not in `self.classes_`. `self.classes_` has {self.classes_}. 'y' has {present}."
            )
        if y.ndim == 2:
            return self._binarizer().transform(y).astype(bool).astype(np.float32)
        numbers = self._numbers(y)
        return numbers if self._output() == "softmax" else numbers.astype(np.float32)[:, np.newaxis]

    def _numbers(self, y: Any) -> Any:
        """The classes' numbers (m,)."""
        known = self._binarizer().classes_
        numbers = np.searchsorted(known, y)
        if (np.take(known, numbers, mode="clip") != y).any():  # other classes have been put in their place
            raise ValueError(f"`y` must hold classes that the last fit knew, {known}, got {np.unique(y)}")
        return numbers

    def _binarizer(self) -> LabelBinarizer:
        kept = getattr(self, "_label_binarizer", None)
        if not isinstance(kept, LabelBinarizer) or np.ndim(kept.classes_) != 1 or not len(kept.classes_):
            raise TypeError(f"_label_binarizer must be the one that fit made, got {_validation.shown(kept)}")
        return kept

    def _n_outputs(self, y: Any) -> int:
        return len(self._binarizer().classes_) if self._output() == "softmax" else super()._n_outputs(y)

    def _factors(self, y: Any) -> Any:
        if self.class_weight is None:
            return None
        if y.ndim == 2:
            return compute_sample_weight(self.class_weight, y)
        # Factors of all classes, since the rows of a partial_fit need not hold each of them.
        factors = compute_class_weight(self.class_weight, classes=self._binarizer().classes_, y=y)
        if not (np.isfinite(factors) & (factors >= 0)).all():
            raise ValueError(
                f"class_weight must hold finite numbers, none negative, got {_validation.shown(self.class_weight)}"
            )
        return factors[self._numbers(y)]

    def _output(self) -> str:
        return "softmax" if self._binarizer().y_type_ == "multiclass" else "logistic"

    def _score_of(self, net: MLP, X: Any, y: Any, sample_weight: Any) -> float:
        A = net(X)
        hit = A.argmax(axis=1) == y if y.ndim == 1 else ((A > 0.5) == y).all(axis=1)
        if len(self._binarizer().classes_) == 1:
            hit[:] = True  # whatever the output, there is only one class to predict
        return float(np.average(hit, weights=sample_weight))

    def predict(self, X: Any) -> Any:
        """The likeliest class of each row, (m,); with several labels 0 or 1 for each, (m, n_labels)."""
        A = self._outputs(X)
        if self.out_activation_ == "softmax":
            return self._binarizer().classes_[A.argmax(axis=1)]
        return self._binarizer().inverse_transform(A.ravel() if self.n_outputs_ == 1 else A)

    def predict_proba(self, X: Any) -> Any:
        """Probabilities (m, n_classes) in the order of `classes_`."""
        A = self._outputs(X)
        return np.column_stack([1 - A, A]) if self.n_outputs_ == 1 else A

    def predict_log_proba(self, X: Any) -> Any:
        """Logarithms of `predict_proba`."""
        A = self.predict_proba(X)
        return np.log(A, out=A)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """The share of rows whose class, or all of whose labels, `predict` finds, by weight."""
        score: float = super().score(X, taken("y", y), taken("sample_weight", sample_weight))
        return score

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class MLPRegressor(RegressorMixin, BaseMLP):
    """scikit-learn's MLPRegressor, the same parameters, attributes and numbers, on the compiled kernels.

    Parameters
    ----------
    loss : str, default "squared_error"
        "squared_error"; "poisson", half the deviance with the logarithm as link, for y ≥ 0; and beyond scikit-learn
        "absolute_error", "huber", "quantile", which is the pinball of `MLP`, and "log_cosh". `MLP` has the formulas.
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
        All others as in `MLPClassifier`. `loss_` and `loss_curve_` are means over the outputs, except for poisson,
        whose losses are added up over the outputs.

    Raises
    ------
    ValueError, TypeError
        As in `MLPClassifier`, whose notes on refused arguments hold here, too.

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
        **CONSTRAINTS,
        "loss": [StrOptions({name for name, row in LOSSES.items() if not row.classes})],
        "delta": [Finite(Real, 0, None, closed="neither")],
        "quantile": [Interval(Real, 0, 1, closed="neither")],
    }
    _lacking: ClassVar[dict[str, tuple[Any, ...]]] = LACKING

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
        keep(self, locals())

    @validated
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

    @validated
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """One epoch over these rows, going on from the call before; with lbfgs a whole fit that goes on from there.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.

        Returns
        -------
        MLPRegressor
        """
        return self._fit(X, y, sample_weight, (None, None, None), incremental=True)

    def _meet(self, y: Any, incremental: bool, classes: Any) -> None:
        """Numbers are what they are."""

    def _encoded(self, y: Any) -> Any:
        return y.toarray() if issparse(y) else y

    def _output(self) -> str:
        return LOSSES[self.loss].usual_output

    def _options(self) -> dict[str, float]:
        return {**super()._options(), "delta": self.delta, "quantile": self.quantile}

    def _score_of(self, net: MLP, X: Any, y: Any, sample_weight: Any) -> float:
        A = net(X)
        return r2_score(y, A, sample_weight=sample_weight) if np.isfinite(A).all() else np.nan

    def predict(self, X: Any) -> Any:
        """The network's outputs, (m,), or (m, n_outputs) where there are several."""
        A = self._outputs(X)
        return A.ravel() if A.shape[1] == 1 else A

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """R² of `predict`, the mean over the outputs, by weight."""
        score: float = super().score(X, taken("y", y), taken("sample_weight", sample_weight))
        return score

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        known = isinstance(self.loss, str) and self.loss in LOSSES
        tags.target_tags.positive_only = known and LOSSES[self.loss].least == 0
        return tags
