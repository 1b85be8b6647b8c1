"""The command: what it prints, what it leaves behind, and one clear line for everything that is wrong."""

import csv
import hashlib
import json
import os
import platform
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

import shallownet_c as sn
from shallownet_c._benchmarks import _bench
from shallownet_c.cli import main
from shallownet_c.optimizers import OPTIMIZERS
from shallownet_c.reference._activations import ACTIVATIONS
from shallownet_c.reference._losses import LOSSES


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write(path, text):
    Path(path).write_text(text, encoding="utf-8")


def flowers_csv(path="flowers.csv", header=True, labels=("red", "blue")):
    X, y = sn.datasets.make_flower(400, seed=1)
    rows = [f"{a},{b},{labels[j]}" for (a, b), j in zip(X.tolist(), y, strict=True)]
    write(path, "\n".join((["x1,x2,colour"] if header else []) + rows) + "\n")
    return X, y


def pair(path, net, classes=None, columns=None, target=None):
    """A model as older versions saved it: with a file of names beside it."""
    net.save(path)
    digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    names = {"model": digest, "classes": classes, "columns": columns, "target": target}
    write(Path(path).with_suffix(".json"), json.dumps(names))
    return names


def held_out(out, score):
    """The network's score in the table that ends a training."""
    return next(float(line.split()[-2]) for line in out.splitlines() if line.startswith(score))


def run(*arguments):
    return main([str(argument) for argument in arguments])


def refused(capsys, *arguments):
    """The one line on stderr of a command that ends with status 2."""
    assert run(*arguments) == 2
    out, err = capsys.readouterr()
    assert err.startswith("shallownet-c: error: ")
    assert err.count("\n") == 1
    assert not out
    return err


def test_info(capsys):
    assert run("info") == 0
    names, build, numpy, python = capsys.readouterr().out.splitlines()
    assert names == f"shallownet_c {sn.__version__}"
    assert build.startswith(f"CPU build    {sn.kernels.target} (this CPU runs ")
    assert numpy == f"NumPy        {np.__version__}"
    assert python.startswith(f"Python       {platform.python_version()} on ")


def test_as_a_module():
    done = subprocess.run(
        [sys.executable, "-P", "-m", "shallownet_c", "info"], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"shallownet_c {sn.__version__}")


