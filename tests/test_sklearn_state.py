"""What `shallownet_c.sklearn` refuses, and that a refusal leaves an estimator as it was."""

import pickle
import sys
import warnings
from decimal import Decimal

import numpy as np
import pytest
import scipy.sparse
import sklearn
from sklearn import neural_network as theirs
from sklearn.exceptions import DataConversionWarning, NotFittedError

from shallownet_c import sklearn as ours

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:Got `batch_size`"),
]

RNG = np.random.default_rng(0)
X = RNG.standard_normal((48, 4))
WEIGHTS = RNG.uniform(0.2, 2, 48)
LABELS = np.array(list("abc"))[np.digitize(X[:, 0], [-0.4, 0.4])]
COUNTS = np.floor(2 * np.exp(0.5 * X[:, 0]))
TARGETS = {"classifier": LABELS, "regressor": X[:, 0] * X[:, 1], "poisson": COUNTS}
MASK = np.zeros(48, bool)
MASK[5] = True


def made(kind, **options):
    """An estimator of a kind of TARGETS, its random numbers from a RandomState."""
    options = {"hidden_layer_sizes": (5,), "max_iter": 4, "random_state": np.random.RandomState(3), **options}
    if kind == "classifier":
        return ours.MLPClassifier(**options)
    return ours.MLPRegressor("poisson" if kind == "poisson" else "squared_error", **options)


def fitted(kind, **options):
    """One that has been fitted and has a partial_fit behind it."""
    y = TARGETS[kind]
    return made(kind, **options).fit(X, y).partial_fit(X, y)


def bad(array, value, row=5):
    """A copy with another value in one row."""
    array = np.array(array)
    array[row] = value
    return array


# Parameters. What scikit-learn checks in a first fit reached the kernels in later ones: batch_size=0 ended Python.

WRONG_NUMBERS = ["x", None, -1, np.nan, [0.1], 10**400]
WRONG_PARAMETERS = {
    "batch_size": [0, -1, 1.5, "x", None, np.nan, [8]],
    "alpha": WRONG_NUMBERS,
    "learning_rate_init": [*WRONG_NUMBERS, 0],
    "power_t": WRONG_NUMBERS,
    "tol": WRONG_NUMBERS,
    "epsilon": [*WRONG_NUMBERS, 0],
    "momentum": [*WRONG_NUMBERS, 1.5],
    "beta_1": [*WRONG_NUMBERS, 1.0],
    "beta_2": [*WRONG_NUMBERS, 1.0],
    "validation_fraction": [*WRONG_NUMBERS, 1.0],
    "dropout": ["x", None, -0.1, 1.0, np.nan, [0.1, 0.1], [1.0], ["x"], [None]],
    "leak": [*WRONG_NUMBERS, 1.0],
    "n_threads": [0, -1, 1.5, "x", True],
    "max_iter": [0, 1.5, "x", None, np.nan],
    "max_fun": [0, 1.5, "x", None],
    "n_iter_no_change": [0, 1.5, "x", None, np.nan],
    "hidden_layer_sizes": [0, (0,), (-5,), (2.5,), ("x",), (None,), {5}, 5.0, "5", np.array(5), (10**30,), (True,)],
    "activation": ["relu6", None, ["tanh", "tanh"], {"tanh"}, [3], np.array("tanh")],
    "solver": ["newton", None, 3],
    "learning_rate": ["fast", None, 3],
    "shuffle": ["x", None, 2],
    "warm_start": ["x", None, 2],
    "early_stopping": ["x", None, 2],
    "nesterovs_momentum": ["x", None, 2],
    "verbose": ["x", None, -1],
    "random_state": ["x", -1, 1.5],
}


@pytest.mark.parametrize("kind", ["classifier", "regressor"])
@pytest.mark.parametrize("name", WRONG_PARAMETERS)
@pytest.mark.parametrize("skip", [False, True], ids=["checked", "skip_parameter_validation"])
def test_parameters_are_checked_in_every_fit(kind, name, skip):
    y = TARGETS[kind]
    for value in WRONG_PARAMETERS[name]:
        estimator = fitted(kind).set_params(**{name: value})
        predictions = estimator.predict(X)
        for fit in ("fit", "partial_fit"):
            if not hasattr(estimator, fit):
                assert (kind, name) == ("classifier", "solver")  # there is none with a solver that has no epochs
                continue
            with (
                sklearn.config_context(skip_parameter_validation=skip),
                pytest.raises((ValueError, TypeError), match=name),
            ):
                getattr(estimator, fit)(X, y)
        np.testing.assert_array_equal(estimator.predict(X), predictions)


