"""Files: bit for bit, readable by the safetensors library, and no file is able to do harm."""

import contextlib
import copy
import json
import math
import os
import pickle

import numpy as np
import pytest
import safetensors.numpy

import shallownet_c as sn
from shallownet_c import serialization


@pytest.fixture
def net():
    return sn.MLP([3, 5, 4, 2], ["relu", "leaky_relu"], "softmax", leak=0.2, dtype="float32", seed=0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("output", ["identity", "softmax", "sigmoid"])
def test_round_trip(tmp_path, dtype, output):
    net = sn.MLP([3, 5, 4, 2], ["relu", "leaky_relu"], output, leak=0.2, dtype=dtype, seed=0)
    net.params[:4] = [np.nan, -0.0, np.inf, np.finfo(dtype).smallest_subnormal]
    net.save(tmp_path / "net.safetensors")
    again = sn.load(str(tmp_path / "net.safetensors"))
    assert again.params.tobytes() == net.params.tobytes()
    assert repr(again) == repr(net)
    assert again.leak == net.leak
    again.params[:] = 0  # its own memory, writeable
    assert not again.weights[0].any()


def test_other_readers(tmp_path, net):
    path = tmp_path / "net.safetensors"
    net.save(path)
    tensors = safetensors.numpy.load_file(path)
    assert set(tensors) == {f"layers.{i}.{part}" for i in range(3) for part in ("weight", "bias")}
    for i in range(3):
        np.testing.assert_array_equal(tensors[f"layers.{i}.weight"], net.weights[i])
        np.testing.assert_array_equal(tensors[f"layers.{i}.bias"], net.biases[i])
    with safetensors.safe_open(path, "numpy") as file:
        assert json.loads(file.metadata()["model"])["layer_sizes"] == [3, 5, 4, 2]


def test_a_file_that_another_library_wrote_again(tmp_path, net):
    net.save(tmp_path / "net.safetensors")
    with safetensors.safe_open(tmp_path / "net.safetensors", "numpy") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (the reader is no dict)
        safetensors.numpy.save_file(tensors, tmp_path / "again.safetensors", file.metadata())
    assert sn.load(tmp_path / "again.safetensors").params.tobytes() == net.params.tobytes()


def test_order_of_the_header_means_nothing(tmp_path, net):
    path = tmp_path / "net.safetensors"
    again = edited(net, path, lambda header, model: header.update({"layers.0.weight": header.pop("layers.0.weight")}))
    path.write_bytes(again)
    assert sn.load(path).params.tobytes() == net.params.tobytes()


def test_save_keeps_what_is_at_the_path(tmp_path, net):
    model, link = tmp_path / "net.safetensors", tmp_path / "link"
    model.write_bytes(b"old")
    link.symlink_to(model)
    net.save(link)
    assert link.is_symlink()
    assert sn.load(model).params.tobytes() == net.params.tobytes()
    long = tmp_path / ("n" * 255)
    net.save(long)
    assert sn.load(long).params.tobytes() == net.params.tobytes()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_what_is_not_a_file(tmp_path, net):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(ValueError, match=r"pipe.*is not a shallownet_c model"):  # at once, without a writer
        sn.load(pipe)
    with pytest.raises(OSError, match="regular file"):
        net.save(pipe)
    assert pipe.is_fifo()
    with pytest.raises(OSError, match=tmp_path.name):
        sn.load(tmp_path)
    assert os.listdir(tmp_path) == ["pipe"]


@pytest.mark.skipif(os.name != "posix", reason="modes of files are POSIX's")
def test_mode_of_a_new_file(tmp_path, net):
    (tmp_path / "plain").touch()
    net.save(tmp_path / "net.safetensors")
    assert (tmp_path / "net.safetensors").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("shape", [[2] * 10**5, [10**4000] * 2], ids=["long", "huge"])
def test_no_shape_is_multiplied_out_unseen(tmp_path, net, monkeypatch, shape):
    # Of a file of a few megabytes the product could take hours.
    path = tmp_path / "net.safetensors"
    content = edited(net, path, lambda header, model: entry(header, shape=shape))
    product = math.prod

    def small_product(factors):
        assert len(factors) <= 2
        assert all(factor <= len(content) for factor in factors)
        return product(factors)

    monkeypatch.setattr(serialization.math, "prod", small_product)
    refused(path, content)


def test_an_interrupted_save_leaves_the_old_file(tmp_path, net, monkeypatch):
    path = tmp_path / "net.safetensors"
    net.save(path)
    old = path.read_bytes()

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    net.params[:] = 0
    with pytest.raises(OSError, match="disk full"):
        net.save(path)
    assert path.read_bytes() == old
    assert os.listdir(tmp_path) == [path.name]


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        sn.load(tmp_path / "none.safetensors")


def refused(path, content):
    path.write_bytes(content)
    with pytest.raises(ValueError, match=path.name):
        sn.load(path)


def test_every_truncation_is_refused(tmp_path, net):
    path = tmp_path / "net.safetensors"
    net.save(path)
    content = path.read_bytes()
    for length in range(len(content)):
        refused(path, content[:length])
    refused(path, content + b"\0")


def test_no_flipped_byte_of_the_header_does_harm(tmp_path, net):
    path = tmp_path / "net.safetensors"
    net.save(path)
    content = path.read_bytes()
    header_end = 8 + int.from_bytes(content[:8], "little")
    rng = np.random.default_rng(0)
    for at in range(header_end):
        changed = bytearray(content)
        changed[at] ^= int(rng.integers(1, 256))
        path.write_bytes(changed)
        # Changed values (a leak, a letter of a key that nobody reads) may still make a model: of the same size, then.
        with contextlib.suppress(ValueError):
            assert sn.load(path).n_params == net.n_params


def edited(net, path, edit):
    """The network's file with its header changed by `edit(header, model)`."""
    net.save(path)
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    model = json.loads(header["__metadata__"]["model"])
    edit(header, model)
    if "model" in header.get("__metadata__", {}):
        header["__metadata__"]["model"] = json.dumps(model)
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + content[8 + length :]


def entry(header, **changes):
    header["layers.0.weight"].update(changes)


EDITS = {
    "no metadata": lambda header, model: header.pop("__metadata__"),
    "another format": lambda header, model: header["__metadata__"].update(format="pt"),
    "no architecture": lambda header, model: header["__metadata__"].pop("model"),
    "missing tensor": lambda header, model: header.pop("layers.2.bias"),
    "renamed tensor": lambda header, model: header.update(other=header.pop("layers.2.bias")),
    "dtype": lambda header, model: entry(header, dtype="I32"),
    "wider dtype": lambda header, model: entry(header, dtype="F64"),
    "shape": lambda header, model: entry(header, shape=[3, 5]),
    "negative shape": lambda header, model: entry(header, shape=[-5, -3]),
    "fractional shape": lambda header, model: entry(header, shape=[5.0, 3.0]),
    "huge shape": lambda header, model: entry(header, shape=[2**62, 2**62]),
    "no shape": lambda header, model: entry(header, shape=None),
    "overlap": lambda header, model: entry(header, data_offsets=[4, 64]),
    "backwards": lambda header, model: entry(header, data_offsets=[60, 0]),
    "beyond the end": lambda header, model: entry(header, data_offsets=[10**6, 10**6 + 60]),
    "one offset": lambda header, model: entry(header, data_offsets=[0]),
    "entry a number": lambda header, model: header.update({"layers.0.weight": 3}),
    "huge layers": lambda header, model: model.update(layer_sizes=[2**40, 2**40]),
    "other layers": lambda header, model: model.update(layer_sizes=[3, 5, 2]),
    "negative layers": lambda header, model: model.update(layer_sizes=[3, -5, 4, 2]),
    "layers a word": lambda header, model: model.update(layer_sizes="3542"),
    "no layers": lambda header, model: model.pop("layer_sizes"),
    "unknown activation": lambda header, model: model.update(activation=["relu", "swish"]),
    "loss of another output": lambda header, model: model.update(loss="squared_error"),
    "leak": lambda header, model: model.update(leak=7),
    "leak of 400 digits": lambda header, model: model.update(leak=10**400),
    "layers of 4000 digits": lambda header, model: model.update(layer_sizes=[10**4000] * 4),
    "one tensor more": lambda header, model: header.update(
        extra={"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
    ),
    "another dtype": lambda header, model: model.update(dtype="float64"),
    "unknown argument": lambda header, model: model.update(device="gpu"),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_foreign_headers(tmp_path, net, edit):
    path = tmp_path / "net.safetensors"
    refused(path, edited(net, path, edit))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 8,
        b"\xff" * 8,
        b"\xff" * 100,
        (2**63).to_bytes(8, "little") + b"{}",
        (2).to_bytes(8, "little") + b"[]",
        (2).to_bytes(8, "little") + b"{}",
        (4).to_bytes(8, "little") + b"\xff\xfe{}",
        (100_000).to_bytes(8, "little") + b"[" * 100_000,
        b"PK\x03\x04 a zip file, not a model",
    ],
)
def test_foreign_files(tmp_path, content):
    refused(tmp_path / "net.safetensors", content)


@pytest.mark.parametrize("content", [b"", b"\x08\x08\x12\x07pytorch", b"PK\x03\x04\x14\0\0\0" * 9, b"W1,b1,W2,b2"])
def test_what_is_no_safetensors_file_is_called_that(tmp_path, content):
    (tmp_path / "state.pt").write_bytes(content)
    with pytest.raises(ValueError, match=r"state\.pt is not a shallownet_c model: it is no safetensors file$"):
        sn.load(tmp_path / "state.pt")


def test_a_file_of_another_library(tmp_path):
    path = tmp_path / "net.safetensors"
    safetensors.numpy.save_file({"layers.0.weight": np.ones((2, 3))}, path)
    refused(path, path.read_bytes())


@pytest.mark.parametrize("make", [pickle.loads, copy.deepcopy, copy.copy])
def test_a_model_is_a_value_that_copies_and_pickles_carry(make):
    model = sn.MLP([3, 4, 1], "leaky_relu", "sigmoid", leak=0.25, dtype="float32").model.capped(30.0)
    twin = make(pickle.dumps(model) if make is pickle.loads else model)
    assert (twin, twin.loss_parameter, hash(twin)) == (model, 30.0, hash(model))
    assert twin != sn.MLP([3, 4, 1], "leaky_relu", "sigmoid", leak=0.25, dtype="float32").model
