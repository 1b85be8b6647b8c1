"""What is written to shares no memory with what is read: refused, with both names, before anything has changed."""

import itertools

import numpy as np
import pytest
from stored import Stored

import shallownet_c as sn

SIZES, M = [3, 4, 2], 6
X = np.random.default_rng(0).standard_normal((M, 3))
Y = np.random.default_rng(1).random((M, 2))


def network():
    return sn.MLP(SIZES, output="sigmoid", seed=0)


#: Ways to look at the same memory.
VIEWS = {
    "view": lambda array: array[:],
    "frombuffer": lambda array: np.frombuffer(array.data, array.dtype),
    "memoryview": lambda array: np.asarray(memoryview(array)),
    "backwards": lambda array: array[::-1][::-1],
}


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_predictions_into_the_parameters(view):
    net = network()
    before = net.params.copy()
    out = view(net.params)[5:17].reshape(M, 2)
    for predict in (net, net.predict):
        with pytest.raises(ValueError, match=r"out must not share memory with the network's params"):
            predict(X, out=out)
        with pytest.raises(ValueError, match=r"out must not share memory with the network's params"):
            predict(X.tolist(), out=out)
        with pytest.raises(ValueError, match=r"out must not share memory with the network's params"):
            predict(X[0].tolist(), out=view(net.biases[1]))
    np.testing.assert_array_equal(net.params, before)


@pytest.mark.parametrize("at", range(-4, 8, 3))
def test_predictions_into_their_input(at):
    net = network()
    memory = np.zeros(30)
    x, out = memory[6:24].reshape(M, 3), memory[6 + at : 18 + at].reshape(M, 2)
    x[:] = X
    np.testing.assert_array_equal(net(x, out=out), net(X))
    row, out = memory[6:9], memory[6 + at : 8 + at]
    row[:] = X[0]
    np.testing.assert_array_equal(net(row, out=out), net(X[0]))


def test_predictions_of_the_parameters():
    net = network()
    x = net.params[2:20].reshape(M, 3)
    np.testing.assert_array_equal(net(x), net(x.copy()))
    assert net.cost(x, Y) == net.cost(x.copy(), Y)


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_gradients_added_to_what_they_come_from(view):
    net = network()
    memory = np.full(net.n_params, 0.25)
    data = {
        "X": view(memory)[3:21].reshape(M, 3),
        "Y": view(memory)[-12:].reshape(M, 2),
        "sample_weight": view(memory)[10:16],
    }
    for name, array in data.items():
        with pytest.raises(ValueError, match=f"grad must not share memory with {name}"):
            net.accumulate_grad(**{"X": X, "Y": Y} | {name: array}, grad=memory)
    np.testing.assert_array_equal(memory, 0.25)
    for grad in (net.params, view(net.params)):
        with pytest.raises(ValueError, match="grad must not share memory with the network's params"):
            net.accumulate_grad(X, Y, grad)
    np.testing.assert_array_equal(net.params, network().params)


def test_gradients_added_to_what_is_converted_first():
    net = network()
    expected = np.zeros(net.n_params)
    grad = np.zeros(net.n_params)
    x = grad[:18].reshape(3, M).T
    net.accumulate_grad(np.zeros((M, 3)), Y, expected)
    net.accumulate_grad(x, Y, grad)
    np.testing.assert_array_equal(grad, expected)


