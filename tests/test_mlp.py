"""`MLP`: construction, views, inputs of every kind, copies, and what a fit promises."""

import copy
import pickle
import subprocess
import sys
import threading

import networks
import numpy as np
import pytest
import tolerances
from stored import Stored

import shallownet_c as sn
from shallownet_c._fitting import _orders
from shallownet_c.reference import vectorized
from shallownet_c.reference._activations import ACTIVATIONS


def make(**changes):
    arguments = {"layer_sizes": [3, 5, 2], "activation": "tanh", "output": "identity", "seed": 0} | changes
    return sn.MLP(arguments.pop("layer_sizes"), **arguments)


def data(net, m=40, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((m, net.layer_sizes[0])).astype(net.dtype)
    return X, rng.random((m, net.layer_sizes[-1])).astype(net.dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_is_the_reference(dtype):
    for output, loss in networks.OUTPUTS:
        case = networks.make((4, 6, 5, 3), ["tanh", "relu"], (output, loss), 60, np.dtype(dtype))
        net = sn.MLP(case.sizes, ["tanh", "relu"], output, loss=loss, leak=networks.LEAK, dtype=dtype)
        net.params[:] = case.params
        tolerance = tolerances.network(dtype, case.sizes, case.m)
        A = case.forward()[1]
        networks.close(net(case.X), A[-1], tolerance)
        for ours, theirs in zip(net.layer_outputs(case.X), A, strict=True):
            networks.close(ours, theirs, tolerance)
        J, gradient = case.cost_and_grad()
        cost, grad = net.cost_and_grad(case.X, case.Y)
        networks.close(grad, gradient / case.m, tolerance)
        networks.close(cost, J / case.m, tolerance)
        assert net.cost(case.X, case.Y) == cost
        grad[:] = 1
        assert net.accumulate_grad(case.X, case.Y, grad) == pytest.approx((J, case.m), rel=tolerance)
        networks.close(grad, gradient + 1, tolerance)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_fifty_steps_are_the_reference(dtype):
    case = networks.make((2, 4, 1), ["tanh"], ("sigmoid", "log_loss"), 50, np.dtype(dtype))
    net = sn.MLP(case.sizes, output="sigmoid", dtype=dtype)
    net.params[:] = case.params
    history = net.fit(case.X, case.Y, optimizer=sn.SGD(0.5), epochs=50)
    W, b, costs = vectorized.gradient_descent(
        case.X, case.Y, case.W, case.b, case.activations, case.loss, 0.5, 50, networks.LEAK
    )
    tolerance = tolerances.training(dtype, case.sizes, case.m, 50)
    networks.close(net.params, networks.flat(W, b), tolerance)
    networks.close(np.array(history.cost), np.array(costs), tolerance)


def test_defaults_and_attributes():
    net = sn.MLP([3, 5, 4, 2])
    assert net.layer_sizes == (3, 5, 4, 2)
    assert net.activations == ("tanh", "tanh", "identity")
    assert net.loss == "squared_error"
    assert net.dtype == np.float64
    assert net.leak == 0.01
    assert net.n_params == 3 * 5 + 5 + 5 * 4 + 4 + 4 * 2 + 2 == len(net.params)
    assert sn.MLP([3, 2], output="sigmoid").loss == sn.MLP([3, 2], output="softmax").loss == "log_loss"
    assert sn.MLP([3, 2], output="sigmoid", loss="squared_error").loss == "squared_error"
    assert repr(net) == "MLP([3, 5, 4, 2], activation='tanh', output='identity', loss='squared_error', dtype='float64')"
    mixed = sn.MLP((3, 5, 4, 2), ["relu", "tanh"], "softmax", dtype=np.float32)
    assert repr(mixed) == (
        "MLP([3, 5, 4, 2], activation=['relu', 'tanh'], output='softmax', loss='log_loss', dtype='float32')"
    )
    assert eval(repr(mixed), {"MLP": sn.MLP}).activations == mixed.activations
    leaky = sn.MLP([3, 5, 2], "leaky_relu", leak=0.2)
    assert eval(repr(leaky), {"MLP": sn.MLP}).leak == leaky.leak
    assert repr(sn.MLP([3, 2])) == "MLP([3, 2], output='identity', loss='squared_error', dtype='float64')"


@pytest.mark.filterwarnings("ignore:Setting the shape on a NumPy array:DeprecationWarning")
def test_views_share_the_flat_vector():
    net = make()
    net.weights[1][0, 3] = 7
    assert net.params[3 * 5 + 5 + 3] == 7
    net.params[:] = 0
    assert not net.weights[1].any()
    shape = net.params.shape
    view = net.params
    view.shape = (1, -1)  # the caller's view, not the network's
    assert net.params.shape == shape
    with pytest.raises(TypeError):
        net.weights[0] = np.zeros((5, 3))
    for name in ("params", "weights", "layer_sizes", "activations", "loss", "dtype", "leak", "n_params"):
        with pytest.raises(AttributeError):
            setattr(net, name, getattr(net, name))


@pytest.mark.parametrize(
    ("init", "spread"),
    [
        ("glorot_uniform", np.sqrt(2 / 500)),
        ("glorot_normal", np.sqrt(2 / 500)),
        ("he_uniform", np.sqrt(2 / 300)),
        ("he_normal", np.sqrt(2 / 300)),
        (0.01, 0.01),
        ("zeros", 0),
        (0, 0),
    ],
)
def test_initial_weights(init, spread):
    net = sn.MLP([300, 200, 1], init=init, seed=4)
    W = net.weights[0]
    # the standard deviation of 60,000 draws is known to 1 / √(2 · 60,000) of itself; four of those
    assert W.std() == pytest.approx(spread, rel=4 / np.sqrt(2 * W.size), abs=0)
    assert abs(W.mean()) <= 4 * spread / np.sqrt(W.size)
    if init in ("glorot_uniform", "he_uniform"):
        assert np.abs(W).max() <= spread * np.sqrt(3)
    assert not np.concatenate(net.biases).any()


def test_seed():
    np.testing.assert_array_equal(make(seed=3).params, make(seed=3).params)
    assert (make(seed=3).params != make(seed=4).params).any()
    np.testing.assert_array_equal(make(seed=np.random.default_rng(3)).params, make(seed=3).params)
    state = np.random.RandomState(3)
    assert (make(seed=state).params != make(seed=state).params).any()
    np.testing.assert_array_equal(make(seed=3, dtype="float32").params, make(seed=3).params.astype(np.float32))


class Labelled(np.ndarray):
    """An array whose results are of its own class, too, and carry a label."""

    label = "mine"


def same_numbers(X):
    """Arrays of all kinds that hold the same numbers as X (m, n)."""
    m, n = X.shape
    wide = np.zeros((m, 2 * n), X.dtype)
    wide[:, ::2] = X
    unaligned = np.zeros(X.nbytes + 1, np.uint8)[1:].view(X.dtype).reshape(X.shape)
    unaligned[...] = X
    read_only = X.copy()
    read_only.flags.writeable = False
    return {
        "read-only": read_only,
        "strided": wide[:, ::2],
        "reversed": X[::-1].copy()[::-1],
        "Fortran": np.asfortranarray(X),
        "unaligned": unaligned,
        "big-endian": X.astype(X.dtype.newbyteorder(">")),
        "little-endian": X.astype(X.dtype.newbyteorder("<")),
        "list": X.tolist(),
        "other float": X.astype("float32" if X.dtype == np.float64 else "float64"),
        "long double": X.astype(np.longdouble),
        "memoryview": memoryview(X),
        "subclass": X.view(Labelled),
        "masked array": np.ma.asarray(X),
    }


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_arrays_of_every_kind_give_the_same(dtype):
    net = make(dtype=dtype)
    X, Y = data(net)
    X, Y = np.round(X * 8) / 8, np.round(Y * 8) / 8  # exact in every type
    expected = net(X), net.cost_and_grad(X, Y), net(X[0])
    fitted = make(dtype=dtype)
    fitted.fit(X, Y, epochs=5, batch_size=16, seed=0)
    for kind, x in same_numbers(X).items():
        y = same_numbers(Y)[kind]
        before = copy.deepcopy(x) if kind != "memoryview" else None
        np.testing.assert_array_equal(net(x), expected[0], err_msg=kind)
        np.testing.assert_array_equal(net.predict(x), expected[0], err_msg=kind)
        np.testing.assert_array_equal(net(x[0]) if kind != "memoryview" else expected[2], expected[2], err_msg=kind)
        cost, grad = net.cost_and_grad(x, y)
        assert cost == expected[1][0], kind
        np.testing.assert_array_equal(grad, expected[1][1], err_msg=kind)
        again = make(dtype=dtype)
        again.fit(x, y, epochs=5, batch_size=16, seed=0)
        np.testing.assert_array_equal(again.params, fitted.params, err_msg=kind)
        if before is not None:
            np.testing.assert_array_equal(x, before, err_msg=kind)


@pytest.mark.parametrize("kind", [np.int8, np.uint64, np.bool_, np.float16])
def test_other_number_types(kind):
    net = make()
    X = np.array([[0, 1, 1], [1, 0, 1]], kind)
    np.testing.assert_array_equal(net(X), net(X.astype(float)))
    np.testing.assert_array_equal(net(X[0]), net(X[0].astype(float)))
    assert net.cost(X, X[:, :2]) == net.cost(X.astype(float), X[:, :2].astype(float))


def test_callers_arrays_are_not_modified():
    net = make(output="softmax")
    X, Y = data(net)
    Y /= Y.sum(axis=1, keepdims=True)
    w = np.ones(40)
    order = np.tile(np.arange(40), (3, 1))
    arrays = (X, Y, w, order)
    copies = [a.copy() for a in arrays]
    for a in arrays:
        a.flags.writeable = False
    net(X)
    net(X[0])
    net.layer_outputs(X)[0][...] = 0
    net.cost(X, Y, w)
    net.cost_and_grad(X, Y, w)
    net.fit(X, Y, epochs=3, batch_size=7, order=order, sample_weight=w)
    for a, old in zip(arrays, copies, strict=True):
        np.testing.assert_array_equal(a, old)


def test_shapes_of_predictions():
    net = make()
    assert net(np.zeros((7, 3))).shape == (7, 2)
    assert net(np.zeros(3)).shape == (2,)
    assert net(np.zeros((0, 3))).shape == (0, 2)
    assert net(np.zeros((1, 3))).shape == (1, 2)
    assert net([1, 2, 3]).shape == (2,)
    assert [A.shape for A in net.layer_outputs(np.zeros(3))] == [(3,), (5,), (2,)]
    assert [A.shape for A in net.layer_outputs(np.zeros((0, 3)))] == [(0, 3), (0, 5), (0, 2)]
    # three inputs, three samples: a square array is three samples, not ambiguous
    assert net(np.zeros((3, 3))).shape == (3, 2)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("sizes", [[1], [3, 5, 2], [40, 33, 17, 3], [70, 5]])
@pytest.mark.parametrize("output", ["identity", "softmax", "sigmoid"])
def test_one_row_is_the_batch(dtype, sizes, output):
    sizes = [1, 2 if output == "softmax" else 1] if sizes == [1] else sizes
    net = sn.MLP(sizes, "relu", output, dtype=dtype, seed=0)
    X, _ = data(net, 5)
    A = net(X)
    for x, a in zip(X, A, strict=True):
        networks.close(net(x), a.astype(float), tolerances.network(dtype, net.layer_sizes))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("output", ACTIVATIONS)
def test_one_row_is_the_batch_and_the_reference_where_numbers_overflow(dtype, output):
    """Infinities and NaN, too, in each place among small numbers."""
    most = np.finfo(dtype).max
    net = sn.MLP([3, 3], output=output, init="zeros", dtype=dtype, leak=0.1)
    np.fill_diagonal(net.weights[0], most)
    rows = [[1.0, 1.0, 1.0], [9.0, 9.0, 9.0], [-9.0, -9.0, -9.0], [9.0, 9.0, -9.0], [-9.0, 9.0, 0.0]]
    rows += [np.roll(row, k) for row in ([9.0, 0.0, 0.0], [-9.0, 0.0, 0.0], [np.nan, 0.0, 0.0]) for k in range(3)]
    rows = np.array(rows, dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        Z = rows @ net.weights[0].T
        reference = vectorized.activation(Z, output, 0.1).astype(
            dtype
        )  # selu of the greatest float32 is infinite there
    for X, expected in ((rows, reference), (np.tile(rows, (9, 1)), np.tile(reference, (9, 1)))):
        np.testing.assert_allclose(net(X), expected, rtol=1e-6)
        np.testing.assert_array_equal(np.stack([net(x) for x in X]), net(X))


def test_classes():
    X = np.array([[-1.0, 2.0], [0.0, 0.0], [3.0, 1.0]])
    net = sn.MLP([2, 1], output="sigmoid", init="zeros")
    net.weights[0][...] = [[1.0, 0.0]]
    assert net.classify(X).tolist() == [0, 0, 1]  # ½ is not more than ½
    assert net.classify(X).dtype == np.int64
    assert net.classify(X[2]) == 1
    assert np.ndim(net.classify(X[2])) == 0
    several = sn.MLP([2, 2], output="sigmoid", init="zeros")
    np.fill_diagonal(several.weights[0], 1)
    assert several.classify(X).tolist() == [[0, 1], [0, 0], [1, 1]]
    assert several.classify(X[0]).tolist() == [0, 1]
    softmax = sn.MLP([2, 3], output="softmax", init="zeros")
    softmax.weights[0][1:] = [[1.0, 0.0], [0.0, 1.0]]
    assert softmax.classify(X).tolist() == [2, 0, 1]
    assert softmax.classify(X[0]) == 2
    X[1, 0] = np.nan
    for each in (net, several, softmax):
        with pytest.raises(ValueError, match=r"X must give outputs that are numbers.* for row 1"):
            each.classify(X)
        with pytest.raises(ValueError, match="X must give outputs that are numbers"):
            each.classify(X[1])
    with pytest.raises(ValueError, match=r"classify needs .* got 'tanh'"):
        sn.MLP([2, 1], output="tanh").classify(X)


@pytest.mark.parametrize("weighted", [False, True])
def test_scores_are_those_of_scikit_learn(weighted):
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    X = rng.standard_normal((60, 4))
    w = rng.random(60) if weighted else None
    for output, width in (("sigmoid", 1), ("sigmoid", 3), ("softmax", 3)):
        net = sn.MLP([4, width], output=output, seed=1)
        A = net(X)
        if output == "softmax":
            y, predicted = rng.integers(0, 3, 60), A.argmax(axis=1)
            assert net.score(X, np.eye(3)[y], w) == net.score(X, y, w)
        else:
            y, predicted = rng.integers(0, 2, (60, width)), A > 0.5
        assert net.score(X, y, w) == pytest.approx(metrics.accuracy_score(y, predicted, sample_weight=w), abs=1e-15)
    # A column of targets against (m, 1) outputs: m values, not m times m.
    net = sn.MLP([4, 1], output="sigmoid", seed=1)
    y = rng.integers(0, 2, 60)
    assert net.score(X, y, w) == net.score(X, y[:, np.newaxis], w)
    assert net.score(X, net.classify(X), w) == 1
    for width, loss in ((1, "squared_error"), (3, "huber"), (3, "absolute_error")):
        net = sn.MLP([4, width], loss=loss, seed=1)
        y = rng.standard_normal((60, width)) + 1e6
        y[:, -1] = y[0, -1]  # never changes
        assert net.score(X, y, w) == pytest.approx(metrics.r2_score(y, net(X), sample_weight=w), rel=1e-9)
        assert net.score(X, net(X), w) == 1
    assert np.isnan(sn.MLP([4, 1]).score(X[:1], [3.0]))
    rates, logarithms = (sn.MLP([4, 1], output=output, loss="poisson", seed=1) for output in ("exp", "identity"))
    y = rng.poisson(2.0, 60)
    assert rates.score(X, y, w) == pytest.approx(metrics.r2_score(y, rates(X), sample_weight=w))
    assert logarithms.score(X, y, w) == pytest.approx(rates.score(X, y, w))


def test_scores_of_rows_in_pieces_and_in_chunks(monkeypatch):
    monkeypatch.setattr("shallownet_c._fitting._sources.PIECE_BYTES", 3 * 8 * 7)
    rng = np.random.default_rng(0)
    X, Y, w = rng.standard_normal((50, 3)), rng.standard_normal((50, 2)), rng.random(50)
    net = make()

    def chunks():
        for first in range(0, 50, 20):
            yield X[first : first + 20], Y[first : first + 20], w[first : first + 20]

    expected = net.score(X, Y, w)
    assert net.score(Stored(X), Y, w) == pytest.approx(expected, rel=1e-12)
    assert net.score(chunks) == pytest.approx(expected, rel=1e-12)
    with pytest.raises(ValueError, match="Y must have shape"):
        net.score(X, Y[:, 0])
    with pytest.raises(ValueError, match="sample_weight must not be zero in every row"):
        net.score(lambda: [(X, Y, 0 * w)])


def test_an_object_whose_constructor_never_ran_refuses_all_work():
    bare = sn.MLP.__new__(sn.MLP)
    X, Y = data(make())
    for work in (bare, bare.predict, bare.classify, bare.layer_outputs, repr):
        with pytest.raises((AttributeError, TypeError)):
            work(bare if work is repr else X)
    for work in (bare.cost, bare.cost_and_grad, bare.fit, bare.score, bare.partial_fit):
        with pytest.raises((AttributeError, TypeError)):
            work(X, Y)
    assert bare._plain_cost_and_grad(X, Y, 1) is None


def test_a_constructor_runs_once():
    """A second time it would free what a call in another thread is using."""
    net = make()
    X, _ = data(net)
    before, expected = net.params.copy(), net(X)
    with pytest.raises(TypeError, match=r"MLP\.__init__ can be called only once"):
        net.__init__([30, 50, 20], seed=1)
    np.testing.assert_array_equal(net.params, before)
    np.testing.assert_array_equal(net(X), expected)
    assert net.layer_sizes == (3, 5, 2)


def test_softmax_of_one_output_is_refused():
    """It can only say 1.0."""
    for sizes in ([3, 1], [3, 4, 1]):
        with pytest.raises(ValueError, match=r"output 'softmax' needs an output for each class.* 'sigmoid'"):
            sn.MLP(sizes, output="softmax")


@pytest.mark.parametrize(
    "again",
    [sn.MLP.copy, copy.copy, copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))],
    ids=["method", "shallow", "deep", "pickle"],
)
def test_copies_go_on_with_the_optimizer_of_partial_fit(again):
    net = make()
    X, Y = data(net)
    for _ in range(6):
        net.partial_fit(X, Y)
    twin = again(net)
    assert twin.history == net.history
    before = net.params.copy()
    for _ in range(6):
        twin.partial_fit(X, Y)
    np.testing.assert_array_equal(net.params, before)
    for _ in range(6):
        net.partial_fit(X, Y)
    np.testing.assert_array_equal(twin.params, net.params)


def test_out():
    net = make(dtype="float32")
    X, _ = data(net)
    rows, row = np.full((40, 2), np.nan, np.float32), np.full(2, np.nan, np.float32)
    assert net(X, out=rows) is rows
    np.testing.assert_array_equal(rows, net(X))
    assert net(X[0], out=row) is row
    np.testing.assert_array_equal(row, net(X[0]))
    assert net.predict(X[1], row) is row
    np.testing.assert_array_equal(row, net(X[1]))
    assert net([0.0, 0.0, 0.0], out=row) is row
    np.testing.assert_array_equal(row, net(np.zeros(3)))


def test_one_row_of_a_mapped_file_into_another(tmp_path):
    net = make()
    x = np.memmap(tmp_path / "x", np.float64, "w+", shape=3)
    out = np.memmap(tmp_path / "out", np.float64, "w+", shape=2)
    x[:] = [1.0, -2.0, 0.5]
    assert net(x, out=out) is out
    np.testing.assert_array_equal(out, net(np.array(x)))


def test_out_may_be_the_input():
    net = make(layer_sizes=[3, 5, 3])
    X, _ = data(net, 200)
    expected, memory = net(X), X.copy()
    np.testing.assert_array_equal(net(memory, out=memory), expected)
    memory = np.concatenate([X.ravel(), np.zeros(3)])
    np.testing.assert_array_equal(net(memory[:-3].reshape(200, 3), out=memory[3:].reshape(200, 3)), expected)
    row = X[0].copy()
    one = net(X[0])
    np.testing.assert_array_equal(net(row, out=row), one)


def test_nan_goes_through_predictions():
    net = make()
    X, _ = data(net)
    X[3, 1] = np.nan
    A = net(X)
    assert np.isnan(A[3]).all()
    assert np.isfinite(np.delete(A, 3, axis=0)).all()
    assert np.isnan(net(X[3])).all()


def test_targets_of_every_form():
    one = make(layer_sizes=[3, 1], output="sigmoid")
    X, _ = data(one, 6)
    y = np.array([0, 1, 1, 0, 1, 0])
    costs = {one.cost(X, form) for form in (y, y[:, np.newaxis], y.astype(bool), y.tolist(), y.astype(float))}
    assert len(costs) == 1
    many = make(layer_sizes=[3, 4], output="softmax")
    classes = np.array([0, 3, 1, 2, 3, 3])
    forms = (classes, classes.astype(np.uint8), classes.tolist(), np.eye(4)[classes], np.eye(4, dtype=int)[classes])
    assert len({many.cost(X, form) for form in forms}) == 1
    thirds = np.full((6, 4), 1 / 3, np.float32)
    thirds[:, 0] = 0
    assert np.isfinite(many.cost(X, thirds))  # sums to 1 as well as float32 can say


def test_weights_repeat_and_leave_out_rows():
    net = make()
    X, Y = data(net, 20)
    w = np.array([2.0, 0.0] + [1.0] * 18)
    rows = np.r_[0, 0, 2:20]
    cost, grad = net.cost_and_grad(X, Y, w)
    repeated_cost, repeated_grad = net.cost_and_grad(X[rows], Y[rows])
    tolerance = tolerances.network(np.float64, net.layer_sizes, 20)
    assert cost == pytest.approx(repeated_cost, rel=tolerance)
    networks.close(grad, repeated_grad, tolerance)
    a, b = make(), make()
    a.fit(X, Y, epochs=20, sample_weight=w)
    b.fit(X[rows], Y[rows], epochs=20)
    networks.close(a.params, b.params, tolerances.training(np.float64, net.layer_sizes, 20, 20))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_weights_too_small_to_divide_by_count_as_zero(dtype):
    net = make(dtype=dtype)
    X, Y = data(net, 20)
    small = float(np.finfo(dtype).smallest_subnormal)
    denormal, zero = np.full(20, small), np.zeros(20)
    denormal[10:] = zero[10:] = 1
    before = denormal.copy()
    a, b = net.copy(), net.copy()
    a.fit(X, Y, epochs=5, batch_size=10, shuffle=False, sample_weight=denormal)  # the first batch has no other weights
    b.fit(X, Y, epochs=5, batch_size=10, shuffle=False, sample_weight=zero)
    assert np.isfinite(a.params).all()
    np.testing.assert_array_equal(a.params, b.params)
    np.testing.assert_array_equal(denormal, before)


def test_a_callable_order_that_fails_leaves_the_epochs_before_it():
    X, Y = data(make())
    stopped, two, adam = make(), make(), sn.Adam()
    with pytest.raises(ValueError, match="order"):
        stopped.fit(X, Y, epochs=5, optimizer=adam, order=lambda epoch: np.arange(40) if epoch < 2 else np.full(40, 40))
    two.fit(X, Y, epochs=2, optimizer=sn.Adam(), order=lambda epoch: np.arange(40))
    np.testing.assert_array_equal(stopped.params, two.params)
    assert adam.n_steps == 2


def test_loading_does_not_import_numpy_random(tmp_path):
    path = tmp_path / "net.safetensors"
    make().save(path)
    code = (
        "import sys, numpy; before = 'numpy.random' in sys.modules; import shallownet_c as sn; "
        f"sn.load({str(path)!r})([1, 2, 3]); print(before, 'numpy.random' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True, timeout=60)
    before, after = done.stdout.split()
    assert before == after  # where NumPy itself imports it there is nothing to save


def test_copies_are_apart():
    net = make(output="softmax", activation=["relu"], leak=0.2, dtype="float32")
    for again in (net.copy(), copy.copy(net), copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert type(again) is sn.MLP
        assert repr(again) == repr(net)
        assert again.leak == net.leak
        np.testing.assert_array_equal(again.params, net.params)
        again.params[:] = 0
        assert net.params.any()
        np.testing.assert_array_equal(again(np.ones(3, np.float32)), [0.5, 0.5])


class Named(sn.MLP):
    """A network with an argument of its own, and an attribute."""

    def __init__(self, name):
        super().__init__([3, 2], seed=0)
        self.name = name


def test_copies_of_a_subclass():
    net = Named("first")
    net.partner = net
    pickled = pickle.dumps(net)
    assert copy.copy(net).partner is net
    for again in (net.copy(), copy.deepcopy(net), pickle.loads(pickled)):
        assert type(again) is Named
        assert again.name == "first"
        assert again.partner is again  # cycles too
        np.testing.assert_array_equal(again.params, net.params)
        assert not np.may_share_memory(again.params, net.params)


def test_pickles_do_not_name_a_build():
    assert b"_kernels" not in pickle.dumps(make())


def test_full_batch_is_gradient_descent():
    net = make()
    X, Y = data(net)
    J, grad = net.cost_and_grad(X, Y)
    before = net.params.copy()
    history = net.fit(X, Y, optimizer=sn.SGD(0.3), epochs=1)
    assert history.cost == [J]
    networks.close(net.params, before - 0.3 * grad, 4 * np.finfo(float).eps)


def test_l2_is_on_weights_alone():
    net = make(layer_sizes=[3, 2])
    X, Y = data(net, 10)
    net.biases[0][...] = 0.5
    _, grad = net.cost_and_grad(X, Y)
    grad[:6] += 0.7 * net.params[:6] / 10
    expected = net.params - 0.1 * grad
    history = net.fit(X, Y, optimizer=sn.SGD(0.1), epochs=1, l2=0.7)
    networks.close(net.params, expected, 4 * np.finfo(float).eps)
    untouched = make(layer_sizes=[3, 2])
    untouched.biases[0][...] = 0.5
    assert history.cost == [untouched.cost(X, Y)]  # the penalty is not in it


def test_same_seed_same_bits():
    net, X, Y = make(), *data(make())
    runs = []
    for seed in (5, 5, 6):
        again = net.copy()
        again.fit(X, Y, epochs=20, batch_size=8, seed=seed)
        runs.append(again.params.copy())
    np.testing.assert_array_equal(runs[0], runs[1])
    assert (runs[0] != runs[2]).any()


def test_shuffling_does_not_depend_on_how_many_epochs_are_drawn_at_once(monkeypatch):
    X, Y = data(make())
    runs = []
    for chunk in (1, 3 * 40, 10**6):
        monkeypatch.setattr(_orders, "CHUNK", chunk)
        net = make()
        history = net.fit(X, Y, epochs=8, batch_size=8, seed=1)
        runs.append((net.params.copy(), history.cost))
    for params, cost in runs[1:]:
        np.testing.assert_array_equal(params, runs[0][0])
        assert cost == runs[0][1]


def test_order_of_rows():
    X, Y = data(make())
    rng = np.random.default_rng(9)
    order = np.stack([rng.permutation(40) for _ in range(6)])
    given, called, drawn = make(), make(), make()
    given.fit(X, Y, epochs=6, batch_size=16, order=order)
    called.fit(X, Y, epochs=6, batch_size=16, order=lambda epoch: order[epoch].astype(np.int32))
    drawn.fit(X, Y, epochs=6, batch_size=16, seed=np.random.default_rng(9))
    np.testing.assert_array_equal(given.params, called.params)
    np.testing.assert_array_equal(given.params, drawn.params)
    rows = order[0][:16]
    step = make()
    step.fit(X[rows], Y[rows], epochs=1)
    first = make()
    first.fit(X[order[0]][:16], Y[order[0]][:16], epochs=1, batch_size=16, shuffle=False)
    np.testing.assert_array_equal(step.params, first.params)


def test_without_shuffling_rows_come_as_they_are():
    X, Y = data(make())
    plain, ordered = make(), make()
    plain.fit(X, Y, epochs=3, batch_size=16, shuffle=False)
    ordered.fit(X, Y, epochs=3, batch_size=16, order=np.tile(np.arange(40), (3, 1)))
    np.testing.assert_array_equal(plain.params, ordered.params)


def test_history():
    net = make()
    X, Y = data(net)
    history = net.fit(X, Y, epochs=30, batch_size=13, seed=0)
    assert isinstance(history, sn.History)
    assert history.n_epochs == len(history.cost) == 30
    assert all(type(cost) is float for cost in history.cost)
    assert history.cost[-1] < history.cost[0]
    assert history.val_cost == []
    assert history.stopped == "epochs"
    assert history.seconds > 0
    assert "n_epochs=30" in repr(history)


def test_predictions_from_many_threads_at_once():
    net = sn.MLP([20, 64, 5], seed=0)
    X = np.random.default_rng(0).standard_normal((3000, 20))
    expected, one = net(X), net(X[0])
    wrong = []

    def work():
        for _ in range(20):
            if not np.array_equal(net(X), expected) or not np.array_equal(net(X[0]), one):
                wrong.append(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("output", ["identity", "sigmoid"])
def test_cost_and_grad_of_plain_arrays_is_that_of_lists(dtype, output):
    rng = np.random.default_rng(0)
    net = sn.MLP([5, 7, 2], output=output, dtype=dtype, seed=0)
    X, Y = rng.standard_normal((50, 5)).astype(dtype), rng.random((50, 2)).astype(dtype)
    J, grad = net.cost_and_grad(X, Y)
    J_2, grad_2 = net.cost_and_grad(X.tolist(), Y.tolist(), np.ones(50))
    assert J == J_2
    assert grad.dtype == net.dtype
    np.testing.assert_array_equal(grad, grad_2)


INTERRUPTED = """
import _thread, threading
import numpy as np, shallownet_c as sn
rng = np.random.default_rng(0)
X, Y = rng.standard_normal(({m}, 10)), rng.standard_normal({m})
net = sn.MLP([10, 64, 1], seed=0)
start = net.params.copy()
threading.Timer(0.5, _thread.interrupt_main).start()
try:
    net.fit(X, Y, epochs=10**7, batch_size={batch_size})
except KeyboardInterrupt:
    print(net.history.stopped, np.isfinite(net.params).all(), (net.params != start).any())
"""


@pytest.mark.parametrize(("m", "batch_size"), [(100, 10), (20_000, None)])
def test_ctrl_c_ends_a_fit(m, batch_size):
    code = INTERRUPTED.format(m=m, batch_size=batch_size)
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout.split() == ["interrupted", "True", "True"], done.stderr


def test_network_that_was_never_built_does_not_crash():
    net = sn.MLP.__new__(sn.MLP)
    with pytest.raises((AttributeError, TypeError)):
        net(np.zeros(3))
