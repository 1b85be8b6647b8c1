"""`shallownet_c.sklearn` where scikit-learn is rarely looked at: edges, types, places, neighbours."""

import copy
import pickle
import sys
import warnings

import numpy as np
import pytest
import scipy.sparse
from sklearn import neural_network as theirs
from sklearn.exceptions import ConvergenceWarning, NotFittedError

import shallownet_c as sn
from shallownet_c import sklearn as ours
from shallownet_c.sklearn import _network

HIDDEN = [name for name, row in _network.ACTIVATIONS.items() if row.hidden]
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 4))
NUMBERS = X[:, 0] * X[:, 1] + np.sin(X[:, 2])
LABELS = np.array(list("abc"))[np.digitize(X[:, 0], [-0.5, 0.5])]
BINARY = (X[:, 0] > 0).astype(int)
MULTILABEL = (X[:, :3] > 0).astype(int)
CLASSES = {"binary": BINARY, "multiclass": LABELS, "multilabel": MULTILABEL}
WEIGHTS = RNG.uniform(0.2, 2, 60)


def both(name, **options):
    options = {"hidden_layer_sizes": (5,), "max_iter": 8, "random_state": 0, "learning_rate_init": 0.01} | options
    return getattr(ours, name)(**options), getattr(theirs, name)(**options)


def assert_close(a, b, rtol=1e-6):
    for name in ("coefs_", "intercepts_"):
        for p, q in zip(getattr(a, name), getattr(b, name), strict=True):
            assert p.dtype == q.dtype
            np.testing.assert_allclose(p, q, rtol=0, atol=rtol * np.abs(q).max())
    assert a.n_iter_ == b.n_iter_
    np.testing.assert_allclose(a.loss_, b.loss_, rtol=rtol)


# Numbers


@pytest.mark.parametrize("activation", [name for name in HIDDEN if _network.ACTIVATIONS[name].in_sklearn])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_no_hidden_layer(activation, solver):
    a, b = both("MLPClassifier", hidden_layer_sizes=(), activation=activation, solver=solver, max_iter=2)
    assert_close(a.fit(X, LABELS), b.fit(X, LABELS))


@pytest.mark.parametrize("y", [np.ones(60), np.array(["x"] * 60)])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_one_class(y, early_stopping):
    a, b = both("MLPClassifier", early_stopping=early_stopping)
    assert_close(a.fit(X, y), b.fit(X, y))
    assert a.validation_scores_ == b.validation_scores_
    np.testing.assert_array_equal(a.predict(X), b.predict(X))


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.int16])
@pytest.mark.parametrize(
    "options", [{}, {"solver": "sgd", "learning_rate_init": 1e-5}, {"batch_size": 25}, {"early_stopping": True}]
)
@pytest.mark.parametrize("sparse", [False, True])
def test_float32_rows(dtype, options, sparse):
    """Parameters are rounded to float32 after each step; the rest of it is computed as the targets' dtype says."""
    rows = X.astype(np.float32)
    rows = scipy.sparse.csr_array(rows) if sparse else rows
    y = (1000 * NUMBERS).astype(dtype)
    a, b = both("MLPRegressor", max_iter=100, n_iter_no_change=100, **options | {"activation": "tanh"})
    a.fit(rows, y), b.fit(rows, y)
    assert_close(a, b, 3e-4)
    assert a.network_.dtype == np.float32
    if dtype in (np.float64, np.int64):  # the losses to more digits than float32 has
        np.testing.assert_allclose(a.loss_curve_[:20], b.loss_curve_[:20], rtol=3e-8)
    if not a.early_stopping:
        assert_close(a.partial_fit(rows, y), b.partial_fit(rows, y), 3e-4)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_float32_rows_with_lbfgs(dtype):
    y = NUMBERS.astype(dtype)
    a, b = both("MLPRegressor", solver="lbfgs", max_iter=5)
    assert_close(a.fit(X.astype(np.float32), y), b.fit(X.astype(np.float32), y), 1e-4)
    assert a.coefs_[0].dtype == a.network_.dtype == a.predict(X.astype(np.float32)).dtype == np.float64
    assert type(a.loss_) is type(b.loss_)


def test_targets_that_float32_cannot_square():
    y = 1e30 * NUMBERS
    a, b = both("MLPRegressor", max_iter=5)
    a.fit(X.astype(np.float32), y), b.fit(X.astype(np.float32), y)
    np.testing.assert_allclose(a.loss_curve_, b.loss_curve_, rtol=1e-6)


