"""Bad input: an error of the right type that names the argument, before anything has changed."""

import numpy as np
import pytest
import scipy.sparse
from stored import Stored

import shallownet_c as sn

NAN, INF = np.nan, np.inf
X = np.random.default_rng(0).standard_normal((6, 3))
Y = np.random.default_rng(1).random((6, 2))


def with_value(array, row, value):
    array = np.array(array, float)
    array[row] = value
    return array


CONSTRUCTION = [
    (TypeError, "layer_sizes", dict(layer_sizes=5)),
    (TypeError, "layer_sizes", dict(layer_sizes="34")),
    (TypeError, "layer_sizes", dict(layer_sizes=[3, 4.0])),
    (TypeError, "layer_sizes", dict(layer_sizes=[3, True])),
    (TypeError, "layer_sizes", dict(layer_sizes=None)),
    (ValueError, "layer_sizes", dict(layer_sizes=[3])),
    (ValueError, "layer_sizes", dict(layer_sizes=[])),
    (ValueError, "layer_sizes", dict(layer_sizes=[3, 0, 1])),
    (ValueError, "layer_sizes", dict(layer_sizes=[3, -4, 1])),
    (ValueError, "layer_sizes", dict(layer_sizes=[2**40, 2**40, 1])),
    (ValueError, "layer_sizes", dict(layer_sizes=[2**70, 1])),
    (TypeError, "layer_sizes", dict(layer_sizes={3, 2})),
    (TypeError, "layer_sizes", dict(layer_sizes={3: 4, 2: 1})),
    (TypeError, "layer_sizes", dict(layer_sizes=np.array(3))),
    (ValueError, "activation.*'leaky_relu'", dict(activation="swish")),
    (ValueError, "activation", dict(activation="softmax")),
    (ValueError, "activation", dict(activation=["tanh", "tanh"])),
    (ValueError, "activation", dict(activation=[])),
    (TypeError, "activation", dict(activation=3)),
    (TypeError, "activation", dict(activation=[None])),
    (TypeError, "activation", dict(activation={"tanh"})),
    (ValueError, "output.*'softmax'", dict(output="linear")),
    (TypeError, "output", dict(output=None)),
    (ValueError, "loss.*'log_loss'", dict(loss="hinge")),
    (ValueError, "loss.*go with", dict(loss="log_loss")),
    (ValueError, "loss.*go with", dict(loss="log_loss", output="tanh")),
    (ValueError, "loss.*go with", dict(loss="squared_error", output="softmax")),
    (ValueError, "init.*'he_normal'", dict(init="xavier")),
    (ValueError, "init", dict(init=-0.1)),
    (ValueError, "init", dict(init=NAN)),
    (ValueError, r"init must be .* or a number in \[0, 2.81e\+306\]", dict(init=1e308)),
    (ValueError, r"init must be .* or a number in \[0, 5.32e\+36\]", dict(init=1e37, dtype="float32")),
    (TypeError, "init", dict(init=None)),
    (TypeError, "init", dict(init=True)),
    (ValueError, "leak", dict(leak=1)),
    (ValueError, "leak", dict(leak=-0.1)),
    (ValueError, "leak", dict(leak=NAN)),
    (TypeError, "leak", dict(leak="small")),
    (TypeError, "leak", dict(leak=bytearray(b"0.1"))),
    (TypeError, "leak", dict(leak=np.complex64(0.1))),
    (ValueError, "leak must be in .*, got <an integer of 1329 bits>, which no float can hold", dict(leak=10**400)),
    (ValueError, "dtype.*'float32'", dict(dtype="float16")),
    (ValueError, "dtype", dict(dtype="int64")),
    (ValueError, "dtype", dict(dtype="nonsense")),
    (ValueError, "dtype", dict(dtype=None)),
    (ValueError, "dtype", dict(dtype=">f8")),
    (TypeError, "seed", dict(seed="lucky")),
    (TypeError, "seed", dict(seed=1.5)),
    (ValueError, "seed", dict(seed=-1)),
]


