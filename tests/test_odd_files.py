"""Files and paths from anywhere: a refusal is one line, exit status 2, and leaves nothing behind; nothing hangs."""

import io
import json
import os
import pickle
import signal
import struct
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from test_cli import pair

import shallownet_c as sn
from shallownet_c._command import _csv_file, _npz_table, _tables
from shallownet_c.cli import main

X = np.random.default_rng(0).standard_normal((40, 2))
Y = np.arange(40) % 2
MEGABYTE = "Z" * 1_000_000


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def nothing_hangs():
    if not hasattr(signal, "alarm"):
        yield
        return

    def stop(*_):
        raise AssertionError("it hangs")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def contents(folder="."):
    """Of all regular files; other things by name alone."""
    return {path: path.read_bytes() if path.is_file() else None for path in sorted(Path(folder).rglob("*"))}


def refused(capsys, *arguments):
    before = contents()
    assert main([str(argument) for argument in arguments]) == 2
    out, err = capsys.readouterr()
    assert err.startswith("shallownet-c: error: ")
    assert err.endswith("\n")
    assert err[:-1].isprintable(), err
    assert not out
    assert err.count("Z") <= 200
    assert len(err) < 900
    assert contents() == before
    return err


# .npz files


def npy(array=X, **changes):
    """The bytes of an .npy file, its header changed."""
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array)
    data = stream.getvalue()
    if not changes:
        return data
    header = np.lib.format.header_data_from_array_1_0(array) | changes
    return with_header(repr(header), array)


def with_header(header, array=X):
    text = header.encode("latin-1")
    return b"\x93NUMPY\x02\x00" + struct.pack("<I", len(text)) + text + array.tobytes()


def archive(members, compression=zipfile.ZIP_STORED):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as target:
        for name, data in members.items():
            target.writestr(name, data)
    return stream.getvalue()


def whole(compression=zipfile.ZIP_DEFLATED):
    return archive({"X.npy": npy(), "y.npy": npy(Y)}, compression)


def with_x(data):
    return archive({"X.npy": data, "y.npy": npy(Y)})


def changed(data, old, new, count=-1):
    assert len(old) == len(new)
    assert old in data
    return data.replace(old, new, count)


def encrypted():
    data = whole()
    for signature, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = -1
        while (place := data.find(signature, place + 1)) >= 0:
            data = data[: place + at] + bytes([data[place + at] | 1]) + data[place + at + 1 :]
    return data


def declared_sizes(size):
    """The sizes in the central directory are what they like."""
    data = archive({"X.npy": npy(np.zeros((1000, 2))), "y.npy": npy(np.arange(1000) % 2)}, zipfile.ZIP_DEFLATED)
    at = data.find(b"PK\x01\x02")
    return data[: at + 24] + struct.pack("<I", size) + data[at + 28 :]


def lying_compressed_size():
    data = archive({"X.npy": npy(np.zeros((5_000_000, 2))), "y.npy": npy(Y)}, zipfile.ZIP_DEFLATED)
    at = data.find(b"PK\x01\x02")
    return data[: at + 20] + struct.pack("<I", 10_000_000) + data[at + 24 :]


class Opener:
    def __reduce__(self):
        return (open, ("opened_by_a_pickle", "w"))


def objects():
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.array([[Opener()]], object), allow_pickle=True)
    return stream.getvalue()


def saved(**arrays):
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def bad_code_points(dtype, text, points):
    array = np.array(["ab", text])[Y].astype(dtype)
    return archive({"X.npy": npy(), "y.npy": npy(array).replace(array[1:2].tobytes(), points)})


