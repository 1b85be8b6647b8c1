"""silu, gelu, gelu_tanh, mish, softplus, elu, selu and sin: values and derivatives against mpmath, special values.

The bound. A result is the exact one with at most 3 units in the last place of error: the exponential, a quotient, a
product and a sum have half a unit to one each, and what else is rounded goes into small terms. An argument that is
rounded once more, z (1 + eps / 2), changes g by eps / 2 |z g'(z)|: where |z g'(z) / g(z)| > 1 the unit is that, if it
is more. What ends below the smallest normal number is rounded there, by half a unit, before a factor of less than 4,000
comes (the greatest is z v'(z) of gelu_tanh in float64). Of sin the argument is reduced by pi in three parts; less than
eps^2 of pi is missing.
"""

import functools

import mpmath
import numpy as np
import pytest

mpmath.mp.dps = 40
ULP = 3
SUBNORMALS = 2000
SELU_SCALE = mpmath.mpf("1.0507009873554804934193349852946")
SELU_NEGATIVE = SELU_SCALE * mpmath.mpf("1.6732632423543772848170429916717")


def value(build, name, z):
    """g(z) (n,) by the build's dense_forward: 1 · z − 0 is z, sign of zero included."""
    z = np.ascontiguousarray(z, build.dtype)[:, np.newaxis]
    one, minus_zero = np.ones((1, 1), build.dtype), np.full(1, -0.0, build.dtype)
    return build.dense_forward(z, one, minus_zero, name)[:, 0]


def slope(build, name, z):
    """g'(z) (n,) from z by the build's dense_backward with dA = 1 and W = 1."""
    z = np.ascontiguousarray(z, build.dtype)[:, np.newaxis]
    ones, W = np.ones_like(z), np.ones((1, 1), build.dtype)
    dX, dW, db = np.empty_like(z), np.zeros((1, 1), build.dtype), np.zeros(1, build.dtype)
    build.dense_backward(ones, W, ones, z, name, (dW, db, dX))
    return dX[:, 0]


def sigmoid(z):
    return 1 / (1 + mpmath.exp(-z))


def inner(z):
    return 2 * mpmath.sqrt(2 / mpmath.pi) * (z + mpmath.mpf("0.044715") * z**3)


def inner_slope(z):
    return 2 * mpmath.sqrt(2 / mpmath.pi) * (1 + 3 * mpmath.mpf("0.044715") * z**2)


def normal(z):
    return mpmath.erfc(-z / mpmath.sqrt(2)) / 2


def density(z):
    return mpmath.exp(-z * z / 2) / mpmath.sqrt(2 * mpmath.pi)


def tanh_softplus(z):
    return mpmath.tanh(mpmath.log1p(mpmath.exp(z)))


EXACT = {
    "silu": (lambda z: z * sigmoid(z), lambda z: sigmoid(z) * (1 + z * sigmoid(-z))),
    "gelu": (lambda z: z * normal(z), lambda z: normal(z) + z * density(z)),
    "gelu_tanh": (
        lambda z: z * sigmoid(inner(z)),
        lambda z: sigmoid(inner(z)) * (1 + z * inner_slope(z) * sigmoid(-inner(z))),
    ),
    "mish": (
        lambda z: z * tanh_softplus(z),
        lambda z: tanh_softplus(z) + z * sigmoid(z) / mpmath.cosh(mpmath.log1p(mpmath.exp(z))) ** 2,
    ),
    "softplus": (lambda z: mpmath.log1p(mpmath.exp(z)), sigmoid),
    "elu": (lambda z: z if z > 0 else mpmath.expm1(z), lambda z: mpmath.mpf(1) if z > 0 else mpmath.exp(z)),
    "selu": (
        lambda z: SELU_SCALE * z if z > 0 else SELU_NEGATIVE * mpmath.expm1(z),
        lambda z: SELU_SCALE if z > 0 else SELU_NEGATIVE * mpmath.exp(z),
    ),
    "sin": (mpmath.sin, mpmath.cos),
}
NAMES = tuple(EXACT)


@functools.cache
def points(dtype):
    """Where the functions bend, where they end, where the reduction of an exponent or an angle changes over."""
    info = np.finfo(dtype)
    rng = np.random.default_rng(16)
    lowest = 104 if dtype == np.float32 else 746
    z = np.concatenate(
        [
            np.linspace(-6, 6, 241),
            rng.uniform(-3, 0, 300),
            rng.uniform(-12, 12, 200),
            rng.uniform(-40, 40, 60),
            rng.uniform(-lowest - 12, -lowest + 25, 60),
            np.log(2) / 2 * np.arange(-12, 13),
            np.pi / 2 * np.arange(-12, 13),
            -np.geomspace(1e-12, 1, 30),
            [-1.0, -1.1924, -1.2784, -0.7518, -1.5, info.tiny, -info.tiny],
        ]
    )
    return np.unique(z.astype(dtype))


@functools.cache
def far_angles(dtype):
    """Around the limit of the fast reduction, far beyond it, and next to multiples of pi / 2."""
    rng = np.random.default_rng(17)
    limit = 8192.0 if dtype == np.float32 else 1048576.0
    greatest = float(np.log(np.finfo(dtype).max))
    z = np.concatenate(
        [
            rng.uniform(-limit, limit, 100),
            limit * np.array([1, -1, 1 + 1e-6, -1 - 1e-6]),
            np.pi / 2 * rng.integers(1, int(limit / 2), 100),
            np.exp(rng.uniform(9, greatest, 60)),
            [float(np.finfo(dtype).max)],
        ]
    )
    return np.unique(z.astype(dtype))


