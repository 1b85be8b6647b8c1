"""What is drawn: a network, an ensemble, or an estimator of scikit-learn's kind, and the rows that go with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np

from shallownet_c._checks import _features, _validation
from shallownet_c._checks._validation import Array
from shallownet_c._fitting import _sources
from shallownet_c.ensemble import Ensemble
from shallownet_c.mlp import MLP
from shallownet_c.plot import _drawing
from shallownet_c.reference._activations import ACTIVATIONS
from shallownet_c.reference._losses import LOSSES

FLOAT64 = np.dtype(np.float64)


def check_net(net: object) -> MLP:
    if not isinstance(net, MLP):
        found = getattr(net, "network_", None)
        remedy = "; the estimator's network is its network_" if isinstance(found, MLP) else ""
        raise TypeError(f"net must be an MLP, got {type(net).__name__}{remedy}")
    return net


class Subject:
    """Something that predicts classes, with probabilities, or numbers.

    Attributes
    ----------
    n_classes : int
        0 where it predicts numbers.
    names : list
        Of the classes, in the order of the columns of probabilities.
    """

    n_classes = 0
    has_probabilities = True

    def __init__(self, predictor: Any, output: object, class_names: object) -> None:
        self.predictor = predictor
        self.names: list[Any] = []
        self._choose_output(output)
        if class_names is not None:
            if not self.n_classes:
                raise ValueError("class_names must be None where numbers are predicted and not classes")
            self.names = _validation.sequence("class_names", class_names, "names")
            if len(self.names) != self.n_classes:
                raise ValueError(
                    f"class_names must have a name for each of {self.n_classes} classes, got {len(self.names)}"
                )

    def _choose_output(self, output: object) -> None:
        raise NotImplementedError

    def feature_names(self, X: Any) -> tuple[str, ...] | None:
        raise NotImplementedError

    def outputs(self, X: Any) -> Array:
        """Probabilities (m, n_classes), or numbers (m, n) of the outputs that were chosen."""
        raise NotImplementedError

    def classify(self, X: Any) -> Array:
        """Numbers of classes (m,)."""
        numbers: Array = self.outputs(X).argmax(axis=1)
        return numbers

    def targets(self, X: Any, y: Any) -> Array:
        """Numbers of classes (m,), or numbers (m, n)."""
        raise NotImplementedError

    def _column(self, output: object, n: int) -> slice:
        """The outputs that were chosen, of n."""
        if output is None:
            return slice(None)
        k = _validation.integer("output", output, 0, n - 1)
        return slice(k, k + 1)

    def finite(self, A: Array) -> Array:
        if not np.isfinite(A).all():
            row = int(np.argmin(np.isfinite(A).all(axis=1)))
            raise ValueError(
                f"the outputs of {type(self.predictor).__name__} must be finite, got {_validation.shown(A[row])}"
            )
        return A


class Network(Subject):
    """An `MLP` or an `Ensemble`."""

    def _choose_output(self, output: object) -> None:
        members = getattr(self.predictor, "nets", None)
        self.model = self.predictor.model if members is None else members[0].model
        n = self.model.sizes[-1]
        row = ACTIVATIONS[self.model.activations[-1]]
        self.softmax = not row.elementwise
        if self.softmax and output is not None:
            raise ValueError("output must be None for softmax, whose outputs are one another's alternatives")
        self.column = self._column(output, n)
        loss = LOSSES[self.model.loss]
        self.logarithmic = loss.logarithmic and row.name not in loss.canonical
        if self.softmax:
            self.n_classes = n
        elif row.probabilities:
            if n > 1 and output is None:
                raise ValueError(f"output must say which of {n} labels to draw, 0 to {n - 1}, got None")
            self.n_classes = 2
        self.names = list(range(self.n_classes))

    def feature_names(self, X: Any) -> tuple[str, ...] | None:
        return _features.Names(self.predictor.feature_names).checked(X)

    def outputs(self, X: Any) -> Array:
        A = self.predictor.predict(X)[:, self.column].astype(np.float64)
        if self.logarithmic:
            A = np.exp(A)
        A = self.finite(A)
        return np.hstack([1 - A, A]) if self.n_classes and not self.softmax else A

    def targets(self, X: Any, y: Any) -> Array:
        piece = _sources.check(self.model, X, y, None)
        if piece.classes is not None:
            return piece.classes
        Y = piece.targets[:, self.column].astype(np.float64)
        if not self.n_classes:
            return Y
        numbers: Array = Y.argmax(axis=1) if self.softmax else (Y[:, 0] > 0.5).astype(np.intp)
        return numbers


class Estimator(Subject):
    """A fitted estimator with scikit-learn's methods."""

    def _choose_output(self, output: object) -> None:
        self.output = output
        classes = getattr(self.predictor, "classes_", None)
        if classes is None:
            return
        if isinstance(classes, list) or np.ndim(classes) != 1:
            raise ValueError("net_or_estimator must predict one target, got a classifier of several")
        if output is not None:
            raise ValueError("output must be None for a classifier, whose outputs are one another's alternatives")
        self.names = np.asarray(classes).tolist()
        self.n_classes = len(self.names)
        self.has_probabilities = hasattr(self.predictor, "predict_proba")

    def feature_names(self, X: Any) -> tuple[str, ...] | None:
        found = getattr(self.predictor, "feature_names_in_", None)
        return _features.names_of(X) or (None if found is None else tuple(map(str, found)))

    def outputs(self, X: Any) -> Array:
        if self.n_classes and self.has_probabilities:
            return self.finite(np.asarray(self.predictor.predict_proba(X), np.float64))
        if self.n_classes:
            return np.eye(self.n_classes)[self.classify(X)]
        A = np.asarray(self.predictor.predict(X))
        A = A.reshape(len(A), -1)
        return self.finite(A[:, self._column(self.output, A.shape[1])].astype(np.float64))

    def classify(self, X: Any) -> Array:
        return self._numbers("predictions", np.asarray(self.predictor.predict(X)))

    def targets(self, X: Any, y: Any) -> Array:
        if self.n_classes:
            numbers = self._numbers("y", _labels(y))
        else:
            numbers = _validation.numbers("y", y, FLOAT64)
            if numbers.ndim not in (1, 2):
                raise ValueError(f"y must have shape (m,) or (m, n), got {numbers.shape}")
            numbers = numbers.reshape(len(numbers), -1)
            numbers = numbers[:, self._column(self.output, numbers.shape[1])]
            if not np.isfinite(numbers).all():
                raise ValueError(f"y must be finite, got {_validation.shown(numbers[~np.isfinite(numbers)][0])}")
        m = X.shape[0] if hasattr(X, "shape") else len(X)
        if len(numbers) != m:
            raise ValueError(f"y must have a value for each of {m} rows of X, got {len(numbers)}")
        if m == 0:
            raise ValueError("X must have at least one row, got none")
        return numbers

    def _numbers(self, name: str, labels: Array) -> Array:
        """The numbers of the classes that the labels name."""
        if labels.ndim == 2 and labels.shape[1] == 1:
            labels = labels[:, 0]
        if labels.ndim != 1:
            raise ValueError(f"{name} must have shape (m,), a label for each row, got {labels.shape}")
        known = {label: number for number, label in enumerate(np.asarray(self.predictor.classes_).tolist())}
        items = labels.tolist()
        try:
            numbers = np.array([known.get(item, -1) for item in items], np.intp)
        except TypeError as error:  # what has no hash is no label
            raise TypeError(f"{name} must hold labels: {error}") from None
        if (numbers < 0).any():
            raise ValueError(
                f"{name} must hold classes that the estimator knows, {_validation.shown(list(known))}, got "
                f"{_validation.shown(items[int(np.argmin(numbers))])}"
            )
        return numbers


