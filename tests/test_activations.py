"""The activations to the last place, and at every special value; losses exact where outputs saturate."""

import mpmath
import networks
import numpy as np
import pytest
import tolerances

from shallownet_c import _core

mpmath.mp.dps = 40
EXACT = {
    "sigmoid": lambda z: 1 / (1 + mpmath.exp(-z)),
    "tanh": mpmath.tanh,
}


def activate(build, name, z, leak=0.01):
    """g(z) (n,) by the build's dense_forward: 1 · z − 0 is z, sign of zero included."""
    z = np.asarray(z, build.dtype)[:, np.newaxis]
    one, minus_zero = np.ones((1, 1), build.dtype), np.full(1, -0.0, build.dtype)
    return build.dense_forward(np.ascontiguousarray(z), one, minus_zero, name, leak)[:, 0]


def ulps(actual, exact_rounded, exact):
    """|actual − exact| in units in the last place of the exact value."""
    unit = np.spacing(np.maximum(np.abs(exact_rounded), np.finfo(exact_rounded.dtype).smallest_subnormal))
    return np.abs(actual.astype(np.longdouble) - exact) / unit.astype(np.longdouble)


@pytest.mark.parametrize("name", EXACT)
def test_dense_samples_against_long_double(build, name):
    z = np.concatenate(
        [np.linspace(-25, 25, 200_001), np.linspace(-1, 1, 200_001), np.geomspace(1e-30, 100, 50_001)]
    ).astype(build.dtype)
    z = np.concatenate([z, -z])
    wide = z.astype(np.longdouble)
    if name == "tanh":
        exact = np.tanh(wide)
    else:
        e = np.exp(-np.abs(wide))
        exact = np.where(wide < 0, e, 1) / (1 + e)
    if np.finfo(np.longdouble).nmant <= np.finfo(np.float64).nmant and build.dtype == np.float64:
        pytest.skip("long double is no wider than double here; the test against mpmath covers it")
    error = ulps(activate(build, name, z), exact.astype(build.dtype), exact)
    assert error.max() <= tolerances.ACTIVATION_ULP, (error.max(), z[error.argmax()])


@pytest.mark.parametrize("name", EXACT)
def test_chosen_points_against_mpmath(build, name):
    info = np.finfo(build.dtype)
    rng = np.random.default_rng(5)
    lowest = 87 if build.dtype == np.float32 else 708
    z = np.concatenate(
        [
            rng.uniform(-1, 1, 400),
            rng.uniform(-20, 20, 400),
            rng.uniform(-lowest - 18, -lowest + 5, 200),  # where sigmoid becomes subnormal and ends
            np.log(2) / 2 * np.arange(-60, 61),  # where the reduction changes over
            info.smallest_subnormal * np.array([1.0, 2, 3, 1000]),
            info.tiny * np.array([0.5, 1, 2]),
        ]
    ).astype(build.dtype)
    got = activate(build, name, z)
    for z_i, a in zip(z, got, strict=True):
        exact = EXACT[name](mpmath.mpf(float(z_i)))
        unit = mpmath.mpf(float(np.spacing(np.abs(build.dtype.type(float(exact))))))
        assert abs(mpmath.mpf(float(a)) - exact) <= tolerances.ACTIVATION_ULP * unit, (z_i, a)


def test_special_values(build):
    info = np.finfo(build.dtype)
    z = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, info.max, info.min, info.smallest_subnormal], build.dtype)
    expected = {
        "identity": z,
        "sigmoid": [0.5, 0.5, 1, 0, np.nan, 1, 0, 0.5],
        "tanh": [0.0, -0.0, 1, -1, np.nan, 1, -1, info.smallest_subnormal],
        "relu": [0.0, 0.0, np.inf, 0, np.nan, info.max, 0, info.smallest_subnormal],
        "leaky_relu": [0.0, 0.0, np.inf, -np.inf, np.nan, info.max, 0.25 * info.min, info.smallest_subnormal],
    }
    for name, values in expected.items():
        got = activate(build, name, z, leak=0.25)
        np.testing.assert_array_equal(got, np.array(values, build.dtype), err_msg=name)
    np.testing.assert_array_equal(np.signbit(activate(build, "tanh", z[:2])), [False, True])


def derivative(build, name, a, leak):
    """g'(z) (n,) from a = g(z), by the build's dense_backward with dA = 1 and W = 1."""
    A = np.asarray(a, build.dtype)[:, np.newaxis].copy()
    ones, W = np.ones_like(A), np.ones((1, 1), build.dtype)
    outputs = np.zeros_like(W), np.zeros(1, build.dtype), np.empty_like(A)
    build.dense_backward(ones, W, ones, A, name, outputs, leak)
    return outputs[2][:, 0]


