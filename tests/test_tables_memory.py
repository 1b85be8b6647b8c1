"""The command line's memory: at most thirty times an uncompressed table, whatever its shape, and what pyarrow takes."""

import importlib.util
import io
import json
import subprocess
import sys
import zipfile

import numpy as np
import pytest

import shallownet_c as sn

MOST = 30
#: What pyarrow's pools keep, however small a table is.
POOLS = 64_000_000 if importlib.util.find_spec("pyarrow") else 0
CHILD = r"""
import contextlib, io, sys
from shallownet_c.cli import main

# What the command imports is not of the table.
from shallownet_c._command import _compare, _train, _predict
with contextlib.suppress(ImportError):
    import pyarrow, pyarrow.csv, pyarrow.compute

def peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) * 1024

before = peak()
with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
    status = main(sys.argv[1:])
print(status, peak() - before)
"""


def growth(*arguments):
    """The exit status of a command, and by how many bytes the process grew."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", CHILD, *arguments], capture_output=True, text=True, check=True, timeout=120
    )
    status, grown = done.stdout.split()
    return int(status), int(grown)


def digits(m, n, low=0, high=10):
    return np.random.default_rng(0).integers(low, high, (m, n))


def csv_of(table, *labels):
    rows = [*table.T.tolist(), *labels]
    return "".join(",".join(map(str, row)) + "\n" for row in zip(*rows, strict=True)).encode()


def npz_of(X, y):
    stream = io.BytesIO()
    np.savez(stream, X=X, y=y)
    return stream.getvalue()


def many_members():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for i in range(15_000):
            archive.writestr(str(i), b"")
    return stream.getvalue()


M = 150_000
TABLES = {
    "two digits.csv": lambda: csv_of(digits(20_000, 20, 10, 100)),
    "one digit.csv": lambda: csv_of(digits(2 * M, 2)),
    "different numbers.csv": lambda: csv_of(digits(M, 1), np.arange(M) + 0.5),
    "labels.csv": lambda: b"x,y\n" + csv_of(digits(M, 1), [f"label{i % 20}" for i in range(M)]),
    "different labels.csv": lambda: b"x,y\n" + csv_of(digits(M, 1), [f"L{i}" for i in range(M)]),
    "one row.csv": lambda: b"10," * 500_000 + b"10\n",
    "names.csv": lambda: ",".join(map("n{}".format, range(M))).encode() + b"\n" + b"1," * (M - 1) + b"1\n",
    "pixels.npz": lambda: npz_of(digits(20_000, 64).astype(np.uint8), np.arange(20_000) % 10),
    "bytes.npz": lambda: npz_of(digits(4 * M, 1).astype(np.int8), (np.arange(4 * M) % 2).astype(np.int8)),
    "labels.npz": lambda: npz_of(digits(4 * M, 1).astype(np.int8), np.array([b"a", b"b"])[np.arange(4 * M) % 2]),
    "members.npz": many_members,
}


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
@pytest.mark.parametrize("name", TABLES)
def test_tables(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    data = TABLES[name]()
    (tmp_path / name).write_bytes(data)
    assert len(data) > 1_000_000
    status, grown = growth("train", "--data", name, "--hidden", "4", "--epochs", "1", "--batch-size", "1000")
    assert grown < MOST * len(data) + POOLS
    if status == 0:
        for options in ((), ("--probabilities",)):
            _, grown = growth("predict", "model.safetensors", name, "--out", "guesses.csv", *options)
            assert grown < MOST * len(data) + POOLS


NOTES = {
    "lists": "[" + "[]," * 500_000 + "[]]",
    "objects": "[" + '{"":0},' * 200_000 + "0]",
    "keys": json.dumps(dict.fromkeys(map(str, range(150_000)))),
}


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
@pytest.mark.parametrize("name", NOTES)
def test_notes(tmp_path, name):
    text = NOTES[name]
    sn.MLP([2, 1], seed=0).save(tmp_path / "model.safetensors")
    (tmp_path / "model.json").write_text(text, encoding="utf-8")
    status, grown = growth("predict", str(tmp_path / "model.safetensors"), "flower")
    assert status == 2
    assert len(text) > 1_000_000
    assert grown < MOST * len(text)


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
def test_a_compressed_array_unpacks_to_a_hundred_times_its_size(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez_compressed("bomb.npz", X=np.zeros((200_000, 125)), y=np.arange(200_000) % 2)
    assert (tmp_path / "bomb.npz").stat().st_size < 500_000
    status, grown = growth("train", "--data", "bomb.npz")
    assert status == 2
    assert grown < 10_000_000