@pytest.mark.parametrize(("error", "message", "changes"), CONSTRUCTION, ids=str)
def test_construction(error, message, changes):
    arguments = {"layer_sizes": [3, 4, 2]} | changes
    rng = np.random.default_rng(0)
    if "seed" not in changes:
        arguments["seed"] = rng
    before = rng.bit_generator.state
    with pytest.raises(error, match=message):
        sn.MLP(**arguments)
    assert rng.bit_generator.state == before


def test_a_size_that_python_does_not_print():
    for size in (10**5000, -(10**5000)):
        with pytest.raises(ValueError, match=r"layer_sizes\[0\] must be at .*, got <an integer of 16610 bits>"):
            sn.MLP([size, 1])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_greatest_first_weights(dtype):
    net = sn.MLP([30, 40, 2], init=float(np.finfo(dtype).max) / 64, dtype=dtype, seed=0)
    assert np.isfinite(net.params).all()
    with np.errstate(all="raise"):
        assert not sn.MLP([30, 40, 2], init=5e-324, dtype="float32", seed=0).params.any()


BAD_X = [
    (ValueError, "X.*shape", X[:, :2]),
    (ValueError, "X.*shape", X[np.newaxis]),
    (ValueError, "X.*shape", 1.0),
    (ValueError, "X.*shape", []),
    (TypeError, "X.*complex", X + 0j),
    (TypeError, "X.*text such as", X.astype(str)),
    (TypeError, r"X.*object that holds 'a' at \(0, 1\)", np.array([[1.0, "a"]] * len(X), object)),
    (TypeError, "X.*object that holds None", np.array([[1.0, None]] * len(X), object)),
    (ValueError, r"X must have shape \(m, 3\), got \(\d+, 2\)", scipy.sparse.csr_array(X[:, :2])),
    (TypeError, r"X.data must be real numbers, got an array of dtype complex128", scipy.sparse.csr_array(X + 0j)),
    (TypeError, "X.*datetime", X.astype("datetime64[s]")),
    (TypeError, "X", None),
    (TypeError, "X", "words"),
    (TypeError, "X", {1, 2}),
]


@pytest.mark.parametrize(("error", "message", "x"), BAD_X)
def test_inputs_of_predictions(error, message, x):
    net = sn.MLP([3, 4, 2], seed=0)
    for predict in (net, net.predict, net.layer_outputs):
        with pytest.raises(error, match=message):
            predict(x)


RAGGED = [[1, 2, 3], [1, 2]]


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("X", lambda net: net(RAGGED)),
        ("X", lambda net: net.layer_outputs(RAGGED)),
        ("X", lambda net: net.cost(RAGGED, Y)),
        ("Y", lambda net: net.cost(X, RAGGED)),
        ("sample_weight", lambda net: net.cost(X, Y, RAGGED)),
        ("order", lambda net: net.fit(X, Y, order=RAGGED)),
        ("W", lambda net: sn.kernels.dense_forward(X, RAGGED, np.zeros(2), "tanh")),
    ],
)
def test_ragged_input(name, call):
    with pytest.raises(ValueError, match=f"^{name} "):
        call(sn.MLP([3, 4, 2]))


@pytest.mark.parametrize(
    ("error", "x", "out"),
    [
        (ValueError, X, np.empty((5, 2))),
        (ValueError, X, np.empty((6, 3))),
        (ValueError, X, np.empty(12)),
        (ValueError, X[0], np.empty((1, 2))),
        (ValueError, X[0], np.empty(3)),
        (TypeError, X, np.empty((6, 2), np.float32)),
        (TypeError, X, np.empty((6, 2), ">f8")),
        (TypeError, X[0], np.empty(2, np.float32)),
        (ValueError, X, np.empty((6, 4))[:, ::2]),
        (ValueError, X[0], np.empty(4)[::2]),
        (ValueError, X, np.empty((2, 6)).T),
        (ValueError, X[0], np.zeros(17, np.uint8)[1:].view(float)),
        (TypeError, X, [[0.0, 0.0]] * 6),
        (TypeError, X[0], [0.0, 0.0]),
    ],
)
def test_out(error, x, out):
    net = sn.MLP([3, 4, 2], seed=0)
    before = np.array(out)
    with pytest.raises(error, match="out"):
        net(x, out=out)
    with pytest.raises(error, match="out"):
        net.predict(x, out)
    np.testing.assert_array_equal(out, before)


