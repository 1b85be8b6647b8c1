"""Arrays and tables of other libraries: taken wherever arrays go in, over their own memory where NumPy can use that."""

import array
import ctypes
import datetime
import subprocess
import sys
import tracemalloc
from decimal import Decimal

import numpy as np
import pytest

import shallownet_c as sn
from shallownet_c._checks import _validation

M, N = 40, 3
RNG = np.random.default_rng(0)
# Numbers that bfloat16 and integers hold, too.
X = RNG.integers(-4, 5, (M, N)).astype(float)
Y = RNG.integers(0, 2, (M, 2)).astype(float)
WEIGHTS = RNG.integers(1, 4, M).astype(float)
CLASSES = RNG.integers(0, 2, M)
NAMES = ["height", "weight", "age"]


class Own:
    """An array of a library that nobody knows, which hands out what `has` names."""

    def __init__(self, values, **attributes):
        self.values = values
        vars(self).update(attributes)


class WithoutCopy(Own):
    """As NumPy 1 wanted it."""

    def __array__(self, dtype=None):
        return self.values if dtype is None else self.values.astype(dtype)


class WithoutArguments(Own):
    def __array__(self):
        return self.values


class Interface(Own):
    @property
    def __array_interface__(self):
        return self.values.__array_interface__


class Exported(Own):
    """DLPack and nothing else."""

    def __dlpack__(self, **arguments):
        return self.values.__dlpack__(**arguments)

    def __dlpack_device__(self):
        return 1, 0


class ExportedSequence(Exported):
    """What NumPy by itself would read item by item."""

    def __len__(self):
        return len(self.values)

    def __getitem__(self, item):
        raise AssertionError


class OldExported(Exported):
    """As DLPack was before it had versions."""

    def __dlpack__(self, stream=None):
        return self.values.__dlpack__()


def library(name):
    return pytest.importorskip(name, reason=f"{name} is not installed")


def read_only(values):
    values = values.copy()
    values.flags.writeable = False
    return values


def exported_read_only(values):
    if np.lib.NumpyVersion(np.__version__) < "2.1.0":
        pytest.skip("NumPy 2.0 exports no read-only array")
    return Exported(read_only(values))


def in_ctypes(values):
    return (ctypes.c_double * values.shape[1] * len(values)).from_buffer_copy(np.ascontiguousarray(values))


def tensor(values, dtype="float64"):
    torch = library("torch")
    return torch.tensor(values, dtype=getattr(torch, dtype))


def frame(values, dtype=float):
    pd = library("pandas")
    if "pyarrow" in str(dtype):
        library("pyarrow")
    return pd.DataFrame(values, columns=NAMES[: values.shape[1]]).astype(dtype)


def of_columns(make, values):
    return make(dict(zip(NAMES, np.ascontiguousarray(values.T), strict=False)))


#: Each makes a table or an array of two dimensions, and says whether NumPy can use its memory as kernels do.
TABLES = {
    "transposed": (np.asfortranarray, False),
    "memoryview": (memoryview, True),
    "ctypes": (in_ctypes, True),
    "read-only": (read_only, True),
    "without copy": (WithoutCopy, True),
    "without arguments": (WithoutArguments, True),
    "interface": (Interface, True),
    "DLPack": (Exported, True),
    "DLPack and items": (ExportedSequence, True),
    "DLPack, read-only": (exported_read_only, True),
    "DLPack of old": (OldExported, True),
    "torch": (tensor, True),
    "torch, float32": (lambda v: tensor(v, "float32"), False),
    "torch, float16": (lambda v: tensor(v, "float16"), False),
    "torch, bfloat16": (lambda v: tensor(v, "bfloat16"), False),
    "torch, integers": (lambda v: tensor(v, "int8"), False),
    "torch, columns": (lambda v: tensor(v.T.copy()).T, False),
    "torch, rows": (lambda v: [*tensor(v)], False),
    "jax": (lambda v: library("jax.numpy").asarray(v, dtype="float32"), False),
    "jax, bfloat16": (lambda v: library("jax.numpy").asarray(v, dtype="bfloat16"), False),
    "ml_dtypes": (lambda v: v.astype(library("ml_dtypes").bfloat16), False),
    "pandas": (frame, False),
    "pandas, nullable": (lambda v: frame(v, "Float64"), False),
    "pandas, nullable integers": (lambda v: frame(v, "Int64"), False),
    "pandas, float and nullable": (lambda v: frame(v, {"height": "Int64"}), False),
    "pandas, on Arrow": (lambda v: frame(v, "double[pyarrow]"), False),
    "pandas, integers on Arrow": (lambda v: frame(v, "int64[pyarrow]"), False),
    "pandas, objects": (lambda v: frame(v, object), False),
    "polars": (lambda v: of_columns(library("polars").DataFrame, v), False),
    "polars, arrays": (lambda v: library("polars").Series(v), True),
    "pyarrow": (lambda v: of_columns(library("pyarrow").table, v), False),
    "pyarrow, batch": (lambda v: of_columns(library("pyarrow").record_batch, v), False),
    "pyarrow, tensor": (lambda v: library("pyarrow").Tensor.from_numpy(v), True),
}
TABLE = pytest.mark.parametrize("make", [make for make, _ in TABLES.values()], ids=TABLES)


