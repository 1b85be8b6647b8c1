"""What the command keeps in a model's file, and what its other commands make of that."""

import argparse
import ast
import io
import itertools
import json
import os
import shutil
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from test_cli import refused, run, write
from test_cli_tables import people, text

import shallownet_c as sn
from shallownet_c import cli, serialization
from shallownet_c._command import _defaults, _metrics, _progress, _record, _report
from shallownet_c._storage import _models

#: What the last version with a file of names beside a model wrote: tables, models of them by
#: ``shallownet-c train --hidden 3 --batch-size 8``, and what it predicted for the same tables.
OLDER = Path(__file__).parent / "data" / "0.1.0+4cd4b7d"


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def trained(capsys, *options):
    write("t.csv", text(people()))
    assert run("train", "t.csv", "--epochs", 40, "--learning-rate", 0.02, "--hidden", 16, *options) == 0
    return capsys.readouterr()


def said(capsys, *arguments):
    """The JSON that a command prints."""
    assert run(*arguments, "--json") == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("name", ["pair", "pair-numbers"])
def test_pairs_of_older_versions(capsys, name):
    for path in OLDER.glob(f"{name}.*"):
        shutil.copy(path, path.name)
    assert run("predict", f"{name}.safetensors", f"{name}.csv") == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    before = Path(f"{name}.txt").read_text(encoding="utf-8")
    if name == "pair":
        assert printed.out == before
        assert said(capsys, "evaluate", "pair.safetensors", "pair.csv")["scores"]["accuracy"] > 0.9
    else:
        np.testing.assert_allclose(np.loadtxt(io.StringIO(printed.out)), np.loadtxt(io.StringIO(before)), rtol=1e-12)
    write("blank.csv", "height,width\n1,\n" if name == "pair" else "1,2\n1,\n")
    assert "is blank, and the model has no median" in refused(capsys, "predict", f"{name}.safetensors", "blank.csv")


def test_one_file_holds_all(capsys):
    trained(capsys)
    assert sorted(path.name for path in Path().iterdir()) == ["model.safetensors", "t.csv"]
    record = said(capsys, "info", "model.safetensors")
    size, colour, member = record["columns"]
    assert (size["kind"], colour["kind"], member["kind"]) == ("number", "text", "boolean")
    assert colour["categories"] == ["blue", "green", "red"]
    cells = np.array([row[1] for row in people()])
    assert size["mean"] == pytest.approx(cells.mean(), abs=0.3)
    assert size["spread"] == pytest.approx(cells.std(), rel=0.3)
    assert size["median"] in cells or abs(size["median"]) < np.abs(cells).max()
    assert record["target"] == {"name": "answer", "place": 4, "classes": ["no", "yes"]}
    assert record["training"]["rows"] == 82
    assert record["inputs"] == ["size", "colour=blue", "colour=green", "colour=red", "member"]
    # other readers of the format see a text beside the architecture
    safetensors = pytest.importorskip("safetensors")
    with safetensors.safe_open("model.safetensors", "numpy") as file:
        assert json.loads(file.metadata()["table"])["columns"] == record["columns"]


def damaged(change):
    """The model's file with another table in it."""
    net = sn.load("model.safetensors")
    table = _record.read("model.safetensors").record.as_json()
    change(table)
    _models.write("model.safetensors", net.model, net.params, net.feature_names, table)


