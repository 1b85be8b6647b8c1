"""Lanes without a sample, and samples of weight 0, count nothing, even where numbers overflow at the biases alone."""

import numpy as np
import pytest

import shallownet_c as sn

ROWS = [1, 2, 5, 9, 16, 20, 33, 700]


def net_and_rows(hidden, output, m, dtype):
    """Z[1] is 0 in each row of ones; in a row of zeros it is so large that what follows overflows."""
    large = 1000.0 if (hidden, output) == (None, "exp") else 1e30 if dtype == "float32" else 1e200
    net = sn.MLP([2, 1] if hidden is None else [2, 3, 1], hidden or "tanh", output, init="zeros", dtype=dtype)
    net.weights[0][:, 0], net.biases[0][:] = -large, large
    if hidden is not None:
        net.weights[1][:], net.biases[1][:] = large * 0.5, 0.125
    return net, np.ones((m, 2), dtype), np.linspace(0.1, 0.9, m, dtype=dtype)[:, np.newaxis]


def sparse(X):
    return pytest.importorskip("scipy.sparse").csr_array(X)


@pytest.mark.parametrize("kind", [np.asarray, sparse], ids=["dense", "sparse"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    ("hidden", "output"), [(None, "exp"), (None, "identity"), ("relu", "identity"), ("relu", "exp")]
)
def test_only_samples_count(hidden, output, dtype, kind):
    for m in ROWS:
        net, X, y = net_and_rows(hidden, output, m, dtype)
        # One row of ones has the same z as all the others: its cost for each y is what is to be expected.
        alone = [net.cost_and_grad(X[:1], target[np.newaxis]) for target in y]
        weights = np.ones(m)
        for n in (0, m // 3, max(0, m - 1)):
            weights[:n] = 0
            J, grad = net.cost_and_grad(kind(X), y, sample_weight=weights if n else None)
            cost = np.mean([cost for cost, _ in alone[n:]])
            assert pytest.approx(cost, rel=2e-6 if dtype == "float32" else 1e-13) == J
            expected = np.mean([gradient for _, gradient in alone[n:]], axis=0)
            np.testing.assert_allclose(grad, expected, rtol=1e-4 if dtype == "float32" else 1e-12)
            assert net.cost(kind(X), y, sample_weight=weights) == pytest.approx(J, rel=1e-6)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_batch_with_weightless_blocks_trains_the_same_by_any_threads(dtype):
    net, X, y = net_and_rows(None, "exp", 3000, dtype)
    weights = np.ones(3000)
    weights[:1500] = 0
    twin = net.copy()
    for network, threads in ((net, 1), (twin, 2)):
        network.fit(X, y, sample_weight=weights, epochs=2, batch_size=3000, n_threads=threads, optimizer=sn.SGD(1e-3))
    assert np.isfinite(net.params).all()
    np.testing.assert_array_equal(net.params, twin.params)


@pytest.mark.parametrize("m", [1, 3, 20, 300])
@pytest.mark.parametrize("output", ["identity", "exp"])
def test_a_loss_that_overflows_is_infinite(output, m):
    net = sn.MLP([1, 1], output=output, init="zeros")
    net.params[:] = 1e200
    assert net.cost(np.ones((m, 1)), np.ones((m, 1))) == np.inf
