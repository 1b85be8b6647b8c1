"""From scikit-learn's own estimators, and to them."""

from __future__ import annotations

import copy
import inspect
from typing import Any

from sklearn.base import is_classifier
from sklearn.utils.validation import check_is_fitted

from shallownet_c._checks import _validation
from shallownet_c.mlp import MLP
from shallownet_c.sklearn._network import ACTIVATIONS, LOSSES, network, parameters
from shallownet_c.sklearn._parameters import HIDDEN

#: What a fit leaves besides coefs_ and intercepts_, where it has left it.
LEFT = (
    "n_features_in_", "feature_names_in_", "classes_", "_label_binarizer", "n_iter_", "t_", "n_layers_", "n_outputs_",
    "out_activation_", "loss_", "best_loss_", "loss_curve_", "validation_scores_", "best_validation_score_",
    "_no_improvement_count",
)  # fmt: skip


def to_sklearn(estimator: Any) -> Any:
    """scikit-learn's own estimator, fitted, with copies of what this one's last fit has left."""
    from sklearn import neural_network

    check_is_fitted(estimator)
    kind = neural_network.MLPClassifier if is_classifier(estimator) else neural_network.MLPRegressor
    parameters_of_theirs = inspect.signature(kind).parameters
    given = estimator.get_params(deep=False)
    coefs, intercepts = parameters(estimator.coefs_, estimator.intercepts_)
    names = set(estimator._activations(len(coefs) - 1))
    if not isinstance(given["activation"], str):
        given["activation"] = names.pop() if len(names) == 1 else "relu" if not names else given["activation"]
    theirs = [name for name in HIDDEN if ACTIVATIONS[name].in_sklearn]
    if given["activation"] not in theirs:
        _refuse("activation", given["activation"], f"has one for all hidden layers, out of {sorted(theirs)}")
    if not is_classifier(estimator):
        theirs = [name for name, row in LOSSES.items() if row.in_sklearn and not row.classes]
        if given["loss"] not in theirs:
            _refuse("loss", given["loss"], f"has {' and '.join(map(repr, theirs))}")
    for name, without in estimator._lacking.items():
        if given[name] not in without:
            hint = f"set_params({name}={without[0]}) says that fits to come may do without"
            _refuse(name, given[name], f"has no such parameter: {hint}")
    other = kind(**{name: value for name, value in given.items() if name in parameters_of_theirs})
    for name in LEFT:
        if hasattr(estimator, name):
            setattr(other, name, copy.deepcopy(getattr(estimator, name)))
    other.coefs_, other.intercepts_ = [W.copy() for W in coefs], [b.copy() for b in intercepts]
    # Where a warm start with early stopping finds the best parameters so far.
    other._best_coefs, other._best_intercepts = ([p.copy() for p in ps] for ps in (coefs, intercepts))
    return other


def _refuse(name: str, value: object, why: str) -> None:
    raise ValueError(f"{name}={_validation.shown(value)} does not go with to_sklearn: scikit-learn {why}")


def from_sklearn(estimator: Any) -> MLP:
    """The network of a fitted MLPClassifier or MLPRegressor of scikit-learn.

    Parameters
    ----------
    estimator : sklearn.neural_network.MLPClassifier or MLPRegressor

    Returns
    -------
    MLP
        With copies of the parameters. Its output is what the estimator computes: probabilities of the classes (of the
        second one where there are two), or predictions. Its loss is the estimator's.

    Raises
    ------
    TypeError
        If it is neither of the two.
    sklearn.exceptions.NotFittedError
        If it has not been fitted.
    ImportError
        Without scikit-learn.

    Examples
    --------
    >>> import numpy as np, shallownet_c as sn
    >>> from sklearn.neural_network import MLPRegressor
    >>> X = np.linspace(-1, 1, 200)[:, np.newaxis]
    >>> fitted = MLPRegressor(hidden_layer_sizes=(8,), max_iter=2000, random_state=0).fit(X, np.sin(3 * X[:, 0]))
    >>> bool(np.allclose(sn.from_sklearn(fitted)(X)[:, 0], fitted.predict(X)))
    True
    """
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    if not isinstance(estimator, (MLPClassifier, MLPRegressor)):
        raise TypeError(
            f"estimator must be an MLPClassifier or MLPRegressor of sklearn.neural_network, got {estimator!r}; "
            f"one of shallownet_c.sklearn has its network as network_"
        )
    check_is_fitted(estimator)
    coefs, intercepts = parameters(estimator.coefs_, estimator.intercepts_)
    activations = [estimator.activation] * (len(coefs) - 1)
    return network(coefs, intercepts, activations, estimator.out_activation_, loss=estimator.loss)
