"""The two references against each other, against differences, and against numbers worked out by hand."""

import networks
import numpy as np
import pytest
import tolerances
from hypothesis import given, settings
from hypothesis import strategies as st

from shallownet_c.reference import loop, vectorized
from shallownet_c.reference._activations import ACTIVATIONS
from shallownet_c.reference._losses import LOSSES

MODULES = pytest.mark.parametrize("module", [loop, vectorized], ids=["loop", "vectorized"])


def check_loop_equals_vectorized(case):
    before = [array.copy() for array in (*case.W, *case.b, case.X, case.Y)]
    results = []
    # Steep costs, as of an output exp, go beyond all floats in a few steps that are too long.
    alpha = 0.1 / max(1.0, np.abs(case.cost_and_grad()[1]).max() / case.m)
    for module in (loop, vectorized):
        Z, A = module.forward(case.X, case.W, case.b, case.activations, networks.LEAK)
        made = [array.copy() for array in (*Z, *A)]
        J = module.cost(A[-1], case.Y, case.loss, case.activations[-1])
        dW, db = module.backward(Z, A, case.W, case.Y, case.activations, case.loss, networks.LEAK)
        for array, old in zip((*Z, *A), made, strict=True):
            np.testing.assert_array_equal(array, old)
        W, b, costs = module.gradient_descent(
            case.X, case.Y, case.W, case.b, case.activations, case.loss, alpha, 3, networks.LEAK
        )
        results.append([*Z, *A, np.array(J), *dW, *db, *W, *b, np.array(costs)])
    tolerance = tolerances.training(np.float64, case.sizes, case.m, 3)
    for by_loop, by_numpy in zip(*results, strict=True):
        assert by_loop.shape == by_numpy.shape
        networks.close(by_loop, by_numpy, tolerance)
    for array, old in zip((*case.W, *case.b, case.X, case.Y), before, strict=True):
        np.testing.assert_array_equal(array, old)


@settings(max_examples=80, deadline=None)
@given(sizes=st.lists(st.integers(1, 6), min_size=2, max_size=5), m=st.integers(1, 7), data=st.data())
def test_loop_equals_vectorized(sizes, m, data):
    hidden = data.draw(st.lists(st.sampled_from(networks.HIDDEN), min_size=len(sizes) - 2, max_size=len(sizes) - 2))
    output = data.draw(st.sampled_from(networks.OUTPUTS))
    case = networks.make(tuple(sizes), hidden, output, m, np.float64, seed=m)
    check_loop_equals_vectorized(case)


@pytest.mark.parametrize("output", networks.OUTPUTS, ids="-".join)
@pytest.mark.parametrize("hidden", networks.HIDDEN)
def test_loop_equals_vectorized_for_every_combination(hidden, output):
    for depth in (1, 2, 3, 4):
        sizes = (3, 4, 1, 5, 2)[-depth - 1 :]
        check_loop_equals_vectorized(networks.make(sizes, [hidden] * (depth - 1), output, 6, np.float64))


@pytest.mark.parametrize("pair", networks.PAIRS, ids="-".join)
def test_loop_equals_vectorized_for_every_output_and_loss(pair):
    check_loop_equals_vectorized(networks.make((3, 4, 2), ["tanh"], pair, 6, np.float64))


@MODULES
def test_numbers_worked_out_by_hand(module):
    # x = (1, 2); W[1] = [[1, 0], [0, −1]], b[1] = (0, 1): z[1] = (1, −1); relu: a[1] = (1, 0)
    # W[2] = [[2, 5]], b[2] = (−1,): z[2] = 1; identity: a[2] = 1; y = 3: L = ½ (1 − 3)² = 2
    # dz[2] = −2; dW[2] = −2 (1, 0); db[2] = −2; da[1] = (−4, −10); dz[1] = (−4, 0); dW[1] = [[−4, −8], [0, 0]]
    W = [np.array([[1.0, 0.0], [0.0, -1.0]]), np.array([[2.0, 5.0]])]
    b = [np.array([0.0, 1.0]), np.array([-1.0])]
    names = ["relu", "identity"]
    Z, A = module.forward([[1.0, 2.0]], W, b, names)
    np.testing.assert_array_equal(Z[0], [[1, -1]])
    np.testing.assert_array_equal(A[1], [[1, 0]])
    np.testing.assert_array_equal(A[2], [[1]])
    assert module.cost(A[2], [[3.0]], "squared_error", "identity") == 2
    dW, db = module.backward(Z, A, W, [[3.0]], names, "squared_error")
    np.testing.assert_array_equal(dW[1], [[-2, 0]])
    np.testing.assert_array_equal(db[1], [-2])
    np.testing.assert_array_equal(dW[0], [[-4, -8], [0, 0]])
    np.testing.assert_array_equal(db[0], [-4, 0])
    new_W, new_b, costs = module.gradient_descent([[1.0, 2.0]], [[3.0]], W, b, names, "squared_error", 0.5, 1)
    np.testing.assert_array_equal(new_W[1], [[3, 5]])
    np.testing.assert_array_equal(new_b[1], [0])
    assert costs == [2]


