"""`Optimizer.step`: what `fit` does after a batch, for training loops of one's own."""

import copy

import numpy as np
import pytest

import shallownet_c as sn
from shallownet_c.optimizers import OPTIMIZERS

RNG = np.random.default_rng(0)
KINDS = [kind for kind in OPTIMIZERS.values() if kind.takes_steps]
MAKES = [*KINDS, lambda: sn.SGD(0.1, 0.9), lambda: sn.SGD(0.1, 0.9, True), lambda: sn.Adam(0.05, weight_decay=0.1)]
#: Sizes of the layers, and rows: in one block of samples, in several, in layers so wide that a team works on a block.
CASES = [([3, 4, 2], 50), ([3, 8, 2], 3000), ([300, 200, 2], 70)]
PENALTIES = [{}, {"l2": 0.3}, {"l2": 0.1, "l1": 0.2, "clip_norm": 0.05}]


def problem(sizes, m, dtype):
    X = RNG.standard_normal((m, sizes[0])).astype(dtype)
    Y = RNG.integers(0, 2, (m, sizes[-1])).astype(dtype)
    return sn.MLP(sizes, output="sigmoid", seed=1, dtype=dtype), X, Y, RNG.random(m).astype(dtype)


def stepped(net, optimizer, X, Y, weights, epoch=None, **penalties):
    grad = np.zeros(net.n_params, net.dtype)
    _, weight_sum = net.accumulate_grad(X, Y, grad, weights)
    before = grad.copy()
    assert optimizer.step(net, grad, weight_sum, epoch=epoch, **penalties) is None
    np.testing.assert_array_equal(grad, before)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("penalties", PENALTIES, ids=lambda given: "-".join(given) or "plain")
@pytest.mark.parametrize("make", MAKES)
def test_steps_are_those_of_a_full_batch(make, penalties, dtype):
    for sizes, m in CASES:
        net, X, Y, weights = problem(sizes, m, dtype)
        twin, optimizer, other = net.copy(), make(), make()
        net.fit(X, Y, sample_weight=weights, optimizer=optimizer, epochs=6, batch_size=m, **penalties)
        for epoch in range(6):
            stepped(twin, other, X, Y, weights, epoch, **penalties)
        assert twin.params.tobytes() == net.params.tobytes()
        assert other._state.tobytes() == optimizer._state.tobytes()
        assert other.n_steps == optimizer.n_steps == 6


@pytest.mark.parametrize("schedule", ["invscaling", sn.schedules.Cosine(epochs=9), lambda epoch: 0.1 / (epoch + 1)])
def test_the_schedule_is_asked_for_the_epoch(schedule):
    net, X, Y, weights = problem([3, 4, 2], 40, "float64")
    twin, optimizer, other = net.copy(), sn.SGD(0.1, schedule=schedule), sn.SGD(0.1, schedule=schedule)
    net.fit(X, Y, sample_weight=weights, optimizer=optimizer, epochs=5, batch_size=40)
    for epoch in range(5):
        stepped(twin, other, X, Y, weights, epoch)
    assert twin.params.tobytes() == net.params.tobytes()


def test_minibatches_and_the_adaptive_schedule():
    net, X, Y, _ = problem([3, 4, 2], 40, "float64")
    adaptive = sn.schedules.Adaptive(patience=1, tol=10.0)  # every epoch after the first is a reason
    twin, optimizer, other = net.copy(), sn.SGD(0.1, schedule=adaptive), sn.SGD(0.1, schedule=copy.deepcopy(adaptive))
    history = net.fit(X, Y, optimizer=optimizer, epochs=4, batch_size=8, shuffle=False)
    for cost in history.cost:
        for first in range(0, 40, 8):
            stepped(twin, other, X[first : first + 8], Y[first : first + 8], None)
        other.schedule.watch(cost)
    assert twin.params.tobytes() == net.params.tobytes()
    assert vars(other.schedule) == vars(optimizer.schedule)


def test_steps_and_fits_go_on_from_each_other():
    net, X, Y, weights = problem([3, 4, 2], 40, "float64")
    twin, optimizer, other = net.copy(), sn.Adam(0.1, schedule="invscaling"), sn.Adam(0.1, schedule="invscaling")
    given = {"sample_weight": weights, "batch_size": 40}
    net.fit(X, Y, optimizer=optimizer, epochs=6, **given)
    twin.fit(X, Y, optimizer=other, epochs=2, **given)
    for epoch in (2, 3):
        stepped(twin, other, X, Y, weights, epoch)
    stepped(twin, other, X, Y, weights, epoch=4)
    other_epoch = copy.deepcopy(other)
    stepped(twin, other, X, Y, weights, epoch=5)
    assert twin.params.tobytes() == net.params.tobytes()
    # A step without an epoch, and a fit, are in the epoch after the one that was given last.
    a, b = twin.copy(), twin.copy()
    stepped(a, copy.deepcopy(other_epoch), X, Y, weights)
    stepped(b, copy.deepcopy(other_epoch), X, Y, weights, epoch=5)
    assert a.params.tobytes() == b.params.tobytes()
    b = twin.copy()
    b.fit(X, Y, optimizer=other_epoch, epochs=1, **given)
    assert a.params.tobytes() == b.params.tobytes()