#: Each makes a column of numbers.
COLUMNS = {
    "array": lambda v: array.array("d", v),
    "memoryview": memoryview,
    "DLPack": Exported,
    "torch": tensor,
    "torch, bfloat16": lambda v: tensor(v, "bfloat16"),
    "torch, booleans": lambda v: tensor(v, "bool") if set(v) <= {0, 1} else tensor(v),
    "pandas": lambda v: library("pandas").Series(v),
    "pandas, nullable": lambda v: library("pandas").Series(v, dtype="Float32"),
    "pandas, nullable integers": lambda v: library("pandas").Series(v).astype("Int8"),
    "pandas, array": lambda v: library("pandas").array(v, dtype="Float64"),
    "pandas, index": lambda v: library("pandas").Index(v, dtype="Float64"),
    "pandas, on Arrow": lambda v: frame(v[:, np.newaxis], "float[pyarrow]")["height"],
    "pandas, category": lambda v: library("pandas").Series(v).astype("category"),
    "polars": lambda v: library("polars").Series(v),
    "pyarrow": lambda v: library("pyarrow").array(v),
    "pyarrow, chunks": lambda v: library("pyarrow").chunked_array([v[:5], v[5:]]),
    "pyarrow, dictionary": lambda v: library("pyarrow").array(v).dictionary_encode(),
    "decimals": lambda v: library("pyarrow").array([Decimal(x) for x in v]),
}
COLUMN = pytest.mark.parametrize("make", COLUMNS.values(), ids=COLUMNS)


def network(dtype="float64", output="sigmoid"):
    return sn.MLP([N, 4, 2], output=output, dtype=dtype, seed=0)


def fitted(*data, dtype="float64", output="sigmoid", **options):
    net = network(dtype, output)
    net.fit(*data, epochs=3, batch_size=16, seed=0, **options)
    return net.params.tobytes()


@TABLE
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_rows(make, dtype):
    table, plain = make(X), X.astype(dtype)
    net = network(dtype)
    np.testing.assert_array_equal(net(table), net(plain))
    np.testing.assert_array_equal(net.classify(table), net.classify(plain))
    np.testing.assert_array_equal(net.layer_outputs(table)[1], net.layer_outputs(plain)[1])
    assert net.cost(table, Y) == net.cost(plain, Y)
    assert net.score(table, Y, WEIGHTS) == net.score(plain, Y, WEIGHTS)
    assert net.cost_and_grad(table, Y)[1].tobytes() == net.cost_and_grad(plain, Y)[1].tobytes()
    assert fitted(table, Y, dtype=dtype) == fitted(plain, Y, dtype=dtype)
    assert fitted(lambda: [(table, Y)], dtype=dtype) == fitted(lambda: [(plain, Y)], dtype=dtype)
    validated = network(dtype).fit(X, Y, epochs=2, validation_data=(table, Y)).val_cost
    assert validated == network(dtype).fit(X, Y, epochs=2, validation_data=(plain, Y)).val_cost


@TABLE
def test_targets_of_two_columns(make):
    assert fitted(X, make(Y)) == fitted(X, Y)


@COLUMN
def test_columns(make):
    target, weights = make(Y[:, 0]), make(WEIGHTS)
    net = sn.MLP([N, 1], output="sigmoid", seed=0)
    assert net.cost(X, target, weights) == net.cost(X, Y[:, 0], WEIGHTS)
    assert fitted(X, Y, sample_weight=weights) == fitted(X, Y, sample_weight=WEIGHTS)