def test_parameters_without_bounds():
    for options in ({"batch_size": 10**30}, {"n_threads": sys.maxsize}, {"power_t": 1e3, "solver": "sgd"}):
        estimator = fitted("classifier", learning_rate="invscaling", **options).partial_fit(X, LABELS)
        assert np.isfinite(estimator.network_.params).all()
    estimator = fitted("classifier").set_params(solver="lbfgs", max_fun=10**30, max_iter=10**30)
    assert estimator.fit(X, LABELS).score(X, LABELS) == 1


# What an estimator keeps: anybody may change it between two calls, or in a pickle.

WRONG_ATTRIBUTES = {
    "coefs_": [None, 5, [], {}, "x", [np.zeros((4, 5))], np.zeros(3), [np.zeros((4, 5)), np.zeros((6, 3))]],
    "coefs_[0]": [None, "x", 1j, np.zeros((5, 4)), np.zeros(5), np.zeros((0, 5)), np.full((4, 5), "x"), [[1], [2, 3]]],
    "coefs_[1]": [None, 10**400, np.zeros((5, 2)), np.zeros((5, 0))],
    "intercepts_": [None, [], [np.zeros(5)], "x"],
    "intercepts_[0]": [None, np.zeros(4), np.zeros((1, 5)), np.zeros(5, complex)],
    "n_features_in_": [None, 3, "x"],
}
WRONG_FOR_FITS = {
    "t_": [None, "x", -1, 1.5, [0], np.nan, 10**400],
    "loss_curve_": [None, "x", (), 5, np.zeros(3)],
    "best_loss_": ["x", [1.0], 1j, 10**400],
    "validation_scores_": ["x", (), 5],
    "best_validation_score_": ["x", []],
    "validation_loss_curve_": ["x", (), 5],
    "best_validation_loss_": ["x", []],
    "_no_improvement_count": [None, "x", -1, 1.5],
    "_best_score": [None, "x", 10**400],
}
WRONG_FOR_PARTIAL_FIT = {
    "_rule": [None, 5, "x", {}],
    "_rule.kind": [None, int, "Adam", []],
    "_rule.state": [
        None,
        "x",
        np.zeros(5),
        np.zeros((1, 43)),
        np.zeros((2, 42)),
        np.zeros((2, 0)),
        np.zeros((2, 43, 1)),
    ],
    "_rule.hyper": [None, np.zeros(0), np.zeros(3), np.zeros((6, 1)), ["x"] * 6],
    "_rule.step": [None, 0, np.zeros(0, int), np.zeros(2, int), "x"],
    "_rule.learning_rate": [None, "x", np.nan, [1e-3]],
    "_rule.first_rate": [None, "x", np.inf],
    "_rule.power_t": [None, "x", np.nan, -1],
    "_rule.schedule": [None, "fast", np.zeros(2)],
    "_label_binarizer": [None, 5, "x"],
    "_label_binarizer.classes_": [5, (), np.zeros((3, 1)), ["a", "b"]],
}


def put(estimator, name, value):
    """Set an attribute, an item of one or an attribute of one."""
    name, _, item = name.rstrip("]").partition("[")
    name, _, attribute = name.partition(".")
    if item:
        getattr(estimator, name)[int(item)] = value
    elif attribute:
        setattr(getattr(estimator, name), attribute, value)
    else:
        setattr(estimator, name, value)


def assert_refused(method, *args, match=None, **kwargs):
    """A call of an estimator's method is refused and changes nothing of it, the stream of its RandomState included."""
    before = pickle.dumps(vars(method.__self__))
    with pytest.raises((ValueError, TypeError), match=match):
        method(*args, **kwargs)
    assert pickle.dumps(vars(method.__self__)) == before