def away_from_kinks(hidden, output):
    """A case whose z, and errors, are further from kinks than the steps below can move them."""
    kink = LOSSES[output[1]].kink or (lambda *_: np.inf)
    for seed in range(100):
        case = networks.make((3, 4, 2), [hidden], output, 5, np.float64, seed)
        Z, A = case.forward()
        errors = np.abs(np.abs(A[-1] - case.Y) - kink(*parameters(output[1])))
        if min(*(np.abs(Z_l).min() for Z_l in Z), errors.min()) > 1e-3:
            return case
    raise AssertionError("all have a kink nearby")


def parameters(loss):
    """The default of the loss's parameter, if it has one."""
    return () if LOSSES[loss].parameter is None else (LOSSES[loss].parameter.default,)


#: Every hidden activation, and every pair of an output and a loss.
EACH = [(name, networks.OUTPUTS[0]) for name in networks.HIDDEN] + [("tanh", pair) for pair in networks.PAIRS]


@pytest.mark.parametrize(("hidden", "output"), EACH, ids=lambda part: part if isinstance(part, str) else "-".join(part))
def test_gradient_against_central_differences(hidden, output):
    case = away_from_kinks(hidden, output)
    _, grad = case.cost_and_grad()
    h, position = 1e-5, 0
    for layer in range(2):
        for array in (case.W[layer], case.b[layer]):
            for place in np.ndindex(array.shape):
                kept = array[place]
                costs = []
                for step in (h, -h):
                    array[place] = kept + step
                    costs.append(case.cost_and_grad()[0])
                array[place] = kept
                assert abs((costs[0] - costs[1]) / (2 * h) - grad[position]) < case.m * tolerances.CENTRAL_DIFFERENCE
                position += 1
    assert position == len(grad)


@MODULES
@pytest.mark.parametrize(
    ("name", "slopes"),
    [
        ("identity", [1, 1, 1]),
        ("sigmoid", [0, 0.25, 0]),
        ("tanh", [0, 1, 0]),
        ("relu", [0, 0, 1]),
        ("leaky_relu", [0.1, 0.1, 1]),
    ],
)
def test_derivatives_of_the_notes(module, name, slopes):
    # section "derivatives"; sigmoid and tanh are flat at ±10, but not quite: 1/(e^10) = 4.5e-5 and 4/(e^20) = 8e-9
    actual = module.derivative(np.array([[-10.0, 0.0, 10.0]]), name, 0.1)[0]
    flat = {"sigmoid": 4.6e-5, "tanh": 8.3e-9}.get(name, 0.0)
    assert actual[1] == slopes[1]
    np.testing.assert_allclose(actual, slopes, rtol=0, atol=flat)
    if flat:
        assert actual[0] > 0.9 * flat
        assert actual[2] > 0.9 * flat


@MODULES
def test_one_call_for_many_samples(module):
    # the same call takes all samples, whatever it does inside
    Z = np.random.default_rng(0).standard_normal((4, 3))
    for name in ACTIVATIONS:
        rows = [module.activation(Z[i : i + 1], name, 0.1)[0] for i in range(4)]
        networks.close(module.activation(Z, name, 0.1), np.array(rows), tolerances.network(np.float64, (3,)))


@MODULES
def test_softmax_rows_sum_to_one(module):
    # z = (0, log 3): e^z = (1, 3), a = (1/4, 3/4); the same for z + 1000, which must not overflow
    z = np.array([[0.0, np.log(3.0)]])
    tolerance = tolerances.network(np.float64, (2,))
    networks.close(module.activation(z, "softmax"), np.array([[0.25, 0.75]]), tolerance)
    # z + 1000 has 10 binary digits fewer after the point
    networks.close(module.activation(z + 1000, "softmax"), np.array([[0.25, 0.75]]), 1024 * tolerance)
    A = module.activation(10 * np.random.default_rng(0).standard_normal((20, 7)), "softmax")
    networks.close(A.sum(axis=1), np.ones(20), tolerances.network(np.float64, (7,)))