def test_read_only_out():
    net = sn.MLP([3, 4, 2], seed=0)
    for x, shape in ((X, (6, 2)), (X[0], (2,))):
        out = np.zeros(shape)
        out.flags.writeable = False
        with pytest.raises(ValueError, match="out"):
            net(x, out=out)
        assert not out.any()


BAD_DATA = [
    *[(error, message, dict(X=x)) for error, message, x in BAD_X],
    (ValueError, "X", dict(X=X[0])),
    (ValueError, "X.*at least one row", dict(X=X[:0], Y=Y[:0])),
    (ValueError, "X.*row 4", dict(X=with_value(X, 4, NAN))),
    (ValueError, "X.*row 5", dict(X=with_value(X, (5, 2), -INF))),
    (ValueError, "Y.*row 2", dict(Y=with_value(Y, 2, NAN))),
    (ValueError, "Y.*row 0", dict(Y=with_value(Y, (0, 1), INF))),
    (ValueError, "Y.*shape", dict(Y=Y[:5])),
    (ValueError, "Y.*shape", dict(Y=Y[:, :1])),
    (ValueError, "Y.*shape", dict(Y=Y[:, 0])),
    (ValueError, "Y.*shape", dict(Y=0.5)),
    (TypeError, "Y.*complex", dict(Y=Y + 0j)),
    (TypeError, "Y", dict(Y=Y.astype(str))),
    (TypeError, "Y|shape", dict(Y=np.full((6, 2), None))),
    (ValueError, "sample_weight.*shape", dict(sample_weight=np.ones(5))),
    (ValueError, "sample_weight.*shape", dict(sample_weight=np.ones((6, 1)))),
    (ValueError, "sample_weight.*row 3", dict(sample_weight=with_value(np.ones(6), 3, -1))),
    (ValueError, "sample_weight.*row 1", dict(sample_weight=with_value(np.ones(6), 1, NAN))),
    (ValueError, "sample_weight.*row 1", dict(sample_weight=with_value(np.ones(6), 1, INF))),
    (ValueError, "sample_weight.*zero", dict(sample_weight=np.zeros(6))),
    (ValueError, "sample_weight.*zero", dict(sample_weight=np.full(6, 5e-324))),
    (ValueError, "sample_weight.*finite sum", dict(sample_weight=np.full(6, 1e308))),
    (TypeError, "sample_weight", dict(sample_weight=["a"] * 6)),
]
SIGMOID = dict(layer_sizes=[3, 4, 1], output="sigmoid")
SOFTMAX = dict(layer_sizes=[3, 4, 2], output="softmax")
BAD_TARGETS = [
    (ValueError, r"Y.*\[0, 1\].*row 2", SIGMOID, [0, 1, 2, 0, 1, 0]),
    (ValueError, r"Y.*\[0, 1\].*row 0", SIGMOID, [-0.1, 1, 1, 0, 1, 0]),
    (ValueError, "Y.*finite.*row 4", SIGMOID, [0, 1, 1, 0, NAN, 0]),
    (ValueError, "Y.*finite.*row 1", SOFTMAX, with_value(np.full((6, 2), 0.5), 1, [NAN, 1])),
    (ValueError, "Y.*finite.*row 2", SOFTMAX, with_value(np.full((6, 2), 0.5), 2, [INF, 0])),
    (ValueError, "Y.*classes 0 … 1.*row 3", SOFTMAX, [0, 1, 1, 2, 1, 0]),
    (ValueError, "Y.*classes 0 … 1.*row 1", SOFTMAX, [0, -1, 1, 1, 1, 0]),
    (ValueError, "Y.*shape", SOFTMAX, [0, 1, 1]),
    (TypeError, "Y.*integers", SOFTMAX, [0.0, 1.0, 1.0, 0.0, 1.0, 0.0]),
    (TypeError, "Y.*integers", SOFTMAX, ["a", "b", "b", "a", "b", "a"]),
    (ValueError, "Y.*sum to 1.*row 1", SOFTMAX, with_value(np.full((6, 2), 0.5), 1, 0.4)),
    (ValueError, r"Y.*\[0, 1\].*row 1", SOFTMAX, with_value(np.full((6, 2), 0.5), 1, [1.5, -0.5])),
]