@pytest.mark.parametrize("name", [*WRONG_ATTRIBUTES, *WRONG_FOR_FITS, *WRONG_FOR_PARTIAL_FIT])
def test_attributes_are_checked_where_a_fit_goes_on(name):
    for value in (WRONG_ATTRIBUTES | WRONG_FOR_FITS | WRONG_FOR_PARTIAL_FIT)[name]:
        estimator = fitted("classifier")
        put(estimator, name, value)
        assert_refused(estimator.partial_fit, X, LABELS)
        if name not in WRONG_FOR_PARTIAL_FIT:
            estimator.set_params(warm_start=True)
            assert_refused(estimator.fit, X, LABELS)
            estimator.set_params(warm_start=False)
        if name in WRONG_ATTRIBUTES:
            assert_refused(estimator.predict, X)
            assert_refused(estimator.predict, X[:1])
        # A fit that does not go on from there does not mind.
        assert estimator.fit(X, LABELS).predict(X).shape == (48,)


def test_deleted_attributes():
    """A fit that goes on begins anew what has gone, apart from what it cannot do without."""
    needed = {"coefs_", "intercepts_", "network_", "_label_binarizer", "classes_", "n_features_in_"}
    reference = fitted("classifier")
    for name in sorted(vars(reference).keys() - reference.get_params().keys()):
        for warm in (False, True):
            estimator = fitted("classifier", warm_start=warm)
            del vars(estimator)[name]
            try:
                (estimator.fit if warm else estimator.partial_fit)(X, LABELS)
            except (ValueError, TypeError, AttributeError):
                assert name in needed
            estimator = fitted("classifier")
            del vars(estimator)[name]
            assert pickle.loads(pickle.dumps(estimator)).fit(X, LABELS).predict(X).shape == (48,)


def test_states_of_pickles_are_checked():
    estimator = fitted("classifier")
    state = estimator.__getstate__()
    for change in ({"network_": 5}, {"network_": "x"}, {"network_": None}):
        with pytest.raises(TypeError, match="network_ must be an MLP"):
            ours.MLPClassifier().__setstate__(state | change)
    for change in ({"_views": 5}, {"_views": ()}, {"_views": tuple(estimator.coefs_)}, {"loss_curve_": ["x"]}):
        other = ours.MLPClassifier()
        other.__setstate__(state | change)
        np.testing.assert_array_equal(other.predict_proba(X), estimator.predict_proba(X))
    for change in ({"coefs_": None}, {"coefs_": [np.zeros((4, 5))]}, {"intercepts_": 5}):
        other = ours.MLPClassifier()
        other.__setstate__(state | change)
        with pytest.raises((ValueError, TypeError), match=r"coefs_|intercepts_"):
            other.predict(X)


def test_coefs_of_other_types():
    a = ours.MLPClassifier((5,), max_iter=4, random_state=3).fit(X, LABELS)
    b = theirs.MLPClassifier((5,), max_iter=4, random_state=3).fit(X, LABELS)
    for convert in (np.asfortranarray, np.longdouble, lambda W: W.astype(object), lambda W: W.astype(">f8")):
        a.coefs_, a.intercepts_ = ([convert(W) for W in arrays] for arrays in (b.coefs_, b.intercepts_))
        np.testing.assert_allclose(a.predict_proba(X), b.predict_proba(X), rtol=1e-12)
        a.partial_fit(X, LABELS)
        assert a.coefs_[0].dtype == np.float64
    # One of float32 does not make the others so.
    for estimator in (a, b):
        estimator.coefs_, estimator.intercepts_ = [np.float32(b.coefs_[0]), b.coefs_[1]], b.intercepts_
    assert a.predict_proba(X).dtype == b.predict_proba(X).dtype == np.float64
    np.testing.assert_allclose(a.predict_proba(X), b.predict_proba(X), rtol=1e-12)
    for estimator in (a, b):
        estimator.coefs_ = [np.full((4, 5), np.nan), b.coefs_[1]]
        np.testing.assert_array_equal(estimator.predict(X), ["a"] * 48)
        with pytest.raises(ValueError, match="non-finite parameter weights"):
            estimator.partial_fit(X, LABELS)


def test_classes_put_in_the_place_of_classes():
    """scikit-learn predicts, and goes on with, the classes that it was fitted with."""
    for classes in (["c", "b", "a"], ["x", "y", "z"], ["a"]):
        a, b = (module.MLPClassifier((5,), max_iter=4, random_state=3).fit(X, LABELS) for module in (ours, theirs))
        outcomes = []
        for estimator in (a, b):
            estimator.classes_ = np.array(classes)
            predicted = estimator.predict(X)
            try:
                outcomes.append((list(predicted), pytest.approx(estimator.partial_fit(X, LABELS).loss_, rel=1e-6)))
            except ValueError as error:
                outcomes.append((list(predicted), str(error)))
        assert outcomes[0] == outcomes[1]


