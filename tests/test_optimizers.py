"""The optimizers as objects, and the steps of AdaMax, NAdam and RMSprop; those of SGD and Adam are in test_kernels."""

import copy
import pickle

import networks
import numpy as np
import pytest
import tolerances

import shallownet_c as sn
from shallownet_c import _core, optimizers, serialization

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
        *[(lambda kind=kind: kind(0), "learning_rate") for kind in (sn.AdaMax, sn.NAdam, sn.RMSprop)],
        *[(lambda kind=kind: kind(epsilon=0), "epsilon") for kind in (sn.AdaMax, sn.NAdam, sn.RMSprop)],
        *[(lambda kind=kind: kind(weight_decay=-1), "weight_decay") for kind in (sn.AdaMax, sn.NAdam, sn.RMSprop)],
        *[(lambda kind=kind: kind(beta_1=1), "beta_1") for kind in (sn.AdaMax, sn.NAdam)],
        *[(lambda kind=kind: kind(beta_2=-0.1), "beta_2") for kind in (sn.AdaMax, sn.NAdam)],
        (lambda: sn.NAdam(momentum_decay=-1e-3), "momentum_decay"),
        (lambda: sn.NAdam(momentum_decay=np.inf), "momentum_decay"),
        (lambda: sn.RMSprop(rho=1), "rho"),
        (lambda: sn.RMSprop(rho=-0.1), "rho"),
        (lambda: sn.RMSprop(momentum=1), "momentum"),
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
        (lambda: sn.AdaMax(beta_1="0.9"), "beta_1"),
        (lambda: sn.NAdam(momentum_decay=None), "momentum_decay"),
        (lambda: sn.RMSprop(rho=True), "rho"),
        (lambda: sn.RMSprop(centered=0.5), "centered"),
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


RULES = [
    sn.AdaMax(0.02),
    sn.AdaMax(0.02, beta_1=0.8, beta_2=0.9, epsilon=1e-3, weight_decay=0.1),
    sn.NAdam(0.02),
    sn.NAdam(0.02, beta_1=0.8, beta_2=0.9, epsilon=1e-3, momentum_decay=2.0, weight_decay=0.1),
    sn.RMSprop(0.005),
    sn.RMSprop(0.005, rho=0.9, epsilon=1e-3, centered=True, weight_decay=0.1),
    sn.RMSprop(0.005, rho=0.9, epsilon=1e-3, momentum=0.7),
    sn.RMSprop(0.005, rho=0.9, epsilon=1e-3, momentum=0.7, centered=True, weight_decay=0.1),
]


def new_rules():
    return [copy.deepcopy(rule) for rule in RULES]


def stepper(rule):
    """The rule in NumPy: a function of (w, g, α) that gives the next w, step after step."""
    t, m, v, mean, buffer, product = 0, 0.0, 0.0, 0.0, 0.0, 1.0

    def mu(t):
        return rule.beta_1 * (1 - 0.5 * 0.96 ** (t * rule.momentum_decay))

    def step(w, g, alpha):
        nonlocal t, m, v, mean, buffer, product
        t += 1
        w = (1 - alpha * rule.weight_decay) * w
        if isinstance(rule, sn.RMSprop):
            v = rule.rho * v + (1 - rule.rho) * g**2
            mean = rule.rho * mean + (1 - rule.rho) * g
            s = g / (np.sqrt(v - mean**2 if rule.centered else v) + rule.epsilon)
            buffer = rule.momentum * buffer + s
            return w - alpha * buffer
        m = rule.beta_1 * m + (1 - rule.beta_1) * g
        if isinstance(rule, sn.AdaMax):
            v = np.maximum(rule.beta_2 * v, np.abs(g) + rule.epsilon)
            return w - alpha / (1 - rule.beta_1**t) * m / v
        v = rule.beta_2 * v + (1 - rule.beta_2) * g**2
        product *= mu(t)
        step = (1 - mu(t)) / (1 - product) * g + mu(t + 1) / (1 - product * mu(t + 1)) * m
        return w - alpha * step / (np.sqrt(v / (1 - rule.beta_2**t)) + rule.epsilon)

    return step


