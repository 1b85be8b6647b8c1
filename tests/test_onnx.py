"""`MLP.to_onnx` and `from_onnx` on its files: the same bits back, and what onnx.reference computes of them."""

import errno
import json
import os
import re
import sys

import numpy as np
import pytest
from networks import ELEMENTWISE, OUTPUTS, PAIRS
from tolerances import ONNX

import shallownet_c as sn
from shallownet_c.reference._activations import ACTIVATIONS

onnx = pytest.importorskip("onnx", reason="the extra onnx is not installed")

from onnx_graphs import computed  # noqa: E402  it needs onnx

NEWEST = onnx.defs.onnx_opset_version()
OPSETS = [9, 13, 18, 20, NEWEST]


def network(activation, dtype, depth=3, seed=0, **options):
    """A network with the activation wherever it may be."""
    hidden = activation if ACTIVATIONS[activation].hidden else "tanh"
    net = sn.MLP([7, *[9] * (depth - 1), 4], hidden, activation, dtype=dtype, seed=seed, **options)
    for b in net.biases:
        b[:] = np.random.default_rng(seed).standard_normal(len(b))
    return net


def rewritten(proto, key, value):
    """The model with another value in the description of the network; None leaves it out."""
    (entry,) = proto.metadata_props
    said = json.loads(entry.value) | {key: value}
    entry.value = json.dumps({name: each for name, each in said.items() if each is not None})
    return proto


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_same_model_and_bits_come_back(activation, dtype, tmp_path):
    for opset in OPSETS:
        net = network(activation, dtype, leak=0.1 + 1e-12)
        net.params[[0, 1, -1, -2, 30]] = -0.0, np.nan, -0.0, np.inf, 5e-324
        net.to_onnx(tmp_path / "net.onnx", opset=opset)
        again = sn.from_onnx(tmp_path / "net.onnx")
        assert again.model == net.model
        assert again.params.tobytes() == net.params.tobytes()
        assert again.feature_names is None


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("leak", [0.0, 1e-50, 1 / 3, np.nextafter(1, 0)])
def test_every_leak_comes_back(leak, dtype):
    net = network("leaky_relu", dtype, leak=leak)
    assert sn.from_onnx(net.to_onnx()).leak == leak


@pytest.mark.parametrize(("output", "loss"), PAIRS)
def test_every_loss_comes_back(output, loss):
    net = sn.MLP([2, 3, 2], output=output, loss=loss, delta=0.3, quantile=0.9, leak=0.2)
    again = sn.from_onnx(net.to_onnx())
    assert (again.loss, again.delta, again.quantile, again.leak) == (loss, 0.3, 0.9, 0.2)


def test_names_of_columns_come_back():
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(np.random.default_rng(0).standard_normal((9, 2)), columns=["größe", 'a "b", [c]'])
    net = sn.MLP([2, 1], seed=0)
    net.fit(table, np.zeros(9), epochs=1)
    assert sn.from_onnx(net.to_onnx()).feature_names == ("größe", 'a "b", [c]')


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_onnx_reference_computes_ours(activation, dtype):
    """Relative to the greatest output: where all of them are next to nothing, as those of gelu far below 0, there is no
    such scale, since what composes them loses those digits."""
    X = 3 * np.random.default_rng(1).standard_normal((50, 7)).astype(dtype)
    for opset in OPSETS:
        for depth in (1, 2, 5):
            net = network(activation, dtype, depth, leak=0.13)
            found = computed(net.to_onnx(opset=opset), X)
            assert found.dtype == dtype
            assert np.abs(found - net(X)).max() <= ONNX[dtype] * np.abs(net(X)).max(), (opset, depth)


@pytest.mark.parametrize("activation", sorted(set(ELEMENTWISE) - {"gelu", "sin", "identity"}))
def test_compositions_keep_small_values_and_take_large_ones(activation):
    """In float64, each value relative to itself, from where e^z is next to nothing to where it overflows.

    gelu's erf, and sin z for a z of many turns, have no such digits.
    """
    net = sn.MLP([1, 1], output=activation, leak=0.13)
    net.params[:] = 1, 0
    z = np.concatenate([sign * np.logspace(-12, np.log10(700), 300) for sign in (-1, 1)])[:, np.newaxis]
    wanted = net(z)
    error = np.abs(computed(net.to_onnx(), z) - wanted)
    assert (error <= 1e-12 * np.abs(wanted)).all()


@pytest.mark.parametrize(("output", "loss"), OUTPUTS)
@pytest.mark.parametrize("opset", OPSETS)
def test_the_checker_finds_nothing(output, loss, opset, tmp_path):
    net = sn.MLP([3, 4, 2], output=output, loss=loss)
    proto = net.to_onnx(tmp_path / "net.onnx", opset=opset)
    onnx.checker.check_model(str(tmp_path / "net.onnx"), full_check=True)
    assert (tmp_path / "net.onnx").read_bytes() == proto.SerializeToString()