def test_the_optimizer_of_another_network_is_refused():
    message = "partial_fit goes on with the optimizer of the call before, whose state must have shape"
    estimator = fitted("classifier").set_params(hidden_layer_sizes=(50,), solver="lbfgs").fit(X, LABELS)
    estimator.set_params(solver="adam")
    assert_refused(estimator.partial_fit, X, LABELS, match=message)
    assert estimator.set_params(warm_start=True).fit(X, LABELS).partial_fit(X, LABELS).t_ == 5 * 48
    estimator = fitted("classifier").set_params(hidden_layer_sizes=(6,))
    estimator.coefs_ = [np.ones((4, 6)), np.ones((6, 3))]
    estimator.intercepts_[0] = np.ones(6)
    assert_refused(estimator.partial_fit, X, LABELS, match=message)


def test_an_optimizer_of_another_dtype_or_memory_goes_on():
    a, b, c = (fitted("classifier", random_state=0) for _ in range(3))
    c.coefs_, c.intercepts_ = ([np.float32(array) for array in arrays] for arrays in (c.coefs_, c.intercepts_))
    for array in (b._rule.state, b._rule.hyper, b._rule.step):
        array.flags.writeable = False  # as of a pickle that joblib maps into memory
    a.partial_fit(X, LABELS), b.partial_fit(X, LABELS), c.partial_fit(X, LABELS)
    np.testing.assert_array_equal(a.network_.params, b.network_.params)
    assert c.network_.dtype == np.float32
    np.testing.assert_allclose(c.network_.params, a.network_.params, atol=1e-5)


@pytest.mark.parametrize("kind", TARGETS)
def test_sgd_or_adam_goes_on_from_lbfgs(kind):
    """scikit-learn's miss attributes there."""
    y = TARGETS[kind]
    estimator = made(kind, solver="lbfgs").fit(X, y)
    loss = estimator.loss_
    estimator.set_params(solver="adam").partial_fit(X, y)
    assert estimator.loss_curve_ == [pytest.approx(loss, rel=1e-12)]
    estimator = made(kind, solver="lbfgs").fit(X, y).set_params(solver="sgd", warm_start=True).fit(X, y)
    assert len(estimator.loss_curve_) == 4
    assert estimator.loss_curve_[0] == pytest.approx(loss, rel=1e-12)


# Refusals. Some came only after the first parameters had been drawn.