CLASS_COLUMNS = {
    "array": lambda v: array.array("q", v),
    "DLPack": Exported,
    "torch": lambda v: tensor(v, "int32"),
    "pandas, nullable": lambda v: library("pandas").Series(v, dtype="Int64"),
    "pandas, array": lambda v: library("pandas").array(v, dtype="UInt8"),
    "pandas, on Arrow": lambda v: frame(v[:, np.newaxis], "int16[pyarrow]")["height"],
    "polars": lambda v: library("polars").Series(v),
    "pyarrow": lambda v: library("pyarrow").array(v),
}


@pytest.mark.parametrize("make", CLASS_COLUMNS.values(), ids=CLASS_COLUMNS)
def test_classes(make):
    assert fitted(X, make(CLASSES), output="softmax") == fitted(X, CLASSES, output="softmax")
    costs = [
        sn.compare_activations(X, y, X, y, hidden=2, activations=["tanh"], epochs=1, seed=0)[0].dev_cost
        for y in (make(CLASSES), CLASSES)
    ]
    assert costs[0] == costs[1]


def test_one_row():
    net = network()
    for row in (array.array("d", X[0]), memoryview(X[0]), Exported(X[0]), WithoutCopy(X[0])):
        np.testing.assert_array_equal(net(row), net(X[0]))
        out = np.empty(2)
        assert net(row, out=out) is out


@pytest.mark.parametrize(("make", "shared"), TABLES.values(), ids=TABLES)
def test_memory_is_used_as_it_is_where_it_can_be(make, shared):
    table = make(X)
    first, second = (_validation.numbers("X", table, np.dtype(float)) for _ in range(2))
    assert np.shares_memory(first, second) == shared
    np.testing.assert_array_equal(first, X)


def peak(call):
    """How many bytes a call has allocated at its worst, of those that NumPy counts."""
    call()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        call()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind", ["DLPack", "memoryview", "torch", "read-only"])
def test_no_copy_is_made(kind):
    rows = np.ones((50_000, N))
    table, out = TABLES[kind][0](rows), np.empty((len(rows), 2))
    targets = np.ones((len(rows), 2))
    net = network()
    assert rows.nbytes > 1_000_000
    assert peak(lambda: net(table, out=out)) < 100_000
    assert peak(lambda: net.cost_and_grad(table, targets)) < 100_000
    assert peak(lambda: net.fit(table, targets, epochs=1)) < 200_000


def test_a_nullable_table_makes_no_objects():
    """Which take several times its memory."""
    table = frame(np.ones((50_000, N)), "Float64")
    assert peak(lambda: network()(table)) < 3 * 50_000 * N * 8
    table.iloc[0, 0] = None
    assert peak(lambda: network()(table)) < 3 * 50_000 * N * 8


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        (["Float32", "Int8"], "float32"),
        (["Int64", "boolean"], "int64"),
        (["Float32", "Int64"], "float64"),
        (["float32[pyarrow]", "uint8"], "float32"),
        (["boolean", "bool"], "bool"),
    ],
)
def test_the_common_dtype_of_columns(kinds, expected):
    table = frame(np.eye(2), dict(zip(NAMES, kinds, strict=False)))
    assert _validation.as_array("X", table).dtype == expected
    table.iloc[1, 0] = None
    floats = np.result_type(np.dtype(expected), np.float16)
    np.testing.assert_array_equal(
        _validation.as_array("X", table), np.array([[1, 0], [np.nan, 1]], floats), strict=True
    )


#: Tables whose second column misses the value of its row 5, made of the numbers X.
GAPS = {
    "pandas": lambda pd, _: frame(X).mask(holes()),
    "pandas, nullable": lambda pd, _: frame(X, "Float64").mask(holes()),
    "pandas, nullable integers": lambda pd, _: frame(X, "Int32").mask(holes()),
    "pandas, on Arrow": lambda pd, _: frame(X, "int64[pyarrow]").mask(holes()),
    "pandas, kinds": lambda pd, _: frame(X, {"height": "Float32", "weight": "Int64"}).mask(holes()),
    "pandas, objects": lambda pd, _: frame(X, object).mask(holes(), None),
    "pandas, NA among objects": lambda pd, _: frame(X, object).mask(holes(), pd.NA),
    "lists with NA": lambda pd, lists: [[pd.NA if x is None else x for x in row] for row in lists],
    "polars": lambda pd, lists: library("polars").DataFrame(lists, orient="row", schema=NAMES),
    "pyarrow": lambda pd, lists: library("pyarrow").table([*zip(*lists, strict=True)], names=NAMES),
}


