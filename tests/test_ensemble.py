"""`Ensemble`: what several networks predict together, against their stacked outputs; its checks and its files."""

import copy
import ctypes
import json
import pickle
import shutil
import subprocess
import tracemalloc

import numpy as np
import pytest
import safetensors
import safetensors.numpy
from test_hostile_values import VALUES, World, outcome
from test_serialization import EDITS

import shallownet_c as sn
from shallownet_c import ensemble as module
from shallownet_c import serialization

RNG = np.random.default_rng(0)
X = RNG.standard_normal((1000, 3))
WIDTHS = (4, 7, 4, 30, 1)


def networks(output="identity", dtype="float64", n_out=2, names=None):
    """Of several widths and depths, which is all that networks of an ensemble may differ in."""
    nets = [sn.MLP([3, n, n_out], "tanh", output, dtype=dtype, seed=n) for n in WIDTHS]
    nets.append(sn.MLP([3, 5, 5, n_out], ["leaky_relu", "silu"], output, leak=0.2, dtype=dtype, seed=0))
    if names is not None:
        pd = pytest.importorskip("pandas")
        for net in nets:
            net.fit(pd.DataFrame(X[:10], columns=names), np.full((10, n_out), 1 / n_out), epochs=1)
    return nets


def stacked(nets, X):
    return np.stack([net(X) for net in nets]).astype(np.float64)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("output", ["identity", "softmax"])
@pytest.mark.parametrize("block", [1, 10**4, 1 << 24])
def test_mean_spread_and_quantiles_are_those_of_the_networks_outputs(monkeypatch, dtype, output, block):
    monkeypatch.setattr(module, "BLOCK_BYTES", block)
    nets = networks(output, dtype)
    ensemble = sn.Ensemble(nets)
    rows = X[:57].astype(dtype)
    A = stacked(nets, rows)
    # Rows in other blocks are added up in another order.
    close = {"rtol": 0, "atol": 50 * np.finfo(dtype).eps}
    for got, want in (
        (ensemble(rows), A.mean(axis=0)),
        (ensemble.predict(rows.tolist()), A.mean(axis=0)),
        (ensemble.std(rows), A.std(axis=0)),
        (ensemble.quantiles(rows, 0.5), np.median(A, axis=0)),
        (ensemble.quantiles(rows, [0.1, 1, 0]), np.quantile(A, [0.1, 1, 0], axis=0)),
        (ensemble.quantiles(rows, (0.3,)), np.quantile(A, [0.3], axis=0)),
        (ensemble(rows[0]), A.mean(axis=0)[0]),
        (ensemble.std(rows[0]), A.std(axis=0)[0]),
        (ensemble.quantiles(rows[0], [0.25, 0.5]), np.quantile(A, [0.25, 0.5], axis=0)[:, 0]),
    ):
        assert got.dtype == dtype
        assert got.shape == want.shape
        np.testing.assert_allclose(got, want, **close)
    assert ensemble.std(rows).min() > 0
    assert ensemble(np.empty((0, 3))).shape == (0, 2)
    assert ensemble.quantiles(np.empty((0, 3)), [0.5]).shape == (1, 0, 2)


def test_one_network_alone_is_as_it_is():
    net = sn.MLP([3, 4, 2], seed=0)
    ensemble = sn.Ensemble([net])
    np.testing.assert_array_equal(ensemble(X), net(X))
    assert not ensemble.std(X).any()


def test_outputs_that_are_not_finite_give_no_warning():
    nets = networks()
    nets[0].params[:] = np.inf
    bad = X[:2].copy()
    bad[0, 0] = np.nan
    ensemble = sn.Ensemble(nets)
    assert np.isnan(ensemble(bad)[0]).all()
    for result in (ensemble(bad), ensemble.std(bad), ensemble.quantiles(bad, [0.5])[0]):
        assert not np.isfinite(result).any()