VALIDATION = {"X_val": X, "y_val": "y"}
ANY, FITS = ("fit", "first fit", "partial_fit", "first partial_fit", "warm_start"), ("fit", "first fit", "warm_start")
GOING_ON = ("partial_fit", "warm_start")
#: What is wrong: the kinds, the parameters, the arguments ("y" stands for the targets), the ways to fit.
REFUSALS = {
    "X with NaN": (TARGETS, {}, {"X": bad(X, np.nan)}, ANY),
    "X with an infinity": (TARGETS, {}, {"X": bad(X, np.inf)}, ANY),
    "X of other columns": (TARGETS, {}, {"X": X[:, 1:]}, GOING_ON),
    "X of one dimension": (TARGETS, {}, {"X": X[:, 0]}, ANY),
    "X of words": (TARGETS, {}, {"X": np.full((48, 4), "x")}, ANY),
    "X of other length": (TARGETS, {}, {"X": X[1:]}, ANY),
    "no y": (TARGETS, {}, {"y": None}, ANY),
    "y of three dimensions": (TARGETS, {}, {"y": np.zeros((48, 2, 2))}, ANY),
    "y with NaN": (("regressor", "poisson"), {}, {"y": bad(COUNTS, np.nan)}, ANY),
    "y of words": (("regressor", "poisson"), {}, {"y": LABELS}, ANY),
    "y of two columns": (("regressor", "poisson"), {}, {"y": np.ones((48, 2))}, GOING_ON),
    "y below zero": (("poisson",), {}, {"y": bad(COUNTS, -1)}, ANY),
    "y of numbers that go on": (("classifier",), {}, {"y": X[:, 0]}, ANY),
    "y of two columns of classes": (("classifier",), {}, {"y": np.column_stack([LABELS, LABELS])}, ANY),
    "y of an unknown class": (("classifier",), {}, {"y": bad(LABELS, "d")}, ("first partial_fit", *GOING_ON)),
    "y without a class": (("classifier",), {}, {"y": np.where(LABELS == "a", "b", LABELS)}, ("warm_start",)),
    "other classes": (("classifier",), {}, {"classes": list("abd")}, ("partial_fit",)),
    "no classes": (("classifier",), {}, {"classes": None}, ("first partial_fit",)),
    "negative weights": (TARGETS, {}, {"sample_weight": -WEIGHTS}, ANY),
    "a negative weight": (TARGETS, {}, {"sample_weight": bad(WEIGHTS, -1)}, ANY),
    "weights with NaN": (TARGETS, {}, {"sample_weight": bad(WEIGHTS, np.nan)}, ANY),
    "weights with an infinity": (TARGETS, {}, {"sample_weight": bad(WEIGHTS, np.inf)}, ANY),
    "no weight at all": (TARGETS, {}, {"sample_weight": np.zeros(48)}, ANY),
    "too few weights": (TARGETS, {}, {"sample_weight": WEIGHTS[1:]}, ANY),
    "weights of two columns": (TARGETS, {}, {"sample_weight": np.ones((48, 2))}, ANY),
    "class_weight below zero": (("classifier",), {"class_weight": {"a": -1.0}}, {}, ANY),
    "class_weight of NaN": (("classifier",), {"class_weight": {"a": np.nan}}, {}, ANY),
    "class_weight of a word": (("classifier",), {"class_weight": {"a": "x"}}, {}, ANY),
    "class_weight of no class": (("classifier",), {"class_weight": {"z": 1.0}}, {}, ANY),
    "class_weight of a chunk": (
        ("classifier",),
        {"class_weight": "balanced"},
        {},
        ("partial_fit", "first partial_fit"),
    ),
    "dropout for other layers": (TARGETS, {"dropout": [0.1, 0.1]}, {}, ANY),
    "dropout of 1": (TARGETS, {"dropout": [1.0]}, {}, ANY),
    "dropout with lbfgs": (TARGETS, {"dropout": 0.5, "solver": "lbfgs"}, {}, FITS),
    "activations for other layers": (TARGETS, {"activation": ["tanh", "tanh"]}, {}, ANY),
    "other layers": (TARGETS, {"hidden_layer_sizes": (6,)}, {}, GOING_ON),
    "more layers": (TARGETS, {"hidden_layer_sizes": (5, 5)}, {}, GOING_ON),
    "early stopping": (TARGETS, {"early_stopping": True}, {}, ("partial_fit", "first partial_fit")),
    "a small validation set": (TARGETS, {"early_stopping": True, "validation_fraction": 0.01}, {}, FITS),
    "no validation set": (TARGETS, {"early_stopping": True, "validation_fraction": 0.0}, {}, FITS),
    "validation without weight": (TARGETS, {"early_stopping": True}, {"sample_weight": bad(np.zeros(48), 1.0)}, FITS),
    "X_val alone": (TARGETS, {}, {"X_val": X}, FITS),
    "y_val alone": (TARGETS, {}, {"y_val": "y"}, FITS),
    "sample_weight_val alone": (TARGETS, {}, {"sample_weight_val": WEIGHTS}, FITS),
    "sample_weight_val and X_val": (TARGETS, {}, {"X_val": X, "sample_weight_val": WEIGHTS}, FITS),
    "validation data with lbfgs": (TARGETS, {"solver": "lbfgs"}, VALIDATION, FITS),
    "X_val of other columns": (TARGETS, {}, VALIDATION | {"X_val": X[:, 1:]}, FITS),
    "X_val with NaN": (TARGETS, {}, VALIDATION | {"X_val": bad(X, np.nan)}, FITS),
    "X_val of other length": (TARGETS, {}, VALIDATION | {"X_val": X[1:]}, FITS),
    "y_val of an unknown class": (("classifier",), {}, VALIDATION | {"y_val": bad(LABELS, "d")}, FITS),
    "y_val of labels": (("classifier",), {}, VALIDATION | {"y_val": np.eye(3, dtype=int)[[0, 1, 2] * 16]}, FITS),
    "y_val with NaN": (("regressor", "poisson"), {}, VALIDATION | {"y_val": bad(COUNTS, np.nan)}, FITS),
    "y_val of words": (("regressor", "poisson"), {}, VALIDATION | {"y_val": LABELS}, FITS),
    "y_val of two columns": (("regressor", "poisson"), {}, VALIDATION | {"y_val": np.ones((48, 2))}, FITS),
    "y_val below zero": (("poisson",), {}, VALIDATION | {"y_val": bad(COUNTS, -1)}, FITS),
    "sample_weight_val below zero": (TARGETS, {}, VALIDATION | {"sample_weight_val": bad(WEIGHTS, -1)}, FITS),
    "sample_weight_val of zeros": (TARGETS, {}, VALIDATION | {"sample_weight_val": np.zeros(48)}, FITS),
    "sample_weight_val too short": (TARGETS, {}, VALIDATION | {"sample_weight_val": WEIGHTS[1:]}, FITS),
}