@functools.cache
def exact_and_bound(name, derivative, dtype):
    """What is exact at `points` (of sin at far_angles as well), and how far a result may be from that."""
    g = EXACT[name][derivative]
    eps, least = float(np.finfo(dtype).eps), float(np.finfo(dtype).smallest_subnormal)
    h = mpmath.mpf(10) ** -14
    z = np.concatenate([points(dtype), far_angles(dtype)]) if name == "sin" else points(dtype)
    rows = []
    for z_i in z:
        x = mpmath.mpf(float(z_i))
        exact = g(x)
        unit = mpmath.mpf(float(np.spacing(np.abs(dtype.type(float(exact))))))
        if name == "sin":
            bound = ULP * unit + eps**2 * abs(x)
        else:
            # one-sided: elu and selu have a kink, which counts with the side on which z is
            change = (g(x + h) - g(x)) / h if x > 0 else (g(x) - g(x - h)) / h
            bound = ULP * max(unit, eps / 2 * abs(x * change)) + SUBNORMALS * least
        rows.append((exact, bound))
    return z, rows


@pytest.mark.parametrize("derivative", [False, True], ids=["value", "slope"])
@pytest.mark.parametrize("name", NAMES)
def test_against_mpmath(build, name, derivative):
    z, rows = exact_and_bound(name, derivative, build.dtype)
    got = (slope if derivative else value)(build, name, z)
    for z_i, a, (exact, bound) in zip(z, got, rows, strict=True):
        assert abs(mpmath.mpf(float(a)) - exact) <= bound, (z_i, a, mpmath.nstr(exact, 20))


def test_special_values(build):
    info = np.finfo(build.dtype)
    inf, nan, top = np.inf, np.nan, info.max
    z = np.array([0.0, -0.0, inf, -inf, nan, top, -top], build.dtype)
    log_2, scale, negative = float(mpmath.log(2)), float(SELU_SCALE), float(SELU_NEGATIVE)
    to_zero = [0.0, -0.0, inf, -0.0, nan, top, -0.0]
    expected = {
        "silu": (to_zero, [0.5, 0.5, 1, 0, nan, 1, 0]),
        "gelu": (to_zero, [0.5, 0.5, 1, 0, nan, 1, 0]),
        "gelu_tanh": (to_zero, [0.5, 0.5, 1, 0, nan, 1, 0]),
        "mish": (to_zero, [0.6, 0.6, 1, 0, nan, 1, 0]),
        "softplus": ([log_2, log_2, inf, 0.0, nan, top, 0.0], [0.5, 0.5, 1, 0, nan, 1, 0]),
        "elu": ([0.0, -0.0, inf, -1, nan, top, -1], [1, 1, 1, 0, nan, 1, 0]),
        # As PyTorch has it, the derivative at 0 is that from the left; the greatest number times 1.05 is infinite.
        "selu": ([0.0, -0.0, inf, -negative, nan, inf, -negative], [negative, negative, scale, 0, nan, scale, 0]),
    }
    for name, (values, slopes) in expected.items():
        with np.errstate(over="ignore"):
            values, slopes = np.array(values, build.dtype), np.array(slopes, build.dtype)
        got = value(build, name, z)
        np.testing.assert_array_equal(got, values, err_msg=name)
        real = ~np.isnan(z)
        np.testing.assert_array_equal(np.signbit(got[real]), np.signbit(values[real]), err_msg=name)
        np.testing.assert_array_equal(slope(build, name, z), slopes, err_msg=name)
    got = value(build, "sin", z[:5])
    np.testing.assert_array_equal(got, np.array([0.0, -0.0, nan, nan, nan], build.dtype))
    np.testing.assert_array_equal(np.signbit(got[:2]), [False, True])
    np.testing.assert_array_equal(slope(build, "sin", z[:5]), np.array([1, 1, nan, nan, nan], build.dtype))


@pytest.mark.parametrize("name", NAMES)
def test_no_finite_argument_gives_nan(build, name):
    info = np.finfo(build.dtype)
    z = np.geomspace(float(info.tiny), float(info.max) / 2, 2001).astype(build.dtype)
    z = np.concatenate([z, -z, [info.max, -info.max]]).astype(build.dtype)
    assert not np.isnan(value(build, name, z)).any()
    assert np.isfinite(slope(build, name, z)).all()


@pytest.mark.parametrize("name", NAMES)
def test_smallest_arguments_keep_sign_and_size(build, name):
    least = np.finfo(build.dtype).smallest_subnormal
    z = least * np.array([1, 2, 3, 1000, 1 << 20], build.dtype)
    z = np.concatenate([z, -z])
    at_0 = float(EXACT[name][1](mpmath.mpf(float(least)))), float(EXACT[name][1](-mpmath.mpf(float(least))))
    got = value(build, name, z)
    if name == "softplus":
        np.testing.assert_array_equal(got, build.dtype.type(np.log(2)))
        return
    np.testing.assert_array_equal(np.signbit(got), np.signbit(z))
    linear = np.where(z > 0, at_0[0], at_0[1]) * z.astype(np.longdouble)
    assert (np.abs(got - linear) <= 2 * least + 3 * np.finfo(build.dtype).eps * np.abs(linear)).all()


@pytest.mark.parametrize("name", NAMES)
def test_a_result_depends_on_its_own_argument_alone(build, name):
    # Wherever it stands in a vector or in the rest after the last one, and whatever stands beside it: here an angle
    # that is left to the C library.
    z = np.random.default_rng(1).normal(0, 5, 701).astype(build.dtype)
    z[350] = 1e7
    values, slopes = value(build, name, z), slope(build, name, z)
    for first, last in [(0, 1), (17, 18), (349, 352), (3, 300), (600, 701)]:
        np.testing.assert_array_equal(value(build, name, z[first:last]), values[first:last])
        np.testing.assert_array_equal(slope(build, name, z[first:last]), slopes[first:last])