NPZ = {
    "empty": lambda: b"",
    "zeros": lambda: bytes(1000),
    "text": lambda: MEGABYTE.encode(),
    "npy": npy,
    "pickle": lambda: pickle.dumps(Opener()),
    "no members": lambda: archive({}),
    "other members": lambda: archive({"Z.npy": npy()}),
    "a long name": lambda: archive({MEGABYTE[:60_000] + ".npy": npy()}),
    "a name with a line break": lambda: archive({"a\nb.npy": npy()}),
    "two of a name": lambda: archive({"X.npy": npy(), "X": npy(), "y.npy": npy(Y)}),
    "cut short": lambda: whole()[:-30],
    "cut at the front": lambda: whole()[20:],
    "damaged": lambda: whole()[:100] + bytes(50) + whole()[150:],
    "stored, damaged": lambda: changed(whole(zipfile.ZIP_STORED), X.tobytes()[64:80], bytes(16)),
    "bzip2": lambda: whole(zipfile.ZIP_BZIP2),
    "lzma": lambda: whole(zipfile.ZIP_LZMA),
    "lzma, damaged": lambda: whole(zipfile.ZIP_LZMA)[:60] + bytes(50) + whole(zipfile.ZIP_LZMA)[110:],
    "an unknown compression": lambda: changed(whole(), b"\x08\x00", b"\x63\x00"),
    "encrypted": encrypted,
    "a bomb": lambda: archive({"X.npy": npy(np.zeros((5_000_000, 2))), "y.npy": npy(Y)}, zipfile.ZIP_DEFLATED),
    "a bomb that lies": lying_compressed_size,
    "declares more": lambda: declared_sizes(2**32 - 2),
    "declares less": lambda: declared_sizes(200),
    "member of text": lambda: with_x(MEGABYTE),
    "empty member": lambda: with_x(b""),
    "short member": lambda: with_x(npy()[:-8]),
    "long member": lambda: with_x(npy() + bytes(8)),
    "objects": lambda: with_x(objects()),
    "objects in y": lambda: archive({"X.npy": npy(), "y.npy": objects()}),
    "structured": lambda: with_x(npy(np.zeros(40, [("Z" * 500, "f8"), ("b", "f8")]))),
    "a subarray": lambda: with_x(npy(descr=("<f8", (2,)), shape=(40, 1))),
    "times": lambda: saved(X=np.zeros((40, 2), "M8[s]"), y=Y),
    "times in y": lambda: saved(X=X, y=np.zeros(40, "M8[s]")),
    "complex numbers": lambda: saved(X=X + 1j, y=Y),
    "raw bytes": lambda: saved(X=np.zeros((40, 2), "V8"), y=Y),
    "text in X": lambda: saved(X=X.astype(str), y=Y),
    "no header": lambda: with_x(b"\x93NUMPY\x01\x00\x00\x00"),
    "format 9.9": lambda: with_x(b"\x93NUMPY\x09\x09" + npy()[8:]),
    "format 3.0": lambda: with_x(b"\x93NUMPY\x03\x00" + with_header(repr({"descr": "<f8"}))[8:]),
    "header: open brackets": lambda: with_x(with_header("(" * 9000)),
    "header: minus signs": lambda: with_x(with_header("-" * 9000 + "1")),
    "header: open string": lambda: with_x(with_header("'" + "Z" * 9000)),
    "header: indented": lambda: with_x(with_header("  1\n 2\n")),
    "header: nul": lambda: with_x(with_header("{'descr': '<f8\0'}")),
    "header: an expression": lambda: with_x(with_header("__import__('os').mkdir('injected')")),
    "header: a list": lambda: with_x(with_header("[" + "1," * 2000 + "]")),
    "header: no key": lambda: with_x(with_header("{'descr': '<f8', 'shape': (40, 2)}")),
    "header: another key": lambda: with_x(npy(Z=1)),
    "header: long": lambda: with_x(with_header(repr({"descr": "<f8", "shape": (40, 2), "Z": "Z" * 20_000}))),
    "header: dtype ,": lambda: with_x(npy(descr=",")),
    "header: dtype Z": lambda: with_x(npy(descr="Z" * 5000)),
    "header: dtype of a million": lambda: with_x(npy(descr="<f8000000")),
    "header: dtype of fields": lambda: with_x(npy(descr=[("a", "<f8")] * 100)),
    "header: dtype None": lambda: with_x(npy(descr=None)),
    "header: shape of text": lambda: with_x(npy(shape="40, 2")),
    "header: shape of floats": lambda: with_x(npy(shape=(40.0, 2))),
    "header: shape of a huge number": lambda: with_x(npy(shape=(10**400, 2))),
    "header: shape of 5,000 digits": lambda: with_x(with_header("{'shape': (1" + "0" * 5000 + ", 2)}")),
    "header: shape of exabytes": lambda: with_x(npy(shape=(10**9, 10**9))),
    "header: shape that wraps around": lambda: with_x(npy(shape=(2**63, 2))),
    "header: negative shape": lambda: with_x(npy(shape=(-40, -2))),
    "header: many dimensions": lambda: with_x(npy(shape=(1,) * 70)),
    "header: no rows": lambda: with_x(npy(shape=(0, 2))),
    "header: shape (40,)": lambda: with_x(npy(shape=(40,))),
    "header: shape (2, 40)": lambda: with_x(npy(shape=(2, 40))),
    "infinite in X": lambda: saved(X=np.where(X > 2, np.inf, X), y=Y),
    "nothing but nan": lambda: saved(X=np.full_like(X, np.nan), y=Y),
    "infinite": lambda: saved(X=X, y=np.where(X[:, 0] > 1, np.inf, X[:, 0])),
    "long doubles beyond float64": lambda: saved(X=X.astype(np.longdouble) * np.longdouble("1e400"), y=Y),
    "y of two dimensions": lambda: saved(X=X, y=Y[:, np.newaxis]),
    "y of a single number": lambda: saved(X=X, y=np.float64(3)),
    "y with a zero": lambda: saved(X=X, y=np.array(["a", "b\0c"])[Y]),
    "y of bytes in no encoding": lambda: saved(X=X, y=np.array([b"a", b"\xff"])[Y]),
    "y of half characters": lambda: saved(X=X, y=np.array(["a", "\ud800"])[Y]),
    "y of half of a character": lambda: bad_code_points("<U2", "cd", struct.pack("<2I", 0x63, 0xDFFF)),
    "y of no characters": lambda: bad_code_points("<U2", "cd", struct.pack("<2I", 0xFFFFFFFF, 0xFFFFFFFF)),
    "y beyond all characters": lambda: bad_code_points(">U2", "cd", struct.pack(">2I", 0x63, 0x110000)),
    "y of long labels": lambda: saved(X=X, y=np.array([MEGABYTE[:10_000]] * 3)[Y]),
}  # fmt: skip