def test_classes_and_scores_are_those_of_the_mean():
    nets = networks("softmax", n_out=3)
    ensemble = sn.Ensemble(nets)
    mean = stacked(nets, X).mean(axis=0)
    classes = mean.argmax(axis=1)
    np.testing.assert_array_equal(ensemble.classify(X), classes)
    assert ensemble.classify(X[0]) == classes[0]
    y = np.where(np.arange(len(X)) % 4 == 0, (classes + 1) % 3, classes)
    assert ensemble.score(X, y) == 0.75
    weights = np.where(np.arange(len(X)) % 4 == 0, 3.0, 1.0)
    assert ensemble.score(X, y, weights) == 0.5
    chunks = [(X[:300], y[:300]), (X[300:], y[300:])]
    assert ensemble.score(lambda: chunks) == 0.75
    regression = networks()
    Y = RNG.standard_normal((len(X), 2))
    A = stacked(regression, X).mean(axis=0)
    want = (1 - ((Y - A) ** 2).sum(axis=0) / ((Y - Y.mean(axis=0)) ** 2).sum(axis=0)).mean()
    assert sn.Ensemble(regression).score(X, Y) == pytest.approx(want, rel=1e-12)
    with pytest.raises(ValueError, match="classify needs a network with output"):
        sn.Ensemble(regression).classify(X)


def test_memory_does_not_grow_with_rows_times_networks():
    ensemble = sn.Ensemble([sn.MLP([3, 4, 2], seed=seed) for seed in range(60)])
    rows = RNG.standard_normal((100_000, 3))
    for call in (ensemble, ensemble.std, lambda X: ensemble.quantiles(X, 0.5)):
        tracemalloc.start()
        call(rows)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        # All outputs at once would be 96 MB; a block and what NumPy makes of it is a few times BLOCK_BYTES.
        assert peak < 5 * module.BLOCK_BYTES


def test_a_sequence_of_its_networks():
    nets = networks()
    ensemble = sn.Ensemble(iter(nets))
    assert (len(ensemble), ensemble.nets, list(ensemble)) == (6, tuple(nets), nets)
    assert ensemble[1] is nets[1]
    assert ensemble[-1] is nets[-1]
    assert isinstance(ensemble[1:3], sn.Ensemble)
    assert ensemble[1:3].nets == tuple(nets[1:3])
    with pytest.raises(IndexError):
        ensemble[6]
    with pytest.raises(ValueError, match="nets must hold at least one MLP, got none"):
        ensemble[6:]
    nets[0].params[:] = 7  # the very networks
    assert ensemble[0].params[0] == 7
    assert repr(sn.Ensemble(nets[:1] * 2)) == f"Ensemble(2 × {nets[0]!r})"
    assert repr(ensemble).startswith(f"Ensemble(2 × {nets[0]!r}, 1 × {nets[1]!r}, 1 × ")
    assert repr(ensemble).endswith(", …)")


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (sn.MLP([2, 4, 2]), "number of inputs: 3 in nets[0], 2 in nets[6]"),
        (sn.MLP([3, 4, 1]), "number of outputs: 2 in nets[0], 1 in nets[6]"),
        (sn.MLP([3, 4, 2], output="tanh"), "output: 'identity' in nets[0], 'tanh' in nets[6]"),
        (sn.MLP([3, 4, 2], loss="huber"), "loss: 'squared_error' in nets[0], 'huber' in nets[6]"),
        (sn.MLP([3, 4, 2], dtype="float32"), "dtype: 'float64' in nets[0], 'float32' in nets[6]"),
        (None, "nets must hold MLPs, got None as nets[6]"),
        (sn.MLP.__new__(sn.MLP), "as nets[6]"),
    ],
    ids=["inputs", "outputs", "output", "loss", "dtype", "None", "not initialised"],
)
def test_a_network_that_does_not_belong_is_named(other, message):
    with pytest.raises((ValueError, TypeError)) as caught:
        sn.Ensemble([*networks(), other])
    assert message in str(caught.value)


@pytest.mark.parametrize(("loss", "name"), [("huber", "delta"), ("pinball", "quantile")])
def test_the_parameter_of_a_loss_is_the_same_in_all_networks(loss, name):
    def net(loss, **parameter):
        return sn.MLP([3, 4, 2], loss=loss, **parameter)

    with pytest.raises(ValueError, match=rf"same {name}: 0\.1 in nets\[0\], 0\.9 in nets\[2\]"):
        sn.Ensemble([net(loss, **{name: value}) for value in (0.1, 0.1, 0.9)])
    # A loss without it does not care.
    assert len(sn.Ensemble([net("squared_error", **{name: value}) for value in (0.1, 0.9)])) == 2


