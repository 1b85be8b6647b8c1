"""Rows that are not arrays in memory: mapped files, lazy arrays, chunks."""

import sys
import tracemalloc

import numpy as np
import pytest

import shallownet_c as sn

RNG = np.random.default_rng(0)
X = RNG.standard_normal((500, 6))
Y = np.column_stack([np.sin(X).sum(axis=1), X[:, 0] * X[:, 1]])
W = RNG.random(500)


class Lazy:
    """As h5py has it: an index array must be increasing, without repetitions."""

    def __init__(self, array):
        self.array, self.most = array, 0
        self.shape, self.dtype = array.shape, array.dtype

    def __len__(self):
        return len(self.array)

    def __getitem__(self, rows):
        if isinstance(rows, np.ndarray):
            assert (np.diff(rows) > 0).all()
        self.most = max(self.most, len(self.array[rows]))
        return self.array[rows]

    def __array__(self, dtype=None, copy=None):
        raise AssertionError("copied whole")


def network(**options):
    return sn.MLP([6, 9, 2], seed=1, **options)


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch):
    monkeypatch.setattr("shallownet_c._fitting._sources.PIECE_BYTES", 6 * 8 * 100)


@pytest.mark.parametrize("weights", [None, W])
@pytest.mark.parametrize("batch", [7, 64, 499])
def test_lazy_minibatches_are_the_same_bits(batch, weights):
    options = {"epochs": 3, "batch_size": batch, "seed": 5, "sample_weight": weights}
    net, lazy = network(), network()
    expected = net.fit(X, Y, **options)
    source = Lazy(X)
    history = lazy.fit(source, Y, **options)
    np.testing.assert_array_equal(net.params, lazy.params)
    np.testing.assert_allclose(history.cost, expected.cost, rtol=1e-12)
    assert source.most <= max(100, batch)


