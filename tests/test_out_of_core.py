"""Files that need not fit into memory: how much memory of its own a process takes that learns from them."""

import subprocess
import sys

import numpy as np
import pytest

import shallownet_c as sn
from shallownet_c._fitting import _orders, _sources

#: The mapped file is 1 GB long and has no blocks on the disk; pages of it that are in memory are not the process's own.
BYTES = 1_000_000_000
LIMIT = 100e6

MEASURE = """
import sys, threading
import numpy as np, shallownet_c as sn

def own_memory():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("RssAnon"))

call, columns, kind, path = sys.argv[1], int(sys.argv[2]), np.dtype(sys.argv[3]), sys.argv[4]
m = {bytes} // (columns * kind.itemsize)
for name, size in (("X", m * columns * kind.itemsize), ("Y", 4 * m)):
    with open(path + name, "wb") as file:
        file.truncate(size)
X = np.memmap(path + "X", kind, "r", shape=(m, columns))
Y = np.memmap(path + "Y", np.int32, "r", shape=(m,))
net = sn.MLP([columns, 4, 2], "relu", "softmax", dtype="float32", seed=0)
few = X[:1000], Y[:1000]
calls = {{
    "fit": lambda: net.fit(X, Y, epochs=1, batch_size=2000, seed=0),
    "full batch": lambda: net.fit(X, Y, epochs=1, optimizer="rprop"),
    "validation": lambda: net.fit(*few, epochs=1, validation_data=(X, Y)),
    "cost": lambda: net.cost(X, Y),
    "score": lambda: net.score(X, Y),
    "predict": lambda: net.predict(X, out=np.memmap(path + "A", np.float32, "w+", shape=(m, 2))),
}}
net.fit(*few, epochs=1)
before, peak, done = own_memory(), 0, threading.Event()

def watch():
    global peak
    while not done.is_set():
        peak = max(peak, own_memory())
        done.wait(0.002)

thread = threading.Thread(target=watch)
thread.start()
try:
    calls[call]()
finally:
    done.set()
    thread.join()
print(peak - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory of a process's own is read from /proc")
@pytest.mark.parametrize(
    ("call", "columns", "kind"),
    [
        ("fit", 250, "f4"),  # of the network's dtype: used where it lies
        ("fit", 125, "f8"),  # converted piece by piece
        ("fit", 12, "f4"),  # of so many rows that there is not a number for each
        ("full batch", 125, "f8"),
        ("validation", 125, "f8"),
        ("cost", 125, "f8"),
        ("score", 250, "f4"),
        ("score", 125, "f8"),
        ("predict", 125, "f8"),
    ],
)
def test_a_file_of_a_gigabyte_needs_less_than_a_tenth_of_it(call, columns, kind, tmp_path):
    command = [sys.executable, "-P", "-W", "ignore", "-c", MEASURE.format(bytes=BYTES)]
    command += [call, str(columns), kind, str(tmp_path / "file")]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (process.returncode, process.stderr) == (0, "")
    assert int(process.stdout) < LIMIT


@pytest.mark.parametrize("m", [1, 5, 255, 256, 257, 4_096, 4_097, 10_000])
def test_an_order_in_blocks_has_each_row_once(m, monkeypatch):
    monkeypatch.setattr(_orders, "BLOCK_ROWS", 16)
    monkeypatch.setattr(_orders, "BLOCKS", 8)
    order = _orders.Blocks(m, 3)
    whole = order[0:m]
    assert whole.dtype == np.int64
    np.testing.assert_array_equal(np.sort(whole), np.arange(m))
    for step in (1, 7, 128, 300):
        if m // step < 1_000:
            parts = [_orders.Blocks(m, 3)[first : first + step] for first in range(0, m, step)]
            np.testing.assert_array_equal(np.concatenate(parts), whole)
    if m > 5:
        assert (_orders.Blocks(m, 4)[0:m] != whole).any()


def test_an_order_in_blocks_draws_each_batch_from_all_over_the_file():
    """Rows sorted by a target of two values: a batch has nearly as much of each as 200 rows drawn by chance."""
    m = 4_000_000
    order = _orders.Blocks(m, 0)
    shares = (order[0 : m // 2].reshape(-1, 200) < m // 2).mean(axis=1)
    assert shares.mean() == pytest.approx(0.5, abs=0.05)
    by_chance = np.sqrt(0.25 / 200 + 0.25 / _orders.BLOCKS)
    assert shares.std() < 1.2 * by_chance
    neighbours = np.abs(np.diff(order[0 : m // 2])) == 1
    assert neighbours.mean() < 1e-4


@pytest.fixture
def mapped(tmp_path, monkeypatch):
    """A mapped file of 5,000 rows, more than there may be numbers for, and pieces of 100 of them."""
    monkeypatch.setattr(_sources, "NUMBERED_ROWS", 1_000)
    monkeypatch.setattr(_sources, "PIECE_BYTES", 100 * 6 * 8)
    monkeypatch.setattr(_orders, "BLOCK_ROWS", 16)
    monkeypatch.setattr(_orders, "BLOCKS", 32)
    X = np.memmap(tmp_path / "X", np.float64, "w+", shape=(5_000, 6))
    X[:] = np.random.default_rng(0).standard_normal(X.shape)
    return X, np.sin(X).sum(axis=1)


def test_a_long_file_is_fitted_in_the_order_of_blocks(mapped):
    X, Y = mapped
    net, other, third = (sn.MLP([6, 5, 1], seed=1) for _ in range(3))
    history = net.fit(X, Y, epochs=4, batch_size=50, seed=3)
    rng = np.random.default_rng(3)
    orders = [_orders.Blocks(len(X), int(rng.integers(2**32)))[0 : len(X)] for _ in range(4)]
    assert len({order.tobytes() for order in orders}) == 4
    expected = other.fit(np.array(X), Y, epochs=4, batch_size=50, order=np.stack(orders))
    np.testing.assert_array_equal(net.params, other.params)
    np.testing.assert_allclose(history.cost, expected.cost, rtol=1e-12)
    assert history.cost[-1] < history.cost[0]
    third.fit(X, Y, epochs=4, batch_size=50, seed=4)
    assert (third.params != net.params).any()


def test_a_long_file_without_shuffling_and_as_a_full_batch(mapped):
    X, Y = mapped
    for options in ({"batch_size": 50, "shuffle": False}, {"optimizer": "rprop"}, {"optimizer": "sgd"}):
        net, other = (sn.MLP([6, 5, 1], seed=1) for _ in range(2))
        net.fit(X, Y, epochs=3, **options)
        other.fit(np.array(X), Y, epochs=3, **options)
        np.testing.assert_allclose(net.params, other.params, rtol=1e-9)


def test_resume_of_a_long_file(mapped, tmp_path):
    X, Y = mapped
    net, other = (sn.MLP([6, 5, 1], seed=1) for _ in range(2))
    options = {"epochs": 5, "batch_size": 50, "seed": np.random.RandomState(3), "checkpoint_every": 0.0}
    net.fit(X, Y, **options)

    def stop(epoch, history, net):
        if epoch == 2:
            raise KeyboardInterrupt

    options["seed"] = np.random.RandomState(3)
    with pytest.raises(KeyboardInterrupt):
        other.fit(X, Y, callback=stop, checkpoint=tmp_path / "fit", **options)
    np.testing.assert_array_equal(sn.resume(tmp_path / "fit", X, Y).params, net.params)


def test_predictions_and_scores_of_a_file_of_another_dtype(mapped, tmp_path):
    X, _ = mapped
    net = sn.MLP([6, 5, 2], dtype="float32", seed=1)
    expected = net(np.array(X, np.float32))
    np.testing.assert_array_equal(net(X), expected)
    out = np.zeros((len(X), 2), np.float32)
    assert net.predict(X, out=out) is out
    np.testing.assert_array_equal(out, expected)
    np.testing.assert_array_equal(net(X[:0]), expected[:0])
    with pytest.raises(ValueError, match="out must have shape"):
        net.predict(X, out=out[:-1])
    shared = np.memmap(tmp_path / "shared", np.uint8, "w+", shape=(100 * 6 * 8,))
    with pytest.raises(ValueError, match="out must not share memory with an X of another dtype"):
        net.predict(
            np.ndarray.__new__(np.memmap, (100, 6), np.float64, shared.data),
            out=np.ndarray((100, 2), np.float32, shared.data),
        )
    with pytest.raises(ValueError, match=r"X must have shape \(m, 6\)"):
        net(X[:, :4])


@pytest.mark.parametrize("output", ["identity", "sigmoid", "softmax"])
def test_a_score_over_blocks_of_rows_is_that_of_all(output, monkeypatch):
    rng = np.random.default_rng(0)
    X, w = rng.standard_normal((1_000, 3)), rng.random(1_000)
    w[:300] = 0
    net = sn.MLP([3, 2], output=output, seed=0)
    Y = rng.integers(0, 2, 1_000 if output == "softmax" else (1_000, 2)) * 1
    expected = [net.score(X, Y), net.score(X, Y, w)]
    monkeypatch.setattr("shallownet_c._scores.BLOCK_ROWS", 64)
    found = [net.score(X, Y), net.score(X, Y, w)]
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    with pytest.raises(ValueError, match="sample_weight must not be zero in every row"):
        net.score(X, Y, np.zeros(1_000))