def test_derivatives_from_a(build):
    a = np.array([-0.75, 0.0, 0.5, 1.0], build.dtype)
    np.testing.assert_array_equal(derivative(build, "identity", a, 0.25), [1, 1, 1, 1])
    np.testing.assert_array_equal(derivative(build, "tanh", a, 0.25), [0.4375, 1, 0.75, 0])
    np.testing.assert_array_equal(derivative(build, "sigmoid", a[1:], 0.25), [0, 0.25, 0])
    # at z = 0: 0 and the leak, as PyTorch and scikit-learn have it
    np.testing.assert_array_equal(derivative(build, "relu", [0.0, 0.5], 0.25), [0, 1])
    np.testing.assert_array_equal(derivative(build, "leaky_relu", a, 0.25), [0.25, 0.25, 1, 1])


def softmax(build, Z):
    Z = np.ascontiguousarray(Z, build.dtype)
    n = Z.shape[1]
    return build.dense_forward(Z, np.eye(n, dtype=build.dtype), np.zeros(n, build.dtype), "softmax")


@pytest.mark.parametrize("n", [1, 2, 10, 33])
def test_softmax_rows(build, n):
    rng = np.random.default_rng(n)
    Z = 5 * rng.standard_normal((77, n))
    A = softmax(build, Z)
    Z = Z.astype(build.dtype).astype(float)
    expected = np.exp(Z - Z.max(axis=1, keepdims=True))
    expected /= expected.sum(axis=1, keepdims=True)
    networks.close(A, expected, tolerances.sums(build.dtype, n))
    networks.close(A.astype(float).sum(axis=1), np.ones(77), tolerances.sums(build.dtype, n))


def test_softmax_of_great_numbers(build):
    A = softmax(build, [[1e4, -1e4, 0.0], [-1e4, -1e4, -1e4], [1e30, 1e30, 0.0]])
    np.testing.assert_array_equal(A[0], [1, 0, 0])
    assert A[1] == pytest.approx([1 / 3] * 3, rel=tolerances.sums(build.dtype, 3))
    np.testing.assert_array_equal(A[2], [0.5, 0.5, 0])


def loss_and_dz(build, output, z, Y=None, classes=None):
    """Loss, and dJ/dz for one sample with logits z: a layer whose weights are zero and whose biases are z."""
    n = len(z)
    params = np.concatenate([np.zeros(n), z]).astype(build.dtype)
    grad = np.zeros(2 * n, build.dtype)
    X = np.zeros((1, 1), build.dtype)
    Y = None if Y is None else np.array([Y], build.dtype)
    classes = None if classes is None else np.array([classes], np.int64)
    net = networks.bound(build.kernels, (1, n), [output], params, "log_loss")
    loss, weight = _core.gradient(net, _core.Rows(X, Y, classes, None), grad)
    assert weight == 1
    return loss, grad[n:].astype(float)


@pytest.mark.parametrize("y", [0.0, 1.0, 0.25])
def test_binary_log_loss_is_exact_however_far_it_saturates(build, y):
    # −log σ(z) = log(1 + e^−z): tiny losses keep their digits, great ones stay finite
    tiny = tolerances.LOSS_ULP * float(np.finfo(build.dtype).eps)
    far = [-1000.0, 1000.0] if y in (0, 1) else [-1000.0]
    for z in [-80.0, -30.0, -5.0, -0.5, 0.0, 0.5, 5.0, 30.0, 80.0, *far]:
        z_exact = mpmath.mpf(float(build.dtype.type(z)))
        exact = y * mpmath.log1p(mpmath.exp(-z_exact)) + (1 - y) * mpmath.log1p(mpmath.exp(z_exact))
        loss, dz = loss_and_dz(build, "sigmoid", [z], Y=[y])
        lowest = float(np.finfo(build.dtype).smallest_subnormal)
        assert abs(loss - float(exact)) <= tiny * float(exact) + lowest, (z, loss)
        slope = float(1 / (1 + mpmath.exp(-z_exact))) - y
        assert abs(dz[0] - slope) <= tolerances.LOSS_ULP * np.finfo(build.dtype).eps * max(abs(slope), 0.25)


@pytest.mark.parametrize("gap", [0.0, 1.0, 20.0, 60.0, 1000.0])
@pytest.mark.parametrize("label", [0, 1, 2])
def test_softmax_log_loss_is_exact_however_far_it_saturates(build, gap, label):
    z = [gap, 0.0, -3.0]
    e = [mpmath.exp(v) for v in z]
    exact = float(mpmath.log1p(sum(e[:label] + e[label + 1 :]) / e[label]))
    eps = float(np.finfo(build.dtype).eps)
    for arguments in ({"classes": label}, {"Y": np.eye(3)[label]}):
        loss, dz = loss_and_dz(build, "softmax", z, **arguments)
        lowest = float(np.finfo(build.dtype).smallest_subnormal)
        assert abs(loss - exact) <= tolerances.LOSS_ULP * eps * exact + 4 * lowest
        expected = np.array([float(v / sum(e)) for v in e]) - np.eye(3)[label]
        networks.close(dz, expected, tolerances.LOSS_ULP * eps)
