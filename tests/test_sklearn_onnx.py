"""The estimators in ONNX, by themselves and by skl2onnx, next to what skl2onnx makes of scikit-learn's own."""

import functools
import itertools
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import scipy.special
from sklearn import neural_network
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import shallownet_c as sn
from shallownet_c import sklearn as ours
from shallownet_c.sklearn import _network

onnx = pytest.importorskip("onnx", reason="the estimators' ONNX models are onnx's")
reference = pytest.importorskip("onnx.reference", reason="for values without another library")

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:Got `batch_size`"),
]

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 3))
#: As of ONNX Runtime's own sums: a few roundings of a probability or of a prediction of order 1.
CLOSE = {np.dtype(np.float32): 1e-6, np.dtype(np.float64): 1e-12}
HALF, THIRD = (X[:, 0] > 0).astype(int), np.digitize(X[:, 0], [-0.5, 0.5])
CLASSES = {
    "two integers": HALF,
    "a negative one": 2 * HALF - 1,
    "uint8": HALF.astype(np.uint8),
    "bools": HALF.astype(bool),
    "floats": np.array([1.0, 3.0])[HALF],
    "three integers": THIRD + 5,
    "two strings": np.array(["ä", "no"])[HALF],
    "three strings": np.array(["low", "middle", "high"])[THIRD],
    "objects": np.array(["a", "b"], object)[HALF],
    "one": np.ones(len(X), int),
}
LABELS = {"two labels": (X[:, :2] > 0).astype(int), "three labels": (X > 0).astype(int)}
TARGETS = CLASSES | LABELS
PREDICTIONS = {"one": X[:, 0] + X[:, 1] ** 2, "two": X[:, :2] ** 2}


def classifier(y, module=ours, hidden_layer_sizes=(4, 3), dtype=np.float64, **options):
    options = {"max_iter": 8, "learning_rate_init": 0.05, "random_state": 0, **options}
    return module.MLPClassifier(hidden_layer_sizes, **options).fit(X.astype(dtype), y)


def regressor(y, dtype=np.float64, **options):
    options = {"hidden_layer_sizes": (4, 3), "max_iter": 8, "learning_rate_init": 0.05, "random_state": 0, **options}
    return ours.MLPRegressor(**options).fit(X.astype(dtype), np.asarray(y, dtype))


@pytest.fixture(scope="module")
def skl2onnx():
    module = pytest.importorskip("skl2onnx", reason="for pipelines with the estimators")
    ours.register_skl2onnx()
    return module


@pytest.fixture(scope="module")
def runtime():
    return pytest.importorskip("onnxruntime", reason="which runs what skl2onnx makes")


def run(runtime, model, rows):
    """(name, type, shape) of each output, and their values for these rows."""
    onnx.checker.check_model(model, full_check=True)
    session = runtime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return [(out.name, out.type, out.shape) for out in session.get_outputs()], session.run(None, {"X": rows})


class Erf(reference.op_run.OpRun):
    """onnx 1.23 has an Erf of its own that rounds to float32."""

    op_domain = ""

    def _run(self, x):
        return (scipy.special.erf(x),)


def evaluated(model, rows):
    """The outputs by onnx's own reference, which needs no other library."""
    onnx.checker.check_model(model, full_check=True)
    return reference.ReferenceEvaluator(model, new_ops=[Erf]).run(None, {"X": rows})


def assert_same(one, other):
    """Lists of arrays or of ZipMap's dictionaries: the same labels, and floats as close as the dtype allows."""
    assert len(one) == len(other)
    for a, b in zip(one, other, strict=True):
        if isinstance(a, dict):
            assert a.keys() == b.keys()
            np.testing.assert_allclose(list(a.values()), list(b.values()), rtol=0, atol=1e-6)
        elif isinstance(a, list):
            assert_same(a, b)
        elif a.dtype.kind == "f":
            assert a.dtype == b.dtype
            np.testing.assert_allclose(a, b, rtol=0, atol=CLOSE[a.dtype])
        else:
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a, b)


#: Those that skl2onnx takes for scikit-learn's own with whichever classes are in the list.
OPTIONS = [
    {},
    {"zipmap": False},
    {"zipmap": "columns"},
    {"zipmap": False, "nocl": True},
    {"nocl": True},
    {"zipmap": False, "output_class_labels": True},
    {"zipmap": False, "output_class_labels": True, "nocl": True},
]
STRINGS = {"two strings", "three strings", "objects"}


