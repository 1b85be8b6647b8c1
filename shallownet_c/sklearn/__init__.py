"""scikit-learn's multi-layer perceptrons, computed by the compiled kernels: change one import.

>>> from shallownet_c.sklearn import MLPClassifier  # instead of: from sklearn.neural_network import MLPClassifier
>>> from sklearn.datasets import load_iris
>>> X, y = load_iris(return_X_y=True)
>>> MLPClassifier((16,), max_iter=2000, random_state=0).fit(X, y).score(X, y) > 0.95
True

Parameters, attributes, messages, random numbers and results are scikit-learn's; what is added is listed in
`MLPClassifier`. Needs the extra "sklearn" (scikit-learn ≥ 1.7).
"""

import importlib

try:
    importlib.import_module("sklearn")
except ModuleNotFoundError as error:
    if error.name != "sklearn":
        raise
    raise ImportError(
        "shallownet_c.sklearn needs scikit-learn: pip install 'shallownet-c[sklearn]'", name="sklearn"
    ) from None

from shallownet_c.sklearn._convert import from_sklearn
from shallownet_c.sklearn._ensembles import MLPEnsembleClassifier, MLPEnsembleRegressor
from shallownet_c.sklearn._estimators import MLPClassifier, MLPRegressor
from shallownet_c.sklearn._skl2onnx import register_if_imported, register_skl2onnx

__all__ = [
    "MLPClassifier",
    "MLPEnsembleClassifier",
    "MLPEnsembleRegressor",
    "MLPRegressor",
    "from_sklearn",
    "register_skl2onnx",
]

register_if_imported()
