"""shallownet_c.dask's predictions and estimators against those of one machine."""

import os
import pickle
import subprocess
import sys

import numpy as np
import pytest

import shallownet_c as sn

distributed = pytest.importorskip("distributed", reason="distributed is not installed, as it is by the extra test-all")
dask = pytest.importorskip("dask", reason="dask is not installed, as it is by the extra test-all")

import dask.array as da  # noqa: E402
from sklearn.base import clone  # noqa: E402
from sklearn.exceptions import NotFittedError  # noqa: E402

import shallownet_c.dask  # noqa: E402
from shallownet_c.dask import MLPClassifier, MLPRegressor  # noqa: E402
from shallownet_c.sklearn import MLPClassifier as LocalClassifier  # noqa: E402
from shallownet_c.sklearn import MLPRegressor as LocalRegressor  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
RNG = np.random.default_rng(0)
M = 500
X = RNG.standard_normal((M, 4))
#: The third class comes in one partition alone.
LABELS = np.where(X[:, 0] > 0, "right", "left").astype("<U6")
LABELS[420:430] = "middle"
NUMBERS = np.column_stack([X[:, 0] * X[:, 1], X[:, 2]])
WEIGHTS = RNG.uniform(0, 2, M)
DX = da.from_array(X, chunks=(120, 3))
DLABELS, DNUMBERS, DWEIGHTS = (
    da.from_array(array, chunks=(200, -1)[: array.ndim]) for array in (LABELS, NUMBERS, WEIGHTS)
)


@pytest.fixture(scope="module", autouse=True)
def client():
    options = {"threads_per_worker": 1, "processes": False, "dashboard_address": ":0"}
    with distributed.LocalCluster(n_workers=2, **options) as cluster, distributed.Client(cluster) as client:
        yield client


@pytest.fixture(scope="module")
def frames():
    """The columns and the labels as dataframe and series, with an empty partition."""
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    dd = pytest.importorskip("dask.dataframe", reason="dask.dataframe lacks pandas or pyarrow")
    table = pandas.DataFrame(X, columns=list("abcd")).assign(label=LABELS, number=NUMBERS[:, 0], weight=WEIGHTS)
    parts = [table[:100], table[100:100], table[100:350], table[350:]]
    frame = dd.from_delayed([dask.delayed(part) for part in parts], meta=table[:0])
    return table, frame


def test_predict_is_lazy():
    net = sn.MLP([4, 6, 3], output="softmax", seed=0)
    A = sn.dask.predict(net, DX)
    assert isinstance(A, da.Array)
    assert (A.chunks, A.dtype, type(A._meta)) == ((DX.chunks[0], (3,)), net.dtype, np.ndarray)
    expected = net(X)
    net.params[:] = 0  # too late for A
    np.testing.assert_array_equal(A, expected)
    np.testing.assert_array_equal(A[200:210].compute(), expected[200:210])
    with pytest.raises(TypeError, match=r"^X must be a dask array or a dask dataframe"):
        sn.dask.predict(net, X)
    with pytest.raises(TypeError, match=r"^net must be an MLP"):
        sn.dask.predict(None, DX)
    with pytest.raises(ValueError, match=r"^X must have 4 columns"):
        sn.dask.predict(net, DX[:, :3])


def test_predict_on_dataframes(frames):
    table, frame = frames
    columns = list("abcd")
    net = sn.MLP([4, 6, 1], seed=0)
    net.fit(table[columns], table["number"], epochs=1)
    A = sn.dask.predict(net, frame[columns])
    assert A.numblocks == (4, 1)
    np.testing.assert_array_equal(A, net(table[columns]))
    with pytest.raises(ValueError, match=r"^X must have the columns of the fit in their order"):
        sn.dask.predict(net, frame[columns[::-1]])


@pytest.mark.parametrize(
    "settings",
    [
        {"solver": "lbfgs", "max_iter": 15},
        {"solver": "sgd", "batch_size": M, "max_iter": 15, "learning_rate": "invscaling", "alpha": 0.5},
        {"solver": "adam", "batch_size": M, "max_iter": 15, "class_weight": "balanced"},
        {"solver": "adam", "batch_size": M, "max_iter": 15, "class_weight": {"left": 2.0, "middle": 5.0}},
    ],
)
def test_the_classifier_is_that_of_one_machine(settings):
    settings = {"hidden_layer_sizes": (6,), "random_state": 3, "learning_rate_init": 0.02} | settings
    ours, local = MLPClassifier(**settings), LocalClassifier(**settings)
    ours.fit(DX, DLABELS, sample_weight=DWEIGHTS)
    local.fit(X, LABELS, sample_weight=WEIGHTS)
    np.testing.assert_array_equal(ours.classes_, ["left", "middle", "right"])
    if settings.get("learning_rate") != "invscaling":  # which goes by samples there, by epochs here
        np.testing.assert_allclose(ours.predict_proba(X), local.predict_proba(X), rtol=0, atol=1e-6)
    assert ours.n_iter_ == local.n_iter_
    assert ours.score(DX, DLABELS, DWEIGHTS) == pytest.approx(ours.score(X, LABELS, WEIGHTS), rel=1e-12)