def possible(name, dtype, options):
    """Whether skl2onnx can do it for any classifier of scikit-learn's."""
    if options.get("zipmap", True) is True and dtype == np.float64:
        return False  # ONNX's ZipMap takes float32
    if "nocl" in options and name in STRINGS:
        return False  # the label is declared an integer
    integers = {np.dtype(kind) for kind in ([bool] if "nocl" in options else []) + [np.int32, np.int64]}
    return "output_class_labels" not in options or name in STRINGS or CLASSES[name].dtype in integers


CASES = [
    pytest.param(name, dtype, options, id=f"{name}-{np.dtype(dtype).name}-{'+'.join(map(str, options.items()))}")
    for name in CLASSES
    for dtype, options in [
        *itertools.product((np.float32, np.float64), OPTIONS),
        (np.int64, {"zipmap": False}),
        (bool, {"zipmap": False}),
    ]
    if possible(name, dtype, options)
]


@pytest.mark.parametrize(("name", "dtype", "options"), CASES)
def test_classifiers_are_converted_as_scikit_learns_own(skl2onnx, runtime, name, dtype, options):
    one, rows = classifier(CLASSES[name]), (4 * X).astype(dtype)
    about, values = run(runtime, skl2onnx.to_onnx(one, rows[:1], options=options), rows)
    expected = run(runtime, skl2onnx.to_onnx(one.to_sklearn(), rows[:1], options=options), rows)
    assert about == expected[0]
    assert_same(values, expected[1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, bool])
def test_regressors_are_converted_as_scikit_learns_own(skl2onnx, runtime, dtype):
    one, rows = regressor(PREDICTIONS["one"]), (2 * X).astype(dtype)
    about, values = run(runtime, skl2onnx.to_onnx(one, rows[:1]), rows)
    expected = run(runtime, skl2onnx.to_onnx(one.to_sklearn(), rows[:1]), rows)
    assert about == expected[0]
    assert_same(values, expected[1])


#: Pipelines and ensembles of the classifiers that `make` makes, with the name of the option that turns ZipMap off.
BUILT = {
    "pipeline": (lambda make: make_pipeline(StandardScaler(), make()), "mlpclassifier__zipmap"),
    "columns": (
        lambda make: make_pipeline(
            ColumnTransformer([("a", StandardScaler(), [0, 2])], remainder="passthrough"), make()
        ),
        "mlpclassifier__zipmap",
    ),
    "vote": (lambda make: VotingClassifier([("a", make()), ("b", make(alpha=1))], flatten_transform=False), "zipmap"),
    "soft vote": (
        lambda make: VotingClassifier([("a", make()), ("b", make(alpha=1))], voting="soft", flatten_transform=False),
        "zipmap",
    ),
    "calibrated": (lambda make: CalibratedClassifierCV(make(), cv=2), "zipmap"),
    "bag": (lambda make: BaggingClassifier(make(), n_estimators=3, max_features=2, random_state=0), "zipmap"),
    "one against the rest": (lambda make: OneVsRestClassifier(make()), "zipmap"),
    "stack": (lambda make: StackingClassifier([("a", make()), ("b", make(alpha=1))], cv=2), "zipmap"),
}