def unchanged_by(net, call, error, message):
    """The call raises, and leaves the network, the gradient and the optimizer as they were."""
    grad, optimizer = np.zeros(net.n_params), sn.Adam()
    before = net.params.copy()
    with pytest.raises(error, match=message):
        call(grad, optimizer)
    np.testing.assert_array_equal(net.params, before)
    assert not grad.any()
    assert optimizer.n_steps == 0
    assert optimizer._state is None


def every_use(net, arguments, error, message):
    calls = [
        lambda grad, optimizer: net.cost(**arguments),
        lambda grad, optimizer: net.cost_and_grad(**arguments),
        lambda grad, optimizer: net.accumulate_grad(**arguments, grad=grad),
        lambda grad, optimizer: net.fit(**arguments, optimizer=optimizer, epochs=2),
    ]
    for call in calls:
        unchanged_by(net, call, error, message)


@pytest.mark.parametrize(("error", "message", "changes"), BAD_DATA)
def test_data(error, message, changes):
    every_use(sn.MLP([3, 4, 2], seed=0), {"X": X, "Y": Y} | changes, error, message)


@pytest.mark.parametrize(("error", "message", "network", "y"), BAD_TARGETS)
def test_targets(error, message, network, y):
    every_use(sn.MLP(**network, seed=0), {"X": X, "Y": y}, error, message)


def test_a_number_too_great_for_float32():
    net = sn.MLP([3, 4, 2], dtype="float32", seed=0)
    with pytest.raises(ValueError, match=r"X.*row 1"):
        net.cost(with_value(X, (1, 0), 1e39), Y)


@pytest.mark.parametrize(
    ("error", "message", "changes"),
    [
        (ValueError, "epochs", dict(epochs=0)),
        (ValueError, "epochs", dict(epochs=-1)),
        (ValueError, "epochs", dict(epochs=2**70)),
        (TypeError, "epochs", dict(epochs=2.5)),
        (TypeError, "epochs", dict(epochs=True)),
        (ValueError, "batch_size", dict(batch_size=0)),
        (TypeError, "batch_size", dict(batch_size="all")),
        (TypeError, "shuffle", dict(shuffle=1)),
        (ValueError, "l2", dict(l2=-1)),
        (ValueError, "l2", dict(l2=NAN)),
        (ValueError, "l2", dict(l2=10**400)),
        (TypeError, "l2", dict(l2="no")),
        (ValueError, "n_threads", dict(n_threads=0)),
        (TypeError, "n_threads", dict(n_threads=1.5)),
        (ValueError, "optimizer.*'adam'", dict(optimizer="adagrad")),
        (TypeError, "optimizer", dict(optimizer=sn.Adam)),
        (TypeError, "optimizer", dict(optimizer=None)),
        (TypeError, "seed", dict(seed="x")),
        (ValueError, "order.*shape", dict(order=np.zeros((3, 6), int))),
        (ValueError, "order.*shape", dict(order=np.zeros(6, int))),
        (TypeError, "order", dict(order=np.zeros((2, 6)))),
        (ValueError, "order.*0 … 5", dict(order=np.full((2, 6), 6))),
        (ValueError, "order.*0 … 5", dict(order=np.full((2, 6), -1))),
        (ValueError, "order.*shape", dict(order=lambda epoch: np.arange(5))),
        (ValueError, "order.*0 … 5", dict(order=lambda epoch: np.full(6, 2**40))),
        (ValueError, "order.*0 … 5", dict(order=np.full((2, 6), 2**64 - 1, np.uint64))),
    ],
)
def test_fit(error, message, changes):
    net, rng = sn.MLP([3, 4, 2], seed=0), np.random.default_rng(0)
    before, state = net.params.copy(), rng.bit_generator.state
    with pytest.raises(error, match=message):
        net.fit(X, Y, **{"epochs": 2, "seed": rng, "batch_size": 2} | changes)
    np.testing.assert_array_equal(net.params, before)
    assert rng.bit_generator.state == state