def test_bench(tmp_path):
    done = subprocess.run(
        [sys.executable, "-P", "-m", "shallownet_c", "bench", "--quick", "--json", "figures.json"],
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("all agree") == 2
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert figures["build"] == sn.kernels.target
    assert [c["problem"] for c in figures["comparisons"]] == ["flower", "digits"]
    for comparison in figures["comparisons"]:
        assert comparison["largest_difference"] <= comparison["tolerance"]
        ways = {row["way"]: row for row in comparison["rows"]}
        assert list(ways) == ["loop (plain Python)", "vectorized (NumPy)", "NumPy, preallocated", "compiled"]
        assert all(row["seconds_per_iteration"] > 0 for row in ways.values())
        assert ways["loop (plain Python)"]["speed_up"] == 1
        assert ways["compiled"]["cost"] == pytest.approx(ways["loop (plain Python)"]["cost"], rel=1e-9)
    flower, digits = figures["training"]
    assert flower["accuracy"] >= 0.88
    assert digits["accuracy"] >= 0.95


def test_parts_of_the_comparison_with_peers(capsys, monkeypatch):
    from shallownet_c._benchmarks import PARTS, _peers

    chosen = []
    monkeypatch.setattr(_peers, "run", lambda *arguments: chosen.append(arguments) or 0)
    for library in ("OMP", "OPENBLAS", "MKL", "VECLIB_MAXIMUM"):
        monkeypatch.setenv(f"{library}_NUM_THREADS", "1")  # or it begins again in a new process
    assert run("bench", "--peers", "--only", "sparse,higgs") == 0
    assert run("bench", "--peers", "--only", "growth", "--plot", "growth.png") == 0
    assert chosen == [(None, 1, None, ["sparse", "higgs"]), (None, 1, "growth.png", ["growth"])]
    assert ", ".join(PARTS) in refused(capsys, "bench", "--peers", "--only", "nothing")
    assert "--only go with --peers" in refused(capsys, "bench", "--only", "sparse")
    assert "--plot goes with --only growth" in refused(capsys, "bench", "--peers", "--only", "higgs", "--plot", "p.png")


def test_bench_tells_a_terminal_what_it_is_at(capsys, monkeypatch):
    def compare():
        _bench.compare(_bench.flower(), 1, dict.fromkeys(_bench.WAYS, 1), 1)
        return capsys.readouterr()

    assert compare() == ("", "")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    said = compare()
    assert said.out == ""
    assert said.err.startswith("\r\x1b[Kflower: loop (plain Python) …\r\x1b[K")
    assert said.err.endswith("flower: compiled, timing 1 of 1 …\r\x1b[K")


def test_bench_says_when_the_ways_disagree(capsys, monkeypatch):
    correct = _bench.WAYS["compiled"]
    monkeypatch.setitem(_bench.WAYS, "compiled", lambda problem, n: correct(problem, n) + 1e-6)
    result = _bench.compare(_bench.flower(), 1, dict.fromkeys(_bench.WAYS, 1), 1)
    assert result["largest_difference"] == pytest.approx(1e-6, rel=1e-3)
    monkeypatch.setattr(_bench, "compare", lambda *_: result)
    monkeypatch.setattr(_bench, "train_fully", list)
    assert _bench.run(True, None) == 1
    assert "DO NOT AGREE" in capsys.readouterr().out


def test_train_and_predict_digits(capsys):
    assert run("train", "--data", "digits", "--epochs", 40) == 0
    out = capsys.readouterr().out
    assert "1797 rows, 64 columns, 10 classes; 359 rows held out" in out
    assert "saved to model.safetensors" in out
    assert held_out(out, "accuracy") > 0.95
    assert run("predict", "model.safetensors", "digits") == 0
    guesses = np.array(capsys.readouterr().out.split(), int)
    X, y = sn.datasets.load_digits()
    assert (guesses == y).mean() > 0.97
    # the model takes raw inputs: standardising is folded into its first layer
    np.testing.assert_array_equal(sn.load("model.safetensors")(X).argmax(axis=1), guesses)


def test_train_reports_as_it_goes(capsys):
    assert run("train", "--data", "flower", "--epochs", 50, "--hidden", "8,4", "--activation", "tanh") == 0
    reports = re.findall(r"^epoch (\d+)/50  cost ([\d.]+), validation", capsys.readouterr().out, flags=re.MULTILINE)
    assert reports[0][0] == "1"
    assert len(reports) > 1
    assert float(reports[-1][1]) < float(reports[0][1])


def test_csv_of_words(capsys):
    X, y = flowers_csv()
    options = (
        "--hidden",
        16,
        "--activation",
        "tanh",
        "--epochs",
        300,
        "--learning-rate",
        0.02,
        "--out",
        "m.safetensors",
    )
    assert run("train", "--data", "flowers.csv", *options) == 0
    assert "400 rows, 2 columns, 2 classes" in capsys.readouterr().out
    assert run("predict", "m.safetensors", "flowers.csv") == 0
    guesses = capsys.readouterr().out.split()
    truth = np.array(["red", "blue"])[y]
    assert set(guesses) <= {"red", "blue"}
    assert (np.array(guesses) == truth).mean() > 0.85

    assert run("predict", "m.safetensors", "flowers.csv", "--probabilities", "--out", "p.csv") == 0
    table = np.loadtxt("p.csv", delimiter=",", skiprows=1)
    assert Path("p.csv").read_text(encoding="utf-8").startswith("blue,red\n")
    np.testing.assert_allclose(table.sum(axis=1), 1, atol=1e-12)

    # all names are in the model's file, and the network is one like any other
    assert sorted(path.name for path in Path().iterdir()) == ["flowers.csv", "m.safetensors", "p.csv"]
    net = sn.load("m.safetensors")
    assert [["blue", "red"][j] for j in net.classify(X)] == guesses
    assert net.feature_names == ("x1", "x2")

    # columns are found by name: in another order, with others between, without the target
    write("shuffled.csv", "x2,other,x1\n" + "".join(f"{b},0,{a}\n" for a, b in X.tolist()))
    assert run("predict", "m.safetensors", "shuffled.csv") == 0
    assert capsys.readouterr().out.split() == guesses


def test_csv_without_a_header(capsys):
    flowers_csv(header=False, labels=("1", "5"))
    assert run("train", "--data", "flowers.csv", "--target", 2, "--epochs", 5) == 0
    assert "2 classes" in capsys.readouterr().out
    assert run("predict", "model.safetensors", "flowers.csv") == 0
    guesses = capsys.readouterr().out.split()
    assert len(guesses) == 400
    assert set(guesses) <= {"1", "5"}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_regression(capsys, dtype):
    rng = np.random.default_rng(0)
    X = rng.uniform(-3, 3, (500, 3)) * [1, 100, 0.01] + [0, 1000, 5]
    y = 5000 + 300 * X[:, 0] + 2 * X[:, 1]
    np.savez("data.npz", X=X, y=y)
    options = ("--hidden", 16, "--epochs", 300, "--learning-rate", 0.01, "--batch-size", 50, "--dtype", dtype)
    assert run("train", "--data", "data.npz", *options) == 0
    out = capsys.readouterr().out
    assert "one number to predict" in out
    assert held_out(out, "R²") > 0.99
    assert run("predict", "model.safetensors", "data.npz") == 0
    guesses = np.array(capsys.readouterr().out.split(), float)
    assert 1 - ((guesses - y) ** 2).sum() / ((y - y.mean()) ** 2).sum() > 0.99


def trained(*options):
    assert run("train", "--epochs", 20, "--hidden", 8, *options) == 0
    return sn.load("model.safetensors")


@pytest.mark.parametrize("name", [name for name, kind in OPTIMIZERS.items() if not kind.full_batch])
def test_every_optimizer_of_batches(name, capsys):
    net = trained("--data", "digits", "--optimizer", name)
    X, y = sn.datasets.load_digits()
    assert net.score(X, y) > 0.3  # chance is 0.1
    other = trained("--data", "digits", "--optimizer", "adam" if name == "sgd" else "sgd")
    assert (net.params != other.params).any()


@pytest.mark.parametrize("name", [name for name, row in ACTIVATIONS.items() if row.hidden])
def test_every_activation_of_hidden_layers(name, capsys):
    net = trained("--data", "digits", "--activation", name, "--epochs", 1, "--learning-rate", 1e-300)
    assert net.activations == (name, "softmax")
    # Untrained, its W[2] is that of the initializer that goes with the activation.
    init = "he_normal" if ACTIVATIONS[name].rectifier else "glorot_uniform"
    expected = sn.MLP([64, 8, 10], name, "softmax", init=init, seed=0)
    np.testing.assert_allclose(net.weights[1], expected.weights[1])


@pytest.mark.parametrize(
    "name", [name for name, row in LOSSES.items() if row.form and row.least < 0 and row.parameter is None]
)
def test_every_loss_of_plain_numbers(name, capsys):
    X = np.random.default_rng(0).uniform(-3, 3, (200, 2))
    np.savez("data.npz", X=X, y=5 + X @ [1.0, -2.0])
    assert trained("--data", "data.npz", "--loss", name).loss == name
    capsys.readouterr()
    assert "--loss goes with a target of numbers" in refused(capsys, "train", "--data", "digits", "--loss", name)


def test_constant_column(capsys):
    # the mean of 40 times 0.1 is not 0.1, so that the column's deviation is 4e-17 instead of 0
    x = np.linspace(-1, 1, 50)
    np.savez("constant.npz", X=np.column_stack([np.full(50, 0.1), x]), y=3 * x + 0.5)
    np.savez("nudged.npz", X=np.column_stack([np.full(50, 0.1 + 1e-9), x]))
    assert run("train", "--data", "constant.npz", "--epochs", 200, "--learning-rate", 0.01) == 0
    capsys.readouterr()
    assert run("predict", "model.safetensors", "nudged.npz") == 0
    guesses = np.array(capsys.readouterr().out.split(), float)
    np.testing.assert_allclose(guesses, 3 * x + 0.5, atol=0.1)


def test_whole_numbers_beyond_int64(capsys):
    write("big.csv", "x,y\n" + "".join(f"{i},{i}e20\n" for i in range(100)))
    assert run("train", "--data", "big.csv", "--epochs", 200, "--batch-size", 10) == 0
    out = capsys.readouterr().out
    assert "one number to predict" in out
    assert held_out(out, "R²") > 0.9
    assert run("predict", "model.safetensors", "big.csv") == 0
    assert float(capsys.readouterr().out.split()[-1]) == pytest.approx(99e20, rel=0.1)


def test_class_with_a_comma(capsys):
    write("comma.csv", "x,y\n" + '1,"salt, pepper"\n2,sugar\n' * 5)
    assert run("train", "--data", "comma.csv", "--epochs", 1) == 0
    capsys.readouterr()
    assert run("predict", "model.safetensors", "comma.csv", "--probabilities") == 0
    rows = list(csv.reader(capsys.readouterr().out.splitlines()))
    assert rows[0] == ["salt, pepper", "sugar"]
    assert {len(row) for row in rows} == {2}


def test_predict_with_a_model_of_sn_alone(capsys):
    sn.MLP([2, 1], seed=0).save("plain.safetensors")
    sn.MLP([2, 3], output="softmax", seed=0).save("classes.safetensors")
    assert run("predict", "plain.safetensors", "flower") == 0
    assert len(capsys.readouterr().out.splitlines()) == 400
    assert run("predict", "classes.safetensors", "flower") == 0
    X, _ = sn.datasets.make_flower(400, seed=1)
    expected = sn.load("classes.safetensors").classify(X)
    assert [int(guess) for guess in capsys.readouterr().out.split()] == expected.tolist()


CSV_FAULTS = {
    "": "no rows",
    "a,b,c\n": "no rows",
    "a,b\n1,2\n3\n": "line 3 has 1 columns",
    "a,b\n1,2\nx,4\n": "column 'a': line 3 holds 'x', which is not a number, but line 2 holds '1'",
    "a,b\n,2\n,4\n": "column 'a': it has no values: --drop a",
    "a,b,c\n1,,2\n,1,3\n": "every row has a blank cell, most of them in column 'a' (1)",
    "a,b\n1,\n2,\n": "target 'b': it has no values",
    "a\n1\n2\n": "only one column",
    "a,b\n1,2\n3,2\n4,2\n": "target 'b': it has one class only, '2' in all 3 rows",
    "a,b\n1,2\n": "'2' in its only row",
    "a,b\n1,2\n1,3\n": "2 rows are too few",
    "a,b,a\n1,2,3\n4,5,6\n": "two columns 'a'",
}


@pytest.mark.parametrize(("text", "message"), CSV_FAULTS.items(), ids=CSV_FAULTS.values())
def test_bad_csv(capsys, text, message):
    write("bad.csv", text)
    assert message in refused(capsys, "train", "--data", "bad.csv", "--task", "classification")


def test_bad_files(capsys, tmp_path):
    assert "nowhere.csv: no such file or directory\n" in refused(capsys, "train", "--data", "nowhere.csv")
    assert "save the sheet as CSV" in refused(capsys, "train", "--data", "table.xlsx")
    assert "or a file that ends in .csv, .tsv" in refused(capsys, "train", "--data", "table.doc")
    (tmp_path / "folder.csv").mkdir()
    assert "folder.csv is a folder, not a file" in refused(capsys, "train", "folder.csv")
    write("table.csv.gz", "")
    assert "table.csv.gz is compressed: unpack it" in refused(capsys, "train", "table.csv.gz")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00\x01,\x80\n")
    assert "binary.csv" in refused(capsys, "train", "--data", "binary.csv")
    write("false.npz", "not a zip file")
    assert "false.npz" in refused(capsys, "train", "--data", "false.npz")
    np.savez("empty.npz", Z=np.ones(3))
    assert "no array X" in refused(capsys, "train", "--data", "empty.npz")
    np.save("array.npy", np.ones(3))
    (tmp_path / "array.npy").rename("renamed.npz")
    assert "not a zip file" in refused(capsys, "train", "--data", "renamed.npz")
    with zipfile.ZipFile("archive.npz", "w") as archive:
        archive.writestr("X", "text")
    assert "reading magic string" in refused(capsys, "train", "--data", "archive.npz")
    np.savez_compressed("whole.npz", X=np.arange(4000.0).reshape(-1, 2), y=np.arange(2000.0))
    damaged = bytearray((tmp_path / "whole.npz").read_bytes())
    damaged[300:400] = bytes(100)
    (tmp_path / "damaged.npz").write_bytes(damaged)
    assert "damaged.npz" in refused(capsys, "train", "--data", "damaged.npz")
    np.savez("objects.npz", X=np.array([[{}]]), y=np.ones(1))
    assert "objects.npz" in refused(capsys, "train", "--data", "objects.npz")
    np.savez("flat.npz", X=np.ones(3), y=np.ones(3))
    assert "shape (m, n)" in refused(capsys, "train", "--data", "flat.npz")
    np.savez("short.npz", X=np.ones((3, 2)), y=np.ones(2))
    assert "shape (3,), got (2,)" in refused(capsys, "train", "--data", "short.npz")
    np.savez("inf.npz", X=np.array([[0.0], [np.inf]]), y=np.ones(2))
    assert "row 1 of X" in refused(capsys, "train", "--data", "inf.npz")
    np.savez("nany.npz", X=np.ones((2, 1)), y=np.array([np.inf, 0.0]))
    assert "row 0 of y" in refused(capsys, "train", "--data", "nany.npz")
    np.savez("untaught.npz", X=np.ones((3, 2)))
    assert "no target" in refused(capsys, "train", "--data", "untaught.npz")
    write("words.csv", "a,b\n" + "1,x\n2,y\n" * 10)
    assert "line 2 holds 'x', which is not a number" in refused(
        capsys, "train", "--data", "words.csv", "--task", "regression"
    )
    flowers_csv()
    assert "no column 'size'; it has x1, x2, colour" in refused(
        capsys, "train", "--data", "flowers.csv", "--target", "size"
    )
    assert "--target" in refused(capsys, "train", "--data", "flower", "--target", "size")


def test_bad_destinations(capsys, tmp_path):
    assert "no such file or directory" in refused(capsys, "train", "--data", "flower", "--out", "none/m.safetensors")
    assert "is a directory" in refused(capsys, "train", "--data", "flower", "--out", tmp_path)
    assert "no such file or directory" in refused(capsys, "bench", "--quick", "--json", "none/figures.json")
    assert not list(tmp_path.iterdir())


def test_numbers_too_large(capsys, tmp_path):
    X = np.random.default_rng(0).standard_normal((20, 2))
    np.savez("inputs.npz", X=X * 1e200, y=X[:, 0])
    np.savez("target.npz", X=X, y=X[:, 0] * 1e200)
    np.savez("just.npz", X=X, y=X[:, 0] * 1e100)
    assert "inputs.npz: column 0: the squares" in refused(capsys, "train", "--data", "inputs.npz")
    assert "target.npz: target y: the squares" in refused(capsys, "train", "--data", "target.npz")
    assert "too large for float32" in refused(capsys, "train", "--data", "inputs.npz", "--dtype", "float32")
    assert run("train", "--data", "just.npz", "--dtype", "float32", "--epochs", 1) == 2
    assert "float32 has no weights" in capsys.readouterr().err
    assert not (tmp_path / "model.safetensors").exists()


DAMAGES = [
    {"classes": None},
    {"classes": 3},
    {"classes": ["red"]},
    {"columns": "x"},
    {"columns": [1, 2]},
    {"columns": ["x1"]},
    {"target": 7},
    {"target": "x"},
]


def test_bad_predictions(capsys):
    flowers_csv()
    names = pair("model.safetensors", sn.MLP([2, 2], output="softmax", seed=0), ["blue", "red"], ["x1", "x2"], 2)
    assert "nowhere" in refused(capsys, "predict", "nowhere.safetensors", "digits")
    write("false.safetensors", "no model at all")
    assert "false.safetensors" in refused(capsys, "predict", "false.safetensors", "digits")
    assert "64 columns of inputs, the model takes 2" in refused(capsys, "predict", "model.safetensors", "digits")
    write("other.csv", "x1,y\n1,2\n")
    assert "no column 'x2'" in refused(capsys, "predict", "model.safetensors", "other.csv")
    for wrong in ("{", "[]", "{}", *(json.dumps(names | change) for change in DAMAGES)):
        write("model.json", wrong)
        assert "model.json is damaged" in refused(capsys, "predict", "model.safetensors", "flowers.csv"), wrong
    write("model.json", json.dumps(names))
    sn.MLP([2, 2], output="softmax", seed=1).save("model.safetensors")
    assert "belongs to another model" in refused(capsys, "predict", "model.safetensors", "flowers.csv")
    sn.MLP([2, 1], seed=0).save("plain.safetensors")
    assert "--probabilities" in refused(capsys, "predict", "plain.safetensors", "flower", "--probabilities")


@pytest.mark.parametrize(
    "option",
    [
        ("--epochs", 0),
        ("--epochs", "many"),
        ("--epochs", 10**23),
        ("--hidden", "10,0"),
        ("--hidden", "ten"),
        ("--hidden", 10**23),
        ("--learning-rate", -1),
        ("--learning-rate", "fast"),
        ("--batch-size", 0),
        ("--l2", "nan"),
        ("--test-fraction", 1),
        ("--activation", "swish"),
        ("--optimizer", "lbfgs"),
        ("--optimizer", "rprop"),
        ("--loss", "poisson"),
        ("--loss", "log_loss"),
        ("--loss", "huber"),
        ("--seed", -1),
        ("--depth", 3),
    ],
)
def test_bad_options(capsys, option):
    assert option[0] in refused(capsys, "train", "--data", "flower", *option)


def test_networks_of_no_size(capsys, monkeypatch):
    wide = "2000000000,2000000000"
    assert "--hidden: " in refused(capsys, "train", "--data", "flower", "--hidden", wide)

    def exhausted(*_, **__):
        raise MemoryError("3 TiB")

    monkeypatch.setattr("shallownet_c._command._train.MLP", exhausted)
    assert "too little memory: 3 TiB" in refused(capsys, "train", "--data", "flower")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "required: command"),
        (("fly",), "invalid choice: 'fly'"),
        (("train",), "one table is required"),
        (("predict", "model.safetensors"), "required: table; shallownet-c predict --help lists what there is"),
        (("train", "flower", "--hidden", "64", "64"), "unrecognized arguments: 64; shallownet-c --help lists"),
    ],
)
def test_incomplete_commands(capsys, arguments, message):
    assert message in refused(capsys, *arguments)


