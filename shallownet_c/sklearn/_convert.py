"""From scikit-learn's own estimators."""

from typing import Any

from shallownet_c.mlp import MLP
from shallownet_c.sklearn._network import network, parameters


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
        If it is none of the two.
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
    from sklearn.utils.validation import check_is_fitted

    if not isinstance(estimator, (MLPClassifier, MLPRegressor)):
        raise TypeError(
            f"estimator must be an MLPClassifier or MLPRegressor of sklearn.neural_network, got {estimator!r}; "
            f"one of shallownet_c.sklearn has its network as network_"
        )
    check_is_fitted(estimator)
    coefs, intercepts = parameters(estimator.coefs_, estimator.intercepts_)
    activations = [estimator.activation] * (len(coefs) - 1)
    return network(coefs, intercepts, activations, estimator.out_activation_, loss=estimator.loss)