@pytest.mark.parametrize("how", ["fitted", "pickled", "one row"])
def test_functions_set_after_a_fit(how):
    a, b = both("MLPRegressor")
    a.fit(X, NUMBERS), b.fit(X, NUMBERS)
    for name in ("tanh", "logistic", "relu"):
        a.set_params(activation=name), b.set_params(activation=name)
        a = pickle.loads(pickle.dumps(a)) if how == "pickled" else a
        rows = X[:1] if how == "one row" else X
        np.testing.assert_allclose(a.predict(rows), b.predict(rows), rtol=1e-7, atol=1e-9)
    a.set_params(loss="poisson"), b.set_params(loss="poisson")
    np.testing.assert_allclose(a.predict(X), b.predict(X), rtol=1e-7, atol=1e-9)
    a.out_activation_ = b.out_activation_ = "exp"
    np.testing.assert_allclose(a.predict(X), b.predict(X), rtol=1e-7)
    a = ours.MLPRegressor("huber", (5,), ["leaky_relu"], max_iter=5, random_state=0).fit(X, NUMBERS)
    before = a.predict(X)
    assert not np.allclose(a.set_params(leak=0.5).predict(X), before)
    np.testing.assert_array_equal(a.set_params(leak=0.01).predict(X), before)


def test_a_loss_of_another_output_does_not_go_on():
    a, _ = both("MLPRegressor", warm_start=True)
    a.fit(X, NUMBERS**2).set_params(loss="poisson")
    before = a.predict(X)
    for fit in (a.fit, a.partial_fit):
        with pytest.raises(ValueError, match="loss must be one whose output is 'identity'"):
            fit(X, NUMBERS**2)
    np.testing.assert_array_equal(a.predict(X), before)
    assert a.set_params(loss="huber").fit(X, NUMBERS).network_.loss == "huber"
    assert a.set_params(loss="poisson", warm_start=False).fit(X, NUMBERS**2).out_activation_ == "exp"


@pytest.mark.parametrize("loss", [name for name, row in _network.LOSSES.items() if not row.classes])
@pytest.mark.parametrize("sparse", [False, True])
def test_batches_without_weight_are_left_out_of_the_loss(loss, sparse):
    weights = np.where(np.arange(60) < 20, 0, WEIGHTS)
    rows = scipy.sparse.csr_array(X) if sparse else X
    a, b = (ours.MLPRegressor(loss, (5,), batch_size=20, shuffle=False, max_iter=4, random_state=0) for _ in range(2))
    a.fit(rows, NUMBERS**2, weights), b.fit(rows[20:], (NUMBERS**2)[20:], weights[20:])
    assert a.loss_curve_ == pytest.approx(b.loss_curve_, rel=1e-12)
    np.testing.assert_array_equal(a.network_.params, b.network_.params)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("max_iter", [20, 200])
def test_what_diverges_under_early_stopping_goes_back_to_the_best(max_iter):
    a, b = both(
        "MLPRegressor", hidden_layer_sizes=100, activation="identity", solver="sgd", learning_rate_init=1,
        early_stopping=True, max_iter=max_iter,
    )  # fmt: skip
    y = 100 * NUMBERS
    assert_close(a.fit(X, y), b.fit(X, y))
    np.testing.assert_allclose(a.validation_scores_[:2], b.validation_scores_[:2])
    assert np.isnan(a.validation_scores_[-1])
    assert np.isfinite(a.network_.params).all()
    a, b = both("MLPRegressor", activation="identity", solver="sgd", learning_rate_init=1e3, max_iter=max_iter)
    for estimator in (a, b):
        with pytest.raises(ValueError, match="Solver produced non-finite parameter weights"):
            estimator.fit(X, y)


# Types


@pytest.mark.parametrize("x", [np.float32, np.float64])
@pytest.mark.parametrize("y", [np.float32, np.float64, np.int64])
@pytest.mark.parametrize("weights", [None, np.float32, np.float64])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_types_of_what_a_fit_tells(x, y, weights, solver):
    a, b = both("MLPRegressor", max_iter=3, solver=solver)
    given = [X.astype(x), (10 * NUMBERS).astype(y)] + ([] if weights is None else [WEIGHTS.astype(weights)])
    a.fit(*given), b.fit(*given)
    for name in ("loss_", "best_loss_", "n_iter_", "t_"):
        assert type(getattr(a, name, None)) is type(getattr(b, name, None)), name
    if solver == "adam":
        assert [type(loss) for loss in a.loss_curve_] == [type(loss) for loss in b.loss_curve_]
    assert a.coefs_[0].dtype == b.coefs_[0].dtype