@pytest.mark.parametrize("optimizer", ["adam", "rprop", "lbfgs"])
def test_lazy_full_batch(optimizer):
    if optimizer == "lbfgs":
        pytest.importorskip("scipy")
    options = {"epochs": 10, "sample_weight": W, "l2": 0.5, "optimizer": optimizer}
    net, lazy = network(), network()
    expected = net.fit(X, Y, **options)
    source = Lazy(X)
    history = lazy.fit(source, Y, **options)
    np.testing.assert_allclose(lazy.params, net.params, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(history.cost, expected.cost, rtol=1e-9)
    assert source.most <= 100


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("layout", ["C", "F"])
def test_mapped_files(tmp_path, dtype, layout):
    mapped = np.memmap(tmp_path / "X", dtype, "w+", shape=X.shape, order=layout)
    mapped[:] = X
    mapped.flush()
    mapped = np.memmap(tmp_path / "X", dtype, "r", shape=X.shape, order=layout)
    net, other = network(), network()
    net.fit(np.array(mapped), Y, epochs=3, batch_size=32, seed=5)
    other.fit(mapped, Y, epochs=3, batch_size=32, seed=5)
    np.testing.assert_array_equal(net.params, other.params)


def test_a_mapped_file_is_not_copied(tmp_path):
    shape = (200_000, 20)
    mapped = np.memmap(tmp_path / "X", np.float64, "w+", shape=shape)
    mapped[:] = 1
    target = np.zeros((len(mapped), 1))
    for X in (mapped, np.memmap(tmp_path / "X", np.float32, "r", shape=(2 * shape[0], shape[1]))[: shape[0]]):
        net = sn.MLP([20, 2, 1], seed=0)
        tracemalloc.start()
        net.fit(X, target, epochs=1, batch_size=1000, shuffle=False)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 4_000_000 < mapped.nbytes


def test_integer_classes_and_lazy_rows():
    y = RNG.integers(0, 3, 500)
    nets = [sn.MLP([6, 4, 3], output="softmax", seed=1) for _ in range(2)]
    nets[0].fit(X, y, epochs=2, batch_size=50, seed=0)
    nets[1].fit(Lazy(X), y, epochs=2, batch_size=50, seed=0)
    np.testing.assert_array_equal(nets[0].params, nets[1].params)


def test_chunks():
    """In their own order, with batches that fit into them: the same as the rows one after the other."""
    net, other = network(), network()
    passes = []

    def chunks():
        passes.append(1)
        for first in range(0, 500, 100):
            yield X[first : first + 100], Y[first : first + 100], W[first : first + 100]

    expected = net.fit(X, Y, epochs=4, batch_size=20, shuffle=False, sample_weight=W)
    history = other.fit(chunks, epochs=4, batch_size=20, shuffle=False)
    np.testing.assert_array_equal(net.params, other.params)
    np.testing.assert_allclose(history.cost, expected.cost, rtol=1e-12)
    assert len(passes) == 4
    net, other = network(), network()
    net.fit(X, Y, epochs=4, batch_size=100, shuffle=False, sample_weight=W)
    other.fit(chunks, epochs=4)  # each chunk a batch
    np.testing.assert_array_equal(net.params, other.params)
    shuffled = network()
    shuffled.fit(chunks, epochs=4, batch_size=20, seed=0)
    assert (shuffled.params != other.params).any()


class Series:
    """As pandas has it: an index is a label, and what an array holds is labels, too; here in reverse order."""

    def __init__(self, array):
        self.array = np.asarray(array)
        self.shape, self.dtype = self.array.shape, self.array.dtype
        self.iloc = self.array

    def __len__(self):
        return len(self.array)

    def __getitem__(self, labels):
        return self.array[::-1][labels]

    def __array__(self, dtype=None, copy=None):
        return np.array(self.array, dtype)


def labelled(kind):
    """What gives an array labels; none of them says where a row is."""
    if kind == "stand-in":
        return Series
    pd = pytest.importorskip("pandas")
    index = {
        "shuffled": RNG.permutation(500),
        "repeated": np.zeros(500, int),
        "text": [f"row {i}" for i in range(500)],
        "dates": pd.date_range("2020-01-01", periods=500),
    }[kind]

    def table(array):
        return (pd.Series if np.ndim(array) == 1 else pd.DataFrame)(array, index=index)

    return table


@pytest.mark.parametrize("kind", ["stand-in", "shuffled", "repeated", "text", "dates"])
@pytest.mark.parametrize("rows", [np.asarray, Lazy], ids=["memory", "pieces"])
@pytest.mark.parametrize("batch", [64, None])
def test_labels_are_no_positions(kind, rows, batch):
    """X, Y, weights, order and validation data: the row at a place is the row at that place, whatever it is called."""
    table = labelled(kind)
    y, order = Y[:, 0], np.stack([RNG.permutation(500) for _ in range(2)])
    options = {"epochs": 2, "batch_size": batch, "seed": 5, "optimizer": sn.SGD(0.01)}
    net, other, third = (sn.MLP([6, 1], seed=1) for _ in range(3))
    expected = net.fit(X, y, sample_weight=W, order=order, validation_data=(X, y, W), **options)
    history = other.fit(
        rows(X), table(y), sample_weight=table(W), order=order, validation_data=(rows(X), table(y), table(W)), **options
    )
    np.testing.assert_allclose(other.params, net.params, rtol=1e-12)
    np.testing.assert_allclose(history.val_cost, expected.val_cost, rtol=1e-12)
    history = third.fit(
        table(X), table(y), sample_weight=table(W), order=order, validation_data=(table(X), table(y)), **options
    )
    np.testing.assert_array_equal(third.params, net.params)
    assert net.cost(rows(X), table(y), table(W)) == pytest.approx(net.cost(X, y, W), rel=1e-12)


def test_a_column_may_be_called_dtype():
    pd = pytest.importorskip("pandas")
    table = pd.DataFrame(X, columns=["dtype", "shape", "iloc", "b", "c", "d"])
    net, other = network(), network()
    net.fit(X, Y, epochs=2, batch_size=50, seed=0)
    other.fit(table, Y, epochs=2, batch_size=50, seed=0)
    np.testing.assert_array_equal(net.params, other.params)


class Unreliable(Lazy):
    """Gives other rows than it was asked for once it has been read `good` times."""

    def __init__(self, array, change, good):
        super().__init__(array)
        self.change, self.good = change, good

    def __getitem__(self, rows):
        self.good -= 1
        taken = super().__getitem__(rows)
        return taken if self.good >= 0 else self.change(taken)


#: Numbers that float32 holds, in float64.
X32 = X.astype(np.float32).astype(float)


@pytest.mark.parametrize("good", [0, 7, 11])
@pytest.mark.parametrize("batch", [7, 64, None])
@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda rows: rows[:-1], "as many rows as it is asked for"),
        (lambda rows: rows[:0], "as many rows as it is asked for"),
        (lambda rows: np.concatenate([rows, rows]), "as many rows as it is asked for"),
        (lambda rows: rows[0, 0], "as many rows as it is asked for"),
        (lambda rows: rows[:, :-1], r"X must have shape \(m, 6\)"),
        (lambda rows: rows.astype(str), "X must be real numbers"),
        (lambda rows: rows * np.inf, "X must be finite"),
        (lambda rows: rows.tolist(), None),
        (lambda rows: rows.astype(np.float32), None),
        (lambda rows: rows.astype(object), None),
    ],
)
def test_what_rows_a_source_gives_is_checked_each_time(change, match, batch, good):
    net = network()
    if match is None:
        plain, options = network(), {"epochs": 3, "batch_size": batch, "sample_weight": W, "seed": 0}
        plain.fit(X32, Y, **options)
        net.fit(Unreliable(X32, change, good), Y, **options)
        np.testing.assert_allclose(net.params, plain.params, rtol=1e-9)
        return
    with pytest.raises((TypeError, ValueError), match=match):
        net.fit(Unreliable(X, change, good), Y, epochs=3, batch_size=batch, sample_weight=W, seed=0)