@pytest.mark.parametrize("classes", ["two integers", "three strings"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", BUILT)
def test_what_is_built_of_classifiers_is_converted_as_of_scikit_learns_own(skl2onnx, runtime, name, dtype, classes):
    build, zipmap = BUILT[name]
    fitted = [
        build(functools.partial(module.MLPClassifier, (4,), max_iter=8, random_state=0)).fit(X, CLASSES[classes])
        for module in (ours, neural_network)
    ]
    rows = X.astype(dtype)
    (about, values), expected = (
        run(runtime, skl2onnx.to_onnx(model, rows[:1], options={zipmap: False}), rows) for model in fitted
    )
    assert about == expected[0]
    assert_same(values, expected[1])
    np.testing.assert_array_equal(values[0], fitted[0].predict(X))


@pytest.mark.parametrize("option", [True, False])
def test_raw_scores_of_an_ensemble_are_of_probabilities_as_of_scikit_learns_own(skl2onnx, runtime, option):
    """scikit-learn's classifiers have no raw scores for an ensemble to take, nor have ours a decision_function."""
    fitted = [
        BaggingClassifier(module.MLPClassifier((4,), max_iter=8, random_state=0), 2, random_state=0).fit(X, HALF)
        for module in (ours, neural_network)
    ]
    rows = X.astype(np.float32)
    options = {"zipmap": False, "raw_scores": option}
    (_, values), (_, expected) = (
        run(runtime, skl2onnx.to_onnx(model, rows[:1], options=options), rows) for model in fitted
    )
    assert_same(values, expected)


def pairs(names):
    """Two hidden layers with different activations, so that each name comes first once."""
    names = list(names)
    return list(zip(names, names[1:] + names[:1], strict=True))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("activation", pairs(name for name, row in _network.ACTIVATIONS.items() if row.hidden))
def test_activations(skl2onnx, runtime, activation, dtype):
    one, rows = classifier(CLASSES["three strings"], activation=activation, leak=0.2), X.astype(dtype)
    model = skl2onnx.to_onnx(one, rows[:1], options={"zipmap": False})
    if dtype == np.float64 and "gelu" in activation:  # ONNX Runtime has no Erf in float64
        values = evaluated(model, rows)
        values[0] = np.asarray(values[0], object)
    else:
        _, values = run(runtime, model, rows)
    assert_same(values, [one.predict(X).astype(object), one.predict_proba(X).astype(dtype)])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("loss", [name for name, row in _network.LOSSES.items() if not row.classes])
@pytest.mark.parametrize("y", PREDICTIONS)
def test_losses_and_several_predictions(skl2onnx, runtime, loss, y, dtype):
    """skl2onnx 1.20 puts several predictions of scikit-learn's own into one column."""
    one, rows = regressor(np.abs(PREDICTIONS[y]), loss=loss), X.astype(dtype)
    about, values = run(runtime, skl2onnx.to_onnx(one, rows[:1]), rows)
    n = PREDICTIONS[y].size // len(X)
    assert about == [("variable", "tensor(float)" if dtype == np.float32 else "tensor(double)", [None, n])]
    assert_same(values, [one.predict(X).reshape(-1, n).astype(dtype)])


@pytest.mark.parametrize("options", [option for option in OPTIONS if "zipmap" in option])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", LABELS)
def test_several_labels(skl2onnx, runtime, name, dtype, options):
    """skl2onnx 1.20 declares a wrong shape for scikit-learn's own, and makes four probabilities of two."""
    one, rows = classifier(LABELS[name]), X.astype(dtype)
    about, values = run(runtime, skl2onnx.to_onnx(one, rows[:1], options=options), rows)
    n = LABELS[name].shape[1]
    probabilities = one.predict_proba(X).astype(dtype)
    if options["zipmap"] == "columns":
        assert [name for name, _, _ in about] == ["output_label", *(f"i{label}" for label in range(n))]
        assert_same(values, [one.predict(X), *probabilities.T])
    else:
        assert about[0] == ("label", "tensor(int64)", [None, n])
        assert_same(values[:2], [one.predict(X), probabilities])
        assert_same(values[2:], [np.arange(n)] if "output_class_labels" in options else [])


@pytest.mark.parametrize("options", [{"zipmap": False}, {"zipmap": False, "output_class_labels": True}])
def test_integers_of_more_than_32_bits(skl2onnx, runtime, options):
    """skl2onnx 1.20 loses their upper bits with scikit-learn's own."""
    one, rows = classifier(np.array([-(2**62), 2**40])[HALF]), X.astype(np.float32)
    _, values = run(runtime, skl2onnx.to_onnx(one, rows[:1], options=options), rows)
    np.testing.assert_array_equal(values[0], one.predict(X))


@pytest.mark.parametrize("name", sorted(STRINGS))
def test_without_strings(skl2onnx, runtime, name):
    """skl2onnx 1.20 declares integers and gives strings with scikit-learn's own."""
    one, rows = classifier(CLASSES[name]), X.astype(np.float32)
    _, values = run(runtime, skl2onnx.to_onnx(one, rows[:1], options={"zipmap": False, "nocl": True}), rows)
    np.testing.assert_array_equal(one.classes_[values[0]], one.predict(X))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["two strings", "three integers", "one", "two labels"])
def test_raw_scores(skl2onnx, runtime, name, dtype):
    one, rows = classifier(TARGETS[name]), X.astype(dtype)
    about, values = run(runtime, skl2onnx.to_onnx(one, rows[:1], options={"zipmap": False, "raw_scores": True}), rows)
    assert [name for name, _, _ in about] == ["label", "probabilities"]
    np.testing.assert_array_equal(values[0], one.predict(X))
    probabilities, scores = one.predict_proba(X), values[1].astype(float)
    if name == "three integers":
        scores -= scipy.special.logsumexp(scores, axis=1, keepdims=True)
        np.testing.assert_allclose(scores, np.log(probabilities), rtol=0, atol=10 * CLOSE[rows.dtype])
    else:
        probabilities = probabilities[:, -scores.shape[1] :]
        np.testing.assert_allclose(scores, scipy.special.logit(probabilities), rtol=0, atol=10 * CLOSE[rows.dtype])


@pytest.mark.parametrize("fitted", [np.float32, np.float64])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_type_of_the_input_is_that_of_the_graph(skl2onnx, runtime, fitted, dtype):
    one, rows = classifier(HALF, dtype=fitted), X.astype(dtype)
    model = skl2onnx.to_onnx(one, rows[:1], options={"zipmap": False})
    floats = {tensor.data_type for tensor in model.graph.initializer} - {onnx.TensorProto.INT64}
    assert floats == {onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))}
    _, values = run(runtime, model, rows)
    theirs = skl2onnx.to_onnx(one.to_sklearn(), rows[:1], options={"zipmap": False})
    assert_same(values, run(runtime, theirs, rows)[1])