@pytest.mark.parametrize("fitted", [np.float32, np.float64])
@pytest.mark.parametrize("asked", [np.float16, np.float32, np.float64, np.int8, np.int64, bool])
@pytest.mark.parametrize("form", ["rows", "row", "csr"])
def test_dtype_of_predictions(fitted, asked, form):
    a, b = both("MLPClassifier")
    a.fit(X.astype(fitted), LABELS), b.fit(X.astype(fitted), LABELS)
    rows = (3 * X).astype(asked)
    if form == "csr":
        if asked == np.float16:
            pytest.skip("SciPy has no sparse arrays of float16")
        rows = scipy.sparse.csr_array(rows)
    rows = rows[:1] if form == "row" else rows
    expected = b.predict_proba(rows)
    got = a.predict_proba(rows)
    assert got.dtype == expected.dtype
    np.testing.assert_allclose(got, expected, rtol=1e-4 if fitted == np.float32 else 1e-7)
    if got.dtype == np.float64:
        for p, q in zip(b.coefs_ + b.intercepts_, a.coefs_ + a.intercepts_, strict=True):
            p[...] = q
        np.testing.assert_allclose(got, b.predict_proba(rows), rtol=1e-12)


def test_strings_are_no_rows_to_predict():
    a, b = both("MLPRegressor")
    a.fit(X.astype(str), NUMBERS), b.fit(X.astype(str), NUMBERS)  # taken as numbers, there as here
    for estimator in (a, b):
        with pytest.raises(ValueError, match="dtype='numeric' is not compatible with arrays of bytes/strings"):
            estimator.predict(X.astype(str))
    np.testing.assert_array_equal(a.predict(X.astype(object)), a.predict(X))


@pytest.mark.parametrize("labels", [{0, 2}, {-1, 0}, {0.0, 3.0}])
def test_labels_other_than_1(labels):
    low, high = sorted(labels)
    y = np.where(MULTILABEL == 1, high, low)
    for options in ({}, {"early_stopping": True}):
        a, b = both("MLPClassifier", **options)
        assert_close(a.fit(X, y), b.fit(X, y))
        np.testing.assert_array_equal(a.predict(X), b.predict(X))


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs", "newton"])
def test_who_has_partial_fit(name, solver):
    a, b = both(name, solver=solver)
    assert hasattr(a, "partial_fit") == hasattr(b, "partial_fit")


def test_partial_fit_by_lbfgs():
    a, b = both("MLPRegressor", solver="lbfgs", max_iter=2)
    for _ in range(3):
        assert_close(a.partial_fit(X, NUMBERS), b.partial_fit(X, NUMBERS))


# Places


@pytest.mark.filterwarnings("default")
def test_warnings_point_at_the_callers_line():
    def fits():
        yield ConvergenceWarning, "Maximum iterations", {}, "fit"
        yield ConvergenceWarning, "Maximum iterations", {"early_stopping": True}, "fit"
        yield ConvergenceWarning, "lbfgs failed to converge", {"solver": "lbfgs", "max_iter": 1}, "fit"
        yield UserWarning, "Got `batch_size`", {"batch_size": 500}, "fit"
        yield UserWarning, "Got `batch_size`", {"batch_size": 500}, "partial_fit"

    for category, message, options, method in fits():
        a, _ = both("MLPRegressor", **options)
        line = sys._getframe().f_lineno + 2
        with pytest.warns(category, match=message) as caught:
            getattr(a, method)(X, NUMBERS)
        assert {(w.filename, w.lineno) for w in caught} == {(__file__, line)}


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("verbose", [True, 2, False])
def test_verbose_prints_as_much(solver, verbose, capsys):
    printed = []
    for estimator in both("MLPRegressor", solver=solver, verbose=verbose):
        estimator.fit(X, NUMBERS).partial_fit(X, NUMBERS)
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]


# Refusals


def test_messages_of_a_split():
    for name, y in (("classes", [0, 0, 0, 1]), ("words", list("aaab"))):
        texts = []
        for estimator in both("MLPClassifier", early_stopping=True):
            with pytest.raises(ValueError, match="Classes with too few members are") as error:
                estimator.fit(X[:4], y)
            texts.append(str(error.value))
        assert texts[0] == texts[1], name


# Neighbours


def test_states_without_reduce():
    """skops makes objects by __new__ and __setstate__, from what __getstate__ says."""

    def again(thing):
        if isinstance(thing, (sn.MLP, ours.MLPClassifier, ours.MLPRegressor)):
            made = type(thing).__new__(type(thing))
            made.__setstate__(again(thing.__getstate__()))
            return made
        return (
            {name: again(value) for name, value in thing.items()} if isinstance(thing, dict) else copy.deepcopy(thing)
        )

    for name, y in (("MLPClassifier", LABELS), ("MLPClassifier", MULTILABEL), ("MLPRegressor", NUMBERS)):
        a, _ = both(name)
        other = again(a.fit(X, y))
        np.testing.assert_array_equal(other.predict(X), a.predict(X))
        np.testing.assert_array_equal(other.partial_fit(X, y).network_.params, a.partial_fit(X, y).network_.params)
    net = sn.MLP([4, 3, 1], "leaky_relu", leak=0.2, seed=0)
    net.note = "mine"
    net.fit(X, NUMBERS, epochs=3)
    other = again(net)
    np.testing.assert_array_equal(other.params, net.params)
    assert (repr(other), other.leak, other.note) == (repr(net), 0.2, "mine")
    assert not np.shares_memory(other.params, net.params)