def test_what_the_model_says_of_itself():
    proto = sn.MLP([3, 4, 2], dtype="float32").to_onnx()
    assert proto.ir_version == 8
    assert [(entry.domain, entry.version) for entry in proto.opset_import] == [("", 18)]
    assert proto.producer_name == "shallownet_c"
    for value, name, width in (proto.graph.input[0], "X", 3), (proto.graph.output[0], "A", 2):
        batch, columns = value.type.tensor_type.shape.dim
        assert (value.name, batch.dim_param, columns.dim_value) == (name, "batch", width)
        assert value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    names = [node.name for node in proto.graph.node]
    assert len(set(names)) == len(names)


def test_an_output_for_each_number_of_rows():
    net = network("mish", "float64")
    for m in (1, 2, 1000):
        X = np.random.default_rng(m).standard_normal((m, 7))
        assert np.allclose(computed(net.to_onnx(), X), net(X), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({"opset": 8}, ValueError, "opset must be at least 9, got 8"),
        ({"opset": NEWEST + 1}, ValueError, f"opset must be at most {NEWEST}, got {NEWEST + 1}"),
        ({"opset": "18"}, TypeError, "opset must be an integer, got '18'"),
        ({"opset": True}, TypeError, "opset must be an integer, got True"),
        ({"path": 3}, TypeError, "path must be a path or None, got 3"),
        ({"path": b"net"}, TypeError, "path must be a path or None, got b'net'"),
        ({"file": "net"}, TypeError, "to_onnx() has no argument 'file'"),
    ],
)
def test_arguments(arguments, kind, message):
    with pytest.raises(kind, match=re.escape(message)):
        sn.MLP([2, 1]).to_onnx(**arguments)


def test_a_path_that_cannot_be_written_leaves_nothing_behind(tmp_path, monkeypatch):
    net = sn.MLP([2, 1])
    with pytest.raises(FileNotFoundError):
        net.to_onnx(tmp_path / "no folder" / "net.onnx")
    with pytest.raises(IsADirectoryError):
        net.to_onnx(tmp_path)
    (tmp_path / "net.onnx").write_bytes(b"before")

    def full(*_):
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space left"):
        net.to_onnx(tmp_path / "net.onnx")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"net.onnx": b"before"}


def test_more_than_a_file_holds(monkeypatch):
    from shallownet_c._exchange import _onnx_layers

    monkeypatch.setattr(_onnx_layers, "MOST_BYTES", 100)
    assert sn.MLP([2, 4], dtype="float64").to_onnx()  # 96 bytes
    with pytest.raises(ValueError, match="an ONNX model holds less than 2 GiB"):
        sn.MLP([3, 4], dtype="float64").to_onnx()


def test_without_onnx(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "onnx", None)
    for call in (lambda: sn.MLP([2, 1]).to_onnx(), lambda: sn.from_onnx(tmp_path), lambda: sn.from_onnx(3)):
        with pytest.raises(ImportError, match=re.escape("pip install 'shallownet-c[onnx]'")):
            call()


def test_the_graph_comes_before_the_metadata():
    proto = network("leaky_relu", "float32", leak=0.25).to_onnx()
    for key, value in [
        ("layer_sizes", [2, 2]),
        ("activation", ["relu"]),
        ("output", "exp"),
        ("dtype", "float64"),
        ("leak", 0.5),
    ]:
        rewritten(proto, key, value)
    again = sn.from_onnx(proto)
    assert again.model == network("leaky_relu", "float32", leak=0.25).model
    del proto.metadata_props[:]
    assert sn.from_onnx(proto).model == again.model


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("format", 2, "its metadata have format 2, and 1 is known"),
        ("format", None, "its metadata have format None"),
        ("loss", "log_loss", "loss 'log_loss' does not go with output 'identity'"),
        ("loss", "made up", "its description.loss must be one of"),
        ("delta", -1, "delta must be > 0"),
        ("delta", "1", "its description.delta must be a finite number"),
        ("feature_names", ["a"], "its metadata have 1 feature_names, and its graph 7 inputs"),
        ("feature_names", [1] * 7, r"its description.feature_names\[0\] must be a string"),
        ("more", 1, "its description has a field 'more' that is not known"),
        ("loss", None, "its description has no loss"),
    ],
)
def test_metadata_that_are_wrong(key, value, message):
    with pytest.raises(ValueError, match=f"^path_or_model is not a dense network in ONNX: {message}"):
        sn.from_onnx(rewritten(network("identity", "float64").to_onnx(), key, value))


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, '"' + "x" * 10**6])
def test_metadata_that_are_no_description(text):
    proto = network("identity", "float64").to_onnx()
    proto.metadata_props[0].value = text
    with pytest.raises(ValueError, match="its metadata are damaged"):
        sn.from_onnx(proto)
    proto = network("identity", "float64").to_onnx()
    proto.metadata_props.append(proto.metadata_props[0])
    with pytest.raises(ValueError, match="its metadata are damaged"):
        sn.from_onnx(proto)


def test_nothing_is_shared_or_changed():
    net = network("gelu", "float32")
    proto = net.to_onnx()
    before, params = proto.SerializeToString(), net.params.copy()
    again = sn.from_onnx(proto)
    again.params[:] = 0
    assert proto.SerializeToString() == before
    assert (net.params == params).all()