def holes():
    missing = np.zeros((M, N), bool)
    missing[5, 1] = True
    return missing


def gaps(name):
    lists = np.where(holes(), None, X).tolist()
    return GAPS[name](library("pandas"), lists)


@pytest.mark.parametrize("name", GAPS)
def test_what_is_missing(name):
    table, net = gaps(name), network()
    np.testing.assert_array_equal(net(table), net(np.where(holes(), np.nan, X)))
    before = net.params.tobytes()
    for call in (lambda: net.fit(table, Y), lambda: net.cost(table, Y), lambda: net.fit(lambda: [(table, Y)])):
        with pytest.raises(ValueError, match=r"^X must be finite, got nan in row 5, column 1"):
            call()
    with pytest.raises(ValueError, match=r"^Y must be finite, got nan in row 5, column 1"):
        sn.MLP([N, N]).cost(X, table)
    assert net.params.tobytes() == before


COLUMNS_WITH_GAPS = {
    "pandas, boolean": lambda v: library("pandas").array(v, dtype="boolean"),
    "pandas, on Arrow": lambda v: library("pandas").Series(v, dtype=library("pyarrow") and "bool[pyarrow]"),
    "pandas, objects": lambda v: library("pandas").Series(v, dtype=object),
    "polars": lambda v: library("polars").Series(v),
    "pyarrow": lambda v: library("pyarrow").array(v),
    "pyarrow, chunks": lambda v: library("pyarrow").chunked_array([v]),
}


@pytest.mark.parametrize("make", COLUMNS_WITH_GAPS.values(), ids=COLUMNS_WITH_GAPS)
def test_booleans_that_are_missing(make):
    column = make([True, None, False])
    np.testing.assert_array_equal(sn.MLP([3, 1], init="zeros")(column), [np.nan])
    with pytest.raises(ValueError, match=r"^Y must be finite, got nan in row 1, column 0"):
        sn.MLP([N, 1]).cost(X[:3], column)
    with pytest.raises(ValueError, match=r"^sample_weight must be finite and not negative, got nan in row 1$"):
        network().cost(X[:3], Y[:3], column)


def test_none_of_our_own_is_not_missing():
    for value in ([[1.0, None, 2.0]], np.array([[1.0, None, 2.0]])):
        with pytest.raises(TypeError, match=r"^X must be real numbers, got .* that holds None at \(0, 1\)"):
            network()(value)


def test_text_with_gaps_stays_text():
    names = library("pandas").Series(["a", None, "b", "a"] * 10, dtype=object)
    with pytest.raises(TypeError, match="Y must be integers, the numbers of classes, got text such as 'a'"):
        network(output="softmax").cost(X, names)
    parts = sn.datasets.train_dev_split(WithoutCopy(names.to_numpy()), seed=0)
    assert sum(part.tolist().count(None) for part in parts) == 10
    with pytest.raises(TypeError, match=r"^X must be real numbers, got .* holds None at \(0, 1\)"):
        network()(WithoutCopy(np.array([[1.0, None, "a"]], object)))


def implicit(self, *_arguments, **_more):
    raise TypeError("Implicit conversion to a NumPy array is not allowed.")


def elsewhere(module, name, device=(2, 0), **attributes):
    """An array in memory that the CPU cannot read."""
    about = {"__module__": module, "__dlpack__": implicit, "__dlpack_device__": lambda self: device}
    kind = type(name, (Own,), about | ({"__array__": implicit} if module != "unknown" else {}))
    return kind(X, shape=X.shape, dtype=X.dtype, **attributes)


def gradient(values=X):
    return tensor(values).requires_grad_()