def test_an_array_of_any_layout_is_a_gradient():
    net, X, Y, _ = problem([3, 4, 2], 40, "float64")
    grad = net.cost_and_grad(X, Y)[1]
    twin, other = net.copy(), net.copy()
    sn.SGD(0.1).step(net, grad, 1)
    sn.SGD(0.1).step(twin, np.repeat(grad, 2)[::2], 1)
    sn.SGD(0.1).step(other, grad.tolist(), 1)
    assert net.params.tobytes() == twin.params.tobytes() == other.params.tobytes()
    net.params[:] = grad
    sn.SGD(0.5).step(net, net.params, 1)  # a view of what is changed
    np.testing.assert_array_equal(net.params, 0.5 * grad)


@pytest.mark.parametrize(
    ("changes", "error", "match"),
    [
        ({"net": None}, TypeError, "net must be an MLP, got None"),
        ({"grad": np.zeros(25)}, ValueError, r"grad must have shape \(26,\), got \(25,\)"),
        ({"grad": np.zeros((26, 1))}, ValueError, "grad must have shape"),
        ({"grad": np.zeros(26, "float32")}, TypeError, "grad must have dtype float64, got dtype\\('float32'\\)"),
        ({"grad": np.zeros(26, int)}, TypeError, "grad must have dtype float64"),
        ({"grad": np.where(np.arange(26) == 7, np.nan, 0)}, ValueError, "grad must be finite, got nan in element 7"),
        ({"grad": np.where(np.arange(26) == 0, -np.inf, 0)}, ValueError, "grad must be finite, got -inf in element 0"),
        ({"weight_sum": 0}, ValueError, "weight_sum must be > 0, 2.2e-308 or more, got 0"),
        ({"weight_sum": 1e-310}, ValueError, "weight_sum must be"),
        ({"weight_sum": np.inf}, ValueError, "weight_sum must be"),
        ({"weight_sum": None}, TypeError, "weight_sum must be a number"),
        ({"l2": -1}, ValueError, "l2 must be >= 0"),
        ({"l1": np.nan}, ValueError, "l1 must be >= 0"),
        ({"clip_norm": 0}, ValueError, "clip_norm must be > 0"),
        ({"epoch": -1}, ValueError, "epoch must be at least 0"),
        ({"epoch": 1.5}, TypeError, "epoch must be an integer"),
        ({"lr": 1}, TypeError, r"step\(\) has no argument 'lr'"),
    ],
)
def test_what_is_refused_changes_nothing(changes, error, match):
    net, X, Y, _ = problem([3, 4, 2], 40, "float64")
    adam = sn.Adam()
    stepped(net, adam, X, Y, None, epoch=3)
    before = net.params.copy(), adam._state.copy(), adam.n_steps, adam._epoch
    arguments = {"net": net, "grad": np.ones(26), "weight_sum": 2.0} | changes
    with pytest.raises(error, match=match):
        adam.step(arguments.pop("net"), **arguments)
    np.testing.assert_array_equal(net.params, before[0])
    np.testing.assert_array_equal(adam._state, before[1])
    assert (adam.n_steps, adam._epoch) == before[2:]


def test_optimizers_that_cannot():
    net = sn.MLP([3, 4, 2], seed=0)
    before, grad = net.params.copy(), np.ones(26)
    with pytest.raises(TypeError, match="LBFGS has no single steps"):
        sn.LBFGS().step(net, grad, 1.0)
    cosine = sn.SGD(schedule="cosine")
    with pytest.raises(ValueError, match="schedule must not depend on the epochs of a fit"):
        cosine.step(net, grad, 1.0)
    with pytest.raises(ValueError, match="the rate of schedule must be > 0, got -1"):
        sn.SGD(schedule=lambda epoch: -1.0).step(net, grad, 1.0)
    other = sn.Adam()
    other.step(sn.MLP([3, 5, 2], seed=0), np.ones(32), 1.0)
    with pytest.raises(ValueError, match="optimizer carries the state of another fit"):
        other.step(net, grad, 1.0)
    assert (cosine.n_steps, other.n_steps) == (0, 1)
    np.testing.assert_array_equal(net.params, before)