def test_names_of_columns():
    pd = pytest.importorskip("pandas")
    nets = networks(names=["a", "b", "c"])
    ensemble = sn.Ensemble(nets)
    assert ensemble.feature_names == ("a", "b", "c")
    table = pd.DataFrame(X[:9], columns=["a", "b", "c"])
    np.testing.assert_array_equal(ensemble(table), ensemble(X[:9]))
    np.testing.assert_allclose(ensemble(table.iloc[0]), ensemble(X[0]), rtol=1e-13)
    turned = table[["b", "a", "c"]]
    for call in (
        ensemble,
        ensemble.std,
        lambda X: ensemble.quantiles(X, 0.5),
        lambda X: ensemble.score(X, X.iloc[:, :2]),
    ):
        with pytest.raises(ValueError, match="got 'b' for 'a' in column 0"):
            call(turned)
    other = sn.MLP([3, 4, 2])
    with pytest.raises(ValueError, match=r"same feature_names: \('a', 'b', 'c'\) in nets\[0\], None in nets\[6\]"):
        sn.Ensemble([*nets, other])
    nets[2].fit(turned, np.zeros((9, 2)), epochs=1)  # an ensemble holds the very networks, whose names a fit changes
    with pytest.raises(ValueError, match=r"same feature_names: .* in nets\[2\]"):
        ensemble(table)


def assert_same(a, b):
    assert [net.model for net in a] == [net.model for net in b]
    assert [net.params.tobytes() for net in a] == [net.params.tobytes() for net in b]
    assert a.feature_names == b.feature_names


@pytest.mark.parametrize("make", [copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e)), sn.Ensemble.copy])
def test_copies_have_networks_of_their_own(make):
    ensemble = sn.Ensemble(networks(names=["a", "b", "c"]))
    twin = make(ensemble)
    assert_same(ensemble, twin)
    before = twin(X[:3])
    ensemble[0].params[:] = 0
    np.testing.assert_array_equal(twin(X[:3]), before)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("names", [None, ["a,[{", "", "ü"]])
def test_round_trip_through_a_file(tmp_path, dtype, names):
    ensemble = sn.Ensemble(networks("softmax", dtype, names=names))
    ensemble[1].params[:4] = [np.nan, -0.0, np.inf, np.finfo(dtype).smallest_subnormal]
    ensemble.save(tmp_path / "file")
    again = sn.Ensemble.load(str(tmp_path / "file"))
    assert_same(ensemble, again)
    assert repr(again) == repr(ensemble)
    again[0].params[:] = 0  # its own memory, writeable
    assert not again[0].weights[0].any()
    assert again[1].weights[0].any()


def test_another_reader_finds_the_tensors(tmp_path):
    nets = networks()
    sn.Ensemble(nets).save(tmp_path / "file")
    tensors = safetensors.numpy.load_file(tmp_path / "file")
    np.testing.assert_array_equal(tensors["nets.5.layers.2.weight"], nets[5].weights[2])
    assert len(tensors) == sum(2 * len(net.weights) for net in nets)
    with safetensors.safe_open(tmp_path / "file", "numpy") as file:
        assert json.loads(file.metadata()["model"])["ensemble"][3]["layer_sizes"] == [3, 30, 2]


def test_many_small_networks_of_as_many_kinds_in_a_file(tmp_path):
    """Their descriptions are longer than their parameters, which must not count as an attack on the reader."""
    ensemble = sn.Ensemble([sn.MLP([1, 1], seed=i, leak=i / 5000, dtype="float32") for i in range(5000)])
    ensemble.save(tmp_path / "file")
    assert_same(ensemble, sn.Ensemble.load(tmp_path / "file"))


def test_each_reader_says_whose_the_file_is(tmp_path):
    nets = networks()
    nets[0].save(tmp_path / "net")
    sn.Ensemble(nets).save(tmp_path / "ensemble")
    nets[0].fit(X, X[:, :2], epochs=1, checkpoint=tmp_path / "fit")
    with pytest.raises(ValueError, match=r"it is an ensemble, which Ensemble\.load reads"):
        sn.load(tmp_path / "ensemble")
    with pytest.raises(ValueError, match="it is a single network, for load"):
        sn.Ensemble.load(tmp_path / "net")
    with pytest.raises(ValueError, match="it is a checkpoint, for resume"):
        sn.Ensemble.load(tmp_path / "fit")