def test_predictions_of_the_classifier():
    classifier = MLPClassifier((6,), solver="lbfgs", max_iter=10, random_state=0).fit(DX, DLABELS)
    for lazy, now in (
        (classifier.predict(DX), classifier.predict(X)),
        (classifier.predict_proba(DX), classifier.predict_proba(X)),
        (classifier.predict_log_proba(DX), classifier.predict_log_proba(X)),
    ):
        assert isinstance(lazy, da.Array)
        assert (lazy.shape, lazy.dtype, lazy.chunks[0]) == (now.shape, now.dtype, DX.chunks[0])
        np.testing.assert_array_equal(lazy, now)


def test_two_classes_and_several_labels():
    two = DLABELS == "left"
    classifier = MLPClassifier((6,), solver="lbfgs", max_iter=10, random_state=0).fit(DX, two)
    assert classifier.predict_proba(DX).shape == (M, 2)
    np.testing.assert_array_equal(classifier.predict(DX), classifier.predict(X))
    several = (X[:, :3] > 0).astype(int)
    lazily = da.from_array(several, chunks=(200, 2))
    settings = {"hidden_layer_sizes": (6,), "solver": "lbfgs", "max_iter": 10, "random_state": 0}
    ours, local = MLPClassifier(**settings).fit(DX, lazily), LocalClassifier(**settings).fit(X, several)
    np.testing.assert_allclose(ours.predict_proba(DX), local.predict_proba(X), rtol=0, atol=1e-6)
    assert ours.predict(DX).shape == (M, 3)
    assert ours.score(DX, lazily) == pytest.approx(local.score(X, several), rel=1e-12)


@pytest.mark.parametrize("y", ["one", "two"])
def test_the_regressor_is_that_of_one_machine(y):
    # lbfgs takes steps by the loss that is reported, which scikit-learn divides by the number of outputs.
    settings = {"hidden_layer_sizes": (6,), "max_iter": 15, "random_state": 3, "loss": "huber", "batch_size": M}
    settings["solver"] = "lbfgs" if y == "one" else "adam"
    now, lazy = (NUMBERS[:, 0], DNUMBERS[:, 0]) if y == "one" else (NUMBERS, DNUMBERS)
    ours, local = MLPRegressor(**settings).fit(DX, lazy), LocalRegressor(**settings).fit(X, now)
    np.testing.assert_allclose(ours.predict(DX), local.predict(X), rtol=0, atol=1e-6)
    assert ours.predict(DX).chunks == (DX.chunks[0], *DNUMBERS.chunks[1:])[: now.ndim]
    for weights in (None, WEIGHTS):
        score = ours.score(DX, lazy, None if weights is None else DWEIGHTS)
        assert score == pytest.approx(ours.score(X, now, weights), rel=1e-12)


def test_minibatches_are_local():
    settings = {"hidden_layer_sizes": (6,), "max_iter": 40, "batch_size": 20, "learning_rate_init": 0.01}
    ours = MLPClassifier(random_state=0, **settings).fit(DX, DLABELS)
    again = MLPClassifier(random_state=0, **settings).fit(DX, DLABELS)
    np.testing.assert_array_equal(again.coefs_[0], ours.coefs_[0])
    assert ours.score(DX, DLABELS) > 0.9
    assert len(ours.loss_curve_) == ours.n_iter_ == ours.history_.n_epochs
    assert ours.history_.report.rounds > 0


def test_dataframes(frames):
    table, frame = frames
    columns = list("abcd")
    settings = {"hidden_layer_sizes": (6,), "solver": "lbfgs", "max_iter": 10, "random_state": 0}
    ours, local = (kind(class_weight="balanced", **settings) for kind in (MLPClassifier, LocalClassifier))
    for estimator, rows in ((ours, frame), (local, table)):
        estimator.fit(rows[columns], rows["label"], rows["weight"])
    np.testing.assert_array_equal(ours.feature_names_in_, columns)
    np.testing.assert_allclose(ours.predict_proba(frame[columns]), local.predict_proba(table[columns]), atol=1e-6)
    assert ours.score(frame[columns], frame["label"]) == ours.score(table[columns], table["label"])
    with pytest.raises(ValueError, match="feature names should match"):
        ours.predict(frame[columns[::-1]])
    regressor = MLPRegressor(**settings).fit(frame[columns], frame["number"])
    assert regressor.predict(frame[columns]).numblocks == (4,)
    assert regressor.score(frame[columns], frame["number"]) == pytest.approx(
        regressor.score(table[columns], table["number"]), rel=1e-12
    )


def test_in_memory_they_are_scikit_learns():
    settings = {"hidden_layer_sizes": (6,), "max_iter": 5, "random_state": 0}
    for ours, local, y in ((MLPClassifier, LocalClassifier, LABELS), (MLPRegressor, LocalRegressor, NUMBERS)):
        estimator, expected = ours(**settings).fit(X, y), local(**settings).fit(X, y)
        np.testing.assert_array_equal(estimator.predict(X), expected.predict(X))
        assert estimator.score(X, y) == expected.score(X, y)
        assert clone(estimator).set_params(alpha=2.0).get_params() == local(**settings, alpha=2.0).get_params()


