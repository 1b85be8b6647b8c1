"""The tables of activations and losses: each row against its definition in mpmath, and against the other rows."""

import inspect
import itertools

import mpmath
import numpy as np
import pytest
import tolerances

import shallownet_c as sn
from shallownet_c.reference._activations import ACTIVATIONS
from shallownet_c.reference._losses import LOSSES

DIGITS = 300  # of 1e-100, differences of second order leave some
LEAK, LEAST = 0.125, mpmath.mpf(2) ** -1074


@pytest.fixture(autouse=True)
def digits():
    """mpmath's precision, which is one for all modules, for the time of a test."""
    with mpmath.workdps(DIGITS):
        yield


def softmax(z):
    e = [mpmath.exp(z_j) for z_j in z]
    return [e_j / sum(e) for e_j in e]


with mpmath.workdps(DIGITS):
    CUBE = mpmath.mpf("0.044715")
    LAMBDA, ALPHA = mpmath.mpf("1.0507009873554804934193349852946"), mpmath.mpf("1.6732632423543772848170429916717")
#: a = g(z), written as the field defines it.
DEFINED = {
    "identity": lambda z: z,
    "sigmoid": lambda z: 1 / (1 + mpmath.exp(-z)),
    "tanh": mpmath.tanh,
    "relu": lambda z: max(z, 0),
    "leaky_relu": lambda z: z if z > 0 else LEAK * z,
    "softmax": softmax,
    "exp": mpmath.exp,
    "silu": lambda z: z / (1 + mpmath.exp(-z)),
    "gelu": lambda z: z * mpmath.ncdf(z),
    "gelu_tanh": lambda z: z * (1 + mpmath.tanh(mpmath.sqrt(2 / mpmath.pi) * (z + CUBE * z**3))) / 2,
    "mish": lambda z: z * mpmath.tanh(mpmath.log1p(mpmath.exp(z))),
    "softplus": lambda z: mpmath.log1p(mpmath.exp(z)),
    "elu": lambda z: z if z > 0 else mpmath.exp(z) - 1,
    "selu": lambda z: LAMBDA * (z if z > 0 else ALPHA * (mpmath.exp(z) - 1)),
    "sin": mpmath.sin,
}

#: l(a, y), by the loss and, where that matters, the output.
DEFINED_LOSSES = {
    ("squared_error", None): lambda a, y: (a - y) ** 2 / 2,
    ("log_loss", "sigmoid"): lambda a, y: -(y * mpmath.log(a) + (1 - y) * mpmath.log(1 - a)),
    ("log_loss", "softmax"): lambda a, y: -y * mpmath.log(a),
    ("absolute_error", None): lambda a, y: abs(a - y),
    ("huber", None): lambda a, y, p: (a - y) ** 2 / 2 if abs(a - y) <= p else p * abs(a - y) - mpmath.mpf(p) ** 2 / 2,
    ("pinball", None): lambda a, y, q: q * (y - a) if a < y else (1 - mpmath.mpf(q)) * (a - y),
    ("poisson", "exp"): lambda a, y: a - y * mpmath.log(a),
    ("poisson", None): lambda a, y: mpmath.exp(a) - y * a,
    ("log_cosh", None): lambda a, y: mpmath.log(mpmath.cosh(a - y)),
}

ELEMENTWISE = [name for name, row in ACTIVATIONS.items() if row.elementwise]
FORMS = [(loss, output) for loss, row in LOSSES.items() for output in (*row.canonical, *([None] if row.form else []))]
SIZES = [1e-100, 1e-20, 1e-9, 1e-3, 0.1, 0.5, 0.9, 1.0, 1.1, 2.0, 3.0, 5.0, 9.0, 17.0, 30.0, 50.0, 100.0, 300.0, 700.0]
Z = np.array([sign * size for size in SIZES for sign in (1, -1)])


def test_every_row_is_defined_here():
    assert list(DEFINED) == list(ACTIVATIONS)
    assert set(DEFINED_LOSSES) == set(FORMS)