def edited(path, edit):
    """The file's content with its header and metadata changed by `edit(header, metadata)`."""
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    metadata = json.loads(header["__metadata__"]["model"])
    edit(header, metadata)
    if "model" in header.get("__metadata__", {}):
        header["__metadata__"]["model"] = json.dumps(metadata)
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + content[8 + length :]


def of_one_network(edit):
    """An edit of a network's file, done to the second one of an ensemble's."""

    def edit_second(header, metadata):
        prefix = "nets.1."
        own = {name.removeprefix(prefix): header.pop(name) for name in list(header) if name.startswith(prefix)}
        if "__metadata__" in header:
            own["__metadata__"] = header.pop("__metadata__")
        edit(own, metadata["ensemble"][1])
        header.update({name if name == "__metadata__" else prefix + name: value for name, value in own.items()})

    return edit_second


WHOLE = {
    "no networks": lambda header, metadata: metadata.update(ensemble=[]),
    "one network less": lambda header, metadata: metadata["ensemble"].pop(),
    "one network more": lambda header, metadata: metadata["ensemble"].append(metadata["ensemble"][0]),
    "no list": lambda header, metadata: metadata.update(ensemble={}),
    "a network a number": lambda header, metadata: metadata["ensemble"].__setitem__(0, 3),
    "more besides": lambda header, metadata: metadata.update(more=1),
    "another output": lambda header, metadata: metadata["ensemble"][0].update(output="tanh", loss="squared_error"),
    "other names": lambda header, metadata: metadata["ensemble"][0].update(feature_names=["a", "b", "c"]),
    "too few names": lambda header, metadata: [one.update(feature_names=["a"]) for one in metadata["ensemble"]],
}


@pytest.mark.parametrize("edit", [*WHOLE.values(), *map(of_one_network, EDITS.values())], ids=[*WHOLE, *EDITS])
def test_hostile_files(tmp_path, edit):
    nets = [sn.MLP([3, 5, 4, 2], ["relu", "leaky_relu"], "softmax", leak=0.2, dtype="float32", seed=s) for s in (0, 1)]
    path = tmp_path / "file"
    sn.Ensemble(nets).save(path)
    path.write_bytes(edited(path, edit))
    with pytest.raises(ValueError, match="file is not a shallownet_c ensemble: "):
        sn.Ensemble.load(path)