def test_skops():
    skops = pytest.importorskip("skops.io")
    for name, y in (("MLPClassifier", LABELS), ("MLPClassifier", MULTILABEL), ("MLPRegressor", NUMBERS)):
        for solver in ("adam", "sgd", "lbfgs"):
            a, _ = both(name, solver=solver)
            data = skops.dumps(a.fit(X, y))
            other = skops.loads(data, trusted=skops.get_untrusted_types(data=data))
            np.testing.assert_array_equal(other.predict(X), a.predict(X))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("options", [{}, {"solver": "sgd"}, {"early_stopping": True}, {"solver": "lbfgs"}])
@pytest.mark.parametrize("target", [*CLASSES, "numbers", "counts"])
def test_to_sklearn(target, options, dtype):
    pandas = pytest.importorskip("pandas")
    rows = pandas.DataFrame(X.astype(dtype), columns=list("pqrs"))
    y = CLASSES.get(target, NUMBERS if target == "numbers" else np.floor(np.exp(NUMBERS)))
    if target == "counts":
        options = options | {"loss": "poisson"}
    a, b = both("MLPClassifier" if target in CLASSES else "MLPRegressor", activation="tanh", **options)
    a.fit(rows, y), b.fit(rows, y)
    other = a.to_sklearn()
    assert type(other) is type(b)
    assert other.get_params() == b.get_params()
    rtol = 1e-12 if dtype == np.float64 else 1e-5
    for method in ("predict_proba", "predict_log_proba") if target in CLASSES else ("predict",):
        got, expected = getattr(other, method)(rows), getattr(a, method)(rows)
        np.testing.assert_allclose(got, expected, rtol=rtol, atol=rtol, err_msg=method)
    if target in CLASSES:
        np.testing.assert_array_equal(other.predict(rows), a.predict(rows))
    public = {name for name in vars(b) if name.endswith("_") and not name.startswith("_")}
    assert {name for name in vars(other) if name.endswith("_") and not name.startswith("_")} == public
    for p, q in zip(other.coefs_, a.coefs_, strict=True):
        assert p.dtype == q.dtype
        assert not np.shares_memory(p, q)
    if a.solver != "lbfgs":
        other.set_params(warm_start=True).fit(rows, y)
        assert len(other.loss_curve_) == len(a.loss_curve_) + other.n_iter_


def test_to_sklearn_refuses_what_is_lacking_there():
    with pytest.raises(NotFittedError):
        ours.MLPClassifier().to_sklearn()
    lacking = [("activation", name) for name in HIDDEN if not _network.ACTIVATIONS[name].in_sklearn]
    for name, value in (*lacking, ("activation", ["tanh", "relu"]), ("dropout", 0.1)):
        a, _ = both("MLPRegressor", hidden_layer_sizes=(5, 3))
        with pytest.raises(ValueError, match=name):
            a.set_params(**{name: value}).fit(X, NUMBERS).to_sklearn()
    for loss, row in _network.LOSSES.items():
        if not (row.in_sklearn or row.classes):
            with pytest.raises(ValueError, match=f"loss='{loss}' .* scikit-learn has 'squared_error' and 'poisson'"):
                ours.MLPRegressor(loss, (5,)).fit(X, NUMBERS).to_sklearn()
    with pytest.raises(ValueError, match="class_weight"):
        ours.MLPClassifier((5,), class_weight="balanced").fit(X, LABELS).to_sklearn()
    for layers, activation in (((5, 3), ["tanh", "tanh"]), ((), [])):
        a = ours.MLPRegressor(hidden_layer_sizes=layers, activation=activation, random_state=0).fit(X, NUMBERS)
        np.testing.assert_allclose(a.to_sklearn().predict(X), a.predict(X), rtol=1e-12)


def test_to_sklearn_and_back():
    a, _ = both("MLPClassifier")
    a.fit(X, LABELS)
    np.testing.assert_array_equal(sn.from_sklearn(a.to_sklearn()).params, a.network_.params)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        a.coefs_ = [W.copy() for W in a.coefs_]
        a.coefs_[0][:] = 0
        assert not a.to_sklearn().coefs_[0].any()