@pytest.mark.parametrize("wrong", REFUSALS)
def test_a_refused_fit_changes_nothing(wrong):
    kinds, parameters, arguments, ways = REFUSALS[wrong]
    for kind in kinds:
        y = TARGETS[kind]
        for way in ways:
            is_first = way.startswith("first")
            estimator = made(kind) if is_first else fitted(kind, warm_start=way == "warm_start")
            proba = None if is_first else estimator._outputs(X)
            estimator.set_params(**parameters)
            given = {"X": X, "y": y, **arguments}
            if way == "first partial_fit" and kind == "classifier":
                given = {"classes": list("abc"), **given}
            given = {name: y if isinstance(value, str) else value for name, value in given.items()}
            assert_refused(estimator.partial_fit if "partial" in way else estimator.fit, **given)
            if is_first:
                with pytest.raises(NotFittedError):
                    estimator.predict(X)
            else:
                np.testing.assert_array_equal(estimator._outputs(X), proba)


@pytest.mark.parametrize("kind", TARGETS)
def test_fits_after_a_refusal_are_as_if_there_had_been_none(kind):
    y = TARGETS[kind]
    plain, refused = made(kind), made(kind)
    for _ in range(2):
        with pytest.raises(ValueError, match="sample_weight"):
            refused.fit(X, y, sample_weight=-WEIGHTS)
        with pytest.raises(ValueError, match="validation set"):
            refused.set_params(early_stopping=True, validation_fraction=0.01).fit(X, y)
        refused.set_params(early_stopping=False)
        plain.fit(X, y).partial_fit(X, y)
        refused.fit(X, y).partial_fit(X, y)
        np.testing.assert_array_equal(plain.network_.params, refused.network_.params)


def test_names_of_columns_are_put_back():
    """scikit-learn's check of X forgets those of the fit before at once."""
    estimator = made("classifier").fit(X, LABELS)
    estimator.feature_names_in_ = np.array(list("pqrs"), object)  # as of a table
    assert_refused(estimator.fit, X[:, :2], LABELS, -WEIGHTS, match="sample_weight")
    assert list(estimator.feature_names_in_) == list("pqrs")
    assert estimator.n_features_in_ == 4


@pytest.mark.filterwarnings("ignore:overflow encountered")
@pytest.mark.filterwarnings("ignore:invalid value encountered")
def test_divergence_keeps_what_was_trained():
    estimator = fitted("regressor", solver="sgd", activation="identity")
    estimator.set_params(learning_rate_init=50.0, max_iter=500)
    before = estimator.network_
    with pytest.raises(ValueError, match="non-finite parameter weights"):
        estimator.fit(X, TARGETS["regressor"])
    assert estimator.network_ is not before
    assert 0 < estimator.n_iter_ == len(estimator.loss_curve_) < 500
    assert np.isfinite(estimator.loss_curve_).all()


# The same checks and conversions at every door.


@pytest.mark.parametrize("row", range(48))
def test_rows_held_out_are_checked_as_the_others(row):
    """Whether early stopping holds a row out or not, it is refused by its own number."""
    fit = made("poisson", early_stopping=True).fit
    assert_refused(fit, X, COUNTS, bad(WEIGHTS, -1, row), match=rf"sample_weight .* in row {row}$")
    assert_refused(fit, X, bad(COUNTS, -1, row), match=rf"negative for poisson, .* in row {row}$")