DAMAGES = {
    "no columns": lambda table: table.pop("columns"),
    "another field": lambda table: table.update(more=1),
    "fewer inputs": lambda table: table["columns"].pop(),
    "an unknown kind": lambda table: table["columns"][0].update(kind="date"),
    "a median of text": lambda table: table["columns"][0].update(median="x"),
    "an infinite median": lambda table: table["columns"][0].update(median=float("inf")),
    "one name twice": lambda table: table["columns"][0].update(name="member"),
    "categories of numbers": lambda table: table["columns"][1].update(categories=[1, 2, 3]),
    "more categories": lambda table: table["columns"][1]["categories"].append("pink"),
    "half a character": lambda table: table["target"].update(classes=["\ud800", "yes"]),
    "one class": lambda table: table["target"].update(classes=["yes"]),
    "no classes": lambda table: table["target"].update(classes=None),
    "a place of text": lambda table: table["columns"][0].update(place="0"),
    "scores of text": lambda table: table["training"].update(scores={"accuracy": "good"}),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damaged_tables(capsys, name):
    trained(capsys)
    damaged(DAMAGES[name])
    assert "model.safetensors" in refused(capsys, "predict", "model.safetensors", "t.csv")
    assert sn.load("model.safetensors").layer_sizes == (5, 16, 2)  # which does not look at the table


def test_tables_of_too_many_parts_are_refused_before_they_take_memory(tmp_path):
    net = sn.MLP([1, 1], seed=0)
    net.save("m.safetensors")
    data = Path("m.safetensors").read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    header["__metadata__"]["table"] = "[" + "[]," * 100_000 + "[]]"
    at = json.dumps(header).encode().replace(b"[", b"\\u005b", 0)
    Path("m.safetensors").write_bytes(len(at).to_bytes(8, "little") + at + data[8 + length :])
    with pytest.raises(ValueError, match="has more parts than belong"), serialization.opened("m.safetensors") as file:
        file.parsed_table()


# evaluate


def test_evaluate(capsys):
    trained(capsys)
    said_of_training = said(capsys, "info", "model.safetensors")["training"]["scores"]
    write("test.csv", text(people(seed=1)))
    scores = said(capsys, "evaluate", "model.safetensors", "test.csv")["scores"]
    assert scores["rows"] == 120
    assert scores["accuracy"] > 0.8 > scores["baseline"]["accuracy"]
    assert set(said_of_training) == {"accuracy", "log_loss", "auc"}
    # against scikit-learn's figures
    metrics = pytest.importorskip("sklearn.metrics")
    assert run("predict", "model.safetensors", "test.csv", "--proba") == 0
    P = np.loadtxt(capsys.readouterr().out.splitlines()[1:], delimiter=",")
    y = np.array([row[-1] == "yes" for row in people(seed=1)], int)
    assert scores["accuracy"] == pytest.approx(metrics.accuracy_score(y, P.argmax(axis=1)))
    assert scores["log_loss"] == pytest.approx(metrics.log_loss(y, P))
    assert scores["auc"] == pytest.approx(metrics.roc_auc_score(y, P[:, 1]))
    assert scores["confusion"] == metrics.confusion_matrix(y, P.argmax(axis=1)).tolist()
    precision, recall, f1, support = metrics.precision_recall_fscore_support(y, P.argmax(axis=1))
    for j, one in enumerate(scores["classes"]):
        assert (one["precision"], one["recall"], one["f1"]) == pytest.approx((precision[j], recall[j], f1[j]))
        assert one["rows"] == support[j]
    assert run("evaluate", "model.safetensors", "test.csv") == 0
    out = capsys.readouterr().out
    for word in ("accuracy", "log loss", "AUC", "precision", "true \\ predicted"):
        assert word in out


def test_evaluate_numbers(capsys):
    x = np.random.default_rng(0).uniform(-1, 1, 200).round(4)
    write("t.csv", "x,y\n" + "".join(f"{a!r},{3 * a + 5!r}\n" for a in x.tolist()))
    assert run("train", "t.csv", "--epochs", 100) == 0
    out = capsys.readouterr().out
    for word in ("R²", "MAE", "RMSE", "always the mean"):
        assert word in out
    write("test.csv", "x,y\n0.5,6.5\n-0.5,3.5\n0.1,\n0.2,5.6\n")
    found = said(capsys, "evaluate", "model.safetensors", "test.csv")
    assert found["notes"] == ["1 of 4 rows have no target: left out"]
    scores = found["scores"]
    assert run("predict", "model.safetensors", "test.csv") == 0
    guesses = np.array(capsys.readouterr().out.split(), float)[[0, 1, 3]]
    errors = guesses - [6.5, 3.5, 5.6]
    assert scores["rmse"] == pytest.approx(np.sqrt((errors**2).mean()))
    assert scores["mae"] == pytest.approx(np.abs(errors).mean())
    assert scores["baseline"]["r2"] == pytest.approx(0)
    assert scores["r2"] > 0.9


def test_areas_under_the_curve():
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    P = rng.dirichlet([1, 1, 1], 80).round(1)
    y = rng.integers(3, size=80)
    scores = _metrics.of_classes([(0, P[:50]), (50, P[50:])], y, ["a", "b", "c"], np.full(3, 1 / 3))
    areas = [metrics.roc_auc_score(y == j, P[:, j]) for j in range(3)]
    assert scores["auc"] == pytest.approx(np.mean(areas))
    assert _metrics.of_classes([(0, P[:5])], np.zeros(5, int), ["a", "b", "c"], np.full(3, 1 / 3))["auc"] is None


def test_what_evaluate_cannot_compare_with(capsys):
    trained(capsys)
    write("test.csv", "size,colour,member\n1,red,True\n")
    assert "no column 'answer'" in refused(capsys, "evaluate", "model.safetensors", "test.csv")
    write("test.csv", "size,colour,member,answer\n1,red,True,yes\n1,red,True,perhaps\n")
    assert "column 'answer': line 3 holds 'perhaps', which is none of the model's classes" in refused(
        capsys, "evaluate", "model.safetensors", "test.csv"
    )
    write("test.csv", "size,colour,member,truth\n1,red,True,yes\n")
    assert said(capsys, "evaluate", "model.safetensors", "test.csv", "--target", "truth")["scores"]["rows"] == 1


# compare


def test_compare(capsys):
    write("t.csv", text(people()))
    options = ("--activations", "relu,tanh", "--widths", "2", "8,4", "--seeds", 2, "--epochs", 30)
    found = said(capsys, "compare", "t.csv", *options)
    ranked = found["candidates"]
    assert sorted((one["activation"], *one["hidden"]) for one in ranked) == sorted(
        [("relu", 2), ("tanh", 2), ("relu", 8, 4), ("tanh", 8, 4)]
    )
    scores = [one["score"] for one in ranked]
    assert scores == sorted(scores, reverse=True)
    for one in ranked:
        assert len(one["scores"]) == 2
        assert one["score"] == pytest.approx(np.mean(one["scores"]))
        assert one["std"] == pytest.approx(np.std(one["scores"]))
    assert run("compare", "t.csv", *options) == 0
    out = capsys.readouterr().out
    best = ranked[0]
    hidden = ",".join(map(str, best["hidden"]))
    assert (
        f"train the first with: shallownet-c train t.csv --activation {best['activation']} --hidden {hidden}\n" in out
    )
    assert "must be some of" in refused(capsys, "compare", "t.csv", "--activations", "relu,swish")
    assert sorted(path.name for path in Path().iterdir()) == ["t.csv"]


# export


def test_export_of_categories(capsys):
    onnx = pytest.importorskip("onnx")
    trained(capsys)
    assert run("export", "model.safetensors", "--onnx", "m.onnx") == 0
    out = capsys.readouterr().out
    assert "in this order: 'size', 'colour=blue', 'colour=green', 'colour=red', 'member'\n" in out
    properties = {entry.key: entry.value for entry in onnx.load("m.onnx").metadata_props}
    names = json.loads(properties["shallownet_c.names"])
    assert names["columns"] == ["size", "colour=blue", "colour=green", "colour=red", "member"]
    assert names["classes"] == ["no", "yes"]
    # with its table the file predicts as the model does
    guesses = []
    for model in ("model.safetensors", "m.onnx"):
        assert run("predict", model, "t.csv") == 0
        guesses.append(capsys.readouterr())
    assert guesses[0] == guesses[1]
    assert said(capsys, "info", "m.onnx")["columns"] == said(capsys, "info", "model.safetensors")["columns"]
    assert said(capsys, "export", "model.safetensors", "--c", "m.c")["inputs"] == names["columns"]
    assert run("export", "model.safetensors", "--c", "m.c") == 0
    assert "it gives the probabilities of these, in this order: 'no', 'yes'\n" in capsys.readouterr().out
    assert '"colour=blue"' in Path("m.c").read_text(encoding="utf-8")


# What is printed, and how


def test_quiet(capsys):
    assert trained(capsys, "--quiet") == ("", "")
    assert run("export", "model.safetensors", "--c", "m.c", "--quiet") == 0
    assert run("compare", "t.csv", "--widths", "2", "--seeds", 1, "--epochs", 2, "--quiet") == 0
    assert capsys.readouterr() == ("", "")


def test_json_of_the_installation(capsys):
    assert said(capsys, "info")["shallownet_c"] == sn.__version__


def test_json_of_a_training(capsys):
    write("t.csv", text(people()))
    found = said(capsys, "train", "t.csv", "--epochs", 7, "--patience", 0)
    assert (found["epochs"], len(found["cost"]), found["validation_cost"]) == (7, 7, [])
    assert found["rows"] == {"table": 120, "training": 96, "validation": 0, "held_out": 24}
    assert found["target"] == "answer"


def test_early_stopping_keeps_the_best(capsys):
    write("t.csv", text(people()))
    found = said(
        capsys, "train", "t.csv", "--epochs", 300, "--patience", 3, "--hidden", "64,64", "--learning-rate", 0.05
    )
    assert found["stopped"] == "patience"
    assert found["epochs"] < 300
    costs = found["validation_cost"]
    assert len(costs) - 1 - int(np.argmin(costs)) == 3


def test_progress_in_lines(monkeypatch):
    clock = itertools.count(0, 0.4)
    monkeypatch.setattr(_progress.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    stream = io.StringIO()
    progress = _progress.Progress(9, False, stream)
    history = types.SimpleNamespace(cost=[0.5], val_cost=[0.25])
    for epoch in range(9):
        progress.show(epoch, history)
    progress.close()
    lines = stream.getvalue().splitlines()
    assert [line.split()[1] for line in lines] == ["1/9", "4/9", "7/9", "9/9"]
    assert lines[0].endswith("cost 0.5, validation 0.25")
    silent = _progress.Progress(9, True, stream := io.StringIO())
    silent.show(0, history)
    silent.close()
    assert stream.getvalue() == ""


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_on_a_terminal(monkeypatch):
    pytest.importorskip("rich")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", Terminal())
    progress = _progress.Progress(9, False, stream := io.StringIO())
    progress.show(3, types.SimpleNamespace(cost=[0.5], val_cost=[]))
    progress.bar.refresh()
    progress.close()
    assert "4/9" in sys.stderr.getvalue()
    assert stream.getvalue() == ""


def test_a_table_on_a_terminal(monkeypatch):
    pytest.importorskip("rich")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stdout", Terminal())
    _report.table(["name", "n"], [["[red]a[/red]", 1], ["b\x1b", 22]])
    out = sys.stdout.getvalue()
    assert "[red]a[/red]" in out
    assert "─" in out
    assert "\x1b" not in out.replace("\x1b[", "")


def test_plot(capsys, monkeypatch):
    pytest.importorskip("matplotlib")
    trained(capsys, "--plot", "cost.png")
    assert Path("cost.png").read_bytes().startswith(b"\x89PNG")
    assert "--plot must end in .png, .svg, .pdf" in refused(capsys, "train", "t.csv", "--plot", "cost.txt")
    assert "--plot none/c.png: no such file" in refused(capsys, "train", "t.csv", "--plot", "none/c.png")
    assert "must be two files" in refused(capsys, "train", "t.csv", "--plot", "a.png", "--out", "./a.png")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert "pip install 'shallownet-c[plot]'" in refused(capsys, "train", "t.csv", "--plot", "c.png")


def commands():
    group = next(one for one in cli._parser()._actions if isinstance(one, argparse._SubParsersAction))
    return group.choices


@pytest.mark.parametrize("name", commands())
def test_help_has_examples_that_can_be_parsed(capsys, name):
    with pytest.raises(SystemExit) as stop:
        run(name, "--help")
    assert stop.value.code == 0
    out = capsys.readouterr().out
    lines = [line.strip() for line in out[out.index("examples:") :].splitlines()[1:] if line.strip()]
    assert lines
    for line in lines:
        if line.startswith("shallownet-c "):
            words = line.partition(" > ")[0].split()[1:]
            assert words[0] == name
            cli._parser().parse_args(words)


def test_every_command_on_tables_has_json():
    for name, parser in commands().items():
        has = any("--json" in action.option_strings for action in parser._actions)
        assert has == (name not in ("completion", "play")), name


def completed(words):
    """What bash offers for the last of the words."""
    script = cli_output("completion", "bash")
    arguments = " ".join(f"'{word}'" for word in words)
    asked = f"{script}\nCOMP_WORDS=({arguments}); COMP_CWORD={len(words) - 1}; _shallownet_c; echo ${{COMPREPLY[@]}}"
    done = subprocess.run(["bash", "-c", asked], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.split()


def cli_output(*arguments):
    stream = io.StringIO()
    stdout, sys.stdout = sys.stdout, stream
    try:
        assert run(*arguments) == 0
    finally:
        sys.stdout = stdout
    return stream.getvalue()


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_completion_in_bash():
    assert completed(["shallownet-c", "ex"]) == ["export"]
    assert set(completed(["shallownet-c", ""])) == set(commands())
    assert completed(["shallownet-c", "train", "--miss"]) == ["--missing"]
    assert completed(["shallownet-c", "train", "--missing", ""]) == ["drop", "median"]
    assert completed(["shallownet-c", "train", "--activation", "ta"]) == ["tanh"]
    write("some_table.csv", "")
    assert completed(["shallownet-c", "train", "some"]) == ["some_table.csv"]
    assert completed(["shallownet-c", "completion", "z"]) == ["zsh"]


def test_completion_for_other_shells():
    assert cli_output("completion", "zsh").startswith("autoload -U +X bashcompinit && bashcompinit\n")
    lines = cli_output("completion", "fish").splitlines()
    assert all(line.startswith("complete -c shallownet-c ") for line in lines)
    assert any("__fish_seen_subcommand_from train' -l missing -x -a 'drop median'" in line for line in lines)


def test_help_loads_nothing_that_only_a_command_needs():
    code = (
        "import sys; from shallownet_c.cli import main\n"
        "try: main(['train', '--help'])\n"
        "except SystemExit: print(sorted(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    loaded = set(ast.literal_eval(done.stderr))
    for name in (
        "pyarrow",
        "pandas",
        "matplotlib",
        "rich",
        "shallownet_c._command._train",
        "shallownet_c._fitting._fit",
    ):
        assert name not in loaded


# Nothing that exists is overwritten by a run that fails

FAILURES = {
    "a bad cell": ("t.csv", "size,answer\n1,yes\nx,no\n2,yes\n3,no\n" * 1, ()),
    "divergence": ("t.csv", "x,y\n" + "".join(f"{i},{i * 0.5}\n" for i in range(60)), ("--learning-rate", "1e300")),
    "a bad picture": ("t.csv", "x,y\n" + "".join(f"{i},{i * 0.5}\n" for i in range(60)), ("--plot", "none/a.png")),
    "a spread beyond float32": (
        "t.csv", "x,y\n" + "".join(f"{1e9 + i},{i * 0.5}\n" for i in range(60)), ("--dtype", "float32"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FAILURES)
def test_a_failed_run_leaves_everything_as_it_was(capsys, name):
    path, content, options = FAILURES[name]
    write(path, content)
    write("model.safetensors", "what is there")
    write("cost.png", "a picture")
    before = {one: Path(one).read_bytes() for one in os.listdir()}
    assert run("train", path, "--quiet", *options) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert {one: Path(one).read_bytes() for one in os.listdir()} == before


def test_tables_that_are_given_twice_or_not(capsys):
    assert "one table is required, like shallownet-c train table.csv, got none" in refused(capsys, "train")
    assert "got two" in refused(capsys, "train", "a.csv", "--data", "b.csv")
    assert "got none" in refused(capsys, "compare")


# Defaults


def test_defaults_follow_the_rows():
    assert _defaults.length(65, None, None, None) == _defaults.Length(16, 300, 75)
    assert _defaults.length(68_000, None, None, None) == _defaults.Length(256, 45, 11)
    assert _defaults.length(680_000, None, None, None) == _defaults.Length(1024, 20, 5)
    assert _defaults.length(68_000, 100, 3, 0) == _defaults.Length(100, 3, 0)
    for rows in (1, 2, 3, 10**9):
        length = _defaults.length(rows, None, None, None)
        assert length.batch_size >= 16
        assert length.epochs >= 20
