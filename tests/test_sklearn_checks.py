"""scikit-learn's own checks of estimators, none of them expected to fail."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from shallownet_c.sklearn import MLPClassifier, MLPRegressor

SETTINGS = [
    {},
    {"solver": "sgd", "max_iter": 100},
    {"solver": "lbfgs", "max_iter": 30, "hidden_layer_sizes": (20,)},
    {"hidden_layer_sizes": (60, 30), "activation": ["tanh", "leaky_relu"], "learning_rate_init": 0.003},
]
ESTIMATORS = [kind(**settings) for kind in (MLPClassifier, MLPRegressor) for settings in SETTINGS]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@parametrize_with_checks(ESTIMATORS)
def test_estimator(estimator, check):
    check(estimator)
