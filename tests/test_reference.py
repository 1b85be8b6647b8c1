"""The two references against each other, against differences, and against numbers worked out by hand."""

import networks
import numpy as np
import pytest
import tolerances
from hypothesis import given, settings
from hypothesis import strategies as st

from shallownet_c.reference import loop, vectorized


@settings(max_examples=80, deadline=None)
@given(sizes=st.lists(st.integers(1, 6), min_size=2, max_size=5), m=st.integers(1, 7), data=st.data())
def test_loop_equals_vectorized(sizes, m, data):
    hidden = data.draw(st.lists(st.sampled_from(networks.HIDDEN), min_size=len(sizes) - 2, max_size=len(sizes) - 2))
    output = data.draw(st.sampled_from(networks.OUTPUTS))
    case = networks.make(tuple(sizes), hidden, output, m, np.float64, seed=m)
    before = case.params, case.X.copy(), case.Y.copy()
    results = []
    for module in (loop, vectorized):
        Z, A = module.forward(case.X, case.W, case.b, case.activations, networks.LEAK)
        J = module.cost(A[-1], case.Y, case.loss, case.activations[-1])
        dW, db = module.backward(Z, A, case.W, case.Y, case.activations, case.loss, networks.LEAK)
        W, b, costs = module.gradient_descent(
            case.X, case.Y, case.W, case.b, case.activations, case.loss, 0.1, 3, networks.LEAK
        )
        results.append([*Z, *A, np.array(J), *dW, *db, *W, *b, np.array(costs)])
    tolerance = tolerances.training(np.float64, case.sizes, m, 3)
    for by_loop, by_numpy in zip(*results, strict=True):
        assert by_loop.shape == by_numpy.shape
        networks.close(by_loop, by_numpy, tolerance)
    for array, old in zip((case.params, case.X, case.Y), before, strict=True):
        np.testing.assert_array_equal(array, old)


@pytest.mark.parametrize("module", [loop, vectorized], ids=["loop", "vectorized"])
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


@pytest.mark.parametrize("output", [pair for pair in networks.OUTPUTS if "relu" not in pair[0]], ids="-".join)
def test_gradient_against_central_differences(output):
    case = networks.make((3, 4, 2), ["tanh"], output, 5, np.float64)
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


@pytest.mark.parametrize("name", ["sigmoid", "tanh"])
def test_derivatives_of_the_notes(name):
    # section 3.8: at z = ±10 the slope is next to nothing, at 0 it is 1/4 and 1
    at = np.array([[-10.0, 0.0, 10.0]])
    slopes = vectorized.derivative(at, name)[0]
    assert slopes[1] == {"sigmoid": 0.25, "tanh": 1.0}[name]
    assert 0 < slopes[0] < 1e-4
    assert 0 < slopes[2] < 1e-4
    assert loop.derivative(at[0].tolist(), name) == pytest.approx(slopes.tolist(), rel=1e-12)


@pytest.mark.parametrize("module", [loop, vectorized], ids=["loop", "vectorized"])
def test_saturated_probabilities(module):
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        assert module.cost([[1.0], [0.0]], [[1.0], [0.0]], "log_loss") == 0
        assert module.cost([[0.0]], [[1.0]], "log_loss") == np.inf
        module.forward([[1.0]], [np.array([[1000.0], [-1000.0]])], [np.zeros(2)], ["sigmoid"])


@pytest.mark.parametrize("module", [loop, vectorized], ids=["loop", "vectorized"])
def test_refusals(module):
    W, b = [np.ones((1, 2))], [np.zeros(1)]
    with pytest.raises(ValueError, match="nosuch"):
        module.forward([[1.0, 2.0]], W, b, ["nosuch"])
    Z, A = module.forward([[1.0, 2.0]], W, b, ["identity"])
    with pytest.raises(ValueError, match="log_loss goes with"):
        module.backward(Z, A, W, [[1.0]], ["identity"], "log_loss")
    with pytest.raises(ValueError, match="nosuch"):
        module.cost(A[-1], [[1.0]], "nosuch")
    with pytest.raises(ValueError, match="shape"):
        module.cost(A[-1], [1.0], "squared_error", "identity")
    with pytest.raises(ValueError, match="derivative"):
        module.derivative(Z[0] if module is vectorized else Z[0][0].tolist(), "softmax")