def check(numbers, array, exact, scales):
    """Both forms are the exact numbers, as far as rounding by those scales lets them."""
    eps = tolerances.REFERENCE_ROUNDINGS * np.finfo(float).eps
    for one, other, expected, scale in zip(numbers, array.tolist(), exact, scales, strict=True):
        allowed = eps * (abs(expected) + scale) + LEAST
        assert abs(one - expected) <= allowed, (one, expected)
        assert abs(other - expected) <= allowed, (other, expected)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_values_and_derivatives_of_activations(name):
    row = ACTIVATIONS[name]
    arguments = row.arguments(LEAK)
    points = [mpmath.mpf(z) for z in Z.tolist()]
    slopes = [mpmath.diff(DEFINED[name], z, h=abs(z) * mpmath.mpf(10) ** -12) for z in points]
    # A z that has been rounded: |z g'(z)|, and |z g''(z)|.
    steep = [abs(z * slope) for z, slope in zip(points, slopes, strict=True)]
    check([row.value(z, *arguments) for z in Z.tolist()], row.values(Z, *arguments), map(DEFINED[name], points), steep)
    bent = [abs(z * mpmath.diff(DEFINED[name], z, 2, h=abs(z) * mpmath.mpf(10) ** -12)) for z in points]
    # Where g' follows from a, as in a (1 - a), the rounding of a has the scale of 1.
    bent = [bend + (0 if row.needs_z else 1) for bend in bent]
    derivatives = [row.derivative(z, *arguments) for z in Z.tolist()]
    check(derivatives, row.derivatives(Z, *arguments), slopes, bent)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_activations_at_zero_infinity_and_nan(name):
    row = ACTIVATIONS[name]
    arguments = row.arguments(LEAK)
    ends = np.array([0.0, 1e300, -1e300, np.inf, -np.inf, np.nan])
    for function, functions in ((row.value, row.values), (row.derivative, row.derivatives)):
        numbers = [function(z, *arguments) for z in ends.tolist()]
        np.testing.assert_array_equal(functions(ends, *arguments), numbers)
    assert row.value(0.0, *arguments) == float(DEFINED[name](mpmath.mpf(0)))
    # To the left of a kink.
    slope = mpmath.diff(DEFINED[name], 0, direction=-1, h=mpmath.mpf(10) ** -30)
    assert row.derivative(0.0, *arguments) == pytest.approx(float(slope), rel=1e-15)
    assert np.isnan(row.value(np.nan, *arguments))


@pytest.mark.parametrize("name", [name for name, row in ACTIVATIONS.items() if row.hidden])
def test_rectifiers_let_about_half_of_the_mean_square_through(name):
    row = ACTIVATIONS[name]
    points, weights = np.polynomial.hermite_e.hermegauss(100)  # of a standard normal z
    share = (row.values(points, *row.arguments(LEAK)) ** 2 @ weights) / weights.sum()
    grows = row.value(30.0, *row.arguments(LEAK)) == pytest.approx(30.0)
    assert row.rectifier == bool(grows and 0.3 < share < 0.55), share


@pytest.mark.parametrize("name", [name for name, row in ACTIVATIONS.items() if not row.elementwise])
def test_activations_of_whole_rows(name):
    row = ACTIVATIONS[name]
    rows = np.array(list(itertools.product([-30.0, -1.0, 0.0, 0.5, 700.0], repeat=3)))
    expected = [DEFINED[name](z.tolist()) for z in rows]
    eps = tolerances.REFERENCE_ROUNDINGS * np.finfo(float).eps
    for a, z, exact in zip(row.values(rows), rows.tolist(), expected, strict=True):
        for one, other, a_j in zip(a.tolist(), row.value(z), exact, strict=True):
            # z_j - max z, which is as large as 730, is rounded before e is raised to it.
            assert abs(one - a_j) <= eps * a_j * 730 + LEAST
            assert abs(other - a_j) <= eps * a_j * 730 + LEAST
    assert row.derivative is row.derivatives is None
    assert not row.hidden


def form_and_points(loss, output):
    """A form, and outputs a with targets y that it takes."""
    row = LOSSES[loss]
    form = row.form if output is None else row.canonical[output]
    low, high = (0, 1) if output and ACTIVATIONS[output].probabilities else (0, 50) if output else (-50, 50)
    rng = np.random.default_rng(0)
    a = np.concatenate([rng.uniform(low, high, 40), rng.uniform(max(low, -2), min(high, 2), 40)])
    y = np.clip(np.concatenate([rng.uniform(-2, 60, 20), rng.uniform(0, 2, 50), np.ones(10)]), row.least, row.greatest)
    y[::9] = max(row.least, -1.0)
    return form, a, y


@pytest.mark.parametrize(("loss", "output"), FORMS, ids=str)
def test_values_and_derivatives_of_losses(loss, output):
    form, a, y = form_and_points(loss, output)
    row, parameter = LOSSES[loss], LOSSES[loss].parameter
    for value in (1.0, 0.7) if parameter else (None,):
        p = () if parameter is None else (value * parameter.default,)

        def defined(a, y=None, p=p):
            return DEFINED_LOSSES[loss, output](a, y, *p)

        pairs = [(mpmath.mpf(a_i), mpmath.mpf(y_i)) for a_i, y_i in zip(a.tolist(), y.tolist(), strict=True)]
        exact = [defined(*pair) for pair in pairs]
        slopes = [mpmath.diff(lambda t, y=y_i: defined(t, y), a_i, h=mpmath.mpf(10) ** -20) for a_i, y_i in pairs]
        curved = [mpmath.diff(lambda t, y=y_i: defined(t, y), a_i, 2, h=mpmath.mpf(10) ** -12) for a_i, y_i in pairs]
        # What rounding of a, of y, or of a sum of terms that cancel each other makes of l and of l'.
        sizes = [abs(a_i) + abs(y_i) for a_i, y_i in pairs]
        terms = [abs(defined(a_i, 0)) + abs(defined(a_i, 1)) if row.canonical else 0 for a_i, _ in pairs]
        ratios = [1 + abs(y_i) if row.canonical else 0 for _, y_i in pairs]
        steep = [abs(slope) * size + term * (1 + size) for slope, size, term in zip(slopes, sizes, terms, strict=True)]
        bent = [abs(bend) * size + ratio for bend, size, ratio in zip(curved, sizes, ratios, strict=True)]
        listed = list(zip(a.tolist(), y.tolist(), strict=True))
        check([form.value(*pair, *p) for pair in listed], form.values(a, y, *p), exact, steep)
        check([form.derivative(*pair, *p) for pair in listed], form.derivatives(a, y, *p), slopes, bent)