ONLY_Y = {"objects in y", "times in y", "infinite"}  # and "nothing but nan" is a table of blanks for older models


@pytest.mark.parametrize("name", NPZ)
def test_npz(capsys, name):
    Path("odd.npz").write_bytes(NPZ[name]())
    assert "odd.npz" in refused(capsys, "train", "--data", "odd.npz", "--epochs", 1)


@pytest.mark.parametrize("name", sorted(set(NPZ) - {name for name in NPZ if name.startswith("y ")} - ONLY_Y))
def test_npz_to_predict(capsys, name):
    sn.MLP([2, 3], output="softmax", seed=0).save("m.safetensors")
    Path("odd.npz").write_bytes(NPZ[name]())
    assert "odd.npz" in refused(capsys, "predict", "m.safetensors", "odd.npz", "--out", "p.csv")


def test_ordinary_npz(capsys):
    # what the faults above are changes of
    for data in (whole(), whole(zipfile.ZIP_STORED), with_x(npy(shape=(40, 2)))):
        Path("plain.npz").write_bytes(data)
        assert main(["train", "--data", "plain.npz", "--epochs", "1"]) == 0
        assert not capsys.readouterr().err
    # an array of Python 2's NumPy
    Path("old.npz").write_bytes(with_x(with_header("{'descr': '<f8', 'fortran_order': False, 'shape': (40L, 2L)}")))
    assert main(["train", "--data", "old.npz", "--epochs", "1"]) == 0
    assert not capsys.readouterr().err


