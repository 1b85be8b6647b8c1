"""Learning tools: layer_gradients, check_gradient, compare_activations."""

import contextlib
import copy
import itertools

import networks
import numpy as np
import pytest

import shallownet_c as sn
from shallownet_c.reference import vectorized
from shallownet_c.reference._activations import ACTIVATIONS
from shallownet_c.reference._losses import LOSSES

RNG = np.random.default_rng(0)


def default_arguments(loss):
    return () if loss.parameter is None else (loss.parameter.default,)


@pytest.mark.parametrize("output", networks.PAIRS, ids="-".join)
@pytest.mark.parametrize("weighted", [False, True])
def test_layer_gradients(output, weighted):
    case = networks.make((4, 6, 5, 3), ["tanh", "leaky_relu"], output, 9, np.float64)
    net = sn.MLP(case.sizes, case.activations[:-1], output[0], loss=output[1], leak=networks.LEAK)
    net.params[:] = case.params
    w = RNG.random(9) if weighted else np.ones(9)
    gradients = net.layer_gradients(case.X, case.Y, w if weighted else None)
    _, grad = net.cost_and_grad(case.X, case.Y, w)
    flat = networks.flat([g.dW for g in gradients], [g.db for g in gradients])
    np.testing.assert_allclose(flat, grad, rtol=1e-10, atol=1e-13)
    Z, A = case.forward()
    dA = None
    for layer in reversed(range(3)):
        g = gradients[layer]
        if layer == 2:
            loss = LOSSES[output[1]]
            slopes = loss.form_with(output[0]).derivatives(A[-1], case.Y, *default_arguments(loss))
            np.testing.assert_allclose(g.dA, slopes * w[:, None], rtol=1e-12, atol=1e-12)
            expected = A[-1] - case.Y
            if output[0] not in loss.canonical:
                expected = slopes * vectorized.derivative(Z[-1], output[0], networks.LEAK)
        else:
            np.testing.assert_allclose(g.dA, dA, atol=1e-12)
            expected = dA / w[:, None] * vectorized.derivative(Z[layer], case.activations[layer], networks.LEAK)
        np.testing.assert_allclose(g.dZ, expected * w[:, None], atol=1e-12)
        np.testing.assert_allclose(g.dW, g.dZ.T @ A[layer] / w.sum(), atol=1e-12)
        dA = g.dZ @ case.W[layer]
    if output[0] == "sigmoid":
        np.testing.assert_allclose(gradients[-1].dA * A[-1] * (1 - A[-1]), gradients[-1].dZ, atol=1e-12)


def test_layer_gradients_of_classes_and_rates():
    X, y = RNG.standard_normal((7, 3)), RNG.integers(0, 4, 7)
    net = sn.MLP([3, 5, 4], output="softmax", seed=0)
    one, other = net.layer_gradients(X, y), net.layer_gradients(X, np.eye(4)[y])
    for a, b in itertools.chain(*(zip(p, q, strict=True) for p, q in zip(one, other, strict=True))):
        np.testing.assert_array_equal(a, b)
    net = sn.MLP([3, 5, 2], output="exp", seed=0)
    Y = RNG.random((7, 2))
    g = net.layer_gradients(X, Y)[-1]
    np.testing.assert_allclose(g.dA * net(X), g.dZ, atol=1e-12)


#: What the docstring of check_gradient promises.
BOUNDS = {"float64": 1e-6, "float32": 1e-3}
LEAST_WRONG = 1e-2


def data_for(output, loss, rng, m=60):
    """Inputs, and targets that the pair of output and loss takes, for 3 inputs and 2 outputs."""
    X = rng.standard_normal((m, 3))
    if not ACTIVATIONS[output].elementwise:
        return X, rng.integers(0, 2, m)
    if LOSSES[loss].classes:
        return X, rng.integers(0, 2, (m, 2))
    return X, rng.poisson(2.0, (m, 2)) if LOSSES[loss].least == 0 else rng.standard_normal((m, 2))


def wrong(net, change):
    """The network with `change` made to its gradient."""

    class Wrong(type(net)):
        def cost_and_grad(self, X, Y, sample_weight=None):
            J, grad = super().cost_and_grad(X, Y, sample_weight)
            return J, change(grad.copy(), len(X))

    twin = Wrong(**net.model.description(), init="zeros")
    twin.params[:] = net.params
    return twin


#: What a network may have gone through, and how its gradient may be wrong.
TRAININGS = [None, sn.Adam(0.02), sn.LBFGS()]
CHANGES = [lambda g, m: 2 * g, lambda g, m: -g, lambda g, m: g * m, lambda g, m: g[::-1]]