REFUSED = {
    "cupy": (
        lambda: elsewhere("cupy", "ndarray"),
        "must be in the memory of the CPU, got a cupy.ndarray on CUDA device 0: cupy.asnumpy({name})",
    ),
    "torch on CUDA": (
        lambda: elsewhere("torch", "Tensor", (2, 1), requires_grad=True),
        "must be in the memory of the CPU, got a torch.Tensor on CUDA device 1: {name}.cpu()",
    ),
    "unknown on ROCm": (
        lambda: elsewhere("unknown", "Array", (10, 0)),
        "must be in the memory of the CPU, got a unknown.Array on ROCm device 0: copy it there",
    ),
    "unknown on something new": (
        lambda: elsewhere("unknown", "Array", (99, 3)),
        "must be in the memory of the CPU, got a unknown.Array on DLPack type 99 device 3: copy it there",
    ),
    "meta": (
        lambda: library("torch").ones(M, N, device="meta"),
        "must be in the memory of the CPU, got a torch.Tensor on the device 'meta', which holds no numbers",
    ),
    "gradient": (
        gradient, "must be an array without a gradient, got a torch.Tensor that requires one: {name}.detach()"
    ),
    "gradient in bfloat16": (
        lambda: library("torch").ones(M, N, dtype=library("torch").bfloat16, requires_grad=True),
        "must be an array without a gradient, got a torch.Tensor that requires one: {name}.detach()",
    ),
    "gradients in a list": (
        lambda: [*gradient()], "must be an array of numbers: Can't call numpy() on Tensor that requires grad."
    ),
    "gradients in lists": (
        lambda: [[*row] for row in gradient()], "must be an array of numbers: Can't call numpy() on Tensor"
    ),
    "sparse": (
        lambda: tensor(X).to_sparse(), "must be an array of numbers: can't convert Sparse layout tensor to numpy."
    ),
    "export that fails": (
        lambda: Exported(np.array(["a"])), "must be an array of numbers: "
    ),
    "old export of what is read-only": (
        lambda: OldExported(read_only(X)), "must be an array of numbers: Cannot export readonly array"
    ),
}  # fmt: skip


def uses(net, value):
    """By the name of the argument, every kind of call."""
    return {
        "X": [
            lambda: net(value),
            lambda: net.cost(value, Y),
            lambda: net.cost_and_grad(value, Y),
            lambda: net.fit(value, Y),
            lambda: net.fit(lambda: [(value, Y)]),
            lambda: sn.kernels.dense_forward(value, np.ones((2, N)), np.zeros(2), "tanh"),
        ],
        "Y": [lambda: net.cost(X, value), lambda: net.fit(X, value), lambda: net.cost_and_grad(X, value)],
        "sample_weight": [lambda: net.cost(X, Y, value), lambda: net.fit(X, Y, sample_weight=value)],
        "order": [lambda: net.fit(X, Y, order=value)],
    }


