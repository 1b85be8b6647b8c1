"""Everyday tables through the command: text, blanks, booleans, dates, an index, any delimiter, and files of columns."""

import datetime
import importlib
import json
import sys
from pathlib import Path

import fuzz_tables
import numpy as np
import pytest
from test_cli import refused, run, write

import shallownet_c as sn
from shallownet_c._command import _csv_file, _guess, _record, _tables
from shallownet_c._command._input import InputError


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def people(m=120, blank=(), seed=0):
    """Rows of an index, a number, a category, a boolean and the answer that follows from them."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(m):
        size, colour, member = round(rng.standard_normal(), 3), ["blue", "green", "red"][rng.integers(3)], i % 2 == 0
        answer = "yes" if size + {"blue": -2, "green": 0, "red": 2}[colour] + member > 0.5 else "no"
        rows.append([i, "" if i in blank else size, colour, member, answer])
    return rows


HEADER = ["", "size", "colour", "member", "answer"]


def text(rows, header=HEADER, comma=","):
    lines = [header, *rows] if header else rows
    return "".join(comma.join(map(str, row)) + "\n" for row in lines)


def train(capsys, *options, data="t.csv"):
    """What a training with --json says."""
    assert run("train", data, "--json", "--epochs", 40, "--learning-rate", 0.02, "--hidden", 16, *options) == 0
    out, err = capsys.readouterr()
    said = json.loads(out)
    assert all(line.startswith("epoch ") for line in err.splitlines())
    return said


def predicted(capsys, data, *options):
    assert run("predict", "model.safetensors", data, *options) == 0
    return capsys.readouterr()


def test_a_table_of_everything(capsys):
    write("t.csv", text(people()))
    said = train(capsys)
    assert said["columns"] == ["size", "colour", "member"]
    assert "the first column, without a name, numbers the rows: left out" in said["notes"]
    assert said["scores"]["accuracy"] > 0.8
    net = sn.load("model.safetensors")
    assert net.feature_names == ("size", "colour=blue", "colour=green", "colour=red", "member")
    printed = predicted(capsys, "t.csv")
    assert printed.err == ""
    guesses = printed.out.split()
    assert np.mean([guess == row[-1] for guess, row in zip(guesses, people(), strict=True)]) > 0.9
    # what the file does, Python does with the same inputs
    X = [[row[1], *(row[2] == colour for colour in ("blue", "green", "red")), row[3]] for row in people()]
    assert [["no", "yes"][j] for j in net.classify(np.array(X, float))] == guesses


# One reading, whatever reads

FILES = {
    "plain": text(people()),
    "semicolons and decimal commas": text(people(), comma=";").replace(".", ","),
    "tabs": text(people(), comma="\t"),
    "bars": text(people(), comma="|"),
    "blanks": text(people(blank=range(5, 120, 7))),
    "missing by name": text(people(blank=range(5, 120, 7))).replace(",,", ",NA,"),
    "signs and spaces": text([[f" {a}", f"+{b}" if b > 0 else b, f"{c} ", d, e] for a, b, c, d, e in people()]),
    "quotes": text([[a, f'"{b}"', f'"{c}"', d, e] for a, b, c, d, e in people()]),
    "a comma in quotes": text([[a, b, f'"very, {c}"', d, e] for a, b, c, d, e in people()]),
    "a line break in quotes": text([[a, b, f'"very\n{c}"', d, e] for a, b, c, d, e in people()]),
    "a byte order mark": "\ufeff" + text(people()),
    "Windows": text(people()).replace("\n", "\r\n"),
    "old Macs": text(people()).replace("\n", "\r"),
    "empty lines": text(people()).replace("\n", "\n\n"),
    "no last line break": text(people())[:-1],
    "other letters": text(people()).replace("red", "größer").replace("blue", "青"),
    "no names": text([row[1:] for row in people()], header=None),
}


@pytest.mark.parametrize("name", FILES)
def test_both_readers_give_the_same(name, monkeypatch):
    pytest.importorskip("pyarrow", reason="it is not installed, as it is by the extra test-all")
    Path("t.csv").write_bytes(FILES[name].encode())
    tables = [_tables.read("t.csv", _tables.Reading())]
    monkeypatch.setattr(_csv_file.CsvFile, "_by_pyarrow", lambda self: None)
    tables.append(_tables.read("t.csv", _tables.Reading()))
    if '"' not in FILES[name]:
        assert type(tables[0].cells[0]) is not type(tables[1].cells[0])
    assert tables[0].names == tables[1].names
    assert tables[0].notes == tables[1].notes
    for table in tables:
        table.settle_decimal(range(len(table.cells)))
    for k in range(len(tables[0].cells)):
        one, other = (table.guess(k) for table in tables)
        assert one.kind == other.kind
        np.testing.assert_array_equal(one.values, other.values)
        codes, texts = zip(*(table.cells[k].codes() for table in tables), strict=True)
        assert texts[0] == texts[1]
        np.testing.assert_array_equal(*codes)
        assert tables[0].where(7) == tables[1].where(7)


def all_that_is_read():
    """A table and what its columns are taken for, or the error."""
    try:
        table = _tables.read("t.csv", _tables.Reading())
        table.settle_decimal(range(len(table.cells)))
        guesses = [table.guess(k) for k in range(len(table.cells))]
        texts = [(codes.tolist(), texts) for codes, texts in (cells.codes() for cells in table.cells)]
    except InputError as error:
        return str(error)
    values = [(guess.kind, None if guess.values is None else guess.values.tobytes()) for guess in guesses]
    return table.names, table.notes, table.decimal, values, texts, [table.where(i) for i in range(table.m)]


def test_both_readers_agree_on_odd_files(monkeypatch):
    pytest.importorskip("pyarrow", reason="it is not installed, as it is by the extra test-all")
    kinds = set()
    for seed in range(300):
        Path("t.csv").write_bytes(fuzz_tables.Case(seed).csv().replace(b'"', b""))  # the csv module reads quotes anyway
        found = all_that_is_read()
        with monkeypatch.context() as patch:
            patch.setattr(_csv_file.CsvFile, "_by_pyarrow", lambda self: None)
            assert all_that_is_read() == found, seed
        kinds.add(type(found))
    assert kinds == {str, tuple}


@pytest.mark.parametrize("reader", ["pyarrow", "csv"])
@pytest.mark.parametrize("name", FILES)
def test_every_file_can_be_learnt_from(capsys, name, reader, monkeypatch):
    if reader == "pyarrow":
        pytest.importorskip("pyarrow", reason="it is not installed, as it is by the extra test-all")
    else:
        monkeypatch.setitem(sys.modules, "pyarrow", None)
    Path("t.csv").write_bytes(FILES[name].encode())
    said = train(capsys)
    assert len(said["columns"]) == 3
    assert said["scores"]["accuracy"] > 0.6
    assert len(predicted(capsys, "t.csv").out.splitlines()) == 120


def test_a_line_is_named_however_the_file_is_read(capsys, monkeypatch):
    rows = people()
    rows[60][1] = "x"
    for comma in (",", ";"):
        said = []
        for library in (None, "pyarrow"):
            with monkeypatch.context() as patch:
                if library is not None:
                    patch.setitem(sys.modules, library, None)
                write("t.csv", text(rows, comma=comma).replace("\n", "\n\n", 3))
                said.append(refused(capsys, "train", "t.csv"))
        assert said[0] == said[1]
        assert "column 'size': line 65 holds 'x', which is not a number, but line 3 holds" in said[0]


KINDS = {
    "numbers": (["1", "2.5", "", "NA"], "numbers"),
    "booleans": (["True", "false", ""], "booleans"),
    "categories": (["a", "b", ""], "text"),
    "nothing": (["", "NA", "nan"], "empty"),
    "dates": (["2024-01-31", "2023-12-01", ""], "dates"),
    "European dates": (["31.1.2024", "1.12.23"], "dates"),
    "American dates": (["1/31/2024", "12/1/23"], "dates"),
    "dates in words": (["31 Jan 2024", "1-Dec-23", "January 5, 2024"], "dates"),
    "times": (["2024-01-31 10:30", "2024-01-31T10:30:00.5Z", "2024-01-31 10:30:00+01:00"], "dates"),
    "hours": (["10:30", "09:15:20"], "dates"),
    "a word among numbers": (["1", "2", "x"], "mixed"),
    "percent": (["5 %", "7 %"], "mixed"),
    "sums of money": (["€ 5", "$7.50"], "mixed"),
    "infinite": (["inf", "1"], "mixed"),
    "yes and no": (["yes", "no"], "text"),
    "ages": (["<18", "18-60", ">60"], "text"),
}


@pytest.mark.parametrize("name", KINDS)
def test_what_cells_are_taken_for(name):
    texts, kind = KINDS[name]
    assert _guess.guess_from_texts(np.arange(len(texts)), texts, ".").kind == kind


def one_column(cells, name="odd"):
    """A table of a number, a column of such cells, and the answer."""
    rng = np.random.default_rng(0)
    rows = [[x, cell, "no" if x < 0 else "yes"] for x, cell in zip(rng.standard_normal(len(cells)), cells, strict=True)]
    write("t.csv", text(rows, ["x", name, "answer"]))


REFUSED = {
    "dates": (["2024-01-31", "2024-02-01"], "line 2 holds '2024-01-31', a date: write numbers instead"),
    "times": (["08:30", "17:05:59"], "line 2 holds '08:30', a time: write numbers instead, such as the minutes"),
    "a word among numbers": (["1", "2", "x"], "line 4 holds 'x', which is not a number, but line 2 holds '1'"),
    "percent": (["5 %", "7 %"], "line 2 holds '5 %', which is not a number as they are written, like 1234.5"),
    "names": ([f"name {i}" for i in range(60)], "60 different texts in 60 rows do not look like categories"),
    "no values": (["", "NA"], "it has no values: --drop odd leaves it out"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_columns_that_are_refused_with_the_remedy(capsys, name):
    cells, said = REFUSED[name]
    cells = cells * (60 // len(cells))
    one_column(cells)
    err = refused(capsys, "train", "t.csv")
    assert f"t.csv: column 'odd': {said}" in err
    assert "--drop odd" in err
    assert train(capsys, "--drop", "odd")["columns"] == ["x"]
    if "--categorical" in err:
        assert train(capsys, "--categorical", "odd")["columns"] == ["x", "odd"]
        (_, odd) = _record.read("model.safetensors").record.inputs
        assert odd.categories == tuple(sorted(set(cells)))


def test_columns_that_are_named_in_vain(capsys):
    one_column(["a", "b"] * 30)
    assert "no column 'colour'; it has x, odd, answer" in refused(capsys, "train", "t.csv", "--drop", "colour")
    assert "no column 'colour'" in refused(capsys, "train", "t.csv", "--categorical", "colour")
    assert "no columns of inputs" in refused(capsys, "train", "t.csv", "--drop", "x", "--drop", "odd")


def test_columns_of_one_name_after_all(capsys):
    rows = [[i % 3, "b" if i % 2 else "c", i % 2] for i in range(60)]
    write("t.csv", text(rows, ["a=b", "a", "y"]))
    assert "two inputs would have the name 'a=b': rename a column" in refused(capsys, "train", "t.csv")


# Blanks


def test_rows_with_blanks_are_left_out_or_filled(capsys):
    blank = list(range(0, 120, 10))
    write("t.csv", text(people(blank=blank)))
    said = train(capsys)
    assert sum(said["rows"][part] for part in ("training", "validation", "held_out")) == 108
    assert any(
        note.startswith("12 of 120 rows have blank cells (column 'size': 12): left out") for note in said["notes"]
    )
    said = train(capsys, "--missing", "median")
    assert sum(said["rows"][part] for part in ("training", "validation", "held_out")) == 120
    assert any(note.startswith("12 blank cells (column 'size': 12)") for note in said["notes"])


def test_predictions_fill_blanks_with_the_median_of_the_training(capsys):
    write("t.csv", text(people()))
    train(capsys)
    size, colour, member = _record.read("model.safetensors").record.inputs
    write("new.csv", f"size,colour,member\n,red,True\n{size.median!r},red,True\n,red,\n,,True\n")
    printed = predicted(capsys, "new.csv", "--proba")
    rows = np.loadtxt(printed.out.splitlines()[1:], delimiter=",")
    assert len(rows) == 4
    np.testing.assert_array_equal(rows[0], rows[1])
    assert printed.err == (
        "new.csv: 5 blank cells, filled with the training's median or no category "
        "('size': 3, 'colour': 1, 'member': 1)\n"
    )
    net = sn.load("model.safetensors")
    np.testing.assert_allclose(rows[2], net([size.median, 0, 0, 1, member.median]), rtol=1e-12)
    np.testing.assert_allclose(rows[3], net([size.median, 0, 0, 0, 1]), rtol=1e-12)
    rows = people()
    train_rows = _record.read("model.safetensors").record.training["rows"]
    assert train_rows == 82
    assert colour.median is None
    assert min(row[1] for row in rows) < size.median < max(row[1] for row in rows)


def test_categories_that_the_training_has_not_seen(capsys):
    write("t.csv", text(people()))
    train(capsys)
    write("new.csv", "size,colour,member\n1,purple,True\n1,pink,True\n1,red,True\n")
    printed = predicted(capsys, "new.csv", "--proba")
    assert (
        printed.err == "new.csv: 2 cells with a category that the training has not seen, taken for none ('colour': 2)\n"
    )
    rows = np.loadtxt(printed.out.splitlines()[1:], delimiter=",")
    np.testing.assert_array_equal(rows[0], rows[1])
    np.testing.assert_allclose(rows[0], sn.load("model.safetensors")([1.0, 0, 0, 0, 1]), rtol=1e-12)


def test_every_row_has_a_line(capsys):
    write("t.csv", text(people()))
    train(capsys)
    write("new.csv", "size,colour,member\n,,\n,,\n,,\n")
    assert predicted(capsys, "new.csv").out.count("\n") == 3
    assert predicted(capsys, "new.csv", "--quiet").err == ""
    said = json.loads(predicted(capsys, "new.csv", "--json").out)
    assert (said["rows"], len(said["predictions"]), len(said["notes"])) == (3, 3, 1)
    assert set(said["predictions"]) <= {"no", "yes"}


def test_one_row_without_names(capsys):
    write("t.csv", text([row[1:] for row in people()], HEADER[1:]))
    train(capsys)
    write("new.csv", "1,red,True\n")
    with_names = "size,colour,member\n1,red,True\n"
    printed = predicted(capsys, "new.csv", "--proba")
    assert printed.err == "new.csv has no names of columns: they are taken in their order\n"
    write("new.csv", with_names)
    assert predicted(capsys, "new.csv", "--proba") == (printed.out, "")
    write("new.csv", "1,pink,perhaps\n")
    assert "line 1 may hold names or data" in refused(capsys, "predict", "model.safetensors", "new.csv", "--out", "p")


def test_tables_of_words_alone(capsys):
    rows = [
        ["a" if i % 3 else "b", "large" if i % 4 else "small", i % 2 == 0, "no" if i % 2 else "yes"] for i in range(60)
    ]
    write("t.csv", text(rows, ["kind", "size", "flag", "answer"]))
    assert train(capsys)["rows"]["table"] == 60
    expected = predicted(capsys, "t.csv").out
    write("t.csv", text(rows, None))
    said = train(capsys)
    assert said["rows"]["table"] == 60
    assert "columns without names: line 1 is data" in said["notes"]
    assert predicted(capsys, "t.csv").out == expected
    # one of the names is a category, too
    write("t.csv", text(rows, ["a", "size", "kind", "answer"]))
    assert "line 1 may hold names or data" in refused(capsys, "train", "t.csv", "--out", "other")


BAD_CELLS = {
    "a word for a number": ("x,red,True", "column 'size': line 3 holds 'x', which is not a number, but"),
    "a date for a number": ("2024-01-31,red,True", "column 'size': line 3 holds '2024-01-31', which is not a number"),
    "a number for a boolean": ("1,red,2", "column 'member': line 3 holds '2', which is not a number, but"),
}  # fmt: skip


def test_cells_that_no_prediction_can_take(capsys):
    write("t.csv", text(people()))
    train(capsys)
    for row, said in list(BAD_CELLS.values())[:2]:
        write("new.csv", f"size,colour,member\n1,red,False\n{row}\n")
        assert said in refused(capsys, "predict", "model.safetensors", "new.csv", "--out", "p.txt")
    write("new.csv", "size,colour,member\n1,red,2\n1,red,3\n")
    assert "column 'member': it should hold true and false, or 1 and 0" in refused(
        capsys, "predict", "model.safetensors", "new.csv"
    )
    write("new.csv", "size,colour,member\n1,red,1\n1,red,0\n")
    assert predicted(capsys, "new.csv").out.count("\n") == 2


def test_a_label_with_a_line_break_is_one_line(capsys):
    rows = people()
    for row in rows:
        row[-1] = '"very\nmuch, so"' if row[-1] == "yes" else "no"
    write("t.csv", text(rows))
    assert train(capsys)["classes"] == ["no", "very\nmuch, so"]
    lines = predicted(capsys, "t.csv").out.splitlines()
    assert len(lines) == 120
    assert set(lines) == {"no", '"very\\nmuch, so"'}
    assert predicted(capsys, "t.csv", "--proba").out.splitlines()[0] == 'no,"very\\nmuch, so"'


# The index that pandas writes


def test_an_index_is_left_out(capsys):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame([row[1:] for row in people()], columns=HEADER[1:])
    frame.to_csv("t.csv")
    assert train(capsys)["columns"] == ["size", "colour", "member"]
    expected = predicted(capsys, "t.csv").out
    frame.sample(frac=1, random_state=0).sort_index().to_csv("t.csv")
    assert predicted(capsys, "t.csv").out == expected
    pd.read_csv("t.csv").to_csv("t.csv", index=False)  # its name is now "Unnamed: 0"
    assert train(capsys)["columns"] == ["size", "colour", "member"]
    frame.sample(frac=1, random_state=0).to_csv("t.csv")  # numbers in another order
    assert train(capsys)["columns"] == ["size", "colour", "member"]


def test_a_first_column_that_numbers_the_rows_under_a_name(capsys):
    write("t.csv", text([[row[0] + 1, *row[1:]] for row in people()], ["id", *HEADER[1:]]))
    said = train(capsys)
    assert said["columns"] == ["id", "size", "colour", "member"]
    assert "column 'id' numbers the rows: --drop id leaves it out" in said["notes"]
    assert not any("numbers the rows" in note for note in train(capsys, "--drop", "id")["notes"])


def test_a_first_column_without_a_name_that_is_no_index(capsys):
    rows = people()
    for row in rows:
        row[0] = row[0] // 2
    write("t.csv", text(rows))
    assert "column 0 has no name: name it, or leave it out with --drop 0" in refused(capsys, "train", "t.csv")
    assert train(capsys, "--drop", "0")["columns"] == ["size", "colour", "member"]


# Files of columns


@pytest.mark.parametrize("ending", ["parquet", "feather"])
def test_files_of_columns(capsys, ending):
    pa = pytest.importorskip("pyarrow", reason="it is not installed, as it is by the extra test-all")
    rows = people(blank=range(3, 120, 9))
    columns = dict(zip(HEADER[1:], zip(*(row[1:] for row in rows), strict=True), strict=True))
    columns["size"] = [None if cell == "" else cell for cell in columns["size"]]
    table = pa.table(columns)
    table = table.set_column(1, "colour", table.column("colour").dictionary_encode())
    module = importlib.import_module(f"pyarrow.{ending}")
    (module.write_table if ending == "parquet" else module.write_feather)(table, f"t.{ending}")
    write("t.csv", text([row[1:] for row in rows], HEADER[1:]))
    said = train(capsys, "--missing", "median", data=f"t.{ending}")
    params = sn.load("model.safetensors").params
    assert said["classes"] == ["no", "yes"]
    guesses = predicted(capsys, f"t.{ending}").out
    assert predicted(capsys, "t.csv").out == guesses
    train(capsys, "--missing", "median")
    np.testing.assert_array_equal(sn.load("model.safetensors").params, params)


@pytest.mark.parametrize("name", ["price", None])
def test_an_index_of_pandas_comes_first(capsys, name):
    pa = pytest.importorskip("pyarrow", reason="it is not installed, as it is by the extra test-all")
    from pyarrow import parquet

    stored = name or "__index_level_0__"
    table = pa.table({"size": np.arange(60) % 7 / 7.0, "y": np.arange(60) % 2, stored: np.arange(60)[::-1]})
    metadata = {"pandas": json.dumps({"index_columns": [stored], "column_indexes": [], "columns": []})}
    parquet.write_table(table.replace_schema_metadata(metadata), "t.parquet")
    said = train(capsys, data="t.parquet")
    assert said["columns"] == (["size"] if name is None else ["price", "size"])
    assert said["target"] == "y"
    for said_of_it in (
        {},
        {"index_columns": [{"kind": "range"}, "none", ["y"]]},
        ["index_columns"],
        {"index_columns": 5},
    ):
        parquet.write_table(table.replace_schema_metadata({"pandas": json.dumps(said_of_it)}), "t.parquet")
        assert train(capsys, data="t.parquet")["columns"] == ["size", "y"]


def test_types_of_columns(capsys):
    pa = pytest.importorskip("pyarrow", reason="it is not installed, as it is by the extra test-all")
    from pyarrow import parquet

    def table(**columns):
        m = 60
        base = {"x": np.arange(m) % 7 / 7.0, "y": np.arange(m) % 2}
        parquet.write_table(pa.table({**columns, **base}), "t.parquet")

    dates = pa.array([datetime.date(1970, 1, 1 + i % 31) for i in range(60)])
    table(when=dates)
    assert "column 'when': row 0 holds '1970-01-01', a date" in refused(capsys, "train", "t.parquet")
    assert train(capsys, "--drop", "when", data="t.parquet")["columns"] == ["x"]
    table(many=[[1, 2]] * 60)
    assert "column 'many': it holds 'list<" in refused(capsys, "train", "t.parquet")
    table(price=pa.array([1.25] * 30 + [2.5] * 30).cast(pa.decimal128(5, 2)), n=pa.array([1, None] * 30))
    assert train(capsys, "--missing", "median", data="t.parquet")["columns"] == ["price", "n", "x"]
    table(price=[1.0, float("inf")] * 30)
    assert "column 'price': row 1 holds 'inf'" in refused(capsys, "train", "t.parquet")
    for option in (("--header", "no"), ("--delimiter", ";"), ("--decimal", ",")):
        assert f"{option[0]} is for files of text" in refused(capsys, "train", "t.parquet", *option)
    Path("t.parquet").write_bytes(b"PAR1 and so on")
    assert "t.parquet is not a Parquet file of a table" in refused(capsys, "train", "t.parquet")
    Path("t.feather").write_bytes(b"")
    assert "t.feather is not a Feather file of a table" in refused(capsys, "train", "t.feather")


def test_without_pyarrow(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    write("t.parquet", "")
    err = refused(capsys, "train", "t.parquet")
    assert (
        "t.parquet, a file of columns, needs pyarrow: pip install 'shallownet-c[cli]', or write the table as CSV" in err
    )


def test_encodings_that_are_refused(capsys):
    Path("t.csv").write_bytes(text(people()).encode("utf-16"))
    assert "it may be UTF-16, save it as UTF-8" in refused(capsys, "train", "t.csv")
    Path("t.csv").write_bytes(text(people()).replace("red", "größer").encode("latin-1"))
    assert "t.csv is not UTF-8 text: line " in refused(capsys, "train", "t.csv")
    Path("t.csv").write_bytes(b"PK\x03\x04 and so on")
    assert "t.csv is no text but a zip file or a spreadsheet: unpack it" in refused(capsys, "train", "t.csv")
    Path("t.csv").write_bytes(b"PAR1 and so on")
    assert "let its name end in .parquet" in refused(capsys, "train", "t.csv")
    write("t.csv", 'a,b\n1,2\n2,"3\n' + "1,2\n" * 50)
    assert "t.csv: line 3: a quote is not closed in the row" in refused(capsys, "train", "t.csv")
    write("t.csv", "a,b\n1,2\n" + "x" * 200_000 + ",2\n")
    assert "line 3: a cell has more than 131072 characters" in refused(capsys, "train", "t.csv")
    write("t.csv", "a,b\n" + "1,2\n" * 50 + "1,2,3\n")
    assert "line 52 has 3 columns, the first line 2" in refused(capsys, "train", "t.csv")


def test_lines_above_the_names(capsys):
    write("t.csv", "Measured in May\n" + text(people()))
    assert "line 2 has 5 columns, the first line 1" in (err := refused(capsys, "train", "t.csv"))
    assert "delete what stands above the columns' names" in err
    write("t.csv", "Measured in May,,,,\n" + text(people()))
    assert "if line 1 is a title, delete what stands above the names" in refused(capsys, "train", "t.csv")


def test_columns_set_out_by_spaces(capsys):
    rows = [[a, b, round(2.5 * a - b, 1)] for a in range(10) for b in range(10)]
    write(
        "t.txt",
        "  a      b       y\n"
        + "".join("".join(f"{cell:>{7 + k}}" for k, cell in enumerate(row)) + "\n" for row in rows),
    )
    assert "--delimiter space (line 1 is 'a      b       y')" in refused(capsys, "train", "t.txt")
    assert train(capsys, "--delimiter", "space", data="t.txt")["columns"] == ["a", "b"]
    params = sn.load("model.safetensors").params
    write("t.csv", text(rows, ["a", "b", "y"]))
    train(capsys)
    np.testing.assert_array_equal(sn.load("model.safetensors").params, params)


def test_a_network_that_is_of_no_use_is_called_so(capsys):
    rng = np.random.default_rng(0)
    write("t.csv", text(rng.standard_normal((60, 4)).tolist(), list("abcd")))
    assert run("train", "t.csv", "--learning-rate", 30, "--epochs", 5) == 0
    assert "\nno better than always the mean, " in capsys.readouterr().out
    write("t.csv", text([[a, b, a + b] for a in range(10) for b in range(10)], list("aby")))
    assert run("train", "t.csv") == 0
    assert "no better" not in capsys.readouterr().out