def test_truncated_files_and_a_claim_to_a_million_networks(tmp_path):
    path = tmp_path / "file"
    sn.Ensemble(networks()).save(path)
    content = path.read_bytes()
    for length in range(0, len(content), 7):
        path.write_bytes(content[:length])
        with pytest.raises(ValueError, match="file is not"):
            sn.Ensemble.load(path)
    tensors, metadata = {}, {"ensemble": [sn.MLP([1, 1]).model.description()] * 10**5}
    serialization.write(path, tensors, metadata)
    tracemalloc.start()
    with pytest.raises(ValueError, match="more parts than belong to tensors"):
        sn.Ensemble.load(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5 * path.stat().st_size


def rows_for(dtype):
    return RNG.standard_normal((20, 3)).astype(dtype)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("output", ["identity", "softmax"])
@pytest.mark.parametrize("opset", [None, 13])
def test_the_mean_as_an_onnx_model(tmp_path, dtype, output, opset):
    onnx = pytest.importorskip("onnx")
    from onnx.reference import ReferenceEvaluator

    ensemble = sn.Ensemble(networks(output, dtype))
    proto = ensemble.to_onnx(tmp_path / "mean.onnx", opset=opset)
    onnx.checker.check_model(proto, full_check=True)
    assert (tmp_path / "mean.onnx").read_bytes() == proto.SerializeToString()
    X = rows_for(dtype)
    (A,) = ReferenceEvaluator(proto).run(None, {"X": X})
    assert A.dtype == dtype
    np.testing.assert_allclose(A, ensemble(X), rtol=0, atol=100 * np.finfo(dtype).eps)
    with pytest.raises(ValueError, match="is not"):
        sn.from_onnx(tmp_path / "mean.onnx")


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_onnx_runtime_gives_the_mean(dtype):
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime", reason="it is installed by the extra test-all")
    ensemble = sn.Ensemble(networks("softmax", dtype))
    X = rows_for(dtype)
    session = runtime.InferenceSession(ensemble.to_onnx().SerializeToString(), providers=["CPUExecutionProvider"])
    np.testing.assert_allclose(session.run(None, {"X": X})[0], ensemble(X), rtol=0, atol=100 * np.finfo(dtype).eps)


def test_the_names_of_columns_in_an_onnx_model():
    pytest.importorskip("onnx")
    proto = sn.Ensemble(networks(names=["a", "b", "c"])).to_onnx()
    (entry,) = proto.metadata_props
    described = json.loads(entry.value)["ensemble"]
    assert [one["feature_names"] for one in described] == [["a", "b", "c"]] * 6
    assert [one["layer_sizes"][1] for one in described] == [*WIDTHS, 5]


CC = shutil.which("cc")


@pytest.mark.skipif(CC is None, reason="no C compiler")
@pytest.mark.parametrize("int8", [False, True])
def test_the_mean_as_c(tmp_path, int8):
    ensemble = sn.Ensemble(networks("softmax"))
    text = ensemble.to_c(tmp_path / "mean.c", name="mean", int8=int8)
    assert (tmp_path / "mean.c").read_text() == text
    flags = ["-std=c99", "-O2", "-Wall", "-Wextra", "-Werror", "-pedantic"]
    subprocess.run([CC, *flags, "-DMEAN_TEST", "mean.c", "-lm", "-o", "test"], cwd=tmp_path, check=True)
    tested = subprocess.run([tmp_path / "test"], capture_output=True, text=True, check=True)
    assert tested.stdout == "mean: 0 of 10 outputs are wrong\n"
    subprocess.run([CC, *flags, "-shared", "-fPIC", "mean.c", "-lm", "-o", "mean.so"], cwd=tmp_path, check=True)
    predict = ctypes.CDLL(str(tmp_path / "mean.so")).mean_predict
    numbers = ctypes.c_float * 3
    for x in rows_for("float32"):
        y = numbers(*x)
        predict(y, y)  # y may be x
        np.testing.assert_allclose(y[:2], ensemble(x), rtol=0, atol=0.02 if int8 else 2e-6)


def test_names_in_c_and_what_is_refused(tmp_path):
    nets = networks(names=["a", "*/", "c"])
    text = sn.Ensemble(nets).to_c(name="n")
    assert "the mean of 6 neural networks" in text
    assert "2 x 3 inputs - 4 tanh - 2 identity; 1 x 3 inputs - 7 tanh" in text
    assert '"*\\x2f"' in text
    for name in ("int", "a b", "x" * 47):
        with pytest.raises(ValueError, match="name must be"):
            sn.Ensemble(nets).to_c(tmp_path / "net.c", name=name)
    with pytest.raises(TypeError, match="int8 must be True or False"):
        sn.Ensemble(nets).to_c(tmp_path / "net.c", int8=1)
    nets[4].params[0] = np.nan
    with pytest.raises(ValueError, match=r"nets\[4\]: .* must be finite"):
        sn.Ensemble(nets).to_c(tmp_path / "net.c")
    assert not list(tmp_path.iterdir())


ENSEMBLE = sn.Ensemble(networks())
ENTRIES = {
    "nets": lambda w, v: sn.Ensemble(v),
    "nets of": lambda w, v: sn.Ensemble([ENSEMBLE[0], v]),
    "X": lambda w, v: ENSEMBLE(v),
    "q": lambda w, v: ENSEMBLE.quantiles(X[:2], v),
    "Y": lambda w, v: ENSEMBLE.score(X[:6], v),
}


@pytest.mark.parametrize("entry", ENTRIES)
def test_a_value_is_taken_or_refused(entry):
    for value in VALUES:
        error = outcome(ENTRIES[entry], World(), value)
        assert error is None or entry.split()[0] in str(error), (entry, value)
