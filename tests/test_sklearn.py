"""`shallownet_c.sklearn` next to scikit-learn: the same random_state, the same numbers."""

import pickle
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
import scipy.sparse
from sklearn import neural_network as theirs
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.inspection import partial_dependence, permutation_importance
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import shallownet_c as sn
from shallownet_c import sklearn as ours
from shallownet_c.reference import vectorized
from shallownet_c.sklearn import _network

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    # Both warn of a batch that is longer than the data.
    pytest.mark.filterwarnings("ignore:Got `batch_size`"),
]

RNG = np.random.default_rng(0)
X = RNG.standard_normal((150, 7))
WEIGHTS = RNG.uniform(0.2, 2, 150)
NOISE = 0.3 * RNG.standard_normal((150, 3))
TARGETS = {
    "binary": (X[:, 0] + X[:, 1] ** 2 > 0.5).astype(int),
    "multiclass": np.array(list("abcd"))[np.digitize(X[:, 0] + NOISE[:, 0], [-0.7, 0, 0.7])],
    "multilabel": (X[:, :3] + NOISE > 0).astype(int),
    "regression": X[:, 0] * X[:, 1] + np.sin(X[:, 2]),
    "multi-output": np.column_stack([X[:, 0] * X[:, 1], np.sin(X[:, 2])]),
    "poisson": np.floor(2 * np.exp(0.5 * X[:, 0])),
}
SOLVERS = {
    "adam": {"solver": "adam"},
    "in order": {"solver": "adam", "shuffle": False},
    "nesterov": {"solver": "sgd"},
    "momentum": {"solver": "sgd", "nesterovs_momentum": False},
    "plain": {"solver": "sgd", "momentum": 0.0},
    "invscaling": {"solver": "sgd", "learning_rate": "invscaling"},
    "adaptive": {"solver": "sgd", "learning_rate": "adaptive", "n_iter_no_change": 2, "tol": 0.02},
}
ACTIVATIONS = [name for name, row in _network.ACTIVATIONS.items() if row.hidden and row.in_sklearn]


def pair(target, **options):
    """Our estimator and theirs for one of TARGETS, which is the last item."""
    y = TARGETS[target]
    options = {"hidden_layer_sizes": (11, 6), "random_state": 3, "batch_size": 40, "max_iter": 20, **options}
    options.setdefault("learning_rate_init", 0.01)
    name = "MLPClassifier" if target in ("binary", "multiclass", "multilabel") else "MLPRegressor"
    if target == "poisson":
        options["loss"] = "poisson"
    return getattr(ours, name)(**options), getattr(theirs, name)(**options), y