def test_parameters_that_float32_cannot_hold(skl2onnx):
    one = classifier(HALF)
    one.coefs_ = [1e200 * W for W in one.coefs_]
    with pytest.raises(ValueError, match="coefs_ and intercepts_ must be finite in float32, the type of the inputs"):
        skl2onnx.to_onnx(one, X[:1].astype(np.float32))


def described(values):
    """(name, element type, shape) of inputs or outputs of a graph."""
    return [
        (
            value.name,
            value.type.tensor_type.elem_type,
            [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim],
        )
        for value in values
    ]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", TARGETS)
def test_to_onnx_of_a_classifier(name, dtype):
    one, rows = classifier(TARGETS[name], dtype=dtype), X.astype(dtype)
    model = one.to_onnx()
    label, probabilities = evaluated(model, rows)
    np.testing.assert_array_equal(label, one.predict(rows))
    n = probabilities.shape[1]
    assert n == len(one.classes_)
    assert_same([probabilities], [one.predict_proba(rows)[:, -n:]])
    types, real = onnx.TensorProto, onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    assert described(model.graph.input) == [("X", real, ["batch", 3])]
    assert described(model.graph.output) == [
        ("label", types.STRING if name in STRINGS else types.INT64, ["batch", n] if name in LABELS else ["batch"]),
        ("probabilities", real, ["batch", n]),
    ]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("loss", [name for name, row in _network.LOSSES.items() if not row.classes])
@pytest.mark.parametrize("y", PREDICTIONS)
def test_to_onnx_of_a_regressor(y, loss, dtype):
    one, rows = regressor(np.abs(PREDICTIONS[y]), dtype, loss=loss), X.astype(dtype)
    model = one.to_onnx()
    n = PREDICTIONS[y].size // len(X)
    assert_same(evaluated(model, rows), [one.predict(rows).reshape(-1, n)])
    real = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    assert described(model.graph.output) == [("variable", real, ["batch", n])]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("activation", [name for name, row in _network.ACTIVATIONS.items() if row.hidden])
def test_to_onnx_of_each_activation(activation, dtype):
    one = classifier(HALF, activation=["relu", activation], leak=0.2, dtype=dtype)
    rows = X.astype(dtype)
    assert_same(evaluated(one.to_onnx(), rows), [one.predict(rows), one.predict_proba(rows)])


@pytest.mark.parametrize("hidden_layer_sizes", [(), (5,), (4, 4, 4)])
def test_to_onnx_of_any_depth(hidden_layer_sizes):
    one = classifier(CLASSES["three integers"], hidden_layer_sizes=hidden_layer_sizes, activation="tanh")
    assert_same(evaluated(one.to_onnx(), X), [one.predict(X), one.predict_proba(X)])


