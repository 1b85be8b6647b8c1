"""What the command line takes a table's columns for: it says so, and refuses what may be either, naming the cell."""

import json
from pathlib import Path

import numpy as np
import pytest
from test_cli import held_out

import shallownet_c as sn
from shallownet_c._command import _record
from shallownet_c.cli import main


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write(cells, header="x1,x2,price", path="data.csv", lines=()):
    """A .csv of two numbers and such a target, and perhaps lines before that."""
    rows = [f"{np.sin(i):.3f},{np.cos(i):.3f},{cell}" for i, cell in enumerate(cells)]
    Path(path).write_text("\n".join([*([header] if header else []), *lines, *rows]) + "\n", encoding="utf-8")


def train(capsys, *options, data="data.csv"):
    """What a short training says of the columns and the target."""
    status = main(["train", "--data", data, "--epochs", "1", "--hidden", "2", *options])
    out, err = capsys.readouterr()
    assert (status, err) == (0, "")
    return out


def refused(capsys, *options, command=("train", "--data", "data.csv", "--epochs", "1")):
    before = sorted(Path().iterdir())
    assert main([*command, *options]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert err.startswith("shallownet-c: error: ")
    assert err.count("\n") == 1
    assert sorted(Path().iterdir()) == before
    return err


def saved_classes():
    return _record.read("model.safetensors").record.classes


PRICES = [f"{1000 + 7.5 * i}" for i in range(600)]
ODD = ["<1.0", '"10,555.00"', "inf", "1_000", "5 %", "1.5e", "x"]


@pytest.mark.parametrize("odd", ODD)
def test_one_bad_cell_among_numbers(capsys, odd):
    write([*PRICES[:400], odd, *PRICES[400:]])
    cell = odd.strip('"')
    for options in ((), ("--task", "regression")):
        assert f"target 'price': line 402 holds '{cell}', which is not a number" in refused(capsys, *options)
    assert "--task classification takes all" in refused(capsys)
    assert "601 classes" in train(capsys, "--task", "classification")


@pytest.mark.parametrize("missing", ["", " ", "nan", "NA", "?"])
def test_rows_without_a_target_are_left_out(capsys, missing):
    write([*PRICES[:400], missing, *PRICES[400:]])
    for options in ((), ("--task", "regression")):
        out = train(capsys, *options)
        assert "1 of 601 rows have no target: left out\n" in out
        assert "target 'price': numbers\n" in out
    out = train(capsys, "--task", "classification")
    # as a label each cell is what is written there
    assert f"{600 + bool(missing.strip())} classes" in out


def test_a_blank_cell_is_no_label(capsys):
    write(["red", "blue", "red", "blue", " ", *["red"] * 20])
    for options in ((), ("--task", "classification")):
        assert "1 of 25 rows have no target: left out\n" in train(capsys, *options)
        assert saved_classes() == ["blue", "red"]
    assert "line 2 holds 'red', which is not a number" in refused(capsys, "--task", "regression")


def test_lines_are_counted_as_a_person_does(capsys):
    write([*PRICES[:10], "x"], lines=["", '"1\n",2,3', ""])
    # names, a blank line, a row of two lines, a blank line, ten rows
    assert "line 16 holds 'x'" in refused(capsys)
    write(PRICES, lines=["", '"1\n",2,3', "", "1,?,5", "1,x,5"])
    assert "column 'x2': line 7 holds 'x', which is not a number, but line 3 holds '2'" in refused(capsys)


NUMBERS = {
    "few whole": (["0", "1", "2"], "3 classes (0, 1, 2), since its values are few and whole; --task regression"),
    "few whole, not in order": (["10", "9", "-1"], "3 classes (-1, 9, 10), since"),
    "twenty": (list(map(str, range(20))), "20 classes (0, 1, 2, 3, …, 19), since"),
    "many whole": (list(map(str, range(21))), "numbers, since its values are many; --task classification"),
    "few that are not whole": (["0.5", "1"], "numbers\n"),
    "many": (PRICES, "numbers\n"),
    "as floats": (["0.0", "1.0"], "2 classes (0.0, 1.0), since"),
    "with zeros": (["007", "008"], "2 classes (007, 008), since"),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_what_numbers_are_taken_for(capsys, name):
    cells, said = NUMBERS[name]
    write(cells * (1 + 100 // len(cells)))
    assert f"target 'price': {said}" in train(capsys)
    assert "target 'price': numbers\n" in train(capsys, "--task", "regression")
    assert f"target 'price': {len(set(cells))} classes (" in train(capsys, "--task", "classification")
    assert sorted(saved_classes()) == sorted(set(cells))


TEXT = {
    "words": (["red", "blue"], "2 classes (blue, red)\n"),
    "with digits": (["A1", "A2", "3-5", "2020-01-01", "<=50K", "1+"], "6 classes ("),
    "with commas": (['"salt, pepper"', "sugar"], "2 classes (salt, pepper, sugar)\n"),
    "signs": (["+", "-"], "2 classes (+, -)\n"),
    "none": (["none", "mild"], "2 classes (mild, none)\n"),
}


@pytest.mark.parametrize("name", TEXT)
def test_what_text_is_taken_for(capsys, name):
    cells, said = TEXT[name]
    write(cells * 20)
    assert f"target 'price': {said}" in train(capsys)
    assert "line 2 holds" in refused(capsys, "--task", "regression")


DOUBTS = {
    "one number, two labels": (["7", "007", "8"], "line 2 holds '7', line 3 holds '007'"),
    "one number in two notations": (["1.0", "2", "1"], "line 2 holds '1.0', line 4 holds '1'"),
    "ids of 18 digits": ([f"1234567890123456{i:02}" for i in range(60)], "line 2 holds '123456789012345600'"),
    "three of them": ([f"12345678901234560{i}" for i in range(3)], "line 2 holds '123456789012345600'"),
    "postal codes": ([f"{i:05}" for i in range(60)], "line 2 holds '00000'"),
    "numbers and words": (["1", "2", "a"], "line 4 holds 'a', which is not a number, but line 2 holds '1'"),
    "rooms": (["101a", "101b", "101"], "line 2 holds '101a', which is not a number, but line 4 holds '101'"),
    "missing labels": (["red", "blue", "NA"], "line 4 holds 'NA', which may be a missing value"),
    "question marks": (["+", "-", "?"], "line 4 holds '?', which may be a missing value"),
    "thousands": (['"10,555.00"', '"9,000.00"'], "line 2 holds '10,555.00', which may be a number"),
    "percent": (["5 %", "7 %"], "line 2 holds '5 %', which may be a number"),
    "limits": (["<1.0", ">5"], "line 2 holds '<1.0', which may be a number"),
    "money": (["$5", "€ 7.50"], "line 2 holds '$5', which may be a number"),
    "all infinite": (["inf", "-inf"], "line 2 holds 'inf', which may be a number"),
    "names": ([f"name {i}" for i in range(100)], "100 different texts in 100 rows"),
}


@pytest.mark.parametrize("name", DOUBTS)
def test_what_may_be_either_is_refused(capsys, name):
    cells, said = DOUBTS[name]
    write(cells * (1 + 59 // len(cells)))
    err = refused(capsys)
    assert said in err
    assert "--task classification" in err
    train(capsys, "--task", "classification")
    assert sorted(saved_classes()) == sorted({cell.strip('"') for cell in cells})


def test_labels_are_as_they_are_written(capsys):
    labels = ["123456789012345678", "123456789012345679", "007", "7"]
    x = np.repeat(np.arange(4), 30)
    Path("ids.csv").write_text("x,id\n" + "".join(f"{i},{labels[i]}\n" for i in x), encoding="utf-8")
    options = ["--task", "classification", "--epochs", "300", "--batch-size", "16"]
    assert main(["train", "--data", "ids.csv", *options]) == 0
    assert "4 classes (007, 7, 123456789012345678, 123456789012345679)" in capsys.readouterr().out
    assert main(["predict", "model.safetensors", "ids.csv"]) == 0
    assert capsys.readouterr().out.split() == [labels[i] for i in x]


def test_numbers_of_an_array(capsys):
    X = np.random.default_rng(0).standard_normal((60, 2))
    ids = 2**60 + np.arange(60)
    for y, said in (
        (np.arange(60) % 3, "target y: 3 classes (0, 1, 2), since its values are few and whole"),
        (np.arange(60), "target y: numbers, since its values are many"),
        (np.arange(60) % 3 * 0.5, "target y: numbers\n"),
        (np.arange(60) % 2 == 0, "target y: 2 classes (False, True)\n"),
        (np.array(["a", "b"])[np.arange(60) % 2], "target y: 2 classes (a, b)\n"),
    ):
        np.savez("data.npz", X=X, y=y)
        assert said in train(capsys, data="data.npz")
    command = ("train", "--data", "data.npz")
    for y, said in (
        (ids, "float64 does not hold all of its whole numbers"),
        (ids.astype(np.uint64), "float64 does not hold all of its whole numbers"),
        (np.array(["1.5", "2", "x"] * 20), "row 2 holds 'x', which is not a number, but row 0 holds '1.5'"),
        (np.array([b"7", b"007"] * 30), "row 0 holds '7', row 1 holds '007'"),
    ):
        np.savez("data.npz", X=X, y=y)
        assert f"data.npz: target y: {said}" in refused(capsys, command=command)
    np.savez("data.npz", X=X, y=ids)
    assert "60 classes" in train(capsys, "--task", "classification", data="data.npz")
    assert saved_classes() == [str(2**60 + i) for i in range(60)]
    np.savez("data.npz", X=X, y=2**57 * np.arange(60))
    assert "target y: numbers\n" in train(capsys, "--task", "regression", data="data.npz")


def test_more_classes_than_outputs(capsys):
    cells = [f"a{i}" for i in range(1 << 16)]
    write([*cells, "b"])
    assert "more than 65536 different labels" in refused(capsys, "--task", "classification")
    write([*map(str, np.arange(1 << 16) + 0.5), "b"])
    assert "line 65538 holds 'b', which is not a number" in refused(capsys)
    np.savez("data.npz", X=np.zeros((70_000, 1)), y=np.arange(70_000))
    command = ("train", "--data", "data.npz", "--task", "classification")
    assert "more than 65536 different labels" in refused(capsys, command=command)


# Names or data in line 1

LABELS = ["setosa", "virginica"] * 30


def test_line_1(capsys):
    write(LABELS)
    assert "60 rows, 2 columns, 2 classes; 12 rows held out\ncolumns by the names in line 1\n" in train(capsys)
    write(LABELS, header=None)
    out = train(capsys)
    assert "60 rows, 2 columns, 2 classes; 12 rows held out\ncolumns without names: line 1 is data\n" in out
    assert "target column 2: 2 classes (setosa, virginica)" in out
    write(PRICES, header=None)
    assert "600 rows, 2 columns, one number" in train(capsys)
    assert "599 rows, 2 columns, one number" in train(capsys, "--header", "yes")


FIRST_LINES = {
    "a label that occurs once": ("1,2,versicolor", LABELS),
    "a name among numbers": ("2019,2020,price", PRICES),
    "a number among names": ("year,2020,price", PRICES),
    "a number as the target's name": ("x1,x2,3", PRICES),
    "bad cells, and a label": ("bad,worse,setosa", LABELS),
    "numbers from 0, as pandas writes them": ("0,1,2", PRICES),
}


@pytest.mark.parametrize("name", FIRST_LINES)
def test_a_first_line_that_may_be_either(capsys, name):
    line, cells = FIRST_LINES[name]
    write(cells, header=line)
    err = refused(capsys)
    assert "line 1 may hold names or data" in err
    assert "--header yes or --header no" in err
    out = train(capsys, "--header", "yes")
    assert f"{len(cells)} rows" in out
    assert "names in line 1" in out


def test_a_first_line_that_is_data_with_a_bad_cell(capsys):
    for cell in ("inf", '"0,5"', "1_000"):
        write(LABELS, header=f"0.5,{cell},setosa")
        assert f"column 1: line 1 holds '{cell.strip(chr(34))}', which is not a number" in refused(capsys)
    for cell in ("nan", "?", ""):
        write(LABELS, header=f"0.5,{cell},setosa")
        assert "1 of 61 rows have blank cells (column 1: 1): left out" in train(capsys)


def test_a_name_that_is_given_is_one(capsys):
    write(PRICES, header="2019,2020,price")
    assert "target 'price': numbers" in train(capsys, "--target", "price")
    write(LABELS, header="0.1,0.2,setosa")
    assert "60 rows" in train(capsys, "--target", "setosa")
    write(LABELS, header="0.1,0.2,setosa")
    assert "61 rows" in train(capsys, "--header", "no", "--target", "2")


def test_names(capsys):
    write(PRICES, header=",x2,price")
    assert "column 0 has no name" in refused(capsys)
    write(PRICES, header="x1,x1,price")
    assert "two columns 'x1'" in refused(capsys)
    write([f"{i}," for i in PRICES], header="x1,x2,price,")
    assert "column 3, without a name, is empty: left out" in train(capsys)
    write([f"{i},7" for i in PRICES], header="x1,x2,price,")
    assert "column 3 has no name" in refused(capsys, "--target", "price")
    assert "target 'price': numbers" in train(capsys, "--target", "price", "--drop", "3")


def test_a_target_by_name_and_by_number(capsys):
    write(PRICES, header="a,0,b")
    out = train(capsys, "--header", "yes", "--target", "0")
    assert "target '0' (by its name, column 1 and not 0): numbers" in out
    assert "target 'a': numbers" not in out
    write(PRICES, header="a,b,c")
    assert "target 'b': numbers" in train(capsys, "--target", "1")
    assert "no column '3'; it has a, b, c" in refused(capsys, "--target", "3")
    write(PRICES, header=None)
    assert "no column 'a'; it has columns 0 to 2" in refused(capsys, "--target", "a")


NOTATIONS = {
    "semicolons": ("a;b;c\n" + "1;2;3\n1;3;2\n" * 20, "cells separated by semicolons"),
    "tabs": ("a\tb\tc\n" + "1\t2\t3\n1\t2\t4\n" * 20, "cells separated by tabs"),
    "bars": ("a|b\n" + "1,5|2,5\n1,5|3,5\n" * 20, "cells separated by bars"),
    "semicolons, decimal commas": ("1,5;2,5;3,5\n1,5;2,5;3\n" * 20, "target column 2: numbers"),
    "names, then decimal commas": ("a;b\n" + "1,5;2,5\n1,5;3,25\n" * 20, "target 'b': numbers"),
    "decimal commas in quotes": (
        "a,b\n" + '"1,5",2.0\n"1,7",3\n'.replace(".0", "") * 20,
        "target 'b': 2 classes (2, 3)",
    ),
    "small numbers with a decimal comma": ("a;b\n" + "0,125;1\n1,125;2\n" * 20, "2 classes (1, 2)"),
}


@pytest.mark.parametrize("name", NOTATIONS)
def test_other_notations(capsys, name):
    text, said = NOTATIONS[name]
    Path("data.csv").write_text(text, encoding="utf-8")
    assert said in train(capsys)


DOUBTFUL_NOTATIONS = {
    "blanks": (
        "1 2 3\n" * 20,
        "only one column if commas, semicolons, tabs or bars separate its cells: --delimiter says",
    ),
    "semicolons in some lines": ("a,b\n1,2\n1;2;3\n", "line 3 has 1 columns, the first line 2; commas separate them"),
    "points and commas": (
        "a;b\n" + "1.5;2,5\n1,5;3.25\n" * 20,
        "line 2 holds '2,5', which is not a number, but line 3 holds '3.25'",
    ),
    "a column of each": ("a;b\n" + "1.5;2,5\n1.7;3,25\n" * 20, "a comma in its numbers may be a decimal comma or"),
    "thousands, perhaps": ("a;b\n" + "1,234;1\n2,345;2\n" * 20, "--decimal , says that it is a decimal comma"),
    "thousands": (
        "a,b\n" + '"10,555.00",2\n' * 20,
        "line 2 holds '10,555.00', which is not a number as they are written",
    ),
}


@pytest.mark.parametrize("name", DOUBTFUL_NOTATIONS)
def test_notations_that_are_refused(capsys, name):
    text, said = DOUBTFUL_NOTATIONS[name]
    Path("data.csv").write_text(text, encoding="utf-8")
    assert said in refused(capsys)


def test_notations_that_the_user_knows(capsys):
    Path("data.csv").write_text("a;b\n" + "1,234;1\n2,345;2\n" * 20, encoding="utf-8")
    train(capsys, "--decimal", ",")
    (one,) = _record.read("model.safetensors").record.inputs
    assert 1.2 < one.mean < 2.4
    assert "'1,234', which is not a number" in refused(capsys, "--decimal", "point")
    Path("data.csv").write_text("a b\n" + "1 2\n2 3\n" * 20, encoding="utf-8")
    assert "2 classes (2, 3)" in train(capsys, "--delimiter", "space")
    for sign in ("ab", "", "x", '"'):
        assert "--delimiter: must be comma" in refused(capsys, "--delimiter", sign)
    assert "--decimal: must be auto" in refused(capsys, "--decimal", ";")


# The same doubts in a prediction


def predict(capsys, *options, data="data.csv"):
    assert main(["predict", "model.safetensors", data, *options]) == 0
    return capsys.readouterr()


def test_predictions_find_their_columns(capsys):
    write(LABELS)
    train(capsys)
    guesses, err = predict(capsys)
    assert len(guesses.split()) == 60
    assert not err
    # without names: said, and taken in order; with or without the target
    write(LABELS, header=None)
    assert predict(capsys) == (guesses, "data.csv has no names of columns: they are taken in their order\n")
    rows = [line.rsplit(",", 1)[0] for line in Path("data.csv").read_text(encoding="utf-8").split()]
    Path("inputs.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    assert predict(capsys, data="inputs.csv").out == guesses
    # one row with a label, and one with what is no label
    Path("row.csv").write_text(f"{rows[0]},virginica\n", encoding="utf-8")
    assert predict(capsys, data="row.csv").out == guesses.split("\n")[0] + "\n"
    Path("row.csv").write_text(f"{rows[0]},lily\n", encoding="utf-8")
    command = ("predict", "model.safetensors", "row.csv")
    assert "line 1 may hold names or data" in refused(capsys, command=command)
    assert predict(capsys, "--header", "no", data="row.csv").out == guesses.split("\n")[0] + "\n"
    # an index without a name, a column twice, and targets that nobody needs
    text = "".join(f"{i},{row},?,7\n" for i, row in enumerate(rows))
    Path("wide.csv").write_text(",x1,x2,price,,\n".replace(",,", ",more") + text, encoding="utf-8")
    assert predict(capsys, data="wide.csv") == (guesses, "")
    Path("twice.csv").write_text("x1,x2,x2\n1,2,3\n", encoding="utf-8")
    command = ("predict", "model.safetensors", "twice.csv")
    assert "two columns 'x2'" in refused(capsys, command=command)
    np.savez("data.npz", X=np.ones((3, 2)), y=np.full(3, np.nan))
    assert predict(capsys, data="data.npz").err == "data.npz has no names of columns: they are taken in their order\n"


def test_predictions_with_names_that_are_numbers(capsys):
    write(PRICES, header="0,1,2")
    train(capsys, "--header", "yes")
    # names that the model knows are names
    assert len(predict(capsys)[0].split()) == 600
    write(PRICES, header="7,8,9")
    assert len(predict(capsys, "--header", "no")[0].split()) == 601
    command = ("predict", "model.safetensors", "data.csv", "--header", "yes")
    assert "no column '0'" in refused(capsys, command=command)


def test_header_is_for_csv(capsys):
    sn.MLP([2, 1], seed=0).save("m.safetensors")
    for command in (("train", "--data", "flower"), ("predict", "m.safetensors", "flower")):
        assert "--header is for files of text" in refused(capsys, "--header", "no", command=command)


# The saved network is the one that was scored


def stamps(m=1000):
    rng = np.random.default_rng(0)
    times, other = 1.7e9 + 20 * rng.standard_normal(m), rng.standard_normal(m)
    return times, other, (times > 1.7e9).astype(int)


def test_a_mean_that_is_large_against_the_spread(capsys):
    times, other, y = stamps()
    rows = "".join(f"{a!r},{b!r},{c}\n" for a, b, c in zip(other.tolist(), times.tolist(), y, strict=True))
    Path("data.csv").write_text("other,time,late\n" + rows, encoding="utf-8")
    err = refused(capsys, "--dtype", "float32")
    assert "column 'time' has mean 1.7e+09 and spread 19" in err
    assert "--dtype float64" in err
    assert main(["train", "--data", "data.csv", "--epochs", "100", "--batch-size", "50"]) == 0
    assert held_out(capsys.readouterr().out, "accuracy") > 0.95
    guesses = predict(capsys)[0].split()
    assert (np.array(guesses, int) == y).mean() > 0.95
    np.savez("data.npz", X=np.column_stack([times + 1e16, other]), y=y)
    err = refused(capsys, command=("train", "--data", "data.npz"))
    assert "column 0 has mean 1e+16" in err
    assert "subtract an offset from it" in err
    np.savez("data.npz", X=np.column_stack([other, times - 1.7e9]), y=times)
    err = refused(capsys, command=("train", "--data", "data.npz", "--dtype", "float32"))
    assert "target y has mean 1.7e+09" in err


def test_what_rounding_changes_after_the_training_is_refused(capsys):
    times, other, y = stamps(4000)
    # too little to be refused before it, and enough for predictions to differ: 3e4 spreads
    np.savez("data.npz", X=np.column_stack([other, times - 1.7e9 + 6e5]), y=y)
    options = ["--dtype", "float32", "--epochs", "200", "--learning-rate", "0.01"]
    assert main(["train", "--data", "data.npz", *options]) == 2
    assert "column 1 has mean 600000 and spread 2" in capsys.readouterr().err
    assert not Path("model.safetensors").exists()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("task", ["classification", "regression"])
def test_the_score_is_the_saved_networks(capsys, dtype, task):
    times, other, y = stamps()
    X = np.column_stack([times - 1.7e9 + 1e4, other, np.full(1000, 0.1)])
    y = y if task == "classification" else 50 + times - 1.7e9 + other
    np.savez("data.npz", X=X, y=y)
    options = ["--dtype", dtype, "--epochs", "50", "--batch-size", "20", "--seed", "3", "--task", task, "--json"]
    assert main(["train", "--data", "data.npz", *options]) == 0
    score = json.loads(capsys.readouterr().out)["scores"]["accuracy" if task == "classification" else "r2"]
    net = sn.load("model.safetensors")
    test = np.random.default_rng(3).permutation(1000)[:200]
    A = net(X[test]).astype(float)
    if task == "classification":
        assert score == (A.argmax(axis=1) == y[test]).mean()
    else:
        spread = ((y[test] - y[test].mean()) ** 2).sum()
        assert score == pytest.approx(1 - ((A[:, 0] - y[test]) ** 2).sum() / spread, abs=1e-4)
    assert score > 0.9
    # a column that never changed has no say
    assert not net.weights[0][:, 2].any()


def test_predict_says_that_a_model_without_names_goes_by_position(capsys):
    Path("bare.csv").write_text("".join(f"{i},{i % 7},{i / 3}\n" for i in range(60)))
    assert main(["train", "--data", "bare.csv", "--epochs", "1", "--out", "m.safetensors"]) == 0
    Path("named.csv").write_text("b,a\n1,2\n")
    capsys.readouterr()
    assert main(["predict", "m.safetensors", "named.csv"]) == 0
    assert capsys.readouterr().err == "m.safetensors has no names of columns: they are taken in their order\n"
    Path("plain.csv").write_text("1,2\n")
    assert main(["predict", "m.safetensors", "plain.csv"]) == 0
    assert capsys.readouterr().err == ""


def test_the_network_of_a_table_with_names_knows_them(capsys):
    Path("named.csv").write_text("a,b,price\n" + "".join(f"{i},{i % 7},{i / 3}\n" for i in range(60)))
    assert main(["train", "--data", "named.csv", "--epochs", "1", "--out", "m.safetensors"]) == 0
    assert sn.load("m.safetensors").feature_names == ("a", "b")
