"""The compiled network against the reference, on every build: forward, cost, gradient, training, one layer."""

import itertools

import conftest
import networks
import numpy as np
import pytest
import tolerances
from hypothesis import given, settings
from hypothesis import strategies as st

from shallownet_c import _core
from shallownet_c.optimizers import SGD, Adam
from shallownet_c.reference import vectorized
from shallownet_c.reference._activations import ACTIVATIONS


def forward(build, case):
    out = np.full((case.m, case.sizes[-1]), np.nan, build.dtype)
    _core.predict(case.network(build.kernels), case.X.astype(build.dtype), out)
    return out


def accumulate(build, case, weights=None, classes=None, grad=None):
    """(loss sum, weight sum, grad) of the compiled network; grad starts at zero unless given."""
    grad = np.zeros(len(case.params), build.dtype) if grad is None else grad
    return *_core.gradient(case.network(build.kernels), case.rows(classes, weights), grad), grad


def check(build, case):
    """Forward, cost and gradient of one case are the reference's."""
    tolerance = tolerances.network(build.dtype, case.sizes, case.m)
    networks.close(forward(build, case), case.forward()[1][-1], tolerance)
    J, gradient = case.cost_and_grad()
    loss, weight, grad = accumulate(build, case)
    assert weight == case.m
    networks.close(loss, J, tolerance)
    networks.close(grad, gradient, tolerance)


@pytest.mark.parametrize("output", networks.OUTPUTS, ids="-".join)
@pytest.mark.parametrize("hidden", networks.HIDDEN)
def test_every_activation_loss_and_depth(build, hidden, output):
    for depth in (1, 2, 3, 4):
        sizes = (*(3, 5, 7, 4)[:depth], 3)
        check(build, networks.make(sizes, [hidden] * (depth - 1), output, 37, build.dtype))


@pytest.mark.parametrize("pair", networks.PAIRS, ids="-".join)
def test_every_output_with_every_loss(build, pair):
    for m, n in ((37, 3), (130, 1)):
        if n > 1 or ACTIVATIONS[pair[0]].elementwise:
            check(build, networks.make((4, 6, n), ["tanh"], pair, m, build.dtype, seed=m))


def test_an_activation_of_its_own_for_each_layer(build):
    hidden = networks.HIDDEN[::-1]
    sizes = (6, *(9, 8, 7, 5)[: len(hidden)], *[6] * (len(hidden) - 4), 2)
    check(build, networks.make(sizes, hidden, ("identity", "squared_error"), 50, build.dtype))


