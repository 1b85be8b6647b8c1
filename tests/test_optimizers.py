"""The optimizers as objects; their steps are checked against the update rules in test_kernels."""

import copy
import pickle

import numpy as np
import pytest

import shallownet_c as sn

X = np.random.default_rng(0).standard_normal((30, 3))
Y = X @ [1.0, -2.0, 0.5]


@pytest.mark.parametrize("make", [lambda: sn.SGD(0.1), lambda: sn.SGD(0.1, 0.9, True), lambda: sn.Adam(0.01)])
def test_fitting_twice_goes_on(make):
    whole, halves, restarted = (sn.MLP([3, 4, 1], seed=0) for _ in range(3))
    whole.fit(X, Y, optimizer=make(), epochs=20)
    optimizer = make()
    halves.fit(X, Y, optimizer=optimizer, epochs=7)
    assert optimizer.n_steps == 7
    halves.fit(X, Y, optimizer=optimizer, epochs=13)
    assert optimizer.n_steps == 20
    np.testing.assert_array_equal(whole.params, halves.params)
    optimizer = make()
    restarted.fit(X, Y, optimizer=optimizer, epochs=7)
    optimizer.reset()
    assert optimizer.n_steps == 0
    restarted.fit(X, Y, optimizer=optimizer, epochs=13)
    if not (isinstance(optimizer, sn.SGD) and optimizer.momentum == 0):
        assert (whole.params != restarted.params).any()


def test_copies_carry_the_state():
    adam = sn.Adam(0.01)
    net = sn.MLP([3, 4, 1], seed=0)
    net.fit(X, Y, optimizer=adam, epochs=5)
    for again in (copy.copy(adam), copy.deepcopy(adam), pickle.loads(pickle.dumps(adam))):
        assert again.n_steps == 5
        a, b = net.copy(), net.copy()
        a.fit(X, Y, optimizer=again, epochs=5)
        b.fit(X, Y, optimizer=copy.deepcopy(adam), epochs=5)
        np.testing.assert_array_equal(a.params, b.params)
    assert adam.n_steps == 5


def test_names_start_afresh():
    by_name, by_object = sn.MLP([3, 4, 1], seed=0), sn.MLP([3, 4, 1], seed=0)
    for _ in range(2):
        by_name.fit(X, Y, optimizer="adam", epochs=5)
        by_object.fit(X, Y, optimizer=sn.Adam(), epochs=5)
    np.testing.assert_array_equal(by_name.params, by_object.params)


def test_state_of_another_network_is_refused():
    adam = sn.Adam()
    sn.MLP([3, 4, 1]).fit(X, Y, optimizer=adam, epochs=1)
    for net in (sn.MLP([3, 5, 1], seed=0), sn.MLP([3, 4, 1], seed=0, dtype="float32")):
        before = net.params.copy()
        with pytest.raises(ValueError, match=r"optimizer .*reset\(\)"):
            net.fit(X, Y, optimizer=adam, epochs=1)
        np.testing.assert_array_equal(net.params, before)
        assert adam.n_steps == 1


def test_epsilon_that_float32_cannot_hold():
    # 0 / 0 otherwise, for a column of zeros
    X0, adam = X * [1, 0, 1], sn.Adam(epsilon=1e-50)
    net = sn.MLP([3, 4, 1], dtype="float32", seed=0)
    before = net.params.copy()
    with pytest.raises(ValueError, match=r"epsilon.*float32"):
        net.fit(X0, Y, optimizer=adam, epochs=3)
    np.testing.assert_array_equal(net.params, before)
    net.fit(X0, Y, optimizer=sn.Adam(epsilon=2e-38), epochs=3)
    assert np.isfinite(net.params).all()


def test_attributes_can_be_set_between_fits_and_are_checked():
    sgd = sn.SGD(0.1)
    net = sn.MLP([3, 4, 1], seed=0)
    net.fit(X, Y, optimizer=sgd, epochs=1)
    sgd.learning_rate = -1
    with pytest.raises(ValueError, match="learning_rate"):
        net.fit(X, Y, optimizer=sgd, epochs=1)


def test_repr():
    assert repr(sn.Adam(0.01)) == "Adam(learning_rate=0.01, beta_1=0.9, beta_2=0.999, epsilon=1e-08, weight_decay=0.0)"
    assert repr(sn.SGD(1, 0.9, True)) == "SGD(learning_rate=1.0, momentum=0.9, nesterov=True)"


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: sn.SGD(0), "learning_rate"),
        (lambda: sn.SGD(-0.1), "learning_rate"),
        (lambda: sn.SGD(np.nan), "learning_rate"),
        (lambda: sn.SGD(np.inf), "learning_rate"),
        (lambda: sn.SGD(0.1, momentum=1), "momentum"),
        (lambda: sn.SGD(0.1, momentum=-0.1), "momentum"),
        (lambda: sn.SGD(0.1, nesterov=True), "nesterov"),
        (lambda: sn.Adam(0), "learning_rate"),
        (lambda: sn.Adam(beta_1=1), "beta_1"),
        (lambda: sn.Adam(beta_2=-0.1), "beta_2"),
        (lambda: sn.Adam(epsilon=0), "epsilon"),
        (lambda: sn.Adam(weight_decay=-1), "weight_decay"),
    ],
)
def test_values_out_of_range(make, name):
    with pytest.raises(ValueError, match=name):
        make()


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: sn.SGD("fast"), "learning_rate"),
        (lambda: sn.SGD(None), "learning_rate"),
        (lambda: sn.SGD(True), "learning_rate"),
        (lambda: sn.SGD(0.1, 0.9, "yes"), "nesterov"),
        (lambda: sn.Adam(1j), "learning_rate"),
        (lambda: sn.Adam(epsilon=[1]), "epsilon"),
    ],
)
def test_values_of_another_type(make, name):
    with pytest.raises(TypeError, match=name):
        make()