@pytest.mark.parametrize("loss", [name for name, row in LOSSES.items() if row.form and not row.logarithmic])
def test_right_outputs_have_no_slope(loss):
    form, parameter = LOSSES[loss].form, LOSSES[loss].parameter
    p = () if parameter is None else (parameter.default,)
    for y in (-1.5, 0.0, 3.0):
        assert form.value(y, y, *p) == form.derivative(y, y, *p) == 0
        assert form.derivatives(np.array([y]), np.array([y]), *p)[0] == 0


@pytest.mark.parametrize(("loss", "output"), [pair for pair in FORMS if pair[1] is not None], ids=str)
def test_of_canonical_outputs_dz_is_a_minus_y(loss, output):
    row, g = LOSSES[loss], ACTIVATIONS[output]
    rng = np.random.default_rng(1)
    z, y = rng.standard_normal((20, 3)), rng.random((20, 3))
    y /= y.sum(axis=1, keepdims=True)
    a = g.values(z)
    da = row.canonical[output].derivatives(a, y)
    dz = da * g.derivatives(z) if g.elementwise else a * (da - (a * da).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(dz, a - y, rtol=0, atol=1e-14)
    # And g undoes the link, which a network of constant outputs needs.
    np.testing.assert_allclose(g.values(g.link(y)), y, rtol=1e-14)


def test_usual_outputs_have_links():
    for row in LOSSES.values():
        assert row.takes(row.usual_output)
        assert all(ACTIVATIONS[output].link is not None for output in (*row.canonical, row.usual_output))


def test_the_greatest_slopes():
    z = np.linspace(-10, 10, 20_001)
    for name in ELEMENTWISE:
        row = ACTIVATIONS[name]
        greatest = np.abs(row.derivatives(z, *row.arguments(LEAK))).max()
        assert greatest <= row.steepest
        if 1 < row.steepest < np.inf:
            assert greatest > 0.99 * row.steepest, name


def test_kinks_are_where_a_derivative_jumps():
    h = 1e-6
    for name in ELEMENTWISE:
        row = ACTIVATIONS[name]
        arguments = row.arguments(LEAK)
        left, at, right = (row.derivative(z, *arguments) for z in (-h, 0.0, h))
        # |g''| is at most 2, and its change over h much smaller, unless it jumps.
        assert (abs((right - at) - (at - left)) > 0.1 * h) == row.kink, name


def test_parameters_are_those_of_a_network():
    arguments = inspect.signature(sn.MLP).parameters
    for row in LOSSES.values():
        if row.parameter is not None:
            assert arguments[row.parameter.name].default == row.parameter.default
            assert row.parameter.accepts(row.parameter.default)
    for row in ACTIVATIONS.values():
        assert row.parameter is None or row.parameter in arguments


@pytest.mark.parametrize("rows", [ACTIVATIONS, LOSSES], ids=["activations", "losses"])
def test_a_name_means_one_thing(rows):
    names = [name for row in rows.values() for name in {row.name, row.sklearn_name, *row.aliases.split()} - {""}]
    assert len(set(names)) == len(names)
    assert all(name == row.name for name, row in rows.items())


def test_what_scikit_learn_has():
    base = pytest.importorskip("sklearn.neural_network._base")
    ours = {row.sklearn_name or row.name for row in ACTIVATIONS.values() if row.in_sklearn}
    # Version 1.7 added the Poisson loss and with it the output exp.
    assert ours - {"exp"} == set(base.ACTIVATIONS) - {"exp"}
    ours = {row.sklearn_name or row.name for row in LOSSES.values() if row.in_sklearn}
    assert ours - {"poisson"} == set(base.LOSS_FUNCTIONS) - {"poisson", "binary_log_loss"}


@pytest.mark.parametrize("output", ACTIVATIONS)
@pytest.mark.parametrize("loss", LOSSES)
def test_a_pair_is_taken_or_refused(output, loss):
    if LOSSES[loss].takes(output):
        assert sn.MLP([2, 2], output=output, loss=loss).loss == loss
    else:
        with pytest.raises(ValueError, match=f"loss '{loss}' does not go with output '{output}': {loss} takes .*, and"):
            sn.MLP([2, 2], output=output, loss=loss)


def test_names_of_others_are_asked_about():
    for rows, argument in ((ACTIVATIONS, "output"), (LOSSES, "loss")):
        for row in rows.values():
            for other in (row.sklearn_name, *row.aliases.split()):
                if other:
                    with pytest.raises(ValueError, match=f"{argument} must be .* did you mean '{row.name}'"):
                        sn.MLP([2, 2], **{argument: other})