def _labels(y: Any) -> Array:
    _validation.refuse_masked("y", y)
    try:
        return np.asarray(y)
    except (TypeError, ValueError) as error:
        raise _validation.retold(error, f"y must have shape (m,), a label for each row: {error}") from None


def subject(predictor: Any, output: object = None, class_names: Sequence[object] | None = None) -> Subject:
    """The subject that net_or_estimator is; an error if it predicts nothing."""
    if isinstance(predictor, (MLP, Ensemble)):
        return Network(predictor, output, class_names)
    if isinstance(predictor, type) or not callable(getattr(predictor, "predict", None)):
        raise TypeError(
            f"net_or_estimator must be an MLP, an Ensemble or a fitted estimator with predict, got "
            f"{_validation.shown(predictor)}"
        )
    return Estimator(predictor, output, class_names)


def plane(X: Any, function: str) -> Array:
    """X as an array (m, 2) of float64; an error that says what to plot instead where it has not two columns."""
    array = _validation.numbers("X", X, FLOAT64)
    if array.ndim == 2 and array.shape[1] != 2:
        refuse_dimensions("X must have two columns", array.shape[1], function)
    if array.ndim != 2:
        raise ValueError(f"X must have shape (m, 2), got {array.shape}")
    if len(array) == 0:
        raise ValueError("X must have at least one row, got none")
    finite = np.isfinite(array).all(axis=1)
    if not finite.all():
        row = int(np.argmin(finite))
        raise ValueError(f"X must be finite, got {_validation.shown(array[row].tolist())} in row {row}")
    return array


def refuse_dimensions(must: str, n: int, function: str) -> NoReturn:
    raise ValueError(
        f"{must} for plot.{function}, which draws a plane, got {n}: plot.confusion, plot.calibration and "
        f"plot.predicted_vs_true show predictions for any number of inputs, plot.weights and plot.gradients the network"
    )


def table_like(X: Any, rows: Array) -> Any:
    """Rows of numbers as a table of the kind of X with its columns, which estimators that know names ask for."""
    if hasattr(X, "columns") and hasattr(X, "dtypes") and len(set(X.columns)) == rows.shape[1]:
        return type(X)(dict(zip(X.columns, rows.T, strict=True)))
    return rows


def check_units(name: str, units: object, n: int) -> list[int]:
    """The numbers of the units, or outputs, that have panels, of n."""
    if units is None:
        if n > _drawing.MOST_PANELS:
            raise ValueError(
                f"{name} must say which ones to draw where there are more than {_drawing.MOST_PANELS}, got None for {n}"
            )
        return list(range(n))
    items = _validation.sequence(name, units, "integers")
    chosen = [_validation.integer(name, unit, 0, n - 1) for unit in items]
    if not chosen:
        raise ValueError(f"{name} must name at least one, got none")
    return chosen