def test_nothing_is_unpacked_before_the_limit(monkeypatch, capsys):
    monkeypatch.setattr(_npz_table.np.lib.format, "read_array", lambda *_, **__: pytest.fail("unpacked"))
    for name in ("a bomb", "a bomb that lies", "declares more", "header: shape of exabytes"):
        Path("odd.npz").write_bytes(NPZ[name]())
        refused(capsys, "train", "--data", "odd.npz")
    with zipfile.ZipFile("odd.npz", "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr("X.npy", npy(np.zeros((1 << 22, 2))) + bytes(8))
    assert "would unpack to 67109000 bytes" in refused(capsys, "train", "--data", "odd.npz")


LABELS = {
    "bytes": (np.array([b"red", b"blue"]), ["blue", "red"]),
    "utf-8": (np.array(["größer".encode(), b"blue"]), ["blue", "größer"]),
    "text": (np.array(["red", "blue"]), ["blue", "red"]),
    "bool": (np.array([True, False]), ["False", "True"]),
    "int8": (np.array([-1, 1], np.int8), ["-1", "1"]),
    "uint8": (np.array([0, 255], np.uint8), ["0", "255"]),
    "int16": (np.array([-300, 7], np.int16), ["-300", "7"]),
    "big-endian": (np.array([3, 700], ">i4"), ["3", "700"]),
    "int64": (np.array([-(2**63), 2**63 - 1], np.int64), ["-9223372036854775808", "9223372036854775807"]),
    "uint64": (np.array([2**64 - 2, 2**64 - 1], np.uint64), ["18446744073709551614", "18446744073709551615"]),
    "float32": (np.array([0.1, 2], np.float32), ["0.1", "2.0"]),
    "float64": (np.array([1.0, 2.0]), ["1.0", "2.0"]),
}


@pytest.mark.parametrize("kind", LABELS)
def test_labels_of_every_kind(capsys, kind):
    labels, names = LABELS[kind]
    x = np.linspace(-1, 1, 60)
    np.savez("data.npz", X=x[:, np.newaxis], y=labels[(x > 0).astype(int)])
    options = ("--task", "classification", "--epochs", "100", "--batch-size", "10")
    assert main(["train", "--data", "data.npz", *options]) == 0
    capsys.readouterr()
    assert main(["predict", "model.safetensors", "data.npz"]) == 0
    guesses = capsys.readouterr().out.splitlines()
    first, last = (str(label.decode() if kind in ("bytes", "utf-8") else label) for label in labels)
    assert guesses == [first] * 30 + [last] * 30
    assert main(["predict", "model.safetensors", "data.npz", "--probabilities"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == ",".join(names)


# .csv files

CSV = {
    "empty": b"",
    "blank lines": b"\n\n\r\n",
    "a header": b"a,b\n",
    "nul": b"a,b\n1,2\n1\0,3\n" * 1,
    "a cell of a megabyte": b"a,b\n1,2\n" + MEGABYTE.encode() + b",3\n",
    "a name of 100 KB": b"a," + MEGABYTE.encode()[:100_000] + b"\n1,2\nx,3\n",
    "a cell of 100 KB": b"a,b\n1,2\n" + MEGABYTE.encode()[:100_000] + b",3\n",
    "an open quote": b'a,b\n1,2\n2,"3\n' + b"1,2\n" * 50_000,
    "text after a quote": b'a,b\n1,"2"3\n',
    "UTF-16": "a,b\n1,2\n".encode("utf-16"),
    "latin-1": "a,b\n1,größer\n".encode("latin-1"),
    "a million columns": b"1," * 999_999 + b"1\n",
    "a million names": ",".join(f"Z{i}" for i in range(1_000_000)).encode() + b"\n" + b"1\n",
    "a million times one name": b"Z," * 999_999 + b"Z\n" + b"1\n",
    "rows of other lengths": b"a,b\n1,2\n1\n",
    "infinite": b"a,b\n1,2\ninf,3\n",
    "beyond float64": b"a,b\n1,2\n1e400,3\n",
    "a million digits": b"a,b\n1,2\n" + b"1" * 100_000 + b",3\n",
    "underscores": b"a,b\n1,2\n1_000,3\n",
    "a name with an escape": b"\x1b[2J,b\n1,2\nx,3\n",
    "a name with a line break": b'"a\nb",c\n1,2\nx,3\n',
    "a label with a line break": b'a,b\n1,"x\ny"\n2,z\n' * 1,
    "a directional mark": "a\u202eb,c\n1,2\nx,3\n".encode(),
}


@pytest.mark.parametrize("name", CSV)
def test_csv(capsys, name):
    Path("odd.csv").write_bytes(CSV[name])
    assert "odd.csv" in refused(capsys, "train", "--data", "odd.csv", "--test-fraction", 0.5, "--epochs", 1)


@pytest.mark.parametrize("name", [name for name in CSV if "label" not in name])
def test_csv_to_predict(capsys, name):
    sn.MLP([2, 3], output="softmax", seed=0).save("m.safetensors")
    Path("odd.csv").write_bytes(CSV[name])
    assert "odd.csv" in refused(capsys, "predict", "m.safetensors", "odd.csv")


def test_csv_as_it_may_be(capsys):
    x = np.arange(-20, 20)
    rows = "".join(f'\r\n"{a}", {a}e-1 ,{"low" if a < 0 else "high"}\r\n\r\n' for a in x)
    Path("odd.csv").write_bytes(("\ufeffx, x 2 ,kind\r\n" + rows).encode())
    assert main(["train", "--data", "odd.csv", "--epochs", "200", "--batch-size", "8", "--patience", "0"]) == 0
    assert sn.load("model.safetensors").feature_names == ("x", "x 2")
    capsys.readouterr()
    assert main(["predict", "model.safetensors", "odd.csv"]) == 0
    guesses = capsys.readouterr().out.split()
    assert len(guesses) == len(x)
    # all but those at the boundary, which may have been held out
    assert (guesses[:18], guesses[22:]) == (["low"] * 18, ["high"] * 18)


def test_pieces_make_the_table(monkeypatch):
    monkeypatch.setattr(_csv_file.CsvFile, "_by_pyarrow", lambda self: None)
    rows = np.random.default_rng(0).standard_normal((101, 4))
    np.savetxt("t.csv", rows, delimiter=",", header="a,b,c,d", comments="", fmt="%.17g")
    for piece in (1, 4, 10, 1 << 14):
        monkeypatch.setattr(_csv_file, "PIECE", piece)
        table = _tables.read("t.csv", _tables.Reading())
        assert table.names == ["a", "b", "c", "d"]
        for k, cells in enumerate(table.cells):
            np.testing.assert_array_equal(cells.floats(), rows[:, k])


# The notes beside a model

NOTES = {
    "empty": "",
    "brackets": "[" * 1_000_000,
    "lists": "[" + "[]," * 300_000 + "[]]",
    "objects": "[" + '{"":0},' * 300_000 + "0]",
    "objects in objects": '{"model":' * 5000,
    "a number of 5,000 digits": '{"model": ' + "1" * 5000 + "}",
    "another file": json.dumps({"Z": MEGABYTE}),
    "an array": "[1, 2]",
    "twice a key": '{"model": 1, "model": 2, "classes": 3, "columns": 4, "target": 5}',
    "no UTF-8": b"\xff\xfe",
}


def model(names=("a", "b")):
    """A model with notes, as older versions wrote it, and data for it."""
    rows = "".join(f"{a},{b},{'xy'[j]}\n" for (a, b), j in zip(X.tolist(), Y, strict=True))
    Path("data.csv").write_text(",".join([*names, "c"]) + "\n" + rows, encoding="utf-8")
    return pair("model.safetensors", sn.MLP([2, 2], output="softmax", seed=0), ["x", "y"], list(names), 2)


@pytest.mark.parametrize("name", NOTES)
def test_notes(capsys, name):
    model()
    text = NOTES[name]
    Path("model.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    assert "model.json is damaged" in refused(capsys, "predict", "model.safetensors", "data.csv")


@pytest.mark.parametrize(
    "change",
    [
        {"classes": ["x", "\ud800"]},
        {"classes": ["x", ["y"]]},
        {"classes": ["x", None]},
        {"columns": ["a", "a"]},
        {"target": True},
        {"target": 10**30},
        {"model": None},
    ],
)
def test_notes_that_fit_no_model(capsys, change):
    Path("model.json").write_text(json.dumps(model() | change), encoding="utf-8")
    assert "model.json" in refused(capsys, "predict", "model.safetensors", "data.csv")


# Paths


def fifo(path):
    os.mkfifo(path)


def device(path):
    os.symlink("/dev/zero", path)


def loop(path):
    os.symlink(path.name, path)


def folder(path):
    path.mkdir()


def dangling(path):
    os.symlink("nowhere/at all", path)


ODD = [fifo, device, loop, folder, dangling]
posix = pytest.mark.skipif(os.name != "posix", reason="pipes, devices and links as POSIX has them")


@posix
@pytest.mark.parametrize("make", ODD)
@pytest.mark.parametrize("ending", ["csv", "npz"])
def test_odd_data(capsys, make, ending):
    sn.MLP([2, 1], seed=0).save("m.safetensors")
    make(Path(f"odd.{ending}"))
    assert f"odd.{ending}" in refused(capsys, "train", "--data", f"odd.{ending}")
    assert f"odd.{ending}" in refused(capsys, "predict", "m.safetensors", f"odd.{ending}")


@posix
@pytest.mark.parametrize("make", ODD)
def test_odd_models(capsys, make):
    make(Path("odd.safetensors"))
    assert "odd.safetensors" in refused(capsys, "predict", "odd.safetensors", "flower")
    assert "odd.safetensors" in refused(capsys, "train", "--data", "flower", "--out", "odd.safetensors")


@posix
@pytest.mark.parametrize("make", ODD)
def test_odd_notes(capsys, make):
    sn.MLP([2, 1], seed=0).save("m.safetensors")
    make(Path("m.json"))
    if make is not dangling:
        assert "m.json" in refused(capsys, "predict", "m.safetensors", "flower")


@posix
@pytest.mark.parametrize("make", [fifo, loop, folder, dangling])
def test_odd_outputs(capsys, make):
    sn.MLP([2, 1], seed=0).save("m.safetensors")
    make(Path("odd"))
    assert "odd" in refused(capsys, "predict", "m.safetensors", "flower", "--out", "odd")


@posix
@pytest.mark.parametrize("make", [loop, folder, dangling])
@pytest.mark.parametrize("option", ["--json", "--plot"])
def test_odd_figures(capsys, make, option):
    make(Path("odd"))
    assert f"{option} odd" in refused(capsys, "bench", "--peers", option, "odd")


@pytest.mark.parametrize(("missing", "options"), [("threadpoolctl", ()), ("matplotlib.pyplot", ("--plot", "p.png"))])
def test_what_a_bench_needs(capsys, monkeypatch, missing, options):
    for library in ("OMP", "OPENBLAS", "MKL", "VECLIB_MAXIMUM"):
        monkeypatch.setenv(f"{library}_NUM_THREADS", "1")  # or it begins again in a new process
    monkeypatch.setenv("XLA_FLAGS", "")
    monkeypatch.setattr(os, "sched_setaffinity", lambda *_: None, raising=False)  # all tests after this one are here
    monkeypatch.setitem(sys.modules, missing, None)
    assert f"needs {missing.partition('.')[0]}: pip install" in refused(capsys, "bench", "--peers", *options)


@posix
def test_outputs_that_are_streams(capfd):
    sn.MLP([2, 1], seed=0).save("m.safetensors")
    assert main(["predict", "m.safetensors", "flower"]) == 0
    printed, _ = capfd.readouterr()
    assert printed.count("\n") == 400
    assert main(["predict", "m.safetensors", "flower", "--out", "/dev/stdout"]) == 0
    assert capfd.readouterr().out == printed
    assert main(["predict", "m.safetensors", "flower", "--out", "/dev/null"]) == 0
    os.mkfifo("pipe")
    reader = os.open("pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert main(["predict", "m.safetensors", "flower", "--out", "pipe"]) == 0
        assert os.read(reader, 1 << 16).decode() == printed
    finally:
        os.close(reader)


@posix
def test_links_stay(capsys):
    Path("real").mkdir()
    os.symlink("real/m.safetensors", "m.safetensors")  # of a file that is to come
    os.symlink("real/p.csv", "p.csv")
    assert main(["train", "--data", "flower", "--out", "m.safetensors", "--epochs", "1"]) == 0
    assert main(["predict", "m.safetensors", "flower", "--out", "p.csv"]) == 0
    assert Path("m.safetensors").is_symlink()
    assert sn.load("real/m.safetensors").layer_sizes == (2, 100, 2)
    assert Path("real/p.csv").read_text(encoding="utf-8").count("\n") == 400


NO_PATHS = ["", "a\0b.npz", "\ud800.npz"]


@pytest.mark.parametrize("path", NO_PATHS)
def test_what_is_no_path(capsys, path):
    sn.MLP([2, 1], seed=0).save("m.safetensors")
    assert "--data: must be a path" in refused(capsys, "train", "--data", path)
    assert "--out: must be a path" in refused(capsys, "train", "--data", "flower", "--out", path)
    assert "model: must be a path" in refused(capsys, "predict", path, "flower")
    assert "table: must be a path" in refused(capsys, "predict", "m.safetensors", path)
    assert "--out: must be a path" in refused(capsys, "predict", "m.safetensors", "flower", "--out", path)
    assert "--json: must be a path" in refused(capsys, "bench", "--json", path)


@posix
@pytest.mark.parametrize("stem", ["a\nb", "a\rb\x1b[2J", "a\udc80b", "größer", "a\u2028b"])
def test_names_of_files(capsys, stem):
    if stem == "a\udc80b" and sys.platform == "darwin":
        pytest.skip("names are UTF-8 there")
    np.savez(f"{stem}.npz", X=X, y=Y)
    assert main(["train", "--data", f"{stem}.npz", "--out", f"{stem}.safetensors", "--epochs", "1"]) == 0
    out, err = capsys.readouterr()
    assert all(line.isprintable() for line in out.split("\n"))
    assert len(out.splitlines()) == out.count("\n")
    assert not err
    assert main(["predict", f"{stem}.safetensors", f"{stem}.npz", "--out", f"{stem}.txt"]) == 0
    sn.load(f"{stem}.safetensors").save(f"{stem}.safetensors")
    assert main(["predict", f"{stem}.safetensors", f"{stem}.npz", "--out", f"{stem}.txt"]) == 0
    err = capsys.readouterr().err
    assert err.endswith("classes are numbers\n")
    assert err[:-1].isprintable()
    refused(capsys, "train", "--data", f"{stem}.csv")
    refused(capsys, "predict", f"{stem}.none", "flower")
    refused(capsys, "train", "--data", "flower", "--out", f"{stem}/m.safetensors")
    refused(capsys, "train", "--data", f"{stem}.npz", "--target", stem)
    refused(capsys, stem)
    refused(capsys, "train", "--data", "flower", "--task", stem)


def test_options_of_5000_digits(capsys):
    Path("data.csv").write_text("a,b\n" + "1,2\n2,1\n" * 10, encoding="utf-8")
    digits = "9" * 5000
    assert "no column" in refused(capsys, "train", "--data", "data.csv", "--target", digits)
    for option in ("--epochs", "--hidden", "--seed", "--batch-size", "--learning-rate", "--l2", "--test-fraction"):
        assert len(refused(capsys, "train", "--data", "data.csv", option, digits)) < 400


def test_the_trial_comes_first(capsys, monkeypatch):
    def trains(*_, **__):
        raise AssertionError("it has trained")

    monkeypatch.setattr(sn.MLP, "fit", trains)
    np.savez("data.npz", X=X, y=Y)
    long = "m" * 300
    assert "file name too long" in refused(capsys, "train", "--data", "data.npz", "--out", f"{long}.safetensors")
    sn.MLP([2, 1], seed=0).save("m.safetensors")
    monkeypatch.setattr(sn.MLP, "__call__", trains)
    assert "file name too long" in refused(capsys, "predict", "m.safetensors", "data.npz", "--out", long)
    if Path("/proc").is_dir():
        assert "cannot write" in refused(capsys, "train", "--data", "data.npz", "--out", "/proc/m.safetensors")
    if os.name == "posix" and os.geteuid() != 0:
        Path("locked").mkdir(mode=0o500)
        assert "cannot write" in refused(capsys, "train", "--data", "data.npz", "--out", "locked/m.safetensors")


def test_what_is_read_is_not_written_over(capsys):
    np.savez("data.npz", X=X, y=Y)
    assert "which is read" in refused(capsys, "train", "--data", "data.npz", "--out", "./data.npz")
    assert main(["train", "--data", "data.npz", "--epochs", "1"]) == 0
    capsys.readouterr()
    for path in ("data.npz", "./model.safetensors"):
        assert "which is read" in refused(capsys, "predict", "model.safetensors", "data.npz", "--out", path)


def test_a_refused_prediction_prints_nothing(capsys):
    net = sn.MLP([1, 1], seed=0)
    net.weights[0][...] = 1e300
    net.save("m.safetensors")
    rows = np.ones((200_000, 1))
    rows[180_000] = 1e300
    np.savez("data.npz", X=rows)
    assert "not finite for row 180001" in refused(capsys, "predict", "m.safetensors", "data.npz")
    assert "not finite for row 180001" in refused(capsys, "predict", "m.safetensors", "data.npz", "--out", "p.csv")