@pytest.mark.parametrize("written", [10**9, -1, -(10**12)])
@pytest.mark.parametrize("given", ["array", "callable"])
def test_an_order_that_is_written_to_during_a_fit(written, given):
    """Each epoch's is checked in a copy: the kernels would read rows that are not there."""
    order = np.tile(np.arange(500), (4, 1))

    def write(epoch, *_):
        if epoch == 1:
            order[2:] = written

    taken = order if given == "array" else lambda epoch: order[epoch]
    net = network()
    with pytest.raises(ValueError, match="order must hold row numbers 0 … 499"):
        net.fit(X, Y, epochs=4, batch_size=50, order=taken, callback=write)
    assert net.history.n_epochs == 2


def test_bad_sources():
    net = network()
    before = net.params.copy()
    for X_, options, match in (
        (lambda: [(X, Y)], {"Y": Y}, "Y and sample_weight must be left out"),
        (lambda: [(X, Y)], {"order": np.zeros((1, 5), int)}, "order must be left out"),
        (lambda: [], {}, "must yield at least one chunk"),
        (lambda: [X], {}, "an iterable of chunks"),
        (lambda: None, {}, "X, a function, must return an iterable"),
        (lambda: 10**5000, {}, "X, a function, must return an iterable"),
        (lambda: [(3.0, Y)], {}, "X must have shape"),
        (lambda: [([[1.0], [1.0, 2.0]], Y)], {}, "X must be an array"),
        (lambda: [(X, Y, np.zeros(500))], {}, "must not be zero in every row"),
        (lambda: [(X, Y[:3])], {}, "Y must have shape"),
        (lambda: [(X, Y)], {"optimizer": "rprop"}, "needs the full batch"),
        (X, {}, "Y must be given"),
        (Lazy(X), {"Y": Y[:3]}, "Y must have 500 rows"),
        (Lazy(X), {"Y": 3.0}, "Y must have 500 rows"),
        (Lazy(np.where(np.arange(500)[:, None] == 333, np.nan, X)), {"Y": Y}, "X must be finite"),
        (Lazy(X[:, :3]), {"Y": Y}, "X must have shape"),
        (Lazy(X), {"Y": Y, "dropout": 0.5}, "dropout needs a batch_size"),
    ):
        with pytest.raises((TypeError, ValueError), match=match):
            net.fit(X_, **options)
        np.testing.assert_array_equal(net.params, before)


def test_parquet_files_need_the_extra_arrow(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow.dataset", None)
    with pytest.raises(ImportError, match=r"sn\.sources\.parquet needs pyarrow: pip install 'shallownet-c\[arrow\]'"):
        sn.sources.parquet("rows.parquet", ["a"], "y")


def test_diverged_chunks():
    net = sn.MLP([6, 2], seed=1)
    before = net.params.copy()
    with pytest.raises(sn.DivergenceError):
        net.fit(lambda: [(X * 1e200, Y)], epochs=3)
    np.testing.assert_array_equal(net.params, before)


def test_h5py(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "data.h5", "w") as file:
        stored = file.create_dataset("X", data=X)
        net, other = network(), network()
        net.fit(X, Y, epochs=2, batch_size=32, seed=0)
        other.fit(stored, Y, epochs=2, batch_size=32, seed=0)
    np.testing.assert_array_equal(net.params, other.params)
