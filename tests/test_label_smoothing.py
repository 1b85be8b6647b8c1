"""Label smoothing is a training on targets that are less sure, and nothing else."""

import networks
import numpy as np
import pytest
import tolerances

import shallownet_c as sn
from shallownet_c._storage import _checkpoint

S = 0.3
#: Sizes and rows: a network for one thread, groups of blocks for a team, and a block for a team.
WORK = [((4, 5, 3), 61), ((7, 12, 3), 5003), ((40, 90, 20, 3), 301)]


def data(m, sizes, output, kind):
    rng = np.random.default_rng(m)
    X = rng.standard_normal((m, sizes[0]))
    if output == "sigmoid":
        return X, rng.integers(0, 2, (m, sizes[-1])).astype(float) if kind == "labels" else rng.random((m, sizes[-1]))
    if kind == "classes":
        return X, rng.integers(0, sizes[-1], m)
    Y = rng.random((m, sizes[-1]))
    return X, Y / Y.sum(axis=1, keepdims=True)


def smoothed(Y, output, n):
    """(1 − s) y + s / n for the n classes of softmax, (1 − s) y + s / 2 for each label of a sigmoid."""
    if Y.ndim == 1:
        Y = np.eye(n)[Y]
    return (1 - S) * Y + S / (n if output == "softmax" else 2)


CASES = [("softmax", "classes"), ("softmax", "rows"), ("sigmoid", "labels"), ("sigmoid", "rows")]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("output", "kind"), CASES, ids=map("-".join, CASES))
@pytest.mark.parametrize(("sizes", "m"), WORK, ids=str)
@pytest.mark.parametrize("weighted", [False, True])
def test_a_fit_is_that_on_smoothed_targets(sizes, m, output, kind, dtype, weighted):
    X, Y = data(m, sizes, output, kind)
    rng = np.random.default_rng(1)
    w = rng.random(m) * (rng.random(m) < 0.8) if weighted else None
    bits = set()
    start = sn.MLP(sizes, "tanh", output, dtype=dtype, seed=1)
    start.params[:] *= 4  # surer of its outputs
    options = {"sample_weight": w, "optimizer": sn.SGD(0.3), "epochs": 10}
    for n_threads in (1, 2, 3):
        net = start.copy()
        history = net.fit(X, Y, **options, label_smoothing=S, n_threads=n_threads, validation_data=(X, Y, w))
        bits.add((net.params.tobytes(), *history.cost, *history.val_cost))
    assert len(bits) == 1
    twin, targets = start.copy(), smoothed(Y, output, sizes[-1])
    expected = twin.fit(X, targets, **options)
    tolerance = tolerances.training(dtype, sizes, m, 10)
    networks.close(net.params, twin.params.astype(float), tolerance)
    networks.close(history.cost, np.array(expected.cost), tolerance)
    # The history's cost is that of the smoothed targets, every other cost that of the targets as they are.
    exact = tolerances.network(dtype, sizes, m)
    first = start.cost(X, targets, w)
    networks.close(history.cost[0], first, exact)
    assert abs(start.cost(X, Y, w) - first) > 2 * exact * max(1, first)
    assert history.val_cost[-1] == net.cost(X, Y, w)
    plain = start.copy()
    plain.fit(X, Y, **options)
    assert np.abs(plain.params - net.params).max() > 2 * tolerance * max(1, np.abs(net.params).max())


@pytest.mark.parametrize("output", ["softmax", "sigmoid"])
def test_gradient_of_a_step(output):
    """One step of descent at rate 1 is the gradient of the cost on smoothed targets by the reference."""
    case = networks.make((4, 6, 3), ["tanh"], (output, "log_loss"), 37, np.float64)
    net = sn.MLP(case.sizes, "tanh", output)
    net.params[:] = case.params
    cost = net.fit(case.X, case.Y, optimizer=sn.SGD(1.0), epochs=1, label_smoothing=S).cost[0]
    case.Y = smoothed(case.Y, output, 3)
    J, grad = case.cost_and_grad()
    tolerance = tolerances.network(np.float64, case.sizes, case.m)
    networks.close(cost * case.m, J, tolerance)
    networks.close((case.params - net.params) * case.m, grad, tolerance)


@pytest.mark.parametrize("loss", [name for name in networks.LOSSES if name not in networks.SMOOTHED])
def test_losses_of_numbers_refuse_it(loss):
    net = sn.MLP([4, 1], loss=loss, seed=0)
    before = net.params.copy()
    with pytest.raises(ValueError, match=f"label_smoothing must be 0 for loss '{loss}', got 0.3"):
        net.fit(np.ones((5, 4)), np.ones(5), label_smoothing=S)
    net.fit(np.ones((5, 4)), np.ones(5), label_smoothing=0.0, epochs=1)
    assert net.history.n_epochs == 1
    assert (net.params != before).any()


@pytest.mark.parametrize("value", [-1e-9, 1.0, 1.5, np.nan, np.inf])
def test_out_of_range(value):
    net = sn.MLP([4, 3], output="softmax", seed=0)
    before = net.params.copy()
    with pytest.raises(ValueError, match=r"label_smoothing must be in \[0, 1\)"):
        net.fit(np.ones((5, 4)), np.zeros(5, int), label_smoothing=value)
    np.testing.assert_array_equal(net.params, before)
    assert net.history is None


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("output", "kind"), CASES, ids=map("-".join, CASES))
def test_a_resumed_fit_ends_at_the_same_bits(output, kind, dtype, tmp_path):
    def stop(epoch, *_):
        if epoch == 4:
            raise InterruptedError

    X, Y = data(61, (4, 5, 3), output, kind)
    options = {"epochs": 9, "batch_size": 16, "seed": 2, "label_smoothing": S, "dropout": 0.2}
    whole, net, path = *(sn.MLP([4, 5, 3], output=output, dtype=dtype, seed=1) for _ in range(2)), tmp_path / "fit"
    history = whole.fit(X, Y, **options)
    with pytest.raises(InterruptedError):
        net.fit(X, Y, checkpoint=path, checkpoint_every=0, callback=stop, **options)
    settings = _checkpoint.read(path)[1]["settings"]
    assert settings["label_smoothing"] == S
    again = sn.resume(path, X, Y)
    assert again.params.tobytes() == whole.params.tobytes()
    assert again.history.cost == history.cost