@pytest.mark.parametrize("kind", TARGETS)
def test_validation_targets_are_converted_as_those_of_the_training(kind):
    y = TARGETS[kind]
    plain = made(kind, random_state=0).fit(X, y, X_val=X, y_val=y)
    forms = [y.tolist(), y.astype(object), y[:, np.newaxis], y.astype(object)[:, np.newaxis]]
    if kind != "classifier":
        forms += [np.array([str(value) for value in y], object), np.array([Decimal(value) for value in y])]
    for form in forms:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataConversionWarning)
            other = made(kind, random_state=0).fit(X, form, X_val=X, y_val=form)
        assert other.validation_loss_curve_ == plain.validation_loss_curve_
        np.testing.assert_array_equal(other.network_.params, plain.network_.params)
    with pytest.warns(DataConversionWarning, match="column-vector"):
        made(kind).fit(X, y, X_val=X, y_val=y[:, np.newaxis])


@pytest.mark.parametrize("form", ["csr_matrix", "csc_array", "coo_array"])
def test_sparse_targets(form):
    Y = (X[:, :2] > 0).astype(int)
    sparse = getattr(scipy.sparse, form)(Y)
    for kind in (ours.MLPClassifier, ours.MLPRegressor):
        for options in ({}, {"early_stopping": True}, {"solver": "lbfgs"}):
            options |= {"hidden_layer_sizes": (5,), "max_iter": 4, "random_state": 0}
            a, b = (kind(**options).fit(X, targets) for targets in (Y, sparse))
            np.testing.assert_array_equal(a.network_.params, b.network_.params)
        options["solver"] = "adam"
        a, b = (kind(**options).fit(X, targets, X_val=X, y_val=targets) for targets in (Y, sparse))
        assert a.validation_loss_curve_ == b.validation_loss_curve_
        np.testing.assert_array_equal(a.partial_fit(X, Y).network_.params, b.partial_fit(X, sparse).network_.params)


def test_chunks_need_not_hold_all_classes_of_class_weight():
    factors = {"a": 3.0, "c": 2.0}  # and 1 for "b"
    options = {"hidden_layer_sizes": (5,), "random_state": 0}
    by_class = ours.MLPClassifier(class_weight=factors, **options)
    by_sample = ours.MLPClassifier(**options)
    order = np.argsort(LABELS, kind="stable")
    for rows in np.array_split(order, 4):
        y = LABELS[rows]
        by_class.partial_fit(X[rows], y, classes=list("abc"))
        by_sample.partial_fit(X[rows], y, np.array([factors.get(label, 1.0) for label in y]), classes=list("abc"))
    np.testing.assert_array_equal(by_class.network_.params, by_sample.network_.params)


def test_what_is_to_blame_is_named():
    for layers, sizes in (((5, 5), r"\[4, 5, 5, 3\]"), ((6,), r"\[4, 6, 3\]"), ((), r"\[4, 3\]")):
        for parameter in ({}, {"activation": ["tanh"] * len(layers)}):
            estimator = fitted("classifier", warm_start=True).set_params(hidden_layer_sizes=layers, **parameter)
            message = rf"hidden_layer_sizes must go with the layers of the fit before, \[4, 5, 3\], got {sizes}"
            assert_refused(estimator.fit, X, LABELS, match=message)
    for name, value in (("class_weight", {"a": -1.0}), ("class_weight", {"b": np.inf})):
        assert_refused(made("classifier", **{name: value}).fit, X, LABELS, match=name)


def masked(array):
    array = np.asarray(array)
    return np.ma.masked_array(array, MASK if array.ndim == 1 else np.broadcast_to(MASK[:, np.newaxis], array.shape))


@pytest.mark.parametrize("kind", TARGETS)
def test_masked_elements_are_refused(kind):
    y = TARGETS[kind]
    given = {"X": X, "y": y, "sample_weight": WEIGHTS, "X_val": X, "y_val": y, "sample_weight_val": WEIGHTS}
    estimator = fitted(kind)
    for name, value in given.items():
        match = rf"^{name} must have no masked elements"
        assert_refused(estimator.fit, **given | {name: masked(value)}, match=match)
        if not name.endswith("_val"):
            three = {other: given[other] for other in ("X", "y", "sample_weight")} | {name: masked(value)}
            assert_refused(estimator.partial_fit, **three, match=match)
            assert_refused(estimator.score, **three, match=match)
    assert_refused(estimator.predict, masked(X), match="X must have no masked")
    whole = {name: np.ma.masked_array(value) for name, value in given.items()}
    a, b = made(kind, random_state=0).fit(**given), made(kind, random_state=0).fit(**whole)
    np.testing.assert_array_equal(a.network_.params, b.network_.params)
