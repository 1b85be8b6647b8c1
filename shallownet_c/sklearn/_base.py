"""What both estimators share: arguments checked as scikit-learn checks them, its attributes, our network."""

from __future__ import annotations

import functools
import os
import sys
from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import is_classifier
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state, column_or_1d
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from shallownet_c import _engine, _threads
from shallownet_c._checks import _arguments, _validation
from shallownet_c._fitting import _sources, _targets
from shallownet_c.mlp import MLP
from shallownet_c.reference._activations import ACTIVATIONS
from shallownet_c.sklearn import _onnx
from shallownet_c.sklearn._convert import to_sklearn
from shallownet_c.sklearn._inputs import taken
from shallownet_c.sklearn._kept import Kept, first_course, unchanged_if_refused
from shallownet_c.sklearn._network import (
    activation_names,
    converted,
    first_parameters,
    layer_sizes,
    network,
    parameters,
)
from shallownet_c.sklearn._parameters import HIDDEN
from shallownet_c.sklearn._solvers import NOT_FINITE, Descent, Objective, Rule, minimise, run_of, warn

FLOATS = (np.float64, np.float32)


class BaseMLP(Kept):
    """What both estimators share."""

    _parameter_constraints: ClassVar[dict[str, Any]]
    #: See `to_sklearn`.
    _lacking: ClassVar[dict[str, tuple[Any, ...]]]
    best_loss_: float | None
    validation_scores_: list[float] | None
    best_validation_score_: float | None
    validation_loss_curve_: list[float] | None
    best_validation_loss_: float | None
    _best_score: float
    _rule: Rule

    @abstractmethod
    def _meet(self, y: Any, incremental: bool, classes: Any) -> None:
        """Learn what a fit must know of checked targets, or refuse those that do not go on from the last fit."""

    @abstractmethod
    def _encoded(self, y: Any) -> Any:
        """Checked targets as the network takes them."""

    def _n_outputs(self, y: Any) -> int:
        """The number of the network's outputs for encoded targets."""
        return 1 if y.ndim == 1 else y.shape[1]

    def _factors(self, y: Any) -> Any:
        """Factors of the weights of samples with these targets, or None."""
        return None

    @abstractmethod
    def _output(self) -> str:
        """The activation of the output layer."""

    @abstractmethod
    def _score_of(self, net: MLP, X: Any, y: Any, sample_weight: Any) -> float:
        """The score on checked data that early stopping goes by."""

    def _options(self) -> dict[str, float]:
        """Further arguments of the network's constructor."""
        return {"leak": self.leak}

    def _n_threads(self) -> int:
        return _threads.allowed(self.n_threads)

    def _hidden(self) -> list[int]:
        """Sizes of the hidden layers."""
        sizes = self.hidden_layer_sizes
        sizes = _validation.sequence("hidden_layer_sizes", sizes, "integers") if hasattr(sizes, "__iter__") else [sizes]
        for n in sizes:
            _validation.integer("hidden_layer_sizes", n, -sys.maxsize, sys.maxsize)
        if any(n <= 0 for n in sizes):
            raise ValueError(f"hidden_layer_sizes must be > 0, got {_validation.shown(sizes)}.")
        return sizes

    def _activations(self, hidden: int) -> list[str]:
        """The activations of so many hidden layers."""
        if isinstance(self.activation, str):
            names = [self.activation] * hidden
        else:
            names = _validation.sequence("activation", self.activation, "names")
        if len(names) != hidden or not all(isinstance(name, str) and name in HIDDEN for name in names):
            raise ValueError(
                f"activation must be one of {sorted(HIDDEN)}, or such a name for each of the {hidden} hidden "
                f"layers, got {_validation.shown(names)}"
            )
        return names

    def _fit(
        self, X: Any, y: Any, sample_weight: Any, validation: tuple[Any, ...], incremental: bool, classes: Any = None
    ) -> Self:
        """Check everything, then train: what is refused leaves the estimator as it was, errors in training do not."""
        with unchanged_if_refused(self):
            train, dtype = self._prepared(X, y, sample_weight, validation, incremental, classes)
        try:
            train()
        finally:
            if self.network_.dtype != dtype:
                self._tie(converted(self.network_, dtype))
        if not np.isfinite(self.network_.params).all():
            raise ValueError(NOT_FINITE)
        return self

    def _prepared(
        self, X: Any, y: Any, sample_weight: Any, validation: tuple[Any, ...], incremental: bool, classes: Any
    ) -> tuple[Callable[[], None], Any]:
        """The training of a fit, after all checks, as a function; and the dtype of the parameters it ends with."""
        given = {"X": X, "y": y, "sample_weight": sample_weight, "classes": classes}
        given |= dict(zip(("X_val", "y_val", "sample_weight_val"), validation, strict=True))
        X, y, sample_weight, classes, *rest = (taken(name, value) for name, value in given.items())
        hidden = self._hidden()
        activations = self._activations(len(hidden))
        if self.solver == "lbfgs" and np.any(self.dropout):
            raise ValueError("dropout does not go with solver='lbfgs', which takes its own steps on a smooth loss")
        if self.early_stopping and incremental and self.solver != "lbfgs":
            raise ValueError("partial_fit does not support early_stopping=True")
        first = not hasattr(self, "coefs_") or (not self.warm_start and not incremental)
        X, y = self._validated(X, y, reset=first)
        self._meet(y, incremental, classes)
        weights = None if sample_weight is None else _check_sample_weight(sample_weight, X)
        dtypes = [X.dtype] if is_classifier(self) else [X.dtype, y.dtype]
        factors = self._factors(y)
        if factors is not None:
            weights = factors if weights is None else factors * weights
        y = self._encoded(y)
        rng = check_random_state(self.random_state)
        n_outputs = self._n_outputs(y)
        sizes = [X.shape[1], *hidden, n_outputs]
        if first:
            last = activations[-1] if activations else self.activation if isinstance(self.activation, str) else ""
            coefs, intercepts = first_parameters(sizes, activations, last, X.dtype, rng)
        else:
            coefs, intercepts = parameters(self.coefs_, self.intercepts_)
            kept = layer_sizes(coefs)
            for name, of in (("X", slice(1)), ("hidden_layer_sizes", slice(1, -1)), ("y", slice(-1, None))):
                if kept[of] != sizes[of]:
                    raise ValueError(f"{name} must go with the layers of the fit before, {kept}, got {sizes}")
            self._refuse_other_output()
        # Computed in float64 as soon as anything is, the parameters, which may be of float32 all the same, included.
        kept_dtype = coefs[0].dtype
        dtype = np.result_type(np.float32, kept_dtype, *dtypes)
        net = network(
            coefs, intercepts, activations, self._output(), self.loss,
            dtype=np.float32 if dtype == np.float32 else np.float64, **self._options(),
        )  # fmt: skip
        about = {
            "n_iter_": 0,
            "t_": 0,
            "n_outputs_": n_outputs,
            "n_layers_": len(sizes),
            "out_activation_": self._output(),
        }
        self._begin(first, about, {} if self.solver == "lbfgs" else first_course(self.early_stopping))
        self._tie(net)
        brought = self._brought(*rest)
        if self.solver != "lbfgs":
            descent = self._descent(X, y, weights, brought, rng, incremental, kept_dtype)
            return functools.partial(descent.run, once=incremental), kept_dtype
        objective = Objective(self, net, y, weights)
        source = self._source(X, y, weights)
        run = run_of(self, objective, None, rng)
        return functools.partial(minimise, self, source, run, objective, kept_dtype), np.dtype(np.float64)

    def _refuse_other_output(self) -> None:
        """An error if the loss has been set to one whose output is another than that of the fit before."""
        output = self._output()
        if getattr(self, "out_activation_", output) != output:
            raise ValueError(
                f"loss must be one whose output is {self.out_activation_!r}, as in the fit before, got {self.loss!r}: "
                f"without warm_start a fit begins anew"
            )

    def _validated(self, X: Any, y: Any, reset: bool) -> tuple[Any, Any]:
        """Rows and their targets, of the training or for validation, as scikit-learn's estimators check them."""
        X, y = validate_data(
            self, X, y, accept_sparse=["csr", "csc"], multi_output=True, y_numeric=not is_classifier(self),
            dtype=FLOATS, reset=reset,
        )  # fmt: skip
        return X, column_or_1d(y, warn=True) if y.ndim == 2 and y.shape[1] == 1 else y

    def _brought(self, X: Any, y: Any, sample_weight: Any) -> Any:
        """The validation data that the caller has brought, as a source of the network's, or None."""
        if X is None and y is None and sample_weight is None:
            return None
        if X is None or y is None:
            raise ValueError("X_val and y_val must be given together, and sample_weight_val only with them")
        if self.solver == "lbfgs":
            raise ValueError("X_val and y_val do not go with solver='lbfgs', which does not stop early")
        try:
            X, y = self._validated(X, y, reset=False)
            weights = None if sample_weight is None else _check_sample_weight(sample_weight, X)
            return self._source(X, self._encoded(y), weights)
        except (TypeError, ValueError) as error:
            kind = ValueError if isinstance(error, ValueError) else TypeError
            raise kind(f"validation data (X_val, y_val, sample_weight_val): {error}") from error

    def _source(self, X: Any, y: Any, weights: Any) -> Any:
        """Rows for the compiled loop, dense or sparse."""
        X = X.astype(self.network_.dtype, copy=False)
        return _sources.source(self.network_.model, self.network_.params, X, y, weights)

    def _descent(
        self,
        X: Any,
        y: Any,
        weights: Any,
        brought: Any,
        rng: np.random.RandomState,
        incremental: bool,
        kept_dtype: Any,
    ) -> Descent:
        """The epochs of sgd and adam; `brought` is the caller's validation data, `kept_dtype` the parameters' own."""
        net, score = self.network_, None
        if brought is not None:
            self.best_loss_ = None
            if self.validation_loss_curve_ is None:
                self.validation_loss_curve_, self._best_score = [], -np.inf
            score = functools.partial(self._validation_loss, brought)
        elif self.early_stopping:
            # All rows, by their numbers; a source would count those of its part.
            _targets.check(net.model, y, X.shape[0])
            if weights is not None:
                _validation.sample_weights(weights, X.shape[0], net.dtype)
            self.validation_loss_curve_ = None
            if self.validation_scores_ is None:
                self.validation_scores_, self.best_validation_score_, self._best_score = [], -np.inf, -np.inf
            train, held_out = train_test_split(
                np.arange(X.shape[0]),
                random_state=rng,
                test_size=self.validation_fraction,
                stratify=y.astype(bool) if is_classifier(self) and net.layer_sizes[-1] == 1 else None,
            )
            if len(held_out) < 2:
                raise ValueError(
                    "The validation set is too small. Increase 'validation_fraction' or the size of your dataset."
                )
            if weights is not None and not weights[held_out].any():
                raise ValueError("sample_weight must not be zero in every row of the validation set")
            part = (X[held_out], y[held_out], None if weights is None else weights[held_out])
            score = functools.partial(self._score_of, net, *part)
            X, y, weights = X[train], y[train], None if weights is None else weights[train]
        elif self.best_loss_ is None:
            self.best_loss_ = np.inf
        m = X.shape[0]
        batch = min(200, m) if self.batch_size == "auto" else self.batch_size
        if batch > m:
            warn("Got `batch_size` less than 1 or larger than sample size. It is going to be clipped")
            batch = m
        goes_on = incremental and hasattr(self, "_rule")
        self._rule = rule = Rule.kept(self._rule, net) if goes_on else Rule(self, net)
        objective = Objective(self, net, y, weights)
        source = self._source(X, y, weights)
        run = run_of(self, objective, batch, rng)._replace(rounded=kept_dtype != net.dtype)
        return Descent(self, source, rule, run, objective, rng, score)

    def _validation_loss(self, source: Any) -> float:
        """The negative of the cost on a source's rows: the greater the better."""
        loss_sum, weight_sum = source.sums(None, self._n_threads())
        cost: float = loss_sum / weight_sum
        return -cost

    def _record_validation(self, score: float) -> None:
        """Keep what an epoch's validation gave, and the best of it."""
        if self.validation_loss_curve_ is not None:
            self.validation_loss_curve_.append(-score)
            self.best_validation_loss_ = -self._best_score
            line = f"Validation loss: {-score:f}"
        else:
            assert self.validation_scores_ is not None
            self.validation_scores_.append(score)
            self.best_validation_score_ = self._best_score
            line = f"Validation score: {score:f}"
        if self.verbose:
            print(line)

    def _net(self) -> MLP:
        """The network that predicts: `network_`, or where attributes have been replaced one that goes by them."""
        net = getattr(self, "network_", None)
        if isinstance(net, MLP) and self._goes_by(net):
            return net
        check_is_fitted(self)
        coefs, intercepts = parameters(self.coefs_, self.intercepts_)
        activations = self._activations(len(coefs) - 1)
        return network(coefs, intercepts, activations, self.out_activation_, self.loss, **self._options())

    def _outputs(self, X: Any) -> np.ndarray[Any, Any]:
        """The network's outputs (m, n_L) for X as a caller has it."""
        net = self._net()
        # The checks of validate_data, in a moment for the commonest kind of array.
        plain = (
            type(X) is np.ndarray
            and X.dtype == net.dtype
            and X.ndim == 2
            and X.shape[0] > 0
            and X.shape[1] == net.layer_sizes[0] == self.n_features_in_
            and X.flags.c_contiguous
            and X.flags.aligned
            and not hasattr(self, "feature_names_in_")
            and _engine.first_nonfinite(X) < 0
        )
        if plain:
            return net(X[0])[np.newaxis] if len(X) == 1 else net(X)
        X = validate_data(self, taken("X", X), accept_sparse=["csr", "csc"], reset=False)
        dtype = np.result_type(X.dtype, net.dtype)
        if dtype != net.dtype:
            net = converted(net, np.float64)
        return net(X.astype(net.dtype, copy=False))

    def _computes_as(self, net: MLP) -> bool:
        """As in `Kept`; parameters that no fit would accept name no functions, and are no reason to differ."""
        try:
            names = activation_names(self._activations(len(net.layer_sizes) - 2), self.out_activation_)
        except (AttributeError, TypeError, ValueError):
            return True
        if names != net.activations:
            return False
        may_be = self._parameter_constraints["leak"][0]
        leaks = any(ACTIVATIONS[name].parameter for name in names) and may_be.is_satisfied_by(self.leak)
        return not leaks or self.leak == net.leak

    def to_sklearn(self) -> Any:
        """scikit-learn's own estimator, fitted as this one is, for programs that ask for its type.

        Returns
        -------
        sklearn.neural_network.MLPClassifier or MLPRegressor
            With copies of the parameters and of what else the last fit has left. Its next partial_fit begins with a new
            optimizer.

        Raises
        ------
        ValueError
            If scikit-learn lacks what the estimator uses: another activation, several kinds of them, another loss,
            class_weight or dropout.
        sklearn.exceptions.NotFittedError
            If it has not been fitted.

        Examples
        --------
        >>> import numpy as np
        >>> from shallownet_c.sklearn import MLPRegressor
        >>> X = np.linspace(-1, 1, 200)[:, np.newaxis]
        >>> regressor = MLPRegressor(hidden_layer_sizes=(8,), max_iter=2000, random_state=0).fit(X, np.sin(3 * X[:, 0]))
        >>> theirs = regressor.to_sklearn()
        >>> type(theirs).__module__.partition(".")[0], bool(np.allclose(theirs.predict(X), regressor.predict(X)))
        ('sklearn', True)
        """
        return to_sklearn(self)

    @_arguments.checked
    def to_onnx(self, path: str | os.PathLike[str] | None = None, *, opset: int | None = None) -> Any:
        """The fitted estimator as an ONNX model, with the outputs that skl2onnx gives without ZipMap.

        A classifier has "label", (m,) int64 or string, or (m, n_labels) int64 where there are several labels, and
        "probabilities", as `predict_proba` has them (of one class alone in one column). A regressor has "variable",
        (m, n_outputs). The input "X" (m, `n_features_in_`) and all floats have the dtype of `coefs_`.

        Parameters
        ----------
        path : path-like, optional
            Where to write it, whole or not at all.
        opset : int, default 18
            The version of ONNX's operators.

        Returns
        -------
        onnx.ModelProto
            Its metadata describe the network, with `feature_names_in_` where the estimator has them.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If it has not been fitted.
        ValueError
            If opset is not one that onnx has, or classes are neither strings nor numbers that are 64-bit integers.
        ImportError
            Without onnx.
        OSError
            If the file cannot be written.

        Examples
        --------
        >>> import onnx.reference
        >>> from shallownet_c.sklearn import MLPClassifier
        >>> from sklearn.datasets import load_iris
        >>> X, y = load_iris(return_X_y=True)
        >>> classifier = MLPClassifier((16,), max_iter=2000, random_state=0).fit(X, y)
        >>> label, probabilities = onnx.reference.ReferenceEvaluator(classifier.to_onnx()).run(None, {"X": X})
        >>> bool((label == classifier.predict(X)).all()), probabilities.shape
        (True, (150, 3))
        """
        return _onnx.to_onnx(self, path, opset)

    def onnx_shape_calculator(self) -> Callable[[Any], None]:
        """What skl2onnx infers types and shapes by, for skl2onnx to call.

        Returns
        -------
        callable
            It raises a RuntimeError that names `register_skl2onnx` where that has not been called for the class.
        """
        return _onnx.shapes

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