FITS = {
    "fit": lambda net, X, Y, w: net.fit(X, Y, sample_weight=w, epochs=2),
    "batches": lambda net, X, Y, w: net.fit(X, Y, sample_weight=w, epochs=2, batch_size=2, optimizer="sgd"),
    "lbfgs": lambda net, X, Y, w: net.fit(X, Y, sample_weight=w, epochs=2, optimizer="lbfgs"),
    "partial_fit": lambda net, X, Y, w: net.partial_fit(X, Y, w),
    "chunks": lambda net, X, Y, w: net.fit(lambda: [(X, Y, w)], epochs=2),
    "lazy": lambda net, X, Y, w: net.fit(Stored(X), Y, sample_weight=w, epochs=2),
    "validation": lambda net, X_dev, Y_dev, w: net.fit(X, Y, validation_data=(X_dev, Y_dev, w), epochs=2),
}


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
@pytest.mark.parametrize("fit", FITS.values(), ids=FITS)
def test_fits_of_their_own_parameters(fit, view):
    net = network()
    net.params[:] = 0.25
    data = {
        "X": view(net.params)[3:21].reshape(M, 3),
        "Y": view(net.params)[-12:].reshape(M, 2),
        "sample_weight": view(net.params)[10:16],
    }
    for name, array in data.items():
        with pytest.raises(ValueError, match=f"{name} must not share memory with the network's params"):
            fit(net, *({"X": X, "Y": Y, "sample_weight": np.ones(M)} | {name: array}).values())
        np.testing.assert_array_equal(net.params, 0.25)
    fit(net, *(array.copy() for array in data.values()))
    assert (net.params != 0.25).any()


def test_gradients_added_to_rows_that_are_read_in_pieces():
    net, memory = network(), np.full(26, 0.25)
    with pytest.raises(ValueError, match="grad must not share memory with X"):
        net.accumulate_grad(Stored(memory[:18].reshape(M, 3)), Y, memory)
    with pytest.raises(ValueError, match="grad must not share memory with Y"):
        net.accumulate_grad(Stored(X), memory[:12].reshape(M, 2), memory)
    np.testing.assert_array_equal(memory, 0.25)


def layer(memory, shapes):
    """Arrays of these shapes, one after the other in the memory."""
    arrays, at = {}, 0
    for name, shape in shapes.items():
        size = int(np.prod(shape))
        arrays[name] = memory[at : at + size].reshape(shape)
        at += size
    return arrays


FORWARD = {"X": (3, 3), "W": (3, 3), "b": (3,), "out": (3, 3)}
BACKWARD = {"dA": (3, 3), "A": (3, 3), "X": (3, 3), "W": (3, 3), "dW": (3, 3), "db": (3,), "dX": (3, 3)}


@pytest.mark.parametrize(
    ("function", "shapes", "outputs"),
    [
        (sn.kernels.dense_forward, FORWARD, ["out"]),
        (sn.kernels.dense_backward, BACKWARD, ["dW", "db", "dX"]),
    ],
    ids=["forward", "backward"],
)
def test_layers(function, shapes, outputs):
    arguments = layer(np.linspace(0, 1, 60), shapes)
    expected = {name: arguments[name].copy() for name in arguments}
    function(**expected, activation="tanh")
    pairs = [pair for pair in itertools.permutations(shapes, 2) if pair[0] in outputs]
    assert len(pairs) == len(outputs) * (len(shapes) - 1)
    for output, other in pairs:
        shared = np.zeros(18)
        first, second = (int(np.prod(shapes[name])) for name in (output, other))
        # They have one number in common.
        apart = {output: shared[:first], other: shared[first - 1 : first - 1 + second]}
        apart = {name: array.reshape(shapes[name]) for name, array in apart.items()}
        with pytest.raises(ValueError, match=rf"\b({output}|{other}) must not share memory with ({output}|{other})$"):
            function(**arguments | apart, activation="tanh")
        assert not shared.any()
    function(**arguments, activation="tanh")  # which lie next to each other
    for name in shapes:
        np.testing.assert_array_equal(arguments[name], expected[name])


def test_what_a_network_gives_back_is_the_callers():
    net = network()
    held = [X, Y, net.params]
    given = [*net.layer_outputs(X), net.cost_and_grad(X, Y)[1], net(X), net(X[0]), net.copy().params]
    given += [array for gradients in net.layer_gradients(X, Y) for array in gradients]
    given += [array for gradients in net.layer_gradients(X, Y, np.ones(M)) for array in gradients]
    for one, other in itertools.product(given, held):
        assert not np.shares_memory(one, other)
    for one, other in itertools.combinations(given, 2):
        assert not np.shares_memory(one, other)
