"""Ensembles of our estimators: each member as it would be alone, scikit-learn's own checks, and the spread."""

import pickle
import signal

import numpy as np
import pytest

pytest.importorskip("sklearn")

import joblib
import scipy.sparse
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.ensemble import BaggingClassifier
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.utils.estimator_checks import parametrize_with_checks

import shallownet_c as sn
from shallownet_c import _threads
from shallownet_c.sklearn import MLPClassifier, MLPEnsembleClassifier, MLPEnsembleRegressor, MLPRegressor

X, CLASSES = load_iris(return_X_y=True)
Y = np.column_stack([np.sin(X[:, 0]), X[:, 1] * X[:, 2]])
quiet = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

CHECKED = [
    MLPEnsembleClassifier(MLPClassifier((20,), max_iter=100), n_estimators=3),
    MLPEnsembleRegressor(MLPRegressor(hidden_layer_sizes=(20,), max_iter=100), n_estimators=3),
    MLPEnsembleRegressor(n_estimators=2, bootstrap=False),
]


@quiet
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@parametrize_with_checks(CHECKED)
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


def classifier(**options):
    return MLPClassifier(**{"hidden_layer_sizes": (7,), "max_iter": 15} | options)


def regressor(**options):
    return MLPRegressor(**{"hidden_layer_sizes": (7,), "max_iter": 15} | options)