def test_every_edge_of_tiles_panels_and_blocks(build):
    lanes = build.kernels.lanes
    near = {lanes // 2, lanes - 1, lanes, lanes + 1, 2 * lanes - 1, 2 * lanes + 1}
    widths = sorted({1, 2, 5, 6, 7, 12, 13, 2 * lanes} | near)
    samples = sorted({1, 2, lanes // 2 + 1, 5 * lanes // 2, 3 * lanes} | near)
    for k, (n_in, n_out) in enumerate(itertools.product(widths, widths)):
        m = samples[k % len(samples)]
        check(build, networks.make((n_in, n_out, 3), ["tanh"], ("sigmoid", "log_loss"), m, build.dtype, k))


def test_a_row_is_the_same_bits_however_full_its_vector_is(build):
    lanes = build.kernels.lanes
    case = networks.make((9, 20, 7, 3), ["tanh"] * 2, ("softmax", "log_loss"), 5 * lanes, build.dtype)
    outputs = forward(build, case)
    for m in range(2, 3 * lanes):
        out = np.full((m, 3), np.nan, build.dtype)
        _core.predict(case.network(build.kernels), case.X[:m].astype(build.dtype), out)
        np.testing.assert_array_equal(out, outputs[:m])


@pytest.mark.parametrize("m", [1, 63, 64, 65, 127, 128, 129, 511, 512, 513, 1100])
@pytest.mark.parametrize("sizes", [(2, 4, 1), (10, 300, 2)], ids=["narrow", "wide"])
def test_block_boundaries(build, sizes, m):
    output = ("sigmoid", "log_loss") if sizes[-1] == 1 else ("softmax", "log_loss")
    check(build, networks.make(sizes, ["relu"], output, m, build.dtype))


def test_wide_layers(build):
    check(build, networks.make((130, 257, 40), ["relu"], ("softmax", "log_loss"), 70, build.dtype))


@pytest.mark.parametrize("m", [1, 41, 301], ids="{} rows".format)
@pytest.mark.parametrize("sizes", [(40, 270, 200, 3), (610, 30, 2)], ids=str)
def test_pieces_and_groups(build, sizes, m):
    """W in pieces on the way back, and panels in groups, with what is left over from each."""
    hidden = ["tanh"] * (len(sizes) - 2)
    check(build, networks.make(sizes, hidden, ("softmax", "log_loss"), m, build.dtype))


# The same examples every time: in float32 a new one may hold a ReLU whose z rounds to the other side of 0.
@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    sizes=st.lists(st.integers(1, 40), min_size=2, max_size=5),
    m=st.integers(1, 150),
    data=st.data(),
)
def test_random_networks(sizes, m, data):
    hidden = data.draw(st.lists(st.sampled_from(networks.HIDDEN), min_size=len(sizes) - 2, max_size=len(sizes) - 2))
    output = data.draw(st.sampled_from(networks.OUTPUTS))
    for level, dtype in conftest.BUILDS:
        build = conftest.Build(level, dtype)
        check(build, networks.make(tuple(sizes), hidden, output, m, build.dtype, seed=m))


def test_no_rows(build):
    """Nothing is written before or after where the rows would be."""
    case = networks.make((3, 4, 2), ["tanh"], ("identity", "squared_error"), 1, build.dtype)
    memory = np.full((3, 2), 7, build.dtype)
    net = case.network(build.kernels)
    _core.predict(net, np.empty((0, 3), build.dtype), memory[1:1])
    np.testing.assert_array_equal(memory, 7)
    grad = np.ones(len(case.params), build.dtype)
    assert _core.gradient(net, case.part(slice(0)).rows(), grad) == (0, 0)
    np.testing.assert_array_equal(grad, 1)


def test_sample_weights(build):
    case = networks.make((4, 6, 3), ["tanh"], ("softmax", "log_loss"), 41, build.dtype)
    weights = np.random.default_rng(1).integers(0, 4, 41) / 2.0
    loss, weight, grad = accumulate(build, case, weights)
    J, gradient = case.cost_and_grad(weights)
    tolerance = tolerances.network(build.dtype, case.sizes, case.m)
    assert weight == weights.sum()
    networks.close(loss, J, tolerance)
    networks.close(grad, gradient, tolerance)


def test_class_numbers_are_one_hot_rows(build):
    case = networks.make((4, 6, 5), ["tanh"], ("softmax", "log_loss"), 83, build.dtype)
    classes = case.Y.argmax(axis=1).astype(np.int64)
    by_rows, by_classes = accumulate(build, case), accumulate(build, case, classes=classes)
    assert by_rows[0] == by_classes[0]
    np.testing.assert_array_equal(by_rows[2], by_classes[2])


def test_soft_labels(build):
    case = networks.make((4, 6, 5), ["tanh"], ("softmax", "log_loss"), 20, build.dtype)
    case.Y = np.full_like(case.Y, 0.125)
    case.Y[:, 2] = 0.5
    check(build, case)


def test_gradient_adds_to_what_is_there(build):
    case = networks.make((4, 6, 2), ["relu"], ("identity", "squared_error"), 90, build.dtype)
    _, _, whole = accumulate(build, case)
    grad = np.zeros_like(whole)
    accumulate(build, case.part(slice(0, 31)), grad=grad)
    accumulate(build, case.part(slice(31, 90)), grad=grad)
    networks.close(grad, whole.astype(float), tolerances.network(build.dtype, case.sizes, case.m))


def test_cost_alone_is_the_same(build):
    case = networks.make((4, 6, 2), ["relu"], ("sigmoid", "log_loss"), 90, build.dtype)
    with_grad = accumulate(build, case)[:2]
    assert _core.gradient(case.network(build.kernels), case.rows(), None) == with_grad


# A kink between the two points would spoil a difference.
SMOOTH = [
    (name, loss) for name, loss in networks.PAIRS if not ACTIVATIONS[name].kink and networks.LOSSES[loss].kink is None
]


@pytest.mark.parametrize("output", SMOOTH, ids="-".join)
@pytest.mark.parametrize("hidden", [name for name in networks.HIDDEN if not ACTIVATIONS[name].kink])
def test_gradient_against_central_differences(build64, hidden, output):
    build = build64
    case = networks.make((3, 4, 2), [hidden], output, 9, build.dtype)
    _, _, grad = accumulate(build, case)
    h = 1e-5
    for k in range(len(grad)):
        costs = []
        for step in (h, -h):
            params = case.params
            params[k] += step
            costs.append(_core.gradient(case.network(build.kernels, params), case.rows(), None)[0])
        assert abs((costs[0] - costs[1]) / (2 * h) - grad[k]) < tolerances.CENTRAL_DIFFERENCE * case.m


OPTIMIZERS = [
    SGD(0.1),
    SGD(0.1, momentum=0.9),
    SGD(0.1, momentum=0.9, nesterov=True),
    Adam(0.01),
    Adam(0.01, beta_1=0.8, beta_2=0.99, epsilon=1e-4, weight_decay=0.1),
]


def reference_training(case, optimizer, batches, l2, weights):
    """The update rules in NumPy, float64, one batch of rows after another; and the batches' loss and weight sums."""
    W, b = [w.copy() for w in case.W], [v.copy() for v in case.b]
    params = networks.flat(W, b)
    is_weight = networks.flat([np.ones_like(w) for w in W], [np.zeros_like(v) for v in b])
    v, m, step, sums = np.zeros_like(params), np.zeros_like(params), 0, []
    for rows in batches:
        at = 0
        for w, bias in zip(W, b, strict=True):
            w[...] = params[at : at + w.size].reshape(w.shape)
            bias[...] = params[at + w.size : at + w.size + bias.size]
            at += w.size + bias.size
        batch = networks.Case(case.sizes, case.activations, case.loss, W, b, case.X[rows], case.Y[rows], case.dtype)
        batch_weights = None if weights is None else weights[rows]
        total = len(rows) if weights is None else batch_weights.sum()
        loss, grad = batch.cost_and_grad(batch_weights)
        sums.append((loss, total))
        if total == 0:
            continue
        step += 1
        g = (grad + l2 * is_weight * params) / total
        if isinstance(optimizer, Adam):
            m = optimizer.beta_1 * m + (1 - optimizer.beta_1) * g
            v = optimizer.beta_2 * v + (1 - optimizer.beta_2) * g**2
            m_hat, v_hat = m / (1 - optimizer.beta_1**step), v / (1 - optimizer.beta_2**step)
            params = params * (1 - optimizer.learning_rate * optimizer.weight_decay)
            params = params - optimizer.learning_rate * m_hat / (np.sqrt(v_hat) + optimizer.epsilon)
        else:
            v = optimizer.momentum * v - optimizer.learning_rate * g
            params = params + (optimizer.momentum * v - optimizer.learning_rate * g if optimizer.nesterov else v)
    return params, step, sums


def train(build, case, optimizer, epochs, batch_size, l2=0.0, weights=None, order=None):
    net, rows = case.network(build.kernels), case.rows(weights=weights)
    done = networks.train(net, rows, optimizer, epochs, batch_size, order=order, penalties={"l2": l2})
    return done.params, int(done.step[0]), done.cost


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
@pytest.mark.parametrize("output", [("sigmoid", "log_loss"), ("identity", "squared_error")], ids="-".join)
def test_fifty_full_batch_steps(build, optimizer, output):
    case = networks.make((4, 6, 5, 2), ["tanh", "sigmoid"], output, 60, build.dtype)
    params, steps, cost = train(build, case, optimizer, 50, 60, l2=0.5)
    expected, _, sums = reference_training(case, optimizer, [np.arange(60)] * 50, 0.5, None)
    assert steps == 50
    tolerance = tolerances.training(build.dtype, case.sizes, case.m, 50)
    networks.close(params, expected, tolerance)
    networks.close(cost, np.array([loss / total for loss, total in sums]), tolerance)


@pytest.mark.parametrize("output", networks.OUTPUTS, ids="-".join)
@pytest.mark.parametrize("hidden", networks.HIDDEN)
def test_fifty_steps_of_every_activation_loss_and_depth(build, hidden, output):
    for depth in (1, 2, 3, 4):
        sizes = (*(3, 5, 4, 6)[:depth], 2)
        case = networks.make(sizes, [hidden] * (depth - 1), output, 33, build.dtype)
        params, _, cost = train(build, case, SGD(0.05), 50, 33)
        expected, _, sums = reference_training(case, SGD(0.05), [np.arange(33)] * 50, 0.0, None)
        tolerance = tolerances.training(build.dtype, case.sizes, case.m, 50)
        networks.close(params, expected, tolerance)
        networks.close(cost, np.array([loss / total for loss, total in sums]), tolerance)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
def test_minibatches_in_a_given_order_with_weights(build, optimizer):
    m, epochs, size = 70, 10, 16  # five batches an epoch, the last of six rows
    case = networks.make((4, 6, 3), ["tanh"], ("softmax", "log_loss"), m, build.dtype)
    rng = np.random.default_rng(3)
    weights = rng.integers(0, 3, m).astype(float)
    order = np.stack([rng.permutation(m) for _ in range(epochs)])
    order[:, size : 2 * size] = np.flatnonzero(weights == 0)[0]  # a batch whose weights are all zero
    params, steps, cost = train(build, case, optimizer, epochs, size, 0.1, weights, order)
    batches = [rows[at : at + size] for rows in order for at in range(0, m, size)]
    expected, expected_steps, sums = reference_training(case, optimizer, batches, 0.1, weights)
    assert steps == expected_steps == 4 * epochs
    tolerance = tolerances.training(build.dtype, case.sizes, size, len(batches))
    networks.close(params, expected, tolerance)
    by_epoch = np.array(sums).reshape(epochs, -1, 2).sum(axis=1)
    networks.close(cost, by_epoch[:, 0] / by_epoch[:, 1], tolerance)


def test_training_goes_on_where_it_stopped(build):
    case = networks.make((4, 6, 2), ["tanh"], ("identity", "squared_error"), 48, build.dtype)
    adam = Adam(0.01)
    whole, steps, _ = train(build, case, adam, 20, 16)
    net, done = case.network(build.kernels), None
    for epochs in (7, 13):
        done = networks.train(net, case.rows(), adam, epochs, 16, after=done)
    assert done.step[0] == steps == 60
    np.testing.assert_array_equal(done.params, whole)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_dense_forward(build, name):
    for m, n_in, n_out in [(1, 1, 1), (5, 3, 2), (33, 17, 31), (130, 64, 65), (600, 10, 9), (1, 5, 64), (200, 3, 131)]:
        case = networks.make((n_in, n_out), [], ("identity", "squared_error"), m, build.dtype)
        case.activations = [name]
        out = np.full((m, n_out), np.nan, build.dtype)
        W, b = case.W[0].astype(build.dtype), case.b[0].astype(build.dtype)
        assert build.dense_forward(case.X.astype(build.dtype), W, b, name, networks.LEAK, out) is out
        networks.close(out, case.forward()[1][-1], tolerances.network(build.dtype, case.sizes))


@pytest.mark.parametrize("name", networks.ELEMENTWISE)
def test_dense_backward_accumulates(build, name):
    for m, n_in, n_out in [(1, 1, 1), (5, 3, 2), (33, 17, 31), (130, 64, 65), (600, 10, 9)]:
        case = networks.make((n_in, n_out), [], (name, "squared_error"), m, build.dtype)
        Z, A = case.forward()
        kept = (Z[0] if ACTIVATIONS[name].needs_z else A[1]).astype(build.dtype)
        dA = case.Y.astype(build.dtype)
        W, X = case.W[0].astype(build.dtype), case.X.astype(build.dtype)
        dW, db = np.ones_like(W), np.ones(n_out, build.dtype)
        dX = np.full_like(X, np.nan)
        build.dense_backward(X, W, dA, kept, name, (dW, db, dX), networks.LEAK)
        dZ = case.Y * vectorized.derivative(Z[0], name, networks.LEAK)
        tolerance = tolerances.network(build.dtype, case.sizes, m)
        networks.close(dW, 1 + dZ.T @ case.X, tolerance)
        networks.close(db, 1 + dZ.sum(axis=0), tolerance)
        networks.close(dX, dZ @ case.W[0], tolerance)
        again, more = np.ones_like(W), np.ones(n_out, build.dtype)
        build.dense_backward(X, W, dA, kept, name, (again, more, None), networks.LEAK)
        np.testing.assert_array_equal(again, dW)
        np.testing.assert_array_equal(more, db)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_first_nonfinite(build, bad):
    a = np.zeros((100, 7), build.dtype)
    assert build.kernels.first_nonfinite(a) == -1
    assert build.kernels.first_nonfinite(np.empty((0, 7), build.dtype)) == -1
    a[99, 6] = bad
    assert build.kernels.first_nonfinite(a) == 99
    a[3, 2] = bad
    assert build.kernels.first_nonfinite(a) == 3
    assert build.kernels.first_nonfinite(np.full((2, 2), np.finfo(build.dtype).max, build.dtype)) == -1