def by_formula(net, rule, rates, batch, l2=0.0, l1=0.0, clip_norm=np.inf):
    """The parameters of a float64 twin after an epoch for each rate, with the gradient of `cost_and_grad`."""
    twin = sn.MLP(net.layer_sizes, net.activations[:-1], net.activations[-1], loss=net.loss, seed=0)
    twin.params[:] = net.params
    is_weight = np.concatenate(
        [part for W, b in zip(net.weights, net.biases, strict=True) for part in (np.ones(W.size), np.zeros(b.size))]
    )
    step = stepper(rule)
    for alpha in rates:
        for at in range(0, len(X), batch):
            rows = slice(at, at + batch)
            grad = twin.cost_and_grad(X[rows], Y[rows])[1]
            grad += is_weight * (l2 * twin.params + l1 * np.sign(twin.params)) / len(X[rows])
            grad *= min(1.0, clip_norm / np.linalg.norm(grad))
            twin.params[:] = step(twin.params.copy(), grad, alpha)
    return twin.params


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("settings", [{}, {"l2": 0.3}, {"l2": 0.3, "l1": 0.1, "clip_norm": 0.2}], ids=str)
@pytest.mark.parametrize("rule", new_rules(), ids=str)
def test_steps_of_the_formula(rule, settings, dtype):
    rule = copy.deepcopy(rule)
    net = sn.MLP([3, 4, 1], seed=0, dtype=dtype)
    expected = by_formula(net, rule, [rule.learning_rate] * 20, 13, **settings)
    net.fit(X, Y, optimizer=rule, epochs=20, batch_size=13, shuffle=False, **settings)
    assert rule.n_steps == 60
    networks.close(net.params, expected, tolerances.training(dtype, net.layer_sizes, 13, 60))


@pytest.mark.parametrize("schedule", ["cosine", "invscaling", lambda epoch: 0.01 / (1 + epoch % 3)])
@pytest.mark.parametrize("kind", [sn.AdaMax, sn.NAdam, sn.RMSprop])
def test_steps_of_the_formula_with_a_schedule(kind, schedule):
    net, rule = sn.MLP([3, 4, 1], seed=0), kind(0.01, schedule=schedule)
    rates = rule.rates(20, 0, 20)
    assert len(set(rates)) > 2
    expected = by_formula(net, rule, rates, 30)
    net.fit(X, Y, optimizer=rule, epochs=20)
    networks.close(net.params, expected, tolerances.training("float64", net.layer_sizes, 30, 20))


@pytest.mark.parametrize("rule", networks.rules(), ids=str)
@pytest.mark.parametrize(("sizes", "m", "batch"), [((40, 90, 20, 3), 601, 300), ((7, 12, 3), 5003, 5003)], ids=str)
def test_steps_by_any_number_of_threads(build, sizes, m, batch, rule):
    case = networks.make(sizes, ["tanh"] * (len(sizes) - 2), ("identity", "squared_error"), m, build.dtype)
    notes = build.kernels.records
    for l2, l1 in ((0.0, 0.0), (1e-3, 0.0), (1e-3, 1e-3)):
        results = set()
        for n_threads in (1, 2, 3, 4):
            notes[:] = 0  # a team begins
            done = networks.train(
                case.network(build.kernels), case.rows(), rule, 3, batch,
                rate=1e-3, penalties={"l2": l2, "l1": l1}, n_threads=n_threads,
            )  # fmt: skip
            results.add(done.bits)
        assert len(results) == 1
        assert done.params.tobytes() != case.params.tobytes()


#: μ that stays near half of β₁; one that is β₁ to the last bit after 9, 900 steps; one whose product lasts longest.
NADAMS = [
    {},
    {"momentum_decay": 0.0},
    {"momentum_decay": 100.0, "beta_1": 0.999},
    {"momentum_decay": 1.0, "beta_1": 0.995},
    {"momentum_decay": 0.3, "beta_1": 1 - 1e-12},
    {"beta_1": 0.0},
]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("make", [*[lambda a=a: sn.NAdam(**a) for a in NADAMS], sn.AdaMax,
                                  lambda: sn.RMSprop(momentum=0.9, centered=True)])  # fmt: skip
def test_parts_of_a_fit_end_at_the_bits_of_the_whole(make, dtype):
    whole, parts = (sn.MLP([3, 4, 1], seed=0, dtype=dtype) for _ in range(2))
    whole.fit(X, Y, optimizer=make(), epochs=1500)
    rule = make()
    for epochs in (1, 6, 2, 41, 350, 499, 2, 599):
        parts.fit(X, Y, optimizer=rule, epochs=epochs)
    assert rule.n_steps == 1500
    np.testing.assert_array_equal(parts.params, whole.params)