def test_a_fitted_one_predicts_without_dask(tmp_path):
    classifier = MLPClassifier((6,), solver="lbfgs", max_iter=5, random_state=0).fit(DX, DLABELS)
    path = tmp_path / "classifier"
    path.write_bytes(pickle.dumps(classifier))
    np.save(tmp_path / "X.npy", X[:10])
    program = f"""
import pickle, sys
import numpy as np
sys.modules["dask"] = sys.modules["distributed"] = None
with open({os.fspath(path)!r}, "rb") as file:
    classifier = pickle.load(file)
print(*classifier.predict(np.load({os.fspath(tmp_path / "X.npy")!r})), classifier.history_.report.rounds)
"""
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert printed.stdout.split() == [*classifier.predict(X[:10]), str(classifier.history_.report.rounds)]


BAD = {
    "early_stopping": ({"early_stopping": True}, {}, ValueError, "^early_stopping must be False for collections"),
    "dropout": ({"dropout": 0.5}, {}, ValueError, "^dropout must be 0.0 for collections, got 0.5"),
    "X_val": ({}, {"X_val": DX, "y_val": DLABELS}, ValueError, "^X_val and y_val do not go with collections"),
    "an array": ({}, {"y": LABELS}, TypeError, "^y must be a dask array or a dask dataframe, as the others are, got"),
    "its X": ({}, {"X": X}, TypeError, "^X must be a dask array or a dask dataframe, as the others are, got"),
    "rows": ({}, {"y": DLABELS[:400]}, ValueError, r"^y must have 500 rows to go with X, got shape \(400,\)"),
    "numbers": ({}, {"y": DNUMBERS[:, 0]}, ValueError, "^Unknown label type: continuous"),
    "dimensions": ({}, {"X": DX[:, 0]}, ValueError, r"^X must have two dimensions, got shape \(500,\)"),
    "NaN": ({}, {"X": da.where(DX > 3, np.nan, DX)}, ValueError, "^partition 0: X must be finite, got nan in row"),
    "solver": ({"solver": "newton"}, {}, ValueError, "The 'solver' parameter of MLPClassifier must be a str among"),
    "weight": ({"class_weight": {"up": 1.0}}, {}, ValueError, "^The classes, .*, are not in class_weight"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name):
    settings, given, kind, message = BAD[name]
    classifier = MLPClassifier(**{"hidden_layer_sizes": (6,), "random_state": 0, "max_iter": 2} | settings)
    arguments = {"X": DX, "y": DLABELS} | given
    with pytest.raises(kind, match=message):
        classifier.fit(arguments.pop("X"), arguments.pop("y"), **arguments)
    assert not hasattr(classifier, "classes_")
    with pytest.raises(NotFittedError):
        classifier.predict(DX)


@pytest.mark.parametrize("dtype", ["string", "object", "float"])
def test_missing_labels_are_named(frames, dtype):
    table, frame = frames
    labels = table["number"] if dtype == "float" else table["label"].astype(dtype)
    kept = labels.index != 352  # the third row of the last partition
    parts = [labels.where(kept)[part.index] for part in (table[:100], table[100:100], table[100:350], table[350:])]
    y = dask.dataframe.from_delayed([dask.delayed(part) for part in parts], meta=parts[0][:0])
    with pytest.raises(ValueError, match=r"^partition 3: y must not have missing labels, got (<NA>|nan) in row 2$"):
        MLPClassifier((6,)).fit(frame[list("abcd")], y)


def test_a_column_of_text_is_refused_before_anything_is_loaded(frames):
    _, frame = frames
    loaded = []
    frame = frame.map_partitions(lambda part: loaded.append(1) or part, meta=frame._meta)
    y, columns = frame["number"], ["a", "b", "c", "label"]
    message = r"^X must be real numbers, got column 'label' of dtype \w+$"
    net = sn.MLP([4, 1], seed=0)
    for refused in (
        lambda: MLPRegressor().fit(frame[columns], y),
        lambda: sn.dask.fit(net, frame[columns], y),
        lambda: sn.dask.predict(net, frame[columns]),
    ):
        with pytest.raises(TypeError, match=message):
            refused()
    assert loaded == []


@pytest.mark.parametrize("known", [True, False])
def test_categories_may_be_numbers(frames, known):
    table, frame = frames
    grade = frame["a"].round().astype("category")
    X_of = frame.assign(a=grade.cat.as_known() if known else grade)[list("abcd")]
    here = table.assign(a=table["a"].round())[list("abcd")]
    ours, local = sn.MLP([4, 1], seed=0), sn.MLP([4, 1], seed=0)
    sn.dask.fit(ours, X_of, frame["number"], solver="adam", epochs=3)
    local.fit(here, table["number"], epochs=3)
    np.testing.assert_allclose(ours.params, local.params, atol=1e-10)


def test_partial_fit_takes_no_collections():
    with pytest.raises(TypeError, match=r"^X must be rows in memory for partial_fit"):
        MLPRegressor().partial_fit(DX, DNUMBERS)