@quiet
@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize(
    ("ensemble", "y"),
    [
        (MLPEnsembleClassifier(classifier()), CLASSES),
        (MLPEnsembleClassifier(classifier(early_stopping=True)), CLASSES),
        (MLPEnsembleClassifier(classifier(class_weight="balanced", dropout=0.1)), np.array(["a", "b"])[CLASSES // 2]),
        (MLPEnsembleClassifier(classifier(solver="sgd")), np.eye(3, dtype=int)[CLASSES]),
        (MLPEnsembleClassifier(classifier(), bootstrap=False), CLASSES),
        (MLPEnsembleRegressor(regressor(solver="lbfgs")), Y),
        (MLPEnsembleRegressor(regressor(solver="sgd", learning_rate="adaptive", n_threads=2)), Y[:, 0]),
        (MLPEnsembleRegressor(regressor(loss="poisson", batch_size=40)), CLASSES),
    ],
)
@pytest.mark.parametrize("rows", [X, X.astype(np.float32), scipy.sparse.csr_matrix(X)], ids=["64", "32", "sparse"])
def test_each_member_is_what_its_rows_alone_give(ensemble, y, rows, n_threads):
    fitted = clone(ensemble).set_params(n_estimators=4, n_threads=n_threads, random_state=5).fit(rows, y)
    assert len(fitted.estimators_) == len(fitted.estimators_samples_) == 4
    assert len({member.random_state for member in fitted.estimators_}) == 4
    for member, samples in zip(fitted.estimators_, fitted.estimators_samples_, strict=True):
        assert member.get_params() == ensemble.estimator.get_params() | {"random_state": member.random_state}
        alone = clone(member).fit(rows[samples], y[samples])
        assert alone.network_.params.tobytes() == member.network_.params.tobytes()
        assert alone.n_iter_ == member.n_iter_


@quiet
def test_bootstraps():
    fitted = MLPEnsembleRegressor(regressor(), n_estimators=3, random_state=0).fit(X, Y)
    for samples in fitted.estimators_samples_:
        assert (len(samples), samples.min() >= 0, samples.max() < len(X)) == (150, True, True)
        assert 75 <= len(np.unique(samples)) <= 110  # 1 − 1/e of all, 95, on average
    assert len({samples.tobytes() for samples in fitted.estimators_samples_}) == 3
    rare = np.where(np.arange(150) == 33, "rare", np.where(CLASSES == 1, "b", "a"))
    fitted = MLPEnsembleClassifier(classifier(), n_estimators=30, random_state=0).fit(X, rare)
    for member, samples in zip(fitted.estimators_, fitted.estimators_samples_, strict=True):
        assert list(member.classes_) == ["a", "b", "rare"]
        np.testing.assert_array_equal(np.unique(rare[samples], return_counts=True)[1], [99, 50, 1])
        assert 75 <= len(np.unique(samples)) <= 110
    assert list(fitted.classes_) == ["a", "b", "rare"]
    whole = MLPEnsembleRegressor(regressor(), n_estimators=2, bootstrap=False, random_state=0).fit(X, Y)
    for samples in whole.estimators_samples_:
        np.testing.assert_array_equal(samples, np.arange(150))
    assert not np.array_equal(*(member.network_.params for member in whole.estimators_))


@quiet
@pytest.mark.parametrize("y", [Y, Y[:, 0]], ids=["two", "one"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_mean_and_spread_of_predictions(y, dtype):
    rows, y = X.astype(dtype), y.astype(dtype)
    fitted = MLPEnsembleRegressor(regressor(), n_estimators=5, random_state=0).fit(rows, y)
    each = np.stack([member.predict(rows) for member in fitted.estimators_]).astype(np.float64)
    mean, std = fitted.predict(rows, return_std=True)
    for got, want in ((mean, each.mean(axis=0)), (std, each.std(axis=0)), (fitted.predict(rows), each.mean(axis=0))):
        assert (got.dtype, got.shape) == (dtype, y.shape)
        np.testing.assert_allclose(got, want, rtol=0, atol=20 * np.finfo(dtype).eps * np.abs(each).max())
    assert std.min() > 0
    assert isinstance(fitted.ensemble_, sn.Ensemble)
    np.testing.assert_allclose(fitted.ensemble_(rows).reshape(mean.shape), mean, rtol=1e-5)


@quiet
@pytest.mark.parametrize(
    "y",
    [CLASSES, CLASSES == 1, np.array(["x", "y", "z"])[CLASSES], np.eye(3, dtype=int)[CLASSES], np.full(150, 7)],
    ids=["three", "two", "labels", "several", "one"],
)
def test_probabilities_and_classes(y):
    fitted = MLPEnsembleClassifier(classifier(), n_estimators=4, random_state=0).fit(X, y)
    probabilities = fitted.predict_proba(X)
    each = np.stack([member.predict_proba(X) for member in fitted.estimators_])
    np.testing.assert_allclose(probabilities, each.mean(axis=0), rtol=1e-12)
    predicted = fitted.predict(X)
    assert (predicted.shape, predicted.dtype) == (y.shape, fitted.estimators_[0].predict(X).dtype)
    if y.ndim == 2:
        np.testing.assert_array_equal(predicted, probabilities > 0.5)
    elif len(fitted.classes_) > 1:
        np.testing.assert_array_equal(predicted, fitted.classes_[probabilities.argmax(axis=1)])
        assert fitted.score(X, y) > 0.3
    else:
        assert set(predicted) == {7}


def test_one_warning_for_all_members():
    with pytest.warns(ConvergenceWarning) as warned:
        MLPEnsembleRegressor(regressor(), n_estimators=4, random_state=0, n_threads=2).fit(X, Y)
    (warning,) = warned
    assert "Maximum iterations (15) reached" in str(warning.message)
    assert str(warning.message).endswith("(4 of the estimators)")
    assert warning.filename == __file__


@quiet
def test_a_refused_fit_leaves_everything_as_it_was():
    rng = np.random.RandomState(0)
    fitted = MLPEnsembleRegressor(regressor(), n_estimators=2, random_state=rng).fit(X, Y)
    before, state = fitted.predict(X), rng.get_state(legacy=False)
    for params, y, message in (
        ({}, Y[:9], "inconsistent numbers of samples"),
        ({}, np.full(150, np.nan), "y contains NaN"),
        ({"estimator__alpha": -1}, Y, "'alpha' parameter of MLPRegressor"),
        ({"n_estimators": 0}, Y, "'n_estimators' parameter of MLPEnsembleRegressor"),
    ):
        kept = fitted.get_params()
        with pytest.raises(ValueError, match=message):
            fitted.set_params(**params).fit(X, y)
        fitted.set_params(**kept)
        np.testing.assert_array_equal(fitted.predict(X), before)
        assert str(rng.get_state(legacy=False)) == str(state)
    unfitted = MLPEnsembleClassifier(classifier(alpha=-1))
    with pytest.raises(ValueError, match="alpha"):
        unfitted.fit(X, CLASSES)
    for call in (lambda: unfitted.predict(X), lambda: unfitted.ensemble_):
        with pytest.raises(NotFittedError):
            call()
    with pytest.raises(ValueError, match="'estimator' parameter of MLPEnsembleClassifier must be an instance of"):
        MLPEnsembleClassifier(regressor()).fit(X, CLASSES)
    with pytest.raises(ValueError, match="masked"):
        MLPEnsembleRegressor(regressor()).fit(np.ma.masked_less(X, 1), Y)


def test_one_member_that_diverges_is_an_error():
    with np.errstate(all="ignore"), pytest.raises(ValueError, match="non-finite parameter weights"):
        MLPEnsembleRegressor(regressor(solver="sgd", learning_rate_init=1e300), n_estimators=3).fit(X, Y)


@quiet
def test_pickles_clones_and_searches():
    fitted = MLPEnsembleClassifier(classifier(), n_estimators=3, random_state=0).fit(X, CLASSES)
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict_proba(X), fitted.predict_proba(X))
    twin = clone(fitted).fit(X, CLASSES)
    np.testing.assert_array_equal(twin.predict_proba(X), fitted.predict_proba(X))
    assert fitted.estimator.random_state is None  # the caller's estimator is not touched
    assert not hasattr(fitted.estimator, "coefs_")
    search = GridSearchCV(fitted, {"estimator__alpha": [1e-4, 1e-2], "n_estimators": [1, 2]}, cv=2).fit(X, CLASSES)
    assert search.best_estimator_.estimator.alpha in (1e-4, 1e-2)


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_loops_with_n_jobs_share_the_cpus(backend):
    """A fit in one of several workers has its share of the threads, whatever the backend; results are the same."""
    with joblib.parallel_config(backend):
        allowed = joblib.Parallel(n_jobs=2)(joblib.delayed(_threads.allowed)() for _ in range(4))
        assert max(allowed) <= max(1, _threads.allowed() // 2)
        member = classifier(random_state=0, tol=1e9, n_iter_no_change=3)  # converged at once
        for make in (
            lambda n_jobs: cross_validate(member, X, CLASSES, n_jobs=n_jobs)["test_score"],
            lambda n_jobs: (
                GridSearchCV(member, {"alpha": [1e-4, 1.0]}, n_jobs=n_jobs)
                .fit(X, CLASSES)
                .cv_results_["mean_test_score"]
            ),
            lambda n_jobs: [  # whose mean scikit-learn adds up in another order
                one.network_.params
                for one in BaggingClassifier(member, 4, random_state=0, n_jobs=n_jobs).fit(X, CLASSES).estimators_
            ],
            lambda n_jobs: cross_validate(
                MLPEnsembleClassifier(member, n_estimators=2, random_state=0), X, CLASSES, n_jobs=n_jobs
            )["test_score"],
        ):
            np.testing.assert_array_equal(make(1), make(2))


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers that send signals on this system")
@pytest.mark.parametrize("n_threads", [1, 2])
def test_ctrl_c_ends_all_members(n_threads):
    endless = MLPRegressor(hidden_layer_sizes=(300, 300), max_iter=10**7, tol=0.0, n_iter_no_change=np.inf)
    ensemble = MLPEnsembleRegressor(endless, n_estimators=3, n_threads=n_threads, random_state=0)

    def interrupt(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.4)
        with pytest.raises(KeyboardInterrupt):
            ensemble.fit(np.tile(X, (30, 1)), np.tile(Y, (30, 1)))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert not hasattr(ensemble, "estimators_")