def test_a_refused_optimizer_leaves_its_schedule_alone():
    schedule = sn.schedules.Adaptive(patience=1)
    for cost in (1.0, 1.0):
        schedule.watch(cost)
    before = vars(schedule).copy()
    for make in (lambda: sn.SGD(-1, schedule=schedule), lambda: sn.Adam(epsilon=0, schedule=schedule)):
        with pytest.raises(ValueError, match="must be > 0"):
            make()
    assert vars(schedule) == before


@pytest.mark.parametrize("schedule", [sn.schedules.InverseScaling(1e308), sn.schedules.Cosine(epochs=3)])
def test_rates_that_vanish(schedule):
    with np.errstate(all="raise"):
        rates = schedule.rates(5e-324, 0, 4, 0, 4)
        np.testing.assert_array_equal(rates[1:] <= 5e-324, True)
        np.testing.assert_array_equal(schedule.rates(1.0, 3, 2, 0, 9), [0, 0])
    net = sn.MLP([3, 4, 1], seed=0)
    assert len(net.fit(X, Y, optimizer=sn.SGD(0.1, schedule=schedule), epochs=5).cost) == 5
    assert np.isfinite(net.params).all()


def test_rates_near_the_greatest_number():
    least, most = 1.6e308, 1.7e308
    np.testing.assert_allclose(sn.schedules.Cosine(least=least).rates(most, 0, 2, 0, 2), [most, 1.65e308])
    np.testing.assert_allclose(sn.schedules.Cosine(least=most).rates(1.0, 0, 2, 0, 2), [0, most / 2], atol=1e292)


@pytest.mark.parametrize(
    ("schedule", "name", "value"),
    [
        (sn.schedules.InverseScaling(), "power", "x"),
        (sn.schedules.Cosine(), "epochs", 10**400),
        (sn.schedules.Cosine(), "least", np.nan),
        (sn.schedules.Adaptive(), "patience", 0),
        (sn.schedules.Adaptive(), "factor", 1),
        (sn.schedules.Adaptive(), "tol", None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_settings_of_schedules_can_be_set_and_are_checked(schedule, name, value):
    setattr(schedule, name, value)
    net = sn.MLP([3, 4, 1], seed=0)
    before = net.params.copy()
    with pytest.raises((ValueError, TypeError), match=name):
        net.fit(X, Y, optimizer=sn.SGD(0.1, schedule=schedule), epochs=3)
    np.testing.assert_array_equal(net.params, before)
    assert net.history is None


def test_tolerances_of_lbfgs():
    net = sn.MLP([3, 4, 1], seed=0)
    assert net.fit(X, Y, optimizer=sn.LBFGS(ftol=1e308), epochs=9).n_epochs == 1
    with pytest.raises(ValueError, match="history_size must be at most 100000000"):
        sn.LBFGS(history_size=10**9)


def test_epsilon_that_is_nothing_when_corrected():
    net = sn.MLP([3, 4, 1], dtype="float32", seed=0)
    with pytest.raises(ValueError, match=r"epsilon must be at least .*float32"):
        net.fit(X, Y, optimizer=sn.Adam(epsilon=2e-38, beta_2=1 - 1e-16), epochs=3)
    net.fit(X * [1, 0, 1], Y, optimizer=sn.Adam(epsilon=1e-8, beta_2=1 - 1e-16), epochs=3)
    assert np.isfinite(net.params).all()


@pytest.mark.parametrize(
    ("rates", "error"),
    [
        (lambda n: None, TypeError),
        (lambda n: 0.1, ValueError),
        (lambda n: np.full(n - 1, 0.1), ValueError),
        (lambda n: np.full((n, 2), 0.1), ValueError),
        (lambda n: np.full(n, np.nan), ValueError),
        (lambda n: np.full(n, np.inf), ValueError),
        (lambda n: np.full(n, -0.1), ValueError),
        (lambda n: ["0.1"] * n, TypeError),
        (lambda n: np.ma.masked_all(n), ValueError),
    ],
)
def test_rates_of_a_schedule_of_the_callers(rates, error):
    class Own(sn.schedules.Schedule):
        def rates(self, alpha, first, n, began, epochs):
            return rates(n)

    net = sn.MLP([3, 4, 1], seed=0)
    before = net.params.copy()
    with pytest.raises(error, match="the rates of schedule must"):
        net.fit(X, Y, optimizer=sn.SGD(0.1, schedule=Own()), epochs=3)
    np.testing.assert_array_equal(net.params, before)


@pytest.mark.parametrize("make", [list, np.float32, lambda x: np.array(x, ">f8"), lambda x: np.repeat(x, 2)[::2]])
def test_rates_of_any_type_and_layout(make):
    class Own(sn.schedules.Schedule):
        def rates(self, alpha, first, n, began, epochs):
            return make([0.5] * n)

    own, constant = sn.MLP([3, 4, 1], seed=0), sn.MLP([3, 4, 1], seed=0)
    own.fit(X, Y, optimizer=sn.SGD(0.1, schedule=Own()), epochs=30)
    constant.fit(X, Y, optimizer=sn.SGD(0.5), epochs=30)
    np.testing.assert_array_equal(own.params, constant.params)