def test_what_is_refused_last_draws_no_numbers():
    rng = np.random.default_rng(0)
    state = rng.bit_generator.state
    with pytest.raises(ValueError, match="dropout needs a batch_size"):
        sn.MLP([3, 4, 2], seed=0).fit(Stored(X), Y, dropout=0.5, seed=rng)
    assert rng.bit_generator.state == state


def test_bad_values_are_shown_with_their_place():
    net = sn.MLP([3, 200], output="sigmoid", seed=0)
    y = np.zeros((6, 200))
    y[4, 150] = -1
    with pytest.raises(ValueError, match=r"Y must lie in \[0, 1\] for log_loss, got -1.0 in row 4, column 150$"):
        net.cost(X, y)
    with pytest.raises(ValueError, match=r"Y must not be negative for poisson, got -1.0 in row 4, column 150$"):
        sn.MLP([3, 200], loss="poisson", seed=0).cost(X, y)


def test_fit_takes_its_options_by_name():
    with pytest.raises(TypeError):
        sn.MLP([3, 2]).fit(X, Y, "adam")


@pytest.mark.parametrize(
    ("error", "grad"),
    [
        (ValueError, np.zeros(25)),
        (ValueError, np.zeros((1, 26))),
        (TypeError, np.zeros(26, np.float32)),
        (TypeError, [0.0] * 26),
        (ValueError, np.zeros(52)[::2]),
        (TypeError, None),
    ],
)
def test_grad(error, grad):
    with pytest.raises(error, match="grad"):
        sn.MLP([3, 4, 2], seed=0).accumulate_grad(X, Y, grad)


def test_grad_that_is_the_parameters():
    net = sn.MLP([3, 4, 2], seed=0)
    before = net.params.copy()
    for grad in (net.params, net.params[::-1][::-1]):
        with pytest.raises(ValueError, match=r"grad.*params"):
            net.accumulate_grad(X, Y, grad)
    np.testing.assert_array_equal(net.params, before)


LAYER = dict(X=X, W=np.ones((2, 3)), b=np.zeros(2), activation="tanh")


@pytest.mark.parametrize(
    ("error", "message", "changes"),
    [
        (ValueError, "X.*shape", dict(X=X[:, :2])),
        (ValueError, "X.*shape", dict(X=X[0])),
        (ValueError, "W.*shape", dict(W=np.ones(3))),
        (ValueError, "W.*shape", dict(W=np.ones((0, 3)), b=np.zeros(0))),
        (ValueError, "b.*shape", dict(b=np.zeros(3))),
        (ValueError, "b.*shape", dict(b=np.zeros((2, 1)))),
        (TypeError, "float32.*float64", dict(X=X.astype(np.float32))),
        (TypeError, "float32", dict(X=X.astype(int))),
        (TypeError, "float32", {k: LAYER[k].astype(np.float16) for k in "XWb"}),
        (TypeError, "float32", {k: LAYER[k].astype(complex) for k in "XWb"}),
        (ValueError, "activation.*'relu'", dict(activation="swish")),
        (ValueError, "leak", dict(leak=1.0)),
        (ValueError, "out.*shape", dict(out=np.empty((6, 3)))),
        (TypeError, "out.*dtype", dict(out=np.empty((6, 2), np.float32))),
        (ValueError, "out", dict(out=np.empty((2, 6)).T)),
    ],
)
def test_dense_forward(error, message, changes):
    with pytest.raises(error, match=message):
        sn.kernels.dense_forward(**LAYER | changes)