@MODULES
def test_identity_hidden_layers_are_one_linear_model(module):
    # section "why non-linear": W[2] (W[1] x + b[1]) + b[2] = (W[2] W[1]) x + (W[2] b[1] + b[2])
    case = networks.make((3, 5, 2), ["identity"], ("identity", "squared_error"), 6, np.float64)
    _, A = module.forward(case.X, case.W, case.b, case.activations)
    W, b = case.W[1] @ case.W[0], case.W[1] @ case.b[0] + case.b[1]
    networks.close(A[2], case.X @ W.T + b, tolerances.network(np.float64, case.sizes))
    _, bent = module.forward(case.X, case.W, case.b, ["tanh", "identity"])
    assert np.abs(bent[2] - A[2]).max() > 0.01


@MODULES
def test_zero_start_keeps_hidden_units_alike(module):
    # section "random initialisation": equal units get equal gradients, for ever; of the nine targets the mean is not ½,
    # so the output's weights move, and then W[1] does
    case = networks.make((2, 3, 1), ["sigmoid"], ("sigmoid", "log_loss"), 9, np.float64)
    zeros = [np.zeros_like(W_l) for W_l in case.W], [np.zeros_like(b_l) for b_l in case.b]
    W, b, _ = module.gradient_descent(case.X, case.Y, *zeros, case.activations, case.loss, 1.0, 20)
    tolerance = tolerances.training(np.float64, case.sizes, case.m, 20)
    assert np.abs(W[0]).max() > 1e-3
    networks.close(W[0], np.tile(W[0][:1], (3, 1)), tolerance)
    networks.close(b[0], np.full(3, b[0][0]), tolerance)
    networks.close(W[1], np.full((1, 3), W[1][0, 0]), tolerance)


@MODULES
@pytest.mark.parametrize("output", networks.OUTPUTS, ids="-".join)
def test_gradient_descent_lowers_the_cost(module, output):
    case = networks.make((3, 4, 2), ["tanh"], output, 8, np.float64)
    start = case.cost_and_grad()[0] / case.m
    W, b, costs = module.gradient_descent(
        case.X, case.Y, case.W, case.b, case.activations, case.loss, 0.02, 5, networks.LEAK
    )
    assert len(costs) == 5
    # costs[0] is J of the parameters as given, and the last parameters' J is not in the list yet
    networks.close(costs[0], np.array(start), tolerances.network(np.float64, case.sizes, case.m))
    _, A = module.forward(case.X, W, b, case.activations, networks.LEAK)
    costs.append(module.cost(A[-1], case.Y, case.loss, case.activations[-1]))
    assert (np.diff(costs) < 0).all()


@MODULES
def test_results_are_new_arrays(module):
    case = networks.make((2, 3, 1), ["tanh"], ("sigmoid", "log_loss"), 4, np.float64)
    _, A = module.forward(case.X, case.W, case.b, case.activations)
    W, b, costs = module.gradient_descent(case.X, case.Y, case.W, case.b, case.activations, case.loss, 1.0, 0)
    assert costs == []
    for new, old in zip((A[0], *W, *b), (case.X, *case.W, *case.b), strict=True):
        np.testing.assert_array_equal(new, old)
        assert not np.shares_memory(new, old)


@MODULES
def test_saturated_probabilities(module):
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        assert module.cost([[1.0], [0.0]], [[1.0], [0.0]], "log_loss") == 0
        assert module.cost([[1.0, 0.0]], [[1.0, 0.0]], "log_loss", "softmax") == 0
        assert module.cost([[0.0]], [[1.0]], "log_loss") == np.inf
        module.forward([[1.0]], [np.array([[1000.0], [-1000.0]])], [np.zeros(2)], ["sigmoid"])