@pytest.mark.parametrize(("output", "loss"), networks.PAIRS, ids=map("-".join, networks.PAIRS))
def test_check_gradient_of_right_and_wrong_ones(output, loss):
    # Every pair with a few of the combinations; all pairs together have them all.
    first = 3 * networks.PAIRS.index((output, loss))
    for seed in range(first, first + 3):
        name, other = (networks.HIDDEN[k % len(networks.HIDDEN)] for k in (seed, 5 * seed + 1))
        how, dtype = TRAININGS[seed % 3], list(BOUNDS)[seed // 3 % 2]
        change, init = CHANGES[seed % 4], ["glorot_uniform", 0.01, "he_normal"][seed // 5 % 3]
        rng = np.random.default_rng(seed)
        X, Y = data_for(output, loss, rng)
        weights = rng.random(60) if seed % 2 else None
        net = sn.MLP([3, 4, 3, 2], [name, other], output, loss=loss, dtype=dtype, init=init, seed=seed)
        if how is not None:
            with contextlib.suppress(sn.DivergenceError):  # of output exp, and its parameters are finite all the same
                net.fit(X, Y, optimizer=copy.deepcopy(how), epochs=200)
        before = net.params.copy()
        assert sn.check_gradient(net, X, Y, weights) < BOUNDS[dtype], seed
        np.testing.assert_array_equal(net.params, before)
        grad = net.cost_and_grad(X, Y, weights)[1]
        # Of a gradient that is as good as zero each multiple is as right.
        if np.abs(grad).max() > {"float64": 1e-6, "float32": 1e-2}[dtype]:
            assert sn.check_gradient(wrong(net, change), X, Y, weights) > LEAST_WRONG, seed


@pytest.mark.parametrize("dtype", BOUNDS)
@pytest.mark.parametrize("init", [0.01, "zeros", "glorot_uniform"])
def test_check_gradient_of_the_notes_network(init, dtype):
    X, y = sn.datasets.make_flower(400, seed=1)
    net = sn.MLP([2, 4, 1], activation="tanh", output="sigmoid", init=init, dtype=dtype, seed=0)
    for epochs in (0, 10, 1000, 10_000):
        if epochs:
            net.fit(X, y, optimizer=sn.SGD(1.2), epochs=epochs)
        assert sn.check_gradient(net, X, y) < BOUNDS[dtype]
        if init != "zeros":  # whose gradient is 0

            def one_layer(grad, m):
                grad[:12] *= 1.5
                return grad

            assert sn.check_gradient(wrong(net, one_layer), X, y) > LEAST_WRONG


@pytest.mark.parametrize("left_out", [0, 1])
def test_check_gradient_misses_no_derivative_of_an_activation(left_out):
    """A formula that forgets g' of one layer, on a network before and after its training."""
    case = networks.make((3, 4, 4, 1), ["tanh", "sigmoid"], ("sigmoid", "log_loss"), 80, np.float64)

    class Forgetful(sn.MLP):
        def cost_and_grad(self, X, Y, sample_weight=None):
            Z, A = vectorized.forward(X, self.weights, self.biases, list(self.activations))
            taken = [*self.activations]
            taken[left_out] = "identity"
            return self.cost(X, Y), networks.flat(*vectorized.backward(Z, A, self.weights, Y, taken, self.loss))

    net = Forgetful([3, 4, 4, 1], ["tanh", "sigmoid"], "sigmoid", seed=0)
    for epochs in (0, 300):
        if epochs:
            net.fit(case.X, case.Y, optimizer=sn.Adam(0.02), epochs=epochs)
        assert sn.check_gradient(net, case.X, case.Y) > LEAST_WRONG


def test_check_gradient_of_inputs_of_any_size():
    X, y = sn.datasets.make_flower(100, seed=1)
    for scale in (1e-4, 1e3, 1e5):
        for activation in ("tanh", "relu"):
            net = sn.MLP([2, 5, 1], activation, "sigmoid", seed=0)
            assert sn.check_gradient(net, scale * X, y) < 1e-6
            assert sn.check_gradient(wrong(net, lambda g, m: 2 * g), scale * X, y) > LEAST_WRONG


def test_check_gradient_at_kinks():
    """A row of zeros leaves each unit of ReLU at its kink as long as the biases are zero."""
    X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    net = sn.MLP([2, 4, 1], "relu", "sigmoid", seed=0)
    assert sn.check_gradient(net, X, [0, 1, 1, 0]) < 1e-6
    assert sn.check_gradient(wrong(net, lambda g, m: 2 * g), X, [0, 1, 1, 0]) > LEAST_WRONG
    net = sn.MLP([2, 1], output="relu", init="zeros")
    with pytest.raises(ValueError, match="net must have parameters at which J can be told by differences"):
        sn.check_gradient(net, X, [0, 1, 1, 0])


def test_check_gradient_refuses():
    with pytest.raises(TypeError, match="net must be an MLP"):
        sn.check_gradient(None, [[1.0]], [1])
    net = sn.MLP([1, 1], output="exp", init="zeros")
    net.params[:] = 1e3  # e^2000
    with pytest.raises(ValueError, match="net must have parameters at which J is finite, got J = inf"):
        sn.check_gradient(net, [[1.0]], [1])


def test_check_gradient_sees_a_wrong_component(monkeypatch):
    X, y = sn.datasets.make_flower(60, seed=1)
    net = sn.MLP([2, 3, 1], output="sigmoid", seed=0)
    J, grad = net.cost_and_grad(X, y)
    grad[np.argmax(np.abs(grad))] *= 1.01
    monkeypatch.setattr(sn.MLP, "cost_and_grad", lambda *_: (J, grad))
    assert sn.check_gradient(net, X, y) == pytest.approx(0.01, rel=0.1)


def test_compare_activations():
    X, y = sn.datasets.make_flower(200, seed=1)
    optimizer = sn.Adam(0.05)
    table = sn.compare_activations(X[::2], y[::2], X[1::2], y[1::2], hidden=[6, 4], epochs=300, optimizer=optimizer)
    assert optimizer.n_steps == 0
    assert {row.activation for row in table} == {"identity", "sigmoid", "tanh", "relu", "leaky_relu"}
    assert [row.dev_cost for row in table] == sorted(row.dev_cost for row in table)
    row = next(row for row in table if row.activation == "tanh")
    net = sn.MLP([2, 6, 4, 1], "tanh", "sigmoid", seed=0)
    net.fit(X[::2], y[::2], epochs=300, optimizer=sn.Adam(0.05), seed=0)
    assert row.cost == net.cost(X[::2], y[::2])
    assert row.dev_cost == net.cost(X[1::2], y[1::2])
    assert row.dev_score == ((net(X[1::2])[:, 0] > 0.5) == y[1::2]).mean()
    assert repr(table).splitlines()[0].split() == ["activation", "cost", "dev", "cost", "dev", "score", "seconds"]
    assert len(repr(table).splitlines()) == 6


def test_compare_activations_of_classes_numbers_and_divergence():
    X = RNG.standard_normal((60, 3))
    y = RNG.integers(0, 3, 60)
    table = sn.compare_activations(X[:40], y[:40], X[40:], y[40:], hidden=4, epochs=5, activations=["tanh"])
    net = sn.MLP([3, 4, 3], "tanh", "softmax", seed=0)
    net.fit(X[:40], y[:40], epochs=5, seed=0)
    assert table[0].dev_score == (net(X[40:]).argmax(axis=1) == y[40:]).mean()
    target = X @ [1.0, 2.0, 3.0]
    table = sn.compare_activations(
        X[:40], target[:40], X[40:], target[40:], hidden=4, epochs=2000, activations=["identity"]
    )
    assert table[0].dev_score > 0.999
    table = sn.compare_activations(
        X[:40], target[:40], X[40:], target[40:], epochs=300, optimizer=sn.SGD(30.0), activations=["identity", "tanh"]
    )
    assert table[-1].dev_cost == np.inf


@pytest.mark.parametrize("epsilon", [0, 5e-324, 1e-17, 1, 1e308, np.nan])
def test_distances_that_give_no_difference(epsilon):
    net = sn.MLP([2, 3, 1], seed=0)
    with pytest.raises(ValueError, match=r"epsilon must be in \[2.22e-16, 1\)"):
        sn.check_gradient(net, [[1.0, 2.0]], [1.0], epsilon=epsilon)


@pytest.mark.parametrize(
    ("error", "message", "changes"),
    [
        (ValueError, "hidden must be at least 1", dict(hidden=0)),
        (ValueError, "hidden must be at most .*, got <an integer of 1329 bits>", dict(hidden=10**400)),
        (TypeError, "hidden must be an integer, got True", dict(hidden=[True])),
        (ValueError, "activations must name at least one", dict(activations=[])),
        (ValueError, "activations must be one of .*, got 'swish'", dict(activations=["swish"])),
        (TypeError, "activations must be a sequence", dict(activations="tanh")),
        (ValueError, "output must be one of", dict(output="linear")),
        (TypeError, "optimizer must be", dict(optimizer=object())),
        (ValueError, r"Y must have shape .*, got \(4, 0\)", dict(Y=np.zeros((4, 0)))),
        (ValueError, r"X must have shape .*, got \(4, 0\)", dict(X=np.zeros((4, 0)))),
        (ValueError, r"X_dev, Y_dev: X must be finite", dict(X_dev=np.full((4, 2), np.nan))),
        (TypeError, r"X_dev, Y_dev: Y must be real numbers", dict(Y_dev=["a"] * 4)),
    ],
)
def test_what_cannot_be_compared(error, message, changes):
    x, y = np.eye(4)[:, :2], np.arange(4.0)
    with pytest.raises(error, match=message):
        sn.compare_activations(**{"X": x, "Y": y, "X_dev": x, "Y_dev": y, "epochs": 1} | changes)


def test_comparison_with_other_first_weights():
    X, y = sn.datasets.make_flower(60, seed=1)
    options = {"hidden": 3, "activations": ["tanh"], "epochs": 1, "optimizer": sn.SGD(1e-12)}
    ((zeros,), (notes,)) = (sn.compare_activations(X, y, X, y, init=init, **options) for init in ("zeros", 0.5))
    assert zeros.cost == pytest.approx(np.log(2), rel=1e-12)
    assert abs(notes.cost - np.log(2)) > 1e-3
    with pytest.raises(ValueError, match="init must be one of"):
        sn.compare_activations(X, y, X, y, init="none", **options)