@pytest.mark.parametrize("settings", NADAMS, ids=str)
def test_the_product_of_the_momenta(settings):
    """The steps of a constant gradient, for as long as the product differs from 0 and beyond."""
    rule, g = sn.NAdam(1e-3, **settings), 0.1
    net = sn.MLP([1, 1], loss="pinball", quantile=1 - g, init="zeros")
    expected, step = np.zeros(2), stepper(rule)
    for epochs in (3, 30, 870, 300):
        for _ in range(epochs):
            expected = step(expected, np.array([0.0, g]), rule.learning_rate)
        net.fit([[0.0]], [-1e9], optimizer=rule, epochs=epochs)
        networks.close(net.params, expected, tolerances.training("float64", (1, 1), 1, rule.n_steps))


def test_any_number_of_steps_has_its_product_at_once(tmp_path):
    """A file may say any number, and a product of so many factors would take years."""
    rule = sn.NAdam(beta_1=1 - 1e-16, momentum_decay=1e-300)
    net, path = sn.MLP([3, 4, 1], seed=0), tmp_path / "fit"
    for decay in (1e-300, 0.3, 0.35, 1.0, 1e300):
        rule.momentum_decay = decay
        rule._step[0] = 2**61
        net.fit(X, Y, optimizer=rule, epochs=2, checkpoint=path)
        assert np.isfinite(sn.resume(path, X, Y).params).all()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("rule", new_rules(), ids=str)
def test_resumed_fit_is_the_uninterrupted_one(rule, dtype, tmp_path):
    def stop(epoch, *_):
        if epoch == 7:
            raise InterruptedError

    settings = {"epochs": 30, "batch_size": 7, "seed": 3, "l1": 0.01}
    whole, net, path = sn.MLP([3, 4, 1], seed=0, dtype=dtype), sn.MLP([3, 4, 1], seed=0, dtype=dtype), tmp_path / "fit"
    whole.fit(X, Y, optimizer=copy.deepcopy(rule), **settings)
    with pytest.raises(InterruptedError):
        net.fit(X, Y, optimizer=copy.deepcopy(rule), checkpoint=path, checkpoint_every=0, callback=stop, **settings)
    np.testing.assert_array_equal(sn.resume(path, X, Y).params, whole.params)


@pytest.mark.parametrize("name", [name for name in optimizers.OPTIMIZERS if name not in ("sgd", "lbfgs")])
def test_negative_squares_in_a_checkpoint_are_refused(name, tmp_path):
    path, kind = tmp_path / "fit", optimizers.OPTIMIZERS[name]
    sn.MLP([3, 4, 1], seed=0).fit(X, Y, optimizer=name, epochs=2, checkpoint=path)
    tensors, metadata = serialization.read(path)
    state = tensors["optimizer.state"]
    for row in range(len(state)):
        edited = state.copy()
        edited[row, 3] = -1.0
        serialization.write(path, tensors | {"optimizer.state": edited}, metadata)
        if row in kind.nonnegative:
            with pytest.raises(ValueError, match=r"'optimizer.state' must not hold NaN, nor negative"):
                sn.resume(path, X, Y)
        else:
            sn.resume(path, X, Y)


@pytest.mark.parametrize("kind", [sn.AdaMax, sn.NAdam, sn.RMSprop])
def test_parameters_without_gradient_stay(kind):
    X0 = X * [1, 0, 1]
    for dtype in ("float32", "float64"):
        tiny = float(np.finfo(dtype).tiny)
        net = sn.MLP([3, 4, 1], dtype=dtype, seed=0)
        before = net.weights[0][:, 1].copy()
        with pytest.raises(ValueError, match=rf"epsilon must be at least .*{dtype}"):
            net.fit(X0, Y, optimizer=kind(epsilon=tiny / 8), epochs=3)
        net.fit(X0, Y, optimizer=kind(epsilon=2 * tiny), epochs=3)
        assert np.isfinite(net.params).all()
        np.testing.assert_array_equal(net.weights[0][:, 1], before)


def test_variance_that_rounds_below_zero():
    """A gradient that stays: v − ḡ² is rounding, of either sign."""
    for dtype in ("float32", "float64"):
        net = sn.MLP([1, 8], loss="pinball", quantile=0.3, init="zeros", dtype=dtype)
        rule = sn.RMSprop(1e-4, rho=0.5, epsilon=0.1, centered=True)
        net.fit(np.zeros((1, 1)), np.full((1, 8), -1e9), optimizer=rule, epochs=200)
        assert np.isfinite(net.params).all()
        variance = rule._state[0].astype(float) - rule._state[1].astype(float) ** 2
        assert np.abs(variance).max() < 1e-6
        assert (net.biases[0] < 0).all()


