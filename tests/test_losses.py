"""The losses of numbers and their gradients, against the reference, differences and saturation."""

import mpmath
import networks
import numpy as np
import pytest
import tolerances
from sklearn.metrics import mean_pinball_loss

import shallownet_c as sn
from shallownet_c import _core, _kernels
from shallownet_c.reference import vectorized
from shallownet_c.reference._activations import ACTIVATIONS
from shallownet_c.reference._losses import LOSSES

IDENTITY = _kernels.ACTIVATIONS["identity"]


def parameters(loss):
    """Arguments of a network: the loss's parameter left out, and not its default."""
    parameter = LOSSES[loss].parameter
    return [{}] if parameter is None else [{}, {parameter.name: 0.7 * parameter.default}]


CASES = [(*pair, options) for pair in networks.PAIRS for options in parameters(pair[1])]


def data(output="identity", m=37, n=3):
    rng = np.random.default_rng(5)
    X, Y, w = rng.standard_normal((m, 4)), rng.random((m, n)) * 3, rng.random(m) + 0.1
    return X, Y / Y.sum(axis=1, keepdims=True) if ACTIVATIONS[output].probabilities else Y, w


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("output", "loss", "options"), CASES)
def test_value_and_gradient_are_the_references(output, loss, options, dtype):
    X, Y, w = (array.astype(dtype) for array in data(output))
    net = sn.MLP([4, 5, 3], "tanh", output, loss=loss, dtype=dtype, seed=1, **options)
    parameter = next(iter(options.values()), None)
    J, grad = 0.0, np.zeros(net.n_params)
    for x, y, w_i in zip(X, Y, w.astype(float), strict=True):
        Z, A = vectorized.forward([x], net.weights, net.biases, net.activations, net.leak)
        J += w_i * vectorized.cost(A[-1], [y], loss, output, parameter=parameter)
        dW, db = vectorized.backward(Z, A, net.weights, [y], net.activations, loss, net.leak, parameter=parameter)
        grad += w_i * networks.flat(dW, db)
    ours, our_grad = net.cost_and_grad(X, Y, w)
    assert net.cost(X, Y, w) == ours
    assert ours == pytest.approx(J / w.sum(dtype=float), rel=1e-12 if dtype == "float64" else 1e-5)
    networks.close(our_grad, grad / w.sum(dtype=float), 1e-13 if dtype == "float64" else 1e-5)


@pytest.mark.parametrize(("output", "loss", "options"), CASES)
def test_gradient_against_central_differences(output, loss, options):
    X, Y, w = data(output)
    net = sn.MLP([4, 5, 3], "tanh", output, loss=loss, seed=1, **options)
    assert sn.check_gradient(net, X, Y, w) < 1e-6


@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.95])
def test_pinball_is_scikit_learns(quantile):
    X, Y, w = data(n=1)
    net = sn.MLP([4, 5, 1], loss="pinball", quantile=quantile, seed=1)
    expected = mean_pinball_loss(Y, net(X), sample_weight=w, alpha=quantile)
    assert net.cost(X, Y, w) == pytest.approx(expected, rel=1e-12)


def test_a_constant_learns_what_its_loss_is_for():
    """The minimum over one number: mean, median, quantile; for Poisson the (logarithm of the) mean."""
    y = np.random.default_rng(0).exponential(size=(999, 1))
    X = np.zeros((999, 1))
    for loss, output, parameter, expected in (
        ("squared_error", "identity", {}, y.mean()),
        ("absolute_error", "identity", {}, np.median(y)),
        ("pinball", "identity", {"quantile": 0.8}, np.quantile(y, 0.8, method="inverted_cdf")),
        ("poisson", "exp", {}, y.mean()),
        ("poisson", "identity", {}, np.log(y.mean())),
    ):
        net = sn.MLP([1, 1], output=output, loss=loss, **parameter)
        net.fit(X, y, optimizer=sn.RPROP(), epochs=300)
        assert net([0.0])[0] == pytest.approx(expected, abs=2e-3), loss


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("output", "loss"), networks.PAIRS)
def test_finite_however_far_outputs_saturate_as_long_as_a_float_can_hold_the_loss(output, loss, dtype):
    net = sn.MLP([1, 2], output=output, loss=loss, dtype=dtype, init="zeros")
    net.weights[0][...] = [[1.0], [-1.0]]
    great = 80.0 if output == "exp" else 1e30 if dtype == "float32" else 1e200
    for z in (great, -great):
        J, grad = net.cost_and_grad([[z]], [[1.0, 0.0]])
        with np.errstate(over="ignore"):
            expected = vectorized.cost(vectorized.activation([[z, -z]], output), [[1.0, 0.0]], loss, output)
        # That of a probability of 0 or 1 follows from z, of which the reference knows nothing.
        finite = LOSSES[loss].classes or expected <= float(np.finfo(dtype).max)
        assert np.isfinite(J) == finite
        assert np.isfinite(grad).all() or not finite