def test_help(capsys):
    with pytest.raises(SystemExit) as stop:
        run("train", "--help")
    assert stop.value.code == 0
    assert "--test-fraction" in capsys.readouterr().out


@pytest.mark.skipif(os.name != "posix", reason="pipes as POSIX has them")
def test_reader_that_leaves():
    sn.MLP([64, 10], output="softmax", seed=0).save("plain.safetensors")
    command = [sys.executable, "-P", "-m", "shallownet_c", "predict", "plain.safetensors", "digits"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.close()  # before anything is written
        err = process.stderr.read()
    missing = "plain.safetensors has no names of its table: columns are taken in their order, classes are numbers\n"
    assert (process.returncode, err) == (141, missing)


def test_output_without_the_characters():
    environment = os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    np.savez("data.npz", X=np.arange(40.0).reshape(-1, 2), y=np.arange(20.0) / 2)
    done = subprocess.run(
        [sys.executable, "-P", "-m", "shallownet_c", "train", "--data", "data.npz"],
        capture_output=True, text=True, check=False, timeout=60, env=environment,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == "shallownet-c: error: the output's encoding, ascii, lacks a character\n"


def test_divergence_is_no_success(capsys, tmp_path):
    np.savez("data.npz", X=np.linspace(-1, 1, 100)[:, np.newaxis], y=np.linspace(0.5, 9.3, 100))
    options = ("--optimizer", "sgd", "--learning-rate", 1e6, "--task", "regression")
    assert run("train", "--data", "data.npz", *options) == 2
    assert "smaller --learning-rate" in capsys.readouterr().err
    assert not (tmp_path / "model.safetensors").exists()


def test_version(capsys):
    with pytest.raises(SystemExit) as stop:
        run("--version")
    assert stop.value.code == 0
    assert capsys.readouterr().out.strip() == f"shallownet-c {sn.__version__}"


def test_ctrl_c(monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(sn.MLP, "fit", interrupt)
    assert run("train", "--data", "flower") == 130