@pytest.mark.parametrize(("make", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(make, message):
    net, value = network(), make()
    before = net.params.tobytes()
    for name, calls in uses(net, value).items():
        for call in calls:
            with pytest.raises(TypeError) as refusal:
                call()
            assert str(refusal.value).startswith(f"{name} {message.format(name=name)}")
    assert net.params.tobytes() == before


DATES = [datetime.date(2020, 1, 1), datetime.date(2021, 1, 1)]
MOMENTS = [datetime.datetime(2020, 1, 1, 12), datetime.datetime(2021, 1, 1)]
SPANS = [datetime.timedelta(1), datetime.timedelta(2)]
CLOCK = [datetime.time(1), datetime.time(2)]


def polars_column(values, dtype=None):
    pl = library("polars")
    return pl.Series("bad", values, dtype=dtype and eval(dtype, {"pl": pl}))


def pandas_column(values, dtype=None):
    if "pyarrow" in str(dtype):
        library("pyarrow")
    return library("pandas").Series(values, dtype=dtype, name="bad")


def arrow_column(values, dtype=None):
    pa = library("pyarrow")
    return pa.array(values, dtype and eval(dtype, {"pa": pa}))


#: Columns that hold no numbers, and the dtypes of which messages tell: of times first, then of anything else.
TIMES = {
    "polars, dates": (lambda: polars_column(DATES), "Date"),
    "polars, datetimes": (lambda: polars_column(MOMENTS, "pl.Datetime('ms', 'UTC')"), "Datetime("),
    "polars, durations": (lambda: polars_column(SPANS), "Duration("),
    "polars, times": (lambda: polars_column(CLOCK), "Time"),
    "pandas, datetimes": (lambda: pandas_column(MOMENTS, "M8[ns]"), "datetime64[ns]"),
    "pandas, zones": (lambda: pandas_column(MOMENTS, "M8[ns]").dt.tz_localize("UTC"), "datetime64[ns, UTC]"),
    "pandas, durations": (lambda: pandas_column(SPANS, "m8[s]"), "timedelta64[s]"),
    "pandas, periods": (lambda: pandas_column(["2020", "2021"], "period[Y]"), "period["),
    "pandas, dates on Arrow": (lambda: pandas_column(DATES, "date32[pyarrow]"), "date32[day][pyarrow]"),
    "pandas, categories of times": (lambda: pandas_column(MOMENTS, "M8[ns]").astype("category"), "category"),
    "pyarrow, dates": (lambda: arrow_column(DATES), "date32[day]"),
    "pyarrow, datetimes": (lambda: arrow_column(MOMENTS), "timestamp[us]"),
    "pyarrow, durations": (lambda: arrow_column(SPANS), "duration[us]"),
    "pyarrow, times": (lambda: arrow_column(CLOCK), "time64[us]"),
    "pyarrow, dictionary of dates": (lambda: arrow_column(DATES).dictionary_encode(), "dictionary<values=date32"),
    "pyarrow, intervals": (
        lambda: arrow_column([(1, 2, 3)] * 2, "pa.month_day_nano_interval()"), "month_day_nano_interval"
    ),
}  # fmt: skip
OTHERS = {
    "polars, text": (lambda: polars_column(["1", "2"]), "String"),
    "polars, categories": (lambda: polars_column(["a", "b"], "pl.Categorical"), "Categorical"),
    "polars, enumeration": (lambda: polars_column(["a", "b"], "pl.Enum(['a', 'b'])"), "Enum("),
    "polars, lists": (lambda: polars_column([[1], [2]]), "List(Int64)"),
    "polars, fields": (lambda: polars_column([{"a": "x"}, {"a": "y"}]), "Struct("),
    "polars, bytes": (lambda: polars_column([b"1", b"2"]), "Binary"),
    "polars, 128 bits": (lambda: polars_column([1, 2], "pl.Int128"), "Int128"),
    "pandas, categories": (lambda: pandas_column(["a", "b"], "category"), "category"),
    "pandas, text": (lambda: pandas_column(["1", "2"], "string"), "string"),
    "pandas, complex": (lambda: pandas_column([1j, 2]), "complex128"),
    "pandas, text on Arrow": (lambda: pandas_column(["1", "2"], "large_string[pyarrow]"), "large_string[pyarrow]"),
    "pyarrow, text": (lambda: arrow_column(["1", "2"]), "string"),
    "pyarrow, dictionary of text": (lambda: arrow_column(["a", "b"]).dictionary_encode(), "dictionary<values=string"),
    "pyarrow, lists": (lambda: arrow_column([[1], [2]]), "list<"),
}


def beside_numbers(column):
    """A table with numbers in its first column and its last, and the column between them."""
    make = {"polars": "DataFrame", "pandas": "DataFrame", "pyarrow": "table"}
    name = type(column).__module__.partition(".")[0]
    return getattr(library(name), make[name])({"one": [1, 2], "bad": column, "two": [0.5, 1.5]})


@pytest.mark.parametrize(("make", "dtype"), (TIMES | OTHERS).values(), ids=TIMES | OTHERS)
def test_columns_that_are_no_numbers(make, dtype):
    table, net = beside_numbers(make()), sn.MLP([3, 3])
    params = net.params.tobytes()
    for call in (
        lambda: net(table),
        lambda: net.cost(table, X[:2]),
        lambda: net.fit(table, X[:2]),
        lambda: net.fit(lambda: [(table, X[:2])]),
    ):
        with pytest.raises(TypeError) as refusal:
            call()
        assert str(refusal.value).startswith(f"X must be real numbers, got column 'bad' of dtype {dtype}")
        takes = "columns may hold booleans, integers of at most 64 bits, floats and decimals"
        remedy = str(refusal.value).partition(f"; {takes}")[2]
        if (make, dtype) in TIMES.values():
            assert remedy.startswith("; of times write numbers, such as the days since the first")
        else:
            assert (
                remedy in ("", "; pandas.get_dummies(X) has a column of 0 and 1 for each text")
                or "to_dummies" in remedy
            )
    for call in (lambda: net.cost(X[:2], table), lambda: net.fit(X[:2], table)):
        with pytest.raises(TypeError, match=r"^Y must be real numbers, got "):
            call()
    with pytest.raises(TypeError, match=r"^Y must be real numbers, got "):
        sn.MLP([N, 1]).cost(X[:2], make())
    assert net.params.tobytes() == params


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("make", [make for make, _ in TIMES.values()], ids=TIMES)
def test_times_beside_numbers_in_estimators(make):
    table = beside_numbers(make())
    for estimator in estimators():
        with pytest.raises(TypeError, match=r"^X must be real numbers, got column 'bad' of dtype "):
            estimator.fit(table, [0, 1])
        with pytest.raises(TypeError, match=r"^y must be real numbers, got column 'bad' of dtype "):
            estimator.fit(X[:2], table)
        with pytest.raises(TypeError, match=r"^X must be real numbers, got column 'bad' of dtype "):
            estimator.fit(X, CLASSES).predict(table)


def test_times_among_the_fields_of_one_column():
    column = polars_column([{"one": 1, "bad": day} for day in DATES])
    with pytest.raises(TypeError, match=r"^Y must be real numbers, got column 'bad' of dtype Date;"):
        sn.MLP([N, 2]).cost(X[:2], column)
    numbers = polars_column([{"one": 1, "two": 0.5}, {"one": 0, "two": 1.5}])
    assert sn.MLP([N, 2], seed=0).cost(X[:2], numbers) == sn.MLP([N, 2], seed=0).cost(X[:2], [[1, 0.5], [0, 1.5]])


def pandas_decimals(values):
    return pandas_column(values, library("pandas").ArrowDtype(library("pyarrow").decimal128(19, 1)))


#: Columns of the numbers 1 and 2 that are no plain numbers of the library.
NUMBERS = {
    "polars, decimals": lambda: polars_column([Decimal("1.0"), Decimal("2.0")]),
    "polars, 16 bits": lambda: polars_column([1, 2], "pl.UInt16"),
    "polars, objects": lambda: polars_column([1, 2.0], "pl.Object"),
    "pandas, categories": lambda: pandas_column([1, 2], "category"),
    "pandas, sparse": lambda: pandas_column([1, 2], "Sparse[int]"),
    "pandas, objects": lambda: pandas_column([Decimal(1), 2], object),
    "pandas, decimals on Arrow": lambda: pandas_decimals([Decimal(1), Decimal(2)]),
    "pyarrow, decimals": lambda: arrow_column([Decimal("1.0"), Decimal("2.0")]),
    "pyarrow, 16 bits": lambda: arrow_column([1, 2], "pa.uint16()"),
    "pyarrow, dictionary": lambda: arrow_column([1, 2]).dictionary_encode(),
    "pyarrow, runs": lambda: library("pyarrow.compute").run_end_encode(arrow_column([1, 2])),
}


@pytest.mark.parametrize("make", NUMBERS.values(), ids=NUMBERS)
def test_columns_that_are_numbers(make):
    net = network()
    np.testing.assert_array_equal(net(beside_numbers(make())), net([[1, 1, 0.5], [2, 2, 1.5]]))


@pytest.mark.parametrize("make", [polars_column, arrow_column, pandas_decimals])
def test_decimals_are_rounded_once(make):
    values = [Decimal("0.1"), Decimal("900719925474099.3"), Decimal("123456789012345678.9")]
    column = make(values)
    np.testing.assert_array_equal(_validation.numbers("X", column, np.dtype(float)), [float(x) for x in values])


def test_categories_of_integers_that_are_missing():
    table = beside_numbers(pandas_column([7, None], "category"))
    net = network()
    np.testing.assert_array_equal(net(table), net([[1, 7, 0.5], [2, np.nan, 1.5]]))
    with pytest.raises(ValueError, match=r"^X must be finite, got nan in row 1, column 1"):
        net.cost(table, Y[:2])


def test_a_query_is_to_be_collected():
    query = of_columns(library("polars").LazyFrame, X)
    for name, calls in uses(network(), query).items():
        for call in calls:
            with pytest.raises(TypeError, match=rf"got a polars.LazyFrame, which .*: {name}\.collect\(\)$"):
                call()
    for estimator in estimators():
        with pytest.raises(TypeError, match=r"got a polars.LazyFrame, which .*: X\.collect\(\)$"):
            estimator.fit(query, CLASSES)


def test_what_is_written_to_is_an_array_of_numpy():
    net = network()
    for out in (memoryview(np.empty((M, 2))), Exported(np.empty((M, 2))), WithoutCopy(np.empty((M, 2)))):
        with pytest.raises(TypeError, match=r"^out must be a NumPy array, got "):
            net(X, out=out)
    with pytest.raises(TypeError, match=r"^out must be a NumPy array, got Tensor"):
        net(X, out=tensor(np.empty((M, 2))))


@pytest.mark.parametrize("name", ["polars", "pyarrow", "pyarrow, batch"])
def test_names_of_columns(name):
    table = TABLES[name][0](X)
    net = network()
    net.fit(table, Y, epochs=1)
    assert net.feature_names == tuple(NAMES)
    turned = table.select(NAMES[::-1])
    with pytest.raises(
        ValueError, match="X must have the columns of the fit in their order, got 'age' for 'height'"
    ) as e:
        net(turned)
    remedy = str(e.value).rpartition(": ")[2].partition(" has them")[0]
    np.testing.assert_array_equal(net(eval(remedy, {"X": turned})), net(X))
    with pytest.raises(ValueError, match="X must have the columns of the fit, but it lacks 'height'"):
        net(table.select(NAMES[1:]))


PROGRAM = """
import sys, numpy as np, shallownet_c as sn
net = sn.MLP([3, 1], seed=0)
net.fit(np.ones((4, 3)), np.ones((4, 1)), epochs=1)
net([[1, 2, 3]])
assert "shallownet_c._checks._foreign" not in sys.modules
net(memoryview(np.ones((4, 3))))
for name in ("torch", "pandas", "polars", "pyarrow", "jax", "cupy", "ml_dtypes"):
    assert name not in sys.modules, name
"""


def test_no_library_is_imported():
    subprocess.run([sys.executable, "-P", "-c", PROGRAM], check=True)


def estimators():
    kinds = pytest.importorskip("shallownet_c.sklearn")
    options = {"hidden_layer_sizes": (4,), "solver": "lbfgs", "max_iter": 5, "random_state": 0}
    return kinds.MLPClassifier(**options), kinds.MLPRegressor(**options)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@TABLE
def test_estimators(make):
    for estimator, y in zip(estimators(), (CLASSES, Y), strict=True):
        expected = estimator.fit(X, y).predict(X)
        table = make(X)
        np.testing.assert_allclose(estimator.fit(table, y).predict(table), expected, rtol=1e-3, atol=1e-3)
        assert estimator.score(table, y) == pytest.approx(estimator.score(table, y, np.ones(M)))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("make", CLASS_COLUMNS.values(), ids=CLASS_COLUMNS)
def test_targets_and_weights_of_estimators(make):
    for estimator in estimators():
        expected = estimator.fit(X, CLASSES, sample_weight=WEIGHTS).predict(X)
        weights = make(WEIGHTS.astype(int))
        np.testing.assert_array_equal(estimator.fit(X, make(CLASSES), sample_weight=weights).predict(X), expected)
        assert estimator.score(X, make(CLASSES), weights) == estimator.score(X, CLASSES, WEIGHTS)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    "name",
    ["cupy", "torch on CUDA", "unknown on ROCm", "meta", "gradient", "gradients in a list", "gradients in lists"],
)
def test_what_estimators_refuse(name):
    make, message = REFUSED[name]
    value = make()
    for estimator in estimators():
        estimator.fit(X, CLASSES)
        calls = {
            "X": [lambda e=estimator: e.fit(value, CLASSES), lambda e=estimator: e.predict(value)],
            "y": [lambda e=estimator: e.fit(X, value), lambda e=estimator: e.score(X, value)],
            "sample_weight": [lambda e=estimator: e.fit(X, CLASSES, value)],
            "X_val": [lambda e=estimator: e.fit(X, CLASSES, X_val=value, y_val=CLASSES)],
        }
        for argument, of_argument in calls.items():
            for call in of_argument:
                with pytest.raises(TypeError) as refusal:
                    call()
                assert str(refusal.value).startswith(f"{argument} {message.format(name=argument)}")