def assert_same(a, b):
    assert (a.n_iter_, a.t_, a.n_layers_, a.n_outputs_) == (b.n_iter_, b.t_, b.n_layers_, b.n_outputs_)
    assert a.out_activation_ == b.out_activation_
    for name in ("coefs_", "intercepts_"):
        for p, q in zip(getattr(a, name), getattr(b, name), strict=True):
            np.testing.assert_allclose(p, q, rtol=0, atol=1e-6 * np.abs(q).max())
    for name in ("loss_", "loss_curve_", "best_loss_", "validation_scores_", "best_validation_score_"):
        assert hasattr(a, name) == hasattr(b, name)
        if getattr(b, name) is None:
            assert getattr(a, name) is None
        else:
            np.testing.assert_allclose(getattr(a, name), getattr(b, name), rtol=1e-6, err_msg=name)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_twenty_epochs(target, solver, early_stopping, weighted):
    activation = ACTIVATIONS[(list(TARGETS).index(target) + list(SOLVERS).index(solver)) % 4]
    a, b, y = pair(target, activation=activation, early_stopping=early_stopping, **SOLVERS[solver])
    weights = WEIGHTS if weighted else None
    assert_same(a.fit(X, y, weights), b.fit(X, y, weights))


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations(target, activation):
    a, b, y = pair(target, activation=activation)
    assert_same(a.fit(X, y), b.fit(X, y))
    if a.loss == "log_loss":
        np.testing.assert_array_equal(a.predict(X), b.predict(X))
    assert a.score(X, y, WEIGHTS) == pytest.approx(b.score(X, y, WEIGHTS), rel=1e-6)
    for method in ("predict_proba", "predict_log_proba") if a.loss == "log_loss" else ("predict",):
        np.testing.assert_allclose(getattr(a, method)(X), getattr(b, method)(X), rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("early_stopping", [False, True])
def test_warm_start(target, solver, early_stopping):
    a, b, y = pair(target, warm_start=True, early_stopping=early_stopping, **{**SOLVERS[solver], "max_iter": 6})
    for _ in range(3):
        assert_same(a.fit(X, y), b.fit(X, y))


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("solver", ["adam", "nesterov", "invscaling"])
def test_partial_fit(target, solver):
    a, b, y = pair(target, **SOLVERS[solver])
    first = {"classes": np.unique(y) if y.ndim == 1 else np.arange(3)} if a.loss == "log_loss" else {}
    for at in range(0, 100, 25):
        rows = slice(at, at + 50)
        for estimator in (a, b):
            estimator.partial_fit(X[rows], y[rows], WEIGHTS[rows], **first)
        first = {}
    assert_same(a, b)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(
    "options",
    [
        {"n_iter_no_change": 3, "tol": 1e-2},
        {"n_iter_no_change": 3, "early_stopping": True},
        {"n_iter_no_change": np.inf, "max_iter": 60},
        {"n_iter_no_change": 2, "tol": 1e-2, "solver": "sgd", "learning_rate": "adaptive"},
    ],
    ids=["tol", "early", "never", "adaptive"],
)
def test_stops_where_theirs_does(target, options):
    a, b, y = pair(target, **{"max_iter": 400, "learning_rate_init": 0.02, **options})
    assert_same(a.fit(X, y), b.fit(X, y))


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("weighted", [False, True])
def test_lbfgs(target, weighted):
    weights = WEIGHTS if weighted else None
    a, b, y = pair(target, solver="lbfgs", hidden_layer_sizes=(5,), activation="tanh", alpha=1.0, max_iter=3)
    a.fit(X, y, weights), b.fit(X, y, weights)
    assert a.n_iter_ == b.n_iter_
    assert a.loss_ == pytest.approx(b.loss_, rel=1e-9)
    assert not hasattr(a, "loss_curve_")
    if target != "multi-output":  # where scikit-learn's gradient is not that of its loss, and the search ends anywhere
        a.set_params(max_iter=2000), b.set_params(max_iter=2000)
        assert a.fit(X, y, weights).loss_ == pytest.approx(b.fit(X, y, weights).loss_, abs=1e-5)


@pytest.mark.parametrize("form", ["csr_matrix", "csc_array"])
@pytest.mark.parametrize("target", TARGETS)
def test_sparse(form, target):
    rows = getattr(scipy.sparse, form)(np.where(np.abs(X) < 0.5, 0, X))
    for options in ({}, {"early_stopping": True}, {"batch_size": 500}, {"shuffle": False}):
        a, b, y = pair(target, **options)
        assert_same(a.fit(rows, y, WEIGHTS), b.fit(rows, y, WEIGHTS))
        np.testing.assert_allclose(a.network_(rows.toarray()), a._outputs(rows), rtol=1e-12)
        assert a.score(rows, y) == pytest.approx(b.score(rows, y), rel=1e-9)
    a, b, y = pair(target)
    labels = np.unique(y) if np.ndim(y) == 1 else np.arange(y.shape[1])
    classes = {"classes": labels} if a.loss == "log_loss" else {}
    for _ in range(3):
        assert_same(a.partial_fit(rows, y, **classes), b.partial_fit(rows, y, **classes))
    a, b, y = pair(target, solver="lbfgs", max_iter=5)
    assert a.fit(rows, y).loss_ == pytest.approx(b.fit(rows, y).loss_, rel=1e-8)


@pytest.mark.parametrize("target", TARGETS)
def test_float32(target):
    a, b, y = pair(target)
    a.fit(X.astype(np.float32), y), b.fit(X.astype(np.float32), y)
    assert {p.dtype for p in (*a.coefs_, *a.intercepts_)} == {np.dtype(np.float32)}
    np.testing.assert_allclose(a.loss_curve_, b.loss_curve_, rtol=1e-3)
    proba = a.predict_proba if a.loss == "log_loss" else a.predict
    assert proba(X.astype(np.float32)).dtype == np.float32


def test_saturated_probabilities_are_cut_off_in_the_loss():
    wild = 300 * X
    a, b, y = pair("multiclass", max_iter=3, learning_rate_init=1e-4)
    assert b.fit(wild, y).loss_ > 5
    assert a.fit(wild, y).loss_ == pytest.approx(b.loss_, rel=1e-6)
    # The network itself says what its cost is.
    assert a.network_.cost(wild, np.searchsorted(a.classes_, y)) > 2 * a.loss_


def test_course_is_printed_as_theirs(capsys):
    for options in (
        {"max_iter": 3},
        {"max_iter": 3, "early_stopping": True},
        {"tol": 0.1, "n_iter_no_change": 1, "solver": "sgd", "learning_rate": "adaptive", "max_iter": 40},
        {"tol": 0.1, "n_iter_no_change": 1},
    ):
        a, b, y = pair("binary", verbose=True, **options)
        a.fit(X, y)
        printed = capsys.readouterr().out
        b.fit(X, y)
        assert printed == capsys.readouterr().out
        assert "Iteration 2, loss = " in printed


def test_warnings_and_refusals_are_theirs():
    X_nan = np.where(X > 2, np.nan, X)
    bad = [
        lambda e: e.fit(X_nan, TARGETS["binary"]),
        lambda e: e.fit(X, TARGETS["binary"][1:]),
        lambda e: e.set_params(hidden_layer_sizes=(3, 0)).fit(X, TARGETS["binary"]),
        lambda e: e.set_params(batch_size=0).fit(X, TARGETS["binary"]),
        lambda e: e.set_params(solver="newton").fit(X, TARGETS["binary"]),
        lambda e: e.set_params(early_stopping=True).partial_fit(X, TARGETS["binary"], classes=[0, 1]),
        lambda e: e.partial_fit(X, TARGETS["binary"]),
        lambda e: e.partial_fit(X, TARGETS["binary"], classes=[0, 2]),
        lambda e: e.set_params(solver="lbfgs").partial_fit(X, TARGETS["binary"], classes=[0, 1]),
        lambda e: e.set_params(early_stopping=True, validation_fraction=0.01).fit(X[:20], [0, 1] * 10),
        lambda e: e.fit(X, np.tile(TARGETS["multiclass"], (2, 1)).T),
        lambda e: e.predict(X),
        lambda e: e.fit(X, TARGETS["binary"]).predict(X[:, 1:]),
        lambda e: e.fit(X, TARGETS["binary"]).predict(X[0]),
        lambda e: e.fit(X, TARGETS["binary"]).predict(X_nan),
        lambda e: e.fit(X, TARGETS["binary"]).predict(X[:0]),
        lambda e: e.set_params(solver="sgd", activation="identity").fit(X * 1e200, TARGETS["binary"]),
        lambda e: e.set_params(warm_start=True).fit(X, TARGETS["binary"]).fit(X, TARGETS["multiclass"]),
    ]
    for i, act in enumerate(bad):
        raised = []
        for module in (theirs, ours):
            with np.errstate(all="ignore"), pytest.raises((ValueError, AttributeError)) as error:
                act(module.MLPClassifier((4,), max_iter=5, random_state=0))
            raised.append(error)
        assert raised[0].type is raised[1].type, i
        # Theirs names its own class in a few, and lists its own choices.
        start = str(raised[0].value).replace("newton", "")[:40]
        assert str(raised[1].value).startswith(start), (i, str(raised[1].value))


@pytest.mark.filterwarnings("error")
def test_warnings():
    for module in (theirs, ours):
        with pytest.warns(ConvergenceWarning, match=r"Maximum iterations \(2\) reached"):
            module.MLPRegressor(max_iter=2).fit(X, TARGETS["regression"])
        with pytest.warns(ConvergenceWarning, match="lbfgs failed to converge"):
            module.MLPRegressor(solver="lbfgs", max_iter=2).fit(X, TARGETS["regression"])
        with pytest.warns(UserWarning, match="Got `batch_size`"), pytest.warns(ConvergenceWarning):
            module.MLPRegressor(max_iter=2, batch_size=500).fit(X, TARGETS["regression"])


def test_others_in_the_place_of_coefs_are_used():
    a, _, y = pair("multiclass")
    a.fit(X, y)
    proba = a.predict_proba(X)
    a.coefs_[0] *= 2  # in place: a view of the network's own
    assert not np.allclose(a.predict_proba(X), proba)
    a.coefs_[0] *= 0.5
    np.testing.assert_array_equal(a.predict_proba(X), proba)
    # The first hidden layer's units in another order, one of them said twice.
    units = np.array([*range(11)[::-1], 3])
    W = a.coefs_[1][units].copy()
    W[[7, 11]] /= 2
    a.coefs_, a.intercepts_[0] = [a.coefs_[0][:, units], W, a.coefs_[2]], a.intercepts_[0][units]
    np.testing.assert_allclose(a.predict_proba(X), proba, rtol=1e-10)
    np.testing.assert_allclose(pickle.loads(pickle.dumps(a)).predict_proba(X), proba, rtol=1e-10)
    a.coefs_[0] = a.coefs_[0][:5]
    with pytest.raises(ValueError, match="shape"):
        a.predict(X)


def test_pickle_and_clone():
    a, _, y = pair("regression", warm_start=True)
    a.fit(X, y)
    again = pickle.loads(pickle.dumps(a))
    np.testing.assert_array_equal(again.predict(X), a.predict(X))
    assert all(np.shares_memory(W, again.network_.params) for W in again.coefs_)
    assert len(pickle.dumps(a)) < a.network_.params.nbytes + 8000
    assert_same(again.fit(X, y), a.fit(X, y))
    fresh = clone(a)
    assert not hasattr(fresh, "coefs_")
    assert fresh.get_params() == a.get_params()


@pytest.mark.parametrize("target", TARGETS)
def test_from_sklearn_and_network(target):
    a, b, y = pair(target)
    a.fit(X, y), b.fit(X, y)
    net = sn.from_sklearn(b)
    np.testing.assert_allclose(net(X), a.network_(X), rtol=1e-6, atol=1e-9)
    assert repr(net) == repr(a.network_)
    reached = net(X)[:, -1] if target == "binary" else net(X)
    expected = (
        b.predict_proba(X)[:, 1] if target == "binary" else b.predict_proba(X) if a.loss == "log_loss" else b.predict(X)
    )
    np.testing.assert_allclose(reached.reshape(expected.shape), expected, rtol=1e-10, atol=1e-14)
    before = [W.copy() for W in b.coefs_]
    net.params[:] = 0
    np.testing.assert_array_equal(b.coefs_[0], before[0])


def test_from_sklearn_refuses():
    with pytest.raises(NotFittedError):
        sn.from_sklearn(theirs.MLPClassifier())
    with pytest.raises(TypeError, match="network_"):
        sn.from_sklearn(ours.MLPClassifier())


def test_activations_of_layers():
    y = TARGETS["regression"]
    same = [
        ours.MLPRegressor(hidden_layer_sizes=(9, 5), activation=a, random_state=0).fit(X, y)
        for a in ("tanh", ["tanh"] * 2)
    ]
    assert_same(*same)
    mixed = ours.MLPRegressor(hidden_layer_sizes=(9, 5), activation=("leaky_relu", "logistic"), leak=0.2).fit(X, y)
    assert mixed.network_.activations == ("leaky_relu", "sigmoid", "identity")
    assert mixed.network_.leak == 0.2
    for wrong in (["tanh"], ["tanh", "relu6"], [3, 4]):
        with pytest.raises(ValueError, match="activation must be one of"):
            ours.MLPRegressor(hidden_layer_sizes=(9, 5), activation=wrong).fit(X, y)


def test_class_weight():
    y = TARGETS["multiclass"]
    options = {"hidden_layer_sizes": (8,), "random_state": 0, "max_iter": 20}
    factors = {"a": 3.0, "b": 0.5, "c": 1.0, "d": 2.0}
    by_class = ours.MLPClassifier(class_weight=factors, **options).fit(X, y, WEIGHTS)
    by_sample = ours.MLPClassifier(**options).fit(X, y, WEIGHTS * np.vectorize(factors.get)(y))
    assert_same(by_class, by_sample)
    balanced = ours.MLPClassifier(class_weight="balanced", **options).fit(X, y)
    counts = {label: len(y) / (4 * np.sum(y == label)) for label in "abcd"}
    assert_same(balanced, ours.MLPClassifier(class_weight=counts, **options).fit(X, y))
    with pytest.raises(ValueError, match="balanced"):
        ours.MLPClassifier(class_weight="balanced").partial_fit(X, y, classes=list("abcd"))


def test_what_a_warm_start_goes_by_may_change():
    y = TARGETS["binary"]
    estimator = ours.MLPClassifier((8,), max_iter=3, warm_start=True, random_state=0)
    estimator.fit(X, y, X_val=X, y_val=y)
    assert estimator.best_loss_ is None
    estimator.fit(X, y)
    assert estimator.best_loss_ == min(estimator.loss_curve_[3:])
    estimator.set_params(early_stopping=True).fit(X, y)
    assert len(estimator.validation_scores_) == 3
    assert estimator.best_validation_score_ == max(estimator.validation_scores_)
    estimator.set_params(early_stopping=False).fit(X, y, X_val=X, y_val=y)
    assert len(estimator.validation_loss_curve_) == 3
    assert len(estimator.loss_curve_) == 12


@pytest.mark.parametrize("sparse", [False, True])
def test_validation_data(sparse):
    train, held_out = slice(0, 100), slice(100, None)
    rows = (lambda a: scipy.sparse.csr_array(a)) if sparse else (lambda a: a)
    for kind, target in ((ours.MLPClassifier, "multiclass"), (ours.MLPRegressor, "multi-output")):
        y = TARGETS[target]
        estimator = kind(hidden_layer_sizes=(40,), learning_rate_init=0.05, max_iter=300, random_state=0)
        given = (rows(X[held_out]), y[held_out], WEIGHTS[held_out])
        estimator.fit(rows(X[train]), y[train], X_val=given[0], y_val=given[1], sample_weight_val=given[2])
        curve = estimator.validation_loss_curve_
        assert len(curve) == estimator.n_iter_ < 300
        assert int(np.argmin(curve)) < len(curve) - 1
        labels = np.searchsorted(estimator.classes_, y) if target == "multiclass" else y
        cost = estimator.network_.cost(X[held_out], labels[held_out], WEIGHTS[held_out])
        assert cost == pytest.approx(min(curve), rel=1e-12)
        assert estimator.best_validation_loss_ == min(curve)
        assert estimator.validation_scores_ is None
        with pytest.raises(ValueError, match="together"):
            estimator.fit(X, y, X_val=X)
    with pytest.raises(ValueError, match="classes"):
        ours.MLPClassifier().fit(X, TARGETS["binary"], X_val=X, y_val=TARGETS["binary"] + 1)
    with pytest.raises(ValueError, match="lbfgs"):
        ours.MLPClassifier(solver="lbfgs").fit(X, TARGETS["binary"], X_val=X, y_val=TARGETS["binary"])


def test_dropout():
    y = TARGETS["binary"]
    options = {"hidden_layer_sizes": (30, 10), "max_iter": 30, "random_state": 1, "learning_rate_init": 0.01}
    plain, dropped, again = (ours.MLPClassifier(dropout=p, **options).fit(X, y) for p in (0.0, 0.4, [0.4, 0.4]))
    assert dropped.loss_ > 1.5 * plain.loss_
    assert_same(dropped, again)
    # Predictions leave no unit out.
    weights = [W.T for W in dropped.coefs_], dropped.intercepts_
    _, A = vectorized.forward(X, *weights, ["relu", "relu", "sigmoid"])
    np.testing.assert_allclose(dropped.predict_proba(X)[:, 1], A[-1][:, 0], rtol=1e-10)
    for wrong in (1.0, [0.5], [0.5, 1.0]):
        with pytest.raises(ValueError, match="dropout"):
            ours.MLPClassifier(dropout=wrong, **options).fit(X, y)
    with pytest.raises(ValueError, match="dropout"):
        ours.MLPClassifier(**{**options, "dropout": 0.5, "solver": "lbfgs"}).fit(X, y)


@pytest.mark.parametrize("name", [name for name, row in _network.LOSSES.items() if not row.classes])
@pytest.mark.parametrize("solver", ["lbfgs", "adam"])
def test_every_loss_of_numbers(name, solver):
    row, rng = _network.LOSSES[name], np.random.default_rng(0)
    y = np.clip(X[:, 0] + 2 + 0.1 * rng.standard_normal(150), row.least, row.greatest)
    estimator = ours.MLPRegressor(
        name, (6,), "tanh", solver=solver, alpha=0.0, learning_rate_init=0.02, max_iter=300, random_state=0
    ).fit(X, y)
    assert estimator.network_.loss == row.name
    assert estimator.score(X, y) > 0.75
    form, parameter = row.form_with(row.usual_output), () if row.parameter is None else (row.parameter.default,)
    # What is told of poisson is half the deviance, which is 0 where the prediction is y; so are all others.
    losses = form.values(estimator.predict(X), y, *parameter) - form.values(y, y, *parameter)
    assert solver == "adam" or estimator.loss_ == pytest.approx(losses.mean(), rel=1e-9)


@pytest.mark.parametrize("name", [name for name, row in _network.ACTIVATIONS.items() if row.hidden])
@pytest.mark.parametrize("kind", [ours.MLPClassifier, ours.MLPRegressor])
def test_every_activation_of_hidden_layers(name, kind):
    ours_name = _network.ACTIVATIONS[name].name
    y = TARGETS["binary"] if kind is ours.MLPClassifier else X[:, 0]
    for activation in (name, ["tanh", name]):
        estimator = kind(
            hidden_layer_sizes=(6, 4), activation=activation, solver="lbfgs", max_iter=150, random_state=0
        ).fit(X, y)
        assert estimator.network_.activations[:2] == (ours_name if activation == name else "tanh", ours_name)
        assert estimator.score(X, y) > 0.75


def test_losses_beyond_theirs():
    y = X[:, 0] + 0.5 * RNG.standard_exponential(150)
    options = {"hidden_layer_sizes": (), "solver": "lbfgs", "alpha": 0.0, "max_iter": 2000, "tol": 1e-7}
    shares = {}
    for name, more in (("quantile", {"quantile": 0.9}), ("absolute_error", {}), ("huber", {"delta": 0.3})):
        estimator = ours.MLPRegressor(name, random_state=0, **more, **options).fit(X, y)
        shares[name] = np.mean(estimator.predict(X) > y)
    assert shares["quantile"] == pytest.approx(0.9, abs=0.05)
    assert shares["absolute_error"] == pytest.approx(0.5, abs=0.05)
    assert shares["huber"] == pytest.approx(0.5, abs=0.1)
    with pytest.raises(ValueError, match="negative"):
        ours.MLPRegressor("poisson").fit(X, X[:, 0])


def test_threads_do_not_matter():
    rng = np.random.default_rng(0)
    wide, y = rng.standard_normal((3000, 40)), rng.integers(0, 3, 3000)
    options = {"hidden_layer_sizes": (120,), "batch_size": 1500, "max_iter": 3, "random_state": 0}
    one, two = (ours.MLPClassifier(n_threads=n, **options).fit(wide, y) for n in (1, 2))
    np.testing.assert_array_equal(one.network_.params, two.network_.params)


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="needs POSIX signals")
def test_ctrl_c_is_a_warning():
    rng = np.random.default_rng(0)
    wide, y = rng.standard_normal((20_000, 20)), rng.integers(0, 3, 20_000)
    estimator = ours.MLPClassifier((50,), max_iter=100_000, n_iter_no_change=np.inf, random_state=0)
    blow = threading.Timer(0.5, signal.pthread_kill, (threading.main_thread().ident, signal.SIGINT))
    blow.start()
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        estimator.fit(wide, y)
    assert 0 < estimator.n_iter_ < 100_000
    assert len(estimator.loss_curve_) == estimator.n_iter_
    assert estimator.predict(wide).shape == (20_000,)