@pytest.mark.parametrize("name", [name for name in TARGETS if name != "two labels"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_to_onnx_gives_what_skl2onnx_gives_without_zipmap(skl2onnx, runtime, name, dtype):
    one, rows = classifier(TARGETS[name], dtype=dtype), X.astype(dtype)
    about, values = run(runtime, one.to_onnx(), rows)
    model = one if name in LABELS else one.to_sklearn()
    theirs = run(runtime, skl2onnx.to_onnx(model, rows[:1], options={"zipmap": False}), rows)
    assert [out[:2] for out in about] == [out[:2] for out in theirs[0]]
    assert_same(values, theirs[1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", TARGETS)
def test_from_onnx_has_the_network_of_a_classifier(name, dtype):
    one = classifier(TARGETS[name], activation=["gelu", "mish"], dtype=dtype)
    net = sn.from_onnx(one.to_onnx())
    assert net.model == one.network_.model
    np.testing.assert_array_equal(net.params, one.network_.params)


@pytest.mark.parametrize("loss", [name for name, row in _network.LOSSES.items() if not row.classes])
def test_from_onnx_has_the_network_of_a_regressor(loss):
    one = regressor(np.abs(PREDICTIONS["two"]), loss=loss, delta=2.0, quantile=0.3)
    net = sn.from_onnx(one.to_onnx())
    assert net.model == one.network_.model
    np.testing.assert_array_equal(net.params, one.network_.params)


def test_to_onnx_follows_parameters_that_have_been_replaced():
    one = classifier(HALF, activation="tanh")
    before = evaluated(one.to_onnx(), X)[1]
    one.coefs_ = [2 * W for W in one.coefs_]
    after = evaluated(one.to_onnx(), X)[1]
    assert np.abs(after - before).max() > 0.01
    assert_same([after], [one.predict_proba(X)])
    one.set_params(activation="sin")
    assert_same(evaluated(one.to_onnx(), X)[1:], [one.predict_proba(X)])


def test_to_onnx_writes_what_it_returns(tmp_path):
    model = classifier(HALF).to_onnx(tmp_path / "net.onnx")
    assert onnx.load(tmp_path / "net.onnx") == model
    assert [path.name for path in tmp_path.iterdir()] == ["net.onnx"]


def test_metadata():
    pandas = pytest.importorskip("pandas", reason="for the names of features")
    frame = pandas.DataFrame(X, columns=["height", "weight", "age"])
    model = (
        ours.MLPRegressor(hidden_layer_sizes=(4,), max_iter=3, loss="huber", delta=2.0).fit(frame, X[:, 0]).to_onnx()
    )
    text = "".join(entry.value for entry in model.metadata_props)
    assert '"feature_names": ["height", "weight", "age"]' in text
    assert '"layer_sizes": [3, 4, 1]' in text
    assert '"loss": "huber"' in text
    assert '"delta": 2.0' in text


@pytest.mark.parametrize("opset", [None, 9, 13, 18, 22])
def test_opset(opset):
    one = classifier(CLASSES["three strings"], activation=["mish", "softplus"])
    model = one.to_onnx(opset=opset)
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", opset or 18)]
    label, probabilities = evaluated(model, X)
    np.testing.assert_array_equal(label, one.predict(X))
    assert_same([probabilities], [one.predict_proba(X)])


@pytest.mark.parametrize(
    ("opset", "error", "message"),
    [
        (3, ValueError, "opset must be at least 9, got 3"),
        (10**6, ValueError, "opset must be at most"),
        ("18", TypeError, "opset must be an integer"),
        (18.5, TypeError, "opset must be an integer"),
    ],
)
def test_opsets_that_there_are_not(opset, error, message, tmp_path):
    with pytest.raises(error, match=message):
        classifier(HALF).to_onnx(tmp_path / "net.onnx", opset=opset)
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written(tmp_path):
    with pytest.raises(FileNotFoundError, match="missing"):
        classifier(HALF).to_onnx(tmp_path / "missing" / "net.onnx")
    with pytest.raises(TypeError, match="path must be a path or None"):
        classifier(HALF).to_onnx(7)
    assert not list(tmp_path.iterdir())


def test_skl2onnx_of_an_estimator_that_has_not_been_fitted(skl2onnx):
    with pytest.raises(NotFittedError):
        skl2onnx.to_onnx(ours.MLPRegressor(), X[:1])


def test_an_estimator_that_has_not_been_fitted(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    for one in (ours.MLPClassifier(), ours.MLPRegressor()):
        with pytest.raises(NotFittedError):
            one.to_onnx("nowhere/at/all", opset=-1)


def test_without_onnx(monkeypatch):
    one = classifier(HALF)
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r"pip install 'shallownet-c\[onnx\]'"):
        one.to_onnx()


@pytest.mark.parametrize(
    "classes", [[0.5, 1.0], [0.0, 2.0**63], [-np.inf, 1.0], np.array([0, 2**63], np.uint64), [b"a", b"b"], [1e300, 1.0]]
)
def test_classes_that_are_no_labels_of_onnx(classes):
    one = classifier(HALF)
    one._label_binarizer.classes_ = one.classes_ = np.array(classes)
    with pytest.raises(ValueError, match="classes_ must hold strings, or numbers that are 64-bit integers"):
        one.to_onnx()


@pytest.mark.parametrize("target", [9, 13, 18, 22])
def test_opsets(skl2onnx, runtime, target):
    one, rows = classifier(CLASSES["three strings"], activation=["gelu", "mish"]), X.astype(np.float32)
    model = skl2onnx.to_onnx(one, rows[:1], options={"zipmap": False}, target_opset=target)
    assert_same(run(runtime, model, rows)[1], [one.predict(X).astype(object), one.predict_proba(X).astype(np.float32)])


def test_names_that_the_graph_has_inside(skl2onnx, runtime):
    """Those of inputs and outputs go before."""
    one, rows = classifier(HALF), X.astype(np.float32)
    columns = [("Z1", skl2onnx.common.data_types.FloatTensorType([None, 3]))]
    outputs = [("x", None), ("likeliest", None)]
    model = skl2onnx.to_onnx(one, initial_types=columns, final_types=outputs, options={"zipmap": False})
    session = runtime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    assert_same(
        session.run(["x", "likeliest"], {"Z1": rows}), [one.predict(X), one.predict_proba(X).astype(np.float32)]
    )


def test_an_option_that_there_is_not(skl2onnx):
    with pytest.raises(NameError, match="decision_path"):
        skl2onnx.to_onnx(classifier(HALF), X[:1], options={"decision_path": True})


def in_another_process(code):
    run = subprocess.run(
        [sys.executable, "-P", "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.split()


FITTED = """
import numpy as np
X = np.random.default_rng(0).standard_normal((20, 3)).astype("f")
one = MLPClassifier((3,), max_iter=500, tol=1).fit(X, X[:, 0] > 0)
"""


def test_importing_the_estimators_beside_skl2onnx_registers_them(skl2onnx):
    code = f"""import skl2onnx
from shallownet_c.sklearn import MLPClassifier{FITTED}
print(len(skl2onnx.to_onnx(one, X).graph.output))
"""
    assert in_another_process(code) == ["2"]


def test_skl2onnx_imported_later_says_what_to_do(skl2onnx):
    code = f"""from shallownet_c.sklearn import MLPClassifier, register_skl2onnx{FITTED}
import skl2onnx
try:
    skl2onnx.to_onnx(one, X)
except RuntimeError as error:
    print("shallownet_c.sklearn.register_skl2onnx()" in str(error))
for _ in range(2):
    print(register_skl2onnx(), len(skl2onnx.to_onnx(one, X).graph.output))
"""
    assert in_another_process(code) == ["True", "None", "2", "None", "2"]


def test_importing_the_estimators_imports_no_library_of_onnx():
    code = """
    import sys, shallownet_c.sklearn
    print(*(name for name in ("onnx", "skl2onnx", "onnxruntime") if name in sys.modules))
    """
    assert in_another_process(code) == []


def test_derived_classes(skl2onnx, runtime):
    class Mine(ours.MLPClassifier):
        pass

    one, rows = Mine((4,), max_iter=8, random_state=0).fit(X, HALF), X.astype(np.float32)
    with pytest.raises(
        RuntimeError, match=r"no converter of .*Mine: call shallownet_c\.sklearn\.register_skl2onnx\(.*Mine\)"
    ):
        skl2onnx.to_onnx(one, rows[:1])
    ours.register_skl2onnx(Mine)
    _, values = run(runtime, skl2onnx.to_onnx(one, rows[:1], options={"zipmap": False}), rows)
    assert_same(values, [one.predict(X), one.predict_proba(X).astype(np.float32)])


@pytest.mark.parametrize("kind", [neural_network.MLPClassifier, int, "MLPClassifier"])
def test_classes_that_are_not_derived(kind):
    with pytest.raises(TypeError, match=r"derived from MLPClassifier or MLPRegressor of shallownet_c\.sklearn, got"):
        ours.register_skl2onnx(kind)


def test_registering_without_skl2onnx(monkeypatch):
    monkeypatch.setitem(sys.modules, "skl2onnx", None)
    with pytest.raises(ImportError, match=r"pip install 'shallownet-c\[skl2onnx\]'"):
        ours.register_skl2onnx()