@MODULES
def test_refusals(module):
    W, b = [np.ones((1, 2))], [np.zeros(1)]
    with pytest.raises(ValueError, match="nosuch"):
        module.forward([[1.0, 2.0]], W, b, ["nosuch"])
    Z, A = module.forward([[1.0, 2.0]], W, b, ["identity"])
    with pytest.raises(ValueError, match="loss log_loss goes with the outputs sigmoid, softmax; got output identity"):
        module.backward(Z, A, W, [[1.0]], ["identity"], "log_loss")
    with pytest.raises(ValueError, match="nosuch"):
        module.cost(A[-1], [[1.0]], "nosuch")
    with pytest.raises(ValueError, match="shape"):
        module.cost(A[-1], [1.0], "squared_error", "identity")
    with pytest.raises(ValueError, match="derivative"):
        module.derivative(Z[0], "softmax")
    with pytest.raises(ValueError, match="nosuch"):
        module.cost(A[-1], [[1.0]], "squared_error", "nosuch")
    with pytest.raises(ValueError, match=r"loss squared_error goes with .*; got output softmax"):
        module.cost(A[-1], [[1.0]], "squared_error", "softmax")
    with pytest.raises(ValueError, match="parameter must be None for squared_error, which has none"):
        module.cost(A[-1], [[1.0]], "squared_error", parameter=1.0)
    with pytest.raises(ValueError, match=r"parameter must be the delta of huber, > 0, got 0\.0"):
        module.cost(A[-1], [[1.0]], "huber", parameter=0)
    with pytest.raises(ValueError, match=r"parameter must be the quantile of pinball, in \(0, 1\), got 1\.0"):
        module.backward(Z, A, W, [[1.0]], ["identity"], "pinball", parameter=1.0)


@MODULES
@pytest.mark.parametrize(
    ("X", "W", "b"),
    [
        ((2, 2), [(4, 3)], [(4,)]),  # fewer inputs than weights
        ((2, 4), [(4, 3)], [(4,)]),  # more
        ((2, 3), [(4, 3)], [(5,)]),
        ((2, 3), [(4, 3)], [(1,)]),  # would broadcast
        ((4, 3), [(4, 3)], [(4, 1)]),  # the notes' column, would broadcast over samples
        ((3,), [(4, 3)], [(4,)]),
        ((2, 3), [(4, 3), (1, 5)], [(4,), (1,)]),  # layers that do not fit together
        ((2, 3), [(4, 3)], []),
    ],
)
def test_shapes_that_do_not_fit(module, X, W, b):
    W, b = [np.ones(shape) for shape in W], [np.ones(shape) for shape in b]
    with pytest.raises(ValueError, match=r"must have|shorter"):
        module.forward(np.ones(X), W, b, ["tanh"] * len(W))


@MODULES
def test_backward_takes_what_forward_gave(module):
    W, b = [np.ones((3, 2)), np.ones((1, 3))], [np.zeros(3), np.zeros(1)]
    Z, A = module.forward([[1.0, 2.0]], W, b, ["tanh", "sigmoid"])
    for wrong in ((1, 1), (1, 4)):  # the first would broadcast
        with pytest.raises(ValueError, match="layer must have"):
            module.backward(Z, A, [W[0], np.ones(wrong)], [[1.0]], ["tanh", "sigmoid"], "log_loss")
    with pytest.raises(ValueError, match=r"each layer must have|longer"):
        module.backward(Z, A, W, [[1.0]], ["tanh", "tanh", "sigmoid"], "log_loss")


@MODULES
@pytest.mark.parametrize(
    ("error", "message", "call"),
    [
        (ValueError, r"z must have shape \(m, n\), got \(3,\)", lambda m: m.activation([1.0, 2.0, 3.0], "tanh")),
        (TypeError, "activation must be one of .*, got int", lambda m: m.activation([[1.0]], 10**5000)),
        (ValueError, "activation with a derivative .*'x", lambda m: m.derivative([[1.0]], "x" * 10**6)),
        (TypeError, "leak must be a number", lambda m: m.activation([[1.0]], "tanh", [0.1])),
        (TypeError, "W must be a list of arrays", lambda m: m.forward([[1.0]], 3, [[1.0]], ["tanh"])),
        (TypeError, r"W\[0\] must be real numbers", lambda m: m.forward([[1.0]], [[["1"]]], [[1.0]], ["tanh"])),
        (TypeError, r"A_L must be real numbers.*complex", lambda m: m.cost([[1j]], [[1.0]], "squared_error")),
        (ValueError, "output must be one of", lambda m: m.cost([[1.0]], [[1.0]], "squared_error", "nosuch")),
        (TypeError, "n_iterations must be an integer", lambda m: descend(m, n_iterations=1.5)),
        (ValueError, "n_iterations must be in 0", lambda m: descend(m, n_iterations=-1)),
        (TypeError, "alpha must be real numbers", lambda m: descend(m, alpha="0.1")),
    ],
    ids=lambda item: item if isinstance(item, str) else "",
)
def test_values_of_the_wrong_kind(module, error, message, call):
    with pytest.raises(error, match=message) as raised:
        call(module)
    assert len(str(raised.value)) < 300


def descend(module, alpha=0.1, n_iterations=1):
    return module.gradient_descent([[1.0]], [[1.0]], [[[1.0]]], [[0.0]], ["tanh"], "squared_error", alpha, n_iterations)
