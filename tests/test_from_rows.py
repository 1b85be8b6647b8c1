"""The first layer on rows of X as they lie (src/from_rows.pxd), and what the loss and the gradient tell of X and Y."""

import networks
import numpy as np
import pytest

from shallownet_c import _core
from shallownet_c.reference._losses import LOSSES

OUTPUT = ("identity", "squared_error")


def shapes(lanes):
    """(m, sizes) that take this way: units in whole vectors, or four and a rest; any number of inputs; many blocks."""
    for units, more in ((lanes, 0), (lanes, 1), (2 * lanes, lanes - 1), (4 * lanes + 1, 3)):
        n_in = max(2 * units, 16) + more
        yield 4 * units + 3, (n_in, units, 2)
        yield 8 * units, (n_in, units, 3, 1)
    yield 1501, (2 * lanes + 5, lanes, 1)


@pytest.mark.parametrize("hidden", ["tanh", "silu"])
def test_bits_are_those_of_panels(build, hidden):
    """Rows in an order of their own go through panels."""
    for m, sizes in shapes(build.kernels.lanes):
        case = networks.make(sizes, [hidden] * (len(sizes) - 2), OUTPUT, m, build.dtype)
        X, Y, results = case.X.astype(build.dtype), case.Y.astype(build.dtype), []
        for order in (None, np.arange(m)):
            for start in (0.0, 0.5):
                grad = np.full(len(case.params), start, build.dtype)
                sums = _core.gradient(case.network(build.kernels), _core.Rows(X, Y, order=order), grad)
                loss = _core.gradient(case.network(build.kernels), _core.Rows(X, Y, order=order), None)
                results.append((sums, loss, grad.tobytes()))
        assert results[:2] == results[2:], sizes


@pytest.mark.parametrize("m", [1, 5, 80])
@pytest.mark.parametrize("sizes", [(2, 4, 1), (40, 16, 2), (5, 70, 3)], ids=str)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_no_bad_number_is_missed(build, sizes, m, bad):
    """Not even where every derivative is 0: units of ReLU whose z is negative."""
    for loss in LOSSES:
        output = "sigmoid" if loss == "log_loss" else "identity"
        case = networks.make(sizes, ["relu"], (output, loss), m, build.dtype)
        for params in (case.params, np.full(len(case.params), -1, build.dtype)):
            net = case.network(build.kernels, params)
            X, Y = np.ones((m, sizes[0]), build.dtype), np.full((m, sizes[-1]), 0.5, build.dtype)
            assert net._plain_cost_and_grad(X, Y, 1) is not None
            for array in (X, Y):
                for at in (0, array.size // 2, array.size - 1):
                    before, array.flat[at] = array.flat[at], bad
                    assert net._plain_cost_and_grad(X, Y, 1) is None, (loss, at)
                    array.flat[at] = before


def test_what_overflows_is_no_bad_number(build):
    case = networks.make((2, 4, 1), ["relu"], OUTPUT, 9, build.dtype)
    X, Y = np.ones((9, 2), build.dtype), np.full((9, 1), np.finfo(build.dtype).max, build.dtype)
    assert case.network(build.kernels)._plain_cost_and_grad(X, Y, 1)[0] == np.inf