def test_exp_is_infinite_only_where_no_float_can_hold_it():
    for dtype in ("float64", "float32"):
        net = sn.MLP([1, 1], output="exp", dtype=dtype, init="zeros")
        net.params[0] = 1
        most = float(np.log(np.finfo(dtype).max))
        z = np.array([[0.0], [most * 0.9999], [most * 1.01], [1e30], [-most], [-1e30], [np.nan]])
        with np.errstate(over="ignore", under="ignore"):
            expected = np.exp(z.astype(dtype))
        np.testing.assert_allclose(net(z), expected, rtol=4 * np.finfo(dtype).eps)
        np.testing.assert_array_equal(net(z)[0], net(z[0]))


@pytest.mark.parametrize("loss", [name for name, row in LOSSES.items() if row.kink is not None])
def test_no_slope_where_there_is_no_error(loss):
    net = sn.MLP([1, 1], loss=loss, init="zeros")
    np.testing.assert_array_equal(net.cost_and_grad([[1.0]], [0.0])[1], 0)


def test_what_does_not_go_together():
    with pytest.raises(ValueError, match="does not go with output"):
        sn.MLP([2, 2], output="softmax", loss="huber")
    with pytest.raises(ValueError, match="does not go with output"):
        sn.MLP([2, 2], output="softmax", loss="log_cosh")
    with pytest.raises(ValueError, match="does not go with output"):
        sn.MLP([2, 2], output="exp", loss="log_loss")
    with pytest.raises(ValueError, match="activation must be one of"):
        sn.MLP([2, 2, 1], "exp")
    with pytest.raises(ValueError, match="delta must be > 0, got 0"):
        sn.MLP([2, 1], loss="huber", delta=0)
    with pytest.raises(ValueError, match=r"quantile must be in \(0, 1\), got 1"):
        sn.MLP([2, 1], loss="pinball", quantile=1)
    for net in (sn.MLP([2, 1], output="exp"), sn.MLP([2, 1], loss="poisson")):
        with pytest.raises(ValueError, match=r"Y must not be negative for poisson, got -1.0 in row 1"):
            net.cost(np.zeros((2, 2)), [0.0, -1.0])
        with pytest.raises(ValueError, match="Y must not be negative"):
            net.cost_and_grad(np.zeros((2, 2)), np.array([[0.0], [-1.0]]))


def test_their_parameters_are_kept(tmp_path):
    for loss in LOSSES:
        for options in parameters(loss):
            net = sn.MLP([2, 3, 1], loss=loss, output=LOSSES[loss].usual_output, seed=0, **options)
            net.save(tmp_path / "net")
            for again in (sn.load(tmp_path / "net"), net.copy()):
                assert again.model == net.model
                assert all(getattr(again, name) == value for name, value in options.items())
            assert all(f"{name}={value}" in repr(net) for name, value in options.items())


def log_cosh(build, d):
    """(log cosh d, its derivative) of each d, by the kernels."""
    losses, slopes = np.empty(len(d)), np.empty(len(d))
    zero = np.zeros((1, 1), build.dtype)
    for i, x in enumerate(d):
        Z = np.full((1, 1), x, build.dtype)
        rows = _core.Rows(zero, zero, None, None)
        losses[i] = _core.output_gradient(build.kernels, IDENTITY, 0.1, _kernels.LOSSES["log_cosh"], np.inf, Z, rows)
        slopes[i] = Z[0, 0]
    return losses, slopes


def test_log_cosh_to_the_last_place(build):
    rng = np.random.default_rng(3)
    limits = np.finfo(build.dtype)
    edge = build.dtype.type(0.7)  # where one formula takes over from the other
    d = np.concatenate([
        rng.uniform(-3, 3, 1000),
        rng.uniform(-0.75, 0.75, 1000),
        rng.choice([-1, 1], 1000) * 10.0 ** rng.uniform(np.log10(limits.tiny) / 2 + 1, 3, 1000),
        [edge, -edge, np.nextafter(edge, 0), np.nextafter(edge, 1)],
    ]).astype(build.dtype)  # fmt: skip
    losses, slopes = log_cosh(build, d)
    with mpmath.workdps(60):
        for x, loss, slope in zip(d.tolist(), losses.tolist(), slopes.tolist(), strict=True):
            exact, exact_slope = mpmath.log1p(2 * mpmath.sinh(mpmath.mpf(x) / 2) ** 2), mpmath.tanh(x)
            assert abs(loss - exact) <= tolerances.LOG_COSH_ULP * limits.eps * exact, x
            assert abs(slope - exact_slope) <= tolerances.ACTIVATION_ULP * limits.eps * abs(exact_slope), x


def test_log_cosh_at_its_ends(build):
    limits = np.finfo(build.dtype)
    most, least = float(limits.max), float(limits.smallest_subnormal)
    losses, slopes = log_cosh(build, [0.0, -0.0, least, -least, most / 2, -most / 2, np.nan])
    np.testing.assert_array_equal(losses, [0, 0, 0, 0, most / 2, most / 2, np.nan])
    np.testing.assert_array_equal(slopes, [0, 0, least, -least, 1, -1, np.nan])


@pytest.mark.parametrize("code", [len(LOSSES), 99, -1])
def test_a_loss_that_is_not_known_is_no_number(build, code):
    Z, Y = np.ones((5, 2), build.dtype), np.ones((5, 2), build.dtype)
    rows = _core.Rows(Y, Y, None, None)
    assert np.isnan(_core.output_gradient(build.kernels, IDENTITY, 0.1, code, 1.0, Z, rows))
    assert np.isnan(Z).all()