def test_dense_forward_into_its_input():
    square = np.ones((3, 3))
    with pytest.raises(ValueError, match=r"out.*memory.*X"):
        sn.kernels.dense_forward(square, np.eye(3), np.zeros(3), "relu", out=square)
    np.testing.assert_array_equal(square, np.ones((3, 3)))


@pytest.mark.parametrize(
    ("error", "message", "changes"),
    [
        (ValueError, "dA.*shape", dict(dA=Y[:5])),
        (ValueError, "A.*shape", dict(A=Y[:, :1])),
        (ValueError, "dW.*shape", dict(dW=np.zeros((3, 2)))),
        (ValueError, "db.*shape", dict(db=np.zeros(3))),
        (TypeError, "dW.*dtype", dict(dW=np.zeros((2, 3), np.float32))),
        (ValueError, "dX.*shape", dict(dX=np.zeros((6, 2)))),
        (TypeError, "dX", dict(dX=True)),
        (TypeError, "float32", dict(dA=Y.astype(np.float32))),
        (ValueError, "activation", dict(activation="softmax")),
        (ValueError, "leak", dict(leak=-1)),
    ],
)
def test_dense_backward(error, message, changes):
    dW, db = np.zeros((2, 3)), np.zeros(2)
    arguments = dict(dA=Y, A=Y, X=X, W=np.ones((2, 3)), activation="tanh", dW=dW, db=db)
    with pytest.raises(error, match=message):
        sn.kernels.dense_backward(**arguments | changes)
    assert not dW.any()
    assert not db.any()


def test_dense_backward_outputs_apart():
    W, memory = np.ones((3, 3)), np.zeros((6, 3))
    db = np.zeros(3)
    for changes in (dict(dW=memory[:3], dX=memory), dict(dW=W), dict(dX=X)):
        arguments = dict(dA=X, A=X, X=X, W=W, activation="tanh", dW=np.zeros((3, 3)), db=db)
        with pytest.raises(ValueError, match="memory"):
            sn.kernels.dense_backward(**arguments | changes)
    np.testing.assert_array_equal(W, np.ones((3, 3)))


def test_kernels_of_no_rows():
    W = np.ones((2, 3))
    assert sn.kernels.dense_forward(X[:0], W, np.zeros(2), "relu").shape == (0, 2)
    dW, db = np.ones((2, 3)), np.ones(2)
    assert sn.kernels.dense_backward(Y[:0], Y[:0], X[:0], W, "relu", dW, db).shape == (0, 3)
    np.testing.assert_array_equal(dW, np.ones((2, 3)))


def test_dense_kernels_take_arrays_of_every_layout():
    W, b = np.ones((2, 3)), np.zeros(2)
    expected = sn.kernels.dense_forward(X, W, b, "tanh")
    for x in (np.asfortranarray(X), X[::-1].copy()[::-1], X.astype(">f8"), X.tolist()):
        np.testing.assert_array_equal(sn.kernels.dense_forward(x, W, b, "tanh"), expected)
    dW, db = np.zeros((2, 3)), np.zeros(2)
    assert sn.kernels.dense_backward(Y, expected, X, W, "tanh", dW, db, dX=False) is None
    dX = np.empty((6, 3))
    assert sn.kernels.dense_backward(Y, expected, X, W, "tanh", dW, db, dX=dX) is dX
    np.testing.assert_array_equal(dX, sn.kernels.dense_backward(Y, expected, X, W, "tanh", dW, db))
