"""Tables in Parquet files as a source of rows."""

import decimal
import subprocess
import sys

import numpy as np
import pytest

import shallownet_c as sn

pa = pytest.importorskip("pyarrow", reason="pyarrow comes with the extra test-all")
pq = pytest.importorskip("pyarrow.parquet", reason="pyarrow comes with the extra test-all")

RNG = np.random.default_rng(0)
M = 1_000
TABLE = {
    "a": RNG.standard_normal(M),
    "b": RNG.standard_normal(M),
    "c": RNG.standard_normal(M),
    "y": RNG.standard_normal(M),
    "class": RNG.integers(0, 3, M),
    "w": RNG.random(M),
}
LABELS = np.array(["low", "mid", "high"])
TABLE["label"] = LABELS[TABLE["class"]]
COLUMNS = ["c", "a", "b"]
X = np.column_stack([TABLE[name] for name in COLUMNS])


def network(output="identity", n=1, **options):
    return sn.MLP([3, 5, n], output=output, seed=1, **options)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three files of 400, 350 and 250 rows, in row groups of 100 and what is left."""
    path = tmp_path_factory.mktemp("table")
    bounds = [0, 400, 750, 1000]
    for k in range(3):
        part = {name: column[bounds[k] : bounds[k + 1]] for name, column in TABLE.items()}
        pq.write_table(pa.table(part), path / f"{k}.parquet", row_group_size=100)
    return path


def write(path, **columns):
    pq.write_table(pa.table(columns), path, row_group_size=3)
    return path


@pytest.mark.parametrize("batch_rows", [64, 100, 333, 1000, 5000])
def test_chunks_are_the_rows_in_their_order(folder, batch_rows):
    source = sn.sources.parquet(folder, COLUMNS, "y", batch_rows, weight="w")
    for _ in range(2):  # each call begins anew
        chunks = list(source())
        assert [len(chunk[0]) for chunk in chunks[:-1]] == [batch_rows] * (len(chunks) - 1)
        for k, expected in enumerate((X, TABLE["y"], TABLE["w"])):
            np.testing.assert_array_equal(np.concatenate([chunk[k] for chunk in chunks]), expected)
    assert source.rows == M


def test_a_fit_without_shuffling_has_the_bits_of_one_on_arrays(folder):
    net, other = network(), network()
    options = {"epochs": 3, "batch_size": 50, "shuffle": False}
    expected = net.fit(X, TABLE["y"], sample_weight=TABLE["w"], validation_data=(X, TABLE["y"]), **options)
    source = sn.sources.parquet(folder, COLUMNS, "y", 200, weight="w")
    validation = sn.sources.parquet(folder, COLUMNS, "y", 200)
    history = other.fit(source, validation_data=(validation, None), **options)
    np.testing.assert_array_equal(net.params, other.params)
    np.testing.assert_allclose(history.cost, expected.cost, rtol=1e-12)
    np.testing.assert_allclose(history.val_cost, expected.val_cost, rtol=1e-12)
    assert other.feature_names == tuple(COLUMNS)
    assert other.score(validation) == pytest.approx(net.score(X, TABLE["y"]), rel=1e-12)


def test_a_file_a_folder_and_a_list_of_files(folder):
    files = [folder / f"{k}.parquet" for k in (2, 0)]
    rows = [np.concatenate([c[0] for c in sn.sources.parquet(p, COLUMNS, "y")()]) for p in (files[1], files, folder)]
    np.testing.assert_array_equal(rows[0], X[:400])
    np.testing.assert_array_equal(rows[1], np.concatenate([X[750:], X[:400]]))
    np.testing.assert_array_equal(rows[2], X)
    assert sn.sources.parquet(str(files[0]), COLUMNS, "y").rows == 250


def test_columns_of_folders(tmp_path):
    for year in (2001, 2002):
        (tmp_path / f"year={year}").mkdir()
        write(tmp_path / f"year={year}" / "0.parquet", a=[1.0, 2.0], y=[0.0, 1.0])
    ((rows, _),) = sn.sources.parquet(tmp_path, ["year", "a"], "y")()
    np.testing.assert_array_equal(rows, [[2001, 1], [2001, 2], [2002, 1], [2002, 2]])


def test_shuffling_takes_row_groups_and_the_rows_of_chunks(folder):
    """Every row once, in another order in each epoch; a chunk holds rows of whole row groups that follow by chance."""
    source = sn.sources.parquet(folder, COLUMNS, "class", 200)
    rng = np.random.default_rng(3)
    numbers = {tuple(row): i for i, row in enumerate(X)}
    epochs = []
    for _ in range(3):
        chunks = [[numbers[tuple(row)] for row in rows] for rows, _ in source.shuffled(rng)]
        epochs.append([i for chunk in chunks for i in chunk])
        assert sorted(epochs[-1]) == list(range(M))
        assert all(len({i // 50 for i in chunk}) <= 6 for chunk in chunks)
    assert epochs[0] != epochs[1] != epochs[2] != list(range(M))
    # The order follows from fit's seed, and with it the network.
    nets = [network("softmax", 3) for _ in range(4)]
    for net, options in zip(nets, ({"seed": 5}, {"seed": 5}, {"seed": 6}, {"shuffle": False}), strict=True):
        net.fit(source, epochs=2, batch_size=200, **options)
    np.testing.assert_array_equal(nets[0].params, nets[1].params)
    assert len({net.params.tobytes() for net in nets}) == 3


def test_resume_goes_on_to_the_same_bits(folder, tmp_path):
    source = sn.sources.parquet(folder, COLUMNS, "class", 300)
    options = {"epochs": 6, "batch_size": 20, "seed": 7, "checkpoint_every": 0.0}
    net, other = network("softmax", 3), network("softmax", 3)
    net.fit(source, **options)

    def stop(epoch, history, net):
        if epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        other.fit(source, callback=stop, checkpoint=tmp_path / "fit", **options)
    again = sn.resume(tmp_path / "fit", sn.sources.parquet(folder, COLUMNS, "class", 300))
    assert again.history.n_epochs == 6
    np.testing.assert_array_equal(again.params, net.params)
    assert again.feature_names == tuple(COLUMNS)
    with pytest.raises(KeyboardInterrupt):
        network("softmax", 3).fit(source, callback=stop, checkpoint=tmp_path / "fit", **options)
    with pytest.raises(ValueError, match="must be those of the fit"):
        sn.resume(tmp_path / "fit", sn.sources.parquet(folder, COLUMNS, "class", 200))
    reordered = sn.sources.parquet(folder, sorted(COLUMNS), "class", 300)
    with pytest.raises(ValueError, match="the columns of the fit in their order"):
        again.partial_fit(reordered, None)
    with pytest.raises(ValueError, match="the columns of the fit in their order"):
        again.score(reordered)


def test_labels(folder):
    """Strings, categories and integers that are no numbers of classes, by `classes`."""
    net, other = network("softmax", 3), network("softmax", 3)
    net.fit(sn.sources.parquet(folder, COLUMNS, "class", 100), epochs=1, batch_size=10, seed=0)
    other.fit(sn.sources.parquet(folder, COLUMNS, "label", 100, classes=list(LABELS)), epochs=1, batch_size=10, seed=0)
    np.testing.assert_array_equal(net.params, other.params)


@pytest.mark.parametrize(
    ("target", "classes", "expected"),
    [
        (pa.array(["x", "y", "x", "x"]), ["y", "x"], [1, 0, 1, 1]),
        (pa.array(["x", "y", "x", "x"]).dictionary_encode(), ["y", "x"], [1, 0, 1, 1]),
        (pa.array([7, 3, 7, 7], pa.int16()), np.array([3, 7]), [1, 0, 1, 1]),
        (pa.array([True, False, True, True]), None, [1, 0, 1, 1]),
        (pa.array([2, 0, 1, 2], pa.uint8()), None, [2, 0, 1, 2]),
        (pa.array([0.5, 1, 2, 3], pa.float32()), None, [0.5, 1, 2, 3]),
        (pa.array([decimal.Decimal("0.25")] * 4), None, [0.25] * 4),
    ],
    ids=["strings", "categories", "integers", "booleans", "numbers of classes", "floats", "decimals"],
)
def test_types_of_targets(tmp_path, target, classes, expected):
    path = write(tmp_path / "t.parquet", a=[1.0, 2.0, 3.0, 4.0], y=target)
    ((_, Y),) = sn.sources.parquet(path, ["a"], "y", classes=classes)()
    assert Y.shape == (4,)
    assert Y.tolist() == expected
    if classes is None:
        ((_, Y),) = sn.sources.parquet(path, ["a"], ["y"])()
        assert Y.shape == (4, 1)
        assert Y.dtype.kind == "f"


def test_types_of_columns(tmp_path):
    path = write(
        tmp_path / "t.parquet",
        i=pa.array([1, 2**40], pa.int64()), u=pa.array([1, 255], pa.uint8()), h=np.array([1, 0.5], np.float16),
        f=pa.array([1, 0.1], pa.float32()), d=[1, 0.1], b=[True, False], n=[decimal.Decimal("1.5")] * 2,
    )  # fmt: skip
    ((rows, Y),) = sn.sources.parquet(path, ["f", "u", "h", "b"], ["d", "i"])()
    assert (rows.dtype, Y.dtype) == (np.float32, np.float64)
    np.testing.assert_array_equal(rows, np.array([[1, 1, 1, 1], [0.1, 255, 0.5, 0]], np.float32))
    np.testing.assert_array_equal(Y, [[1, 1], [0.1, 2**40]])
    ((rows, _),) = sn.sources.parquet(path, ["i", "n", "d"], "f")()
    np.testing.assert_array_equal(rows, [[1, 1.5, 1], [2**40, 1.5, 0.1]])


def test_files_whose_types_differ(tmp_path):
    write(tmp_path / "0.parquet", a=pa.array([1.5], pa.float64()), y=[0.0])
    write(tmp_path / "1.parquet", a=pa.array([3], pa.int32()), y=[1.0])
    ((rows, _),) = sn.sources.parquet(tmp_path, ["a"], "y")()
    np.testing.assert_array_equal(rows, [[1.5], [3]])
    write(tmp_path / "2.parquet", a=["three"], y=[1.0])
    with pytest.raises(TypeError, match=r"columns must be numbers, got column 'a' of type string in .*2\.parquet"):
        sn.sources.parquet(tmp_path, ["a"], "y")


@pytest.mark.parametrize("name", ["a", "y", "w", "label"])
@pytest.mark.parametrize("bad", [None, np.nan, np.inf])
def test_what_is_missing_is_named_by_file_column_and_row(tmp_path, name, bad):
    columns = {"a": [1.0] * 8, "y": [0.0] * 8, "w": [1.0] * 8}
    if name == "label":
        columns |= {"label": ["p"] * 8}
        bad = "q" if bad is not None else None
    write(tmp_path / "0.parquet", **columns)
    columns[name] = columns[name].copy()
    columns[name][4] = bad
    write(tmp_path / "1.parquet", **columns)
    target = "label" if name == "label" else "y"
    source = sn.sources.parquet(
        tmp_path, ["a"], target, 5, weight="w", classes=["p", "other"] if name == "label" else None
    )
    net = sn.MLP([1, 1], output="sigmoid" if name == "label" else "identity", seed=0)
    with pytest.raises(ValueError, match=rf"column '{name}', row 4 of .*1\.parquet"):
        net.fit(source, epochs=1, shuffle=False)
    with pytest.raises(ValueError, match=rf"column '{name}', row 4 of .*1\.parquet"):
        net.score(source)


@pytest.mark.parametrize(
    ("arguments", "kind", "match"),
    [
        (["a", "y"], TypeError, r"columns must be a sequence of names, got 'a': \['a'\] has one name"),
        ([[], "y"], ValueError, "columns must name at least one column"),
        ([["a", 3], "y"], TypeError, "columns must be names of columns, got 3"),
        ([["a", "a"], "y"], ValueError, "columns must name each column once, got 'a' twice"),
        ([["a", "y"], "y"], ValueError, "columns must not have the target, got 'y'"),
        ([["a", "z"], "y"], ValueError, "columns: no column 'z'; there are"),
        ([["a"], "z"], ValueError, "target: no column 'z'"),
        ([["a", "label"], "y"], TypeError, "columns must be numbers, got column 'label' of type string"),
        ([["a"], "label"], TypeError, r"target must be numbers, got column 'label' of type string; classes=\[…\]"),
        ([["a"], ["y", "label"]], TypeError, "target must be numbers, got column 'label' of type string$"),
        ([["a"], "y", 0], ValueError, "batch_rows must be"),
        ([["a"], "y", 2.5], TypeError, "batch_rows must be an integer"),
    ],
)
def test_bad_arguments(folder, arguments, kind, match):
    with pytest.raises(kind, match=match):
        sn.sources.parquet(folder, *arguments)


@pytest.mark.parametrize(
    ("options", "kind", "match"),
    [
        ({"weight": 3}, TypeError, "weight must be the name of a column"),
        ({"weight": "z"}, ValueError, "weight: no column 'z'"),
        ({"weight": "label"}, TypeError, "weight must be numbers"),
        ({"target": "label", "classes": ["one"]}, ValueError, "classes must be at least two labels"),
        ({"target": "label", "classes": ["one", "one"]}, ValueError, "classes must be at least two labels"),
        ({"target": "label", "classes": [1, 2]}, TypeError, "classes must be labels of column 'label'"),
        ({"target": ["y", "w"], "classes": [1, 2]}, ValueError, "classes must be left out for several targets"),
        ({"shuffle": False}, TypeError, "has no argument 'shuffle': give it to fit"),
    ],
)
def test_bad_options(folder, options, kind, match):
    options = {"target": "y"} | options
    with pytest.raises(kind, match=match):
        sn.sources.parquet(folder, ["a"], **options)


def test_bad_paths(folder, tmp_path):
    for path, kind, match in (
        (tmp_path / "none", FileNotFoundError, "none"),
        (3, TypeError, "path must be a sequence of paths, got 3"),
        ([], ValueError, "path must have at least one path"),
        ([folder / "0.parquet", 3], TypeError, "path must be a path or a sequence of paths, got 3 in it"),
    ):
        with pytest.raises(kind, match=match):
            sn.sources.parquet(path, ["a"], "y")
    write(tmp_path / "0.parquet", a=pa.array([], pa.float64()), y=pa.array([], pa.float64()))
    with pytest.raises(ValueError, match="path must hold at least one row"):
        sn.sources.parquet(tmp_path, ["a"], "y")
    write(tmp_path / "0.parquet", a=[1.0], y=[1.0])
    write(tmp_path / "1.parquet", a=[1.0])
    with pytest.raises(ValueError, match=r"target: .*1\.parquet has no column 'y'"):
        sn.sources.parquet(tmp_path, ["a"], "y")
    (tmp_path / "1.parquet").write_bytes(b"a,y\n1,2\n")
    for path in (tmp_path, tmp_path / "1.parquet"):
        with pytest.raises(ValueError, match=r"path must be a Parquet file, a folder of nothing else.*1\.parquet"):
            sn.sources.parquet(path, ["a"], "y")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"path must hold Parquet files, got the empty folder .*empty"):
        sn.sources.parquet(tmp_path / "empty", ["a"], "y")
    with pytest.raises(ValueError, match=r"path must be one folder or a list of files, got the folder .*empty"):
        sn.sources.parquet([tmp_path / "0.parquet", tmp_path / "empty"], ["a"], "y")


def test_a_network_of_another_width(folder):
    net = sn.MLP([2, 1], seed=0)
    before = net.params.copy()
    with pytest.raises(ValueError, match=r"X must have shape \(m, 2\)"):
        net.fit(sn.sources.parquet(folder, COLUMNS, "y"), epochs=1)
    np.testing.assert_array_equal(net.params, before)
    assert net.feature_names is None
    with pytest.raises(ValueError, match="needs the full batch"):
        network().fit(sn.sources.parquet(folder, COLUMNS, "y"), optimizer="lbfgs")


MEMORY = """
import sys
import numpy as np, pyarrow as pa, pyarrow.parquet as pq, shallownet_c as sn

path, m = sys.argv[1], 400_000
columns = {f"c{j}": np.random.default_rng(j).random(m, np.float32) for j in range(20)}
with pq.ParquetWriter(path, pa.table({name: column[:1] for name, column in columns.items()}).schema) as writer:
    for first in range(0, m, 2_000):
        writer.write_table(pa.table({name: column[first : first + 2_000] for name, column in columns.items()}))
pool = pa.proxy_memory_pool(pa.default_memory_pool())
pa.set_memory_pool(pool)
source = sn.sources.parquet(path, [f"c{j}" for j in range(19)], "c19", 10_000)
net = sn.MLP([19, 100, 100, 1], dtype="float32", seed=0)
net.fit(source, epochs=1, batch_size=100, shuffle=False)
print(pool.max_memory(), source.rows * 20 * 4)
"""


def test_what_arrow_reads_ahead_does_not_grow_with_the_file(tmp_path):
    """However long the network takes for a chunk: a scanner of all row groups would decode the file meanwhile."""
    command = [sys.executable, "-P", "-c", MEMORY, str(tmp_path / "t.parquet")]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (process.returncode, process.stderr) == (0, "")
    peak, size = map(int, process.stdout.split())
    assert 0 < peak < size / 4