def test_in_the_company_of_others():
    y = TARGETS["multiclass"]
    pipeline = make_pipeline(StandardScaler(), ours.MLPClassifier((8,), max_iter=30, random_state=0))
    search = GridSearchCV(pipeline, {"mlpclassifier__alpha": [1e-4, 1.0]}, cv=2, n_jobs=2, error_score="raise").fit(
        X, y
    )
    theirs_too = make_pipeline(StandardScaler(), theirs.MLPClassifier((8,), max_iter=30, random_state=0))
    other = GridSearchCV(theirs_too, {"mlpclassifier__alpha": [1e-4, 1.0]}, cv=2).fit(X, y)
    np.testing.assert_allclose(search.cv_results_["mean_test_score"], other.cv_results_["mean_test_score"])
    assert "MLPClassifier" in search.best_estimator_._repr_html_()
    calibrated = CalibratedClassifierCV(pipeline, cv=2).fit(X, y)
    assert calibrated.predict_proba(X).shape == (150, 4)
    assert permutation_importance(search, X, y, n_repeats=2, random_state=0).importances_mean.shape == (7,)
    regressor = ours.MLPRegressor(hidden_layer_sizes=(8,), random_state=0).fit(X, TARGETS["regression"])
    assert partial_dependence(regressor, X, [2])["average"].shape[0] == 1


def test_needs_scikit_learn(tmp_path):
    (tmp_path / "sklearn.py").write_text("raise ModuleNotFoundError('No module named sklearn', name='sklearn')")
    code = "import sys; sys.path.insert(0, sys.argv[1])\nimport shallownet_c as sn\nsn.from_sklearn"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, str(tmp_path)], capture_output=True, text=True, check=False, timeout=60
    )
    assert "ImportError: shallownet_c.sklearn needs scikit-learn: pip install 'shallownet-c[sklearn]'" in done.stderr


def test_scikit_learns_own_networks_are_not_imported():
    code = "import sys, shallownet_c.sklearn as s; s.MLPRegressor().fit([[0.0], [1.0]] * 5, [0.0, 1.0] * 5)\n"
    code += "print('sklearn.neural_network' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-P", "-W", "ignore", "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "False\n"