def test_state_of_as_many_rows_as_the_rule_needs():
    for rule, rows in (
        (sn.RMSprop(), 1),
        (sn.RMSprop(momentum=0.5), 2),
        (sn.RMSprop(centered=True), 2),
        (sn.RMSprop(momentum=0.5, centered=True), 3),
        (sn.AdaMax(), 2),
        (sn.NAdam(), 2),
    ):
        assert rule.state(5, np.dtype("float32")).shape == (rows, 5)


def test_a_state_is_not_taken_for_another_of_the_same_shape():
    """A velocity as the mean of the gradients: nothing would say so."""
    net, rule = sn.MLP([3, 4, 1], seed=0), sn.RMSprop(momentum=0.9)
    net.fit(X, Y, optimizer=rule, epochs=2)
    rule.momentum, rule.centered = 0.0, True
    before = net.params.copy()
    message = "the state of another fit, mean square, velocity, where this one needs mean square, mean: make a new one"
    for other in (rule, copy.deepcopy(rule), pickle.loads(pickle.dumps(rule))):
        for refused in (
            lambda other=other: net.fit(X, Y, optimizer=other, epochs=1),
            lambda other=other: other.step(net, np.ones(net.n_params), 1.0),
        ):
            with pytest.raises(ValueError, match=message):
                refused()
    assert rule.n_steps == 2
    np.testing.assert_array_equal(net.params, before)
    rule.reset()
    net.fit(X, Y, optimizer=rule, epochs=1)
    rule.momentum, rule.centered = 0.5, False
    with pytest.raises(ValueError, match="the state of another fit, mean square, mean, where this one needs mean"):
        net.fit(X, Y, optimizer=rule, epochs=1)
    rule.momentum, rule.centered = 0.0, True
    net.fit(X, Y, optimizer=rule, epochs=1)
    assert rule.n_steps == 2


def test_hyper_parameters_are_checked_whichever_optimizer_has_them():
    """Out of its range, of another type, no number: each is refused by its name, as an argument and as an attribute."""
    for kind in optimizers.OPTIMIZERS.values():
        for name in kind.names:
            for bad in (-1, "0.5", np.nan):
                with pytest.raises((TypeError, ValueError), match=rf"^{name} must be "):
                    kind(**{name: bad})
                rule = kind()
                setattr(rule, name, bad)
                with pytest.raises((TypeError, ValueError), match=rf"^{name} must be "):
                    rule.hyper_parameters()
        assert (kind.__module__, kind.__mro__[1].__module__) == ("shallownet_c.optimizers",) * 2
    assert optimizers.Optimizer is sn.SGD.__mro__[1]


def test_names_are_those_of_the_classes():
    assert {name: kind.__name__.lower() for name, kind in optimizers.OPTIMIZERS.items()} == {
        name: name for name in optimizers.OPTIMIZERS
    }
    exported = {"Optimizer", *(kind.__name__ for kind in optimizers.OPTIMIZERS.values())}
    assert exported == set(optimizers.__all__) <= set(sn.__all__)
    for name, kind in optimizers.OPTIMIZERS.items():
        assert getattr(sn, kind.__name__) is kind
        assert type(optimizers.optimizer(name)) is kind
    with pytest.raises(ValueError, match=r"did you mean 'rmsprop'\?$"):
        sn.MLP([3, 1]).fit(X, Y, optimizer="RMSProp")
    with pytest.raises(TypeError, match=r"or an object of SGD, Adam, RPROP, AdaMax, NAdam, RMSprop or LBFGS, got 3"):
        sn.MLP([3, 1]).fit(X, Y, optimizer=3)


def test_a_rule_that_is_not_known_does_nothing(build):
    case = networks.make((3, 4, 1), ["tanh"], ("identity", "squared_error"), 9, build.dtype)
    for code in (sn.LBFGS.code, 99, -2):  # SciPy runs the first
        params, state = case.params, np.zeros((2, len(case.params)), build.dtype)
        rule = _core.Rule(code, np.full(6, 0.5), state, np.zeros(1, np.int64), l2=0.1)
        net, cost = case.network(build.kernels, params), np.full(3, np.nan)
        _core.train(net, case.rows(), rule, _core.Run(9), None, np.full(3, 0.1), cost)
        np.testing.assert_array_equal(params, case.params)
        np.testing.assert_array_equal(state, 0)
