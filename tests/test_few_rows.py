"""Batches of so few rows that they go through the network row by row (src/few_rows.pxd), and those just above."""

import itertools

import networks
import numpy as np
import pytest
import tolerances

import shallownet_c as sn
from shallownet_c import _core
from shallownet_c.optimizers import SGD, Adam

#: Layers narrower than a vector, of whole vectors, of several and a rest, and of one more than a vector on some CPU.
SIZES = [(1, 1), (3, 5, 2), (16, 64, 32, 1), (4, 16, 17, 3), (31, 33, 100, 10), (70, 9, 41, 5)]
ROWS = range(1, 10)


def gradient(case, rows, start=0.0, n_threads=1):
    net = case.network(rows[0])
    grad = np.full(len(case.params), start, case.dtype)
    sums = _core.gradient(net, rows[1], grad, n_threads)
    return sums, grad


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("m", ROWS)
def test_the_gradient_is_that_of_the_reference(build, sizes, m):
    hidden = itertools.cycle(networks.HIDDEN[m:] + networks.HIDDEN[:m])
    for output in networks.OUTPUTS:
        names = [next(hidden) for _ in sizes[2:]]
        case = networks.make(sizes, names, output, m, build.dtype, seed=m)
        weights = np.random.default_rng(m).integers(0, 3, m) / 2
        for w in (None, weights):
            expected, grad = case.cost_and_grad(w)
            start = 0.5
            sums, found = gradient(case, (build.kernels, case.rows(weights=w)), start)
            tolerance = tolerances.network(build.dtype, sizes, m)
            networks.close(np.array(sums), np.array([expected, m if w is None else w.sum()]), tolerance)
            networks.close(found, grad + start, tolerance)


@pytest.mark.parametrize("m", ROWS)
def test_classes_are_rows_of_zeros_and_a_one(build, m):
    case = networks.make((7, 20, 4), ["relu"], ("softmax", "log_loss"), m, build.dtype)
    for smoothing in (0.0, 0.2):
        pair = [
            gradient(case, (build.kernels, rows))
            for rows in (case.rows(smoothing=smoothing), case.rows(case.Y.argmax(1), smoothing=smoothing))
        ]
        assert pair[0][0] == pair[1][0]
        assert pair[0][1].tobytes() == pair[1][1].tobytes()


@pytest.mark.parametrize("m", ROWS)
def test_rows_of_weight_zero_do_not_count(build, m):
    case = networks.make((7, 20, 4), ["tanh"], ("identity", "squared_error"), m, build.dtype)
    weights = np.ones(m)
    weights[-1] = 0
    before = gradient(case, (build.kernels, case.rows(weights=weights)))
    case.X[-1] = case.Y[-1] = 1e30  # its square is more than float32 can hold
    after = gradient(case, (build.kernels, case.rows(weights=weights)))
    assert before[0] == after[0]
    assert before[1].tobytes() == after[1].tobytes()


@pytest.mark.parametrize("batch", [1, 2, 4])
@pytest.mark.parametrize("sizes", [(16, 64, 64, 1), (300, 500, 400, 10)], ids=str)
def test_any_number_of_threads_gives_the_same_bits(build, sizes, batch):
    case = networks.make(sizes, ["tanh", "relu"], ("identity", "squared_error"), 6, build.dtype)
    results = {
        networks.train(case.network(build.kernels), case.rows(), Adam(), 2, batch, n_threads=n_threads).bits
        for n_threads in (1, 2, 3)
    }
    assert len(results) == 1


@pytest.mark.parametrize("penalties", [{}, {"l2": 0.1}, {"l2": 0.1, "l1": 0.1, "clip_norm": 0.5}], ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("make", [lambda: SGD(0.1, 0.9), lambda: Adam(0.01)], ids=["SGD", "Adam"])
def test_a_last_batch_of_few_rows_is_a_step_like_any(make, dtype, penalties):
    """Which way a batch takes depends on its rows alone, not on those of the batches before it."""
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((43, 20)).astype(dtype), rng.standard_normal((43, 2)).astype(dtype)
    net = sn.MLP([20, 33, 18, 2], ["tanh", "silu"], dtype=dtype, seed=1)
    twin, again = net.copy(), make()
    net.fit(X, Y, optimizer=make(), epochs=1, batch_size=20, shuffle=False, **penalties)
    for at in range(0, 43, 20):
        grad = np.zeros_like(twin.params)
        _, weight_sum = twin.accumulate_grad(X[at : at + 20], Y[at : at + 20], grad)
        again.step(twin, grad, weight_sum, **penalties)
    assert twin.params.tobytes() == net.params.tobytes()


def test_online_learning_is_that_of_numpy():
    """Batches of one row, a step of descent each, by the definitions."""
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((200, 16)), rng.standard_normal((200, 1))
    net = sn.MLP([16, 64, 1], seed=0)
    (W1, W2), (b1, b2) = ([a.copy() for a in group] for group in (net.weights, net.biases))
    net.fit(X, Y, optimizer=SGD(0.01), epochs=1, batch_size=1, shuffle=False)
    for x, y in zip(X, Y, strict=True):
        a = np.tanh(W1 @ x + b1)
        d2 = W2 @ a + b2 - y
        d1 = W2.T @ d2 * (1 - a * a)
        W2, b2 = W2 - 0.01 * np.outer(d2, a), b2 - 0.01 * d2
        W1, b1 = W1 - 0.01 * np.outer(d1, x), b1 - 0.01 * d1
    expected = np.concatenate([W1.ravel(), b1, W2.ravel(), b2])
    networks.close(net.params, expected, tolerances.training("float64", (16, 64, 1), 1, 200))
